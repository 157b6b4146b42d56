//! Row: the services run and their ports listen.
use super::services::{all_listen, all_stopped, start_all, stop_all};
use super::{Check, Cx, Limit, QUIET, Step, StepDef, StepResult, Verdict};
use crate::core::Undo;

pub(super) const DEF: StepDef = StepDef {
    name: "start",
    about: "start the services in dependency order; wait until their ports listen",
    look: "journalctl -u of the service",
    disruptive_undo: true,
    restores: true,
    service_down: true,
    undo: Undo::Run,
    limit: Limit::Start,
    step: &Start,
    ..QUIET
};

struct Start;

impl Step for Start {
    fn precheck(&self, cx: &mut Cx<'_>) -> StepResult<Check> {
        let up = matches!(all_listen(cx), Ok(Verdict::Done(_)));
        Ok(if up { Check::AlreadyDone } else { Check::Ready })
    }

    fn run(&self, cx: &mut Cx<'_>) -> StepResult<()> {
        start_all(cx)
    }

    fn verify(&self, cx: &mut Cx<'_>) -> StepResult<Verdict> {
        all_listen(cx)
    }

    fn undo(&self, cx: &mut Cx<'_>) -> StepResult<Verdict> {
        let services = cx.settings.start_order();
        stop_all(cx, &services, cx.left())?;
        all_stopped(cx, &services)
    }
}
