//! What a node does on its own: a failover when the other one is gone, a rejoin after it was away.
//!
//! Each is a rollout of one node: rows of the same table with reports of the same form, beside the
//! rollout over the pair that may be under way and without waiting for it.
use super::decide::Draft;
use super::primary::{has_primary, note_primary, settle_claim, share_term};
use super::reports::fresh;
use super::{
    Actor, AloneRefusal, DatabaseRole, Direction, Kind, Mandate, Order, Plan, Record, Refusal,
    Reply, Report, Rollout, RolloutResult, RowState, State, Undo, VrrpState,
};
use crate::time::Time;
use std::{sync::Arc, time::Duration};

/// What a node may begin by itself, as plans without number and time. From the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unasked {
    /// A former primary is kept from starting until the other node says that it was not promoted.
    pub holds: bool,
    /// None: a person promotes.
    pub failover: Option<Arc<Plan>>,
    /// None: a person says so.
    pub rejoin: Option<Arc<Plan>>,
}

/// A look at the database and a Hello are up to this old.
pub(super) const LATE: Duration = Duration::from_secs(3);

impl Draft<'_> {
    /// On a row of what this node does on its own, or of the rollout over the pair.
    pub(super) fn report_of(&mut self, solo: bool, row: usize, report: Report) {
        if solo {
            self.push(Record::SoloReported { row, report });
        } else {
            self.report(row, report);
        }
    }
}

/// Who is primary, whether a failover is still called for, and what the configuration lets this node begin.
pub(super) fn look_around(draft: &mut Draft<'_>) {
    share_term(draft);
    note_primary(draft);
    stand_down(draft);
    settle_claim(draft);
    begin_unasked(draft);
}

/// A node that is heard again is not gone. A promotion that has begun may have been done, and is brought to its end;
/// but not in the place of a primary that came after it while it had not come to it.
fn stand_down(draft: &mut Draft<'_>) {
    let s = &*draft.state;
    let Some(solo) = s.running_solo() else { return };
    let is_over = if solo.barrier(&s.me).is_some() {
        s.is_superseded() && !s.observed.local.busy
    } else {
        s.fresh_peer(draft.now).is_some()
    };
    if is_over {
        judge_anew(draft);
    }
}

/// What called for a failover is of another time: nothing is promoted any more.
pub(super) fn judge_anew(draft: &mut Draft<'_>) {
    let (s, at) = (&*draft.state, draft.now);
    let Some(solo) = s.running_solo() else { return };
    let is_promoted = promotion(solo).is_some_and(|row| is_done(solo, row));
    if solo.plan.kind == Kind::Failover && !is_promoted {
        let result = RolloutResult::Failed;
        draft.push(Record::SoloEnded { result, at });
    }
}

/// What the configuration lets this node begin by itself.
fn begin_unasked(draft: &mut Draft<'_>) {
    let (s, now) = (&*draft.state, draft.now);
    let failover = s
        .unasked
        .failover
        .as_ref()
        .filter(|_| must_fail_over(s, now));
    let rejoin = s.unasked.rejoin.as_ref().filter(|_| must_rejoin(s, now));
    let (plan, reason) = match (failover, rejoin) {
        (Some(plan), _) => (plan.clone(), why_gone(s, now)),
        (None, Some(plan)) => {
            let reason = format!("node {} became primary while this one was away", s.peer);
            (plan.clone(), reason)
        }
        (None, None) => return,
    };
    let by = Actor::nobody(&s.me, reason);
    begin(draft, &plan, by, None);
}

fn why_gone(s: &State, now: Time) -> String {
    let peer = &s.peer;
    let unheard = match &s.observed.peer {
        Some((_, seen)) => format!("not heard for {} s", now.since(*seen).as_secs()),
        None => "not heard since this daemon started".to_owned(),
    };
    format!("node {peer} is gone: {unheard}, its keepalived is silent, the VIP is here")
}

/// The other node is gone by all signs, and the standby here has what it acknowledged.
fn must_fail_over(s: &State, now: Time) -> bool {
    let local = &s.observed.local;
    s.running_solo().is_none()
        && s.is_left_with_vip(now)
        && local.database == DatabaseRole::Standby
        && s.is_in_step()
        && !has_failed_since_heard(s)
}

