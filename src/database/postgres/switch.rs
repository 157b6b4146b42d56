//! The planned change of roles. Every call first looks at what is, so that it may be repeated
//! after a crash at any point of itself.
use super::{
    DatabaseError, DatabaseResult, Deadline, Postgres, QUESTION,
    control::{Cluster, ControlData},
    guard,
    lsn::{Lsn, Position},
    pulse, refusal,
    standing::{self, Replayed},
    transient,
};
use crate::core::DatabaseRole;
use ::postgres::Client;
use std::time::{Duration, Instant};

const POLL: Duration = Duration::from_millis(2);
const START_POLL: Duration = Duration::from_millis(10);
/// Without a stream and without a byte more for this long, what is missing will not come.
const STALLED: Duration = Duration::from_secs(3);
/// A receiver calls itself streaming before the primary has agreed; one that was turned down is
/// gone sooner than this.
const SETTLED: Duration = Duration::from_millis(250);
/// Enough for the server to have heard a question whose answer nobody waits for.
const ASKED: Duration = Duration::from_millis(100);

/// Stops the primary; from then on it can only start as a standby. The answer lies one byte behind
/// the begin of the shutdown checkpoint, the last record written: "replayed up to there" says
/// exactly "replayed that record".
pub(super) fn demote(db: &Postgres, deadline: Deadline) -> DatabaseResult<String> {
    if let Some(primary) = look_before_stop(db, deadline)? {
        may_demote(&primary)?;
        db.sessions.close();
        if let Some(postmaster) = db.postmaster()?
            && !postmaster.stop(deadline)?
        {
            return Err(transient(
                format!("the primary did not stop within {:.1?}", deadline.limit),
                "it is still stopping: look into its log and whether the standby takes what it sends",
            ));
        }
    }
    let control = db.control_data()?;
    if control.state != Cluster::ShutDown {
        return Err(not_stopped_as_primary(&control));
    }
    db.write_standby_signal()?;
    // What starts from here on reads the signal file. What started before has its pidfile.
    if db.postmaster()?.is_some() {
        return Err(refusal(
            format!(
                "something started {} again while it was being demoted",
                db.config.unit
            ),
            "take Restart= out of the unit and stop what else starts the server",
        ));
    }
    let position = Position {
        lsn: control.checkpoint.next(),
        timeline: control.timeline,
    };
    Ok(position.to_string())
}

struct BeforeStop {
    standby: bool,
    conninfo: String,
    streaming: bool,
}

/// None: it does not run. A stop that an earlier try began is waited for: until then the server
/// runs and answers nothing.
fn look_before_stop(db: &Postgres, deadline: Deadline) -> DatabaseResult<Option<BeforeStop>> {
    let sql = "select pg_is_in_recovery(), current_setting('primary_conninfo'),
               exists(select from pg_stat_replication where state = 'streaming')";
    let action = "look at the primary before its stop";
    let mut last = None;
    let found = deadline.poll(START_POLL, || {
        if db.postmaster()?.is_none() {
            return Ok(Some(None));
        }
        let limit = deadline.left_at_most(QUESTION);
        let look = db.sessions.ask(action, limit, move |client| {
            let row = client.query_one(sql, &[])?;
            Ok(BeforeStop {
                standby: row.try_get(0)?,
                conninfo: row.try_get(1)?,
                streaming: row.try_get(2)?,
            })
        });
        match look {
            Ok(look) => Ok(Some(Some(look))),
            Err(e) if e.transient => {
                last = Some(e);
                Ok(None)
            }
            Err(e) => Err(e),
        }
    })?;
    match (found, last) {
        (Some(found), _) => Ok(found),
        (None, Some(e)) => Err(e),
        (None, None) => Err(transient("there was no time to demote", "give it a limit")),
    }
}

/// Everything that is better found out while the primary still serves.
fn may_demote(primary: &BeforeStop) -> DatabaseResult<()> {
    if primary.standby {
        return Err(refusal(
            "this database is a standby: there is nothing to demote",
            "demote the other node's",
        ));
    }
    if primary.conninfo.trim().is_empty() {
        return Err(refusal(
            "primary_conninfo is empty on the primary: demoted it could not follow the other node",
            "set primary_conninfo to the other node and reload",
        ));
    }
    if !primary.streaming {
        return Err(transient(
            "no standby streams from this primary: nothing would receive its last changes",
            "bring the standby up and wait until it streams",
        ));
    }
    Ok(())
}

