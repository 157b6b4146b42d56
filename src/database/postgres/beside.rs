//! What PostgreSQL does in its own way where a dump becomes a database beside the running one.
use super::{DatabaseResult, Deadline, Postgres, dump, session::Sessions};
use crate::database::{
    beside::{BESIDE, Server, Session},
    rows::Rows,
};
use ::postgres::{Client, SimpleQueryMessage};
use std::path::Path;

impl Session for Client {
    type Error = ::postgres::Error;

    fn rows(&mut self, sql: &str) -> Result<Rows, Self::Error> {
        let mut rows = Rows::new();
        for message in self.simple_query(sql)? {
            match message {
                SimpleQueryMessage::RowDescription(_) => rows.clear(),
                SimpleQueryMessage::Row(row) => {
                    let value = |column| row.get(column).map(str::to_owned);
                    rows.push((0..row.len()).map(value).collect());
                }
                // How many it were, and what a later version of the library may tell.
                SimpleQueryMessage::CommandComplete(_) | _ => {}
            }
        }
        Ok(rows)
    }
}

impl Server for Postgres {
    type Session = Client;

    const NEUTRAL: &str = "template1";

    const MADE_WITH: &str = "case when j->>'datlocprovider' = 'i' then
        format(' locale_provider icu icu_locale %L', coalesce(j->>'daticulocale', j->>'datlocale')) end";

    fn name(&self) -> &str {
        self.client.get_dbname().unwrap_or_default()
    }

    fn alone<T: Send + 'static>(
        &self,
        database: &str,
        action: &str,
        deadline: Deadline,
        question: impl FnOnce(&mut Client) -> Result<T, ::postgres::Error> + Send + 'static,
    ) -> DatabaseResult<T> {
        let mut config = self.client.clone();
        config.dbname(database);
        Sessions::new(config).ask_alone(action, deadline.left(), question)
    }

    fn fill(&self, file: &Path, deadline: Deadline) -> DatabaseResult<()> {
        let mut args = vec!["--exit-on-error".into(), "--no-password".into()];
        args.extend(dump::connection_to(&self.client, BESIDE));
        args.extend(["--".into(), file.display().to_string()]);
        // As this process's own user: backups are not for the database's system user to read.
        let restored = self.run_tool_as(None, "pg_restore", args, None, deadline.left());
        restored.map(drop)
    }

    fn let_go(&self) {
        self.sessions.close();
    }
}
