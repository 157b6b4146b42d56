//! While config sync is paused every change of the configuration is written down.
use super::site::{Site, chain};
use crate::host::files::read_start;
use crate::sync;
use inotify::{EventMask, Inotify, WatchMask};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs::OpenOptions,
    io::Write,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::Duration,
};

const SHOWN: usize = 200;

/// The changes written down since the sync was last paused, oldest first.
pub(super) fn changes(site: &Site) -> Vec<String> {
    let text = read_start(&site.state_dir.join(sync::CHANGES), 1 << 20).unwrap_or_default();
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines[lines.len().saturating_sub(SHOWN)..].to_vec()
}

/// Watches on a thread of its own for as long as the daemon lives.
pub(super) fn start(site: Arc<Site>) {
    let Some(sync) = &site.settings.config_sync else {
        return;
    };
    let paths = sync.paths.clone();
    thread::spawn(move || {
        loop {
            if let Err(e) = watch(&site, &paths) {
                tracing::warn!("cannot watch the configuration: {}", chain(&e));
                thread::sleep(Duration::from_secs(10));
            }
        }
    });
}

fn watch(site: &Site, paths: &[PathBuf]) -> std::io::Result<()> {
    let mut inotify = Inotify::init()?;
    let mask = WatchMask::CLOSE_WRITE
        | WatchMask::CREATE
        | WatchMask::DELETE
        | WatchMask::MOVE
        | WatchMask::ATTRIB;
    let mut dirs = BTreeMap::new();
    for dir in folders(paths) {
        dirs.insert(
            inotify.watches().add(&dir, mask)?.get_watch_descriptor_id(),
            dir,
        );
    }
    let mut buffer = [0; 4096];
    loop {
        let mut lines = String::new();
        let mut again = false;
        for event in inotify.read_events_blocking(&mut buffer)? {
            // Folders come and go, or events were lost: look at the tree anew.
            again |= event
                .mask
                .intersects(EventMask::Q_OVERFLOW | EventMask::IGNORED);
            let Some(dir) = dirs.get(&event.wd.get_watch_descriptor_id()) else {
                continue;
            };
            let path = event
                .name
                .map_or_else(|| dir.clone(), |name| dir.join(name));
            if !paths.iter().any(|configured| path.starts_with(configured)) {
                continue;
            }
            again |= event.mask.contains(EventMask::ISDIR);
            let now = super::status::rfc3339(crate::host::Host::now(site));
            lines += &format!("{now} {:?} {}\n", event.mask, path.display());
        }
        if sync::flag(&site.state_dir).exists() {
            append(&site.state_dir.join(sync::CHANGES), &lines)?;
        }
        if again {
            return Ok(());
        }
    }
}

fn append(path: &Path, lines: &str) -> std::io::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    file.write_all(lines.as_bytes())
}

/// Every folder to watch: a single file is replaced by a rename, which only its folder sees.
fn folders(paths: &[PathBuf]) -> BTreeSet<PathBuf> {
    let alone = paths.iter().filter(|path| !path.is_dir());
    let parents = alone.filter_map(|path| path.parent());
    let mut found: BTreeSet<PathBuf> = parents
        .filter(|dir| dir.is_dir())
        .map(Path::to_owned)
        .collect();
    let mut open = paths.to_vec();
    while let Some(path) = open.pop() {
        if !path.is_dir() || path.is_symlink() {
            continue;
        }
        let below = std::fs::read_dir(&path).into_iter().flatten().flatten();
        open.extend(below.map(|entry| entry.path()));
        found.insert(path);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_folder_below_is_watched_and_a_files_own_folder() {
        let dir = tempfile::tempdir().unwrap();
        let (tree, lone) = (dir.path().join("tree"), dir.path().join("lone"));
        std::fs::create_dir_all(tree.join("sub/deep")).unwrap();
        std::fs::create_dir(&lone).unwrap();
        std::fs::write(lone.join("file"), "x").unwrap();
        std::os::unix::fs::symlink("/", tree.join("away")).unwrap();
        let found = folders(&[tree.clone(), lone.join("file"), "/no/such/file".into()]);
        let wanted = [lone, tree.clone(), tree.join("sub"), tree.join("sub/deep")];
        assert_eq!(found, BTreeSet::from(wanted));
    }
}
