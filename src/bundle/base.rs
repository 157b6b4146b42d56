//! What a delta is made from and applied to: the manifest of a release and its files, one after the other, as if they
//! were one file.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::archive::{Archive, Head};
use super::check::{Difference, check_unpacked, load_head};
use super::error::{BundleError, Refusal};
use super::manifest::{Delta, Digest, FileEntry, Manifest};
use super::source::{CHUNK, Source};
use super::trusted::TrustedKeys;
use super::verify::{check_members, is_full, members, trusted};
use super::{MANIFEST, SIGNATURE};
use crate::delta::{Bytes, Part};

/// A release as one range of bytes, read where it lies.
pub struct Base {
    segments: Vec<Segment>,
    bundle: Option<Source>,
}

struct Segment {
    name: String,
    at: u64,
    length: u64,
    hash: Digest,
    place: Place,
}

enum Place {
    Here(Vec<u8>),
    /// From a place in the bundle.
    Bundle(u64),
    /// Opened for each read: a release may have more files than a process may have open.
    File(PathBuf),
}

impl Base {
    fn new() -> Base {
        Base {
            segments: Vec::new(),
            bundle: None,
        }
    }

    fn push(&mut self, name: &str, length: u64, hash: Digest, place: Place) {
        self.segments.push(Segment {
            name: name.to_owned(),
            at: self.length(),
            length,
            hash,
            place,
        });
    }

    fn push_here(&mut self, name: &str, bytes: &[u8]) {
        let place = Place::Here(bytes.to_owned());
        let hash = Digest::of_bytes(bytes);
        self.push(name, bytes.len() as u64, hash, place);
    }

    /// A bundle of which one of `keys` signed the manifest, every byte of it checked. The new side of a delta has
    /// its signature, too: that is no part of what the old side must be.
    pub(super) fn of_bundle(
        path: &Path,
        keys: &TrustedKeys,
        signed: bool,
    ) -> Result<(Base, Manifest, Head), BundleError> {
        let source = Source::open(path)?;
        let mut archive = Archive::new(&source);
        let head = archive.head()?;
        let (manifest, _) = source.check(trusted(&head, keys))?;
        source.check(is_full(&manifest))?;
        let members = members(&source, &mut archive, &manifest)?;
        check_members(&source, &members, &manifest)?;
        let mut base = Base::new();
        base.push_here(MANIFEST, &head.manifest);
        if signed {
            base.push_here(SIGNATURE, &head.signature);
        }
        for (member, file) in members.iter().zip(&manifest.file) {
            base.push(&file.path, file.size, file.sha256, Place::Bundle(member.at));
        }
        base.bundle = Some(source);
        Ok((base, manifest, head))
    }

    /// The release in `folder`, if it is what `delta`, which is in `source`, was made from.
    pub(super) fn of_release(
        folder: &Path,
        delta: &Delta,
        source: &Source,
    ) -> Result<Base, BundleError> {
        let refuse = |what: String| {
            let base = delta.base.to_string();
            source.refuse(Refusal::OtherBase { base, what })
        };
        let head = load_head(folder).map_err(|_| refuse(format!("it has no {MANIFEST}")))?;
        let mut base = Base::new();
        base.push_here(MANIFEST, &head.manifest);
        if base.hash(MANIFEST) != Some(delta.base_manifest) {
            return Err(refuse(format!("{MANIFEST} is another one")));
        }
        // Signed by way of its hash.
        let manifest = Manifest::parse(&head.manifest).map_err(|e| refuse(e.to_string()))?;
        let differences = check_unpacked(folder, &manifest)?;
        let matters = |difference: &&Difference| match difference {
            Difference::Missing(_)
            | Difference::NotAFile(_)
            | Difference::Size(_)
            | Difference::Hash(_) => true,
            Difference::Extra(_) | Difference::Mode(_) => false,
        };
        if let Some(difference) = differences.iter().find(matters) {
            return Err(refuse(difference.to_string()));
        }
        for FileEntry {
            path, size, sha256, ..
        } in &manifest.file
        {
            base.push(path, *size, *sha256, Place::File(folder.join(path)));
        }
        Ok(base)
    }

    /// Writes all of it to `to`.
    ///
    /// # Errors
    /// It cannot be read, or not be written.
    pub fn copy(&self, to: &mut dyn Write) -> io::Result<()> {
        let mut piece = vec![0; CHUNK];
        let (mut at, end) = (0, self.length());
        while at < end {
            let count = piece.len().min(usize::try_from(end - at).unwrap_or(CHUNK));
            self.read_at(&mut piece[..count], at)?;
            to.write_all(&piece[..count])?;
            at += count as u64;
        }
        Ok(())
    }

    /// What it is made up of.
    pub(super) fn parts(&self) -> Vec<Part<'_>> {
        let segments = self.segments.iter();
        segments
            .map(|segment| Part {
                name: &segment.name,
                at: segment.at,
                length: segment.length,
                hash: segment.hash.bytes(),
            })
            .collect()
    }

    /// SHA-256 of the part of this name.
    pub(super) fn hash(&self, name: &str) -> Option<Digest> {
        let mut segments = self.segments.iter();
        segments
            .find(|segment| segment.name == name)
            .map(|segment| segment.hash)
    }
}

impl Bytes for Base {
    fn length(&self) -> u64 {
        self.segments.last().map_or(0, |last| last.at + last.length)
    }

    fn read_at(&self, mut to: &mut [u8], mut at: u64) -> io::Result<()> {
        let first = self
            .segments
            .partition_point(|segment| segment.at + segment.length <= at);
        for segment in self.segments.iter().skip(first) {
            if to.is_empty() {
                return Ok(());
            }
            let within = at - segment.at;
            let left = usize::try_from(segment.length - within).unwrap_or(usize::MAX);
            let (part, rest) = to.split_at_mut(left.min(to.len()));
            match &segment.place {
                Place::Here(bytes) => bytes.read_at(part, within)?,
                Place::Bundle(start) => match &self.bundle {
                    Some(bundle) => bundle.read_exact(part, start + within)?,
                    None => return Err(io::ErrorKind::NotFound.into()),
                },
                Place::File(path) => OpenOptions::new()
                    .read(true)
                    .custom_flags(nix::libc::O_NOFOLLOW)
                    .open(path)?
                    .read_exact_at(part, within)?,
            }
            at += part.len() as u64;
            to = rest;
        }
        if to.is_empty() {
            Ok(())
        } else {
            Err(io::ErrorKind::UnexpectedEof.into())
        }
    }
}
