//! Where a node ranks for the VIP.
use super::{NOW, Peer, hello, local, node, one, replaced, state};
use hau::core::{Band, Order, RowState, State, VrrpState, intents};
use hau::time::Time;
use std::sync::Arc;

/// Nothing is under way; the peer is as good as this node, or was not heard for long.
fn idle(vrrp: VrrpState, peer: Peer) -> State {
    let mut state = state(&one("planned", Order::Start, &[], &[]), vrrp, peer);
    state.journaled.rollout = None;
    hello(&mut state).rollout = None;
    state.unasked.holds = true;
    state
}

fn band(state: &State) -> Band {
    intents(state, NOW).band
}

fn with(mut state: State, edit: impl FnOnce(&mut State)) -> Band {
    edit(&mut state);
    band(&state)
}

#[test]
fn a_node_that_is_not_to_serve_ranks_last() {
    let backup = || idle(VrrpState::Backup, Peer::Fresh);
    assert_eq!(band(&backup()), Band::Normal);
    assert_eq!(with(backup(), replaced), Band::Upgrading);
    let held = |s: &mut State| s.observed.local.held = true;
    assert_eq!(with(backup(), held), Band::Upgrading);
}

/// Let start again after a boot; the other one may serve from one moment to the next.
#[test]
fn a_node_that_is_coming_ranks_last_until_it_serves() {
    let beside = |peer: Peer, there: bool| {
        move |vrrp, serving, holds| {
            with(idle(vrrp, peer), |s| {
                s.observed.local = local(vrrp, serving);
                s.unasked.holds = holds;
                hello(s).local.serving = there;
            })
        }
    };
    let at = beside(Peer::Fresh, true);
    assert_eq!(at(VrrpState::Backup, false, true), Band::Upgrading);
    assert_eq!(at(VrrpState::Backup, true, true), Band::Normal);
    assert_eq!(at(VrrpState::Backup, false, false), Band::Upgrading);
    assert_eq!(at(VrrpState::Backup, true, false), Band::Normal);
    assert_eq!(at(VrrpState::Master, false, true), Band::Normal);
    for at in [beside(Peer::Fresh, false), beside(Peer::Lost, true)] {
        assert_eq!(at(VrrpState::Backup, false, true), Band::Upgrading);
        assert_eq!(at(VrrpState::Backup, false, false), Band::Normal);
    }
}

/// A lower rank would give the VIP to nobody, or to a node that does not serve.
#[test]
fn the_one_node_that_serves_with_the_vip_keeps_its_rank() {
    let away = |vrrp, has_vip, held, peer| {
        with(idle(vrrp, peer), |s| {
            s.journaled.moved_to = Some(node("b"));
            s.observed.local = local(vrrp, true);
            (s.observed.local.has_vip, s.observed.local.held) = (has_vip, held);
        })
    };
    let (master, backup) = (VrrpState::Master, VrrpState::Backup);
    assert_eq!(away(master, true, false, Peer::Fresh), Band::Away);
    assert_eq!(away(master, true, false, Peer::Lost), Band::Normal);
    assert_eq!(away(master, true, true, Peer::Lost), Band::Normal);
    assert_eq!(away(master, false, false, Peer::Lost), Band::Normal);
    assert_eq!(away(master, false, true, Peer::Lost), Band::Upgrading);
    assert_eq!(away(backup, false, false, Peer::Lost), Band::Away);
}

/// There is no better place for the VIP, whatever is down here for a moment.
#[test]
fn the_vip_is_not_sent_to_a_node_that_says_that_it_does_not_serve() {
    use RowState::{Done, Undoing};
    let at = |has_vip: bool, edit: fn(&mut State)| {
        let mine = [(0, Done), (2, Done), (3, Undoing)];
        let given = one("going back", Order::Abort, &mine, &[(1, Done)]);
        with(state(&given, VrrpState::Master, Peer::Fresh), |s| {
            s.observed.local.has_vip = has_vip;
            edit(s);
        })
    };
    let held = |s: &mut State| hello(s).local.held = true;
    let down = |s: &mut State| hello(s).local.serving = false;
    let unheard = |s: &mut State| {
        hello(s).local.serving = false;
        s.observed.peer.as_mut().expect("a peer").1 = Time(0);
    };
    assert_eq!(at(true, |_| {}), Band::Upgrading);
    assert_eq!(at(true, held), Band::Normal);
    assert_eq!(at(true, down), Band::Normal);
    assert_eq!(at(true, unheard), Band::Upgrading);
    assert_eq!(at(false, held), Band::Upgrading);
}

/// From its row of giving the VIP on, until its own stretch is done; then the VIP is at home on the other one.
#[test]
fn a_node_that_has_given_the_vip_away_ranks_low_until_it_is_whole() {
    use RowState::{Done, Failed, Started};
    let at = |mine: &[(usize, RowState)]| {
        let theirs = [(1, Done), (2, Done), (3, Done)];
        let given = one("giving", Order::Start, mine, &theirs);
        let mut state = state(&given, VrrpState::Backup, Peer::Fresh);
        let rollout = state.journaled.rollout.as_mut().expect("a rollout");
        let rows = &mut Arc::make_mut(&mut rollout.plan).rows;
        for (row, owner) in [(2, "b"), (3, "b"), (4, "a"), (5, "b"), (6, "a")] {
            rows[row].node = node(owner);
        }
        band(&state)
    };
    assert_eq!(at(&[(0, Done)]), Band::Normal);
    assert_eq!(at(&[(0, Done), (4, Started)]), Band::Draining);
    assert_eq!(at(&[(0, Done), (4, Failed)]), Band::Normal);
    assert_eq!(at(&[(0, Done), (4, Done)]), Band::Draining);
    assert_eq!(at(&[(0, Done), (4, Done), (6, Started)]), Band::Upgrading);
    assert_eq!(at(&[(0, Done), (4, Done), (6, Done)]), Band::Away);
}

/// Only what may come by itself is waited for.
#[test]
fn a_node_with_nothing_before_it_asks_for_no_moment() {
    let wakes = |held: bool, unasked: bool| {
        let mut state = idle(VrrpState::Backup, Peer::Fresh);
        state.observed.local.held = held;
        state.unasked.failover = unasked.then(super::plan);
        intents(&state, NOW).wake.is_some()
    };
    assert!(!wakes(false, false));
    assert!(wakes(true, false));
    assert!(wakes(false, true));
}

/// A moment that has come is not asked for again: the node would not rest.
#[test]
fn the_next_moment_lies_ahead() {
    let mut state = idle(VrrpState::Master, Peer::Lost);
    state.unasked.failover = Some(super::plan());
    let wake = |now| intents(&state, now).wake;
    let (settled, lost) = (Time(4_000), Time(5_000));
    assert_eq!(wake(Time(0)), Some(settled));
    assert_eq!(wake(settled), Some(lost));
    assert_eq!(wake(lost), None);
}
