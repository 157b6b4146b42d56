//! What holds: in one line, who holds the VIP and who takes writes, both nodes, and the rollout row by row.
use super::{LOOK, class, name};
use crate::core::{DatabaseRole, RowState, VrrpState};
use crate::host::Status as Judgement;
use crate::render::holds::{Holder, Writer, holder, is_old, writer};
use crate::render::nodes::verdict as word_for;
use crate::render::noticed::{fetching, measured_now};
use crate::render::report::{result, word};
use crate::render::rollout::{by, database, next, phases, stopped, vrrp};
use crate::render::status::{last_heard, latest};
use crate::render::text::{Mark, Tone, bytes, clock, downtime, duration};
use crate::wire::{Node, Outcome, Rollout, Row, Status, SyncState};
use crate::words::{Lang, Words, heard};
use maud::{Markup, html};

/// The one thing that somebody who looks in passing has to know.
fn verdict(s: &Status) -> (Tone, Mark, Words) {
    let open = latest(s).filter(|r| matches!(r.result, None | Some(Outcome::Halted)));
    match open {
        _ if s.alarm.is_some() => (Tone::Bad, Mark::Warn, words!("a person is needed")),
        Some(r) if r.result.is_some() => (Tone::Bad, Mark::Failed, words!("a rollout is HALTED")),
        _ if !s.peer.reachable => (Tone::Bad, Mark::Warn, words!("the other node is not heard")),
        Some(r) if r.stopped_by.is_some() => (Tone::Warn, Mark::Warn, words!("a rollout waits")),
        Some(_) => (Tone::Live, Mark::Runs, words!("a rollout goes on")),
        None if s.solo.as_ref().is_some_and(|solo| solo.result.is_none()) => {
            (Tone::Live, Mark::Runs, words!("this node works on its own"))
        }
        None => (Tone::Good, Mark::Done, words!("nothing is happening")),
    }
}

/// Of the browser's tab.
pub(super) fn title(s: &Status, lang: Lang) -> String {
    format!("{} · {}", lang.say(verdict(s).2), names(s).join(" + "))
}

/// Both nodes, heard or not.
fn names(s: &Status) -> Vec<&str> {
    let mut names = vec![s.node.as_str(), s.peer.name.as_str()];
    names.sort_unstable();
    names
}

pub(super) fn now(s: &Status, lang: Lang) -> Markup {
    let (tone, mark, text) = verdict(s);
    let tab = title(s, lang) + " · hau";
    html! {
        section id="now" class=(class(tone)) data-title=(tab) {
            h2 { span class="mark" aria-hidden="true" { (LOOK.mark(mark)) } " " span { (lang.say(text)) } }
            @if !s.peer.reachable {
                p { (say!(lang, "{}: {}; what is said of it here is old", s.peer.name, last_heard(s, lang))) }
            }
            dl class="calls" { (calls(s, lang)) }
            dl class="tiles" {
                div { dt { "VIP" } (vip(s, lang)) }
                div { dt { (lang.say(words!("primary"))) } (primary(s, lang)) }
                @if let Some(text) = fetching(s, lang) {
                    div { dt { (lang.say(words!("bundle"))) } (fact(Tone::Live, &text, "")) }
                }
                @if let Some([(a, on_a), (b, on_b)]) = s.mixed_versions() {
                    div { dt { (lang.say(words!("versions"))) }
                        dd class="warn" { b { (lang.say(words!("the nodes differ"))) } small { (say!(lang, "{} runs {}, {} runs {}", a, on_a, b, on_b)) } } }
                }
            }
        }
    }
}

