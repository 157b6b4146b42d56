//! What somebody outside is told of: each event once, by the node that it is about, every way that asks for it.
//! One that fails or hangs keeps nobody waiting: each has a thread and a queue of its own.
use super::site::Site;
use super::status::rfc3339;
use crate::config::NoticeKind;
use crate::core::{
    Journaled, NodeId, Plan, Problem, Record, Report, Rollout, RolloutResult, RowState,
};
use crate::host::Host;
use crate::notify::{self, Channel, Notice};
use crate::wire::NotifyTried;
use std::{
    sync::{
        Arc,
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread,
    time::Duration,
};

/// Waiting for one way.
const QUEUE: usize = 64;
/// Before each further try.
const AGAIN: [Duration; 3] = [
    Duration::from_secs(10),
    Duration::from_secs(60),
    Duration::from_secs(300),
];

/// An event before it is known who tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Told {
    kind: NoticeKind,
    rollout: Option<u64>,
    what: String,
    remedy: String,
}

impl Told {
    fn of(kind: NoticeKind, plan: &Plan, what: String) -> Self {
        Self {
            kind,
            rollout: Some(plan.id.number),
            what,
            remedy: String::new(),
        }
    }

    pub(super) fn alarm(Problem { what, remedy }: Problem) -> Self {
        Self {
            kind: NoticeKind::Alarm,
            rollout: None,
            what,
            remedy,
        }
    }
}

/// What of a fact somebody outside is told by this node, and what was `known` before it. What both nodes take note of is told
/// by the one that was asked for it, and by the other one where that is not heard.
pub(super) fn told(
    known: &Journaled,
    record: &Record,
    me: &NodeId,
    is_peer_heard: bool,
) -> Option<Told> {
    let (rollout, solo) = (known.rollout.as_ref(), known.solo.as_ref());
    let tells = |plan: &Plan| plan.id.origin == *me || !is_peer_heard;
    match record {
        Record::PlanAdopted { plan, .. } if tells(plan) => Some(begun(plan)),
        Record::SoloBegun { plan, .. } => Some(begun(plan)),
        Record::RowReported { row, report } => failed(rollout?, *row, report),
        Record::SoloReported { row, report } => failed(solo?, *row, report),
        Record::RolloutEnded { result, .. } if tells(&rollout?.plan) => {
            Some(ended(&rollout?.plan, *result))
        }
        Record::SoloEnded { result, .. } => Some(ended(&solo?.plan, *result)),
        Record::PrimarySeen { primary, .. } => {
            let was = known.primary.as_ref().map(|p| &p.node);
            let has_moved = was.is_some_and(|node| *node != primary.node);
            (has_moved && primary.node == *me).then(|| Told {
                kind: NoticeKind::Primary,
                rollout: None,
                what: format!("the database of node {me} is primary now"),
                remedy: String::new(),
            })
        }
        Record::PlanAdopted { .. } | Record::RolloutEnded { .. } => None,
        Record::Started { .. }
        | Record::HomeTold { .. }
        | Record::MandateTaken { .. }
        | Record::PeerReported { .. }
        | Record::NotPromoted
        | Record::TermShared { .. } => None,
    }
}

fn begun(plan: &Plan) -> Told {
    let why = plan.by.reason.as_deref().unwrap_or("no reason given");
    let what = format!(
        "{:?} {} begins, asked by {}: {why}",
        plan.kind, plan.id.number, plan.by.user
    );
    Told::of(NoticeKind::Begun, plan, what)
}

fn failed(rollout: &Rollout, row: usize, report: &Report) -> Option<Told> {
    let has_failed = matches!(report.state, RowState::Failed | RowState::UndoFailed);
    let problem = report.problem.as_ref().filter(|_| has_failed)?;
    let (plan, row) = (&rollout.plan, rollout.plan.rows.get(row)?);
    let what = format!(
        "{:?} {}: {} on node {} failed: {}",
        plan.kind, plan.id.number, row.step, row.node, problem.what
    );
    let remedy = problem.remedy.clone();
    Some(Told {
        remedy,
        ..Told::of(NoticeKind::Failed, plan, what)
    })
}

fn ended(plan: &Plan, result: RolloutResult) -> Told {
    let what = format!("{:?} {} has ended: {result:?}", plan.kind, plan.id.number);
    Told::of(NoticeKind::Ended, plan, what)
}

/// The queues.
pub(super) struct Notices {
    site: Arc<Site>,
    queues: Vec<(Arc<dyn Channel>, SyncSender<Notice>)>,
}

impl Notices {
    /// Starts a thread for each way of the configuration.
    pub(super) fn start(site: &Arc<Site>) -> Self {
        let queue = |way: Arc<dyn Channel>| {
            let (put, take) = sync_channel(QUEUE);
            let (own, site) = (Arc::clone(&way), Arc::clone(site));
            thread::spawn(move || serve(&*own, &site, &take));
            (way, put)
        };
        let ways = notify::channels(&site.settings.notify);
        Self {
            site: Arc::clone(site),
            queues: ways.into_iter().map(queue).collect(),
        }
    }

    pub(super) fn tell(&self, told: Told) {
        let notice = notice(&self.site, told);
        for (way, queue) in &self.queues {
            if !way.events().include(notice.event) {
                continue;
            }
            // The other error is a thread that has ended: it ends with this queue alone.
            if let Err(TrySendError::Full(lost)) = queue.try_send(notice.clone()) {
                tracing::warn!(
                    "nobody is told by {}: {QUEUE} wait already: {}",
                    way.name(),
                    lost.what
                );
            }
        }
    }
}

