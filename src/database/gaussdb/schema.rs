//! Applies schema scripts once each: the script and the note that it was applied are one transaction.
use super::{
    DatabaseResult, Deadline, Gaussdb, QUESTION,
    error::{self, WireError},
    own,
    rows::{first, value},
    standing,
    wire::{Client, literal},
};
use crate::database::script::{self, Outcome, Script};
use std::collections::BTreeMap;

/// What waits for a lock makes everybody behind it wait: give way soon, then try again.
const GIVE_WAY: &str = "set lockwait_timeout = 2000";
/// hau's own key among the advisory locks: "hau" and a one.
const LOCK: &str = "select pg_advisory_xact_lock(1751217409)";
const HISTORY: &str = "schema_history";
const COLUMNS: &str =
    "name text primary key, sha256 text not null, applied_at timestamptz not null";
const APPLIED: &str = "select name, sha256 from hau.schema_history";
const UNKNOWN_SETTING: &str = "42704";
/// Waited for a lock too long (openGauss' own, PostgreSQL's), or two waited for each other.
const LOCKED: [&str; 3] = ["YY002", "55P03", "40P01"];

pub(super) fn apply(db: &Gaussdb, script: &Script<'_>, deadline: Deadline) -> DatabaseResult<()> {
    let role = || Ok(standing::look(db, deadline.left_at_most(QUESTION))?.role);
    let action = script.action();
    script::apply(script, role, deadline, || {
        let mut client = db.connect(&action, deadline.end)?;
        match once(&mut client, script, deadline) {
            Err(WireError::Server(e)) if LOCKED.contains(&e.code.as_str()) => Ok(Outcome::Locked),
            other => other.map_err(|e| error::told(&e, &action)),
        }
    })
}

/// What it leaves open is rolled back: its connection ends.
fn once(
    client: &mut Client,
    script: &Script<'_>,
    deadline: Deadline,
) -> Result<Outcome, WireError> {
    let end = deadline.end;
    match client.query(GIVE_WAY, end) {
        // One that does not know this setting waits as long as it does by itself.
        Err(WireError::Server(e)) if e.code == UNKNOWN_SETTING => {}
        told => drop(told?),
    }
    client.query("begin", end)?;
    client.query(LOCK, end)?;
    own::make(HISTORY, COLUMNS, |sql| client.query(sql, end))?;
    let [name, hash] = [literal(script.name), literal(&script.hash)];
    let known = format!("select sha256 from hau.schema_history where name = {name}");
    if let Some(hash) = first(&client.query(&known, end)?) {
        return Ok(Outcome::Known(hash.to_owned()));
    }
    // Before the script: that may change the role, and the note needs hau's own.
    let note = format!("insert into hau.schema_history values ({name}, {hash}, clock_timestamp())");
    client.query(&note, end)?;
    client.query(script.sql, end)?;
    // The caller has been told "not applied" by now: then it must not be.
    if deadline.passed() {
        return Ok(Outcome::Late);
    }
    client.query("commit", end)?;
    Ok(Outcome::Applied)
}

/// Name and hash of each; none where hau has applied none.
pub(super) fn applied(db: &Gaussdb) -> DatabaseResult<BTreeMap<String, String>> {
    let action = "ask which schema scripts were applied";
    if db.ask(action, &own::has(HISTORY), QUESTION)?.is_empty() {
        return Ok(BTreeMap::new());
    }
    let rows = db.ask(action, APPLIED, QUESTION)?;
    let one =
        |row: &Vec<Option<String>>| Some((value(row, 0)?.to_owned(), value(row, 1)?.to_owned()));
    Ok(rows.iter().filter_map(one).collect())
}
