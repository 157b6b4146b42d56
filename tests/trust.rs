//! The ten attacks of TUF's list, each as a person would meet it: a bundle comes to a node by whatever way, `hau-ctl` looks at it, refuses it with
//! one sentence and exit code 3, and leaves nothing behind. Then key sets against the real `minisign`.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use hau::bundle::{Policy, Remembered, SigningKey, TrustedKeys, build, install_keys};
use serde_json::Value;
use sha2::{Digest, Sha256};

const LATER: &str = "2090-01-01";

/// Publishers, a mirror in the folder `mirror`, and a node with release 1.0.0 in `node`.
struct World {
    folder: tempfile::TempDir,
}

struct Ended {
    code: Option<i32>,
    out: String,
    err: String,
}

impl World {
    fn new() -> World {
        let folder = tempfile::tempdir().expect("temporary folder");
        let world = World { folder };
        for name in [
            "mirror",
            "node/keys",
            "node/state",
            "node/root/releases/1.0.0",
        ] {
            fs::create_dir_all(world.at(name)).expect("made");
        }
        symlink("releases/1.0.0", world.at("node/root/current")).expect("linked");
        let config = include_str!("../hau.toml.example");
        let place = |name: &str| world.at(name).display().to_string();
        let config = config
            .replace("\"/etc/hau/keys\"", &format!("{:?}", place("node/keys")))
            .replace("\"/opt/shop\"", &format!("{:?}", place("node/root")));
        fs::write(world.at("node/hau.toml"), config).expect("written");
        for name in ["alice", "bob", "carol", "mallory"] {
            world.ok(&["bundle", "keygen", name]);
        }
        world
    }

    /// With key set 1 in force: two of alice, bob and carol.
    fn with_set() -> World {
        let world = World::new();
        world.ok(&new_set(&["alice", "bob", "carol"], "2"));
        world.sign_set("shop-1.keys", &["alice", "bob"]);
        world.install(&["shop-1.keys"]);
        world
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, args: &[&str]) -> Ended {
        let done = Command::new(env!("CARGO_BIN_EXE_hau-ctl"))
            .args(["--config", "node/hau.toml"])
            .args(args)
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .output()
            .expect("hau-ctl runs");
        Ended {
            code: done.status.code(),
            out: String::from_utf8_lossy(&done.stdout).into_owned(),
            err: String::from_utf8_lossy(&done.stderr).into_owned(),
        }
    }

    fn ok(&self, args: &[&str]) -> String {
        let ended = self.run(args);
        assert_eq!(ended.code, Some(0), "{args:?}: {}", ended.err);
        ended.out
    }

    /// `args` end with `code` and this sentence, and change nothing.
    fn no(&self, args: &[&str], code: i32, sentence: &str) {
        let before = tree(self.folder.path());
        let ended = self.run(args);
        assert!(
            tree(self.folder.path()) == before,
            "{args:?} left something behind"
        );
        assert_eq!(
            ended.code,
            Some(code),
            "{args:?}: {}{}",
            ended.out,
            ended.err
        );
        let said = ended.err.lines().next().unwrap_or_default();
        assert!(
            said.contains(sentence),
            "{args:?} said\n  {said}\nand not\n  {sentence}"
        );
        assert!(!said.chars().any(char::is_control), "{said:?}");
    }

    fn refused(&self, bundle: &Path, sentence: &str) {
        let path = bundle.display().to_string();
        self.no(&verify(&path), 3, sentence);
    }

    fn taken(&self, bundle: &Path) {
        self.ok(&verify(&bundle.display().to_string()));
    }

    fn sign_set(&self, set: &str, by: &[&str]) {
        for name in by {
            self.ok(&["keys", "sign", set, "--key", &format!("{name}.key")]);
        }
    }

    fn install(&self, sets: &[&str]) -> String {
        self.ok(&install(sets))
    }

    /// Key set 2, without carol and with mallory's key thrown away: signed by alice and bob.
    fn second(&self) {
        let args = [
            "keys",
            "new",
            "--after",
            "shop-1.keys",
            "--drop",
            "carol",
            "--expires",
            LATER,
        ];
        self.ok(&args);
        self.sign_set("shop-2.keys", &["alice", "bob"]);
    }

    fn key(&self, name: &str) -> SigningKey {
        SigningKey::load(&self.at(&format!("{name}.key")), None).expect("a key")
    }

