//! A bundle on its way between two nodes: what comes over the line, and what of it was here.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use hau::bundle::{Payload, Policy, SigningKey, TrustedKeys, build, keygen, unpack, verify};
use hau::core::Fetching;
use hau::daemon::door::{Door, Limits};
use hau::daemon::link::LinkError;
use hau::daemon::transfer::{self, Wanted};

use crate::LIMIT;
use crate::rig::{Api, Node, Proxy, Rig, log, noise, paired, sha256};

const LARGE: usize = 400_000;
/// What may come beside what is missing: the beginning, the end, and what HTTP and TLS put around it.
const BESIDE: u64 = (64 << 10) + 20_000;

pub(crate) type Files = Vec<(String, Vec<u8>)>;

/// One node has a bundle, the other one releases.
pub(crate) struct Pair {
    rig: Rig,
    nodes: (Node, Node),
    api: Arc<Api>,
    address: std::net::SocketAddr,
    key: SigningKey,
    keys: TrustedKeys,
    to: PathBuf,
}

impl Pair {
    pub(crate) fn new() -> Pair {
        let rig = Rig::new();
        let at = |name: &str| rig.dir.path().join(name);
        for name in ["keys", "out", "releases"] {
            fs::create_dir(at(name)).unwrap();
        }
        let pair = keygen(&at("keys"), "publisher", None).unwrap();
        let nodes = paired(&rig);
        let api = Arc::new(Api {
            file: at("file"),
            ..Api::default()
        });
        let (address, _) = rig.peer(&nodes.1, 0, &api, Limits::of(Door::Peer));
        Pair {
            key: SigningKey::load(&pair.secret, None).unwrap(),
            keys: TrustedKeys::load(&at("keys")).unwrap(),
            to: at("to"),
            rig,
            nodes,
            api,
            address,
        }
    }

    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.rig.dir.path().join(name)
    }

    pub(crate) fn bundle(&self, version: &str, files: &Files) -> PathBuf {
        let source = self.at(&format!("source-{version}"));
        fs::create_dir_all(&source).unwrap();
        for (name, bytes) in files {
            let path = source.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        let manifest = format!(
            "format = 1\nproduct = \"shop\"\nversion = \"{version}\"\ncounter = 7\n\
             upgrades_from = []\nexpires = \"2099-01-01T00:00:00Z\"\n"
        );
        fs::write(source.join("manifest.toml"), manifest).unwrap();
        let built = build(&source, &self.key, &[], &self.at("out")).unwrap();
        fs::remove_dir_all(&source).unwrap();
        built
    }

    /// Here there is a release of these files.
    fn release(&self, version: &str, files: &Files) {
        self.unpacked(version, &self.bundle(version, files));
    }

    pub(crate) fn unpacked(&self, version: &str, bundle: &Path) {
        let policy = Policy {
            product: "shop",
            installed: None,
            now: "2027-01-01T00:00:00Z".parse().unwrap(),
        };
        let verified = verify(bundle, &self.keys, &policy).unwrap();
        let mut payload = Payload::open(bundle, verified.fingerprint()).unwrap();
        unpack(&verified, &mut payload, &self.at("releases").join(version)).unwrap();
    }

    /// The other node has a bundle of these files.
    fn gives(&self, version: &str, files: &Files) -> Vec<u8> {
        fs::copy(self.bundle(version, files), &self.api.file).unwrap();
        fs::read(&self.api.file).unwrap()
    }

    fn fetch(&self, by: std::net::SocketAddr, sha256: Option<&str>) -> Result<Fetching, LinkError> {
        let wanted = Wanted {
            path: "/file",
            to: &self.to,
            sha256,
            limit: LIMIT,
            keys: Some(&self.keys),
            releases: &self.at("releases"),
        };
        let link = self.rig.link(&self.nodes.0, by);
        transfer::fetch(&link, &wanted, &|_| ())
    }

    /// Fetches this, and says what came over the line, in how many answers.
    fn came(&self, bundle: &[u8]) -> (Fetching, u64, usize) {
        let line = Proxy::new(self.address, u64::MAX);
        let calls = self.api.calls.load(Ordering::SeqCst);
        let fetched = self.fetch(line.address, Some(&sha256(bundle))).unwrap();
        self.assert_whole(bundle);
        assert_eq!(
            (fetched.have, fetched.of),
            (fetched.of, bundle.len() as u64)
        );
        let calls = self.api.calls.load(Ordering::SeqCst) - calls;
        (fetched, line.passed.load(Ordering::SeqCst), calls)
    }

    fn partial(&self) -> PathBuf {
        self.at("to.partial")
    }

    fn assert_whole(&self, bundle: &[u8]) {
        assert!(fs::read(&self.to).unwrap() == bundle);
        assert!(!self.partial().exists() && !self.at("to.partial.tag").exists());
    }

    /// As a cut leaves it: what has come of the bundle that the other node has.
    fn begun(&self, bytes: &[u8]) {
        let line = Proxy::new(self.address, 20_000);
        self.fetch(line.address, None).unwrap_err();
        assert!(self.at("to.partial.tag").exists());
        fs::write(self.partial(), bytes).unwrap();
    }

    /// What the log says of why a bundle at this node was fetched whole.
    fn says(&self, why: &str) {
        let log = log();
        let said = format!(
            "/file is fetched whole: refused {}",
            self.partial().display()
        );
        assert!(
            log.lines()
                .any(|line| line.contains(&said) && line.contains(why)),
            "{why}: {log}"
        );
    }
}

