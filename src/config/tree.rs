//! The configuration as a tree of values that know the file and line they came from,
//! so that after drop-ins were merged a problem still names the right place.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::Problems;

/// Where a value was written.
#[derive(Debug, Clone)]
pub(super) struct At {
    pub(super) file: Arc<str>,
    /// From 1; `None` for what is nowhere, such as a section that is missing.
    pub(super) line: Option<usize>,
}

/// A value and the place of its key (of the value itself, in an array).
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) at: At,
    pub(super) value: Value,
}

#[derive(Debug, Clone)]
pub(super) enum Value {
    String(String),
    Integer(i64),
    Boolean(bool),
    Array(Vec<Entry>),
    Table(Table),
    /// A float, a date, or an integer beyond 64 bits: nothing in hau.toml is one of these.
    Other(&'static str),
}

pub(super) type Table = BTreeMap<String, Entry>;

impl Value {
    /// What it is, for a sentence "… is KIND".
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Value::String(_) => "a string",
            Value::Integer(_) => "an integer",
            Value::Boolean(_) => "true or false",
            Value::Array(_) => "an array",
            Value::Table(_) => "a table",
            Value::Other(kind) => kind,
        }
    }
}

/// All files, merged.
#[derive(Debug)]
pub(super) struct Tree {
    /// The main file, where what is missing belongs.
    pub(super) main: At,
    pub(super) root: Table,
}

impl Tree {
    pub(super) fn empty(main: &Path) -> Tree {
        Tree {
            main: At {
                file: name_of(main),
                line: None,
            },
            root: Table::new(),
        }
    }

    /// Merges `text` over what is there: tables key by key, anything else (arrays too) replaced.
    /// Each syntax error goes to `problems`.
    pub(super) fn lay_over(&mut self, file: &Path, text: &str, problems: &mut Problems) {
        let source = Source {
            file: name_of(file),
            text,
        };
        let (table, errors) = DeTable::parse_recoverable(text);
        for error in errors {
            // The message alone: the error's Display quotes the line, which may hold a password.
            problems.add(
                &source.at(error.span().map_or(0, |span| span.start)),
                format!("not TOML: {}", error.message().replace('\n', ", ")),
                "correct the syntax".to_string(),
            );
        }
        merge(&mut self.root, source.table(table.get_ref()));
    }
}

fn merge(base: &mut Table, over: Table) {
    for (key, entry) in over {
        match (base.get_mut(&key).map(|e| &mut e.value), entry.value) {
            (Some(Value::Table(below)), Value::Table(above)) => merge(below, above),
            (_, value) => {
                base.insert(
                    key,
                    Entry {
                        at: entry.at,
                        value,
                    },
                );
            }
        }
    }
}

fn name_of(path: &Path) -> Arc<str> {
    path.display().to_string().into()
}

struct Source<'t> {
    file: Arc<str>,
    text: &'t str,
}

impl Source<'_> {
    fn at(&self, offset: usize) -> At {
        let before = &self.text.as_bytes()[..offset.min(self.text.len())];
        let line = before.iter().filter(|b| **b == b'\n').count() + 1;
        At {
            file: self.file.clone(),
            line: Some(line),
        }
    }

    fn table(&self, table: &DeTable<'_>) -> Table {
        let entry = |key: &Spanned<_>, value: &Spanned<DeValue<'_>>| Entry {
            at: self.at(key.span().start),
            value: self.value(value.get_ref()),
        };
        table
            .iter()
            .map(|(key, value)| (key.get_ref().to_string(), entry(key, value)))
            .collect()
    }

    fn value(&self, value: &DeValue<'_>) -> Value {
        match value {
            DeValue::String(text) => Value::String(text.to_string()),
            DeValue::Integer(n) => i64::from_str_radix(n.as_str(), n.radix()).map_or(
                Value::Other("an integer too large for this"),
                Value::Integer,
            ),
            DeValue::Boolean(yes) => Value::Boolean(*yes),
            DeValue::Float(_) => Value::Other("a fraction"),
            DeValue::Datetime(_) => Value::Other("a date"),
            DeValue::Table(table) => Value::Table(self.table(table)),
            DeValue::Array(items) => Value::Array(
                items
                    .iter()
                    .map(|item| Entry {
                        at: self.at(item.span().start),
                        value: self.value(item.get_ref()),
                    })
                    .collect(),
            ),
        }
    }
}
