//! What comes after another rollout or in its place: when a plan is taken, under which number, with which home.
use super::{
    NOW, Peer, given_back, idle, line, mandate, node, one, peer_takes, plan, reports, state, view,
};
use hau::core::{
    Closed, Command, Event, Hello, Kind, Order, Plan, Record, RolloutId, RowState, State,
    VrrpState, WayBack, decide,
};
use hau::time::Time;
use std::sync::Arc;

type Edit = fn(&mut State);

/// A plan that ends the running rollout.
fn in_its_place() -> Plan {
    let plan = plan();
    Plan {
        kind: Kind::Rollback,
        way_back: Some(WayBack {
            backup: "20260101".to_owned(),
            database: false,
            replaces: Some(plan.id.clone()),
        }),
        ..Plan::clone(&plan)
    }
}

/// The same for this node, whose peer is dead.
pub(super) fn alone_in_its_place() -> Plan {
    let mut plan = in_its_place();
    plan.kind = Kind::RollbackNode;
    plan.rows.retain(|row| row.node == node("a"));
    plan
}

pub(super) fn halted(peer: Peer) -> State {
    use RowState::{Done, Failed};
    let mine = [(0, Done), (2, Done), (3, Failed)];
    let given = one("halted at start", Order::Start, &mine, &[(1, Done)]);
    state(&given, VrrpState::Backup, peer)
}

/// Both nodes' reports, here and as the peer tells them.
fn rows_are(s: &mut State, mine: &[(usize, RowState)], theirs: &[(usize, RowState)]) {
    let rollout = s.journaled.rollout.as_mut().expect("a rollout");
    (rollout.mine, rollout.peers) = (reports(mine, 0), reports(theirs, 0));
    peer_is(s, |hello| {
        hello.rollout.as_mut().expect("a view").reports = reports(theirs, 0);
    });
}

fn peer_is(s: &mut State, change: impl FnOnce(&mut Hello)) {
    let (hello, _) = s.observed.peer.as_mut().expect("a peer");
    change(Arc::make_mut(hello));
}

fn asked(s: &State, plan: &Plan) -> String {
    let told = line(s, &Event::Command(Command::Start(Arc::new(plan.clone()))));
    match told.split_once("Refused(") {
        Some((_, why)) => why.trim_end_matches(')').to_owned(),
        None => told.split_once(']').expect("facts").0[1..].to_owned(),
    }
}

/// In its place comes the plan that each case says, or a refusal.
fn each(peer: Peer, plan: &Plan, cases: &[(&str, Edit, &str)]) {
    for (name, edit, expected) in cases {
        let mut s = halted(peer);
        edit(&mut s);
        assert_eq!(asked(&s, plan), *expected, "{name}");
    }
}

const TAKEN: &str = "end: Failed, plan 2";

/// Two rollouts at once would be promise 10 broken, and a halted one is not given up for one that does not begin.
#[test]
fn a_halted_rollout_is_replaced_when_it_rests_on_both_nodes() {
    use RowState::{Done, Failed, Started, Undoing};
    let cases: [(&str, Edit, &str); 7] = [
        ("halted", |_| (), TAKEN),
        (
            "it goes on",
            |s| rows_are(s, &[(0, Done), (2, Done), (3, Started)], &[(1, Done)]),
            "Busy",
        ),
        (
            "it failed there, and goes on here",
            |s| rows_are(s, &[(0, Started)], &[(1, Failed)]),
            "Busy",
        ),
        (
            "it failed there, and is taken back here",
            |s| rows_are(s, &[(0, Undoing)], &[(1, Failed)]),
            "Busy",
        ),
        (
            "it failed here, and goes on there",
            |s| rows_are(s, &[(0, Failed)], &[(1, Started)]),
            "Busy",
        ),
        (
            "the other node does not know of it",
            |s| peer_is(s, |hello| hello.rollout = None),
            "Busy",
        ),
        (
            "it failed before the newest order",
            |s| {
                let rollout = s.journaled.rollout.as_mut().expect("a rollout");
                rollout.mandate = mandate(Order::Retry, 1).into();
                peer_takes(s);
            },
            "Busy",
        ),
    ];
    each(Peer::Fresh, &in_its_place(), &cases);
    let mut there = halted(Peer::Fresh);
    rows_are(&mut there, &[(0, Done)], &[(1, Failed)]);
    assert!(asked(&there, &in_its_place()).starts_with(TAKEN));

    let mut other = in_its_place();
    other.way_back.as_mut().expect("a way back").replaces = Some(RolloutId {
        number: 0,
        origin: node("a"),
    });
    assert_eq!(asked(&halted(Peer::Fresh), &other), "Busy");
    assert_eq!(asked(&halted(Peer::Fresh), &plan()), "Busy");
}

