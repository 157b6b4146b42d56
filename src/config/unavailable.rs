//! Values that the format knows and this version of hau does not carry out yet.
//! They are refused, never taken in silence. To lift one, remove its line.

use super::read::Sink;
use super::tree::{Entry, Table, Tree, Value};

struct Unavailable {
    /// The key from the top, dotted.
    key: &'static str,
    /// The value; `None`: anything but an empty list or table.
    word: Option<&'static str>,
    /// What to write instead, after "use …".
    instead: &'static str,
}

#[rustfmt::skip] // a table: one line each
const UNAVAILABLE: &[Unavailable] = &[
    Unavailable { key: "database.kind", word: Some("gaussdb"), instead: "kind = \"postgres\", \"command\" or \"none\"" },
    Unavailable { key: "vrrp.interface", word: None, instead: "the interface of keepalived.conf: leave this key out" },
    Unavailable { key: "database.replication_slot", word: None, instead: "wal_keep_size: leave this key out" },
    Unavailable { key: "backup.copy_to", word: None, instead: "copy_to = [], and copy the backup by a job of your own" },
];

/// What to write instead of `word` behind `key`; `None` if it is available.
pub(super) fn instead(key: &str, word: &str) -> Option<&'static str> {
    UNAVAILABLE
        .iter()
        .find(|row| row.key == key && row.word == Some(word))
        .map(|row| row.instead)
}

/// Puts a problem for each value that this version does not carry out.
pub(super) fn refuse(tree: &Tree, sink: &Sink) {
    for row in UNAVAILABLE {
        let Some(entry) = find(&tree.root, row.key) else {
            continue;
        };
        let what = match row.word {
            Some(word) if is_word(&entry.value, word) => format!("{} = {word:?}", row.key),
            None if is_filled(&entry.value) => row.key.to_string(),
            Some(_) | None => continue,
        };
        let what = format!("{what} is not available in this version");
        sink.borrow_mut()
            .add(&entry.at, what, format!("use {}", row.instead));
    }
}

fn is_word(value: &Value, word: &str) -> bool {
    matches!(value, Value::String(text) if text == word)
}

fn is_filled(value: &Value) -> bool {
    match value {
        Value::Array(items) => !items.is_empty(),
        Value::Table(table) => !table.is_empty(),
        Value::String(_) | Value::Integer(_) | Value::Boolean(_) | Value::Other(_) => true,
    }
}

fn find<'t>(table: &'t Table, key: &str) -> Option<&'t Entry> {
    let (section, name) = key.split_once('.')?;
    match &table.get(section)?.value {
        Value::Table(inner) => inner.get(name),
        Value::String(_)
        | Value::Integer(_)
        | Value::Boolean(_)
        | Value::Array(_)
        | Value::Other(_) => None,
    }
}
