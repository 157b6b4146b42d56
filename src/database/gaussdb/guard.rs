//! Which of two databases was promoted last, and stopping the other one. openGauss has no timelines as PostgreSQL has: a
//! number in hau's own table takes their place. It lies with the data, grows when another node becomes primary, and comes to
//! the standby as all that is written.
use super::{
    DatabaseResult, Deadline, Gaussdb, QUESTION,
    asks::{Rows, value},
    standing, tools,
    wire::literal,
};
use crate::core::DatabaseRole;
use std::time::Duration;

const ACTION: &str = "ask which promotion this database is of";
const HAS_TABLE: &str =
    "select 1 from pg_tables where schemaname = 'hau' and tablename = 'promotion'";
const HAS_SCHEMA: &str = "select 1 from pg_namespace where nspname = 'hau'";
const MAKE: &str = "create table if not exists hau.promotion (\
     id int primary key, number int not null, node text not null)";
const READ: &str = "select number, node from hau.promotion where id = 1";
const FIRST: &str =
    "insert into hau.promotion select 1, 0, '' where not exists (select 1 from hau.promotion)";
const STOP: Duration = Duration::from_secs(60);

/// The number in the data, and the node that was primary then.
struct Promotion {
    number: u32,
    node: String,
}

/// 0: none is written down yet, or it cannot be seen.
pub(super) fn number(db: &Gaussdb) -> u32 {
    promotion(db).ok().flatten().map_or(0, |p| p.number)
}

fn promotion(db: &Gaussdb) -> DatabaseResult<Option<Promotion>> {
    if db.ask(ACTION, HAS_TABLE, QUESTION)?.is_empty() {
        return Ok(None);
    }
    Ok(read(&db.ask(ACTION, READ, QUESTION)?))
}

fn read(rows: &Rows) -> Option<Promotion> {
    let row = rows.first()?;
    Some(Promotion {
        number: value(row, 0)?.parse().ok()?,
        node: value(row, 1)?.to_owned(),
    })
}

/// Whoever is primary writes its name there: for the first time, and whenever the other one stood there, by whose hand it
/// was promoted does not matter. A former primary that comes up again finds its own name, and the old number.
pub(super) fn claim(db: &Gaussdb) -> DatabaseResult<()> {
    let known = promotion(db)?;
    if known.is_some_and(|p| p.node == db.config.node) {
        return Ok(());
    }
    let write = |sql: &str| db.ask("write down who is primary", sql, QUESTION);
    if write(HAS_SCHEMA)?.is_empty() {
        write("create schema hau")?;
    }
    write(MAKE)?;
    let me = literal(&db.config.node);
    write(FIRST)?;
    // In one statement: two that claim at once count one promotion.
    write(&format!(
        "update hau.promotion set number = number + 1, node = {me} where id = 1 and node <> {me}"
    ))?;
    Ok(())
}

/// Stops a primary that another one has replaced. It is known from the marker that it was one, until the next boot: then it
/// may be started by whoever starts it, and is looked at anew.
pub(super) fn hold(db: &Gaussdb, deadline: Deadline) -> DatabaseResult<()> {
    let seen = standing::look(db, QUESTION)?;
    if seen.role != DatabaseRole::Primary {
        return Ok(());
    }
    let number = number(db).to_string();
    let written = db.host.write(&db.config.held, number.as_bytes(), 0o600);
    written.map_err(|e| super::transient(e.to_string(), "see the reason it gives"))?;
    let stopped = tools::gs_ctl(db, &["stop", "-m", "fast"], deadline.left_at_most(STOP))?;
    match stopped.code {
        Some(0) => Ok(()),
        Some(_) | None => Err(tools::failed(db, "gs_ctl stop", &stopped)),
    }
}

/// The number of a primary that is held.
pub(super) fn held(db: &Gaussdb) -> Option<u32> {
    let bytes = db.host.read(&db.config.held).ok()?;
    str::from_utf8(&bytes).ok()?.trim().parse().ok()
}

/// It was not replaced: it starts as it was.
pub(super) fn release(db: &Gaussdb, deadline: Deadline) -> DatabaseResult<()> {
    if tools::is_down(db)? {
        let started = tools::gs_ctl(db, &["start", "-M", "primary"], deadline.left())?;
        if started.code != Some(0) {
            return Err(tools::failed(db, "gs_ctl start", &started));
        }
    }
    forget(db)
}

/// What lies there is a primary that was held no more.
pub(super) fn forget(db: &Gaussdb) -> DatabaseResult<()> {
    let removed = db.host.remove(&db.config.held);
    removed.map_err(|e| super::transient(e.to_string(), "see the reason it gives"))
}
