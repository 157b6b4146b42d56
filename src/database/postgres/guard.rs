//! A former primary does not start by itself: a drop-in makes its unit's start after a boot wait for
//! hau's word, because the other node may have been promoted meanwhile. A standby is let start, it
//! can do no harm.
use super::{DatabaseResult, Deadline, Postgres, QUESTION, refusal, server::host_error};
use crate::core::DatabaseRole;
use crate::database::Standing;
use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

const UNITS: &str = "/etc/systemd/system";
const DROP_IN: &str = "50-hau-may-start.conf";

/// The timeline as the control file says it, read again when there is a new history file.
#[derive(Default)]
pub(super) struct Timeline(Mutex<Option<(u32, u32)>>);

pub(super) fn standing(db: &Postgres) -> Standing {
    let (role, follows, term) = asked(db).unwrap_or_default();
    // One that answers runs.
    let up = role != DatabaseRole::Unknown || !matches!(db.postmaster(), Ok(None));
    let flag = db.config.may_start.as_ref();
    let may_start = flag.is_none_or(|flag| flag.exists());
    Standing {
        role,
        follows,
        timeline: timeline(db).unwrap_or(0),
        held: !up && !may_start && !db.has_standby_signal(),
        may_start,
        term,
    }
}

/// Role, stream and term in one round trip, for it is asked every second.
fn asked(db: &Postgres) -> DatabaseResult<(DatabaseRole, bool, u64)> {
    let sql = "
        select pg_is_in_recovery(), exists(select from pg_stat_wal_receiver where status = 'streaming'),
               coalesce((select substr(one, 10)::bigint
                   from pg_db_role_setting s join pg_database d on d.oid = s.setdatabase, unnest(setconfig) one
                   where setrole = 0 and datname = current_database() and one ~ '^hau[.]term=[0-9]{1,18}$'), 0)";
    let (in_recovery, streams, term): (bool, bool, i64) =
        db.sessions
            .ask("ask for the role", QUESTION, move |client| {
                let row = client.query_typed_one(sql, &[])?;
                Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?))
            })?;
    let term = term.unsigned_abs();
    Ok(if in_recovery {
        (DatabaseRole::Standby, streams, term)
    } else {
        (DatabaseRole::Primary, false, term)
    })
}

/// The control file tells it late after a promotion, so the newest history file counts too: that is
/// written before the promotion takes effect. A control file that changes without one says nothing new.
pub(super) fn timeline(db: &Postgres) -> DatabaseResult<u32> {
    let history = newest_history(&db.config.data_dir);
    let mut kept = db.timeline.0.lock().unwrap_or_else(PoisonError::into_inner);
    let known = kept
        .filter(|(newest, _)| *newest == history)
        .map(|(_, n)| n);
    let own = match known {
        Some(own) => own,
        None => db.control_data()?.timeline,
    };
    *kept = Some((history, own));
    Ok(own.max(history))
}

fn newest_history(data_dir: &Path) -> u32 {
    let entries = fs::read_dir(data_dir.join("pg_wal")).into_iter().flatten();
    let number = |entry: fs::DirEntry| {
        let name = entry.file_name().into_string().ok()?;
        u32::from_str_radix(name.strip_suffix(".history")?, 16).ok()
    };
    entries.flatten().filter_map(number).max().unwrap_or(0)
}

/// Puts the drop-in in its place, or takes away that of an earlier configuration, for whose word nobody would be
/// left to wait. What runs already was let start.
pub(super) fn watch_over(db: &Postgres) -> DatabaseResult<()> {
    let file = drop_in_of(&db.config.unit);
    let Some(flag) = &db.config.may_start else {
        if !db.host.exists(&file) {
            return Ok(());
        }
        let removed = db.host.remove(&file);
        return removed
            .and_then(|()| db.host.reload_units())
            .map_err(|e| host_error(&e));
    };
    if db.postmaster()?.is_some() && !db.has_standby_signal() {
        allow(db)?;
    }
    let text = drop_in(flag, &db.standby_signal());
    if db
        .host
        .read(&file)
        .is_ok_and(|there| there == text.as_bytes())
    {
        return Ok(());
    }
    let dir = file.parent().unwrap_or(Path::new(UNITS));
    db.host
        .make_dir(dir, 0o755)
        .and_then(|()| db.host.write(&file, text.as_bytes(), 0o644))
        .and_then(|()| db.host.reload_units())
        .map_err(|e| host_error(&e))
}

