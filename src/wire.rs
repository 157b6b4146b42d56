//! What travels on the three doors: requests, answers, status. Shapes as README and man pages say.
//!
//! Every answer is `{"v": 1, "ok": true, "data": …}` or `{"v": 1, "ok": false, "error": {…}}`.
//! Times are milliseconds since the epoch inside hau and RFC 3339 where a person or a program of
//! somebody else's reads them; durations end in `_ms`, sizes in `_bytes`.
mod answer;
mod audit;
mod expected;
mod pair;
mod probes;
mod stage;

pub use answer::{Answer, Code, Failure, VERSION};
pub use audit::{Audit, AuditStanding};
pub use expected::Rest;
pub use pair::{PairRequest, PairView};
pub use probes::{Measured, Probes, Report, Slice};
pub use stage::{StageRequest, Staged};

use crate::config::RollbackDatabase;
use crate::core::{
    BundleRef, Closed, DatabaseRole, Fetching, Kind, Mandate, Probing, Problem, RolloutResult,
    RowState, VrrpState,
};
use crate::host::Finding;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// `GET /v1/status`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Status {
    pub node: String,
    pub peer: Peer,
    pub nodes: BTreeMap<String, Node>,
    pub rollout: Option<Rollout>,
    /// What this node does on its own (a failover, a rejoin), or did last.
    #[serde(default)]
    pub solo: Option<Rollout>,
    /// What a person must see to: what is known, and what to type.
    #[serde(default)]
    pub alarm: Option<Problem>,
    /// How long users may be without an answer in a whole upgrade, as this node is configured.
    #[serde(default)]
    pub downtime_budget_ms: Option<u64>,
    /// Of this node; None: it cannot be used, and the alarm says why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audit: Option<AuditStanding>,
}

impl Status {
    /// Which node runs what, where they run different versions: in the middle of a rollout, or after one that was left
    /// half-way. None also where the other node is not heard.
    pub fn mixed_versions(&self) -> Option<[(&str, &str); 2]> {
        let mut versions = self.nodes.values().filter_map(|node| node.version.as_ref());
        let first = versions.next()?;
        let differ = self.peer.reachable && versions.any(|version| version != first);
        let all = self.nodes.iter();
        let all = all.filter_map(|(name, node)| Some((name.as_str(), node.version.as_deref()?)));
        let all: Vec<_> = all.filter(|_| differ).collect();
        all.try_into().ok()
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peer {
    pub name: String,
    pub reachable: bool,
    /// How long ago.
    pub last_heard_ms: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SyncState {
    Running,
    Paused,
    None,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Node {
    pub vrrp: VrrpState,
    pub has_vip: bool,
    pub effective_priority: Option<i32>,
    pub weight: Option<i32>,
    pub database: DatabaseRole,
    pub lag_bytes: Option<u64>,
    pub version: Option<String>,
    pub services: BTreeMap<String, ServiceState>,
    pub sync: SyncState,
    pub health: crate::host::Status,
    /// What it measures of a switchover through the VIP, while it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probing: Option<Probing>,
    /// How far a bundle is that it fetches from the other node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fetching: Option<Fetching>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceState {
    pub active: bool,
    /// The ports that listen.
    pub ports: Vec<u16>,
}

/// The rollout under way, or the last one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rollout {
    pub id: u64,
    /// The node it was asked on: two rollouts asked for at once have the same number.
    #[serde(default)]
    pub origin: String,
    pub kind: Kind,
    pub first: String,
    pub second: String,
    pub from: String,
    pub to: String,
    pub by: String,
    /// Why, if that was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What an upgrade installs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bundle: Option<BundleRef>,
    /// RFC 3339.
    pub made: String,
    /// The phase in which the next row is.
    pub phase: Option<String>,
    pub rows: Vec<Row>,
    /// None while it goes on.
    pub result: Option<Outcome>,
    pub mandate: Mandate,
    pub stopped_by: Option<Stopped>,
    /// What happens next, or what to type.
    pub next: String,
    pub elapsed_ms: u64,
    /// None until something measures it.
    pub downtime_ms: Option<u64>,
    /// For how long nothing could be written to the database; None: not measured.
    #[serde(default)]
    pub write_gap_ms: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Succeeded,
    /// Stopped; waits for a person.
    Halted,
    RolledBack,
    /// Given up by `abort`.
    Failed,
    Refused,
}

impl From<RolloutResult> for Outcome {
    fn from(result: RolloutResult) -> Self {
        match result {
            RolloutResult::Succeeded => Self::Succeeded,
            RolloutResult::Failed => Self::Failed,
        }
    }
}

/// Why nothing goes on at the moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "why")]
pub enum Stopped {
    /// A row failed.
    Failure {
        node: String,
        step: String,
        problem: Problem,
    },
    /// A condition does not hold (yet).
    Gate {
        node: String,
        step: String,
        closed: Closed,
        says: String,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    pub phase: String,
    pub node: String,
    pub step: String,
    pub about: String,
    /// None: not begun.
    pub state: Option<RowState>,
    /// RFC 3339.
    pub started: Option<String>,
    /// Milliseconds since the epoch: what both of the above were computed from.
    pub started_at_ms: Option<u64>,
    pub elapsed_ms: Option<u64>,
    pub limit_ms: u64,
    /// From earlier rollouts of this pair.
    pub expected_ms: Option<u64>,
    pub note: String,
    pub problem: Option<Problem>,
}

/// `POST /v1/rollouts` and, with nothing started, `POST /v1/plans`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StartRequest {
    /// File name inside the incoming folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bundle: Option<String>,
    /// For a switch: the node that shall hold the VIP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// A phase to wait in front of: `switchover` is the phase in which the VIP moves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_before: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Go back instead of on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollback: Option<RollbackRequest>,
    /// Install a version that was rolled back before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allow_known_bad: bool,
}

/// What a rollback goes back to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RollbackRequest {
    /// That node alone; it must be BACKUP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// The name of a backup, or a version; none: the newest that both nodes have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// The node that is asked, alone, where it is: the other one is dead.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub local: bool,
    /// Nobody is served while that one goes back; without this it does not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub accept_downtime: bool,
    /// None: as `[rollback] database` says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<RollbackDatabase>,
    /// What was written since the backup is lost by `restore`; without this it is not done.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub accept_data_loss: bool,
}

/// Answer to `POST /v1/plans`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanView {
    pub kind: Kind,
    pub from: String,
    pub to: String,
    pub first: String,
    pub second: String,
    pub rows: Vec<Row>,
    /// Of all of it, from earlier rollouts of this pair; None: there was none that did all of these rows.
    #[serde(default)]
    pub expected_ms: Option<u64>,
    /// Of both nodes, each named.
    pub findings: BTreeMap<String, Vec<Finding>>,
    /// Would it start?
    pub fit: bool,
    /// No new rollout: these rows of the halted one would be taken back, in this order.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub gives_up: bool,
}

/// Answer to `POST /v1/rollouts` and `POST /v1/orders`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Started {
    pub rollout: u64,
    /// A halted rollout that is taken back row by row, instead of a new one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub gives_up: bool,
}