#[test]
fn a_halted_rollout_is_replaced_when_nothing_is_at_work_on_either_node() {
    let cases: [(&str, Edit, &str); 5] = [
        (
            "a thread is still there",
            |s| s.observed.local.busy = true,
            "Busy",
        ),
        (
            "a backup by hand is made",
            |s| s.observed.local.by_hand = true,
            "Busy",
        ),
        (
            "a thread is still there on the other node",
            |s| peer_is(s, |hello| hello.local.busy = true),
            "Busy",
        ),
        (
            "a backup by hand is made on the other node",
            |s| peer_is(s, |hello| hello.local.by_hand = true),
            "ByHand",
        ),
        (
            "the other node was heard long ago",
            |s| s.observed.peer.as_mut().expect("a peer").1 = Time(0),
            "PeerLost",
        ),
    ];
    each(Peer::Fresh, &in_its_place(), &cases);
}

/// Of a dead node nothing is at work; not heard yet is not dead.
#[test]
fn a_node_goes_back_alone_when_the_other_one_is_dead_and_nothing_is_open_here() {
    use RowState::{Done, Started};
    let taken = "end: Failed, plan 2, 0 Started";
    let cases: [(&str, Edit, &str); 7] = [
        ("halted", |_| (), taken),
        (
            "halted by nothing, for the other node's part does not come",
            |s| rows_are(s, &[(0, Done)], &[]),
            taken,
        ),
        (
            "a row is open",
            |s| rows_are(s, &[(0, Started)], &[(1, Done)]),
            "Busy",
        ),
        (
            "a thread is still there",
            |s| s.observed.local.busy = true,
            "Busy",
        ),
        (
            "a backup by hand is made",
            |s| s.observed.local.by_hand = true,
            "Busy",
        ),
        (
            "the other one was heard a moment ago",
            |s| {
                s.observed.peer.as_mut().expect("a peer").1 = Time(NOW.0 - 4_999);
            },
            "PeerThere",
        ),
        (
            "it has only just begun to listen",
            |s| s.observed.started = NOW,
            "PeerThere",
        ),
    ];
    each(Peer::Lost, &alone_in_its_place(), &cases);
    let told = asked(&halted(Peer::Fresh), &alone_in_its_place());
    assert_eq!(told, "PeerThere");
}

/// The other node learns of it by a Hello, and takes it as soon as no row of its own is open.
#[test]
fn the_plan_that_replaces_a_halted_rollout_is_taken_from_the_other_node() {
    use RowState::{Done, Failed, Started};
    let told = |edit: Edit, change: fn(&mut Plan)| {
        let mut s = halted(Peer::Fresh);
        edit(&mut s);
        let mut plan = in_its_place();
        (plan.id.number, plan.id.origin) = (2, node("b"));
        change(&mut plan);
        peer_is(&mut s, |hello| hello.rollout = Some(view(plan.into())));
        let records = decide(&s, NOW, &Event::Tick).records;
        let taken = |r: &Record| matches!(r, Record::PlanAdopted { .. });
        let ended = |r: &Record| matches!(r, Record::RolloutEnded { .. });
        assert_eq!(records.iter().any(taken), records.iter().any(ended));
        records.iter().any(taken)
    };
    assert!(told(|_| (), |_| ()));
    let there = |s: &mut State| rows_are(s, &[(0, Done)], &[(1, Failed)]);
    assert!(told(there, |_| ()));
    assert!(!told(|s| s.observed.local.busy = true, |_| ()));
    let open = |s: &mut State| rows_are(s, &[(0, Started)], &[(1, Failed)]);
    assert!(!told(open, |_| ()));
    let another = |plan: &mut Plan| {
        plan.way_back.as_mut().expect("a way back").replaces = None;
    };
    assert!(!told(|_| (), another));
    let older = |plan: &mut Plan| plan.id.number = 0;
    assert!(!told(|_| (), older));
}

fn made(s: &State) -> Arc<Plan> {
    let records = decide(s, NOW, &Event::Command(Command::Start(plan()))).records;
    match records.first() {
        Some(Record::PlanAdopted { plan, .. }) => plan.clone(),
        other => panic!("no plan but {other:?}"),
    }
}

/// A node that was set up anew knows no numbers: the other one's count, and of what either did alone.
#[test]
fn a_plan_has_a_greater_number_than_any_on_either_node() {
    let numbered = |kind, number| {
        let mut plan = Plan::clone(&plan());
        (plan.kind, plan.id.number) = (kind, number);
        Arc::new(plan)
    };
    for (here, alone, there) in [(3, 5, 7), (7, 5, 3), (3, 7, 5), (5, 3, 7)] {
        let ended = given_back().pop().expect("one that has ended");
        let mut s = state(&ended, VrrpState::Backup, Peer::Fresh);
        let mut solo = s.journaled.rollout.clone().expect("a rollout");
        solo.plan = numbered(Kind::Rejoin, alone);
        s.journaled.solo = Some(solo);
        s.journaled.rollout.as_mut().expect("a rollout").plan = numbered(Kind::Upgrade, here);
        peer_is(&mut s, |hello| {
            hello.rollout.as_mut().expect("a view").plan = numbered(Kind::Upgrade, there);
        });
        assert_eq!(made(&s).id.number, 8, "{here} {alone} {there}");
        assert_eq!(made(&s).id.origin, node("a"));
    }
    assert_eq!(made(&idle()).id.number, 1);
}

