//! Root keys that a rollback may need, in hau's own folder and by their hash.
//!
//! # Why in the clear
//! A backup holds the root key encrypted, and what opens it is kept off the nodes: with that alone every
//! rollback would need a person with a secret at three in the morning. The running system has its key in
//! the clear, too, so the one before lies beside it for as long as the backup that it belongs to, for root
//! alone. Where it is missing the rollback says how to bring it there by hand.
use super::Manifest;
use crate::host::{FileInfo, Host, HostError, HostResult};
use std::path::{Path, PathBuf};

/// Where the key with this hash is kept.
pub fn file(state: &Path, sha256: &str) -> PathBuf {
    state.join("root-keys").join(sha256)
}

/// Keeps the key at `path`, which must have this hash.
pub(super) fn keep(host: &dyn Host, state: &Path, path: &Path, sha256: &str) -> HostResult<()> {
    let to = file(state, sha256);
    if has(host, state, sha256) {
        return Ok(());
    }
    if let Some(dir) = to.parent() {
        host.make_dir(dir, 0o700)?;
    }
    host.write(&to, &host.read(path)?, 0o600)?;
    if has(host, state, sha256) {
        return Ok(());
    }
    host.remove(&to)?;
    let why = "it changed at this moment";
    Err(HostError::new("keep", path.display().to_string(), why))
}

/// Is the key with this hash kept, whole?
pub fn has(host: &dyn Host, state: &Path, sha256: &str) -> bool {
    let path = file(state, sha256);
    let found = host.inspect(std::slice::from_ref(&path));
    found.is_ok_and(|f| f.get(&path).is_some_and(|info| info.sha256 == sha256))
}

/// Makes the key in use the one that the backup held; the one it replaces is kept, too.
pub(super) fn put_back(host: &dyn Host, state: &Path, manifest: &Manifest) -> HostResult<()> {
    let Some((path, info)) = &manifest.root_key else {
        return Ok(());
    };
    if let Some(newer) = in_use(host, path)? {
        keep(host, state, path, &newer.sha256)?;
    }
    let bytes = host.read(&file(state, &info.sha256))?;
    host.write(path, &bytes, info.mode)?;
    host.own(path, info.uid, info.gid)
}

/// The key that is in use now.
pub fn in_use(host: &dyn Host, path: &Path) -> HostResult<Option<FileInfo>> {
    Ok(host.inspect(&[path.to_owned()])?.into_values().next())
}

/// How to bring a key there that is not kept any more.
pub fn by_hand(state: &Path, backup: &Path, sha256: &str) -> String {
    format!(
        "on this node: age -d -i IDENTITY -o {} {}",
        file(state, sha256).display(),
        backup.join(super::KEY).display()
    )
}
