//! Row: what only this rollout needed is gone; the last releases and the backup stay.
use super::{Check, Cx, QUIET, Step, StepDef, StepResult, Verdict};
use std::collections::BTreeSet;

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
        let releases = cx.settings.release.root.join("releases");
        let previous = cx
            .host
            .link_target(&cx.settings.release.root.join("previous"));
        let previous = previous.and_then(|p| Some(p.file_name()?.to_string_lossy().into_owned()));
        let keep = BTreeSet::from([cx.plan.to.clone(), cx.plan.from.clone()]);
        let keep: BTreeSet<String> = keep.into_iter().chain(previous).collect();
        let old: Vec<String> = cx
            .host
            .list(&releases)?
            .into_iter()
            .filter(|v| !keep.contains(v))
            .collect();
        let spare = usize::try_from(cx.settings.release.keep)
            .unwrap_or(usize::MAX)
            .saturating_sub(keep.len());
        for version in old.iter().rev().skip(spare) {
            cx.host.remove(&releases.join(version))?;
        }
        Ok(())
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
