//! The audit trail in words, and what is proven of a copy.
use super::text::{Look, Mark, Tone, clock, hang};
use crate::audit::{By, Entry, Event, Outcome, Verdict};
use crate::wire::Audit;
use crate::words::{Lang, heard};
use serde_json::Value;
use std::collections::BTreeMap;

pub(crate) fn audit(trails: &Audit, look: &Look) -> String {
    let lines = in_order(trails, look);
    if lines.is_empty() {
        return say!(look.lang, "nothing of that is in the audit trail");
    }
    let mut out = String::new();
    for (entry, tone, text) in lines {
        let first = format!("{}  {} {:>4}  ", clock(&entry.at), entry.node, entry.seq);
        let line = hang(&first, &text, look.width);
        out.push_str(&look.paint(tone, &line));
        out.push('\n');
    }
    if let Some(note) = alone(trails, look.lang) {
        out.push_str(&look.paint(Tone::Warn, &note));
    }
    out
}

/// Of both nodes, oldest first: each with what it says.
pub(super) fn in_order<'t>(trails: &'t Audit, look: &Look) -> Vec<(&'t Entry, Tone, String)> {
    let mut entries: Vec<&Entry> = trails.values().flatten().collect();
    entries.sort_by(|a, b| (&a.at, &a.node, a.seq).cmp(&(&b.at, &b.node, b.seq)));
    let answer = |entry: &&Entry| {
        let Event::Answered { to, .. } = &entry.event else {
            return None;
        };
        Some(((entry.node.clone(), *to), entry.event.clone()))
    };
    let answers: BTreeMap<(String, u64), Event> = entries.iter().filter_map(answer).collect();
    let line = |entry: &'t Entry| {
        let answer = answers.get(&(entry.node.clone(), entry.seq));
        let (tone, text) = told(entry, answer, look)?;
        Some((entry, tone, printable(&text)))
    };
    entries.into_iter().filter_map(line).collect()
}

/// Whose trail it is, where the other node's is not there.
pub(super) fn alone(trails: &Audit, lang: Lang) -> Option<String> {
    let mut nodes = trails.keys();
    let (node, None) = (nodes.next()?, nodes.next()) else {
        return None;
    };
    Some(say!(
        lang,
        "of node {} alone: the other one does not answer",
        node
    ))
}

/// A reason is what somebody typed: it moves no cursor.
fn printable(text: &str) -> String {
    let shown = |c: char| if c.is_control() { '?' } else { c };
    text.chars().map(shown).collect()
}

/// `None`: it stands with what it answers.
fn told(entry: &Entry, answer: Option<&Event>, look: &Look) -> Option<(Tone, String)> {
    let lang = look.lang;
    let text = match &entry.event {
        Event::Asked {
            by,
            path,
            request,
            reason,
        } => {
            let what = format!("{} {}", who(by, lang), asked(path, request, lang));
            let what = because(what, reason.as_ref(), lang);
            let (tone, answer) = answered(answer, lang);
            return Some((tone, format!("{what} {} {answer}", look.arrow())));
        }
        Event::Answered { .. } => return None,
        Event::Started { hau, .. } => say!(lang, "hau-sidecar {} has started", hau),
        Event::Paired { .. } => say!(lang, "the nodes were paired"),
        Event::Overruled { by, findings } => {
            let findings = findings.iter().map(|f| heard(lang, f));
            let findings: Vec<String> = findings.collect();
            say!(lang, "{} overrules {}", by, findings.join("; "))
        }
        Event::Begun { .. } | Event::Ordered { .. } | Event::Ended { .. } => {
            of_rollout(&entry.event, lang)
        }
        Event::Disputed { of, why } => {
            let text = say!(
                lang,
                "the trail of node {} is not signed any more: {}",
                of,
                heard(lang, why)
            );
            return Some((Tone::Bad, text));
        }
        Event::Cut => say!(
            lang,
            "a power cut had left a part of an entry; it was removed"
        ),
        Event::Witnessed { of, up_to, .. } => {
            say!(lang, "signed node {}'s trail up to {}", of, up_to)
        }
        Event::Countersigned { up_to, .. } => say!(lang, "was signed up to {}", up_to),
        Event::Unknown => say!(lang, "something that only a later hau-ctl can read"),
    };
    Some((Tone::Plain, text))
}

fn because(what: String, reason: Option<&String>, lang: Lang) -> String {
    match reason {
        Some(why) => say!(lang, "{}, because: {}", what, why),
        None => what,
    }
}

/// How one begins and ends, and what is ordered meanwhile.
fn of_rollout(event: &Event, lang: Lang) -> String {
    if let Event::Begun {
        rollout,
        origin,
        kind,
        from,
        to,
        by,
        reason,
    } = event
    {
        let kind = word(kind, lang);
        let what = match from == to {
            true => say!(
                lang,
                "{} {} begins, asked for by {} on node {}",
                kind,
                rollout,
                by,
                origin
            ),
            false => say!(
                lang,
                "{} {} begins from {} to {}, asked for by {} on node {}",
                kind,
                rollout,
                from,
                to,
                by,
                origin
            ),
        };
        return because(what, reason.as_ref(), lang);
    }
    if let Event::Ordered {
        rollout,
        order,
        by,
        on,
        reason,
    } = event
    {
        let what = say!(
            lang,
            "{} of rollout {}, ordered by {} on node {}",
            order,
            rollout,
            by,
            on
        );
        return because(what, reason.as_ref(), lang);
    }
    let Event::Ended {
        rollout, result, ..
    } = event
    else {
        return String::new();
    };
    say!(
        lang,
        "rollout {} has ended: {}",
        rollout,
        word(result, lang)
    )
}