/// Five large files, each with noise of its own.
fn files() -> Files {
    let noise = noise(5 * LARGE);
    let mut all: Files = ["a", "b", "c", "d", "e"]
        .iter()
        .zip(noise.chunks(LARGE))
        .map(|(name, bytes)| (format!("lib/{name}"), bytes.to_vec()))
        .collect();
    all.push(("lib/empty".to_owned(), Vec::new()));
    all
}

/// With one of them changed.
fn changed(mut files: Files, n: usize) -> Files {
    files[n].1.iter_mut().for_each(|byte| *byte = !*byte);
    files
}

/// Where these bytes lie in a bundle.
fn find(bundle: &[u8], bytes: &[u8]) -> usize {
    let mut places = bundle.windows(64);
    places.position(|place| place == &bytes[..64]).unwrap()
}

#[test]
fn only_what_no_release_here_has_comes_over_the_line() {
    let pair = Pair::new();
    pair.release("1.0.0", &files());
    let bundle = pair.gives("1.1.0", &changed(files(), 2));
    let (fetched, passed, calls) = pair.came(&bundle);
    let missing = LARGE as u64;
    assert!((missing..missing + BESIDE).contains(&passed), "{passed}");
    assert!(
        (missing..missing + 10_000).contains(&fetched.fetched()),
        "{fetched:?}"
    );
    // The beginning, the file, the end.
    assert_eq!(calls, 3);
}

#[test]
fn where_nothing_is_here_it_comes_in_two_answers() {
    let pair = Pair::new();
    fs::create_dir(pair.at("releases/by-hand")).unwrap();
    let bundle = pair.gives("1.1.0", &files());
    let (fetched, _, calls) = pair.came(&bundle);
    assert_eq!((fetched.here, calls), (0, 2));
    // Smaller than what is asked for first, and nothing at all.
    for files in [vec![("a".to_owned(), noise(1000))], Vec::new()] {
        fs::remove_file(&pair.to).unwrap();
        let bundle = pair.gives("1.2.0", &files);
        assert_eq!(pair.came(&bundle).2, 1);
    }
}

#[test]
fn what_is_in_it_twice_comes_once() {
    let pair = Pair::new();
    let mut twice = files();
    let copies: Files = twice
        .iter()
        .map(|(name, bytes)| (format!("{name}-copy"), bytes.clone()))
        .collect();
    twice.extend(copies);
    let bundle = pair.gives("1.1.0", &twice);
    let (fetched, passed, _) = pair.came(&bundle);
    let once = 5 * LARGE as u64;
    assert!((once..once + BESIDE).contains(&passed), "{passed}");
    assert!(fetched.here >= once, "{fetched:?}");
}

#[test]
fn small_files_by_turns_here_and_not_are_one_answer() {
    let pair = Pair::new();
    let many = |turn: u8| -> Files {
        let file = |n: usize| {
            let turn = if n.is_multiple_of(2) { turn } else { 0 };
            let bytes = format!("{n} {turn}").repeat(50);
            (format!("lib/{n}"), bytes.into_bytes())
        };
        (0..1500).map(file).collect()
    };
    pair.release("1.0.0", &many(1));
    let bundle = pair.gives("1.1.0", &many(2));
    let (_, _, calls) = pair.came(&bundle);
    assert!(calls <= 4, "{calls}");
}

/// A name that tar's header has no room for, and a head that is longer than what is asked for first.
#[test]
fn long_names_and_a_long_head() {
    let pair = Pair::new();
    let name = |n: usize| format!("{}/{n}", "long".repeat(40));
    let mut many: Files = (0..1500)
        .map(|n| (name(n), n.to_string().into_bytes()))
        .collect();
    many.push(("large".to_owned(), noise(LARGE)));
    pair.release("1.0.0", &many);
    many[700].1 = b"other".to_vec();
    let bundle = pair.gives("1.1.0", &many);
    let (fetched, ..) = pair.came(&bundle);
    assert!(fetched.here >= LARGE as u64, "{fetched:?}");
}

