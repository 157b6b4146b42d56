//! Row: the old primary follows the new one.
use super::{Check, Cx, Only, QUIET, Step, StepDef, StepResult, Verdict};
use crate::core::DatabaseRole;

pub(super) const DEF: StepDef = StepDef {
    name: "rejoin",
    about: "start the old primary as standby of the new one",
    look: "the log of the database here, and how it connects to the primary",
    service_down: true,
    only: Only::Database,
    limit: super::Limit::Seconds(120),
    attempts: 2,
    step: &Rejoin,
    ..QUIET
};

struct Rejoin;

impl Step for Rejoin {
    fn precheck(&self, _cx: &mut Cx<'_>) -> StepResult<Check> {
        Ok(Check::Ready)
    }

    fn run(&self, cx: &mut Cx<'_>) -> StepResult<()> {
        Ok(cx.database.rejoin(cx.left())?)
    }

    fn verify(&self, cx: &mut Cx<'_>) -> StepResult<Verdict> {
        let follows =
            cx.database.role()? == DatabaseRole::Standby && cx.database.replication()?.streaming;
        Ok(if follows {
            Verdict::done()
        } else {
            Verdict::NotYet(told!("it does not stream yet"))
        })
    }
}
