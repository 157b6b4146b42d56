//! Rollouts: planned, staged, started, ordered about; and the bundles they need.
use super::{Answered, Api, actor, alone, body, failed, json};
use crate::checks;
use crate::core::{Command, Kind, Order, Plan, Refusal};
use crate::daemon::{door::Call, planning};
use crate::host::Host;
use crate::wire::{self, Code, Failure};
use std::{sync::Arc, time::Duration};

pub(super) fn plan(api: &Api, call: &Call) -> Result<Answered, Failure> {
    let request: wire::StartRequest = body(call)?;
    if let Some(view) = taken_back(api, &request) {
        return json(&view);
    }
    json(&planned(api, call, &request)?.view)
}

fn planned(
    api: &Api,
    call: &Call,
    request: &wire::StartRequest,
) -> Result<planning::Planned, Failure> {
    let by = actor(api, call, request.reason.clone());
    match &request.rollback {
        Some(back) => planning::rollback(api, request, back, by),
        None => planning::plan(api, kind(request), request, by),
    }
}

fn taken_back(api: &Api, request: &wire::StartRequest) -> Option<wire::PlanView> {
    planning::is_taken_back(api, request.rollback.as_ref()?)
}

pub(super) fn start(api: &Api, call: &Call) -> Result<Answered, Failure> {
    let request: wire::StartRequest = body(call)?;
    if taken_back(api, &request).is_some() {
        let by = actor(api, call, request.reason);
        let (order, gives_up) = (Order::Abort, true);
        let rollout = api.accepted(Command::Order { order, by })?;
        return json(&wire::Started { rollout, gives_up });
    }
    if request.rollback.is_none() {
        api.busy()?;
    }
    let planned = planned(api, call, &request)?;
    if !planned.view.fit {
        return Err(planning::refusal(&planned.view));
    }
    accepted(&planned.plan, request.rollback.as_ref())?;
    let findings = planned.view.findings.values().flatten();
    let overruled = findings.filter(|f| checks::is_overruled(f));
    let overruled = overruled.map(|f| format!("{}; {}", f.what, f.remedy));
    let by = planned.plan.by.user.clone();
    api.site.audit.overruled(by, overruled.collect())?;
    api.started(Command::Start(Arc::new(planned.plan)))
}

/// What costs something is not done before somebody has said that it may.
fn accepted(plan: &Plan, asked: Option<&wire::RollbackRequest>) -> Result<(), Failure> {
    let refused = |what: String, remedy: String| Err(Failure::new(Code::Refused, what, remedy));
    let Some(asked) = asked else { return Ok(()) };
    if plan.is_alone() && !asked.accept_downtime {
        return refused(
            told!("nobody is served while this node goes back alone"),
            told!(
                "hau-ctl rollback --local shows what it would do, and asks; in a script: --accept-downtime"
            ),
        );
    }
    if plan.way_back.as_ref().is_some_and(|w| w.database) && !asked.accept_data_loss {
        return refused(
            told!(
                "what was written since the backup is not in the database that it would be restored to"
            ),
            told!(
                "hau-ctl rollback --database restore says how much, and asks; in a script: --accept-data-loss"
            ),
        );
    }
    Ok(())
}

fn kind(request: &wire::StartRequest) -> Kind {
    if request.bundle.is_some() {
        Kind::Upgrade
    } else {
        Kind::Switch
    }
}

pub(super) fn order(api: &Api, call: &Call) -> Result<Answered, Failure> {
    let request: wire::OrderRequest = body(call)?;
    if request.order == Order::Start {
        return Err(Failure::new(
            Code::Usage,
            told!("start is not an order"),
            "hau-ctl upgrade BUNDLE",
        ));
    }
    let by = actor(api, call, request.reason);
    api.started(Command::Order {
        order: request.order,
        by,
    })
}

pub(super) fn stage(api: &Api, call: &Call) -> Result<Answered, Failure> {
    let request: wire::StartRequest = body(call)?;
    let _hands = api.hands()?;
    let Some(name) = &request.bundle else {
        return Err(Failure::new(
            Code::Usage,
            told!("no bundle is named"),
            "hau-ctl stage BUNDLE",
        ));
    };
    let installed = api
        .snapshot()
        .state
        .observed
        .local
        .version
        .clone()
        .unwrap_or_default();
    let (file, info) = planning::find_bundle(api, name, &installed)?;
    planning::stage(api, &file, &info, &installed)?;
    let bytes = serde_json::to_vec(&wire::StageRequest {
        bundle: file,
        sha256: info.sha256,
    });
    let bytes =
        bytes.map_err(|e| Failure::new(Code::Internal, e.to_string(), told!("report this")))?;
    let answer = api
        .site
        .peer_post("stage", bytes, Duration::from_secs(900))
        .map_err(failed)?;
    let answer = serde_json::from_slice::<wire::Answer<wire::Staged>>(&answer).ok();
    json(&answer.and_then(|answer| answer.data).unwrap_or_default())
}

