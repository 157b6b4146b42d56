//! What a key set says, before anybody has signed it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use minisign::PublicKey;
use serde::{Deserialize, Serialize};

use super::keys::key_id;
use super::signed::{Key, Signer};
use super::{manifest, names};

/// The format that this hau reads and writes.
const FORMAT: u32 = 1;
/// The most keys in a set.
const MAX_KEYS: usize = 16;

/// What the holders of the keys sign. Field order is the order in the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    pub format: u32,
    /// `cluster.name` of the pairs that it is for.
    pub product: String,
    /// One more than that of the set before.
    pub number: u64,
    /// From then on nothing is installed that this set vouches for.
    pub expires: Timestamp,
    /// How many different keys must sign.
    pub threshold: usize,
    /// Name and minisign public key of each.
    pub keys: BTreeMap<String, String>,
}

impl Statement {
    pub(super) fn parse(text: &str) -> Result<Statement, String> {
        let table: toml::Table = text
            .parse()
            .map_err(|error| manifest::toml_line(text, &error))?;
        match table.get("format") {
            Some(format) if *format == toml::Value::from(FORMAT) => {}
            Some(found) => {
                return Err(format!(
                    "it has format {found}, this hau reads format {FORMAT}: upgrade hau first"
                ));
            }
            None => return Err("format is missing".to_owned()),
        }
        toml::from_str(text).map_err(|error| manifest::toml_line(text, &error))
    }

    /// Its keys, if its parts fit together.
    pub(super) fn signers(&self) -> Result<Vec<Key>, String> {
        if !names::is_plain_name(&self.product) {
            return Err("product must be letters, digits, - _ . and at most 64 of them".to_owned());
        }
        if self.number == 0 {
            return Err("number begins with 1".to_owned());
        }
        let count = self.keys.len();
        if count == 0 || count > MAX_KEYS {
            return Err(format!("it has {count} keys: 1 to {MAX_KEYS} are taken"));
        }
        if self.threshold == 0 || self.threshold > count {
            return Err(format!(
                "threshold is {}: it must be at least 1 and at most {count}, the number of keys",
                self.threshold
            ));
        }
        let mut ids = BTreeSet::new();
        let mut keys = Vec::new();
        for (name, public) in &self.keys {
            if !names::is_plain_name(name) {
                let shown = names::printable(name.as_bytes());
                return Err(format!(
                    "the key name {shown} must be letters, digits, - _ . and at most 64 of them"
                ));
            }
            let key = PublicKey::from_base64(public)
                .map_err(|error| format!("the key of {name} is no minisign public key: {error}"))?;
            let id = key_id(key.keynum());
            if !ids.insert(id.clone()) {
                return Err(format!(
                    "{name} has a key that another one has, too: nobody counts twice"
                ));
            }
            let name = name.clone();
            keys.push((Signer { name, id }, key));
        }
        Ok(keys)
    }
}
