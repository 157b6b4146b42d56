//! Changes of roles. Each call looks first at what is, so that it may be repeated after a crash at any point of itself.
use super::{
    DatabaseError, DatabaseResult, Deadline, Gaussdb, Position, QUESTION,
    lsn::Lsn,
    manager::{Mover, Request, is_busy},
    promotion, refusal,
    standing::{self, Seen},
    tools, transient,
};
use crate::{
    core::DatabaseRole,
    host::{HostResult, Output},
};
use std::{sync::mpsc, thread, time::Duration};

const POLL: Duration = Duration::from_millis(20);
/// Between two looks at what takes long.
const START_POLL: Duration = Duration::from_millis(200);
/// `gs_ctl` looks once a second, and goes on for some seconds when the roles have changed.
const ENDING: Duration = Duration::from_secs(15);
/// It gives up waiting this long before we do. The request stays: the server may yet carry it out.
const SOONER: Duration = Duration::from_secs(3);
/// A transaction of its own that changes nothing: refused by whoever takes no writes.
const WRITE: &str = "select txid_current()";

/// A checkpoint, so that the primary has little to write when it is demoted. Both witnesses must agree on its role.
pub(super) fn prepare(db: &Gaussdb, deadline: Deadline) -> DatabaseResult<()> {
    let seen = standing::look(db, QUESTION)?;
    let said = tools::query(db, deadline.left_at_most(ENDING))?;
    if said.role != format!("{:?}", seen.role) {
        return Err(transient(
            format!(
                "this database is {}, and gs_ctl query says {}",
                seen.words(),
                said.words()
            ),
            "look which of the two is right: somebody may be changing the roles",
        ));
    }
    let action = "make a checkpoint";
    let mut client = db.connect(action, deadline.end)?;
    let made = client.query("checkpoint", deadline.end);
    made.map(drop).map_err(|e| super::error::told(&e, action))
}

pub(super) fn promote(db: &Gaussdb, position: Position, deadline: Deadline) -> DatabaseResult<()> {
    if !is_primary(db) {
        if position.is_left_behind(promotion::number(db)) {
            return Err(refusal(
                "not promoted: another database was promoted since, and this standby follows it",
                "hau-ctl status says who is primary",
            ));
        }
        replayed(db, position.lsn, deadline)?;
        let limit = deadline.left().saturating_sub(SOONER);
        become_primary(db, &Mover::of(db)?.switchover(limit), deadline)?;
    }
    takes_writes(db, deadline)
}

fn is_primary(db: &Gaussdb) -> bool {
    standing::look(db, QUESTION).is_ok_and(|seen| is_settled_primary(&seen))
}

fn is_settled_primary(seen: &Seen) -> bool {
    seen.role == DatabaseRole::Primary && seen.is_settled()
}

fn replayed(db: &Gaussdb, wanted: Lsn, deadline: Deadline) -> DatabaseResult<()> {
    let there = deadline.poll(POLL, || {
        Ok((standing::position(db, QUESTION)? >= wanted).then_some(()))
    })?;
    there.ok_or_else(|| {
        transient(
            format!("not promoted: this standby has not replayed {wanted}"),
            "look whether it streams from the primary (gs_ctl query)",
        )
    })
}

/// Has it asked for, and waits for the database to say that it is so, whatever the program says meanwhile but "no". One that
/// is still busy with what was asked before is waited for.
fn become_primary(db: &Gaussdb, request: &Request, deadline: Deadline) -> DatabaseResult<()> {
    let mut ended = ask(db, request, deadline);
    let mut output = None;
    let done = deadline.poll(POLL, || {
        output = output.take().or_else(|| ended.try_recv().ok());
        if is_primary(db) {
            return Ok(Some(true));
        }
        Ok(match &output {
            Some(Ok(said)) if is_busy(said) => {
                thread::sleep(tools::BUSY);
                (ended, output) = (ask(db, request, deadline), None);
                None
            }
            Some(
                Ok(Output {
                    code: Some(1..), ..
                })
                | Err(_),
            ) => Some(false),
            Some(Ok(_)) | None => None,
        })
    })?;
    match done {
        Some(true) => Ok(()),
        Some(false) | None => Err(not_done(db, &request.name(), output, deadline)),
    }
}

/// On a thread of its own: it goes on for seconds when the role has changed, and nobody may be waiting for its end any more.
fn ask(db: &Gaussdb, request: &Request, deadline: Deadline) -> mpsc::Receiver<HostResult<Output>> {
    let (told, ended) = mpsc::channel();
    let command = request.command(db, deadline.left() + ENDING);
    let host = db.host.clone();
    thread::spawn(move || drop(told.send(host.run(&command))));
    ended
}

