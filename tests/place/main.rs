//! Releases in a fixed folder, on a real disk and on the fake: put there, taken back, cut off anywhere, refused.
#![allow(clippy::unwrap_used, reason = "the tests' helpers fail them too")]
mod disk;

use disk::Disk;
use hau::bundle::{Change, Place, PlaceError, PlaceResult, Todo, take_back};
use hau::host::Host;
use hau::host::fake::{FakeHost, Node};
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    fmt::Write,
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, lchown},
    path::{Path, PathBuf},
};

/// Name, content, mode.
type File = (&'static str, &'static [u8], u32);

const OLD: &[File] = &[
    ("bin/run", b"the old program", 0o755),
    ("lib/a.jar", b"a", 0o644),
    ("lib/b-1.jar", b"b of old", 0o644),
    ("same", b"the same", 0o644),
    ("mode", b"only its mode", 0o644),
    ("gone/deep/one", b"1", 0o600),
    ("gone/two", b"2", 0o644),
    ("mixed/code", b"code", 0o644),
    ("was-file", b"a file", 0o640),
    ("was-folder/in/it", b"a folder", 0o644),
];
const NEW: &[File] = &[
    ("bin/run", b"the new program", 0o755),
    ("lib/a.jar", b"a", 0o644),
    ("lib/b-2.jar", b"b of new", 0o644),
    ("same", b"the same", 0o644),
    ("mode", b"only its mode", 0o755),
    ("fresh/deep/er", b"", 0o444),
    ("was-file/inner", b"a folder now", 0o644),
    ("was-folder", b"a file now", 0o644),
];
/// What the site has there.
const OWN: &[File] = &[
    ("data/orders", b"orders", 0o600),
    ("lib/site.conf", b"of the site", 0o640),
    ("mixed/log", b"a line", 0o644),
];

struct Rig<'a> {
    host: &'a dyn Host,
    base: PathBuf,
}

impl Rig<'_> {
    fn at(&self, name: &str) -> PathBuf {
        self.base.join(name)
    }

    fn app(&self) -> PathBuf {
        self.at("app")
    }

    fn lay(&self, dir: &str, files: &[File]) {
        for (name, bytes, mode) in files {
            let path = self.at(dir).join(name);
            let folder = path.parent().unwrap();
            if !self.host.exists(folder) {
                self.host.make_dir(folder, 0o755).unwrap();
            }
            self.host.write(&path, bytes, *mode).unwrap();
        }
    }

    /// As a bundle leaves it.
    fn release(&self, dir: &str, files: &[File]) {
        self.lay(dir, files);
        let mut manifest = "format = 1\nproduct = \"shop\"\nversion = \"1.0.0\"\ncounter = 1\n\
                            upgrades_from = []\nexpires = \"2099-01-01T00:00:00Z\"\n"
            .to_owned();
        for (name, bytes, mode) in files {
            let hash: String = Sha256::digest(bytes)
                .iter()
                .fold(String::new(), |mut hex, b| {
                    write!(hex, "{b:02x}").unwrap();
                    hex
                });
            write!(
                manifest,
                "[[file]]\npath = {name:?}\nsize = {}\nmode = \"{mode:04o}\"\nsha256 = \"{hash}\"\n",
                bytes.len()
            )
            .unwrap();
        }
        let path = self.at(dir).join("manifest.toml");
        self.host.write(&path, manifest.as_bytes(), 0o644).unwrap();
    }

    fn place<'a>(&'a self, folder: &'a Path) -> Place<'a> {
        Place {
            host: self.host,
            folder,
            spared: Vec::new(),
        }
    }

    fn todo(&self, to: &str, from: Option<&str>) -> PlaceResult<Todo> {
        let (app, from) = (self.app(), from.map(|from| self.at(from)));
        self.place(&app).todo(&self.at(to), from.as_deref())
    }

    fn try_put(&self, to: &str, from: Option<&str>) -> PlaceResult<()> {
        let (todo, app) = (self.todo(to, from)?, self.app());
        Ok(self
            .place(&app)
            .put(&todo, &self.at(to), &self.at("aside"))?)
    }

    fn put(&self, to: &str, from: Option<&str>) {
        self.try_put(to, from).unwrap();
        let left = self.todo(to, from).unwrap();
        assert!(left.is_none(), "{left:?}");
    }

    fn take_back(&self) -> PlaceResult<()> {
        take_back(self.host, &self.at("aside"))
    }

    /// Content and mode by name.
    fn files(&self) -> BTreeMap<String, (Vec<u8>, u32)> {
        let found = self.host.inspect(&[self.app()]).unwrap().into_iter();
        let named = |(path, info): (PathBuf, hau::host::FileInfo)| {
            let name = path.strip_prefix(self.app()).unwrap().display().to_string();
            (name, (self.host.read(&path).unwrap_or_default(), info.mode))
        };
        found.map(named).collect()
    }
}

