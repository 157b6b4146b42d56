//! `status`: four answers in plain words, then both nodes side by side.
use super::holds::{Holder, Writer, holder, is_old, writer};
use super::noticed;
use super::rollout::{database, name, stopped, vrrp};
use super::text::{Cell, Look, Tone, bytes, cell, clock, duration, hang, plain, plural, table};
use crate::core::{DatabaseRole, RowState, VrrpState};
use crate::host::Status as Judgement;
use crate::wire::{Node, Outcome, Rollout, Status, SyncState};

/// An answer to one of the questions an administrator has.
pub(crate) struct Answer {
    /// Empty: it goes with the one before.
    pub about: &'static str,
    pub tone: Tone,
    pub text: String,
}

pub(crate) fn status(s: &Status, look: &Look) -> String {
    let mut out = String::new();
    for Answer { about, tone, text } in answers(s, look) {
        let label = format!("{about:<11}");
        let text = hang(&label, &text, look.width);
        let (label, text) = text.split_at(label.len());
        out.push_str(&look.paint(Tone::Strong, label));
        out.push_str(&look.paint(tone, text));
        out.push('\n');
    }
    out.push('\n');
    let names: Vec<&str> = s.nodes.keys().map(String::as_str).collect();
    out.push_str(&table(look, 0, &nodes(s, &names)));
    out
}

pub(crate) fn answers(s: &Status, look: &Look) -> Vec<Answer> {
    let mut answers = Vec::new();
    let mut say = |about, (tone, text)| answers.push(Answer { about, tone, text });
    if !s.peer.reachable {
        say("peer", (Tone::Bad, peer_lost(s)));
    }
    if let Some(alarm) = &s.alarm {
        say("ALARM", (Tone::Bad, alarm.what.clone()));
        say("do", (Tone::Strong, alarm.remedy.clone()));
    }
    if let Some(solo) = s.solo.as_ref().filter(|solo| solo.result.is_none()) {
        say("on its own", (Tone::Live, alone(solo, look)));
    }
    say("VIP", vip(s));
    say("primary", primary(s));
    if let Some(versions) = s.mixed_versions() {
        say(
            "versions",
            (Tone::Warn, format!("the nodes differ: {versions}")),
        );
    }
    say("happening", happening(s, look));
    if let Some(answer) = noticed::answer(s) {
        say("downtime", answer);
    }
    next(s, look)
        .into_iter()
        .for_each(|(label, answer)| say(label, answer));
    answers
}

/// What this node does on its own, and at which row it is.
fn alone(solo: &Rollout, look: &Look) -> String {
    let at = solo
        .rows
        .iter()
        .find(|row| row.state != Some(RowState::Done));
    let at = at.map_or_else(String::new, |row| format!(", {} ({})", row.step, row.about));
    format!("{}{at}", name(solo, look))
}

fn peer_lost(s: &Status) -> String {
    format!(
        "{} cannot be reached ({}): what is said of it here is old",
        s.peer.name,
        heard(s)
    )
}

fn heard(s: &Status) -> String {
    match s.peer.last_heard_ms {
        Some(ms) => format!("last heard {} ago", duration(ms)),
        None => "not heard since this daemon started".to_owned(),
    }
}

fn vip(s: &Status) -> (Tone, String) {
    let state = |name: &str| vrrp(s.nodes[name].vrrp);
    let priority = |name: &str| {
        let priority = s.nodes[name].effective_priority;
        priority
            .map(|p| format!(", priority {p}"))
            .unwrap_or_default()
    };
    match holder(s) {
        Holder::Unseen => (
            Tone::Bad,
            format!(
                "not on {}; whether {} holds it cannot be seen from here",
                s.node, s.peer.name
            ),
        ),
        Holder::Nobody => (
            Tone::Bad,
            "on neither node: the service cannot be reached".to_owned(),
        ),
        Holder::Old(name) => (
            Tone::Bad,
            format!("not on {}; {name} held it when it was last heard", s.node),
        ),
        Holder::One(name) => {
            let others = s.nodes.keys();
            let others = others.filter(|other| *other != name && !is_old(s, other));
            let others =
                others.map(|other| format!("; {other} is {}{}", state(other), priority(other)));
            let text = format!(
                "{name} holds it (MASTER{}){}",
                priority(name),
                others.collect::<String>()
            );
            (Tone::Plain, text)
        }
        Holder::Unsure(name) => {
            let text = format!(
                "on {name}, but keepalived there says {}: not sure who is MASTER",
                state(name)
            );
            (Tone::Warn, text)
        }
        Holder::Both => (
            Tone::Bad,
            "on BOTH nodes: they do not hear each other's advertisements".to_owned(),
        ),
    }
}

