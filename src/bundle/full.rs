//! Writes a full bundle out of its payload, as it comes piece by piece: its manifest, its signature, its files. Each is
//! checked as soon as it is there, so that nothing is written that the full bundle would not be taken with.

use std::io::{self, Write};

use sha2::{Digest as _, Sha256};

use super::archive::Head;
use super::error::Refusal;
use super::layout::{END, before, behind};
use super::manifest::{Delta, Digest, FileEntry, Manifest};
use super::trusted::TrustedKeys;
use super::verify::{is_full, trusted};
use super::{MANIFEST, SIGNATURE};

pub(super) struct Full<'a, W> {
    /// The delta's own.
    manifest: &'a Manifest,
    delta: &'a Delta,
    keys: &'a TrustedKeys,
    to: W,
    hash: Sha256,
    size: u64,
    /// Manifest and signature, until both are there.
    head: Vec<u8>,
    files: std::vec::IntoIter<FileEntry>,
    current: Option<Current>,
    /// Why it was given up, if not for the disk.
    pub(super) refusal: Option<Refusal>,
}

struct Current {
    file: FileEntry,
    left: u64,
    hash: Sha256,
}

/// What was written.
pub(super) struct Written<W> {
    pub(super) sha256: Digest,
    pub(super) size: u64,
    pub(super) to: W,
}

impl<'a, W: Write> Full<'a, W> {
    pub(super) fn new(
        manifest: &'a Manifest,
        delta: &'a Delta,
        keys: &'a TrustedKeys,
        to: W,
    ) -> Full<'a, W> {
        Full {
            manifest,
            delta,
            keys,
            to,
            hash: Sha256::new(),
            size: 0,
            head: Vec::new(),
            files: Vec::new().into_iter(),
            current: None,
            refusal: None,
        }
    }

    /// The end of the archive.
    pub(super) fn end(mut self) -> io::Result<Result<Written<W>, Refusal>> {
        if self.head_left() > 0 || self.current.is_some() {
            let why = "it ends before the bundle does".to_owned();
            return Ok(Err(Refusal::BrokenDelta { why }));
        }
        self.put(&END)?;
        Ok(Ok(Written {
            sha256: Digest::of(self.hash),
            size: self.size,
            to: self.to,
        }))
    }

    /// How many bytes of manifest and signature are still to come.
    fn head_left(&self) -> usize {
        let wanted = self.delta.manifest.saturating_add(self.delta.signature);
        usize::try_from(wanted)
            .unwrap_or(usize::MAX)
            .saturating_sub(self.head.len())
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hash.update(bytes);
        self.size += bytes.len() as u64;
        self.to.write_all(bytes)
    }

    fn refuse(&mut self, refusal: Refusal) -> io::Error {
        self.refusal = Some(refusal);
        io::Error::other("refused")
    }

    /// Manifest and signature are there: nothing of a file is written before they hold.
    fn begin(&mut self) -> io::Result<()> {
        let head = std::mem::take(&mut self.head);
        let split = usize::try_from(self.delta.manifest).unwrap_or(usize::MAX);
        let (manifest, signature) = head.split_at_checked(split).unwrap_or_default();
        let full = Head {
            manifest: manifest.to_vec(),
            signature: signature.to_vec(),
            // A bundle that brings key sets has no delta.
            sets: Vec::new(),
        };
        let parsed = trusted(&full, self.keys).and_then(|(manifest, _)| {
            is_full(&manifest)?;
            Ok(manifest)
        });
        let parsed = parsed.map_err(|refusal| self.refuse(refusal))?;
        let says = (
            &self.manifest.product,
            &self.manifest.version,
            self.delta.payload,
        );
        let payload = parsed.total_bytes() + head.len() as u128;
        if (&parsed.product, &parsed.version, payload) != (says.0, says.1, u128::from(says.2)) {
            let why = "what it makes is another release".to_owned();
            return Err(self.refuse(Refusal::BrokenDelta { why }));
        }
        for (name, bytes) in [(MANIFEST, manifest), (SIGNATURE, signature)] {
            self.put(&before(name, 0o644, bytes.len() as u64)?)?;
            self.put(bytes)?;
            self.put(behind(bytes.len() as u64))?;
        }
        self.head = head;
        self.files = parsed.file.into_iter();
        self.next_file()
    }

    /// Opens the next file that has bytes.
    fn next_file(&mut self) -> io::Result<()> {
        while let Some(file) = self.files.next() {
            self.put(&before(&file.path, file.mode.on_disk(), file.size)?)?;
            let current = Current {
                left: file.size,
                hash: Sha256::new(),
                file,
            };
            if current.left > 0 {
                self.current = Some(current);
                return Ok(());
            }
            self.check(current)?;
        }
        Ok(())
    }

    fn check(&mut self, done: Current) -> io::Result<()> {
        if Digest::of(done.hash) == done.file.sha256 {
            return Ok(());
        }
        let path = done.file.path;
        Err(self.refuse(Refusal::HashMismatch { path }))
    }
}

impl<W: Write> Write for Full<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let wanted = self.head_left();
        if wanted > 0 {
            let part = bytes.get(..wanted.min(bytes.len())).unwrap_or_default();
            self.head.extend_from_slice(part);
            if self.head_left() == 0 {
                self.begin()?;
            }
            return Ok(part.len());
        }
        let Some(mut current) = self.current.take() else {
            let why = "it makes more than the bundle has".to_owned();
            return Err(self.refuse(Refusal::BrokenDelta { why }));
        };
        let left = usize::try_from(current.left).unwrap_or(usize::MAX);
        let part = bytes.get(..left.min(bytes.len())).unwrap_or_default();
        current.hash.update(part);
        current.left -= part.len() as u64;
        self.put(part)?;
        if current.left > 0 {
            self.current = Some(current);
        } else {
            let behind = behind(current.file.size);
            self.check(current)?;
            self.put(behind)?;
            self.next_file()?;
        }
        Ok(part.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}
