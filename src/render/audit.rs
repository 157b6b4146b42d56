//! The audit trail in words, and what is proven of a copy.
use super::text::{Look, Mark, Tone, clock, hang, plural};
use crate::audit::{By, Entry, Event, Outcome, Verdict};
use crate::wire::Audit;
use serde_json::Value;
use std::collections::BTreeMap;

pub(crate) fn audit(trails: &Audit, look: &Look) -> String {
    let mut entries: Vec<&Entry> = trails.values().flatten().collect();
    if entries.is_empty() {
        return "nothing of that is in the audit trail".to_owned();
    }
    entries.sort_by(|a, b| (&a.at, &a.node, a.seq).cmp(&(&b.at, &b.node, b.seq)));
    let answer = |entry: &&Entry| {
        let Event::Answered { to, .. } = &entry.event else {
            return None;
        };
        Some(((entry.node.clone(), *to), entry.event.clone()))
    };
    let mut answers: BTreeMap<(String, u64), Event> = entries.iter().filter_map(answer).collect();
    let mut out = String::new();
    for entry in entries {
        let answer = answers.remove(&(entry.node.clone(), entry.seq));
        let Some((tone, text)) = told(entry, answer.as_ref(), look) else {
            continue;
        };
        let first = format!("{}  {} {:>4}  ", clock(&entry.at), entry.node, entry.seq);
        let line = hang(&first, &printable(&text), look.width);
        out.push_str(&look.paint(tone, &line));
        out.push('\n');
    }
    if trails.len() == 1 {
        let node: String = trails.keys().cloned().collect();
        let note = format!("of node {node} alone: the other one does not answer");
        out.push_str(&look.paint(Tone::Warn, &note));
    }
    out
}

/// A reason is what somebody typed: it moves no cursor.
fn printable(text: &str) -> String {
    let shown = |c: char| if c.is_control() { '?' } else { c };
    text.chars().map(shown).collect()
}

/// `None`: it stands with what it answers.
fn told(entry: &Entry, answer: Option<&Event>, look: &Look) -> Option<(Tone, String)> {
    let because = |reason: &Option<String>| {
        let reason = reason.as_ref();
        reason.map_or(String::new(), |why| format!(", because: {why}"))
    };
    let text = match &entry.event {
        Event::Asked {
            by,
            path,
            request,
            reason,
        } => {
            let what = format!("{} {}{}", who(by), asked(path, request), because(reason));
            let (tone, answer) = answered(answer);
            return Some((tone, format!("{what} {} {answer}", look.arrow())));
        }
        Event::Answered { .. } => return None,
        Event::Started { hau, .. } => format!("hau-sidecar {hau} has started"),
        Event::Paired { .. } => "the nodes were paired".to_owned(),
        Event::Overruled { by, findings } => format!("{by} overrules {}", findings.join("; ")),
        Event::Begun {
            rollout,
            origin,
            kind,
            from,
            to,
            by,
            reason,
        } => {
            let way = if from == to {
                String::new()
            } else {
                format!(" from {from} to {to}")
            };
            let why = because(reason);
            format!("{kind} {rollout} begins{way}, asked for by {by} on node {origin}{why}")
        }
        Event::Ordered {
            rollout,
            order,
            by,
            on,
            reason,
        } => {
            let why = because(reason);
            format!("{order} of rollout {rollout}, ordered by {by} on node {on}{why}")
        }
        Event::Ended {
            rollout, result, ..
        } => format!("rollout {rollout} has ended: {result}"),
        Event::Disputed { of, why } => {
            let text = format!("the trail of node {of} is not signed any more: {why}");
            return Some((Tone::Bad, text));
        }
        Event::Cut => "a power cut had left a part of an entry; it was removed".to_owned(),
        Event::Witnessed { of, up_to, .. } => format!("signed node {of}'s trail up to {up_to}"),
        Event::Countersigned { up_to, .. } => format!("was signed up to {up_to}"),
        Event::Unknown => "something that only a later hau-ctl can read".to_owned(),
    };
    Some((Tone::Plain, text))
}

fn answered(answer: Option<&Event>) -> (Tone, String) {
    let Some(Event::Answered {
        outcome,
        code,
        says,
        rollout,
        ..
    }) = answer
    else {
        return (Tone::Warn, "no answer (yet)".to_owned());
    };
    match (outcome, rollout) {
        (Outcome::Accepted, Some(rollout)) => (Tone::Plain, format!("rollout {rollout}")),
        (Outcome::Accepted, None) => (Tone::Plain, "done".to_owned()),
        (Outcome::Refused, _) => {
            let code = code.as_deref().unwrap_or("REFUSED");
            let says = says.as_deref().unwrap_or_default();
            (Tone::Warn, format!("{code}: {says}"))
        }
    }
}