fn primary(s: &Status) -> (Tone, String) {
    match writer(s) {
        Writer::NoDatabase => (Tone::Faint, "there is no database".to_owned()),
        Writer::Nobody => (Tone::Bad, "no node is known to be primary".to_owned()),
        Writer::Old(name) => (
            Tone::Bad,
            format!("{name} was primary when it was last heard"),
        ),
        Writer::One {
            name,
            standby: Some(other),
            lag,
        } => (
            Tone::Plain,
            format!("{name}; the standby {other} is {}", behind(lag)),
        ),
        Writer::One { name, .. } => (Tone::Warn, format!("{name}; no standby is seen")),
        Writer::Both => (
            Tone::Bad,
            "BOTH nodes say that they are primary: two writers".to_owned(),
        ),
    }
}

fn behind(lag: Option<u64>) -> String {
    lag.map_or("behind by an unknown amount".to_owned(), |lag| {
        format!("{} behind", bytes(lag))
    })
}

/// The rollout that is under way, or whichever ended last: what this node does on its own has its own line until then.
pub(super) fn latest(s: &Status) -> Option<&Rollout> {
    let rollout = s.rollout.as_ref();
    let is_open = |r: &&Rollout| matches!(r.result, None | Some(Outcome::Halted));
    let alone = s.solo.iter().filter(|solo| solo.result.is_some());
    rollout
        .filter(is_open)
        .or_else(|| rollout.into_iter().chain(alone).max_by_key(|r| r.id))
}

fn happening(s: &Status, look: &Look) -> (Tone, String) {
    let Some(r) = latest(s) else {
        return (Tone::Plain, "nothing, and nothing has been".to_owned());
    };
    let (name, since) = (name(r, look), clock(&r.made));
    match r.result {
        None => {
            let phase = r
                .phase
                .as_ref()
                .map(|p| format!(", phase {p}"))
                .unwrap_or_default();
            let runs: Vec<String> = r.rows.iter().filter_map(running).collect();
            let runs = if runs.is_empty() {
                String::new()
            } else {
                format!(": {}", runs.join("; "))
            };
            let text = format!(
                "{name}, for {} (since {since}){phase}{runs}",
                duration(r.elapsed_ms)
            );
            (Tone::Live, text)
        }
        Some(Outcome::Halted) => (
            Tone::Bad,
            format!("{name} is HALTED (under way since {since})"),
        ),
        Some(done) => {
            let took = duration(r.elapsed_ms);
            let text = format!(
                "nothing; the last was {name}, {since}: {} after {took}",
                outcome(done)
            );
            (Tone::Plain, text)
        }
    }
}

fn running(row: &crate::wire::Row) -> Option<String> {
    use crate::core::RowState::{Started, Undoing};
    let open = matches!(row.state, Some(Started | Undoing));
    let took = duration(row.elapsed_ms?);
    open.then(|| {
        format!(
            "{} {} {took} of {}",
            row.node,
            row.step,
            duration(row.limit_ms)
        )
    })
}

pub(super) fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Succeeded => "succeeded",
        Outcome::Halted => "HALTED",
        Outcome::RolledBack => "rolled back",
        Outcome::Failed => "given up",
        Outcome::Refused => "refused",
    }
}

