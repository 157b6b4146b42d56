//! The one API behind the three doors: a table of routes, and who may use them. What they do is in
//! a file for each subject.
mod alone;
mod audit;
mod keeping;
mod looks;
mod page;
mod rollout;

pub(super) use page::STREAMS;

use super::door::{
    Call, Caller, Door,
    Method::{self, Get, Post as PostTo},
    Reply, Service, Who,
};
use super::mailbox::{Hands, Mailbox};
use super::observe::Kick;
use super::pairing::Pairing;
use super::site::Site;
use super::status::Snapshot;
use crate::core::{Actor, Command, Refusal};
use crate::host::{Host, HostError};
use crate::wire::{self, Answer, Code, Failure};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
};
use tokio::sync::{Semaphore, watch};

/// What the handlers share.
pub(super) struct Api {
    pub(super) site: Arc<Site>,
    pub(super) mailbox: Mailbox,
    pub(super) snapshot: watch::Receiver<Arc<Snapshot>>,
    pub(super) kick: Kick,
    pub(super) pairing: Pairing,
    /// The group whose members may act, beside root.
    pub(super) group: Option<u32>,
    /// What was last wrong with what the other node said of a rollout: told once, not every second.
    pub(super) doubt: Mutex<Option<String>>,
    /// The right to one stream of events.
    pub(super) streams: Arc<Semaphore>,
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
    /// What neither of these is.
    Other(Reply),
}

/// `*` at the end of a path takes the rest.
const ROUTES: &[(Method, &str, Right, Handler)] = &[
    (Get, "/health", Right::Public, looks::own_health),
    (Get, "/metrics", Right::Public, looks::metrics),
    (Get, "/", Right::Public, page::home),
    (Get, "/events", Right::Public, page::events),
    (Get, "/rollouts", Right::Public, page::all),
    (Get, "/rollouts/*", Right::Public, page::rollout),
    (Get, "/v1/status", Right::Local, looks::status),
    (Get, "/v1/history", Right::Local, looks::history),
    (Get, "/v1/probes/*", Right::Local, looks::probes),
    (Get, "/v1/doctor", Right::Local, looks::doctor),
    (Get, "/v1/health", Right::Local, looks::health),
    (PostTo, "/v1/check", Right::Local, looks::check),
    (PostTo, "/v1/notify", Right::Local, looks::notify),
    (PostTo, "/v1/plans", Right::Act, rollout::plan),
    (PostTo, "/v1/stage", Right::Act, rollout::stage),
    (PostTo, "/v1/rollouts", Right::Act, rollout::start),
    (PostTo, "/v1/orders", Right::Act, rollout::order),
    (PostTo, "/v1/failover", Right::Act, alone::failover),
    (PostTo, "/v1/rejoin", Right::Act, alone::rejoin),
    (Get, "/v1/backups", Right::Local, keeping::backups),
    (PostTo, "/v1/backups", Right::Act, keeping::make_backup),
    (PostTo, "/v1/backups/*", Right::Act, keeping::verify_backup),
    (PostTo, "/v1/notices/test", Right::Act, looks::notify_test),
    (Get, "/v1/sync", Right::Local, keeping::sync_view),
    (Get, "/v1/sync/check", Right::Local, keeping::sync_check),
    (PostTo, "/v1/sync/pause", Right::Act, keeping::sync_pause),
    (PostTo, "/v1/sync/resume", Right::Act, keeping::sync_resume),
    (PostTo, "/v1/sync/push", Right::Act, keeping::sync_push),
    (Get, "/v1/pair", Right::Local, pair_view),
    (PostTo, "/v1/pair", Right::Act, pair),
    (Get, "/v1/audit", Right::Local, audit::both),
    (Get, "/v1/peer/audit", Right::Peer, audit::own),
    (PostTo, "/v1/peer/audit", Right::Peer, audit::witness),
    (PostTo, "/v1/peer/hello", Right::Peer, looks::hello),
    (Get, "/v1/peer/doctor", Right::Peer, looks::peer_doctor),
    (Get, "/v1/peer/probes/*", Right::Peer, looks::peer_probes),
    (Get, "/v1/peer/health", Right::Peer, looks::own_health),
    (Get, "/v1/peer/clock", Right::Peer, peer_clock),
    (Get, "/v1/peer/keys", Right::Peer, peer_keys),
    (Get, "/v1/peer/identity", Right::Peer, peer_identity),
    (Get, "/v1/peer/config", Right::Peer, keeping::peer_config),
    (
        Get,
        "/v1/peer/config/*",
        Right::Peer,
        keeping::peer_config_file,
    ),
    (Get, "/v1/peer/backups", Right::Peer, keeping::peer_backups),
    (Get, "/v1/peer/bundles/*", Right::Peer, rollout::peer_bundle),
    (PostTo, "/v1/peer/stage", Right::Peer, rollout::peer_stage),
    (
        PostTo,
        "/v1/peer/sync/pause",
        Right::Peer,
        keeping::peer_sync_pause,
    ),
    (
        PostTo,
        "/v1/peer/sync/resume",
        Right::Peer,
        keeping::peer_sync_resume,
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
                told!("there is no {}", call.path),
                told!("see hau-ctl --help"),
            )),
            Some((_, _, right, _)) if !self.may(*right, &call) => {
                let failure = Failure::new(
                    Code::Forbidden,
                    told!("this caller may not do that"),
                    told!("be root or a member of the group hau"),
                );
                if *right == Right::Act {
                    self.site.audit.turned_away(&call, &failure);
                }
                Err(failure)
            }
            Some((_, _, Right::Act, handler)) => self.act(*handler, &call),
            Some((_, _, _, handler)) => handler(self, &call),
        };
        reply(answered, call.offset)
    }
}

