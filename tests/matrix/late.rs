//! Words that come late, or tell of another plan.
use super::{NOW, Peer, local, node, one, state};
use hau::core::{
    DatabaseRole, Event, Guard, Hello, Order, Plan, Record, RolloutId, RolloutResult, RowState,
    State, VrrpState, decide, intents,
};
use hau::time::Time;
use std::sync::Arc;

fn hello(state: &mut State) -> &mut Hello {
    let (hello, _) = state.observed.peer.as_mut().expect("a peer");
    Arc::make_mut(hello)
}

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
