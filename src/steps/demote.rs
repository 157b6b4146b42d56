//! Row: the primary is stopped cleanly; notes what the standby must have replayed.
use super::{Check, Cx, Only, QUIET, Step, StepDef, StepResult, Verdict};
use crate::core::{DatabaseRole, Undo};

pub(super) const DEF: StepDef = StepDef {
    name: "demote",
    about: "stop the primary cleanly",
    disruptive: true,
    service_down: true,
    undo: Undo::Run,
    only: Only::Database,
    step: &Demote,
    ..QUIET
};

struct Demote;

impl Step for Demote {
    fn precheck(&self, _cx: &mut Cx<'_>) -> StepResult<Check> {
        Ok(Check::Ready)
    }

    fn run(&self, cx: &mut Cx<'_>) -> StepResult<()> {
        cx.database.demote(cx.left())?;
        Ok(())
    }

    fn verify(&self, cx: &mut Cx<'_>) -> StepResult<Verdict> {
        // Repeated on a stopped one it only reads the position again.
        Ok(Verdict::Done(cx.database.demote(cx.left())?))
    }

    fn undo(&self, cx: &mut Cx<'_>) -> StepResult<Verdict> {
        if cx.database.role().ok() != Some(DatabaseRole::Primary) {
            cx.database.take_back(cx.left())?;
        }
        Ok(Verdict::done())
    }
}
