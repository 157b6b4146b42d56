//! Row: the standby has replayed the schema, so the new version finds it.
use super::{Check, Cx, Limit, Only, QUIET, Step, StepDef, StepResult, Verdict};

pub(super) const DEF: StepDef = StepDef {
    name: "catch_up",
    about: "wait until the standby has replayed the schema",
    look: "the standby's log, and queries on it that hold replay up",
    limit: Limit::Schema,
    only: Only::Schema,
    step: &CatchUp,
    ..QUIET
};

struct CatchUp;

impl Step for CatchUp {
    fn precheck(&self, _cx: &mut Cx<'_>) -> StepResult<Check> {
        Ok(Check::Ready)
    }

    fn run(&self, _cx: &mut Cx<'_>) -> StepResult<()> {
        Ok(())
    }

    fn verify(&self, cx: &mut Cx<'_>) -> StepResult<Verdict> {
        let wanted = cx.note("schema").unwrap_or_default().to_owned();
        let there = cx.database.has_replayed(&wanted)?;
        Ok(if there {
            Verdict::Done(wanted)
        } else {
            Verdict::NotYet(told!("not yet at {}", wanted))
        })
    }
}
