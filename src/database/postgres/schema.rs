//! Applies schema scripts once each: the script and the note that it was applied are one
//! transaction.
use super::{DatabaseResult, Deadline, Postgres};
use crate::database::script::{self, Outcome, Script};
use ::postgres::{Client, error::SqlState};
use std::collections::BTreeMap;

/// What waits for a lock makes everybody behind it wait: give way soon, then try again.
const LOCK_TIMEOUT_MS: u64 = 2_000;
/// hau's own key among the advisory locks: "hau" and a one.
const ADVISORY_LOCK: i64 = 0x6861_7501;
const HISTORY: &str = "
    create schema if not exists hau;
    create table if not exists hau.schema_history (
        name text primary key, sha256 text not null, applied_at timestamptz not null)";

pub(super) fn apply(db: &Postgres, script: &Script<'_>, deadline: Deadline) -> DatabaseResult<()> {
    let role = || db.role_within(deadline.left_at_most(super::QUESTION));
    let action = script.action();
    script::apply(script, role, deadline, || {
        let [name, sql, hash] = [script.name, script.sql, &script.hash].map(str::to_owned);
        let once = move |client: &mut Client| once(client, &name, &sql, &hash, deadline);
        db.sessions.ask_alone(&action, deadline.left(), once)
    })
}

/// Name and hash of each; none where hau has applied none.
pub(super) fn applied(client: &mut Client) -> Result<BTreeMap<String, String>, ::postgres::Error> {
    let sql = "select to_regclass('hau.schema_history') is not null";
    if !client.query_one(sql, &[])?.try_get::<_, bool>(0)? {
        return Ok(BTreeMap::new());
    }
    let rows = client.query("select name, sha256 from hau.schema_history", &[])?;
    let one = |row: &::postgres::Row| Ok((row.try_get(0)?, row.try_get(1)?));
    rows.iter().map(one).collect()
}

fn once(
    client: &mut Client,
    name: &str,
    sql: &str,
    hash: &str,
    deadline: Deadline,
) -> Result<Outcome, ::postgres::Error> {
    match in_transaction(client, name, sql, hash, deadline) {
        Err(e) if is_lock(&e) => Ok(Outcome::Locked),
        other => other,
    }
}

fn in_transaction(
    client: &mut Client,
    name: &str,
    sql: &str,
    hash: &str,
    deadline: Deadline,
) -> Result<Outcome, ::postgres::Error> {
    let mut work = client.transaction()?;
    work.batch_execute(&format!("set local lock_timeout = {LOCK_TIMEOUT_MS}"))?;
    work.execute("select pg_advisory_xact_lock($1)", &[&ADVISORY_LOCK])?;
    work.batch_execute(HISTORY)?;
    let sql_known = "select sha256 from hau.schema_history where name = $1";
    if let Some(row) = work.query_opt(sql_known, &[&name])? {
        return Ok(Outcome::Known(row.try_get(0)?));
    }
    // Before the script: that may change the role, and the note needs hau's own.
    work.execute(
        "insert into hau.schema_history values ($1, $2, clock_timestamp())",
        &[&name, &hash],
    )?;
    work.batch_execute(sql)?;
    // The caller has been told "not applied" by now: then it must not be.
    if deadline.passed() {
        return Ok(Outcome::Late);
    }
    work.commit()?;
    Ok(Outcome::Applied)
}

fn is_lock(e: &::postgres::Error) -> bool {
    e.code() == Some(&SqlState::LOCK_NOT_AVAILABLE)
        || e.code() == Some(&SqlState::T_R_DEADLOCK_DETECTED)
}
