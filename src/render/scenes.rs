//! The pair in some situations, as the tests of what is shown draw it.
use crate::audit::{By, Entry, Event};
use crate::core::{
    Actor, BundleRef, Closed, DatabaseRole, Direction, Kind, Mandate, NodeId, Order, Problem,
    RowState, Turn, VrrpState,
};
use crate::host::Status as Judgement;
use crate::time::Time;
use crate::wire::{
    Audit, Measured, Node, Outcome, Peer, Probes, Report, Rollout, Row, ServiceState, Status,
    Stopped, SyncState,
};
use std::collections::BTreeMap;

const BEGAN: u64 = 1_795_226_400_000;

pub(crate) fn node(vrrp: VrrpState, database: DatabaseRole, priority: i32) -> Node {
    let up = |port| ServiceState {
        active: true,
        ports: vec![port],
    };
    Node {
        vrrp,
        has_vip: vrrp == VrrpState::Master,
        effective_priority: Some(priority),
        weight: Some(0),
        database,
        lag_bytes: (database == DatabaseRole::Standby).then_some(16_384),
        version: Some("1.0.0".to_owned()),
        services: BTreeMap::from([
            ("api".to_owned(), up(8080)),
            ("worker".to_owned(), up(9001)),
        ]),
        sync: SyncState::Running,
        health: Judgement::Pass,
        probing: None,
        fetching: None,
    }
}

/// a is MASTER and primary, nothing goes on.
pub(crate) fn idle() -> Status {
    let nodes = BTreeMap::from([
        (
            "a".to_owned(),
            node(VrrpState::Master, DatabaseRole::Primary, 150),
        ),
        (
            "b".to_owned(),
            node(VrrpState::Backup, DatabaseRole::Standby, 100),
        ),
    ]);
    let peer = Peer {
        name: "b".to_owned(),
        reachable: true,
        last_heard_ms: Some(340),
    };
    Status {
        node: "a".to_owned(),
        peer,
        nodes,
        rollout: None,
        solo: None,
        alarm: None,
        downtime_budget_ms: Some(240_000),
        audit: None,
    }
}

pub(crate) fn rows() -> Vec<Row> {
    let table = crate::steps::table(Kind::Upgrade);
    let rows = table.flat_map(|(phase, rows)| rows.iter().map(move |row| (phase, row)));
    let row = |(phase, (turn, def)): (&&str, &(Turn, &crate::steps::StepDef))| Row {
        phase: (*phase).to_owned(),
        node: if *turn == Turn::First { "b" } else { "a" }.to_owned(),
        step: def.name.to_owned(),
        about: def.about.to_owned(),
        state: None,
        started: None,
        started_at_ms: None,
        elapsed_ms: None,
        limit_ms: 300_000,
        expected_ms: None,
        note: String::new(),
        problem: None,
    };
    rows.map(row).collect()
}

/// Everything before the row of `step` on `node` is done, each in 2.4 s.
pub(crate) fn until(node: &str, step: &str) -> Rollout {
    let mut rows = rows();
    let at = rows
        .iter()
        .position(|r| r.node == node && r.step == step)
        .unwrap();
    let mut clock = BEGAN;
    for row in &mut rows[..at] {
        row.state = Some(RowState::Done);
        row.started_at_ms = Some(clock);
        row.elapsed_ms = Some(2_400);
        clock += 2_400;
    }
    let phase = Some(rows[at].phase.clone());
    rows[at].state = Some(RowState::Started);
    rows[at].started_at_ms = Some(clock);
    rows[at].elapsed_ms = Some(42_000);
    rows[at].expected_ms = Some(110_000);
    let by = Actor {
        user: "root".to_owned(),
        node: "a".to_owned(),
        reason: None,
    };
    let mandate = Mandate {
        epoch: 1,
        origin: NodeId("a".to_owned()),
        order: Order::Start,
        direction: Direction::Forward,
        by,
        at: Time(BEGAN),
    };
    Rollout {
        id: 12,
        origin: "a".to_owned(),
        kind: Kind::Upgrade,
        first: "b".to_owned(),
        second: "a".to_owned(),
        from: "1.0.0".to_owned(),
        to: "1.1.0".to_owned(),
        by: "root".to_owned(),
        reason: Some("ticket <4711>".to_owned()),
        bundle: Some(BundleRef {
            file: "shop-1.1.0.hau".to_owned(),
            sha256: "ab".repeat(32),
            size_bytes: 4711,
        }),
        made: "2026-11-21T02:00:00.123Z".to_owned(),
        phase,
        rows,
        result: None,
        mandate,
        stopped_by: None,
        next: "b starts its services; then health and soak".to_owned(),
        elapsed_ms: clock + 42_000 - BEGAN,
        downtime_ms: None,
        write_gap_ms: None,
    }
}

pub(crate) fn midway() -> Status {
    let mut s = idle();
    let b = s.nodes.get_mut("b").unwrap();
    b.weight = Some(-60);
    b.effective_priority = Some(40);
    b.version = Some("1.1.0".to_owned());
    b.services.get_mut("api").unwrap().active = false;
    b.health = Judgement::Fail;
    s.nodes
        .values_mut()
        .for_each(|n| n.sync = SyncState::Paused);
    s.rollout = Some(until("b", "start"));
    s
}