    /// A bundle of the file `app`, in the mirror.
    fn bundle(&self, version: &str, counter: u64, by: &[&str]) -> PathBuf {
        self.bundle_as(&manifest(version, counter), by, &[])
    }

    fn bundle_as(&self, manifest: &str, by: &[&str], brings: &[&str]) -> PathBuf {
        let source = tempfile::tempdir().expect("temporary folder");
        fs::write(source.path().join("manifest.toml"), manifest).expect("written");
        fs::write(source.path().join("app"), manifest).expect("written");
        let sets = brings
            .iter()
            .flat_map(|set| hau::bundle::KeySet::load(&self.at(set)).expect("a set"));
        let sets: Vec<_> = sets.collect();
        let path = build(source.path(), &self.key(by[0]), &sets, &self.at("mirror"));
        let path = path.expect("built");
        for name in &by[1..] {
            let shown = path.display().to_string();
            self.ok(&["bundle", "sign", &shown, "--key", &format!("{name}.key")]);
        }
        path
    }

    /// Bytes that somebody put into the mirror.
    fn hostile(&self, bytes: &[u8]) -> PathBuf {
        let path = self.at("mirror/hostile.hau");
        fs::write(&path, bytes).expect("written");
        path
    }

    /// `manifest` signed with whatever keys, and members as they are.
    fn made(&self, manifest: &str, by: &[&str], members: &[(&str, &[u8])]) -> Vec<u8> {
        let signatures: String = by
            .iter()
            .map(|name| self.minisign(manifest, name))
            .collect();
        let head: [(&str, &[u8]); 2] = [
            ("manifest.toml", manifest.as_bytes()),
            ("manifest.toml.minisig", signatures.as_bytes()),
        ];
        tar(head.iter().chain(members))
    }

    /// As `minisign -S` would.
    fn minisign(&self, message: &str, name: &str) -> String {
        let text = fs::read_to_string(self.at(&format!("{name}.key"))).expect("a key");
        let key = minisign::SecretKeyBox::from_string(&text)
            .and_then(|text| text.into_unencrypted_secret_key())
            .expect("a key");
        let signed = minisign::sign(None, &key, message.as_bytes(), None, None);
        signed.expect("signed").to_string()
    }

    /// What the sidecar writes when it installs a release.
    fn remember(&self, counter: u64, seen: &str) {
        let state = self.at("node/state");
        let keys = TrustedKeys::load(&self.at("node/keys")).expect("keys");
        let known = Remembered::load(&state).expect("read");
        let seen = seen.parse().expect("a moment");
        let mut known = known.unwrap_or_else(|| Remembered::nothing(&keys, seen));
        known.installed(counter);
        known.at(seen);
        known.store(&state).expect("stored");
    }
}

fn verify(bundle: &str) -> [&str; 5] {
    ["bundle", "verify", bundle, "--state", "node/state"]
}

fn install<'a>(sets: &[&'a str]) -> Vec<&'a str> {
    let mut args = vec!["keys", "install", "--state", "node/state"];
    args.extend(sets);
    args
}

fn new_set<'a>(names: &[&'a str], threshold: &'a str) -> Vec<&'a str> {
    let mut args = vec!["keys", "new", "--product", "shop", "--expires", LATER];
    args.extend(["--threshold", threshold]);
    for name in names {
        args.extend([
            "--key",
            match *name {
                "alice" => "alice.pub",
                "bob" => "bob.pub",
                "carol" => "carol.pub",
                _ => "mallory.pub",
            },
        ]);
    }
    args
}

fn manifest(version: &str, counter: u64) -> String {
    format!(
        "format = 1\nproduct = \"shop\"\nversion = \"{version}\"\ncounter = {counter}\n\
         upgrades_from = [\">=0.1.0\"]\nexpires = \"{LATER}T00:00:00Z\"\n"
    )
}

fn listed(path: &str, bytes: &[u8]) -> String {
    let hash: String = Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let size = bytes.len();
    format!("[[file]]\npath = {path:?}\nsize = {size}\nmode = \"0644\"\nsha256 = {hash:?}\n")
}

fn tar<'a>(members: impl IntoIterator<Item = &'a (&'a str, &'a [u8])>) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, bytes) in members {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, name, *bytes)
            .expect("a member");
    }
    tar.into_inner().expect("a tar")
}

