//! What a fake host is made of, and how a test sets it up.
use super::{
    super::{
        Active, BundleInfo, BundlePolicy, Command, Handoff, HostError, HostResult, HttpAnswer,
        Output, Script, UnitState, tree::hex,
    },
    Tree,
};
use crate::{
    core::{Downtime, VrrpState},
    time::Time,
};
use sha2::{Digest, Sha256};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

/// All there is on a host.
#[derive(Default)]
pub struct World {
    /// Virtual: moves only when a test moves it, or a unit hangs.
    pub now: Time,
    /// How far the host's clock is ahead of that, in milliseconds.
    pub ahead: i64,
    pub files: Tree,
    pub free_bytes: u64,
    pub units: BTreeMap<String, FakeUnit>,
    /// By URL. One whose port belongs to a unit answers only while that unit listens.
    pub http: BTreeMap<String, HttpAnswer>,
    pub addresses: BTreeSet<IpAddr>,
    pub vrrp: VrrpState,
    pub handoff: Handoff,
    /// Connections to services here that nobody ends.
    pub connections: Vec<SocketAddr>,
    /// As the other node told them.
    pub peer_addresses: Vec<IpAddr>,
    pub downtime: Option<Downtime>,
    /// What programs say; one that is a file and not here ends well and says nothing.
    pub programs: BTreeMap<PathBuf, Output>,
    /// Every program that ran, oldest first.
    pub ran: Vec<Command>,
    /// By the content of the bundle's file.
    pub bundles: BTreeMap<Vec<u8>, FakeBundle>,
    /// The release that was remembered last.
    pub remembered: Option<PathBuf>,
    /// Answers for the other node; None: not reachable.
    pub peer: Option<Peer>,
    /// After this many more changes every further change fails, as if the process had been cut
    /// there. None: never.
    pub fuse: Option<u32>,
    /// Changes made so far.
    pub changes: u32,
}

