//! The chain: each line names the one before by its hash.
use super::Entry;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt::Write;

/// What stands for the line before the first.
pub const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// SHA-256 of a line without its newline, as 64 hex digits.
#[must_use]
pub fn hash(line: &[u8]) -> String {
    let mut hex = String::with_capacity(64);
    for byte in Sha256::digest(line) {
        // Writing to a string does not fail.
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

/// Where a chain stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Of the last entry; 0: there is none.
    pub seq: u64,
    /// Of its line.
    pub hash: String,
}

impl Default for Head {
    fn default() -> Self {
        Self {
            seq: 0,
            hash: GENESIS.to_owned(),
        }
    }
}

impl Head {
    /// Goes on to the next line.
    ///
    /// # Errors
    /// It is no entry, or not the one that follows; one sentence that names it.
    pub fn follow(&mut self, line: &[u8]) -> Result<Entry, String> {
        let seq = self.seq + 1;
        let entry: Entry =
            serde_json::from_slice(line).map_err(|e| format!("entry {seq} is none: {e}"))?;
        if entry.seq != seq {
            return Err(format!(
                "in the place of entry {seq} is entry {}",
                entry.seq
            ));
        }
        if entry.prev != self.hash {
            return Err(match self.seq {
                0 => "entry 1 names one before it".to_owned(),
                before => {
                    format!("entry {seq} does not follow entry {before}: one of them was changed")
                }
            });
        }
        let hash = hash(line);
        *self = Self { seq, hash };
        Ok(entry)
    }
}
