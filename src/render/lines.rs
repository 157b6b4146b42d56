//! A rollout where there is no terminal: plain lines, each fact once, as it becomes known.
use super::rollout::{name, stopped, vrrp};
use super::text::{Look, duration};
use crate::core::{DatabaseRole, RowState};
use crate::wire::{Rollout, Row, Status};

/// What `now` says that `before` (None: nothing was known) did not.
pub(crate) fn lines(before: Option<&Status>, now: &Status, look: &Look) -> Vec<String> {
    let mut facts = Vec::new();
    let old = before.and_then(|s| s.rollout.as_ref());
    if let Some(r) = &now.rollout {
        let old = old.filter(|old| old.id == r.id);
        if old.is_none() {
            facts.push(format!(
                "{}; {} first, then {}",
                name(r, look),
                r.first,
                r.second
            ));
        }
        rows(old, r, &mut facts);
    }
    nodes(before, now, &mut facts);
    if let Some(r) = &now.rollout {
        stops(old.filter(|old| old.id == r.id), r, look, &mut facts);
    }
    let elapsed = now.rollout.as_ref().map_or(0, |r| r.elapsed_ms);
    let at = format!("[{:>6}]", duration(elapsed));
    facts
        .into_iter()
        .map(|fact| format!("{at} {fact}"))
        .collect()
}

/// Do both say the same, apart from the clock?
pub(crate) fn same(a: &Status, b: &Status) -> bool {
    timeless(a) == timeless(b)
}

fn timeless(s: &Status) -> Status {
    let mut s = s.clone();
    if s.peer.reachable {
        s.peer.last_heard_ms = None;
    } else {
        s.peer.last_heard_ms = s.peer.last_heard_ms.map(|_| 0);
    }
    if let Some(r) = &mut s.rollout {
        r.elapsed_ms = 0;
        let open =
            |row: &&mut Row| matches!(row.state, Some(RowState::Started | RowState::Undoing));
        r.rows
            .iter_mut()
            .filter(open)
            .for_each(|row| row.elapsed_ms = None);
    }
    s
}

fn rows(old: Option<&Rollout>, r: &Rollout, facts: &mut Vec<String>) {
    for (n, row) in r.rows.iter().enumerate() {
        let was = old
            .and_then(|old| old.rows.get(n))
            .and_then(|row| row.state);
        let (Some(state), true) = (row.state, row.state != was) else {
            continue;
        };
        let took = row.elapsed_ms.map(duration).unwrap_or_default();
        let says = match state {
            RowState::Started => {
                format!("begins: {} (at most {})", row.about, duration(row.limit_ms))
            }
            RowState::Done if row.note.is_empty() => format!("done in {took}"),
            RowState::Done => format!("done in {took}: {}", row.note),
            RowState::Failed => format!("FAILED after {took}{}", problem(row)),
            RowState::Undoing => "is taken back".to_owned(),
            RowState::Undone => "taken back".to_owned(),
            RowState::UndoFailed => format!("could NOT be taken back{}", problem(row)),
        };
        facts.push(format!("{} {} {says}", row.node, row.step));
    }
}

fn problem(row: &Row) -> String {
    row.problem
        .as_ref()
        .map(|p| format!(": {}", p.what))
        .unwrap_or_default()
}

fn nodes(before: Option<&Status>, now: &Status, facts: &mut Vec<String>) {
    let Some(before) = before else { return };
    if before.peer.reachable != now.peer.reachable {
        let word = if now.peer.reachable {
            "answers again"
        } else {
            "cannot be reached"
        };
        facts.push(format!("{} {word}", now.peer.name));
    }
    for (name, node) in &now.nodes {
        let Some(was) = before.nodes.get(name) else {
            continue;
        };
        if was.vrrp != node.vrrp {
            facts.push(format!("{name} is {}", vrrp(node.vrrp)));
        }
        if was.has_vip != node.has_vip {
            let word = if node.has_vip {
                "holds the VIP"
            } else {
                "gave the VIP away"
            };
            facts.push(format!("{name} {word}"));
        }
        if was.database != node.database && node.database == DatabaseRole::Primary {
            facts.push(format!("{name} is primary"));
        }
        for (service, state) in &node.services {
            let was_up = was.services.get(service).is_some_and(|s| s.active);
            if was_up != state.active {
                let word = if state.active { "up" } else { "down" };
                facts.push(format!("{name} {service} is {word}"));
            }
        }
    }
}

fn stops(old: Option<&Rollout>, r: &Rollout, look: &Look, facts: &mut Vec<String>) {
    if r.result.is_some() {
        // The summary says it.
        return;
    }
    if let Some(by) = r
        .stopped_by
        .as_ref()
        .filter(|_| old.is_none_or(|old| old.stopped_by != r.stopped_by))
    {
        let (what, remedy) = stopped(by);
        facts.push(format!("stopped: {what}"));
        if !remedy.is_empty() {
            facts.push(format!("  {} {remedy}", look.arrow()));
        }
    }
}
