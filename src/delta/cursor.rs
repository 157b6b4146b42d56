//! Reading bytes that lie at places, in order.

use std::io::{self, Read};

use super::format::number;
use super::{Bytes, DeltaError};

/// Reads a patch from its begin.
pub(super) struct Cursor<'a> {
    bytes: &'a dyn Bytes,
    at: u64,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a dyn Bytes) -> Cursor<'a> {
        Cursor { bytes, at: 0 }
    }

    pub(super) fn left(&self) -> u64 {
        self.bytes.length().saturating_sub(self.at)
    }

    pub(super) fn exact(&mut self, to: &mut [u8]) -> Result<(), DeltaError> {
        if to.len() as u64 > self.left() {
            return Err(DeltaError::Broken("it is cut off"));
        }
        self.bytes
            .read_at(to, self.at)
            .map_err(DeltaError::ReadPatch)?;
        self.at += to.len() as u64;
        Ok(())
    }

    pub(super) fn number(&mut self) -> Result<u64, DeltaError> {
        let mut encoded = [0; 10];
        for at in 0..encoded.len() {
            let here = encoded
                .get_mut(at..=at)
                .ok_or(DeltaError::Broken("it is cut off"))?;
            self.exact(here)?;
            if here.first().is_some_and(|byte| *byte < 0x80) {
                break;
            }
        }
        number(&mut &encoded[..])
    }

    /// The next `length` bytes as a stream of their own; the cursor steps over them.
    pub(super) fn stream(&mut self, length: u64) -> Result<Stream<'a>, DeltaError> {
        if length > self.left() {
            return Err(DeltaError::Broken("it is cut off"));
        }
        let (bytes, at) = (self.bytes, self.at);
        self.at += length;
        Ok(Stream {
            bytes,
            at,
            end: self.at,
        })
    }
}

/// A range of bytes, read in order.
pub(super) struct Stream<'a> {
    bytes: &'a dyn Bytes,
    at: u64,
    end: u64,
}

impl<'a> Stream<'a> {
    pub(super) fn new(bytes: &'a dyn Bytes, at: u64, length: u64) -> Option<Stream<'a>> {
        let end = at.checked_add(length)?;
        (end <= bytes.length()).then_some(Stream { bytes, at, end })
    }
}

impl Read for Stream<'_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
        let count = left.min(to.len());
        let to = to.get_mut(..count).unwrap_or_default();
        self.bytes.read_at(to, self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}
