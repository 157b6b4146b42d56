//! What a node trusts: plain keys, or the one key set that is there.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use super::error::{BundleError, Refusal};
use super::keys::{key_id, public_key};
use super::keyset::KeySet;
use super::manifest::{Digest, Manifest};
use super::names;
use super::signed::{self, Key, Signer};

/// The keys whose bundles may be installed here.
#[derive(Debug, Clone)]
pub struct TrustedKeys {
    keys: Vec<Key>,
    /// `None`: plain keys, each of which is enough.
    set: Option<KeySet>,
}

/// What lies in a folder of keys.
pub(super) struct Folder {
    pub(super) plain: Vec<PathBuf>,
    pub(super) sets: Vec<PathBuf>,
}

impl Folder {
    pub(super) fn read(folder: &Path) -> Result<Folder, BundleError> {
        let read = |source| BundleError::Read {
            path: folder.to_owned(),
            source,
        };
        let mut found = Folder {
            plain: Vec::new(),
            sets: Vec::new(),
        };
        for entry in fs::read_dir(folder).map_err(read)? {
            let path = entry.map_err(read)?.path();
            match path.extension().and_then(|extension| extension.to_str()) {
                Some("pub") => found.plain.push(path),
                Some("keys") => found.sets.push(path),
                Some(_) | None => {}
            }
        }
        found.plain.sort();
        found.sets.sort();
        Ok(found)
    }
}

impl TrustedKeys {
    pub(super) fn only(key: Key) -> TrustedKeys {
        TrustedKeys {
            keys: vec![key],
            set: None,
        }
    }

    /// The key set in `folder`, or where there is none, all its `*.pub`.
    ///
    /// # Errors
    /// If there is nothing, if one of them is not what its name says, or if something lies beside a key set: a key
    /// that silently does not count would be found out in the night of the upgrade.
    pub fn load(folder: &Path) -> Result<TrustedKeys, BundleError> {
        let found = Folder::read(folder)?;
        match (found.sets.as_slice(), found.plain.as_slice()) {
            ([], []) => Err(BundleError::NoKeys {
                folder: folder.to_owned(),
            }),
            ([], plain) => TrustedKeys::plain(plain),
            ([set], []) => TrustedKeys::of_file(set),
            ([set, other, ..], _) | ([set], [other, ..]) => Err(BundleError::Beside {
                set: set.clone(),
                other: other.clone(),
            }),
        }
    }

    pub(super) fn plain(paths: &[PathBuf]) -> Result<TrustedKeys, BundleError> {
        let mut keys = Vec::new();
        for path in paths {
            let key = public_key(path)?;
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            let signer = Signer {
                name: names::printable(name.as_bytes()),
                id: key_id(key.keynum()),
            };
            keys.push((signer, key));
        }
        keys.sort_by(|(one, _), (other, _)| one.name.cmp(&other.name));
        Ok(TrustedKeys { keys, set: None })
    }

    pub(super) fn of_file(path: &Path) -> Result<TrustedKeys, BundleError> {
        let wrong = |why: String| BundleError::KeySet {
            path: path.to_owned(),
            why,
        };
        let mut sets = KeySet::load(path)?;
        let (Some(set), true) = (sets.pop(), sets.is_empty()) else {
            return Err(wrong("it holds more than one key set".to_owned()));
        };
        set.is_whole()
            .map_err(|refusal| wrong(refusal.to_string()))?;
        Ok(TrustedKeys::of(set))
    }

    /// As if `set` were in force.
    pub fn of(set: KeySet) -> TrustedKeys {
        TrustedKeys {
            keys: set.keys().to_vec(),
            set: Some(set),
        }
    }

    /// The names and ids of all of them.
    pub fn signers(&self) -> impl Iterator<Item = &Signer> {
        self.keys.iter().map(|(signer, _)| signer)
    }

    /// The key set; `None`: plain keys.
    pub fn set(&self) -> Option<&KeySet> {
        self.set.as_ref()
    }

    /// The number of the key set; 0: plain keys.
    pub fn number(&self) -> u64 {
        self.set.as_ref().map_or(0, KeySet::number)
    }

    /// Equal where the same keys count in the same way.
    pub fn fingerprint(&self) -> Digest {
        let mut hash = Sha256::new();
        match &self.set {
            Some(set) => hash.update(set.statement_text()),
            None => {
                // Their names are the files', which say nothing.
                let keys: BTreeSet<_> = self.keys.iter().map(|(_, key)| key.to_bytes()).collect();
                keys.iter().for_each(|key| hash.update(key));
            }
        }
        Digest::of(hash)
    }

    pub(super) fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// What is trusted after `sets`, in order, each vouched for by the one before. What is older than the set here says
    /// nothing new.
    pub(super) fn after(&self, sets: &[KeySet]) -> Result<TrustedKeys, Refusal> {
        let mut trusted = self.clone();
        for next in sets {
            let Some(set) = &trusted.set else {
                return Err(Refusal::KeySet {
                    why: "it brings a key set, and plain keys are trusted here: hau-ctl keys install puts the first set in their place".to_owned(),
                });
            };
            if next.number() < set.number() {
                continue;
            }
            if next.number() > set.number() {
                next.follows(set)?;
                trusted = TrustedKeys::of(next.clone());
            } else if !next.is_same(set) {
                let number = set.number();
                return Err(Refusal::KeySet {
                    why: format!("its key set {number} is another one than key set {number} here"),
                });
            }
        }
        Ok(trusted)
    }

