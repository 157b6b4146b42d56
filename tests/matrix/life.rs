//! What of an earlier life still counts: of the host, of a failover, of the data.
use super::alone::{alone, left};
use super::{NOW, Peer, hello, one, state};
use hau::core::{
    DatabaseRole, Event, Kind, Log, Machine, Order, Record, RolloutResult, RowState, State, Undo,
    VrrpState, decide,
};
use hau::time::Time;
use std::{convert::Infallible, sync::Arc};

fn records(state: &State, event: &Event) -> Vec<Record> {
    decide(state, NOW, event).records
}

/// Whoever was off for some time cannot know what the other node has done meanwhile.
#[test]
fn a_failover_of_before_a_boot_of_the_host_is_judged_anew() {
    let ended = |kind, mine: &[(usize, RowState)], now_in: &str| {
        let mut state = left();
        state.journaled.host_boot = "one".to_owned();
        state.journaled.solo = Some(alone(kind, mine));
        // Else it is begun again at once.
        state.observed.local.follows = false;
        let host_boot = now_in.to_owned();
        let result = records(&state, &Event::Started { host_boot });
        let given_up = |r: &Record| matches!(r, Record::SoloEnded { result, .. } if *result == RolloutResult::Failed);
        result.iter().any(given_up)
    };
    assert!(ended(Kind::Failover, &[], "two"));
    assert!(!ended(Kind::Failover, &[], "one"), "only the daemon died");
    let begun = [(0, RowState::Started)];
    assert!(ended(Kind::Failover, &begun, "two"));
    assert!(!ended(Kind::Failover, &begun, "one"));
    assert!(!ended(Kind::Failover, &[(0, RowState::Done)], "two"));
    assert!(!ended(Kind::Rejoin, &[], "two"));
}

/// What it stood down from is not a failure that a person looks into.
#[test]
fn what_was_judged_anew_may_be_begun_again() {
    let begins = |row: RowState| {
        let mut state = left();
        let mut solo = alone(Kind::Failover, &[(0, row)]);
        solo.ended = Some((RolloutResult::Failed, Time(0)));
        state.journaled.solo = Some(solo);
        state.observed.peer = None;
        let begun = |r: &Record| matches!(r, Record::SoloBegun { .. });
        records(&state, &Event::Tick).iter().any(begun)
    };
    assert!(begins(RowState::Started));
    assert!(!begins(RowState::Failed));
}

/// A failover that has failed while its node claims the role, and a peer that is primary.
fn claiming() -> State {
    let given = one("idle", Order::Start, &[], &[]);
    let mut state = state(&given, VrrpState::Backup, Peer::Fresh);
    let mut solo = alone(Kind::Failover, &[(0, RowState::Failed)]);
    solo.ended = Some((RolloutResult::Failed, Time(NOW.0 - 60_000)));
    // Begun in sight of the primary that is known now: none.
    Arc::make_mut(&mut solo.plan).to = String::new();
    state.journaled.solo = Some(solo);
    let local = &mut state.observed.local;
    (local.database, local.follows) = (DatabaseRole::Standby, true);
    state.observed.follows_since = Some(Time(0));
    hello(&mut state).local.database = DatabaseRole::Primary;
    state
}

#[test]
fn a_claim_is_over_when_the_standby_has_gone_on_following() {
    let settles = |edit: fn(&mut State)| {
        let mut state = claiming();
        edit(&mut state);
        records(&state, &Event::Tick).contains(&Record::NotPromoted)
    };
    assert!(settles(|_| {}));
    assert!(!settles(|s| s.observed.follows_since = None));
    assert!(!settles(|s| {
        s.observed.follows_since = Some(Time(NOW.0 - 2_999));
    }));
    assert!(settles(|s| {
        s.observed.follows_since = Some(Time(NOW.0 - 3_000));
    }));
    assert!(!settles(|s| {
        hello(s).local.database = DatabaseRole::Standby;
    }));
    let ended = |s: &mut State, at: u64| {
        let solo = s.journaled.solo.as_mut().expect("a failover");
        solo.ended = solo.ended.map(|(result, _)| (result, Time(at)));
    };
    assert!(!settles(|s| s
        .journaled
        .solo
        .as_mut()
        .expect("one")
        .ended = None));
    let mut late = claiming();
    ended(&mut late, NOW.0 - 2_999);
    assert!(!records(&late, &Event::Tick).contains(&Record::NotPromoted));
    // The clock was set back since.
    let mut back = claiming();
    ended(&mut back, NOW.0 + 3_600_000);
    assert!(!records(&back, &Event::Tick).contains(&Record::NotPromoted));

    let mut state = claiming();
    assert!(state.claims());
    state.journaled.apply(&Record::NotPromoted);
    assert!(!state.claims());
    assert!(!records(&state, &Event::Tick).contains(&Record::NotPromoted));
    let solo = state.journaled.solo.as_mut().expect("a failover");
    solo.ended = None;
    assert!(state.journaled.take(&Record::NotPromoted).is_err());
}

/// What asked for the promotion is gone with the host, and so is the asking.
#[test]
fn a_claim_is_over_when_the_host_has_come_up_with_a_standby() {
    let settles = |edit: fn(&mut State)| {
        let mut state = claiming();
        state.observed.follows_since = None;
        state.journaled.outlived = true;
        edit(&mut state);
        records(&state, &Event::Tick).contains(&Record::NotPromoted)
    };
    assert!(settles(|_| {}));
    assert!(!settles(|s| s.journaled.outlived = false));
    assert!(!settles(
        |s| s.observed.local.database = DatabaseRole::Unknown
    ));
}

