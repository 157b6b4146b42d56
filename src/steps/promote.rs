//! Row: the standby becomes primary, when it has replayed all that the old one ever wrote.
use super::{Check, Cx, Only, QUIET, Step, StepDef, StepError, StepResult, Verdict};
use crate::core::{DatabaseRole, HandoffRow, Undo};

pub(super) const DEF: StepDef = StepDef {
    name: "promote",
    about: "promote the standby when the last of the old primary's log is replayed",
    look: "the database's own log, and what hau-ctl status says is next",
    undo: Undo::Barrier,
    handoff: HandoffRow::Promoted,
    only: Only::Database,
    attempts: 3,
    step: &Promote,
    ..QUIET
};

struct Promote;

/// Without all that the old primary wrote no standby is told to become primary, by this job or one before it: one
/// that lacks some was not, nor is one that follows a primary which was promoted since. Asked when it failed and not as a row of its own, which would be a write to the journal
/// while nobody can write to the database.
fn lacks(cx: &Cx<'_>, position: &str) -> bool {
    let is_standby = matches!(cx.database.role(), Ok(DatabaseRole::Standby));
    is_standby && matches!(cx.database.has_replayed(position), Ok(false))
}

impl Step for Promote {
    fn precheck(&self, cx: &mut Cx<'_>) -> StepResult<Check> {
        let primary = cx.database.role()? == DatabaseRole::Primary;
        Ok(if primary {
            Check::AlreadyDone
        } else {
            Check::Ready
        })
    }

    fn run(&self, cx: &mut Cx<'_>) -> StepResult<()> {
        let Some(position) = cx.note("demote") else {
            let what = told!("the old primary has not said where it stopped");
            let remedy =
                told!("hau-ctl retry when the other node is heard again, or hau-ctl abort");
            return Err(StepError::untouched(what, remedy));
        };
        let told = cx.database.promote(position, cx.left());
        told.map_err(|e| {
            if lacks(cx, position) {
                let remedy = e.remedy + ": hau-ctl abort; or hau-ctl retry when the log has come";
                StepError::untouched(e.what, remedy)
            } else {
                e.into()
            }
        })
    }

    fn verify(&self, cx: &mut Cx<'_>) -> StepResult<Verdict> {
        let role = cx.database.role()?;
        Ok(if role == DatabaseRole::Primary {
            Verdict::done()
        } else {
            Verdict::NotYet(told!("the database here is {}", format!("{role:?}")))
        })
    }
}
