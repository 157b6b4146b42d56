//! What is asked without anything being changed, and the words of keepalived and the other node.
use super::{Answered, Api, bare, body, json, nothing};
use crate::config::Notify;
use crate::core::{Band, Event, Hello, Local, RolloutId};
use crate::daemon::{
    door::Call, heard, mailbox::Post, metrics, notices, planning, probe, status::rfc3339,
};
use crate::host::{Finding, Host, Status};
use crate::wire::{self, Code, Failure};
use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError},
    time::Duration,
};

pub(super) fn status(api: &Api, _: &Call) -> Result<Answered, Failure> {
    json(&api.status())
}

pub(super) fn history(api: &Api, _: &Call) -> Result<Answered, Failure> {
    json(&api.snapshot().history(api.site.now()))
}

pub(super) fn doctor(api: &Api, call: &Call) -> Result<Answered, Failure> {
    let lost = |e: Failure| Finding::fail("peer", e.what, e.remedy);
    let purpose = planning::Purpose::parse(call.query.as_deref().unwrap_or_default());
    match planning::findings(api, &purpose) {
        Ok(findings) => json(&findings),
        // The other node being away is a finding, not a failure of doctor.
        Err(e) => json(&BTreeMap::from([
            (api.site.me.0.clone(), planning::own_findings(api, &purpose)),
            (api.site.peer.0.clone(), vec![lost(e)]),
        ])),
    }
}

pub(super) fn probes(api: &Api, call: &Call) -> Result<Answered, Failure> {
    let of = rollout_in(api, &call.path)?;
    json(&probe::kept_by_either(&api.site, &of))
}

pub(super) fn peer_probes(api: &Api, call: &Call) -> Result<Answered, Failure> {
    let of = rollout_in(api, &call.path)?;
    bare(200, "application/json", &probe::own_kept(&api.site, &of))
}

fn rollout_in(api: &Api, path: &str) -> Result<RolloutId, Failure> {
    let name = path.rsplit('/').next().unwrap_or_default();
    probe::which(name, [&api.site.me, &api.site.peer]).ok_or_else(|| {
        let what = format!("{name:?} is not the number of a rollout and the node it was asked on");
        Failure::new(Code::NotFound, what, "hau-ctl history lists what there was")
    })
}

fn health_of(api: &Api) -> wire::Health {
    let mut found: BTreeMap<String, Vec<wire::HealthCheck>> = BTreeMap::new();
    let now = rfc3339(api.site.now());
    let findings = planning::health_findings(api);
    let mut worst = Status::Pass;
    // Of keepalived's configuration doctor tells; here counts whether it calls the check.
    let lint = |check: &str| check.starts_with("keepalived") && check != "keepalived check";
    for f in findings.into_iter().filter(|f| !lint(&f.check)) {
        worst = worst.max(f.status);
        let kind = if f.check == "services" {
            "component"
        } else {
            "system"
        };
        found.entry(f.check).or_default().push(wire::HealthCheck {
            component_type: kind.to_owned(),
            status: f.status,
            output: f.what,
            time: now.clone(),
        });
    }
    let version = api.snapshot().state.observed.local.version.clone();
    wire::Health {
        status: worst,
        node: api.site.me.0.clone(),
        version,
        checks: found,
    }
}

pub(super) fn own_health(api: &Api, _: &Call) -> Result<Answered, Failure> {
    let health = health_of(api);
    let status = if health.status == Status::Fail {
        503
    } else {
        200
    };
    bare(status, "application/health+json", &health)
}

/// From what is known already: being asked for figures costs the pair nothing.
pub(super) fn metrics(api: &Api, _: &Call) -> Result<Answered, Failure> {
    let text = metrics::text(&api.status()).into_bytes();
    Ok(Answered::Plain(200, metrics::CONTENT_TYPE, text))
}

