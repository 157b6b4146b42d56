//! Row: everything that can be asked of this node's services answers well, once.
use super::{Check, Cx, Limit, QUIET, Step, StepDef, StepError, StepResult, Verdict, healthy};
use std::time::Duration;

pub(super) const DEF: StepDef = StepDef {
    name: "health",
    about: "ask the services' own health checks, ports and database; warm them up",
    look: "hau-ctl health, and the service's own log",
    restores: true,
    service_down: true,
    confirmable: true,
    limit: Limit::Health,
    step: &Health,
    ..QUIET
};

/// Where no service was down before: what is about to hold the VIP is well, and warm.
pub(super) const WARM: StepDef = StepDef {
    name: "warm_up",
    restores: false,
    service_down: false,
    ..DEF
};

struct Health;

impl Step for Health {
    fn precheck(&self, _cx: &mut Cx<'_>) -> StepResult<Check> {
        Ok(Check::Ready)
    }

    fn run(&self, _cx: &mut Cx<'_>) -> StepResult<()> {
        Ok(())
    }

    fn verify(&self, cx: &mut Cx<'_>) -> StepResult<Verdict> {
        if let Err(problem) = healthy(cx) {
            // A service that has died does not become healthy by waiting.
            if problem.what.contains("has ended") {
                return Err(StepError::Fatal(problem));
            }
            return Ok(Verdict::NotYet(problem.what));
        }
        for url in cx.settings.services.iter().flat_map(|s| &s.warmup) {
            cx.host.http_get(url, Duration::from_secs(5))?;
        }
        Ok(Verdict::done())
    }
}
