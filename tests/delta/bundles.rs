//! Deltas of bundles: made, applied to a release or a bundle, and refused.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use hau::bundle::{
    self, BundleError, Installed, Payload, Policy, Refusal, SigningKey, TrustedKeys, keygen,
    rebuild, scripts, verify,
};

use super::{Chance, How, versions, zip};

/// A publisher with two bundles, and a node that runs the first.
struct Site {
    folder: tempfile::TempDir,
    secret: PathBuf,
    keys: TrustedKeys,
}

impl Site {
    fn new() -> Site {
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = |name: &str| folder.path().join(name);
        for name in ["keys", "others", "releases", "incoming", "out"] {
            fs::create_dir(path(name)).expect("made");
        }
        let pair = keygen(&path("keys"), "publisher", None).expect("key pair");
        let keys = TrustedKeys::load(&path("keys")).expect("keys");
        let site = Site {
            secret: pair.secret,
            folder,
            keys,
        };
        let mut chance = Chance(11);
        let (old, new) = versions(&mut chance, How::Level(6));
        let (script, text) = (chance.code(900), chance.code(40_000));
        site.source(
            "1.0.0",
            6,
            ">=0.9.0",
            &[
                ("app/shop.jar", &zip(&old)),
                ("bin/run", &script),
                ("doc/text", &text),
            ],
        );
        site.source(
            "1.1.0",
            7,
            ">=1.0.0, <1.1.0",
            &[
                ("app/shop.jar", &zip(&new)),
                ("bin/run", &script),
                ("doc/empty", b""),
                ("doc/text", &chance.edited(&text)),
                (
                    &format!("{}/deep", "long".repeat(40)),
                    b"a name that tar keeps apart",
                ),
            ],
        );
        let installed = site.verified("1.0.0", None);
        let payload = Payload::open(&site.bundle("1.0.0"), installed.fingerprint());
        bundle::unpack(&installed, &mut payload.expect("read"), &site.release()).expect("unpacked");
        site
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn bundle(&self, version: &str) -> PathBuf {
        self.path(&format!("out/shop-{version}.hau"))
    }

    fn release(&self) -> PathBuf {
        self.path("releases/1.0.0")
    }

    fn key(&self) -> SigningKey {
        SigningKey::load(&self.secret, None).expect("key")
    }

    fn source(&self, version: &str, counter: u64, from: &str, files: &[(&str, &[u8])]) {
        let folder = self.path(version);
        let manifest = format!(
            "format = 1\nproduct = \"shop\"\nversion = \"{version}\"\ncounter = {counter}\nupgrades_from = [\"{from}\"]\nexpires = \"2027-06-30T00:00:00Z\"\n"
        );
        for (path, bytes) in files
            .iter()
            .copied()
            .chain([("manifest.toml", manifest.as_bytes())])
        {
            let path = folder.join(path);
            fs::create_dir_all(path.parent().expect("has a parent")).expect("made");
            fs::write(&path, bytes).expect("written");
        }
        let run = folder.join("bin/run");
        fs::set_permissions(run, fs::Permissions::from_mode(0o755)).expect("changed");
        bundle::build(&folder, &self.key(), &[], &self.path("out")).expect("built");
    }

    fn delta(&self) -> PathBuf {
        let to = self.path("incoming/shop-1.0.0-1.1.0.hau");
        let (old, new) = (self.bundle("1.0.0"), self.bundle("1.1.0"));
        let made = bundle::delta(&old, &new, &self.key(), &self.keys, &to).expect("made");
        assert_eq!(made.bytes, fs::metadata(&to).expect("there").len());
        assert_eq!(made.full_bytes, fs::metadata(&new).expect("there").len());
        to
    }

    fn verified(&self, version: &str, installed: Option<Installed>) -> bundle::Verified {
        verify(&self.bundle(version), &self.keys, &policy(installed)).expect("good")
    }

    /// `rebuild` must refuse, and leave the incoming folder as it is.
    fn refused(&self, delta: &Path, base: &Path) -> Refusal {
        let before = names(&self.path("incoming"));
        let error = rebuild(delta, base, &self.keys, &self.path("incoming"));
        let error = error.expect_err("must be refused");
        assert_eq!(
            names(&self.path("incoming")),
            before,
            "something was left behind"
        );
        let message = error.to_string();
        assert!(message.lines().count() == 1, "{message:?}");
        let BundleError::Refused { refusal, .. } = error else {
            panic!("not a refusal: {error:?}")
        };
        refusal
    }
}

fn names(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("readable");
    let mut names: Vec<_> = entries
        .map(|entry| entry.expect("readable").path())
        .collect();
    names.sort();
    names
}

fn policy(installed: Option<Installed>) -> Policy<'static> {
    Policy {
        product: "shop",
        installed,
        now: "2027-01-01T00:00:00Z".parse().expect("time"),
    }
}

