//! The contents of a bundle's files, one after the other as its manifest lists them: all that whoever writes a release
//! needs of the archive, for names and lengths stand in the manifest.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::archive::{Archive, Member};
use super::error::{BundleError, Refusal};
use super::manifest::{Digest, Manifest};
use super::source::Source;
use super::verify::{is_full, members};

/// Reads them. An error of its `read` has the [`BundleError`] within.
#[derive(Debug)]
pub struct Payload {
    source: Source,
    members: std::vec::IntoIter<Member>,
    at: u64,
    left: u64,
}

impl Payload {
    /// Of the bundle in `file`, which bears the name `path`, if its manifest has the hash `manifest`: somebody has
    /// verified that one.
    ///
    /// # Errors
    /// A [`Refusal`] if the manifest is another one, or about the archive behind it.
    pub fn of(file: File, path: &Path, manifest: Digest) -> Result<Payload, BundleError> {
        let source = Source::of(file, path)?;
        let mut archive = Archive::new(&source);
        let head = archive.head()?;
        if Digest::of_bytes(&head.manifest) != manifest {
            let why = "the file was replaced after it was verified".to_owned();
            return Err(source.refuse(Refusal::BadSignature { why }));
        }
        let manifest = source.check(Manifest::parse(&head.manifest))?;
        source.check(is_full(&manifest))?;
        let members = members(&source, &mut archive, &manifest)?;
        Ok(Payload {
            source,
            members: members.into_iter(),
            at: 0,
            left: 0,
        })
    }

    /// [`Payload::of`] the file at `path`.
    ///
    /// # Errors
    /// As there, and if it cannot be opened.
    pub fn open(path: &Path, manifest: Digest) -> Result<Payload, BundleError> {
        Payload::of(Source::file(path)?, path, manifest)
    }
}

impl Read for Payload {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        while self.left == 0 {
            let Some(next) = self.members.next() else {
                return Ok(0);
            };
            (self.at, self.left) = (next.at, next.size);
        }
        let count = to
            .len()
            .min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let piece = to.get_mut(..count).unwrap_or_default();
        let read = self.source.read_at(piece, self.at);
        read.map_err(io::Error::other)?;
        self.at += count as u64;
        self.left -= count as u64;
        Ok(count)
    }
}
