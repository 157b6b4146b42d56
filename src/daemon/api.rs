//! The one API behind the three doors: a table of routes, who may use them, what they do.
use super::door::{
    Call, Door,
    Method::{self, Get, Post as PostTo},
    Reply, Service, Who,
};
use super::mailbox::{Mailbox, Post};
use super::observe::Kick;
use super::pairing::Pairing;
use super::planning;
use super::site::Site;
use super::status::Snapshot;
use crate::backup;
use crate::core::{Actor, Band, Command, Event, Hello, Kind, Order, Refusal};
use crate::host::{Host, HostError, Status};
use crate::sync;
use crate::wire::{self, Answer, Code, Failure};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};
use tokio::sync::watch;

/// What the handlers share.
pub(super) struct Api {
    pub(super) site: Arc<Site>,
    pub(super) mailbox: Mailbox,
    pub(super) snapshot: watch::Receiver<Arc<Snapshot>>,
    pub(super) kick: Kick,
    pub(super) pairing: Pairing,
    /// The group whose members may act, beside root.
    pub(super) group: Option<u32>,
}

/// Who may use a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Right {
    /// Every local caller, and the plain door.
    Public,
    /// Every local caller: keepalived's hooks run as a user of their own.
    Local,
    /// Root and the group `hau`.
    Act,
    /// The other node.
    Peer,
    /// Somebody with the one-time code.
    Pair,
}

type Handler = fn(&Api, &Call) -> Result<Answered, Failure>;

enum Answered {
    /// In the usual envelope.
    Json(Value),
    /// As it is.
    Plain(u16, &'static str, Vec<u8>),
    File(PathBuf),
}

/// `*` at the end of a path takes the rest.
const ROUTES: &[(Method, &str, Right, Handler)] = &[
    (Get, "/health", Right::Public, own_health),
    (Get, "/v1/status", Right::Local, status),
    (Get, "/v1/history", Right::Local, history),
    (Get, "/v1/doctor", Right::Local, doctor),
    (Get, "/v1/health", Right::Local, health),
    (PostTo, "/v1/check", Right::Local, check),
    (PostTo, "/v1/notify", Right::Local, notify),
    (PostTo, "/v1/plans", Right::Act, plan),
    (PostTo, "/v1/stage", Right::Act, stage),
    (PostTo, "/v1/rollouts", Right::Act, start),
    (PostTo, "/v1/orders", Right::Act, order),
    (Get, "/v1/backups", Right::Local, backups),
    (PostTo, "/v1/backups", Right::Act, make_backup),
    (PostTo, "/v1/backups/*", Right::Act, verify_backup),
    (Get, "/v1/sync", Right::Local, sync_view),
    (Get, "/v1/sync/check", Right::Local, sync_check),
    (PostTo, "/v1/sync/pause", Right::Act, sync_pause),
    (PostTo, "/v1/sync/resume", Right::Act, sync_resume),
    (PostTo, "/v1/sync/push", Right::Act, sync_push),
    (Get, "/v1/pair", Right::Local, pair_view),
    (PostTo, "/v1/pair", Right::Act, pair),
    (PostTo, "/v1/peer/hello", Right::Peer, hello),
    (Get, "/v1/peer/doctor", Right::Peer, peer_doctor),
    (Get, "/v1/peer/health", Right::Peer, own_health),
    (Get, "/v1/peer/clock", Right::Peer, peer_clock),
    (Get, "/v1/peer/identity", Right::Peer, peer_identity),
    (Get, "/v1/peer/config", Right::Peer, peer_config),
    (Get, "/v1/peer/config/*", Right::Peer, peer_config_file),
    (Get, "/v1/peer/bundles/*", Right::Peer, peer_bundle),
    (PostTo, "/v1/peer/stage", Right::Peer, peer_stage),
    (PostTo, "/v1/peer/sync/pause", Right::Peer, peer_sync_pause),
    (
        PostTo,
        "/v1/peer/sync/resume",
        Right::Peer,
        peer_sync_resume,
    ),
    (PostTo, "/v1/peer/pair", Right::Pair, admit),
];

impl Service for Api {
    fn call(&self, call: Call) -> Reply {
        let found = ROUTES
            .iter()
            .find(|(method, path, ..)| call.method == *method && matches(path, &call.path));
        let answered = match found {
            None => Err(Failure::new(
                Code::NotFound,
                format!("there is no {}", call.path),
                "see hau-ctl --help",
            )),
            Some((_, _, right, _)) if !self.may(*right, &call) => Err(Failure::new(
                Code::Forbidden,
                "this caller may not do that",
                "be root or a member of the group hau",
            )),
            Some((_, _, right, handler)) => {
                if *right == Right::Act {
                    tracing::info!(
                        HAU_EVENT = "asked",
                        "{} asks for {}",
                        caller(&call),
                        call.path
                    );
                }
                handler(self, &call)
            }
        };
        reply(answered, call.offset)
    }
}

impl Api {
    pub(super) fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.borrow().clone()
    }

