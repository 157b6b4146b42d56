//! Everything that is a list: findings, health, past rollouts, backups, the sync, the pairing.
use super::nodes::verdict;
use super::rollout::{by, name};
use super::status::outcome;
use super::text::{
    Cell, Look, Tone, bytes, cell, clock, downtime, duration, hang, judged, moment, padded, plain,
    table,
};
use crate::backup::{Entry, Manifest};
use crate::host::{Finding, Status};
use crate::wire::{Doctor, Health, Outcome, PairView, Rollout, SyncState, SyncView};
use crate::words::{Lang, Words, heard};
use std::collections::BTreeMap;
use unicode_width::UnicodeWidthStr;

pub(crate) fn doctor(d: &Doctor, look: &Look) -> String {
    let mut out = String::new();
    let column = column(d.values().flatten());
    for (node, findings) in d {
        out.push_str(&format!("{}\n", look.paint(Tone::Strong, node)));
        for f in findings {
            out.push_str(&finding(f, None, column, look));
        }
        out.push('\n');
    }
    let count = |status: Status| d.values().flatten().filter(|f| f.status == status).count();
    let (fails, warns) = (count(Status::Fail), count(Status::Warn));
    let lang = look.lang;
    let failed = count!(lang, fails, "1 failure", "{} failures");
    let warned = count!(lang, warns, "1 warning", "{} warnings");
    let (tone, verdict) = match (fails, warns) {
        (0, 0) => (Tone::Good, say!(lang, "Fit to be upgraded.")),
        (0, _) => (Tone::Good, say!(lang, "Fit to be upgraded, {}.", warned)),
        (_, 0) => (Tone::Bad, say!(lang, "Not fit to be upgraded: {}.", failed)),
        (..) => {
            let text = say!(lang, "Not fit to be upgraded: {}, {}.", failed, warned);
            (Tone::Bad, text)
        }
    };
    out.push_str(&look.paint(tone, &verdict));
    out
}

/// How wide their names are, most have few letters: what they say stands in a column of its own.
pub(super) fn column<'a>(findings: impl Iterator<Item = &'a Finding>) -> usize {
    findings.map(|f| f.check.width()).fold(13, usize::max)
}

/// One finding with its remedy under it; `node` where it does not stand under its node.
pub(super) fn finding(f: &Finding, node: Option<&String>, column: usize, look: &Look) -> String {
    let (tone, mark) = judged(look, f.status);
    let lang = look.lang;
    let first = format!("  {mark} {} ", padded(&f.check, column));
    let what = heard(lang, &f.what);
    let what = node.map_or(what.clone(), |node| say!(lang, "{}: {}", node, what));
    let text = hang(&first, &what, look.width);
    let (lead, rest) = text.split_at(first.len());
    let mut out = format!("{}{rest}\n", look.paint(tone, lead));
    if f.status != Status::Pass && !f.remedy.is_empty() {
        let arrow = look.arrow();
        let indent = " ".repeat(first.chars().count());
        out.push_str(&hang(
            &format!("{indent}{arrow} "),
            &heard(lang, &f.remedy),
            look.width,
        ));
        out.push('\n');
    }
    out
}

pub(crate) fn health(nodes: &BTreeMap<String, Health>, look: &Look) -> String {
    let (mut out, lang) = (String::new(), look.lang);
    for (node, health) in nodes {
        let (tone, _) = judged(look, health.status);
        let word = lang.say(verdict(health.status));
        let head = match &health.version {
            Some(version) => say!(lang, "{} ({}): {}", node, version, word),
            None => say!(lang, "{}: {}", node, word),
        };
        out.push_str(&format!("{}\n", look.paint(tone, &head)));
        for (check, seen) in &health.checks {
            for one in seen {
                let (tone, mark) = judged(look, one.status);
                let first = format!("  {mark} {} ", padded(check, 22));
                let text = if one.output.is_empty() {
                    lang.say(verdict(one.status)).to_owned()
                } else {
                    heard(lang, &one.output)
                };
                let text = hang(&first, &text, look.width);
                let (lead, rest) = text.split_at(first.len());
                out.push_str(&format!("{}{rest}\n", look.paint(tone, lead)));
            }
        }
    }
    out
}

/// Of a table.
fn heads<const N: usize>(words: [Words; N], lang: Lang) -> Vec<Cell> {
    words.map(|w| cell(Tone::Faint, lang.say(w))).to_vec()
}

