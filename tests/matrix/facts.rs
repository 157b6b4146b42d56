//! What the facts in a journal make of one another, and which cannot follow.
use super::{NOW, Peer, alone_plan, idle, mandate, node, one, plan, reports, state};
use hau::core::{
    Event, Journaled, Kind, Log, Machine, Order, Plan, Primary, Record, RolloutResult, RowState,
    VrrpState,
};
use hau::time::Time;
use std::{cell::RefCell, rc::Rc, sync::Arc};

fn born() -> Event {
    let host_boot = "one".to_owned();
    Event::Started { host_boot }
}

/// With a rollout under way.
fn journaled() -> Journaled {
    let given = one("planned", Order::Start, &[], &[]);
    state(&given, VrrpState::Backup, Peer::Fresh).journaled
}

#[test]
fn boots_and_what_the_peer_reports_grow() {
    let mut journaled = journaled();
    let started = |boot| Record::Started {
        boot,
        host_boot: String::new(),
        at: Time(boot),
    };
    assert!(journaled.take(&started(0)).is_err());
    assert_eq!(journaled.take(&started(1)), Ok(()));
    assert!(journaled.take(&started(1)).is_err());
    assert_eq!(journaled.take(&started(2)), Ok(()));
    assert_eq!((journaled.boot, journaled.installed), (2, Time(1)));

    let reported = |told| Record::PeerReported {
        reports: reports(&[(1, RowState::Done)], 0),
        told,
        has_moved: false,
    };
    assert_eq!(journaled.take(&reported((1, 5))), Ok(()));
    for (told, grows) in [
        ((1, 4), false),
        ((1, 5), false),
        ((1, 6), true),
        ((2, 1), true),
    ] {
        assert_eq!(journaled.take(&reported(told)).is_ok(), grows, "{told:?}");
    }
}

#[test]
fn a_report_is_on_a_row_of_the_plan() {
    for (row, is_one) in [(6, true), (7, false), (8, false)] {
        let theirs = reports(&[(row, RowState::Done)], 0);
        let report = theirs[row].clone();
        let mine = Record::RowReported { row, report };
        let theirs = Record::PeerReported {
            reports: theirs,
            told: (1, 1),
            has_moved: false,
        };
        for fact in [mine, theirs] {
            assert_eq!(journaled().take(&fact).is_ok(), is_one, "{row}");
        }
    }
}

/// Only when another one becomes it the VIP is at home elsewhere.
#[test]
fn the_primary_has_moved_when_another_node_became_it() {
    let mut journaled = journaled();
    for (name, timeline, moved_to) in [("b", 1, None), ("b", 2, None), ("a", 3, Some(node("a")))] {
        let primary = Primary {
            node: node(name),
            term: 0,
            timeline,
            identity: String::new(),
        };
        journaled.apply(&Record::PrimarySeen { primary, at: NOW });
        let has_moved = journaled.rollout.as_ref().expect("a rollout").has_moved;
        assert_eq!(has_moved, moved_to.is_some());
        assert_eq!(journaled.moved_to, moved_to);
    }
}

/// The rollout over the pair by the next one, what a node does alone by the next of that.
#[test]
fn what_another_one_takes_the_place_of_goes_into_the_history() {
    let mut journaled = journaled();
    let mandate = Arc::new(mandate(Order::Start, 0));
    let begun = Record::SoloBegun {
        plan: alone_plan(Kind::Rejoin),
        mandate: mandate.clone(),
    };
    assert_eq!(journaled.replaced_by(&begun), None);
    journaled.apply(&begun);
    assert_eq!(journaled.replaced_by(&begun), journaled.solo.as_ref());
    let adopted = Record::PlanAdopted {
        plan: plan(),
        mandate,
        with: None,
    };
    assert_eq!(journaled.replaced_by(&adopted), journaled.rollout.as_ref());
    let (result, at) = (RolloutResult::Succeeded, NOW);
    let ended = Record::RolloutEnded { result, at };
    assert_eq!(journaled.replaced_by(&ended), None);
}

