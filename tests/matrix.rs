//! State × event: what the core makes of everything that can happen in every kind of situation,
//! in one snapshot. A change of a rule shows here as the lines it changes.
#[path = "matrix/again.rs"]
mod again;
#[path = "matrix/alone.rs"]
mod alone;
#[path = "matrix/band.rs"]
mod band;
#[path = "matrix/facts.rs"]
mod facts;
#[path = "matrix/fast.rs"]
mod fast;
#[path = "matrix/handoff.rs"]
mod handoff;
#[path = "matrix/late.rs"]
mod late;
#[path = "matrix/life.rs"]
mod life;
#[path = "matrix/next.rs"]
mod next;
#[path = "matrix/nobody.rs"]
mod nobody;
#[path = "matrix/promote.rs"]
mod promote;
#[path = "matrix/term.rs"]
mod term;
#[path = "matrix/told.rs"]
mod told;
#[path = "matrix/undo.rs"]
mod undo;

use hau::core::{
    Actor, Band, Closed, Command, Event, HandoffRow, Hello, Intents, Job, JobKey, Kind, Local, Log,
    Machine, Mandate, NodeId, Order, Outcome, Plan, Primary, Problem, Record, Report, Reports,
    Rollout, RolloutId, RolloutResult, RolloutView, Row, RowState, State, Timing, Undo, VrrpState,
    decide, intents, may_work_by_hand,
};
use hau::time::Time;
use std::{fmt::Write, sync::Arc, time::Duration};

const NOW: Time = Time(1_000_000);

fn node(name: &str) -> NodeId {
    NodeId(name.to_owned())
}

fn actor() -> Actor {
    Actor {
        user: "root".to_owned(),
        node: "a".to_owned(),
        reason: None,
    }
}

fn row(phase: u16, owner: &str, step: &str) -> Row {
    Row {
        phase,
        phase_name: format!("phase {phase}"),
        node: node(owner),
        step: step.to_owned(),
        disruptive: false,
        disruptive_undo: false,
        restores: false,
        service_down: false,
        gives_vip: false,
        confirmable: false,
        undo: Undo::Nothing,
        handoff: HandoffRow::Nothing,
        limit_ms: 60_000,
        attempts: 2,
    }
}

/// Seven rows that have everything a rule asks for: quiet, disruptive, restoring, giving the VIP,
/// a barrier. `a` is upgraded first.
fn plan() -> Arc<Plan> {
    let rows = vec![
        Row {
            undo: Undo::Run,
            ..row(0, "a", "pause")
        },
        Row {
            undo: Undo::Run,
            ..row(0, "b", "pause")
        },
        Row {
            disruptive: true,
            service_down: true,
            undo: Undo::Run,
            ..row(1, "a", "stop")
        },
        Row {
            restores: true,
            service_down: true,
            disruptive_undo: true,
            confirmable: true,
            undo: Undo::Run,
            ..row(1, "a", "start")
        },
        Row {
            gives_vip: true,
            undo: Undo::Run,
            ..row(2, "b", "release")
        },
        Row {
            undo: Undo::Barrier,
            ..row(3, "a", "promote")
        },
        Row {
            disruptive: true,
            service_down: true,
            undo: Undo::Run,
            ..row(4, "b", "stop")
        },
    ];
    Arc::new(Plan {
        id: RolloutId {
            number: 1,
            origin: node("a"),
        },
        kind: Kind::Upgrade,
        first: node("a"),
        second: node("b"),
        from: "1".to_owned(),
        to: "2".to_owned(),
        bundle: None,
        way_back: None,
        by: actor(),
        made_at: Time(0),
        home_before: None,
        stop_before: None,
        term: None,
        takes_back: false,
        fast: false,
        rows,
    })
}

/// What a node does alone, in one row of no return.
fn alone_plan(kind: Kind) -> Arc<Plan> {
    let plan = Plan::clone(&plan());
    let mut rows: Vec<_> = plan.rows.iter().take(1).cloned().collect();
    rows[0].undo = Undo::Barrier;
    Arc::new(Plan { kind, rows, ..plan })
}

fn mandate(order: Order, epoch: u64) -> Mandate {
    let direction = match order {
        Order::Abort => hau::core::Direction::Back,
        Order::Start | Order::Retry | Order::Confirm => hau::core::Direction::Forward,
    };
    Mandate {
        epoch,
        origin: node("a"),
        order,
        direction,
        by: actor(),
        at: Time(0),
    }
}

