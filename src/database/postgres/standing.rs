//! How replication stands, and what in the server's settings would spoil a planned switchover.
use super::{DatabaseResult, Deadline, Postgres, QUESTION, Replication, lsn::Lsn};
use crate::core::DatabaseRole;
use std::{collections::BTreeMap, time::Duration};

/// Longer, and a promotion that hits the end of the stream sleeps this long (5 s were measured).
const RETRY_INTERVAL_MS: u64 = 100;

type Settings = BTreeMap<String, String>;

/// What a standby has.
pub(super) struct Replayed {
    pub(super) received: Lsn,
    pub(super) replayed: Lsn,
    /// The receiver's process while it streams, or is about to be told that it may not.
    pub(super) receiver: Option<i32>,
    /// False: it is a primary, and has everything it can have.
    pub(super) standby: bool,
}

pub(super) fn replication(db: &Postgres) -> DatabaseResult<Replication> {
    let deadline = Deadline::after(QUESTION);
    match db.role_within(deadline.left())? {
        DatabaseRole::Primary => of_primary(db, deadline),
        DatabaseRole::Standby | DatabaseRole::None | DatabaseRole::Unknown => {
            of_standby(db, deadline)
        }
    }
}

/// Written so far on a primary, replayed so far on a standby.
pub(super) fn position(db: &Postgres, limit: Duration) -> DatabaseResult<Lsn> {
    // Not the insert position: after a full segment that lies behind a page header which no
    // standby replays.
    let sql = "select case when pg_is_in_recovery() then pg_last_wal_replay_lsn()
                      else pg_current_wal_lsn() end::text";
    let text: Option<String> = db
        .sessions
        .ask("ask for the position", limit, move |client| {
            client.query_one(sql, &[])?.try_get(0)
        })?;
    Ok(text.as_deref().and_then(Lsn::read).unwrap_or_default())
}

/// On a primary everything it wrote counts as replayed.
pub(super) fn replayed(db: &Postgres, limit: Duration) -> DatabaseResult<Replayed> {
    let sql = "select case when r then pg_last_wal_replay_lsn()
                      else pg_current_wal_lsn() end::text,
                      pg_last_wal_receive_lsn()::text,
                      (select pid from pg_stat_wal_receiver where status = 'streaming'), r
               from (select pg_is_in_recovery() as r) as role";
    let (replayed, received, receiver, standby): (
        Option<String>,
        Option<String>,
        Option<i32>,
        bool,
    ) = db
        .sessions
        .ask("ask what was replayed", limit, move |client| {
            let row = client.query_one(sql, &[])?;
            Ok((
                row.try_get(0)?,
                row.try_get(1)?,
                row.try_get(2)?,
                row.try_get(3)?,
            ))
        })?;
    let lsn = |text: Option<String>| text.as_deref().and_then(Lsn::read).unwrap_or_default();
    Ok(Replayed {
        received: lsn(received),
        replayed: lsn(replayed),
        receiver,
        standby,
    })
}

fn of_primary(db: &Postgres, deadline: Deadline) -> DatabaseResult<Replication> {
    let sql = "select pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn)::bigint
               from pg_stat_replication where state = 'streaming'";
    let lags: Vec<Option<i64>> =
        db.sessions
            .ask("ask for the standbys", deadline.left(), move |client| {
                let rows = client.query(sql, &[])?;
                rows.iter().map(|row| row.try_get(0)).collect()
            })?;
    // pg_receivewal streams too but replays nothing: its lag is null.
    let known: Vec<i64> = lags.iter().copied().flatten().collect();
    let settings = settings(db, deadline)?;
    Ok(Replication {
        streaming: !lags.is_empty(),
        lag_bytes: known.iter().max().map(|lag| bytes(*lag)),
        obstacles: obstacles(&settings, lags.len(), false),
    })
}

fn of_standby(db: &Postgres, deadline: Deadline) -> DatabaseResult<Replication> {
    // What the primary has sent as far as it said so, else what was received; after a restart
    // the latter is the beginning of a segment, before what is replayed.
    let sql = "select greatest(0, pg_wal_lsn_diff(
                          greatest(latest_end_lsn, pg_last_wal_receive_lsn()),
                          pg_last_wal_replay_lsn()))::bigint
               from pg_stat_wal_receiver where status = 'streaming'";
    let (lag, paused): (Option<Option<i64>>, bool) =
        db.sessions
            .ask("ask for the stream", deadline.left(), move |client| {
                let lag = client.query_opt(sql, &[])?;
                let paused = client.query_one("select pg_is_wal_replay_paused()", &[])?;
                Ok((
                    lag.map(|row| row.try_get(0)).transpose()?,
                    paused.try_get(0)?,
                ))
            })?;
    let settings = settings(db, deadline)?;
    Ok(Replication {
        streaming: lag.is_some(),
        lag_bytes: lag.flatten().map(bytes),
        obstacles: obstacles(&settings, 0, paused),
    })
}

