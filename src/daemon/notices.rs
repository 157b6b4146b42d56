//! What somebody outside is told of: each event once, by the node that it is about, to every program that asked for it.
//! A program that fails or hangs keeps nobody waiting: each has a thread and a queue of its own.
use super::site::Site;
use super::status::rfc3339;
use crate::config::{NoticeKind, NotifyCommand};
use crate::core::{
    Journaled, NodeId, Plan, Problem, Record, Report, Rollout, RolloutResult, RowState,
};
use crate::host::{Command, Host, commands};
use crate::wire::NotifyTried;
use serde::Serialize;
use std::{
    sync::{
        Arc,
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread,
    time::Duration,
};

/// Waiting for one program.
const QUEUE: usize = 64;
/// One run of a program.
const LIMIT: Duration = Duration::from_secs(30);
/// Before each further try.
const AGAIN: [Duration; 3] = [
    Duration::from_secs(10),
    Duration::from_secs(60),
    Duration::from_secs(300),
];

/// What a program reads on its standard input, as one line of JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Notice {
    v: u32,
    #[serde(serialize_with = "word")]
    event: NoticeKind,
    /// `[cluster] name`
    cluster: String,
    /// The node that tells it.
    node: String,
    /// RFC 3339.
    at: String,
    /// The number of the rollout, failover or rejoin; none of its own: left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    rollout: Option<u64>,
    what: String,
    /// What to do about it; nothing: left out.
    #[serde(skip_serializing_if = "String::is_empty")]
    remedy: String,
}

fn word<S: serde::Serializer>(kind: &NoticeKind, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(kind.word())
}

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
    queues: Vec<(NotifyCommand, SyncSender<Notice>)>,
}

impl Notices {
    /// Starts a thread for each program of the configuration.
    pub(super) fn start(site: &Arc<Site>) -> Self {
        let queue = |target: &NotifyCommand| {
            let (put, take) = sync_channel(QUEUE);
            let own = target.clone();
            thread::spawn(move || serve(&own, &take));
            (target.clone(), put)
        };
        Self {
            site: Arc::clone(site),
            queues: site.settings.notify.command.iter().map(queue).collect(),
        }
    }

    pub(super) fn tell(&self, told: Told) {
        let notice = notice(&self.site, told);
        for (target, queue) in &self.queues {
            if !target.wants(notice.event) {
                continue;
            }
            // The other error is a thread that has ended: it ends with this queue alone.
            if let Err(TrySendError::Full(lost)) = queue.try_send(notice.clone()) {
                tracing::warn!(
                    "nobody is told by {}: {QUEUE} wait already: {}",
                    target.program(),
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

fn serve(target: &NotifyCommand, queue: &Receiver<Notice>) {
    while let Ok(notice) = queue.recv() {
        let mut last = run(target, &notice);
        for wait in AGAIN {
            if last.is_ok() {
                break;
            }
            thread::sleep(wait);
            last = run(target, &notice);
        }
        if let Err(why) = last {
            tracing::warn!(
                "nobody was told: {why}; what was to be told: {}",
                notice.what
            );
        }
    }
}

/// Once.
///
/// # Errors
/// Why nobody was told.
fn run(target: &NotifyCommand, notice: &Notice) -> Result<(), String> {
    let mut line = serde_json::to_vec(notice).map_err(|e| e.to_string())?;
    line.push(b'\n');
    let (program, args) = (target.program(), target.run.iter().skip(1));
    let output = commands::run(&Command {
        program: program.into(),
        args: args.cloned().collect(),
        stdin: line,
        limit: LIMIT,
        ..Command::default()
    });
    let output = output.map_err(|e| e.to_string())?;
    if output.code == Some(0) {
        return Ok(());
    }
    Err(format!("{program} ended with {}", output.ending()))
}

/// Every program once and now, whatever events it asks for.
pub(super) fn test(site: &Site, by: &str) -> Vec<NotifyTried> {
    let told = Told {
        kind: NoticeKind::Test,
        rollout: None,
        what: format!("a test, asked for by {by}"),
        remedy: String::new(),
    };
    let notice = notice(site, told);
    let one = |target: &NotifyCommand| NotifyTried {
        program: target.program().to_owned(),
        problem: run(target, &notice).err(),
    };
    site.settings.notify.command.iter().map(one).collect()
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

    #[test]
    fn a_program_reads_one_line_and_its_failure_is_said() {
        let notice = Notice {
            v: 1,
            event: NoticeKind::Failed,
            cluster: "shop".to_owned(),
            node: "a".to_owned(),
            at: "2026-11-29T02:00:00Z".to_owned(),
            rollout: Some(7),
            what: "it \"failed\"\nbadly".to_owned(),
            remedy: String::new(),
        };
        let target = |run: &[&str]| NotifyCommand {
            run: run.iter().map(|word| (*word).to_owned()).collect(),
            events: Vec::new(),
        };
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join("got");
        let shown = file.display().to_string();
        assert_eq!(run(&target(&["/usr/bin/tee", &shown]), &notice), Ok(()));
        let got = std::fs::read_to_string(&file).expect("written");
        assert_eq!(got.lines().count(), 1, "{got}");
        let read: serde_json::Value = serde_json::from_str(&got).expect("JSON");
        assert_eq!(read["event"], "failed");
        assert_eq!(read["what"], "it \"failed\"\nbadly");
        assert!(read.get("remedy").is_none());
        let why = run(&target(&["/usr/bin/ls", "/no/such"]), &notice).expect_err("failed");
        assert!(
            why.contains("exit code 2") && why.contains("/no/such"),
            "{why}"
        );
        assert!(run(&target(&["/no/program"]), &notice).is_err());
    }
}
