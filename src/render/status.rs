//! `status`: four answers in plain words, then both nodes side by side.
use super::holds::{Holder, Writer, holder, is_old, writer};
use super::nodes::nodes;
use super::noticed;
use super::rollout::{self, name, stopped, vrrp};
use super::text::{Look, Tone, bytes, clock, duration, hang, padded, table};
use crate::core::RowState;
use crate::wire::{Outcome, Rollout, Status};
use crate::words::{Lang, Words, heard};

/// An answer to one of the questions an administrator has.
pub(crate) struct Answer {
    /// None: it goes with the one before.
    pub about: Option<Words>,
    pub tone: Tone,
    pub text: String,
}

impl Answer {
    /// What stands in front of it.
    pub(crate) fn label(&self, lang: Lang) -> String {
        padded(self.about.map_or("", |about| lang.say(about)), 11)
    }
}

pub(crate) fn status(s: &Status, look: &Look) -> String {
    let mut out = String::new();
    for answer in answers(s, look) {
        let label = answer.label(look.lang);
        let text = hang(&label, &answer.text, look.width);
        let (label, text) = text.split_at(label.len());
        out.push_str(&look.paint(Tone::Strong, label));
        out.push_str(&look.paint(answer.tone, text));
        out.push('\n');
    }
    out.push('\n');
    let names: Vec<&str> = s.nodes.keys().map(String::as_str).collect();
    out.push_str(&table(look, 0, &nodes(s, &names, look.lang)));
    out
}

pub(crate) fn answers(s: &Status, look: &Look) -> Vec<Answer> {
    let lang = look.lang;
    let mut answers = Vec::new();
    let mut put = |about, (tone, text)| answers.push(Answer { about, tone, text });
    let mut say = |about, answer| put(Some(about), answer);
    if !s.peer.reachable {
        say(words!("peer"), (Tone::Bad, peer_lost(s, lang)));
    }
    if let Some(alarm) = &s.alarm {
        say(words!("ALARM"), (Tone::Bad, heard(lang, &alarm.what)));
        say(words!("do"), (Tone::Strong, heard(lang, &alarm.remedy)));
    }
    if let Some(solo) = s.solo.as_ref().filter(|solo| solo.result.is_none()) {
        say(words!("on its own"), (Tone::Live, alone(solo, look)));
    }
    say(words!("VIP"), vip(s, lang));
    say(words!("primary"), primary(s, lang));
    if let Some(versions) = s.mixed_versions() {
        let [(a, on_a), (b, on_b)] = versions;
        let text = say!(
            lang,
            "the nodes differ: {} runs {}, {} runs {}",
            a,
            on_a,
            b,
            on_b
        );
        say(words!("versions"), (Tone::Warn, text));
    }
    say(words!("happening"), happening(s, look));
    if let Some(answer) = noticed::answer(s, lang) {
        say(words!("downtime"), answer);
    }
    if let Some(text) = noticed::fetching(s, lang) {
        say(words!("bundle"), (Tone::Live, text));
    }
    next(s, look)
        .into_iter()
        .for_each(|(label, answer)| put(label, answer));
    answers
}

/// What this node does on its own, and at which row it is.
fn alone(solo: &Rollout, look: &Look) -> String {
    let at = solo
        .rows
        .iter()
        .find(|row| row.state != Some(RowState::Done));
    let name = name(solo, look);
    at.map_or(name.clone(), |row| {
        let about = heard(look.lang, &row.about);
        say!(look.lang, "{}, {} ({})", name, row.step, about)
    })
}

fn peer_lost(s: &Status, lang: Lang) -> String {
    say!(
        lang,
        "{} cannot be reached ({}): what is said of it here is old",
        s.peer.name,
        last_heard(s, lang)
    )
}

pub(super) fn last_heard(s: &Status, lang: Lang) -> String {
    match s.peer.last_heard_ms {
        Some(ms) => say!(lang, "last heard {} ago", duration(lang, ms)),
        None => say!(lang, "not heard since this daemon started"),
    }
}

fn vip(s: &Status, lang: Lang) -> (Tone, String) {
    let state = |name: &str| vrrp(s.nodes[name].vrrp, lang);
    let priority = |name: &str| s.nodes[name].effective_priority;
    match holder(s) {
        Holder::Unseen => (
            Tone::Bad,
            say!(
                lang,
                "not on {}; whether {} holds it cannot be seen from here",
                s.node,
                s.peer.name
            ),
        ),
        Holder::Nobody => (
            Tone::Bad,
            say!(lang, "on neither node: the service cannot be reached"),
        ),
        Holder::Old(name) => (
            Tone::Bad,
            say!(
                lang,
                "not on {}; {} held it when it was last heard",
                s.node,
                name
            ),
        ),
        Holder::One(name) => {
            let others = s.nodes.keys();
            let others = others.filter(|other| *other != name && !is_old(s, other));
            let others = others.map(|other| match priority(other) {
                Some(p) => say!(lang, "{} is {}, priority {}", other, state(other), p),
                None => say!(lang, "{} is {}", other, state(other)),
            });
            let holds = match priority(name) {
                Some(p) => say!(lang, "{} holds it (MASTER, priority {})", name, p),
                None => say!(lang, "{} holds it (MASTER)", name),
            };
            let all: Vec<String> = std::iter::once(holds).chain(others).collect();
            (Tone::Plain, all.join(lang.say(words!("; "))))
        }
        Holder::Unsure(name) => {
            let text = say!(
                lang,
                "on {}, but keepalived there says {}: not sure who is MASTER",
                name,
                state(name)
            );
            (Tone::Warn, text)
        }
        Holder::Both => (
            Tone::Bad,
            say!(
                lang,
                "on BOTH nodes: they do not hear each other's advertisements"
            ),
        ),
    }
}