fn expected(parts: &[&[File]]) -> BTreeMap<String, (Vec<u8>, u32)> {
    let all = parts.iter().copied().flatten();
    all.map(|(name, bytes, mode)| ((*name).to_owned(), (bytes.to_vec(), *mode)))
        .collect()
}

fn faked(host: &FakeHost) -> Rig<'_> {
    Rig {
        host,
        base: "/base".into(),
    }
}

/// The old release is in place, beside what the site has there.
fn installed(rig: &Rig<'_>) {
    rig.release("old", OLD);
    rig.release("new", NEW);
    rig.lay("app", OLD);
    rig.lay("app", OWN);
    for empty in ["aside", "app/empty"] {
        rig.host.make_dir(&rig.at(empty), 0o755).unwrap();
    }
    rig.host.make_dir(&rig.at("app/gone"), 0o750).unwrap();
}

fn on_both(check: impl Fn(&Rig<'_>)) {
    let dir = tempfile::tempdir().unwrap();
    check(&Rig {
        host: &Disk,
        base: dir.path().to_owned(),
    });
    let fake = FakeHost::new();
    fake.make_dir(Path::new("/base"), 0o755).unwrap();
    check(&faked(&fake));
}

fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// Mode and kind, owner, group, content.
type Entry = (u32, u32, u32, Option<Vec<u8>>);

/// Everything below a real folder, folders too.
fn seen(dir: &Path) -> BTreeMap<PathBuf, Entry> {
    let mut found = BTreeMap::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let meta = fs::symlink_metadata(&path).unwrap();
            let content = meta.is_file().then(|| fs::read(&path).unwrap());
            if meta.is_dir() {
                folders.push(path.clone());
            }
            found.insert(path, (meta.mode(), meta.uid(), meta.gid(), content));
        }
    }
    found
}

#[test]
fn a_release_takes_the_place_of_another_and_goes_back_to_it() {
    on_both(|rig| {
        installed(rig);
        rig.put("new", Some("old"));
        assert_eq!(rig.files(), expected(&[NEW, OWN]));
        for (folder, is_there) in [("gone", false), ("mixed", true), ("empty", true)] {
            assert_eq!(
                rig.host.is_folder(&rig.app().join(folder)),
                is_there,
                "{folder}"
            );
        }
        // The next rollout goes back: what only the newer one had is gone again.
        rig.host.remove(&rig.at("aside")).unwrap();
        rig.put("old", Some("new"));
        assert_eq!(rig.files(), expected(&[OLD, OWN]));
        assert!(!rig.host.exists(&rig.app().join("fresh")));
    });
}

#[test]
fn what_is_the_same_is_not_written_again() {
    let dir = tempfile::tempdir().unwrap();
    let rig = Rig {
        host: &Disk,
        base: dir.path().to_owned(),
    };
    installed(&rig);
    let number = |name: &str| fs::metadata(rig.app().join(name)).unwrap().ino();
    let before = ["same", "lib/a.jar", "data/orders", "mode"].map(number);
    let todo = rig.todo("new", Some("old")).unwrap();
    let only_mode = todo.files.get(Path::new("mode"));
    assert_eq!(only_mode, Some(&Change::Replaced));
    assert!(!todo.files.contains_key(Path::new("same")));
    rig.put("new", Some("old"));
    let after = ["same", "lib/a.jar", "data/orders", "mode"].map(number);
    assert_eq!(before[..3], after[..3]);
    assert_ne!(before[3], after[3]);
}

#[test]
fn what_is_taken_back_is_what_was_there() {
    let dir = tempfile::tempdir().unwrap();
    let rig = Rig {
        host: &Disk,
        base: dir.path().to_owned(),
    };
    installed(&rig);
    // Others own it, and have changed it.
    fs::write(rig.app().join("bin/run"), "changed here").unwrap();
    fs::set_permissions(rig.app().join("bin/run"), fs::Permissions::from_mode(0o711)).unwrap();
    if is_root() {
        for (name, owner) in [
            ("bin/run", 11),
            ("gone", 12),
            ("gone/deep", 13),
            ("gone/two", 14),
        ] {
            lchown(rig.app().join(name), Some(owner), Some(owner + 10)).unwrap();
        }
    }
    let before = seen(&rig.app());
    rig.put("new", Some("old"));
    assert_ne!(seen(&rig.app()), before);
    for time in ["once", "twice"] {
        rig.take_back().unwrap();
        assert_eq!(seen(&rig.app()), before, "{time}");
    }
    // Taken back, it is over: what is made there afterwards is nobody's business.
    fs::create_dir(rig.app().join("fresh")).unwrap();
    fs::write(rig.app().join("lib/b-2.jar"), "of somebody else").unwrap();
    let before = seen(&rig.app());
    rig.take_back().unwrap();
    assert_eq!(seen(&rig.app()), before);
}

