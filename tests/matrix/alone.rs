//! What a node begins by itself when the other one is gone, and what ends it.
use super::again::{left_down, rejoins};
use super::{NOW, Peer, alone_plan, hello, mandate, one, replaced, reports, state};
use hau::core::{
    AloneRefusal, Command, DatabaseRole, Event, Kind, Order, Plan, Record, Refusal, Reply, Rollout,
    RolloutResult, RowState, State, Undo, VrrpState, decide, intents,
};
use hau::time::Time;
use std::sync::Arc;

/// The VIP is here, the other node silent since long ago, and the standby here followed it to the end.
pub(super) fn left() -> State {
    let given = one("idle", Order::Start, &[], &[]);
    let mut state = state(&given, VrrpState::Master, Peer::Lost);
    state.journaled.rollout = None;
    state.unasked.failover = Some(alone_plan(Kind::Failover));
    let local = &mut state.observed.local;
    (local.database, local.follows) = (DatabaseRole::Standby, true);
    state
}

pub(super) fn alone(kind: Kind, mine: &[(usize, RowState)]) -> Rollout {
    Rollout {
        plan: alone_plan(kind),
        mandate: Arc::new(mandate(Order::Start, 0)),
        mine: reports(mine, 0),
        peers: Arc::default(),
        told: (0, 0),
        with: None,
        ended: None,
        has_moved: false,
    }
}

/// What it gives as the reason for a failover of its own.
fn reason(state: &State) -> Option<String> {
    let records = decide(state, NOW, &Event::Tick).records;
    records.into_iter().find_map(|record| {
        let Record::SoloBegun { plan, .. } = record else {
            return None;
        };
        plan.by.reason.clone()
    })
}

#[test]
fn a_standby_that_is_left_with_the_vip_becomes_primary_and_says_why() {
    let reason = reason(&left()).expect("a failover");
    for part in ["node b is gone", "not heard for 1000 s", "the VIP is here"] {
        assert!(reason.contains(part), "{reason}");
    }
}

/// Each sign must be there.
#[test]
fn nothing_is_promoted_where_one_sign_is_missing() {
    type Edit = fn(&mut State);
    let missing: [(&str, Edit); 7] = [
        ("the configuration's word", |s| s.unasked.failover = None),
        ("the peer's silence", |s| {
            s.observed.peer.as_mut().expect("a peer").1 = NOW;
        }),
        ("the VIP", |s| s.observed.local.vrrp = VrrpState::Backup),
        ("keepalived's silence, for long enough", |s| {
            s.observed.vrrp_since = NOW;
        }),
        ("a standby", |s| {
            s.observed.local.database = DatabaseRole::Primary;
        }),
        ("having followed to the end", |s| {
            s.observed.local.follows = false;
            s.observed.vrrp_since = Time(NOW.0 - 60_000);
        }),
        ("rest: a rejoin is under way", |s| {
            s.journaled.solo = Some(alone(Kind::Rejoin, &[]));
        }),
    ];
    for (what, edit) in missing {
        let mut state = left();
        edit(&mut state);
        assert_eq!(reason(&state), None, "without {what}");
    }
}

/// The look at it that saw it follow may be a moment older than the silence.
#[test]
fn a_standby_that_followed_until_the_silence_has_what_was_acknowledged() {
    let silent = NOW.0 - 60_000;
    let begins = |followed: u64| {
        let mut state = left();
        state.observed.local.follows = false;
        state.observed.vrrp_since = Time(silent);
        state.observed.followed = Some(Time(followed));
        reason(&state).is_some()
    };
    assert!(begins(silent));
    assert!(begins(silent - 7_000));
    assert!(!begins(silent - 7_001));
}

/// One that failed is not begun again before the other node was heard once more.
#[test]
fn a_failover_that_failed_is_begun_again_only_after_the_peer_came_and_went() {
    let after = |kind, result, ended: u64, heard: u64| {
        let mut state = left();
        let solo = Rollout {
            ended: Some((result, Time(ended))),
            ..alone(kind, &[(0, RowState::Failed)])
        };
        state.journaled.solo = Some(solo);
        state.observed.peer.as_mut().expect("a peer").1 = Time(heard);
        reason(&state).is_some()
    };
    let (failed, succeeded) = (RolloutResult::Failed, RolloutResult::Succeeded);
    assert!(!after(Kind::Failover, failed, 2_000, 1_000));
    assert!(after(Kind::Failover, failed, 1_000, 2_000));
    // It stood down at the word that it heard.
    assert!(after(Kind::Failover, failed, 2_000, 2_000));
    assert!(after(Kind::Failover, succeeded, 2_000, 1_000));
    assert!(after(Kind::Rejoin, failed, 2_000, 1_000));
}

