//! The journal's two promises, tried with every cut, every flipped bit and every torn batch:
//! a power cut never needs a person, and a damaged acknowledged fact is never silently dropped.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use hau::journal::{
    self, Journal, JournalError, MAX_RECORD, RECORD_OVERHEAD, STEP, Summary, open_read_only, verify,
};

const SLOTS: [usize; 2] = [0, 4096];
const SLOT: usize = 512;
const START: usize = 8192;

type Records = Vec<Vec<u8>>;

/// In memory where that exists: these tests write bytes as a crash would leave them, no sync is tested.
fn folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() {
        tempfile::tempdir_in(memory)
    } else {
        tempfile::tempdir()
    }
    .expect("temporary folder")
}

fn fact(number: usize) -> Vec<u8> {
    format!(
        "{{\"fact\":{number},\"what\":\"{}\"}}",
        "x".repeat(number * 7 % 40)
    )
    .into_bytes()
}

fn facts(numbers: std::ops::Range<usize>) -> Records {
    numbers.map(fact).collect()
}

/// A journal of three batches (1, 3 and 2 facts), and its bytes up to the last used one.
fn three_batches(folder: &Path) -> (PathBuf, Vec<u8>, Records) {
    let path = folder.join("journal");
    let (mut journal, none) = Journal::open(&path).expect("created");
    assert!(none.is_empty());
    for batch in [0..1, 1..4, 4..6] {
        journal.append(&facts(batch)).expect("appended");
    }
    let summary = verify(&path).expect("good");
    assert_eq!(
        (summary.records, summary.slots, summary.torn_tail),
        (6, 2, false)
    );
    let mut bytes = fs::read(&path).expect("readable");
    assert_eq!(bytes.len() as u64, STEP);
    bytes.truncate(START + usize::try_from(summary.used_bytes).expect("small"));
    (path, bytes, facts(0..6))
}

fn damaged<T: std::fmt::Debug>(result: &Result<T, JournalError>) -> bool {
    matches!(result, Err(JournalError::Damaged { .. }))
}

/// Opens `bytes` in every way there is; all must agree. `None` is damage.
fn read(path: &Path, bytes: &[u8]) -> Option<Records> {
    fs::write(path, bytes).expect("written");
    let shown = open_read_only(path);
    let summary = verify(path);
    assert_eq!(
        fs::read(path).expect("readable"),
        bytes,
        "showing changed the file"
    );
    let opened = Journal::open(path);
    if damaged(&opened) {
        assert!(damaged(&shown) && damaged(&summary));
        assert_eq!(
            fs::read(path).expect("readable"),
            bytes,
            "a damaged journal is left for inspection"
        );
        return None;
    }
    let (mut journal, records) = opened.expect("only damage may stop it");
    assert_eq!(shown.expect("shown"), records);
    assert_eq!(&summary.expect("verified"), journal.found());
    journal
        .append(&[b"after".to_vec()])
        .expect("a journal that opened takes facts");
    drop(journal);
    let mut longer = records.clone();
    longer.push(b"after".to_vec());
    assert_eq!(Journal::open(path).expect("opens again").1, longer);
    let healthy = verify(path).expect("good");
    assert_eq!(
        (healthy.slots, healthy.torn_tail),
        (2, false),
        "opening repaired it"
    );
    Some(records)
}

#[test]
fn what_was_appended_is_there_after_each_opening() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let path = folder.path().join("journal");
    let mut expected = Records::new();
    for round in 0..20 {
        let (mut journal, records) = Journal::open(&path).expect("opens");
        assert_eq!(records, expected);
        for batch in [round..round + 1, round..round + 3, round..round] {
            journal.append(&facts(batch.clone())).expect("appended");
            expected.extend(facts(batch));
        }
        assert_eq!(
            open_read_only(&path).expect("shown while it is written"),
            expected
        );
    }
}

#[test]
fn any_bytes_are_a_record() {
    let folder = folder();
    let path = folder.path().join("journal");
    let odd = vec![
        vec![],
        b"\n".to_vec(),
        vec![0; 5000],
        vec![0xff; 3],
        vec![b' '; MAX_RECORD],
    ];
    let (mut journal, _) = Journal::open(&path).expect("created");
    journal
        .append(&odd)
        .expect("appended, though it is longer than one step");
    drop(journal);
    assert_eq!(Journal::open(&path).expect("opens").1, odd);
    assert_eq!(fs::metadata(&path).expect("there").len(), 2 * STEP);
}

