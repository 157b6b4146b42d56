//! Backups of one node: code, configuration, root key and database, with checksums that are read back.
mod by_hand;
pub mod keys;
mod restore;

pub use by_hand::by_hand;
pub use restore::{Differences, differences, level, mark, restore, root_key};

use crate::config::Settings;
use crate::host::{DatabaseMark, FileInfo, Host, HostError, HostResult};
use crate::time::Time;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// The database's dump inside a backup's folder.
pub const DUMP: &str = "database.dump";
/// The root key inside a backup's folder, encrypted: `age -d` opens it.
pub const KEY: &str = "root.key.age";
const CODE: &str = "code.tar";
const CONFIG: &str = "config.tar";
const CONTENTS: &str = "contents.json";
pub const MANIFEST: &str = "manifest.json";

/// What a backup's own manifest says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    pub made_at: Time,
    /// The release that `current` pointed to.
    pub version: Option<String>,
    /// Where the root key belongs, with owner, mode and hash of its plain bytes.
    pub root_key: Option<(PathBuf, FileInfo)>,
    /// What the database was when it was dumped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<DatabaseMark>,
    /// Every file of the backup's folder but this one.
    pub files: BTreeMap<String, FileInfo>,
}

/// What lies in the two tars, file by file: too long for the manifest, which is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Contents {
    /// What the link `current` said.
    current: PathBuf,
    /// The folder that it meant.
    release_dir: PathBuf,
    release: BTreeMap<PathBuf, FileInfo>,
    /// Without the root key.
    config: BTreeMap<PathBuf, FileInfo>,
}

/// One backup as `backup list` shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub name: String,
    /// None: it was never finished.
    pub manifest: Option<Manifest>,
}

/// `backup_YYYYMMDD_HHMMSS`, in UTC.
pub fn name(at: Time) -> String {
    let ms = i64::try_from(at.0).unwrap_or(i64::MAX);
    let when = Timestamp::from_millisecond(ms).unwrap_or(Timestamp::MAX);
    when.strftime("backup_%Y%m%d_%H%M%S").to_string()
}

/// Makes the folder with everything but the database in it. Begun again it begins anew.
pub fn begin(host: &dyn Host, settings: &Settings, name: &str) -> HostResult<PathBuf> {
    let dir = settings.backup.dir.join(name);
    host.remove(&dir)?;
    host.make_dir(&dir, 0o700)?;
    let link = settings.release.root.join("current");
    let Some(current) = host.link_target(&link) else {
        let why = "it is not a symbolic link to a release";
        return Err(HostError::new("back up", link.display().to_string(), why));
    };
    // A relative target is relative to the link's folder.
    let release_dir = settings.release.root.join(&current);
    host.archive(std::slice::from_ref(&release_dir), &dir.join(CODE))?;
    let config = configuration(host, settings)?;
    let paths: Vec<PathBuf> = config.keys().cloned().collect();
    host.archive(&paths, &dir.join(CONFIG))?;
    if configuration(host, settings)? != config {
        let why = "it changes while it is being copied";
        return Err(HostError::new("back up", "the configuration", why));
    }
    if let Some(key) = &settings.root_key {
        host.encrypt(&key.path, &dir.join(KEY), &settings.backup.recipients)?;
    }
    let contents = Contents {
        release: host.inspect(std::slice::from_ref(&release_dir))?,
        current,
        release_dir,
        config,
    };
    write_json(host, &dir.join(CONTENTS), &contents)?;
    Ok(dir)
}

/// Every file of the configuration but the root key, which never lies in a backup in the clear.
fn configuration(host: &dyn Host, settings: &Settings) -> HostResult<BTreeMap<PathBuf, FileInfo>> {
    let key = settings.root_key.as_ref().map(|k| &k.path);
    let mut files = host.inspect(&settings.backup.config_paths)?;
    files.retain(|path, _| Some(path) != key);
    Ok(files)
}

fn write_json(host: &dyn Host, path: &Path, value: &impl Serialize) -> HostResult<()> {
    let failed = |e| HostError::new("write", path.display().to_string(), e);
    let text = serde_json::to_vec_pretty(value).map_err(failed)?;
    host.write(path, &text, 0o600)
}

