//! A journal as it lies on disk, read and judged. Nothing here writes.

use std::fs::File;
use std::path::Path;

use super::format::{self, BadSlot, Broken, Contents, Header, SLOT, SLOT_DISTANCE, START};
use super::{JournalError, file, open_error};

/// What a journal holds, and how healthy it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    pub records: usize,
    /// Bytes of records, all whole batches.
    pub used_bytes: u64,
    /// Bytes of them that a header acknowledges; the rest is a batch cut off while it was written.
    pub acknowledged_bytes: u64,
    /// Not zero behind the last whole batch: the remains of a write that a crash cut off.
    pub torn_tail: bool,
    /// Header slots that are intact, of two.
    pub slots: usize,
    /// Seal of the last record, 32 hex digits: tells two journals apart.
    pub seal: String,
}

/// A journal as read from disk and found good.
pub(super) struct Image {
    pub(super) bytes: Vec<u8>,
    pub(super) header: Header,
    slots: usize,
    pub(super) contents: Contents,
}

impl Image {
    pub(super) fn load(path: &Path, journal: &File) -> Result<Image, JournalError> {
        let bytes = file::read_whole(journal).map_err(|source| open_error(path, source))?;
        let (header, slots) = newest_header(path, &bytes)?;
        let area = bytes.get(START..).unwrap_or_default();
        let contents = format::read(area, &header).map_err(
            |Broken {
                 at,
                 intact_records,
                 what,
             }| {
                JournalError::Damaged {
                    path: path.to_owned(),
                    at: (START + at) as u64,
                    intact_records,
                    what,
                }
            },
        )?;
        Ok(Image {
            bytes,
            header,
            slots,
            contents,
        })
    }

    pub(super) fn area(&self) -> &[u8] {
        self.bytes.get(START..).unwrap_or_default()
    }

    /// `format::read` has found the acknowledged end inside the area, so it fits.
    pub(super) fn acknowledged(&self) -> usize {
        usize::try_from(self.header.acknowledged).unwrap_or(self.contents.end)
    }

    pub(super) fn summary(&self) -> Summary {
        Summary {
            records: self.contents.records.len(),
            used_bytes: self.contents.end as u64,
            acknowledged_bytes: self.header.acknowledged,
            torn_tail: self.area()[self.contents.end..]
                .iter()
                .any(|byte| *byte != 0),
            slots: self.slots,
            seal: self.contents.seal.escape_ascii().to_string(),
        }
    }
}

/// The intact header with the highest generation, and how many slots are intact.
fn newest_header(path: &Path, bytes: &[u8]) -> Result<(Header, usize), JournalError> {
    let mut intact = Vec::new();
    for slot in [0, 1] {
        let at = slot * SLOT_DISTANCE;
        match Header::parse(bytes.get(at..at + SLOT).unwrap_or_default()) {
            Ok(header) if header.slot() == slot => intact.push(header),
            Ok(_) | Err(BadSlot::Damaged) => {}
            Err(BadSlot::Version(version)) => {
                return Err(JournalError::UnknownFormat {
                    path: path.to_owned(),
                    version,
                });
            }
        }
    }
    let newest = intact
        .iter()
        .max_by_key(|header| header.generation)
        .copied();
    newest
        .map(|header| (header, intact.len()))
        .ok_or_else(|| JournalError::Damaged {
            path: path.to_owned(),
            at: 0,
            intact_records: 0,
            what: "neither of its two headers is readable",
        })
}
