//! One rollout as words: who, what, how it ended, and every row with its time and its note.
use super::latency::words;
use super::rollout::name;
use super::status::outcome;
use super::text::{Look, Tone, cell, clock, downtime, duration, hang, moment, plain, table};
use crate::core::{Order, RowState};
use crate::wire::{Report, Rollout, Row};

pub(crate) fn report(report: &Report, look: &Look) -> String {
    let r = &report.rollout;
    let mut out = format!("{}\n", look.paint(Tone::Strong, &name(r, look)));
    for (what, text) in facts(r) {
        out += &format!("{}\n", hang(&format!("  {what:<10} "), &text, look.width));
    }
    for probes in &report.measured {
        out += &format!("{}\n", words(probes, look));
    }
    let head = ["begun", "phase", "node", "step", "took", "of", ""];
    let mut rows = vec![head.map(|word| cell(Tone::Faint, word)).to_vec()];
    let begun = r.rows.iter().filter(|row| row.state.is_some());
    rows.extend(begun.map(|row| {
        vec![
            plain(row.started.as_deref().map(clock).unwrap_or_default()),
            plain(&row.phase),
            plain(&row.node),
            plain(&row.step),
            plain(row.elapsed_ms.map(duration).unwrap_or_default()),
            plain(duration(row.limit_ms)),
            plain(word(row)),
        ]
    }));
    out += &format!("\n{}\n", table(look, 2, &rows));
    for row in r.rows.iter().filter(|row| !said(row).is_empty()) {
        let first = format!("  {} {}: ", row.node, row.step);
        out += &format!("{}\n", hang(&first, &said(row), look.width));
    }
    out
}

/// What is true of the whole, each with its name; the same for words and page.
pub(super) fn facts(r: &Rollout) -> Vec<(&'static str, String)> {
    let mut facts = vec![(
        "result",
        format!("{} after {}", result(r), duration(r.elapsed_ms)),
    )];
    facts.push((
        "asked",
        because(format!("{}, {}", clock(&r.made), r.by), r.reason.as_deref()),
    ));
    let order = &r.mandate;
    if order.order != Order::Start {
        let by = format!(
            "{}, {} by {} on {}",
            moment(order.at),
            verb(order.order),
            order.by.user,
            order.by.node
        );
        facts.push(("then", because(by, order.by.reason.as_deref())));
    }
    facts.push(("first", r.first.clone()));
    facts.push(("second", r.second.clone()));
    // Of what a node does on its own these are timelines, and nothing is installed.
    if !r.kind.is_solo() {
        facts.push(("versions", format!("from {} to {}", r.from, r.to)));
    }
    if let Some(bundle) = &r.bundle {
        facts.push((
            "bundle",
            format!("{}, SHA-256 {}", bundle.file, bundle.sha256),
        ));
    }
    let budget = r
        .rows
        .iter()
        .find(|row| row.step == "downtime")
        .map(|row| row.note.clone());
    let measured = budget.filter(|note| !note.is_empty());
    let measured = measured.or_else(|| r.downtime_ms.map(downtime));
    facts.push((
        "downtime",
        measured.unwrap_or_else(|| "not measured".to_owned()),
    ));
    facts
}

pub(super) fn result(r: &Rollout) -> &'static str {
    r.result.map_or("goes on", outcome)
}

fn because(what: String, reason: Option<&str>) -> String {
    match reason {
        Some(reason) => format!("{what}: {reason}"),
        None => what,
    }
}

fn verb(order: Order) -> &'static str {
    match order {
        Order::Start => "started",
        Order::Retry => "retried",
        Order::Confirm => "confirmed",
        Order::Abort => "given up",
    }
}

/// How a row stands.
pub(crate) fn word(row: &Row) -> &'static str {
    match row.state {
        None => "not begun",
        Some(RowState::Started) => "at work",
        Some(RowState::Done) => "done",
        Some(RowState::Failed) => "failed",
        Some(RowState::Undoing) => "is taken back",
        Some(RowState::Undone) => "taken back",
        Some(RowState::UndoFailed) => "not taken back",
    }
}

/// Its note, or what was wrong and what to do.
pub(super) fn said(row: &Row) -> String {
    match &row.problem {
        Some(problem) => format!("{}; {}", problem.what, problem.remedy),
        None => row.note.clone(),
    }
}
