//! What of the handoff is in force, what is measured, and when that changes by itself.
use super::{NOW, Peer, hello, mandate, node, one, state};
use hau::core::{Armed, HandoffRow, Intents, Order, RowState, State, VrrpState, intents};
use hau::time::Time;
use std::{sync::Arc, time::Duration};

use RowState::{Done, Failed, Started};

const OFF: [bool; 3] = [false; 3];
const KEEP: [bool; 3] = [true, false, false];
const PARK: [bool; 3] = [false, false, true];
const ALL: [bool; 3] = [true; 3];
const BEGUN: [(usize, RowState); 3] = [(0, Done), (2, Done), (3, Done)];

/// This node has a row of each part, and the one that ends measuring; the other one drains.
fn at(mine: &[(usize, RowState)], theirs: &[(usize, RowState)]) -> State {
    let given = one("handoff", Order::Start, mine, theirs);
    let mut state = state(&given, VrrpState::Backup, Peer::Fresh);
    let rows = rows(&mut state);
    for (row, part) in [
        (0, HandoffRow::Keep),
        (2, HandoffRow::Forward),
        (3, HandoffRow::Park),
        (4, HandoffRow::Drained),
        (5, HandoffRow::Promoted),
        (6, HandoffRow::Measured),
    ] {
        rows[row].handoff = part;
    }
    rows[6].node = node("a");
    state
}

fn rows(state: &mut State) -> &mut Vec<hau::core::Row> {
    let rollout = state.journaled.rollout.as_mut().expect("a rollout");
    &mut Arc::make_mut(&mut rollout.plan).rows
}

/// Kept on `lo`, forwarded, parked.
fn armed_at(state: &State, now: Time) -> [bool; 3] {
    let Intents { armed, .. } = intents(state, now);
    let parts = [armed.keep, armed.forward, armed.park];
    assert_eq!(armed.is_off(), parts == OFF);
    parts
}

fn armed(state: &State) -> [bool; 3] {
    armed_at(state, NOW)
}

fn with(edit: impl FnOnce(&mut State)) -> [bool; 3] {
    let mut state = at(&BEGUN, &[]);
    edit(&mut state);
    armed(&state)
}

/// It may have been on its way while this daemon was dead, and the other host with it.
#[test]
fn a_hello_of_before_the_last_start_keeps_no_forwarding() {
    let forwards = |boot: u64, started: Time| {
        let mut state = at(&BEGUN, &[]);
        state.journaled.boot = 2;
        state.observed.started = started;
        let installed = state.journaled.installed;
        hello(&mut state).heard = Some((installed, boot));
        armed(&state)[1]
    };
    let long_ago = Time(0);
    assert!(forwards(2, long_ago));
    assert!(!forwards(1, long_ago));
    assert!(forwards(1, Time(NOW.0 - 999)), "it may be about to answer");
    assert!(!forwards(1, Time(NOW.0 - 1_000)));
}

#[test]
fn each_part_is_in_force_from_its_row_on_until_it_is_not_needed() {
    assert_eq!(armed(&at(&[], &[])), OFF);
    assert_eq!(armed(&at(&[(0, Started)], &[])), KEEP);
    assert_eq!(armed(&at(&BEGUN, &[])), ALL);
    assert_eq!(armed(&at(&BEGUN, &[(4, Started)])), ALL);
    assert_eq!(armed(&at(&BEGUN, &[(4, Done)])), PARK);
    let promoted = [&BEGUN[..], &[(5, Done)]].concat();
    assert_eq!(armed(&at(&promoted, &[(4, Done)])), OFF);
    // Where no primary moves.
    let mut services = at(&BEGUN, &[(4, Done)]);
    rows(&mut services)[5].handoff = HandoffRow::Nothing;
    assert_eq!(armed(&services), OFF);
}

#[test]
fn nothing_is_in_force_in_a_rollout_that_is_halted_or_goes_back() {
    assert_eq!(armed(&at(&[(0, Done), (2, Failed)], &[])), OFF);
    let back = |state: &mut State| {
        let rollout = state.journaled.rollout.as_mut().expect("a rollout");
        rollout.mandate = mandate(Order::Abort, 1).into();
    };
    assert_eq!(with(back), OFF);
}

