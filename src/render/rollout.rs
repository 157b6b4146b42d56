//! The words for a rollout and its parts that all who tell of one use.
use super::text::Look;
use crate::core::{DatabaseRole, Kind, VrrpState};
use crate::wire::{Rollout, Row, Stopped};

/// `upgrade 12: 1.0.0 → 1.1.0`
pub(crate) fn name(r: &Rollout, look: &Look) -> String {
    match r.kind {
        Kind::Upgrade => format!("upgrade {}: {} {} {}", r.id, r.from, look.arrow(), r.to),
        Kind::Switch => format!("switch {}: {} {} {}", r.id, r.second, look.arrow(), r.first),
        Kind::Rollback => format!("rollback {}: {} {} {}", r.id, r.from, look.arrow(), r.to),
        Kind::RollbackNode => format!(
            "rollback {} of {}: {} {} {}",
            r.id,
            r.first,
            r.from,
            look.arrow(),
            r.to
        ),
        Kind::Failover => format!("failover {}: to {}", r.id, r.first),
        Kind::Rejoin => format!("rejoin {}: of {}", r.id, r.first),
    }
}

/// Phases in their order, each with its rows.
pub(crate) fn phases(rows: &[Row]) -> impl Iterator<Item = (&str, &[Row])> {
    rows.chunk_by(|a, b| a.phase == b.phase)
        .filter_map(|rows| Some((rows.first()?.phase.as_str(), rows)))
}

/// From the first start to the last end, in milliseconds.
pub(super) fn span(rows: &[Row]) -> Option<u64> {
    let start = rows.iter().filter_map(|row| row.started_at_ms).min()?;
    let ends = rows
        .iter()
        .filter_map(|row| Some(row.started_at_ms? + row.elapsed_ms?));
    Some(ends.max()?.saturating_sub(start))
}

/// What stops it, each as cause and remedy (empty: it ends by itself).
pub(super) fn stopped(by: &Stopped) -> (String, String) {
    match by {
        Stopped::Failure {
            node,
            step,
            problem,
        } => (
            format!("{node}, {step}: {}", problem.what),
            problem.remedy.clone(),
        ),
        Stopped::Gate {
            node, step, says, ..
        } => (format!("{node}, {step} waits: {says}"), String::new()),
    }
}

pub(super) fn vrrp(state: VrrpState) -> &'static str {
    match state {
        VrrpState::Master => "MASTER",
        VrrpState::Backup => "BACKUP",
        VrrpState::Fault => "FAULT",
        VrrpState::Unknown => "VRRP unknown",
    }
}

pub(super) fn database(role: DatabaseRole) -> Option<&'static str> {
    match role {
        DatabaseRole::Primary => Some("primary"),
        DatabaseRole::Standby => Some("standby"),
        DatabaseRole::Unknown => Some("database unknown"),
        DatabaseRole::None => None,
    }
}