fn problem() -> Problem {
    Problem {
        what: "it broke".to_owned(),
        remedy: "mend it".to_owned(),
    }
}

fn reports(rows: &[(usize, RowState)], epoch: u64) -> Arc<Reports> {
    let at = Time(NOW.0 - 1_000);
    let report = |state| {
        let problem = matches!(state, RowState::Failed | RowState::UndoFailed).then(problem);
        Report {
            state,
            epoch,
            attempt: 1,
            started_at: at,
            at,
            note: String::new(),
            problem,
            untouched: false,
        }
    };
    Arc::new(rows.iter().map(|(n, state)| (*n, report(*state))).collect())
}

#[derive(Clone, Copy, Debug)]
enum Peer {
    Fresh,
    Lost,
    /// Under an older mandate.
    Behind,
}

/// The other node's word, to be changed.
fn hello(state: &mut State) -> &mut Hello {
    let (hello, _) = state.observed.peer.as_mut().expect("a peer");
    Arc::make_mut(hello)
}

/// The other node became primary after this one was.
fn replaced(state: &mut State) {
    state.observed.local.timeline = 1;
    state.journaled.primary = Some(Primary {
        node: node("b"),
        term: 0,
        timeline: 2,
        identity: String::new(),
    });
}

/// A plan that has just been made, as the node that made it tells of it.
fn view(plan: Arc<Plan>) -> RolloutView {
    RolloutView {
        plan,
        with: None,
        mandate: mandate(Order::Start, 0).into(),
        reports: Arc::default(),
        has_moved: false,
        ended: false,
    }
}

type States = Vec<(usize, RowState)>;

struct Given {
    name: &'static str,
    /// The order in force, this node's rows and the peer's.
    state: Option<(Order, States, States)>,
    ended: bool,
}

fn one(
    name: &'static str,
    order: Order,
    mine: &[(usize, RowState)],
    theirs: &[(usize, RowState)],
) -> Given {
    let state = Some((order, mine.to_vec(), theirs.to_vec()));
    Given {
        name,
        state,
        ended: false,
    }
}

fn given_forward() -> Vec<Given> {
    use RowState::{Done, Failed, Started};
    let all = [(0, Done), (2, Done), (3, Done), (5, Done)];
    vec![
        Given {
            name: "idle",
            state: None,
            ended: false,
        },
        one("planned", Order::Start, &[], &[]),
        one("quiet row started", Order::Start, &[(0, Started)], &[]),
        one(
            "quiet row done, peer's not",
            Order::Start,
            &[(0, Done)],
            &[(1, Started)],
        ),
        one("phase done", Order::Start, &[(0, Done)], &[(1, Done)]),
        one(
            "stop started",
            Order::Start,
            &[(0, Done), (2, Started)],
            &[(1, Done)],
        ),
        one(
            "stop done",
            Order::Start,
            &[(0, Done), (2, Done)],
            &[(1, Done)],
        ),
        one(
            "halted at start",
            Order::Start,
            &[(0, Done), (2, Done), (3, Failed)],
            &[(1, Done)],
        ),
        one("upgraded", Order::Start, &all[..3], &[(1, Done)]),
        one(
            "peer gives the VIP",
            Order::Start,
            &all[..3],
            &[(1, Done), (4, Started)],
        ),
        one(
            "VIP given",
            Order::Start,
            &all[..3],
            &[(1, Done), (4, Done)],
        ),
        one(
            "promotion begun",
            Order::Start,
            &[&all[..3], &[(5, Started)]].concat(),
            &[(1, Done), (4, Done)],
        ),
        one(
            "peer upgraded",
            Order::Start,
            &all,
            &[(1, Done), (4, Done), (6, Done)],
        ),
    ]
}

fn given_back() -> Vec<Given> {
    use RowState::{Done, Undoing, Undone};
    let all = [(0, Done), (2, Done), (3, Done), (5, Done)];
    vec![
        one(
            "going back",
            Order::Abort,
            &[(0, Done), (2, Done), (3, Undoing)],
            &[(1, Done)],
        ),
        one(
            "taken back",
            Order::Abort,
            &[(0, Undone), (2, Undone), (3, Undone)],
            &[(1, Undone)],
        ),
        Given {
            name: "ended",
            state: Some((
                Order::Start,
                all.to_vec(),
                vec![(1, Done), (4, Done), (6, Done)],
            )),
            ended: true,
        },
    ]
}

