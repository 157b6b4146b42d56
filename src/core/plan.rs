//! The plan of a rollout: the step table with its turns bound to nodes, once and for good.
use super::NodeId;
use crate::time::Time;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Of two plans made at once the greater number wins, then the lower name of the node asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RolloutId {
    pub number: u64,
    pub origin: NodeId,
}

impl RolloutId {
    pub fn beats(&self, other: &Self) -> bool {
        (self.number, &other.origin) > (other.number, &self.origin)
    }
}

/// Upgrade order. A switchover swaps VRRP states and database roles in mid-plan; turns stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Turn {
    /// The BACKUP when the plan is made.
    First,
    /// The MASTER when the plan is made.
    Second,
}

/// How a row is taken back by an abort.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Undo {
    /// The row left nothing that needs taking back.
    Nothing,
    /// Run the step's `undo`.
    Run,
    /// Run it past a barrier too: nothing on the other node rests on this row.
    Always,
    /// Run it, unless another node has become primary since the plan was made.
    Role,
    /// Past this row there is no way back but a rollback: an abort stops in front of it.
    Barrier,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Upgrade,
    Switch,
    Rollback,
    /// Of one node, the BACKUP: VIP and primary stay where they are.
    RollbackNode,
    /// Of one node: this one becomes primary because the other is gone.
    Failover,
    /// Of one node: this one follows the node that became primary meanwhile.
    Rejoin,
}

impl Kind {
    pub fn is_rollback(self) -> bool {
        match self {
            Self::Rollback | Self::RollbackNode => true,
            Self::Upgrade | Self::Switch | Self::Failover | Self::Rejoin => false,
        }
    }

    /// One node's own, beside a rollout over the pair that may be under way.
    pub fn is_solo(self) -> bool {
        match self {
            Self::Upgrade | Self::Switch | Self::Rollback | Self::RollbackNode => false,
            Self::Failover | Self::Rejoin => true,
        }
    }
}

/// What a rollback goes back to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WayBack {
    /// The name of a backup that each node of the plan has.
    pub backup: String,
    /// Its dump takes the place of the database, too: what was written since is not in it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub database: bool,
    /// The halted rollout that ends, given up, when this plan is taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<RolloutId>,
}

/// Who asked for something, as the audit trail shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// User name or number on the node that was asked.
    pub user: String,
    pub node: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Who orders what nobody has asked for.
const NOBODY: &str = "hau";

impl Actor {
    /// hau itself, on this node.
    pub(super) fn nobody(node: &NodeId, reason: String) -> Self {
        Self {
            user: NOBODY.to_owned(),
            node: node.0.clone(),
            reason: Some(reason),
        }
    }

    pub(super) fn is_nobody(&self) -> bool {
        self.user == NOBODY
    }
}

/// Which bundle a rollout installs; its bytes are fetched from whichever node has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundleRef {
    /// File name inside the incoming folder.
    pub file: String,
    pub sha256: String,
    pub size_bytes: u64,
}

/// One line of the plan: what the core knows about a step, as data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// Phases are barriers: a row starts when every row of the phases before it is done.
    pub phase: u16,
    pub phase_name: String,
    pub node: NodeId,
    pub step: String,
    /// Takes this node's service down while it runs: never on the MASTER.
    pub disruptive: bool,
    /// Taking it back takes the service down.
    pub disruptive_undo: bool,
    /// Brings this node nearer to serving again: goes on without the peer.
    pub restores: bool,
    /// Between the first such row and the last one this node ranks below every other.
    pub service_down: bool,
    /// Gives the VIP to the other node.
    pub gives_vip: bool,
    /// A person may overrule its failure.
    pub confirmable: bool,
    pub undo: Undo,
    /// What it means for the handoff.
    #[serde(default)]
    pub handoff: super::HandoffRow,
    pub limit_ms: u64,
    pub attempts: u32,
}

impl Row {
    pub fn limit(&self) -> Duration {
        Duration::from_millis(self.limit_ms)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    pub id: RolloutId,
    pub kind: Kind,
    pub first: NodeId,
    pub second: NodeId,
    pub from: String,
    pub to: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bundle: Option<BundleRef>,
    /// Of a rollback, and of nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub way_back: Option<WayBack>,
    pub by: Actor,
    pub made_at: Time,
    /// Where the VIP was at home before this rollout (None: the configured priorities decide).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub home_before: Option<NodeId>,
    /// Wait in front of this phase until a person says `retry`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_before: Option<u16>,
    /// Of a failover that accepts that the other database's newer rows are lost: the term it begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub term: Option<u64>,
    /// A row that failed takes back what was done, without being told to.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub takes_back: bool,
    /// The VIP moves by the fast hand-off.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub fast: bool,
    pub rows: Vec<Row>,
}

impl Plan {
    /// Every row is of one node, because the other one is dead: nothing is asked of that one.
    pub fn is_alone(&self) -> bool {
        let is_own = |row: &Row| row.node == self.first;
        self.kind == Kind::RollbackNode && self.rows.iter().all(is_own)
    }

    /// What that node did alone; another one may take note of it, and has no part in it.
    pub fn is_alone_of(&self, node: &NodeId) -> bool {
        self.is_alone() && self.first == *node
    }

    /// Does this plan end that rollout, which is halted?
    pub(super) fn replaces(&self, other: &RolloutId) -> bool {
        let way_back = self.way_back.as_ref();
        way_back.and_then(|w| w.replaces.as_ref()) == Some(other)
    }

    pub fn rows_of<'a>(
        &'a self,
        node: &'a NodeId,
    ) -> impl DoubleEndedIterator<Item = (usize, &'a Row)> {
        self.rows
            .iter()
            .enumerate()
            .filter(move |(_, row)| row.node == *node)
    }

    /// The row that gives the VIP away.
    pub(super) fn giver(&self) -> Option<(usize, &Row)> {
        let mut rows = self.rows.iter().enumerate();
        rows.find(|(_, row)| row.gives_vip)
    }

    /// Who holds the VIP when the row that gives it away is done.
    pub fn home_after(&self) -> Option<&NodeId> {
        let (_, giver) = self.giver()?;
        Some(if giver.node == self.first {
            &self.second
        } else {
            &self.first
        })
    }
}
