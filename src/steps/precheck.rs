//! Row: does everything that a rollout rests on hold on this node? The same list as `doctor`.
use super::{Check, Cx, QUIET, Step, StepDef, StepError, StepResult, Verdict};
use crate::checks;
use crate::core::Undo;
use crate::host::Status;
use std::time::Duration;

pub(super) const DEF: StepDef = StepDef {
    name: "precheck",
    about: "look whether the node is fit: services, database, keepalived, space, keys",
    // The first row is taken back last: nothing that was put aside (the root key!) outlives an abort.
    undo: Undo::Always,
    step: &Precheck,
    ..QUIET
};

/// The pair was fit when the plan was made: what fails now may be a sidecar that starts again.
const PASSING: Duration = Duration::from_secs(5);

/// Warnings about schema scripts that go on record, at most.
const RECORDED: usize = 10;

pub(super) struct Precheck;

fn site<'a>(cx: &Cx<'a>) -> checks::Site<'a> {
    checks::Site {
        host: cx.host,
        database: cx.database,
        settings: cx.settings,
        vips: cx.vips,
        state_dir: cx.state_dir,
        bundle_bytes: cx.plan.bundle.as_ref().map_or(0, |b| b.size_bytes),
    }
}

impl Step for Precheck {
    fn precheck(&self, _cx: &mut Cx<'_>) -> StepResult<Check> {
        Ok(Check::Ready)
    }

    fn run(&self, cx: &mut Cx<'_>) -> StepResult<()> {
        let Some(wanted) = &cx.plan.bundle else {
            return Ok(());
        };
        let bundle = cx.bundle_path()?;
        let info = cx.host.verify_bundle(&bundle, &cx.bundle_policy());
        if !info.is_ok_and(|info| info.sha256 == wanted.sha256) {
            // The node that was asked has it; here it comes with the row that stages it.
            return Ok(());
        }
        let findings = checks::scripts(&site(cx), &bundle);
        if let Some(bad) = findings.iter().find(|f| f.status == Status::Fail) {
            return Err(StepError::fatal(bad.what.clone(), bad.remedy.clone()));
        }
        // For the record: what was known of the scripts when they were let through.
        let warned: Vec<_> = findings
            .iter()
            .filter(|f| f.status == Status::Warn)
            .collect();
        let told = warned.iter().take(RECORDED);
        cx.tally.mark = told
            .map(|f| format!("; {} ({})", f.what, f.remedy))
            .collect();
        if warned.len() > RECORDED {
            let more = format!(
                "; and {} more of the schema scripts",
                warned.len() - RECORDED
            );
            cx.tally.mark.push_str(&more);
        }
        Ok(())
    }

    fn verify(&self, cx: &mut Cx<'_>) -> StepResult<Verdict> {
        let site = site(cx);
        let findings = if cx.plan.is_alone() {
            // It is asked for because little is well.
            Vec::new()
        } else if cx.plan.kind.is_rollback() {
            // The backup has a row of its own.
            checks::rollback(&site, None, false)
        } else {
            checks::all(&site)
        };
        let now = cx.host.now();
        let since = *cx.tally.since.get_or_insert(now);
        match findings.iter().find(|f| f.status == Status::Fail) {
            Some(bad) if now.since(since) < PASSING => Ok(Verdict::NotYet(bad.what.clone())),
            Some(bad) => Err(StepError::fatal(bad.what.clone(), bad.remedy.clone())),
            None => Ok(Verdict::Done(format!(
                "{} checks{}",
                findings.len(),
                cx.tally.mark
            ))),
        }
    }

    fn undo(&self, cx: &mut Cx<'_>) -> StepResult<Verdict> {
        // What a rollout left whose place another has taken, too: there is only one at a time.
        cx.host.remove(&cx.state_dir.join("staging"))?;
        Ok(Verdict::done())
    }
}
