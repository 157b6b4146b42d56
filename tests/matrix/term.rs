//! A person accepts that what the other node's database has is lost: from then on it is past, on whatever timeline.
use super::{NOW, Peer, alone_plan, hello, node, one, state};
use hau::core::{
    Command, DatabaseRole, Event, Guard, Kind, Local, Order, Primary, Record, Reply, RolloutResult,
    RowState, State, VrrpState, decide, intents,
};
use hau::time::Time;
use std::sync::Arc;

/// A database as its node sees it, and the term it is of.
#[derive(Clone, Copy)]
struct Is {
    role: DatabaseRole,
    term: u64,
    timeline: u32,
    held: bool,
}

const HELD: Is = Is {
    role: DatabaseRole::None,
    term: 0,
    timeline: 2,
    held: true,
};
const PRIMARY: Is = Is {
    role: DatabaseRole::Primary,
    term: 1,
    timeline: 1,
    held: false,
};

fn pair(mine: Is, theirs: Is) -> State {
    let given = one("idle", Order::Start, &[], &[]);
    let mut state = state(&given, VrrpState::Backup, Peer::Fresh);
    state.unasked.holds = true;
    let set = |local: &mut Local, is: Is| {
        (local.database, local.timeline, local.held) = (is.role, is.timeline, is.held);
    };
    state.journaled.term = mine.term;
    set(&mut state.observed.local, mine);
    let hello = hello(&mut state);
    hello.term = theirs.term;
    set(&mut hello.local, theirs);
    state
}

/// After one turn.
fn turned(mut state: State) -> State {
    for record in decide(&state, NOW, &Event::Tick).records {
        state.journaled.apply(&record);
    }
    state
}

#[test]
fn a_later_term_counts_whatever_the_timelines_are() {
    for timeline in 1..4 {
        let theirs = Is {
            timeline,
            ..PRIMARY
        };
        let lost = turned(pair(HELD, theirs));
        assert!(lost.is_superseded(), "timeline {timeline}");
        assert_eq!(intents(&lost, NOW).guard, Guard::Leave);
        let kept = turned(pair(theirs, HELD));
        assert!(!kept.is_superseded(), "timeline {timeline}");
        assert_eq!(intents(&kept, NOW).guard, Guard::Leave);
    }
}

#[test]
fn in_one_term_the_newer_timeline_counts() {
    let older = Is { term: 1, ..HELD };
    let newer = Is {
        timeline: 3,
        ..PRIMARY
    };
    assert!(turned(pair(older, newer)).is_superseded());
    assert!(!turned(pair(newer, older)).is_superseded());
}

/// Neither was promoted after the other: which one counts is for a person to say.
#[test]
fn of_two_that_are_held_the_older_one_waits_and_of_equal_ones_both() {
    let with = |term, timeline| Is {
        term,
        timeline,
        ..HELD
    };
    let own = with(1, 2);
    for (theirs, expected) in [
        (with(0, 3), Guard::Release),
        (with(1, 1), Guard::Release),
        (with(1, 2), Guard::Leave),
        (with(1, 3), Guard::Leave),
        (with(2, 1), Guard::Leave),
        (with(1, 0), Guard::Leave),
    ] {
        let state = pair(own, theirs);
        assert_eq!(
            intents(&state, NOW).guard,
            expected,
            "timeline {}",
            theirs.timeline
        );
    }
    let is_rival = |mine| {
        let mut state = pair(mine, own);
        let peer = hello(&mut state).clone();
        state.is_rival(&peer)
    };
    assert!(is_rival(own));
    assert!(!is_rival(Is { held: false, ..own }));
    let standby = Is {
        role: DatabaseRole::Standby,
        held: false,
        ..own
    };
    assert_eq!(intents(&pair(own, standby), NOW).guard, Guard::Release);
}

#[test]
fn a_standby_is_of_the_term_of_its_primary_and_the_other_way_round() {
    let standby = Is {
        role: DatabaseRole::Standby,
        term: 0,
        ..PRIMARY
    };
    let terms = |mut state: State, mine: bool, theirs: bool| {
        state.observed.local.follows = mine;
        hello(&mut state).local.follows = theirs;
        turned(state).journaled.term
    };
    assert_eq!(terms(pair(standby, PRIMARY), true, false), 1);
    assert_eq!(terms(pair(standby, PRIMARY), false, false), 0);
    let forgot = Is { term: 0, ..PRIMARY };
    let follows = Is { term: 1, ..standby };
    assert_eq!(terms(pair(forgot, follows), false, true), 1);
    assert_eq!(terms(pair(PRIMARY, standby), false, true), 1);
}

