//! How much memory a bundle on its way takes on either side; each side is a process of its own. Run by hand:
//! `cargo test --test door memory -- --ignored --nocapture`.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use hau::bundle::TrustedKeys;
use hau::daemon::door::{Door, Limits};
use hau::daemon::transfer::{self, Wanted};

use crate::rig::{Api, Node, Rig};
use crate::transfer::Pair;

const LONG: Duration = Duration::from_secs(600);
/// What a transfer may take, of either daemon.
const MOST_KIB: u64 = 64 << 10;

fn peak_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kib = line.unwrap().split_whitespace().nth(1).unwrap();
    kib.parse().unwrap()
}

/// By `VmHWM`, as much more as a side needs from when it has begun to when it is done.
fn grown(before: u64) -> u64 {
    peak_kib() - before
}

#[test]
#[ignore = "one side of memory::of_a_transfer, which runs it"]
fn a_side() {
    let Ok(dir) = std::env::var("HAU_DIR").map(PathBuf::from) else {
        return;
    };
    let rig = Rig::new();
    let Ok(address) = std::env::var("HAU_PEER") else {
        let node = Node::new(&dir, "b", None);
        let api = Arc::new(Api {
            file: dir.join("file"),
            ..Api::default()
        });
        let (address, _) = rig.peer(&node, 0, &api, Limits::of(Door::Peer));
        let before = peak_kib();
        println!("at {address}");
        std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
        println!("grown {}", grown(before));
        return;
    };
    let keys = TrustedKeys::load(&dir.join("keys")).unwrap();
    let link = rig.link(&Node::new(&dir, "a", None), address.parse().unwrap());
    let wanted = Wanted {
        path: "/file",
        to: &dir.join("to"),
        sha256: None,
        limit: LONG,
        keys: Some(&keys),
        releases: &dir.join("releases"),
    };
    let before = peak_kib();
    let fetched = transfer::fetch(&link, &wanted, &|_| ()).unwrap();
    println!("here {}", fetched.here);
    println!("grown {}", grown(before));
}

fn side(dir: &Path, peer: Option<&str>) -> (Child, BufReader<std::process::ChildStdout>) {
    let mut side = Command::new(std::env::current_exe().unwrap());
    side.args(["memory::a_side", "--exact", "--ignored", "--nocapture"])
        .env("HAU_DIR", dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    if let Some(peer) = peer {
        side.env("HAU_PEER", peer);
    }
    let mut side = side.spawn().unwrap();
    let said = BufReader::new(side.stdout.take().unwrap());
    (side, said)
}

/// The rest of the line that begins with this word.
fn hears(said: &mut impl BufRead, word: &str) -> String {
    let mut line = String::new();
    while said.read_line(&mut line).unwrap() > 0 {
        if let Some((_, rest)) = line.trim().split_once(word) {
            return rest.trim().to_owned();
        }
        line.clear();
    }
    panic!("no {word}");
}

/// Fetches it, and says by how much the memory of both sides grew.
fn fetched(pair: &Pair, what: &str) {
    let dir = pair.at("");
    let (mut gives, mut told) = side(&dir, None);
    let address = hears(&mut told, "at ");
    let (mut takes, mut heard) = side(&dir, Some(&address));
    let here = hears(&mut heard, "here");
    let taking: u64 = hears(&mut heard, "grown").parse().unwrap();
    assert!(takes.wait().unwrap().success());
    drop(gives.stdin.take());
    let giving: u64 = hears(&mut told, "grown").parse().unwrap();
    assert!(gives.wait().unwrap().success());
    let size = fs::metadata(pair.at("to")).unwrap().len();
    println!(
        "{what}: {size} bytes, {here} of them here: fetching takes {taking} KiB, giving {giving} KiB"
    );
    assert!(
        taking < MOST_KIB && giving < MOST_KIB,
        "{what}: {taking} and {giving} KiB"
    );
    fs::remove_file(pair.at("to")).unwrap();
}

#[test]
#[ignore = "takes minutes, and room for five files of 1 GiB"]
fn of_a_transfer() {
    let pair = Pair::new();
    let source = pair.at("source-1.1.0");
    fs::create_dir_all(&source).unwrap();
    // Full of holes, as it lies here; in the bundle and in the release it is not.
    let large = File::create(source.join("large")).unwrap();
    large.set_len(1 << 30).unwrap();
    fs::write(source.join("small"), "1.1.0").unwrap();
    let bundle = pair.bundle("1.1.0", &Vec::new());
    fs::rename(&bundle, pair.at("file")).unwrap();
    fetched(&pair, "nothing of it is here");
    pair.unpacked("1.0.0", &pair.at("file"));
    fetched(&pair, "all of it is here");
    let many = |n: usize| {
        (
            format!("lib/of/some/length/as/usual/{n}.py"),
            n.to_string().into_bytes(),
        )
    };
    let many = (0..hau::bundle::MAX_FILES).map(many).collect();
    fs::rename(pair.bundle("1.2.0", &many), pair.at("file")).unwrap();
    fetched(&pair, "as many files as there may be");
    // Not by `unpack`, which reads all of them back.
    let release = pair.at("releases/1.2.0");
    tar::Archive::new(File::open(pair.at("file")).unwrap())
        .unpack(&release)
        .unwrap();
    fetched(&pair, "as many, all of them here");
}