    fn may(&self, right: Right, call: &Call) -> bool {
        match (&call.caller.door, &call.caller.who, right) {
            (_, _, Right::Public) => true,
            (Door::Unix, Who::Local { .. }, Right::Local) => true,
            (Door::Unix, Who::Local { uid, groups, .. }, Right::Act) => {
                *uid == 0 || self.group.is_some_and(|g| groups.contains(&g))
            }
            (Door::Peer, Who::Peer { pinned, .. }, Right::Peer) => *pinned,
            (Door::Peer, Who::Peer { .. }, Right::Pair) => true,
            _ => false,
        }
    }

    fn started(&self, command: Command) -> Result<Answered, Failure> {
        use crate::core::Reply as Core;
        match self.mailbox.ask(command) {
            Some(Core::Accepted { rollout }) => json(&wire::Started { rollout }),
            Some(Core::Refused(refusal)) => Err(refused(refusal, &self.site.peer.0)),
            None => Err(Failure::new(
                Code::Internal,
                "hau-sidecar is ending",
                "ask again in a moment",
            )),
        }
    }

    fn busy(&self) -> Result<(), Failure> {
        match self.snapshot().state.running() {
            Some(r) => Err(Failure::new(
                Code::Busy,
                format!("rollout {} is under way", r.plan.id.number),
                "hau-ctl status",
            )),
            None => Ok(()),
        }
    }
}

fn matches(route: &str, path: &str) -> bool {
    match route.strip_suffix('*') {
        Some(start) => path.len() > start.len() && path.starts_with(start),
        None => route == path,
    }
}

fn reply(answered: Result<Answered, Failure>, offset: u64) -> Reply {
    let body = |status, value: &Answer<Value>| {
        let bytes = serde_json::to_vec(value).unwrap_or_default();
        Reply::Body {
            status,
            content_type: "application/json",
            bytes,
        }
    };
    match answered {
        Ok(Answered::Json(data)) => body(200, &Ok(data).into()),
        Ok(Answered::Plain(status, content_type, bytes)) => Reply::Body {
            status,
            content_type,
            bytes,
        },
        Ok(Answered::File(path)) => Reply::File { path, offset },
        Err(failure) => body(failure.code.http(), &Err(failure).into()),
    }
}

fn json<T: Serialize>(data: &T) -> Result<Answered, Failure> {
    let value = serde_json::to_value(data);
    value
        .map(Answered::Json)
        .map_err(|e| Failure::new(Code::Internal, e.to_string(), "report this"))
}

fn nothing() -> Result<Answered, Failure> {
    Ok(Answered::Json(Value::Object(serde_json::Map::new())))
}

fn body<T: DeserializeOwned>(call: &Call) -> Result<T, Failure> {
    serde_json::from_slice(&call.body).map_err(|e| {
        Failure::new(
            Code::Usage,
            format!("the request is not understood: {e}"),
            "see the man page for its shape",
        )
    })
}

fn failed(e: HostError) -> Failure {
    Failure::new(
        Code::Failed,
        e.to_string(),
        "see the log of hau-sidecar on that node",
    )
}

