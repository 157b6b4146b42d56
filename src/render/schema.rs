//! What schema scripts would do to the running version, statement by statement.
use super::text::{Look, Mark, Tone, hang};
use crate::schema::{Finding, Status};
use crate::words::heard;

pub(crate) fn schema(scripts: &[String], findings: &[Finding], look: &Look) -> String {
    let mut out = String::new();
    let mut last = None;
    for f in findings {
        let place = format!("{}:{}", f.file, f.line);
        if last.as_ref() != Some(&place) {
            let head = look.paint(Tone::Strong, &place);
            out.push_str(&format!("{head}  {}\n", f.statement));
            last = Some(place);
        }
        out.push_str(&finding(f, look));
    }
    if !findings.is_empty() {
        out.push('\n');
    }
    out.push_str(&verdict(scripts.len(), findings, look));
    out
}

fn finding(f: &Finding, look: &Look) -> String {
    let (tone, mark) = match (&f.allowed, f.status) {
        (Some(_), _) => (Tone::Good, Mark::Done),
        (None, Status::Warn) => (Tone::Warn, Mark::Warn),
        (None, Status::Fail) => (Tone::Bad, Mark::Failed),
    };
    let first = format!("  {} ", look.mark(mark));
    let text = hang(&first, &heard(look.lang, &f.what), look.width);
    let (lead, rest) = text.split_at(first.len());
    let says = match &f.allowed {
        Some(reason) => say!(look.lang, "allowed: {}", reason),
        None => heard(look.lang, &f.remedy),
    };
    let says = hang(&format!("    {} ", look.arrow()), &says, look.width);
    format!("{}{rest}\n{says}\n", look.paint(tone, lead))
}

fn verdict(scripts: usize, findings: &[Finding], look: &Look) -> String {
    let lang = look.lang;
    let scripts = count!(lang, scripts, "1 script", "{} scripts");
    let count = |test: &dyn Fn(&Finding) -> bool| findings.iter().filter(|f| test(f)).count();
    let fails = count(&Finding::is_failure);
    let warns = count(&|f| f.status == Status::Warn && f.allowed.is_none());
    let allowed = count(&|f| f.allowed.is_some());
    if findings.is_empty() {
        let text = say!(
            lang,
            "{}: hau sees nothing that breaks the running version.",
            scripts
        );
        return look.paint(Tone::Good, &text);
    }
    let mut parts = vec![count!(lang, fails, "1 failure", "{} failures")];
    parts.push(count!(lang, warns, "1 warning", "{} warnings"));
    if allowed > 0 {
        parts.push(say!(lang, "{} allowed", allowed));
    }
    let parts = parts.join(lang.say(words!(", ")));
    let tone = if fails > 0 { Tone::Bad } else { Tone::Good };
    look.paint(tone, &say!(lang, "{}: {}.", scripts, parts))
}
