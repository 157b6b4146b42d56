//! What nobody orders: a survivor that must serve, where the VIP is at home, a job that does not come back, a
//! failure that the configuration wants taken back.
use super::back::next_undo;
use super::decide::{Draft, mandate};
use super::gate::{may_start, next_row};
use super::{
    Actor, Closed, Direction, Mandate, Order, Problem, Record, Report, Rollout, RowState, State,
};
use crate::time::Time;

/// A survivor (`State::must_survive`) brings its service back: with rows begun that took it down, what cannot be
/// finished without the peer is taken back at once, and what failed to be taken back is tried once more.
pub(super) fn survive(draft: &mut Draft<'_>) {
    let (s, now) = (&*draft.state, draft.now);
    let Some(rollout) = s.running().filter(|_| s.must_survive(now)) else {
        return;
    };
    let (order, reason) = match rollout.mandate.direction {
        Direction::Forward if is_stuck(s, rollout, now) => {
            let reason = "the active node is gone: this one serves again as it was";
            (Order::Abort, reason)
        }
        Direction::Back if has_failed_to_go_back(s, rollout) => {
            let reason =
                "the active node is gone: what brings this one's service back is tried again";
            (Order::Retry, reason)
        }
        Direction::Forward | Direction::Back => return,
    };
    own_word(draft, order, reason.to_owned());
}

/// The service is down, and what comes next does not bring it back without the peer.
fn is_stuck(s: &State, rollout: &Rollout, now: Time) -> bool {
    let Some(row) = next_row(s, rollout) else {
        return false;
    };
    let state = rollout.mine.get(row).map(|r| r.state);
    let failed = state == Some(RowState::Failed) || rollout.halted_by().is_some();
    // For the other node's part, which does not come any more.
    let waits = matches!(may_start(s, rollout, row, now), Err(Closed::Waiting(_)));
    // Down by one of these rows, or by the rollout that this one took the place of.
    let mut mine = rollout.plan.rows_of(&s.me);
    let inherited = mine.any(|(n, _)| n >= row && rollout.is_inherited(n));
    let row = &rollout.plan.rows[row];
    (row.service_down || inherited) && (failed || waits || !row.restores)
}

/// Something has failed on the way back and nobody was left to say `retry`. Once is enough: what fails again
/// is for a person.
fn has_failed_to_go_back(s: &State, rollout: &Rollout) -> bool {
    let Mandate {
        order, origin, by, ..
    } = &*rollout.mandate;
    let again = *order == Order::Retry && *origin == s.me && by.is_nobody();
    let is_down = |n: usize| rollout.plan.rows[n].service_down || rollout.is_inherited(n);
    let is_down = next_undo(s, rollout).is_some_and(is_down);
    rollout.halted_by().is_some() && is_down && !again
}

/// Where the plan says so, a failed row of this node takes back what the rollout did. What fails on
/// the way back halts, and past the row of no return a person decides.
pub(super) fn take_back(draft: &mut Draft<'_>) {
    let me = &draft.state.me;
    let Some(rollout) = draft.state.running().filter(|r| r.plan.takes_back) else {
        return;
    };
    let Some((row, _)) = rollout.halted_by() else {
        return;
    };
    let row = &rollout.plan.rows[row];
    let passed = rollout.barrier(me).is_some() || rollout.is_past_abort(me);
    if row.node == *me && rollout.mandate.direction == Direction::Forward && !passed {
        let why = format!("{} failed, and [rollback] policy is \"auto\"", row.step);
        own_word(draft, Order::Abort, why);
    }
}

/// An order of nobody.
fn own_word(draft: &mut Draft<'_>, order: Order, why: String) {
    let by = Actor::nobody(&draft.state.me, why);
    mandate(draft, order, by);
}

/// Whose journal is new would else rank as its configuration says, and pull the VIP away from the primary.
pub(super) fn learn_home(draft: &mut Draft<'_>) {
    let (state, now) = (&*draft.state, draft.now);
    let told = state.fresh_peer(now).and_then(|hello| hello.home.clone());
    let moved = state.journaled.moved_to.is_some();
    let is_known = moved || state.journaled.rollout.is_some() || state.home() == told.as_ref();
    if let Some(home) = told.filter(|_| !is_known) {
        draft.push(Record::HomeTold { home });
    }
}

/// A job that should long have come back has not.
pub(super) fn expire(draft: &mut Draft<'_>) {
    for solo in [false, true] {
        expire_one(draft, solo);
    }
}

fn expire_one(draft: &mut Draft<'_>, solo: bool) {
    let s = &*draft.state;
    let running = if solo { s.running_solo() } else { s.running() };
    let Some(rollout) = running else { return };
    let current = |r: &Report| matches!(r.state, RowState::Started | RowState::Undoing);
    let Some((row, report)) = rollout.mine.iter().find(|(_, r)| current(r)) else {
        return;
    };
    // A thread that is still there may yet promote: until it has come back nothing is over.
    if solo && s.observed.local.busy {
        return;
    }
    let limit = rollout.plan.rows[row].limit();
    let begins = draft.state.begins(report, draft.now);
    if draft.now < begins + limit + draft.state.timing.grace {
        return;
    }
    let step = &rollout.plan.rows[row].step;
    let closed = draft.state.standing(draft.now).filter(|_| !solo);
    let what = match closed {
        Some((_, Some(closed))) => format!("{step} may not go on: {closed:?}"),
        Some((_, None)) | None => format!("{step} has not come back within {}s", limit.as_secs()),
    };
    let remedy = "see the log of this node, then hau-ctl retry or hau-ctl abort".to_owned();
    let state = if report.state == RowState::Started {
        RowState::Failed
    } else {
        RowState::UndoFailed
    };
    let report = Report {
        state,
        at: draft.now,
        problem: Some(Problem { what, remedy }),
        ..report.clone()
    };
    draft.report_of(solo, row, report);
}
