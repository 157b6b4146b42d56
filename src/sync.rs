//! Config sync: pausing it so that it stays paused, comparing and levelling two nodes' configuration.
use crate::config::{ConfigSync, Settings};
use crate::host::{Active, FileInfo, Host, HostError, HostResult};
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    path::{Component, Path, PathBuf},
    time::Duration,
};

/// What a peer answers to `peer_get(CONFIG)`: its configuration files.
pub type Listing = BTreeMap<PathBuf, FileInfo>;
/// Asks the peer for its `Listing` as JSON.
pub const CONFIG: &str = "config";
/// Asks the peer for a configuration file by its SHA-256: no path travels, and what comes can be
/// held against what was asked for.
pub const FILE: &str = "config/";

/// In hau's own folder: what changed in the configuration while the sync was last paused.
pub const CHANGES: &str = "config-changes";

const UNITS: &str = "/etc/systemd/system";
const DROP_IN: &str = "50-hau-paused.conf";

/// Stops the timers and keeps every unit of the sync from starting, over reboots too. A sync that
/// is running is not cut: `is_paused` becomes true when it has ended.
pub fn pause(
    host: &dyn Host,
    settings: &Settings,
    state: &Path,
    by: &str,
    limit: Duration,
) -> HostResult<()> {
    let Some(sync) = &settings.config_sync else {
        return Ok(());
    };
    let since = host.now().0;
    if !host.exists(&flag(state)) {
        host.remove(&state.join(CHANGES))?;
        host.write(
            &flag(state),
            format!("paused by {by}, at {since} ms\n").as_bytes(),
            0o644,
        )?;
    }
    for unit in &sync.units {
        let drop_in = drop_in(unit);
        let text = format!(
            "# hau pauses config sync\n[Unit]\nConditionPathExists=!{}\n",
            flag(state).display()
        );
        if let Some(dir) = drop_in.parent() {
            host.make_dir(dir, 0o755)?;
        }
        host.write(&drop_in, text.as_bytes(), 0o644)?;
    }
    host.reload_units()?;
    for unit in timers(sync) {
        host.stop_unit(unit, limit)?;
    }
    Ok(())
}

/// Lets the sync start again and starts its timers.
pub fn resume(
    host: &dyn Host,
    settings: &Settings,
    state: &Path,
    limit: Duration,
) -> HostResult<()> {
    let Some(sync) = &settings.config_sync else {
        return Ok(());
    };
    for unit in &sync.units {
        host.remove(&drop_in(unit))?;
    }
    host.remove(&flag(state))?;
    host.reload_units()?;
    for unit in timers(sync) {
        host.start_unit(unit, limit)?;
    }
    Ok(())
}

/// Paused, and nothing of it runs any more.
pub fn is_paused(host: &dyn Host, settings: &Settings, state: &Path) -> HostResult<bool> {
    let Some(sync) = &settings.config_sync else {
        return Ok(true);
    };
    let mut paused = host.exists(&flag(state));
    for unit in &sync.units {
        let quiet = matches!(host.unit(unit)?.active, Active::Inactive | Active::Failed);
        paused &= quiet && host.exists(&drop_in(unit));
    }
    Ok(paused)
}

pub fn is_running(host: &dyn Host, settings: &Settings, state: &Path) -> HostResult<bool> {
    let Some(sync) = &settings.config_sync else {
        return Ok(true);
    };
    let mut running = !host.exists(&flag(state));
    for unit in timers(sync) {
        running &= host.unit(unit)?.active == Active::Active;
    }
    Ok(running)
}

/// Runs the sync once, as its timer would.
pub fn push(host: &dyn Host, settings: &Settings, limit: Duration) -> HostResult<()> {
    let Some(sync) = &settings.config_sync else {
        return Ok(());
    };
    for unit in sync.units.iter().filter(|unit| unit.ends_with(".service")) {
        host.start_unit(unit, limit)?;
    }
    Ok(())
}