fn local(vrrp: VrrpState, serving: bool) -> Local {
    Local {
        vrrp,
        has_vip: vrrp == VrrpState::Master,
        serving,
        ..Local::default()
    }
}

fn state(given: &Given, vrrp: VrrpState, peer: Peer) -> State {
    let mut state = State::new(node("a"), node("b"), Timing::default());
    let plan = plan();
    let mut view = None;
    if let Some((order, mine, theirs)) = &given.state {
        let epoch = u64::from(*order != Order::Start);
        let mandate_is = mandate(*order, epoch);
        let (mine, peers) = (reports(mine, epoch), reports(theirs, epoch));
        let told = if matches!(peer, Peer::Behind) {
            Mandate {
                epoch: 0,
                origin: node("0"),
                ..mandate(Order::Start, 0)
            }
        } else {
            mandate_is.clone()
        };
        view = Some(RolloutView {
            plan: plan.clone(),
            with: None,
            mandate: told.into(),
            reports: peers.clone(),
            has_moved: false,
            ended: given.ended,
        });
        let ended = given.ended.then_some((RolloutResult::Succeeded, Time(0)));
        state.journaled.rollout = Some(Rollout {
            plan,
            mandate: mandate_is.into(),
            mine,
            peers,
            told: (0, 0),
            with: None,
            ended,
            has_moved: false,
        });
    }
    let down = ["stop done", "stop started", "halted at start", "going back"].contains(&given.name);
    state.observed.local = local(vrrp, !down);
    let other = if vrrp == VrrpState::Master {
        VrrpState::Backup
    } else {
        VrrpState::Master
    };
    let hello = Hello {
        node: node("b"),
        installed: Time(0),
        boot: 1,
        sequence: 1,
        heard: Some((state.journaled.installed, state.journaled.boot)),
        local: local(other, true),
        claims: false,
        term: 0,
        home: None,
        rollout: view,
    };
    let seen = if matches!(peer, Peer::Lost) {
        Time(0)
    } else {
        NOW
    };
    state.observed.peer = Some((hello.into(), seen));
    state
}

fn events(state: &State) -> Vec<(&'static str, Event)> {
    let order = |order| Event::Command(Command::Order { order, by: actor() });
    let rollout = state.running();
    let open = rollout.and_then(|r| {
        r.mine
            .iter()
            .find(|(_, x)| matches!(x.state, RowState::Started | RowState::Undoing))
    });
    let host_boot = "another".to_owned();
    let started = Event::Started { host_boot };
    let mut events = vec![
        ("started", started),
        ("tick", Event::Tick),
        ("start", Event::Command(Command::Start(plan()))),
        ("retry", order(Order::Retry)),
        ("confirm", order(Order::Confirm)),
        ("abort", order(Order::Abort)),
    ];
    if let Some((row, report)) = open {
        let direction = match report.state {
            RowState::Undoing => hau::core::Direction::Back,
            RowState::Started
            | RowState::Done
            | RowState::Failed
            | RowState::Undone
            | RowState::UndoFailed => hau::core::Direction::Forward,
        };
        let key = JobKey {
            solo: false,
            rollout: 1,
            row,
            epoch: report.epoch,
            attempt: 1,
            direction,
        };
        let done = Outcome::Done {
            note: "fine".to_owned(),
        };
        let ended = |outcome| Event::JobEnded {
            key: key.clone(),
            outcome,
        };
        events.push(("job done", ended(done.clone())));
        events.push(("job to be retried", ended(Outcome::Retry(problem()))));
        events.push(("job failed", ended(Outcome::Failed(problem()))));
        events.push(("nothing was done", ended(Outcome::Untouched(problem()))));
        let old = JobKey {
            attempt: 7,
            ..key.clone()
        };
        events.push((
            "an old job done",
            Event::JobEnded {
                key: old,
                outcome: done,
            },
        ));
    }
    events
}

