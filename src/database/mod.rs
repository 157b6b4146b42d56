//! The database of a node behind one trait, one file an adapter. The second seam: the real
//! adapters and the fake are held to the same tests.
mod beside;
pub mod command;
mod deadline;
pub mod fake;
pub mod gaussdb;
mod lsn;
mod none;
pub mod postgres;
mod rows;
mod script;

pub use none::NONE;

use crate::config::{DatabaseKind, Settings};
use crate::core::{DatabaseRole, NodeId};
use crate::host::{DatabaseMark, Finding, Host};
use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

/// What a database operation failed at, and what a person can do about it.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct DatabaseError {
    pub what: String,
    pub remedy: String,
    /// Trying again may help.
    pub transient: bool,
}

/// In hau's run folder, which a boot empties: without it a former primary does not start.
pub const MAY_START: &str = "database-may-start";

pub type DatabaseResult<T> = Result<T, DatabaseError>;

/// How far the standby is behind, seen from whichever node asks.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Replication {
    pub streaming: bool,
    /// Not yet replayed by the standby; None: not known.
    pub lag_bytes: Option<u64>,
    /// What stands in the way of a planned switchover, one sentence each.
    pub obstacles: Vec<String>,
}

/// What decides over failover and over a start after an absence, seen without waiting long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    pub role: DatabaseRole,
    /// A standby that receives what its primary writes.
    pub follows: bool,
    /// Grows with each promotion; known of a stopped database too. 0: not known.
    pub timeline: u32,
    /// Down, primary by what lies on the disk, and kept from starting.
    pub held: bool,
    /// The host has not started since this one was last known to be the right primary.
    pub may_start: bool,
    /// As `take_over` wrote it into these data. 0: none, or not known of one that is down.
    pub term: u64,
}

/// Databases of hau's own on the same server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Beside {
    /// One that was restored from a dump.
    pub restored: bool,
    /// One whose place another has taken; a person drops it.
    pub replaced: bool,
}

/// Looked at from both nodes at once, beats show for how long nothing can be written while the primary moves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Beat {
    /// Here, by this one.
    Written,
    /// What the last one holds that has come here; None: none has.
    Seen(Option<String>),
}

/// A connection of its own for beats: whatever moves the primary waits for none.
pub trait Pulse {
    /// Writes one where this node's database takes writes, and looks at the last one where it does not.
    fn beat(&mut self, limit: Duration) -> DatabaseResult<Beat>;
}

/// One node's database. Synchronous: called on job threads only. Every call that waits takes its
/// limit; every call may be repeated at any point of itself.
pub trait Database: Replica + Schema + Dumps {
    /// What a person should know of it before the first rollout, as it answers itself, and what only a person can try.
    fn first_look(&self) -> Vec<Finding> {
        Vec::new()
    }
    /// What keeps a former primary from starting.
    ///
    /// # Errors
    /// This adapter holds none.
    fn guard(&self) -> DatabaseResult<&dyn Guard> {
        Err(not_here("a former primary is kept from starting"))
    }
    /// What shows for how long nothing can be written.
    ///
    /// # Errors
    /// This adapter does not, or cannot connect.
    fn pulse(&self, _limit: Duration) -> DatabaseResult<Box<dyn Pulse + '_>> {
        Err(not_here("how long nothing can be written is measured"))
    }
    /// What puts a dump back.
    ///
    /// # Errors
    /// This adapter does not.
    fn restores(&self) -> DatabaseResult<&dyn Restores> {
        Err(not_here("a dump is restored"))
    }
}

/// One of two databases that replicate: how it stands, and the moves of a switchover and of a failover.
pub trait Replica: Send + Sync {
    fn role(&self) -> DatabaseResult<DatabaseRole>;
    fn replication(&self) -> DatabaseResult<Replication>;
    /// Where this node is: written so far on the primary, replayed so far on the standby.
    fn position(&self) -> DatabaseResult<String>;
    /// Has this standby replayed everything up to `position` (as `position` or `demote` gave it)? Not if it follows
    /// a primary that was promoted since.
    fn has_replayed(&self, position: &str) -> DatabaseResult<bool>;
    /// What two nodes that replicate one another have in common, and no others.
    fn identity(&self) -> DatabaseResult<String>;
    /// What can be seen; what cannot is not known.
    fn standing(&self) -> Standing;
    /// What can be done before a switchover so that the stop is short (a checkpoint).
    fn prepare_switch(&self, limit: Duration) -> DatabaseResult<()>;
    /// Stops the primary cleanly and says what the standby must have replayed before it is
    /// promoted. Repeated on a stopped one: says it again. Not even a reboot brings a demoted one
    /// back as primary.
    fn demote(&self, limit: Duration) -> DatabaseResult<String>;
    /// Makes a demoted primary primary again: only where the other was certainly not promoted. One that was started
    /// since, as by a boot, is a standby by now and is promoted, as far as `demote` said where it stopped.
    fn take_back(&self, stopped: Option<&str>, limit: Duration) -> DatabaseResult<()>;
    /// Makes the standby primary. Refuses until `position` is replayed, and for ever where another one was promoted
    /// since. Done when it takes writes.
    fn promote(&self, position: &str, limit: Duration) -> DatabaseResult<()>;
    /// Starts a demoted primary as standby of the other node; done when it streams.
    fn rejoin(&self, limit: Duration) -> DatabaseResult<()>;
    /// Makes this one primary with what it has: only where the other certainly writes no more. A term is written into
    /// the data, where whoever follows them finds it; None: they are as before.
    fn take_over(&self, term: Option<u64>, limit: Duration) -> DatabaseResult<()>;
    /// Prepares a replaced primary for `rejoin`: takes back what the new primary never got, or
    /// with `rebuild` copies everything anew.
    fn rewind(&self, rebuild: bool, limit: Duration) -> DatabaseResult<()>;
}