#[test]
fn it_goes_on_in_the_middle_of_what_comes_over_the_line() {
    let pair = Pair::new();
    pair.release("1.0.0", &files());
    let new = changed(files(), 2);
    let bundle = pair.gives("1.1.0", &new);
    let cut = pair.fetch(Proxy::new(pair.address, 300_000).address, None);
    assert!(matches!(cut, Err(LinkError::Broken { .. })), "{cut:?}");
    let have = fs::metadata(pair.partial()).unwrap().len();
    let at = find(&bundle, &new[2].1) as u64;
    assert!((at + 1..at + LARGE as u64).contains(&have), "{have}");
    let (fetched, passed, _) = pair.came(&bundle);
    let rest = at + LARGE as u64 - have;
    assert!(
        (rest..rest + 20_000).contains(&passed),
        "{passed} of {rest}"
    );
    // What came before the cut counts, too.
    let missing = LARGE as u64;
    assert!(
        (missing..missing + 10_000).contains(&fetched.fetched()),
        "{fetched:?}"
    );
}

#[test]
fn it_goes_on_in_the_middle_of_what_is_here() {
    let pair = Pair::new();
    pair.release("1.0.0", &files());
    let bundle = pair.gives("1.1.0", &changed(files(), 4));
    let middle = find(&bundle, &files()[1].1) + LARGE / 2;
    // What a power cut left of the part that was copied is noise.
    let mut begun = bundle[..middle].to_vec();
    begun[middle - 1000..].fill(7);
    pair.begun(&begun);
    let (_, passed, calls) = pair.came(&bundle);
    assert!(passed < LARGE as u64 + 20_000, "{passed}");
    assert_eq!(calls, 1, "the last file, and the end behind it");
}

/// A crash kept it from getting its name.
#[test]
fn one_that_is_all_here_asks_for_its_end_alone() {
    let pair = Pair::new();
    let bundle = pair.gives("1.1.0", &files());
    pair.begun(&bundle);
    let (_, passed, calls) = pair.came(&bundle);
    assert!(passed < 10_000, "{passed}");
    assert_eq!(calls, 1);
}

#[test]
fn a_file_of_a_release_that_is_another_one_comes_over_the_line() {
    let pair = Pair::new();
    pair.release("1.0.0", &files());
    let release = pair.at("releases/1.0.0/lib");
    let mut bytes = fs::read(release.join("b")).unwrap();
    bytes[LARGE - 1] ^= 1;
    fs::write(release.join("b"), bytes).unwrap();
    fs::write(release.join("c"), "shorter").unwrap();
    fs::remove_file(release.join("d")).unwrap();
    std::os::unix::fs::symlink("a", release.join("d")).unwrap();
    let bundle = pair.gives("1.1.0", &files());
    let (fetched, passed, _) = pair.came(&bundle);
    let missing = 3 * LARGE as u64;
    assert!((missing..missing + BESIDE).contains(&passed), "{passed}");
    assert!(
        (missing..missing + 10_000).contains(&fetched.fetched()),
        "{fetched:?}"
    );
}

#[test]
fn another_bundle_in_its_place_is_fetched_instead() {
    let pair = Pair::new();
    pair.release("1.0.0", &files());
    let old = pair.gives("1.1.0", &changed(files(), 2));
    let middle = find(&old, &changed(files(), 2)[2].1) + 1000;
    pair.begun(&old[..middle]);
    let bundle = pair.gives("1.1.0", &changed(files(), 3));
    pair.came(&bundle);
}

/// The same files, each with a time in its header.
fn with_times(bundle: &[u8], from: usize) -> Vec<u8> {
    let mut to = tar::Builder::new(Vec::new());
    let mut archive = tar::Archive::new(bundle);
    for (n, entry) in archive.entries().unwrap().enumerate() {
        let mut entry = entry.unwrap();
        let mut header = entry.header().clone();
        if n >= from {
            header.set_mtime(1);
        }
        let path = entry.path().unwrap().into_owned();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        to.append_data(&mut header, path, &bytes[..]).unwrap();
    }
    to.into_inner().unwrap()
}