pub(super) fn health(api: &Api, _: &Call) -> Result<Answered, Failure> {
    let mut nodes = BTreeMap::from([(api.site.me.0.clone(), health_of(api))]);
    if let Ok(bytes) = api.site.peer_get_any("health", Duration::from_secs(20))
        && let Ok(theirs) = serde_json::from_slice(&bytes)
    {
        nodes.insert(api.site.peer.0.clone(), theirs);
    }
    json(&nodes)
}

/// A node in mid-upgrade is not unhealthy: that is the weight's business.
pub(super) fn check(api: &Api, call: &Call) -> Result<Answered, Failure> {
    let request = if call.body.is_empty() {
        wire::CheckRequest::default()
    } else {
        body(call)?
    };
    api.site.keepalived.was_checked();
    let snapshot = api.snapshot();
    let local = &snapshot.state.observed.local;
    let fit = match (request.draining, snapshot.band) {
        (true, band) => matches!(band, Band::Normal | Band::Away | Band::Raised),
        (false, Band::Upgrading) => true,
        (false, _) if !has_looked(local) => {
            // Said as "unfit" it would cost the VIP at every start; whoever asks looks for itself.
            let what = told!("hau-sidecar has not looked at this host yet");
            return Err(Failure::new(
                Code::Internal,
                what,
                told!("ask again in a moment"),
            ));
        }
        (false, _) => local.serving,
    };
    json(&wire::CheckView { fit })
}

pub(super) fn notify(api: &Api, call: &Call) -> Result<Answered, Failure> {
    let told: wire::Notify = body(call)?;
    tracing::debug!(
        HAU_EVENT = "notify",
        "keepalived's hook says {:?}",
        told.args
    );
    api.kick.kick();
    nothing()
}

pub(super) fn notify_test(api: &Api, call: &Call) -> Result<Answered, Failure> {
    if api.site.settings.notify == Notify::default() {
        let what = told!("hau.toml has nothing under [notify]: nobody is told of anything");
        let remedy = told!("write one, see hau.toml(5), and restart hau-sidecar");
        return Err(Failure::new(Code::Refused, what, remedy));
    }
    json(&notices::test(&api.site, &call.caller.who.name()))
}

pub(super) fn hello(api: &Api, call: &Call) -> Result<Answered, Failure> {
    let hello: Hello = body(call)?;
    let hello = believed(api, hello)?;
    api.mailbox.post(Post::Event(Event::Hello(Arc::new(hello))));
    nothing()
}

pub(super) fn peer_doctor(api: &Api, call: &Call) -> Result<Answered, Failure> {
    let query = call.query.as_deref().unwrap_or_default();
    let findings = planning::own_findings(api, &planning::Purpose::parse(query));
    bare(200, "application/json", &findings)
}

/// The first look brings the numbers of keepalived's configuration with it.
fn has_looked(local: &Local) -> bool {
    local.details.base_priority.is_some()
}

/// A Hello as far as it can be true. What it says of a rollout is left out where it cannot: then
/// nothing begins here, and the other node is still heard of.
fn believed(api: &Api, mut hello: Hello) -> Result<Hello, Failure> {
    if hello.node != api.site.peer {
        let what = told!("this node waits for {}, not {}", api.site.peer, hello.node);
        let remedy = told!("the same hau.toml belongs on both nodes");
        return Err(Failure::new(Code::Refused, what, remedy));
    }
    let snapshot = api.snapshot();
    let known = snapshot.state.journaled.rollout.as_ref().map(|r| &*r.plan);
    let names = (&api.site.me, &api.site.peer);
    let doubt = hello.rollout.as_ref();
    let doubt = doubt.and_then(|view| heard::doubt(view, known, names).err());
    if doubt.is_some() {
        hello.rollout = None;
    }
    let mut last = api.doubt.lock().unwrap_or_else(PoisonError::into_inner);
    if *last != doubt {
        if let Some(why) = &doubt {
            tracing::error!(
                HAU_EVENT = "peer",
                "what node {} says of a rollout is not taken: {why}",
                hello.node
            );
        }
        *last = doubt;
    }
    Ok(hello)
}
