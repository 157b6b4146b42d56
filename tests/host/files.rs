//! One list of checks for the real files and for those of the fake, and a walk of random
//! operations on which both must agree.
use crate::is_root;
use hau::host::{FileInfo, Host, HostResult, fake::FakeHost, files};
use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink},
    path::{Path, PathBuf},
};

struct Real;

/// The file methods of `Host`, once over the real functions and once over the fake.
macro_rules! both {
    ($(fn $name:ident(&self, $($arg:ident: $type:ty),*) -> $out:ty;)*) => {
        trait Files { $(fn $name(&self, $($arg: $type),*) -> $out;)* }
        impl Files for Real { $(fn $name(&self, $($arg: $type),*) -> $out { files::$name($($arg),*) })* }
        impl Files for FakeHost { $(fn $name(&self, $($arg: $type),*) -> $out { Host::$name(self, $($arg),*) })* }
    };
}

both! {
    fn read(&self, path: &Path) -> HostResult<Vec<u8>>;
    fn write(&self, path: &Path, bytes: &[u8], mode: u32) -> HostResult<()>;
    fn exists(&self, path: &Path) -> bool;
    fn is_folder(&self, path: &Path) -> bool;
    fn remove(&self, path: &Path) -> HostResult<()>;
    fn make_dir(&self, path: &Path, mode: u32) -> HostResult<()>;
    fn link(&self, target: &Path, link: &Path) -> HostResult<()>;
    fn link_target(&self, link: &Path) -> Option<PathBuf>;
    fn rename(&self, from: &Path, to: &Path) -> HostResult<()>;
    fn list(&self, dir: &Path) -> HostResult<Vec<String>>;
    fn debris(&self, dir: &Path) -> HostResult<Vec<String>>;
    fn inspect(&self, paths: &[PathBuf]) -> HostResult<BTreeMap<PathBuf, FileInfo>>;
    fn copy(&self, from: &Path, to: &Path) -> HostResult<()>;
    fn free_bytes(&self, path: &Path) -> HostResult<u64>;
    fn size_bytes(&self, path: &Path) -> HostResult<u64>;
}

/// Runs a check on both, each with an empty folder.
fn on_both(check: impl Fn(&dyn Files, &Path)) {
    let dir = tempfile::tempdir().unwrap();
    check(&Real, dir.path());
    let fake = FakeHost::new();
    fake.edit(|world| world.free_bytes = 1 << 30);
    Files::make_dir(&fake, Path::new("/base"), 0o755).unwrap();
    check(&fake, Path::new("/base"));
}

fn names(files: &dyn Files, dir: &Path) -> Vec<String> {
    files.list(dir).unwrap()
}

#[test]
fn writing_replaces_and_needs_a_folder() {
    on_both(|files, base| {
        let file = base.join("a");
        files.write(&file, b"one", 0o640).unwrap();
        files.write(&file, b"two", 0o600).unwrap();
        assert_eq!(files.read(&file).unwrap(), b"two");
        let info = &files.inspect(std::slice::from_ref(&file)).unwrap()[&file];
        assert_eq!((info.mode, info.size_bytes), (0o600, 3));
        assert_eq!(
            info.sha256,
            "3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3"
        );
        assert!(files.write(&base.join("none/a"), b"", 0o600).is_err());
        assert!(files.write(&file.join("a"), b"", 0o600).is_err());
        assert!(files.write(base, b"", 0o600).is_err());
        assert_eq!(names(files, base), ["a"]);
    });
}

#[test]
fn reading_needs_a_file() {
    on_both(|files, base| {
        assert!(files.read(&base.join("none")).is_err());
        assert!(files.read(base).is_err());
    });
}

