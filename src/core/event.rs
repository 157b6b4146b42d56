//! Everything that can happen to a sidecar, and what it tells others.
use super::{
    Actor, DatabaseRole, JobKey, Mandate, NodeId, Order, Plan, Problem, Reports, VrrpState,
};
use crate::time::Time;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, sync::Arc};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The daemon has started and replayed its journal.
    Started {
        /// Another one for each start of the host.
        host_boot: String,
    },
    /// What this node looks like from inside has been looked at.
    Local(Local),
    Command(Command),
    Hello(Arc<Hello>),
    JobEnded {
        key: JobKey,
        outcome: Outcome,
    },
    /// A moment the core asked for has come (spurious ones are harmless).
    Tick,
}

/// What is true of this host right now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Local {
    pub vrrp: VrrpState,
    pub has_vip: bool,
    /// Every service is active and every port listens.
    pub serving: bool,
    pub database: DatabaseRole,
    /// A standby that receives what its primary writes.
    #[serde(default)]
    pub follows: bool,
    /// Of the database; grows with each promotion. 0: not known, or it has none.
    #[serde(default)]
    pub timeline: u32,
    /// What databases that replicate one another have in common, and the kind that says so: of two with the same one
    /// timelines can be compared. Empty: not known, or there is none.
    #[serde(default)]
    pub identity: String,
    /// What `Journaled::term` was when these data were given it. 0: none, or not known.
    #[serde(default)]
    pub term: u64,
    /// A former primary that is kept from starting until it is known that the other node was not
    /// promoted meanwhile.
    #[serde(default)]
    pub held: bool,
    /// This host has not started since its database was last known to be the right primary.
    #[serde(default)]
    pub may_start: bool,
    pub version: Option<String>,
    pub effective_priority: Option<i32>,
    /// A job is running here, wanted or not.
    pub busy: bool,
    /// What of the handoff is in force here.
    #[serde(default)]
    pub armed: super::Armed,
    /// Something asked for by hand is done here that no rollout may meet: a backup, a sync resumed.
    #[serde(default)]
    pub by_hand: bool,
    /// For people and for the weight arithmetic; the core does not look into it.
    #[serde(default)]
    pub details: Arc<Details>,
}

/// What a node tells of itself beyond what decisions need.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Details {
    /// `priority` in keepalived.conf.
    pub base_priority: Option<i32>,
    /// Of the check script, negative.
    pub check_weight: Option<i32>,
    /// Link-layer address of the interface that VRRP runs on, as "02:00:5e:10:00:01".
    #[serde(default)]
    pub mac: Option<String>,
    /// Of this host: whoever comes from one of them is no user.
    #[serde(default)]
    pub addresses: Vec<String>,
    pub weight: Option<i32>,
    pub lag_bytes: Option<u64>,
    /// None: no config sync is configured.
    pub sync_paused: Option<bool>,
    pub services: BTreeMap<String, ServiceDetails>,
    /// While this node measures what users notice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probing: Option<super::Probing>,
    /// While this node fetches a bundle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fetching: Option<super::Fetching>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceDetails {
    pub active: bool,
    /// The ports that listen.
    pub ports: Vec<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// The shell has checked the plan against the bundle; the core checks it against the pair.
    Start(Arc<Plan>),
    /// Something this node does on its own: a failover, a rejoin.
    Alone {
        plan: Arc<Plan>,
        /// A failover though this database may lack what the other one acknowledged.
        accepts_loss: bool,
    },
    Order {
        order: Order,
        by: Actor,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    Accepted { rollout: u64 },
    Refused(Refusal),
}

/// Why a command is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A rollout is under way here or there.
    Busy,
    /// Something asked for by hand is going on here or there.
    ByHand,
    PeerLost,
    /// The plan is for a node whose peer is dead, and this one's may not be.
    PeerThere,
    /// The journal has no room for a rollout.
    DiskFull,
    NothingRunning,
    NotHalted,
    NotConfirmable,
    /// Giving up would leave less than going on.
    TooLate,
    /// The row of no return has begun and is not done: which database becomes primary is not known.
    Undecided,
    /// The mandate is already `abort`.
    GoingBack,
    Alone(AloneRefusal),
}

/// Why what one node does on its own does not begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AloneRefusal {
    /// A failover, and the other node is heard.
    PeerHeard,
    /// A failover, and the database here is neither a standby nor a primary that is held.
    NothingToPromote,
    /// A failover, and this database may lack what the other one acknowledged.
    MayLoseRows,
    /// A rejoin, and no newer primary is known.
    NotSuperseded,
}

/// The whole of what a node tells its peer, every second and on change. The newest one wins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    pub node: NodeId,
    /// When this node's journal was begun. One that is begun anew counts its boots from 1 again.
    #[serde(default)]
    pub installed: Time,
    pub boot: u64,
    /// Grows with every Hello of one boot.
    pub sequence: u64,
    /// `installed` and `boot` of the Hello that was heard last: this one was made after that life had begun.
    #[serde(default)]
    pub heard: Option<(Time, u64)>,
    pub local: Local,
    /// A failover is under way here: this database may become primary at any moment.
    #[serde(default)]
    pub claims: bool,
    /// What `Journaled::term` is on this node.
    #[serde(default)]
    pub term: u64,
    /// Where this node takes the VIP to be at home.
    #[serde(default)]
    pub home: Option<NodeId>,
    pub rollout: Option<RolloutView>,
}

/// A rollout as its node tells of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RolloutView {
    pub plan: Arc<Plan>,
    /// `installed` of the node that this one does it with.
    #[serde(default)]
    pub with: Option<Time>,
    pub mandate: Arc<Mandate>,
    pub reports: Arc<Reports>,
    /// As [`Rollout::has_moved`](super::Rollout::has_moved): both go by it, so both know it.
    #[serde(default)]
    pub has_moved: bool,
    pub ended: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Done {
        note: String,
    },
    /// Worth another attempt.
    Retry(Problem),
    /// Not worth another attempt.
    Failed(Problem),
    /// The same, and it is certain that nothing of the row was done, by this job or one before it.
    Untouched(Problem),
}
