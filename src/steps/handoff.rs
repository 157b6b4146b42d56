//! Rows: the handoff is in force before the VIP moves. The shell does it, because the core says that
//! a node at these rows wants it; here it is seen.
use super::{Check, Cx, Only, QUIET, Step, StepDef, StepError, StepResult, Verdict};
use crate::config::When;
use crate::core::{Armed, HandoffRow};
use crate::host::Handoff;

pub(super) const KEEP: StepDef = StepDef {
    name: "keep_vip",
    about: "keep the VIP on lo, unannounced, for the connections that are open when it moves",
    handoff: HandoffRow::Keep,
    only: Only::Handoff,
    limit: super::Limit::Seconds(20),
    attempts: 2,
    step: &See(|armed| armed.keep),
    ..QUIET
};

pub(super) const FORWARD: StepDef = StepDef {
    name: "forward",
    about: "forward to the old MASTER what belongs to connections that began there",
    handoff: HandoffRow::Forward,
    step: &See(|armed| armed.forward),
    ..KEEP
};

pub(super) const PARK: StepDef = StepDef {
    name: "park",
    about: "hold the services here, so that new connections wait until the primary has moved",
    handoff: HandoffRow::Park,
    only: Only::Park,
    step: &See(|armed| armed.park),
    ..KEEP
};

/// Which part is to be in force.
struct See(fn(&Armed) -> bool);

impl Step for See {
    fn precheck(&self, _cx: &mut Cx<'_>) -> StepResult<Check> {
        Ok(Check::Ready)
    }

    fn run(&self, _cx: &mut Cx<'_>) -> StepResult<()> {
        Ok(())
    }

    fn verify(&self, cx: &mut Cx<'_>) -> StepResult<Verdict> {
        let Handoff {
            armed,
            tried,
            problem,
        } = cx.host.handoff();
        match problem.filter(|_| (self.0)(&tried)) {
            _ if (self.0)(&armed) => Ok(Verdict::done()),
            None => Ok(Verdict::NotYet(told!("it is not in force yet"))),
            // Said before the VIP has moved: nothing is lost but the handoff itself.
            Some(why) if cx.settings.handoff.enabled == When::Always => {
                let remedy =
                    told!("mend that, then hau-ctl retry; or write handoff.enabled = \"auto\"");
                Err(StepError::retry(why, remedy))
            }
            Some(why) => Ok(Verdict::Done(told!("goes on without: {}", why))),
        }
    }
}
