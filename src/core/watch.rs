//! What nobody orders: a survivor that must serve, where the VIP is at home, and a job that does not come back.
use super::decide::{Draft, mandate};
use super::gate::next_row;
use super::{Actor, Direction, Order, Problem, Record, Report, RowState};

/// A survivor (`State::must_survive`) with rows begun that took the service
/// down: what cannot be finished without the peer is taken back at once.
pub(super) fn survive(draft: &mut Draft<'_>) {
    let (s, now) = (&*draft.state, draft.now);
    if !s.must_survive(now) {
        return;
    }
    let Some(rollout) = s.running() else { return };
    let Some(row) = next_row(s, rollout) else {
        return;
    };
    // What brings the service back without the peer is finished instead.
    let failed = rollout
        .mine
        .get(row)
        .is_some_and(|r| r.state == RowState::Failed);
    let stuck = failed || rollout.halted_by().is_some() || !rollout.plan.rows[row].restores;
    // Down by one of these rows, or by the rollout that this one took the place of.
    let down = |n: usize| rollout.plan.rows[n].service_down;
    let mut mine = rollout.plan.rows_of(&s.me);
    let inherited = mine.any(|(n, _)| n >= row && rollout.is_inherited(n));
    drop(mine);
    if stuck && rollout.mandate.direction == Direction::Forward && (down(row) || inherited) {
        let reason = Some("the active node is gone: this one serves again as it was".to_owned());
        let by = Actor {
            user: "hau".to_owned(),
            node: s.me.0.clone(),
            reason,
        };
        mandate(draft, Order::Abort, by);
    }
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
    let begun = draft.state.begun(report, draft.now);
    if draft.now < begun + limit + draft.state.timing.grace {
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
