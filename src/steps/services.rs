//! What the steps share about the services: stopping, starting and looking at them.
use super::{Cx, StepError, StepResult, Verdict};
use crate::checks::http;
use crate::config::Service;
use crate::core::Problem;
use crate::host::Active;
use std::time::Duration;

/// Stops them, who are in starting order, the dependent ones first; `limit` is for all of them.
pub(super) fn stop_all(cx: &Cx<'_>, services: &[&Service], limit: Duration) -> StepResult<()> {
    let end = cx.host.now() + limit;
    for service in services.iter().rev() {
        let left = end.since(cx.host.now()).max(Duration::from_millis(1));
        cx.host.stop_unit(&service.unit, left)?;
    }
    Ok(())
}

/// Are the processes gone and the ports silent?
pub(super) fn all_stopped(cx: &Cx<'_>, services: &[&Service]) -> StepResult<Verdict> {
    for service in services {
        let unit = cx.host.unit(&service.unit)?;
        let ended = matches!(unit.active, Active::Inactive | Active::Failed);
        if !ended || unit.processes > 0 {
            return Ok(Verdict::NotYet(told!(
                "{} still has processes",
                service.unit
            )));
        }
        if let Some(port) = service.ports.iter().find(|p| cx.host.listens(**p)) {
            return Ok(Verdict::NotYet(told!("port {} is still served", port)));
        }
    }
    Ok(Verdict::done())
}

/// Stops them where what comes next must find nobody: at once, or an error.
pub(super) fn bring_down(cx: &Cx<'_>) -> StepResult<()> {
    let services = cx.settings.start_order();
    stop_all(cx, &services, cx.left())?;
    match all_stopped(cx, &services)? {
        Verdict::Done(_) => Ok(()),
        Verdict::NotYet(what) => Err(StepError::retry(
            what,
            told!("hau-ctl retry when it is gone"),
        )),
    }
}

/// Starts every service, waiting for the ports of what others depend on.
pub(super) fn start_all(cx: &Cx<'_>) -> StepResult<()> {
    for service in cx.settings.start_order() {
        if cx.host.unit(&service.unit)?.active != Active::Active {
            cx.host
                .start_unit(&service.unit, cx.left())
                .map_err(|e| dead(cx, service, e.to_string()))?;
        }
    }
    Ok(())
}

/// Are the units active and all ports listening? A unit that has died does not come back.
pub(super) fn all_listen(cx: &Cx<'_>) -> StepResult<Verdict> {
    for service in &cx.settings.services {
        let unit = cx.host.unit(&service.unit)?;
        match unit.active {
            Active::Active => {}
            Active::Activating => {
                return Ok(Verdict::NotYet(told!("{} is starting", service.unit)));
            }
            Active::Inactive | Active::Deactivating | Active::Failed => {
                return Err(dead(
                    cx,
                    service,
                    told!("{} has ended ({})", service.unit, unit.sub),
                ));
            }
        }
        if let Some(port) = service.ports.iter().find(|p| !cx.host.listens(**p)) {
            return Ok(Verdict::NotYet(told!(
                "{} does not listen on {} yet",
                service.name,
                port
            )));
        }
    }
    Ok(Verdict::done())
}

/// Is everything well right now? Err says what is not, with the evidence.
pub fn healthy(cx: &Cx<'_>) -> Result<(), Problem> {
    match all_listen(cx) {
        Ok(Verdict::Done(_)) => {}
        Ok(Verdict::NotYet(what)) => return Err(problem(what)),
        Err(e) => return Err(e.problem().clone()),
    }
    for service in &cx.settings.services {
        for check in &service.http {
            http(cx.host, check).map_err(|what| problem(format!("{}: {what}", service.name)))?;
        }
    }
    if cx.settings.database.is_some() {
        cx.database.role().map_err(|e| Problem {
            what: e.what,
            remedy: e.remedy,
        })?;
    }
    Ok(())
}

fn problem(what: String) -> Problem {
    Problem {
        what,
        remedy: told!("look at the service's own log, then hau-ctl retry or hau-ctl abort"),
    }
}

fn dead(cx: &Cx<'_>, service: &Service, what: String) -> StepError {
    let log = cx.host.unit_log(&service.unit, 5);
    let last = log.join(" | ");
    let what = if last.is_empty() {
        what
    } else {
        told!("{}; its last lines: {}", what, last)
    };
    StepError::Fatal(problem(what))
}