fn bytes(lag: i64) -> u64 {
    u64::try_from(lag).unwrap_or(0)
}

fn settings(db: &Postgres, deadline: Deadline) -> DatabaseResult<Settings> {
    let sql = "select name, coalesce(setting, '') from pg_settings where name in
               ('synchronous_standby_names', 'wal_retrieve_retry_interval', 'primary_conninfo',
                'wal_log_hints', 'data_checksums', 'hot_standby', 'recovery_min_apply_delay',
                'recovery_target_timeline')";
    db.sessions
        .ask("read the settings", deadline.left(), move |client| {
            let rows = client.query(sql, &[])?;
            rows.iter()
                .map(|row| Ok((row.try_get(0)?, row.try_get(1)?)))
                .collect()
        })
}

/// One sentence each, what and why and what to do. A setting that the server does not know is
/// no obstacle.
fn obstacles(settings: &Settings, standbys: usize, paused: bool) -> Vec<String> {
    let get = |name: &str| settings.get(name).map(String::as_str);
    let number = |name: &str| get(name).and_then(|s| s.parse::<u64>().ok()).unwrap_or(0);
    let mut found = Vec::new();
    let mut say = |is_so: bool, sentence: &str| {
        if is_so {
            found.push(sentence.to_owned());
        }
    };
    say(
        get("synchronous_standby_names").is_some_and(|s| !s.is_empty()) && standbys < 2,
        "synchronous_standby_names is set: with one standby every commit waits while that is \
         down; set it to '' and reload",
    );
    say(
        number("wal_retrieve_retry_interval") > RETRY_INTERVAL_MS,
        "wal_retrieve_retry_interval is above 100ms: a promotion can sleep for that long; set it \
         to 100ms and reload",
    );
    say(
        get("primary_conninfo").is_some_and(|s| s.trim().is_empty()),
        "primary_conninfo is empty: this node cannot become the other's standby; set it (on the \
         primary too) and reload",
    );
    say(
        get("wal_log_hints") == Some("off") && get("data_checksums") == Some("off"),
        "wal_log_hints and data checksums are both off: pg_rewind could not repair a node after \
         a failover; set wal_log_hints = on and restart",
    );
    say(
        get("hot_standby") == Some("off"),
        "hot_standby is off: a standby cannot be asked how far it is; set it to on and restart",
    );
    say(
        number("recovery_min_apply_delay") > 0,
        "recovery_min_apply_delay is set: the standby is behind on purpose; set it to 0 and reload",
    );
    say(
        get("recovery_target_timeline").is_some_and(|s| s != "latest"),
        "recovery_target_timeline is not latest: a standby would not follow a new primary; set it \
         to latest and restart",
    );
    say(
        paused,
        "replay is paused on this standby: run select pg_wal_replay_resume()",
    );
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Settings {
        [
            ("synchronous_standby_names", ""),
            ("wal_retrieve_retry_interval", "100"),
            ("primary_conninfo", "host=b"),
            ("wal_log_hints", "on"),
            ("data_checksums", "off"),
            ("hot_standby", "on"),
            ("recovery_min_apply_delay", "0"),
            ("recovery_target_timeline", "latest"),
        ]
        .map(|(k, v)| (k.to_owned(), v.to_owned()))
        .into()
    }

    #[test]
    fn a_well_set_server_has_no_obstacles() {
        assert_eq!(obstacles(&good(), 1, false), Vec::<String>::new());
    }

    #[test]
    fn each_trap_is_one_sentence_of_its_own() {
        for (name, bad) in [
            ("synchronous_standby_names", "b"),
            ("wal_retrieve_retry_interval", "5000"),
            ("primary_conninfo", ""),
            ("wal_log_hints", "off"),
            ("hot_standby", "off"),
            ("recovery_min_apply_delay", "60000"),
            ("recovery_target_timeline", "current"),
        ] {
            let mut settings = good();
            settings.insert(name.into(), bad.into());
            let found = obstacles(&settings, 1, false);
            assert_eq!(found.len(), 1, "{found:?}");
            assert!(found[0].starts_with(name), "{found:?}");
        }
        assert!(obstacles(&good(), 0, true)[0].starts_with("replay is paused"));
    }

    #[test]
    fn a_second_standby_takes_the_synchronous_trap_away() {
        let mut settings = good();
        settings.insert("synchronous_standby_names".into(), "ANY 1 (b, c)".into());
        assert!(obstacles(&settings, 2, false).is_empty());
    }
}
