//! Halts around the row of no return: what was certainly not done is taken back, what may yet be done is not.
use super::{NOW, Peer, actor, line, mandate, node, one, peer_takes, problem, state};
use hau::core::{
    Command, Event, JobKey, Order, Outcome, Report, RolloutResult, RowState, State, VrrpState,
    decide,
};
use std::sync::Arc;

const PROMOTE: usize = 5;

fn order(order: Order) -> Event {
    Event::Command(Command::Order { order, by: actor() })
}

/// The standby of `a` is at its promotion.
fn at_promote() -> State {
    use RowState::{Done, Started};
    let mine = [(0, Done), (2, Done), (3, Done), (PROMOTE, Started)];
    let given = one("at it", Order::Start, &mine, &[(1, Done), (4, Done)]);
    state(&given, VrrpState::Master, Peer::Fresh)
}

fn takes(state: &mut State, event: &Event) {
    for record in decide(state, NOW, event).records {
        state.journaled.apply(&record);
    }
}

fn ended(outcome: Outcome) -> Event {
    let key = JobKey {
        solo: false,
        rollout: 1,
        row: PROMOTE,
        epoch: 0,
        attempt: 1,
        direction: hau::core::Direction::Forward,
    };
    Event::JobEnded { key, outcome }
}

/// Halted in it, as `outcome` says.
fn halted(outcome: Outcome) -> State {
    let mut state = at_promote();
    takes(&mut state, &ended(outcome));
    state
}

/// The same as the other node sees it, whose rows are the quiet one and the one that gave the VIP away.
fn seen_from_b(a: &State) -> State {
    let mut state = a.clone();
    (state.me, state.peer) = (node("b"), node("a"));
    let rollout = state.journaled.rollout.as_mut().expect("a rollout");
    std::mem::swap(&mut rollout.mine, &mut rollout.peers);
    let (theirs, mandate) = (rollout.peers.clone(), rollout.mandate.clone());
    state.observed.local.vrrp = VrrpState::Backup;
    state.observed.local.has_vip = false;
    let (hello, _) = state.observed.peer.as_mut().expect("a peer");
    let hello = Arc::make_mut(hello);
    hello.node = node("a");
    (hello.local.vrrp, hello.local.has_vip) = (VrrpState::Master, true);
    let view = hello.rollout.as_mut().expect("a view");
    (view.reports, view.mandate) = (theirs, mandate);
    state
}

/// It may end yet, and the old primary would be a second one: only what brings it to its end is taken.
#[test]
fn from_a_promotion_that_may_end_yet_nobody_goes_back() {
    for outcome in [Outcome::Failed(problem()), Outcome::Retry(problem())] {
        let mut halted = halted(outcome);
        // The second of its two tries.
        if halted.running().expect("a rollout").halted_by().is_none() {
            let Event::JobEnded { mut key, outcome } = ended(Outcome::Retry(problem())) else {
                panic!("an end of a job");
            };
            key.attempt = 2;
            takes(&mut halted, &Event::JobEnded { key, outcome });
        }
        for state in [&halted, &seen_from_b(&halted)] {
            let refused = line(state, &order(Order::Abort));
            assert!(refused.ends_with("Refused(Undecided)"), "{refused}");
            let retried = line(state, &order(Order::Retry));
            assert!(retried.contains("Accepted"), "{retried}");
        }
        let rollout = halted.journaled.rollout.as_mut().expect("a rollout");
        Arc::make_mut(&mut rollout.plan).takes_back = true;
        assert!(line(&halted, &Event::Tick).starts_with("[] -"));
    }
}