fn refused(refusal: Refusal, peer: &str) -> Failure {
    let (code, what, remedy) = match refusal {
        Refusal::Busy => (
            Code::Busy,
            "a rollout is under way".to_owned(),
            "hau-ctl status; hau-ctl retry or abort if it is halted",
        ),
        Refusal::PeerLost => (
            Code::PeerLost,
            format!("node {peer} is not heard of"),
            "see that hau-sidecar runs there",
        ),
        Refusal::DiskFull => (
            Code::Refused,
            "there is no room for the journal".to_owned(),
            "free some space under /var/lib/hau",
        ),
        Refusal::NothingRunning => (
            Code::Refused,
            "no rollout is under way".to_owned(),
            "hau-ctl history shows past ones",
        ),
        Refusal::NotHalted => (
            Code::Refused,
            "the rollout is not halted".to_owned(),
            "hau-ctl status shows what goes on",
        ),
        Refusal::NotConfirmable => (
            Code::Refused,
            "what failed cannot be confirmed by hand".to_owned(),
            "hau-ctl retry or hau-ctl abort",
        ),
        Refusal::TooLate => (
            Code::Refused,
            "what was begun cannot be taken back any more".to_owned(),
            "hau-ctl retry when the cause is mended, or hau-ctl confirm --reason for what may be overruled",
        ),
        Refusal::GoingBack => (
            Code::Refused,
            "the rollout is being given up already".to_owned(),
            "hau-ctl status",
        ),
    };
    Failure::new(code, what, remedy)
}

/// Who asked, for the record.
fn caller(call: &Call) -> String {
    match &call.caller.who {
        Who::Local { user, .. } => user.clone(),
        Who::Peer { .. } => "the other node".to_owned(),
        Who::Remote { address } => address.to_string(),
    }
}

fn actor(api: &Api, call: &Call, reason: Option<String>) -> Actor {
    Actor {
        user: caller(call),
        node: api.site.me.0.clone(),
        reason,
    }
}

fn status(api: &Api, _: &Call) -> Result<Answered, Failure> {
    json(&api.snapshot().status(api.site.now()))
}

fn history(api: &Api, _: &Call) -> Result<Answered, Failure> {
    json(&api.snapshot().history(api.site.now()))
}

fn doctor(api: &Api, _: &Call) -> Result<Answered, Failure> {
    let lost = |e: Failure| crate::host::Finding::fail("peer", e.what, e.remedy);
    match planning::findings(api, 0) {
        Ok(findings) => json(&findings),
        // The other node being away is a finding, not a failure of doctor.
        Err(e) => json(&BTreeMap::from([
            (api.site.me.0.clone(), planning::own_findings(api, 0)),
            (api.site.peer.0.clone(), vec![lost(e)]),
        ])),
    }
}