/// A node that is heard again is not gone; what has begun to promote goes to its end.
#[test]
fn a_failover_stands_down_when_the_peer_is_heard() {
    let ends = |kind, mine: &[(usize, RowState)], heard: Time| {
        let mut state = left();
        state.journaled.solo = Some(alone(kind, mine));
        state.observed.peer.as_mut().expect("a peer").1 = heard;
        let records = decide(&state, NOW, &Event::Tick).records;
        records
            .iter()
            .any(|record| matches!(record, Record::SoloEnded { .. }))
    };
    assert!(ends(Kind::Failover, &[], NOW));
    assert!(!ends(Kind::Failover, &[], Time(0)));
    assert!(!ends(Kind::Failover, &[(0, RowState::Started)], NOW));
    assert!(!ends(Kind::Rejoin, &[], NOW));
}

/// A promotion that has begun and not come to its work is not made up for in the place of a later primary.
#[test]
fn a_failover_ends_when_the_other_node_was_promoted_since() {
    let ends = |mine: &[(usize, RowState)], edit: fn(&mut State)| {
        let mut state = left();
        state.journaled.solo = Some(alone(Kind::Failover, mine));
        replaced(&mut state);
        edit(&mut state);
        let records = decide(&state, NOW, &Event::Tick).records;
        records
            .iter()
            .any(|record| matches!(record, Record::SoloEnded { .. }))
    };
    let begun = [(0, RowState::Started)];
    assert!(ends(&begun, |_| {}));
    assert!(!ends(&begun, |s| s.journaled.primary = None));
    // A thread that is still at it may yet promote.
    assert!(!ends(&begun, |s| s.observed.local.busy = true));
    // By a person who accepts that loss: it begins its term with the promotion.
    assert!(!ends(&[], |_| {}));
}

/// Once for each primary that is seen: where that did not help a person looks.
#[test]
fn a_rejoin_is_begun_once_for_each_primary_that_is_seen() {
    let after = |kind, to: &str, ended| {
        let mut state = left_down();
        let mut solo = alone(kind, &[]);
        Arc::make_mut(&mut solo.plan).to = to.to_owned();
        solo.ended = ended;
        state.journaled.solo = Some(solo);
        rejoins(&state)
    };
    let failed = Some((RolloutResult::Failed, Time(0)));
    assert!(!after(Kind::Rejoin, "2", failed));
    assert!(after(Kind::Rejoin, "1", failed));
    assert!(after(Kind::Failover, "2", failed));
    assert!(!after(Kind::Rejoin, "1", None));
    let mut later = left_down();
    later.journaled.primary.as_mut().expect("a primary").term = 1;
    let mut solo = alone(Kind::Rejoin, &[]);
    solo.ended = failed;
    later.journaled.solo = Some(solo);
    assert!(rejoins(&later), "the same timeline of a later term");
    let mut nobody = left_down();
    hello(&mut nobody).local.database = DatabaseRole::Standby;
    assert!(!rejoins(&nobody));
    let mut unheard = left_down();
    unheard.observed.peer.as_mut().expect("a peer").1 = Time(0);
    assert!(!rejoins(&unheard));
}

fn asked(state: &State, plan: Arc<Plan>, accepts_loss: bool) -> Result<(), Refusal> {
    let asked = Event::Command(Command::Alone { plan, accepts_loss });
    match decide(state, NOW, &asked).reply {
        Some(Reply::Accepted { .. }) => Ok(()),
        Some(Reply::Refused(refusal)) => Err(refusal),
        None => panic!("no answer"),
    }
}