pub(crate) fn history(past: &[Rollout], look: &Look) -> String {
    let lang = look.lang;
    if past.is_empty() {
        return say!(lang, "there has been no rollout yet");
    }
    let head = [
        words!("begun"),
        words!("rollout"),
        words!("result"),
        words!("took"),
        words!("downtime"),
        words!("by"),
    ];
    let mut rows = vec![heads(head, lang)];
    rows.extend(past.iter().map(|r| {
        let (tone, result) = match r.result {
            None => (Tone::Live, words!("goes on")),
            Some(o @ Outcome::Succeeded) => (Tone::Good, outcome(o)),
            Some(o @ (Outcome::Halted | Outcome::Refused)) => (Tone::Bad, outcome(o)),
            Some(o @ (Outcome::RolledBack | Outcome::Failed)) => (Tone::Warn, outcome(o)),
        };
        let took = duration(lang, r.elapsed_ms);
        let down = r.downtime_ms;
        let down = down.map_or("-".to_owned(), |ms| downtime(lang, ms));
        vec![
            plain(clock(&r.made)),
            plain(name(r, look)),
            cell(tone, lang.say(result)),
            plain(took),
            plain(down),
            plain(by(r, lang)),
        ]
    }));
    table(look, 0, &rows)
}

pub(crate) fn backups(list: &[Entry], look: &Look) -> String {
    let lang = look.lang;
    if list.is_empty() {
        return say!(
            lang,
            "there is no backup on this node; hau-ctl backup create makes one"
        );
    }
    let head = [
        words!("backup"),
        words!("made"),
        words!("version"),
        words!("size"),
    ];
    let mut rows = vec![heads(head, lang)];
    rows.extend(list.iter().map(|entry| {
        let mut row = vec![plain(&entry.name)];
        match &entry.manifest {
            Some(m) => row.extend(manifest_cells(m, lang)),
            None => row.push(cell(
                Tone::Bad,
                say!(lang, "was never finished: it cannot be used"),
            )),
        }
        row
    }));
    table(look, 0, &rows)
}

fn manifest_cells(m: &Manifest, lang: Lang) -> [Cell; 4] {
    let size = m.files.values().map(|f| f.size_bytes).sum();
    let key = if m.root_key.is_some() {
        lang.say(words!("with root key"))
    } else {
        ""
    };
    [
        plain(moment(m.made_at)),
        plain(m.version.as_deref().unwrap_or("-")),
        plain(bytes(size)),
        cell(Tone::Faint, key),
    ]
}

/// What `backup verify` has read back.
pub(crate) fn manifest(name: &str, m: &Manifest, look: &Look) -> String {
    let lang = look.lang;
    let files = count!(lang, m.files.len(), "1 file", "{} files");
    let mut out = format!(
        "{}\n",
        look.paint(
            Tone::Good,
            &say!(
                lang,
                "{} is whole: {} read back, every checksum right",
                name,
                files
            )
        )
    );
    let rows = m
        .files
        .iter()
        .map(|(file, info)| vec![plain(file), cell(Tone::Faint, bytes(info.size_bytes))]);
    out.push_str(&table(look, 2, &rows.collect::<Vec<_>>()));
    out
}

pub(crate) fn sync(view: &SyncView, look: &Look) -> String {
    let lang = look.lang;
    let state = match view.state {
        SyncState::Running => look.paint(Tone::Good, &say!(lang, "config sync is running")),
        SyncState::None => say!(lang, "no config sync is configured"),
        SyncState::Paused => {
            let text = match &view.paused {
                Some(by) => say!(lang, "config sync is PAUSED: {}", by),
                None => say!(lang, "config sync is PAUSED"),
            };
            look.paint(Tone::Warn, &text)
        }
    };
    let mut out = format!("{state}\n");
    if !view.changes.is_empty() {
        out.push_str(&format!("{}\n", say!(lang, "changed meanwhile:")));
    }
    for change in &view.changes {
        out.push_str(&hang("  ", change, look.width));
        out.push('\n');
    }
    out
}

pub(crate) fn pair(view: &PairView, look: &Look) -> String {
    let (mut out, lang) = (String::new(), look.lang);
    let fact = |what: Words, text: &str| format!("  {} {text}\n", padded(lang.say(what), 11));
    if let Some(code) = &view.code {
        let command = look.paint(Tone::Strong, &format!("hau-ctl pair {code}"));
        let what = say!(lang, "Type on the other node, as root:");
        out.push_str(&format!("{what}\n\n    {command}\n\n"));
    } else if let Some(peer) = &view.peer {
        let done = look.paint(Tone::Good, &say!(lang, "The nodes trust each other."));
        out.push_str(&format!("{done}\n{}", fact(words!("other node"), peer)));
    } else if view.waiting {
        let what = say!(lang, "This node waits for the other one to pair.");
        out.push_str(&format!("{what}\n"));
    } else {
        let what = say!(
            lang,
            "This node is not paired; hau-ctl pair shows a code for the other one."
        );
        out.push_str(&format!("{what}\n"));
    }
    out + &fact(words!("this node"), &view.own)
}
