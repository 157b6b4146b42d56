//! Logs: into systemd's journal with fields where there is one, else plain lines on stderr. Every
//! fact of a rollout is told once, as a sentence.
use crate::core::{Journaled, Kind, Plan, Record, Report, Rollout, RowState};
use tracing_subscriber::{EnvFilter, layer::SubscriberExt, util::SubscriberInitExt};

/// `HAU_LOG` chooses the level, as "debug" or "hau=debug,hyper=warn".
pub(super) fn start() {
    let filter = EnvFilter::try_from_env("HAU_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let registry = tracing_subscriber::registry().with(filter);
    // systemd sets it where stdout goes to the journal.
    let journal = std::env::var_os("JOURNAL_STREAM").and_then(|_| tracing_journald::layer().ok());
    match journal {
        Some(layer) => registry.with(layer.with_field_prefix(None)).init(),
        None => registry
            .with(tracing_subscriber::fmt::layer().with_writer(std::io::stderr))
            .init(),
    }
}

/// Tells a fact that has just become durable.
pub(super) fn tell(record: &Record, journaled: &Journaled) {
    let (rollout, solo) = (journaled.rollout.as_ref(), journaled.solo.as_ref());
    let id = rollout.map_or(0, |r| r.plan.id.number);
    match record {
        Record::Started { boot, .. } => tracing::info!(
            HAU_EVENT = "started",
            "hau-sidecar has started for the {boot}. time"
        ),
        Record::HomeTold { home } => {
            tracing::info!(HAU_EVENT = "home", "the VIP is at home on node {home}")
        }
        Record::PlanAdopted { plan, .. } => tracing::info!(
            HAU_ROLLOUT = id,
            HAU_EVENT = "planned",
            "rollout {id}: {:?} from {} to {}, first node {}, then node {}, asked by {}",
            plan.kind,
            plan.from,
            plan.to,
            plan.first,
            plan.second,
            plan.by.user,
        ),
        Record::MandateTaken { mandate } => tracing::info!(
            HAU_ROLLOUT = id,
            HAU_EVENT = "ordered",
            "rollout {id}: {:?}, ordered by {} on node {}: {}",
            mandate.order,
            mandate.by.user,
            mandate.by.node,
            mandate.by.reason.as_deref().unwrap_or("no reason given"),
        ),
        Record::RowReported { row, report } => tell_row(rollout, *row, report),
        // The other node tells its own facts.
        Record::PeerReported { .. } => {}
        Record::RolloutEnded { result, .. } => tracing::info!(
            HAU_ROLLOUT = id,
            HAU_EVENT = "ended",
            "rollout {id} has ended: {result:?}",
        ),
        Record::SoloBegun { plan, .. } => tell_begun(plan),
        Record::SoloReported { row, report } => tell_row(solo, *row, report),
        Record::SoloEnded { result, .. } => tracing::info!(
            HAU_ROLLOUT = solo.map_or(0, |r| r.plan.id.number),
            HAU_EVENT = "ended",
            "{} {} has ended: {result:?}",
            solo.map_or("rollout", |r| kind(&r.plan)),
            solo.map_or(0, |r| r.plan.id.number),
        ),
        Record::NotPromoted => tracing::info!(
            HAU_EVENT = "not-promoted",
            "the failover that failed has not promoted this node's database: it follows on"
        ),
        Record::TermShared { term } => tracing::info!(
            HAU_EVENT = "term",
            "the databases of both nodes are of term {term}",
        ),
        Record::PrimarySeen { primary, .. } => tracing::info!(
            HAU_EVENT = "primary",
            "node {} is primary, on timeline {}",
            primary.node,
            primary.timeline,
        ),
    }
}

fn tell_begun(plan: &Plan) {
    tracing::warn!(
        HAU_ROLLOUT = plan.id.number,
        HAU_EVENT = "planned",
        "{} {}: of node {}, asked by {}: {}",
        kind(plan),
        plan.id.number,
        plan.first,
        plan.by.user,
        plan.by.reason.as_deref().unwrap_or("no reason given"),
    );
}

fn kind(plan: &Plan) -> &'static str {
    match plan.kind {
        Kind::Failover => "failover",
        Kind::Rejoin => "rejoin",
        Kind::Upgrade | Kind::Switch | Kind::Rollback | Kind::RollbackNode => "rollout",
    }
}

fn tell_row(rollout: Option<&Rollout>, row: usize, report: &Report) {
    let Some(rollout) = rollout else { return };
    let (id, name) = (rollout.plan.id.number, kind(&rollout.plan));
    let Some(row) = rollout.plan.rows.get(row) else {
        return;
    };
    let (step, node) = (row.step.as_str(), row.node.0.as_str());
    match (&report.state, &report.problem) {
        (RowState::Failed | RowState::UndoFailed, Some(problem)) => tracing::error!(
            HAU_ROLLOUT = id,
            HAU_STEP = step,
            HAU_NODE = node,
            HAU_EVENT = "failed",
            "{name} {id}: {step} on node {node} failed: {}; {}",
            problem.what,
            problem.remedy,
        ),
        (RowState::Started, Some(problem)) => tracing::warn!(
            HAU_ROLLOUT = id,
            HAU_STEP = step,
            HAU_NODE = node,
            HAU_EVENT = "again",
            "{name} {id}: {step} on node {node} is tried again (attempt {}): {}",
            report.attempt,
            problem.what,
        ),
        (state, _) => tracing::info!(
            HAU_ROLLOUT = id,
            HAU_STEP = step,
            HAU_NODE = node,
            HAU_EVENT = "row",
            "{name} {id}: {step} on node {node} is {}",
            word(*state),
        ),
    }
}

fn word(state: RowState) -> &'static str {
    match state {
        RowState::Started => "begun",
        RowState::Done => "done",
        RowState::Failed => "failed",
        RowState::Undoing => "being taken back",
        RowState::Undone => "taken back",
        RowState::UndoFailed => "not taken back",
    }
}
