//! What an abort takes back and what it leaves, and what must be true before it does.
use super::decide::Draft;
use super::gate::{Closed, not_master, peer_in_step, peer_serves};
use super::reports::fresh;
use super::{DatabaseRole, NodeId, Report, Rollout, Row, RowState, State, Undo};
use crate::time::Time;

/// Takes back the next rows of this node, after a promotion that has begun is brought to its end.
pub(super) fn take_back_rows(draft: &mut Draft<'_>) {
    let running = draft.state.running();
    if let Some((rollout, row)) = running.and_then(|r| Some((r, unfinished(r)?))) {
        if rollout.mine[row].state == RowState::Failed {
            let report = fresh(rollout, RowState::Started, draft.now);
            draft.report(row, report);
        }
        return;
    }
    while let Some((rollout, row)) = draft
        .state
        .running()
        .and_then(|r| Some((r, next_undo(&draft.state, r)?)))
    {
        let old = rollout.mine.get(row);
        let begun = old.is_some_and(|r| r.state == RowState::Undoing);
        if begun || may_undo(&draft.state, rollout, row, draft.now).is_err() {
            return;
        }
        let untouched = old.is_some_and(|r| r.untouched);
        let nothing = untouched || rollout.plan.rows[row].undo == Undo::Nothing;
        let state = if nothing {
            RowState::Undone
        } else {
            RowState::Undoing
        };
        let note = old.map(|r| r.note.clone()).unwrap_or_default();
        let report = Report {
            note,
            untouched,
            ..fresh(rollout, state, draft.now)
        };
        draft.report(row, report);
    }
}

/// May a row be taken back right now?
pub(super) fn may_undo(s: &State, r: &Rollout, n: usize, now: Time) -> Result<(), Closed> {
    let row = &r.plan.rows[n];
    match peer_in_step(s, r, now) {
        // Alone, only what brings the service of this node back is taken back.
        Err(Closed::PeerLost)
            if s.must_survive(now) && row.service_down && !barrier_unseen(s, r) => {}
        Err(closed) => return Err(closed),
        Ok(theirs) => {
            let barrier = r.barrier(&s.me);
            let later =
                |(m, other): &(usize, &Row)| other.phase > row.phase && !r.is_kept(barrier, *m);
            let open = |(m, other): &(usize, &Row)| {
                let report = if other.node == s.me {
                    r.mine.get(*m)
                } else {
                    theirs.and_then(|reports| reports.get(*m))
                };
                report.map_or(r.is_inherited(*m), |x| x.state != RowState::Undone)
            };
            if let Some((m, _)) = r.plan.rows.iter().enumerate().filter(later).find(open) {
                return Err(Closed::Waiting(m));
            }
        }
    }
    may_run_undo(s, row, now)
}

/// May the taking back of a row that has begun go on right now?
pub(super) fn may_run_undo(s: &State, row: &Row, now: Time) -> Result<(), Closed> {
    // Never back to being primary where the other node has become it, or may have.
    let local = &s.observed.local;
    let other = s
        .fresh_peer(now)
        .map_or(!local.may_start, |peer| peer.claims);
    if local.held || (row.undo == Undo::Role && (other || s.is_superseded())) {
        return Err(Closed::Held);
    }
    let alone = s.is_alone(now) && !s.observed.local.serving;
    if !row.disruptive_undo || alone {
        return Ok(());
    }
    not_master(s, now)?;
    peer_serves(s, now)
}

/// This node's row of no return, begun and not done. What the other node did before it stays, so it is brought to its
/// end whatever was ordered since, or to the word that nothing of it was done.
pub(super) fn unfinished(r: &Rollout) -> Option<usize> {
    let is_begun = |x: &Report| matches!(x.state, RowState::Started | RowState::Failed);
    let is_barrier = |n: usize| r.plan.rows[n].undo == Undo::Barrier;
    let mut mine = r.mine.iter().filter(|_| !r.has_moved);
    let found = mine.find(|(n, x)| is_barrier(*n) && is_begun(x) && !x.untouched);
    found.map(|(n, _)| n)
}

