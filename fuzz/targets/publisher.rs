//! A publisher and a node that trusts it, made once: inputs get past the signature, to what it protects.
use hau::bundle::{TrustedKeys, keygen};
use minisign::{PublicKey, SecretKey, SecretKeyBox};
use std::{
    fs,
    io::Cursor,
    path::{Path, PathBuf},
};
use tempfile::TempDir;

pub struct Publisher {
    folder: TempDir,
    secret: SecretKey,
    public: PublicKey,
    pub keys: TrustedKeys,
}

impl Publisher {
    pub fn new() -> Self {
        // Where a file costs no disk.
        let folder = tempfile::tempdir_in("/dev/shm").expect("a folder");
        let pair = keygen(folder.path(), "fuzz", None).expect("keys");
        let text = fs::read_to_string(pair.secret).expect("a key");
        let boxed = SecretKeyBox::from_string(&text).expect("a key");
        let secret = boxed.into_unencrypted_secret_key().expect("a key");
        let public = PublicKey::from_secret_key(&secret).expect("a key");
        let keys = TrustedKeys::load(folder.path()).expect("keys");
        Self {
            folder,
            secret,
            public,
            keys,
        }
    }

    /// A bundle of this manifest, signed, and whatever comes behind.
    pub fn bundle(&self, manifest: &[u8], rest: &[u8]) -> PathBuf {
        let (public, message) = (Some(&self.public), Cursor::new(manifest));
        let signed = minisign::sign(public, &self.secret, message, Some("fuzz"), None);
        let signature = signed.expect("signed").to_string();
        let mut tar = tar::Builder::new(Vec::new());
        let members = [
            (hau::bundle::MANIFEST, manifest),
            (hau::bundle::SIGNATURE, signature.as_bytes()),
        ];
        for (name, bytes) in members {
            let mut header = tar::Header::new_ustar();
            header.set_size(bytes.len() as u64);
            header.set_mode(0o644);
            tar.append_data(&mut header, name, bytes).expect("appended");
        }
        let mut bytes = std::mem::take(tar.get_mut());
        bytes.extend(rest);
        let file = self.path("shop.hau");
        fs::write(&file, bytes).expect("written");
        file
    }

    pub fn path(&self, name: &str) -> PathBuf {
        let folder: &Path = self.folder.path();
        folder.join(name)
    }
}