/// What the trail calls a kind of rollout, and its end.
fn word(written: &str, lang: Lang) -> &str {
    lang.say(match written {
        "upgrade" => words!("upgrade"),
        "switch" => words!("switch"),
        "rollback" => words!("rollback"),
        "failover" => words!("failover"),
        "rejoin" => words!("rejoin"),
        "succeeded" => words!("succeeded"),
        "failed" => words!("failed"),
        other => return other,
    })
}

fn answered(answer: Option<&Event>, lang: Lang) -> (Tone, String) {
    let Some(Event::Answered {
        outcome,
        code,
        says,
        rollout,
        ..
    }) = answer
    else {
        return (Tone::Warn, say!(lang, "no answer (yet)"));
    };
    match (outcome, rollout) {
        (Outcome::Accepted, Some(rollout)) => (Tone::Plain, say!(lang, "rollout {}", rollout)),
        (Outcome::Accepted, None) => (Tone::Plain, say!(lang, "done")),
        (Outcome::Refused, _) => {
            let code = code.as_deref().unwrap_or("REFUSED");
            let says = says.as_deref().unwrap_or_default();
            (Tone::Warn, say!(lang, "{}: {}", code, heard(lang, says)))
        }
    }
}

/// `root (chen, pts/3, from 10.0.0.9)`
fn who(by: &By, lang: Lang) -> String {
    let login = by.login.as_ref().map(|login| login.user.clone());
    let sudo = by.claims.sudo_user.clone();
    let from = by.claims.ssh_client.as_ref();
    let more = [
        login.or(sudo).filter(|user| *user != by.user),
        by.terminal.clone(),
        from.map(|address| say!(lang, "from {}", address)),
    ];
    let more: Vec<String> = more.into_iter().flatten().collect();
    if more.is_empty() {
        return by.user.clone();
    }
    format!("{} ({})", by.user, more.join(", "))
}

/// The verb that `hau-ctl` has for it.
fn asked(path: &str, request: &Value, lang: Lang) -> String {
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
        "/v1/plans" => say!(lang, "plan of {}", rollout()),
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
    let lang = look.lang;
    let (tone, end) = match wrong {
        0 => (
            Tone::Good,
            say!(
                lang,
                "Whole: up to where it is signed nothing was changed, added or left out."
            ),
        ),
        n => (
            Tone::Bad,
            say!(
                lang,
                "Not to be relied on: {}.",
                count!(lang, n, "1 problem", "{} problems")
            ),
        ),
    };
    out.push_str(&look.paint(tone, &end));
    out
}

fn one(v: &Verdict, is_compared: bool, look: &Look) -> String {
    let lang = look.lang;
    let entries = count!(lang, v.entries, "1 entry", "{} entries");
    let head = match v.entries {
        0 => v.file.clone(),
        _ => {
            let (begins, ends) = (clock(&v.begins), clock(&v.ends));
            say!(
                lang,
                "{}: node {}, {}, {} to {}",
                v.file,
                v.node,
                entries,
                begins,
                ends
            )
        }
    };
    let mut out = format!("{}\n", look.paint(Tone::Strong, &printable(&head)));
    let mut put = |tone, mark, text: &str| {
        let first = format!("  {} ", look.mark(mark));
        let line = hang(&first, &printable(text), look.width);
        out.push_str(&format!("{}\n", look.paint(tone, &line)));
    };
    for problem in &v.problems {
        put(Tone::Bad, Mark::Failed, &heard(lang, problem));
    }
    if v.problems.is_empty() {
        let text = say!(lang, "every entry follows the one before it");
        put(Tone::Good, Mark::Done, &text);
    }
    if let Some(by) = &v.by {
        let text = say!(lang, "signed by the other node up to entry {}", v.signed);
        put(Tone::Good, Mark::Done, &text);
        if !is_compared {
            let text = say!(
                lang,
                "… with the certificate {}, which this file names itself: compare it with `openssl x509 -in /etc/hau/tls/cert.pem -outform der | sha256sum` on the other node, or give that file",
                by
            );
            put(Tone::Warn, Mark::Warn, &text);
        }
    }
    if v.seen > 0 {
        let text = say!(
            lang,
            "the other trail says the same of it up to entry {}",
            v.seen
        );
        put(Tone::Good, Mark::Done, &text);
    }
    if v.unsigned > 0 {
        let text = say!(
            lang,
            "up to {} more entries are newer than that: they may be signed yet",
            v.unsigned
        );
        put(Tone::Warn, Mark::Warn, &text);
    }
    for note in &v.notes {
        put(Tone::Warn, Mark::Warn, &heard(lang, note));
    }
    out
}