fn running() -> Option<Installed> {
    Some(Installed {
        version: "1.0.0".parse().expect("version"),
        counter: 6,
    })
}

#[test]
fn a_delta_makes_the_full_bundle_of_the_release_or_of_the_old_bundle() {
    let site = Site::new();
    let delta = site.delta();
    let full = fs::read(site.bundle("1.1.0")).expect("readable");
    let small = fs::metadata(&delta).expect("there").len();
    assert!(small * 8 < full.len() as u64, "{small} of {}", full.len());
    for base in [site.release(), site.bundle("1.0.0")] {
        let made = rebuild(&delta, &base, &site.keys, &site.path("incoming")).expect("rebuilt");
        assert_eq!(made, site.path("incoming/shop-1.1.0.hau"));
        assert!(fs::read(&made).expect("readable") == full);
    }
}

#[test]
fn what_a_release_has_besides_its_files_does_not_matter() {
    let site = Site::new();
    fs::write(site.release().join("log"), "written by the service").expect("written");
    rebuild(
        &site.delta(),
        &site.release(),
        &site.keys,
        &site.path("incoming"),
    )
    .expect("rebuilt");
}

#[test]
fn a_delta_is_verified_like_any_bundle_and_installed_like_none() {
    let site = Site::new();
    let delta = site.delta();
    let verified = verify(&delta, &site.keys, &policy(running())).expect("good");
    let described = verified.manifest().delta.as_ref().expect("a delta");
    assert_eq!(described.base.to_string(), "1.0.0");
    assert_eq!(described.sha256, site.verified("1.1.0", running()).sha256());
    for error in [
        Payload::open(&delta, verified.fingerprint()).expect_err("it holds no release"),
        bundle::unpack(&verified, &mut &b""[..], &site.path("releases/1.1.0"))
            .expect_err("... and none is made of it"),
        scripts(&delta, &site.keys).expect_err("its scripts are in the full bundle"),
        bundle::delta(
            &delta,
            &site.bundle("1.1.0"),
            &site.key(),
            &site.keys,
            &site.path("d"),
        )
        .expect_err("no base"),
    ] {
        assert!(
            matches!(&error, BundleError::Refused { refusal: Refusal::Delta { base }, .. } if base == "1.0.0"),
            "{error}"
        );
    }
    assert!(!site.path("releases/1.1.0").exists() && !site.path("d").exists());
    let expired = Policy {
        now: "2028-01-01T00:00:00Z".parse().expect("time"),
        ..policy(running())
    };
    verify(&delta, &site.keys, &expired).expect_err("expired, as the full one");
}

