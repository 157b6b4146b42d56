//! PostgreSQL 12 and later with streaming replication: questions by SQL over one kept connection,
//! stopping and starting by the postmaster's pidfile and its unit, offline facts by pg_controldata.
mod beside;
mod control;
mod dump;
mod guard;
mod pulse;
mod rewind;
mod schema;
mod server;
mod session;
mod standing;
mod switch;

use super::deadline::Deadline;
use super::lsn::{self, Position};
use super::script::Script;
use super::{
    Database, DatabaseError, DatabaseResult, Dumps, Guard, Pulse, Replica, Replication, Restores,
    Schema, Standing, refusal, transient,
};
use crate::{
    core::DatabaseRole,
    host::{DatabaseMark, Host},
};
use session::Sessions;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

/// How long a question may take that changes nothing and reads little.
const QUESTION: Duration = Duration::from_secs(3);
/// Adding up the files of a large database reads its whole directory.
const SIZE_QUESTION: Duration = Duration::from_secs(30);

/// Where one node's PostgreSQL is and how it is reached.
#[derive(Clone, Debug)]
pub struct PostgresConfig {
    /// As `host=/var/run/postgresql dbname=shop user=hau`: a superuser, by peer authentication;
    /// both this process's user and `os_user` must be allowed to be it.
    pub dsn: String,
    pub data_dir: PathBuf,
    /// The systemd unit that runs the postmaster.
    pub unit: String,
    /// The system user that owns the data directory; the tools run as it.
    pub os_user: String,
    /// Where pg_controldata, pg_dump and pg_restore are; None: Debian's place for the version
    /// that the data directory names.
    pub bin_dir: Option<PathBuf>,
    /// The file without which a former primary is not started after a boot; None: it starts.
    pub may_start: Option<PathBuf>,
}

/// The adapter. Its calls block: for job threads only, never inside an async task.
pub struct Postgres {
    config: PostgresConfig,
    client: ::postgres::Config,
    sessions: Sessions,
    timeline: guard::Timeline,
    host: Arc<dyn Host>,
}

impl Postgres {
    /// Reads the dsn and connects to nothing yet. A dsn that cannot be read, or that holds a
    /// password (pg_dump would show it), is an error.
    pub fn new(config: PostgresConfig, host: Arc<dyn Host>) -> DatabaseResult<Self> {
        let client = session::client_config(&config.dsn)?;
        Ok(Self {
            sessions: Sessions::new(client.clone()),
            timeline: guard::Timeline::default(),
            client,
            config,
            host,
        })
    }

    /// The number both nodes of a pair share since initdb; read from disk, server up or down.
    pub fn system_identifier(&self) -> DatabaseResult<String> {
        Ok(self.control_data()?.system_identifier.to_string())
    }
}

impl Database for Postgres {
    fn guard(&self) -> DatabaseResult<&dyn Guard> {
        Ok(self)
    }

    fn pulse(&self, limit: Duration) -> DatabaseResult<Box<dyn Pulse + '_>> {
        pulse::pulse(self, limit)
    }

    fn restores(&self) -> DatabaseResult<&dyn Restores> {
        Ok(self)
    }
}

impl Replica for Postgres {
    fn identity(&self) -> DatabaseResult<String> {
        self.system_identifier()
    }

    /// An error where the server gives no answer: its role is then not known.
    fn role(&self) -> DatabaseResult<DatabaseRole> {
        self.role_within(QUESTION)
    }

    /// With more than one standby the lag is that of the one furthest behind.
    fn replication(&self) -> DatabaseResult<Replication> {
        standing::replication(self)
    }

    fn position(&self) -> DatabaseResult<String> {
        let position = Position {
            lsn: standing::position(self, QUESTION)?,
            timeline: guard::timeline(self)?,
        };
        Ok(position.to_string())
    }

    fn has_replayed(&self, position: &str) -> DatabaseResult<bool> {
        let wanted = Position::parse(position)?;
        if wanted.is_left_behind(guard::timeline(self)?) {
            return Ok(false);
        }
        Ok(standing::replayed(self, QUESTION)?.replayed >= wanted.lsn)
    }

    fn prepare_switch(&self, limit: Duration) -> DatabaseResult<()> {
        self.sessions
            .ask_alone("make a checkpoint", limit, |client| {
                client.batch_execute("checkpoint")
            })
    }

    fn demote(&self, limit: Duration) -> DatabaseResult<String> {
        switch::demote(self, Deadline::after(limit))
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

    fn standing(&self) -> Standing {
        guard::standing(self)
    }

    fn take_over(&self, term: Option<u64>, limit: Duration) -> DatabaseResult<()> {
        switch::take_over(self, term, Deadline::after(limit))
    }

    fn rewind(&self, rebuild: bool, limit: Duration) -> DatabaseResult<()> {
        rewind::rewind(self, rebuild, Deadline::after(limit))
    }
}

impl Schema for Postgres {
    fn apply_schema(&self, name: &str, sql: &str, limit: Duration) -> DatabaseResult<()> {
        schema::apply(self, &Script::new(name, sql), Deadline::after(limit))
    }

    fn applied_schema(&self) -> DatabaseResult<BTreeMap<String, String>> {
        let question = schema::applied;
        self.sessions
            .ask("ask which schema scripts were applied", QUESTION, question)
    }
}

impl Dumps for Postgres {
    fn mark(&self) -> DatabaseResult<DatabaseMark> {
        self.sessions.ask("ask where it is", QUESTION, dump::mark)
    }

    fn dump(&self, to: &Path, counts: bool, limit: Duration) -> DatabaseResult<DatabaseMark> {
        dump::dump(self, to, counts, Deadline::after(limit))
    }

    /// Reads the whole dump, not only its table of contents: that stands at its beginning.
    fn check_dump(&self, file: &Path, limit: Duration) -> DatabaseResult<String> {
        dump::check(self, file, Deadline::after(limit))
    }

    fn size_bytes(&self) -> DatabaseResult<u64> {
        let bytes: i64 = self
            .sessions
            .ask("ask the database's size", SIZE_QUESTION, |client| {
                let sql = "select pg_database_size(current_database())";
                client.query_one(sql, &[])?.try_get(0)
            })?;
        Ok(u64::try_from(bytes).unwrap_or(0))
    }
}

impl Guard for Postgres {
    fn watch_over(&self) -> DatabaseResult<()> {
        guard::watch_over(self)
    }

    fn release(&self, limit: Duration) -> DatabaseResult<()> {
        guard::release(self, Deadline::after(limit))
    }

    fn hold(&self, limit: Duration) -> DatabaseResult<()> {
        guard::hold(self, Deadline::after(limit))
    }
}

impl Postgres {
    fn role_within(&self, limit: Duration) -> DatabaseResult<DatabaseRole> {
        let in_recovery: bool = self.sessions.ask("ask for the role", limit, |client| {
            // Typed: in one round trip, for it is asked every second.
            client
                .query_typed_one("select pg_is_in_recovery()", &[])?
                .try_get(0)
        })?;
        Ok(if in_recovery {
            DatabaseRole::Standby
        } else {
            DatabaseRole::Primary
        })
    }
}