/// With what the core does not know of: the budget, and what must be known of the audit trail.
fn status(snapshot: &Snapshot, site: &Site) -> wire::Status {
    let mut status = snapshot.status(site.now());
    let budget = site.settings.limits.downtime_budget.as_millis();
    status.downtime_budget_ms = u64::try_from(budget).ok();
    status.audit = site.audit.view();
    status.alarm = status.alarm.or_else(|| site.audit.problem());
    status
}

impl Api {
    pub(super) fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.borrow().clone()
    }

    /// What somebody asks for is written down before it is done, and what it came to afterwards.
    fn act(&self, handler: Handler, call: &Call) -> Result<Answered, Failure> {
        tracing::info!(
            HAU_EVENT = "asked",
            "{} asks for {}",
            call.caller.who.name(),
            call.path
        );
        let asked = self.site.audit.asked(call)?;
        let answered = handler(self, call);
        let rollout = match &answered {
            Ok(Answered::Json(data)) => data.get("rollout").and_then(Value::as_u64),
            Ok(Answered::Plain(..) | Answered::File(_) | Answered::Other(_)) | Err(_) => None,
        };
        let failure = answered.as_ref().err();
        self.site.audit.answered(asked, failure, rollout);
        answered
    }

    fn status(&self) -> wire::Status {
        status(&self.snapshot(), &self.site)
    }

    fn may(&self, right: Right, call: &Call) -> bool {
        let Caller { door, who } = &call.caller;
        let (unix, peer) = (*door == Door::Unix, *door == Door::Peer);
        match right {
            Right::Public => true,
            Right::Local => unix && matches!(who, Who::Local { .. }),
            Right::Act => match who {
                Who::Local { uid, groups, .. } => {
                    let member = self.group.is_some_and(|g| groups.contains(&g));
                    unix && (*uid == 0 || member)
                }
                Who::Peer { .. } | Who::Remote { .. } => false,
            },
            Right::Peer => peer && matches!(who, Who::Peer { pinned: true, .. }),
            Right::Pair => peer && matches!(who, Who::Peer { .. }),
        }
    }

    fn started(&self, command: Command) -> Result<Answered, Failure> {
        let (rollout, gives_up) = (self.accepted(command)?, false);
        json(&wire::Started { rollout, gives_up })
    }

    /// The number of the rollout that takes the command.
    fn accepted(&self, command: Command) -> Result<u64, Failure> {
        use crate::core::Reply as Core;
        match self.mailbox.ask(command) {
            Some(Core::Accepted { rollout }) => Ok(rollout),
            Some(Core::Refused(refusal)) => Err(self.refused(refusal)),
            None => Err(ending()),
        }
    }

    /// No rollout goes on on this node while what comes back is held.
    fn hands(&self) -> Result<Hands, Failure> {
        let lent = self.mailbox.hands().ok_or_else(ending)?;
        lent.map_err(|refusal| self.refused(refusal))
    }

    pub(super) fn refused(&self, refusal: Refusal) -> Failure {
        rollout::refused(refusal, &self.site.peer.0)
    }

    fn busy(&self) -> Result<(), Failure> {
        match self.snapshot().state.running() {
            Some(r) => Err(Failure::new(
                Code::Busy,
                told!("rollout {} is under way", r.plan.id.number),
                "hau-ctl status",
            )),
            None => Ok(()),
        }
    }
}