fn notice(site: &Site, told: Told) -> Notice {
    Notice {
        v: 1,
        event: told.kind,
        cluster: site.settings.cluster.name.clone(),
        node: site.me.0.clone(),
        at: rfc3339(site.now()),
        rollout: told.rollout,
        what: told.what,
        remedy: told.remedy,
    }
}

fn serve(way: &dyn Channel, site: &Site, queue: &Receiver<Notice>) {
    while let Ok(notice) = queue.recv() {
        let told = insist(|| way.tell(&notice, site, &site.runtime), thread::sleep);
        if let Err(Problem { what, remedy }) = told {
            tracing::warn!(
                "nobody was told by {}: {what}; {remedy}; what was to be told: {}",
                way.name(),
                notice.what
            );
        }
    }
}

/// Tries until it is told, or often enough.
fn insist(
    mut tell: impl FnMut() -> Result<String, Problem>,
    wait: impl Fn(Duration),
) -> Result<String, Problem> {
    let mut last = tell();
    for pause in AGAIN {
        if last.is_ok() {
            break;
        }
        wait(pause);
        last = tell();
    }
    last
}

/// Every way once and now, side by side, whatever events it asks for.
pub(super) fn test(site: &Site, by: &str) -> Vec<NotifyTried> {
    let told = Told {
        kind: NoticeKind::Test,
        rollout: None,
        what: format!("a test, asked for by {by}"),
        remedy: String::new(),
    };
    let notice = &notice(site, told);
    let one = |way: &dyn Channel| {
        let (answer, problem) = match way.tell(notice, site, &site.runtime) {
            Ok(answer) => (answer, None),
            Err(problem) => (String::new(), Some(problem)),
        };
        let way = way.name();
        NotifyTried {
            way,
            answer,
            problem,
        }
    };
    let ways = notify::channels(&site.settings.notify);
    thread::scope(|scope| {
        let tries: Vec<_> = ways.iter().map(|way| scope.spawn(|| one(&**way))).collect();
        // One that panicked has ended the daemon.
        tries.into_iter().filter_map(|t| t.join().ok()).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::{Actor, Direction, Kind, Mandate, Order, Primary, RolloutId};
    use crate::time::Time;

    fn node(name: &str) -> NodeId {
        NodeId(name.to_owned())
    }

    fn plan(origin: &str) -> Arc<Plan> {
        let (number, origin) = (7, node(origin));
        Arc::new(Plan {
            id: RolloutId { number, origin },
            kind: Kind::Upgrade,
            home_before: None,
            first: node("b"),
            second: node("a"),
            from: "1".to_owned(),
            to: "2".to_owned(),
            bundle: None,
            way_back: None,
            by: Actor::default(),
            made_at: Time(0),
            stop_before: None,
            takes_back: false,
            fast: false,
            term: None,
            rows: Vec::new(),
        })
    }

    fn adopted(origin: &str) -> Record {
        let mandate = Arc::new(Mandate {
            epoch: 0,
            origin: node(origin),
            order: Order::Start,
            direction: Direction::Forward,
            by: Actor::default(),
            at: Time(0),
        });
        Record::PlanAdopted {
            plan: plan(origin),
            mandate,
            with: None,
        }
    }

    fn kind(before: &Journaled, record: &Record, is_peer_heard: bool) -> Option<NoticeKind> {
        told(before, record, &node("a"), is_peer_heard).map(|told| told.kind)
    }

    #[test]
    fn what_both_nodes_know_one_of_them_tells() {
        let none = Journaled::default();
        assert_eq!(kind(&none, &adopted("a"), true), Some(NoticeKind::Begun));
        assert_eq!(kind(&none, &adopted("b"), true), None);
        assert_eq!(kind(&none, &adopted("b"), false), Some(NoticeKind::Begun));
        let (result, at) = (RolloutResult::Failed, Time(1));
        let end = Record::RolloutEnded { result, at };
        for (origin, heard, tells) in [("a", true, true), ("b", true, false), ("b", false, true)] {
            let mut journaled = Journaled::default();
            journaled.apply(&adopted(origin));
            let told = kind(&journaled, &end, heard);
            assert_eq!(told, tells.then_some(NoticeKind::Ended), "{origin} {heard}");
        }
    }

    #[test]
    fn a_primary_that_has_come_here_is_told_here() {
        let seen = |name: &str, timeline| Record::PrimarySeen {
            primary: Primary {
                node: node(name),
                term: 0,
                timeline,
                identity: String::new(),
            },
            at: Time(0),
        };
        let mut journaled = Journaled::default();
        assert_eq!(kind(&journaled, &seen("a", 1), true), None, "the first one");
        journaled.apply(&seen("b", 1));
        assert_eq!(
            kind(&journaled, &seen("a", 2), true),
            Some(NoticeKind::Primary)
        );
        assert_eq!(kind(&journaled, &seen("b", 2), true), None);
    }

    /// What `answers` come one after the other, how long it was waited, and the last word.
    fn insisted(answers: &[bool]) -> (Vec<u64>, bool) {
        let problem = || Problem {
            what: String::new(),
            remedy: String::new(),
        };
        let mut next = answers.iter();
        let waited = std::cell::RefCell::new(Vec::new());
        let told = insist(
            || {
                let is_told = *next.next().expect("asked no more often");
                is_told.then(String::new).ok_or_else(problem)
            },
            |pause| waited.borrow_mut().push(pause.as_secs()),
        );
        assert_eq!(next.next(), None, "asked as often as that");
        (waited.into_inner(), told.is_ok())
    }

    #[test]
    fn it_is_tried_again_and_not_for_ever() {
        assert_eq!(insisted(&[true]), (vec![], true));
        assert_eq!(insisted(&[false, true]), (vec![10], true));
        assert_eq!(insisted(&[false; 4]), (vec![10, 60, 300], false));
    }
}
