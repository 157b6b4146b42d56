//! Deltas: what makes a new file of an old one, small where files are jars.
//!
//! ```text
//! old, new ─► diff ─► patch          old, patch ─► apply ─► new, byte for byte
//! ```
//! A patch is a list of operations: copy from the old file, copy and add a difference, take fresh bytes; each may go
//! through a layer that deflates. A zip is taken apart by its directory (`zip.rs`), entry by entry, jars within jars,
//! too; an entry that is the same is copied as it lies, one that differs is compared inflated (`plan.rs`).
//!
//! # Why zlib's levels and no recorded corrections
//! A deflated entry must come out bit for bit. Of openapi-generator-cli 7.24→7.25 and 7.0.0→7.0.1 (Maven) all 793 entries
//! that differ are zlib's own work at level 6: a level in one byte rebuilds them. So are all that the JDK's `jar` and Python's
//! zipfile made of 629 files, and 78 % of Info-ZIP's. preflate-rs 0.7.6 rebuilds what other
//! compressors made, too, but of the 20,179 deflated entries of one jar 316 not; it records 40 bytes for each other one (the
//! median; half of what we need for the whole entry, compared), and takes 36 s to look at them. And it is not safe where
//! a patch is hostile: of 2,160 single bytes flipped in its records 48 ended in a panic, which in a daemon that aborts on
//! panic is a crash, and one had not come to an end after two seconds. An entry that zlib does not make is taken as it lies.
//!
//! # Why bsdiff's comparison, packed by zstd
//! What differs in 7.24→7.25 is 5.5 MB, inflated. zstd makes 475 kB of it with the old contents before it (level 22
//! 0.3 kB less), for it can only copy; in a class whose constants have moved by one every index differs by one, which
//! is a difference that packs well: bsdiff's stretches, packed by zstd, are 309 kB. xz instead of zstd would make 266 kB of
//! them: not worth a second library. Fresh bytes are packed with all old contents before them (294 kB). Where bsdiff finds
//! little, zstd alone is tried as well (`diff.rs`), and the smallest is taken.
//!
//! # Why offsets and times of a directory are folded
//! 21,722 entries are 2.1 MB of directory, and one entry that grows changes the offsets of all behind it. As distances from
//! entry to entry they are what they were (`zip::fold`); what is left of the directory is 53 kB, of other order and times.

mod apply;
mod cursor;
mod deflate;
mod diff;
mod draft;
mod format;
mod pairs;
mod plan;
#[cfg(test)]
mod tests;
mod zip;

use std::io;

use thiserror::Error;

pub use apply::apply;
pub use diff::{Part, diff};

/// The most bytes that a block makes ready of the old file, and the most that it brings: bounds the memory that
/// making and applying a patch take, whatever the size of the files.
const MAX_BLOCK: u64 = 128 << 20;

/// Bytes that may be read by position.
pub trait Bytes {
    fn length(&self) -> u64;

    /// Fills `to` with the bytes from `at` on.
    ///
    /// # Errors
    /// If they are not there, or cannot be read.
    fn read_at(&self, to: &mut [u8], at: u64) -> io::Result<()>;
}

impl<T: AsRef<[u8]>> Bytes for T {
    fn length(&self) -> u64 {
        self.as_ref().len() as u64
    }

    fn read_at(&self, to: &mut [u8], at: u64) -> io::Result<()> {
        let range = usize::try_from(at).ok().and_then(|at| {
            let end = at.checked_add(to.len())?;
            self.as_ref().get(at..end)
        });
        to.copy_from_slice(range.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

/// Why a file cannot be made of a patch, or a patch not be made.
#[derive(Debug, Error)]
pub enum DeltaError {
    #[error("the delta is broken: {0}")]
    Broken(&'static str),
    #[error("cannot read the delta")]
    ReadPatch(#[source] io::Error),
    #[error("cannot read what it is made from")]
    ReadOld(#[source] io::Error),
    #[error("cannot read what it is to make")]
    ReadNew(#[source] io::Error),
    #[error("cannot write what it makes")]
    Write(#[source] io::Error),
    #[error("there is no memory to unpack it")]
    Memory(#[source] io::Error),
}

impl From<io::Error> for DeltaError {
    fn from(error: io::Error) -> DeltaError {
        DeltaError::Write(error)
    }
}

/// The most bytes that a patch may have handled to make a file of these lengths: a jar of text is ten times as large
/// inflated. Of a zip that would take more, entries are not taken apart.
fn max_work(old: u64, new: u64) -> u64 {
    old.saturating_add(new)
        .saturating_mul(32)
        .saturating_add(64 << 20)
}
