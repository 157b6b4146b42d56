//! What a sidecar knows: the journaled half survives a crash, the observed half is asked again.
use super::{Hello, Local, Plan, Primary, Reports, Unasked};
use crate::time::Time;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, fmt, sync::Arc, time::Duration};

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NodeId(pub String);

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// VRRP state as keepalived says it; `Unknown` is treated as not MASTER and as not BACKUP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum VrrpState {
    #[serde(rename = "MASTER")]
    Master,
    #[serde(rename = "BACKUP")]
    Backup,
    #[serde(rename = "FAULT")]
    Fault,
    #[default]
    #[serde(rename = "unknown")]
    Unknown,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DatabaseRole {
    Primary,
    Standby,
    None,
    #[default]
    Unknown,
}

/// What went wrong, in one sentence, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    pub what: String,
    pub remedy: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowState {
    Started,
    Done,
    Failed,
    Undoing,
    Undone,
    UndoFailed,
}

/// The latest word of the node that owns a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    pub state: RowState,
    /// Under which mandate; a failure under an older one is no longer in force.
    pub epoch: u64,
    pub attempt: u32,
    pub started_at: Time,
    pub at: Time,
    /// What the step found out, for later rows and for the record.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
    /// It failed, and nothing of it was done nor can come of it any more: taken back it is without a job.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub untouched: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    Forward,
    Back,
}

impl Report {
    fn is_open(&self) -> bool {
        matches!(self.state, RowState::Started | RowState::Undoing)
    }
}

/// What a person last ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    Start,
    Retry,
    Confirm,
    Abort,
}

/// The standing order for a rollout. Cumulative: the newest one says all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mandate {
    pub epoch: u64,
    pub origin: NodeId,
    pub order: Order,
    pub direction: Direction,
    pub by: super::Actor,
    pub at: Time,
}

impl Mandate {
    pub fn beats(&self, other: &Self) -> bool {
        (self.epoch, &other.origin) > (other.epoch, &self.origin)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RolloutResult {
    Succeeded,
    /// Given up: everything that could be taken back was.
    Failed,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rollout {
    pub plan: Arc<Plan>,
    pub mandate: Arc<Mandate>,
    pub mine: Arc<Reports>,
    /// The peer's reports as last heard.
    pub peers: Arc<Reports>,
    /// Boot and sequence of the Hello that told of them: an older one is not listened to any more.
    pub told: (u64, u64),
    /// `installed` of the peer this rollout is done with; None: an older version began it.
    pub with: Option<Time>,
    pub ended: Option<(RolloutResult, Time)>,
    /// Another node has been seen to become primary since the plan was made.
    pub has_moved: bool,
}

/// Names one try at one row, so a late answer cannot be mistaken for another's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobKey {
    pub solo: bool,
    pub rollout: u64,
    pub row: usize,
    pub epoch: u64,
    pub attempt: u32,
    pub direction: Direction,
}

/// How long things take to count; from the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// Without a Hello for this long the peer is lost.
    pub peer_lost: Duration,
    /// A VRRP state counts for what cannot be taken back when it has lasted this long.
    pub settle: Duration,
    /// A job that has not come back this long after its limit is given up on.
    pub grace: Duration,
    /// Without a Hello for this long nothing is forwarded to the peer.
    pub forward_lost: Duration,
    /// With the VIP here new connections are parked for this long at most.
    pub park_most: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            peer_lost: Duration::from_secs(5),
            settle: Duration::from_secs(4),
            grace: Duration::from_secs(10),
            forward_lost: Duration::from_secs(1),
            park_most: Duration::from_secs(60),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    pub me: NodeId,
    pub peer: NodeId,
    pub timing: Timing,
    pub unasked: Unasked,
    pub journaled: Journaled,
    pub observed: Observed,
}

/// Changed by `apply` alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Journaled {
    /// How often this daemon has started: orders Hellos over restarts.
    pub boot: u64,
    /// The start of the host in which this daemon ran last.
    pub host_boot: String,
    /// When this daemon started for the first time: tells this journal from one that is gone.
    pub installed: Time,
    /// Where the VIP is at home, as the other node told this one that has no rollout of its own to know it from.
    pub home: Option<NodeId>,
    /// The rollout under way, or the last one.
    pub rollout: Option<Rollout>,
    /// What this node does on its own, or did last.
    pub solo: Option<Rollout>,
    /// The host has been off since that was begun.
    pub outlived: bool,
    pub primary: Option<Primary>,
    /// When, as far as the database here knows, a person last accepted that the other one's newer rows are lost, in ms
    /// since 1970. What one of an earlier term has, on whatever timeline, is past.
    pub term: u64,
    /// What it was before the promotion that began this one.
    pub term_before: u64,
    /// The primary role has come to this node since the last plan was made.
    pub moved_to: Option<NodeId>,
    /// Versions that were rolled back and not installed again since.
    pub known_bad: BTreeSet<String>,
}

