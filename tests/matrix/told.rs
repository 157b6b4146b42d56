//! What a node takes from the other one's word: a plan, reports, a confirmation; and what it writes down with it.
use super::next::{alone_in_its_place, halted};
use super::{
    NOW, Peer, actor, given_back, hello, idle, mandate, node, one, peer_takes, plan, reports,
    state, view,
};
use hau::core::{
    Command, Event, JobKey, Kind, Order, Outcome, Plan, Record, Report, Rollout, RolloutResult,
    RolloutView, RowState, State, VrrpState, decide, intents,
};
use hau::time::Time;
use std::sync::Arc;

const INSTALLED: Time = Time(3);
const THEIRS: Time = Time(7);

/// With which journal of the other node a plan is adopted, if one is.
fn adopted(state: &State, event: &Event) -> Option<Option<Time>> {
    let records = decide(state, NOW, event).records;
    records.into_iter().find_map(|record| {
        let Record::PlanAdopted { with, .. } = record else {
            return None;
        };
        Some(with)
    })
}

fn under_way(mine: &[(usize, RowState)], theirs: &[(usize, RowState)]) -> State {
    let given = one("under way", Order::Start, mine, theirs);
    state(&given, VrrpState::Backup, Peer::Fresh)
}

fn plan_of(view: &mut RolloutView) -> &mut Plan {
    Arc::make_mut(&mut view.plan)
}

/// What the other node does alone; this node where `me` says so.
fn is_alone(view: &mut RolloutView, me: bool) {
    let plan = plan_of(view);
    plan.kind = Kind::RollbackNode;
    plan.first = node(if me { "a" } else { "b" });
    let first = plan.first.clone();
    plan.rows.retain(|row| row.node == first);
}

#[test]
fn a_plan_is_taken_from_the_other_node_if_it_is_news_and_nothing_is_at_work_here() {
    let taken = |here: Option<Rollout>, change: fn(&mut RolloutView)| {
        let mut state = idle();
        (state.journaled.installed, state.journaled.rollout) = (INSTALLED, here);
        let mut view = view(plan());
        (plan_of(&mut view).id.number, plan_of(&mut view).id.origin) = (2, node("b"));
        change(&mut view);
        let hello = hello(&mut state);
        (hello.installed, hello.rollout) = (THEIRS, Some(view));
        adopted(&state, &Event::Tick)
    };
    let pair = Some(Some(THEIRS));
    assert_eq!(taken(None, |_| ()), pair);
    assert_eq!(taken(None, |view| view.ended = true), None);
    assert_eq!(taken(None, |view| view.with = Some(INSTALLED)), pair);
    assert_eq!(taken(None, |view| view.with = Some(Time(9))), None);
    assert_eq!(taken(None, |view| is_alone(view, false)), Some(None));
    assert_eq!(taken(None, |view| is_alone(view, true)), None);
    let over = |view: &mut RolloutView| {
        is_alone(view, false);
        view.ended = true;
    };
    assert_eq!(taken(None, over), Some(None));
    let ended = given_back().pop().expect("one that has ended");
    let ended = state(&ended, VrrpState::Backup, Peer::Fresh);
    assert_eq!(taken(ended.journaled.rollout, |_| ()), pair);
    let planned = under_way(&[], &[]).journaled.rollout;
    assert_eq!(taken(planned, |_| ()), pair);
    let begun = under_way(&[(0, RowState::Done)], &[]).journaled.rollout;
    assert_eq!(taken(begun, |_| ()), None);
}

#[test]
fn a_plan_is_done_with_the_journal_that_was_heard_and_one_for_a_node_with_none() {
    let started = |mut state: State, plan: Arc<Plan>| {
        hello(&mut state).installed = THEIRS;
        adopted(&state, &Event::Command(Command::Start(plan)))
    };
    assert_eq!(started(idle(), plan()), Some(Some(THEIRS)));
    let alone = Arc::new(alone_in_its_place());
    assert_eq!(started(halted(Peer::Lost), alone), Some(None));
}

#[test]
fn of_the_other_nodes_reports_the_newest_count() {
    let told = |told: (u64, u64), theirs: &[(usize, RowState)], number: u64| {
        let mut state = under_way(&[(0, RowState::Done)], &[]);
        state.journaled.rollout.as_mut().expect("a rollout").told = (1, 5);
        let hello = hello(&mut state);
        (hello.boot, hello.sequence) = told;
        let view = hello.rollout.as_mut().expect("a view");
        view.reports = reports(theirs, 0);
        plan_of(view).id.number = number;
        let records = decide(&state, NOW, &Event::Tick).records;
        records
            .iter()
            .any(|record| matches!(record, Record::PeerReported { .. }))
    };
    let done = [(1, RowState::Done)];
    for (boot, sequence, newer) in [(1, 4, false), (1, 5, false), (1, 6, true), (2, 1, true)] {
        assert_eq!(told((boot, sequence), &done, 1), newer, "{boot} {sequence}");
    }
    assert!(!told((1, 6), &[], 1), "nothing new");
    assert!(!told((1, 6), &done, 0), "of another plan");
}