#[test]
fn one_that_is_laid_out_otherwise_is_fetched_whole() {
    let pair = Pair::new();
    pair.release("1.0.0", &files());
    let ours = pair.gives("1.1.0", &changed(files(), 2));
    // From the first member on that can be seen at the beginning, and only later.
    for from in [0, 4] {
        let theirs = with_times(&ours, from);
        assert_eq!(theirs.len(), ours.len());
        fs::write(&pair.api.file, &theirs).unwrap();
        let (fetched, ..) = pair.came(&theirs);
        assert_eq!(fetched.here, 0);
        fs::remove_file(&pair.to).unwrap();
    }
    pair.says("hau-ctl bundle build lays it out otherwise");
    assert!(log().contains("is fetched whole: /file came damaged"));
    // Longer than it has to be.
    let mut theirs = ours.clone();
    theirs.extend([0; 8192]);
    fs::write(&pair.api.file, &theirs).unwrap();
    assert_eq!(pair.came(&theirs).0.here, 0);
    let said = format!(
        "it has {} bytes, its manifest makes {}",
        theirs.len(),
        ours.len()
    );
    assert!(log().contains(&said));
}

#[test]
fn a_head_that_is_not_that_of_the_rest_makes_no_file() {
    let pair = Pair::new();
    pair.release("1.0.0", &files());
    let bundle = pair.gives("1.1.0", &changed(files(), 2));
    // Of a bundle with the same files in it: all of them are here. And of one with fewer.
    for other in [files(), files()[3..].to_vec()] {
        let other = fs::read(pair.bundle("1.1.0", &other)).unwrap();
        let head = find(&other, &files()[3].1).min(find(&other, &other[..64]) + 8192);
        pair.begun(&other[..head]);
        pair.came(&bundle);
        fs::remove_file(&pair.to).unwrap();
    }
    // As wrong as the other node's file is, it never gets the name.
    let wanted = sha256(&bundle);
    fs::copy(pair.bundle("1.1.0", &files()), &pair.api.file).unwrap();
    let damaged = pair.fetch(pair.address, Some(&wanted));
    assert!(
        matches!(damaged, Err(LinkError::Damaged { .. })),
        "{damaged:?}"
    );
    assert!(!pair.to.exists() && !pair.partial().exists());
}

#[test]
fn what_nobody_here_trusts_helps_nobody() {
    let pair = Pair::new();
    pair.release("1.0.0", &files());
    let stranger = Pair::new();
    let theirs = fs::read(stranger.bundle("1.1.0", &files())).unwrap();
    fs::write(&pair.api.file, &theirs).unwrap();
    assert_eq!(pair.came(&theirs).0.here, 0);
    pair.says("which is not trusted here");
    // No bundle at all, nothing at all.
    for bytes in [noise(300_000), vec![0; 300_000], Vec::new()] {
        fs::remove_file(&pair.to).unwrap();
        fs::write(&pair.api.file, &bytes).unwrap();
        assert_eq!(pair.came(&bytes).0.here, 0);
    }
}

/// A manifest that would never end is not waited for.
#[test]
fn a_head_without_an_end_is_given_up() {
    let pair = Pair::new();
    let mut header = tar::Header::new_gnu();
    header.set_path("manifest.toml").unwrap();
    header.set_size(16 << 20);
    header.set_mode(0o644);
    header.set_cksum();
    let mut bytes = header.as_bytes().to_vec();
    bytes.extend(noise(1 << 20).iter().cycle().take(40 << 20));
    fs::write(&pair.api.file, &bytes).unwrap();
    assert_eq!(pair.came(&bytes).0.here, 0);
}

/// How far it is only grows, and says at the end what came.
#[test]
fn it_is_told_how_far_it_is() {
    let pair = Pair::new();
    pair.release("1.0.0", &files());
    let bundle = pair.gives("1.1.0", &changed(files(), 2));
    let seen = std::cell::RefCell::new(Vec::new());
    let wanted = Wanted {
        path: "/file",
        to: Path::new(&pair.to),
        sha256: None,
        limit: LIMIT,
        keys: Some(&pair.keys),
        releases: &pair.at("releases"),
    };
    let link = pair.rig.link(&pair.nodes.0, pair.address);
    let fetched = transfer::fetch(&link, &wanted, &|now| seen.borrow_mut().push(now)).unwrap();
    pair.assert_whole(&bundle);
    let seen = seen.into_inner();
    // Before the first byte from here stands the beginning, some of which is then taken from here.
    let from = seen.iter().position(|now| now.here > 0).unwrap();
    let grows = |two: &[Fetching]| two[0].have <= two[1].have && two[0].here <= two[1].here;
    assert!(seen[from..].windows(2).all(grows), "{seen:?}");
    assert!(
        seen.iter().all(|now| now.of == bundle.len() as u64),
        "{seen:?}"
    );
    assert_eq!(seen.last(), Some(&fetched));
}