fn drop_in_of(unit: &str) -> PathBuf {
    Path::new(UNITS).join(format!("{unit}.d")).join(DROP_IN)
}

fn drop_in(flag: &Path, standby: &Path) -> String {
    format!(
        "# hau: after a boot a former primary waits until it is known that the other node was not promoted\n\
         [Unit]\nConditionPathExists=|{}\nConditionPathExists=|{}\n",
        flag.display(),
        standby.display()
    )
}

/// What is primary by right may start again until the next boot.
pub(super) fn allow(db: &Postgres) -> DatabaseResult<()> {
    let Some(flag) = &db.config.may_start else {
        return Ok(());
    };
    let written = db.host.write(flag, b"", 0o644);
    written.map_err(|e| host_error(&e))
}

pub(super) fn release(db: &Postgres, deadline: Deadline) -> DatabaseResult<()> {
    allow(db)?;
    if db.postmaster()?.is_none() {
        db.start_unit(deadline)?;
    }
    Ok(())
}

/// A standby, or one that a switchover has just stopped, is left alone.
pub(super) fn hold(db: &Postgres, deadline: Deadline) -> DatabaseResult<()> {
    if db.has_standby_signal() {
        return Ok(());
    }
    stop(db, deadline)
}

pub(super) fn stop(db: &Postgres, deadline: Deadline) -> DatabaseResult<()> {
    if let Some(flag) = &db.config.may_start {
        db.host.remove(flag).map_err(|e| host_error(&e))?;
    }
    db.sessions.close();
    let stopped = db.host.stop_unit(&db.config.unit, deadline.left());
    if let Some(postmaster) = db.postmaster()?
        && !postmaster.stop(deadline)?
    {
        return Err(refusal(
            format!("a primary that was replaced still runs: {}", db.config.unit),
            "stop it by hand",
        ));
    }
    stopped.map_err(|e| host_error(&e))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        database::postgres::PostgresConfig,
        host::{Host, fake::FakeHost},
    };
    use std::sync::Arc;

    #[test]
    fn the_newest_history_file_tells_the_timeline() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(newest_history(dir.path()), 0);
        let wal = dir.path().join("pg_wal");
        fs::create_dir(&wal).unwrap();
        for name in [
            "00000002.history",
            "0000000A.history",
            "00000003.history.tmp",
            "x.history",
        ] {
            fs::write(wal.join(name), "").unwrap();
        }
        assert_eq!(newest_history(dir.path()), 10);
    }

    fn db(host: &Arc<FakeHost>, may_start: Option<PathBuf>) -> Postgres {
        let config = PostgresConfig {
            dsn: "host=/run dbname=shop user=hau".to_owned(),
            data_dir: "/no/such/data".into(),
            unit: "postgresql@15-main.service".to_owned(),
            os_user: "postgres".to_owned(),
            bin_dir: None,
            may_start,
        };
        Postgres::new(config, host.clone()).unwrap()
    }

    /// Nobody would give the word any more: the primary would stay down at every boot.
    #[test]
    fn without_a_fence_nothing_waits_for_a_word() {
        let host = Arc::new(FakeHost::new());
        let file = drop_in_of("postgresql@15-main.service");
        watch_over(&db(&host, Some("/run/hau/x".into()))).unwrap();
        assert!(host.exists(&file));
        watch_over(&db(&host, None)).unwrap();
        assert!(!host.exists(&file));
    }

    #[test]
    fn either_condition_lets_the_unit_start() {
        let text = drop_in(Path::new("/run/hau/x"), Path::new("/data/standby.signal"));
        let triggers = text
            .lines()
            .filter(|l| l.starts_with("ConditionPathExists=|/"));
        assert_eq!(triggers.count(), 2);
    }
}
