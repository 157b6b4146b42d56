//! Backups of one node: code, configuration, root key and database, with checksums that are read back.
use crate::config::Settings;
use crate::host::{FileInfo, Host, HostError, HostResult};
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
const MANIFEST: &str = "manifest.json";

/// What a backup's own manifest says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    pub made_at: Time,
    /// The release that `current` pointed to.
    pub version: Option<String>,
    /// Where the root key belongs, with owner, mode and hash of its plain bytes.
    pub root_key: Option<(PathBuf, FileInfo)>,
    /// Every file of the backup's folder but this one.
    pub files: BTreeMap<String, FileInfo>,
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
    let current = settings.release.root.join("current");
    let Some(release) = host.link_target(&current) else {
        let why = "it is not a symbolic link to a release";
        return Err(HostError::new(
            "back up",
            current.display().to_string(),
            why,
        ));
    };
    // A relative target is relative to the link's folder.
    host.archive(&[settings.release.root.join(release)], &dir.join(CODE))?;
    let key = settings.root_key.as_ref().map(|k| &k.path);
    let files = host.inspect(&settings.backup.config_paths)?;
    // The key never lies in a backup in the clear.
    let config: Vec<PathBuf> = files.into_keys().filter(|path| Some(path) != key).collect();
    host.archive(&config, &dir.join(CONFIG))?;
    if let Some(key) = key {
        host.encrypt(key, &dir.join(KEY), &settings.backup.recipients)?;
    }
    Ok(dir)
}

/// Writes the manifest: from now on this is a backup.
pub fn seal(
    host: &dyn Host,
    settings: &Settings,
    name: &str,
    version: Option<String>,
) -> HostResult<Manifest> {
    let dir = settings.backup.dir.join(name);
    let key = settings.root_key.as_ref().map(|k| k.path.clone());
    let root_key = match key {
        Some(path) => host.inspect(&[path])?.into_iter().next(),
        None => None,
    };
    let manifest = Manifest {
        made_at: host.now(),
        version,
        root_key,
        files: contents(host, &dir)?,
    };
    let text = serde_json::to_vec_pretty(&manifest)
        .map_err(|e| HostError::new("write", "the backup's manifest", e))?;
    host.write(&dir.join(MANIFEST), &text, 0o600)?;
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

/// Removes what the configuration does not keep: unfinished ones and the oldest finished.
pub fn retain(host: &dyn Host, settings: &Settings) -> HostResult<()> {
    let all = list(host, settings)?;
    let (whole, broken): (Vec<_>, Vec<_>) = all.into_iter().partition(|e| e.manifest.is_some());
    let keep = usize::try_from(settings.backup.keep).unwrap_or(usize::MAX);
    let old = whole.iter().rev().skip(keep);
    for entry in broken.iter().chain(old) {
        host.remove(&settings.backup.dir.join(&entry.name))?;
    }
    Ok(())
}

fn contents(host: &dyn Host, dir: &Path) -> HostResult<BTreeMap<String, FileInfo>> {
    let files = host.inspect(&[dir.to_owned()])?.into_iter();
    let named =
        files.filter_map(|(path, info)| Some((path.file_name()?.to_str()?.to_owned(), info)));
    Ok(named.filter(|(name, _)| name != MANIFEST).collect())
}