/// Both go by it, and one of them may not have seen it.
#[test]
fn that_the_primary_has_moved_is_known_to_both_when_one_has_seen_it() {
    let told = |has_moved: bool| {
        let mut state = under_way(&[(0, RowState::Done)], &[]);
        let hello = hello(&mut state);
        (hello.boot, hello.sequence) = (1, 6);
        hello.rollout.as_mut().expect("a view").has_moved = has_moved;
        for record in decide(&state, NOW, &Event::Tick).records {
            state.journaled.apply(&record);
        }
        assert_eq!(decide(&state, NOW, &Event::Tick).records, []);
        state
    };
    for has_moved in [false, true] {
        let state = told(has_moved);
        let view = intents(&state, NOW).hello.rollout.expect("a view");
        assert_eq!(view.has_moved, has_moved);
    }
}

/// What is reported on a row of this node in one turn.
fn reported(state: &State, event: &Event, row: usize) -> Option<Report> {
    let records = decide(state, NOW, event).records;
    records.into_iter().find_map(|record| {
        let Record::RowReported { row: n, report } = record else {
            return None;
        };
        (n == row).then_some(report)
    })
}

/// Halted at a failed row; these are the rows that a person may confirm.
fn confirmable(rows: &[usize]) -> State {
    let mut state = halted(Peer::Fresh);
    let rollout = state.journaled.rollout.as_mut().expect("a rollout");
    for (n, row) in Arc::make_mut(&mut rollout.plan).rows.iter_mut().enumerate() {
        row.confirmable = rows.contains(&n);
    }
    state
}

#[test]
fn a_confirmation_settles_the_failed_row_and_says_whose_it_was() {
    let state = confirmable(&[0, 3]);
    let failed = state.running().expect("a rollout").mine[3].clone();
    for (reason, why) in [(None, "no reason given"), (Some("it runs"), "it runs")] {
        let mut by = actor();
        by.reason = reason.map(str::to_owned);
        let order = Order::Confirm;
        let event = Event::Command(Command::Order { order, by });
        let settled = Report {
            state: RowState::Done,
            note: format!("confirmed by root: {why}"),
            epoch: 1,
            at: NOW,
            ..failed.clone()
        };
        assert_eq!(reported(&state, &event, 3), Some(settled));
        assert_eq!(reported(&state, &event, 0), None);
    }
}

/// It is for the row that failed there: this node's own failure is another.
#[test]
fn a_confirmation_of_the_other_node_settles_nothing_that_nobody_may_confirm() {
    let confirmed = |rows: &[usize]| {
        let mut state = confirmable(rows);
        let view = hello(&mut state).rollout.as_mut().expect("a view");
        view.mandate = mandate(Order::Confirm, 1).into();
        reported(&state, &Event::Tick, 3).map(|report| report.state)
    };
    assert_eq!(confirmed(&[3]), Some(RowState::Done));
    assert_eq!(confirmed(&[]), Some(RowState::Started), "it is tried again");
}

#[test]
fn a_report_says_when_and_one_of_going_back_what_the_row_had_found_out() {
    let key = JobKey {
        solo: false,
        rollout: 1,
        row: 0,
        epoch: 0,
        attempt: 1,
        direction: hau::core::Direction::Forward,
    };
    let outcome = Outcome::Done {
        note: "at 0/19CEBC8".to_owned(),
    };
    let mut state = under_way(&[(0, RowState::Started)], &[]);
    let ended = Event::JobEnded { key, outcome };
    let report = reported(&state, &ended, 0).expect("a report");
    assert_eq!((report.state, report.at), (RowState::Done, NOW));
    let rollout = state.journaled.rollout.as_mut().expect("a rollout");
    Arc::make_mut(&mut rollout.mine).insert(0, report);
    rollout.mandate = mandate(Order::Abort, 1).into();
    peer_takes(&mut state);
    let report = reported(&state, &Event::Tick, 0).expect("a report");
    assert_eq!(report.state, RowState::Undoing);
    assert_eq!(report.note, "at 0/19CEBC8");
}

/// Of a node that has lost its journal nothing more will come.
#[test]
fn beside_a_new_journal_a_rollout_ends_when_this_nodes_part_is_taken_back() {
    use RowState::{Done, Undone};
    let ends = |mine: &[(usize, RowState)]| {
        let given = one("going back", Order::Abort, mine, &[(1, Done)]);
        let mut state = state(&given, VrrpState::Backup, Peer::Fresh);
        state.journaled.rollout.as_mut().expect("a rollout").with = Some(THEIRS);
        state.observed.local.held = true;
        let records = decide(&state, NOW, &Event::Tick).records;
        records.iter().any(|record| {
            matches!(record, Record::RolloutEnded { result, .. } if *result == RolloutResult::Failed)
        })
    };
    assert!(ends(&[(0, Undone), (2, Undone)]));
    assert!(!ends(&[(0, Done), (2, Undone)]));
}