/// The whole tree of a fake below its base, folders and their modes too.
fn tree(fake: &FakeHost) -> BTreeMap<PathBuf, Node> {
    let files = fake.edit(|world| world.files.clone());
    let below = files
        .entries()
        .filter(|(path, _)| path.starts_with("/base/app"));
    below.collect()
}

/// Cut off before the n-th change of putting, for every n, and before the m-th of taking back, for every m: it goes on to
/// the same end, or back to the same begin.
#[test]
fn cut_off_anywhere_it_goes_on_or_back() {
    let begun = FakeHost::new();
    begun.make_dir(Path::new("/base"), 0o755).unwrap();
    installed(&faked(&begun));
    for (name, owner) in [
        ("bin/run", 11),
        ("gone", 12),
        ("gone/deep", 13),
        ("was-file", 14),
    ] {
        let path = faked(&begun).app().join(name);
        begun.own(&path, owner, owner).unwrap();
    }
    let (files, before) = (begun.edit(|world| world.files.clone()), tree(&begun));
    faked(&begun).put("new", Some("old"));
    let after = tree(&begun);
    let cut_at = |fuse: u32| {
        let fake = FakeHost::new();
        fake.edit(|world| {
            world.files = files.clone();
            world.fuse = Some(fuse);
        });
        let cut = faked(&fake).try_put("new", Some("old"));
        let blown = fake.edit(|world| world.fuse.take()) == Some(0);
        assert!(blown || cut.is_ok(), "cut at {fuse}: {cut:?}");
        (fake, blown)
    };
    let (mut cuts, mut is_blown) = (0, true);
    while is_blown {
        let (fake, blown) = cut_at(cuts);
        faked(&fake).put("new", Some("old"));
        assert_eq!(tree(&fake), after, "cut at {cuts}, gone on");
        faked(&fake).take_back().unwrap();
        assert_eq!(tree(&fake), before, "cut at {cuts}, gone on and taken back");
        let (mut again, mut is_back_cut) = (0, true);
        while is_back_cut {
            let (fake, _) = cut_at(cuts);
            fake.edit(|world| world.fuse = Some(again));
            let cut = faked(&fake).take_back();
            is_back_cut = fake.edit(|world| world.fuse.take()) == Some(0);
            assert!(is_back_cut || cut.is_ok(), "{cut:?}");
            faked(&fake).take_back().unwrap();
            assert_eq!(tree(&fake), before, "cut at {cuts}, back cut at {again}");
            again += 1;
        }
        (cuts, is_blown) = (cuts + 1, blown);
    }
    assert!(cuts > 30, "only {cuts} cuts");
}

/// Cut off, and then something is changed by hand: the list grows by that, and forgets nothing.
#[test]
fn what_changes_between_two_tries_is_kept_too() {
    on_both(|rig| {
        installed(rig);
        rig.put("new", Some("old"));
        rig.host
            .write(&rig.app().join("same"), b"changed", 0o600)
            .unwrap();
        rig.put("new", Some("old"));
        assert_eq!(rig.files(), expected(&[NEW, OWN]));
        rig.take_back().unwrap();
        let changed: &[File] = &[("same", b"changed", 0o600)];
        assert_eq!(rig.files(), expected(&[OLD, OWN, changed]));
    });
}