/// What stops it, and what to type.
fn calls(s: &Status, lang: Lang) -> Markup {
    let open = s.rollout.as_ref();
    let open = open.filter(|r| matches!(r.result, None | Some(Outcome::Halted)));
    html! {
        @if let Some(alarm) = &s.alarm {
            (call(words!("ALARM"), Tone::Bad, &heard(lang, &alarm.what), lang))
            (call(words!("do"), Tone::Strong, &heard(lang, &alarm.remedy), lang))
        }
        @if let Some(r) = open {
            @if let Some((what, remedy)) = r.stopped_by.as_ref().map(|by| stopped(by, lang)) {
                @let tone = if r.result.is_some() { Tone::Bad } else { Tone::Warn };
                (call(words!("stopped"), tone, &what, lang))
                @if !remedy.is_empty() { (call(words!("do"), Tone::Strong, &remedy, lang)) }
            }
            @if !r.next.is_empty() { (call(words!("next"), Tone::Plain, &next(r, lang), lang)) }
        }
    }
}

fn call(label: Words, tone: Tone, text: &str, lang: Lang) -> Markup {
    html! { div { dt { (lang.say(label)) } dd class=(class(tone)) { (text) } } }
}

fn fact(tone: Tone, what: &str, more: &str) -> Markup {
    html! { dd class=(class(tone)) { b { (what) } @if !more.is_empty() { small { (more) } } } }
}

fn vip(s: &Status, lang: Lang) -> Markup {
    let state = |name: &str| {
        let state = s.nodes.get(name).map_or(VrrpState::Unknown, |n| n.vrrp);
        vrrp(state, lang)
    };
    match holder(s) {
        Holder::Unseen => fact(Tone::Bad, lang.say(words!("cannot be seen from here")), ""),
        Holder::Nobody => fact(Tone::Bad, lang.say(words!("nobody")), ""),
        Holder::Old(name) => fact(Tone::Bad, name, lang.say(words!("when it was last heard"))),
        Holder::One(name) => fact(Tone::Plain, name, state(name)),
        Holder::Unsure(name) => {
            let more = say!(lang, "{}: not sure who is MASTER", state(name));
            fact(Tone::Warn, name, &more)
        }
        Holder::Both => fact(Tone::Bad, lang.say(words!("BOTH nodes")), ""),
    }
}

fn primary(s: &Status, lang: Lang) -> Markup {
    match writer(s) {
        Writer::NoDatabase => fact(Tone::Faint, lang.say(words!("there is no database")), ""),
        Writer::Nobody => fact(Tone::Bad, lang.say(words!("nobody")), ""),
        Writer::Old(name) => fact(Tone::Bad, name, lang.say(words!("when it was last heard"))),
        Writer::One {
            name,
            standby: Some(other),
            lag,
        } => {
            let more = say!(lang, "standby {}: {}", other, behind(lag, lang));
            fact(Tone::Plain, name, &more)
        }
        Writer::One { name, .. } => {
            let more = say!(lang, "standby: none is seen");
            fact(Tone::Warn, name, &more)
        }
        Writer::Both => fact(Tone::Bad, lang.say(words!("BOTH nodes")), ""),
    }
}

fn behind(lag: Option<u64>, lang: Lang) -> String {
    let lag = lag.map_or_else(|| say!(lang, "unknown"), bytes);
    say!(lang, "behind {}", lag)
}

/// A line for each fact, a column for each node.
pub(super) fn nodes(s: &Status, lang: Lang) -> Markup {
    let line = |label: &str, of: &dyn Fn(&Node) -> (Tone, String)| {
        html! {
            tr {
                th scope="row" { (label) }
                @for name in names(s) {
                    @let node = s.nodes.get(name);
                    @let (tone, text) = node.map_or_else(|| (Tone::Faint, "-".to_owned()), of);
                    @let tone = if is_old(s, name) { Tone::Faint } else { tone };
                    td class=(class(tone)) { (text) }
                }
            }
        }
    };
    let number = |n: Option<i32>| n.map_or_else(|| "-".to_owned(), |n| n.to_string());
    html! {
        section id="nodes" {
            h2 { (lang.say(words!("nodes"))) }
            table {
                thead { tr {
                    td {}
                    @for name in names(s) { th scope="col" { (name) " " (beside(s, name, lang)) } }
                } }
                tbody {
                    (line("VRRP", &|n| vrrp_cell(n, lang)))
                    (line(lang.say(words!("priority")), &|n| {
                        let (all, weight) = (number(n.effective_priority), number(n.weight));
                        (Tone::Plain, say!(lang, "{} (weight {})", all, weight))
                    }))
                    (line(lang.say(words!("database")), &|n| database_cell(n, lang)))
                    (line(lang.say(words!("version")), &|n| {
                        (Tone::Plain, n.version.clone().unwrap_or_else(|| "-".to_owned()))
                    }))
                    (line(lang.say(words!("services")), &|n| services(n, lang)))
                    (line(lang.say(words!("sync")), &|n| sync(n, lang)))
                    (line(lang.say(words!("health")), &|n| health(n, lang)))
                }
            }
        }
    }
}

