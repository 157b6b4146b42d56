//! Row: the new version is watched: so many good checks, spread over the configured time.
use super::{Check, Cx, Limit, QUIET, Step, StepDef, StepError, StepResult, Verdict, healthy};

pub(super) const DEF: StepDef = StepDef {
    name: "soak",
    about: "watch the new version: good checks spread over the soak time, no restart",
    look: "hau-ctl health, and the service's own log",
    restores: true,
    service_down: true,
    confirmable: true,
    limit: Limit::Soak,
    step: &Soak,
    ..QUIET
};

/// A single bad answer may be a blip; this many in a row are not.
const BAD_IN_A_ROW: u32 = 3;

struct Soak;

fn pids(cx: &Cx<'_>) -> StepResult<String> {
    let mut all = String::new();
    for service in &cx.settings.services {
        all += &format!("{:?} ", cx.host.unit(&service.unit)?.main_pid);
    }
    Ok(all)
}

impl Step for Soak {
    fn precheck(&self, _cx: &mut Cx<'_>) -> StepResult<Check> {
        Ok(Check::Ready)
    }

    fn run(&self, _cx: &mut Cx<'_>) -> StepResult<()> {
        Ok(())
    }

    fn verify(&self, cx: &mut Cx<'_>) -> StepResult<Verdict> {
        let soak = &cx.settings.limits.soak;
        let looked = healthy(cx);
        match looked.and_then(|()| pids(cx).map_err(|e| e.problem().clone())) {
            Err(problem) if problem.what.contains("has ended") => {
                return Err(StepError::Fatal(problem));
            }
            // It begins when all is well: after a boot the services may be starting still.
            Err(problem) if cx.tally.since.is_none() => return Ok(Verdict::NotYet(problem.what)),
            Err(problem) => {
                cx.tally.bad += 1;
                if cx.tally.bad >= BAD_IN_A_ROW {
                    return Err(StepError::Fatal(problem));
                }
            }
            Ok(pids) => {
                let now = cx.host.now();
                let since = *cx.tally.since.get_or_insert_with(|| {
                    cx.tally.mark.clone_from(&pids);
                    now
                });
                if cx.tally.mark != pids {
                    let what = told!("a service was restarted during the soak");
                    return Err(StepError::fatal(
                        what,
                        told!("see the service's log, then hau-ctl retry or abort"),
                    ));
                }
                cx.tally.bad = 0;
                let due = since + soak.within / soak.checks.max(1) * (cx.tally.good + 1);
                if now >= due {
                    cx.tally.good += 1;
                }
            }
        }
        let (good, all) = (cx.tally.good, soak.checks);
        Ok(if good >= all {
            Verdict::Done(told!("{} good checks", good))
        } else {
            Verdict::NotYet(told!("{} of {} good checks", good, all))
        })
    }
}
