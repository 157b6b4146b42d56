//! One rollout as words: who, what, how it ended, and every row with its time and its note.
use super::audit::audit;
use super::latency::words;
use super::rollout::{by, name};
use super::status::outcome;
use super::text::{
    Look, Tone, cell, clock, downtime, duration, hang, moment, padded, plain, table,
};
use crate::core::{Order, RowState};
use crate::wire::{Report, Rollout, Row};
use crate::words::{Lang, Words, heard};

pub(crate) fn report(report: &Report, look: &Look) -> String {
    let (r, lang) = (&report.rollout, look.lang);
    let mut out = format!("{}\n", look.paint(Tone::Strong, &name(r, look)));
    for (what, text) in facts(r, lang) {
        let first = format!("  {} ", padded(lang.say(what), 10));
        out += &format!("{}\n", hang(&first, &text, look.width));
    }
    for probes in &report.measured {
        out += &format!("{}\n", words(probes, look));
    }
    let head = [
        words!("begun"),
        words!("phase"),
        words!("node"),
        words!("step"),
        words!("took"),
        words!("of"),
    ];
    let head = head.map(|word| cell(Tone::Faint, lang.say(word)));
    let mut rows = vec![head.to_vec()];
    let begun = r.rows.iter().filter(|row| row.state.is_some());
    rows.extend(begun.map(|row| {
        vec![
            plain(row.started.as_deref().map(clock).unwrap_or_default()),
            plain(&row.phase),
            plain(&row.node),
            plain(&row.step),
            plain(
                row.elapsed_ms
                    .map(|ms| duration(lang, ms))
                    .unwrap_or_default(),
            ),
            plain(duration(lang, row.limit_ms)),
            plain(lang.say(word(row))),
        ]
    }));
    out += &format!("\n{}\n", table(look, 2, &rows));
    for row in r.rows.iter().filter(|row| !said(row, lang).is_empty()) {
        let first = format!("  {} {}: ", row.node, row.step);
        out += &format!("{}\n", hang(&first, &said(row, lang), look.width));
    }
    if !report.done_by.is_empty() {
        let head = look.paint(Tone::Strong, &say!(lang, "Who did what"));
        out += &format!("\n{head}\n{}\n", audit(&report.done_by, look).trim_end());
    }
    out
}

/// What is true of the whole, each with its name; the same for words and page.
pub(super) fn facts(r: &Rollout, lang: Lang) -> Vec<(Words, String)> {
    let mut facts = vec![(
        words!("result"),
        say!(
            lang,
            "{} after {}",
            lang.say(result(r)),
            duration(lang, r.elapsed_ms)
        ),
    )];
    facts.push((
        words!("asked"),
        because(
            say!(lang, "{}, {}", clock(&r.made), by(r, lang)),
            r.reason.as_deref(),
            lang,
        ),
    ));
    let order = &r.mandate;
    if order.order != Order::Start {
        let by = say!(
            lang,
            "{}, {} by {} on {}",
            moment(order.at),
            lang.say(verb(order.order)),
            order.by.user,
            order.by.node
        );
        let by = because(by, order.by.reason.as_deref(), lang);
        facts.push((words!("then"), by));
    }
    facts.push((words!("first"), r.first.clone()));
    facts.push((words!("second"), r.second.clone()));
    // Of what a node does on its own these are timelines, and nothing is installed.
    if !r.kind.is_solo() {
        let way = say!(lang, "from {} to {}", r.from, r.to);
        facts.push((words!("versions"), way));
    }
    if let Some(bundle) = &r.bundle {
        facts.push((
            words!("bundle"),
            format!("{}, SHA-256 {}", bundle.file, bundle.sha256),
        ));
    }
    let budget = r
        .rows
        .iter()
        .find(|row| row.step == "downtime")
        .map(|row| heard(lang, &row.note));
    let measured = budget.filter(|note| !note.is_empty());
    let measured = measured.or_else(|| r.downtime_ms.map(|ms| downtime(lang, ms)));
    facts.push((
        words!("downtime"),
        measured.unwrap_or_else(|| say!(lang, "not measured")),
    ));
    facts
}

pub(super) fn result(r: &Rollout) -> Words {
    r.result.map_or(words!("goes on"), outcome)
}

fn because(what: String, reason: Option<&str>, lang: Lang) -> String {
    match reason {
        Some(reason) => say!(lang, "{}: {}", what, reason),
        None => what,
    }
}

fn verb(order: Order) -> Words {
    match order {
        Order::Start => words!("started"),
        Order::Retry => words!("retried"),
        Order::Confirm => words!("confirmed"),
        Order::Abort => words!("given up"),
    }
}

/// How a row stands.
pub(crate) fn word(row: &Row) -> Words {
    match row.state {
        None => words!("not begun"),
        Some(RowState::Started) => words!("at work"),
        Some(RowState::Done) => words!("done"),
        Some(RowState::Failed) => words!("failed"),
        Some(RowState::Undoing) => words!("is taken back"),
        Some(RowState::Undone) => words!("taken back"),
        Some(RowState::UndoFailed) => words!("not taken back"),
    }
}

/// Its note, or what was wrong and what to do.
pub(super) fn said(row: &Row, lang: Lang) -> String {
    match &row.problem {
        Some(problem) => {
            let (what, remedy) = (heard(lang, &problem.what), heard(lang, &problem.remedy));
            say!(lang, "{}; {}", what, remedy)
        }
        None => heard(lang, &row.note),
    }
}
