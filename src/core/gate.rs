//! What must be true before a row may start, run or be taken back: the promises as conditions.
//!
//! Asked at every turn, so a row that is resumed after a crash is held to them like a fresh one.
use super::back::{may_undo, next_undo};
use super::{Direction, Hello, Local, Plan, Refusal, Reports, Rollout, RowState, State, VrrpState};
use crate::time::Time;
use serde::{Deserialize, Serialize};

/// Why a row does not go on; the answer to "what stops it".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "closed", content = "row")]
pub enum Closed {
    /// The other node has not been heard of lately.
    PeerLost,
    /// The other node has not yet taken the plan or the newest order.
    PeerBehind,
    /// This row is not done (or, going back, not taken back).
    Waiting(usize),
    /// The plan was asked to stop here.
    StopAsked,
    /// Something asked for by hand is still going on on this node.
    ByHand,
    /// This node may hold the VIP.
    MasterHere,
    /// The other node does not hold the VIP with its service up.
    PeerNotServing,
    /// The database here is kept from starting: the other one may have become primary meanwhile.
    Held,
}

/// May the next row of this node, which has not begun, begin, going forward?
pub(super) fn may_start(s: &State, r: &Rollout, n: usize, now: Time) -> Result<(), Closed> {
    let row = &r.plan.rows[n];
    let rows = r.plan.rows.iter().enumerate();
    let mut before = rows.take_while(|(_, other)| other.phase < row.phase);
    if let Some((m, _)) = before.find(|(m, _)| !r.is_done(&s.me, *m)) {
        return Err(Closed::Waiting(m));
    }
    if r.plan.stop_before == Some(row.phase) && !is_told_to_go_on(s, r, row.phase) {
        return Err(Closed::StopAsked);
    }
    if s.observed.local.by_hand {
        return Err(Closed::ByHand);
    }
    match peer_in_step(s, r, now) {
        Err(Closed::PeerLost) if row.restores => Ok(()),
        Err(closed) => Err(closed),
        Ok(_) => may_run(s, r, n, now),
    }
}

/// May something begin here that no rollout may meet? What two people ask for at one moment on the two
/// nodes is held apart by the rows: none begins before such a thing has ended.
///
/// # Errors
/// What is under way.
pub fn may_work_by_hand(state: &State, now: Time) -> Result<(), Refusal> {
    let hello = state.fresh_peer(now);
    let there = hello.and_then(|hello| hello.rollout.as_ref());
    let here = state.running().is_some() || state.running_solo().is_some();
    let is_running = here || there.is_some_and(|view| !view.ended);
    if is_running || state.observed.local.busy {
        return Err(Refusal::Busy);
    }
    if state.observed.local.by_hand {
        return Err(Refusal::ByHand);
    }
    Ok(())
}

/// May this plan begin now, in the place of what there is?
pub(super) fn may_begin(state: &State, plan: &Plan, now: Time) -> Result<(), Refusal> {
    let there = state.fresh_peer(now);
    if plan.is_alone() {
        // Not heard yet is not dead.
        if !state.is_alone(now) {
            return Err(Refusal::PeerThere);
        }
    } else if there.is_none() {
        return Err(Refusal::PeerLost);
    }
    if there.is_some_and(|hello| hello.local.by_hand) {
        return Err(Refusal::ByHand);
    }
    match state.running() {
        Some(old) if plan.replaces(&old.plan.id) => may_replace(state, old, plan, now),
        Some(_) | None => may_work_by_hand(state, now),
    }
}

/// Nothing of the halted one may be at work on either node; of a dead one nothing is.
fn may_replace(state: &State, old: &Rollout, plan: &Plan, now: Time) -> Result<(), Refusal> {
    let busy = |local: &Local| local.busy || local.by_hand;
    let theirs = state
        .fresh_peer(now)
        .is_some_and(|hello| busy(&hello.local));
    let rests = if plan.is_alone() {
        !old.is_open()
    } else {
        old.is_at_rest() && peer_in_step(state, old, now).is_ok()
    };
    if !rests || theirs || busy(&state.observed.local) {
        return Err(Refusal::Busy);
    }
    Ok(())
}

/// Was the newest order given after everything before this phase was done? A retry of something that
/// failed on the way is not leave to go past the stop.
fn is_told_to_go_on(s: &State, r: &Rollout, phase: u16) -> bool {
    let rows = r.plan.rows.iter().enumerate();
    let before = rows.filter(|(_, row)| row.phase < phase);
    let epochs = before
        .filter_map(|(n, _)| r.report(&s.me, n))
        .map(|x| x.epoch);
    epochs.max().is_none_or(|last| r.mandate.epoch > last)
}

