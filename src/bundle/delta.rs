//! Makes a delta: a bundle whose one file is a patch that makes another bundle of its base.
//!
//! # Why the full bundle is made again
//! A delta is a way for a bundle to travel, and nothing else: what it makes is the full bundle with its own manifest and
//! signature, byte for byte, and everything that installs it sees that alone. So a delta can install nothing that
//! the full bundle could not; there is one way to verify, unpack and compare; and the node that stands by fetches the full
//! bundle, whatever its own base is. It costs the room of the full bundle once, in the incoming folder.
//!
//! # Why one patch and not one for each file
//! A patch over all files packs them together: small files that are alike (a Python tree) take half as much. Which
//! files they are, and their hashes, both manifests say: the base's is pinned by its hash, the new one is in the
//! patch, itself a difference to the base's.

use std::io;
use std::path::Path;

use super::base::Base;
use super::build::write_one;
use super::error::BundleError;
use super::full::Full;
use super::keys::{SigningKey, What};
use super::manifest::{DELTA_FORMAT, Delta, Digest, FileEntry, Manifest, Mode};
use super::rebuild::{Failed, apply};
use super::trusted::TrustedKeys;
use super::{MANIFEST, PATCH};
use crate::delta::{self, Bytes};

/// What [`delta`] made.
#[derive(Debug)]
pub struct Made {
    pub manifest: Manifest,
    /// The delta's size, and the full bundle's.
    pub bytes: u64,
    pub full_bytes: u64,
}

/// Writes to `to` a delta that makes the bundle `new` where `old` is installed, signed with `key`. Both bundles must
/// be signed with one of `keys`. The delta is applied before it is written: what is there works.
///
/// # Errors
/// A [`Refusal`](super::Refusal) about one of the bundles; if `new` does not upgrade `old`.
pub fn delta(
    old: &Path,
    new: &Path,
    key: &SigningKey,
    keys: &TrustedKeys,
    to: &Path,
) -> Result<Made, BundleError> {
    let failed = |why: String| BundleError::Delta {
        path: new.to_owned(),
        why,
    };
    let (base, base_manifest, _) = Base::of_bundle(old, keys, false)?;
    let (bytes, full_manifest, head) = Base::of_bundle(new, keys, true)?;
    fits(&base_manifest, &full_manifest).map_err(failed)?;
    if !head.sets.is_empty() {
        let why = "it brings key sets: a node that lacks them could not believe a delta of it";
        return Err(failed(why.to_owned()));
    }
    let pinned = base.hash(MANIFEST);
    let pinned = pinned.ok_or_else(|| failed("its base has no manifest".to_owned()))?;
    let patch = delta::diff((&base, &base.parts()), (&bytes, &bytes.parts()));
    let patch = patch.map_err(|error| failed(with_cause(&error)))?;

    let mut described = Delta {
        base: base_manifest.version,
        base_manifest: pinned,
        sha256: pinned,
        payload: bytes.length(),
        manifest: head.manifest.len() as u64,
        signature: head.signature.len() as u64,
    };
    let file = FileEntry {
        path: PATCH.to_owned(),
        size: patch.len() as u64,
        mode: Mode::new(0o644),
        sha256: Digest::of_bytes(&patch),
        service: None,
    };
    let mut manifest = Manifest {
        format: DELTA_FORMAT,
        schema: Vec::new(),
        hooks: std::collections::BTreeMap::new(),
        delta: None,
        file: vec![file],
        ..full_manifest
    };
    let full = Full::new(&manifest, &described, keys, io::sink());
    let made = apply(full, &base, &patch, described.payload).map_err(|error| match error {
        Failed::Refused(refusal) => failed(refusal.to_string()),
        Failed::Read(error) | Failed::Write(error) => failed(error.to_string()),
    })?;
    described.sha256 = made.sha256;
    manifest.delta = Some(described);

    let text = manifest
        .render()
        .map_err(|refusal| failed(refusal.to_string()))?;
    let (product, version) = (&manifest.product, &manifest.version);
    let comment = format!("{product} {version} counter {}, delta", manifest.counter);
    let signature = key
        .sign(text.as_bytes(), What::Manifest, &comment)
        .map_err(failed)?;
    let written = manifest
        .file
        .iter()
        .try_for_each(|file| write_one((&text, &signature), file, &patch, to));
    let size = written.and_then(|()| std::fs::metadata(to));
    let size = size.map_err(|source| BundleError::Write {
        path: to.to_owned(),
        source,
    })?;
    Ok(Made {
        bytes: size.len(),
        full_bytes: made.size,
        manifest,
    })
}

/// A delta that no node could use is not made.
fn fits(base: &Manifest, new: &Manifest) -> Result<(), String> {
    if base.product != new.product {
        return Err(format!(
            "it is {}, its base is {}",
            new.product, base.product
        ));
    }
    if base.version >= new.version || base.counter > new.counter {
        return Err(format!("its base {} is not older", base.version));
    }
    if !new
        .upgrades_from
        .iter()
        .any(|from| from.matches(&base.version))
    {
        return Err(format!(
            "its manifest does not say that it upgrades from {}",
            base.version
        ));
    }
    Ok(())
}

fn with_cause(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}
