//! Bundles as a node takes them: of a delta the full one, and what one says of itself.

use super::{Site, refused};
use crate::bundle;
use crate::host::{BundleInfo, BundlePolicy, HostResult};
use std::path::PathBuf;

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
            bundle::rebuild(&path, &base, &keys, incoming).map_err(|e| refused(&path, e))?;
        }
        Ok(full)
    }
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
