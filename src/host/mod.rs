//! The operating system behind a trait: files, units, network, the peer. One of the two seams
//! (the other is `Database`); the real one and the fake are held to the same tests.
pub mod archive;
pub mod commands;
pub mod confine;
pub mod fake;
pub mod files;
pub mod http;
pub mod net;
pub mod process;
pub mod programs;
pub mod secret;
pub mod sockets;
pub mod tree;
pub mod units;

use crate::core::{Armed, Downtime, Fetching, VrrpState};
use crate::time::Time;
use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

/// An operation on the host failed: what was tried, on what, and why not.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {object}: {why}")]
pub struct HostError {
    pub action: &'static str,
    pub object: String,
    pub why: String,
}

impl HostError {
    pub fn new(action: &'static str, object: impl Into<String>, why: impl ToString) -> Self {
        Self {
            action,
            object: object.into(),
            why: why.to_string(),
        }
    }
}

pub type HostResult<T> = Result<T, HostError>;

/// A unit's life as systemd tells it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Active {
    #[default]
    Inactive,
    /// Or waiting for what it is to start after.
    Activating,
    Active,
    Deactivating,
    Failed,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnitState {
    pub active: Active,
    /// Systemd's finer word, as "running", "dead", "exited".
    pub sub: String,
    pub main_pid: Option<u32>,
    /// Processes left in the unit's control group.
    pub processes: u32,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpAnswer {
    pub status: u16,
    /// At most 64 KiB of it.
    pub body: String,
}

/// A program to run: absolute path and arguments, never a shell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Command {
    pub program: PathBuf,
    pub args: Vec<String>,
    /// The user it runs as; None: this process's own.
    pub user: Option<String>,
    /// Extra environment; never secrets.
    pub env: BTreeMap<String, String>,
    /// Where its standard output goes; None: into `Output::stdout`.
    pub stdout: Option<PathBuf>,
    pub limit: Duration,
    /// What it reads on its standard input.
    pub stdin: Vec<u8>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output {
    pub code: Option<i32>,
    /// At most 1 MiB each.
    pub stdout: String,
    pub stderr: String,
}

impl Output {
    /// How it ended, with its last words: "exit code 3: no such host".
    pub fn ending(&self) -> String {
        let how = match self.code {
            Some(code) => format!("exit code {code}"),
            None => "no exit code".to_owned(),
        };
        let last = self.stderr.lines().next_back();
        format!("{how}: {}", last.unwrap_or("it said nothing"))
    }
}

/// What is known of a file by looking at it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct FileInfo {
    pub size_bytes: u64,
    /// Permission bits.
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    /// Hex SHA-256 of the content; of the target for a symbolic link.
    pub sha256: String,
}

#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Pass,
    Warn,
    Fail,
}

/// One line of `doctor`: what was looked at, how it is, what to do.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Finding {
    pub check: String,
    pub status: Status,
    pub what: String,
    /// Empty for a pass.
    pub remedy: String,
}

impl Finding {
    pub fn pass(check: &str, what: impl Into<String>) -> Self {
        let remedy = String::new();
        Self {
            check: check.to_owned(),
            status: Status::Pass,
            what: what.into(),
            remedy,
        }
    }

    pub fn warn(check: &str, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        let (what, remedy) = (what.into(), remedy.into());
        Self {
            check: check.to_owned(),
            status: Status::Warn,
            what,
            remedy,
        }
    }

    pub fn fail(check: &str, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        let (what, remedy) = (what.into(), remedy.into());
        Self {
            check: check.to_owned(),
            status: Status::Fail,
            what,
            remedy,
        }
    }
}

/// What a bundle is held against, beyond its signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundlePolicy {
    pub product: String,
    /// None where nothing is installed yet, or the version does not matter any more.
    pub installed: Option<String>,
    /// When it must not have expired yet: a rollout that was planned in time goes on with it.
    pub at: Time,
}

/// What a database is at one moment; of a dump, at the moment that it shows.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct DatabaseMark {
    /// Where its log was.
    pub position: String,
    /// The number that the next transaction which writes will have.
    pub next_transaction: u64,
    /// By the database's clock.
    pub at: Time,
    /// Every table with the number of its rows; empty: not counted.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rows: BTreeMap<String, u64>,
}

/// What a verified bundle says of itself.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct BundleInfo {
    pub version: String,
    pub counter: u64,
    pub sha256: String,
    pub size_bytes: u64,
    /// Bytes of the unpacked release.
    pub payload_bytes: u64,
    pub schema_compatible: bool,
    /// Schema scripts in order, relative to the release folder.
    pub schema: Vec<PathBuf>,
    /// Hook name to path, relative to the release folder.
    pub hooks: BTreeMap<String, PathBuf>,
}

/// Whose bundles a node takes; the nodes of a pair compare it.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Trust {
    /// For a person.
    pub what: String,
    /// Equal where the same keys count in the same way.
    pub fingerprint: String,
    /// When the key set does.
    pub expires: Option<String>,
    /// The highest that was ever installed, if one was.
    pub counter: Option<u64>,
    /// What expiry is judged by: now, or later where the clock was set back.
    pub moment: Time,
}

/// A schema script of a bundle, by its path in the release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    pub name: String,
    pub bytes: Vec<u8>,
}

/// What of the handoff is in force on this host, and what hinders the rest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Handoff {
    pub armed: Armed,
    /// The parts that were wanted at the last try, and why it did not succeed.
    pub tried: Armed,
    pub problem: Option<String>,
}

/// The machine a step works on. Every call that waits takes its limit.
pub trait Host: Send + Sync {
    fn now(&self) -> Time;