/// The members of a bundle.
fn members(bundle: &Path) -> Vec<(String, Vec<u8>)> {
    let mut tar = tar::Archive::new(fs::File::open(bundle).expect("there"));
    let entries = tar.entries().expect("a tar");
    let member = |entry: std::io::Result<tar::Entry<'_, fs::File>>| {
        let mut entry = entry.expect("a member");
        let name = entry.path().expect("a path").display().to_string();
        let mut bytes = Vec::new();
        std::io::copy(&mut entry, &mut bytes).expect("read");
        (name, bytes)
    };
    entries.map(member).collect()
}

fn packed(members: &[(String, Vec<u8>)]) -> Vec<u8> {
    let members: Vec<(&str, &[u8])> = members
        .iter()
        .map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
        .collect();
    tar(&members)
}

/// Every path below `folder` with its bytes and mode; of a huge file only its length.
fn tree(folder: &Path) -> BTreeMap<PathBuf, (u32, u64, Vec<u8>)> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(folder).expect("readable") {
        let path = entry.expect("readable").path();
        let metadata = fs::symlink_metadata(&path).expect("readable");
        let small = metadata.is_file() && metadata.len() < 1 << 20;
        let bytes = if small {
            fs::read(&path).expect("readable")
        } else {
            Vec::new()
        };
        if metadata.is_dir() {
            all.extend(tree(&path));
        }
        let mode = metadata.permissions().mode();
        all.insert(path, (mode, metadata.len(), bytes));
    }
    all
}

#[test]
fn attack_1_arbitrary_software() {
    let world = World::with_set();
    world.taken(&world.bundle("1.1.0", 7, &["alice", "carol"]));

    let foreign = world.bundle("1.2.0", 8, &["mallory"]);
    world.refused(&foreign, "which is not trusted here (trusted: alice ");

    let mut parts = members(&world.bundle("1.1.0", 7, &["alice", "bob"]));
    let last = parts.last_mut().expect("app");
    last.1[0] ^= 1;
    let changed = world.hostile(&packed(&parts));
    world.refused(
        &changed,
        "app does not have the checksum that the manifest says",
    );

    parts.remove(1);
    let unsigned = world.hostile(&packed(&parts));
    world.refused(&unsigned, "it is not signed");

    let mut parts = members(&world.bundle("1.1.0", 7, &["alice", "bob"]));
    parts[0].1 = manifest("1.1.0", 9).into_bytes();
    let changed = world.hostile(&packed(&parts));
    world.refused(&changed, "it was changed after it was signed");
}

#[test]
fn attack_2_rollback() {
    let world = World::with_set();
    let flawed = world.bundle("1.1.0", 7, &["alice", "bob"]);
    world.taken(&flawed);

    // 1.2.0 with counter 8 was installed, and taken back: 1.0.0 runs again.
    world.remember(8, "2026-12-01T00:00:00Z");
    world.refused(
        &flawed,
        "its counter 7 is below 8, the highest that was ever installed here",
    );
    world.taken(&world.bundle("1.2.0", 8, &["alice", "bob"]));
    let older = world.bundle("0.9.0", 9, &["alice", "bob"]);
    world.refused(
        &older,
        "version 0.9.0 (counter 9) is older than the installed 1.0.0",
    );

    // What is remembered is not forgotten by being damaged.
    let path = Remembered::path(&world.at("node/state"));
    let text = fs::read_to_string(&path).expect("there");
    fs::write(&path, &text[..text.len() / 2]).expect("written");
    world.refused(&flawed, "trust.json is damaged");
    fs::write(&path, text).expect("written");

    // Nor do key sets go back, by whatever way the old one came.
    let first = fs::read(world.at("node/keys/shop.keys")).expect("there");
    world.second();
    world.install(&["shop-2.keys"]);
    world.no(
        &install(&["shop-1.keys"]),
        3,
        "key set 1 is older than key set 2, which was here",
    );
    fs::write(world.at("node/keys/shop.keys"), first).expect("written");
    world.refused(&flawed, "key set 1 is older than key set 2, which was here");
    fs::remove_file(world.at("node/keys/shop.keys")).expect("removed");
    fs::copy(world.at("alice.pub"), world.at("node/keys/alice.pub")).expect("copied");
    world.refused(
        &flawed,
        "a plain key is older than key set 2, which was here",
    );
}

