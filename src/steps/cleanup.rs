//! Row: what only this rollout needed is gone; the last releases and the backup stay.
use super::prune::prune;
use super::{Check, Cx, QUIET, Step, StepDef, StepResult, Verdict};

pub(super) const DEF: StepDef = StepDef {
    name: "cleanup",
    about: "remove what only this rollout needed; keep the last releases and the backup",
    confirmable: true,
    step: &Cleanup,
    ..QUIET
};

struct Cleanup;

impl Step for Cleanup {
    fn precheck(&self, _cx: &mut Cx<'_>) -> StepResult<Check> {
        Ok(Check::Ready)
    }

    fn run(&self, cx: &mut Cx<'_>) -> StepResult<()> {
        if cx.plan.kind.is_rollback() && cx.host.exists(&cx.aside()) {
            // Somebody may want of the newer configuration what was not meant to go.
            let replaced = cx.state_dir.join("replaced");
            cx.host.remove(&replaced)?;
            cx.host.rename(&cx.aside(), &replaced)?;
        }
        // What aborted rollouts left behind too: there is only one at a time.
        cx.host.remove(&cx.state_dir.join("staging"))?;
        let needed = [cx.plan.to.as_str(), cx.plan.from.as_str()];
        let release = &cx.settings.release;
        Ok(prune(cx.host, &release.root, release.keep, &needed)?)
    }

    fn verify(&self, cx: &mut Cx<'_>) -> StepResult<Verdict> {
        let left = cx.host.exists(&cx.aside());
        Ok(if left {
            Verdict::NotYet(told!("something is left"))
        } else {
            Verdict::done()
        })
    }
}
