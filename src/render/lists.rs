//! Everything that is a list: findings, health, past rollouts, backups, the sync, the pairing.
use super::rollout::name;
use super::status::outcome;
use super::text::{
    Cell, Look, Tone, bytes, cell, clock, downtime, duration, hang, judged, moment, plain, plural,
    table,
};
use crate::backup::{Entry, Manifest};
use crate::host::{Finding, Status};
use crate::wire::{Doctor, Health, Outcome, PairView, Rollout, SyncState, SyncView};
use std::collections::BTreeMap;

pub(crate) fn doctor(d: &Doctor, look: &Look) -> String {
    let mut out = String::new();
    for (node, findings) in d {
        out.push_str(&format!("{}\n", look.paint(Tone::Strong, node)));
        for f in findings {
            out.push_str(&finding(f, None, look));
        }
        out.push('\n');
    }
    let count = |status: Status| d.values().flatten().filter(|f| f.status == status).count();
    let (fails, warns) = (count(Status::Fail), count(Status::Warn));
    let warned = if warns == 0 {
        String::new()
    } else {
        format!(", {}", plural(warns, "warning", "warnings"))
    };
    let (tone, verdict) = if fails > 0 {
        (
            Tone::Bad,
            format!(
                "Not fit to be upgraded: {}{warned}.",
                plural(fails, "failure", "failures")
            ),
        )
    } else {
        (Tone::Good, format!("Fit to be upgraded{warned}."))
    };
    out.push_str(&look.paint(tone, &verdict));
    out
}

/// One finding with its remedy under it; `node` where it does not stand under its node.
pub(super) fn finding(f: &Finding, node: Option<&String>, look: &Look) -> String {
    let (tone, mark) = judged(look, f.status);
    let node = node.map(|n| format!("{n}: ")).unwrap_or_default();
    let first = format!("  {mark} {:<13} ", f.check);
    let text = hang(&first, &format!("{node}{}", f.what), look.width);
    let (lead, rest) = text.split_at(first.len());
    let mut out = format!("{}{rest}\n", look.paint(tone, lead));
    if f.status != Status::Pass && !f.remedy.is_empty() {
        let arrow = look.arrow();
        let indent = " ".repeat(first.chars().count());
        out.push_str(&hang(&format!("{indent}{arrow} "), &f.remedy, look.width));
        out.push('\n');
    }
    out
}

pub(crate) fn health(nodes: &BTreeMap<String, Health>, look: &Look) -> String {
    let mut out = String::new();
    for (node, health) in nodes {
        let (tone, _) = judged(look, health.status);
        let version = health
            .version
            .as_ref()
            .map(|v| format!(" ({v})"))
            .unwrap_or_default();
        let head = format!("{node}{version}: {}", word(health.status));
        out.push_str(&format!("{}\n", look.paint(tone, &head)));
        for (check, seen) in &health.checks {
            for one in seen {
                let (tone, mark) = judged(look, one.status);
                let first = format!("  {mark} {check:<22} ");
                let text = if one.output.is_empty() {
                    word(one.status)
                } else {
                    &one.output
                };
                let text = hang(&first, text, look.width);
                let (lead, rest) = text.split_at(first.len());
                out.push_str(&format!("{}{rest}\n", look.paint(tone, lead)));
            }
        }
    }
    out
}

fn word(status: Status) -> &'static str {
    match status {
        Status::Pass => "pass",
        Status::Warn => "warn",
        Status::Fail => "FAIL",
    }
}

pub(crate) fn history(past: &[Rollout], look: &Look) -> String {
    if past.is_empty() {
        return "there has been no rollout yet".to_owned();
    }
    let mut rows = vec![
        ["begun", "rollout", "result", "took", "downtime", "by"]
            .map(|h| cell(Tone::Faint, h))
            .to_vec(),
    ];
    rows.extend(past.iter().map(|r| {
        let (tone, result) = match r.result {
            None => (Tone::Live, "goes on"),
            Some(o @ Outcome::Succeeded) => (Tone::Good, outcome(o)),
            Some(o @ (Outcome::Halted | Outcome::Refused)) => (Tone::Bad, outcome(o)),
            Some(o @ (Outcome::RolledBack | Outcome::Failed)) => (Tone::Warn, outcome(o)),
        };
        let took = duration(r.elapsed_ms);
        let down = r.downtime_ms.map_or("-".to_owned(), downtime);
        vec![
            plain(clock(&r.made)),
            plain(name(r, look)),
            cell(tone, result),
            plain(took),
            plain(down),
            plain(&r.by),
        ]
    }));
    table(look, 0, &rows)
}

pub(crate) fn backups(list: &[Entry], look: &Look) -> String {
    if list.is_empty() {
        return "there is no backup on this node; hau-ctl backup create makes one".to_owned();
    }
    let mut rows = vec![
        ["backup", "made", "version", "size", ""]
            .map(|h| cell(Tone::Faint, h))
            .to_vec(),
    ];
    rows.extend(list.iter().map(|entry| {
        let mut row = vec![plain(&entry.name)];
        match &entry.manifest {
            Some(m) => row.extend(manifest_cells(m)),
            None => row.push(cell(Tone::Bad, "was never finished: it cannot be used")),
        }
        row
    }));
    table(look, 0, &rows)
}

fn manifest_cells(m: &Manifest) -> [Cell; 4] {
    let size = m.files.values().map(|f| f.size_bytes).sum();
    let key = if m.root_key.is_some() {
        "with root key"
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
    let files = plural(m.files.len(), "file", "files");
    let mut out = format!(
        "{}\n",
        look.paint(
            Tone::Good,
            &format!("{name} is whole: {files} read back, every checksum right")
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
    let state = match view.state {
        SyncState::Running => look.paint(Tone::Good, "config sync is running"),
        SyncState::None => "no config sync is configured".to_owned(),
        SyncState::Paused => {
            let by = view
                .paused
                .as_ref()
                .map(|by| format!(": {by}"))
                .unwrap_or_default();
            look.paint(Tone::Warn, &format!("config sync is PAUSED{by}"))
        }
    };
    let mut out = format!("{state}\n");
    if !view.changes.is_empty() {
        out.push_str("changed meanwhile:\n");
    }
    for change in &view.changes {
        out.push_str(&hang("  ", change, look.width));
        out.push('\n');
    }
    out
}

pub(crate) fn pair(view: &PairView, look: &Look) -> String {
    let mut out = String::new();
    if let Some(code) = &view.code {
        let command = look.paint(Tone::Strong, &format!("hau-ctl pair {code}"));
        out.push_str(&format!(
            "Type on the other node, as root:\n\n    {command}\n\n"
        ));
    } else if let Some(peer) = &view.peer {
        let done = look.paint(Tone::Good, "The nodes trust each other.");
        out.push_str(&format!("{done}\n  other node  {peer}\n"));
    } else if view.waiting {
        out.push_str("This node waits for the other one to pair.\n");
    } else {
        out.push_str("This node is not paired; hau-ctl pair shows a code for the other one.\n");
    }
    out.push_str(&format!("  this node   {}\n", view.own));
    out
}