/// This node's configuration: everything that the sync or the key step carries.
pub fn listing(host: &dyn Host, settings: &Settings) -> HostResult<Listing> {
    host.inspect(&carried(settings))
}

/// What differs between the nodes, one sentence a file.
pub fn compare(host: &dyn Host, settings: &Settings, limit: Duration) -> HostResult<Vec<String>> {
    let (ours, theirs) = (listing(host, settings)?, listing_of_peer(host, limit)?);
    let mut differences = Vec::new();
    for (path, file) in &ours {
        let path_name = path.display();
        match theirs.get(path) {
            None => differences.push(format!("{path_name} is only here")),
            Some(other) if other.sha256 != file.sha256 => {
                differences.push(format!("{path_name} has other content"))
            }
            Some(other) if other != file => {
                differences.push(format!("{path_name} has another owner or mode"))
            }
            Some(_) => {}
        }
    }
    let missing = theirs.keys().filter(|path| !ours.contains_key(*path));
    differences.extend(missing.map(|path| format!("{} is only there", path.display())));
    Ok(differences)
}

/// Makes this node's configuration what the peer's is, within the paths this node calls its own.
pub fn pull(host: &dyn Host, settings: &Settings, limit: Duration) -> HostResult<()> {
    let (ours, theirs) = (listing(host, settings)?, listing_of_peer(host, limit)?);
    acceptable(&carried(settings), &ours, &theirs)?;
    for (path, file) in &theirs {
        if ours.get(path) == Some(file) {
            continue;
        }
        let same = |our: &FileInfo| (&our.sha256, our.mode) == (&file.sha256, file.mode);
        if !ours.get(path).is_some_and(same) {
            let bytes = host.peer_get(&format!("{FILE}{}", file.sha256), limit)?;
            if hash(&bytes) != file.sha256 {
                let why = "what came has another hash: it is a link, or changes at this moment";
                return Err(HostError::new("carry", path.display().to_string(), why));
            }
            // A folder that is there keeps its mode: it may be closed for a reason.
            if let Some(dir) = path.parent().filter(|dir| !host.exists(dir)) {
                host.make_dir(dir, 0o755)?;
            }
            host.write(path, &bytes, file.mode)?;
        }
        host.own(path, file.uid, file.gid)?;
    }
    for path in ours.keys().filter(|path| !theirs.contains_key(*path)) {
        host.remove(path)?;
    }
    let after = listing(host, settings)?;
    let wrong = theirs
        .iter()
        .find(|(path, file)| after.get(*path).is_none_or(|a| a.sha256 != file.sha256));
    match wrong {
        None => Ok(()),
        Some((path, _)) => Err(HostError::new(
            "carry",
            path.display().to_string(),
            "it reads back differently",
        )),
    }
}

/// Hex SHA-256 of the root key here.
pub fn key_hash(host: &dyn Host, key: &Path) -> HostResult<String> {
    let found = host.inspect(&[key.to_owned()])?;
    let file = found.into_values().next();
    file.map(|f| f.sha256)
        .ok_or_else(|| HostError::new("read", key.display().to_string(), "it is not there"))
}

/// Hex SHA-256 of the peer's root key.
pub fn key_hash_of_peer(
    host: &dyn Host,
    settings: &Settings,
    limit: Duration,
) -> HostResult<String> {
    let Some(key) = &settings.root_key else {
        return Ok(String::new());
    };
    let theirs = listing_of_peer(host, limit)?;
    let file = theirs.get(&key.path).map(|f| f.sha256.clone());
    file.ok_or_else(|| {
        HostError::new(
            "find",
            key.path.display().to_string(),
            "the other node has none",
        )
    })
}

/// Who paused it, if it is paused.
pub fn paused_by(host: &dyn Host, state: &Path) -> Option<String> {
    let text = String::from_utf8(host.read(&flag(state)).ok()?).ok()?;
    let (by, _) = text.strip_prefix("paused by ")?.split_once(", at ")?;
    Some(by.to_owned())
}

