//! THE CATALOGUE: every sentence that hau says to a person, in English and in Chinese, a table a topic.
//!
//! # Why
//!
//! A sentence is its own key: `say!(lang, "begins: {} (at most {})", about, limit)` reads as it will be read. It is looked
//! up when the program is compiled, so one that is not here, or has other places, does not compile. Entries are whole
//! sentences with places: Chinese has its own order, `{0}` and `{1}` say which.
//!
//! What travels (JSON, the journal, the trail) is English. What is fixed of it the daemon says with [`told!`], of the
//! tables [`TOLD`]; whoever shows it finds the sentence again ([`heard`]). What a program or a person said stays as said.
#[macro_use]
mod macros;
mod audit;
mod back;
mod checks;
mod ctl;
mod daemon;
mod help;
mod help_more;
mod init;
mod keepalived;
mod keys;
mod keys_help;
mod lang;
mod late;
mod lists;
mod live;
mod match_up;
mod notes;
mod page;
mod refusals;
mod rollouts;
mod status;
mod steps;
mod tables;

pub(crate) use lang::Lang;
pub(crate) use match_up::{heard, heard_as};

use std::fmt::Display;
use tables::{SAID, TOLD};

/// English, Chinese.
type Table = &'static [(&'static str, &'static str)];

/// A sentence of the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Words {
    en: &'static str,
    zh: &'static str,
}

impl Words {
    /// For the macros, when the program is compiled.
    ///
    /// # Panics
    /// Which is an error of the compiler: it is not in the catalogue, or has other places.
    pub(crate) const fn of(en: &'static str, places: usize) -> Self {
        let found = match find(en, SAID) {
            Some(found) => found,
            None => Self::of_told(en, places),
        };
        assert!(count(en) == places, "it has other places: src/words");
        found
    }

    /// The same of what travels.
    ///
    /// # Panics
    /// As [`Words::of`].
    pub(crate) const fn of_told(en: &'static str, places: usize) -> Self {
        let Some(found) = find(en, TOLD) else {
            panic!("it is not in the catalogue: src/words")
        };
        assert!(count(en) == places, "it has other places: src/words");
        found
    }

    /// What a text that is looked up as the program runs is in this catalogue; its English is the key.
    pub(crate) fn find(en: &str) -> Option<Self> {
        let mut all = SAID.iter().chain(TOLD).copied().flatten();
        let found = all.find(|(known, _)| *known == en);
        found.map(|(en, zh)| Self { en, zh })
    }

    pub(crate) const fn places(en: &str) -> usize {
        count(en)
    }

    /// What it is known by, whatever it reads like.
    pub(crate) fn key(self) -> &'static str {
        self.en
    }

    /// With what stands in its places.
    pub(crate) fn fill(self, lang: Lang, args: &[&dyn Display]) -> String {
        let mut out = String::new();
        let mut rest = lang.say(self);
        let mut next = 0;
        while let Some((before, number, after)) = place(rest) {
            out.push_str(before);
            let at = number.unwrap_or(next);
            if let Some(arg) = args.get(at) {
                out.push_str(&arg.to_string());
            }
            (next, rest) = (at + 1, after);
        }
        out + rest
    }
}

/// A sentence with what stands in its places, for who does not know yet in which language it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sentence {
    pub(crate) words: Words,
    pub(crate) args: Vec<String>,
}

impl Sentence {
    pub(crate) fn say(&self, lang: Lang) -> String {
        let args: Vec<&dyn Display> = self.args.iter().map(|arg| arg as &dyn Display).collect();
        self.words.fill(lang, &args)
    }
}

/// So many bytes, the same in every language.
pub(crate) fn bytes(n: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    let mut unit = None;
    let mut tenths = n.saturating_mul(10);
    for name in UNITS {
        if tenths < 10_240 {
            break;
        }
        tenths /= 1024;
        unit = Some(name);
    }
    match unit {
        None => format!("{n} B"),
        Some(unit) if tenths < 100 => format!("{}.{} {unit}", tenths / 10, tenths % 10),
        Some(unit) => format!("{} {unit}", tenths / 10),
    }
}

/// Up to the first place, its number if it has one, and the rest.
fn place(text: &str) -> Option<(&str, Option<usize>, &str)> {
    let (before, rest) = text.split_once('{')?;
    let (number, after) = rest.split_once('}')?;
    Some((before, number.parse().ok(), after))
}

const fn find(en: &'static str, tables: &[Table]) -> Option<Words> {
    let mut t = 0;
    while t < tables.len() {
        let mut n = 0;
        while n < tables[t].len() {
            let (known, zh) = tables[t][n];
            if is_same(known, en) {
                return Some(Words { en, zh });
            }
            n += 1;
        }
        t += 1;
    }
    None
}

const fn is_same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    let mut n = 0;
    while n < a.len() {
        if a[n] != b[n] {
            return false;
        }
        n += 1;
    }
    true
}

/// The places of an English sentence.
const fn count(en: &str) -> usize {
    let bytes = en.as_bytes();
    let (mut n, mut found) = (0, 0);
    while n < bytes.len() {
        if bytes[n] == b'{' {
            found += 1;
        }
        n += 1;
    }
    found
}

/// What is in the table of the steps.
#[cfg(test)]
pub(crate) fn step_texts() -> impl Iterator<Item = (&'static str, &'static str)> {
    steps::TABLE.iter().copied()
}

/// Where to look when a step takes too long, in both languages.
#[cfg(test)]
pub(crate) fn look_texts() -> impl Iterator<Item = &'static (&'static str, &'static str)> {
    late::LOOKS.iter()
}

/// What is in the tables of the help.
#[cfg(test)]
pub(crate) fn help_texts() -> impl Iterator<Item = (&'static str, &'static str)> {
    tables::HELP.iter().copied().flatten().copied()
}

#[cfg(test)]
mod tests;
