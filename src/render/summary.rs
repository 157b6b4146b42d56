//! The last word on a rollout: result, what moved, how long each phase took, what to do.
use super::rollout::{name, phases, span, stopped};
use super::text::{Cell, Look, Mark, Tone, cell, downtime, duration, hang, plain, table};
use crate::core::{Closed, DatabaseRole, RowState};
use crate::wire::{Node, Outcome, Rollout, Row, Status, Stopped};

/// `before` is what the pair looked like when the rollout was asked for, if that was seen.
pub(crate) fn summary(before: Option<&Status>, now: &Status, r: &Rollout, look: &Look) -> String {
    let (tone, mark, word) = headline(r);
    let took = duration(r.elapsed_ms);
    let head = format!("{} {} {word} {took}", look.mark(mark), name(r, look));
    let mut out = format!("{}\n", look.paint(tone, &head));
    out.push_str(&stops(r, look));
    out.push('\n');
    out.push_str(&table(look, 2, &moved(before, now, r, look)));
    let rows: Vec<Vec<Cell>> = std::iter::once(vec![
        cell(Tone::Faint, "phase"),
        cell(Tone::Faint, "took"),
        cell(Tone::Faint, &r.first),
        cell(Tone::Faint, &r.second),
    ])
    .chain(phases(&r.rows).filter_map(|(name, rows)| phase(name, rows, r, look)))
    .collect();
    if rows.len() > 1 {
        out.push('\n');
        out.push_str(&table(look, 2, &rows));
    }
    out
}

fn headline(r: &Rollout) -> (Tone, Mark, &'static str) {
    match (r.result, &r.stopped_by) {
        (Some(Outcome::Succeeded), _) => (Tone::Good, Mark::Done, "succeeded in"),
        (
            Some(Outcome::Halted),
            Some(Stopped::Gate {
                closed: Closed::StopAsked,
                ..
            }),
        )
        | (
            None,
            Some(Stopped::Gate {
                closed: Closed::StopAsked,
                ..
            }),
        ) => (Tone::Good, Mark::Done, "waits, as asked, after"),
        (Some(Outcome::Halted), _) => (Tone::Bad, Mark::Failed, "HALTED after"),
        (Some(Outcome::RolledBack), _) => (Tone::Warn, Mark::Back, "was rolled back after"),
        (Some(Outcome::Failed), _) => (Tone::Warn, Mark::Back, "was given up after"),
        (Some(Outcome::Refused), _) => (Tone::Bad, Mark::Failed, "was refused after"),
        (None, _) => (Tone::Live, Mark::Runs, "goes on, for"),
    }
}

fn stops(r: &Rollout, look: &Look) -> String {
    let mut out = String::new();
    let mut say = |first: &str, text: &str| {
        out.push_str(&hang(first, text, look.width));
        out.push('\n');
    };
    if r.result != Some(Outcome::Succeeded)
        && let Some((what, remedy)) = r.stopped_by.as_ref().map(stopped)
    {
        say("  ", &what);
        if !remedy.is_empty() {
            say(&format!("  {} ", look.arrow()), &remedy);
        }
    }
    if !r.next.is_empty() {
        say("  next: ", &r.next);
    }
    out
}

fn moved(before: Option<&Status>, now: &Status, r: &Rollout, look: &Look) -> Vec<Vec<Cell>> {
    let holder = |s: &Status, is: fn(&Node) -> bool| {
        let found: Vec<&str> = s
            .nodes
            .iter()
            .filter(|(_, n)| is(n))
            .map(|(k, _)| k.as_str())
            .collect();
        if found.is_empty() {
            "nobody".to_owned()
        } else {
            found.join(" and ")
        }
    };
    let has_vip: fn(&Node) -> bool = |n| n.has_vip;
    let is_primary: fn(&Node) -> bool = |n| n.database == DatabaseRole::Primary;
    let change = |from: String, to: String| {
        if from == to {
            to
        } else {
            format!("{from} {} {to}", look.arrow())
        }
    };
    let row = |label: &str, text: String| vec![cell(Tone::Faint, label), plain(text)];
    // The second node is the one that was MASTER when the plan was made.
    let vip_before = before.map_or(r.second.clone(), |s| holder(s, has_vip));
    let mut rows = vec![row("VIP", change(vip_before, holder(now, has_vip)))];
    if now.nodes.values().any(|n| n.database != DatabaseRole::None) {
        let primary = holder(now, is_primary);
        let primary_before = before.map_or(primary.clone(), |s| holder(s, is_primary));
        rows.push(row("primary", change(primary_before, primary)));
    }
    let version = |s: &Status, name: &str| s.nodes.get(name).and_then(|n| n.version.clone());
    for name in [&r.first, &r.second] {
        let now = version(now, name).unwrap_or("unknown".to_owned());
        let was = before.and_then(|s| version(s, name)).unwrap_or(now.clone());
        rows.push(row(&format!("version {name}"), change(was, now)));
    }
    if let Some(ms) = r.downtime_ms {
        rows.push(row("downtime", downtime(ms)));
    }
    if let Some(ms) = r.write_gap_ms {
        rows.push(row("writes", format!("paused for {}", downtime(ms))));
    }
    if let Some(reason) = &r.mandate.by.reason {
        rows.push(row("reason", format!("{reason} ({})", r.mandate.by.user)));
    }
    rows
}

/// None for a phase that was not reached.
fn phase(name: &str, rows: &[Row], r: &Rollout, look: &Look) -> Option<Vec<Cell>> {
    let took = span(rows)?;
    let side = |node: &str| {
        let of: Vec<&Row> = rows.iter().filter(|row| row.node == node).collect();
        let failed =
            |row: &&&Row| matches!(row.state, Some(RowState::Failed | RowState::UndoFailed));
        if let Some(row) = of.iter().find(failed) {
            let text = format!("{} {} failed", look.mark(Mark::Failed), row.step);
            return cell(Tone::Bad, text);
        }
        if of.is_empty() {
            return plain("");
        }
        plain(duration(of.iter().filter_map(|row| row.elapsed_ms).sum()))
    };
    Some(vec![
        plain(name),
        plain(duration(took)),
        side(&r.first),
        side(&r.second),
    ])
}