    /// Whether it may vouch for `product` at `now`.
    pub(super) fn in_force(&self, product: &str, now: Timestamp) -> Result<(), Refusal> {
        let Some(set) = &self.set else { return Ok(()) };
        if set.statement().product != product {
            return Err(Refusal::KeySet {
                why: format!(
                    "the key set here is for {}, this pair is {product}",
                    set.statement().product
                ),
            });
        }
        set.in_force(now)
    }

    /// Is this what `manifest` was signed for: its key set, and no other, is brought, or is here already.
    pub(super) fn meant(&self, manifest: &Manifest, brought: &[KeySet]) -> Result<(), Refusal> {
        let last = brought.last().map(KeySet::number);
        if last.is_some() && last != manifest.key_set {
            let why = "the key sets that it brings are not those that its manifest names";
            return Err(Refusal::KeySet {
                why: why.to_owned(),
            });
        }
        match manifest.key_set {
            Some(wanted) if wanted > self.number() => Err(Refusal::LaterKeySet {
                wanted,
                here: match self.number() {
                    0 => "a plain key".to_owned(),
                    number => format!("key set {number}"),
                },
            }),
            Some(_) | None => Ok(()),
        }
    }

    /// Which of them signed `message`: as many as must.
    pub(super) fn check(&self, message: &[u8], signatures: &[u8]) -> Result<Vec<Signer>, Refusal> {
        let signed = signed::judge(&self.keys, message, signatures)?;
        let threshold = self.set.as_ref().map_or(1, |set| set.statement().threshold);
        if signed.by.len() >= threshold {
            return Ok(signed.by);
        }
        let list = |signers: &mut dyn Iterator<Item = &Signer>| {
            let named = signers.map(|key| format!("{} {}", key.name, key.id));
            named.collect::<Vec<_>>().join(", ")
        };
        Err(match (signed.by.is_empty(), signed.bad) {
            (true, Some(why)) => Refusal::BadSignature { why },
            (true, None) => Refusal::WrongKey {
                key: signed.unknown.join(" and "),
                trusted: list(&mut self.signers()),
            },
            (false, _) => Refusal::TooFewSignatures {
                signed: list(&mut signed.by.iter()),
                threshold,
                missing: list(&mut self.signers().filter(|key| !signed.by.contains(key))),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::keys::{KeyPair, SigningKey, What, keygen};
    use super::*;

    fn made(password: Option<&str>) -> (tempfile::TempDir, KeyPair) {
        let folder = tempfile::tempdir().expect("temporary folder");
        let pair = keygen(folder.path(), "shop", password).expect("made");
        (folder, pair)
    }

    #[test]
    fn trusted_keys_are_all_good_or_none_counts() {
        let (folder, pair) = made(None);
        let keys = TrustedKeys::load(folder.path()).expect("loads");
        assert_eq!(
            keys.signers().collect::<Vec<_>>(),
            [&Signer {
                name: "shop".to_owned(),
                id: pair.id
            }]
        );
        fs::write(folder.path().join("z.pub"), "not a key").expect("written");
        assert!(matches!(
            TrustedKeys::load(folder.path()),
            Err(BundleError::Key { .. })
        ));
        let empty = tempfile::tempdir().expect("temporary folder");
        assert!(matches!(
            TrustedKeys::load(empty.path()),
            Err(BundleError::NoKeys { .. })
        ));
    }

    #[test]
    fn no_changed_signature_is_accepted_or_ends_the_process() {
        let (folder, pair) = made(None);
        let keys = TrustedKeys::load(folder.path()).expect("loads");
        let key = SigningKey::load(&pair.secret, None).expect("loads");
        let signature = key
            .sign(b"text", What::Manifest, "comment")
            .expect("signed");
        assert_eq!(
            keys.check(b"text", signature.as_bytes()).expect("good")[0].name,
            "shop"
        );
        assert!(matches!(
            keys.check(b"texT", signature.as_bytes()),
            Err(Refusal::BadSignature { .. })
        ));

        let free = "untrusted comment: ".len()..signature.find('\n').expect("lines");
        for byte in 0..signature.len() {
            let mut changed = signature.clone().into_bytes();
            changed[byte] ^= 1;
            let result = keys.check(b"text", &changed);
            // Its own comment is not covered, and says so; white space at an end of line does not count.
            let lines_end = signature.as_bytes()[byte] == b'\n';
            assert!(
                result.is_err() || free.contains(&byte) || lines_end,
                "byte {byte}: {result:?}"
            );
        }
        for cut in 0..signature.len() - 1 {
            assert!(
                keys.check(b"text", &signature.as_bytes()[..cut]).is_err(),
                "cut at {cut}"
            );
        }
        let lines: Vec<&str> = signature.lines().collect();
        for global in [
            "",
            "AAAA",
            &"=".repeat(88),
            &"A".repeat(88),
            &"A".repeat(86),
        ] {
            let short = [lines[0], lines[1], lines[2], global].join("\n");
            assert!(matches!(
                keys.check(b"text", short.as_bytes()),
                Err(Refusal::BadSignature { .. })
            ));
        }
    }
}