#[test]
fn a_base_that_differs_is_named_with_its_file() {
    let site = Site::new();
    let delta = site.delta();
    let jar = site.release().join("app/shop.jar");
    let bytes = fs::read(&jar).expect("readable");
    fs::set_permissions(&jar, fs::Permissions::from_mode(0o644)).expect("changed");
    let mut other = bytes.clone();
    other[500] ^= 1;
    fs::write(&jar, &other).expect("written");
    let Refusal::OtherBase { base, what } = site.refused(&delta, &site.release()) else {
        panic!("another refusal")
    };
    assert_eq!(
        (&base[..], &what[..]),
        ("1.0.0", "app/shop.jar has the wrong checksum")
    );
    fs::remove_file(&jar).expect("removed");
    let refusal = site.refused(&delta, &site.release()).to_string();
    assert!(
        refusal.contains("app/shop.jar is missing") && refusal.contains("full bundle"),
        "{refusal}"
    );
    fs::write(&jar, &bytes).expect("written");
    rebuild(&delta, &site.release(), &site.keys, &site.path("out")).expect("as it was");

    let manifest = site.release().join("manifest.toml");
    fs::write(&manifest, "format = 1\n").expect("written");
    assert!(
        matches!(site.refused(&delta, &site.release()), Refusal::OtherBase { what, .. } if what.contains("manifest.toml"))
    );
    fs::remove_file(&manifest).expect("removed");
    assert!(matches!(
        site.refused(&delta, &site.release()),
        Refusal::OtherBase { .. }
    ));
    assert!(matches!(
        site.refused(&delta, &site.path("releases/0.9.0")),
        Refusal::NoBase { .. }
    ));
    assert!(matches!(
        site.refused(&delta, &site.bundle("1.1.0")),
        Refusal::OtherBase { .. }
    ));
    assert!(matches!(
        site.refused(&site.bundle("1.1.0"), &site.release()),
        Refusal::NotADelta
    ));
}

#[test]
fn nothing_of_a_delta_is_looked_at_before_its_signature_and_checksum_hold() {
    let site = Site::new();
    let delta = site.delta();
    let bytes = fs::read(&delta).expect("readable");
    let hostile = site.path("incoming/hostile.hau");
    let mut seen = Vec::new();
    for at in (0..bytes.len()).step_by(97) {
        let mut other = bytes.clone();
        other[at] ^= 0x10;
        fs::write(&hostile, &other).expect("written");
        let refusal = site.refused(&hostile, &site.release());
        assert!(
            !matches!(
                refusal,
                Refusal::BrokenDelta { .. } | Refusal::OtherBase { .. }
            ),
            "byte {at}: {refusal}"
        );
        seen.push(std::mem::discriminant(&refusal));
    }
    seen.dedup();
    assert!(seen.len() > 2, "headers, signature and patch were all hit");
    for length in (0..bytes.len()).step_by(1024) {
        fs::write(&hostile, &bytes[..length]).expect("written");
        site.refused(&hostile, &site.release());
    }
    let stranger = keygen(&site.path("others"), "stranger", None).expect("key pair");
    let stranger = SigningKey::load(&stranger.secret, None).expect("key");
    let (old, new) = (site.bundle("1.0.0"), site.bundle("1.1.0"));
    bundle::delta(&old, &new, &stranger, &site.keys, &hostile).expect("made");
    assert!(matches!(
        site.refused(&hostile, &site.release()),
        Refusal::WrongKey { .. }
    ));
    let made = bundle::delta(&old, &new, &stranger, &stranger.trusted(), &hostile);
    made.expect_err("the bundles are signed with another key");
}

/// Whoever has the publisher's key could sign any patch: what it makes must still be a bundle that is signed, whole and
/// the one that is named.
#[test]
fn a_signed_delta_makes_nothing_but_a_signed_bundle() {
    let site = Site::new();
    let delta = site.delta();
    let (manifest, patch) = opened(&delta);
    let full = fs::read(site.bundle("1.1.0")).expect("readable");
    fs::create_dir(site.path("out/again")).expect("made");
    let hostile = site.path("incoming/hostile.hau");
    let mut refusals = Vec::new();
    for at in (0..patch.len()).step_by(11) {
        let mut other = patch.clone();
        other[at] ^= 0x41;
        site.sign(&manifest, &other, &hostile);
        // A few bytes say nothing about the result, such as how much work it is at most.
        match rebuild(
            &hostile,
            &site.release(),
            &site.keys,
            &site.path("out/again"),
        ) {
            Ok(made) => assert!(fs::read(made).expect("readable") == full, "byte {at}"),
            Err(error) => refusals.push(error.to_string()),
        }
    }
    assert!(
        names(&site.path("out/again")).len() < 2,
        "something was left behind"
    );
    assert!(
        refusals
            .iter()
            .any(|refusal| refusal.contains("nothing can be made of it")),
        "{refusals:?}"
    );
    let lies = [
        ("version = \"1.1.0\"", "version = \"1.2.0\""),
        ("payload = ", "payload = 1"),
        ("\nmanifest = ", "\nmanifest = 1"),
        ("\nsignature = ", "\nsignature = 1"),
    ];
    for (truth, lie) in lies {
        let lying = manifest.replacen(truth, lie, 1);
        assert_ne!(lying, manifest, "{truth}");
        site.sign(&lying, &patch, &hostile);
        site.refused(&hostile, &site.release());
    }
}

