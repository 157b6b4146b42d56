//! One row in hau's own table: written where the server is primary, seen to change where it is a standby. It changes nothing
//! that an application can see.
use super::{DatabaseResult, Postgres, session::Held};
use crate::database::{Beat, Pulse};
use ::postgres::Client;
use std::time::Duration;

pub(super) const MAKE: &str = "
    create schema if not exists hau;
    create table if not exists hau.heartbeat (id int primary key, at timestamptz not null)";
pub(super) const WRITE: &str = "
    insert into hau.heartbeat values (1, clock_timestamp())
        on conflict (id) do update set at = excluded.at";
const LOOK: &str = "select pg_is_in_recovery(), to_regclass('hau.heartbeat') is not null";
const READ: &str = "select at::text from hau.heartbeat where id = 1";

struct Line<'a>(Held<'a>);

pub(super) fn pulse(db: &Postgres, limit: Duration) -> DatabaseResult<Box<dyn Pulse + '_>> {
    let held = db.sessions.hold("beat the pulse of the database", limit)?;
    Ok(Box::new(Line(held)))
}

impl Pulse for Line<'_> {
    fn beat(&mut self, limit: Duration) -> DatabaseResult<Beat> {
        self.0.ask("beat the pulse of the database", limit, beat)
    }
}

fn beat(client: &mut Client) -> Result<Beat, ::postgres::Error> {
    let row = client.query_typed_one(LOOK, &[])?;
    let (is_standby, is_made): (bool, bool) = (row.try_get(0)?, row.try_get(1)?);
    if is_standby {
        let seen = match is_made {
            true => client.query_typed(READ, &[])?,
            false => Vec::new(),
        };
        let last = seen.first().map(|row| row.try_get(0)).transpose()?;
        return Ok(Beat::Seen(last));
    }
    if !is_made {
        client.batch_execute(MAKE)?;
    }
    client.batch_execute(WRITE)?;
    Ok(Beat::Written)
}
