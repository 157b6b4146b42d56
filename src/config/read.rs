//! Reading typed values out of the tree. A [`Section`] remembers which keys were asked for: that
//! list is what is allowed there, so a key is named in exactly one place, and the rest is "unknown".

use std::cell::RefCell;
use std::ops::RangeInclusive;

use super::problem::Problems;
use super::tree::{At, Entry, Table, Value};

/// Where problems are put. Invariant of this module: whoever answers `None` has put one here.
pub(super) type Sink = RefCell<Problems>;

/// A value and its place, to complain about later.
pub(super) struct Found<'t> {
    pub(super) entry: &'t Entry,
    /// `limits.soak.within`, `service[2].ports`
    pub(super) path: String,
    pub(super) sink: &'t Sink,
}

impl Found<'_> {
    /// Puts "PATH what; remedy" into the sink; `None` for the caller to return.
    pub(super) fn wrong<T>(&self, what: impl AsRef<str>, remedy: impl Into<String>) -> Option<T> {
        let what = format!("{} {}", self.path, what.as_ref());
        self.sink
            .borrow_mut()
            .add(&self.entry.at, what, remedy.into());
        None
    }

    pub(super) fn not_a<T>(&self, wanted: &str) -> Option<T> {
        self.wrong(
            format!("is {}", self.entry.value.kind()),
            format!("write {wanted}"),
        )
    }
}

/// A type that can stand behind a key.
pub(super) trait Read: Sized {
    fn read(found: &Found<'_>) -> Option<Self>;
}

/// An enum written as one of a few words.
pub(super) trait Word: Copy + 'static {
    const WORDS: &'static [(&'static str, Self)];
}

/// One table of the file while it is read.
pub(super) struct Section<'t> {
    at: At,
    path: String,
    table: Option<&'t Table>,
    asked: Vec<&'static str>,
    sink: &'t Sink,
}

impl<'t> Section<'t> {
    pub(super) fn root(main: &At, table: &'t Table, sink: &'t Sink) -> Section<'t> {
        Section {
            at: main.clone(),
            path: String::new(),
            table: Some(table),
            asked: Vec::new(),
            sink,
        }
    }

    /// The key as it was written, if it was.
    pub(super) fn find(&mut self, key: &'static str) -> Option<Found<'t>> {
        self.asked.push(key);
        let entry = self.table?.get(key)?;
        Some(Found {
            entry,
            path: self.path_of(key),
            sink: self.sink,
        })
    }

    /// `Some(None)`: absent. `None`: present and wrong.
    pub(super) fn optional<T: Read>(&mut self, key: &'static str) -> Option<Option<T>> {
        match self.find(key) {
            Some(found) => T::read(&found).map(Some),
            None => Some(None),
        }
    }

    pub(super) fn or<T: Read>(&mut self, key: &'static str, default: T) -> Option<T> {
        self.optional(key).map(|value| value.unwrap_or(default))
    }

    pub(super) fn required<T: Read>(&mut self, key: &'static str, remedy: &str) -> Option<T> {
        let value = self.optional(key)?;
        if value.is_none() {
            self.wrong(format!("{} is missing", self.path_of(key)), remedy);
        }
        value
    }

    /// A count of at least `least` and at most a thousand: nothing here makes sense beyond.
    pub(super) fn count(&mut self, key: &'static str, least: u32, default: u32) -> Option<u32> {
        match self.find(key) {
            Some(found) => found.integer(i64::from(least)..=1000),
            None => Some(default),
        }
    }

    /// A list that must be there and must not be empty.
    pub(super) fn filled<T: Read>(&mut self, key: &'static str, remedy: &str) -> Option<Vec<T>> {
        let list: Vec<T> = self.required(key, remedy)?;
        match self.find(key) {
            Some(found) if list.is_empty() => found.wrong("is empty", remedy),
            Some(_) | None => Some(list),
        }
    }

    /// A program with its whole path, then its words.
    pub(super) fn program(&mut self, key: &'static str, remedy: &str) -> Option<Vec<String>> {
        let words: Vec<String> = self.filled(key, remedy)?;
        let is_absolute = words
            .first()
            .is_some_and(|program| program.starts_with('/'));
        match self.find(key) {
            Some(found) if !is_absolute => found.wrong("begins with no absolute path", remedy),
            Some(_) | None => Some(words),
        }
    }

    /// The value of a string, if it is one; the key does not count as asked for.
    pub(super) fn peek(&self, key: &str) -> Option<&'t str> {
        match &self.table?.get(key)?.value {
            Value::String(text) => Some(text),
            Value::Integer(_)
            | Value::Boolean(_)
            | Value::Array(_)
            | Value::Table(_)
            | Value::Other(_) => None,
        }
    }

    /// A table below this one; an absent one reads as empty.
    pub(super) fn section(&mut self, key: &'static str) -> Option<Section<'t>> {
        match self.find(key) {
            Some(found) => found.section(),
            None => Some(Section {
                at: self.at.clone(),
                path: self.path_of(key),
                table: None,
                asked: Vec::new(),
                sink: self.sink,
            }),
        }
    }

    /// As [`Section::section`], with `Some(None)` for an absent one.
    pub(super) fn optional_section(&mut self, key: &'static str) -> Option<Option<Section<'t>>> {
        match self.find(key) {
            Some(found) => found.section().map(Some),
            None => Some(None),
        }
    }

    /// The tables of `[[key]]`; empty if there are none.
    pub(super) fn sections(&mut self, key: &'static str) -> Option<Vec<Section<'t>>> {
        let Some(found) = self.find(key) else {
            return Some(Vec::new());
        };
        let Value::Array(items) = &found.entry.value else {
            return found.not_a(&format!("[[{}]] in double brackets", found.path));
        };
        all(items.iter().enumerate().map(|(n, entry)| {
            Found {
                entry,
                path: format!("{}[{}]", found.path, n + 1),
                sink: found.sink,
            }
            .section()
        }))
    }

    /// The keys that are there, with their values, for a table whose keys are names.
    pub(super) fn named(&self) -> Vec<(&'t str, Found<'t>)> {
        let entries = self.table.into_iter().flatten();
        entries
            .map(|(name, entry)| {
                (
                    name.as_str(),
                    Found {
                        entry,
                        path: self.path_of(name),
                        sink: self.sink,
                    },
                )
            })
            .collect()
    }

    /// A problem of the section as a whole.
    pub(super) fn wrong(&self, what: impl Into<String>, remedy: impl Into<String>) {
        self.sink
            .borrow_mut()
            .add(&self.at, what.into(), remedy.into());
    }

    /// Complains about every key that nobody asked for.
    pub(super) fn finish(self) {
        for (name, found) in self.named() {
            if !self.asked.contains(&name) {
                let what = format!("unknown key {}", found.path);
                self.sink
                    .borrow_mut()
                    .add(&found.entry.at, what, suggestion(name, &self.asked));
            }
        }
    }

    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_string()
        } else {
            format!("{}.{key}", self.path)
        }
    }
}

