//! Applies schema scripts once each: the script and the note that it was applied are one
//! transaction.
use super::{DatabaseResult, Deadline, Postgres, refusal};
use crate::{core::DatabaseRole, schema};
use ::postgres::{Client, error::SqlState};
use sha2::{Digest, Sha256};
use std::{collections::BTreeMap, fmt::Write, time::Duration};

/// What waits for a lock makes everybody behind it wait: give way soon, then try again.
const LOCK_TIMEOUT_MS: u64 = 2_000;
const RETRY_PAUSE: Duration = Duration::from_millis(500);
/// hau's own key among the advisory locks: "hau" and a one.
const ADVISORY_LOCK: i64 = 0x6861_7501;
const HISTORY: &str = "
    create schema if not exists hau;
    create table if not exists hau.schema_history (
        name text primary key, sha256 text not null, applied_at timestamptz not null)";

enum Outcome {
    Applied,
    /// Applied before, as a script with this hash.
    Known(String),
    /// Somebody holds a lock that it needs.
    Locked,
    /// Ready too late: rolled back.
    Late,
}

/// `name` is what the script is remembered by; the same name with other content is an error.
pub(super) fn apply(
    db: &Postgres,
    name: &str,
    sql: &str,
    deadline: Deadline,
) -> DatabaseResult<()> {
    if let Some(word) = schema::transaction_control(sql) {
        return Err(refusal(
            format!(
                "the schema script {name} holds {word}: it would end the transaction it runs in"
            ),
            "take BEGIN, COMMIT and ROLLBACK out of it: each script is one transaction",
        ));
    }
    if db.role_within(deadline.left_at_most(super::QUESTION))? != DatabaseRole::Primary {
        return Err(refusal(
            format!("cannot apply the schema script {name}: this database is a standby"),
            "apply it on the primary; the standby gets it by replication",
        ));
    }
    let hash = hex(&Sha256::digest(sql.as_bytes()));
    let action = format!("apply the schema script {name}");
    let done = deadline.poll(RETRY_PAUSE, || {
        let (name, sql, hash) = (name.to_owned(), sql.to_owned(), hash.clone());
        let script = move |client: &mut Client| once(client, &name, &sql, &hash, deadline);
        let outcome = db.sessions.ask_alone(&action, deadline.left(), script)?;
        Ok(match outcome {
            Outcome::Locked => None,
            Outcome::Applied | Outcome::Known(_) | Outcome::Late => Some(outcome),
        })
    })?;
    match done {
        Some(Outcome::Applied) => Ok(()),
        Some(Outcome::Known(known)) if known == hash => Ok(()),
        Some(Outcome::Known(_)) => Err(refusal(
            format!("a schema script {name} with other content was applied before"),
            "give the changed script a new name",
        )),
        Some(Outcome::Locked | Outcome::Late) | None => Err(super::transient(
            format!("cannot {action} within {:.1?}", deadline.limit),
            "look in pg_stat_activity for who holds a lock on its tables; nothing was changed",
        )),
    }
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

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
