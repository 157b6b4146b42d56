//! What a bundle says of itself.
use super::text::{Cell, Look, Tone, bytes, cell, plain, table};
use crate::bundle::{Manifest, Signer};
use crate::words::Words;

pub(crate) fn bundle(m: &Manifest, signer: &Signer, look: &Look) -> String {
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
    let row = |label: Words, text: String| -> Vec<Cell> {
        vec![cell(Tone::Faint, lang.say(label)), plain(text)]
    };
    let rows = [
        row(
            words!("product"),
            say!(lang, "{} {} (counter {})", m.product, m.version, m.counter),
        ),
        row(
            words!("signed by"),
            format!("{} ({})", signer.name, signer.id),
        ),
        row(words!("upgrades"), from),
        row(words!("expires"), m.expires.to_string()),
        row(
            words!("files"),
            format!("{}, {}", m.file.len(), bytes(size)),
        ),
        row(words!("schema"), scripts),
        row(words!("hooks"), hooks),
    ];
    table(look, 2, &rows)
}