#[test]
fn every_cut_is_the_whole_list_or_damage() {
    let folder = folder();
    let (path, used, all) = three_batches(folder.path());
    let mut whole = used.clone();
    whole.resize(used.len() + 2 * SLOT, 0);
    for cut in 0..=whole.len() {
        let expected = (cut >= used.len()).then_some(&all);
        assert_eq!(
            read(&path, &whole[..cut]).as_ref(),
            expected,
            "cut at {cut}"
        );
    }
}

#[test]
fn an_empty_journal_survives_a_cut_behind_its_first_header() {
    let folder = folder();
    let path = folder.path().join("journal");
    drop(Journal::open(&path).expect("created"));
    let bytes = fs::read(&path).expect("readable");
    for cut in 0..START + 10 {
        // The newer header is in slot A or B; the other one says the same.
        let expected = (cut >= SLOT).then(Records::new);
        assert_eq!(read(&path, &bytes[..cut]), expected, "cut at {cut}");
    }
}

#[test]
fn every_flipped_bit_is_the_whole_list_or_damage() {
    let folder = folder();
    let (path, used, all) = three_batches(folder.path());
    let mut found_damage = 0;
    for bit in 0..used.len() * 8 {
        let mut bytes = used.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        fs::write(&path, &bytes).expect("written");
        match open_read_only(&path) {
            Ok(records) => assert_eq!(records, all, "bit {bit}"),
            Err(JournalError::Damaged { at, .. }) => {
                assert!(bit / 8 >= START, "bit {bit}: one header is enough");
                assert!(
                    (START as u64..=bit as u64 / 8).contains(&at),
                    "bit {bit}: {at} is behind it"
                );
                found_damage += 1;
            }
            Err(other) => panic!("bit {bit}: {other}"),
        }
    }
    assert_eq!(
        found_damage,
        (used.len() - START) * 8,
        "no bit of a record is free"
    );
}

#[test]
fn a_flipped_bit_in_a_header_or_behind_the_end_is_repaired_by_opening() {
    let folder = folder();
    let (path, used, all) = three_batches(folder.path());
    let mut whole = used.clone();
    whole.resize(used.len() + SLOT, 0);
    for byte in (0..SLOT)
        .chain(4096..4096 + SLOT)
        .chain(used.len()..whole.len())
    {
        let mut bytes = whole.clone();
        bytes[byte] ^= 1 << (byte % 8);
        assert_eq!(read(&path, &bytes), Some(all.clone()), "byte {byte}");
    }
}

#[test]
fn a_flipped_bit_in_a_record_is_damage_when_opened_for_writing_too() {
    let folder = folder();
    let (path, used, _) = three_batches(folder.path());
    for byte in START..used.len() {
        let mut bytes = used.clone();
        bytes[byte] ^= 1 << (byte % 8);
        assert_eq!(read(&path, &bytes), None, "byte {byte}");
    }
}

#[test]
fn both_headers_gone_is_damage_and_so_is_an_emptied_file() {
    let folder = folder();
    let (path, used, _) = three_batches(folder.path());
    let mut bytes = used;
    bytes[SLOTS[0]] ^= 1;
    bytes[SLOTS[1]] ^= 1;
    assert_eq!(read(&path, &bytes), None);
    assert_eq!(read(&path, b""), None);
    let message = Journal::open(&path).expect_err("damaged").to_string();
    assert!(message.contains("remove the file"), "{message}");
}

/// Bytes before an append, bytes after it, and where the batch lies.
struct Append {
    before: Vec<u8>,
    after: Vec<u8>,
    batch: std::ops::Range<usize>,
}

fn append(path: &Path, records: &Records) -> Append {
    let (mut journal, _) = Journal::open(path).expect("opens");
    let before = fs::read(path).expect("readable");
    journal.append(records).expect("appended");
    let after = fs::read(path).expect("readable");
    let at = |summary: Summary| START + usize::try_from(summary.used_bytes).expect("small");
    let end = at(verify(path).expect("good"));
    let begin = end
        - records
            .iter()
            .map(|record| record.len() + RECORD_OVERHEAD as usize)
            .sum::<usize>();
    let used = end.next_multiple_of(SLOT) + SLOT;
    Append {
        before: before[..used].to_vec(),
        after: after[..used].to_vec(),
        batch: begin..end,
    }
}

