//! What is tried again: a row after a moment, and what a rollout that was given up has left down.
use super::{NOW, Peer, alone_plan, hello, mandate, one, replaced, reports, state};
use hau::core::{
    DatabaseRole, Event, Kind, Order, Record, Rollout, RowState, State, VrrpState, decide, intents,
};
use hau::time::Time;
use std::{sync::Arc, time::Duration};

const PAUSE: Duration = Duration::from_secs(3);
const LIMIT: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);

/// At its first row, whose try of this number was asked for at this moment.
fn trying(attempt: u32, asked: Time) -> State {
    let given = one("at it", Order::Start, &[(0, RowState::Started)], &[]);
    let mut state = state(&given, VrrpState::Backup, Peer::Fresh);
    let rollout = state.journaled.rollout.as_mut().expect("a rollout");
    let mut mine = (*reports(&[(0, RowState::Started)], 0)).clone();
    let mut report = mine.get(0).expect("a report").clone();
    (report.attempt, report.started_at) = (attempt, asked);
    mine.insert(0, report);
    rollout.mine = Arc::new(mine);
    state
}

fn deadline(state: &State, now: Time) -> Option<Time> {
    intents(state, now).job.map(|job| job.deadline)
}

#[test]
fn the_first_try_is_begun_at_once_and_the_next_one_after_a_moment() {
    assert_eq!(deadline(&trying(1, NOW), NOW), Some(NOW + LIMIT));
    let again = trying(2, NOW);
    assert_eq!(deadline(&again, NOW), None);
    let wake = intents(&again, NOW).wake.expect("a moment to wake at");
    assert!(wake <= NOW + PAUSE, "{wake:?}");
    let then = NOW + PAUSE;
    assert_eq!(deadline(&again, Time(then.0 - 1)), None);
    assert_eq!(deadline(&again, then), Some(then + LIMIT));
    // When all else has been: the moment at which a try that has not come back is given up.
    let grace = again.timing.grace;
    let late = intents(&again, then + LIMIT).wake;
    assert_eq!(late, Some(then + LIMIT + grace));
}

#[test]
fn a_clock_that_is_set_back_keeps_no_try_waiting() {
    let mut again = trying(2, NOW + HOUR);
    assert!(deadline(&again, NOW).is_some());
    again.observed.started = NOW + HOUR;
    assert!(deadline(&again, NOW).is_some());
    let mut first = trying(1, NOW);
    first.observed.started = NOW + PAUSE;
    assert!(deadline(&first, NOW).is_some());
}

#[test]
fn after_a_restart_the_next_try_waits_again_and_has_all_its_time() {
    let mut again = trying(2, Time(5));
    again.observed.started = NOW;
    assert_eq!(deadline(&again, NOW), None);
    let then = NOW + PAUSE;
    assert_eq!(deadline(&again, then), Some(then + LIMIT));
}

/// A failover or rejoin is one of a node alone, and held to the same.
#[test]
fn what_a_node_does_on_its_own_waits_too() {
    let mut state = left_down();
    state.journaled.apply(&Record::SoloBegun {
        plan: alone_plan(Kind::Rejoin),
        mandate: Arc::new(mandate(Order::Start, 0)),
    });
    let report = |attempt| {
        let given = trying(attempt, NOW);
        let rollout = given.running().expect("a rollout");
        rollout.mine.get(0).expect("a report").clone()
    };
    for (attempt, waits) in [(1, false), (2, true)] {
        let report = report(attempt);
        state
            .journaled
            .apply(&Record::SoloReported { row: 0, report });
        assert_eq!(intents(&state, NOW).solo.is_none(), waits);
        assert!(intents(&state, NOW + PAUSE).solo.is_some());
    }
}

/// Demoted by a rollout that was given up before this node's row of following: the other one is primary.
pub(super) fn left_down() -> State {
    let given = one("idle", Order::Start, &[], &[]);
    let mut state = state(&given, VrrpState::Backup, Peer::Fresh);
    state.journaled.rollout = None;
    state.unasked.rejoin = Some(alone_plan(Kind::Rejoin));
    replaced(&mut state);
    state.observed.local.database = DatabaseRole::Unknown;
    let hello = hello(&mut state);
    hello.rollout = None;
    let theirs = &mut hello.local;
    (theirs.database, theirs.timeline) = (DatabaseRole::Primary, 2);
    state
}

pub(super) fn rejoins(state: &State) -> bool {
    let records = decide(state, NOW, &Event::Tick).records;
    records
        .iter()
        .any(|record| matches!(record, Record::SoloBegun { plan, .. } if plan.kind == Kind::Rejoin))
}

#[test]
fn a_database_that_was_left_down_rejoins_where_the_configuration_says_so() {
    assert!(rejoins(&left_down()));
    let mut asked = left_down();
    asked.unasked.rejoin = None;
    assert!(!rejoins(&asked));
    let mut follows = left_down();
    follows.observed.local.database = DatabaseRole::Standby;
    assert!(!rejoins(&follows));
    let mut newest = left_down();
    newest.observed.local.timeline = 2;
    assert!(!rejoins(&newest));
}

/// The row of the rollout brings it back.
#[test]
fn not_while_the_rollout_that_demoted_it_is_under_way() {
    let mut state = left_down();
    let rollout = Rollout {
        ended: None,
        ..trying(1, NOW).journaled.rollout.expect("a rollout")
    };
    state.journaled.rollout = Some(rollout);
    assert!(!rejoins(&state));
}