#[test]
fn links_are_replaced_read_through_and_never_followed_by_a_change() {
    on_both(|files, base| {
        let (current, one, two) = (base.join("current"), base.join("1"), base.join("2"));
        for dir in [&one, &two] {
            files.make_dir(dir, 0o755).unwrap();
            files
                .write(&dir.join("v"), dir.as_os_str().as_encoded_bytes(), 0o644)
                .unwrap();
        }
        files.link(Path::new("1"), &current).unwrap();
        assert_eq!(
            files.read(&current.join("v")).unwrap(),
            one.as_os_str().as_encoded_bytes()
        );
        files.link(&two, &current).unwrap();
        assert_eq!(files.link_target(&current), Some(two.clone()));
        assert_eq!(
            files.read(&current.join("v")).unwrap(),
            two.as_os_str().as_encoded_bytes()
        );
        assert_eq!(names(files, &current), ["v"]);
        assert_eq!(
            files.inspect(std::slice::from_ref(&current)).unwrap().len(),
            1,
            "the link itself"
        );
        files.remove(&current.join("")).unwrap();
        assert!(!files.exists(&current) && files.exists(&two.join("v")));

        files.write(&base.join("file"), b"kept", 0o644).unwrap();
        files.link(Path::new("file"), &base.join("alias")).unwrap();
        files.write(&base.join("alias"), b"new", 0o644).unwrap();
        assert_eq!(files.read(&base.join("file")).unwrap(), b"kept");
        assert_eq!(files.link_target(&base.join("alias")), None);

        files
            .link(Path::new("nowhere"), &base.join("dangling"))
            .unwrap();
        assert!(!files.exists(&base.join("dangling")));
        files.remove(&base.join("dangling")).unwrap();
        assert_eq!(files.link_target(&base.join("dangling")), None);
        assert!(files.link(Path::new("x"), &one).is_err(), "a folder stays");
        files.link(Path::new("loop"), &base.join("loop")).unwrap();
        assert!(files.read(&base.join("loop")).is_err());
    });
}

#[test]
fn removing_is_for_names_below_the_root() {
    on_both(|files, base| {
        files.remove(&base.join("none/none")).unwrap();
        files.make_dir(&base.join("d/e"), 0o755).unwrap();
        files.write(&base.join("d/e/f"), b"", 0o644).unwrap();
        files.remove(&base.join("d/e/f/g")).unwrap();
        files.remove(&base.join("d")).unwrap();
        assert!(names(files, base).is_empty());
        for never in ["/", "", "relative", "/..", "/tmp/.."] {
            assert!(files.remove(Path::new(never)).is_err(), "{never}");
        }
    });
}

#[test]
fn folders_are_made_with_those_above() {
    on_both(|files, base| {
        files.make_dir(&base.join("a/b"), 0o750).unwrap();
        files.make_dir(&base.join("a/b"), 0o700).unwrap();
        files.write(&base.join("f"), b"", 0o644).unwrap();
        assert!(files.make_dir(&base.join("f"), 0o755).is_err());
        assert!(files.make_dir(&base.join("f/g"), 0o755).is_err());
        assert!(files.make_dir(Path::new("/"), 0o755).is_err());
        assert_eq!(names(files, base), ["a", "f"]);
        assert!(names(files, &base.join("none")).is_empty());
        assert!(files.list(&base.join("f")).is_err());
    });
}

#[test]
fn a_folder_is_no_link_to_one() {
    on_both(|files, base| {
        let at = |name: &str| base.join(name);
        files.make_dir(&at("d"), 0o755).unwrap();
        files.write(&at("f"), b"", 0o644).unwrap();
        files.link(Path::new("d"), &at("l")).unwrap();
        let are = ["d", "d/", "f", "f/x", "l", "l/", "none"];
        let are = are.map(|name| files.is_folder(&at(name)));
        assert_eq!(are, [true, true, false, false, false, false, false]);
    });
}

#[test]
fn renaming_replaces_files_and_empty_folders_only() {
    on_both(|files, base| {
        let at = |name: &str| base.join(name);
        files.make_dir(&at("d"), 0o755).unwrap();
        files.write(&at("d/x"), b"x", 0o644).unwrap();
        files.make_dir(&at("empty"), 0o755).unwrap();
        files.write(&at("f"), b"f", 0o644).unwrap();
        files.write(&at("g"), b"g", 0o644).unwrap();
        assert!(files.rename(&at("none"), &at("new")).is_err());
        assert!(files.rename(&at("f"), &at("none/new")).is_err());
        assert!(files.rename(&at("f"), &at("d")).is_err());
        assert!(files.rename(&at("d"), &at("f")).is_err());
        assert!(files.rename(&at("empty"), &at("d")).is_err());
        assert!(files.rename(&at("d"), &at("d/inside")).is_err());
        files.rename(&at("f"), &at("g")).unwrap();
        files.rename(&at("d"), &at("empty")).unwrap();
        assert_eq!(files.read(&at("g")).unwrap(), b"f");
        assert_eq!(files.read(&at("empty/x")).unwrap(), b"x");
        assert_eq!(names(files, base), ["empty", "g"]);
    });
}