/// What the disk may hold where a sector of the batch did not land.
fn leftovers(append: &Append) -> [Vec<u8>; 2] {
    let mut dirty = append.before.clone();
    for (index, byte) in dirty.iter_mut().enumerate().skip(append.batch.start) {
        *byte = (index * 131 % 251) as u8;
    }
    [append.before.clone(), dirty]
}

#[test]
fn a_torn_batch_is_there_or_not_whichever_sectors_landed() {
    let folder = folder();
    let (path, _, acknowledged) = three_batches(folder.path());
    let batch = vec![vec![b'a'; 700], fact(9), vec![b'b'; 1800], vec![b'c'; 900]];
    let torn = append(&path, &batch);
    let mut whole = acknowledged.clone();
    whole.extend(batch);
    let sectors: Vec<usize> = (torn.batch.start / SLOT..torn.batch.end.div_ceil(SLOT)).collect();
    assert!(sectors.len() >= 8, "{sectors:?}");
    for (old, leftover) in leftovers(&torn).iter().enumerate() {
        for landed in 0..1_u32 << sectors.len() {
            let mut bytes = leftover.clone();
            for (index, sector) in sectors.iter().enumerate() {
                if landed >> index & 1 == 1 {
                    let range = sector * SLOT..(sector + 1) * SLOT;
                    bytes[range.clone()].copy_from_slice(&torn.after[range]);
                }
            }
            // An acknowledged fact shares the first sector: it was written before, so it is there.
            bytes[..torn.batch.start].copy_from_slice(&torn.before[..torn.batch.start]);
            let all = bytes[torn.batch.clone()] == torn.after[torn.batch.clone()];
            let expected = if all { &whole } else { &acknowledged };
            assert_eq!(
                read(&path, &bytes).as_ref(),
                Some(expected),
                "leftover {old}, landed {landed:b}"
            );
        }
    }
}

#[test]
fn a_batch_cut_at_any_byte_is_there_or_not() {
    let folder = folder();
    let (path, _, acknowledged) = three_batches(folder.path());
    let torn = append(&path, &facts(6..9));
    for leftover in leftovers(&torn) {
        for cut in torn.batch.start..torn.batch.end {
            let mut bytes = leftover.clone();
            bytes[torn.batch.start..cut].copy_from_slice(&torn.after[torn.batch.start..cut]);
            assert_eq!(
                read(&path, &bytes),
                Some(acknowledged.clone()),
                "cut at {cut}"
            );
        }
    }
}

#[test]
fn a_header_torn_at_any_byte_loses_nothing() {
    let folder = folder();
    let (path, _, mut records) = three_batches(folder.path());
    let torn = append(&path, &facts(6..8));
    records.extend(facts(6..8));
    let slot = SLOTS
        .into_iter()
        .find(|at| torn.before[*at..at + SLOT] != torn.after[*at..at + SLOT]);
    let slot = slot.expect("an append writes one header");
    for cut in 0..SLOT {
        let mut bytes = torn.after.clone();
        bytes[slot + cut..slot + SLOT].copy_from_slice(&torn.before[slot + cut..slot + SLOT]);
        assert_eq!(read(&path, &bytes), Some(records.clone()), "cut at {cut}");
    }
}

#[test]
fn facts_swapped_repeated_or_from_another_journal_are_damage() {
    let folder = folder();
    let (path, used, _) = three_batches(folder.path());
    let other = folder.path().join("other");
    let (mut journal, _) = Journal::open(&other).expect("created");
    for batch in [0..1, 1..4, 4..6] {
        let mut same_length = facts(batch);
        same_length[0][0] = b'[';
        journal.append(&same_length).expect("appended");
    }
    let foreign = fs::read(&other).expect("readable");
    let mut mixed = used.clone();
    mixed[START..].copy_from_slice(&foreign[START..used.len()]);
    assert_eq!(
        read(&path, &mixed),
        None,
        "headers of one, records of the other"
    );

    let first = START + fact(0).len() + RECORD_OVERHEAD as usize;
    let mut repeated = used[..first].to_vec();
    repeated.extend_from_slice(&used[START..]);
    assert_eq!(read(&path, &repeated), None);
}

#[test]
fn one_writer_at_a_time_and_any_number_of_readers() {
    let folder = folder();
    let (path, _, all) = three_batches(folder.path());
    let first = Journal::open(&path).expect("opens");
    assert!(matches!(
        Journal::open(&path),
        Err(JournalError::Locked { .. })
    ));
    assert_eq!(open_read_only(&path).expect("shown"), all);
    drop(first);
    assert!(Journal::open(&path).is_ok());
}

