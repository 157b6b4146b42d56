//! What gs_ctl and cm_ctl print, of any text.
#![no_main]
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    hau::database::gaussdb::read_output(&String::from_utf8_lossy(data));
});
