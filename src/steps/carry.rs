//! Row: second gets first's configuration and root key before its new version starts.
use super::{Check, Cx, Only, QUIET, Step, StepDef, StepResult, Verdict};
use crate::sync;

pub(super) const DEF: StepDef = StepDef {
    name: "carry_key",
    about: "give this node the other one's configuration and root key",
    service_down: true,
    only: Only::CarriedKey,
    attempts: 3,
    step: &Carry,
    ..QUIET
};

struct Carry;

impl Step for Carry {
    fn precheck(&self, cx: &mut Cx<'_>) -> StepResult<Check> {
        let equal = sync::compare(cx.host, cx.settings, cx.left())?.is_empty();
        Ok(if equal {
            Check::AlreadyDone
        } else {
            Check::Ready
        })
    }

    fn run(&self, cx: &mut Cx<'_>) -> StepResult<()> {
        Ok(sync::pull(cx.host, cx.settings, cx.left())?)
    }

    fn verify(&self, cx: &mut Cx<'_>) -> StepResult<Verdict> {
        let differences = sync::compare(cx.host, cx.settings, cx.left())?;
        Ok(match differences.first() {
            None => Verdict::done(),
            Some(first) => Verdict::NotYet(first.clone()),
        })
    }
}