#[test]
fn showing_creates_nothing() {
    let folder = folder();
    let path = folder.path().join("journal");
    assert!(matches!(
        open_read_only(&path),
        Err(JournalError::Open { .. })
    ));
    assert!(matches!(verify(&path), Err(JournalError::Open { .. })));
    assert!(!path.exists());
}

#[test]
fn room_is_taken_in_advance_and_appending_changes_no_length() {
    let folder = folder();
    let path = folder.path().join("journal");
    let (mut journal, _) = Journal::open(&path).expect("created");
    journal.reserve(3 * STEP).expect("there is room");
    let length = fs::metadata(&path).expect("there").len();
    assert_eq!(length, 4 * STEP);
    for number in 0..50 {
        journal
            .append(&facts(number..number + 5))
            .expect("appended");
    }
    assert_eq!(fs::metadata(&path).expect("there").len(), length);
    assert_eq!(
        fs::read_dir(folder.path()).expect("readable").count(),
        1,
        "no temporary file is left"
    );
}

/// A file system of 2 MiB, gone when the test ends.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> SmallDisk {
        let disk = SmallDisk(tempfile::tempdir().expect("temporary folder"));
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=2m", "hau-test"])
            .arg(disk.0.path())
            .status()
            .expect("mount runs");
        assert!(
            mounted.success(),
            "this test mounts a tmpfs: run it as root"
        );
        disk
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg(self.0.path()).status();
        assert!(unmounted.is_ok_and(|status| status.success()));
    }
}

#[test]
fn a_full_disk_is_met_by_reserving_and_not_by_appending() {
    let disk = SmallDisk::mount();
    let path = disk.0.path().join("journal");
    let (mut journal, _) = Journal::open(&path).expect("1 of 2 MiB");
    assert!(matches!(
        journal.reserve(4 * STEP),
        Err(JournalError::Full { .. })
    ));
    assert_eq!(
        fs::metadata(&path).expect("there").len(),
        STEP,
        "nothing half taken"
    );

    let filler = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(disk.0.path().join("filler"))
        .expect("made");
    let mut at = 0;
    while filler.write_all_at(&[1; 4096], at).is_ok() {
        at += 4096;
    }
    let mut expected = Records::new();
    let step = usize::try_from(STEP).expect("small");
    while expected
        .iter()
        .map(|record| record.len() + 45)
        .sum::<usize>()
        + 10_045
        < step - START
    {
        journal
            .append(&[vec![b'x'; 10_000]])
            .expect("the room was taken before the disk was full");
        expected.push(vec![b'x'; 10_000]);
    }
    assert!(expected.len() > 100);
    assert!(matches!(
        journal.append(&[vec![b'y'; 10_000]]),
        Err(JournalError::Full { .. })
    ));
    assert!(matches!(
        journal.append(&facts(0..1)),
        Err(JournalError::Poisoned { .. })
    ));
    drop(journal);
    assert_eq!(
        Journal::open(&path).expect("opens on a full disk").1,
        expected
    );
}

#[test]
fn a_disk_too_full_for_a_journal_is_said_at_creation() {
    let disk = SmallDisk::mount();
    let filler = File::create(disk.0.path().join("filler")).expect("made");
    let mut at = 0;
    while filler.write_all_at(&[1; 4096], at).is_ok() {
        at += 4096;
    }
    let path = disk.0.path().join("journal");
    assert!(matches!(
        Journal::open(&path),
        Err(JournalError::Create { .. })
    ));
    assert!(!path.exists());
}

/// Not a test of speed but a way to know it: `cargo test --release --test journal latency -- --ignored --nocapture`
#[test]
#[ignore = "prints figures of the disk below the current folder"]
fn latency() {
    let folder = tempfile::tempdir_in(".").expect("temporary folder");
    let (mut journal, _) = Journal::open(&folder.path().join("journal")).expect("created");
    let record = vec![vec![b'x'; 200]];
    let mut times: Vec<_> = (0..2000)
        .map(|_| {
            let begun = std::time::Instant::now();
            journal.append(&record).expect("appended");
            begun.elapsed()
        })
        .collect();
    times.sort();
    println!(
        "append of one 200-byte fact: median {:?}, p99 {:?}, max {:?}",
        times[1000], times[1980], times[1999]
    );
    let begun = std::time::Instant::now();
    drop(journal);
    let records = journal::open_read_only(&folder.path().join("journal")).expect("shown");
    println!("reading {} facts: {:?}", records.len(), begun.elapsed());
}