/// May a row that has begun (perhaps before a crash) run right now?
pub(super) fn may_run(s: &State, r: &Rollout, n: usize, now: Time) -> Result<(), Closed> {
    let row = &r.plan.rows[n];
    if s.observed.local.held {
        return Err(Closed::Held);
    }
    if row.disruptive {
        not_master(s, now)?;
        peer_serves(s, now)?;
    }
    if row.gives_vip {
        peer_can_take_over(s, now)?;
    }
    Ok(())
}

/// The next row of this node going forward: the first that is not done.
pub(super) fn next_row(s: &State, r: &Rollout) -> Option<usize> {
    let is_done = |n: usize| r.mine.get(n).is_some_and(|x| x.state == RowState::Done);
    let mut rows = r.plan.rows.iter().enumerate();
    let next = rows.find(|(n, row)| !is_done(*n) && row.node == s.me);
    next.map(|(n, _)| n)
}

/// The peer is heard, knows this rollout and stands under the same mandate; its reports, if it has any.
/// Of a plan for one node nothing is asked of the other.
pub(super) fn peer_in_step<'a>(
    s: &'a State,
    r: &Rollout,
    now: Time,
) -> Result<Option<&'a Reports>, Closed> {
    if r.plan.is_alone() {
        return Ok(None);
    }
    let hello = s.fresh_peer(now).ok_or(Closed::PeerLost)?;
    let is_given_up = r.mandate.direction == Direction::Back;
    if r.is_with_another(hello.installed) {
        // It knows nothing of this rollout and never will.
        return if is_given_up {
            Ok(None)
        } else {
            Err(Closed::PeerLost)
        };
    }
    let view = hello.rollout.as_ref().ok_or(Closed::PeerBehind)?;
    // It is done with this rollout, or was asked for another at the same moment and never takes this one.
    if is_given_up && view.plan.id.beats(&r.plan.id) {
        return Ok(None);
    }
    let same = view.plan.id == r.plan.id && view.mandate == r.mandate;
    if same {
        Ok(Some(&view.reports))
    } else {
        Err(Closed::PeerBehind)
    }
}

pub(super) fn not_master(s: &State, now: Time) -> Result<(), Closed> {
    let local = &s.observed.local;
    let settled = now >= s.observed.vrrp_since + s.timing.settle;
    let meant = s.home() == Some(&s.peer);
    let backup = local.vrrp == VrrpState::Backup && !local.has_vip;
    if backup && (meant || settled) {
        Ok(())
    } else {
        Err(Closed::MasterHere)
    }
}

pub(super) fn peer_serves(s: &State, now: Time) -> Result<(), Closed> {
    let peer = s.fresh_peer(now).ok_or(Closed::PeerLost)?;
    let local = &peer.local;
    let serves = local.vrrp == VrrpState::Master && local.has_vip && can_serve(s, peer);
    if serves {
        Ok(())
    } else {
        Err(Closed::PeerNotServing)
    }
}

/// Its services are up, and its database is not one that this node's has replaced.
fn can_serve(s: &State, peer: &Hello) -> bool {
    let local = &peer.local;
    local.serving && !local.held && !s.is_replaced(&s.peer, peer.term, local)
}

/// May services that serve be stopped on this node right now? A job that was slow to come to it asks again.
pub(super) fn may_stop(s: &State, now: Time) -> bool {
    not_master(s, now).is_ok() && peer_serves(s, now).is_ok()
}

pub(super) fn peer_can_take_over(s: &State, now: Time) -> Result<(), Closed> {
    let peer = s.fresh_peer(now).ok_or(Closed::PeerLost)?;
    let is_part = matches!(peer.local.vrrp, VrrpState::Backup | VrrpState::Master);
    let able = is_part && can_serve(s, peer);
    if able {
        Ok(())
    } else {
        Err(Closed::PeerNotServing)
    }
}

impl State {
    /// The row this node is at, and what keeps it from going on (None: nothing does).
    pub fn standing(&self, now: Time) -> Option<(usize, Option<Closed>)> {
        let r = self.running()?;
        let (n, gate) = match r.mandate.direction {
            Direction::Forward => {
                let n = next_row(self, r)?;
                let begun = r.mine.get(n).is_some();
                (
                    n,
                    if begun {
                        may_run(self, r, n, now)
                    } else {
                        may_start(self, r, n, now)
                    },
                )
            }
            Direction::Back => {
                let n = next_undo(self, r)?;
                (n, may_undo(self, r, n, now))
            }
        };
        Some((n, gate.err()))
    }
}
