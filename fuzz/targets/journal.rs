//! A journal's file of any bytes: read or refused, and what is read is the same when it is read again.
#![no_main]
use hau::journal::{Journal, open_read_only};
use libfuzzer_sys::fuzz_target;
use std::fs;
use tempfile::TempDir;

thread_local!(static FOLDER: TempDir = tempfile::tempdir_in("/dev/shm").expect("a folder"));

fuzz_target!(|data: &[u8]| {
    FOLDER.with(|folder| {
        let file = folder.path().join("journal");
        fs::write(&file, data).expect("written");
        let seen = open_read_only(&file);
        let opened = Journal::open(&file);
        if let (Ok(seen), Ok((_, lines))) = (seen, opened) {
            assert_eq!(seen, lines);
        }
    });
});
