//! Bundles against the real `minisign` and `tar`, and hostile bundles made byte by byte: each refusal has
//! a test that sees its variant and that nothing was written.

mod corpus;
mod unpacker;

use std::collections::BTreeMap;
use std::fs;
use std::io::{Cursor, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use hau::bundle::{
    self, BundleError, Difference, Hook, Installed, MAX_MANIFEST, Payload, Policy, Refusal,
    SigningKey, TrustedKeys, Verified, build, check_unpacked, inspect, keygen, load_unpacked,
    scripts, verify,
};
use sha2::{Digest, Sha256};

/// A publisher and a node in one temporary folder.
struct Site {
    folder: tempfile::TempDir,
    secret: PathBuf,
    keys: TrustedKeys,
}

impl Site {
    fn new() -> Site {
        let folder = tempfile::tempdir().expect("temporary folder");
        for name in ["keys", "releases", "source", "out"] {
            fs::create_dir(folder.path().join(name)).expect("made");
        }
        fs::write(folder.path().join("releases/neighbour"), "untouched").expect("written");
        let pair = keygen(&folder.path().join("keys"), "publisher", None).expect("key pair");
        let keys = TrustedKeys::load(&folder.path().join("keys")).expect("keys");
        Site {
            secret: pair.secret,
            folder,
            keys,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn source(&self, name: &str, mode: u32, bytes: &[u8]) {
        let path = self.path("source").join(name);
        fs::create_dir_all(path.parent().expect("has a parent")).expect("made");
        fs::write(&path, bytes).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("changed");
    }

    fn key(&self) -> SigningKey {
        SigningKey::load(&self.secret, None).expect("key")
    }

    fn build(&self) -> PathBuf {
        build(&self.path("source"), &self.key(), &[], &self.path("out")).expect("built")
    }

    fn verify(&self, bundle: &Path) -> Result<Verified, BundleError> {
        verify(bundle, &self.keys, &policy())
    }

    /// Signs as `minisign -S` would.
    fn sign(&self, manifest: &[u8]) -> Vec<u8> {
        let text = fs::read_to_string(&self.secret).expect("key");
        let key = minisign::SecretKeyBox::from_string(&text)
            .and_then(|text| text.into_unencrypted_secret_key());
        let signature = minisign::sign(None, &key.expect("key"), Cursor::new(manifest), None, None);
        signature.expect("signed").to_string().into_bytes()
    }

    /// `verify` must refuse these bytes and leave the folder of releases as it is.
    fn refused(&self, bundle: &[u8]) -> Refusal {
        self.refused_by(bundle, &policy())
    }

    fn refused_by(&self, bundle: &[u8], policy: &Policy<'_>) -> Refusal {
        let path = self.path("out/hostile.hau");
        fs::write(&path, bundle).expect("written");
        let before = tree(self.folder.path());
        let error = verify(&path, &self.keys, policy).expect_err("must be refused");
        assert_eq!(tree(self.folder.path()), before, "something was written");
        let message = error.to_string();
        assert!(
            message.lines().count() == 1 && !message.chars().any(char::is_control),
            "{message:?}"
        );
        refusal(error)
    }
}

/// Unpacks within this process.
fn unpack(verified: &Verified, bundle: &Path, release: &Path) -> Result<(), BundleError> {
    let mut payload = Payload::open(bundle, verified.fingerprint())?;
    bundle::unpack(verified, &mut payload, release)
}

fn refusal(error: BundleError) -> Refusal {
    let BundleError::Refused { refusal, .. } = error else {
        panic!("not a refusal: {error:?}")
    };
    refusal
}

fn policy() -> Policy<'static> {
    Policy {
        product: "shop",
        installed: Some(installed("1.0.0", 6)),
        now: "2027-01-01T00:00:00Z".parse().expect("time"),
    }
}

fn installed(version: &str, counter: u64) -> Installed {
    Installed {
        version: version.parse().expect("version"),
        counter,
    }
}

/// Every path below `folder` with its bytes and mode.
fn tree(folder: &Path) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(folder).expect("readable") {
        let path = entry.expect("readable").path();
        let metadata = fs::symlink_metadata(&path).expect("readable");
        let bytes = if metadata.is_file() {
            fs::read(&path).expect("readable")
        } else {
            Vec::new()
        };
        if metadata.is_dir() {
            all.extend(tree(&path));
        }
        all.insert(path, (metadata.permissions().mode(), bytes));
    }
    all
}

const HEAD: &str = "format = 1\nproduct = \"shop\"\nversion = \"1.1.0\"\ncounter = 7\n\
                    upgrades_from = [\">=1.0.0, <1.1.0\"]\nexpires = \"2027-06-30T00:00:00Z\"\n";

fn listed(path: &str, bytes: &[u8]) -> String {
    listed_as(path, bytes.len() as u64, "0644", bytes)
}

fn listed_as(path: &str, size: u64, mode: &str, bytes: &[u8]) -> String {
    let hash: String = Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let path = toml::Value::from(path);
    format!("[[file]]\npath = {path}\nsize = {size}\nmode = {mode:?}\nsha256 = {hash:?}\n")
}

/// One tar member, header and padded body, with nothing checked.
fn member(name: &[u8], kind: u8, mode: u32, size: u64, body: &[u8]) -> Vec<u8> {
    let mut header = [0_u8; 512];
    header[..name.len().min(100)].copy_from_slice(&name[..name.len().min(100)]);
    header[100..107].copy_from_slice(format!("{mode:07o}").as_bytes());
    header[108..115].copy_from_slice(b"0000000");
    header[116..123].copy_from_slice(b"0000000");
    header[124..135].copy_from_slice(format!("{size:011o}").as_bytes());
    header[136..147].copy_from_slice(b"00000000000");
    header[156] = kind;
    header[257..265].copy_from_slice(b"ustar\x0000");
    seal(&mut header);
    let mut bytes = header.to_vec();
    bytes.extend_from_slice(body);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

fn seal(header: &mut [u8]) {
    header[148..156].copy_from_slice(b"        ");
    let sum: u32 = header[..512].iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

fn file(name: &str, body: &[u8]) -> Vec<u8> {
    member(name.as_bytes(), b'0', 0o644, body.len() as u64, body)
}

fn tar(members: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = members.concat();
    bytes.resize(bytes.len() + 1024, 0);
    bytes
}

impl Site {
    /// A bundle with a good signature over `manifest` and whatever `members` are.
    fn signed(&self, manifest: &str, members: &[Vec<u8>]) -> Vec<u8> {
        let mut all = vec![
            file("manifest.toml", manifest.as_bytes()),
            file("manifest.toml.minisig", &self.sign(manifest.as_bytes())),
        ];
        all.extend_from_slice(members);
        tar(&all)
    }

    /// A good bundle of the file `app`, plus `members`.
    fn with(&self, members: &[Vec<u8>]) -> Vec<u8> {
        let mut all = vec![file("app", b"12345")];
        all.extend_from_slice(members);
        self.signed(&(HEAD.to_owned() + &listed("app", b"12345")), &all)
    }

    /// A bundle of `HEAD` with something replaced, and no files.
    fn replaced(&self, from: &str, to: &str) -> Vec<u8> {
        assert!(HEAD.contains(from));
        self.signed(&HEAD.replace(from, to), &[])
    }

    /// The source folder of a small release with everything a manifest can have.
    fn small_release(&self) {
        let manifest = HEAD.to_owned()
            + "[[schema]]\npath = \"schema/0007.sql\"\n[hooks]\nafter_activate = \"hooks/after\"\n\
               [services]\napi = [\"app\"]\n";
        self.source("manifest.toml", 0o644, manifest.as_bytes());
        self.source("app/shop.jar", 0o664, &[7; 3000]);
        self.source("app/文档.txt", 0o644, b"text");
        self.source("schema/0007.sql", 0o600, b"ALTER TABLE a ADD note text;");
        self.source("hooks/after", 0o777, b"#!/bin/sh\n");
        self.source("empty", 0o644, b"");
        self.source(
            &format!(
                "{}/{}.py",
                "deep/".repeat(40).trim_end_matches('/'),
                "long".repeat(50)
            ),
            0o644,
            b"pass\n",
        );
    }
}

fn run(folder: &Path, program: &str, args: &[&str]) -> String {
    let output = Command::new(program)
        .args(args)
        .current_dir(folder)
        .output();
    let output =
        output.unwrap_or_else(|error| panic!("this test needs {program} installed: {error}"));
    let text = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {args:?}: {text}");
    text
}

#[test]
fn a_release_arrives_as_it_was_built() {
    let site = Site::new();
    site.small_release();
    let bundle = site.build();
    assert_eq!(bundle, site.path("out/shop-1.1.0.hau"));
    let verified = site.verify(&bundle).expect("verified");
    assert_eq!(verified.signers()[0].name, "publisher");
    assert_eq!(
        verified.bytes(),
        fs::metadata(&bundle).expect("there").len()
    );
    let sum = run(site.folder.path(), "sha256sum", &["out/shop-1.1.0.hau"]);
    assert!(sum.starts_with(&verified.sha256().to_string()), "{sum}");
    assert_eq!(
        inspect(&bundle, &site.keys).expect("inspected").0,
        *verified.manifest()
    );
    assert_eq!(
        verified.manifest().hooks[&Hook::AfterActivate],
        "hooks/after"
    );

    let release = site.path("releases/1.1.0");
    unpack(&verified, &bundle, &release).expect("unpacked");
    assert_eq!(
        check_unpacked(&release, verified.manifest()).expect("read"),
        []
    );
    assert_eq!(
        load_unpacked(&release, &site.keys).expect("loaded"),
        *verified.manifest()
    );
    for file in &verified.manifest().file {
        let (from, to) = (
            site.path("source").join(&file.path),
            release.join(&file.path),
        );
        assert_eq!(
            fs::read(from).expect("source"),
            fs::read(&to).expect("release")
        );
        let mode = fs::metadata(&to).expect("release").permissions().mode() & 0o7777;
        assert_eq!(
            mode,
            match file.path.as_str() {
                "hooks/after" => 0o755,
                "schema/0007.sql" => 0o600,
                _ => 0o644,
            }
        );
        assert_eq!(
            file.service.as_deref(),
            file.path.starts_with("app/").then_some("api")
        );
    }
    assert_eq!(
        fs::metadata(&release)
            .expect("release")
            .permissions()
            .mode()
            & 0o7777,
        0o755
    );
    let left: Vec<_> = fs::read_dir(site.path("releases"))
        .expect("readable")
        .collect();
    assert_eq!(left.len(), 2, "the neighbour and the release");
}

#[test]
fn the_same_folder_gives_the_same_payload() {
    let site = Site::new();
    site.small_release();
    let payload = |bundle: PathBuf| {
        let size = site
            .verify(&bundle)
            .expect("verified")
            .manifest()
            .file
            .len();
        (size, fs::read(bundle).expect("readable").split_off(4096))
    };
    assert_eq!(payload(site.build()), payload(site.build()));
}

#[test]
fn the_tools_read_what_we_write() {
    let site = Site::new();
    site.small_release();
    site.build();
    let out = site.path("out");
    let names = run(&out, "tar", &["-tf", "shop-1.1.0.hau"]);
    assert!(
        names.starts_with("manifest.toml\nmanifest.toml.minisig\napp/shop.jar\n"),
        "{names}"
    );
    fs::create_dir(out.join("x")).expect("made");
    run(&out, "tar", &["-xf", "shop-1.1.0.hau", "-C", "x"]);
    let said = run(
        &out.join("x"),
        "minisign",
        &[
            "-V",
            "-p",
            "../../keys/publisher.pub",
            "-m",
            "manifest.toml",
        ],
    );
    assert!(
        said.contains("Trusted comment: shop 1.1.0 counter 7"),
        "{said}"
    );
    let (manifest, _) = inspect(&out.join("shop-1.1.0.hau"), &site.keys).expect("inspected");
    let modes: Vec<_> = check_unpacked(&out.join("x"), &manifest).expect("read");
    assert_eq!(modes, [], "tar -x as root gives the same release");
}

#[test]
fn we_read_what_the_tools_write() {
    let site = Site::new();
    let keys = site.path("keys");
    run(
        &keys,
        "minisign",
        &["-G", "-W", "-p", "tool.pub", "-s", "tool.sec"],
    );
    let trusted = TrustedKeys::load(&keys).expect("both keys");
    let long = format!("{}/{}", "folder".repeat(20), "file".repeat(30));
    let source = site.path("source");
    site.source(&long, 0o644, b"long");
    site.source("app", 0o755, b"12345");
    let manifest =
        HEAD.to_owned() + &listed_as("app", 5, "0755", b"12345") + &listed(&long, b"long");
    site.source("manifest.toml", 0o644, manifest.as_bytes());
    for (signing, format) in [
        ("-S", "gnu"),
        ("-Sl", "gnu"),
        ("-S", "posix"),
        ("-S", "oldgnu"),
    ] {
        for key in ["publisher.key", "tool.sec"] {
            let secret = keys.join(key);
            let secret = secret.to_str().expect("plain");
            run(
                &source,
                "minisign",
                &[signing, "-W", "-s", secret, "-m", "manifest.toml"],
            );
            let format_option = format!("--format={format}");
            let members = ["manifest.toml", "manifest.toml.minisig", "app", &long];
            run(
                &source,
                "tar",
                &[&["-cf", "../out/x.hau", &format_option][..], &members[..]].concat(),
            );
            let verified = verify(&site.path("out/x.hau"), &trusted, &policy());
            let verified =
                verified.unwrap_or_else(|error| panic!("{signing} {format} {key}: {error}"));
            assert_eq!(
                format!("{}.", verified.signers()[0].name),
                key.replace("key", "").replace("sec", "")
            );
            let release = site.path("releases/x");
            unpack(&verified, &site.path("out/x.hau"), &release).expect("unpacked");
            assert_eq!(fs::read(release.join(&long)).expect("there"), b"long");
            fs::remove_dir_all(release).expect("removed");
        }
    }
}

#[test]
fn a_key_of_minisign_signs_for_us() {
    let site = Site::new();
    let keys = site.path("keys");
    let mut tool = Command::new("minisign")
        .args(["-G", "-p", "tool.pub", "-s", "tool.sec"])
        .current_dir(&keys)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("this test needs minisign installed");
    tool.stdin
        .take()
        .expect("piped")
        .write_all(b"a password\na password\n")
        .expect("written");
    assert!(tool.wait().expect("ends").success());
    let key = SigningKey::load(&keys.join("tool.sec"), Some("a password")).expect("loads");
    site.source("manifest.toml", 0o644, HEAD.as_bytes());
    let bundle = build(&site.path("source"), &key, &[], &site.path("out")).expect("built");
    let trusted = TrustedKeys::load(&keys).expect("both keys");
    assert_eq!(
        verify(&bundle, &trusted, &policy())
            .expect("verified")
            .signers()[0]
            .name,
        "tool"
    );
    assert!(SigningKey::load(&keys.join("tool.sec"), None).is_err());

    run(
        &keys,
        "minisign",
        &["-G", "-f", "-W", "-p", "tool.pub", "-s", "tool.sec"],
    );
    let error = SigningKey::load(&keys.join("tool.sec"), None)
        .expect_err("no checksum")
        .to_string();
    assert!(error.contains("hau-ctl bundle keygen"), "{error}");
}

#[test]
fn what_cannot_be_a_bundle_is_not_built() {
    let site = Site::new();
    let out = site.path("out");
    let build_error = |said: &str| {
        let error = build(&site.path("source"), &site.key(), &[], &out)
            .expect_err("not built")
            .to_string();
        assert!(error.contains(said), "{error}");
        assert_eq!(
            fs::read_dir(&out).expect("readable").count(),
            0,
            "nothing is left"
        );
    };
    build_error("manifest.toml");
    site.source(
        "manifest.toml",
        0o644,
        (HEAD.to_owned() + &listed("app", b"")).as_bytes(),
    );
    build_error("leave them out");
    site.source(
        "manifest.toml",
        0o644,
        (HEAD.to_owned() + "[hooks]\nengine = \"h\"\n").as_bytes(),
    );
    site.source("h", 0o644, b"");
    build_error("not executable");
    site.source(
        "manifest.toml",
        0o644,
        (HEAD.to_owned() + "[services]\napi = [\"nowhere\"]\n").as_bytes(),
    );
    build_error("nowhere");
    site.source(
        "manifest.toml",
        0o644,
        (HEAD.to_owned() + "[services]\na = [\"h\"]\nb = [\"h\"]\n").as_bytes(),
    );
    build_error("two services");
    site.source("manifest.toml", 0o644, HEAD.as_bytes());
    site.source("H", 0o644, b"");
    build_error("upper and lower case");
    fs::remove_file(site.path("source/H")).expect("removed");
    site.source("h", 0o4755, b"");
    build_error("setuid");
    site.source("h", 0o755, b"");
    site.source("a\\b", 0o755, b"");
    build_error("backslash");
    fs::remove_file(site.path("source/a\\b")).expect("removed");
    symlink("/etc/passwd", site.path("source/link")).expect("linked");
    build_error("links");
    fs::remove_file(site.path("source/link")).expect("removed");
    let inside =
        build(&site.path("source"), &site.key(), &[], &site.path("source")).expect_err("not built");
    assert!(inside.to_string().contains("is inside"), "{inside}");
    site.build();
}

#[test]
fn the_hand_made_bundle_is_good_so_that_each_refusal_has_its_own_reason() {
    let site = Site::new();
    let path = site.path("out/good.hau");
    fs::write(&path, site.with(&[])).expect("written");
    let verified = site.verify(&path).expect("verified");
    unpack(&verified, &path, &site.path("releases/good")).expect("unpacked");
    assert_eq!(
        fs::read(site.path("releases/good/app")).expect("there"),
        b"12345"
    );
}

#[test]
fn unsigned() {
    let site = Site::new();
    let manifest = HEAD.to_owned() + &listed("app", b"12345");
    let first = file("manifest.toml", manifest.as_bytes());
    assert_eq!(
        site.refused(&tar(std::slice::from_ref(&first))),
        Refusal::Unsigned
    );
    assert_eq!(
        site.refused(&tar(&[first.clone(), file("app", b"12345")])),
        Refusal::Unsigned
    );
    let late = [
        first,
        file("app", b"12345"),
        file("manifest.toml.minisig", &site.sign(manifest.as_bytes())),
    ];
    assert_eq!(site.refused(&tar(&late)), Refusal::Unsigned);
}

#[test]
fn signed_by_nobody_we_trust_or_changed_afterwards() {
    let site = Site::new();
    let stranger = Site::new();
    assert!(matches!(
        site.refused(&stranger.with(&[])),
        Refusal::WrongKey { .. }
    ));
    let changed = [
        file(
            "manifest.toml",
            HEAD.replace("counter = 7", "counter = 8").as_bytes(),
        ),
        file("manifest.toml.minisig", &site.sign(HEAD.as_bytes())),
    ];
    assert!(matches!(
        site.refused(&tar(&changed)),
        Refusal::BadSignature { .. }
    ));
    for signature in [&b""[..], b"nonsense", &[0xff; 300], &[b'\n'; 9000]] {
        let broken = [
            file("manifest.toml", HEAD.as_bytes()),
            file("manifest.toml.minisig", signature),
        ];
        assert!(matches!(
            site.refused(&tar(&broken)),
            Refusal::BadSignature { .. }
        ));
    }
}

#[test]
fn not_for_this_pair_or_not_now() {
    let site = Site::new();
    let bundle = site.signed(HEAD, &[]);
    let refused = |policy: Policy<'_>| site.refused_by(&bundle, &policy);
    assert!(matches!(
        refused(Policy {
            product: "other",
            ..policy()
        }),
        Refusal::WrongProduct { .. }
    ));
    for now in ["2027-06-30T00:00:00Z", "2030-01-01T00:00:00Z"] {
        let now = now.parse().expect("time");
        assert!(matches!(
            refused(Policy { now, ..policy() }),
            Refusal::Expired { .. }
        ));
    }
    let over = |version, counter| {
        refused(Policy {
            installed: Some(installed(version, counter)),
            ..policy()
        })
    };
    assert!(
        matches!(over("1.0.5", 8), Refusal::OldCounter { .. }),
        "an older counter"
    );
    assert!(
        matches!(over("1.2.0", 7), Refusal::Downgrade { .. }),
        "an older version"
    );
    assert!(matches!(over("1.1.0", 7), Refusal::SameVersion { .. }));
    assert!(matches!(over("0.9.0", 5), Refusal::NotUpgradable { .. }));
    let first = Policy {
        installed: None,
        ..policy()
    };
    assert!(
        verify(&site.path("out/hostile.hau"), &site.keys, &first).is_ok(),
        "nothing is installed yet"
    );
    let nothing = site.replaced("\">=1.0.0, <1.1.0\"", "");
    assert!(matches!(
        site.refused(&nothing),
        Refusal::NotUpgradable { .. }
    ));
}

#[test]
fn a_wrong_manifest() {
    let site = Site::new();
    let later = site.replaced("format = 1", "format = 9");
    assert_eq!(
        site.refused(&later),
        Refusal::UnknownFormat {
            found: "9".to_owned()
        }
    );
    assert!(matches!(
        site.refused(&site.replaced("counter", "kounter")),
        Refusal::Manifest { .. }
    ));
    assert!(matches!(
        site.refused(&site.replaced("\"shop\"", "\"../shop\"")),
        Refusal::Manifest { .. }
    ));
}

#[test]
fn contents_that_differ_from_the_manifest() {
    let site = Site::new();
    let manifest = HEAD.to_owned() + &listed("app", b"12345") + &listed("lib", b"67");
    let (app, lib) = (file("app", b"12345"), file("lib", b"67"));
    let refused = |members: &[Vec<u8>]| site.refused(&site.signed(&manifest, members));
    assert_eq!(
        refused(&[file("app", b"12346"), lib.clone()]),
        Refusal::HashMismatch {
            path: "app".to_owned()
        }
    );
    let size = refused(&[file("app", b"123456"), lib.clone()]);
    assert_eq!(
        size,
        Refusal::SizeMismatch {
            path: "app".to_owned(),
            expected: 5,
            found: 6
        }
    );
    let extra = refused(&[app.clone(), lib.clone(), file("more", b"x")]);
    assert_eq!(
        extra,
        Refusal::ExtraMember {
            path: "more".to_owned()
        }
    );
    assert_eq!(
        refused(std::slice::from_ref(&app)),
        Refusal::MissingMember {
            path: "lib".to_owned()
        }
    );
    assert_eq!(
        refused(std::slice::from_ref(&lib)),
        Refusal::MissingMember {
            path: "app".to_owned()
        }
    );
    assert_eq!(
        refused(&[]),
        Refusal::MissingMember {
            path: "app".to_owned()
        }
    );
    let twice = refused(&[app.clone(), lib.clone(), app.clone()]);
    assert_eq!(
        twice,
        Refusal::DuplicateMember {
            path: "app".to_owned()
        }
    );
    let second = refused(&[
        app.clone(),
        lib.clone(),
        file("manifest.toml", HEAD.as_bytes()),
    ]);
    assert_eq!(
        second,
        Refusal::DuplicateMember {
            path: "manifest.toml".to_owned()
        }
    );
    let order = refused(&[lib, app]);
    assert_eq!(
        order,
        Refusal::MemberOrder {
            path: "lib".to_owned(),
            expected: "app".to_owned()
        }
    );
}

#[test]
fn scripts_are_read_when_their_signature_and_checksums_hold() {
    let site = Site::new();
    let (one, two) = ("schema/1.sql", "schema/2.sql");
    let named = format!("[[schema]]\npath = {two:?}\n[[schema]]\npath = {one:?}\n");
    let manifest = HEAD.to_owned() + &named + &listed(one, b"one") + &listed(two, b"two");
    let path = site.path("out/scripts.hau");
    let read = |members: &[Vec<u8>]| {
        fs::write(&path, site.signed(&manifest, members)).expect("written");
        scripts(&path, &site.keys)
    };
    let (first, second) = (file(one, b"one"), file(two, b"two"));
    let wanted = [(two, "two"), (one, "one")];
    let wanted = wanted.map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec()));
    let good = [first.clone(), second];
    assert_eq!(read(&good).expect("read"), wanted);
    let other = TrustedKeys::load(&Site::new().path("keys")).expect("keys");
    assert!(scripts(&path, &other).is_err());
    let changed = read(&[first, file(two, b"tWo")]).expect_err("changed");
    let path = two.to_owned();
    assert_eq!(refusal(changed), Refusal::HashMismatch { path });
}

#[test]
fn a_broken_archive() {
    let site = Site::new();
    let (manifest, signature) = (
        file("manifest.toml", HEAD.as_bytes()),
        site.sign(HEAD.as_bytes()),
    );
    let signature = file("manifest.toml.minisig", &signature);
    assert_eq!(
        site.refused(&tar(&[signature, manifest])),
        Refusal::FirstMembers
    );
    for bytes in [
        &b""[..],
        &[0; 10240],
        &[b'x'; 600],
        &file("readme", b"hello"),
    ] {
        assert!(
            matches!(site.refused(bytes), Refusal::NotABundle { .. }),
            "{} bytes",
            bytes.len()
        );
    }
    let good = site.with(&[]);
    for cut in 1..good.len() {
        let refusal = site.refused(&good[..cut]);
        assert!(
            matches!(refusal, Refusal::Truncated { .. }),
            "cut at {cut}: {refusal}"
        );
    }
    let mut behind = good.clone();
    behind.extend_from_slice(b"more");
    assert_eq!(
        site.refused(&behind),
        Refusal::StrayBytes {
            at: good.len() as u64
        }
    );
    let mut padding = good.clone();
    let at = padding
        .windows(5)
        .rposition(|bytes| bytes == b"12345")
        .expect("the payload")
        + 5;
    padding[at] = 1;
    assert_eq!(
        site.refused(&padding),
        Refusal::StrayBytes { at: at as u64 }
    );
}

#[test]
fn a_flipped_bit_is_refused_or_changes_nothing() {
    let site = Site::new();
    let good = site.with(&[]);
    let path = site.path("out/flipped.hau");
    fs::write(&path, &good).expect("written");
    let expected = site.verify(&path).expect("verified").manifest().clone();
    let mut harmless = 0;
    for byte in 0..good.len() {
        let mut flipped = good.clone();
        flipped[byte] ^= 1 << (byte % 8);
        fs::write(&path, &flipped).expect("written");
        match site.verify(&path) {
            Ok(verified) => {
                assert_eq!(*verified.manifest(), expected);
                harmless += 1;
            }
            Err(error) => drop(refusal(error)),
        }
    }
    assert!(
        harmless < 60,
        "only the signature's own comment is free: {harmless}"
    );
}

/// A variant's name, for tables.
fn kind(refusal: &Refusal) -> String {
    let text = format!("{refusal:?}");
    text.split(' ').next().unwrap_or_default().to_owned()
}

#[test]
fn hostile_paths_in_the_manifest_and_in_the_archive() {
    let site = Site::new();
    let long_part = "x".repeat(256);
    let long_path = "ab/".repeat(350) + "c";
    for (path, expected) in [
        ("/etc/passwd", "AbsolutePath"),
        ("../../etc/passwd", "ParentPath"),
        ("a/../../b", "ParentPath"),
        ("..", "ParentPath"),
        ("a\\b", "BadCharacter"),
        ("a\u{0}b", "BadCharacter"),
        ("a\u{1b}[2J", "BadCharacter"),
        ("a//b", "OddPath"),
        ("./a", "OddPath"),
        ("a/", "OddPath"),
        (&long_part, "LongPath"),
        (&long_path, "LongPath"),
    ] {
        let quoted = toml::Value::from(path).to_string();
        let manifest = HEAD.to_owned() + &listed("P", b"12345").replace("\"P\"", &quoted);
        let refusal = site.refused(&site.signed(&manifest, &[file("app", b"12345")]));
        assert_eq!(kind(&refusal), expected, "manifest {path:?}");

        if path.len() <= 100 {
            let refusal = site.refused(&site.with(&[file(path, b"12345")]));
            assert_eq!(kind(&refusal), expected, "header {path:?}");
        }
        let mut name = path.as_bytes().to_vec();
        name.push(0);
        let gnu = member(b"././@LongLink", b'L', 0o644, name.len() as u64, &name);
        let refusal = site.refused(&site.with(&[gnu, file("", b"12345")]));
        let too_long = path.len() > 1024; // for the extension itself
        assert_eq!(
            kind(&refusal),
            if too_long { "Extension" } else { expected },
            "GNU {path:?}"
        );
        let refusal = site.refused(&site.with(&[pax(&[("path", path)]), file("", b"12345")]));
        assert_eq!(kind(&refusal), expected, "pax {path:?}");
    }
    let not_utf8 = site.refused(&site.with(&[member(b"a\xff", b'0', 0o644, 0, b"")]));
    assert!(matches!(
        not_utf8,
        Refusal::BadCharacter {
            what: "bytes that are not UTF-8",
            ..
        }
    ));
}

#[test]
fn paths_that_collide() {
    let site = Site::new();
    for (one, other) in [("App", "aPP"), ("a", "a/b"), ("x", "Manifest.toml")] {
        let manifest = HEAD.to_owned() + &listed(one, b"1") + &listed(other, b"2");
        let refusal = site.refused(&site.signed(&manifest, &[file(one, b"1"), file(other, b"2")]));
        assert!(
            matches!(refusal, Refusal::Collision { .. }),
            "{one} {other}: {refusal:?}"
        );
    }
    let manifest = HEAD.to_owned() + &listed("a", b"1") + &listed("a", b"1");
    let refusal = site.refused(&site.signed(&manifest, &[file("a", b"1"), file("a", b"1")]));
    assert_eq!(
        refusal,
        Refusal::DuplicateMember {
            path: "a".to_owned()
        }
    );
}

#[test]
fn only_regular_files() {
    let site = Site::new();
    let manifest = HEAD.to_owned() + &listed("app", b"");
    for (kind, link, what) in [
        (b'1', true, ""),
        (b'2', true, ""),
        (b'K', true, ""),
        (b'3', false, "device"),
        (b'4', false, "device"),
        (b'5', false, "folder"),
        (b'6', false, "fifo"),
        (b'S', false, "sparse file"),
        (b'7', false, "member of a special type"),
        (b'V', false, "member of a special type"),
    ] {
        let mut special = member(b"app", kind, 0o644, 0, b"");
        special[157..168].copy_from_slice(b"/etc/shadow");
        seal(&mut special);
        let refusal = site.refused(&site.signed(&manifest, &[special]));
        let path = "app".to_owned();
        let expected = if link {
            Refusal::Link { path }
        } else {
            Refusal::NotAFile { path, kind: what }
        };
        assert_eq!(refusal, expected);
    }
}

#[test]
fn setuid_bits() {
    let site = Site::new();
    for mode in ["4755", "2755", "1755"] {
        let manifest = HEAD.to_owned() + &listed_as("app", 5, mode, b"12345");
        let refusal = site.refused(&site.signed(&manifest, &[file("app", b"12345")]));
        assert_eq!(
            refusal,
            Refusal::SetId {
                path: "app".to_owned()
            }
        );
    }
    let manifest = HEAD.to_owned() + &listed("app", b"12345");
    let in_header = member(b"app", b'0', 0o4755, 5, b"12345");
    let refusal = site.refused(&site.signed(&manifest, &[in_header]));
    assert_eq!(
        refusal,
        Refusal::SetId {
            path: "app".to_owned()
        }
    );
}

#[test]
fn bombs() {
    let site = Site::new();
    let large = file("manifest.toml", &vec![b' '; MAX_MANIFEST as usize + 1]);
    assert_eq!(
        site.refused(&tar(&[large])),
        Refusal::ManifestTooLarge {
            bytes: MAX_MANIFEST + 1
        }
    );
    let manifest = HEAD.to_owned() + &listed_as("app", 1 << 40, "0644", b"12345");
    let refusal = site.refused(&site.signed(&manifest, &[file("app", b"12345")]));
    assert!(
        matches!(
            refusal,
            Refusal::Bomb {
                declared: 0x100_0000_0000,
                ..
            }
        ),
        "{refusal:?}"
    );
    let most = listed_as("a", i64::MAX as u64, "0644", b"")
        + &listed_as("b", i64::MAX as u64, "0644", b"");
    let refusal = site.refused(&site.signed(&(HEAD.to_owned() + &most), &[]));
    assert!(matches!(refusal, Refusal::Bomb { .. }), "{refusal:?}");
    let huge = member(b"app", b'0', 0o644, 0o777_7777_7777, b"12345");
    let refusal =
        site.refused(&site.signed(&(HEAD.to_owned() + &listed("app", b"12345")), &[huge]));
    assert!(matches!(refusal, Refusal::Truncated { .. }), "{refusal:?}");

    let entry = format!(
        "{{path=\"PATH\",size=0,mode=\"0644\",sha256=\"{}\"}},",
        "0".repeat(64)
    );
    let files: String = (0..=100_000)
        .map(|number| entry.replace("PATH", &format!("{number:x}")))
        .collect();
    let manifest = format!("{HEAD}file=[{files}]\n");
    assert_eq!(
        site.refused(&site.signed(&manifest, &[])),
        Refusal::TooManyFiles { files: 100_001 }
    );
}

fn pax(records: &[(&str, &str)]) -> Vec<u8> {
    let mut body = String::new();
    for (key, value) in records {
        let rest = format!(" {key}={value}\n");
        let length = (1..)
            .find(|digits| (rest.len() + digits).to_string().len() == *digits)
            .expect("a length");
        body += &format!("{}{rest}", rest.len() + length);
    }
    member(
        b"PaxHeader",
        b'x',
        0o644,
        body.len() as u64,
        body.as_bytes(),
    )
}

#[test]
fn extensions_that_disagree_or_mean_something_else() {
    let site = Site::new();
    let manifest = HEAD.to_owned() + &listed("app", b"12345");
    let app = file("app", b"12345");
    let refused = |members: &[Vec<u8>]| site.refused(&site.signed(&manifest, members));
    let gnu = |name: &[u8]| member(b"././@LongLink", b'L', 0o644, name.len() as u64, name);
    let disagree = |refusal: Refusal, expected: &str| {
        assert!(
            matches!(refusal, Refusal::Disagree { what, .. } if what == expected),
            "{refusal:?}"
        );
    };
    disagree(
        refused(&[pax(&[("path", "other")]), app.clone()]),
        "two names",
    );
    disagree(refused(&[gnu(b"other\0"), app.clone()]), "two names");
    disagree(
        refused(&[gnu(b"app/x\0"), pax(&[("path", "app/y")]), app.clone()]),
        "two names",
    );
    disagree(refused(&[pax(&[("size", "6")]), app.clone()]), "two sizes");
    let global = member(b"pax_global_header", b'g', 0o644, 0, b"");
    assert!(matches!(
        refused(&[global, app.clone()]),
        Refusal::Extension { .. }
    ));
    assert!(matches!(
        refused(&[gnu(b"app\0"), gnu(b"app\0"), app.clone()]),
        Refusal::Extension { .. }
    ));
    assert!(matches!(
        refused(&[app.clone(), gnu(b"app\0")]),
        Refusal::Truncated { .. }
    ));

    let good = site.signed(
        &manifest,
        &[
            pax(&[("path", "app"), ("size", "5"), ("mtime", "1.5")]),
            app,
        ],
    );
    fs::write(site.path("out/good.hau"), good).expect("written");
    assert!(
        site.verify(&site.path("out/good.hau")).is_ok(),
        "those that agree are taken"
    );
}

#[test]
fn pax_headers_that_are_broken_or_mean_more_than_a_name() {
    let site = Site::new();
    let manifest = HEAD.to_owned() + &listed("app", b"12345");
    let app = file("app", b"12345");
    let refused = |members: &[Vec<u8>]| site.refused(&site.signed(&manifest, members));
    for unknown in [
        ("linkpath", "/etc/shadow"),
        ("GNU.sparse.major", "1"),
        ("SCHILY.xattr.user.x", "y"),
        ("hdrcharset", "BINARY"),
    ] {
        assert!(
            matches!(
                refused(&[pax(&[unknown]), app.clone()]),
                Refusal::Extension { .. }
            ),
            "{unknown:?}"
        );
    }
    let twice = refused(&[pax(&[("size", "5"), ("size", "5")]), app.clone()]);
    assert!(matches!(twice, Refusal::Extension { .. }), "{twice:?}");
    for records in [
        &b"5 path"[..],
        b"99 path=app\n",
        b"x path=app\n",
        b"12 path=app",
        b"3 =\n",
    ] {
        let broken = member(b"PaxHeader", b'x', 0o644, records.len() as u64, records);
        let refusal = refused(&[broken, app.clone()]);
        assert!(
            matches!(refusal, Refusal::Extension { .. }),
            "{records:?}: {refusal:?}"
        );
    }
}

#[test]
fn numbers_that_readers_read_differently() {
    let site = Site::new();
    let manifest = HEAD.to_owned() + &listed("app", b"12345");
    for size in [
        &b"+0000000005\0"[..],
        b"0x5\0\0\0\0\0\0\0\0\0",
        b"5\x006\0\0\0\0\0\0\0\0\0",
        b"\x80\x01\0\0\0\0\0\0\0\0\0\x05",
        b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\0\0\0\0\0\0\0\0\0\0\0\0",
    ] {
        let mut odd = file("app", b"12345");
        odd[124..136].copy_from_slice(size);
        seal(&mut odd);
        let refusal = site.refused(&site.signed(&manifest, &[odd]));
        assert!(
            matches!(refusal, Refusal::NotABundle { .. }),
            "{size:?}: {refusal:?}"
        );
    }
}

#[test]
fn a_fifo_is_not_waited_for() {
    let site = Site::new();
    run(site.folder.path(), "mkfifo", &["out/fifo.hau"]);
    let error = site
        .verify(&site.path("out/fifo.hau"))
        .expect_err("refused");
    assert!(matches!(refusal(error), Refusal::NotABundle { .. }));
}

/// A verified bundle of a small release, and its path.
fn ready(site: &Site) -> (Verified, PathBuf) {
    site.small_release();
    let bundle = site.build();
    (site.verify(&bundle).expect("verified"), bundle)
}

#[test]
fn a_bundle_swapped_after_it_was_verified_is_refused_and_leaves_nothing() {
    let site = Site::new();
    let (verified, bundle) = ready(&site);
    let good = fs::read(&bundle).expect("readable");
    let before = tree(&site.path("releases"));
    let refused = |bytes: &[u8]| {
        fs::write(&bundle, bytes).expect("written");
        let error = unpack(&verified, &bundle, &site.path("releases/1.1.0")).expect_err("refused");
        assert_eq!(tree(&site.path("releases")), before);
        refusal(error)
    };
    assert!(matches!(
        refused(&site.with(&[])),
        Refusal::BadSignature { .. }
    ));
    assert!(matches!(
        refused(&good[..good.len() - 1024]),
        Refusal::Truncated { .. }
    ));
    let mut changed = good.clone();
    let at = changed
        .windows(9)
        .rposition(|bytes| bytes == b"#!/bin/sh")
        .expect("the hook, after others");
    changed[at] ^= 1;
    assert_eq!(
        refused(&changed),
        Refusal::HashMismatch {
            path: "hooks/after".to_owned()
        }
    );
    fs::write(&bundle, good).expect("written");
    unpack(&verified, &bundle, &site.path("releases/1.1.0")).expect("the true one is unpacked");
}

#[test]
fn a_place_that_is_taken_is_left_alone() {
    let site = Site::new();
    let (verified, bundle) = ready(&site);
    let target = site.path("releases/1.1.0");
    let refused = || {
        let before = tree(site.folder.path());
        let error = unpack(&verified, &bundle, &target).expect_err("refused");
        assert!(
            matches!(error, BundleError::Destination { .. }),
            "{error:?}"
        );
        assert_eq!(tree(site.folder.path()), before);
    };
    fs::create_dir(&target).expect("made");
    refused();
    fs::remove_dir(&target).expect("removed");
    symlink("nowhere", &target).expect("linked");
    refused();
    fs::remove_file(&target).expect("removed");
    let partial = site.path("releases/.1.1.0.partial");
    symlink(site.path("keys"), &partial).expect("linked");
    refused();
    fs::remove_file(&partial).expect("removed");
    fs::create_dir_all(partial.join("app")).expect("made");
    fs::write(partial.join("app/shop.jar"), "half").expect("written");
    symlink(site.path("keys"), partial.join("hooks")).expect("linked");
    unpack(&verified, &bundle, &target).expect("what a crash left is replaced");
    assert!(!partial.exists() && site.secret.exists());
    assert_eq!(
        check_unpacked(&target, verified.manifest()).expect("read"),
        []
    );
}

#[test]
fn every_difference_of_a_release_is_found() {
    let site = Site::new();
    let (verified, bundle) = ready(&site);
    let release = site.path("releases/1.1.0");
    unpack(&verified, &bundle, &release).expect("unpacked");
    let mode = |name: &str, mode| {
        fs::set_permissions(release.join(name), fs::Permissions::from_mode(mode)).expect("changed")
    };
    let verified_manifest = fs::read(release.join("manifest.toml")).expect("there");
    let signature = fs::read(release.join("manifest.toml.minisig")).expect("there");
    assert_eq!(
        bundle::check_release(&release, &verified).expect("read"),
        []
    );
    fs::write(release.join("app/shop.jar"), [8; 3000]).expect("written");
    fs::write(release.join("app/文档.txt"), "texts").expect("written");
    fs::remove_file(release.join("empty")).expect("removed");
    symlink("app", release.join("empty")).expect("linked");
    fs::remove_dir_all(release.join("schema")).expect("removed");
    mode("hooks/after", 0o644);
    fs::create_dir(release.join("new")).expect("made");
    fs::write(release.join("app/new"), "").expect("written");
    let found = check_unpacked(&release, verified.manifest()).expect("read");
    let name = str::to_owned;
    assert_eq!(
        found,
        [
            Difference::Missing(name("schema/0007.sql")),
            Difference::Extra(name("app/new")),
            Difference::Extra(name("new")),
            Difference::NotAFile(name("empty")),
            Difference::Size(name("app/文档.txt")),
            Difference::Hash(name("app/shop.jar")),
            Difference::Mode(name("hooks/after")),
        ]
    );
    fs::write(release.join("manifest.toml"), "another").expect("written");
    fs::remove_file(release.join("manifest.toml.minisig")).expect("removed");
    let more = bundle::check_release(&release, &verified).expect("read");
    let more: Vec<_> = more
        .into_iter()
        .filter(|one| !found.contains(one))
        .collect();
    assert_eq!(
        more,
        [
            Difference::Missing(name("manifest.toml.minisig")),
            Difference::Hash(name("manifest.toml")),
        ]
    );
    fs::write(release.join("manifest.toml"), &verified_manifest).expect("written");
    fs::write(release.join("manifest.toml.minisig"), &signature).expect("written");
    let stranger = Site::new();
    assert!(matches!(
        refusal(load_unpacked(&release, &stranger.keys).expect_err("refused")),
        Refusal::WrongKey { .. }
    ));
}

#[test]
fn a_full_disk_leaves_nothing() {
    let site = Site::new();
    site.source("manifest.toml", 0o644, HEAD.as_bytes());
    site.source("a/large", 0o644, &[1; 3 << 20]);
    let bundle = site.build();
    let verified = site.verify(&bundle).expect("verified");
    let disk = site.path("disk");
    fs::create_dir(&disk).expect("made");
    let place = disk.to_str().expect("plain");
    run(
        site.folder.path(),
        "mount",
        &["-t", "tmpfs", "-o", "size=2m", "hau-test", place],
    );
    let result = unpack(&verified, &bundle, &disk.join("1.1.0"));
    let left = fs::read_dir(&disk).expect("readable").count();
    run(site.folder.path(), "umount", &[place]);
    let error = result.expect_err("no room");
    assert!(matches!(error, BundleError::Write { .. }), "{error:?}");
    assert_eq!(left, 0);
}

/// Not a test of speed but a way to know it: `cargo test --release --test bundle speed -- --ignored --nocapture`
#[test]
#[ignore = "prints figures of this machine"]
fn speed() {
    let site = Site::new();
    site.source("manifest.toml", 0o644, HEAD.as_bytes());
    for number in 0..3 {
        let bytes: Vec<u8> = (0..100_u32 << 20)
            .map(|index| (index.wrapping_mul(2_654_435_761 + number) >> 13) as u8)
            .collect();
        site.source(&format!("lib/large{number}.jar"), 0o644, &bytes);
    }
    for number in 0..5000 {
        site.source(
            &format!("venv/{}/{number}.py", number % 200),
            0o644,
            &[number as u8; 4000],
        );
    }
    let mut begun = std::time::Instant::now();
    let mut done = |what: &str| {
        println!("{what}: {:?}", begun.elapsed());
        begun = std::time::Instant::now();
    };
    done("nothing");
    let bundle = site.build();
    done("build, 300 MiB in 3 files and 20 MB in 5,000");
    let verified = site.verify(&bundle).expect("verified");
    done("verify");
    unpack(&verified, &bundle, &site.path("releases/1.1.0")).expect("unpacked");
    done("unpack, synced and read back");
    let from_disk = || -> u64 {
        let io = fs::read_to_string("/proc/self/io").expect("readable");
        let line = io
            .lines()
            .find_map(|line| line.strip_prefix("read_bytes: "));
        line.and_then(|bytes| bytes.parse().ok()).expect("a number")
    };
    let before = from_disk();
    check_unpacked(&site.path("releases/1.1.0"), verified.manifest()).expect("read");
    done("check_unpacked");
    println!("bytes it read from disk: {}", from_disk() - before);
}