/// Nobody's word but a manifest's removes anything, or replaces what the other release does not list.
#[test]
fn a_release_that_was_laid_out_by_hand_removes_nothing() {
    on_both(|rig| {
        let copied: &[File] = &[
            ("bin/run", b"by hand", 0o755),
            ("data/orders", b"orders of then", 0o644),
            ("lib/hand.jar", b"jar", 0o644),
        ];
        rig.release("new", NEW);
        rig.host.make_dir(&rig.at("aside"), 0o700).unwrap();
        rig.lay("hand", copied);
        rig.lay("app", copied);
        rig.lay("app", OWN);
        rig.put("new", Some("hand"));
        let hand: &[File] = &[("lib/hand.jar", b"jar", 0o644)];
        let files = rig.files();
        assert!(
            expected(&[NEW, OWN, hand])
                .iter()
                .all(|(name, file)| files.get(name) == Some(file))
        );
        // Somebody has missed it since, and so does the way back.
        rig.host.remove(&rig.app().join("lib/hand.jar")).unwrap();
        rig.host.remove(&rig.at("aside")).unwrap();
        rig.put("hand", Some("new"));
        let files = rig.files();
        assert_eq!(files["bin/run"].0, b"by hand");
        assert_eq!(files["data/orders"].0, b"orders");
        assert_eq!(files["lib/hand.jar"].0, b"jar");
        assert!(!files.contains_key("lib/b-2.jar") && !files.contains_key("fresh/deep/er"));
    });
}

#[test]
fn what_is_spared_is_left_alone() {
    on_both(|rig| {
        installed(rig);
        let app = rig.app();
        let (run, gone) = (app.join("bin/run"), app.join("gone"));
        let place = Place {
            host: rig.host,
            folder: &app,
            spared: vec![&run, &gone],
        };
        let todo = place.todo(&rig.at("new"), Some(&rig.at("old"))).unwrap();
        place.put(&todo, &rig.at("new"), &rig.at("aside")).unwrap();
        let files = rig.files();
        assert_eq!(files["bin/run"].0, b"the old program");
        assert!(files.contains_key("gone/deep/one") && files.contains_key("lib/b-2.jar"));
    });
}

/// Each with a word of its sentence. Nothing is changed then.
#[test]
fn what_is_in_the_way_is_named_before_anything_is_changed() {
    type InTheWay = (&'static str, fn(&Rig<'_>, &Path), &'static str);
    let cases: [InTheWay; 7] = [
        (
            "bin/run",
            |rig, at| rig.host.link(Path::new("/etc/passwd"), at).unwrap(),
            "is a symbolic link, and a file of the release goes there",
        ),
        (
            "bin",
            |rig, at| {
                rig.host.remove(at).unwrap();
                rig.host.link(&rig.at("elsewhere"), at).unwrap();
            },
            "is a symbolic link, and files of the release go below it",
        ),
        (
            "fresh",
            |rig, at| rig.host.write(at, b"a file", 0o644).unwrap(),
            "is a file, and files of the release go below it",
        ),
        (
            "was-folder",
            |rig, at| rig.host.write(&at.join("in/log"), b"log", 0o644).unwrap(),
            "is a folder, and a file of the release goes there",
        ),
        (
            "lib/b-2.jar",
            |rig, at| rig.host.make_dir(at, 0o755).unwrap(),
            "is a folder, and a file of the release goes there",
        ),
        (
            "",
            |rig, at| {
                rig.host.rename(at, &rig.at("real")).unwrap();
                rig.host.link(&rig.at("real"), at).unwrap();
            },
            "is a symbolic link, and files are put into the folder itself",
        ),
        (
            "",
            |rig, at| rig.host.remove(at).unwrap(),
            "is no folder that is there",
        ),
    ];
    for (name, arrange, said) in cases {
        on_both(|rig| {
            installed(rig);
            rig.host.make_dir(&rig.at("elsewhere"), 0o755).unwrap();
            // Without the slash of an empty name.
            let at: PathBuf = rig.app().join(name).components().collect();
            arrange(rig, &at);
            let before = rig.host.inspect(std::slice::from_ref(&rig.base)).unwrap();
            let Err(PlaceError::Refused { what, remedy }) = rig.try_put("new", Some("old")) else {
                panic!("{name:?} is taken");
            };
            assert_eq!(what, format!("{} {said}", at.display()));
            assert!(!remedy.is_empty());
            assert_eq!(
                rig.host.inspect(std::slice::from_ref(&rig.base)).unwrap(),
                before
            );
        });
    }
}

/// A link in the place of what only the old release lists is nobody's: it stays, and is not followed.
#[test]
fn nothing_is_removed_through_a_link() {
    on_both(|rig| {
        installed(rig);
        rig.host.remove(&rig.app().join("gone")).unwrap();
        rig.lay("elsewhere", &[("two", b"2", 0o644)]);
        rig.host
            .link(&rig.at("elsewhere"), &rig.app().join("gone"))
            .unwrap();
        rig.put("new", Some("old"));
        assert!(rig.host.exists(&rig.at("elsewhere/two")));
        assert!(rig.host.link_target(&rig.app().join("gone")).is_some());
    });
}