pub(super) fn take_back(
    db: &Postgres,
    stopped: Option<Position>,
    deadline: Deadline,
) -> DatabaseResult<()> {
    if db.postmaster()?.is_none() {
        let control = db.control_data()?;
        // In production and without the signal file: an earlier try of this that then crashed.
        let tried = control.state == Cluster::InProduction && !db.has_standby_signal();
        if control.state != Cluster::ShutDown && !tried {
            return Err(not_stopped_as_primary(&control));
        }
        guard::allow(db)?;
        db.remove_standby_signal()?;
        db.start_unit(deadline)?;
    }
    match (wait_for_role(db, deadline)?, stopped) {
        (DatabaseRole::Primary, _) => write_heartbeat(db, deadline),
        // Refused unless it has all that it stopped with, and nothing of another one that was promoted since.
        (DatabaseRole::Standby, Some(stopped)) => promote(db, stopped, deadline),
        (DatabaseRole::Standby | DatabaseRole::None | DatabaseRole::Unknown, _) => Err(refusal(
            "this database was started as a standby since it was demoted, and where it stopped is not known",
            "if the other node was certainly not promoted, promote this one",
        )),
    }
}

pub(super) fn promote(db: &Postgres, position: Position, deadline: Deadline) -> DatabaseResult<()> {
    if wait_for_replay(db, position.lsn, deadline)?.standby {
        let timeline = guard::timeline(db)?;
        if position.is_left_behind(timeline) {
            return Err(left_behind(position, timeline));
        }
        make_primary(db, deadline)?;
    }
    write_heartbeat(db, deadline)
}

/// With all that it has received, which the server replays first.
pub(super) fn take_over(
    db: &Postgres,
    term: Option<u64>,
    deadline: Deadline,
) -> DatabaseResult<()> {
    if db.postmaster()?.is_none() {
        guard::release(db, deadline)?;
    }
    if wait_for_role(db, deadline)? == DatabaseRole::Standby {
        make_primary(db, deadline)?;
        begin_checkpoint(db);
    }
    if let Some(term) = term {
        write_term(db, term, deadline)?;
    }
    write_heartbeat(db, deadline)
}

/// Until the first one is done the control file says the old timeline, and pg_rewind on the other node believes it. The
/// server's own may take minutes; nobody waits for this one here, and where it cannot be asked for, that one will do.
fn begin_checkpoint(db: &Postgres) {
    let begun = db
        .sessions
        .ask_alone("begin a checkpoint", ASKED, |client| {
            client.batch_execute("checkpoint")
        });
    if let Err(e) = begun {
        tracing::debug!(HAU_EVENT = "database", "{e}");
    }
}

fn make_primary(db: &Postgres, deadline: Deadline) -> DatabaseResult<()> {
    guard::allow(db)?;
    let limit = deadline.left_at_most(QUESTION);
    // Not waiting: the server's own wait looks every 100 ms only.
    db.sessions.ask("promote the standby", limit, |client| {
        client.query_one("select pg_promote(false)", &[]).map(drop)
    })?;
    let primary = deadline.poll(POLL, || {
        let role = db.role_within(deadline.left_at_most(QUESTION))?;
        Ok((role == DatabaseRole::Primary).then_some(()))
    })?;
    primary.ok_or_else(|| {
        transient(
            format!("the promotion did not end within {:.1?}", deadline.limit),
            "it goes on by itself: look into the server's log, then try again",
        )
    })
}

pub(super) fn rejoin(db: &Postgres, deadline: Deadline) -> DatabaseResult<()> {
    let control = db.control_data()?;
    if db.postmaster()?.is_none() {
        if !db.has_standby_signal() {
            return Err(refusal(
                "standby.signal is missing: started now this database would be a second primary",
                "demote it first",
            ));
        }
        db.start_unit(deadline)?;
    }
    if wait_for_role(db, deadline)? == DatabaseRole::Primary {
        return Err(refusal(
            "this database runs as primary and cannot join as standby",
            "demote it first",
        ));
    }
    let mut seen: Option<(i32, Instant)> = None;
    let streams = deadline.poll(START_POLL, || {
        let now = standing::replayed(db, deadline.left_at_most(QUESTION))?;
        if let Some(fork) = db.fork_before(&control) {
            return Err(diverged(fork, control.checkpoint));
        }
        seen = now.receiver.map(|pid| match seen {
            Some((before, since)) if before == pid => (pid, since),
            Some(_) | None => (pid, Instant::now()),
        });
        Ok(seen.filter(|(_, since)| since.elapsed() > SETTLED))
    })?;
    streams.map(drop).ok_or_else(|| {
        transient(
            format!("the standby did not stream within {:.1?}", deadline.limit),
            "check primary_conninfo, pg_hba.conf of the primary, and the server's log",
        )
    })
}

