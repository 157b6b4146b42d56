//! What comes behind a signed manifest, of any bytes: only what the manifest lists is ever written, and nowhere else.
#![no_main]
mod publisher;

use hau::bundle::{Payload, Policy, unpack, verify};
use libfuzzer_sys::fuzz_target;
use publisher::Publisher;
use sha2::{Digest, Sha256};
use std::fs;

const FILES: [(&str, &[u8]); 3] = [
    ("app/shop.py", b"print('shop')\n"),
    ("empty", b""),
    ("lib/x.jar", &[7; 600]),
];

thread_local!(static SITE: (Publisher, Vec<u8>) = (Publisher::new(), manifest()));

fn manifest() -> Vec<u8> {
    let mut text = "format = 1\nproduct = \"shop\"\nversion = \"2.0.0\"\ncounter = 2\nupgrades_from = [\">=1.0.0\"]\n\
                    expires = \"2099-01-01T00:00:00Z\"\nschema_compatible = true\n"
        .to_owned();
    for (path, bytes) in FILES {
        let hash = Sha256::digest(bytes);
        let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        text += &format!(
            "\n[[file]]\npath = \"{path}\"\nsize = {}\nsha256 = \"{hash}\"\nmode = \"0644\"\n",
            bytes.len()
        );
    }
    text.into_bytes()
}

fuzz_target!(|data: &[u8]| {
    SITE.with(|(site, manifest)| {
        let bundle = site.bundle(manifest, data);
        let policy = Policy {
            product: "shop",
            installed: None,
            now: Default::default(),
        };
        let Ok(verified) = verify(&bundle, &site.keys, &policy) else {
            return;
        };
        let release = site.path("release");
        let payload = Payload::open(&bundle, verified.fingerprint());
        let mut payload = payload.expect("what verifies can be read");
        unpack(&verified, &mut payload, &release).expect("... and unpacked");
        for (path, bytes) in FILES {
            assert_eq!(fs::read(release.join(path)).expect("there"), bytes);
        }
        fs::remove_dir_all(&release).expect("removed");
    });
});