/// Writes the manifest: from now on this is a backup. The root key stays in `state`, too: a rollback
/// needs it, and the secret that opens the encrypted one is not on the nodes.
pub fn seal(
    host: &dyn Host,
    settings: &Settings,
    state: &Path,
    name: &str,
    (version, database): (Option<String>, Option<DatabaseMark>),
) -> HostResult<Manifest> {
    let dir = settings.backup.dir.join(name);
    let key = settings.root_key.as_ref().map(|k| k.path.clone());
    let root_key = match key {
        Some(path) => host.inspect(&[path])?.into_iter().next(),
        None => None,
    };
    if let Some((path, info)) = &root_key {
        keys::keep(host, state, path, &info.sha256)?;
    }
    let manifest = Manifest {
        made_at: host.now(),
        version,
        root_key,
        database,
        files: contents(host, &dir)?,
    };
    write_json(host, &dir.join(MANIFEST), &manifest)?;
    Ok(manifest)
}

/// Reads every byte of a backup back and compares it with its manifest.
pub fn verify(host: &dyn Host, dir: &Path) -> HostResult<Manifest> {
    let bad = |why: String| HostError::new("verify", dir.display().to_string(), why);
    let text = host.read(&dir.join(MANIFEST))?;
    let manifest: Manifest = serde_json::from_slice(&text).map_err(|e| bad(e.to_string()))?;
    let found = contents(host, dir)?;
    for (file, info) in &manifest.files {
        match found.get(file) {
            None => return Err(bad(format!("{file} is missing"))),
            Some(f) if f.sha256 != info.sha256 => return Err(bad(format!("{file} has changed"))),
            Some(_) => {}
        }
    }
    if manifest.files.is_empty() {
        Err(bad("it holds nothing".to_owned()))
    } else {
        Ok(manifest)
    }
}

/// All backups of this node, oldest first.
pub fn list(host: &dyn Host, settings: &Settings) -> HostResult<Vec<Entry>> {
    let dir = &settings.backup.dir;
    let names = host
        .list(dir)?
        .into_iter()
        .filter(|n| n.starts_with("backup_"));
    let read = |name: String| {
        let text = host.read(&dir.join(&name).join(MANIFEST)).ok();
        let manifest = text.and_then(|t| serde_json::from_slice(&t).ok());
        Entry { name, manifest }
    };
    Ok(names.map(read).collect())
}

/// Removes what the configuration does not keep: unfinished ones and the oldest finished, with the
/// root keys that only they needed.
pub fn retain(host: &dyn Host, settings: &Settings, state: &Path) -> HostResult<()> {
    let all = list(host, settings)?;
    let (whole, broken): (Vec<_>, Vec<_>) = all.into_iter().partition(|e| e.manifest.is_some());
    let keep = usize::try_from(settings.backup.keep).unwrap_or(usize::MAX);
    let (old, kept) = whole.split_at(whole.len().saturating_sub(keep));
    for entry in broken.iter().chain(old) {
        host.remove(&settings.backup.dir.join(&entry.name))?;
    }
    let needed: Vec<&str> = kept.iter().filter_map(Entry::key).collect();
    for key in old
        .iter()
        .filter_map(Entry::key)
        .filter(|k| !needed.contains(k))
    {
        host.remove(&keys::file(state, key))?;
    }
    Ok(())
}

impl Entry {
    /// The hash of the root key that it holds.
    fn key(&self) -> Option<&str> {
        let (_, info) = self.manifest.as_ref()?.root_key.as_ref()?;
        Some(&info.sha256)
    }
}

fn contents(host: &dyn Host, dir: &Path) -> HostResult<BTreeMap<String, FileInfo>> {
    let files = host.inspect(&[dir.to_owned()])?.into_iter();
    let named =
        files.filter_map(|(path, info)| Some((path.file_name()?.to_str()?.to_owned(), info)));
    Ok(named.filter(|(name, _)| name != MANIFEST).collect())
}