#[test]
fn attack_3_fast_forward() {
    let world = World::with_set();
    // Signed with stolen keys of bob and carol, and installed before that was known.
    let highest = i64::MAX as u64;
    world.taken(&world.bundle("1.0.1", highest, &["bob", "carol"]));
    world.remember(highest, "2089-12-31T00:00:00Z");
    let honest = world.bundle("1.1.0", 7, &["alice", "bob"]);
    world.refused(&honest, "its counter 7 is below 9223372036854775807");

    // The next key set clears what was remembered, for good.
    world.second();
    world.install(&["shop-2.keys"]);
    world.taken(&honest);
    let known = Remembered::load(&world.at("node/state")).expect("read");
    let known = known.expect("remembered");
    assert_eq!((known.key_set, known.counter), (2, Some(0)));
    assert!(known.seen < "2080-01-01T00:00:00Z".parse().expect("a moment"));
    world.remember(9, "2026-12-01T00:00:00Z");
    world.refused(&honest, "its counter 7 is below 9");

    // And numbers of key sets are not run ahead of.
    let text = fs::read_to_string(world.at("shop-2.keys")).expect("there");
    let (statement, _) = text.split_once("untrusted").expect("signed");
    let ahead = statement.replace("number = 2", "number = 9000");
    fs::write(world.at("shop-9.keys"), ahead).expect("written");
    world.sign_set("shop-9.keys", &["alice", "bob"]);
    world.no(
        &install(&["shop-9.keys"]),
        3,
        "key set 9000 does not follow key set 2: each one between must be there, in order",
    );
}

#[test]
fn attack_4_indefinite_freeze() {
    let world = World::with_set();
    let old = manifest("1.1.0", 7).replace(LATER, "2020-01-01");
    let old = world.bundle_as(&old, &["alice", "bob"], &[]);
    world.refused(&old, "it expired on 2020-01-01T00:00:00Z, and here it is 2");

    // The clock was set back to before the bundle expired: what has been seen has been seen.
    let soon = manifest("1.1.0", 7).replace(LATER, "2080-01-01");
    let soon = world.bundle_as(&soon, &["alice", "bob"], &[]);
    world.taken(&soon);
    world.remember(6, "2080-06-01T00:00:00Z");
    world.refused(
        &soon,
        "it expired on 2080-01-01T00:00:00Z, and here it is 2080-06-01T00:00:00Z",
    );

    // Who keeps the next key set away wins no more than the time until this one expires.
    let lasting = manifest("1.1.0", 7).replace(LATER, "2099-01-01");
    let lasting = world.bundle_as(&lasting, &["alice", "bob"], &[]);
    world.taken(&lasting);
    world.remember(6, "2090-01-01T00:00:00Z");
    world.refused(&lasting, "key set 1 expired on 2090-01-01T00:00:00Z");
    world.second();
    world.no(
        &install(&["shop-2.keys"]),
        3,
        "key set 2 expired on 2090-01-01T00:00:00Z",
    );
}

#[test]
fn attack_5_endless_data() {
    let world = World::with_set();
    let text = manifest("1.1.0", 7);
    let endless = |name: &str, prefix: &[(&str, &[u8])], size: u64| {
        let mut bytes = tar(prefix);
        bytes.truncate(bytes.len() - 1024);
        let mut header = tar::Header::new_gnu();
        header.set_path(name).expect("a name");
        header.set_size(size);
        header.set_mode(0o644);
        header.set_cksum();
        bytes.extend_from_slice(header.as_bytes());
        let path = world.hostile(&bytes);
        let file = fs::OpenOptions::new().write(true).open(&path);
        // A hole: it would be read for hours.
        file.and_then(|file| file.set_len(1 << 40))
            .expect("made long");
        path
    };
    let signature = world.minisign(&text, "alice");
    let manifest: (&str, &[u8]) = ("manifest.toml", text.as_bytes());
    let signed: (&str, &[u8]) = ("manifest.toml.minisig", signature.as_bytes());
    let terabyte = (1 << 40) - 8192;
    world.refused(
        &endless("manifest.toml", &[], terabyte),
        "the limit is 16777216",
    );
    world.refused(
        &endless("manifest.toml.minisig", &[manifest], terabyte),
        "its signature does not match (it has 1099511619584 bytes)",
    );
    world.refused(
        &endless("manifest.toml.keys", &[manifest, signed], terabyte),
        "it brings key sets of 1099511619584 bytes",
    );
    let many = signature.repeat(33);
    world.refused(
        &world.hostile(&tar(&[
            manifest,
            ("manifest.toml.minisig", many.as_bytes()),
        ])),
        &format!("its signature does not match (it has {} bytes)", many.len()),
    );
    let declared =
        text.clone() + &listed("app", b"").replace("size = 0", "size = 4611686018427387904");
    let declared = world.made(&declared, &["alice", "bob"], &[]);
    world.refused(
        &world.hostile(&declared),
        "its manifest declares 4611686018427387904 bytes",
    );
    let long = fs::File::create(world.at("long.keys")).expect("made");
    long.set_len(1 << 40).expect("made long");
    world.no(&install(&["long.keys"]), 3, "it is too long for key sets");
    world.no(
        &["keys", "show", "/dev/zero"],
        3,
        "it is too long for key sets",
    );
    let text = fs::read_to_string(world.at("shop-1.keys")).expect("there");
    fs::write(world.at("many.keys"), text.repeat(17)).expect("written");
    world.no(&install(&["many.keys"]), 3, "more than 16 key sets");
}

