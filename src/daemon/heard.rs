//! What the other node says of a rollout, held against what can be true before the core takes it
//! for a fact: a plan names paths and steps, and this daemon works as root.
use super::planning::is_plain;
use crate::core::{NodeId, Plan, RolloutView, Row};
use crate::steps;
use std::time::Duration;

/// Far above any real plan, and far below what would make a Hello too large.
const ROWS_MOST: usize = 200;
/// A number that has room to grow.
const NUMBER_MOST: u64 = 1 << 53;
const LIMIT_MOST: Duration = Duration::from_secs(7 * 86_400);

/// Why a view cannot be taken. `known` is this node's own latest plan, `(me, peer)` the two names.
///
/// # Errors
/// One sentence with the remedy.
pub(super) fn doubt(
    view: &RolloutView,
    known: Option<&Plan>,
    (me, peer): (&NodeId, &NodeId),
) -> Result<(), String> {
    let plan = &*view.plan;
    match known.filter(|known| known.id == plan.id) {
        Some(known) if known == plan => {}
        Some(_) => {
            return Err("its plan has this node's number and is another: see hau-ctl history on both nodes, then abort".to_owned());
        }
        // Of a past one only the number counts, whichever version made it; but what the other node did
        // alone is taken note of.
        None if view.ended && plan.id.number <= NUMBER_MOST && !plan.is_alone_of(peer) => {
            return Ok(());
        }
        None => plan_doubt(plan, me, peer)?,
    }
    if view.mandate.epoch > NUMBER_MOST {
        return Err(odd("the number of its order"));
    }
    let mut rows = view.reports.iter().map(|(n, _)| n);
    let foreign = |n: &usize| plan.rows.get(*n).is_none_or(|row| row.node != *peer);
    match rows.find(foreign) {
        Some(n) => Err(odd(&format!("a report on row {n}"))),
        None => Ok(()),
    }
}

fn plan_doubt(plan: &Plan, me: &NodeId, peer: &NodeId) -> Result<(), String> {
    let pair = [&plan.first, &plan.second];
    if pair != [me, peer] && pair != [peer, me] {
        return Err(format!(
            "its plan is for {} and {}: the same hau.toml belongs on both nodes",
            plan.first, plan.second
        ));
    }
    if plan.id.number > NUMBER_MOST || plan.rows.is_empty() || plan.rows.len() > ROWS_MOST {
        return Err(odd("the size of its plan"));
    }
    let file = plan.bundle.iter().map(|bundle| bundle.file.as_str());
    let backup = plan.way_back.iter().map(|back| back.backup.as_str());
    let mut names = file
        .chain(backup)
        .chain([plan.from.as_str(), plan.to.as_str()]);
    if let Some(name) = names.find(|name| !is_plain(name)) {
        return Err(odd(&format!("the name {name:?}")));
    }
    if !plan.rows.is_sorted_by_key(|row| row.phase) {
        return Err(odd("the order of its rows"));
    }
    plan.rows.iter().try_for_each(|row| {
        if row.node != *me && row.node != *peer || row.limit() > LIMIT_MOST {
            return Err(odd(&format!("the row {}", row.step)));
        }
        // None of that node's own runs here.
        if plan.is_alone_of(peer) || is_known(row) {
            return Ok(());
        }
        Err(format!(
            "its step {} is not this version's: install the same hau on both nodes",
            row.step
        ))
    })
}

/// The core goes by a row's flags, so they must be those of the step that will run here.
fn is_known(row: &Row) -> bool {
    steps::find(&row.step).is_some_and(|def| {
        (row.disruptive, row.disruptive_undo, row.restores)
            == (def.disruptive, def.disruptive_undo, def.restores)
            && (row.service_down, row.gives_vip, row.confirmable)
                == (def.service_down, def.gives_vip, def.confirmable)
            && (row.undo, row.handoff) == (def.undo, def.handoff)
    })
}

fn odd(what: &str) -> String {
    format!("{what} cannot be: install the same hau on both nodes, see its log there")
}

