//! The page for a browser: both nodes, the rollout, what stops it, what there was. Needs nothing from elsewhere, and is
//! whole without its script, which only exchanges the parts that have changed.
mod now;
mod past;
#[cfg(test)]
mod tests;

pub(crate) use past::Past;

use super::page;
use super::text::{Look, Tone};
use crate::core::Kind;
use crate::wire::{Report, Rollout, Status};
use crate::words::Lang;
use base64::{Engine, prelude::BASE64_STANDARD};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};
use std::sync::LazyLock;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");
/// Two nodes, and what goes between them.
const ICON: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Cpath d='M4 8h8' stroke='%23667085' stroke-width='2'/%3E%3Ccircle cx='4' cy='8' r='3.5' fill='%232563eb'/%3E%3Ccircle cx='12' cy='8' r='3.5' fill='%2323804f'/%3E%3C/svg%3E";
const LOOK: Look = Look {
    width: 100,
    color: false,
    unicode: true,
    lang: Lang::En,
};

/// What the first page shows.
pub(crate) struct View {
    pub status: Status,
    pub past: Past,
}

/// The first page.
pub(crate) fn home(view: &View, lang: Lang) -> String {
    let s = &view.status;
    let live = html! {
        p id="lost" hidden role="alert" {
            (lang.say(words!("not connected since"))) " " time {} ": " (lang.say(words!("what stands here is as old as that")))
        }
        main id="live" data-events={ "/events?lang=" (lang.tag()) } { (parts(view, lang)) }
        script { (PreEscaped(SCRIPT)) }
    };
    let refresh = html! { noscript { meta http-equiv="refresh" content="5"; } };
    let title = now::title(s, lang);
    frame(&title, &s.node, "/", lang, &refresh, &live)
}

/// What an event brings: the parts of the page that change.
pub(crate) fn now(view: &View, lang: Lang) -> String {
    parts(view, lang).into_string()
}

fn parts(view: &View, lang: Lang) -> Markup {
    let s = &view.status;
    html! {
        (now::now(s, lang))
        (now::nodes(s, lang))
        (now::rollout(s, lang))
        (past::newest(&view.past, lang))
    }
}

/// Every rollout, newest first; `node` is the one that tells it.
pub(crate) fn all(past: &[Rollout], node: &str, lang: Lang) -> String {
    let main = html! { main { (past::all(past, lang)) (back(lang)) } };
    let none = Markup::default();
    frame(
        lang.say(words!("all rollouts")),
        node,
        "/rollouts",
        lang,
        &none,
        &main,
    )
}

/// One rollout as a report; `node` is the one that tells it.
pub(crate) fn rollout(report: &Report, node: &str, lang: Lang) -> String {
    let r = &report.rollout;
    let nav = html! { (languages(&format!("/rollouts/{}", r.id), lang)) (back(lang)) };
    page::whole(report, node, &name(r, lang), lang, &nav)
}

fn back(lang: Lang) -> Markup {
    html! { p { a href={ "/?lang=" (lang.tag()) } { "← " (lang.say(words!("back to the status"))) } } }
}

/// The same page in the other language.
fn languages(path: &str, lang: Lang) -> Markup {
    let choice = |other: Lang, name: &str| {
        html! {
            a href={ (path) "?lang=" (other.tag()) } lang=(other.tag()) hreflang=(other.tag())
                aria-current=[(other == lang).then_some("true")] { (name) }
        }
    };
    html! {
        nav aria-label=(lang.say(words!("language"))) { (choice(Lang::En, "English")) " " (choice(Lang::Zh, "中文")) }
    }
}

fn frame(
    title: &str,
    node: &str,
    path: &str,
    lang: Lang,
    head: &Markup,
    content: &Markup,
) -> String {
    let page = html! {
        (DOCTYPE)
        html lang=(lang.tag()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                link rel="icon" href=(PreEscaped(ICON));
                title { (title) " · hau" }
                style { (PreEscaped(STYLE)) }
                (head)
            }
            body {
                header {
                    h1 { a href={ "/?lang=" (lang.tag()) } { "hau" } }
                    span class="faint" { (lang.say(words!("read-only"))) }
                    (languages(path, lang))
                }
                (content)
                footer {
                    (say!(lang, "told by node {}", node)) " · hau " (env!("CARGO_PKG_VERSION")) " · " (lang.say(words!("times are UTC")))
                }
            }
        }
    };
    page.into_string()
}

/// The pages' `Content-Security-Policy`: their own style and script, and events from where they came from.
pub(crate) fn policy() -> &'static str {
    static POLICY: LazyLock<String> = LazyLock::new(|| {
        format!(
            "default-src 'none'; style-src {} {}; script-src {}; img-src data:; connect-src 'self'; \
             base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
            hash(STYLE),
            hash(page::STYLE),
            hash(SCRIPT)
        )
    });
    &POLICY
}

fn hash(text: &str) -> String {
    let digest = BASE64_STANDARD.encode(Sha256::digest(text));
    format!("'sha256-{digest}'")
}

/// `upgrade 12: 1.0.0 → 1.1.0`
fn name(r: &Rollout, lang: Lang) -> String {
    match r.kind {
        Kind::Upgrade | Kind::Switch | Kind::Rollback => {
            super::rollout::name(r, &Look { lang, ..LOOK })
        }
        Kind::RollbackNode => say!(
            lang,
            "rollback {} ({}): {} → {}",
            r.id,
            r.first,
            r.from,
            r.to
        ),
        Kind::Failover => say!(lang, "failover {}: → {}", r.id, r.first),
        Kind::Rejoin => say!(lang, "rejoin {}: {}", r.id, r.first),
    }
}

/// The class that gives something its colour; a word or a mark beside it says the same.
fn class(tone: Tone) -> &'static str {
    match tone {
        Tone::Plain => "plain",
        Tone::Strong => "strong",
        Tone::Faint => "faint",
        Tone::Good => "good",
        Tone::Warn => "warn",
        Tone::Bad => "bad",
        Tone::Live => "live",
    }
}
