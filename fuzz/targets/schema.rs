//! A schema script of any text.
#![no_main]
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = hau::schema::lint("0001.sql", data);
});
