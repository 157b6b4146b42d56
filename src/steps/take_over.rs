//! Row: this node's database becomes primary with what it has; the other node writes no more.
use super::{Check, Cx, Only, QUIET, Step, StepDef, StepError, StepResult, Verdict};
use crate::core::{DatabaseRole, Undo};

pub(super) const DEF: StepDef = StepDef {
    name: "take_over",
    about: "make this node's database primary with what it has received",
    look: "the database's own log",
    undo: Undo::Barrier,
    only: Only::Database,
    attempts: 3,
    step: &TakeOver,
    ..QUIET
};

struct TakeOver;

impl Step for TakeOver {
    fn precheck(&self, cx: &mut Cx<'_>) -> StepResult<Check> {
        // One that is held gives no answer.
        let here = cx.database.standing();
        let is_marked = cx.plan.term.is_none_or(|term| here.term >= term);
        Ok(if here.role == DatabaseRole::Primary && is_marked {
            Check::AlreadyDone
        } else {
            Check::Ready
        })
    }

    fn run(&self, cx: &mut Cx<'_>) -> StepResult<()> {
        if !cx.may_stop {
            let what = told!("the other node is heard again, or this was given up meanwhile");
            return Err(StepError::retry(what, "hau-ctl status"));
        }
        Ok(cx.database.take_over(cx.plan.term, cx.left())?)
    }

    fn verify(&self, cx: &mut Cx<'_>) -> StepResult<Verdict> {
        let role = cx.database.role()?;
        Ok(if role == DatabaseRole::Primary {
            Verdict::Done(told!("primary from {} on", cx.database.position()?))
        } else {
            Verdict::NotYet(told!("the database here is {}", format!("{role:?}")))
        })
    }
}
