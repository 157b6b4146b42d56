//! The two databases themselves: what a client and the power do to them.
use super::{DatabaseResult, failed};
use crate::host::DatabaseMark;
use std::collections::BTreeMap;

/// What both members share: the truth that a test looks at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cluster {
    pub members: [Member; 2],
    /// The link over which the log is shipped.
    pub cut: bool,
    /// A former primary is kept from starting after a boot.
    pub holds: bool,
    /// Rows whose writer was told that they are safe, in their order.
    pub acknowledged: Vec<u32>,
    /// Rows ever written; each has its own number, also when one before it was given up.
    pub written: u32,
    /// Rows of the dump that is restored beside the running database.
    pub beside: Option<usize>,
    /// How often a restored one took the place of the running one: a record in the log like any row.
    pub exchanged: u32,
    /// Schema scripts that took effect, with how often; more than once is wrong.
    pub schema: BTreeMap<String, u32>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Member {
    pub up: bool,
    pub is_primary: bool,
    /// The log: every row, in its order.
    pub rows: Vec<u32>,
    /// As PostgreSQL counts: one more with each promotion. A standby takes its primary's.
    pub timeline: u32,
    /// Lies with the rows, as they replicate.
    pub term: u64,
    /// The host has not started since it was last known to be the right primary.
    pub may_start: bool,
    /// Where it was stopped cleanly; it does not come up as primary by itself any more.
    pub demoted_at: Option<usize>,
    /// The standby receives and replays nothing.
    pub is_stuck: bool,
    /// Operations that fail when asked next, by the name of the function.
    pub failing: BTreeMap<&'static str, u32>,
}

impl Cluster {
    /// A healthy pair with `primary` taking the writes.
    pub fn new(primary: usize) -> Self {
        let mut cluster = Self::default();
        for (n, member) in cluster.members.iter_mut().enumerate() {
            (member.up, member.is_primary, member.timeline) = (true, n == primary, 1);
            member.may_start = n == primary;
        }
        cluster
    }

    pub fn is_streaming(&self, standby: usize) -> bool {
        let [a, b] = &self.members;
        let (here, there) = if standby == 0 { (a, b) } else { (b, a) };
        let follows = here.up && !here.is_primary && there.up && there.is_primary;
        follows && !self.cut && !here.is_stuck && there.rows.starts_with(&here.rows)
    }

    /// Ships the log. Called before every look, so a standby is only behind if it is stuck.
    pub fn flow(&mut self) {
        for standby in 0..2 {
            let primary = 1 - standby;
            let have = self.members[standby].rows.len();
            if self.is_streaming(standby) {
                self.members[standby].timeline = self.members[primary].timeline;
                self.members[standby].term = self.members[primary].term;
            }
            if have != self.members[primary].rows.len() && self.is_streaming(standby) {
                let missing = self.members[primary].rows[have..].to_vec();
                self.members[standby].rows.extend(missing);
            }
        }
    }

    /// A client writes at `node`. False: refused, nothing promised.
    pub fn write(&mut self, node: usize) -> bool {
        let row = self.written;
        let member = &self.members[node];
        if !(member.up && member.is_primary) {
            return false;
        }
        self.written += 1;
        self.members[node].rows.push(row);
        self.acknowledged.push(row);
        self.flow();
        true
    }

    pub fn primaries(&self) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(|m| m.up && m.is_primary)
    }

    /// Does every primary that runs hold every acknowledged row?
    pub fn lost_nothing(&self) -> bool {
        let has = |rows: &[u32]| {
            let all = || {
                self.acknowledged
                    .iter()
                    .all(|row| rows.binary_search(row).is_ok())
            };
            let same = rows.len() == self.acknowledged.len();
            // Asked at every turn: rows only grow, so the last one tells of all of them. More are there where a failover
            // that would have lost them did not come to it.
            same && rows.last() == self.acknowledged.last()
                || rows.len() > self.acknowledged.len() && all()
        };
        self.primaries().all(|m| has(&m.rows))
    }

    /// How many rows there are where, for a person who looks into a loss.
    pub fn told(&self) -> String {
        let member = |m: &Member| {
            let role = if m.is_primary { "primary" } else { "standby" };
            let life = if m.up { "up" } else { "down" };
            format!(
                "{role} {life}, {} rows to {:?}",
                m.rows.len(),
                m.rows.last()
            )
        };
        let [a, b] = &self.members;
        let told = (self.acknowledged.len(), self.acknowledged.last());
        format!("{told:?} acknowledged; a {}; b {}", member(a), member(b))
    }

    /// The host lost its power, or has it again: a demoted primary comes up as a standby, another
    /// one is held.
    pub fn power(&mut self, node: usize, on: bool) {
        let member = &mut self.members[node];
        member.up = on;
        if member.demoted_at.is_some() {
            member.is_primary = false;
        }
        if self.holds {
            member.may_start = false;
            member.up &= !member.is_primary;
        }
    }
}

pub(super) fn mark(rows: usize) -> DatabaseMark {
    DatabaseMark {
        position: rows.to_string(),
        next_transaction: rows as u64,
        ..DatabaseMark::default()
    }
}

pub(super) fn table(rows: usize) -> BTreeMap<String, u64> {
    BTreeMap::from([("public.orders".to_owned(), rows as u64)])
}

pub(super) fn place(rows: usize, timeline: u32) -> String {
    format!("{rows} on timeline {timeline}")
}

/// Rows and timeline.
pub(super) fn parse(position: &str) -> DatabaseResult<(usize, u32)> {
    let parts = position.split_once(" on timeline ");
    let read = parts.and_then(|(rows, timeline)| rows.parse().ok().zip(timeline.parse().ok()));
    read.ok_or_else(|| failed(format!("{position:?} is not a position")))
}