/// One that failed is not begun again before the other node was heard once more: a person looks.
fn has_failed_since_heard(s: &State) -> bool {
    let heard = s.observed.peer.as_ref().map(|(_, seen)| *seen);
    // Not one that was only stood down from.
    let has_failed = |solo: &Rollout| solo.mine.iter().any(|(_, r)| r.state == RowState::Failed);
    let failed = |solo: &Rollout| match solo.ended {
        Some((RolloutResult::Failed, at)) if has_failed(solo) => Some(at),
        Some(_) | None => None,
    };
    let solo = s.journaled.solo.as_ref();
    let failover = solo.filter(|solo| solo.plan.kind == Kind::Failover);
    failover
        .and_then(failed)
        .is_some_and(|at| heard.is_none_or(|seen| seen < at))
}

fn must_rejoin(s: &State, now: Time) -> bool {
    let tried = |solo: &Rollout| {
        let same = solo.plan.kind == Kind::Rejoin && solo.plan.to == s.newest_primary();
        solo.ended.is_none() || same
    };
    let solo = s.journaled.solo.as_ref();
    let waits = (s.observed.local.held && s.is_superseded()) || s.is_left_down();
    waits && !solo.is_some_and(tried) && has_primary(s, now)
}

/// A person asks for it.
pub(super) fn start(draft: &mut Draft<'_>, plan: &Plan, accepts_loss: bool) -> Reply {
    let (s, now) = (&*draft.state, draft.now);
    let local = &s.observed.local;
    let writes = s.fresh_peer(now).is_some_and(|peer| !peer.local.held);
    let is_there = writes || local.vrrp == VrrpState::Backup;
    let refusal = if s.running_solo().is_some() {
        Some(Refusal::Busy)
    } else {
        match plan.kind {
            Kind::Failover if is_there => Some(Refusal::Alone(AloneRefusal::PeerHeard)),
            Kind::Failover if local.database != DatabaseRole::Standby && !local.held => {
                Some(Refusal::Alone(AloneRefusal::NothingToPromote))
            }
            Kind::Failover if !accepts_loss && (s.is_superseded() || !s.is_in_step()) => {
                Some(Refusal::Alone(AloneRefusal::MayLoseRows))
            }
            Kind::Rejoin if !s.is_superseded() && !s.is_left_down() => {
                Some(Refusal::Alone(AloneRefusal::NotSuperseded))
            }
            Kind::Rejoin if !has_primary(s, now) => Some(Refusal::PeerLost),
            Kind::Failover | Kind::Rejoin => None,
            Kind::Upgrade | Kind::Switch | Kind::Rollback | Kind::RollbackNode => None,
        }
    };
    if let Some(refusal) = refusal {
        return Reply::Refused(refusal);
    }
    // Of two that were begun with neither known to the other node, the later one is a person's last word.
    let loses = accepts_loss && plan.kind == Kind::Failover;
    let term = loses.then(|| now.0.max(s.last_term() + 1));
    let rollout = begin(draft, plan, plan.by.clone(), term);
    Reply::Accepted { rollout }
}

fn begin(draft: &mut Draft<'_>, plan: &Plan, by: Actor, term: Option<u64>) -> u64 {
    let s = &*draft.state;
    let (me, at) = (s.me.clone(), draft.now);
    let mut plan = Plan::clone(plan);
    plan.id.number = s.last_number() + 1;
    plan.id.origin = me.clone();
    plan.made_at = at;
    plan.by = by.clone();
    plan.term = term;
    // In mid-activation the services are the rollout's: it finishes or takes back what it began.
    if s.running().is_some_and(|r| r.has_service_down(&s.me)) {
        plan.rows.retain(|row| !row.restores);
    }
    plan.from = s.observed.local.timeline.to_string();
    plan.to = s.newest_primary();
    let number = plan.id.number;
    let mandate = Arc::new(Mandate {
        epoch: 0,
        origin: me,
        order: Order::Start,
        direction: Direction::Forward,
        by,
        at,
    });
    let plan = Arc::new(plan);
    draft.push(Record::SoloBegun { plan, mandate });
    number
}

