//! A file, link or folder in memory; a file's bytes are hashed once.
use super::super::{FileInfo, tree::hex};
use sha2::{Digest, Sha256};
use std::{ops::Deref, os::unix::ffi::OsStrExt, path::PathBuf, sync::OnceLock};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    pub kind: Kind,
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    File(Content),
    Link(PathBuf),
    Dir,
}

impl Kind {
    pub(super) fn of_root(self, mode: u32) -> Node {
        Node {
            kind: self,
            mode,
            uid: 0,
            gid: 0,
        }
    }
}

impl Node {
    /// None for a folder.
    pub(super) fn info(&self) -> Option<FileInfo> {
        let of_link;
        let content = match &self.kind {
            Kind::File(content) => content,
            Kind::Link(target) => {
                of_link = Content::from(target.as_os_str().as_bytes());
                &of_link
            }
            Kind::Dir => return None,
        };
        Some(FileInfo {
            size_bytes: content.len() as u64,
            mode: self.mode,
            uid: self.uid,
            gid: self.gid,
            sha256: content.sha256().to_owned(),
        })
    }
}

/// What is in a file, with its hash once somebody has asked for it.
#[derive(Clone, Debug)]
pub struct Content {
    bytes: Vec<u8>,
    sha256: OnceLock<String>,
}

impl Content {
    fn sha256(&self) -> &str {
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
