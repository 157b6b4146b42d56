//! A node made again what one of its backups holds: code, configuration and root key. The database
//! is the business of its adapter.
use super::{CODE, CONFIG, CONTENTS, Contents, MANIFEST, Manifest, configuration, keys};
use crate::config::Settings;
use crate::host::{DatabaseMark, FileInfo, Host, HostError, HostResult};
use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
};

/// What keeps a node from being as a backup holds it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Differences {
    /// `current` points elsewhere.
    pub is_elsewhere: bool,
    /// Files of the release that are missing or changed. Others beside them do not count.
    pub release: Vec<PathBuf>,
    /// Files of the configuration that are missing, changed or new.
    pub config: Vec<PathBuf>,
    /// Another root key is in use.
    pub has_other_key: bool,
}

impl Differences {
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

impl fmt::Display for Differences {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let some = |what: &str, paths: &[PathBuf]| match paths {
            [] => None,
            [one] => Some(format!("{what} {}", one.display())),
            [one, ..] => Some(format!(
                "{what} {} and {} more",
                one.display(),
                paths.len() - 1
            )),
        };
        let parts = [
            self.is_elsewhere.then(|| "the link current".to_owned()),
            some("code", &self.release),
            some("configuration", &self.config),
            self.has_other_key.then(|| "the root key".to_owned()),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        f.write_str(&parts.join(", "))
    }
}

/// Holds the node against the backup in `dir`, whose own checksums are not looked at.
pub fn differences(host: &dyn Host, settings: &Settings, dir: &Path) -> HostResult<Differences> {
    let (manifest, contents) = read(host, dir)?;
    let current = host.link_target(&settings.release.root.join("current"));
    let release = host.inspect(std::slice::from_ref(&contents.release_dir))?;
    let other = |found: &BTreeMap<PathBuf, FileInfo>, wanted: &BTreeMap<PathBuf, FileInfo>| {
        let is_other = |(path, info): &(&PathBuf, &FileInfo)| found.get(*path) != Some(*info);
        let other = wanted.iter().filter(is_other).map(|(path, _)| path.clone());
        other.collect::<Vec<PathBuf>>()
    };
    let found = configuration(host, settings)?;
    let mut config = other(&found, &contents.config);
    let is_new = |path: &&PathBuf| !contents.config.contains_key(*path);
    config.extend(found.keys().filter(is_new).cloned());
    let has_other_key = match &manifest.root_key {
        Some((path, wanted)) => keys::in_use(host, path)?.as_ref() != Some(wanted),
        None => false,
    };
    Ok(Differences {
        is_elsewhere: current.as_ref() != Some(&contents.current),
        release: other(&release, &contents.release),
        config,
        has_other_key,
    })
}

/// Makes it so, `current` last. Begun again it goes on. What it replaces is the caller's to keep,
/// but for the root key: that one stays in `state`.
pub fn restore(
    host: &dyn Host,
    settings: &Settings,
    state: &Path,
    dir: &Path,
    scratch: &Path,
) -> HostResult<()> {
    let (manifest, contents) = read(host, dir)?;
    let todo = differences(host, settings, dir)?;
    let within = |path: &Path| scratch.join(path.strip_prefix("/").unwrap_or(path));
    if !todo.release.is_empty() {
        host.unarchive(&dir.join(CODE), scratch)?;
        host.copy(&within(&contents.release_dir), &contents.release_dir)?;
    }
    if !todo.config.is_empty() {
        host.unarchive(&dir.join(CONFIG), scratch)?;
    }
    for path in &todo.config {
        let copy = contents.config.contains_key(path).then(|| within(path));
        put_file(host, copy.as_deref(), path)?;
    }
    host.remove(scratch)?;
    if todo.has_other_key {
        keys::put_back(host, state, &manifest)?;
    }
    if todo.is_elsewhere {
        host.link(&contents.current, &settings.release.root.join("current"))?;
    }
    Ok(())
}

/// Makes `path`, a file or a folder, again what `kept` is, file by file.
pub fn level(host: &dyn Host, kept: &Path, path: &Path) -> HostResult<()> {
    let below = |top: &Path| -> HostResult<BTreeMap<PathBuf, FileInfo>> {
        let found = host.inspect(&[top.to_owned()])?.into_iter();
        let names =
            found.filter_map(|(path, info)| Some((path.strip_prefix(top).ok()?.to_owned(), info)));
        Ok(names.collect())
    };
    // A path that ends in nothing is the file itself.
    let at = |top: &Path, name: &Path| {
        top.components()
            .chain(name.components())
            .collect::<PathBuf>()
    };
    let (wanted, found) = (below(kept)?, below(path)?);
    let is_other = |(name, info): &(&PathBuf, &FileInfo)| found.get(*name) != Some(*info);
    for (name, _) in wanted.iter().filter(is_other) {
        put_file(host, Some(&at(kept, name)), &at(path, name))?;
    }
    for name in found.keys().filter(|name| !wanted.contains_key(*name)) {
        put_file(host, None, &at(path, name))?;
    }
    Ok(())
}

/// None: it was not there. A folder stays the one that it is, with its mode: services may hold on to it by
/// a watch, or by a mount of their own, which a folder in its place would cut off.
fn put_file(host: &dyn Host, copy: Option<&Path>, path: &Path) -> HostResult<()> {
    let Some(copy) = copy else {
        return host.remove(path);
    };
    if let Some(folder) = path.parent().filter(|folder| !host.exists(folder)) {
        host.make_dir(folder, 0o755)?;
    }
    host.copy(copy, path)
}

/// What the database was when this backup was made.
pub fn mark(host: &dyn Host, dir: &Path) -> HostResult<Option<DatabaseMark>> {
    Ok(read(host, dir)?.0.database)
}

/// Where the root key of a backup belongs, and which it is.
pub fn root_key(host: &dyn Host, dir: &Path) -> HostResult<Option<(PathBuf, FileInfo)>> {
    Ok(read(host, dir)?.0.root_key)
}

pub(super) fn read(host: &dyn Host, dir: &Path) -> HostResult<(Manifest, Contents)> {
    let bad = |file: &str, e| HostError::new("read", dir.join(file).display().to_string(), e);
    let manifest = host.read(&dir.join(MANIFEST))?;
    let manifest = serde_json::from_slice(&manifest).map_err(|e| bad(MANIFEST, e))?;
    if !host.exists(&dir.join(CONTENTS)) {
        let why =
            "it was made by a hau that could not roll back yet: restore it by hand, as README says";
        return Err(HostError::new("go back to", dir.display().to_string(), why));
    }
    let contents = host.read(&dir.join(CONTENTS))?;
    let contents = serde_json::from_slice(&contents).map_err(|e| bad(CONTENTS, e))?;
    Ok((manifest, contents))
}
