//! What may be taken back, and what may be begun by hand beside it.
use super::{NOW, Peer, hello, line, one, plan, replaced, reports, state};
use hau::core::{
    Event, Kind, Order, Plan, Refusal, Rollout, RowState, State, Undo, VrrpState, intents,
    may_work_by_hand,
};
use std::sync::Arc;

/// Taking back the row that made this node's database other than primary.
fn demoted(peer: Peer) -> State {
    use RowState::{Done, Undoing};
    let mine = [(0, Done), (2, Done), (3, Undoing)];
    let given = one("going back", Order::Abort, &mine, &[(1, Done)]);
    let mut state = state(&given, VrrpState::Backup, peer);
    let rollout = state.journaled.rollout.as_mut().expect("a rollout");
    let row = &mut Arc::make_mut(&mut rollout.plan).rows[3];
    (row.undo, row.disruptive_undo) = (Undo::Role, false);
    state
}

fn goes_on(state: &State) -> bool {
    intents(state, NOW).job.is_some()
}

/// Where the other node has become it, or may have, there would be two.
#[test]
fn nobody_goes_back_to_being_primary_beside_another_one() {
    assert!(goes_on(&demoted(Peer::Fresh)));
    let mut claimed = demoted(Peer::Fresh);
    hello(&mut claimed).claims = true;
    assert!(!goes_on(&claimed));
    let mut old = demoted(Peer::Fresh);
    replaced(&mut old);
    assert!(!goes_on(&old));
    for may_start in [true, false] {
        let mut unheard = demoted(Peer::Lost);
        unheard.observed.local.may_start = may_start;
        assert_eq!(goes_on(&unheard), may_start);
    }
}

/// One that is held is not touched, whatever the row does.
#[test]
fn nothing_is_taken_back_on_a_node_whose_database_is_held() {
    let mut state = demoted(Peer::Fresh);
    let rollout = state.journaled.rollout.as_mut().expect("a rollout");
    Arc::make_mut(&mut rollout.plan).rows[3].undo = Undo::Run;
    assert!(goes_on(&state));
    state.observed.local.held = true;
    assert!(!goes_on(&state));
}

#[test]
fn nothing_begins_by_hand_beside_a_rollout_of_either_node_or_what_one_does_alone() {
    let given = one("planned", Order::Start, &[], &[]);
    let with = |here: bool, alone: bool, there: bool| {
        let mut state = state(&given, VrrpState::Backup, Peer::Fresh);
        let rollout = state.journaled.rollout.take();
        if alone {
            let plan = Plan {
                kind: Kind::Rejoin,
                ..Plan::clone(&plan())
            };
            state.journaled.solo = rollout.clone().map(|rollout| Rollout {
                plan: Arc::new(plan),
                ..rollout
            });
        }
        if here {
            state.journaled.rollout = rollout;
        }
        if !there {
            hello(&mut state).rollout = None;
        }
        may_work_by_hand(&state, NOW)
    };
    assert_eq!(with(false, false, false), Ok(()));
    for (here, alone, there) in [
        (true, false, false),
        (false, true, false),
        (false, false, true),
    ] {
        assert_eq!(with(here, alone, there), Err(Refusal::Busy));
    }
}

/// Where another node has become primary since, or the row of no return is behind it, this one stays what it is.
#[test]
fn a_role_is_taken_back_only_while_nobody_else_has_taken_it() {
    use RowState::Done;
    let undone = |has_moved: bool, promoted: bool| {
        let mut state = demoted(Peer::Fresh);
        let rollout = state.journaled.rollout.as_mut().expect("a rollout");
        rollout.has_moved = has_moved;
        let mine = [(0, Done), (2, Done), (3, Done), (5, Done)];
        rollout.mine = reports(&mine[..if promoted { 4 } else { 3 }], 1);
        let told = line(&state, &Event::Tick);
        told.split_once(']').expect("facts").0[1..].to_owned()
    };
    assert_eq!(undone(false, false), "3 Undoing");
    assert_eq!(undone(true, false), "2 Undoing");
    assert_eq!(undone(false, true), "end: Failed");
}
