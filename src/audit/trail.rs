//! The trail on disk: a journal whose records are entries.
use super::{Entry, Event, Standing};
use crate::journal::{self, Journal, JournalError, RECORD_OVERHEAD};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// What an act may add, its answer included.
const ACT_BYTES: u64 = 16 << 10;

/// Why the trail cannot be used. Every variant names the file and what to do.
#[derive(Debug, Error)]
pub enum AuditError {
    /// An entry is not as it was written, or is missing.
    #[error(
        "the audit trail {path} was damaged or changed ({what}): keep a copy of it as evidence, move the file away, \
         restart hau-sidecar and run hau-ctl pair on both nodes, which begins a new trail"
    )]
    Damaged { path: PathBuf, what: String },
    /// No room. Nothing was changed.
    #[error("there is no room for the audit trail {path}: free space on that file system")]
    Full { path: PathBuf },
    /// The disk, or another process.
    #[error("the audit trail cannot be used: {0}")]
    Journal(#[source] JournalError),
}

/// A trail open for writing.
#[derive(Debug)]
pub struct Trail {
    path: PathBuf,
    node: String,
    journal: Journal,
    standing: Standing,
}

impl Trail {
    /// Opens the trail of `node`, or begins it. `at` is now, RFC 3339, for the entry that tells of a torn end.
    ///
    /// # Errors
    /// As [`AuditError`] says.
    pub fn open(path: &Path, node: &str, at: &str) -> Result<Trail, AuditError> {
        let told = |e| error(path, e);
        let (journal, lines) = Journal::open(path).map_err(told)?;
        let mut standing = Standing::default();
        for line in &lines {
            standing.take(line).map_err(|what| AuditError::Damaged {
                path: path.to_owned(),
                what,
            })?;
        }
        let is_torn = journal.found().torn_tail;
        let mut trail = Trail {
            path: path.to_owned(),
            node: node.to_owned(),
            journal,
            standing,
        };
        if is_torn {
            trail.append(at, vec![Event::Cut])?;
        }
        Ok(trail)
    }

    #[must_use]
    pub fn standing(&self) -> &Standing {
        &self.standing
    }

    /// Appends `events`, all or none, and returns the number of the first once they are on disk.
    ///
    /// # Errors
    /// [`AuditError::Full`]: nothing was changed, and it may be tried again. Any other one lasts until the trail is
    /// opened anew.
    pub fn append(&mut self, at: &str, events: Vec<Event>) -> Result<u64, AuditError> {
        let (mut standing, mut lines) = (self.standing.clone(), Vec::new());
        for event in events {
            let entry = Entry {
                seq: standing.head.seq + 1,
                at: at.to_owned(),
                node: self.node.clone(),
                event,
                prev: standing.head.hash.clone(),
            };
            // Plain data with string keys: there is nothing that JSON cannot hold.
            let line = serde_json::to_vec(&entry).unwrap_or_default();
            standing.take(&line).map_err(|what| AuditError::Damaged {
                path: self.path.clone(),
                what,
            })?;
            lines.push(line);
        }
        let told = |e| error(&self.path, e);
        let bytes: u64 = lines.iter().map(|l| l.len() as u64 + RECORD_OVERHEAD).sum();
        self.journal.reserve(bytes).map_err(told)?;
        self.journal.append(&lines).map_err(told)?;
        let first = self.standing.head.seq + 1;
        self.standing = standing;
        Ok(first)
    }

    /// Makes room for an act, so that its answer does not meet a full disk.
    ///
    /// # Errors
    /// [`AuditError::Full`]; nothing was changed.
    pub fn make_room(&mut self) -> Result<(), AuditError> {
        let made = self.journal.reserve(ACT_BYTES);
        made.map_err(|e| error(&self.path, e))
    }

    /// The lines of the file at `path`, oldest first; a writer may be at work.
    ///
    /// # Errors
    /// As [`AuditError`] says.
    pub fn lines(path: &Path) -> Result<Vec<Vec<u8>>, AuditError> {
        journal::open_read_only(path).map_err(|e| error(path, e))
    }
}

fn error(path: &Path, error: JournalError) -> AuditError {
    let path = path.to_owned();
    if let JournalError::Damaged {
        at,
        intact_records,
        what,
        ..
    } = error
    {
        let what = format!("entry {}, byte {at}: {what}", intact_records + 1);
        return AuditError::Damaged { path, what };
    }
    if matches!(error, JournalError::Full { .. }) {
        return AuditError::Full { path };
    }
    AuditError::Journal(error)
}