pub(super) fn peer_bundle(api: &Api, call: &Call) -> Result<Answered, Failure> {
    let name = call.path.trim_start_matches("/v1/peer/bundles/");
    let gone = || {
        Failure::new(
            Code::NotFound,
            told!("no bundle {} here", name),
            told!("copy it to one of the nodes"),
        )
    };
    planning::bundle_file(api, name)
        .map(Answered::File)
        .ok_or_else(gone)
}

pub(super) fn peer_stage(api: &Api, call: &Call) -> Result<Answered, Failure> {
    let request: wire::StageRequest = body(call)?;
    let _hands = api.hands()?;
    let file = request.bundle;
    let installed = api
        .snapshot()
        .state
        .observed
        .local
        .version
        .clone()
        .unwrap_or_default();
    let here = api.site.settings.bundle.incoming.join(&file);
    if !planning::is_plain(&file) {
        return Err(Failure::new(
            Code::Usage,
            told!("a bundle is asked for by its plain name"),
            "hau-ctl stage",
        ));
    }
    let mut staged = wire::Staged::default();
    if !api.site.exists(&here) {
        let (sha256, limit) = (Some(request.sha256.as_str()), Duration::from_secs(900));
        let fetched = api.site.peer_fetch(&file, &here, sha256, limit);
        staged.fetched = Some(fetched.map_err(failed)?);
    }
    let (file, info) = planning::find_bundle(api, &file, &installed)?;
    planning::stage(api, &file, &info, &installed)?;
    json(&staged)
}

pub(super) fn refused(refusal: Refusal, peer: &str) -> Failure {
    let (code, what, remedy) = match refusal {
        Refusal::Busy => (
            Code::Busy,
            told!("a rollout is under way"),
            told!("hau-ctl status; hau-ctl retry or abort if it is halted"),
        ),
        Refusal::ByHand => (
            Code::Busy,
            told!("something that was asked for by hand is under way: a backup, the sync, a stage"),
            told!("ask again when it has ended"),
        ),
        Refusal::PeerLost => (
            Code::PeerLost,
            told!("node {} is not heard of", peer),
            told!("see that hau-sidecar runs there"),
        ),
        Refusal::PeerThere => (
            Code::Refused,
            told!(
                "node {} may be there: it was heard of within the last seconds",
                peer
            ),
            told!("hau-ctl rollback, without --local; or ask again in 5 seconds"),
        ),
        Refusal::DiskFull => (
            Code::Refused,
            told!("there is no room for the journal"),
            told!("free some space under /var/lib/hau"),
        ),
        Refusal::NothingRunning => (
            Code::Refused,
            told!("no rollout is under way"),
            told!("hau-ctl history shows past ones"),
        ),
        Refusal::NotHalted => (
            Code::Refused,
            told!("the rollout is not halted"),
            told!("hau-ctl status shows what goes on"),
        ),
        Refusal::NotConfirmable => (
            Code::Refused,
            told!("what failed cannot be confirmed by hand"),
            told!("hau-ctl retry or hau-ctl abort"),
        ),
        Refusal::TooLate => (
            Code::Refused,
            told!("what was begun cannot be taken back any more"),
            told!(
                "hau-ctl retry when the cause is mended, or hau-ctl confirm --reason for what may be overruled"
            ),
        ),
        Refusal::Undecided => (
            Code::Refused,
            told!(
                "the standby may have been told to become primary and may yet do so: the old primary, started beside it, would be a second one"
            ),
            told!(
                "hau-ctl retry when the cause is mended: once promote is done, hau-ctl rollback goes back"
            ),
        ),
        Refusal::GoingBack => (
            Code::Refused,
            told!("the rollout is being given up already"),
            "hau-ctl status".to_owned(),
        ),
        Refusal::Alone(refusal) => return alone::refused(refusal, peer),
    };
    Failure::new(code, what, remedy)
}
