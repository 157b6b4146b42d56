//! A schema script is applied once: what every adapter that writes down which were applied has in common.
use super::{DatabaseResult, deadline::Deadline, refusal, transient};
use crate::{core::DatabaseRole, schema};
use sha2::{Digest, Sha256};
use std::{fmt::Write, time::Duration};

/// Between two tries where somebody holds a lock that it needs.
const RETRY_PAUSE: Duration = Duration::from_millis(500);

/// One of a bundle. `name` is what it is remembered by; the same name with other content is an error.
pub(super) struct Script<'a> {
    pub(super) name: &'a str,
    pub(super) sql: &'a str,
    /// SHA-256 in hex.
    pub(super) hash: String,
}

/// What became of one try.
pub(super) enum Outcome {
    Applied,
    /// Applied before, as a script with this hash.
    Known(String),
    /// Somebody holds a lock that it needs.
    Locked,
    /// Ready too late: rolled back.
    Late,
}

impl<'a> Script<'a> {
    pub(super) fn new(name: &'a str, sql: &'a str) -> Self {
        let hash = hex(&Sha256::digest(sql.as_bytes()));
        Self { name, sql, hash }
    }

    pub(super) fn action(&self) -> String {
        format!("apply the schema script {}", self.name)
    }
}

/// Tries until it is applied, or the time is over. `once` is one transaction.
pub(super) fn apply(
    script: &Script<'_>,
    role: impl FnOnce() -> DatabaseResult<DatabaseRole>,
    deadline: Deadline,
    mut once: impl FnMut() -> DatabaseResult<Outcome>,
) -> DatabaseResult<()> {
    let (name, action) = (script.name, script.action());
    if let Some(word) = schema::transaction_control(script.sql) {
        return Err(refusal(
            format!(
                "the schema script {name} holds {word}: it would end the transaction it runs in"
            ),
            "take BEGIN, COMMIT and ROLLBACK out of it: each script is one transaction",
        ));
    }
    if role()? != DatabaseRole::Primary {
        return Err(refusal(
            format!("cannot {action}: this database is a standby"),
            "apply it on the primary; the standby gets it by replication",
        ));
    }
    let done = deadline.poll(RETRY_PAUSE, || {
        Ok(match once()? {
            Outcome::Locked => None,
            outcome @ (Outcome::Applied | Outcome::Known(_) | Outcome::Late) => Some(outcome),
        })
    })?;
    match done {
        Some(Outcome::Applied) => Ok(()),
        Some(Outcome::Known(known)) if known == script.hash => Ok(()),
        Some(Outcome::Known(_)) => Err(refusal(
            format!("a schema script {name} with other content was applied before"),
            "give the changed script a new name",
        )),
        Some(Outcome::Locked | Outcome::Late) | None => Err(transient(
            format!("cannot {action} within {:.1?}", deadline.limit),
            "look in pg_stat_activity for who holds a lock on its tables; nothing was changed",
        )),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
