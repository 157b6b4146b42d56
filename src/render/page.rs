//! One rollout as a page: a single file without anything from elsewhere, for a screen, a phone and paper. The daemon
//! shows the same.
use super::audit::{alone, in_order};
use super::latency::{per_cent, picture};
use super::report::{facts, result, said, word};
use super::rollout::name;
use super::text::{Look, clock, duration};
use crate::core::RowState;
use crate::wire::{Audit, Outcome, Report, Rollout, Row};
use crate::words::{Lang, heard};
use maud::{DOCTYPE, Markup, PreEscaped, html};

pub(super) const STYLE: &str = include_str!("page.css");
const LOOK: Look = Look {
    width: 100,
    color: false,
    unicode: true,
    lang: Lang::En,
};

/// `node` is the one that tells it.
pub(crate) fn page(report: &Report, node: &str, lang: Lang) -> String {
    let title = name(&report.rollout, &Look { lang, ..LOOK });
    whole(report, node, &title, lang, &Markup::default())
}

/// `nav` leads elsewhere: a file of its own has none.
pub(super) fn whole(report: &Report, node: &str, title: &str, lang: Lang, nav: &Markup) -> String {
    let r = &report.rollout;
    let page = html! {
        (DOCTYPE)
        html lang=(lang.tag()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "hau: " (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                (nav)
                header {
                    h1 { (title) }
                    p class={ "result " (tone(r)) } {
                        (lang.say(result(r))) ", " (say!(lang, "took {}", duration(lang, r.elapsed_ms)))
                    }
                }
                dl {
                    @for (what, text) in facts(r, lang).into_iter().skip(1) {
                        div { dt { (lang.say(what)) } dd { (text) } }
                    }
                }
                h2 { (say!(lang, "Timeline")) }
                (timeline(r, lang))
                @for probes in &report.measured { (picture(probes, r, lang)) }
                h2 { (say!(lang, "Rows")) }
                (rows(r, lang))
                @if !report.done_by.is_empty() { (done_by(&report.done_by, lang)) }
                footer {
                    (say!(lang, "told by node {}", node)) " · hau " (env!("CARGO_PKG_VERSION")) " · " (say!(lang, "times are UTC"))
                }
            }
        }
    };
    page.into_string()
}

fn tone(r: &Rollout) -> &'static str {
    match r.result {
        Some(Outcome::Succeeded) => "good",
        Some(Outcome::Halted | Outcome::Refused) => "bad",
        Some(Outcome::Failed | Outcome::RolledBack) | None => "warn",
    }
}

fn state(row: &Row) -> &'static str {
    match row.state {
        Some(RowState::Done) => "good",
        Some(RowState::Failed | RowState::UndoFailed) => "bad",
        Some(RowState::Started | RowState::Undoing | RowState::Undone) => "warn",
        None => "none",
    }
}

/// When a row began and how long it took.
fn span(row: &Row) -> Option<(u64, u64)> {
    Some((row.started_at_ms?, row.elapsed_ms?))
}

/// A line for each phase, a bar for each row, both nodes one above the other. Widths are parts of the whole time.
fn timeline(r: &Rollout, lang: Lang) -> Markup {
    let spans = r.rows.iter().filter_map(span);
    let from = spans.clone().map(|(at, _)| at).min().unwrap_or(0);
    let whole = spans
        .map(|(at, took)| at + took - from)
        .max()
        .unwrap_or(1)
        .max(1);
    let phases = r.rows.chunk_by(|a, b| a.phase == b.phase);
    html! {
        div class="timeline" {
            @for rows in phases.filter(|rows| rows.iter().any(|row| span(row).is_some())) {
                div class="phase" {
                    span class="label" { (rows[0].phase) }
                    div class="lanes" {
                        @for node in [&r.first, &r.second] {
                            svg class="lane" aria-hidden="true" {
                                @for row in rows.iter().filter(|row| row.node == *node) {
                                    @if let Some((at, took)) = span(row) {
                                        // Attributes, for a style of its own the page's policy does not allow.
                                        rect class={ "bar " (state(row)) @if *node == r.second { " second" } } height="10" rx="2"
                                            x={ (per_cent(at - from, whole)) "%" } width={ (per_cent(took.max(whole / 250), whole)) "%" } {
                                            title { (row.node) ": " (row.step) ", " (duration(lang, took)) }
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
            }
            p class="legend" {
                span class="bar good" {} " " (r.first) " (" (say!(lang, "first")) ")  "
                span class="bar good second" {} " " (r.second) " (" (say!(lang, "second")) ")  "
                (say!(lang, "from 0 to {}", duration(lang, whole)))
            }
        }
    }
}

fn rows(r: &Rollout, lang: Lang) -> Markup {
    let head = [
        words!("begun"),
        words!("phase"),
        words!("node"),
        words!("step"),
        words!("took"),
        words!("limit"),
        words!("state"),
    ];
    html! {
        table {
            thead { tr {
                @for word in head { th scope="col" { (lang.say(word)) } }
            } }
            @for row in &r.rows {
                tbody class=(state(row)) {
                    tr {
                        td { (row.started.as_deref().map(time).unwrap_or_default()) }
                        td { (row.phase) }
                        td { (row.node) }
                        td title=(heard(lang, &row.about)) { (row.step) }
                        td { (row.elapsed_ms.map(|ms| duration(lang, ms)).unwrap_or_default()) }
                        td { (duration(lang, row.limit_ms)) }
                        td class="state" { (lang.say(word(row))) }
                    }
                    @if !said(row, lang).is_empty() {
                        tr class="note" { td {} td colspan="6" { (said(row, lang)) } }
                    }
                }
            }
        }
    }
}

/// The day stands above.
fn time(rfc3339: &str) -> String {
    let text = clock(rfc3339);
    text.split(' ').nth(1).unwrap_or(&text).to_owned()
}

/// Of both nodes' audit trails.
fn done_by(trails: &Audit, lang: Lang) -> Markup {
    let look = Look { lang, ..LOOK };
    html! {
        h2 { (say!(lang, "Who did what")) }
        table {
            @for (entry, _, text) in in_order(trails, &look) {
                tr {
                    td { (clock(&entry.at)) }
                    td { (entry.node) }
                    td { (entry.seq) }
                    td class="said" { (text) }
                }
            }
        }
        @if let Some(note) = alone(trails, lang) { p class="legend" { (note) } }
    }
}