/// What came out before the standby was told anything is as if it had not begun.
#[test]
fn from_a_promotion_that_was_never_told_both_nodes_go_back() {
    let halted = halted(Outcome::Untouched(problem()));
    let (_, report) = halted
        .running()
        .and_then(|r| r.halted_by())
        .expect("a halt");
    assert!(report.untouched && report.problem == Some(problem()));
    let b = seen_from_b(&halted);
    for state in [&halted, &b] {
        let taken = line(state, &order(Order::Abort));
        assert!(taken.contains("Abort#1 by root"), "{taken}");
        assert!(taken.contains("Accepted"), "{taken}");
    }
    // Nobody is asked where the plan says so: the node that it failed on gives the order.
    let by_itself = |state: &State| {
        let mut state = state.clone();
        let rollout = state.journaled.rollout.as_mut().expect("a rollout");
        Arc::make_mut(&mut rollout.plan).takes_back = true;
        line(&state, &Event::Tick)
    };
    assert!(by_itself(&halted).starts_with("[Abort#1 by hau"));
    assert!(by_itself(&b).starts_with("[]"));

    // It is taken back by a word; then the VIP goes back, then what the first node did.
    let mut a = halted;
    takes(&mut a, &order(Order::Abort));
    peer_takes(&mut a);
    assert_eq!(line(&a, &Event::Tick), "[5 Undone (untouched)] - Normal");
    let mut before = seen_from_b(&a);
    takes(&mut a, &Event::Tick);
    let mut after = seen_from_b(&a);
    for b in [&mut before, &mut after] {
        takes(b, &Event::Tick);
    }
    assert!(line(&before, &Event::Tick).starts_with("[] -"));
    let given = after.running().and_then(|r| r.mine.get(4)).map(|r| r.state);
    assert_eq!(given, Some(RowState::Undoing));
}

/// Told to try again it may be promoted, whatever came out before.
#[test]
fn a_promotion_that_is_tried_again_may_end_like_any_other() {
    let mut halted = halted(Outcome::Untouched(problem()));
    takes(&mut halted, &order(Order::Retry));
    peer_takes(&mut halted);
    let told = line(&halted, &Event::Tick);
    assert!(told.starts_with("[5 Started] Do 5"), "{told}");
    takes(&mut halted, &Event::Tick);
    for state in [&halted, &seen_from_b(&halted)] {
        let refused = line(state, &order(Order::Abort));
        assert!(refused.ends_with("Refused(Undecided)"), "{refused}");
    }
}

/// A survivor knows only what it heard: the other node may have been told to try again meanwhile.
#[test]
fn a_survivor_leaves_what_rests_on_a_promotion_that_may_have_been_tried_again() {
    enum Heard {
        Failed {
            untouched: bool,
        },
        /// Its earlier rows are not done: it cannot be there yet.
        Before,
    }
    let alone = |heard: Heard| {
        let mut state = seen_from_b(&halted(Outcome::Untouched(problem())));
        state.observed.local.vrrp = VrrpState::Master;
        state.observed.local.has_vip = true;
        state.observed.local.serving = false;
        state.observed.peer.as_mut().expect("a peer").1 = hau::time::Time(0);
        let rollout = state.journaled.rollout.as_mut().expect("a rollout");
        Arc::make_mut(&mut rollout.plan).rows[4].service_down = true;
        rollout.mandate = mandate(Order::Abort, 1).into();
        let failed = rollout.peers[PROMOTE].clone();
        let reports = match heard {
            Heard::Failed { untouched } => {
                let failed = Report {
                    untouched,
                    ..failed
                };
                rollout
                    .peers
                    .with(&[(PROMOTE, failed)].into_iter().collect())
            }
            Heard::Before => [(
                0,
                Report {
                    state: RowState::Started,
                    ..failed
                },
            )]
            .into_iter()
            .collect(),
        };
        let reports = Arc::new(reports);
        rollout.peers = reports.clone();
        let (hello, _) = state.observed.peer.as_mut().expect("a peer");
        let view = Arc::make_mut(hello).rollout.as_mut().expect("a view");
        view.reports = reports;
        line(&state, &Event::Tick)
    };
    let undoes = |heard| alone(heard).contains("4 Undoing");
    assert!(!undoes(Heard::Failed { untouched: true }));
    assert!(!undoes(Heard::Failed { untouched: false }));
    assert!(undoes(Heard::Before), "the test sees what it is to see");
}

