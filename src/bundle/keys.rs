//! Keys of publishers: minisign's formats, so that `minisign -V` and `minisign -S` work on our files.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Cursor, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use minisign::{PublicKey, PublicKeyBox, SecretKey, SecretKeyBox};

use super::error::BundleError;
use super::names;
use super::signed::Signer;
use super::trusted::TrustedKeys;

const MAX_KEY_FILE: u64 = 4 << 10;

/// The files that [`keygen`] made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPair {
    /// `NAME.pub`, for `/etc/hau/keys` of every node.
    pub public: PathBuf,
    /// `NAME.key`, mode 0600, for the publisher alone.
    pub secret: PathBuf,
    /// As `minisign` shows it, 16 hex digits.
    pub id: String,
}

/// Makes a key pair `NAME.pub` and `NAME.key` in `folder`. Without `password` the secret key is not encrypted.
///
/// # Errors
/// If either file exists: a key is never overwritten.
pub fn keygen(folder: &Path, name: &str, password: Option<&str>) -> Result<KeyPair, BundleError> {
    let failed = |why: String| BundleError::Keygen {
        name: names::printable(name.as_bytes()),
        why,
    };
    if !names::is_plain_name(name) {
        return Err(failed(
            "the name must be letters, digits, - _ . and at most 64 of them".to_owned(),
        ));
    }
    let pair = match password {
        // minisign would ask on the terminal if it got no password, and here none means none.
        Some(password) => minisign::KeyPair::generate_encrypted_keypair(Some(password.to_owned())),
        None => minisign::KeyPair::generate_unencrypted_keypair(),
    };
    let pair = pair.map_err(|error| failed(error.to_string()))?;
    let id = key_id(pair.pk.keynum());
    let public_text = pair
        .pk
        .to_box()
        .map_err(|error| failed(error.to_string()))?;
    let comment = format!("minisign secret key {id} of {name}");
    let secret_text = pair
        .sk
        .to_box(Some(&comment))
        .map_err(|error| failed(error.to_string()))?;
    let public = folder.join(format!("{name}.pub"));
    let secret = folder.join(format!("{name}.key"));
    write_new(&secret, 0o600, secret_text.to_string().as_bytes())?;
    write_new(&public, 0o644, public_text.to_string().as_bytes()).inspect_err(|_| {
        // Nobody can have used it yet; half a pair would only be in the way.
        let _ = fs::remove_file(&secret);
    })?;
    Ok(KeyPair { public, secret, id })
}

/// A secret key, ready to sign.
pub struct SigningKey {
    key: SecretKey,
    public: PublicKey,
}

impl SigningKey {
    /// Reads `NAME.key` as made by [`keygen`] or, with a password, by `minisign -G`.
    ///
    /// # Errors
    /// If others than its owner may read it, if it is encrypted and there is no or a wrong password.
    pub fn load(path: &Path, password: Option<&str>) -> Result<SigningKey, BundleError> {
        let failed = |why: &str| BundleError::Key {
            path: path.to_owned(),
            why: why.to_owned(),
        };
        let text = read_key(path)?;
        let mode = fs::metadata(path)
            .map_err(|source| BundleError::Read {
                path: path.to_owned(),
                source,
            })?
            .mode();
        if mode & 0o077 != 0 {
            return Err(failed(
                "others may read it: chmod 600, and think about who has",
            ));
        }
        let boxed = || SecretKeyBox::from_string(&text).map_err(|error| failed(&error.to_string()));
        let key = match (boxed()?.into_unencrypted_secret_key(), password) {
            (Ok(key), _) => key,
            (Err(error), _) if matches!(error.kind(), minisign::ErrorKind::Verify) => {
                return Err(failed(
                    "it is damaged, or from minisign -G -W, which leaves the checksum out: \
                     make one with hau-ctl bundle keygen",
                ));
            }
            (Err(_), None) => {
                return Err(failed(
                    "it needs its password, or it is no minisign secret key",
                ));
            }
            (Err(_), Some(password)) => boxed()?
                .into_secret_key(Some(password.to_owned()))
                .map_err(|error| failed(&error.to_string()))?,
        };
        let public =
            PublicKey::from_secret_key(&key).map_err(|error| failed(&error.to_string()))?;
        Ok(SigningKey { key, public })
    }

    /// The key that belongs to it, as the only one to trust.
    pub fn trusted(&self) -> TrustedKeys {
        let signer = Signer {
            name: "this key".to_owned(),
            id: key_id(self.public.keynum()),
        };
        TrustedKeys::only((signer, self.public.clone()))
    }

