//! What a bundle says of itself.
use super::text::{Cell, Look, Tone, bytes, cell, plain, table};
use crate::bundle::{Manifest, Signer};
use crate::words::{Lang, Words};

pub(crate) fn bundle(m: &Manifest, signers: &[Signer], look: &Look) -> String {
    let lang = look.lang;
    let ranges: Vec<String> = m.upgrades_from.iter().map(ToString::to_string).collect();
    let from = if ranges.is_empty() {
        say!(lang, "only where nothing is installed")
    } else {
        ranges.join(lang.say(words!("  or  ")))
    };
    let size = u64::try_from(m.total_bytes()).unwrap_or(u64::MAX);
    let scripts = match (m.schema.len(), m.schema_compatible) {
        (0, _) => say!(lang, "none"),
        (n, true) => say!(
            lang,
            "{}; the running version works with them",
            count!(lang, n, "1 script", "{} scripts")
        ),
        (n, false) => say!(
            lang,
            "{}; NOT compatible with the running version",
            count!(lang, n, "1 script", "{} scripts")
        ),
    };
    let hooks: Vec<String> = m.hooks.values().cloned().collect();
    let hooks = if hooks.is_empty() {
        say!(lang, "none")
    } else {
        hooks.join(", ")
    };
    let (label, files) = match &m.delta {
        Some(delta) => {
            let saves = saves(size, delta.payload, lang);
            (words!("delta"), say!(lang, "of {}: {}", delta.base, saves))
        }
        None => (
            words!("files"),
            format!("{}, {}", m.file.len(), bytes(size)),
        ),
    };
    let by = signers
        .iter()
        .map(|key| format!("{} ({})", key.name, key.id));
    let by = by.collect::<Vec<_>>().join(", ");
    let row = |label: Words, text: String| -> Vec<Cell> {
        vec![cell(Tone::Faint, lang.say(label)), plain(text)]
    };
    let rows = [
        row(
            words!("product"),
            say!(lang, "{} {} (counter {})", m.product, m.version, m.counter),
        ),
        row(words!("signed by"), by),
        row(words!("upgrades"), from),
        row(words!("expires"), m.expires.to_string()),
        row(label, files),
        row(words!("schema"), scripts),
        row(words!("hooks"), hooks),
    ];
    // What else a delta brings is in the bundle that it makes.
    let shown = if m.delta.is_some() { 5 } else { rows.len() };
    table(look, 2, rows.get(..shown).unwrap_or(&rows))
}

/// What a delta of `size` bytes is good for.
pub(crate) fn saves(size: u64, full: u64, lang: Lang) -> String {
    let share = size as f64 * 100.0 / full.max(1) as f64;
    let share = format!("{share:.1} %");
    say!(
        lang,
        "{} instead of {} ({})",
        bytes(size),
        bytes(full),
        share
    )
}
