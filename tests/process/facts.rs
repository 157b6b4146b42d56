//! Reads a daemon's journal from outside, as it grows: each fact is seen within about a millisecond of being durable.
use hau::core::Record;
use std::{fs::File, os::unix::fs::FileExt, path::PathBuf};

/// As `src/journal/format.rs` lays it out.
const SLOTS: [u64; 2] = [0, 4096];
const SLOT: usize = 512;
const START: u64 = 8192;
const LENGTH: usize = 8;
/// In front of a record's JSON: length, seal, mark.
const HEAD: usize = LENGTH + 1 + 32 + 1 + 2;

pub(crate) struct Facts {
    path: PathBuf,
    /// Bytes of the record area that were read.
    seen: u64,
}

impl Facts {
    /// From now on.
    pub(crate) fn new(path: PathBuf) -> Self {
        let mut facts = Self::all(path);
        facts.news();
        facts
    }

    /// From the first one on.
    pub(crate) fn all(path: PathBuf) -> Self {
        Self { path, seen: 0 }
    }

    pub(crate) fn news(&mut self) -> Vec<Record> {
        let Ok(file) = File::open(&self.path) else {
            return Vec::new();
        };
        let newest = headers(&file).last().copied();
        self.up_to(&file, newest.unwrap_or(0))
    }

    /// Those of the older header: it was on disk before the newer one was written, which may not be there yet.
    pub(crate) fn on_disk(mut self) -> Vec<Record> {
        let Ok(file) = File::open(&self.path) else {
            return Vec::new();
        };
        let older = headers(&file).first().copied();
        self.up_to(&file, older.unwrap_or(0))
    }

    fn up_to(&mut self, file: &File, acknowledged: u64) -> Vec<Record> {
        if acknowledged <= self.seen {
            return Vec::new();
        }
        let mut bytes = vec![0; usize::try_from(acknowledged - self.seen).unwrap()];
        file.read_exact_at(&mut bytes, START + self.seen).unwrap();
        self.seen = acknowledged;
        let (mut records, mut rest) = (Vec::new(), &bytes[..]);
        while !rest.is_empty() {
            let length: usize = std::str::from_utf8(&rest[..LENGTH])
                .unwrap()
                .parse()
                .unwrap();
            records.push(serde_json::from_slice(&rest[HEAD..HEAD + length]).unwrap());
            rest = &rest[HEAD + length + 1..];
        }
        records
    }
}

/// What the header slots acknowledge, the newer one last; one that is being written is passed over.
fn headers(file: &File) -> Vec<u64> {
    let slot = |at: &u64| {
        let mut bytes = [0; SLOT];
        file.read_exact_at(&mut bytes, *at).ok()?;
        let words = String::from_utf8_lossy(&bytes).into_owned();
        let words: Vec<&str> = words.split_whitespace().collect();
        let after = |word: &str| {
            let at = words.iter().position(|w| *w == word)?;
            words.get(at + 1)?.parse::<u64>().ok()
        };
        Some((after("generation")?, after("acknowledged")?))
    };
    let mut known: Vec<(u64, u64)> = SLOTS.iter().filter_map(slot).collect();
    known.sort_unstable();
    known.into_iter().map(|(_, end)| end).collect()
}