#[test]
fn a_failover_that_is_asked_for_is_refused_for_what_stands_against_it() {
    type Edit = fn(&mut State);
    let heard: Edit = |s| s.observed.peer.as_mut().expect("a peer").1 = NOW;
    let cases: [(&str, Edit, Option<AloneRefusal>); 8] = [
        ("nothing", |_| {}, None),
        ("the peer is heard", heard, Some(AloneRefusal::PeerHeard)),
        (
            "the peer is heard, and held",
            |s| {
                s.observed.peer.as_mut().expect("a peer").1 = NOW;
                hello(s).local.held = true;
            },
            None,
        ),
        (
            "the other one's keepalived is heard",
            |s| s.observed.local.vrrp = VrrpState::Backup,
            Some(AloneRefusal::PeerHeard),
        ),
        (
            "it is primary",
            |s| s.observed.local.database = DatabaseRole::Primary,
            Some(AloneRefusal::NothingToPromote),
        ),
        (
            "it was primary and is held",
            |s| {
                (s.observed.local.database, s.observed.local.held) = (DatabaseRole::None, true);
            },
            None,
        ),
        (
            "it did not follow to the end",
            |s| {
                s.observed.local.follows = false;
                s.observed.vrrp_since = Time(NOW.0 - 60_000);
            },
            Some(AloneRefusal::MayLoseRows),
        ),
        ("it is replaced", replaced, Some(AloneRefusal::MayLoseRows)),
    ];
    for (what, edit, refusal) in cases {
        let mut state = left();
        state.unasked.failover = None;
        edit(&mut state);
        let expected = refusal.map_or(Ok(()), |refusal| Err(Refusal::Alone(refusal)));
        let failover = alone_plan(Kind::Failover);
        assert_eq!(asked(&state, failover.clone(), false), expected, "{what}");
        if refusal == Some(AloneRefusal::MayLoseRows) {
            assert_eq!(asked(&state, failover, true), Ok(()), "{what}");
        }
    }
}

#[test]
fn a_rejoin_that_is_asked_for_is_refused_for_what_stands_against_it() {
    let asked_of = |edit: fn(&mut State)| {
        let mut state = left_down();
        state.unasked.rejoin = None;
        edit(&mut state);
        asked(&state, alone_plan(Kind::Rejoin), false)
    };
    assert_eq!(asked_of(|_| {}), Ok(()));
    let newest = asked_of(|s| s.observed.local.timeline = 2);
    assert_eq!(newest, Err(Refusal::Alone(AloneRefusal::NotSuperseded)));
    // It was stopped by a rejoin that failed, and had followed the newest one before.
    let failed = asked_of(|s| {
        s.observed.local.timeline = 2;
        let mut solo = alone(Kind::Rejoin, &[(0, RowState::Failed)]);
        solo.ended = Some((RolloutResult::Failed, Time(0)));
        s.journaled.solo = Some(solo);
    });
    assert_eq!(failed, Ok(()));
    let nobody = asked_of(|s| hello(s).local.database = DatabaseRole::Standby);
    assert_eq!(nobody, Err(Refusal::PeerLost));
    let busy = asked_of(|s| s.journaled.solo = Some(alone(Kind::Rejoin, &[])));
    assert_eq!(busy, Err(Refusal::Busy));
}

/// The plan that is begun when this one is asked for.
fn begun(state: &State, plan: Arc<Plan>, accepts_loss: bool) -> Arc<Plan> {
    let asked = Event::Command(Command::Alone { plan, accepts_loss });
    let records = decide(state, NOW, &asked).records;
    let begun = records.into_iter().find_map(|record| {
        let Record::SoloBegun { plan, .. } = record else {
            return None;
        };
        Some(plan)
    });
    begun.expect("something is begun")
}

#[test]
fn what_is_begun_bears_the_next_number_and_a_term_only_where_loss_is_accepted() {
    let plan = alone_plan(Kind::Failover);
    assert_eq!(begun(&left(), plan.clone(), false).id.number, 1);
    assert_eq!(begun(&left(), plan.clone(), false).term, None);
    assert_eq!(begun(&left(), plan.clone(), true).term, Some(NOW.0));
    assert_eq!(
        begun(&left_down(), alone_plan(Kind::Rejoin), true).term,
        None
    );
    let mut later = left();
    let mut solo = alone(Kind::Rejoin, &[]);
    Arc::make_mut(&mut solo.plan).id.number = 4;
    solo.ended = Some((RolloutResult::Succeeded, Time(0)));
    later.journaled.solo = Some(solo);
    assert_eq!(begun(&later, plan, false).id.number, 5);
}

