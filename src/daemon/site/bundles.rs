//! Bundles as a node takes them: whose, which, and held against what is installed here.

use super::{Site, refused};
use crate::bundle::{self, TrustedKeys};
use crate::host::{BundleInfo, BundlePolicy, HostError, HostResult};
use std::path::{Path, PathBuf};

impl Site {
    pub(super) fn keys(&self) -> HostResult<TrustedKeys> {
        let dir = &self.settings.bundle.keys;
        TrustedKeys::load(dir).map_err(|e| refused(dir, e))
    }

    pub(super) fn verified(
        &self,
        path: &Path,
        policy: &BundlePolicy,
    ) -> HostResult<bundle::Verified> {
        let installed = policy
            .installed
            .as_deref()
            .map(|version| self.installed(version))
            .transpose()?;
        let at = i64::try_from(policy.at.0).unwrap_or(i64::MAX);
        let policy = bundle::Policy {
            product: &policy.product,
            installed,
            now: jiff::Timestamp::from_millisecond(at).unwrap_or(jiff::Timestamp::MAX),
        };
        bundle::verify(path, &self.keys()?, &policy).map_err(|e| refused(path, e))
    }

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

    /// What the manifest kept beside the installed release says of it.
    fn installed(&self, version: &str) -> HostResult<bundle::Installed> {
        let dir = self.settings.release.root.join("releases").join(version);
        let parsed = version
            .parse()
            .map_err(|e| HostError::new("read the version of", dir.display().to_string(), e))?;
        // A release that was not installed from a bundle has no counter: any newer version may follow.
        let counter = bundle::load_unpacked(&dir, &self.keys()?)
            .map(|m| m.counter)
            .unwrap_or(0);
        Ok(bundle::Installed {
            version: parsed,
            counter,
        })
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
