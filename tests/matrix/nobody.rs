//! What comes without an order: a way back, a job given up.
use super::alone::alone;
use super::{NOW, Peer, line, node, one, state};
use hau::core::{
    Event, Kind, Order, Record, Report, RolloutId, RowState, State, Undo, VrrpState, WayBack,
    decide,
};
use hau::time::Time;
use std::sync::Arc;

fn plan_of(state: &mut State) -> &mut hau::core::Plan {
    let rollout = state.journaled.rollout.as_mut().expect("a rollout");
    Arc::make_mut(&mut rollout.plan)
}

fn goes_back(state: &State) -> bool {
    line(state, &Event::Tick).starts_with("[Abort#1 by hau")
}

/// What is whole is left whole, and past the row of no return a person decides.
#[test]
fn a_failure_takes_back_what_was_done_until_there_is_no_way_back() {
    use RowState::{Done, Failed};
    let after = |mine: &[(usize, RowState)], edit: fn(&mut hau::core::Plan)| {
        let given = one("failed", Order::Start, mine, &[(1, Done), (4, Done)]);
        let mut state = state(&given, VrrpState::Backup, Peer::Fresh);
        plan_of(&mut state).takes_back = true;
        edit(plan_of(&mut state));
        goes_back(&state)
    };
    assert!(after(&[(0, Done), (2, Done), (3, Failed)], |_| ()));
    let promoted = [(0, Done), (2, Done), (3, Done), (5, Done), (6, Failed)];
    assert!(!after(&promoted, |plan| plan.rows[6].node = node("a")));
    let whole = [(0, Done), (2, Done), (3, Done), (5, Failed)];
    assert!(!after(&whole, |plan| {
        plan.rows[5].undo = Undo::Run;
        plan.rows[6].service_down = false;
    }));
}

/// It goes back to a backup, in the place of another rollout or of none.
fn is_in_its_place(state: &mut State, replaces: bool) {
    let replaces = replaces.then(|| RolloutId {
        number: 0,
        origin: node("a"),
    });
    plan_of(state).way_back = Some(WayBack {
        backup: "20260101".to_owned(),
        database: false,
        replaces,
    });
}

/// The rollout that this one took the place of may have stopped its services: down from the first row on, until it has
/// been past the row that starts them again.
#[test]
fn a_survivor_serves_again_whichever_rollout_took_it_down() {
    use RowState::Done;
    let at = |mine: &[(usize, RowState)], replaces: bool| {
        let given = one("stop done", Order::Start, mine, &[]);
        let mut state = state(&given, VrrpState::Master, Peer::Lost);
        is_in_its_place(&mut state, replaces);
        goes_back(&state)
    };
    assert!(at(&[], true));
    assert!(!at(&[], false));
    assert!(!at(&[(0, Done), (2, Done), (3, Done)], true));
}

#[test]
fn what_the_rollout_before_it_stopped_is_taken_back_though_its_row_was_not_begun() {
    for replaces in [true, false] {
        let (mine, theirs) = ([(0, RowState::Undone)], [(1, RowState::Undone)]);
        let given = one("going back", Order::Abort, &mine, &theirs);
        let mut state = state(&given, VrrpState::Backup, Peer::Fresh);
        is_in_its_place(&mut state, replaces);
        let told = line(&state, &Event::Tick);
        assert_eq!(told.starts_with("[2 Undoing]"), replaces, "{told}");
    }
}

/// A row that has long not come back, of what this node does alone or of the rollout.
fn expired(solo: bool, edit: fn(&mut State)) -> Option<Report> {
    let rows = [(0, RowState::Started)];
    let given = one("hung", Order::Start, &rows, &[]);
    let mut state = state(&given, VrrpState::Backup, Peer::Fresh);
    if solo {
        state.journaled.solo = Some(alone(Kind::Rejoin, &rows));
    }
    edit(&mut state);
    let records = decide(&state, over(), &Event::Tick).records;
    let is_solo = |record: &Record| matches!(record, Record::SoloReported { .. });
    let mut records = records.into_iter().filter(|r| is_solo(r) == solo);
    records.find_map(|record| {
        let (Record::SoloReported { report, .. } | Record::RowReported { report, .. }) = record
        else {
            return None;
        };
        Some(report)
    })
}

fn over() -> Time {
    Time(NOW.0 - 1_000 + 60_000 + 10_000)
}

#[test]
fn a_row_that_does_not_come_back_fails_and_says_what_kept_it() {
    let held: fn(&mut State) = |s| s.observed.local.held = true;
    let late = "pause has not come back within 60s";
    for (solo, edit, what) in [
        (false, (|_| ()) as fn(&mut State), late),
        (false, held, "pause may not go on: Held"),
        (true, held, late),
    ] {
        let report = expired(solo, edit).expect("a report");
        assert_eq!((report.state, report.at), (RowState::Failed, over()));
        assert_eq!(report.problem.expect("a problem").what, what);
    }
}

/// A thread that is still there may yet promote.
#[test]
fn what_a_node_does_alone_is_not_over_while_its_thread_is_there() {
    let busy: fn(&mut State) = |s| s.observed.local.busy = true;
    assert!(expired(true, |_| ()).is_some());
    assert!(expired(true, busy).is_none());
    assert!(expired(false, busy).is_some());
}