/// Waits until everything up to `position` is replayed; an error as soon as it cannot come.
fn wait_for_replay(db: &Postgres, position: Lsn, deadline: Deadline) -> DatabaseResult<Replayed> {
    let mut best = Lsn::default();
    let mut since = Instant::now();
    loop {
        let now = standing::replayed(db, deadline.left_at_most(QUESTION))?;
        if now.replayed >= position {
            return Ok(now);
        }
        if now.receiver.is_some() || now.received > best || now.received >= position {
            best = now.received.max(best);
            since = Instant::now();
        }
        if deadline.passed() || !now.standby || since.elapsed() > STALLED {
            return Err(short_of(position, &now));
        }
        std::thread::sleep(deadline.left_at_most(POLL));
    }
}

/// The role as soon as the server answers, for as long as systemd says it may yet.
fn wait_for_role(db: &Postgres, deadline: Deadline) -> DatabaseResult<DatabaseRole> {
    let mut last = None;
    let role = deadline.poll(START_POLL, || {
        match db.role_within(deadline.left_at_most(QUESTION)) {
            Ok(role) => Ok(Some(role)),
            Err(e) if e.transient => {
                last = Some(e);
                if db.postmaster()?.is_none() {
                    db.still_started()?;
                }
                Ok(None)
            }
            Err(e) => Err(e),
        }
    })?;
    role.ok_or_else(|| {
        let why = last.map_or(String::new(), |e| format!(": {e}"));
        transient(
            format!("the server was not up within {:.1?}{why}", deadline.limit),
            "look into the server's log",
        )
    })
}

/// As a setting of the database: it replicates, a standby can be asked for it, and a restored database that takes this
/// one's place takes its settings.
fn write_term(db: &Postgres, term: u64, deadline: Deadline) -> DatabaseResult<()> {
    let written = move |client: &mut Client| {
        let sql =
            "select format('alter database %I set hau.term = %L', current_database(), $1::bigint)";
        let term = i64::try_from(term).unwrap_or(i64::MAX);
        let alter: String = client.query_one(sql, &[&term])?.try_get(0)?;
        client.batch_execute(&alter)
    };
    let limit = deadline.left();
    db.sessions.ask("write the term", limit, written)
}

fn write_heartbeat(db: &Postgres, deadline: Deadline) -> DatabaseResult<()> {
    db.sessions
        .ask("write to the new primary", deadline.left(), |client| {
            client.batch_execute(pulse::MAKE)?;
            client.batch_execute(pulse::WRITE)
        })
}

fn not_stopped_as_primary(control: &ControlData) -> DatabaseError {
    refusal(
        format!(
            "this database is not a primary that was stopped cleanly: its state is \"{}\"",
            control.state
        ),
        "if it crashed, start it as it was and look into its log; nothing was promoted",
    )
}

fn short_of(position: Lsn, now: &Replayed) -> DatabaseError {
    let what = if now.standby {
        "not promoted: this standby"
    } else {
        "this primary"
    };
    transient(
        format!("{what} is at {}, {position} is needed", now.replayed),
        "take the old primary back; it has everything",
    )
}

fn left_behind(position: Position, timeline: u32) -> DatabaseError {
    refusal(
        format!(
            "not promoted: this standby follows a primary on timeline {timeline}, which was promoted after the one that \
             stopped at {position}"
        ),
        "leave that primary as it is",
    )
}

fn diverged(fork: Lsn, went_on: Lsn) -> DatabaseError {
    refusal(
        format!(
            "this database went on to {went_on} after the new primary had left it at {fork}: it \
             cannot join"
        ),
        "stop it, run pg_rewind against the new primary (or pg_basebackup), then rejoin",
    )
}