/// Exit code 0 of gs_ctl says nothing: it ends so when its time was up, too.
fn not_done(
    db: &Gaussdb,
    name: &str,
    output: Option<HostResult<Output>>,
    deadline: Deadline,
) -> DatabaseError {
    let late = format!("not within {:.0?}", deadline.limit);
    let why = match output {
        Some(Ok(output)) if output.code == Some(0) => late,
        Some(Ok(output)) => return tools::failed(db, name, &output),
        Some(Err(e)) => e.to_string(),
        None => late,
    };
    let now = standing::look(db, QUESTION).map_or_else(|e| e.what, |seen| seen.words());
    transient(
        format!("{name} did not make this database the primary ({why}); it is {now}"),
        "it may do so yet: see gs_ctl query on both nodes and the server's log, then hau-ctl retry",
    )
}

fn takes_writes(db: &Gaussdb, deadline: Deadline) -> DatabaseResult<()> {
    let mut last = None;
    let takes = deadline.poll(POLL, || {
        let asked = db.ask(
            "write to the database",
            WRITE,
            deadline.left_at_most(QUESTION),
        );
        Ok(asked.map_err(|e| last = Some(e)).ok().map(drop))
    })?;
    takes.ok_or_else(|| {
        last.unwrap_or_else(|| transient("the new primary takes no writes", "look into its log"))
    })?;
    promotion::claim(db).map(drop)
}

/// It goes on as primary, or a switchover that was called off has left it half-way.
pub(super) fn take_back(
    db: &Gaussdb,
    stopped: Option<Position>,
    deadline: Deadline,
) -> DatabaseResult<()> {
    if standing::look(db, QUESTION).is_ok_and(|seen| seen.role == DatabaseRole::Standby) {
        let stopped = stopped.ok_or_else(|| {
            refusal(
                "this database is a standby, and where it stopped as primary is not known",
                "see on both nodes which one has all rows, and run gs_ctl failover there",
            )
        })?;
        replayed(db, stopped.lsn, deadline)?;
        let limit = deadline.left().saturating_sub(SOONER);
        become_primary(db, &Mover::of(db)?.back(limit), deadline)?;
    }
    wait_for(db, "be primary again", deadline, is_settled_primary)?;
    takes_writes(db, deadline)
}

/// It became a standby in the switchover. One that is down is started as one.
pub(super) fn rejoin(db: &Gaussdb, deadline: Deadline) -> DatabaseResult<()> {
    if tools::is_down(db)? {
        tools::ask_done(db, &Mover::of(db)?.start(), deadline.left())?;
    }
    wait_for(db, "follow the other node", deadline, Seen::follows)
}

fn wait_for(
    db: &Gaussdb,
    what: &str,
    deadline: Deadline,
    is_so: impl Fn(&Seen) -> bool,
) -> DatabaseResult<()> {
    let mut last = String::new();
    let done = deadline.poll(START_POLL, || {
        Ok(match standing::look(db, QUESTION) {
            Ok(seen) if is_so(&seen) => Some(()),
            Ok(seen) => {
                last = format!("it is {}", seen.words());
                None
            }
            Err(e) => {
                last = e.what;
                None
            }
        })
    })?;
    done.ok_or_else(|| {
        transient(
            format!("this database did not {what} within {:.0?}: {last}", deadline.limit),
            "see gs_ctl query; one that needs repair is mended by hau-ctl rejoin, or with --rebuild",
        )
    })
}

pub(super) fn take_over(db: &Gaussdb, deadline: Deadline) -> DatabaseResult<()> {
    if !is_primary(db) {
        match Mover::of(db)?.failover() {
            Some(request) => become_primary(db, &request, deadline)?,
            None => wait_for(
                db,
                "become primary by the cluster manager's decision (cm_ctl query -Cv)",
                deadline,
                is_settled_primary,
            )?,
        }
    }
    takes_writes(db, deadline)
}

/// A build takes from the primary what this one lacks or has too much; it starts it as a standby.
pub(super) fn rewind(db: &Gaussdb, rebuild: bool, deadline: Deadline) -> DatabaseResult<()> {
    let mover = Mover::of(db)?;
    let is_primary = |seen: Seen| seen.role == DatabaseRole::Primary;
    // A build is refused by one that runs as primary, as one does that a boot has started so.
    if let Some(stop) = mover.stop()
        && standing::look(db, QUESTION).is_ok_and(is_primary)
    {
        tools::ask_done(db, &stop, deadline.left())?;
    }
    tools::ask_done(db, &mover.build(rebuild), deadline.left()).map(drop)
}
