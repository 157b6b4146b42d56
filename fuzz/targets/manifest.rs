//! A signed manifest of any text: it is refused or read, within bounds, and what is read holds together.
#![no_main]
mod publisher;

use libfuzzer_sys::fuzz_target;
use publisher::Publisher;

thread_local!(static SITE: Publisher = Publisher::new());

fuzz_target!(|data: &[u8]| {
    SITE.with(|site| {
        let bundle = site.bundle(data, &[]);
        if let Ok((manifest, _)) = hau::bundle::inspect(&bundle, &site.keys) {
            for file in &manifest.file {
                let path = std::path::Path::new(&file.path);
                let plain = |part| matches!(part, std::path::Component::Normal(_));
                assert!(path.components().all(plain), "{}", file.path);
            }
        }
    });
});
