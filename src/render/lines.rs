//! A rollout where there is no terminal: plain lines, each fact once, as it becomes known.
use super::rollout::{name, stopped, vrrp};
use super::text::{Look, duration};
use crate::core::{DatabaseRole, RowState};
use crate::wire::{Rollout, Row, Status};
use crate::words::{Lang, heard};
use unicode_width::UnicodeWidthStr;

/// What `now` says that `before` (None: nothing was known) did not.
pub(crate) fn lines(before: Option<&Status>, now: &Status, look: &Look) -> Vec<String> {
    let (mut facts, lang) = (Vec::new(), look.lang);
    let old = before.and_then(|s| s.rollout.as_ref());
    if let Some(r) = &now.rollout {
        let old = old.filter(|old| old.id == r.id);
        if old.is_none() {
            let name = name(r, look);
            facts.push(say!(lang, "{}; {} first, then {}", name, r.first, r.second));
        }
        rows(old, r, lang, &mut facts);
    }
    nodes(before, now, lang, &mut facts);
    if let Some(r) = &now.rollout {
        stops(old.filter(|old| old.id == r.id), r, look, &mut facts);
    }
    let elapsed = now.rollout.as_ref().map_or(0, |r| r.elapsed_ms);
    let elapsed = duration(lang, elapsed);
    let pad = " ".repeat(6_usize.saturating_sub(elapsed.width()));
    let at = format!("[{pad}{elapsed}]");
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

fn rows(old: Option<&Rollout>, r: &Rollout, lang: Lang, facts: &mut Vec<String>) {
    for (n, row) in r.rows.iter().enumerate() {
        let was = old
            .and_then(|old| old.rows.get(n))
            .and_then(|row| row.state);
        let (Some(state), true) = (row.state, row.state != was) else {
            continue;
        };
        facts.push(format!(
            "{} {} {}",
            row.node,
            row.step,
            said(row, state, lang)
        ));
    }
}

fn said(row: &Row, state: RowState, lang: Lang) -> String {
    let took = row.elapsed_ms.map(|ms| duration(lang, ms));
    let took = took.unwrap_or_default();
    let problem = row.problem.as_ref().map(|p| heard(lang, &p.what));
    match (state, problem) {
        (RowState::Started, _) => {
            let (about, limit) = (heard(lang, &row.about), duration(lang, row.limit_ms));
            say!(lang, "begins: {} (at most {})", about, limit)
        }
        (RowState::Done, _) if row.note.is_empty() => say!(lang, "done in {}", took),
        (RowState::Done, _) => say!(lang, "done in {}: {}", took, heard(lang, &row.note)),
        (RowState::Failed, None) => say!(lang, "FAILED after {}", took),
        (RowState::Failed, Some(what)) => say!(lang, "FAILED after {}: {}", took, what),
        (RowState::Undoing, _) => say!(lang, "is taken back"),
        (RowState::Undone, _) => say!(lang, "taken back"),
        (RowState::UndoFailed, None) => say!(lang, "could NOT be taken back"),
        (RowState::UndoFailed, Some(what)) => say!(lang, "could NOT be taken back: {}", what),
    }
}

fn nodes(before: Option<&Status>, now: &Status, lang: Lang, facts: &mut Vec<String>) {
    let Some(before) = before else { return };
    if before.peer.reachable != now.peer.reachable {
        facts.push(if now.peer.reachable {
            say!(lang, "{} answers again", now.peer.name)
        } else {
            say!(lang, "{} cannot be reached", now.peer.name)
        });
    }
    for (name, node) in &now.nodes {
        let Some(was) = before.nodes.get(name) else {
            continue;
        };
        if was.vrrp != node.vrrp {
            facts.push(say!(lang, "{} is {}", name, vrrp(node.vrrp, lang)));
        }
        if was.has_vip != node.has_vip {
            facts.push(if node.has_vip {
                say!(lang, "{} holds the VIP", name)
            } else {
                say!(lang, "{} gave the VIP away", name)
            });
        }
        if was.database != node.database && node.database == DatabaseRole::Primary {
            facts.push(say!(lang, "{} is primary", name));
        }
        for (service, state) in &node.services {
            let was_up = was.services.get(service).is_some_and(|s| s.active);
            if was_up != state.active {
                facts.push(if state.active {
                    say!(lang, "{} {} is up", name, service)
                } else {
                    say!(lang, "{} {} is down", name, service)
                });
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
        let (what, remedy) = stopped(by, look.lang);
        facts.push(say!(look.lang, "stopped: {}", what));
        if !remedy.is_empty() {
            facts.push(format!("  {} {remedy}", look.arrow()));
        }
    }
}
