//! What a bundle says of itself.
use super::text::{Cell, Look, Tone, bytes, cell, plain, plural, table};
use crate::bundle::{Manifest, Signer};

pub(crate) fn bundle(m: &Manifest, signers: &[Signer], look: &Look) -> String {
    let ranges: Vec<String> = m.upgrades_from.iter().map(ToString::to_string).collect();
    let from = if ranges.is_empty() {
        "only where nothing is installed".to_owned()
    } else {
        ranges.join("  or  ")
    };
    let size = u64::try_from(m.total_bytes()).unwrap_or(u64::MAX);
    let scripts = match (m.schema.len(), m.schema_compatible) {
        (0, _) => "none".to_owned(),
        (n, true) => format!(
            "{}; the running version works with them",
            plural(n, "script", "scripts")
        ),
        (n, false) => format!(
            "{}; NOT compatible with the running version",
            plural(n, "script", "scripts")
        ),
    };
    let hooks: Vec<String> = m.hooks.values().cloned().collect();
    let hooks = if hooks.is_empty() {
        "none".to_owned()
    } else {
        hooks.join(", ")
    };
    let by = signers
        .iter()
        .map(|key| format!("{} ({})", key.name, key.id));
    let by = by.collect::<Vec<_>>().join(", ");
    let row =
        |label: &str, text: String| -> Vec<Cell> { vec![cell(Tone::Faint, label), plain(text)] };
    let rows = [
        row(
            "product",
            format!("{} {} (counter {})", m.product, m.version, m.counter),
        ),
        row("signed by", by),
        row("upgrades", from),
        row("expires", m.expires.to_string()),
        row("files", format!("{}, {}", m.file.len(), bytes(size))),
        row("schema", scripts),
        row("hooks", hooks),
    ];
    table(look, 2, &rows)
}
