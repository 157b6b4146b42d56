//! Row: config sync stands still from now on, over reboots too.
use super::{Check, Cx, Only, QUIET, Step, StepDef, StepResult, Verdict};
use crate::core::Undo;
use crate::sync;

pub(super) const DEF: StepDef = StepDef {
    name: "pause_sync",
    about: "stop config sync and keep it stopped, over reboots too",
    look: "hau-ctl sync status, and what the units of [config_sync] do",
    undo: Undo::Run,
    only: Only::ConfigSync,
    // A sync that is running is waited for; it may copy a lot.
    limit: super::Limit::Seconds(300),
    step: &Pause,
    ..QUIET
};

struct Pause;

/// Two rollouts asked for at one moment on the two nodes have one number.
fn me(cx: &Cx<'_>) -> String {
    let id = &cx.plan.id;
    format!("rollout {} of node {}", id.number, id.origin)
}

pub(super) fn pause(cx: &Cx<'_>) -> StepResult<()> {
    let by = me(cx);
    Ok(sync::pause(
        cx.host,
        cx.settings,
        cx.state_dir,
        &by,
        cx.left(),
    )?)
}

impl Step for Pause {
    fn precheck(&self, cx: &mut Cx<'_>) -> StepResult<Check> {
        let paused = sync::is_paused(cx.host, cx.settings, cx.state_dir)?;
        Ok(if paused {
            Check::AlreadyDone
        } else {
            Check::Ready
        })
    }

    fn run(&self, cx: &mut Cx<'_>) -> StepResult<()> {
        pause(cx)
    }

    fn verify(&self, cx: &mut Cx<'_>) -> StepResult<Verdict> {
        let paused = sync::is_paused(cx.host, cx.settings, cx.state_dir)?;
        Ok(if paused {
            Verdict::done()
        } else {
            Verdict::NotYet("config sync is still active".to_owned())
        })
    }

    fn undo(&self, cx: &mut Cx<'_>) -> StepResult<Verdict> {
        let by = sync::paused_by(cx.host, cx.state_dir);
        if by.is_some_and(|by| by != me(cx)) {
            // A person, or a rollout that left the pair half-way: theirs to resume.
            return Ok(Verdict::Done("it was paused before".to_owned()));
        }
        sync::resume(cx.host, cx.settings, cx.state_dir, cx.left())?;
        Ok(Verdict::done())
    }
}
