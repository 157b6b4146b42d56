//! Row: the services of this node are stopped, their processes gone.
use super::services::{all_listen, all_stopped, start_all, stop_all};
use super::{Check, Cx, Limit, QUIET, Step, StepDef, StepResult, Verdict};
use crate::core::Undo;

pub(super) const DEF: StepDef = StepDef {
    name: "stop",
    about: "stop the services; see that their processes are gone",
    look: "systemctl status of the service, and ss -lntp for who holds its port",
    disruptive: true,
    service_down: true,
    undo: Undo::Run,
    limit: Limit::Start,
    step: &Stop,
    ..QUIET
};

pub(super) struct Stop;

impl Step for Stop {
    fn precheck(&self, cx: &mut Cx<'_>) -> StepResult<Check> {
        let stopped = matches!(
            all_stopped(cx, &cx.settings.start_order())?,
            Verdict::Done(_)
        );
        Ok(if stopped {
            Check::AlreadyDone
        } else {
            Check::Ready
        })
    }

    fn run(&self, cx: &mut Cx<'_>) -> StepResult<()> {
        stop_all(cx, &cx.settings.start_order(), cx.left())
    }

    fn verify(&self, cx: &mut Cx<'_>) -> StepResult<Verdict> {
        all_stopped(cx, &cx.settings.start_order())
    }

    fn undo(&self, cx: &mut Cx<'_>) -> StepResult<Verdict> {
        start_all(cx)?;
        all_listen(cx)
    }
}