/// `POST /v1/orders`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrderRequest {
    /// `retry`, `confirm` or `abort`.
    pub order: crate::core::Order,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// `POST /v1/failover` and `POST /v1/rejoin`: what this node does on its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AloneRequest {
    /// Failover: who asks has seen to it that the other node is off.
    #[serde(default)]
    pub fenced: bool,
    /// Failover: though this database may lack what the other one acknowledged.
    #[serde(default)]
    pub accept_data_loss: bool,
    /// Rejoin: copy everything anew.
    #[serde(default)]
    pub rebuild: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// `GET /v1/doctor`: findings by node.
pub type Doctor = BTreeMap<String, Vec<Finding>>;

/// `GET /health` as application/health+json, and one node's part of `GET /v1/health`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    pub status: crate::host::Status,
    pub node: String,
    pub version: Option<String>,
    /// Name of the check to what was seen.
    pub checks: BTreeMap<String, Vec<HealthCheck>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HealthCheck {
    pub component_type: String,
    pub status: crate::host::Status,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub output: String,
    /// RFC 3339.
    pub time: String,
}

/// `POST /v1/notices/test`: each way to tell of events, tried once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotifyTried {
    /// As messages call it.
    pub way: String,
    /// Empty: nobody was told.
    pub answer: String,
    /// None: it has taken the test.
    pub problem: Option<crate::core::Problem>,
}

/// `GET /v1/sync`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncView {
    pub state: SyncState,
    /// By whom and since when, if it is paused.
    pub paused: Option<String>,
    /// Changes of the configuration seen while paused, newest last.
    pub changes: Vec<String>,
}

/// `GET /v1/sync/check`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncDifferences {
    /// One sentence a file, seen from the answering node.
    pub differences: Vec<String>,
}

/// `GET /v1/history`: newest last.
pub type History = Vec<Rollout>;

/// `GET /v1/backups`
pub type Backups = Vec<crate::backup::Entry>;

/// `POST /v1/notify`: keepalived's hook was called. It only means: look now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notify {
    pub args: Vec<String>,
}

/// `POST /v1/check`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckRequest {
    /// Not "is this node fit" but "does it keep the VIP": for keepalived without a tracked file.
    #[serde(default)]
    pub draining: bool,
}

/// Answer to `POST /v1/check`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckView {
    /// May this node hold the VIP?
    pub fit: bool,
}