#[test]
fn attack_6_extraneous_dependencies() {
    let world = World::with_set();
    let text = manifest("1.1.0", 7) + &listed("app", b"12345");
    let good = world.made(&text, &["alice", "bob"], &[("app", b"12345")]);
    world.taken(&world.hostile(&good));

    let more = [("app", &b"12345"[..]), ("library", b"x")];
    let more = world.made(&text, &["alice", "bob"], &more);
    world.refused(
        &world.hostile(&more),
        "library is in it but not in its manifest",
    );

    // There is no word with which a bundle could ask for anything to be fetched.
    let asks = format!("requires = [\"https://example.org/lib.jar\"]\n{text}");
    let asks = world.made(&asks, &["alice", "bob"], &[("app", b"12345")]);
    world.refused(&world.hostile(&asks), "unknown field `requires`");

    // Key sets that nobody who signed the manifest spoke of do not come along either.
    let mut parts = members(&world.bundle("1.1.0", 7, &["alice", "bob"]));
    world.second();
    let set = fs::read(world.at("shop-2.keys")).expect("there");
    parts.insert(2, ("manifest.toml.keys".to_owned(), set));
    world.refused(
        &world.hostile(&packed(&parts)),
        "the key sets that it brings are not those that its manifest names",
    );
}

#[test]
fn attack_7_mix_and_match() {
    let world = World::with_set();
    let one = members(&world.bundle("1.1.0", 7, &["alice", "bob"]));
    let two = members(&world.bundle("1.2.0", 8, &["alice", "bob"]));
    let mixed = |of: [&[(String, Vec<u8>)]; 3]| {
        let parts: Vec<_> = (0..3).map(|at| of[at][at].clone()).collect();
        world.hostile(&packed(&parts))
    };
    world.taken(&mixed([&one, &one, &one]));
    world.refused(
        &mixed([&one, &one, &two]),
        "app does not have the checksum that the manifest says",
    );
    world.refused(
        &mixed([&one, &two, &one]),
        "it was changed after it was signed",
    );
    world.refused(
        &mixed([&two, &one, &one]),
        "it was changed after it was signed",
    );

    // Two signatures, each good, each over another release.
    let mut parts = one.clone();
    let of = |name| world.minisign(&manifest("1.3.0", 9), name);
    let first = String::from_utf8(one[1].1.clone()).expect("text");
    let first: Vec<&str> = first.lines().take(4).collect();
    parts[1].1 = format!("{}\n{}", first.join("\n"), of("bob")).into_bytes();
    world.refused(
        &world.hostile(&packed(&parts)),
        "2 keys of the set must sign (not yet: bob ",
    );
}