fn record(record: &Record) -> String {
    match record {
        Record::Started { boot, .. } => format!("boot {boot}"),
        Record::HomeTold { home } => format!("home {home}"),
        Record::PlanAdopted { plan, .. } => format!("plan {}", plan.id.number),
        Record::MandateTaken { mandate } => {
            format!(
                "{:?}#{} by {}",
                mandate.order, mandate.epoch, mandate.by.user
            )
        }
        Record::RowReported { row, report } if report.attempt > 1 => {
            format!("{row} {:?} (try {})", report.state, report.attempt)
        }
        Record::RowReported { row, report } => {
            let nothing = if report.untouched { " (untouched)" } else { "" };
            format!("{row} {:?}{nothing}", report.state)
        }
        Record::PeerReported { .. } => "peer's reports".to_owned(),
        Record::RolloutEnded { result, .. } => format!("end: {result:?}"),
        Record::SoloBegun { plan, .. } => format!("{:?} {}", plan.kind, plan.id.number),
        Record::SoloReported { row, report } => format!("own {row} {:?}", report.state),
        Record::SoloEnded { result, .. } => format!("own end: {result:?}"),
        Record::NotPromoted => "not promoted".to_owned(),
        Record::TermShared { term } => format!("term {term}"),
        Record::PrimarySeen { primary, .. } => format!("primary {}", primary.node),
    }
}

fn line(state: &State, event: &Event) -> String {
    let mut state = state.clone();
    let decision = decide(&state, NOW, event);
    for record in &decision.records {
        state.journaled.apply(record);
    }
    let Intents { job, band, .. } = intents(&state, NOW);
    let records: Vec<String> = decision.records.iter().map(record).collect();
    let job = job.map_or("-".to_owned(), |Job { key, verb, .. }| {
        format!("{verb:?} {}", key.row)
    });
    let reply = decision
        .reply
        .map_or(String::new(), |reply| format!("  {reply:?}"));
    format!("[{}] {job} {band:?}{reply}", records.join(", "))
}

#[test]
fn matrix() {
    let mut text = String::new();
    for given in given_forward().into_iter().chain(given_back()) {
        for vrrp in [VrrpState::Backup, VrrpState::Master, VrrpState::Unknown] {
            for peer in [Peer::Fresh, Peer::Lost, Peer::Behind] {
                if given.state.is_none() && matches!(peer, Peer::Behind) {
                    continue;
                }
                let state = state(&given, vrrp, peer);
                let waits = state.standing(NOW).map_or("-".to_owned(), |(row, closed)| {
                    closed.map_or(format!("at {row}"), |closed| {
                        format!("at {row}, {closed:?}")
                    })
                });
                writeln!(text, "\n{}, {vrrp:?}, peer {peer:?} ({waits})", given.name)
                    .expect("a string");
                for (name, event) in events(&state) {
                    writeln!(text, "  {name:<18} {}", line(&state, &event)).expect("a string");
                }
            }
        }
    }
    insta::assert_snapshot!(text);
}

fn idle() -> State {
    let given = Given {
        name: "nothing",
        state: None,
        ended: false,
    };
    state(&given, VrrpState::Master, Peer::Fresh)
}

/// A backup asked for by hand at the moment a plan comes from the other node: the plan is taken and waits.
#[test]
fn no_row_begins_while_something_is_done_by_hand() {
    let mut state = idle();
    state.observed.local.by_hand = true;
    let start = Event::Command(Command::Start(plan()));
    assert_eq!(line(&state, &start), "[] - Normal  Refused(ByHand)");
    let mut hello = Hello::clone(&state.observed.peer.as_ref().expect("a peer").0);
    hello.sequence += 1;
    hello.rollout = Some(view(plan()));
    state.observed.peer = Some((hello.into(), NOW));
    assert_eq!(line(&state, &Event::Tick), "[plan 1] - Normal");
    state.observed.local.by_hand = false;
    assert_eq!(
        line(&state, &Event::Tick),
        "[plan 1, 0 Started] Do 0 Normal"
    );

    let mut state = idle();
    assert_eq!(may_work_by_hand(&state, NOW), Ok(()));
    if let Some((hello, _)) = &mut state.observed.peer {
        Arc::make_mut(hello).local.by_hand = true;
    }
    assert_eq!(line(&state, &start), "[] - Normal  Refused(ByHand)");
    assert_eq!(
        may_work_by_hand(&state, NOW),
        Ok(()),
        "both nodes may be backed up at once"
    );
}

