//! Row: the standby becomes primary, when it has replayed all that the old one ever wrote.
use super::{Check, Cx, Only, QUIET, Step, StepDef, StepError, StepResult, Verdict};
use crate::core::{DatabaseRole, HandoffRow, Undo};

pub(super) const DEF: StepDef = StepDef {
    name: "promote",
    about: "promote the standby when the last of the old primary's log is replayed",
    undo: Undo::Barrier,
    handoff: HandoffRow::Promoted,
    only: Only::Database,
    step: &Promote,
    ..QUIET
};

struct Promote;

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
            let what = "the old primary has not said where it stopped";
            return Err(StepError::fatal(
                what,
                "hau-ctl retry when the other node is heard again",
            ));
        };
        Ok(cx.database.promote(position, cx.left())?)
    }

    fn verify(&self, cx: &mut Cx<'_>) -> StepResult<Verdict> {
        let role = cx.database.role()?;
        Ok(if role == DatabaseRole::Primary {
            Verdict::done()
        } else {
            Verdict::NotYet(format!("the database here is {role:?}"))
        })
    }
}
