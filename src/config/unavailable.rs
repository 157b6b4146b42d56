//! Keys that the format knows and this version of hau does not carry out yet.
//! They are refused, never taken in silence. To lift one, remove its line.

use super::read::Sink;
use super::tree::{Entry, Table, Tree, Value};

/// The key from the top, dotted; what to write instead, after "use …".
#[rustfmt::skip] // a table: one line each
const UNAVAILABLE: &[(&str, &str)] = &[
    ("vrrp.interface", "the interface of keepalived.conf: leave this key out"),
    ("database.replication_slot", "wal_keep_size: leave this key out"),
    ("backup.copy_to", "copy_to = [], and copy the backup by a job of your own"),
];

/// Puts a problem for each key that holds anything but an empty list or table.
pub(super) fn refuse(tree: &Tree, sink: &Sink) {
    for (key, instead) in UNAVAILABLE {
        let Some(entry) = find(&tree.root, key).filter(|entry| is_filled(&entry.value)) else {
            continue;
        };
        let what = format!("{key} is not available in this version");
        sink.borrow_mut()
            .add(&entry.at, what, format!("use {instead}"));
    }
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