/// A rollout that went back from there ends on both nodes.
#[test]
fn a_rollout_given_up_before_the_promotion_was_told_ends() {
    let mut halted = halted(Outcome::Untouched(problem()));
    takes(&mut halted, &order(Order::Abort));
    peer_takes(&mut halted);
    let undone = |state: &State, n: usize| Report {
        state: RowState::Undone,
        ..state.running().expect("a rollout").mine[n].clone()
    };
    let reports = [0, 2, 3, PROMOTE].map(|n| (n, undone(&halted, n)));
    let rollout = halted.journaled.rollout.as_mut().expect("a rollout");
    for (n, report) in reports {
        Arc::make_mut(&mut rollout.mine).insert(n, report);
    }
    let theirs: hau::core::Reports = [1, 4]
        .map(|n| (n, rollout.mine[0].clone()))
        .into_iter()
        .collect();
    rollout.peers = theirs.clone().into();
    let (hello, _) = halted.observed.peer.as_mut().expect("a peer");
    let view = Arc::make_mut(hello).rollout.as_mut().expect("a view");
    view.reports = theirs.into();
    takes(&mut halted, &Event::Tick);
    let end = halted.journaled.rollout.and_then(|r| r.ended);
    assert_eq!(end.map(|(result, _)| result), Some(RolloutResult::Failed));
}

/// The abort of a node that had not heard of it yet.
fn turned(mut state: State) -> State {
    let rollout = state.journaled.rollout.as_mut().expect("a rollout");
    rollout.mandate = mandate(Order::Abort, 1).into();
    peer_takes(&mut state);
    state
}

/// The old primary stays stopped for it: ended without it the pair would be left without a primary.
#[test]
fn a_promotion_that_has_begun_is_brought_to_its_end_under_an_abort() {
    let begun = turned(at_promote());
    let told = line(&begun, &Event::Tick);
    assert!(told.starts_with("[] Do 5"), "{told}");
    let told = line(&seen_from_b(&begun), &Event::Tick);
    assert!(told.starts_with("[] -"), "{told}");

    let failed = turned(halted(Outcome::Failed(problem())));
    let told = line(&failed, &Event::Tick);
    assert!(told.starts_with("[5 Started] Do 5"), "{told}");

    let done = line(
        &begun,
        &ended(Outcome::Done {
            note: String::new(),
        }),
    );
    assert!(done.contains("5 Done, end: Failed"), "{done}");
}

/// Neither node has ended on the strength of it, so what was not done is taken back like any other row.
#[test]
fn a_promotion_that_comes_to_nothing_under_an_abort_is_no_point_of_no_return() {
    let mut state = turned(at_promote());
    takes(&mut state, &ended(Outcome::Untouched(problem())));
    let rollout = state.journaled.rollout.as_ref().expect("a rollout");
    assert_eq!(rollout.barrier(&node("a")), None);
}

/// A failover in the middle of the switchover made the new node primary: VIP and role stay there, and giving up leaves
/// nothing to fetch back.
#[test]
fn after_a_failover_in_the_middle_of_a_switchover_an_abort_leaves_the_roles_where_they_are() {
    use RowState::{Done, Undoing};
    let given = |release: RowState, has_moved: bool| {
        let mine = [(0, Done), (2, Done), (3, Done)];
        let given = one("moved", Order::Abort, &mine, &[(1, Done), (4, release)]);
        let mut state = state(&given, VrrpState::Master, Peer::Fresh);
        let rollout = state.journaled.rollout.as_mut().expect("a rollout");
        rollout.has_moved = has_moved;
        state
    };
    for release in [Done, Undoing, RowState::UndoFailed] {
        let state = given(release, true);
        assert!(!state.running().expect("a rollout").is_undecided(&node("a")));
        for state in [&state, &seen_from_b(&state)] {
            let told = line(state, &Event::Tick);
            assert!(told.starts_with("[end: Failed]"), "{told}");
        }
        let home = line(&seen_from_b(&given(release, false)), &Event::Tick);
        assert!(!home.contains("end"), "{home}");
    }
    // Nothing was given yet: the first node goes back as ever.
    let told = line(&given(RowState::Undone, true), &Event::Tick);
    assert!(!told.contains("end"), "{told}");
}