/// It is later than every one that was ever heard of, and counts from the row on that promotes.
#[test]
fn a_failover_that_accepts_loss_begins_a_term() {
    let plan = alone_plan(Kind::Failover);
    // Of the moment, and later than any that is known: a clock may go wrong.
    let last = NOW.0 + 4;
    let known = [(last, 0, 0), (0, last, 0), (0, 0, last), (4, 4, 4)];
    for (own, seen, heard) in known {
        let next = if own == 4 { NOW.0 } else { last + 1 };
        let mut state = pair(
            Is { term: own, ..HELD },
            Is {
                term: heard,
                ..HELD
            },
        );
        state.observed.local.vrrp = VrrpState::Master;
        state.observed.local.has_vip = true;
        state.observed.started = Time(0);
        state.observed.peer.as_mut().expect("a peer").1 = Time(0);
        state.journaled.primary = (seen > 0).then(|| Primary {
            node: node("b"),
            term: seen,
            timeline: 1,
            identity: String::new(),
        });
        let begins = |accepts_loss| {
            let plan = plan.clone();
            decide(
                &state,
                NOW,
                &Event::Command(Command::Alone { plan, accepts_loss }),
            )
        };
        assert!(matches!(begins(false).reply, Some(Reply::Refused(_))));
        let begun = begins(true);
        assert!(matches!(begun.reply, Some(Reply::Accepted { .. })));
        for record in &begun.records {
            let at = state.journaled.term;
            state.journaled.apply(record);
            let promotes = matches!(record, Record::SoloReported { row: 0, .. });
            assert_eq!(state.journaled.term, if promotes { next } else { at });
        }
        let solo = state.journaled.solo.as_ref().expect("begun");
        assert_eq!(solo.plan.term, Some(next));
        assert_eq!(solo.mine.get(0).map(|r| r.state), Some(RowState::Started));
        assert_eq!(state.journaled.term, next);
    }
}

/// A database made anew, or of another kind, begins its timelines anew. Where one node alone says so it may be an empty
/// folder, and the database that counts is down.
#[test]
fn what_is_remembered_of_another_database_is_forgotten_when_both_say_so() {
    let standby = Is {
        role: DatabaseRole::Standby,
        ..PRIMARY
    };
    let old = Some("postgres 7");
    for (remembered, mine, theirs, follows, is_forgotten) in [
        (old, "postgres 8", "postgres 8", true, true),
        (old, "gaussdb 7", "gaussdb 7", true, true),
        (old, "postgres 7", "postgres 7", true, false),
        (old, "postgres 8", "postgres 7", true, false),
        (old, "postgres 7", "postgres 8", true, false),
        (old, "postgres 8", "postgres 9", true, false),
        (old, "postgres 8", "postgres 8", false, false),
        (old, "", "", true, false),
        (old, "postgres 8", "", true, false),
        (Some(""), "postgres 8", "postgres 8", true, false),
    ] {
        for mine_follows in [true, false] {
            let (here, there) = if mine_follows {
                (standby, PRIMARY)
            } else {
                (PRIMARY, standby)
            };
            let mut state = pair(here, there);
            let name = if mine_follows { "b" } else { "a" };
            state.journaled.primary = remembered.map(|identity| Primary {
                node: node("b"),
                term: PRIMARY.term,
                timeline: 22,
                identity: identity.to_owned(),
            });
            state.observed.local.identity = mine.to_owned();
            state.observed.local.follows = follows && mine_follows;
            let hello = hello(&mut state);
            hello.local.identity = theirs.to_owned();
            hello.local.follows = follows && !mine_follows;
            let state = turned(state);
            let primary = state.journaled.primary.as_ref().expect("one is remembered");
            let is = format!("{remembered:?} {mine:?} {theirs:?} {follows} {mine_follows}");
            let now = (primary.node.0.as_str(), primary.timeline);
            let expected = if is_forgotten { (name, 1) } else { ("b", 22) };
            assert_eq!(now, expected, "{is}");
            assert_eq!(state.is_superseded(), !is_forgotten, "{is}");
        }
    }
}

/// A journal of before has no identity, and a database that has just come up does not tell it yet.
#[test]
fn the_identity_is_added_to_the_primary_that_is_known() {
    let said = |remembered: &str, told: &str, node_name: &str, timeline| {
        let mut state = pair(PRIMARY, PRIMARY);
        hello(&mut state).local.database = DatabaseRole::Standby;
        state.journaled.primary = Some(Primary {
            node: node(node_name),
            term: PRIMARY.term,
            timeline,
            identity: remembered.to_owned(),
        });
        state.observed.local.identity = told.to_owned();
        let primary = turned(state).journaled.primary;
        primary.expect("one is remembered").identity
    };
    assert_eq!(said("", "postgres 7", "a", 1), "postgres 7");
    assert_eq!(said("postgres 7", "", "a", 1), "postgres 7");
    assert_eq!(said("postgres 7", "postgres 8", "a", 1), "postgres 7");
    assert_eq!(said("", "postgres 7", "b", 1), "", "another one's");
    assert_eq!(said("", "postgres 7", "a", 2), "", "an earlier one's");
}

