//! What the database says of itself, and what stands in the way of a switchover.
use super::{
    DatabaseError, DatabaseResult, Gaussdb, QUESTION, Replication, Standing,
    lsn::Lsn,
    manager::Mover,
    promotion,
    rows::{Rows, first, value},
    tools, transient,
};
use crate::core::DatabaseRole;
use std::time::Duration;

const LOOK: &str =
    "select local_role, db_state, detail_information from pg_stat_get_stream_replications()";
/// Details are for those with monitoring rights: others see who replicates, and NULL.
const SENDERS: &str = "select state, receiver_replay_location, pg_current_xlog_location() from pg_stat_get_wal_senders()";
/// Not asked of pg_stat_get_wal_receiver(): that tells the sysadmin alone.
const RECEIVED: &str =
    "select pg_last_xlog_receive_location(), (select lsn from pg_last_xlog_replay_location())";
/// Of the replay position openGauss gives a record where PostgreSQL gives one value.
const POSITION: &str = "select case when pg_is_in_recovery() then (select lsn from pg_last_xlog_replay_location()) \
     else pg_current_xlog_location() end";
const SETTINGS: &str = "select name, setting from pg_settings where name in ('synchronous_standby_names', 'hot_standby')";

/// One look at a server that answers.
pub(super) struct Seen {
    pub(super) role: DatabaseRole,
    /// `Normal`, `Catchup`, `Need repair`, …
    state: String,
    /// Why it is not normal.
    detail: String,
}

impl Seen {
    /// Neither on its way to another role nor in need of help.
    pub(super) fn is_settled(&self) -> bool {
        self.state == "Normal"
    }

    /// A standby that gets what its primary writes.
    pub(super) fn follows(&self) -> bool {
        self.role == DatabaseRole::Standby && (self.is_settled() || self.state == "Catchup")
    }

    /// "Standby, Need repair (WAL segment removed)"
    pub(super) fn words(&self) -> String {
        let because = match self.detail.as_str() {
            "" | "Normal" => String::new(),
            detail => format!(" ({detail})"),
        };
        format!("{:?}, {}{because}", self.role, self.state)
    }
}

/// # Errors
/// It gives no answer, or is neither a primary nor a standby, as one that starts is not yet.
pub(super) fn look(db: &Gaussdb, limit: Duration) -> DatabaseResult<Seen> {
    read(&db.ask("ask for the role", LOOK, limit)?)
}

fn read(rows: &Rows) -> DatabaseResult<Seen> {
    let row = rows.first().map_or(&[][..], Vec::as_slice);
    let word = |column| value(row, column).unwrap_or("Unknown").trim().to_owned();
    let (role, state, detail) = (word(0), word(1), word(2));
    let role = match role.as_str() {
        "Primary" => DatabaseRole::Primary,
        "Standby" => DatabaseRole::Standby,
        other => {
            return Err(transient(
                format!("this database is {other} ({state}): neither Primary nor Standby"),
                "if it stays so, start it in its role: gs_ctl restart -D DATA_DIR -M primary, or standby",
            ));
        }
    };
    Ok(Seen {
        role,
        state,
        detail,
    })
}

/// An error, with what `gs_ctl query` says of a server that takes no connections. That is for a person: it may be old.
pub(super) fn with_witness(db: &Gaussdb, e: DatabaseError) -> DatabaseError {
    match tools::query(db, QUESTION) {
        Ok(said) => DatabaseError {
            what: format!("{}; gs_ctl query says {}", e.what, said.words()),
            ..e
        },
        Err(_) => e,
    }
}

pub(super) fn standing(db: &Gaussdb) -> Standing {
    let Ok(seen) = look(db, QUESTION) else {
        return Standing {
            may_start: true,
            ..Standing::default()
        };
    };
    let timeline = if seen.role == DatabaseRole::Primary && seen.is_settled() {
        promotion::claim(db).unwrap_or_else(|e| {
            tracing::warn!("{}; {}", e.what, e.remedy);
            promotion::number(db)
        })
    } else {
        promotion::number(db)
    };
    Standing {
        role: seen.role,
        follows: seen.follows(),
        timeline,
        may_start: true,
        ..Standing::default()
    }
}

/// Written so far on the primary, replayed so far on the standby.
pub(super) fn position(db: &Gaussdb, limit: Duration) -> DatabaseResult<Lsn> {
    let rows = db.ask("ask for the position", POSITION, limit)?;
    let read = first(&rows).and_then(Lsn::read);
    read.ok_or_else(|| {
        transient(
            "the database gave no position in its log",
            "look whether it runs, and into its log",
        )
    })
}