impl Site {
    /// A delta of these parts, with the hash of its patch and the signature made right.
    fn sign(&self, manifest: &str, patch: &[u8], to: &Path) {
        use sha2::Digest;
        let (head, _) = manifest.split_once("[[file]]").expect("has a file");
        let hash: String = sha2::Sha256::digest(patch)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let manifest = format!(
            "{head}[[file]]\npath = \"patch\"\nsize = {}\nmode = \"0644\"\nsha256 = \"{hash}\"\n",
            patch.len()
        );
        let key = fs::read_to_string(&self.secret).expect("key");
        let key = minisign::SecretKeyBox::from_string(&key)
            .and_then(|key| key.into_unencrypted_secret_key());
        let signature = minisign::sign(None, &key.expect("key"), manifest.as_bytes(), None, None);
        let signature = signature.expect("signed").to_string();
        let mut tar = tar::Builder::new(fs::File::create(to).expect("made"));
        for (name, bytes) in [
            ("manifest.toml", manifest.as_bytes()),
            ("manifest.toml.minisig", signature.as_bytes()),
            ("patch", patch),
        ] {
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            header.set_mode(0o644);
            tar.append_data(&mut header, name, bytes).expect("written");
        }
        tar.into_inner().expect("written");
    }
}

/// Manifest and patch of a delta.
fn opened(delta: &Path) -> (String, Vec<u8>) {
    use std::io::Read;
    let mut tar = tar::Archive::new(fs::File::open(delta).expect("readable"));
    let mut members = tar.entries().expect("readable").map(|member| {
        let mut bytes = Vec::new();
        member
            .expect("readable")
            .read_to_end(&mut bytes)
            .expect("readable");
        bytes
    });
    let manifest = String::from_utf8(members.next().expect("manifest")).expect("text");
    (manifest, members.nth(1).expect("patch"))
}

#[test]
fn a_delta_that_no_node_could_use_is_not_made() {
    let site = Site::new();
    let to = site.path("incoming/never.hau");
    let made = |old: &str, new: &str| {
        let error = bundle::delta(
            &site.bundle(old),
            &site.bundle(new),
            &site.key(),
            &site.keys,
            &to,
        );
        error.expect_err("must fail").to_string()
    };
    assert!(made("1.1.0", "1.0.0").contains("its base 1.1.0 is not older"));
    site.source("1.2.0", 8, ">=1.1.0", &[("bin/run", b"")]);
    assert!(made("1.0.0", "1.2.0").contains("upgrades from 1.0.0"));
    let other = site.path("other");
    fs::create_dir(&other).expect("made");
    let manifest = "format = 1\nproduct = \"bank\"\nversion = \"1.0.0\"\ncounter = 1\nupgrades_from = []\nexpires = \"2027-06-30T00:00:00Z\"\n";
    fs::write(other.join("manifest.toml"), manifest).expect("written");
    fs::write(other.join("a"), "a").expect("written");
    let bank = bundle::build(&other, &site.key(), &[], &site.path("out")).expect("built");
    let error = bundle::delta(&bank, &site.bundle("1.1.0"), &site.key(), &site.keys, &to);
    assert!(
        error
            .expect_err("must fail")
            .to_string()
            .contains("its base is bank")
    );
    assert!(!to.exists());
}