fn health_of(api: &Api) -> wire::Health {
    let mut found: BTreeMap<String, Vec<wire::HealthCheck>> = BTreeMap::new();
    let now = super::status::rfc3339(api.site.now());
    let findings = planning::own_findings(api, 0);
    let mut worst = Status::Pass;
    let relevant = |check: &str| {
        [
            "services",
            "vrrp",
            "database",
            "replication",
            "keepalived check",
        ]
        .contains(&check)
    };
    for f in findings.into_iter().filter(|f| relevant(&f.check)) {
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

fn own_health(api: &Api, _: &Call) -> Result<Answered, Failure> {
    let health = health_of(api);
    let status = if health.status == Status::Fail {
        503
    } else {
        200
    };
    let bytes = serde_json::to_vec(&health)
        .map_err(|e| Failure::new(Code::Internal, e.to_string(), "report this"))?;
    Ok(Answered::Plain(status, "application/health+json", bytes))
}

fn health(api: &Api, _: &Call) -> Result<Answered, Failure> {
    let mut nodes = BTreeMap::from([(api.site.me.0.clone(), health_of(api))]);
    if let Ok(bytes) = api.site.peer_get_any("health", Duration::from_secs(20))
        && let Ok(theirs) = serde_json::from_slice(&bytes)
    {
        nodes.insert(api.site.peer.0.clone(), theirs);
    }
    json(&nodes)
}

/// A node in mid-upgrade is not unhealthy: that is the weight's business.
fn check(api: &Api, call: &Call) -> Result<Answered, Failure> {
    let request = if call.body.is_empty() {
        wire::CheckRequest::default()
    } else {
        body(call)?
    };
    api.site.keepalived.was_checked();
    let snapshot = api.snapshot();
    let fit = match (request.draining, snapshot.band) {
        (true, band) => matches!(band, Band::Normal | Band::Away),
        (false, Band::Upgrading) => true,
        (false, Band::Normal | Band::Away | Band::Draining) => {
            snapshot.state.observed.local.serving
        }
    };
    json(&wire::CheckView { fit })
}

fn notify(api: &Api, call: &Call) -> Result<Answered, Failure> {
    let told: wire::Notify = body(call)?;
    tracing::debug!(
        HAU_EVENT = "notify",
        "keepalived's hook says {:?}",
        told.args
    );
    api.kick.kick();
    nothing()
}

fn plan(api: &Api, call: &Call) -> Result<Answered, Failure> {
    let request: wire::StartRequest = body(call)?;
    let by = actor(api, call, request.reason.clone());
    json(&planning::plan(api, kind(&request), &request, by)?.view)
}

fn start(api: &Api, call: &Call) -> Result<Answered, Failure> {
    let request: wire::StartRequest = body(call)?;
    api.busy()?;
    let by = actor(api, call, request.reason.clone());
    let planned = planning::plan(api, kind(&request), &request, by)?;
    if !planned.view.fit {
        return Err(planning::refusal(&planned.view));
    }
    api.started(Command::Start(Arc::new(planned.plan)))
}

fn kind(request: &wire::StartRequest) -> Kind {
    if request.bundle.is_some() {
        Kind::Upgrade
    } else {
        Kind::Switch
    }
}

fn order(api: &Api, call: &Call) -> Result<Answered, Failure> {
    let request: wire::OrderRequest = body(call)?;
    if request.order == Order::Start {
        return Err(Failure::new(
            Code::Usage,
            "start is not an order",
            "hau-ctl upgrade BUNDLE",
        ));
    }
    let by = actor(api, call, request.reason);
    api.started(Command::Order {
        order: request.order,
        by,
    })
}

fn stage(api: &Api, call: &Call) -> Result<Answered, Failure> {
    let request: wire::StartRequest = body(call)?;
    api.busy()?;
    let Some(name) = &request.bundle else {
        return Err(Failure::new(
            Code::Usage,
            "no bundle is named",
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
    planning::stage(api, &file, &info)?;
    let bytes = serde_json::to_vec(&wire::StartRequest {
        bundle: Some(file),
        ..Default::default()
    });
    let bytes = bytes.map_err(|e| Failure::new(Code::Internal, e.to_string(), "report this"))?;
    api.site
        .peer_post("stage", bytes, Duration::from_secs(900))
        .map_err(failed)?;
    nothing()
}

fn backups(api: &Api, _: &Call) -> Result<Answered, Failure> {
    json(&backup::list(&*api.site, &api.site.settings).map_err(failed)?)
}

fn make_backup(api: &Api, _: &Call) -> Result<Answered, Failure> {
    api.busy()?;
    let (site, settings) = (&*api.site, &api.site.settings);
    let name = backup::name(site.now());
    let dir = backup::begin(site, settings, &name).map_err(failed)?;
    if settings.database.is_some() {
        let dump = dir.join(backup::DUMP);
        let limit = settings.limits.backup;
        let made = site
            .database()
            .dump(&dump, limit)
            .and_then(|()| site.database().check_dump(&dump, limit));
        made.map_err(|e| Failure::new(Code::Failed, e.what, e.remedy))?;
    }
    let version = api.snapshot().state.observed.local.version.clone();
    backup::seal(site, settings, &name, version).map_err(failed)?;
    let manifest = Some(backup::verify(site, &dir).map_err(failed)?);
    backup::retain(site, settings).map_err(failed)?;
    json(&backup::Entry { name, manifest })
}

fn verify_backup(api: &Api, call: &Call) -> Result<Answered, Failure> {
    let rest = call.path.trim_start_matches("/v1/backups/");
    let name = rest
        .strip_suffix("/verify")
        .filter(|n| n.starts_with("backup_") && !n.contains(['/', '.']));
    let Some(name) = name else {
        return Err(Failure::new(
            Code::Usage,
            format!("{rest} is not a backup's name"),
            "hau-ctl backup list shows them",
        ));
    };
    let dir = api.site.settings.backup.dir.join(name);
    let verified = backup::verify(&*api.site, &dir);
    let bad = |e: HostError| {
        Failure::new(
            Code::Refused,
            e.to_string(),
            "make a new one: hau-ctl backup create",
        )
    };
    json(&verified.map_err(bad)?)
}

fn sync_view(api: &Api, _: &Call) -> Result<Answered, Failure> {
    let flag = sync::flag(&api.site.state_dir);
    let paused = api
        .site
        .read(&flag)
        .ok()
        .map(|b| String::from_utf8_lossy(&b).trim().to_owned());
    let state = match (&api.site.settings.config_sync, &paused) {
        (None, _) => wire::SyncState::None,
        (Some(_), Some(_)) => wire::SyncState::Paused,
        (Some(_), None) => wire::SyncState::Running,
    };
    json(&wire::SyncView {
        state,
        paused,
        changes: super::watch::changes(&api.site),
    })
}

fn sync_check(api: &Api, _: &Call) -> Result<Answered, Failure> {
    let differences = sync::compare(&*api.site, &api.site.settings, Duration::from_secs(60));
    json(&wire::SyncDifferences {
        differences: differences.map_err(failed)?,
    })
}

fn pause_here(api: &Api, by: &str) -> Result<(), Failure> {
    sync::pause(
        &*api.site,
        &api.site.settings,
        &api.site.state_dir,
        by,
        Duration::from_secs(60),
    )
    .map_err(failed)
}

fn resume_here(api: &Api) -> Result<(), Failure> {
    api.busy()?;
    sync::resume(
        &*api.site,
        &api.site.settings,
        &api.site.state_dir,
        Duration::from_secs(60),
    )
    .map_err(failed)
}

fn sync_pause(api: &Api, call: &Call) -> Result<Answered, Failure> {
    pause_here(api, &caller(call))?;
    api.site
        .peer_post("sync/pause", Vec::new(), Duration::from_secs(60))
        .map_err(failed)?;
    nothing()
}

fn sync_resume(api: &Api, _: &Call) -> Result<Answered, Failure> {
    resume_here(api)?;
    api.site
        .peer_post("sync/resume", Vec::new(), Duration::from_secs(60))
        .map_err(failed)?;
    nothing()
}

fn sync_push(api: &Api, _: &Call) -> Result<Answered, Failure> {
    sync::push(&*api.site, &api.site.settings, Duration::from_secs(300)).map_err(failed)?;
    nothing()
}

fn peer_sync_pause(api: &Api, _: &Call) -> Result<Answered, Failure> {
    pause_here(api, "the other node")?;
    nothing()
}

fn peer_sync_resume(api: &Api, _: &Call) -> Result<Answered, Failure> {
    resume_here(api)?;
    nothing()
}

fn pair_view(api: &Api, _: &Call) -> Result<Answered, Failure> {
    json(&api.pairing.view(None))
}

fn pair(api: &Api, call: &Call) -> Result<Answered, Failure> {
    let request: wire::PairRequest = body(call)?;
    json(&api.pairing.pair(&api.site, request.code.as_deref())?)
}

fn admit(api: &Api, call: &Call) -> Result<Answered, Failure> {
    let proof = api.pairing.admit(call)?;
    Ok(Answered::Plain(200, "text/plain", proof.into_bytes()))
}

fn hello(api: &Api, call: &Call) -> Result<Answered, Failure> {
    let hello: Hello = body(call)?;
    api.mailbox.post(Post::Event(Event::Hello(Box::new(hello))));
    nothing()
}

fn peer_doctor(api: &Api, call: &Call) -> Result<Answered, Failure> {
    let query = call.query.as_deref().unwrap_or_default();
    let bytes = query
        .strip_prefix("bundle_bytes=")
        .and_then(|n| n.parse().ok())
        .unwrap_or(0);
    let findings = planning::own_findings(api, bytes);
    let bytes = serde_json::to_vec(&findings)
        .map_err(|e| Failure::new(Code::Internal, e.to_string(), "report this"))?;
    Ok(Answered::Plain(200, "application/json", bytes))
}

fn peer_clock(api: &Api, _: &Call) -> Result<Answered, Failure> {
    let now = api.site.now().0.to_string();
    Ok(Answered::Plain(200, "text/plain", now.into_bytes()))
}

fn peer_identity(api: &Api, _: &Call) -> Result<Answered, Failure> {
    let identity = api.site.database().identity();
    let identity = identity.map_err(|e| Failure::new(Code::Failed, e.what, e.remedy))?;
    Ok(Answered::Plain(200, "text/plain", identity.into_bytes()))
}

fn peer_config(api: &Api, _: &Call) -> Result<Answered, Failure> {
    let listing = sync::listing(&*api.site, &api.site.settings).map_err(failed)?;
    let bytes = serde_json::to_vec(&listing)
        .map_err(|e| Failure::new(Code::Internal, e.to_string(), "report this"))?;
    Ok(Answered::Plain(200, "application/json", bytes))
}

/// By hash: what is not in the listing has no name to ask for it by.
fn peer_config_file(api: &Api, call: &Call) -> Result<Answered, Failure> {
    let wanted = call.path.trim_start_matches("/v1/peer/config/");
    let listing = sync::listing(&*api.site, &api.site.settings).map_err(failed)?;
    let found = listing.into_iter().find(|(_, info)| info.sha256 == wanted);
    let Some((path, _)) = found else {
        return Err(Failure::new(
            Code::NotFound,
            "no configuration file has this content any more",
            "ask for the list again",
        ));
    };
    Ok(Answered::Plain(
        200,
        "application/octet-stream",
        api.site.read(&path).map_err(failed)?,
    ))
}

fn peer_bundle(api: &Api, call: &Call) -> Result<Answered, Failure> {
    let name = call.path.trim_start_matches("/v1/peer/bundles/");
    let gone = || {
        Failure::new(
            Code::NotFound,
            format!("no bundle {name} here"),
            "copy it to one of the nodes",
        )
    };
    planning::bundle_file(api, name)
        .map(Answered::File)
        .ok_or_else(gone)
}

fn peer_stage(api: &Api, call: &Call) -> Result<Answered, Failure> {
    let request: wire::StartRequest = body(call)?;
    let file = request.bundle.unwrap_or_default();
    let installed = api
        .snapshot()
        .state
        .observed
        .local
        .version
        .clone()
        .unwrap_or_default();
    let here = api.site.settings.bundle.incoming.join(&file);
    if file.contains('/') {
        return Err(Failure::new(
            Code::Usage,
            "a bundle is asked for by its plain name",
            "hau-ctl stage",
        ));
    }
    if !api.site.exists(&here) {
        api.site
            .peer_fetch(&file, &here, Duration::from_secs(900))
            .map_err(failed)?;
    }
    let (file, info) = planning::find_bundle(api, &file, &installed)?;
    planning::stage(api, &file, &info)?;
    nothing()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_match_exactly_or_by_their_start() {
        assert!(matches("/v1/status", "/v1/status"));
        assert!(!matches("/v1/status", "/v1/status/x"));
        assert!(matches("/v1/backups/*", "/v1/backups/x/verify"));
        assert!(!matches("/v1/backups/*", "/v1/backups/"));
    }

    #[test]
    fn no_acting_route_is_open_to_every_local_caller() {
        for (method, path, right, _) in ROUTES {
            let harmless = ["/v1/check", "/v1/notify"].contains(path);
            let open = matches!(right, Right::Public | Right::Local);
            assert!(!open || *method == Get || harmless, "{path}");
        }
    }
}
