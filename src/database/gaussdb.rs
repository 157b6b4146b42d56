//! GaussDB and openGauss, primary and standby: questions by SQL, moves by `gs_ctl`, or by `cm_ctl` where the cluster manager
//! runs, of which none is believed before the database itself says that it is so.
//!
//! # Why
//! A planned switchover is one command here, given on the standby: it has the primary demote itself and makes it a
//! standby in the same breath. So `demote` stops nothing, and `promote` does what three rows do with PostgreSQL. `gs_ctl`
//! ends with 0 when its time was up, and seconds after the roles have changed: its exit code says nothing, and nobody
//! waits for it where the roles say more.
//!
//! A former primary is not kept from starting: with what role one starts is said by whoever starts it, and that is the
//! site's own unit or the cluster's manager. One that comes up as primary is seen to be the older one. The configuration has
//! no `[fence]` beside this kind.
mod asks;
mod beside;
mod connect;
mod dump;
mod error;
mod first_look;
mod link;
mod login;
mod manager;
mod messages;
mod own;
mod promotion;
mod pulse;
mod schema;
mod standing;
mod switch;
mod tools;
mod wire;

use super::deadline::Deadline;
use super::lsn::{self, Position};
use super::rows;
use super::script::Script;
use super::{
    Database, DatabaseError, DatabaseResult, Dumps, Pulse, Replica, Replication, Restores, Schema,
    Standing, refusal, transient,
};
use crate::{
    core::DatabaseRole,
    host::{DatabaseMark, Finding, Host},
};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

/// For the fuzz targets: what `gs_ctl query` and `cm_ctl view` print.
#[cfg(fuzzing)]
pub fn read_output(text: &str) {
    let _ = tools::read(text);
    let _ = manager::own_number(text);
}

/// How long a question may take that changes nothing and reads little.
const QUESTION: Duration = Duration::from_secs(3);
/// Adding up the files of a large database reads its whole directory.
const SIZE_QUESTION: Duration = Duration::from_secs(30);

/// Where one node's GaussDB is and how it is reached.
#[derive(Clone, Debug)]
pub struct GaussdbConfig {
    /// As `host=/opt/gaussdb/tmp port=5432 dbname=shop user=hau`; no password stands in it.
    pub dsn: String,
    /// A file that root alone can read, read at each login; None: the server asks for no password.
    pub password_file: Option<PathBuf>,
    /// Whose certificates are trusted over TCP, as PEM; None: the CAs that this host trusts.
    pub ca_file: Option<PathBuf>,
    pub data_dir: PathBuf,
    /// `$GAUSSHOME`: its programs lie in `bin`, their libraries in `lib`.
    pub home: PathBuf,
    /// The system user that the server and its tools run as, often `omm`.
    pub os_user: String,
    /// This node's name.
    pub node: String,
}

/// The adapter. Its calls block: for job threads only, never inside an async task.
pub struct Gaussdb {
    config: GaussdbConfig,
    server: connect::Server,
    /// The connection for short questions: a login costs the server 10,000 rounds of a hash.
    kept: Mutex<Option<wire::Client>>,
    /// The cluster manager's number of this node, once it has said so: it stays.
    number: OnceLock<String>,
    /// The password that the server has refused, and when.
    refused: Mutex<Option<asks::Refused>>,
    host: Arc<dyn Host>,
}

impl Gaussdb {
    /// Connects to nothing yet.
    ///
    /// # Errors
    /// The dsn cannot be read, or holds a password (`ps` would show it).
    pub fn new(config: GaussdbConfig, host: Arc<dyn Host>) -> DatabaseResult<Self> {
        let (password, ca) = (config.password_file.clone(), config.ca_file.clone());
        Ok(Self {
            server: connect::Server::new(&config.dsn, password, ca, host.clone())?,
            kept: Mutex::default(),
            number: OnceLock::new(),
            refused: Mutex::default(),
            config,
            host,
        })
    }
}

