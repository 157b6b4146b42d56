//! The fast hand-off: who is above everybody, who is not elected, and for how long.
use super::{NOW, Peer, hello, node, one, row, state};
use hau::core::{Band, Order, RAISED, RowState, State, VrrpState, intents};
use hau::time::Time;
use std::{sync::Arc, time::Duration};

/// Both are at the rows of the move: `b` gives the VIP, `a` sees it come; seen from `me`.
fn moving(me: &str, edit: impl FnOnce(&mut State)) -> Band {
    use RowState::{Done, Started};
    let rows = [
        [(0, Done), (2, Done), (3, Done), (7, Started)].as_slice(),
        &[(1, Done), (4, Started)],
    ];
    let ([mine, theirs], vrrp) = match me {
        "a" => (rows, VrrpState::Backup),
        _ => ([rows[1], rows[0]], VrrpState::Master),
    };
    let mut state = state(
        &one("moving", Order::Start, mine, theirs),
        vrrp,
        Peer::Fresh,
    );
    (state.me, state.peer) = if me == "a" {
        (node("a"), node("b"))
    } else {
        (node("b"), node("a"))
    };
    hello(&mut state).node = state.peer.clone();
    hello(&mut state).local.effective_priority = (me == "b").then_some(RAISED);
    let rollout = state.journaled.rollout.as_mut().expect("a rollout");
    let plan = Arc::make_mut(&mut rollout.plan);
    plan.fast = true;
    plan.rows.push(row(2, "a", "receive"));
    edit(&mut state);
    band(&state)
}

fn band(state: &State) -> Band {
    intents(state, NOW).band
}

fn plan(state: &mut State) -> &mut hau::core::Plan {
    Arc::make_mut(&mut state.journaled.rollout.as_mut().expect("a rollout").plan)
}

#[test]
fn the_receiver_is_raised_while_the_giver_gives() {
    assert_eq!(moving("a", |_| {}), Band::Raised);
    assert_eq!(moving("a", |s| plan(s).fast = false), Band::Normal);
    let unheard = |s: &mut State| s.observed.peer.as_mut().expect("a peer").1 = Time(0);
    assert_eq!(moving("a", unheard), Band::Normal);
    let late = |s: &mut State| hello(s).heard = None;
    assert_eq!(moving("a", late), Band::Normal);
    let not_yet = |s: &mut State| {
        let rollout = s.journaled.rollout.as_mut().expect("a rollout");
        rollout.peers = super::reports(&[(1, RowState::Done)], 0);
    };
    assert_eq!(moving("a", not_yet), Band::Normal);
    let failed = |s: &mut State| {
        let rollout = s.journaled.rollout.as_mut().expect("a rollout");
        rollout.peers = super::reports(&[(1, RowState::Done), (4, RowState::Failed)], 0);
    };
    assert_eq!(moving("a", failed), Band::Normal);
    let arrived = |s: &mut State| {
        let rollout = s.journaled.rollout.as_mut().expect("a rollout");
        let done = [0, 2, 3, 7].map(|n| (n, RowState::Done));
        rollout.mine = super::reports(&done, 0);
    };
    assert_eq!(moving("a", arrived), Band::Normal);
}

#[test]
fn the_giver_leaves_the_election_when_it_has_read_that_the_other_one_is_raised() {
    assert_eq!(moving("b", |_| {}), Band::Fault);
    assert_eq!(moving("b", |s| plan(s).fast = false), Band::Draining);
    for shown in [None, Some(100), Some(RAISED - 40)] {
        let edit = |s: &mut State| hello(s).local.effective_priority = shown;
        assert_eq!(moving("b", edit), Band::Draining, "{shown:?}");
    }
    let late = |s: &mut State| hello(s).heard = None;
    assert_eq!(moving("b", late), Band::Draining);
    let taken = |s: &mut State| hello(s).local.vrrp = VrrpState::Master;
    assert_eq!(moving("b", taken), Band::Draining);
    // Another row of its own goes on yet.
    let earlier = |s: &mut State| {
        plan(s).rows.push(row(1, "b", "checkpoint"));
        let rollout = s.journaled.rollout.as_mut().expect("a rollout");
        let mine = [(1, RowState::Done), (8, RowState::Started)];
        rollout.mine = super::reports(&mine, 0);
    };
    assert_eq!(moving("b", earlier), Band::Normal);
    // It has left; or was not elected.
    for vrrp in [VrrpState::Fault, VrrpState::Backup, VrrpState::Unknown] {
        let edit =
            |s: &mut State| (s.observed.local.vrrp, s.observed.local.has_vip) = (vrrp, false);
        assert_eq!(moving("b", edit), Band::Draining, "{vrrp:?}");
    }
    // Promise 3 comes first.
    let down = |s: &mut State| hello(s).local.serving = false;
    assert_eq!(moving("b", down), Band::Normal);
}

/// keepalived may not follow: then the VIP moves as it does without this.
#[test]
fn the_instant_is_over_after_two_seconds() {
    let since = |me: &str, ms: u64| {
        moving(me, |s| {
            let rollout = s.journaled.rollout.as_mut().expect("a rollout");
            let at = Time(NOW.0 - ms);
            let row = if me == "a" { 7 } else { 4 };
            let mut report = rollout.mine.get(row).expect("begun").clone();
            report.started_at = at;
            Arc::make_mut(&mut rollout.mine).insert(row, report);
            let wake = intents(s, NOW).wake.expect("a moment");
            let over = at + Duration::from_secs(2);
            assert!(over <= NOW || wake <= over, "{wake:?}");
        })
    };
    assert_eq!(since("a", 1_999), Band::Raised);
    assert_eq!(since("a", 2_000), Band::Normal);
    assert_eq!(since("b", 1_999), Band::Fault);
    assert_eq!(since("b", 2_000), Band::Draining);
}

/// On the way back the usual way will do.
#[test]
fn nothing_is_hurried_on_the_way_back() {
    let back = |s: &mut State| {
        let rollout = s.journaled.rollout.as_mut().expect("a rollout");
        let mandate = super::mandate(Order::Abort, 0);
        rollout.mandate = mandate.clone().into();
        let view = hello(s).rollout.as_mut().expect("a view");
        view.mandate = mandate.into();
    };
    assert_eq!(moving("a", back), Band::Normal);
    assert_eq!(moving("b", back), Band::Draining);
}
