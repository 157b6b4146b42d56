//! Row: what users can have noticed of the switchover stays within the budget.
use super::{Check, Cx, QUIET, Step, StepDef, StepError, StepResult, Verdict};
use crate::core::Downtime;

pub(super) const DEF: StepDef = StepDef {
    name: "downtime",
    about: "hold the measured downtime against the budget",
    confirmable: true,
    step: &Budget,
    ..QUIET
};

struct Budget;

impl Step for Budget {
    fn precheck(&self, _cx: &mut Cx<'_>) -> StepResult<Check> {
        Ok(Check::Ready)
    }

    fn run(&self, _cx: &mut Cx<'_>) -> StepResult<()> {
        Ok(())
    }

    fn verify(&self, cx: &mut Cx<'_>) -> StepResult<Verdict> {
        let budget = cx.settings.limits.downtime_budget;
        let Some(measured) = cx.note("serve").and_then(Downtime::read) else {
            return Ok(Verdict::Done("it was not measured".to_owned()));
        };
        if measured.gap() <= budget {
            return Ok(Verdict::Done(format!("{measured}, within {budget:?}")));
        }
        let what = format!("{measured}: more than limits.downtime_budget, {budget:?}");
        let remedy =
            "hau-ctl confirm accepts it; look into the rows of the switchover for where it went";
        Err(StepError::fatal(what, remedy))
    }
}
