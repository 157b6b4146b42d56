//! The journal: an append-only file of sealed facts. What [`Journal::append`] has returned for is
//! on disk; what [`Journal::open`] returns is exactly that (and at most one whole batch more).
//!
//! ```text
//! 0      header slot A   hau-journal 1 generation … acknowledged … records … seal … CHECK
//! 4096   header slot B
//! 8192   records         LEN SEAL MARK JSON\n     MARK: "+" the batch goes on, "." it ends here
//!        zeros           preallocated
//! ```
//! `SEAL` is the first half of SHA-256 over the previous seal and the line from `MARK` to the end
//! of `JSON`: the records are a chain, and a new optional field in the JSON breaks no old journal.
//!
//! # Why a header beside the records
//! Two demands pull apart. A power cut must never need a person, so a torn end is cut. A fact that
//! was acknowledged must never vanish silently, so a damaged end is an error. From the records
//! alone the two look the same, so the acknowledged length is kept in a second place.
//!
//! # Why two syncs an append
//! 1. write the batch behind the acknowledged end, `fdatasync`;
//! 2. write the header of the next generation into the slot that the current one does not use, `fdatasync`.
//!
//! * A cut in 1 leaves the header of the batch before: whatever landed behind its length, in any
//!   subset of sectors, is a whole sealed batch or is cut.
//! * A cut in 2 tears at most the new slot; the other still acknowledges everything before, and the
//!   new batch, durable by then, is found by its seals.
//! * A sector is assumed to be written whole or not at all; the acknowledged facts in the first sector
//!   of a batch are the same before and after.
//! * After 2 the batch is below an acknowledged length. Any damage there is [`JournalError::Damaged`].
//!
//! One sync would do if the header of batch n travelled with batch n+1, but then the newest fact,
//! the one being acted on, would be the one whose damage goes unnoticed. A rollout has about thirty.
//!
//! # Why opening writes
//! A batch found behind the acknowledged end is about to be acted on, so it is acknowledged first. It
//! is *written again* before: after a failed sync the page cache may show what the disk does not have,
//! and a second sync of a clean page does nothing. The rest of the file is zeroed, and the fresh
//! header replaces the worse of the two slots.
//!
//! # Why an empty file is damage
//! A journal comes into being by renaming a complete, synced file. A power cut cannot leave an empty
//! one; only a truncation of a journal with facts in it can.

mod file;
mod format;
mod image;

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use nix::fcntl::Flock;
use thiserror::Error;

use format::{Header, SLOT_DISTANCE, START, Seal};
use image::Image;
pub use image::Summary;

/// The file grows in steps of this many bytes.
pub const STEP: u64 = 1 << 20;
/// Bytes that a record takes on disk beside its own.
pub const RECORD_OVERHEAD: u64 = format::OVERHEAD as u64;
/// The longest record, in bytes: a fact is a line, not a document.
pub const MAX_RECORD: usize = 1 << 20;

/// Why the journal cannot be used. Every variant names the file.
#[derive(Debug, Error)]
pub enum JournalError {
    /// The file cannot be opened, locked or read.
    #[error("cannot open the journal {path}")]
    Open {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// There was no journal and none could be made.
    #[error("cannot create the journal {path}")]
    Create {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// Another process is writing it.
    #[error(
        "the journal {path} is in use by another process: only one hau-sidecar may run with this state directory"
    )]
    Locked { path: PathBuf },
    /// An acknowledged fact is not as it was written. `at` is the byte offset in the file.
    #[error(
        "the journal {path} is damaged at byte {at} ({what}); the {intact_records} facts before are intact. \
         Copy the file away, see on the other node what the pair was doing, and when no rollout is \
         running remove the file and start hau-sidecar again"
    )]
    Damaged {
        path: PathBuf,
        at: u64,
        intact_records: usize,
        what: &'static str,
    },
    /// A later hau wrote it.
    #[error(
        "the journal {path} has format {version}, this hau reads format 1: install the hau that wrote it"
    )]
    UnknownFormat { path: PathBuf, version: String },
    /// The disk has no room for `bytes` more. Nothing was changed.
    #[error("cannot reserve {bytes} bytes for the journal {path}: free space on that file system")]
    Full {
        path: PathBuf,
        bytes: u64,
        #[source]
        source: io::Error,
    },
    /// A record is longer than [`MAX_RECORD`]. Nothing was changed.
    #[error(
        "cannot append a record of {bytes} bytes to the journal {path}: the limit is {MAX_RECORD}"
    )]
    TooLong { path: PathBuf, bytes: usize },
    /// A write or sync failed. What is on disk is unknown until the journal is opened again.
    #[error("cannot write the journal {path}")]
    Write {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// An earlier write failed.
    #[error("the journal {path} is closed since a write failed: start hau-sidecar again")]
    Poisoned { path: PathBuf },
}