/// For the fuzz targets: a Hello of any bytes, taken as the door takes it, by a core that lives with it for a while.
#[cfg(fuzzing)]
pub fn take_hello(bytes: &[u8]) {
    use crate::core::{Event, Hello, Log, Machine, Record, State, Timing};
    use crate::time::Time;
    struct Nowhere;
    impl Log for Nowhere {
        type Error = std::convert::Infallible;
        fn append(&mut self, _: &[Record]) -> Result<(), Self::Error> {
            Ok(())
        }
    }
    let (me, peer) = (NodeId("a".to_owned()), NodeId("b".to_owned()));
    let Ok(mut hello) = serde_json::from_slice::<Hello>(bytes) else {
        return;
    };
    if hello.node != peer {
        return;
    }
    let doubted = |view| doubt(view, None, (&me, &peer)).is_err();
    if hello.rollout.as_ref().is_some_and(doubted) {
        hello.rollout = None;
    }
    let mut machine = Machine::recover(State::new(me, peer, Timing::default()), &[], Nowhere);
    let hello = Event::Hello(std::sync::Arc::new(hello));
    for second in 1..20 {
        let now = Time(second * 1000);
        for event in [&hello, &Event::Tick] {
            let Ok(_) = machine.handle(now, event);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::{
        Actor, BundleRef, Direction, Kind, Mandate, Order, Report, Reports, RolloutId, RowState,
        WayBack,
    };
    use crate::time::Time;
    use std::sync::Arc;

    fn names() -> (NodeId, NodeId) {
        (NodeId("a".into()), NodeId("b".into()))
    }

    fn row(step: &str, phase: u16, node: &NodeId) -> Row {
        let def = steps::find(step).unwrap();
        Row {
            phase,
            phase_name: "p".into(),
            node: node.clone(),
            step: def.name.into(),
            disruptive: def.disruptive,
            disruptive_undo: def.disruptive_undo,
            restores: def.restores,
            service_down: def.service_down,
            gives_vip: def.gives_vip,
            confirmable: def.confirmable,
            undo: def.undo,
            handoff: def.handoff,
            limit_ms: 1_000,
            attempts: 1,
        }
    }

    fn view() -> RolloutView {
        let (a, b) = names();
        let plan = Plan {
            id: RolloutId {
                number: 3,
                origin: b.clone(),
            },
            kind: Kind::Upgrade,
            first: b.clone(),
            second: a.clone(),
            from: "1.0.0".into(),
            to: "1.1.0".into(),
            bundle: Some(BundleRef {
                file: "shop-1.1.0.hau".into(),
                sha256: String::new(),
                size_bytes: 1,
            }),
            way_back: None,
            by: Actor::default(),
            made_at: Time(0),
            home_before: None,
            stop_before: None,
            term: None,
            takes_back: false,
            fast: false,
            rows: vec![row("stop", 0, &b), row("stop", 1, &a)],
        };
        let mandate = Mandate {
            epoch: 0,
            origin: b,
            order: Order::Start,
            direction: Direction::Forward,
            by: Actor::default(),
            at: Time(0),
        };
        RolloutView {
            plan: Arc::new(plan),
            with: None,
            mandate: Arc::new(mandate),
            reports: Arc::new(Reports::new()),
            has_moved: false,
            ended: false,
        }
    }

    fn doubted(change: impl FnOnce(&mut RolloutView)) -> Option<String> {
        let (a, b) = names();
        let mut view = view();
        change(&mut view);
        doubt(&view, None, (&a, &b)).err()
    }

    fn planned(change: impl FnOnce(&mut Plan)) -> Option<String> {
        doubted(|view| change(Arc::make_mut(&mut view.plan)))
    }

    #[test]
    fn a_plan_of_this_version_for_this_pair_is_taken() {
        assert_eq!(doubted(|_| {}), None);
    }

    #[test]
    fn nothing_leads_out_of_the_folders_it_belongs_to() {
        for name in ["../../etc", "/etc", "", "..", "a/b"] {
            let to = planned(|plan| plan.to = name.into());
            let from = planned(|plan| plan.from = name.into());
            let file = planned(|plan| plan.bundle.as_mut().unwrap().file = name.into());
            let backup = planned(|plan| {
                plan.way_back = Some(WayBack {
                    backup: name.into(),
                    database: false,
                    replaces: None,
                });
            });
            assert!(to.is_some() && from.is_some() && file.is_some(), "{name:?}");
            assert!(backup.is_some(), "{name:?}");
        }
    }

    #[test]
    fn a_row_carries_the_flags_of_the_step_that_runs_here() {
        assert!(planned(|plan| plan.rows[1].disruptive = false).is_some());
        assert!(planned(|plan| plan.rows[1].step = "format_disk".into()).is_some());
        assert!(planned(|plan| plan.rows[1].node = NodeId("c".into())).is_some());
        assert!(planned(|plan| plan.rows[1].limit_ms = u64::MAX).is_some());
        assert!(planned(|plan| plan.rows.reverse()).is_some());
        assert!(planned(|plan| plan.second = NodeId("c".into())).is_some());
        assert!(planned(|plan| plan.id.number = u64::MAX).is_some());
    }

    /// What a node does alone it does to itself: its rows have other flags, and none is another's.
    #[test]
    fn what_a_node_does_alone_is_its_own() {
        let alone_of = |node: &NodeId| {
            let node = node.clone();
            planned(move |plan| {
                plan.kind = Kind::RollbackNode;
                plan.first = node.clone();
                plan.second = NodeId(if node.0 == "a" { "b" } else { "a" }.into());
                for row in &mut plan.rows {
                    (row.node, row.disruptive, row.restores) = (node.clone(), false, true);
                }
            })
        };
        let (me, peer) = names();
        assert_eq!(alone_of(&peer), None);
        assert!(alone_of(&me).is_some());
    }

    #[test]
    fn a_node_reports_on_its_own_rows_only() {
        let report = Report {
            state: RowState::Failed,
            epoch: 0,
            attempt: 1,
            started_at: Time(0),
            at: Time(0),
            note: String::new(),
            problem: None,
            untouched: false,
        };
        let reported =
            |n| doubted(|view| Arc::make_mut(&mut view.reports).insert(n, report.clone()));
        assert_eq!(reported(0), None);
        assert!(reported(1).is_some(), "row 1 is this node's");
        assert!(reported(2).is_some(), "there is no row 2");
    }

    #[test]
    fn a_known_plan_does_not_change_and_may_be_of_an_older_version() {
        let (a, b) = names();
        let mut theirs = view();
        Arc::make_mut(&mut theirs.plan).rows[1].disruptive = false;
        let known = view().plan;
        assert!(doubt(&theirs, Some(&known), (&a, &b)).is_err());
        let same = theirs.plan.clone();
        assert_eq!(doubt(&theirs, Some(&same), (&a, &b)), Ok(()));
    }

    #[test]
    fn a_past_rollout_may_be_of_any_version() {
        let (a, b) = names();
        let mut past = view();
        Arc::make_mut(&mut past.plan).rows[0].step = "long_gone".into();
        past.ended = true;
        assert_eq!(doubt(&past, None, (&a, &b)), Ok(()));
        Arc::make_mut(&mut past.plan).id.number = u64::MAX;
        assert!(doubt(&past, None, (&a, &b)).is_err());
    }
}