#[test]
fn nothing_is_forwarded_to_a_node_that_is_not_heard_nor_begun_once_the_vip_is_here() {
    let state = at(&BEGUN, &[]);
    assert_eq!(armed_at(&state, Time(NOW.0 + 999)), ALL);
    let unheard = [true, false, true];
    assert_eq!(armed_at(&state, Time(NOW.0 + 1_000)), unheard);
    let has_vip = |forwards| {
        with(|s| {
            (s.observed.local.has_vip, s.observed.vrrp_since) = (true, NOW);
            s.observed.local.armed.forward = forwards;
        })
    };
    assert_eq!(has_vip(false), unheard);
    assert_eq!(has_vip(true), ALL);
}

#[test]
fn nobody_is_kept_waiting_for_long_by_a_node_with_the_vip_nor_by_one_that_is_alone() {
    let since = |has_vip, ago: u64| {
        with(|s| {
            (s.observed.local.has_vip, s.observed.local.armed.forward) = (has_vip, true);
            s.observed.vrrp_since = Time(NOW.0 - ago);
        })
    };
    let unparked = [true, true, false];
    assert_eq!(since(true, 59_999), ALL);
    assert_eq!(since(true, 60_000), unparked);
    assert_eq!(since(false, 60_000), ALL);
    let state = at(&BEGUN, &[]);
    assert_eq!(armed_at(&state, Time(NOW.0 + 4_999)), [true, false, true]);
    assert_eq!(armed_at(&state, Time(NOW.0 + 5_000)), KEEP);
}

#[test]
fn what_users_notice_is_measured_by_the_node_that_takes_over_until_its_row_of_that_is_done() {
    let measures = |state: &State| intents(state, NOW).measures;
    assert!(!measures(&at(&[(0, Done)], &[])));
    assert!(measures(&at(&[(2, Started)], &[])));
    assert!(measures(&at(&[(3, Started)], &[])));
    assert!(!measures(&at(&[(2, Done), (6, Done)], &[])));
    assert!(!measures(&at(&[(2, Failed)], &[])));
    let mut alone = at(&[(0, Done)], &[]);
    rows(&mut alone)[0].handoff = HandoffRow::Measures;
    assert!(measures(&alone));
    rows(&mut alone)[6].node = node("b");
    assert!(!measures(&alone));
}

/// The old primary writes, the standby looks on, until that has measured as primary.
#[test]
fn both_nodes_beat_while_the_primary_moves() {
    let beats = |state: &State| intents(state, NOW).beats;
    assert!(!beats(&at(&[], &[])));
    for part in [0, 2, 3] {
        assert!(beats(&at(&[(part, Started)], &[])), "row {part}");
    }
    assert!(!beats(&at(&[(0, Failed)], &[])));
    assert!(!beats(&at(&[(0, Done), (6, Done)], &[])));
    let mut theirs = at(&[(0, Done)], &[]);
    rows(&mut theirs)[6].node = node("b");
    assert!(beats(&theirs), "the other one measures");
    let mut theirs = at(&[(0, Done)], &[(6, Done)]);
    rows(&mut theirs)[6].node = node("b");
    assert!(!beats(&theirs), "it has measured");
    let mut stays = at(&[(0, Done)], &[]);
    rows(&mut stays)[5].handoff = HandoffRow::Nothing;
    assert!(!beats(&stays), "no primary moves");
}

#[test]
fn a_node_wakes_when_what_is_in_force_changes_by_itself() {
    let wake = |mine: &[(usize, RowState)], parked: u64| {
        let mut state = at(mine, &[]);
        state.observed.vrrp_since = Time(NOW.0 - parked);
        intents(&state, NOW).wake
    };
    let lost = Some(NOW + Duration::from_secs(5));
    assert_eq!(wake(&[(0, Done)], 58_000), lost);
    let unheard = NOW + Duration::from_secs(1);
    assert_eq!(wake(&[(2, Done)], 58_000), Some(unheard));
    let long = NOW + Duration::from_secs(2);
    assert_eq!(wake(&[(3, Done)], 58_000), Some(long));
    assert!(Armed::default().is_off());
}