/// A journal open for writing, locked against other writers until it is dropped.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: Flock<File>,
    /// The newest header on disk.
    header: Header,
    /// Length of the file.
    length: u64,
    poisoned: bool,
    found: Summary,
}

impl Journal {
    /// Opens `path`, or creates it, and returns every record in the order appended. A torn end is
    /// cut; what is returned is durable and acknowledged.
    ///
    /// # Errors
    /// [`JournalError::Damaged`] if an acknowledged record is not there as it was written.
    pub fn open(path: &Path) -> Result<(Journal, Vec<Vec<u8>>), JournalError> {
        if !path
            .try_exists()
            .map_err(|source| open_error(path, source))?
        {
            file::create(path).map_err(|source| JournalError::Create {
                path: path.to_owned(),
                source,
            })?;
        }
        file::sync_name(path).map_err(|source| open_error(path, source))?;
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(path)
            .map_err(|source| open_error(path, source))?;
        let file = file::lock(path, file)?;
        let image = Image::load(path, &file)?;
        let found = image.summary();
        let mut journal = Journal {
            path: path.to_owned(),
            file,
            header: image.header,
            length: image.bytes.len() as u64,
            poisoned: false,
            found,
        };
        journal
            .settle(&image)
            .map_err(|source| journal.write_error(source))?;
        Ok((journal, image.contents.records))
    }

    /// What [`open`](Self::open) found, before it repaired anything: for the log.
    pub fn found(&self) -> &Summary {
        &self.found
    }

    /// Makes room for `bytes` more ([`RECORD_OVERHEAD`] included), so that a full disk is met before a
    /// rollout and not in it.
    ///
    /// # Errors
    /// [`JournalError::Full`]; the journal stays usable as far as its room goes.
    pub fn reserve(&mut self, bytes: u64) -> Result<(), JournalError> {
        if self.poisoned {
            return Err(JournalError::Poisoned {
                path: self.path.clone(),
            });
        }
        let wanted = START as u64 + self.header.acknowledged + bytes;
        if wanted <= self.length {
            return Ok(());
        }
        let length = wanted.next_multiple_of(STEP);
        file::grow(&self.file, self.length, length).map_err(|source| JournalError::Full {
            path: self.path.clone(),
            bytes,
            source,
        })?;
        self.length = length;
        Ok(())
    }

    /// Appends `records` as one batch, all or none, and returns once they are durable and acknowledged.
    ///
    /// # Errors
    /// After [`JournalError::Write`] or [`JournalError::Full`] nothing can be appended any more: end the
    /// process and open again.
    pub fn append(&mut self, records: &[Vec<u8>]) -> Result<(), JournalError> {
        if self.poisoned {
            return Err(JournalError::Poisoned {
                path: self.path.clone(),
            });
        }
        if let Some(record) = records.iter().find(|record| record.len() > MAX_RECORD) {
            return Err(JournalError::TooLong {
                path: self.path.clone(),
                bytes: record.len(),
            });
        }
        let Some(last) = records.len().checked_sub(1) else {
            return Ok(());
        };
        let (mut batch, mut seal) = (Vec::new(), self.header.seal);
        for (index, record) in records.iter().enumerate() {
            seal = format::push_record(&mut batch, &seal, record, index == last);
        }
        let room = self.reserve(batch.len() as u64);
        self.poisoned = true; // until both syncs have succeeded
        room?;
        self.commit(&batch, seal, records.len() as u64)
            .map_err(|source| self.write_error(source))?;
        self.poisoned = false;
        Ok(())
    }

    fn commit(&mut self, batch: &[u8], seal: Seal, records: u64) -> io::Result<()> {
        self.file
            .write_all_at(batch, START as u64 + self.header.acknowledged)?;
        self.file.sync_data()?;
        self.acknowledge(Header {
            generation: self.header.generation + 1,
            acknowledged: self.header.acknowledged + batch.len() as u64,
            records: self.header.records + records,
            seal,
        })
    }

