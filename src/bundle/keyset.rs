//! Key sets: which keys count, how many of them must sign, and which set came before.
//!
//! ```text
//! format = 1                            # the statement: these bytes are signed
//! product = "shop"
//! number = 2
//! expires = "2028-01-01T00:00:00Z"
//! threshold = 2
//!
//! [keys]
//! alice = "RWQ…"
//! bob = "RWQ…"
//! carol = "RWQ…"
//! untrusted comment: …                  # from here on minisign's signatures, one after the other
//! ```
//!
//! # Why one file
//! Statement and signatures go together from hand to hand and are replaced on a node by one rename. For `minisign -V`
//! they are cut apart at the first line that begins with `untrusted comment:`, which is where we cut.

use std::path::Path;

use jiff::Timestamp;

use super::error::{BundleError, Refusal};
use super::keys::{SigningKey, What};
use super::signed::{self, Key, LINES, Signer};
use super::statement::Statement;
use crate::host::files;

/// The largest key set with its signatures, in bytes: 16 keys and 32 signatures with long comments.
const MAX_KEY_SET: usize = 32 << 10;
/// The most sets that are taken one after the other.
const MAX_CHAIN: usize = 16;
const SIGNATURE_START: &str = "untrusted comment:";

/// A statement whose parts fit together, with whatever signatures it has so far.
#[derive(Debug, Clone)]
pub struct KeySet {
    statement: Statement,
    /// The bytes that are signed.
    text: String,
    signatures: String,
    keys: Vec<Key>,
}

/// How far a set is from being installable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signatures {
    /// Keys of the set that signed it.
    pub own: Vec<Signer>,
    /// Keys of the set before that signed it; `None` where none was given.
    pub before: Option<Vec<Signer>>,
    /// Ids of other keys that signed it.
    pub others: Vec<String>,
    /// What is missing, a sentence each; empty: it may be installed.
    pub missing: Vec<String>,
}

impl KeySet {
    /// A set without signatures.
    ///
    /// # Errors
    /// What does not fit together.
    pub fn new(statement: &Statement) -> Result<KeySet, String> {
        let text = toml::to_string(statement).map_err(|error| error.to_string())?;
        KeySet::parse(&text)
    }