/// Changed by `observe` alone; lost in a crash.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    pub local: Local,
    /// Since when the VRRP state has been what it is.
    pub vrrp_since: Time,
    pub peer: Option<(Arc<Hello>, Time)>,
    /// When the standby here was last seen to follow; not kept up while it does.
    pub followed: Option<Time>,
    /// Since when it has been seen to.
    pub follows_since: Option<Time>,
    /// Installations of the peer that another has replaced: their late Hellos are not listened to.
    pub former: Vec<Time>,
    /// When the peer was last heard with another journal than the running rollout is done with.
    pub stranger: Option<Time>,
    /// Since when this daemon has been able to hear the peer.
    pub started: Time,
}

impl State {
    pub fn new(me: NodeId, peer: NodeId, timing: Timing) -> Self {
        let (journaled, observed) = (Journaled::default(), Observed::default());
        let unasked = Unasked::default();
        Self {
            me,
            peer,
            timing,
            unasked,
            journaled,
            observed,
        }
    }

    /// The peer's last Hello, if it is recent enough to act on.
    pub fn fresh_peer(&self, now: Time) -> Option<&Hello> {
        let (hello, seen) = self.observed.peer.as_ref()?;
        (now < *seen + self.timing.peer_lost).then_some(hello)
    }

    /// Did the peer say that after it had heard of this life of this daemon? What it said before may have been on its
    /// way while this host was off, and be of another time.
    pub fn is_answered_by(&self, hello: &Hello) -> bool {
        hello.heard == Some((self.journaled.installed, self.journaled.boot))
    }

    /// When the peer was last heard, or when this daemon began to listen.
    pub(super) fn heard(&self) -> Time {
        let last = self.observed.peer.as_ref().map(|(_, seen)| *seen);
        last.map_or(self.observed.started, |seen| {
            seen.max(self.observed.started)
        })
    }

    /// Nothing was heard of the peer for long enough that it would have been, were it there.
    pub(super) fn is_alone(&self, now: Time) -> bool {
        now >= self.heard() + self.timing.peer_lost
    }

    /// Promise 12: alone, holding the VIP for a settled time, and not serving.
    pub(super) fn must_survive(&self, now: Time) -> bool {
        self.is_left_with_vip(now) && !self.observed.local.serving
    }

    /// Alone, and keepalived made this node MASTER for a settled time.
    pub fn is_left_with_vip(&self, now: Time) -> bool {
        let local = &self.observed.local;
        let settled = now >= self.observed.vrrp_since + self.timing.settle;
        self.is_alone(now) && local.vrrp == VrrpState::Master && settled
    }

    /// The rollout that has not ended.
    pub fn running(&self) -> Option<&Rollout> {
        self.journaled
            .rollout
            .as_ref()
            .filter(|r| r.ended.is_none())
    }

    /// Where the VIP is at home: the node that keeps its configured priority.
    pub fn home(&self) -> Option<&NodeId> {
        if let Some(node) = &self.journaled.moved_to {
            return Some(node);
        }
        let Some(rollout) = self.journaled.rollout.as_ref() else {
            return self.journaled.home.as_ref();
        };
        let given = rollout.plan.rows.iter().enumerate().any(|(n, row)| {
            row.gives_vip
                && rollout
                    .report(&self.me, n)
                    .is_some_and(|r| r.state == RowState::Done)
        });
        if given {
            rollout.plan.home_after()
        } else {
            rollout.plan.home_before.as_ref()
        }
    }
}

impl Rollout {
    /// The latest report on a row, whichever node owns it; `me` is the node that asks.
    pub fn report(&self, me: &NodeId, row: usize) -> Option<&Report> {
        let is_mine = || self.plan.rows.get(row).is_some_and(|r| r.node == *me);
        match self.mine.get(row) {
            Some(report) => Some(report),
            None => self.peers.get(row).filter(|_| !is_mine()),
        }
    }

    /// Was it begun with another journal of the peer than this one? Then what the peer did is known from
    /// its old reports alone, and nothing but giving up is left.
    pub fn is_with_another(&self, installed: Time) -> bool {
        self.with.is_some_and(|with| with != installed)
    }

    pub fn is_done(&self, me: &NodeId, row: usize) -> bool {
        self.report(me, row)
            .is_some_and(|r| r.state == RowState::Done)
    }

    /// The failure that halts this rollout, if one is in force.
    pub fn halted_by(&self) -> Option<(usize, &Report)> {
        let failed = |r: &Report| matches!(r.state, RowState::Failed | RowState::UndoFailed);
        let in_force = |(_, r): &(usize, &Report)| failed(r) && r.epoch == self.mandate.epoch;
        self.mine.iter().chain(self.peers.iter()).find(in_force)
    }

    /// A row of this node is begun and not ended.
    pub(super) fn is_open(&self) -> bool {
        self.mine.iter().any(|(_, r)| r.is_open())
    }

    /// Stopped by a failure, and nothing of it goes on at either node, as far as this one knows.
    pub fn is_at_rest(&self) -> bool {
        let theirs = self.peers.iter().any(|(_, r)| r.is_open());
        self.halted_by().is_some() && !self.is_open() && !theirs
    }
}