/// In mid-activation the rollout finishes or takes back what it began.
#[test]
fn the_services_are_left_to_the_rollout_that_has_stopped_them() {
    use RowState::Done;
    let restoring = || {
        let mut plan = Plan::clone(&alone_plan(Kind::Failover));
        let mut serve = plan.rows[0].clone();
        (serve.restores, serve.undo) = (true, Undo::Nothing);
        plan.rows.push(serve);
        Arc::new(plan)
    };
    assert_eq!(begun(&left(), restoring(), false).rows.len(), 2);
    let given = one(
        "stop done",
        Order::Start,
        &[(0, Done), (2, Done)],
        &[(1, Done)],
    );
    let mut midway = left();
    midway.journaled.rollout = state(&given, VrrpState::Master, Peer::Lost)
        .journaled
        .rollout;
    let rows = &begun(&midway, restoring(), false).rows;
    assert!(rows.len() == 1 && !rows[0].restores);
}

/// A failover at this one of its three rows, of which one promotes.
fn at_row(promotes: usize, row: usize, edit: impl FnOnce(&mut State)) -> bool {
    let mut state = left();
    let mut mine: Vec<_> = (0..row).map(|n| (n, RowState::Done)).collect();
    mine.push((row, RowState::Started));
    let mut solo = alone(Kind::Failover, &mine);
    let rows = &mut Arc::make_mut(&mut solo.plan).rows;
    *rows = vec![rows[0].clone(); 3];
    for (n, row) in rows.iter_mut().enumerate() {
        if n != promotes {
            row.undo = Undo::Nothing;
        }
    }
    state.journaled.solo = Some(solo);
    edit(&mut state);
    intents(&state, NOW).solo.is_some()
}

#[test]
fn a_failover_goes_on_only_while_the_peer_is_gone_until_it_has_promoted() {
    fn heard(state: &mut State) {
        state.observed.peer.as_mut().expect("a peer").1 = NOW;
    }
    fn held(state: &mut State) {
        heard(state);
        hello(state).local.held = true;
    }
    fn lowered(state: &mut State) {
        state.observed.local.vrrp = VrrpState::Backup;
    }
    fn started(state: &mut State) {
        heard(state);
        state.observed.local.database = DatabaseRole::Primary;
    }
    fn replaced_since(state: &mut State) {
        started(state);
        replaced(state);
    }
    for (promotes, row) in [0, 1]
        .into_iter()
        .flat_map(|p| (0..3).map(move |row| (p, row)))
    {
        let at = |edit: fn(&mut State)| at_row(promotes, row, edit);
        let after = row > promotes;
        assert!(at(|_| {}), "row {row}");
        assert_eq!(at(heard), after, "row {row}");
        assert_eq!(at(lowered), after, "row {row}");
        // Held, the other one waits for this one's word.
        assert_eq!(at(held), row >= promotes, "row {row}");
        // Let start with the other one's word, it is what was asked for.
        assert!(at(started), "row {row}");
        assert_eq!(at(replaced_since), after, "row {row}");
    }
}

#[test]
fn a_rejoin_goes_on_only_while_there_is_a_primary() {
    for (role, goes_on) in [
        (DatabaseRole::Primary, true),
        (DatabaseRole::Standby, false),
    ] {
        let at = |mine: &[(usize, RowState)]| {
            let mut state = left_down();
            state.journaled.solo = Some(alone(Kind::Rejoin, mine));
            hello(&mut state).local.database = role;
            state
        };
        let begun = at(&[(0, RowState::Started)]);
        assert_eq!(intents(&begun, NOW).solo.is_some(), goes_on);
        let records = decide(&at(&[]), NOW, &Event::Tick).records;
        let begins = |r: &Record| matches!(r, Record::SoloReported { .. });
        assert_eq!(records.iter().any(begins), goes_on);
    }
}

#[test]
fn what_a_node_does_alone_ends_with_its_last_row_or_its_first_failure() {
    let end = |row: RowState| {
        let mut state = left_down();
        state.journaled.solo = Some(alone(Kind::Rejoin, &[(0, row)]));
        let records = decide(&state, NOW, &Event::Tick).records;
        records.into_iter().find_map(|record| {
            let Record::SoloEnded { result, .. } = record else {
                return None;
            };
            Some(result)
        })
    };
    assert_eq!(end(RowState::Done), Some(RolloutResult::Succeeded));
    assert_eq!(end(RowState::Failed), Some(RolloutResult::Failed));
    assert_eq!(end(RowState::Started), None);
}
