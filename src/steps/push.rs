//! Row: the MASTER pushes its configuration once, so that both nodes are equal before they are compared.
use super::{Check, Cx, Only, QUIET, Step, StepDef, StepResult, Verdict};
use crate::sync;

pub(super) const DEF: StepDef = StepDef {
    name: "push_config",
    about: "push the configuration once from the MASTER",
    look: "what hau-ctl sync check finds",
    only: Only::ConfigSync,
    limit: super::Limit::Seconds(300),
    confirmable: true,
    step: &Push,
    ..QUIET
};

struct Push;

impl Step for Push {
    fn precheck(&self, _cx: &mut Cx<'_>) -> StepResult<Check> {
        Ok(Check::Ready)
    }

    fn run(&self, cx: &mut Cx<'_>) -> StepResult<()> {
        Ok(sync::push(cx.host, cx.settings, cx.left())?)
    }

    fn verify(&self, cx: &mut Cx<'_>) -> StepResult<Verdict> {
        let differences = sync::compare(cx.host, cx.settings, cx.left())?;
        Ok(match differences.first() {
            None => Verdict::done(),
            Some(first) => Verdict::NotYet(told!("after the push, {}", first)),
        })
    }
}
