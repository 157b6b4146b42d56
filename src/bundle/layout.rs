//! Where everything lies in a bundle, as [`build`](super::build()) lays it out: for who writes one out of its payload, and
//! for who fetches one and has some of its files already.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::archive::{Archive, Head, MAX_SIGNATURE};
use super::build::append;
use super::check::load_head;
use super::error::{BundleError, Refusal};
use super::manifest::{Digest, FileEntry, Manifest};
use super::source::{CHUNK, Source};
use super::trusted::TrustedKeys;
use super::verify::trusted;
use super::{KEYS, MANIFEST, MAX_KEY_SETS, MAX_MANIFEST, SIGNATURE, names};

const BLOCK: u64 = 512;
/// What stands behind the last member.
pub(super) const END: [u8; 2 * BLOCK as usize] = [0; 2 * BLOCK as usize];
/// The most that stands around the bytes of a member: a long name and its header, the header, what fills up the block.
pub(super) const MOST_AROUND: u64 = 6 * BLOCK;
/// A shorter stretch of what is here, between two that are not, is fetched with them: asking twice costs more.
const SHORT: u64 = 64 << 10;

/// What stands in front of the bytes of a member.
pub(super) fn before(path: &str, mode: u32, size: u64) -> io::Result<Vec<u8>> {
    let mut tar = tar::Builder::new(Vec::new());
    append(&mut tar, path, mode, size, io::empty())?;
    // Without the end of the archive, which is not here.
    Ok(tar.get_ref().clone())
}

/// What stands behind them.
pub(super) fn behind(size: u64) -> &'static [u8] {
    const ZEROS: [u8; BLOCK as usize] = [0; BLOCK as usize];
    let over = (BLOCK - size % BLOCK) % BLOCK;
    ZEROS
        .get(..usize::try_from(over).unwrap_or(0))
        .unwrap_or_default()
}

/// A bundle piece by piece: its head, a piece for each file with what stands around it, and its end.
pub struct Layout {
    files: Vec<FileEntry>,
    pieces: Vec<Piece>,
    /// Where the end begins.
    end: u64,
}

struct Piece {
    /// In the bundle.
    at: u64,
    /// Of the file's first byte.
    body: u64,
    place: Place,
}

/// Where the bytes of a file may be had.
#[derive(PartialEq, Eq)]
enum Place {
    Nowhere,
    /// In a release.
    File(PathBuf),
    /// From this byte of the bundle on, which is there before the piece is.
    Bundle(u64),
}

impl Layout {
    /// The most bytes that a head can have, and the header behind it.
    pub const LONGEST_HEAD: u64 = MAX_MANIFEST + MAX_SIGNATURE + MAX_KEY_SETS + 7 * BLOCK;

    /// Of the bundle whose first bytes are the file at `path`; `None`: its head does not end there yet.
    ///
    /// # Errors
    /// A [`Refusal`]: none of `keys` signed it, or it is laid out otherwise.
    pub fn read(path: &Path, keys: &TrustedKeys) -> Result<Option<Layout>, BundleError> {
        let source = Source::open(path)?;
        let mut archive = Archive::new(&source);
        let head = match archive.head() {
            Err(BundleError::Refused {
                refusal: Refusal::Truncated { .. },
                ..
            }) => return Ok(None),
            read => read?,
        };
        // Whether key sets come third, the third header says.
        if source.length < archive.at() + BLOCK {
            return Ok(None);
        }
        let (manifest, _) = source.check(trusted(&head, keys))?;
        let at = ours(&source, &head)?.filter(|at| *at == archive.at());
        let laid_out = at.map(|at| Layout::of(manifest, at)).transpose();
        let laid_out = laid_out.map_err(|error| source.read_error(error))?;
        let layout = laid_out.flatten();
        layout.map(Some).ok_or_else(|| {
            let why = "hau-ctl bundle build lays it out otherwise".to_owned();
            source.refuse(Refusal::NotABundle { why })
        })
    }

    /// `None`: it would be longer than any file.
    fn of(manifest: Manifest, mut at: u64) -> io::Result<Option<Layout>> {
        let mut pieces = Vec::with_capacity(manifest.file.len());
        for file in &manifest.file {
            let before = before(&file.path, file.mode.on_disk(), file.size)?.len() as u64;
            let end = (at + before)
                .checked_add(file.size)
                .filter(|end| *end < i64::MAX.unsigned_abs());
            let Some(end) = end else { return Ok(None) };
            pieces.push(Piece {
                at,
                body: at + before,
                place: Place::Nowhere,
            });
            at = end + behind(file.size).len() as u64;
        }
        Ok(Some(Layout {
            files: manifest.file,
            pieces,
            end: at,
        }))
    }

    /// Of the bundle, in bytes.
    pub fn size(&self) -> u64 {
        self.end + END.len() as u64
    }

    /// How many pieces come behind the head; the last one is the end, which is never here: that the other side gives
    /// it says that it still has this bundle.
    pub fn pieces(&self) -> usize {
        self.pieces.len() + 1
    }