    fn acknowledge(&mut self, header: Header) -> io::Result<()> {
        self.file
            .write_all_at(&header.render(), (header.slot() * SLOT_DISTANCE) as u64)?;
        self.file.sync_data()?;
        self.header = header;
        Ok(())
    }

    /// Makes what was read durable and acknowledged, and the rest of the file zero.
    fn settle(&mut self, image: &Image) -> io::Result<()> {
        if self.length < START as u64 {
            self.file.set_len(START as u64)?; // cut within the headers of a journal without records
            self.length = START as u64;
        }
        let area = image.area();
        let (whole, rest) = area.split_at(image.contents.end);
        let tail_at = image.acknowledged();
        self.file
            .write_all_at(&whole[tail_at..], (START + tail_at) as u64)?;
        if let Some(dirty) = rest.iter().rposition(|byte| *byte != 0) {
            self.file
                .write_all_at(&vec![0; dirty + 1], (START + image.contents.end) as u64)?;
        }
        self.file.sync_data()?;
        self.acknowledge(Header {
            generation: image.header.generation + 1,
            acknowledged: image.contents.end as u64,
            records: image.contents.records.len() as u64,
            seal: image.contents.seal,
        })
    }

    fn write_error(&self, source: io::Error) -> JournalError {
        JournalError::Write {
            path: self.path.clone(),
            source,
        }
    }
}

/// The records of `path`, for showing: nothing is written and no lock is taken, a writer may be at work.
///
/// # Errors
/// As [`Journal::open`]; a missing file is [`JournalError::Open`].
pub fn open_read_only(path: &Path) -> Result<Vec<Vec<u8>>, JournalError> {
    let file = File::open(path).map_err(|source| open_error(path, source))?;
    Ok(Image::load(path, &file)?.contents.records)
}

/// Recomputes every seal of `path` and says what is there. Nothing is written.
///
/// # Errors
/// As [`open_read_only`].
pub fn verify(path: &Path) -> Result<Summary, JournalError> {
    let file = File::open(path).map_err(|source| open_error(path, source))?;
    Ok(Image::load(path, &file)?.summary())
}

fn open_error(path: &Path, source: io::Error) -> JournalError {
    JournalError::Open {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::format::GENESIS;
    use nix::fcntl::FlockArg;

    use super::*;

    /// A journal whose every write meets a full disk.
    fn on_a_full_disk() -> Journal {
        let full = OpenOptions::new()
            .read(true)
            .write(true)
            .open("/dev/full")
            .expect("/dev/full");
        let path = PathBuf::from("/dev/full");
        let header = Header {
            generation: 1,
            acknowledged: 0,
            records: 0,
            seal: GENESIS,
        };
        let found = Summary {
            records: 0,
            used_bytes: 0,
            acknowledged_bytes: 0,
            torn_tail: false,
            slots: 2,
            seal: String::new(),
        };
        // shared: other tests use the same device
        let file = Flock::lock(full, FlockArg::LockShared).expect("lockable");
        Journal {
            path,
            file,
            header,
            length: STEP,
            poisoned: false,
            found,
        }
    }

    #[test]
    fn a_failed_write_closes_the_journal() {
        let mut journal = on_a_full_disk();
        let failed = journal.append(&[b"{}".to_vec()]);
        assert!(
            matches!(failed, Err(JournalError::Write { .. })),
            "{failed:?}"
        );
        for _ in 0..2 {
            let after = journal.append(&[b"{}".to_vec()]);
            assert!(
                matches!(after, Err(JournalError::Poisoned { .. })),
                "{after:?}"
            );
        }
        assert!(matches!(
            journal.reserve(1),
            Err(JournalError::Poisoned { .. })
        ));
        assert_eq!(journal.header.records, 0);
    }

    #[test]
    fn a_record_too_long_is_refused_and_harms_nothing() {
        let mut journal = on_a_full_disk();
        let refused = journal.append(&[vec![b' '; MAX_RECORD + 1]]);
        assert!(
            matches!(refused, Err(JournalError::TooLong { .. })),
            "{refused:?}"
        );
        assert!(!journal.poisoned);
    }
}
