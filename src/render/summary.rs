//! The last word on a rollout: result, what moved, how long each phase took, what to do.
use super::rollout::{name, next, phases, span, stopped};
use super::text::{Cell, Look, Mark, Tone, cell, downtime, duration, hang, plain, table};
use crate::core::{Closed, DatabaseRole, RowState};
use crate::wire::{Node, Outcome, Rollout, Row, Status, Stopped};
use crate::words::Words;

/// `before` is what the pair looked like when the rollout was asked for, if that was seen.
pub(crate) fn summary(before: Option<&Status>, now: &Status, r: &Rollout, look: &Look) -> String {
    let lang = look.lang;
    let (tone, mark, head) = headline(r, look);
    let head = format!("{} {head}", look.mark(mark));
    let mut out = format!("{}\n", look.paint(tone, &head));
    out.push_str(&stops(r, look));
    out.push('\n');
    out.push_str(&table(look, 2, &moved(before, now, r, look)));
    let rows: Vec<Vec<Cell>> = std::iter::once(vec![
        cell(Tone::Faint, say!(lang, "phase")),
        cell(Tone::Faint, say!(lang, "took")),
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

fn headline(r: &Rollout, look: &Look) -> (Tone, Mark, String) {
    let (lang, name) = (look.lang, name(r, look));
    let took = duration(lang, r.elapsed_ms);
    match (r.result, &r.stopped_by) {
        (Some(Outcome::Succeeded), _) => {
            let text = say!(lang, "{} succeeded in {}", name, took);
            (Tone::Good, Mark::Done, text)
        }
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
        ) => {
            let text = say!(lang, "{} waits, as asked, after {}", name, took);
            (Tone::Good, Mark::Done, text)
        }
        (Some(Outcome::Halted), _) => {
            let text = say!(lang, "{} HALTED after {}", name, took);
            (Tone::Bad, Mark::Failed, text)
        }
        (Some(Outcome::RolledBack), _) => {
            let text = say!(lang, "{} was rolled back after {}", name, took);
            (Tone::Warn, Mark::Back, text)
        }
        (Some(Outcome::Failed), _) => {
            let text = say!(lang, "{} was given up after {}", name, took);
            (Tone::Warn, Mark::Back, text)
        }
        (Some(Outcome::Refused), _) => {
            let text = say!(lang, "{} was refused after {}", name, took);
            (Tone::Bad, Mark::Failed, text)
        }
        (None, _) => {
            let text = say!(lang, "{} goes on, for {}", name, took);
            (Tone::Live, Mark::Runs, text)
        }
    }
}

fn stops(r: &Rollout, look: &Look) -> String {
    let mut out = String::new();
    let mut put = |first: &str, text: &str| {
        out.push_str(&hang(first, text, look.width));
        out.push('\n');
    };
    if r.result != Some(Outcome::Succeeded)
        && let Some((what, remedy)) = r.stopped_by.as_ref().map(|by| stopped(by, look.lang))
    {
        put("  ", &what);
        if !remedy.is_empty() {
            put(&format!("  {} ", look.arrow()), &remedy);
        }
    }
    if !r.next.is_empty() {
        let first = format!("  {}", look.lang.say(words!("next: ")));
        put(&first, &next(r, look.lang));
    }
    out
}

fn moved(before: Option<&Status>, now: &Status, r: &Rollout, look: &Look) -> Vec<Vec<Cell>> {
    let lang = look.lang;
    let holder = |s: &Status, is: fn(&Node) -> bool| {
        let found: Vec<&str> = s
            .nodes
            .iter()
            .filter(|(_, n)| is(n))
            .map(|(k, _)| k.as_str())
            .collect();
        if found.is_empty() {
            say!(lang, "nobody")
        } else {
            found.join(lang.say(words!(" and ")))
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
    let cells = |label: String, text: String| vec![cell(Tone::Faint, label), plain(text)];
    let row = |label: Words, text: String| cells(lang.say(label).to_owned(), text);
    // The second node is the one that was MASTER when the plan was made.
    let vip_before = before.map_or(r.second.clone(), |s| holder(s, has_vip));
    let mut rows = vec![row(words!("VIP"), change(vip_before, holder(now, has_vip)))];
    if now.nodes.values().any(|n| n.database != DatabaseRole::None) {
        let primary = holder(now, is_primary);
        let primary_before = before.map_or(primary.clone(), |s| holder(s, is_primary));
        rows.push(row(words!("primary"), change(primary_before, primary)));
    }
    let version = |s: &Status, name: &str| s.nodes.get(name).and_then(|n| n.version.clone());
    for name in [&r.first, &r.second] {
        let now = version(now, name).unwrap_or(say!(lang, "unknown"));
        let was = before.and_then(|s| version(s, name)).unwrap_or(now.clone());
        rows.push(cells(say!(lang, "version {}", name), change(was, now)));
    }
    if let Some(ms) = r.downtime_ms {
        rows.push(row(words!("downtime"), downtime(lang, ms)));
    }
    if let Some(ms) = r.write_gap_ms {
        let text = say!(lang, "paused for {}", downtime(lang, ms));
        rows.push(row(words!("writes"), text));
    }
    if let Some(reason) = &r.mandate.by.reason {
        let text = say!(lang, "{} ({})", reason, r.mandate.by.user);
        rows.push(row(words!("reason"), text));
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
            let text = say!(look.lang, "{} {} failed", look.mark(Mark::Failed), row.step);
            return cell(Tone::Bad, text);
        }
        if of.is_empty() {
            return plain("");
        }
        let ms = of.iter().filter_map(|row| row.elapsed_ms).sum();
        plain(duration(look.lang, ms))
    };
    Some(vec![
        plain(name),
        plain(duration(look.lang, took)),
        side(&r.first),
        side(&r.second),
    ])
}