impl<'t> Found<'t> {
    /// The value as a table.
    pub(super) fn section(&self) -> Option<Section<'t>> {
        let Value::Table(table) = &self.entry.value else {
            return self.not_a(&format!("[{}] and its keys below", self.path));
        };
        Some(Section {
            at: self.entry.at.clone(),
            path: self.path.clone(),
            table: Some(table),
            asked: Vec::new(),
            sink: self.sink,
        })
    }

    /// The value as an integer within `range`.
    pub(super) fn integer<T: TryFrom<i64>>(&self, range: RangeInclusive<i64>) -> Option<T> {
        let wanted = format!("an integer from {} to {}", range.start(), range.end());
        let Value::Integer(n) = self.entry.value else {
            return self.not_a(&wanted);
        };
        match T::try_from(n) {
            Ok(value) if range.contains(&n) => Some(value),
            Ok(_) | Err(_) => self.wrong(format!("is {n}"), format!("write {wanted}")),
        }
    }

    /// The strings of an array, without a complaint about anything else in it.
    pub(super) fn strings(&self) -> Vec<&str> {
        let items = self.items().iter();
        items
            .filter_map(|e| {
                if let Value::String(text) = &e.value {
                    Some(text.as_str())
                } else {
                    None
                }
            })
            .collect()
    }

    /// The integers of an array, without a complaint about anything else in it.
    pub(super) fn integers(&self) -> Vec<i64> {
        let items = self.items().iter();
        items
            .filter_map(|e| {
                if let Value::Integer(n) = e.value {
                    Some(n)
                } else {
                    None
                }
            })
            .collect()
    }

    fn items(&self) -> &[Entry] {
        match &self.entry.value {
            Value::Array(items) => items,
            Value::String(_)
            | Value::Integer(_)
            | Value::Boolean(_)
            | Value::Table(_)
            | Value::Other(_) => &[],
        }
    }
}

/// All of them if each is there; unlike `collect`, looks at the rest when one is not.
pub(super) fn all<T>(items: impl Iterator<Item = Option<T>>) -> Option<Vec<T>> {
    let items: Vec<Option<T>> = items.collect();
    items.into_iter().collect()
}

fn suggestion(unknown: &str, known: &[&'static str]) -> String {
    let near = known
        .iter()
        .map(|key| (strsim::jaro_winkler(unknown, key), key))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    match near {
        Some((_, key)) => format!("did you mean {key}?"),
        None => format!("remove it (known here: {})", known.join(", ")),
    }
}

impl Read for String {
    fn read(found: &Found<'_>) -> Option<String> {
        match &found.entry.value {
            Value::String(text) if text.trim().is_empty() => {
                found.wrong("is empty", "write something, or remove the key")
            }
            Value::String(text) => Some(text.clone()),
            Value::Integer(_)
            | Value::Boolean(_)
            | Value::Array(_)
            | Value::Table(_)
            | Value::Other(_) => found.not_a("a string in double quotes"),
        }
    }
}

impl Read for bool {
    fn read(found: &Found<'_>) -> Option<bool> {
        match found.entry.value {
            Value::Boolean(yes) => Some(yes),
            Value::String(_)
            | Value::Integer(_)
            | Value::Array(_)
            | Value::Table(_)
            | Value::Other(_) => found.not_a("true or false, without quotes"),
        }
    }
}

/// A port.
impl Read for u16 {
    fn read(found: &Found<'_>) -> Option<u16> {
        found.integer(1..=65535)
    }
}

impl<T: Read> Read for Vec<T> {
    fn read(found: &Found<'_>) -> Option<Vec<T>> {
        let Value::Array(items) = &found.entry.value else {
            return found.not_a("a list in square brackets");
        };
        all(items.iter().enumerate().map(|(n, entry)| {
            T::read(&Found {
                entry,
                path: format!("{}[{}]", found.path, n + 1),
                sink: found.sink,
            })
        }))
    }
}

impl<T: Word> Read for T {
    fn read(found: &Found<'_>) -> Option<T> {
        let offered = T::WORDS.iter().map(|(word, _)| format!("{word:?}"));
        let offered: Vec<String> = offered.collect();
        let offered = offered.join(" or ");
        let Value::String(text) = &found.entry.value else {
            return found.not_a(&offered);
        };
        let value = T::WORDS
            .iter()
            .find(|(word, _)| word == text)
            .map(|(_, value)| *value);
        value.or_else(|| found.wrong(format!("is {text:?}"), format!("write {offered}")))
    }
}
