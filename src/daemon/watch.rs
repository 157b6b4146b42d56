//! While config sync is paused every change of the configuration is written down.
use super::site::{Site, chain, read_start};
use crate::sync;
use inotify::{EventMask, Inotify, WatchMask};
use std::{
    collections::BTreeMap,
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
            }
            thread::sleep(Duration::from_secs(10));
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
                .intersects(EventMask::ISDIR | EventMask::Q_OVERFLOW | EventMask::IGNORED);
            let Some(dir) = dirs.get(&event.wd.get_watch_descriptor_id()) else {
                continue;
            };
            let path = event
                .name
                .map_or_else(|| dir.clone(), |name| dir.join(name));
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

fn folders(paths: &[PathBuf]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = paths.to_vec();
    while let Some(path) = open.pop() {
        if !path.is_dir() || path.is_symlink() {
            continue;
        }
        let below = std::fs::read_dir(&path).into_iter().flatten().flatten();
        open.extend(below.map(|entry| entry.path()));
        found.push(path);
    }
    found
}