#[test]
fn copying_keeps_trees_as_they_are() {
    on_both(|files, base| {
        let at = |name: &str| base.join(name);
        files.make_dir(&at("d/e"), 0o750).unwrap();
        files.write(&at("d/run"), b"code", 0o755).unwrap();
        files.write(&at("d/e/key"), b"secret", 0o600).unwrap();
        files.link(Path::new("run"), &at("d/alias")).unwrap();
        files.make_dir(&at("old"), 0o755).unwrap();
        files.write(&at("old/gone"), b"", 0o644).unwrap();
        files.copy(&at("d"), &at("old")).unwrap();
        let strip = |dir: &str| -> Vec<(PathBuf, FileInfo)> {
            let all = files.inspect(&[at(dir)]).unwrap().into_iter();
            all.map(|(path, info)| (path.strip_prefix(at(dir)).unwrap().to_owned(), info))
                .collect()
        };
        assert_eq!(strip("old"), strip("d"));
        assert_eq!(strip("d").len(), 3);
        files.copy(&at("d/alias"), &at("alias")).unwrap();
        assert_eq!(files.link_target(&at("alias")), Some("run".into()));
        files.copy(&at("d/run"), &at("old")).unwrap();
        assert_eq!(files.read(&at("old")).unwrap(), b"code");
        assert!(files.copy(&at("none"), &at("x")).is_err());
        assert!(files.copy(&at("d"), &at("none/x")).is_err());
        assert!(files.copy(&at("d"), &at("d/e/f")).is_err());
        assert!(files.copy(&at("d"), &at("d")).is_err());
        assert_eq!(names(files, base), ["alias", "d", "old"]);
    });
}

#[test]
fn inspecting_leaves_out_what_is_missing() {
    on_both(|files, base| {
        assert!(
            files
                .inspect(&[base.join("none"), base.to_owned()])
                .unwrap()
                .is_empty()
        );
        assert!(files.free_bytes(&base.join("not/yet")).unwrap() > 0);
        assert_eq!(files.size_bytes(&base.join("none")).unwrap(), 0);
    });
}

#[test]
fn a_size_is_that_of_what_inspecting_finds() {
    on_both(|files, base| {
        files.make_dir(&base.join("d/deep"), 0o755).unwrap();
        files
            .write(&base.join("d/deep/one"), &[b'x'; 70_000], 0o600)
            .unwrap();
        files.write(&base.join("d/two"), b"12345", 0o600).unwrap();
        files
            .link(Path::new("deep/one"), &base.join("d/link"))
            .unwrap();
        let found = files.inspect(&[base.to_owned()]).unwrap();
        let sum: u64 = found.values().map(|info| info.size_bytes).sum();
        assert_eq!(files.size_bytes(base).unwrap(), sum);
        assert_eq!(files.size_bytes(&base.join("d/two")).unwrap(), 5);
    });
}

/// Small names, so that operations meet each other; links among them.
const NAMES: [&str; 9] = ["a", "b", "a/x", "b/x", "a/x/y", "l", "l/x", "m", "b/l"];

#[test]
fn both_agree_after_any_operations() {
    for seed in 0_u64..40 {
        let dir = tempfile::tempdir().unwrap();
        let (base, fake) = (dir.path(), FakeHost::new());
        Files::make_dir(&fake, base, 0o700).unwrap();
        let (mut draw, mut story) = (seed * 7_919, Vec::new());
        for _ in 0..30 {
            let mut next = |below: usize| {
                draw = draw.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                usize::try_from(draw >> 33).unwrap() % below
            };
            let (kind, one, two) = (next(8), NAMES[next(9)], NAMES[next(9)]);
            let act = |files: &dyn Files| operate(files, base, kind, one, two);
            let (real, faked) = (act(&Real), act(&fake));
            story.push(format!("{kind} {one} {two}: {real:?}"));
            assert_eq!(
                real.is_ok(),
                faked.is_ok(),
                "seed {seed}: {faked:?} after {story:#?}"
            );
            let seen = (look(&Real, base), look(&fake, base));
            assert_eq!(seen.0, seen.1, "seed {seed}: {story:#?}");
        }
    }
}

fn operate(files: &dyn Files, base: &Path, kind: usize, one: &str, two: &str) -> HostResult<()> {
    let (a, b) = (base.join(one), base.join(two));
    match kind {
        0 | 1 => files.write(&a, two.as_bytes(), 0o640),
        2 => files.make_dir(&a, 0o750),
        3 => files.link(Path::new(two), &a),
        4 => files.rename(&a, &b),
        5 => files.copy(&a, &b),
        6 => files.remove(&a),
        _ => files.link(&b, &a),
    }
}

type Seen = (
    Vec<(PathBuf, u64, u32, String)>,
    Vec<Option<Vec<String>>>,
    Vec<(bool, bool, Option<PathBuf>, Option<Vec<u8>>)>,
);