fn beside(s: &Status, name: &str, lang: Lang) -> Markup {
    html! {
        @if name == s.node { small { (lang.say(words!("this node"))) } }
        @else if is_old(s, name) { small class="bad" { (lang.say(words!("not heard"))) } }
    }
}

fn vrrp_cell(n: &Node, lang: Lang) -> (Tone, String) {
    let tone = match n.vrrp {
        VrrpState::Master => Tone::Strong,
        VrrpState::Backup => Tone::Plain,
        VrrpState::Fault => Tone::Bad,
        VrrpState::Unknown => Tone::Warn,
    };
    let vip = if n.has_vip { ", VIP" } else { "" };
    (tone, format!("{}{vip}", vrrp(n.vrrp, lang)))
}

fn database_cell(n: &Node, lang: Lang) -> (Tone, String) {
    let role = database(n.database).map_or("-", |role| lang.say(role));
    match n.database {
        DatabaseRole::Primary => (Tone::Strong, role.to_owned()),
        DatabaseRole::Standby if n.lag_bytes.is_some() => {
            let behind = behind(n.lag_bytes, lang);
            (Tone::Plain, say!(lang, "{}, {}", role, behind))
        }
        DatabaseRole::Standby | DatabaseRole::None => (Tone::Plain, role.to_owned()),
        DatabaseRole::Unknown => (Tone::Warn, role.to_owned()),
    }
}

fn services(n: &Node, lang: Lang) -> (Tone, String) {
    let down = n.services.iter().filter(|(_, s)| !s.active);
    let down: Vec<&str> = down.map(|(name, _)| name.as_str()).collect();
    match (n.services.len(), down.is_empty()) {
        (0, _) => (Tone::Faint, "-".to_owned()),
        (all, true) => (Tone::Good, say!(lang, "{} up", all)),
        (_, false) => (Tone::Bad, say!(lang, "{} DOWN", down.join(", "))),
    }
}

fn sync(n: &Node, lang: Lang) -> (Tone, String) {
    match n.sync {
        SyncState::Running => (Tone::Plain, lang.say(words!("running")).to_owned()),
        SyncState::Paused => (Tone::Warn, lang.say(words!("paused")).to_owned()),
        SyncState::None => (Tone::Faint, "-".to_owned()),
    }
}

fn health(n: &Node, lang: Lang) -> (Tone, String) {
    let tone = match n.health {
        Judgement::Pass => Tone::Good,
        Judgement::Warn => Tone::Warn,
        Judgement::Fail => Tone::Bad,
    };
    (tone, lang.say(word_for(n.health)).to_owned())
}

/// The rollout under way or the last one; what this node does alone comes first while it does it.
pub(super) fn rollout(s: &Status, lang: Lang) -> Markup {
    let alone = s.solo.as_ref().filter(|solo| solo.result.is_none());
    let shown = alone.or_else(|| latest(s));
    html! { section id="rollout" { @if let Some(r) = shown { (course(s, r, lang)) } } }
}