pub(crate) fn halted() -> Status {
    let mut s = midway();
    let r = s.rollout.as_mut().unwrap();
    let problem = Problem {
        what: "api: nothing listens on port 8080 five minutes after its start".to_owned(),
        remedy: "journalctl -u shop-api.service says why; mend it, then hau-ctl retry".to_owned(),
    };
    let row = r
        .rows
        .iter_mut()
        .find(|row| row.state == Some(RowState::Started))
        .unwrap();
    row.state = Some(RowState::Failed);
    row.elapsed_ms = Some(300_000);
    row.problem = Some(problem.clone());
    r.result = Some(Outcome::Halted);
    r.stopped_by = Some(Stopped::Failure {
        node: "b".to_owned(),
        step: "start".to_owned(),
        problem,
    });
    r.next = "a serves 1.0.0 as before. hau-ctl retry does the row again, hau-ctl abort takes b back to 1.0.0".to_owned();
    s
}

pub(crate) fn peer_lost() -> Status {
    let mut s = midway();
    s.peer.reachable = false;
    s.peer.last_heard_ms = Some(73_000);
    let r = s.rollout.as_mut().unwrap();
    r.stopped_by = Some(Stopped::Gate {
        node: "a".to_owned(),
        step: "arm".to_owned(),
        closed: Closed::PeerLost,
        says: "the other node has not been heard of for 73 s".to_owned(),
    });
    r.next = "goes on by itself when b is heard again".to_owned();
    s
}

pub(crate) fn succeeded() -> Status {
    let mut s = idle();
    let mut r = until("a", "cleanup");
    for row in &mut r.rows {
        row.state = Some(RowState::Done);
        row.elapsed_ms = row.elapsed_ms.or(Some(900));
    }
    r.result = Some(Outcome::Succeeded);
    r.phase = None;
    r.next = String::new();
    r.downtime_ms = Some(0);
    r.write_gap_ms = Some(96);
    s.rollout = Some(r);
    let a = node(VrrpState::Backup, DatabaseRole::Standby, 90);
    s.nodes.insert("a".to_owned(), a);
    s.nodes.insert(
        "b".to_owned(),
        node(VrrpState::Master, DatabaseRole::Primary, 100),
    );
    s.nodes
        .values_mut()
        .for_each(|n| n.version = Some("1.1.0".to_owned()));
    s
}

/// What was measured in the rollout of `succeeded`: the VIP arrives in the middle of it.
pub(crate) fn measured() -> Measured {
    let r = succeeded().rollout.unwrap();
    let arms = r.rows.iter().find(|row| row.phase == "arm").unwrap();
    let mut probes = Probes::new("b".to_owned(), arms.started_at_ms.unwrap());
    for n in 0..150 {
        let took = match n {
            70 => 310,
            71..80 => 310 - (n - 70) * 30,
            _ => 2 + n % 3,
        };
        probes.take(n * 120, Some(took));
    }
    vec![probes]
}

pub(crate) fn report(s: Status) -> Report {
    Report {
        rollout: s.rollout.unwrap(),
        measured: measured(),
        done_by: done_by(),
    }
}

/// What both trails have of it.
fn done_by() -> Audit {
    let entry = |node: &str, seq, event| Entry {
        seq,
        at: format!("2026-11-21T02:0{}:00Z", seq % 10),
        node: node.to_owned(),
        event,
        prev: String::new(),
    };
    let by = By {
        user: "root".to_owned(),
        terminal: Some("pts/3".to_owned()),
        ..By::default()
    };
    let asked = Event::Asked {
        by,
        path: "/v1/rollouts".to_owned(),
        request: serde_json::json!({ "bundle": "shop-1.1.0.hau" }),
        reason: Some("ticket <4711>".to_owned()),
    };
    let answered = Event::Answered {
        to: 40,
        outcome: crate::audit::Outcome::Accepted,
        code: None,
        says: None,
        rollout: Some(12),
    };
    let ended = |node, seq| {
        let (origin, result) = ("a".to_owned(), "succeeded".to_owned());
        let rollout = 12;
        entry(
            node,
            seq,
            Event::Ended {
                rollout,
                origin,
                result,
            },
        )
    };
    BTreeMap::from([
        (
            "a".to_owned(),
            vec![
                entry("a", 40, asked),
                entry("a", 41, answered),
                ended("a", 43),
            ],
        ),
        ("b".to_owned(), vec![ended("b", 23)]),
    ])
}

/// The same, as the daemon says it of a pair that it runs on.
pub(crate) fn as_told(mut s: Status) -> Status {
    let r = s.rollout.as_mut().unwrap();
    match &mut r.stopped_by {
        Some(Stopped::Failure { problem, .. }) => {
            problem.what = told!("{}: nothing listens on port {}", "api", 8080);
            problem.remedy = told!("correct its ports in hau.toml, or mend the service");
            for row in &mut r.rows {
                row.problem = row.problem.as_ref().map(|_| problem.clone());
            }
            r.next = told!("hau-ctl retry, when the cause is mended; or hau-ctl abort");
        }
        Some(Stopped::Gate { says, .. }) => {
            *says = told!(
                "node {} is not heard of: nothing new begins until it is",
                "b"
            );
            r.next = "arm on node a".to_owned();
        }
        None if r.result.is_none() => r.next = "start on node b".to_owned(),
        None => {}
    }
    r.by = "root on a".to_owned();
    s
}
