//! What the requests through the VIP came to during a switchover: a line of blocks on a terminal, a picture on the page.
use super::rollout::{phases, span};
use super::text::{Look, Mark, duration, hang, moment, padded};
use crate::time::Time;
use crate::wire::{Probes, Rollout, Row, Slice};
use crate::words::Lang;
use maud::{Markup, html};

/// The scale of the picture ends here at least, so that two reports can be compared at a glance.
const TOP_MS: u64 = 1_000;
/// Of the picture, in its own units; widths are parts of the whole.
const HEIGHT: u64 = 100;

/// One measurement as words, and a block for each stretch of it.
pub(super) fn words(probes: &Probes, look: &Look) -> String {
    let all = Slice::together(&probes.slices);
    let room = look.width.saturating_sub(INDENT.len()).max(1);
    let joined = probes.slices.len().div_ceil(room).max(1);
    let line: String = probes
        .slices
        .chunks(joined)
        .map(|slices| block(&Slice::together(slices), look))
        .collect();
    let each = probes.slice_ms.saturating_mul(joined as u64);
    let text = say!(
        look.lang,
        "{} requests through the VIP by {} in {}, from {} on; {} failed, the slowest took {} ms; a mark for each {} ms:",
        all.probes,
        probes.node,
        duration(look.lang, probes.whole_ms()),
        moment(Time(probes.begun_ms)),
        all.failed,
        all.slowest_ms,
        each
    );
    let first = format!("  {} ", padded(say!(look.lang, "measured").as_str(), 10));
    let said = hang(&first, &text, look.width);
    format!("{said}\n{INDENT}{}", line.trim_end())
}

const INDENT: &str = "             ";

/// The slowest answer of a stretch, on the same scale as the picture.
fn block(slice: &Slice, look: &Look) -> String {
    const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    const PLAIN: [char; 8] = ['.', '.', '-', '-', '=', '=', '#', '#'];
    if slice.failed > 0 {
        return look.mark(Mark::Failed).to_owned();
    }
    if slice.probes == 0 {
        return " ".to_owned();
    }
    let nth = height(slice.slowest_ms, TOP_MS) * BLOCKS.len() as u64 / (HEIGHT + 1);
    let nth = usize::try_from(nth).unwrap_or(0).min(BLOCKS.len() - 1);
    let blocks = if look.unicode { BLOCKS } else { PLAIN };
    blocks[nth].to_string()
}

/// Logarithmic: 2 ms and 200 ms are both to be seen.
fn height(ms: u64, top: u64) -> u64 {
    let log = |ms: u64| (ms.saturating_add(1) as f64).ln();
    let part = log(ms.min(top)) / log(top);
    // Between 0 and HEIGHT.
    (part * HEIGHT as f64).round() as u64
}

/// One measurement as a picture over the phases of its time.
pub(super) fn picture(probes: &Probes, r: &Rollout, lang: Lang) -> Markup {
    let all = Slice::together(&probes.slices);
    let top = all.slowest_ms.max(TOP_MS);
    let whole = (probes.slices.len() as u64).max(1);
    let from_base = |tall: u64| HEIGHT - tall;
    html! {
        h2 { (say!(lang, "Switchover")) }
        p class="legend" {
            (say!(lang, "{} requests through the VIP by {} in {}, from {} on; {} failed, the slowest took {} ms",
                all.probes, probes.node, duration(lang, probes.whole_ms()), moment(Time(probes.begun_ms)), all.failed, all.slowest_ms))
        }
        div class="phase" {
            span class="label" { (say!(lang, "answered within")) }
            svg class="latency" viewBox={ "0 0 " (whole * SLICE) " " (HEIGHT) } preserveAspectRatio="none" role="img"
                aria-label=(say!(lang, "answered within")) {
                @for mark in [10, 100, 1_000] {
                    line class="grid" x1="0" x2=(whole * SLICE) y1=(from_base(height(mark, top))) y2=(from_base(height(mark, top))) {}
                }
                @for (n, slice) in probes.slices.iter().enumerate().filter(|(_, slice)| slice.probes > 0) {
                    (bar(n as u64, slice, top))
                }
            }
        }
        p class="legend" { (say!(lang, "lines at 10, 100 and 1000 ms")) }
        (phases_in(probes, r, lang))
    }
}

/// In units of the picture: a hair stays free between two.
const SLICE: u64 = 10;

fn bar(n: u64, slice: &Slice, top: u64) -> Markup {
    let at = n * SLICE;
    let tall = |ms| height(ms, top).max(2);
    html! {
        @if slice.failed > 0 {
            rect class="bar bad" x=(at) y="0" width=(SLICE) height=(HEIGHT) {
                title { (slice.failed) "/" (slice.probes) }
            }
        } @else {
            rect class="bar good slowest" x=(at) y=(HEIGHT - tall(slice.slowest_ms)) width=(SLICE - 1) height=(tall(slice.slowest_ms)) {
                title { (slice.slowest_ms) " ms" }
            }
            @if let Some(mean) = slice.mean_ms() {
                rect class="bar good" x=(at) y=(HEIGHT - tall(mean)) width=(SLICE - 1) height=(tall(mean)) {}
            }
        }
    }
}

/// A bar for each phase that lies in the time of the measurement, on the same scale.
fn phases_in(probes: &Probes, r: &Rollout, lang: Lang) -> Markup {
    let (from, whole) = (probes.begun_ms, probes.whole_ms().max(1));
    let until = from.saturating_add(whole);
    let within = |rows: &[Row]| {
        let begun = rows.iter().filter_map(|row| row.started_at_ms).min()?;
        let ended = begun.saturating_add(span(rows)?);
        (ended > from && begun < until).then(|| (begun.max(from) - from, ended.min(until) - from))
    };
    html! {
        @for (name, rows) in phases(&r.rows) {
            @if let Some((begun, ended)) = within(rows) {
                div class="phase" {
                    span class="label" { (name) }
                    svg class="lane" aria-hidden="true" {
                        rect class="bar good" height="10" rx="2" x={ (per_cent(begun, whole)) "%" }
                            width={ (per_cent((ended - begun).max(whole / 250), whole)) "%" } {
                            title { (name) ", " (duration(lang, ended - begun)) }
                        }
                    }
                }
            }
        }
    }
}

/// With one decimal place.
pub(super) fn per_cent(of: u64, whole: u64) -> String {
    let tenths = of.saturating_mul(1000) / whole;
    format!("{}.{}", tenths / 10, tenths % 10)
}