fn primary(s: &Status, lang: Lang) -> (Tone, String) {
    match writer(s) {
        Writer::NoDatabase => (Tone::Faint, say!(lang, "there is no database")),
        Writer::Nobody => (Tone::Bad, say!(lang, "no node is known to be primary")),
        Writer::Old(name) => (
            Tone::Bad,
            say!(lang, "{} was primary when it was last heard", name),
        ),
        Writer::One {
            name,
            standby: Some(other),
            lag,
        } => (
            Tone::Plain,
            match lag {
                Some(lag) => say!(
                    lang,
                    "{}; the standby {} is {} behind",
                    name,
                    other,
                    bytes(lag)
                ),
                None => say!(
                    lang,
                    "{}; the standby {} is behind by an unknown amount",
                    name,
                    other
                ),
            },
        ),
        Writer::One { name, .. } => (Tone::Warn, say!(lang, "{}; no standby is seen", name)),
        Writer::Both => (
            Tone::Bad,
            say!(lang, "BOTH nodes say that they are primary: two writers"),
        ),
    }
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
        return (
            Tone::Plain,
            say!(look.lang, "nothing, and nothing has been"),
        );
    };
    let lang = look.lang;
    let (name, since) = (name(r, look), clock(&r.made));
    match r.result {
        None => {
            let took = duration(lang, r.elapsed_ms);
            let mut text = say!(lang, "{}, for {} (since {})", name, took, since);
            if let Some(phase) = &r.phase {
                text = say!(lang, "{}, phase {}", text, phase);
            }
            let runs: Vec<String> = r.rows.iter().filter_map(|row| running(row, lang)).collect();
            if !runs.is_empty() {
                text = say!(lang, "{}: {}", text, runs.join(lang.say(words!("; "))));
            }
            (Tone::Live, text)
        }
        Some(Outcome::Halted) => (
            Tone::Bad,
            say!(lang, "{} is HALTED (under way since {})", name, since),
        ),
        Some(done) => {
            let text = say!(
                lang,
                "nothing; the last was {}, {}: {} after {}",
                name,
                since,
                lang.say(outcome(done)),
                duration(lang, r.elapsed_ms)
            );
            (Tone::Plain, text)
        }
    }
}

fn running(row: &crate::wire::Row, lang: Lang) -> Option<String> {
    use crate::core::RowState::{Started, Undoing};
    let open = matches!(row.state, Some(Started | Undoing));
    let took = duration(lang, row.elapsed_ms?);
    let limit = duration(lang, row.limit_ms);
    open.then(|| say!(lang, "{} {} {} of {}", row.node, row.step, took, limit))
}

pub(super) fn outcome(outcome: Outcome) -> Words {
    match outcome {
        Outcome::Succeeded => words!("succeeded"),
        Outcome::Halted => words!("HALTED"),
        Outcome::RolledBack => words!("rolled back"),
        Outcome::Failed => words!("given up"),
        Outcome::Refused => words!("refused"),
    }
}

/// What stops it, its remedy, and what comes next: as many lines as there is to say.
fn next(s: &Status, look: &Look) -> Vec<(Option<Words>, (Tone, String))> {
    let lang = look.lang;
    let label = words!("next");
    let open = |r: &&Rollout| matches!(r.result, None | Some(Outcome::Halted));
    let Some(r) = s.rollout.as_ref().filter(open) else {
        let text = if s.peer.reachable {
            say!(
                lang,
                "nothing; hau-ctl doctor says whether the pair is fit to be upgraded"
            )
        } else {
            say!(
                lang,
                "see on {} what systemctl status hau-sidecar says, and the link between the nodes",
                s.peer.name
            )
        };
        return vec![(Some(label), (Tone::Plain, text))];
    };
    let mut said = Vec::new();
    if let Some((what, remedy)) = r.stopped_by.as_ref().map(|by| stopped(by, lang)) {
        said.push((Some(words!("stopped")), (Tone::Bad, what)));
        if !remedy.is_empty() {
            said.push((None, (Tone::Plain, format!("{} {remedy}", look.arrow()))));
        }
    }
    if !r.next.is_empty() {
        said.push((Some(label), (Tone::Plain, rollout::next(r, lang))));
    }
    said
}