    /// Where piece `n` begins; behind the last one: where the bundle ends.
    pub fn at(&self, n: usize) -> u64 {
        match (self.pieces.get(n), n > self.pieces.len()) {
            (Some(piece), _) => piece.at,
            (None, false) => self.end,
            (None, true) => self.size(),
        }
    }

    /// The piece that the byte at `at` is in; behind the last one: the end.
    pub fn piece(&self, at: u64) -> usize {
        let after = self.pieces.partition_point(|piece| piece.at <= at);
        match at < self.end {
            true => after.saturating_sub(1),
            false => self.pieces.len(),
        }
    }

    pub fn is_here(&self, n: usize) -> bool {
        let piece = self.pieces.get(n);
        piece.is_some_and(|piece| piece.place != Place::Nowhere)
    }

    /// Piece `n` is not here, as it turned out.
    pub fn forget(&mut self, n: usize) {
        if let Some(piece) = self.pieces.get_mut(n) {
            piece.place = Place::Nowhere;
        }
    }

    /// Looks for the files of the bundle in the `releases` of this host, and for files that it has twice. What a release
    /// says of itself is believed as far as here: [`copy`](Self::copy) reads the bytes.
    pub fn look_in(&mut self, releases: &Path) {
        let mut wanted: BTreeMap<Digest, usize> = BTreeMap::new();
        for (n, file) in self.files.iter().enumerate() {
            match wanted.entry(file.sha256) {
                // Nothing is everywhere.
                _ if file.size == 0 => self.pieces[n].place = Place::Bundle(0),
                Entry::Vacant(first) => {
                    first.insert(n);
                }
                Entry::Occupied(first) => {
                    self.pieces[n].place = Place::Bundle(self.pieces[*first.get()].body);
                }
            }
        }
        let there = fs::read_dir(releases).into_iter().flatten();
        for folder in there.filter_map(|entry| Some(entry.ok()?.path())) {
            // Some did not come in a bundle.
            let manifest = load_head(&folder).map_or_else(|_| Vec::new(), |head| head.manifest);
            let text = std::str::from_utf8(&manifest).unwrap_or_default();
            for has in Manifest::each_file(text).flatten() {
                let Some(n) = wanted.get(&has.sha256).copied() else {
                    continue;
                };
                if names::check_path(has.path.as_bytes()).is_err() {
                    continue;
                }
                let path = folder.join(&has.path);
                let is_it = |it: fs::Metadata| it.is_file() && it.len() == self.files[n].size;
                if !self.is_here(n) && fs::symlink_metadata(&path).is_ok_and(is_it) {
                    self.pieces[n].place = Place::File(path);
                }
            }
        }
        self.join();
    }

    /// Makes one of what is missing to the left and to the right of a short stretch that is not.
    fn join(&mut self) {
        let mut missing = None;
        for n in 0..self.pieces() {
            if self.is_here(n) {
                continue;
            }
            if let Some(before) = missing.replace(n)
                && self.at(n) - self.at(before + 1) < SHORT
            {
                (before + 1..n).for_each(|between| self.forget(between));
            }
        }
    }

    /// Hands piece `n` to `sink`, made of what is here; what the bundle has so far is the file at `bundle`. Whether it was
    /// what it had to be is known at the end.
    ///
    /// # Errors
    /// Those of `sink`.
    pub fn copy<E>(
        &self,
        n: usize,
        bundle: &Path,
        mut sink: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<bool, E> {
        let (Some(piece), Some(file)) = (self.pieces.get(n), self.files.get(n)) else {
            return Ok(false);
        };
        let (path, mut at) = match &piece.place {
            Place::Nowhere => return Ok(false),
            Place::File(path) => (path.as_path(), 0),
            Place::Bundle(at) => (bundle, *at),
        };
        let header = before(&file.path, file.mode.on_disk(), file.size);
        let (Ok(source), Ok(header)) = (Source::open(path), header) else {
            return Ok(false);
        };
        sink(&header)?;
        let (mut hash, mut left) = (Sha256::new(), file.size);
        let mut chunk = vec![0; CHUNK.min(usize::try_from(left).unwrap_or(CHUNK))];
        while left > 0 {
            let count = chunk.len().min(usize::try_from(left).unwrap_or(CHUNK));
            let part = &mut chunk[..count];
            if source.read_exact(part, at).is_err() {
                return Ok(false);
            }
            hash.update(&*part);
            sink(part)?;
            (at, left) = (at + count as u64, left - count as u64);
        }
        sink(behind(file.size))?;
        Ok(Digest::of(hash) == file.sha256)
    }
}

/// Where a head ends whose members stand in `source` as ours do; `None`: they do not.
fn ours(source: &Source, head: &Head) -> Result<Option<u64>, BundleError> {
    let members = [
        (MANIFEST, &head.manifest),
        (SIGNATURE, &head.signature),
        (KEYS, &head.sets),
    ];
    let mut at = 0;
    for (name, bytes) in members.into_iter().filter(|(_, bytes)| !bytes.is_empty()) {
        let size = bytes.len() as u64;
        let before = before(name, 0o644, size).map_err(|error| source.read_error(error))?;
        if source.bytes(at, before.len() as u64)? != before {
            return Ok(None);
        }
        at += before.len() as u64 + size + behind(size).len() as u64;
    }
    Ok(Some(at))
}
