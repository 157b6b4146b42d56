//! What a node remembers of what it has installed, over every rollback: `trust.json` in its state folder.
//!
//! # Why beside the journal
//! The journal's facts are folded into what goes on now, and a rollback takes back what they say. This only ever grows, is read by
//! `hau-ctl` where no daemon runs, and is one line that a person can read.
//!
//! # Why a new key set clears it
//! Who stole a key could sign the highest counter there is, or have a moment of the far future noted with a wrong clock, and nothing could be
//! installed after that. The holders of the other keys can: what was remembered counts under the key set that it was remembered under.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::error::{BundleError, Refusal};
use super::trusted::TrustedKeys;
use crate::host::files;

const FILE: &str = "trust.json";
const FORMAT: u32 = 1;

/// Highest counter, highest key set, newest moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Remembered {
    format: u32,
    /// Number of the highest key set that was in force here; 0: plain keys.
    pub key_set: u64,
    /// The highest that was installed under it; `None`: what the release says that runs.
    pub counter: Option<u64>,
    /// The newest moment that was seen under it.
    pub seen: Timestamp,
}

impl Remembered {
    /// Of a node that has installed nothing yet.
    pub fn nothing(keys: &TrustedKeys, seen: Timestamp) -> Remembered {
        Remembered {
            format: FORMAT,
            key_set: keys.number(),
            counter: None,
            seen,
        }
    }

    pub fn path(state: &Path) -> PathBuf {
        state.join(FILE)
    }

    /// What the folder `state` holds; `None`: this node has not begun to remember.
    ///
    /// # Errors
    /// If it cannot be read or is damaged: that is not the same as nothing.
    pub fn load(state: &Path) -> Result<Option<Remembered>, BundleError> {
        let path = Remembered::path(state);
        let text = match files::read_start(&path, 4 << 10) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(BundleError::Read { path, source }),
        };
        let read = serde_json::from_str::<Remembered>(&text).map_err(|e| e.to_string());
        let read = read.and_then(|found| match found.format {
            FORMAT => Ok(found),
            later => Err(format!("it has format {later}: upgrade hau first")),
        });
        read.map(Some)
            .map_err(|why| BundleError::Remembered { path, why })
    }

    /// Replaces it, on disk when this returns.
    ///
    /// # Errors
    /// If the disk does not take it.
    pub fn store(&self, state: &Path) -> Result<(), BundleError> {
        let path = Remembered::path(state);
        let text = serde_json::to_string(self).unwrap_or_default() + "\n";
        files::write(&path, text.as_bytes(), 0o640).map_err(|e| BundleError::Write {
            path,
            source: std::io::Error::other(e.why),
        })
    }

    /// What of it counts under `keys`.
    ///
    /// # Errors
    /// If an earlier key set, or a plain key, has taken the place of the one that was here.
    pub fn under(&self, keys: &TrustedKeys) -> Result<Remembered, Refusal> {
        let number = keys.number();
        if number < self.key_set {
            return Err(Refusal::EarlierKeySet {
                here: match number {
                    0 => "a plain key".to_owned(),
                    number => format!("key set {number}"),
                },
                seen: self.key_set,
            });
        }
        if number == self.key_set {
            return Ok(self.clone());
        }
        let mut anew = Remembered::nothing(keys, Timestamp::MIN);
        // Not that of the release that runs either: whoever signed that may be why there is a new set.
        anew.counter = Some(0);
        Ok(anew)
    }

    /// That `counter` is installed.
    pub fn installed(&mut self, counter: u64) {
        self.counter = self.counter.max(Some(counter));
    }

    /// That it is `now`; the time to go by, which never runs backwards.
    pub fn at(&mut self, now: Timestamp) -> Timestamp {
        self.seen = self.seen.max(now);
        self.seen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_damaged_or_of_a_later_version_is_not_taken_for_nothing() {
        let state = tempfile::tempdir().expect("temporary folder");
        assert_eq!(Remembered::load(state.path()).expect("read"), None);
        let known = Remembered {
            format: FORMAT,
            key_set: 2,
            counter: Some(u64::MAX),
            seen: Timestamp::UNIX_EPOCH,
        };
        known.store(state.path()).expect("stored");
        assert_eq!(
            Remembered::load(state.path()).expect("read"),
            Some(known.clone())
        );
        let path = Remembered::path(state.path());
        let text = std::fs::read_to_string(&path).expect("read");
        for bad in [
            String::new(),
            text[..text.len() / 2].to_owned(),
            text.replace("\"format\":1", "\"format\":2"),
            text.replace("key_set", "keyset"),
        ] {
            std::fs::write(&path, &bad).expect("written");
            let error = Remembered::load(state.path()).expect_err("refused");
            assert!(
                matches!(error, BundleError::Remembered { .. }),
                "{bad}: {error}"
            );
        }
    }
}
