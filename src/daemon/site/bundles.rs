//! Bundles as a node takes them: of a delta the full one, and what one says of itself.

use super::{Site, refused};
use crate::bundle::{self, BundleError, TrustedKeys};
use crate::delta::Bytes;
use crate::host::{
    BundleInfo, BundlePolicy, Command, HostError, HostResult, Output, commands, files,
};
use crate::unpacker::{NOTE, Order};
use std::{
    io::Read,
    path::{Path, PathBuf},
    time::Duration,
};
use tempfile::NamedTempFile;

/// For one bundle; what it computes is bounded on its own.
const LIMIT: Duration = Duration::from_secs(1_800);
/// The most characters of what it says.
const WORDS: usize = 500;

impl Site {
    /// The name of the full bundle in the incoming folder: `name` itself, or if that is a delta, of what it makes of the
    /// release that it is for. Made once.
    pub(in crate::daemon) fn full_bundle(
        &self,
        name: &str,
        policy: &BundlePolicy,
    ) -> HostResult<String> {
        let incoming = &self.settings.bundle.incoming;
        let (path, keys) = (incoming.join(name), self.keys()?);
        let (manifest, _) = bundle::inspect(&path, &keys).map_err(|e| refused(&path, e))?;
        let Some(delta) = manifest.delta else {
            return Ok(name.to_owned());
        };
        self.verified(&path, policy)?;
        let full = format!("{}-{}.hau", manifest.product, manifest.version);
        let there = self.verified(&incoming.join(&full), policy);
        if !there.is_ok_and(|there| there.sha256() == delta.sha256) {
            let releases = self.settings.release.root.join("releases");
            let base = releases.join(delta.base.to_string());
            self.rebuild(&path, &base, &keys, &incoming.join(&full))?;
        }
        Ok(full)
    }

    /// Unpacks a bundle that was verified: another process reads the archive, this one writes what the manifest lists.
    pub(super) fn unpack(&self, verified: &bundle::Verified, dest: &Path) -> HostResult<()> {
        let order = Order::Payload {
            bundle: verified.path().to_owned(),
            manifest: verified.fingerprint(),
        };
        let write = |payload: &mut dyn Read| bundle::unpack(verified, payload, dest);
        let (unpacked, ended) = commands::piped(&apart(&order, None), write)?;
        match unpacked {
            // Why the payload ended, it knows best.
            Err(BundleError::Refused { .. }) if ended.code != Some(0) => {
                failed(verified.path(), &ended)
            }
            unpacked => unpacked.map_err(|e| refused(dest, e)),
        }?;
        note(&ended);
        Ok(())
    }

    /// Makes the full bundle `full` of the delta at `path` and the release `base`: another process does, out of one file
    /// into another. What it makes is verified like any bundle before anything is done with it.
    fn rebuild(&self, path: &Path, base: &Path, keys: &TrustedKeys, full: &Path) -> HostResult<()> {
        let (delta, bytes) = bundle::base(path, base, keys).map_err(|e| refused(path, e))?;
        let (makes, most) = delta
            .delta
            .map_or((0, 0), |delta| (delta.payload, bundle::longest(&delta)));
        room(full, bytes.length().saturating_add(makes))?;
        let mut old = scratch(&beside(full, "base"))?;
        let copied = bytes.copy(&mut old);
        copied.map_err(|e| HostError::new("write", old.path().display().to_string(), e))?;
        let order = Order::Rebuild {
            delta: path.to_owned(),
            base: old.path().to_owned(),
            keys: self.settings.bundle.keys.clone(),
            most,
        };
        let made = beside(full, "partial");
        files::remove(&made)?;
        let ended = commands::run(&apart(&order, Some(&made)))?;
        if ended.code != Some(0) {
            files::remove(&made)?;
            return failed(path, &ended);
        }
        note(&ended);
        files::rename(&made, full)
    }
}

/// This program once more, without rights.
fn apart(order: &Order, stdout: Option<&Path>) -> Command {
    Command {
        program: "/proc/self/exe".into(),
        args: order.args(),
        stdout: stdout.map(Path::to_owned),
        limit: LIMIT,
        ..Command::default()
    }
}

/// Says so at once where the disk has no room for it.
fn room(full: &Path, needed: u64) -> HostResult<()> {
    let folder = full.parent().unwrap_or(full);
    let free = files::free_bytes(folder)?;
    // As much again as a file system keeps for its own records of large files.
    let needed = needed.saturating_add(needed / 100);
    if free >= needed {
        return Ok(());
    }
    let why = format!(
        "that takes {needed} bytes in {}, which has {free} free",
        folder.display()
    );
    Err(HostError::new("make", full.display().to_string(), why))
}

/// Its own words, or how it ended.
fn failed(path: &Path, ended: &Output) -> HostResult<()> {
    let mut words = ended.stderr.lines().filter(|line| !line.starts_with(NOTE));
    let why = words.next_back().map_or_else(|| ended.ending(), printable);
    Err(HostError::new("unpack", path.display().to_string(), why))
}

/// What it has noted goes into the log.
fn note(ended: &Output) {
    for line in ended.stderr.lines() {
        if let Some(noted) = line.strip_prefix(NOTE) {
            tracing::warn!(HAU_EVENT = "unpack", "{}", printable(noted));
        }
    }
}

/// Of a program that reads what strangers wrote.
fn printable(line: &str) -> String {
    let plain = line.chars().filter(|c| !c.is_control());
    plain.take(WORDS).collect()
}

fn beside(path: &Path, what: &str) -> PathBuf {
    let name = path.file_name().unwrap_or_default().display();
    path.with_file_name(format!(".{name}.{what}"))
}

/// A file of this name that is gone when it is dropped; what a crash left of it is made anew.
fn scratch(path: &Path) -> HostResult<NamedTempFile> {
    files::remove(path)?;
    let (folder, name) = (
        path.parent().unwrap_or(path),
        path.file_name().unwrap_or_default(),
    );
    let made = tempfile::Builder::new()
        .prefix(name)
        .rand_bytes(0)
        .tempfile_in(folder);
    made.map_err(|e| HostError::new("create", path.display().to_string(), e))
}

pub(super) fn info(verified: &bundle::Verified) -> BundleInfo {
    let manifest = verified.manifest();
    BundleInfo {
        version: manifest.version.to_string(),
        counter: manifest.counter,
        sha256: verified.sha256().to_string(),
        size_bytes: verified.bytes(),
        payload_bytes: u64::try_from(manifest.total_bytes()).unwrap_or(u64::MAX),
        schema_compatible: manifest.schema_compatible,
        schema: manifest
            .schema
            .iter()
            .map(|s| PathBuf::from(&s.path))
            .collect(),
        hooks: manifest
            .hooks
            .iter()
            .map(|(hook, path)| (hook.name().to_owned(), PathBuf::from(path)))
            .collect(),
    }
}