#[test]
fn nothing_is_done_by_hand_while_a_rollout_goes_on() {
    for given in given_forward().into_iter().chain(given_back()) {
        let is_running = given.state.is_some() && !given.ended;
        let may = may_work_by_hand(&state(&given, VrrpState::Backup, Peer::Fresh), NOW);
        assert_eq!(may.is_err(), is_running, "{}: {may:?}", given.name);
    }
}

/// Backups bear the time of their plan in their names, and the newest one is kept.
#[test]
fn a_plan_is_never_older_than_the_one_before() {
    let mut state = idle();
    let hour = Duration::from_secs(3_600);
    let mut old = Plan::clone(&plan());
    old.made_at = NOW + hour;
    state.journaled.rollout = Some(Rollout {
        plan: old.into(),
        mandate: mandate(Order::Start, 0).into(),
        mine: Arc::default(),
        peers: Arc::default(),
        told: (0, 0),
        with: None,
        ended: Some((RolloutResult::Failed, NOW)),
        has_moved: false,
    });
    let start = decide(&state, NOW, &Event::Command(Command::Start(plan())));
    let Some(Record::PlanAdopted { plan, .. }) = start.records.first() else {
        panic!("no plan in {:?}", start.records);
    };
    assert!(plan.made_at > NOW + hour);
}

/// Without power for longer than the row's limit, or with its clock set by an hour meanwhile: the row is resumed.
#[test]
fn a_limit_is_counted_anew_after_a_restart() {
    let given = Given {
        name: "stop started",
        state: Some((Order::Start, vec![(0, RowState::Started)], vec![])),
        ended: false,
    };
    let mut state = state(&given, VrrpState::Backup, Peer::Fresh);
    for now in [
        NOW + Duration::from_secs(3_600),
        NOW + Duration::from_secs(1),
    ] {
        let report = Report {
            started_at: NOW + Duration::from_secs(1_800),
            ..state.running().expect("a rollout").mine[0].clone()
        };
        let rollout = state.journaled.rollout.as_mut().expect("a rollout");
        Arc::make_mut(&mut rollout.mine).insert(0, report);
        state.observed.started = now;
        let limit = rollout.plan.rows[0].limit();
        assert_eq!(decide(&state, now, &Event::Tick).records, []);
        let job = intents(&state, now).job.expect("a job");
        assert_eq!(job.deadline, now + limit);
    }
}

/// Both hosts were without power, and this one was giving the VIP away: it goes on giving it away, and does not
/// rank before the node that serves while its own services are still starting.
#[test]
fn who_was_giving_the_vip_goes_on_after_a_long_time_without_power() {
    let (mut state, now) = (giver(), NOW + Duration::from_secs(3_600));
    state.observed.started = now;
    if let Some((_, seen)) = &mut state.observed.peer {
        *seen = now;
    }
    assert_eq!(decide(&state, now, &Event::Tick).records, []);
    let Intents { job, band, .. } = intents(&state, now);
    assert_eq!(band, Band::Upgrading);
    assert_eq!(job.expect("a job").key.row, 4);
    state.observed.local.serving = true;
    assert_eq!(intents(&state, now).band, Band::Draining);
}

/// `b`, which has begun to give the VIP away and is down, beside `a`, which has it and serves.
fn giver() -> State {
    let given = Given {
        name: "the giver",
        state: Some((
            Order::Start,
            vec![(1, RowState::Done), (4, RowState::Started)],
            vec![
                (0, RowState::Done),
                (2, RowState::Done),
                (3, RowState::Done),
            ],
        )),
        ended: false,
    };
    let mut state = state(&given, VrrpState::Backup, Peer::Fresh);
    (state.me, state.peer) = (node("b"), node("a"));
    state.observed.local.serving = false;
    if let Some((hello, _)) = &mut state.observed.peer {
        Arc::make_mut(hello).node = node("a");
    }
    state
}

/// Services that serve are stopped on a node only beside one that is known to hold the VIP and to serve.
#[test]
fn what_serves_may_be_stopped_only_beside_a_node_that_serves() {
    let state = giver();
    assert!(intents(&state, NOW).may_stop);
    let lost = NOW + Duration::from_secs(5);
    assert!(!intents(&state, lost).may_stop);
    let with = |change: fn(&mut Local)| {
        let mut state = state.clone();
        if let Some((hello, _)) = &mut state.observed.peer {
            change(&mut Arc::make_mut(hello).local);
        }
        intents(&state, NOW).may_stop
    };
    assert!(!with(|peer| peer.serving = false));
    assert!(!with(|peer| peer.vrrp = VrrpState::Backup));
    let mut master = state.clone();
    master.observed.local.vrrp = VrrpState::Master;
    assert!(!intents(&master, NOW).may_stop);
}

