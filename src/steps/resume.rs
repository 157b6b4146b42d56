//! Row: config sync runs again. Its phase opens when both nodes are done.
use super::pause::pause;
use super::{Check, Cx, Only, QUIET, Step, StepDef, StepResult, Verdict};
use crate::core::Undo;
use crate::sync;

pub(super) const DEF: StepDef = StepDef {
    name: "resume_sync",
    about: "let config sync run again",
    look: "hau-ctl sync status, and systemctl status of its units",
    undo: Undo::Run,
    only: Only::ConfigSync,
    confirmable: true,
    step: &Resume,
    ..QUIET
};

struct Resume;

impl Step for Resume {
    fn precheck(&self, cx: &mut Cx<'_>) -> StepResult<Check> {
        let running = sync::is_running(cx.host, cx.settings, cx.state_dir)?;
        Ok(if running {
            Check::AlreadyDone
        } else {
            Check::Ready
        })
    }

    fn run(&self, cx: &mut Cx<'_>) -> StepResult<()> {
        Ok(sync::resume(cx.host, cx.settings, cx.state_dir, cx.left())?)
    }

    fn verify(&self, cx: &mut Cx<'_>) -> StepResult<Verdict> {
        let running = sync::is_running(cx.host, cx.settings, cx.state_dir)?;
        Ok(if running {
            Verdict::done()
        } else {
            Verdict::NotYet(told!("config sync is not active yet"))
        })
    }

    fn undo(&self, cx: &mut Cx<'_>) -> StepResult<Verdict> {
        // Earlier rows are about to be taken back: the sync stands still again while they are.
        if !sync::is_paused(cx.host, cx.settings, cx.state_dir)? {
            pause(cx)?;
        }
        Ok(if sync::is_paused(cx.host, cx.settings, cx.state_dir)? {
            Verdict::done()
        } else {
            Verdict::NotYet(told!("config sync is still active"))
        })
    }
}