pub(super) fn replication(db: &Gaussdb) -> DatabaseResult<Replication> {
    let seen = look(db, QUESTION)?;
    let mut found = match seen.role {
        DatabaseRole::Primary => of_primary(&db.ask("ask for the standbys", SENDERS, QUESTION)?),
        DatabaseRole::Standby | DatabaseRole::None | DatabaseRole::Unknown => {
            let rows = db.ask("ask for the stream", RECEIVED, QUESTION)?;
            of_standby(&rows, seen.follows())
        }
    };
    if !seen.is_settled() {
        found.obstacles.push(format!(
            "the database here is {}: see gs_ctl query",
            seen.words()
        ));
    }
    found.obstacles.extend(traps(db)?);
    Ok(found)
}

fn of_primary(rows: &Rows) -> Replication {
    let states = || rows.iter().map(|row| value(row, 0));
    let lag = |row: &Vec<Option<String>>| {
        let at = |column| value(row, column).and_then(Lsn::read);
        Some(at(2)?.0.saturating_sub(at(1)?.0))
    };
    let lags: Option<Vec<u64>> = rows.iter().map(lag).collect();
    let mut obstacles = Vec::new();
    if states().any(|state| state.is_none()) {
        obstacles.push(
            "how far the standby is cannot be seen: alter user hau monadmin, as the database's first user"
                .to_owned(),
        );
    }
    Replication {
        streaming: states().any(|state| state == Some("Streaming")),
        lag_bytes: lags.and_then(|lags| lags.into_iter().max()),
        obstacles,
    }
}

fn of_standby(rows: &Rows, follows: bool) -> Replication {
    let row = rows.first();
    let at = |column| row.and_then(|row| value(row, column)).and_then(Lsn::read);
    let lag = at(0)
        .zip(at(1))
        .map(|(came, replayed)| came.0.saturating_sub(replayed.0));
    Replication {
        streaming: follows,
        lag_bytes: lag,
        obstacles: Vec::new(),
    }
}

/// Settings and neighbours that would spoil a switchover, one sentence each.
fn traps(db: &Gaussdb) -> DatabaseResult<Vec<String>> {
    let rows = db.ask("read the settings", SETTINGS, QUESTION)?;
    let get = |name: &str| {
        let row = rows.iter().find(|row| value(row, 0) == Some(name));
        row.and_then(|row| value(row, 1)).unwrap_or("")
    };
    let mut found = Vec::new();
    if !get("synchronous_standby_names").is_empty() {
        let shown = db.ask("read the settings", "show most_available_sync", QUESTION)?;
        if first(&shown) != Some("on") {
            found.push(
                "most_available_sync is off and synchronous_standby_names is set: with one standby every commit waits \
                 while that is down; set most_available_sync to on and reload"
                    .to_owned(),
            );
        }
    }
    if get("hot_standby") == "off" {
        found.push(
            "hot_standby is off: a standby cannot be asked how far it is; set it to on and restart"
                .to_owned(),
        );
    }
    found.extend(Mover::of(db).err().map(|e| e.what));
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(values: &[&str]) -> Vec<Option<String>> {
        let one = |text: &&str| (*text != "NULL").then(|| (*text).to_owned());
        values.iter().map(one).collect()
    }

    #[test]
    fn a_role_is_what_the_database_says_and_else_nothing() {
        let seen = |words: [&str; 3]| read(&vec![row(&words)]);
        let primary = seen(["Primary", "Normal", "Normal"]).expect("a role");
        assert_eq!(primary.role, DatabaseRole::Primary);
        assert!(primary.is_settled() && !primary.follows());
        let standby = seen(["Standby", "Catchup", "Normal"]).expect("a role");
        assert!(standby.follows() && !standby.is_settled());
        let ill = seen(["Standby", "Need repair", "WAL segment removed"]).expect("a role");
        assert!(!ill.follows());
        assert_eq!(ill.words(), "Standby, Need repair (WAL segment removed)");
        for role in [
            "Normal",
            "Pending",
            "Cascade Standby",
            "Main Standby",
            "Unknown",
            "NULL",
            "",
        ] {
            assert!(
                seen([role, "Starting", "Normal"]).is_err_and(|e| e.transient),
                "{role}"
            );
        }
        assert!(read(&Vec::new()).is_err());
    }

    #[test]
    fn lag_that_cannot_be_seen_is_not_none() {
        let streams = of_primary(&vec![row(&["Streaming", "0/100", "0/180"])]);
        assert!(streams.streaming && streams.obstacles.is_empty());
        assert_eq!(streams.lag_bytes, Some(0x80));
        let hidden = of_primary(&vec![row(&["NULL", "NULL", "0/180"])]);
        assert_eq!((hidden.streaming, hidden.lag_bytes), (false, None));
        assert!(hidden.obstacles[0].contains("monadmin"), "{hidden:?}");
        let nobody = of_primary(&Vec::new());
        assert!(!nobody.streaming && nobody.obstacles.is_empty());
        let standby = of_standby(&vec![row(&["0/200", "0/180"])], true);
        assert_eq!((standby.streaming, standby.lag_bytes), (true, Some(0x80)));
        assert!(!of_standby(&vec![row(&["0/200", "0/180"])], false).streaming);
        assert_eq!(of_standby(&Vec::new(), true).lag_bytes, None);
    }
}
