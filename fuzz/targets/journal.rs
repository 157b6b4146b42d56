//! A journal's file of any bytes: read or refused, and what is read is the same when it is read again. Of an honest one
//! of which bytes were changed, only what was written comes back, in its order.
#![no_main]
use hau::journal::{Journal, open_read_only};
use libfuzzer_sys::fuzz_target;
use std::{fs, path::PathBuf};
use tempfile::TempDir;

const BATCHES: [&[&str]; 4] = [
    &[r#"{"Started":{"n":1}}"#, r#"{"HomeTold":"a"}"#],
    &[r#"{"PlanAdopted":{"rows":["stage","stop"]}}"#],
    &[r#"{"RowReported":{"row":1}}"#, r#"{"RowReported":{"row":2}}"#, "{}"],
    &[r#"{"RolloutEnded":"done"}"#],
];
/// Where its records begin, and what it has of them: the rest is zeros, which the reader finds in a shorter file, too.
const SHORT: usize = 8192 + 1024;

struct Honest {
    _folder: TempDir,
    file: PathBuf,
    bytes: Vec<u8>,
    records: Vec<Vec<u8>>,
}

impl Honest {
    fn new() -> Honest {
        let folder = tempfile::tempdir_in("/dev/shm").expect("a folder");
        let file = folder.path().join("journal");
        let (mut journal, _) = Journal::open(&file).expect("new");
        let batches = BATCHES.map(|batch| batch.iter().map(|text| text.as_bytes().to_vec()).collect());
        for batch in &batches as &[Vec<Vec<u8>>] {
            journal.append(batch).expect("appended");
        }
        drop(journal);
        let mut bytes = fs::read(&file).expect("read");
        bytes.truncate(SHORT);
        Honest {
            _folder: folder,
            file,
            bytes,
            records: batches.concat(),
        }
    }
}

thread_local!(static HONEST: Honest = Honest::new());

fn read(file: &PathBuf, bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
    fs::write(file, bytes).expect("written");
    let seen = open_read_only(file);
    let opened = Journal::open(file).map(|(_, records)| records);
    if let (Ok(seen), Ok(opened)) = (&seen, &opened) {
        assert_eq!(seen, opened);
    }
    opened.ok()
}

fuzz_target!(|data: &[u8]| {
    HONEST.with(|honest| {
        read(&honest.file, data);
        assert_eq!(read(&honest.file, &honest.bytes).as_ref(), Some(&honest.records));
        // Each three bytes: where in the journal, and what is changed there.
        let mut changed = honest.bytes.clone();
        for edit in data.chunks_exact(3) {
            let at = usize::from(u16::from_le_bytes([edit[0], edit[1]])) % changed.len();
            changed[at] ^= edit[2];
        }
        if let Some(records) = read(&honest.file, &changed) {
            assert!(honest.records.starts_with(&records));
        }
    });
});
