//! What hau.toml says, typed. The shape is the file's; `hau.toml.example` explains each key.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

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
    /// Whom a bundle's hooks run as; a bundle with hooks is refused without it.
    pub user: Option<String>,
}

/// The replicated database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Database {
    /// Which adapter, with what it needs.
    pub kind: DatabaseKind,
    /// Who promotes after an unplanned loss of the primary.
    pub failover: Failover,
    /// Who lets a former primary follow the new one.
    pub rejoin: Rejoin,
}

/// The adapter of a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DatabaseKind {
    /// PostgreSQL.
    Postgres(Postgres),
    /// Any, by commands.
    Command(Commands),
}

/// The PostgreSQL on this host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Postgres {
    /// How to connect to it.
    pub dsn: Dsn,
    /// Its data directory.
    pub data_dir: PathBuf,
    /// Its systemd unit.
    pub unit: String,
    /// The system user its tools run as.
    pub os_user: String,
    /// The replication slot a standby uses.
    pub replication_slot: Option<String>,
}

/// A database that is reached by commands, run as root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commands {
    /// The program with its whole path, then its words.
    pub of: BTreeMap<Ask, Vec<String>>,
    /// Of a primary the first line that [`Ask::Role`] prints matches this.
    pub primary: Pattern,
    /// The same of a standby.
    pub standby: Pattern,
}

/// A regular expression; it takes linear time.
#[derive(Debug, Clone)]
pub struct Pattern(pub regex::Regex);

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl Eq for Pattern {}

/// What a database that is reached by commands is asked or told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ask {
    /// What both nodes have in common, and no other pair.
    Identity,
    /// Primary or standby, on its first line.
    Role,
    /// The bytes that the standby has not replayed; exit code 1: nothing replicates.
    Lag,
    /// Where this node is, as one word.
    Position,
    /// Has this standby replayed everything up to `{position}`? Exit code 1: not yet.
    Replayed,
    /// What is done so that `demote` is short.
    Checkpoint,
    /// The primary takes no more writes; where it stopped.
    Demote,
    /// A demoted one becomes primary again.
    TakeBack,
    /// The standby becomes primary.
    Promote,
    /// A demoted one follows the new primary.
    Rejoin,
    /// The standby becomes primary with what it has, after the other node is gone.
    TakeOver,
    /// A former primary takes back what the new one never got.
    Rewind,
    /// A former primary is copied anew.
    Rebuild,
    /// The schema script `{name}`, read from standard input.
    Schema,
    /// The bytes that a dump may need.
    Size,
    /// A whole dump, printed.
    Dump,
    /// Reads `{file}` to its end and says what it holds.
    CheckDump,
}

/// Who promotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failover {
    /// A person.
    Manual,
    /// hau, behind a fence.
    Auto,
}

/// Who lets a former primary follow the new one after it was away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rejoin {
    /// A person.
    Manual,
    /// hau; what the new primary never got is thrown away.
    Auto,
}

/// What makes sure that the other node is off before this one becomes primary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fence {
    /// Program and arguments, `{node}` in them the other node's name; exit code 0: it is off.
    pub command: Vec<String>,
    /// Of one run.
    pub limit: Duration,
}

/// A connection string. It may hold a password: not shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Dsn(pub(super) String);

impl Dsn {
    /// The string, for the client library and for nothing that is logged.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Dsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Dsn(…)")
    }
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
}

/// Who is told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Notify {
    /// `[[notify.webhook]]`
    pub webhook: Vec<Webhook>,
    /// `[notify.mail]`
    pub mail: Option<Mail>,
    /// `[[notify.command]]`
    pub command: Vec<NotifyCommand>,
}

/// An HTTP POST.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// `http://…` or `https://…`
    pub url: String,
    /// Which; empty: all.
    pub events: Vec<String>,
}

/// A mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// Sender.
    pub from: String,
    /// Receivers, at least one.
    pub to: Vec<String>,
}

/// A program that gets the event as JSON on standard input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotifyCommand {
    /// Program and arguments.
    pub run: Vec<String>,
    /// Which; empty: all.
    pub events: Vec<String>,
}
