//! Words that come late, or tell of another plan.
use super::{NOW, Paper, Peer, hello, local, node, one, state};
use hau::core::{
    DatabaseRole, Event, Guard, Hello, Machine, Order, Plan, Record, RolloutId, RolloutResult,
    RowState, State, VrrpState, decide, intents,
};
use hau::time::Time;
use std::sync::Arc;

/// What was said before this life may have been on its way while this host was off, and the other node have been
/// promoted since.
#[test]
fn a_former_primary_starts_only_on_a_word_that_answers_its_own() {
    let given = one("idle", Order::Start, &[], &[]);
    let mut state = state(&given, VrrpState::Backup, Peer::Fresh);
    state.unasked.holds = true;
    (state.observed.local.held, state.observed.local.timeline) = (true, 1);
    let theirs = &mut hello(&mut state).local;
    (theirs.database, theirs.timeline) = (DatabaseRole::Standby, 1);
    assert_eq!(intents(&state, NOW).guard, Guard::Release);
    for heard in [None, Some((Time(0), 7)), Some((Time(9), 0))] {
        hello(&mut state).heard = heard;
        assert_eq!(intents(&state, NOW).guard, Guard::Leave, "{heard:?}");
    }
}

/// Two people ask for two things on the two nodes at one moment, and each goes back: the one whose plan loses does
/// not wait for a node that never takes it.
#[test]
fn a_plan_that_lost_ends_when_its_own_part_is_taken_back() {
    use RowState::Undone;
    let given = one("going back", Order::Abort, &[(0, Undone), (2, Undone)], &[]);
    let mut state = state(&given, VrrpState::Backup, Peer::Fresh);
    state.observed.local = local(VrrpState::Backup, true);
    let ends = |state: &State| {
        let records = decide(state, NOW, &Event::Tick).records;
        records.iter().any(|record| {
            matches!(record, Record::RolloutEnded { result, .. } if *result == RolloutResult::Failed)
        })
    };
    let rollout = state.journaled.rollout.as_ref().expect("a rollout");
    let plan = Plan::clone(&rollout.plan);
    let named = |number, origin: &str| RolloutId {
        number,
        origin: node(origin),
    };
    let (mut wins, mut loses) = (plan.clone(), plan);
    wins.id = named(wins.id.number + 1, "b");
    loses.id = named(loses.id.number.saturating_sub(1), "b");
    for (plan, expected) in [(wins, true), (loses, false)] {
        let view = hello(&mut state).rollout.as_mut().expect("a view");
        view.plan = Arc::new(plan);
        assert_eq!(ends(&state), expected);
    }
}

/// What this node knows after hearing these, each told by its installation, boot and number.
fn known(mut state: State, told: &[(u64, u64, u64)]) -> (u64, u64, u64) {
    let (first, _) = state.observed.peer.clone().expect("a peer");
    state.observed.peer = None;
    let mut machine = Machine::recover(state, &[], Paper);
    for (installed, boot, sequence) in told {
        let hello = Hello {
            installed: Time(*installed),
            boot: *boot,
            sequence: *sequence,
            ..Hello::clone(&first)
        };
        let Ok(_) = machine.handle(NOW, &Event::Hello(Arc::new(hello)));
    }
    let heard = machine.state().observed.peer.as_ref();
    heard.map_or((0, 0, 0), |(hello, _)| {
        (hello.installed.0, hello.boot, hello.sequence)
    })
}

#[test]
fn of_one_journal_the_newest_word_counts() {
    let idle = || {
        let mut state = state(
            &one("idle", Order::Start, &[], &[]),
            VrrpState::Backup,
            Peer::Fresh,
        );
        state.journaled.rollout = None;
        hello(&mut state).rollout = None;
        state
    };
    let after = |told: &[_]| known(idle(), told);
    assert_eq!(after(&[(1, 1, 5)]), (1, 1, 5));
    assert_eq!(after(&[(1, 1, 5), (1, 1, 6)]), (1, 1, 6));
    assert_eq!(after(&[(1, 1, 5), (1, 1, 4)]), (1, 1, 5));
    assert_eq!(after(&[(1, 1, 5), (1, 2, 1)]), (1, 2, 1));
    assert_eq!(after(&[(1, 2, 1), (1, 1, 5)]), (1, 2, 1));
    // A new journal counts from the start, and the one it took the place of not at all.
    assert_eq!(after(&[(1, 7, 7), (2, 1, 1)]), (2, 1, 1));
    assert_eq!(after(&[(1, 7, 7), (2, 1, 1), (1, 7, 8)]), (2, 1, 1));
    assert_eq!(after(&[(1, 7, 7), (2, 1, 1), (3, 1, 1)]), (3, 1, 1));
}

/// The rollout says up to which word the peer was listened to, and with which of its journals it is done.
#[test]
fn a_rollout_keeps_what_was_heard_over_a_crash() {
    let under_way = |order| {
        let mut state = state(
            &one("under way", order, &[], &[]),
            VrrpState::Backup,
            Peer::Fresh,
        );
        let rollout = state.journaled.rollout.as_mut().expect("a rollout");
        (rollout.told, rollout.with) = ((1, 5), Some(Time(1)));
        state
    };
    let forward = |told: &[_]| known(under_way(Order::Start), told);
    assert_eq!(forward(&[(1, 1, 5)]), (0, 0, 0));
    assert_eq!(forward(&[(1, 1, 6)]), (1, 1, 6));
    assert_eq!(forward(&[(2, 1, 6)]), (0, 0, 0));
    // Nothing more will come of the lost one: going back, the new one is listened to.
    let back = known(under_way(Order::Abort), &[(2, 1, 6)]);
    assert_eq!(back, (2, 1, 6));
}
