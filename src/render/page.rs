//! One rollout as a page: a single file without anything from elsewhere, for a screen, a phone and paper. The daemon
//! shows the same.
use super::latency::{per_cent, picture};
use super::report::{facts, result, said, word};
use super::rollout::name;
use super::text::{Look, clock, duration};
use super::web::Lang;
use crate::core::RowState;
use crate::wire::{Outcome, Report, Rollout, Row};
use maud::{DOCTYPE, Markup, PreEscaped, html};

pub(super) const STYLE: &str = include_str!("page.css");
const LOOK: Look = Look {
    width: 100,
    color: false,
    unicode: true,
};

/// `node` is the one that tells it.
pub(crate) fn page(report: &Report, node: &str) -> String {
    let title = name(&report.rollout, &LOOK);
    whole(report, node, &title, Lang::En, &Markup::default())
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
                        (lang.say(result(r))) ", " (lang.say("took")) " " (duration(r.elapsed_ms))
                    }
                }
                dl {
                    @for (what, text) in facts(r).into_iter().skip(1) {
                        div { dt { (lang.say(what)) } dd { (lang.say_if_known(&text)) } }
                    }
                }
                h2 { (lang.say("Timeline")) }
                (timeline(r, lang))
                @for probes in &report.measured { (picture(probes, r, lang)) }
                h2 { (lang.say("Rows")) }
                (rows(r, lang))
                footer {
                    (lang.say("told by node")) " " (node) " · hau " (env!("CARGO_PKG_VERSION")) " · " (lang.say("times are UTC"))
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
                                            title { (row.node) ": " (row.step) ", " (duration(took)) }
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
            }
            p class="legend" {
                span class="bar good" {} " " (r.first) " (" (lang.say("first")) ")  "
                span class="bar good second" {} " " (r.second) " (" (lang.say("second")) ")  "
                (lang.say("from 0 to")) " " (duration(whole))
            }
        }
    }
}

fn rows(r: &Rollout, lang: Lang) -> Markup {
    html! {
        table {
            thead { tr {
                @for word in ["begun", "phase", "node", "step", "took", "limit", "state"] { th scope="col" { (lang.say(word)) } }
            } }
            @for row in &r.rows {
                tbody class=(state(row)) {
                    tr {
                        td { (row.started.as_deref().map(time).unwrap_or_default()) }
                        td { (row.phase) }
                        td { (row.node) }
                        td title=(row.about) { (row.step) }
                        td { (row.elapsed_ms.map(duration).unwrap_or_default()) }
                        td { (duration(row.limit_ms)) }
                        td class="state" { (lang.say(word(row))) }
                    }
                    @if !said(row).is_empty() {
                        tr class="note" { td {} td colspan="6" { (said(row)) } }
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
