//! Row: the other node is certainly off: the site's own command says so.
use super::{Check, Cx, Limit, Only, QUIET, Step, StepDef, StepError, StepResult, Verdict};
use crate::host::Command;

pub(super) const DEF: StepDef = StepDef {
    name: "fence",
    about: "make sure that the other node is off, by the fencing command",
    limit: Limit::Fence,
    only: Only::Fence,
    attempts: 3,
    step: &Fence,
    ..QUIET
};

struct Fence;

impl Step for Fence {
    fn precheck(&self, _cx: &mut Cx<'_>) -> StepResult<Check> {
        Ok(Check::Ready)
    }

    fn run(&self, _cx: &mut Cx<'_>) -> StepResult<()> {
        Ok(())
    }

    /// The command is its own proof, so it is the look too: it runs once for each attempt.
    fn verify(&self, cx: &mut Cx<'_>) -> StepResult<Verdict> {
        let remedy = told!(
            "see what the fencing command says when run by hand; when the other node is off for certain: hau-ctl failover --fenced --reason …"
        );
        let Some(fence) = &cx.settings.fence else {
            return Err(StepError::fatal(
                told!("no fencing command is configured"),
                remedy,
            ));
        };
        let peer = cx.peer().0.clone();
        let words = fence
            .command
            .iter()
            .map(|word| word.replace("{node}", &peer));
        let mut words = words.collect::<Vec<_>>().into_iter();
        let program = words.next().unwrap_or_default();
        let output = cx.host.run(&Command {
            program: program.clone().into(),
            args: words.collect(),
            limit: fence.limit,
            ..Command::default()
        })?;
        if output.code == Some(0) {
            return Ok(Verdict::Done(told!(
                "{} says that node {} is off",
                program,
                peer
            )));
        }
        let ending = output.ending();
        let what = told!(
            "node {} may still be on: {} ended with {}",
            peer,
            program,
            ending
        );
        Err(StepError::retry(what, remedy))
    }
}