#[test]
fn attack_8_wrong_software() {
    let world = World::with_set();
    let other = manifest("1.1.0", 7).replace("\"shop\"", "\"till\"");
    let other = world.bundle_as(&other, &["alice", "bob"], &[]);
    world.refused(&other, "it is for till, this pair is shop");

    let from = manifest("1.1.0", 7).replace(">=0.1.0", ">=1.0.5");
    let from = world.bundle_as(&from, &["alice", "bob"], &[]);
    world.refused(&from, "version 1.1.0 cannot be installed over 1.0.0");

    // A key set of another product, by the same people.
    let text = fs::read_to_string(world.at("shop-1.keys")).expect("there");
    let (statement, _) = text.split_once("untrusted").expect("signed");
    let till = statement
        .replace("\"shop\"", "\"till\"")
        .replace("number = 1", "number = 2");
    fs::write(world.at("till-2.keys"), till).expect("written");
    world.sign_set("till-2.keys", &["alice", "bob"]);
    world.no(
        &install(&["till-2.keys"]),
        3,
        "key set 2 is for till, the one before it is for shop",
    );

    // What is signed as one thing is not taken as another.
    let set = world.made(statement, &["alice", "bob"], &[]);
    world.refused(&world.hostile(&set), "its manifest is wrong: line");
    fs::write(world.at("manifest.keys"), manifest("1.1.0", 7)).expect("written");
    world.no(&install(&["manifest.keys"]), 3, "unknown field `counter`");
}

#[test]
fn attack_9_malicious_mirror_and_slow_retrieval() {
    let world = World::with_set();
    world.second();
    let whole = world.bundle_as(&manifest("1.1.0", 7), &["alice", "bob"], &["shop-2.keys"]);
    let bytes = fs::read(&whole).expect("there");
    world.taken(&whole);

    // It ends before it is whole, wherever that is.
    for at in (0..bytes.len() - 512).step_by(700) {
        let cut = world.hostile(&bytes[..at]);
        let sentence = if at == 0 {
            "it is empty"
        } else {
            "it is cut off at byte"
        };
        world.refused(&cut, sentence);
    }
    // It gives nothing and never ends: looked at without waiting.
    let fifo = world.at("mirror/fifo.hau");
    let made = Command::new("mkfifo").arg(&fifo).status().expect("mkfifo");
    assert!(made.success());
    world.refused(&fifo, "it is not a regular file");

    // It keeps the key set away that the bundle brings, or hands out another one.
    let mut parts = members(&whole);
    assert_eq!(parts[2].0, "manifest.toml.keys");
    parts.remove(2);
    let stripped = world.hostile(&packed(&parts));
    world.refused(
        &stripped,
        "it was signed for key set 2, and here is key set 1",
    );
    let mut parts = members(&whole);
    parts[2].1.truncate(200);
    let cut = world.hostile(&packed(&parts));
    world.refused(&cut, "its key sets: ");
    parts[2].1 = fs::read(world.at("shop-1.keys")).expect("there");
    let other = world.hostile(&packed(&parts));
    world.refused(
        &other,
        "the key sets that it brings are not those that its manifest names",
    );
}

#[test]
fn attack_10_key_compromise_below_the_threshold() {
    let world = World::with_set();
    // Fewer than the threshold are harmless: one key, twice or in two forms.
    let alone = world.bundle("1.1.0", 7, &["bob"]);
    let too_few = "and 2 keys of the set must sign (not yet: alice ";
    world.refused(&alone, too_few);
    let text = manifest("1.1.0", 7);
    world.refused(
        &world.hostile(&world.made(&text, &["bob", "bob"], &[])),
        too_few,
    );
    world.refused(
        &world.hostile(&world.made(&text, &["bob", "mallory", "bob"], &[])),
        too_few,
    );
    let shown = alone.display().to_string();
    world.no(
        &["bundle", "sign", &shown, "--key", "bob.key"],
        2,
        "has signed this bundle already",
    );
}

#[test]
fn attack_10_key_compromise_and_the_next_set() {
    let world = World::with_set();
    // A next set that the old one does not vouch for, or that those named in it did not sign.
    world.ok(&[
        "keys",
        "new",
        "--after",
        "shop-1.keys",
        "--expires",
        LATER,
        "--drop",
        "alice",
        "--drop",
        "bob",
        "--key",
        "mallory.pub",
        "--threshold",
        "1",
    ]);
    let not_yet = |who: &str, count: u32, set: &str| {
        format!("it is signed with {count} of {set} keys and needs 2 (not yet: {who})")
    };
    world.sign_set("shop-2.keys", &["mallory", "carol"]);
    world.no(
        &install(&["shop-2.keys"]),
        3,
        &not_yet("alice, bob", 1, "set 1's"),
    );
    fs::remove_file(world.at("shop-2.keys")).expect("removed");
    world.ok(&[
        "keys",
        "new",
        "--after",
        "shop-1.keys",
        "--expires",
        LATER,
        "--drop",
        "carol",
        "--key",
        "mallory.pub",
    ]);
    world.sign_set("shop-2.keys", &["alice", "carol"]);
    world.no(
        &install(&["shop-2.keys"]),
        3,
        &not_yet("bob, mallory", 1, "its own"),
    );
    fs::remove_file(world.at("shop-2.keys")).expect("removed");
}