/// Going back has failed here, and then the other node is gone: nobody is left to say `retry`.
#[test]
fn a_survivor_that_failed_to_go_back_tries_once_more() {
    let given = one(
        "going back",
        Order::Abort,
        &[
            (0, RowState::Done),
            (2, RowState::Done),
            (3, RowState::UndoFailed),
        ],
        &[(1, RowState::Done)],
    );
    let mut state = state(&given, VrrpState::Master, Peer::Lost);
    let told = line(&state, &Event::Tick);
    assert_eq!(told, "[Retry#2 by hau, 3 Undoing] Undo 3 Upgrading");
    for record in decide(&state, NOW, &Event::Tick).records {
        state.journaled.apply(&record);
    }
    let rollout = state.journaled.rollout.as_mut().expect("a rollout");
    let failed = Report {
        state: RowState::UndoFailed,
        ..rollout.mine[3].clone()
    };
    Arc::make_mut(&mut rollout.mine).insert(3, failed);
    assert_eq!(line(&state, &Event::Tick), "[] - Upgrading");
}

/// What the peer tells, from now on.
fn peer_takes(state: &mut State) {
    let mandate = state.running().expect("a rollout").mandate.clone();
    if let Some((hello, _)) = &mut state.observed.peer
        && let Some(view) = &mut Arc::make_mut(hello).rollout
    {
        view.mandate = mandate;
    }
}

/// `--stop-before`: a retry of something that failed on the way is not leave to go past it.
#[test]
fn a_rollout_asked_to_stop_waits_there_until_it_is_told_to_go_on() {
    use RowState::Done;
    for order in [Order::Start, Order::Retry] {
        let given = one("phase done", order, &[(0, Done)], &[(1, Done)]);
        let mut state = state(&given, VrrpState::Backup, Peer::Fresh);
        let rollout = state.journaled.rollout.as_mut().expect("a rollout");
        Arc::make_mut(&mut rollout.plan).stop_before = Some(1);
        assert_eq!(line(&state, &Event::Tick), "[] - Normal");
        assert_eq!(state.standing(NOW), Some((2, Some(Closed::StopAsked))));
        let order = Order::Retry;
        let told = Event::Command(Command::Order { order, by: actor() });
        for record in decide(&state, NOW, &told).records {
            state.journaled.apply(&record);
        }
        peer_takes(&mut state);
        assert_eq!(
            line(&state, &Event::Tick),
            "[2 Started] Do 2 Upgrading",
            "{order:?}"
        );
    }
}

/// The VIP was said to be given away and is still here, or it has come back: the peer cannot take it, so nothing
/// sends it there.
#[test]
fn who_serves_with_the_vip_ranks_lower_only_for_a_peer_that_can_take_it() {
    let mut state = giver();
    let rollout = state.journaled.rollout.as_mut().expect("a rollout");
    let done = Report {
        state: RowState::Done,
        ..rollout.mine[4].clone()
    };
    Arc::make_mut(&mut rollout.mine).insert(4, done);
    state.observed.local = local(VrrpState::Master, true);
    let band = |state: &State, now| intents(state, now).band;
    assert_eq!(band(&state, NOW), Band::Draining);
    assert_eq!(band(&state, NOW + Duration::from_secs(5)), Band::Normal);
    if let Some((hello, _)) = &mut state.observed.peer {
        Arc::make_mut(hello).local.serving = false;
    }
    assert_eq!(band(&state, NOW), Band::Normal);
}

