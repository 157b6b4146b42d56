//! Logs: into systemd's journal with fields where there is one, else plain lines on stderr. Every
//! fact of a rollout is told once, as a sentence.
use crate::core::{Record, Rollout, RowState};
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
pub(super) fn tell(record: &Record, rollout: Option<&Rollout>) {
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
        Record::RowReported { row, report } => {
            let Some(row) = rollout.and_then(|r| r.plan.rows.get(*row)) else {
                return;
            };
            let (step, node) = (row.step.as_str(), row.node.0.as_str());
            match (&report.state, &report.problem) {
                (RowState::Failed | RowState::UndoFailed, Some(problem)) => tracing::error!(
                    HAU_ROLLOUT = id,
                    HAU_STEP = step,
                    HAU_NODE = node,
                    HAU_EVENT = "failed",
                    "rollout {id}: {step} on node {node} failed: {}; {}",
                    problem.what,
                    problem.remedy,
                ),
                (RowState::Started, Some(problem)) => tracing::warn!(
                    HAU_ROLLOUT = id,
                    HAU_STEP = step,
                    HAU_NODE = node,
                    HAU_EVENT = "again",
                    "rollout {id}: {step} on node {node} is tried again (attempt {}): {}",
                    report.attempt,
                    problem.what,
                ),
                (state, _) => tracing::info!(
                    HAU_ROLLOUT = id,
                    HAU_STEP = step,
                    HAU_NODE = node,
                    HAU_EVENT = "row",
                    "rollout {id}: {step} on node {node} is {}",
                    word(*state),
                ),
            }
        }
        // The other node tells its own facts.
        Record::PeerReported { .. } => {}
        Record::RolloutEnded { result, .. } => tracing::info!(
            HAU_ROLLOUT = id,
            HAU_EVENT = "ended",
            "rollout {id} has ended: {result:?}",
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