#[test]
fn what_was_begun_is_outlived_by_a_boot_of_the_host_alone() {
    let mut journaled = claiming().journaled;
    let life = |journaled: &mut hau::core::Journaled, host_boot: &str| {
        journaled.apply(&Record::Started {
            boot: journaled.boot + 1,
            host_boot: host_boot.to_owned(),
            at: NOW,
        });
        journaled.outlived
    };
    assert!(life(&mut journaled, "one"));
    let solo = journaled.solo.clone().expect("a failover");
    journaled.apply(&Record::SoloBegun {
        plan: solo.plan,
        mandate: solo.mandate,
    });
    assert!(!journaled.outlived);
    assert!(!life(&mut journaled, "one"));
    assert!(life(&mut journaled, "two"));
    assert!(life(&mut journaled, "two"), "for good");
}

/// The data are of the term that they were of, unless another one was heard of since.
#[test]
fn a_term_that_was_begun_for_nothing_is_taken_back() {
    let after = |shared: Option<u64>| {
        let mut journaled = claiming().journaled;
        journaled.term = 3;
        let mut solo = journaled.solo.take().expect("a failover");
        Arc::make_mut(&mut solo.plan).term = Some(7);
        let (plan, mandate) = (solo.plan, solo.mandate);
        let report = solo.mine.get(0).expect("a report").clone();
        let (result, at) = (RolloutResult::Failed, NOW);
        let started = hau::core::Report {
            state: RowState::Started,
            ..report.clone()
        };
        let facts = [
            Record::SoloBegun { plan, mandate },
            Record::SoloReported {
                row: 0,
                report: started,
            },
            Record::SoloReported { row: 0, report },
            Record::SoloEnded { result, at },
        ];
        facts.iter().for_each(|fact| journaled.apply(fact));
        assert_eq!(journaled.term, 7);
        let shared = shared.map(|term| Record::TermShared { term });
        shared.iter().for_each(|fact| journaled.apply(fact));
        journaled.apply(&Record::NotPromoted);
        journaled.term
    };
    assert_eq!(after(None), 3);
    assert_eq!(after(Some(9)), 9);
}

struct NoLog;

impl Log for NoLog {
    type Error = Infallible;
    fn append(&mut self, _records: &[Record]) -> Result<(), Infallible> {
        Ok(())
    }
}

#[test]
fn following_counts_from_the_first_look_that_saw_it() {
    let state = claiming();
    let (mut local, mut fresh) = (state.observed.local.clone(), state);
    fresh.observed.follows_since = None;
    let mut machine = Machine::recover(fresh, &[], NoLog);
    for (at, follows, since) in [
        (10, true, Some(10)),
        (20, true, Some(10)),
        (30, false, None),
        (40, true, Some(40)),
    ] {
        local.follows = follows;
        drop(machine.handle(Time(at), &Event::Local(local.clone())));
        let seen = machine.state().observed.follows_since;
        assert_eq!(seen, since.map(Time));
    }
}

/// The journal may not know what the data are: they followed another node's that a person has let win.
#[test]
fn the_term_that_lies_with_the_data_is_taken_from_them() {
    let shared = |known: u64, here: u64, theirs: u64, follows: bool| {
        let mut state = claiming();
        state.journaled.term = known;
        (state.observed.local.term, state.observed.local.follows) = (here, follows);
        hello(&mut state).term = theirs;
        records(&state, &Event::Tick).into_iter().find_map(|r| {
            let Record::TermShared { term } = r else {
                return None;
            };
            Some(term)
        })
    };
    assert_eq!(shared(0, 2, 0, false), Some(2));
    assert_eq!(shared(2, 2, 2, true), None);
    assert_eq!(shared(3, 2, 0, true), None);
    assert_eq!(shared(0, 1, 2, true), Some(2));
    assert_eq!(shared(0, 1, 2, false), Some(1));
    let mut alone = left();
    alone.observed.local.term = 4;
    assert!(records(&alone, &Event::Tick).contains(&Record::TermShared { term: 4 }));
}

/// The promotion of the peer that died may have been done, unheard; not where this node has taken its place since.
#[test]
fn a_survivor_that_has_become_primary_itself_fears_no_promotion_of_the_dead() {
    let serves_again = |later: bool, role: DatabaseRole| {
        use RowState::Done;
        let mine = [(0, Done), (2, Done), (3, Done)];
        let given = one("going back", Order::Abort, &mine, &[(1, Done)]);
        let mut state = state(&given, VrrpState::Master, Peer::Lost);
        let rollout = state.journaled.rollout.as_mut().expect("a rollout");
        Arc::make_mut(&mut rollout.plan).rows[4].undo = Undo::Barrier;
        let mut solo = alone(Kind::Failover, &[(0, Done)]);
        Arc::make_mut(&mut solo.plan).id.number = if later { 2 } else { 1 };
        solo.ended = Some((RolloutResult::Succeeded, Time(0)));
        state.journaled.solo = Some(solo);
        state.observed.local.database = role;
        let undoing = |r: &Record| matches!(r, Record::RowReported { row: 3, report } if report.state == RowState::Undoing);
        records(&state, &Event::Tick).iter().any(undoing)
    };
    assert!(serves_again(true, DatabaseRole::Primary));
    assert!(!serves_again(false, DatabaseRole::Primary));
    assert!(!serves_again(true, DatabaseRole::Standby));
}