    /// minisign's signature file of `message`. The trusted comment is shown by `minisign -V`.
    pub(super) fn sign(&self, message: &[u8], what: What, comment: &str) -> Result<String, String> {
        let untrusted = match what {
            What::Manifest => "signature of a hau bundle's manifest.toml",
            What::KeySet => "signature of a hau key set",
        };
        minisign::sign(
            Some(&self.public),
            &self.key,
            Cursor::new(message),
            Some(comment),
            Some(untrusted),
        )
        .map(|signature| signature.to_string())
        .map_err(|error| error.to_string())
    }

    /// As `minisign` shows it, 16 hex digits.
    #[must_use]
    pub fn id(&self) -> String {
        key_id(self.public.keynum())
    }
}

/// What a signature is over; said in its first line, which nothing relies on.
#[derive(Debug, Clone, Copy)]
pub(super) enum What {
    Manifest,
    KeySet,
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.id())
    }
}

/// minisign shows the eight bytes as a little-endian number.
pub(super) fn key_id(keynum: &[u8]) -> String {
    keynum
        .iter()
        .rev()
        .map(|byte| format!("{byte:02X}"))
        .collect()
}

/// The public key in a `NAME.pub`.
pub(super) fn public_key(path: &Path) -> Result<PublicKey, BundleError> {
    PublicKeyBox::from_string(&read_key(path)?)
        .and_then(PublicKeyBox::into_public_key)
        .map_err(|error| BundleError::Key {
            path: path.to_owned(),
            why: error.to_string(),
        })
}

/// The public key in a `NAME.pub` as one line of base64.
///
/// # Errors
/// If it is not one.
pub fn public_key_text(path: &Path) -> Result<String, BundleError> {
    Ok(public_key(path)?.to_base64())
}

fn read_key(path: &Path) -> Result<String, BundleError> {
    let read = |source| BundleError::Read {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(read)?;
    if file.metadata().map_err(read)?.len() > MAX_KEY_FILE {
        return Err(BundleError::Key {
            path: path.to_owned(),
            why: "it is too long for a key".to_owned(),
        });
    }
    io::read_to_string(file).map_err(read)
}

/// Writes a file that must not be there yet.
///
/// # Errors
/// If it is, or the disk does not take it.
pub fn write_new(path: &Path, mode: u32, bytes: &[u8]) -> Result<(), BundleError> {
    let write = |source| BundleError::Write {
        path: path.to_owned(),
        source,
    };
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .map_err(write)?;
    file.write_all(bytes)
        .and_then(|()| file.sync_all())
        .map_err(|source| {
            // ours, and incomplete
            let _ = fs::remove_file(path);
            write(source)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(password: Option<&str>) -> (tempfile::TempDir, KeyPair) {
        let folder = tempfile::tempdir().expect("temporary folder");
        let pair = keygen(folder.path(), "shop", password).expect("made");
        (folder, pair)
    }

    #[test]
    fn a_key_is_private_and_never_overwritten() {
        let (folder, pair) = made(None);
        assert_eq!(
            fs::metadata(&pair.secret).expect("there").mode() & 0o777,
            0o600
        );
        let before = fs::read(&pair.secret).expect("there");
        assert!(keygen(folder.path(), "shop", None).is_err());
        fs::remove_file(&pair.secret).expect("removed");
        assert!(
            keygen(folder.path(), "shop", None).is_err(),
            "the public half is still there"
        );
        assert!(!pair.secret.exists(), "no half pair");
        assert!(!before.is_empty());
        assert!(keygen(folder.path(), "../shop", None).is_err());
    }

    #[test]
    fn a_key_with_a_password_needs_it() {
        let (_folder, pair) = made(Some("correct horse"));
        assert!(SigningKey::load(&pair.secret, None).is_err());
        assert!(SigningKey::load(&pair.secret, Some("wrong")).is_err());
        let key = SigningKey::load(&pair.secret, Some("correct horse")).expect("loads");
        assert!(key.sign(b"text", What::Manifest, "comment").is_ok());
        assert_eq!(format!("{key:?}"), format!("SigningKey({})", pair.id));
    }

    #[test]
    fn a_key_that_others_may_read_is_refused() {
        let (_folder, pair) = made(None);
        let readable = std::os::unix::fs::PermissionsExt::from_mode(0o640);
        fs::set_permissions(&pair.secret, readable).expect("changed");
        let error = SigningKey::load(&pair.secret, None)
            .expect_err("refused")
            .to_string();
        assert!(error.contains("chmod 600"), "{error}");
    }
}