/// What the weights rest on when a rollout is given up before the VIP has moved.
#[test]
fn a_plan_remembers_where_the_vip_was_at_home_when_it_was_made() {
    let home_before = |edit: Edit| {
        let ended = given_back().pop().expect("one that has ended");
        let mut s = state(&ended, VrrpState::Master, Peer::Fresh);
        edit(&mut s);
        made(&s).home_before.clone()
    };
    // `b` has given it to `a`.
    assert_eq!(home_before(|_| ()), Some(node("a")));
    let not_given = |s: &mut State| {
        let rollout = s.journaled.rollout.as_mut().expect("a rollout");
        Arc::make_mut(&mut rollout.plan).home_before = Some(node("b"));
        rollout.peers = Arc::default();
        peer_is(s, |hello| hello.rollout = None);
    };
    assert_eq!(home_before(not_given), Some(node("b")));
    // A failover came after it.
    let moved = |s: &mut State| s.journaled.moved_to = Some(node("b"));
    assert_eq!(home_before(moved), Some(node("b")));
    // No rollout yet: the other node has told it.
    let told = |s: &mut State| {
        (s.journaled.rollout, s.journaled.home) = (None, Some(node("b")));
        peer_is(s, |hello| hello.rollout = None);
    };
    assert_eq!(home_before(told), Some(node("b")));
    let new = |s: &mut State| {
        s.journaled.rollout = None;
        peer_is(s, |hello| hello.rollout = None);
    };
    assert_eq!(home_before(new), None);
}

/// Whose journal is new takes the other node's word for where the VIP is at home; who knows does not.
#[test]
fn a_node_learns_where_the_vip_is_at_home_only_while_it_cannot_know() {
    let learnt = |edit: Edit| {
        let mut s = idle();
        peer_is(&mut s, |hello| hello.home = Some(node("b")));
        edit(&mut s);
        let records = decide(&s, NOW, &Event::Tick).records;
        let home = |r: &Record| matches!(r, Record::HomeTold { home } if *home == node("b"));
        assert_eq!(records.len(), usize::from(records.iter().any(home)));
        !records.is_empty()
    };
    assert!(learnt(|_| ()));
    assert!(learnt(|s| s.journaled.home = Some(node("a"))));
    assert!(!learnt(|s| s.journaled.home = Some(node("b"))));
    assert!(!learnt(|s| peer_is(s, |hello| hello.home = None)));
    assert!(!learnt(
        |s| s.observed.peer.as_mut().expect("a peer").1 = Time(0)
    ));
    assert!(!learnt(|s| s.journaled.moved_to = Some(node("a"))));
    let knows = |s: &mut State| {
        let ended = given_back().pop().expect("one that has ended");
        s.journaled.rollout = state(&ended, VrrpState::Backup, Peer::Fresh)
            .journaled
            .rollout;
    };
    assert!(!learnt(knows));
}

/// `--stop-before`: it stops in front of that phase and of no other, however the rows before it came to be done.
#[test]
fn a_rollout_stops_before_the_phase_it_was_asked_to_and_no_other() {
    use RowState::Done;
    let at = |stop: u16, epochs: [u64; 2], order: u64| {
        let given = one("phase done", Order::Start, &[(0, Done)], &[(1, Done)]);
        let mut s = state(&given, VrrpState::Backup, Peer::Fresh);
        let rollout = s.journaled.rollout.as_mut().expect("a rollout");
        Arc::make_mut(&mut rollout.plan).stop_before = Some(stop);
        rollout.mandate = mandate(Order::Retry, order).into();
        rollout.mine = reports(&[(0, Done)], epochs[0]);
        rollout.peers = reports(&[(1, Done)], epochs[1]);
        peer_takes(&mut s);
        s.standing(NOW).expect("a row").1
    };
    assert_eq!(at(1, [0, 0], 0), Some(Closed::StopAsked));
    assert_eq!(at(0, [0, 0], 0), None);
    assert_eq!(at(2, [0, 0], 0), None);
    // One of them was done under the order that is in force: that one was not for this stop.
    assert_eq!(at(1, [0, 1], 1), Some(Closed::StopAsked));
    assert_eq!(at(1, [1, 0], 1), Some(Closed::StopAsked));
    assert_eq!(at(1, [1, 0], 2), None);
    assert_eq!(at(1, [0, 0], 1), None);

    // Told to go on it goes through the whole phase: what is done there is done under that order.
    let given = one("in the phase", Order::Start, &[], &[(1, Done)]);
    let mut s = state(&given, VrrpState::Backup, Peer::Fresh);
    let rollout = s.journaled.rollout.as_mut().expect("a rollout");
    Arc::make_mut(&mut rollout.plan).stop_before = Some(1);
    rollout.mandate = mandate(Order::Retry, 1).into();
    let (before, within) = (reports(&[(0, Done)], 0), reports(&[(2, Done)], 1));
    rollout.mine = before.with(&within).into();
    peer_takes(&mut s);
    assert_eq!(s.standing(NOW), Some((3, None)));
}
