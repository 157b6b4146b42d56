//! Where the entries of a zip lie. Only places that a reader and a writer cannot see differently are used; a file
//! that is odd in any way is treated as plain bytes.

use std::ops::Range;

const END: [u8; 4] = *b"PK\x05\x06";
const END_64: [u8; 4] = *b"PK\x06\x06";
const LOCATOR_64: [u8; 4] = *b"PK\x06\x07";
const RECORD: [u8; 4] = *b"PK\x01\x02";
const LOCAL: [u8; 4] = *b"PK\x03\x04";
const END_LENGTH: usize = 22;
const RECORD_LENGTH: usize = 46;
const LOCAL_LENGTH: usize = 30;
const TIME_IN_RECORD: usize = 12;
const OFFSET_IN_RECORD: usize = 42;

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Zip {
    /// In the order in which they lie; their data do not overlap.
    pub(super) entries: Vec<Entry>,
    pub(super) directory: Range<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) name: Vec<u8>,
    pub(super) data: Range<usize>,
    pub(super) method: Method,
    /// As it says of itself; not to be relied on.
    pub(super) size: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Stored,
    Deflated,
    Other,
}

/// The zip that `bytes` is from its begin to its end.
pub(super) fn parse(bytes: &[u8]) -> Option<Zip> {
    let end = find_end(bytes)?;
    let (mut count, mut size) = (
        u64::from(u16_at(bytes, end + 10)?),
        u64::from(u32_at(bytes, end + 12)?),
    );
    let mut offset = u64::from(u32_at(bytes, end + 16)?);
    let mut directory_end = end;
    let locator = end.checked_sub(20).filter(|at| has(bytes, *at, LOCATOR_64));
    if let Some(at) = locator {
        // Right behind the record of 56 bytes that it points to.
        let record = at.checked_sub(56).filter(|at| has(bytes, *at, END_64))?;
        count = u64_at(bytes, record + 32)?;
        size = u64_at(bytes, record + 40)?;
        offset = u64_at(bytes, record + 48)?;
        directory_end = record;
    }
    let start = directory_end.checked_sub(usize::try_from(size).ok()?)?;
    // What stands before a zip, such as a script that starts it, may not be counted in its offsets.
    let shift = start.checked_sub(usize::try_from(offset).ok()?)?;
    let mut entries = Vec::new();
    let mut at = start;
    while at < directory_end {
        let (entry, next) = entry(bytes, at, shift)?;
        entries.push(entry);
        at = next;
    }
    if at != directory_end || entries.len() as u64 != count || entries.is_empty() {
        return None;
    }
    entries.sort_by_key(|entry: &Entry| (entry.data.start, entry.data.end));
    let mut ends = 0;
    for entry in &entries {
        if entry.data.start < ends + LOCAL_LENGTH {
            return None;
        }
        ends = entry.data.end;
    }
    (ends <= start).then_some(Zip {
        entries,
        directory: start..directory_end,
    })
}

fn find_end(bytes: &[u8]) -> Option<usize> {
    let last = bytes.len().checked_sub(END_LENGTH)?;
    let first = last.saturating_sub(usize::from(u16::MAX));
    let ends_here = |at: &usize| {
        let comment = u16_at(bytes, at + 20).map(usize::from);
        has(bytes, *at, END) && comment == Some(last - at)
    };
    (first..=last).rev().find(ends_here)
}

/// The entry whose record is at `at`, and where the next record is.
fn entry(bytes: &[u8], at: usize, shift: usize) -> Option<(Entry, usize)> {
    if !has(bytes, at, RECORD) {
        return None;
    }
    let wide = |field| u32_at(bytes, at + field).filter(|value| *value != u32::MAX);
    let (packed, size, offset) = (wide(20)?, wide(24)?, wide(OFFSET_IN_RECORD)?);
    let name_at = at + RECORD_LENGTH;
    let name_end = name_at + usize::from(u16_at(bytes, at + 28)?);
    let local = usize::try_from(offset).ok()?.checked_add(shift)?;
    if !has(bytes, local, LOCAL) {
        return None;
    }
    let names = usize::from(u16_at(bytes, local + 26)?) + usize::from(u16_at(bytes, local + 28)?);
    let start = local + LOCAL_LENGTH + names;
    let data = start..start.checked_add(usize::try_from(packed).ok()?)?;
    bytes.get(data.clone())?;
    let encrypted = u16_at(bytes, at + 8)? & 1 != 0;
    let method = match u16_at(bytes, at + 10)? {
        _ if encrypted => Method::Other,
        0 => Method::Stored,
        8 => Method::Deflated,
        _ => Method::Other,
    };
    let entry = Entry {
        name: bytes.get(name_at..name_end)?.to_vec(),
        data,
        method,
        size: u64::from(size),
    };
    Some((entry, next_record(bytes, at)?))
}

/// Where the record after the one at `at` begins, if that one is whole.
fn next_record(bytes: &[u8], at: usize) -> Option<usize> {
    if !has(bytes, at, RECORD) {
        return None;
    }
    let lengths = [28, 30, 32].map(|field| u16_at(bytes, at + field).map(usize::from));
    let variable = lengths
        .into_iter()
        .try_fold(0, |sum, length| Some(sum + length?))?;
    let next = at + RECORD_LENGTH + variable;
    (next <= bytes.len()).then_some(next)
}

/// Replaces each time and offset in a directory by its distance from the one before: an entry that grows then changes
/// one number and not all that follow, and a jar that is built anew changes few. What is no record, and all behind it,
/// stays as it is.
pub(super) fn fold(directory: &mut [u8]) {
    each_field(directory, |value, before| {
        (value.wrapping_sub(before), value)
    });
}

/// Takes [`fold`] back.
pub(super) fn unfold(directory: &mut [u8]) {
    each_field(directory, |distance, before| {
        let value = before.wrapping_add(distance);
        (value, value)
    });
}

/// Rewrites each time (with its date) and offset; `change` gets it and the true one before, and answers the new one
/// and the true one.
fn each_field(directory: &mut [u8], change: impl Fn(u32, u32) -> (u32, u32)) {
    let mut at = 0;
    let mut fields = [(TIME_IN_RECORD, 0), (OFFSET_IN_RECORD, 0)];
    while let Some(next) = next_record(directory, at) {
        for (place, before) in &mut fields {
            let field = directory.get_mut(at + *place..);
            if let Some(field) = field.and_then(|rest| rest.first_chunk_mut::<4>()) {
                let (written, value) = change(u32::from_le_bytes(*field), *before);
                *field = written.to_le_bytes();
                *before = value;
            }
        }
        at = next;
    }
}

fn has(bytes: &[u8], at: usize, mark: [u8; 4]) -> bool {
    bytes.get(at..).is_some_and(|rest| rest.starts_with(&mark))
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes
        .get(at..)?
        .first_chunk()
        .map(|field| u16::from_le_bytes(*field))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes
        .get(at..)?
        .first_chunk()
        .map(|field| u32::from_le_bytes(*field))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes
        .get(at..)?
        .first_chunk()
        .map(|field| u64::from_le_bytes(*field))
}