/// Begins the next row, or ends.
pub(super) fn advance(draft: &mut Draft<'_>) {
    let (s, now) = (&*draft.state, draft.now);
    let Some(solo) = s.running_solo() else { return };
    let next = (0..solo.plan.rows.len()).find(|n| !is_done(solo, *n));
    match next.map(|n| (n, solo.mine.get(n).map(|r| r.state))) {
        None => {
            let result = RolloutResult::Succeeded;
            draft.push(Record::SoloEnded { result, at: now });
        }
        Some((_, Some(RowState::Failed))) => {
            let result = RolloutResult::Failed;
            draft.push(Record::SoloEnded { result, at: now });
        }
        Some((row, None)) if may_go_on(s, solo, row, now) => {
            let report = fresh(solo, RowState::Started, now);
            draft.push(Record::SoloReported { row, report });
        }
        Some(_) => {}
    }
}

/// Asked for a row that begins and, at every turn, for one that has begun.
pub(super) fn may_go_on(s: &State, solo: &Rollout, row: usize, now: Time) -> bool {
    match solo.plan.kind {
        Kind::Failover => {
            let free = promotion(solo).is_none_or(|n| row > n);
            // One that was begun goes on beside a peer that is held: it waits for this one's word.
            let held = s.fresh_peer(now).is_some_and(|peer| peer.local.held);
            let begun = held && solo.mine.get(row).is_some() && promotion(solo) == Some(row);
            let gone = s.is_alone(now) && s.observed.local.vrrp != VrrpState::Backup;
            // Let start meanwhile with the other node's word: nothing is left but to say so.
            let is_there = s.observed.local.database == DatabaseRole::Primary && !s.is_superseded();
            free || gone || begun || is_there
        }
        Kind::Rejoin => has_primary(s, now),
        Kind::Upgrade | Kind::Switch | Kind::Rollback | Kind::RollbackNode => true,
    }
}

fn is_done(solo: &Rollout, row: usize) -> bool {
    solo.mine
        .get(row)
        .is_some_and(|r| r.state == RowState::Done)
}

/// The row after which this node's database is primary.
fn promotion(solo: &Rollout) -> Option<usize> {
    let mut rows = solo.plan.rows.iter();
    rows.position(|row| row.undo == Undo::Barrier)
}

impl State {
    pub fn running_solo(&self) -> Option<&Rollout> {
        let solo = self.journaled.solo.as_ref();
        solo.filter(|solo| solo.ended.is_none())
    }

    /// Has the standby here followed its primary until that fell silent? Else it may lack what the
    /// primary acknowledged since.
    pub fn is_in_step(&self) -> bool {
        let seen = &self.observed;
        let heard = seen.peer.as_ref().map(|(_, at)| *at);
        let silent = heard.unwrap_or_default().max(seen.vrrp_since);
        let recently = |at: Time| at + self.timing.settle + LATE >= silent;
        seen.local.follows || seen.followed.is_some_and(recently)
    }

    pub(super) fn last_number(&self) -> u64 {
        let both = [&self.journaled.rollout, &self.journaled.solo];
        let numbers = both.into_iter().flatten().map(|r| r.plan.id.number);
        numbers.max().unwrap_or(0)
    }

    /// Demoted by a rollout that was given up before its row of following, or stopped by a rejoin that failed, and
    /// nothing else starts it.
    pub fn is_left_down(&self) -> bool {
        let is_down = self.observed.local.database == DatabaseRole::Unknown;
        let is_meant = self.is_superseded() || self.has_failed_to_rejoin();
        is_down && self.running().is_none() && is_meant
    }

    /// The last that this node did on its own.
    pub fn has_failed_to_rejoin(&self) -> bool {
        let failed = |solo: &Rollout| {
            let end = solo.ended.map(|(end, _)| end);
            (solo.plan.kind, end) == (Kind::Rejoin, Some(RolloutResult::Failed))
        };
        self.journaled.solo.as_ref().is_some_and(failed)
    }
}

impl Rollout {
    /// What was begun of the row of no return came to nothing.
    pub(super) fn has_not_promoted(&mut self) {
        for (row, report) in self.mine.clone().iter() {
            if self.plan.rows[row].undo == Undo::Barrier {
                let untouched = true;
                let report = Report {
                    untouched,
                    ..report.clone()
                };
                Arc::make_mut(&mut self.mine).insert(row, report);
            }
        }
    }
}