#[test]
fn attack_10_key_compromise_of_a_key_that_is_revoked() {
    let world = World::with_set();
    // Carol's key is stolen: the set without it revokes it, and what only the old set would take is refused.
    let before = world.bundle("1.1.0", 7, &["alice", "carol"]);
    world.taken(&before);
    world.second();
    world.install(&["shop-2.keys"]);
    world.refused(&before, "and 2 keys of the set must sign (not yet: bob ");
    let shown = before.display().to_string();
    world.ok(&["bundle", "sign", &shown, "--key", "bob.key"]);
    world.taken(&before);
}

#[test]
fn attack_10_key_compromise_by_a_set_that_asks_for_nobody() {
    let world = World::with_set();
    // Sets in which nobody, or more than all, would have to sign, or one person counts twice.
    let text = fs::read_to_string(world.at("shop-1.keys")).expect("there");
    let (good, _) = text.split_once("untrusted").expect("signed");
    let alice = good.lines().find(|line| line.starts_with("alice"));
    let twice = format!("{good}eve{}\n", &alice.expect("there")["alice".len()..]);
    for (bad, sentence) in [
        (
            good.replace("threshold = 2", "threshold = 0"),
            "threshold is 0",
        ),
        (
            good.replace("threshold = 2", "threshold = 4"),
            "at most 3, the number of keys",
        ),
        (good.replace("threshold = 2", "threshold = -1"), "line 5"),
        (twice, "nobody counts twice"),
    ] {
        fs::write(world.at("bad.keys"), bad).expect("written");
        world.no(&install(&["bad.keys"]), 3, sentence);
    }
}

#[test]
fn a_plain_key_is_replaced_by_a_set_that_it_signed() {
    let world = World::new();
    fs::copy(world.at("carol.pub"), world.at("node/keys/carol.pub")).expect("copied");
    let plain = world.bundle("1.1.0", 7, &["carol"]);
    world.taken(&plain);
    world.ok(&new_set(&["alice", "bob"], "2"));
    world.sign_set("shop-1.keys", &["alice", "bob"]);
    world.no(
        &install(&["shop-1.keys"]),
        3,
        "key set 1 is not signed with the key that is trusted here so far (carol)",
    );
    world.sign_set("shop-1.keys", &["carol"]);
    let said = world.install(&["shop-1.keys"]);
    assert!(
        said.contains("removed ") && said.contains("carol.pub"),
        "{said}"
    );
    world.refused(&plain, "which is not trusted here");

    // Beside a set nothing counts, and nothing is passed over in silence.
    fs::copy(world.at("carol.pub"), world.at("node/keys/carol.pub")).expect("copied");
    world.refused(&plain, "carol.pub lies beside the key set");
    let said = world.install(&["shop-1.keys"]);
    assert!(said.contains("is installed already"), "{said}");
    world.taken(&world.bundle("1.1.0", 7, &["alice", "bob"]));
}

#[test]
fn sets_that_were_left_out_come_in_order_by_hand_or_in_a_bundle() {
    let world = World::with_set();
    world.second();
    world.ok(&[
        "keys",
        "new",
        "--after",
        "shop-2.keys",
        "--key",
        "mallory.pub",
        "--drop",
        "alice",
        "--expires",
        LATER,
    ]);
    world.sign_set("shop-3.keys", &["alice", "bob", "mallory"]);
    world.no(
        &install(&["shop-3.keys"]),
        3,
        "key set 3 does not follow key set 1",
    );
    let bundle = world.bundle_as(
        &manifest("1.1.0", 7),
        &["bob", "mallory"],
        &["shop-2.keys", "shop-3.keys"],
    );
    world.taken(&bundle);
    // As the sidecar does where it stages it.
    let (keys, state) = (world.at("node/keys"), world.at("node/state"));
    let policy = Policy {
        product: "shop",
        installed: None,
        now: "2027-01-01T00:00:00Z".parse().expect("a moment"),
    };
    let trusted = TrustedKeys::load(&keys).expect("keys");
    let verified = hau::bundle::verify(&bundle, &trusted, &policy).expect("verified");
    let sets = verified.key_sets();
    let done = install_keys(&keys, &state, &bundle, sets, Some("shop"), policy.now);
    assert_eq!(done.expect("installed").set.number(), 3);
    let said = world.install(&["shop-2.keys", "shop-3.keys"]);
    assert!(said.contains("key set 3 is installed already"), "{said}");
    world.taken(&bundle);
    let shown = world.ok(&["--json", "keys", "show", "node/keys/shop.keys"]);
    let shown: Value = serde_json::from_str(&shown).expect("JSON");
    assert_eq!(shown["data"]["statement"]["number"], 3);
    assert_eq!(shown["data"]["missing"], serde_json::json!([]));
}

