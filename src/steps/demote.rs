//! Row: the primary is stopped cleanly; notes what the standby must have replayed.
use super::{Check, Cx, Only, QUIET, Step, StepDef, StepResult, Verdict};
use crate::core::{DatabaseRole, Undo};
use std::path::PathBuf;

pub(super) const DEF: StepDef = StepDef {
    name: "demote",
    about: "stop the primary cleanly",
    look: "the database's own log",
    disruptive: true,
    service_down: true,
    undo: Undo::Role,
    only: Only::Database,
    step: &Demote,
    ..QUIET
};

struct Demote;

fn was_primary(cx: &Cx<'_>) -> PathBuf {
    cx.aside().join("was-primary")
}

fn is_standby(cx: &Cx<'_>) -> bool {
    cx.database.role().ok() == Some(DatabaseRole::Standby)
}

impl Step for Demote {
    fn precheck(&self, cx: &mut Cx<'_>) -> StepResult<Check> {
        // A failover in between has made it one.
        Ok(if is_standby(cx) {
            Check::AlreadyDone
        } else {
            Check::Ready
        })
    }

    fn run(&self, cx: &mut Cx<'_>) -> StepResult<()> {
        if cx.database.role().ok() == Some(DatabaseRole::Primary) {
            // Says to `undo` that there is a primary to bring back here and not on the other node.
            cx.host.make_dir(&cx.aside(), 0o700)?;
            cx.host
                .write(&was_primary(cx), b"the primary was here\n", 0o600)?;
        }
        cx.tally.mark = cx.database.demote(cx.left())?;
        Ok(())
    }

    fn verify(&self, cx: &mut Cx<'_>) -> StepResult<Verdict> {
        // It stays down: only hau starts it, and nobody can write until the other one knows.
        if !cx.tally.mark.is_empty() {
            return Ok(Verdict::Done(std::mem::take(&mut cx.tally.mark)));
        }
        if is_standby(cx) {
            return Ok(Verdict::Done(cx.database.position()?));
        }
        // Repeated on a stopped one it only reads the position again.
        Ok(Verdict::Done(cx.database.demote(cx.left())?))
    }

    fn undo(&self, cx: &mut Cx<'_>) -> StepResult<Verdict> {
        let is_primary = cx.database.role().ok() == Some(DatabaseRole::Primary);
        if cx.host.exists(&was_primary(cx)) && !is_primary {
            cx.database.take_back(cx.own_note(), cx.left())?;
        }
        Ok(Verdict::done())
    }
}