/// What users notice of it, while it is measured too.
fn noticed(s: &Status, r: &Rollout, lang: Lang) -> Markup {
    let probing = measured_now(s, r);
    let (label, gap) = match probing {
        Some(p) => (words!("downtime so far"), Some(p.gap_ms)),
        None => (words!("downtime"), r.downtime_ms),
    };
    html! {
        @if let Some(ms) = gap {
            div {
                dt { (lang.say(label)) }
                dd {
                    b { (downtime(lang, ms)) }
                    @if let Some(ms) = s.downtime_budget_ms { " " small { (say!(lang, "of at most {}", duration(lang, ms))) } }
                }
            }
        }
        @if let Some(p) = probing {
            div {
                dt { (lang.say(words!("last probe"))) }
                dd { b { (p.last_ms) " ms" } @if !p.last_good { " " (lang.say(words!("failed"))) } }
            }
        }
    }
}

fn course(s: &Status, r: &Rollout, lang: Lang) -> Markup {
    let done = r
        .rows
        .iter()
        .filter(|row| row.state == Some(RowState::Done));
    let (done, all) = (done.count(), r.rows.len());
    let by = match &r.reason {
        Some(reason) => say!(lang, "{}: {}", by(r, lang), reason),
        None => by(r, lang),
    };
    let took = match r.result {
        Some(_) => words!("took"),
        None => words!("for"),
    };
    html! {
        h2 { (name(r, lang)) " " span class="badge" { (lang.say(result(r))) } }
        p class="faint" { (clock(&r.made)) " · " (by) }
        progress value=(done) max=(all) aria-label=(lang.say(words!("rows done"))) {}
        dl class="tiles" {
            div { dt { (lang.say(words!("rows done"))) } dd { b { (done) " / " (all) } } }
            div { dt { (lang.say(took)) } dd { b { (duration(lang, r.elapsed_ms)) } } }
            (noticed(s, r, lang))
            @if let Some(ms) = r.write_gap_ms {
                div { dt { (lang.say(words!("no writes for"))) } dd { b { (downtime(lang, ms)) } } }
            }
        }
        table class="course" {
            thead { tr {
                th scope="col" { (lang.say(words!("phase"))) }
                th scope="col" { (r.first) " " small { (lang.say(words!("first"))) } }
                @if !r.kind.is_solo() { th scope="col" { (r.second) " " small { (lang.say(words!("second"))) } } }
            } }
            tbody {
                @for (phase, rows) in phases(&r.rows) {
                    tr class=[(r.phase.as_deref() == Some(phase)).then_some("current")] {
                        th scope="row" { (phase) }
                        (cell(rows, &r.first, lang))
                        @if !r.kind.is_solo() { (cell(rows, &r.second, lang)) }
                    }
                }
            }
        }
    }
}

fn cell(rows: &[Row], node: &str, lang: Lang) -> Markup {
    html! { td { ul { @for row in rows.iter().filter(|row| row.node == node) { (step(row, lang)) } } } }
}

fn step(row: &Row, lang: Lang) -> Markup {
    let (tone, mark) = match row.state {
        None => (Tone::Faint, Mark::Ahead),
        Some(RowState::Started) => (Tone::Live, Mark::Runs),
        Some(RowState::Done) => (Tone::Good, Mark::Done),
        Some(RowState::Failed | RowState::UndoFailed) => (Tone::Bad, Mark::Failed),
        Some(RowState::Undoing | RowState::Undone) => (Tone::Warn, Mark::Back),
    };
    let is_at_work = matches!(row.state, Some(RowState::Started | RowState::Undoing));
    html! {
        li class=(class(tone)) title=(heard(lang, &row.about)) {
            span class="mark" role="img" aria-label=(lang.say(word(row))) { (LOOK.mark(mark)) }
            " " (row.step)
            @if let Some(ms) = row.elapsed_ms { " " small { (duration(lang, ms)) } }
            @if is_at_work {
                " " small { (say!(lang, "of at most {}", duration(lang, row.limit_ms))) }
                @if let Some(ms) = row.expected_ms { ", " small { (say!(lang, "usually {}", duration(lang, ms))) } }
            }
            @if let Some(problem) = &row.problem { p { (heard(lang, &problem.what)) } }
        }
    }
}