    fn read(&self, path: &Path) -> HostResult<Vec<u8>>;
    /// Replaces the file atomically and durably.
    fn write(&self, path: &Path, bytes: &[u8], mode: u32) -> HostResult<()>;
    fn own(&self, path: &Path, uid: u32, gid: u32) -> HostResult<()>;
    fn exists(&self, path: &Path) -> bool;
    /// Is it a folder, and no link to one?
    fn is_folder(&self, path: &Path) -> bool;
    /// Removes a file, link or whole folder; not there is fine.
    fn remove(&self, path: &Path) -> HostResult<()>;
    fn make_dir(&self, path: &Path, mode: u32) -> HostResult<()>;
    /// Replaces `link` atomically and durably by a symbolic link to `target`.
    fn link(&self, target: &Path, link: &Path) -> HostResult<()>;
    fn link_target(&self, link: &Path) -> Option<PathBuf>;
    fn rename(&self, from: &Path, to: &Path) -> HostResult<()>;
    /// Names in a folder, sorted; a missing folder is empty.
    fn list(&self, dir: &Path) -> HostResult<Vec<String>>;
    /// Names there of what a change that was cut off has left; `list`, `inspect` and `copy` pass over them.
    fn debris(&self, dir: &Path) -> HostResult<Vec<String>>;
    /// Every file and link below `paths` (absolute names), with size, mode, owner and hash.
    fn inspect(&self, paths: &[PathBuf]) -> HostResult<BTreeMap<PathBuf, FileInfo>>;
    /// Copies file or folder `from` to `to` with modes and owners, durably, replacing `to`.
    fn copy(&self, from: &Path, to: &Path) -> HostResult<()>;
    fn free_bytes(&self, path: &Path) -> HostResult<u64>;
    /// Bytes of every file and link below `path`, without reading them; what is missing has none.
    fn size_bytes(&self, path: &Path) -> HostResult<u64>;

    fn unit(&self, name: &str) -> HostResult<UnitState>;
    /// Asks systemd to start the unit and returns when its job has ended.
    fn start_unit(&self, name: &str, limit: Duration) -> HostResult<()>;
    fn stop_unit(&self, name: &str, limit: Duration) -> HostResult<()>;
    /// Makes systemd read its unit files again.
    fn reload_units(&self) -> HostResult<()>;
    /// The last lines the unit wrote, oldest first.
    fn unit_log(&self, name: &str, lines: usize) -> Vec<String>;

    fn listens(&self, port: u16) -> bool;
    fn http_get(&self, url: &str, limit: Duration) -> HostResult<HttpAnswer>;
    fn has_address(&self, address: IpAddr) -> HostResult<bool>;
    fn vrrp(&self) -> VrrpState;
    fn handoff(&self) -> Handoff;
    /// What hinders the handoff here, and what it would cost.
    fn handoff_findings(&self) -> Vec<Finding>;
    /// The other ends of the open connections to `ports` of `addresses`.
    fn connections(&self, addresses: &[IpAddr], ports: &[u16]) -> HostResult<Vec<SocketAddr>>;
    /// Ends those of these connections whose other end is `whose`; gives their other ends.
    fn reset_connections(
        &self,
        addresses: &[IpAddr],
        ports: &[u16],
        whose: &dyn Fn(IpAddr) -> bool,
    ) -> HostResult<Vec<SocketAddr>>;
    /// Of the other node, as it told them.
    fn peer_addresses(&self) -> Vec<IpAddr>;
    /// What has been measured through the VIP of the switchover under way.
    fn downtime(&self) -> Option<Downtime>;
    fn run(&self, command: &Command) -> HostResult<Output>;

    /// Asks the other node for one of the things nodes give each other (see `wire::peer`).
    fn peer_get(&self, what: &str, limit: Duration) -> HostResult<Vec<u8>>;
    /// Fetches a bundle with this SHA-256 from the other node, going on where an earlier try ended; of what is in a
    /// release here nothing is fetched.
    fn peer_fetch(
        &self,
        bundle: &str,
        to: &Path,
        sha256: Option<&str>,
        limit: Duration,
    ) -> HostResult<Fetching>;

    /// Verifies a bundle's signature and every hash for this site; nothing is unpacked.
    fn verify_bundle(&self, path: &Path, policy: &BundlePolicy) -> HostResult<BundleInfo>;
    /// The schema scripts of a signed bundle, in order; policy is not asked.
    fn schema_scripts(&self, path: &Path) -> HostResult<Vec<Script>>;
    /// Verifies, unpacks and reads back a release into `dest`.
    fn unpack_bundle(&self, path: &Path, policy: &BundlePolicy, dest: &Path) -> HostResult<()>;
    /// Reads an unpacked release back and compares every hash with its bundle's manifest.
    fn check_release(&self, path: &Path, policy: &BundlePolicy, dest: &Path) -> HostResult<()>;

    /// From now on the release in `dest` is installed: nothing that was made before it may follow, whatever is taken back.
    /// Read back once more before, and held against its signed manifest: it may have lain there for days.
    fn remember_release(&self, dest: &Path) -> HostResult<()>;
    /// Whose bundles are taken here.
    fn trust(&self) -> HostResult<Trust>;

    /// Packs files and folders into a tar at `to`, durably.
    fn archive(&self, paths: &[PathBuf], to: &Path) -> HostResult<()>;
    /// Unpacks what `archive` made into the folder `to`, which holds nothing else afterwards.
    fn unarchive(&self, tar: &Path, to: &Path) -> HostResult<()>;
    /// Encrypts a file to `recipients` so that the age tool opens it.
    fn encrypt(&self, file: &Path, to: &Path, recipients: &[String]) -> HostResult<()>;
    /// What keepalived's configuration and behaviour say about this node's fitness.
    fn keepalived(&self) -> Vec<Finding>;
    /// What must be known of this node's audit trail.
    fn audit(&self) -> Vec<Finding>;
}
