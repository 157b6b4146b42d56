//! The bytes of a file in memory, hashed once.
use super::super::tree::hex;
use sha2::{Digest, Sha256};
use std::{ops::Deref, sync::OnceLock};

/// What is in a file, with its hash once somebody has asked for it.
#[derive(Clone, Debug)]
pub struct Content {
    bytes: Vec<u8>,
    sha256: OnceLock<String>,
}

impl Content {
    pub(super) fn sha256(&self) -> &str {
        self.sha256
            .get_or_init(|| hex(&Sha256::digest(&self.bytes)))
    }
}

impl From<&[u8]> for Content {
    fn from(bytes: &[u8]) -> Self {
        let (bytes, sha256) = (bytes.to_vec(), OnceLock::new());
        Self { bytes, sha256 }
    }
}

impl Deref for Content {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl PartialEq for Content {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for Content {}
