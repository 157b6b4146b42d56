//! Row: at the end both nodes hold the same configuration, key and version, and all is well.
use super::{Check, Cx, QUIET, Step, StepDef, StepError, StepResult, Verdict, healthy};
use crate::core::{DatabaseRole, VrrpState};
use crate::sync;

pub(super) const DEF: StepDef = StepDef {
    name: "compare",
    about: "compare both nodes' configuration and root key; VIP, primary, replication, health",
    look: "what hau-ctl sync check finds",
    confirmable: true,
    limit: super::Limit::Health,
    step: &Compare,
    ..QUIET
};

struct Compare;

impl Step for Compare {
    fn precheck(&self, _cx: &mut Cx<'_>) -> StepResult<Check> {
        Ok(Check::Ready)
    }

    fn run(&self, _cx: &mut Cx<'_>) -> StepResult<()> {
        Ok(())
    }

    fn verify(&self, cx: &mut Cx<'_>) -> StepResult<Verdict> {
        let differences = sync::compare(cx.host, cx.settings, cx.left())?;
        if !differences.is_empty() {
            let what = told!(
                "the nodes' configuration differs: {}",
                differences.join(", ")
            );
            let remedy =
                told!("hau-ctl sync check shows each file; hau-ctl sync push makes them equal");
            return Err(StepError::fatal(what, remedy));
        }
        if cx.host.vrrp() != VrrpState::Master {
            return Ok(Verdict::NotYet(told!("this node is not MASTER")));
        }
        if cx.settings.database.is_some() {
            if cx.database.role()? != DatabaseRole::Primary {
                return Ok(Verdict::NotYet(told!("the database here is not primary")));
            }
            if !cx.database.replication()?.streaming {
                return Ok(Verdict::NotYet(told!("the standby does not stream")));
            }
        }
        Ok(match healthy(cx) {
            Ok(()) => Verdict::Done(told!("both nodes are equal")),
            Err(problem) => Verdict::NotYet(problem.what),
        })
    }
}