/// Asked without any lock held, so that two fakes may ask each other.
pub type Peer = Arc<dyn Fn(PeerAsk<'_>) -> HostResult<Vec<u8>> + Send + Sync>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerAsk<'a> {
    /// `peer_get` of this thing.
    Thing(&'a str),
    /// `peer_fetch`: the whole file of this bundle.
    Bundle(&'a str),
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FakeUnit {
    pub state: UnitState,
    /// Listened on while the unit is active.
    pub ports: Vec<u16>,
    /// From start until the ports listen.
    pub ready_after: Duration,
    pub ready_at: Time,
    pub on_start: OnStart,
    pub on_stop: OnStop,
    pub log: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum OnStart {
    #[default]
    Runs,
    /// The job ends well, the process is gone right after.
    Dies,
    /// The job fails, with this reason.
    Fails(String),
    /// The job takes longer than any limit.
    Hangs,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum OnStop {
    #[default]
    Stops,
    /// Stopped, but this many processes stay.
    Leaves(u32),
    Fails(String),
    Hangs,
}

/// What a bundle's file stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FakeBundle {
    pub product: String,
    pub info: BundleInfo,
    /// Versions it upgrades from; empty: any.
    pub upgrades_from: BTreeSet<String>,
    pub expires: Time,
    /// What unpacking writes: content and mode, relative to the release folder.
    pub files: BTreeMap<PathBuf, (Vec<u8>, u32)>,
}

impl FakeUnit {
    /// A service that runs and listens.
    pub fn running(ports: &[u16]) -> Self {
        Self {
            state: running(),
            ports: ports.to_vec(),
            ..Self::default()
        }
    }

    pub(super) fn listens(&self, port: u16, now: Time) -> bool {
        self.state.active == Active::Active && now >= self.ready_at && self.ports.contains(&port)
    }
}

impl World {
    /// Puts a bundle's file at `path`, which from then on any fake that has the same entry in
    /// `bundles` knows wherever it is copied.
    pub fn add_bundle(&mut self, path: &Path, bundle: FakeBundle) -> HostResult<()> {
        let content = format!("bundle {} {}\n", bundle.product, bundle.info.version).into_bytes();
        self.files.make_dir(path.parent().unwrap_or(path), 0o755)?;
        self.files.write(path, &content, 0o644)?;
        self.bundles.insert(content, bundle);
        Ok(())
    }

    pub(super) fn unit(&mut self, action: &'static str, name: &str) -> HostResult<&mut FakeUnit> {
        let missing = || HostError::new(action, name, format!("systemd knows no unit {name}"));
        self.units.get_mut(name).ok_or_else(missing)
    }

    fn signed(&self, path: &Path) -> HostResult<&FakeBundle> {
        let known = self.bundles.get(&self.files.read(path)?);
        known.ok_or_else(|| unverified(path, "no trusted key signed it".into()))
    }

    pub(super) fn scripts(&self, path: &Path) -> HostResult<Vec<Script>> {
        let bundle = self.signed(path)?;
        let script = |name: &PathBuf| {
            let (bytes, _) = bundle.files.get(name)?;
            let (name, bytes) = (name.display().to_string(), bytes.clone());
            Some(Script { name, bytes })
        };
        let scripts: Option<_> = bundle.info.schema.iter().map(script).collect();
        scripts.ok_or_else(|| unverified(path, "a script is missing".into()))
    }

    /// The folder is what the bundle holds.
    pub(super) fn holds(&self, dest: &Path, bundle: &FakeBundle) -> HostResult<()> {
        for (name, (bytes, _)) in &bundle.files {
            let file = dest.join(name);
            if self.files.read(&file)? != *bytes {
                let why = "it is not what the bundle holds";
                return Err(HostError::new("check", file.display().to_string(), why));
            }
        }
        Ok(())
    }

    pub(super) fn unpack(
        &mut self,
        path: &Path,
        policy: &BundlePolicy,
        dest: &Path,
    ) -> HostResult<()> {
        let bundle = self.bundle(path, policy)?.clone();
        self.files.remove(dest)?;
        self.files.make_dir(dest, 0o755)?;
        for (name, (bytes, mode)) in &bundle.files {
            let file = dest.join(name);
            self.files.make_dir(file.parent().unwrap_or(dest), 0o755)?;
            self.files.write(&file, bytes, *mode)?;
        }
        let manifest = bundle.manifest();
        self.files
            .write(&dest.join("manifest.toml"), manifest.as_bytes(), 0o644)
    }

    pub(super) fn bundle(&self, path: &Path, policy: &BundlePolicy) -> HostResult<&FakeBundle> {
        let refused = |why: String| unverified(path, why);
        let bundle = self.signed(path)?;
        if bundle.product != policy.product {
            return Err(refused(format!("it is for {}", bundle.product)));
        }
        if policy.at >= bundle.expires {
            return Err(refused("it has expired".into()));
        }
        match &policy.installed {
            Some(old)
                if !bundle.upgrades_from.is_empty() && !bundle.upgrades_from.contains(old) =>
            {
                Err(refused(format!("it does not upgrade {old}")))
            }
            Some(_) | None => Ok(bundle),
        }
    }
}

impl FakeBundle {
    /// As the real one has it, of what lies in the release; nobody signs it.
    fn manifest(&self) -> String {
        let (product, info) = (&self.product, &self.info);
        let head = format!(
            "format = 1\nproduct = {product:?}\nversion = {:?}\ncounter = {}\nupgrades_from = []\n\
             expires = \"9999-01-01T00:00:00Z\"\n",
            info.version, info.counter
        );
        let file = |(path, (bytes, mode)): (&PathBuf, &(Vec<u8>, u32))| {
            let hash = hex(&Sha256::digest(bytes));
            format!(
                "[[file]]\npath = {path:?}\nsize = {}\nmode = \"{mode:04o}\"\nsha256 = {hash:?}\n",
                bytes.len()
            )
        };
        head + &self.files.iter().map(file).collect::<String>()
    }
}

fn unverified(path: &Path, why: String) -> HostError {
    HostError::new("verify bundle", path.display().to_string(), why)
}

pub(super) fn running() -> UnitState {
    UnitState {
        active: Active::Active,
        sub: "running".into(),
        main_pid: Some(4242),
        processes: 1,
    }
}

pub(super) fn gone(active: Active, sub: &str) -> UnitState {
    UnitState {
        active,
        sub: sub.into(),
        main_pid: None,
        processes: 0,
    }
}
