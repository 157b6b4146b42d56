//! Both nodes, fact by fact: beside the answers of `status`, and in the live view.
use super::holds::is_old;
use super::rollout::{database, vrrp};
use super::status::last_heard;
use super::text::{Cell, Tone, bytes, cell, plain};
use crate::core::{DatabaseRole, VrrpState};
use crate::host::Status as Judgement;
use crate::wire::{Node, Status, SyncState};
use crate::words::{Lang, Words};

/// A line for each fact: what it is called, then the cells of these nodes.
pub(crate) fn nodes(s: &Status, names: &[&str], lang: Lang) -> Vec<Vec<Cell>> {
    let column = |label: Words, of: &dyn Fn(&Node) -> (Tone, String)| {
        let mut row = vec![cell(Tone::Faint, lang.say(label))];
        row.extend(names.iter().map(|name| {
            let (tone, text) = s.nodes.get(*name).map_or((Tone::Faint, "-".to_owned()), of);
            cell(if is_old(s, name) { Tone::Faint } else { tone }, text)
        }));
        row
    };
    let number = |n: Option<i32>| n.map_or("-".to_owned(), |n| n.to_string());
    let word = |text: String| (Tone::Plain, text);
    let heads = names.iter().map(|name| {
        let head = if is_old(s, name) {
            say!(lang, "{} ({})", name, last_heard(s, lang))
        } else if *name == s.node {
            say!(lang, "{} (this node)", name)
        } else {
            (*name).to_owned()
        };
        cell(Tone::Strong, head)
    });
    vec![
        std::iter::once(plain("")).chain(heads).collect(),
        column(words!("VRRP"), &|n| vrrp_cell(n, lang)),
        column(words!("priority"), &|n| {
            word(say!(
                lang,
                "{} (weight {})",
                number(n.effective_priority),
                number(n.weight)
            ))
        }),
        column(words!("database"), &|n| word(database_cell(n, lang))),
        column(words!("version"), &|n| {
            word(n.version.clone().unwrap_or("-".to_owned()))
        }),
        column(words!("services"), &|n| services(n, lang)),
        column(words!("sync"), &|n| sync(n, lang)),
        column(words!("health"), &|n| health(n.health, lang)),
    ]
}

fn vrrp_cell(n: &Node, lang: Lang) -> (Tone, String) {
    let vip = if n.has_vip { ", VIP" } else { "" };
    let tone = match n.vrrp {
        VrrpState::Master | VrrpState::Backup => Tone::Plain,
        VrrpState::Fault => Tone::Bad,
        VrrpState::Unknown => Tone::Warn,
    };
    (tone, format!("{}{vip}", vrrp(n.vrrp, lang)))
}

fn database_cell(n: &Node, lang: Lang) -> String {
    let role = database(n.database).map_or("-", |role| lang.say(role));
    match n.lag_bytes {
        Some(lag) if n.database == DatabaseRole::Standby => {
            say!(lang, "{}, {} behind", role, bytes(lag))
        }
        Some(_) | None => role.to_owned(),
    }
}

fn services(n: &Node, lang: Lang) -> (Tone, String) {
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
            count!(lang, all, "1 service up", "{} services up"),
        ),
        (_, false) => (Tone::Bad, say!(lang, "{} DOWN", down.join(", "))),
    }
}

fn sync(n: &Node, lang: Lang) -> (Tone, String) {
    match n.sync {
        SyncState::Running => (Tone::Plain, say!(lang, "running")),
        SyncState::Paused => (Tone::Warn, say!(lang, "paused")),
        SyncState::None => (Tone::Faint, "-".to_owned()),
    }
}

fn health(judgement: Judgement, lang: Lang) -> (Tone, String) {
    let tone = match judgement {
        Judgement::Pass => Tone::Good,
        Judgement::Warn => Tone::Warn,
        Judgement::Fail => Tone::Bad,
    };
    (tone, lang.say(verdict(judgement)).to_owned())
}

pub(super) fn verdict(judgement: Judgement) -> Words {
    match judgement {
        Judgement::Pass => words!("pass"),
        Judgement::Warn => words!("warn"),
        Judgement::Fail => words!("FAIL"),
    }
}
