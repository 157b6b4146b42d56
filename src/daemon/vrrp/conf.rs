//! What keepalived reads and what it writes: its configuration, and the dumps of its state.
use super::SIDECAR;
use crate::host::files::read_start;
use crate::keepalived::{
    conf::Tree,
    instance::{Globals, Instance, Vip},
    lint::check_weight,
};
use nix::unistd::Uid;
use std::{
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

/// keepalived's folder for dumps: the drop-in that hau ships gives it one on tmpfs.
const DUMPS: [&str; 2] = [
    "/run/hau/keepalived/keepalived.data",
    "/tmp/keepalived.data",
];
const DUMP_BYTES: u64 = 1 << 20;

/// keepalived's configuration as it was read last.
pub(super) struct Conf {
    pub(super) tree: Tree,
    pub(super) instance: Instance,
    /// Those of its sync group, too.
    pub(super) vips: Vec<Vip>,
    /// The name of the script that is hau's check, and its weight.
    pub(super) check: Option<(String, i32)>,
    pub(super) fifo: PathBuf,
    pub(super) has_fifo: bool,
    /// Of every file it was read from: when one changes, everything is read again.
    stamps: Vec<(PathBuf, Option<SystemTime>)>,
}

impl Conf {
    pub(super) fn read(file: &Path, instance: &str, run_dir: &Path) -> anyhow::Result<Self> {
        let tree = Tree::read(file, "")?;
        let instance = Instance::find(&tree, instance)?;
        let globals = Globals::read(&tree)?;
        let check = check_weight(&tree, &instance, Path::new(SIDECAR))?;
        let stamp = |path: &PathBuf| (path.clone(), modified(path));
        Ok(Self {
            has_fifo: globals.notify_fifo.is_some(),
            fifo: globals
                .notify_fifo
                .clone()
                .unwrap_or_else(|| run_dir.join("notify.fifo")),
            stamps: tree.files.iter().map(stamp).collect(),
            vips: instance.moving(&tree)?,
            tree,
            instance,
            check,
        })
    }

    pub(super) fn is_old(&self) -> bool {
        self.stamps
            .iter()
            .any(|(path, stamp)| modified(path) != *stamp)
    }
}

fn modified(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path).and_then(|m| m.modified()).ok()
}

/// The dump that keepalived has written since `asked`. In a folder where everybody may write, only
/// root's own file is keepalived's.
pub(super) fn dumped_since(asked: SystemTime) -> Option<String> {
    let path = DUMPS
        .iter()
        .map(Path::new)
        .find(|path| is_fresh(path, asked, Uid::from_raw(0)))?;
    read_start(path, DUMP_BYTES).ok()
}

fn is_fresh(path: &Path, asked: SystemTime, owner: Uid) -> bool {
    let Ok(meta) = std::fs::symlink_metadata(path) else {
        return false;
    };
    let since = |at: SystemTime| at + Duration::from_millis(20) >= asked;
    meta.is_file() && meta.uid() == owner.as_raw() && meta.modified().is_ok_and(since)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_fresh_plain_file_of_the_right_owner_is_a_dump() {
        let dir = tempfile::tempdir().unwrap();
        let (file, link) = (dir.path().join("data"), dir.path().join("link"));
        std::fs::write(&file, "x").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        let (me, long_ago) = (Uid::current(), SystemTime::UNIX_EPOCH);
        let other = Uid::from_raw(me.as_raw() + 1);
        assert!(is_fresh(&file, long_ago, me));
        assert!(!is_fresh(&file, long_ago, other));
        assert!(!is_fresh(&link, long_ago, me));
        assert!(!is_fresh(
            &file,
            SystemTime::now() + Duration::from_secs(60),
            me
        ));
        assert!(!is_fresh(&dir.path().join("none"), long_ago, me));
    }
}
