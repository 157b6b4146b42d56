//! The journal's bytes: two header slots, then sealed records. Pure: no file, no clock.
//! Everything is text, so that `less` shows a journal and `sha256sum` can recompute a seal.

use sha2::{Digest, Sha256};

/// A seal: the first 16 bytes of a SHA-256, as 32 lowercase hex digits.
pub(super) type Seal = [u8; 32];

/// The seal before the first record.
pub(super) const GENESIS: Seal = [b'0'; 32];
/// One header slot is one sector, the unit a disk writes whole or not at all.
pub(super) const SLOT: usize = 512;
/// Slots lie a page apart: a disk with 4 KiB sectors never rewrites both at once.
pub(super) const SLOT_DISTANCE: usize = 4096;
/// Where the records begin.
pub(super) const START: usize = 2 * SLOT_DISTANCE;
/// What a record costs on disk beside its own bytes: `LEN SEAL MARK ` and the newline.
pub(super) const OVERHEAD: usize = LEN_DIGITS + 1 + 32 + 1 + 1 + 1 + 1;

const LEN_DIGITS: usize = 8;
/// Offset of `MARK `, from which on the seal covers the line.
const MARK: usize = LEN_DIGITS + 1 + 32 + 1;
const JSON: usize = MARK + 2;
/// The part of a slot that its checksum covers; behind it 32 digits and a newline.
const CHECKED: usize = SLOT - 33;
const VERSION: u32 = 1;

/// What a header slot says: how much of the journal is acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    /// Grows by one with every write; its lowest bit chooses the slot.
    pub(super) generation: u64,
    /// Bytes of the record area that were durable when this was written.
    pub(super) acknowledged: u64,
    pub(super) records: u64,
    /// Seal of the last acknowledged record.
    pub(super) seal: Seal,
}

/// Why a slot is of no use.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum BadSlot {
    Damaged,
    /// Intact, but written by a later hau.
    Version(String),
}

impl Header {
    pub(super) fn slot(&self) -> usize {
        (self.generation % 2) as usize
    }

    pub(super) fn render(&self) -> Vec<u8> {
        let text = format!(
            "hau-journal {VERSION} generation {:020} acknowledged {:020} records {:020} seal {}",
            self.generation,
            self.acknowledged,
            self.records,
            self.seal.escape_ascii(),
        );
        let mut slot = format!("{text:<CHECKED$}").into_bytes();
        let check = seal_of(&[&slot]);
        slot.extend_from_slice(&check);
        slot.push(b'\n');
        slot
    }

    pub(super) fn parse(slot: &[u8]) -> Result<Header, BadSlot> {
        let checked = slot.get(..CHECKED).ok_or(BadSlot::Damaged)?;
        if slot.get(CHECKED..SLOT - 1) != Some(&seal_of(&[checked])[..]) {
            return Err(BadSlot::Damaged);
        }
        let text = std::str::from_utf8(checked).map_err(|_| BadSlot::Damaged)?;
        let words: Vec<&str> = text.split_whitespace().collect();
        let ["hau-journal", version, rest @ ..] = words.as_slice() else {
            return Err(BadSlot::Damaged);
        };
        if *version != VERSION.to_string() {
            return Err(BadSlot::Version((*version).to_owned()));
        }
        let [
            "generation",
            generation,
            "acknowledged",
            bytes,
            "records",
            records,
            "seal",
            seal,
        ] = rest
        else {
            return Err(BadSlot::Damaged);
        };
        let number = |word: &str| word.parse().map_err(|_| BadSlot::Damaged);
        let header = Header {
            generation: number(generation)?,
            acknowledged: number(bytes)?,
            records: number(records)?,
            seal: seal.as_bytes().try_into().map_err(|_| BadSlot::Damaged)?,
        };
        // One spelling only, so that the last byte and every blank count too.
        (slot.get(..SLOT) == Some(&header.render()[..]))
            .then_some(header)
            .ok_or(BadSlot::Damaged)
    }
}

/// Appends one record to `out` and returns its seal. `last` ends the batch.
pub(super) fn push_record(out: &mut Vec<u8>, previous: &Seal, json: &[u8], last: bool) -> Seal {
    let mark: &[u8] = if last { b". " } else { b"+ " };
    let seal = seal_of(&[previous, mark, json]);
    out.extend_from_slice(format!("{:0LEN_DIGITS$} ", json.len()).as_bytes());
    out.extend_from_slice(&seal);
    out.push(b' ');
    out.extend_from_slice(mark);
    out.extend_from_slice(json);
    out.push(b'\n');
    seal
}

/// What a record area holds: whole batches only.
#[derive(Debug)]
pub(super) struct Contents {
    pub(super) records: Vec<Vec<u8>>,
    /// Bytes up to the end of the last whole batch.
    pub(super) end: usize,
    pub(super) seal: Seal,
}

