//! The process that takes bundles apart: the real program, asked as the daemon asks it, and what it cannot do.

use super::*;
use hau::bundle::rebuild;
use hau::unpacker::Order;
use std::io::{Read, pipe};
use std::os::unix::process::ExitStatusExt;
use std::process::Output;

fn started(order: &Order) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hau-sidecar"));
    command.args(order.args()).env_clear();
    command
}

pub(super) fn asked(order: &Order) -> Output {
    started(order).output().expect("started")
}

fn payload(bundle: &Path, verified: &Verified) -> Order {
    Order::Payload {
        bundle: bundle.to_owned(),
        manifest: verified.fingerprint(),
    }
}

/// What it says when it fails, which is one line.
pub(super) fn words(ended: &Output) -> String {
    assert_eq!(ended.status.code(), Some(1), "{}", ended.status);
    let words = String::from_utf8(ended.stderr.clone()).expect("text");
    assert_eq!(words.lines().count(), 1, "{words}");
    words.trim_end().to_owned()
}

#[test]
fn an_order_is_what_its_arguments_say() {
    let digest = "ab".repeat(32).parse().expect("a digest");
    let orders = [
        Order::Payload {
            bundle: "/in/a b.hau".into(),
            manifest: digest,
        },
        Order::Rebuild {
            delta: "/in/d.hau".into(),
            base: "/in/.x.base".into(),
            keys: "/etc/hau/keys".into(),
            most: 7,
        },
    ];
    for order in orders {
        let args: Vec<_> = order.args().into_iter().map(Into::into).collect();
        assert_eq!(Order::parse(&args), Some(order));
        assert_eq!(Order::parse(&args[1..]), None);
    }
}

#[test]
fn the_contents_come_one_after_the_other_and_make_the_release() {
    let site = Site::new();
    let (verified, bundle) = ready(&site);
    let ended = asked(&payload(&bundle, &verified));
    assert!(ended.status.success(), "{}", ended.status);
    let release = site.path("releases/1.1.0");
    bundle::unpack(&verified, &mut &ended.stdout[..], &release).expect("unpacked");
    let files = verified.manifest().file.iter();
    let contents: Vec<u8> = files
        .flat_map(|file| fs::read(release.join(&file.path)).expect("there"))
        .collect();
    assert!(contents == ended.stdout);
}

#[test]
fn a_payload_that_is_cut_or_changed_makes_no_release() {
    let site = Site::new();
    let (verified, bundle) = ready(&site);
    let good = asked(&payload(&bundle, &verified)).stdout;
    let before = tree(&site.path("releases"));
    let refused = |mut bytes: &[u8]| {
        let release = site.path("releases/1.1.0");
        let error = bundle::unpack(&verified, &mut bytes, &release).expect_err("refused");
        assert_eq!(tree(&site.path("releases")), before);
        kind(&refusal(error))
    };
    assert_eq!(refused(&good[..good.len() - 1]), "MissingMember");
    assert_eq!(refused(&[]), "MissingMember");
    let mut changed = good.clone();
    changed[5] ^= 1;
    assert_eq!(refused(&changed), "HashMismatch");
}

#[test]
fn a_bundle_that_was_swapped_is_refused_with_the_same_words_as_here() {
    let site = Site::new();
    let (verified, bundle) = ready(&site);
    let order = payload(&bundle, &verified);
    let good = fs::read(&bundle).expect("readable");
    for swapped in [site.with(&[]), good[..good.len() - 1024].to_vec()] {
        fs::write(&bundle, swapped).expect("written");
        let here = Payload::open(&bundle, verified.fingerprint()).expect_err("refused");
        let ended = asked(&order);
        assert_eq!(words(&ended), here.to_string());
        assert!(ended.stdout.is_empty());
    }
    fs::remove_file(&bundle).expect("removed");
    assert!(words(&asked(&order)).starts_with("cannot read"));
}

/// It stands still with most of its work before it: nobody reads what it writes.
#[test]
fn it_has_no_right_that_it_does_not_need() {
    let site = Site::new();
    site.source("manifest.toml", 0o644, HEAD.as_bytes());
    site.source("large", 0o600, &vec![7; 4 << 20]);
    let bundle = site.build();
    let verified = site.verify(&bundle).expect("verified");
    let (mut from, to) = pipe().expect("a pipe");
    let mut child = started(&payload(&bundle, &verified))
        .stdout(to)
        .spawn()
        .expect("started");
    // Its first byte says that it has confined itself.
    from.read_exact(&mut [0]).expect("a byte");
    let of = |file: &str| {
        let path = format!("/proc/{}/{file}", child.id());
        fs::read_to_string(path).expect("it is there")
    };
    let (status, limits) = (of("status"), of("limits"));
    let line = |text: &str, name: &str| -> Vec<String> {
        let found = text.lines().find_map(|line| line.strip_prefix(name));
        let words = found.unwrap_or_else(|| panic!("no {name} in {text}"));
        words.split_whitespace().map(str::to_owned).collect()
    };
    let length = fs::metadata(&bundle).expect("there").len().to_string();
    child.kill().expect("ended");
    child.wait().expect("ended");
    if nix::unistd::Uid::effective().is_root() {
        assert_eq!(line(&status, "Uid:"), ["65534"; 4]);
        assert_eq!(line(&status, "Gid:"), ["65534"; 4]);
        assert!(line(&status, "Groups:").is_empty());
    }
    assert_eq!(line(&status, "CapEff:"), ["0000000000000000"]);
    assert_eq!(line(&status, "CapPrm:"), ["0000000000000000"]);
    assert_eq!(line(&status, "NoNewPrivs:"), ["1"]);
    assert_eq!(line(&status, "Seccomp:"), ["2"]);
    assert_eq!(line(&status, "Threads:"), ["1"]);
    for (name, most) in [
        ("Max data size", "536870912"),
        ("Max file size", &length),
        ("Max processes", "0"),
        ("Max core file size", "0"),
        ("Max cpu time", "124"),
    ] {
        assert_eq!(line(&limits, name)[..2], [most, most], "{name}");
    }
}

