//! What this node trusts, and what it remembers of what it has installed.
use super::site::{Site, chain, refused};
use crate::bundle::{self, KeySet, Remembered, TrustedKeys};
use crate::host::{BundlePolicy, HostError, HostResult, Trust};
use crate::time::Time;
use jiff::Timestamp;
use std::{
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

/// The moment is written down when it is this much newer: not every look is worth a write.
const NEWER: jiff::SignedDuration = jiff::SignedDuration::from_mins(1);

/// How often it is looked at where nobody asks.
const EVERY: Duration = Duration::from_secs(3_600);

/// One at a time reads what is remembered, changes it and writes it.
#[derive(Default)]
pub(super) struct Memory(Mutex<()>);

impl Memory {
    fn mine(&self) -> MutexGuard<'_, ()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Notes from now on how far time has come: a clock that is set back later finds it written down.
pub(super) fn start(site: &Arc<Site>) {
    let site = Arc::clone(site);
    thread::spawn(move || {
        loop {
            // Nothing waits for it; whoever installs something is told.
            if let Err(e) = site.moment() {
                tracing::debug!(HAU_EVENT = "keys", "{e}");
            }
            thread::sleep(EVERY);
        }
    });
}

impl Site {
    /// The keys that count here, and what is remembered under them.
    fn trusted(&self) -> HostResult<(TrustedKeys, Option<Remembered>)> {
        let dir = &self.settings.bundle.keys;
        let keys = TrustedKeys::load(dir).map_err(|e| refused(dir, e))?;
        let known = Remembered::load(&self.state_dir).map_err(|e| refused(&self.state_dir, e))?;
        let known = known.map(|known| known.under(&keys)).transpose();
        let known = known.map_err(|e| refused(dir, e))?;
        Ok((keys, known))
    }

    pub(super) fn keys(&self) -> HostResult<TrustedKeys> {
        Ok(self.trusted()?.0)
    }

    pub(super) fn verified(
        &self,
        path: &Path,
        policy: &BundlePolicy,
    ) -> HostResult<bundle::Verified> {
        let (keys, known) = self.trusted()?;
        let installed = policy
            .installed
            .as_deref()
            .map(|version| self.installed(version, &keys, known.as_ref()))
            .transpose()?;
        let policy = bundle::Policy {
            product: &policy.product,
            installed,
            now: timestamp(policy.at),
        };
        bundle::verify(path, &keys, &policy).map_err(|e| refused(path, e))
    }

    /// The version that is installed, and the highest counter that ever was.
    fn installed(
        &self,
        version: &str,
        keys: &TrustedKeys,
        known: Option<&Remembered>,
    ) -> HostResult<bundle::Installed> {
        let dir = self.settings.release.root.join("releases").join(version);
        let parsed = version
            .parse()
            .map_err(|e| HostError::new("read the version of", dir.display().to_string(), e))?;
        // A release that was not installed from a bundle has no counter: any newer version may follow.
        let of_release = || bundle::load_unpacked(&dir, keys).map_or(0, |m| m.counter);
        let counter = known.and_then(|known| known.counter);
        Ok(bundle::Installed {
            version: parsed,
            counter: counter.unwrap_or_else(of_release),
        })
    }

    /// The time that expiry is judged by: never before the newest moment that this node has seen, however its clock was set.
    pub(super) fn moment(&self) -> HostResult<Time> {
        let _mine = self.memory.mine();
        let now = timestamp(self.clock.now());
        let (keys, known) = self.trusted()?;
        let before = known.as_ref().map(|known| known.seen);
        let mut known = known.unwrap_or_else(|| Remembered::nothing(&keys, self.newest_entry()));
        let at = known.at(now);
        if before.is_none_or(|before| at.duration_since(before) > NEWER) {
            self.store(&known)?;
        }
        Ok(Time(u64::try_from(at.as_millisecond()).unwrap_or(0)))
    }

    /// The key set that is in force from when the bundle at `path` is staged, if it is another one than now.
    pub(super) fn brought_by(&self, path: &Path) -> Option<u64> {
        let keys = self.keys().ok()?;
        let (manifest, _) = bundle::inspect(path, &keys).ok()?;
        manifest.key_set.filter(|number| *number > keys.number())
    }

    /// Puts the key sets that a bundle brings in force.
    pub(super) fn take_key_sets(&self, verified: &bundle::Verified, path: &Path) -> HostResult<()> {
        let Some(set) = verified.trusted().set() else {
            return Ok(());
        };
        let _mine = self.memory.mine();
        let (before, _) = self.trusted()?;
        if before.number() >= set.number() {
            return Ok(());
        }
        let dir = &self.settings.bundle.keys;
        let sets = verified.key_sets();
        let product = Some(self.settings.cluster.name.as_str());
        let now = timestamp(self.clock.now());
        let done = bundle::install_keys(dir, &self.state_dir, path, sets, product, now);
        let done = done.map_err(|e| refused(path, e))?;
        let number = done.set.number();
        tracing::warn!(
            HAU_EVENT = "keys",
            "key set {number} is in force: {} brought it",
            path.display()
        );
        Ok(())
    }

    /// Remembers that the release in `dir` is installed from now on, if it is still what was signed.
    pub(super) fn remember(&self, dir: &Path) -> HostResult<()> {
        let _mine = self.memory.mine();
        let (keys, known) = self.trusted()?;
        let manifest = bundle::load_unpacked(dir, &keys).map_err(|e| refused(dir, e))?;
        let differences = bundle::check_unpacked(dir, &manifest).map_err(|e| refused(dir, e))?;
        if let Some(first) = differences.first() {
            return Err(HostError::new("install", dir.display().to_string(), first));
        }
        let mut known = known.unwrap_or_else(|| Remembered::nothing(&keys, self.newest_entry()));
        known.at(timestamp(self.clock.now()));
        known.installed(manifest.counter);
        self.store(&known)
    }

    /// What the nodes of a pair compare.
    pub(super) fn trust_here(&self) -> HostResult<Trust> {
        let moment = self.moment()?;
        let (keys, known) = self.trusted()?;
        Ok(Trust {
            what: named(&keys),
            fingerprint: keys.fingerprint().to_string(),
            expires: keys.set().map(|set| set.statement().expires.to_string()),
            counter: known.and_then(|known| known.counter),
            moment,
        })
    }

    fn store(&self, known: &Remembered) -> HostResult<()> {
        known.store(&self.state_dir).map_err(|e| {
            HostError::new(
                "remember in",
                self.state_dir.display().to_string(),
                chain(&e),
            )
        })
    }

    /// Of the audit trail: how far time had come before this node began to remember.
    fn newest_entry(&self) -> Timestamp {
        let entries = self.audit.entries(usize::MAX, Time(0)).unwrap_or_default();
        // Not the last one: its clock may have been set back.
        let moments = entries.iter().filter_map(|entry| entry.at.parse().ok());
        moments.max().unwrap_or(Timestamp::MIN)
    }
}

/// What is trusted, as a sentence within one.
fn named(keys: &TrustedKeys) -> String {
    if let Some(set) = keys.set().map(KeySet::statement) {
        return told!(
            "key set {} ({} of {} keys)",
            set.number,
            set.threshold,
            set.keys.len()
        );
    }
    let ids: Vec<_> = keys.signers().map(|key| key.id.as_str()).collect();
    match ids[..] {
        [id] => told!("the plain key {}", id),
        _ => told!("any of the plain keys ({})", ids.join(",")),
    }
}

fn timestamp(at: Time) -> Timestamp {
    let at = i64::try_from(at.0).unwrap_or(i64::MAX);
    Timestamp::from_millisecond(at).unwrap_or(Timestamp::MAX)
}
