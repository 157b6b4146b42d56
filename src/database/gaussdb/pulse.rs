//! One row in hau's own table: written where the server is primary, seen to change where it is a standby. It changes nothing
//! that an application can see.
use super::{
    DatabaseResult, Gaussdb,
    error::{self, WireError},
    own,
    rows::first,
    wire::Client,
};
use crate::database::{Beat, Pulse};
use std::time::{Duration, Instant};

const ACTION: &str = "beat the pulse of the database";
const IS_STANDBY: &str = "select 1 where pg_is_in_recovery()";
const TABLE: &str = "heartbeat";
const COLUMNS: &str = "id int primary key, at timestamptz not null";
/// One transaction: its words travel as one message.
const WRITE: &str =
    "delete from hau.heartbeat; insert into hau.heartbeat values (1, clock_timestamp())";
const READ: &str = "select at from hau.heartbeat where id = 1";

struct Line(Client);

pub(super) fn pulse(db: &Gaussdb, limit: Duration) -> DatabaseResult<Box<dyn Pulse + '_>> {
    let client = db.connect(ACTION, Instant::now() + limit)?;
    Ok(Box::new(Line(client)))
}

impl Pulse for Line {
    fn beat(&mut self, limit: Duration) -> DatabaseResult<Beat> {
        beat(&mut self.0, Instant::now() + limit).map_err(|e| error::told(&e, ACTION))
    }
}

fn beat(client: &mut Client, end: Instant) -> Result<Beat, WireError> {
    let is_standby = !client.query(IS_STANDBY, end)?.is_empty();
    let is_made = !client.query(&own::has(TABLE), end)?.is_empty();
    if is_standby {
        let seen = match is_made {
            true => client.query(READ, end)?,
            false => Vec::new(),
        };
        return Ok(Beat::Seen(first(&seen).map(str::to_owned)));
    }
    if !is_made {
        own::make(TABLE, COLUMNS, |sql| client.query(sql, end))?;
    }
    client.query(WRITE, end)?;
    Ok(Beat::Written)
}
