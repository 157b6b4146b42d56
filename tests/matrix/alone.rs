//! What a node begins by itself when the other one is gone, and what ends it.
use super::{NOW, Peer, mandate, one, plan, reports, state};
use hau::core::{
    DatabaseRole, Event, Kind, Order, Plan, Record, Rollout, RolloutResult, RowState, State, Undo,
    VrrpState, decide,
};
use hau::time::Time;
use std::sync::Arc;

fn of_kind(kind: Kind) -> Arc<Plan> {
    let plan = Plan::clone(&plan());
    let mut rows: Vec<_> = plan.rows.iter().take(1).cloned().collect();
    rows[0].undo = Undo::Barrier;
    Arc::new(Plan { kind, rows, ..plan })
}

/// The VIP is here, the other node silent since long ago, and the standby here followed it to the end.
fn left() -> State {
    let given = one("idle", Order::Start, &[], &[]);
    let mut state = state(&given, VrrpState::Master, Peer::Lost);
    state.journaled.rollout = None;
    state.unasked.failover = Some(of_kind(Kind::Failover));
    let local = &mut state.observed.local;
    (local.database, local.follows) = (DatabaseRole::Standby, true);
    state
}

fn alone(kind: Kind, mine: &[(usize, RowState)]) -> Rollout {
    Rollout {
        plan: of_kind(kind),
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
    records.into_iter().find_map(|record| match record {
        Record::SoloBegun { plan, .. } => plan.by.reason.clone(),
        _ => None,
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

/// One that failed is not begun again before the other node was heard once more.
#[test]
fn a_failover_that_failed_is_begun_again_only_after_the_peer_came_and_went() {
    let after = |kind, result, ended: u64, heard: u64| {
        let mut state = left();
        let solo = Rollout {
            ended: Some((result, Time(ended))),
            ..alone(kind, &[])
        };
        state.journaled.solo = Some(solo);
        state.observed.peer.as_mut().expect("a peer").1 = Time(heard);
        reason(&state).is_some()
    };
    let (failed, succeeded) = (RolloutResult::Failed, RolloutResult::Succeeded);
    assert!(!after(Kind::Failover, failed, 2_000, 1_000));
    assert!(after(Kind::Failover, failed, 1_000, 2_000));
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
