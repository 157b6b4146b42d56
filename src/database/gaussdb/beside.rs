//! What openGauss does in its own way where a dump becomes a database beside the running one.
use super::{
    DatabaseResult, Deadline, Gaussdb, dump,
    error::{self, WireError},
    tools,
    wire::Client,
};
use crate::database::{
    beside::{BESIDE, Server, Session},
    rows::Rows,
};
use std::{path::Path, time::Instant};

/// A connection, and when it ends.
pub(in crate::database) struct Timed {
    client: Client,
    end: Instant,
}

impl Session for Timed {
    type Error = WireError;

    fn rows(&mut self, sql: &str) -> Result<Rows, WireError> {
        self.client.query(sql, self.end)
    }
}

impl Server for Gaussdb {
    type Session = Timed;

    const NEUTRAL: &str = "postgres";

    /// With whose SQL it is compatible decides over types and functions, too.
    const MADE_WITH: &str = "' dbcompatibility ' || quote_literal(j->>'datcompatibility')";

    fn name(&self) -> &str {
        self.server.dbname()
    }

    fn alone<T: Send + 'static>(
        &self,
        database: &str,
        action: &str,
        deadline: Deadline,
        question: impl FnOnce(&mut Timed) -> Result<T, WireError> + Send + 'static,
    ) -> DatabaseResult<T> {
        let end = deadline.end;
        let opened = self.log_in(&self.server.at(database), end);
        let asked = opened.and_then(|client| question(&mut Timed { client, end }));
        asked.map_err(|e| error::told(&e, action))
    }

    fn fill(&self, file: &Path, deadline: Deadline) -> DatabaseResult<()> {
        let copy = dump::copy_of(self, file)?;
        let (_, port) = self.server.address();
        let (port, file) = (port.to_string(), copy.path().display().to_string());
        let words = ["-e", "-p", &port, "-d", BESIDE, &file];
        tools::done(self, "gs_restore", &words, deadline.left()).map(drop)
    }

    fn let_go(&self) {
        self.close();
    }
}
