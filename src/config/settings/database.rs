//! `[database]` and `[fence]`, typed.
use crate::config::database::COMMANDS;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

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
    /// GaussDB or openGauss.
    Gaussdb(Gaussdb),
    /// Any, by commands.
    Command(Commands),
}

impl DatabaseKind {
    /// As the configuration writes it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Postgres(_) => "postgres",
            Self::Gaussdb(_) => "gaussdb",
            Self::Command(_) => "command",
        }
    }
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

/// The GaussDB or openGauss on this host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gaussdb {
    /// How to connect to it.
    pub dsn: Dsn,
    /// A file with its user's password, for root alone to read; none: the server asks for none.
    pub password_file: Option<PathBuf>,
    /// Whose certificates are trusted over TCP; none: the CAs that this host trusts.
    pub ca_file: Option<PathBuf>,
    /// Its data directory.
    pub data_dir: PathBuf,
    /// `$GAUSSHOME`, where `bin` and `lib` are.
    pub home: PathBuf,
    /// The system user that its tools run as.
    pub os_user: String,
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
    /// A number that lies with the data and grows with each promotion.
    Timeline,
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

/// As its key in hau.toml.
impl fmt::Display for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = COMMANDS.iter().find(|(ask, ..)| ask == self);
        f.write_str(known.map_or("", |(_, key, ..)| key))
    }
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
pub struct Dsn(pub(in crate::config) String);

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