/// What stops it, its remedy, and what comes next: as many lines as there is to say.
fn next(s: &Status, look: &Look) -> Vec<(&'static str, (Tone, String))> {
    let open = |r: &&Rollout| matches!(r.result, None | Some(Outcome::Halted));
    let Some(r) = s.rollout.as_ref().filter(open) else {
        let text = if s.peer.reachable {
            "nothing; hau-ctl doctor says whether the pair is fit to be upgraded".to_owned()
        } else {
            format!(
                "see on {} what systemctl status hau-sidecar says, and the link between the nodes",
                s.peer.name
            )
        };
        return vec![("next", (Tone::Plain, text))];
    };
    let mut said = Vec::new();
    if let Some((what, remedy)) = r.stopped_by.as_ref().map(stopped) {
        said.push(("stopped", (Tone::Bad, what)));
        if !remedy.is_empty() {
            said.push(("", (Tone::Plain, format!("{} {remedy}", look.arrow()))));
        }
    }
    if !r.next.is_empty() {
        said.push(("next", (Tone::Plain, r.next.clone())));
    }
    said
}

/// A line for each fact: what it is called, then the cells of these nodes.
pub(crate) fn nodes(s: &Status, names: &[&str]) -> Vec<Vec<Cell>> {
    let column = |label: &str, of: &dyn Fn(&Node) -> (Tone, String)| {
        let mut row = vec![cell(Tone::Faint, label)];
        row.extend(names.iter().map(|name| {
            let (tone, text) = s.nodes.get(*name).map_or((Tone::Faint, "-".to_owned()), of);
            cell(if is_old(s, name) { Tone::Faint } else { tone }, text)
        }));
        row
    };
    let number = |n: Option<i32>| n.map_or("-".to_owned(), |n| n.to_string());
    let word = |text: String| (Tone::Plain, text);
    let heads = names.iter().map(|name| {
        let note = if is_old(s, name) {
            format!(" ({})", heard(s))
        } else if *name == s.node {
            " (this node)".to_owned()
        } else {
            String::new()
        };
        cell(Tone::Strong, format!("{name}{note}"))
    });
    vec![
        std::iter::once(plain("")).chain(heads).collect(),
        column("VRRP", &|n| vrrp_cell(n)),
        column("priority", &|n| {
            word(format!(
                "{} (weight {})",
                number(n.effective_priority),
                number(n.weight)
            ))
        }),
        column("database", &|n| word(database_cell(n))),
        column("version", &|n| {
            word(n.version.clone().unwrap_or("-".to_owned()))
        }),
        column("services", &services),
        column("sync", &sync),
        column("health", &|n| health(n.health)),
    ]
}

fn vrrp_cell(n: &Node) -> (Tone, String) {
    let vip = if n.has_vip { ", VIP" } else { "" };
    let tone = match n.vrrp {
        VrrpState::Master | VrrpState::Backup => Tone::Plain,
        VrrpState::Fault => Tone::Bad,
        VrrpState::Unknown => Tone::Warn,
    };
    (tone, format!("{}{vip}", vrrp(n.vrrp)))
}

fn database_cell(n: &Node) -> String {
    let role = database(n.database).unwrap_or("-").to_owned();
    match n.lag_bytes {
        Some(_) if n.database == DatabaseRole::Standby => {
            format!("{role}, {}", behind(n.lag_bytes))
        }
        Some(_) | None => role,
    }
}

fn services(n: &Node) -> (Tone, String) {
    let down = n
        .services
        .iter()
        .filter(|(_, s)| !s.active)
        .map(|(name, _)| name.as_str());
    let down: Vec<&str> = down.collect();
    match (n.services.len(), down.is_empty()) {
        (0, _) => (Tone::Faint, "-".to_owned()),
        (all, true) => (
            Tone::Good,
            format!("{} up", plural(all, "service", "services")),
        ),
        (_, false) => (Tone::Bad, format!("{} DOWN", down.join(", "))),
    }
}

fn sync(n: &Node) -> (Tone, String) {
    match n.sync {
        SyncState::Running => (Tone::Plain, "running".to_owned()),
        SyncState::Paused => (Tone::Warn, "paused".to_owned()),
        SyncState::None => (Tone::Faint, "-".to_owned()),
    }
}

fn health(judgement: Judgement) -> (Tone, String) {
    let (tone, text) = match judgement {
        Judgement::Pass => (Tone::Good, "pass"),
        Judgement::Warn => (Tone::Warn, "warn"),
        Judgement::Fail => (Tone::Bad, "FAIL"),
    };
    (tone, text.to_owned())
}
