//! Row: the new MASTER serves: its services are well and its database takes writes.
use super::{Check, Cx, Limit, QUIET, Step, StepDef, StepResult, Verdict, healthy};
use crate::core::{DatabaseRole, HandoffRow, VrrpState};

pub(super) const DEF: StepDef = StepDef {
    name: "serve",
    about: "see that the new MASTER serves and its database takes writes",
    look: "hau-ctl health, and whether the database takes a write",
    confirmable: true,
    handoff: HandoffRow::Measured,
    limit: Limit::Health,
    step: &Serve,
    ..QUIET
};

struct Serve;

impl Step for Serve {
    fn precheck(&self, _cx: &mut Cx<'_>) -> StepResult<Check> {
        Ok(Check::Ready)
    }

    fn run(&self, _cx: &mut Cx<'_>) -> StepResult<()> {
        Ok(())
    }

    fn verify(&self, cx: &mut Cx<'_>) -> StepResult<Verdict> {
        if cx.host.vrrp() != VrrpState::Master {
            return Ok(Verdict::NotYet(told!("this node is not MASTER")));
        }
        if cx.settings.database.is_some() && cx.database.role()? != DatabaseRole::Primary {
            return Ok(Verdict::NotYet(told!("the database here is not primary")));
        }
        Ok(match healthy(cx) {
            Ok(()) => {
                let measured = cx.host.downtime();
                Verdict::Done(measured.map(|m| m.to_string()).unwrap_or_default())
            }
            Err(problem) => Verdict::NotYet(problem.what),
        })
    }
}