/// What a survivor has tried itself it does not try again; what a person has tried it does.
#[test]
fn a_survivor_tries_once_more_after_whoever_asked_for_the_way_back() {
    use RowState::{Done, UndoFailed, Undone};
    let after = |order: Order, user: &str, origin: &str| {
        let rows = [(0, Done), (2, Done), (3, UndoFailed)];
        let given = one("going back", Order::Abort, &rows, &[(1, Done)]);
        let mut state = state(&given, VrrpState::Master, Peer::Lost);
        let rollout = state.journaled.rollout.as_mut().expect("a rollout");
        let mandate = Arc::make_mut(&mut rollout.mandate);
        (mandate.order, mandate.origin) = (order, node(origin));
        user.clone_into(&mut mandate.by.user);
        peer_takes(&mut state);
        line(&state, &Event::Tick)
    };
    let tries = "[Retry#2 by hau, 3 Undoing] Undo 3 Upgrading";
    assert_eq!(after(Order::Abort, "hau", "a"), tries);
    assert_eq!(after(Order::Retry, "root", "a"), tries);
    assert_eq!(after(Order::Retry, "hau", "b"), tries);
    assert_eq!(after(Order::Retry, "hau", "a"), "[] - Upgrading");

    // Nothing is left to take back here.
    let given = one(
        "going back",
        Order::Abort,
        &[(0, Undone)],
        &[(1, UndoFailed)],
    );
    let state = state(&given, VrrpState::Master, Peer::Lost);
    assert_eq!(line(&state, &Event::Tick), "[] - Normal");
}

#[test]
fn a_rollout_is_given_up_when_both_nodes_have_taken_back_all_and_no_sooner() {
    use RowState::{Done, Undone};
    let mine = [(0, Undone), (2, Undone), (3, Undone)];
    let ended = |theirs| {
        let given = one("taken back", Order::Abort, &mine, &[(1, theirs)]);
        line(&state(&given, VrrpState::Backup, Peer::Fresh), &Event::Tick)
    };
    assert_eq!(ended(Done), "[] - Normal");
    assert_eq!(ended(Undone), "[end: Failed] - Normal");
}

#[test]
fn a_job_that_does_not_come_back_fails_after_its_limit_and_some_grace() {
    for (order, state_is, failed) in [
        (Order::Start, RowState::Started, "[0 Failed] - Normal"),
        (Order::Abort, RowState::Undoing, "[0 UndoFailed] - Normal"),
    ] {
        let given = one("hung", order, &[(0, state_is)], &[(1, RowState::Done)]);
        let mut state = state(&given, VrrpState::Backup, Peer::Fresh);
        let begun = NOW.0 - 1_000;
        let over = Time(begun + 60_000 + 10_000);
        state.observed.peer = None;
        let records = |now| -> Vec<String> {
            let decision = decide(&state, now, &Event::Tick);
            decision.records.iter().map(record).collect()
        };
        assert_eq!(records(Time(over.0 - 1)), Vec::<String>::new());
        assert_eq!(format!("[{}] - Normal", records(over).join(", ")), failed);
    }
}

struct Paper;

impl Log for Paper {
    type Error = std::convert::Infallible;

    fn append(&mut self, _: &[Record]) -> Result<(), Self::Error> {
        Ok(())
    }
}

/// keepalived may bounce the VIP to and fro within half a second.
#[test]
fn a_vrrp_state_counts_for_what_cannot_be_taken_back_when_it_has_lasted() {
    let given = one(
        "phase done",
        Order::Start,
        &[(0, RowState::Done)],
        &[(1, RowState::Done)],
    );
    let mut state = state(&given, VrrpState::Master, Peer::Fresh);
    if let Some((hello, _)) = &mut state.observed.peer {
        Arc::make_mut(hello).local = local(VrrpState::Master, true);
    }
    let mut machine = Machine::recover(state, &[], Paper);
    let backup = Event::Local(local(VrrpState::Backup, true));
    let Ok(turned) = machine.handle(NOW, &backup);
    assert_eq!(turned.records, []);
    let settled = NOW + Timing::default().settle;
    let closed = |machine: &Machine<Paper>, now| machine.state().standing(now);
    let before = Time(settled.0 - 1);
    assert_eq!(
        closed(&machine, before),
        Some((2, Some(Closed::MasterHere)))
    );
    assert_eq!(closed(&machine, settled), Some((2, None)));
}

#[test]
fn nobody_but_the_peer_is_listened_to() {
    let state = idle();
    let known = state.observed.peer.clone();
    let mut hello = Hello::clone(&known.as_ref().expect("a peer").0);
    (hello.node, hello.sequence) = (node("c"), 99);
    let mut machine = Machine::recover(state, &[], Paper);
    let Ok(_) = machine.handle(NOW, &Event::Hello(Arc::new(hello)));
    assert_eq!(machine.state().observed.peer, known);
}
