//! Inflating within bounds, and finding the level at which zlib makes the same deflate stream again.

use std::io::{self, Read};
use std::ops::RangeInclusive;

use flate2::bufread::DeflateDecoder;
use flate2::{Compress, Compression, FlushCompress, Status};

/// Levels at which zlib compresses. Level 0 stores: where it cuts depends on how it is fed.
pub(super) const LEVELS: RangeInclusive<u8> = 1..=9;
/// In the order to try: what `jar`, Maven, Gradle and Python use comes first.
const TRIED: [u8; 9] = [6, 9, 1, 5, 8, 7, 4, 3, 2];
const CHUNK: usize = 64 << 10;

/// A deflate stream in the making.
pub(super) struct Deflater {
    zlib: Compress,
    made: Vec<u8>,
}

impl Deflater {
    pub(super) fn new(level: u8) -> Deflater {
        Deflater {
            zlib: Compress::new(Compression::new(u32::from(level)), false),
            made: Vec::with_capacity(CHUNK),
        }
    }

    /// Takes all of `bytes` and hands what comes of it to `sink`; with `end`, the rest of the stream, too.
    pub(super) fn feed<E: From<io::Error>>(
        &mut self,
        mut bytes: &[u8],
        end: bool,
        mut sink: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let flush = if end {
            FlushCompress::Finish
        } else {
            FlushCompress::None
        };
        loop {
            self.made.clear();
            let before = self.zlib.total_in();
            let compressed = self.zlib.compress_vec(bytes, &mut self.made, flush);
            let status = compressed.map_err(|error| E::from(io::Error::other(error)))?;
            let taken = usize::try_from(self.zlib.total_in() - before).unwrap_or(usize::MAX);
            bytes = bytes.get(taken..).unwrap_or_default();
            sink(&self.made)?;
            let over = match status {
                Status::StreamEnd => true,
                Status::Ok | Status::BufError => {
                    !end && bytes.is_empty() && self.made.len() < self.made.capacity()
                }
            };
            if over {
                return Ok(());
            }
        }
    }
}

/// What a deflate stream that ends where `raw` ends holds, if that is no more than `limit` bytes.
pub(super) fn inflate(raw: &[u8], limit: u64) -> Option<Vec<u8>> {
    let mut decoder = DeflateDecoder::new(raw);
    let mut plain = Vec::new();
    let read = (&mut decoder)
        .take(limit.saturating_add(1))
        .read_to_end(&mut plain);
    let whole =
        read.is_ok() && plain.len() as u64 <= limit && decoder.total_in() == raw.len() as u64;
    whole.then_some(plain)
}

/// The level at which zlib makes `raw` of `plain`, `likely` tried first.
pub(super) fn find_level(plain: &[u8], raw: &[u8], likely: u8) -> Option<u8> {
    let others = TRIED.into_iter().filter(|level| *level != likely);
    std::iter::once(likely)
        .chain(others)
        .find(|level| makes(plain, raw, *level))
}

/// Whether zlib makes `raw` of `plain` at this level; ends at the first byte that differs.
fn makes(plain: &[u8], mut raw: &[u8], level: u8) -> bool {
    let mut deflater = Deflater::new(level);
    let mut same = |made: &[u8]| match raw.strip_prefix(made) {
        Some(rest) => {
            raw = rest;
            Ok(())
        }
        None => Err(io::Error::other("differs")),
    };
    for chunk in plain.chunks(CHUNK) {
        if deflater.feed(chunk, false, &mut same).is_err() {
            return false;
        }
    }
    deflater.feed(&[], true, &mut same).is_ok() && raw.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deflated(plain: &[u8], level: u8, chunk: usize) -> Vec<u8> {
        let mut raw = Vec::new();
        let mut deflater = Deflater::new(level);
        let mut sink = |made: &[u8]| {
            raw.extend_from_slice(made);
            io::Result::Ok(())
        };
        for part in plain.chunks(chunk) {
            deflater.feed(part, false, &mut sink).expect("deflated");
        }
        deflater.feed(&[], true, &mut sink).expect("deflated");
        raw
    }

    fn text(length: usize) -> Vec<u8> {
        let words = (0..length as u32).flat_map(|n| {
            (n.wrapping_mul(2_654_435_761) >> 20)
                .to_string()
                .into_bytes()
        });
        words.take(length).collect()
    }

    #[test]
    fn every_level_is_found_however_the_stream_was_fed() {
        let plain = text(300_000);
        for level in LEVELS {
            for chunk in [1, 777, 65_536, 300_000] {
                let raw = deflated(&plain, level, chunk);
                let found = find_level(&plain, &raw, 6).expect("a level");
                assert_eq!(deflated(&plain, found, 4096), raw, "level {level}");
                assert_eq!(inflate(&raw, 300_000).as_deref(), Some(&plain[..]));
            }
        }
        assert_eq!(find_level(b"", &deflated(b"", 6, 1), 6), Some(6));
    }

    #[test]
    fn what_zlib_does_not_make_has_no_level() {
        let plain = text(10_000);
        let mut raw = deflated(&plain, 6, 4096);
        raw.push(0);
        assert_eq!(find_level(&plain, &raw, 6), None);
        assert_eq!(inflate(&raw, 10_000), None, "a byte behind its end");
        raw.truncate(raw.len() - 2);
        assert_eq!(inflate(&raw, 10_000), None, "cut off");
    }

    #[test]
    fn nothing_is_inflated_beyond_the_limit() {
        let raw = deflated(&vec![0; 50_000_000], 9, 1 << 20);
        assert!(raw.len() < 60_000);
        assert_eq!(inflate(&raw, 1000), None);
    }
}