/// Run again by the test below, as a process of its own that has confined itself.
#[test]
#[ignore = "a part of the next"]
fn confined() {
    let inside = fs::File::open("/dev/null").expect("opened");
    let bounds = hau::host::confine::Bounds {
        memory_bytes: 256 << 20,
        cpu_s: 60,
        file_bytes: 1 << 20,
    };
    let what = std::env::var("HAU_TEST_CONFINED").expect("what to try");
    hau::host::confine::confine(bounds).expect("confined");
    match what.as_str() {
        "read" => drop((&inside).read(&mut [0; 16])),
        "open" => drop(fs::File::open("/etc/hostname")),
        "remove" => drop(fs::remove_file("/nonexistent")),
        "run" => drop(Command::new("/bin/true").spawn()),
        "listen" => drop(std::net::TcpListener::bind("127.0.0.1:0")),
        "signal" => drop(nix::sys::signal::kill(nix::unistd::Pid::this(), None)),
        "memory" => drop(std::hint::black_box(vec![1_u8; 300 << 20])),
        other => panic!("{other} is not known"),
    }
}

#[test]
fn whatever_else_it_tries_ends_it() {
    let tried = |what: &str| {
        let mut command = Command::new(std::env::current_exe().expect("a path"));
        command.args(["--exact", "unpacker::confined", "--ignored", "--nocapture"]);
        // A trace of a panic would be looked for in files.
        command
            .env("HAU_TEST_CONFINED", what)
            .env("RUST_BACKTRACE", "0");
        command.output().expect("started").status
    };
    assert_eq!(tried("read").code(), Some(0), "what is open can be read");
    for what in ["open", "remove", "run", "listen", "signal"] {
        assert_eq!(tried(what).signal(), Some(nix::libc::SIGSYS), "{what}");
    }
    assert_eq!(tried("memory").signal(), Some(nix::libc::SIGABRT), "memory");
}

#[test]
fn a_delta_is_made_a_bundle_by_it_as_here() {
    let site = Site::new();
    let text: Vec<u8> = (0..200_000_u32)
        .flat_map(|n| (n % 251).to_le_bytes())
        .collect();
    site.source(
        "manifest.toml",
        0o644,
        HEAD.replace("1.1.0", "1.0.0").as_bytes(),
    );
    site.source("app", 0o644, &text);
    let old = site.build();
    let mut newer = text.clone();
    newer[1000..1200].fill(9);
    let manifest = HEAD
        .replace("counter = 7", "counter = 8")
        .replace(">=1.0.0, <1.1.0", ">=1.0.0");
    site.source("manifest.toml", 0o644, manifest.as_bytes());
    site.source("app", 0o644, &newer);
    let new = site.build();
    let delta = site.path("out/shop.delta.hau");
    bundle::delta(&old, &new, &site.key(), &site.keys, &delta).expect("made");
    let whole = fs::read(&new).expect("readable");
    let (described, base) = bundle::base(&delta, &old, &site.keys).expect("the base");
    let mut file = fs::File::create(site.path("base")).expect("made");
    base.copy(&mut file).expect("copied");
    let order = Order::Rebuild {
        delta: delta.clone(),
        base: site.path("base"),
        keys: site.path("keys"),
        most: bundle::longest(described.delta.as_ref().expect("a delta")),
    };
    let ended = asked(&order);
    assert!(ended.status.success(), "{}", ended.status);
    assert!(ended.stdout == whole);
    fs::remove_file(&new).expect("removed");
    let here = rebuild(&delta, &old, &site.keys, &site.path("out")).expect("rebuilt");
    assert!(fs::read(here).expect("readable") == whole);

    let short = fs::File::create(site.path("short")).expect("made");
    let bounded = Order::Rebuild {
        delta: delta.clone(),
        base: site.path("base"),
        keys: site.path("keys"),
        most: 100_000,
    };
    let ended = started(&bounded).stdout(short).status().expect("started");
    assert_eq!(ended.signal(), Some(nix::libc::SIGXFSZ));
    let length = fs::metadata(site.path("short")).expect("there").len();
    assert!(length <= 100_000, "{length}");

    let mut other = fs::read(site.path("base")).expect("readable");
    let last = other.len() - 1;
    other[last] ^= 1;
    fs::write(site.path("base"), other).expect("written");
    assert!(
        words(&asked(&order)).contains("checksum"),
        "of another base"
    );
}