#[test]
fn what_has_come_into_the_place_of_the_old_is_not_removed_for_it() {
    on_both(|rig| {
        installed(rig);
        rig.put("new", Some("old"));
        let log = rig.app().join("was-file/log");
        rig.host.write(&log, b"of the new version", 0o644).unwrap();
        let Err(PlaceError::Refused { what, .. }) = rig.take_back() else {
            panic!("it is taken back");
        };
        let path = rig.app().join("was-file");
        assert!(
            what.starts_with(&format!("{} is to be", path.display())),
            "{what}"
        );
        assert!(rig.host.exists(&log));
        rig.host.remove(&log).unwrap();
        rig.take_back().unwrap();
        assert_eq!(rig.files(), expected(&[OLD, OWN]));
    });
}

/// What the new version wrote into a folder that it had made stays, and its folder with it.
#[test]
fn what_no_release_has_outlives_the_way_back() {
    on_both(|rig| {
        installed(rig);
        rig.put("new", Some("old"));
        rig.lay("app", &[("fresh/log", b"a line", 0o644)]);
        rig.take_back().unwrap();
        let log: &[File] = &[("fresh/log", b"a line", 0o644)];
        assert_eq!(rig.files(), expected(&[OLD, OWN, log]));
    });
}

#[test]
fn a_list_that_is_not_understood_is_no_licence() {
    on_both(|rig| {
        installed(rig);
        rig.put("new", Some("old"));
        let path = rig.at("aside/undo.json");
        let list = String::from_utf8(rig.host.read(&path).unwrap()).unwrap();
        for (wrong, said) in [
            (list.replace("\"v\": 1", "\"v\": 2"), "it is of version 2"),
            (list[..list.len() / 2].to_owned(), "EOF"),
        ] {
            rig.host.write(&path, wrong.as_bytes(), 0o600).unwrap();
            let told = format!("{:?}", rig.take_back().unwrap_err());
            assert!(told.contains(said) && told.contains("undo.json"), "{told}");
            assert!(rig.try_put("new", Some("old")).is_err());
            assert_eq!(rig.files(), expected(&[NEW, OWN]));
        }
        rig.host.write(&path, list.as_bytes(), 0o600).unwrap();
        rig.take_back().unwrap();
        assert_eq!(rig.files(), expected(&[OLD, OWN]));
    });
}

/// What a write that was cut off has left beside its file goes with the next try, forth or back, and is nobody's content.
#[test]
fn what_a_cut_has_left_is_swept_away() {
    const LEFT: &[File] = &[
        (".hau-tmp-at-the-top", b"half", 0o600),
        ("lib/.hau-tmp-in-both/new", b"half", 0o600),
        ("gone/.hau-tmp-in-the-old/new", b"half", 0o600),
        ("was-file/.hau-tmp-in-the-new/new", b"", 0o600),
    ];
    on_both(|rig| {
        let is_left = || {
            LEFT.iter()
                .any(|(at, ..)| rig.host.exists(&rig.app().join(at)))
        };
        installed(rig);
        rig.lay("app", &LEFT[..3]);
        rig.put("new", Some("old"));
        assert!(!is_left());
        // Nothing else is to be done.
        for debris in LEFT.chunks(1) {
            rig.lay("app", debris);
            assert!(!rig.todo("new", Some("old")).unwrap().is_none());
            rig.put("new", Some("old"));
            assert!(!is_left(), "{debris:?}");
        }
        rig.lay("app", LEFT);
        rig.take_back().unwrap();
        assert!(!is_left());
        assert_eq!(rig.files(), expected(&[OLD, OWN]));
    });
}

/// Larger than what is ever read as a whole.
#[test]
fn a_large_file_is_copied_and_not_read() {
    let dir = tempfile::tempdir().unwrap();
    let rig = Rig {
        host: &Disk,
        base: dir.path().to_owned(),
    };
    rig.lay("app", OWN);
    rig.lay("hand", &[("large", b"", 0o644)]);
    let size = hau::host::files::READ_LIMIT_BYTES + 1;
    let large = fs::File::options()
        .write(true)
        .open(rig.at("hand/large"))
        .unwrap();
    large.set_len(size).unwrap();
    let todo = rig.todo("hand", None).unwrap();
    assert_eq!(todo.bytes, size);
    fs::create_dir(rig.at("aside")).unwrap();
    rig.put("hand", None);
    assert_eq!(fs::metadata(rig.app().join("large")).unwrap().len(), size);
}
