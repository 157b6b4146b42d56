//! What hau.toml says, typed. The shape is the file's; `hau.toml.example` explains each key.

mod database;
mod notify;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

pub use database::{
    Ask, Commands, Database, DatabaseKind, Dsn, Failover, Fence, Gaussdb, Pattern, Postgres, Rejoin,
};
pub use notify::{
    Events, HookAddress, HookUrl, Login, Mail, MailServer, MailTls, NoticeKind, Notify,
    NotifyCommand, Shape, Webhook,
};

/// A whole, valid configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// `[cluster]`
    pub cluster: Cluster,
    /// `[nodes.NAME]`: exactly two, with different addresses.
    pub nodes: BTreeMap<String, Node>,
    /// `[peer]`
    pub peer: Peer,
    /// `[vrrp]`
    pub vrrp: Vrrp,
    /// `[[service]]`, at least one, in the order of the file; see [`Settings::start_order`].
    pub services: Vec<Service>,
    /// `[release]`
    pub release: Release,
    /// `[database]`; `None` if it is absent or its kind is `none`.
    pub database: Option<Database>,
    /// `[fence]`; `None`: nothing makes sure that the other node is off.
    pub fence: Option<Fence>,
    /// `[config_sync]`; `None`: nothing keeps the two nodes' configuration equal.
    pub config_sync: Option<ConfigSync>,
    /// `[root_key]`; `None`: the product has no such key.
    pub root_key: Option<RootKey>,
    /// `[backup]`
    pub backup: Backup,
    /// `[bundle]`
    pub bundle: Bundle,
    /// `[limits]`
    pub limits: Limits,
    /// `[handoff]`
    pub handoff: Handoff,
    /// `[rollback]`
    pub rollback: Rollback,
    /// `[health]`
    pub health: Health,
    /// `[notify]`
    pub notify: Notify,
}

/// The pair and the product it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    /// Bundles name it: letters, digits, `.`, `_`, `-`.
    pub name: String,
}

/// One of the two hosts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its own address, never the VIP.
    pub address: IpAddr,
}

/// The link between the two sidecars.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// TCP port on both nodes.
    pub port: u16,
}

/// keepalived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vrrp {
    /// Name of the `vrrp_instance` that holds the VIP.
    pub instance: String,
    /// keepalived's configuration file.
    pub config: PathBuf,
    /// The file with the weight, which keepalived tracks.
    pub track_file: PathBuf,
    /// How the VIP is moved.
    pub switch: Switch,
    /// The interface; `None`: as keepalived's configuration says.
    pub interface: Option<String>,
}

/// How the VIP is moved (both by weights).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Switch {
    /// Make before break: no gap, takes 2–3 advertisement intervals.
    Lower,
    /// Over 254 and −254: milliseconds, nobody owns the VIP for some of them.
    Fast,
    /// What suits this pair.
    Auto,
}

/// A systemd service of the product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Unique.
    pub name: String,
    /// Unit with its suffix; unique.
    pub unit: String,
    /// TCP ports that listen when it is up.
    pub ports: Vec<u16>,
    /// Its ports are reached through the VIP.
    pub via_vip: bool,
    /// It has connections to the database, so it stops before the primary does.
    pub uses_database: bool,
    /// Names of the services to be started before.
    pub depends_on: Vec<String>,
    /// Its health, asked over HTTP.
    pub http: Vec<HttpCheck>,
    /// `http://` URLs fetched once after a start, before it counts as up.
    pub warmup: Vec<String>,
}

/// One question to a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpCheck {
    /// `http://HOST[:PORT]/…`
    pub url: String,
    /// The status it must answer; `None`: any 2xx.
    pub status: Option<u16>,
    /// A text the body must contain.
    pub body: Option<String>,
}

/// Where releases are installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// Holds `releases/VERSION`, `current`, `previous`.
    pub root: PathBuf,
    /// How many releases stay, at least 2.
    pub keep: u32,
    /// The real folder that gets the current release's files; `None`: the product runs through `current`.
    pub in_place: Option<PathBuf>,
    /// Whom a bundle's hooks run as; a bundle with hooks is refused without it.
    pub user: Option<String>,
}

/// The site's own push of configuration, which hau pauses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigSync {
    /// Timers and services to stop.
    pub units: Vec<String>,
    /// What they keep equal.
    pub paths: Vec<PathBuf>,
}

/// The product's root key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootKey {
    /// The key file.
    pub path: PathBuf,
    /// The second node gets the first's key.
    pub carry: bool,
    /// An URL whose body contains the first 16 hex digits of SHA-256 of the key file in use.
    pub shown_by: Option<String>,
}

/// Backups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backup {
    /// Holds `backup_YYYYMMDD_HHMMSS`.
    pub dir: PathBuf,
    /// How many stay, at least 1.
    pub keep: u32,
    /// Configuration to save.
    pub config_paths: Vec<PathBuf>,
    /// `age1…`: who can open the root key in it; not empty if there is a root key.
    pub recipients: Vec<String>,
    /// How a backup is proved good.
    pub prove: Prove,
    /// `"peer"`, or programs, that get a copy.
    pub copy_to: Vec<String>,
}

/// How a backup is proved good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prove {
    /// Checksums, and the database dump restored beside the running one.
    Restore,
    /// Checksums.
    Verify,
}

/// Bundles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    /// Where they are put.
    pub incoming: PathBuf,
    /// Trusted minisign keys.
    pub keys: PathBuf,
}

/// Limits of time and number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// One node's upgrade.
    pub node_upgrade: Duration,
    /// One try to move the VIP.
    pub vip_switch: Duration,
    /// Further tries.
    pub vip_retries: u32,
    /// From start until the ports listen.
    pub start: Duration,
    /// From then until it is healthy.
    pub health: Duration,
    /// Good checks in a row.
    pub soak: Soak,
    /// For the old node's connections to end.
    pub drain: Duration,
    /// A whole backup.
    pub backup: Duration,
    /// All schema scripts.
    pub schema: Duration,
    /// One node's rollback.
    pub rollback: Duration,
    /// Measured downtime of a whole upgrade.
    pub downtime_budget: Duration,
}

/// How calm a node must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Soak {
    /// Good checks, at least 1.
    pub checks: u32,
    /// The time they must come in.
    pub within: Duration,
}

/// Moving the VIP without cutting connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handoff {
    /// Forward packets of old connections to the old node.
    pub enabled: When,
    /// Hold new connections while the primary role moves.
    pub park: When,
}

/// When to use something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Where it is possible.
    Auto,
    /// Refuse to work without.
    Always,
    /// Not at all.
    Never,
}

/// Rollback.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rollback {
    /// Who decides.
    pub policy: RollbackPolicy,
    /// What becomes of the database.
    pub database: RollbackDatabase,
}

/// Who decides on a rollback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RollbackPolicy {
    /// A person.
    Manual,
    /// hau.
    Auto,
}

/// What a rollback does to the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RollbackDatabase {
    /// Nothing: schema steps are backward-compatible, no data is lost.
    Keep,
    /// The backup's state: newer data is lost.
    Restore,
}

/// The plain, read-only HTTP door.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// Address and port.
    pub listen: SocketAddr,
    /// Who may see the page.
    pub page: Page,
}

/// Who may see the page in a browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    /// Who comes over the loopback address: from this host, or through a tunnel of ssh.
    Loopback,
    /// Whoever reaches the door.
    Everywhere,
    /// Nobody.
    Off,
}