/// Damage below the acknowledged length.
#[derive(Debug)]
pub(super) struct Broken {
    /// Offset in the record area.
    pub(super) at: usize,
    pub(super) intact_records: usize,
    pub(super) what: &'static str,
}

/// Reads the whole batches of `area`, up to the first byte that continues no chain. What is
/// acknowledged must be there, sealed, and end where the header says.
pub(super) fn read(area: &[u8], header: &Header) -> Result<Contents, Broken> {
    let acknowledged = usize::try_from(header.acknowledged).unwrap_or(usize::MAX);
    let mut found = Contents {
        records: Vec::new(),
        end: 0,
        seal: GENESIS,
    };
    let (mut at, mut seal, mut batch) = (0, GENESIS, Vec::new());
    let mut met = false;
    let what = loop {
        if at == acknowledged && batch.is_empty() {
            met = seal == header.seal && found.records.len() as u64 == header.records;
        }
        if at >= acknowledged && !met {
            break "the records do not end as the header says";
        }
        let record = match parse_record(&area[at..], &seal) {
            Ok(record) => record,
            Err(what) => break what,
        };
        at += OVERHEAD + record.json.len();
        seal = record.seal;
        batch.push(record.json.to_vec());
        if record.last {
            found.records.append(&mut batch);
            found.end = at;
            found.seal = seal;
        }
    };
    if met {
        Ok(found)
    } else {
        Err(Broken {
            at,
            intact_records: found.records.len(),
            what,
        })
    }
}

struct Record<'a> {
    json: &'a [u8],
    seal: Seal,
    last: bool,
}

fn parse_record<'a>(bytes: &'a [u8], previous: &Seal) -> Result<Record<'a>, &'static str> {
    let head = bytes.get(..JSON).ok_or("the file ends inside a record")?;
    let digits = &head[..LEN_DIGITS];
    if !digits.iter().all(u8::is_ascii_digit) || head[LEN_DIGITS] != b' ' || head[MARK - 1] != b' '
    {
        return Err("this is not the beginning of a record");
    }
    let length = digits
        .iter()
        .fold(0, |sum, digit| sum * 10 + usize::from(digit - b'0'));
    let line = bytes
        .get(MARK..JSON + length + 1)
        .ok_or("the file ends inside a record")?;
    let (sealed, newline) = line.split_at(line.len() - 1);
    let seal = seal_of(&[previous, sealed]);
    if head[LEN_DIGITS + 1..MARK - 1] != seal || newline != b"\n" {
        return Err("the seal does not match");
    }
    let last = match &sealed[..2] {
        b". " => true,
        b"+ " => false,
        _ => return Err("this is not the beginning of a record"),
    };
    Ok(Record {
        json: &sealed[2..],
        seal,
        last,
    })
}

fn seal_of(parts: &[&[u8]]) -> Seal {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    let mut seal = GENESIS;
    for (pair, byte) in seal.chunks_exact_mut(2).zip(hash.finalize()) {
        pair[0] = b"0123456789abcdef"[usize::from(byte >> 4)];
        pair[1] = b"0123456789abcdef"[usize::from(byte & 15)];
    }
    seal
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: Header = Header {
        generation: 7,
        acknowledged: 99,
        records: 3,
        seal: [b'a'; 32],
    };

    #[test]
    fn a_slot_is_one_sector_of_text() {
        let slot = HEADER.render();
        assert_eq!(slot.len(), SLOT);
        assert!(slot.starts_with(b"hau-journal 1 generation 00000000000000000007 acknowledged "));
        assert_eq!(Header::parse(&slot), Ok(HEADER));
        assert_eq!(HEADER.slot(), 1);
    }

    #[test]
    fn no_bit_of_a_slot_is_free() {
        let slot = HEADER.render();
        for bit in 0..SLOT * 8 {
            let mut flipped = slot.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Header::parse(&flipped), Err(BadSlot::Damaged), "bit {bit}");
        }
    }

    #[test]
    fn a_slot_of_a_later_version_is_not_called_damaged() {
        let mut slot = format!("{:<CHECKED$}", "hau-journal 2 something else").into_bytes();
        let check = seal_of(&[&slot]);
        slot.extend_from_slice(&check);
        slot.push(b'\n');
        assert_eq!(Header::parse(&slot), Err(BadSlot::Version("2".to_owned())));
    }

    #[test]
    fn a_record_is_readable_and_its_seal_can_be_recomputed_by_hand() {
        let mut out = Vec::new();
        push_record(&mut out, &GENESIS, b"{\"n\":1}", true);
        // printf '%032d. {"n":1}' 0 | sha256sum | cut -c1-32
        assert_eq!(
            String::from_utf8_lossy(&out),
            "00000007 266a9e648f2d8543ce5c7a677b1c20fc . {\"n\":1}\n"
        );
        assert_eq!(out.len(), OVERHEAD + 7);
    }
}