#[test]
fn a_second_signature_changes_nothing_else() {
    let world = World::with_set();
    let bundle = world.bundle("1.1.0", 7, &["alice"]);
    let before = fs::read(&bundle).expect("there");
    let shown = bundle.display().to_string();
    world.ok(&["bundle", "sign", &shown, "--key", "bob.key"]);
    let after = fs::read(&bundle).expect("there");
    // Header and body of the manifest, which is short; header and body of the signature; the rest.
    let (manifest, one, two) = (1024, 512 + 512, 512 + 1024);
    assert_eq!(before[..manifest], after[..manifest]);
    assert_eq!(before[manifest + one..], after[manifest + two..]);
    let signatures = &members(&bundle)[1].1;
    let first = &members(&world.hostile(&before))[1].1;
    assert!(
        signatures.starts_with(first),
        "the first one is where it was"
    );
}

#[test]
fn minisign_verifies_what_we_sign() {
    let world = World::with_set();
    let text = fs::read_to_string(world.at("shop-1.keys")).expect("there");
    let at = text.find("untrusted comment:").expect("signed");
    let (statement, signatures) = text.split_at(at);
    let lines: Vec<&str> = signatures.lines().collect();
    let check = |message: &str, signature: &str, public: &str| {
        fs::write(world.at("message"), message).expect("written");
        fs::write(world.at("message.minisig"), signature).expect("written");
        let done = Command::new("minisign")
            .args(["-V", "-m", "message", "-p", public])
            .current_dir(world.folder.path())
            .output()
            .expect("this test needs minisign installed");
        done.status.success()
    };
    // As they stand, the first one is checked; the second after cutting off four lines.
    assert!(check(statement, signatures, "alice.pub"));
    assert!(check(statement, &lines[4..].join("\n"), "bob.pub"));
    assert!(!check(statement, signatures, "carol.pub"));
    let parts = members(&world.bundle("1.1.0", 7, &["alice", "bob"]));
    let text = |at: usize| String::from_utf8(parts[at].1.clone()).expect("text");
    assert!(check(&text(0), &text(1), "alice.pub"));
}

#[test]
fn what_minisign_signs_counts() {
    let world = World::new();
    let mut tool = Command::new("minisign")
        .args(["-G", "-W", "-p", "tool.pub", "-s", "tool.sec"])
        .current_dir(world.folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("this test needs minisign installed");
    tool.stdin
        .take()
        .expect("piped")
        .write_all(b"\n")
        .expect("written");
    assert!(tool.wait().expect("ends").success());
    world.ok(&[
        "keys",
        "new",
        "--product",
        "shop",
        "--threshold",
        "1",
        "--key",
        "tool.pub",
        "--expires",
        LATER,
        "--out",
        "mirror",
    ]);
    let done = Command::new("minisign")
        .args([
            "-S",
            "-m",
            "mirror/shop-1.keys",
            "-s",
            "tool.sec",
            "-x",
            "by-tool",
        ])
        .current_dir(world.folder.path())
        .stdin(Stdio::null())
        .output()
        .expect("minisign");
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
    let path = world.at("mirror/shop-1.keys");
    let whole = fs::read_to_string(&path).expect("there")
        + &fs::read_to_string(world.at("by-tool")).expect("there");
    fs::write(&path, whole).expect("written");
    let shown = world.ok(&["keys", "show", "mirror/shop-1.keys"]);
    assert!(shown.contains("whole: hau-ctl keys install"), "{shown}");
}