    /// Exactly one set.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<KeySet, String> {
        let mut sets = KeySet::chain(text)?;
        match (sets.pop(), sets.is_empty()) {
            (Some(set), true) => Ok(set),
            _ => Err("it holds more than one key set".to_owned()),
        }
    }

    /// One set or several, one after the other.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn chain(text: &str) -> Result<Vec<KeySet>, String> {
        let mut sets = Vec::new();
        let mut rest = text.trim_start();
        while !rest.trim().is_empty() {
            if sets.len() == MAX_CHAIN {
                return Err(format!("it holds more than {MAX_CHAIN} key sets"));
            }
            let (statement, signatures, after) = cut(rest);
            if statement.len() + signatures.len() > MAX_KEY_SET {
                return Err(format!("it is longer than {MAX_KEY_SET} bytes"));
            }
            sets.push(read(statement, signatures)?);
            rest = after;
        }
        if sets.is_empty() {
            return Err("it is empty".to_owned());
        }
        Ok(sets)
    }

    /// All sets in a file.
    ///
    /// # Errors
    /// If it cannot be read or is wrong.
    pub fn load(path: &Path) -> Result<Vec<KeySet>, BundleError> {
        let wrong = |why: String| BundleError::KeySet {
            path: path.to_owned(),
            why,
        };
        let limit = (MAX_KEY_SET * MAX_CHAIN) as u64;
        let text = files::read_start(path, limit + 1).map_err(|source| BundleError::Read {
            path: path.to_owned(),
            source,
        })?;
        if text.len() as u64 > limit {
            return Err(wrong("it is too long for key sets".to_owned()));
        }
        KeySet::chain(&text).map_err(wrong)
    }

    pub fn statement(&self) -> &Statement {
        &self.statement
    }

    pub fn number(&self) -> u64 {
        self.statement.number
    }

    /// The file's bytes.
    pub fn to_text(&self) -> String {
        format!("{}{}", self.text, self.signatures)
    }

    /// The bytes that are signed.
    pub(super) fn statement_text(&self) -> &str {
        &self.text
    }

    /// Says the same, whoever signed it.
    pub fn is_same(&self, other: &KeySet) -> bool {
        self.text == other.text
    }

    pub(super) fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// Adds a signature.
    ///
    /// # Errors
    /// If this key has signed it already.
    pub fn sign(&mut self, key: &SigningKey) -> Result<(), String> {
        if self.claimed()?.contains(&key.id()) {
            return Err(format!("key {} has signed it already", key.id()));
        }
        let Statement {
            product, number, ..
        } = &self.statement;
        let comment = format!("{product} key set {number}");
        if !self.text.ends_with('\n') {
            self.text.push('\n');
        }
        let signature = key.sign(self.text.as_bytes(), What::KeySet, &comment)?;
        if !self.signatures.is_empty() && !self.signatures.ends_with('\n') {
            self.signatures.push('\n');
        }
        self.signatures.push_str(&signature);
        Ok(())
    }

    fn claimed(&self) -> Result<Vec<String>, String> {
        if self.signatures.is_empty() {
            return Ok(Vec::new());
        }
        signed::claimed(self.signatures.as_bytes()).map_err(|refusal| refusal.to_string())
    }

    /// Which of `keys` signed this set.
    fn signed_by(&self, keys: &[Key]) -> Result<Vec<Signer>, Refusal> {
        if self.signatures.is_empty() {
            return Ok(Vec::new());
        }
        let signed = signed::judge(keys, self.text.as_bytes(), self.signatures.as_bytes())?;
        Ok(signed.by)
    }

    /// Who signed, and what is missing until it may follow `before`.
    ///
    /// # Errors
    /// If its signatures are none.
    pub fn signatures(&self, before: Option<&KeySet>) -> Result<Signatures, Refusal> {
        let own = self.signed_by(&self.keys)?;
        let old = before.map(|set| self.signed_by(&set.keys)).transpose()?;
        let known = |id: &String| {
            let mut all = self.keys.iter().chain(before.iter().flat_map(|s| &s.keys));
            all.any(|(signer, _)| signer.id == *id)
        };
        let wrong = |why| Refusal::KeySet { why };
        let mut others = self.claimed().map_err(wrong)?;
        others.retain(|id| !known(id));
        let mut missing = Vec::new();
        missing.extend(lacks(self, &own, "its own"));
        if let (Some(set), Some(old)) = (before, &old) {
            missing.extend(lacks(set, old, &format!("set {}'s", set.number())));
        }
        Ok(Signatures {
            own,
            before: old,
            others,
            missing,
        })
    }

    /// Signed by enough of its own keys: those who are named hold their keys, and can meet the threshold.
    pub(super) fn is_whole(&self) -> Result<(), Refusal> {
        self.complete(self.signatures(None)?)
    }

    /// May it come after `before`: for the same product, one higher, signed by enough keys of both.
    pub(super) fn follows(&self, before: &KeySet) -> Result<(), Refusal> {
        let (own, old) = (&self.statement, &before.statement);
        let wrong = |why| Err(Refusal::KeySet { why });
        if own.product != old.product {
            return wrong(format!(
                "key set {} is for {}, the one before it is for {}",
                own.number, own.product, old.product
            ));
        }
        if Some(own.number) != old.number.checked_add(1) {
            return wrong(format!(
                "key set {} does not follow key set {}: each one between must be there, in order",
                own.number, old.number
            ));
        }
        self.complete(self.signatures(Some(before))?)
    }

    /// May it come in the place of plain keys: one of them must have signed it.
    pub(super) fn replaces(&self, plain: &[Key]) -> Result<(), Refusal> {
        self.is_whole()?;
        if self.signed_by(plain)?.is_empty() {
            let names: Vec<_> = plain.iter().map(|(key, _)| key.name.as_str()).collect();
            let why = format!(
                "key set {} is not signed with the key that is trusted here so far ({})",
                self.number(),
                names.join(" or ")
            );
            return Err(Refusal::KeySet { why });
        }
        Ok(())
    }

    /// Whether it still holds at `now`.
    pub(super) fn in_force(&self, now: Timestamp) -> Result<(), Refusal> {
        if now < self.statement.expires {
            return Ok(());
        }
        Err(Refusal::KeySetExpired {
            number: self.number(),
            expires: self.statement.expires,
            now,
        })
    }

    fn complete(&self, signatures: Signatures) -> Result<(), Refusal> {
        match signatures.missing.as_slice() {
            [] => Ok(()),
            missing => {
                let why = format!("key set {}: {}", self.number(), missing.join("; "));
                Err(Refusal::KeySet { why })
            }
        }
    }
}

fn lacks(set: &KeySet, signed: &[Signer], whose: &str) -> Option<String> {
    let wanted = set.statement.threshold;
    if signed.len() >= wanted {
        return None;
    }
    let absent = set.keys.iter().filter(|(key, _)| !signed.contains(key));
    let absent: Vec<_> = absent.map(|(key, _)| key.name.as_str()).collect();
    Some(format!(
        "it is signed with {} of {whose} keys and needs {wanted} (not yet: {})",
        signed.len(),
        absent.join(", ")
    ))
}

/// The first set's statement and signatures, and what comes after them.
fn cut(text: &str) -> (&str, &str, &str) {
    let mut at = 0;
    let mut signatures = None;
    let mut lines = text.split_inclusive('\n');
    while let Some(line) = lines.next() {
        let starts = line.starts_with(SIGNATURE_START);
        match signatures {
            None if starts => signatures = Some(at),
            None => {}
            Some(_) if starts => {}
            Some(_) => break,
        }
        at += line.len();
        if starts {
            at += lines.by_ref().take(LINES - 1).map(str::len).sum::<usize>();
        }
    }
    let from = signatures.unwrap_or(at);
    (&text[..from], &text[from..at], text[at..].trim_start())
}

fn read(text: &str, signatures: &str) -> Result<KeySet, String> {
    let statement = Statement::parse(text)?;
    let set = KeySet {
        keys: statement.signers()?,
        statement,
        text: text.to_owned(),
        signatures: signatures.to_owned(),
    };
    set.claimed()?;
    Ok(set)
}