fn ending() -> Failure {
    Failure::new(
        Code::Internal,
        told!("hau-sidecar is ending"),
        told!("ask again in a moment"),
    )
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
        Ok(Answered::Other(reply)) => reply,
        Err(failure) => body(failure.code.http(), &Err(failure).into()),
    }
}

fn json<T: Serialize>(data: &T) -> Result<Answered, Failure> {
    let value = serde_json::to_value(data);
    value
        .map(Answered::Json)
        .map_err(|e| Failure::new(Code::Internal, e.to_string(), told!("report this")))
}

/// Without the frame that `hau-ctl` reads: for the other node, and for who knows nothing of hau.
fn bare<T: Serialize>(
    status: u16,
    content_type: &'static str,
    data: &T,
) -> Result<Answered, Failure> {
    let bytes = serde_json::to_vec(data);
    bytes
        .map(|bytes| Answered::Plain(status, content_type, bytes))
        .map_err(|e| Failure::new(Code::Internal, e.to_string(), told!("report this")))
}

fn nothing() -> Result<Answered, Failure> {
    Ok(Answered::Json(Value::Object(serde_json::Map::new())))
}

fn body<T: DeserializeOwned>(call: &Call) -> Result<T, Failure> {
    serde_json::from_slice(&call.body).map_err(|e| {
        Failure::new(
            Code::Usage,
            told!("the request is not understood: {}", e),
            told!("see the man page for its shape"),
        )
    })
}

fn failed(e: HostError) -> Failure {
    Failure::new(
        Code::Failed,
        e.to_string(),
        told!("see the log of hau-sidecar on that node"),
    )
}

fn actor(api: &Api, call: &Call, reason: Option<String>) -> Actor {
    Actor {
        user: call.caller.who.name(),
        node: api.site.me.0.clone(),
        reason,
    }
}

fn pair_view(api: &Api, _: &Call) -> Result<Answered, Failure> {
    json(&api.pairing.view(None))
}

fn pair(api: &Api, call: &Call) -> Result<Answered, Failure> {
    let request: wire::PairRequest = body(call)?;
    let view = api.pairing.pair(&api.site, request.code.as_deref())?;
    if request.code.is_some() {
        api.site.audit.paired();
    }
    json(&view)
}

fn admit(api: &Api, call: &Call) -> Result<Answered, Failure> {
    let proof = api.pairing.admit(call)?;
    api.site.audit.paired();
    Ok(Answered::Plain(200, "text/plain", proof.into_bytes()))
}

fn peer_clock(api: &Api, _: &Call) -> Result<Answered, Failure> {
    let now = api.site.now().0.to_string();
    Ok(Answered::Plain(200, "text/plain", now.into_bytes()))
}

fn peer_keys(api: &Api, _: &Call) -> Result<Answered, Failure> {
    let trust = api.site.trust();
    let trust = trust.map_err(|e| Failure::new(Code::Refused, e.why, "hau-ctl doctor there"))?;
    let bytes = serde_json::to_vec(&trust)
        .map_err(|e| Failure::new(Code::Internal, e.to_string(), "report this"))?;
    Ok(Answered::Plain(200, "application/json", bytes))
}

fn peer_identity(api: &Api, _: &Call) -> Result<Answered, Failure> {
    let identity = api.site.database().identity();
    let identity = identity.map_err(|e| Failure::new(Code::Failed, e.what, e.remedy))?;
    Ok(Answered::Plain(200, "text/plain", identity.into_bytes()))
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