/// The next row of this node to take back: the last one begun (or inherited), in front of the barrier.
pub(super) fn next_undo(s: &State, r: &Rollout) -> Option<usize> {
    let barrier = r.barrier(&s.me);
    let open = |n: &usize| {
        let report = r.mine.get(*n);
        report.map_or(r.is_inherited(*n), |x| x.state != RowState::Undone)
    };
    let behind = |n: &usize| !r.is_kept(barrier, *n);
    r.plan
        .rows_of(&s.me)
        .map(|(n, _)| n)
        .rev()
        .filter(open)
        .find(behind)
}

/// Could the peer have gone past a barrier that this node has not heard of? One that this node has taken the place
/// of since is off.
fn barrier_unseen(s: &State, r: &Rollout) -> bool {
    if s.took_over_since(r) && s.observed.local.database == DatabaseRole::Primary {
        return false;
    }
    let rows = || r.plan.rows.iter().enumerate();
    rows().any(|(m, row)| {
        let untouched = || r.report(&s.me, m).is_none_or(|x| x.untouched);
        let unseen = row.undo == Undo::Barrier && untouched();
        let mut earlier = rows().filter(|(_, other)| other.phase < row.phase);
        unseen && row.node == s.peer && earlier.all(|(n, _)| r.is_done(&s.me, n))
    })
}

impl Rollout {
    /// Giving up now would take back what is whole, or leave nobody to serve: both nodes have been
    /// through their stretch of service, or the row of no return is neither done nor untouched.
    pub fn is_past_abort(&self, me: &NodeId) -> bool {
        let mut rows = self.plan.rows.iter().enumerate();
        self.is_undecided(me) || rows.all(|(n, row)| !row.service_down || self.is_done(me, n))
    }

    /// The row of no return is neither done nor untouched, and no failover has made another node primary.
    pub fn is_undecided(&self, me: &NodeId) -> bool {
        !self.has_moved && self.barrier(me).is_some_and(|n| !self.is_done(me, n))
    }

    /// The rollout that this one took the place of may have stopped the services here, whether this
    /// row has done anything or not: taking it back starts them.
    pub(super) fn is_inherited(&self, row: usize) -> bool {
        let way_back = self.plan.way_back.as_ref();
        let mut first = self.plan.rows_of(&self.plan.first);
        let stops = first.find(|(_, row)| row.service_down && row.undo == Undo::Run);
        way_back.is_some_and(|w| w.replaces.is_some()) && stops.is_some_and(|(n, _)| n == row)
    }

    /// Does an abort leave this row as it is, because of the barrier that was passed?
    pub(super) fn is_kept(&self, barrier: Option<usize>, row: usize) -> bool {
        match self.plan.rows[row].undo {
            Undo::Always => false,
            Undo::Nothing | Undo::Run | Undo::Barrier => barrier.is_some_and(|b| row <= b),
            Undo::Role => self.has_moved || barrier.is_some_and(|b| row <= b),
        }
    }

    /// Down to this row an abort takes back; what lies before it stays. A failover in the middle of the switchover
    /// has done what the row of promotion does.
    pub fn barrier(&self, me: &NodeId) -> Option<usize> {
        let rows = || self.plan.rows.iter().enumerate();
        let report = |n: usize| self.report(me, n);
        let given = |n: usize| report(n).is_some_and(|r| r.state != RowState::Undone);
        let switched = self.has_moved && rows().any(|(n, row)| row.gives_vip && given(n));
        let begun = |n: usize| switched || report(n).is_some_and(|r| !r.untouched);
        rows()
            .filter(|(n, row)| row.undo == Undo::Barrier && begun(*n))
            .map(|(n, _)| n)
            .next_back()
    }
}