/// Neither a standby nor a database whose timeline nobody knows is noted as the primary; a term is taken once.
#[test]
fn only_what_is_known_of_a_primary_is_noted() {
    let noted = |mine: Is, theirs: Is| {
        let mut state = pair(mine, theirs);
        state.observed.local.follows = true;
        let records = decide(&state, NOW, &Event::Tick).records;
        let seen = |r: &Record| matches!(r, Record::PrimarySeen { .. });
        let shared = |r: &Record| matches!(r, Record::TermShared { .. });
        (records.iter().any(seen), records.iter().any(shared))
    };
    let standby = Is {
        role: DatabaseRole::Standby,
        ..PRIMARY
    };
    let unknown = Is {
        timeline: 0,
        ..PRIMARY
    };
    assert_eq!(noted(standby, PRIMARY), (true, false));
    assert_eq!(noted(standby, standby), (false, false));
    assert_eq!(noted(standby, unknown), (false, false));
    let known = turned(pair(standby, PRIMARY));
    assert_eq!(decide(&known, NOW, &Event::Tick).records, []);
}

/// What a rollout has just stopped is seen to run for a moment longer.
#[test]
fn a_primary_that_another_one_has_replaced_is_stopped_unless_a_rollout_stops_it() {
    let asked = |mine: Is, rows: &[(usize, RowState)], alone: Option<(Kind, u64, bool)>| {
        let mut state = turned(pair(mine, PRIMARY));
        state.journaled.solo = alone.map(|(kind, number, begun)| {
            let mut solo = super::alone::alone(kind, &[(0, RowState::Done)][..usize::from(begun)]);
            Arc::make_mut(&mut solo.plan).id.number = number;
            solo
        });
        let given = one("stop done", Order::Start, rows, &[]);
        state.journaled.rollout = super::state(&given, VrrpState::Backup, Peer::Fresh)
            .journaled
            .rollout;
        intents(&state, NOW).guard
    };
    let guard = |mine: Is, rows: &[(usize, RowState)]| asked(mine, rows, None);
    let old = Is { term: 0, ..PRIMARY };
    let standby = Is {
        role: DatabaseRole::Standby,
        ..old
    };
    assert_eq!(guard(old, &[]), Guard::Hold);
    assert_eq!(guard(old, &[(2, RowState::Done)]), Guard::Leave);
    assert_eq!(guard(standby, &[]), Guard::Leave);
    assert_eq!(guard(PRIMARY, &[]), Guard::Leave);
    // What was made primary here since is not what the rollout has stopped.
    for (alone, hold) in [
        ((Kind::Failover, 2, true), Guard::Hold),
        ((Kind::Failover, 2, false), Guard::Leave),
        ((Kind::Failover, 1, true), Guard::Leave),
        ((Kind::Rejoin, 2, true), Guard::Leave),
    ] {
        assert_eq!(
            asked(old, &[(2, RowState::Done)], Some(alone)),
            hold,
            "{alone:?}"
        );
    }
    let unknown = Is { timeline: 0, ..old };
    assert!(!turned(pair(unknown, PRIMARY)).is_superseded());
}

/// One that was begun may end yet; once a newer primary is seen the question is settled.
#[test]
fn a_node_claims_to_become_primary_from_the_begin_of_a_failover_on() {
    let claims = |kind, begun: bool, ended: bool, to: &str| {
        let mut state = pair(HELD, HELD);
        state.journaled.primary = Some(Primary {
            node: node("b"),
            term: 0,
            timeline: 2,
            identity: String::new(),
        });
        let rows = [(0, RowState::Failed)];
        let mut solo = super::alone::alone(kind, &rows[..usize::from(begun)]);
        solo.ended = ended.then_some((RolloutResult::Failed, NOW));
        Arc::make_mut(&mut solo.plan).to = to.to_owned();
        state.journaled.solo = Some(solo);
        state.claims()
    };
    for (begun, ended, expected) in [
        (false, false, true),
        (true, false, true),
        (true, true, true),
        (false, true, false),
    ] {
        assert_eq!(claims(Kind::Failover, begun, ended, "2"), expected);
        assert!(!claims(Kind::Failover, begun, ended, "1"));
        assert!(!claims(Kind::Rejoin, begun, ended, "2"));
    }
    assert!(!pair(HELD, HELD).claims());
}