/// The schema scripts of bundles.
pub trait Schema {
    /// Applies one schema script in one transaction; a script applied before is left alone.
    fn apply_schema(&self, name: &str, sql: &str, limit: Duration) -> DatabaseResult<()>;
    /// Schema scripts that were applied before, with their SHA-256 in hex; what is not known is left out.
    fn applied_schema(&self) -> DatabaseResult<BTreeMap<String, String>> {
        Ok(BTreeMap::new())
    }
}

/// Full logical backups.
pub trait Dumps {
    /// What it is right now; no rows are counted.
    fn mark(&self) -> DatabaseResult<DatabaseMark>;
    /// Can this node's be dumped with the role that it has?
    fn is_dumpable(&self) -> DatabaseResult<bool> {
        Ok(true)
    }
    /// Full logical backup into one file that did not exist. Says what it was made from, and with
    /// `counts` how many rows each table had then.
    fn dump(&self, to: &Path, counts: bool, limit: Duration) -> DatabaseResult<DatabaseMark>;
    /// Reads a dump's table of contents: is it whole? Says what it holds.
    fn check_dump(&self, file: &Path, limit: Duration) -> DatabaseResult<String>;
    /// Bytes a dump may need at most.
    fn size_bytes(&self) -> DatabaseResult<u64>;
}

/// Keeps a former primary from starting by itself.
pub trait Guard {
    /// From now on a former primary does not start by itself after a boot. Called at every start.
    fn watch_over(&self) -> DatabaseResult<()>;
    /// Starts a held primary.
    fn release(&self, limit: Duration) -> DatabaseResult<()>;
    /// Stops a primary that another one has replaced, and holds it.
    fn hold(&self, limit: Duration) -> DatabaseResult<()>;
}

/// A dump as a database beside the running one, to prove it or to take its place.
pub trait Restores {
    /// Has the role that asks the right to make databases and to put one in another's place?
    fn may_restore(&self) -> DatabaseResult<bool>;
    /// Restores a dump into a database of its own beside the running one, anew each time. Says how
    /// many rows each table has.
    fn restore_beside(&self, file: &Path, limit: Duration)
    -> DatabaseResult<BTreeMap<String, u64>>;
    /// Removes what `restore_beside` made; not there is fine.
    fn drop_beside(&self, limit: Duration) -> DatabaseResult<()>;
    /// What lies beside the running database.
    fn beside(&self) -> DatabaseResult<Beside>;
    /// Puts what `restore_beside` made in the place of the running database, with its owner, rights and
    /// settings. That one stays beside as it is. Both happens at once or nothing; whoever is connected
    /// is cut off.
    fn exchange(&self, limit: Duration) -> DatabaseResult<()>;
}

/// What the configuration refuses beside such a kind, so that nobody comes here.
fn not_here(what: &str) -> DatabaseError {
    refusal(
        format!("{what} only where hau knows how with such a database"),
        "do it by hand",
    )
}

/// Trying again does not help before somebody did what `remedy` says.
fn refusal(what: impl Into<String>, remedy: impl Into<String>) -> DatabaseError {
    DatabaseError {
        what: what.into(),
        remedy: remedy.into(),
        transient: false,
    }
}

/// Trying again may help.
fn transient(what: impl Into<String>, remedy: impl Into<String>) -> DatabaseError {
    DatabaseError {
        what: what.into(),
        remedy: remedy.into(),
        transient: true,
    }
}

/// The adapter that the configuration names; None where there is no database.
///
/// # Errors
/// When the adapter cannot be set up from its part of the configuration.
pub fn open(
    settings: &Settings,
    host: Arc<dyn Host>,
    run: &Path,
    me: &NodeId,
) -> DatabaseResult<Option<Arc<dyn Database>>> {
    let Some(database) = &settings.database else {
        return Ok(None);
    };
    let adapter: Arc<dyn Database> = match &database.kind {
        DatabaseKind::Postgres(known) => {
            let config = postgres::PostgresConfig {
                dsn: known.dsn.as_str().to_owned(),
                data_dir: known.data_dir.clone(),
                unit: known.unit.clone(),
                os_user: known.os_user.clone(),
                bin_dir: None,
                may_start: settings.holds_former_primary().then(|| run.join(MAY_START)),
            };
            Arc::new(postgres::Postgres::new(config, host)?)
        }
        DatabaseKind::Gaussdb(known) => {
            let config = gaussdb::GaussdbConfig {
                dsn: known.dsn.as_str().to_owned(),
                password_file: known.password_file.clone(),
                ca_file: known.ca_file.clone(),
                data_dir: known.data_dir.clone(),
                home: known.home.clone(),
                os_user: known.os_user.clone(),
                node: me.0.clone(),
            };
            Arc::new(gaussdb::Gaussdb::new(config, host)?)
        }
        DatabaseKind::Command(commands) => {
            Arc::new(command::ByCommands::new(commands.clone(), host))
        }
    };
    Ok(Some(adapter))
}