#[test]
fn a_version_that_was_rolled_back_is_known_as_bad_until_it_is_installed_again() {
    let bad_after = |kind, [from, to]: [&str; 2], result| {
        let mut journaled = journaled();
        let rollout = journaled.rollout.as_mut().expect("a rollout");
        let plan = Arc::make_mut(&mut rollout.plan);
        (plan.kind, plan.from, plan.to) = (kind, from.to_owned(), to.to_owned());
        journaled.known_bad.insert("3".to_owned());
        journaled.apply(&Record::RolloutEnded { result, at: NOW });
        let bad: Vec<_> = journaled.known_bad.into_iter().collect();
        bad.join(" ")
    };
    let (succeeded, failed) = (RolloutResult::Succeeded, RolloutResult::Failed);
    assert_eq!(bad_after(Kind::Rollback, ["2", "1"], succeeded), "2 3");
    assert_eq!(bad_after(Kind::RollbackNode, ["2", "1"], succeeded), "2 3");
    assert_eq!(bad_after(Kind::Rollback, ["2", "1"], failed), "3");
    // A backup of the version that is installed.
    assert_eq!(bad_after(Kind::Rollback, ["2", "2"], succeeded), "3");
    assert_eq!(bad_after(Kind::Upgrade, ["2", "3"], succeeded), "");
    assert_eq!(bad_after(Kind::Upgrade, ["2", "3"], failed), "3");
    assert_eq!(bad_after(Kind::Switch, ["3", "3"], succeeded), "3");
}

/// What a job's end is asked for.
#[test]
fn the_job_of_a_failover_or_a_rejoin_is_one_of_its_own() {
    for kind in [Kind::Failover, Kind::Rejoin] {
        assert!(kind.is_solo());
    }
    for kind in [
        Kind::Upgrade,
        Kind::Switch,
        Kind::Rollback,
        Kind::RollbackNode,
    ] {
        assert!(!kind.is_solo());
    }
}

#[test]
fn a_plan_of_one_node_is_a_rollback_of_that_node_without_rows_of_the_other() {
    let own = plan().rows.iter().take(1).cloned().collect::<Vec<_>>();
    let is_alone = |kind, rows: &[hau::core::Row]| {
        let rows = rows.to_vec();
        let plan = Plan {
            kind,
            rows,
            ..Plan::clone(&plan())
        };
        assert!(!plan.is_alone_of(&node("b")));
        assert_eq!(plan.is_alone_of(&node("a")), plan.is_alone());
        plan.is_alone()
    };
    assert!(is_alone(Kind::RollbackNode, &own));
    assert!(!is_alone(Kind::RollbackNode, &plan().rows));
    assert!(!is_alone(Kind::Upgrade, &own));
}

/// What it was told to make durable, turn by turn; None: the disk is full.
#[derive(Clone)]
struct Disk(Option<Rc<RefCell<Vec<Vec<Record>>>>>);

impl Log for Disk {
    type Error = ();

    fn append(&mut self, records: &[Record]) -> Result<(), ()> {
        let turns = self.0.as_ref().ok_or(())?;
        turns.borrow_mut().push(records.to_vec());
        Ok(())
    }
}

#[test]
fn the_facts_of_a_turn_are_durable_before_they_count() {
    let turns = Rc::default();
    let mut machine = Machine::recover(idle(), &[], Disk(Some(Rc::clone(&turns))));
    let quiet = machine.handle(NOW, &Event::Tick).expect("a turn");
    assert!(quiet.records.is_empty() && turns.borrow().is_empty());
    let turned = machine.handle(NOW, &born()).expect("a turn");
    assert_eq!(*turns.borrow(), [turned.records]);
    assert_eq!(machine.state().journaled.boot, 1);

    let mut full = Machine::recover(idle(), &[], Disk(None));
    assert!(full.handle(NOW, &Event::Tick).is_ok());
    assert!(full.handle(NOW, &born()).is_err());
    assert_eq!(full.state().journaled.boot, 0);
}