impl Database for Gaussdb {
    fn first_look(&self) -> Vec<Finding> {
        first_look::first_look(self)
    }

    fn pulse(&self, limit: Duration) -> DatabaseResult<Box<dyn Pulse + '_>> {
        pulse::pulse(self, limit)
    }

    fn restores(&self) -> DatabaseResult<&dyn Restores> {
        Ok(self)
    }
}

impl Replica for Gaussdb {
    fn role(&self) -> DatabaseResult<DatabaseRole> {
        let seen = standing::look(self, QUESTION);
        Ok(seen.map_err(|e| standing::with_witness(self, e))?.role)
    }

    fn replication(&self) -> DatabaseResult<Replication> {
        standing::replication(self)
    }

    fn position(&self) -> DatabaseResult<String> {
        let position = Position {
            lsn: standing::position(self, QUESTION)?,
            timeline: promotion::number(self),
        };
        Ok(position.to_string())
    }

    fn has_replayed(&self, position: &str) -> DatabaseResult<bool> {
        let wanted = Position::parse(position)?;
        if wanted.is_left_behind(promotion::number(self)) {
            return Ok(false);
        }
        Ok(standing::position(self, QUESTION)? >= wanted.lsn)
    }

    fn identity(&self) -> DatabaseResult<String> {
        tools::identity(self)
    }

    fn standing(&self) -> Standing {
        standing::standing(self)
    }

    fn prepare_switch(&self, limit: Duration) -> DatabaseResult<()> {
        switch::prepare(self, Deadline::after(limit))
    }

    /// Where the primary is; it goes on. The standby's `promote` demotes it.
    fn demote(&self, _limit: Duration) -> DatabaseResult<String> {
        self.position()
    }

    fn take_back(&self, stopped: Option<&str>, limit: Duration) -> DatabaseResult<()> {
        let stopped = stopped.map(Position::parse).transpose()?;
        switch::take_back(self, stopped, Deadline::after(limit))
    }

    fn promote(&self, position: &str, limit: Duration) -> DatabaseResult<()> {
        switch::promote(self, Position::parse(position)?, Deadline::after(limit))
    }

    fn rejoin(&self, limit: Duration) -> DatabaseResult<()> {
        switch::rejoin(self, Deadline::after(limit))
    }

    /// A term is not written down: what the data say of it is not known with this kind.
    fn take_over(&self, _term: Option<u64>, limit: Duration) -> DatabaseResult<()> {
        switch::take_over(self, Deadline::after(limit))
    }

    fn rewind(&self, rebuild: bool, limit: Duration) -> DatabaseResult<()> {
        switch::rewind(self, rebuild, Deadline::after(limit))
    }
}

impl Schema for Gaussdb {
    fn apply_schema(&self, name: &str, sql: &str, limit: Duration) -> DatabaseResult<()> {
        schema::apply(self, &Script::new(name, sql), Deadline::after(limit))
    }

    fn applied_schema(&self) -> DatabaseResult<BTreeMap<String, String>> {
        schema::applied(self)
    }
}

impl Dumps for Gaussdb {
    fn mark(&self) -> DatabaseResult<DatabaseMark> {
        dump::mark(self)
    }

    fn is_dumpable(&self) -> DatabaseResult<bool> {
        Ok(self.role()? == DatabaseRole::Primary)
    }

    /// No rows are counted: gs_dump tells nobody which moment it shows.
    fn dump(&self, to: &Path, _counts: bool, limit: Duration) -> DatabaseResult<DatabaseMark> {
        dump::dump(self, to, limit)
    }

    fn check_dump(&self, file: &Path, limit: Duration) -> DatabaseResult<String> {
        dump::check(self, file, limit)
    }

    fn size_bytes(&self) -> DatabaseResult<u64> {
        let sql = "select pg_database_size(current_database())";
        let rows = self.ask("ask the database's size", sql, SIZE_QUESTION)?;
        Ok(rows::first(&rows)
            .and_then(|bytes| bytes.parse().ok())
            .unwrap_or(0))
    }
}