/// `root (chen, pts/3, from 10.0.0.9)`
fn who(by: &By) -> String {
    let login = by.login.as_ref().map(|login| login.user.clone());
    let sudo = by.claims.sudo_user.clone();
    let from = by.claims.ssh_client.as_ref();
    let more = [
        login.or(sudo).filter(|user| *user != by.user),
        by.terminal.clone(),
        from.map(|address| format!("from {address}")),
    ];
    let more: Vec<String> = more.into_iter().flatten().collect();
    if more.is_empty() {
        return by.user.clone();
    }
    format!("{} ({})", by.user, more.join(", "))
}

/// The verb that `hau-ctl` has for it.
fn asked(path: &str, request: &Value) -> String {
    let member = |name: &str| request.get(name).and_then(Value::as_str);
    let rollout = || {
        let what = match (request.get("rollback"), member("bundle")) {
            (Some(back), _) => format!("rollback{}", flags(back)),
            (None, Some(bundle)) => format!("upgrade {bundle}"),
            (None, None) => "switch".to_owned(),
        };
        format!("{what}{}", flags(request))
    };
    match path {
        "/v1/plans" => format!("plan of {}", rollout()),
        "/v1/rollouts" => rollout(),
        "/v1/orders" => member("order").unwrap_or("order").to_owned(),
        "/v1/stage" => format!("stage {}", member("bundle").unwrap_or_default()),
        "/v1/failover" | "/v1/rejoin" => {
            let verb = path.trim_start_matches("/v1/");
            format!("{verb}{}", flags(request))
        }
        "/v1/backups" => "backup create".to_owned(),
        "/v1/pair" => "pair".to_owned(),
        "/v1/notices/test" => "notify test".to_owned(),
        other => {
            let words = other.trim_start_matches("/v1/").split('/');
            words.collect::<Vec<_>>().join(" ")
        }
    }
}

/// What was said beside the name: `--accept-data-loss`, `--to b`.
fn flags(request: &Value) -> String {
    let Some(members) = request.as_object() else {
        return String::new();
    };
    let flag = |(name, value): (&String, &Value)| {
        let name = name.replace('_', "-");
        match value {
            Value::Bool(true) => format!(" --{name}"),
            Value::String(word) if name != "bundle" => format!(" --{name} {word}"),
            Value::Number(n) => format!(" --{name} {n}"),
            Value::Bool(false)
            | Value::String(_)
            | Value::Null
            | Value::Array(_)
            | Value::Object(_) => String::new(),
        }
    };
    members.iter().map(flag).collect()
}

pub(crate) fn verdicts(verdicts: &[Verdict], is_compared: bool, look: &Look) -> String {
    let mut out = String::new();
    for verdict in verdicts {
        out.push_str(&one(verdict, is_compared, look));
        out.push('\n');
    }
    let wrong: usize = verdicts.iter().map(|v| v.problems.len()).sum();
    let (tone, end) = match wrong {
        0 => (
            Tone::Good,
            "Whole: up to where it is signed nothing was changed, added or left out.".to_owned(),
        ),
        n => (
            Tone::Bad,
            format!("Not to be relied on: {}.", plural(n, "problem", "problems")),
        ),
    };
    out.push_str(&look.paint(tone, &end));
    out
}

fn one(v: &Verdict, is_compared: bool, look: &Look) -> String {
    let entries = plural(
        usize::try_from(v.entries).unwrap_or(usize::MAX),
        "entry",
        "entries",
    );
    let head = match v.entries {
        0 => v.file.clone(),
        _ => {
            let (begins, ends) = (clock(&v.begins), clock(&v.ends));
            format!("{}: node {}, {entries}, {begins} to {ends}", v.file, v.node)
        }
    };
    let mut out = format!("{}\n", look.paint(Tone::Strong, &printable(&head)));
    let mut say = |tone, mark, text: &str| {
        let first = format!("  {} ", look.mark(mark));
        let line = hang(&first, &printable(text), look.width);
        out.push_str(&format!("{}\n", look.paint(tone, &line)));
    };
    for problem in &v.problems {
        say(Tone::Bad, Mark::Failed, problem);
    }
    if v.problems.is_empty() {
        say(
            Tone::Good,
            Mark::Done,
            "every entry follows the one before it",
        );
    }
    if let Some(by) = &v.by {
        let text = format!("signed by the other node up to entry {}", v.signed);
        say(Tone::Good, Mark::Done, &text);
        if !is_compared {
            let text = format!(
                "… with the certificate {by}, which this file names itself: compare it with `openssl x509 -in /etc/hau/tls/cert.pem -outform der | sha256sum` on the other node, or give that file"
            );
            say(Tone::Warn, Mark::Warn, &text);
        }
    }
    if v.seen > 0 {
        let text = format!("the other trail says the same of it up to entry {}", v.seen);
        say(Tone::Good, Mark::Done, &text);
    }
    if v.unsigned > 0 {
        let text = format!(
            "up to {} more entries are newer than that: they may be signed yet",
            v.unsigned
        );
        say(Tone::Warn, Mark::Warn, &text);
    }
    for note in &v.notes {
        say(Tone::Warn, Mark::Warn, note);
    }
    out
}