/// The file that says that the sync is paused, by whom and since when.
pub fn flag(state: &Path) -> PathBuf {
    state.join("sync-paused")
}

fn drop_in(unit: &str) -> PathBuf {
    Path::new(UNITS).join(format!("{unit}.d")).join(DROP_IN)
}

fn timers(sync: &ConfigSync) -> impl Iterator<Item = &str> {
    sync.units
        .iter()
        .map(String::as_str)
        .filter(|unit| unit.ends_with(".timer"))
}

/// What the sync and the key step carry, as this node's own settings name it.
fn carried(settings: &Settings) -> Vec<PathBuf> {
    let sync = settings.config_sync.iter().flat_map(|sync| &sync.paths);
    let key = settings.root_key.iter().map(|key| &key.path);
    sync.chain(key).cloned().collect()
}

/// The other node's list decides what is written and removed here, so it is held against this
/// node's own settings first: nothing outside of them, and no path of theirs wiped out.
fn acceptable(carried: &[PathBuf], ours: &Listing, theirs: &Listing) -> HostResult<()> {
    let refuse = |path: &Path, why: &str| {
        let path = path.display().to_string();
        Err(HostError::new("carry the configuration at", path, why))
    };
    let plain = |path: &Path| path.components().all(|c| c != Component::ParentDir);
    let within = |path: &Path, roots: &[PathBuf]| roots.iter().any(|root| path.starts_with(root));
    let stray = theirs.keys().find(|p| !plain(p) || !within(p, carried));
    if let Some(path) = stray {
        let why = "this node's hau.toml does not name it: the same file belongs on both nodes";
        return refuse(path, why);
    }
    let holds = |list: &Listing, root: &PathBuf| list.keys().any(|p| p.starts_with(root));
    let gone = carried
        .iter()
        .find(|root| holds(ours, root) && !holds(theirs, root));
    match gone {
        Some(root) => refuse(root, "the other node has nothing there; see why (a mount?)"),
        None => Ok(()),
    }
}

fn hash(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|b| format!("{b:02x}")).collect()
}

fn listing_of_peer(host: &dyn Host, limit: Duration) -> HostResult<Listing> {
    let bytes = host.peer_get(CONFIG, limit)?;
    serde_json::from_slice(&bytes)
        .map_err(|e| HostError::new("read", "the other node's configuration list", e))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(paths: &[&str]) -> Listing {
        let info = FileInfo {
            size_bytes: 1,
            mode: 0o600,
            uid: 0,
            gid: 0,
            sha256: hash(b"x"),
        };
        let named = |path: &&str| (PathBuf::from(path), info.clone());
        paths.iter().map(named).collect()
    }

    fn refused(ours: &[&str], theirs: &[&str]) -> Option<String> {
        let carried = [PathBuf::from("/etc/shop"), "/etc/key/root.key".into()];
        let e = acceptable(&carried, &list(ours), &list(theirs)).err()?;
        Some(e.object)
    }

    #[test]
    fn the_other_nodes_list_writes_nothing_outside_and_wipes_nothing_out() {
        let ours = ["/etc/shop/a", "/etc/key/root.key"];
        assert_eq!(refused(&ours, &ours), None);
        assert_eq!(refused(&ours, &["/etc/shop/b", "/etc/key/root.key"]), None);
        for stray in [
            "/etc/shadow",
            "/etc/shopping",
            "/etc/shop/../shadow",
            "/etc/key",
        ] {
            let theirs = [ours[0], ours[1], stray];
            assert_eq!(refused(&ours, &theirs).as_deref(), Some(stray));
        }
        assert_eq!(refused(&ours, &ours[1..]).as_deref(), Some("/etc/shop"));
        let no_key = refused(&ours, &ours[..1]);
        assert_eq!(no_key.as_deref(), Some("/etc/key/root.key"));
        assert_eq!(refused(&[], &ours[..1]), None);
    }
}
