//! What there was: rollouts as a list, each leading to its report.
use super::{class, name};
use crate::render::report::result;
use crate::render::rollout::by;
use crate::render::text::{Tone, clock, downtime, duration};
use crate::wire::{Outcome, Rollout};
use crate::words::Lang;
use maud::{Markup, html};

/// The newest rollouts, newest first.
pub(crate) struct Past {
    pub newest: Vec<Rollout>,
    /// There are older ones.
    pub more: bool,
}

pub(super) fn newest(past: &Past, lang: Lang) -> Markup {
    html! {
        section id="past" {
            h2 { (lang.say(words!("history"))) }
            (list(&past.newest, lang))
            @if past.more { p { a href={ "/rollouts?lang=" (lang.tag()) } { (lang.say(words!("all rollouts"))) } } }
        }
    }
}

pub(super) fn all(past: &[Rollout], lang: Lang) -> Markup {
    html! { section { h2 { (lang.say(words!("all rollouts"))) } (list(past, lang)) } }
}

fn list(past: &[Rollout], lang: Lang) -> Markup {
    if past.is_empty() {
        return html! { p class="faint" { (lang.say(words!("there has been no rollout yet"))) } };
    }
    let head = [
        words!("begun"),
        words!("rollout"),
        words!("result"),
        words!("took"),
        words!("downtime"),
        words!("by"),
    ];
    html! {
        table class="past" {
            thead { tr {
                @for word in head { th scope="col" { (lang.say(word)) } }
            } }
            tbody { @for r in past { (line(r, lang)) } }
        }
    }
}

/// What changes every second stands above, where the rollout is shown.
fn line(r: &Rollout, lang: Lang) -> Markup {
    let is_over = !matches!(r.result, None | Some(Outcome::Halted));
    let down = r.downtime_ms;
    let down = down.map_or_else(|| "-".to_owned(), |ms| downtime(lang, ms));
    html! {
        tr {
            td { (clock(&r.made).trim_end_matches(" UTC")) }
            td { a href={ "/rollouts/" (r.id) "?lang=" (lang.tag()) } { (name(r, lang)) } }
            td class=(class(tone(r))) { (lang.say(result(r))) }
            td { @if is_over { (duration(lang, r.elapsed_ms)) } @else { "-" } }
            td { (down) }
            td { (by(r, lang)) }
        }
    }
}

fn tone(r: &Rollout) -> Tone {
    match r.result {
        None => Tone::Live,
        Some(Outcome::Succeeded) => Tone::Good,
        Some(Outcome::Halted | Outcome::Refused) => Tone::Bad,
        Some(Outcome::RolledBack | Outcome::Failed) => Tone::Warn,
    }
}