fn look(files: &dyn Files, base: &Path) -> Seen {
    let all = files.inspect(&[base.to_owned()]).unwrap().into_iter();
    let all = all
        .map(|(path, info)| (path, info.size_bytes, info.mode, info.sha256))
        .collect();
    let at = |name: &&str| base.join(name);
    let lists = NAMES
        .iter()
        .map(|name| files.list(&at(name)).ok())
        .collect();
    let each = NAMES.iter().map(at);
    let each = each
        .map(|p| {
            let (there, folder) = (files.exists(&p), files.is_folder(&p));
            (there, folder, files.link_target(&p), files.read(&p).ok())
        })
        .collect();
    (all, lists, each)
}

#[test]
fn an_existing_file_keeps_its_owner() {
    if !is_root() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("shop.conf");
    fs::write(&file, "old").unwrap();
    chown(&file, Some(65534), Some(12)).unwrap();
    files::write(&file, b"new", 0o640).unwrap();
    let meta = fs::metadata(&file).unwrap();
    assert_eq!(
        (meta.uid(), meta.gid(), meta.mode() & 0o7777),
        (65534, 12, 0o640)
    );

    files::copy(&file, &dir.path().join("copy")).unwrap();
    let copied = fs::metadata(dir.path().join("copy")).unwrap();
    assert_eq!(
        (copied.uid(), copied.gid(), copied.mode() & 0o7777),
        (65534, 12, 0o640)
    );
    assert_eq!(copied.modified().unwrap(), meta.modified().unwrap());

    let tree = dir.path().join("tree");
    fs::create_dir(&tree).unwrap();
    symlink("x", tree.join("link")).unwrap();
    std::os::unix::fs::lchown(tree.join("link"), Some(65534), None).unwrap();
    chown(&tree, Some(65534), Some(12)).unwrap();
    fs::set_permissions(&tree, fs::Permissions::from_mode(0o2770)).unwrap();
    files::copy(&tree, &dir.path().join("again")).unwrap();
    let again = fs::metadata(dir.path().join("again")).unwrap();
    assert_eq!(
        (again.uid(), again.gid(), again.mode() & 0o7777),
        (65534, 12, 0o2770)
    );
    assert_eq!(
        fs::symlink_metadata(dir.path().join("again/link"))
            .unwrap()
            .uid(),
        65534
    );
}

#[test]
fn special_files_are_named_and_large_ones_refused() {
    let dir = tempfile::tempdir().unwrap();
    let pipe = dir.path().join("d/pipe");
    fs::create_dir(dir.path().join("d")).unwrap();
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let name = pipe.display().to_string();
    for error in [
        files::read(&pipe).unwrap_err(),
        files::inspect(&[dir.path().to_owned()]).unwrap_err(),
        files::copy(&dir.path().join("d"), &dir.path().join("e")).unwrap_err(),
    ] {
        assert!(error.to_string().contains(&name), "{error}");
    }
    let large = fs::File::create(dir.path().join("large")).unwrap();
    large.set_len(files::READ_LIMIT_BYTES + 1).unwrap();
    let refused = files::read(&dir.path().join("large")).unwrap_err();
    assert!(
        refused.to_string().ends_with("it is larger than 64 MiB"),
        "{refused}"
    );
    large.set_len(5).unwrap();
    assert_eq!(files::read(&dir.path().join("large")).unwrap().len(), 5);

    let left: Vec<_> = fs::read_dir(dir.path())
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    assert_eq!(left.len(), 2, "the failed copy left something: {left:?}");
}

#[test]
fn debris_of_a_crash_is_not_content() {
    on_both(|files, base| {
        let (dir, copy) = (base.join("d"), base.join("e"));
        files.make_dir(&dir.join(".hau-tmp-folder"), 0o700).unwrap();
        files
            .write(&dir.join(".hau-tmp-folder/new"), b"half", 0o600)
            .unwrap();
        files
            .write(&dir.join(".hau-tmp-abc"), b"half", 0o600)
            .unwrap();
        files.write(&dir.join("whole"), b"whole", 0o600).unwrap();
        files.copy(&dir, &copy).unwrap();
        assert_eq!(names(files, &dir), ["whole"]);
        assert_eq!(files.inspect(std::slice::from_ref(&dir)).unwrap().len(), 1);
        let debris = [".hau-tmp-abc", ".hau-tmp-folder"];
        assert_eq!(files.debris(&dir).unwrap(), debris);
        assert!(files.debris(&copy).unwrap().is_empty());
        assert!(files.debris(&base.join("missing")).unwrap().is_empty());
        files.remove(&dir.join(".hau-tmp-folder")).unwrap();
        assert_eq!(files.debris(&dir).unwrap(), debris[..1]);
    });
}
