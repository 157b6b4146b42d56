//! A hau.toml of any text: settings, or sentences.
#![no_main]
use hau::config::Settings;
use libfuzzer_sys::fuzz_target;
use std::path::Path;

fuzz_target!(|data: &[u8]| {
    if let Err(problems) = Settings::parse(Path::new("hau.toml"), &String::from_utf8_lossy(data)) {
        assert!(!problems.to_string().is_empty());
    }
});
