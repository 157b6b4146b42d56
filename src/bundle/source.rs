//! A bundle file open for reading, and the errors that name it.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::error::{BundleError, Refusal};

/// What is in memory at a time of a file that is read or written, in bytes.
pub(super) const CHUNK: usize = 256 << 10;

/// The file is read by position only: no two readers of it can get in each other's way.
#[derive(Debug)]
pub(super) struct Source {
    path: PathBuf,
    file: File,
    /// In bytes, when it was opened.
    pub(super) length: u64,
}

impl Source {
    pub(super) fn open(path: &Path) -> Result<Source, BundleError> {
        Source::of(Source::file(path)?, path)
    }

    /// The file at `path`, whatever it is, open for reading.
    pub(super) fn file(path: &Path) -> Result<File, BundleError> {
        // O_NONBLOCK: a fifo must be refused, not waited for.
        let flags = nix::libc::O_NONBLOCK;
        let opened = OpenOptions::new().read(true).custom_flags(flags).open(path);
        opened.map_err(|source| BundleError::Read {
            path: path.to_owned(),
            source,
        })
    }

    /// A file that is open already and bears the name `path`.
    pub(super) fn of(file: File, path: &Path) -> Result<Source, BundleError> {
        let metadata = file.metadata().map_err(|source| BundleError::Read {
            path: path.to_owned(),
            source,
        })?;
        let source = Source {
            path: path.to_owned(),
            file,
            length: metadata.len(),
        };
        if metadata.is_file() {
            return Ok(source);
        }
        Err(source.refuse(Refusal::NotABundle {
            why: "it is not a regular file".to_owned(),
        }))
    }

    pub(super) fn refuse(&self, refusal: Refusal) -> BundleError {
        BundleError::Refused {
            path: self.path.clone(),
            refusal,
        }
    }

    pub(super) fn check<T>(&self, result: Result<T, Refusal>) -> Result<T, BundleError> {
        result.map_err(|refusal| self.refuse(refusal))
    }

    /// Hands `size` bytes from `at` on to `sink`, in pieces.
    pub(super) fn stream(
        &self,
        mut at: u64,
        size: u64,
        mut sink: impl FnMut(&[u8]) -> Result<(), BundleError>,
    ) -> Result<(), BundleError> {
        let mut chunk = vec![0; CHUNK.min(usize::try_from(size).unwrap_or(CHUNK))];
        let end = at.saturating_add(size);
        while at < end {
            let count = chunk.len().min(usize::try_from(end - at).unwrap_or(CHUNK));
            self.read_at(&mut chunk[..count], at)?;
            sink(&chunk[..count])?;
            at += count as u64;
        }
        Ok(())
    }

    /// `size` bytes from `at`; the caller has bounded `size`.
    pub(super) fn bytes(&self, at: u64, size: u64) -> Result<Vec<u8>, BundleError> {
        let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
        self.stream(at, size, |chunk| {
            bytes.extend_from_slice(chunk);
            Ok(())
        })?;
        Ok(bytes)
    }

    /// Fills `to` with the bytes from `at` on.
    pub(super) fn read_exact(&self, to: &mut [u8], at: u64) -> io::Result<()> {
        self.file.read_exact_at(to, at)
    }

    /// As [`Source::read_exact`]; an end that comes too early is a refusal.
    pub(super) fn read_at(&self, to: &mut [u8], at: u64) -> Result<(), BundleError> {
        match self.file.read_exact_at(to, at) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Err(self.refuse(Refusal::Truncated { at: self.length }))
            }
            Err(error) => Err(self.read_error(error)),
        }
    }

    pub(super) fn read_error(&self, source: io::Error) -> BundleError {
        let path = self.path.clone();
        BundleError::Read { path, source }
    }
}
