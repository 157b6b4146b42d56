//! What nobody orders: a survivor that must serve, a job that does not come back, a failure that the
//! configuration wants taken back.
use super::decide::{Draft, mandate};
use super::gate::{may_start, next_row};
use super::{Actor, Closed, Direction, Order, Problem, Report, RowState};

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
    let waits = matches!(may_start(s, rollout, row, now), Err(Closed::Waiting(_)));
    let stuck =
        failed || waits || rollout.halted_by().is_some() || !rollout.plan.rows[row].restores;
    // Down by one of these rows, or by the rollout that this one took the place of.
    let down = |n: usize| rollout.plan.rows[n].service_down;
    let mut mine = rollout.plan.rows_of(&s.me);
    let inherited = mine.any(|(n, _)| n >= row && rollout.is_inherited(n));
    drop(mine);
    if stuck && rollout.mandate.direction == Direction::Forward && (down(row) || inherited) {
        let why = "the active node is gone: this one serves again as it was";
        abort(draft, why.to_owned());
    }
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
        abort(draft, why);
    }
}

/// hau's own word.
fn abort(draft: &mut Draft<'_>, why: String) {
    let by = Actor {
        user: "hau".to_owned(),
        node: draft.state.me.0.clone(),
        reason: Some(why),
    };
    mandate(draft, Order::Abort, by);
}

/// A job that should long have come back has not.
pub(super) fn expire(draft: &mut Draft<'_>) {
    let Some(rollout) = draft.state.running() else {
        return;
    };
    let current = |r: &Report| matches!(r.state, RowState::Started | RowState::Undoing);
    let Some((row, report)) = rollout.mine.iter().find(|(_, r)| current(r)) else {
        return;
    };
    let limit = rollout.plan.rows[row].limit();
    let begun = draft.state.begun(report, draft.now);
    if draft.now < begun + limit + draft.state.timing.grace {
        return;
    }
    let step = &rollout.plan.rows[row].step;
    let what = match draft.state.standing(draft.now) {
        Some((_, Some(closed))) => format!("{step} may not go on: {closed:?}"),
        Some((_, None)) | None => format!("{step} has not come back within {}s", limit.as_secs()),
    };
    let remedy = "see the log of this node, then hau-ctl retry or hau-ctl abort".to_owned();
    let state = if report.state == RowState::Started {
        RowState::Failed
    } else {
        RowState::UndoFailed
    };
    let report = report.clone();
    let problem = Some(Problem { what, remedy });
    draft.report(
        row,
        Report {
            state,
            at: draft.now,
            problem,
            ..report
        },
    );
}
