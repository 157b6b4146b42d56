//! How a row is driven: once begun it is looked at until it is so. The executor and the simulator
//! both drive rows by these two functions and nothing else.
use super::services::all_listen;
use super::{Check, Cx, StepDef, StepError, StepResult, Verdict};
use crate::core::{Outcome, Problem, Verb, VrrpState};

/// The first call of a job. Reality is asked before anything is done to it.
///
/// # Errors
/// What the step says.
pub fn begin(def: &StepDef, verb: Verb, cx: &mut Cx<'_>) -> StepResult<()> {
    if verb == Verb::Do
        && cx.plan.rows[cx.row].disruptive
        && let Some(why) = kept_up(cx)
    {
        let remedy = told!("hau-ctl retry when the other node serves with the VIP");
        return Err(StepError::retry(why, remedy));
    }
    match verb {
        Verb::Do if def.step.precheck(cx)? == Check::Ready => def.step.run(cx),
        Verb::Do | Verb::Undo => Ok(()),
    }
}

/// Every further call, until it says `Done` or the row's limit has come.
///
/// # Errors
/// What the step says.
pub fn look(def: &StepDef, verb: Verb, cx: &mut Cx<'_>) -> StepResult<Verdict> {
    if verb == Verb::Undo
        && cx.plan.rows[cx.row].disruptive_undo
        && let Some(why) = kept_up(cx)
    {
        return Ok(Verdict::NotYet(why.to_owned()));
    }
    match verb {
        Verb::Do => def.step.verify(cx),
        Verb::Undo => def.step.undo(cx),
    }
}

/// Why what this host serves must not be stopped. The core has asked before it let the job begin; a thread that
/// was slow to come to it asks again: systemd may have started the services meanwhile, the VIP may have come.
fn kept_up(cx: &Cx<'_>) -> Option<&'static str> {
    let why = if cx.host.vrrp() != VrrpState::Backup {
        "this node has come to hold the VIP, and serves: nothing is stopped on it"
    } else if !cx.may_stop {
        "this node serves, and the other one is not known to: nothing is stopped on it"
    } else {
        return None;
    };
    // Asked last, for it takes longest, and users may be waiting.
    let serves = matches!(all_listen(cx), Ok(Verdict::Done(_)));
    serves.then_some(why)
}

/// What to do about a row that was not done within its limit; whether it can be given up, the status says.
fn late(def: &StepDef) -> String {
    let retry = match def.confirmable {
        true => told!(
            "hau-ctl retry when the cause is mended; if you have looked and all is well: hau-ctl confirm --reason …"
        ),
        false => told!("hau-ctl retry when the cause is mended"),
    };
    match def.look {
        "" => retry,
        look => told!("look at {}; {}", look, retry),
    }
}

/// What the core is told of a look; None: look again.
pub fn outcome(def: &StepDef, looked: StepResult<Verdict>, is_over: bool) -> Option<Outcome> {
    match looked {
        Ok(Verdict::Done(note)) => Some(Outcome::Done { note }),
        Ok(Verdict::NotYet(_)) if !is_over => None,
        Ok(Verdict::NotYet(why)) => Some(Outcome::Retry(Problem {
            what: told!("{} took too long: {}", def.name, why),
            remedy: late(def),
        })),
        Err(StepError::Retry(problem)) => Some(Outcome::Retry(problem)),
        Err(StepError::Fatal(problem)) => Some(Outcome::Failed(problem)),
        Err(StepError::Untouched(problem)) => Some(Outcome::Untouched(problem)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::Kind;
    use crate::words::{Lang, heard};

    /// Whoever reads it is awake since a minute.
    #[test]
    fn a_row_that_takes_too_long_says_where_to_look_and_what_to_type() {
        for (_, rows) in crate::steps::table(Kind::Upgrade) {
            for (_, def) in *rows {
                let looked = Ok(Verdict::NotYet("it is not there".to_owned()));
                let Some(Outcome::Retry(problem)) = outcome(def, looked, true) else {
                    panic!("{} goes on", def.name);
                };
                assert!(problem.what.contains("it is not there"), "{problem:?}");
                assert!(problem.remedy.contains("hau-ctl retry"), "{problem:?}");
                assert!(problem.remedy.contains(def.look), "{problem:?}");
                let may_confirm = problem.remedy.contains("hau-ctl confirm");
                assert_eq!(may_confirm, def.confirmable, "{}: {problem:?}", def.name);
                let zh = heard(Lang::Zh, &problem.remedy);
                assert!(!zh.contains("look at") && zh.contains("排除原因"), "{zh}");
            }
        }
    }
}
