//! The words for a rollout and its parts that all who tell of one use.
use super::text::Look;
use crate::core::{DatabaseRole, Kind, VrrpState};
use crate::wire::{Rollout, Row, Stopped};
use crate::words::{Lang, Words, heard};

/// `upgrade 12: 1.0.0 → 1.1.0`
pub(crate) fn name(r: &Rollout, look: &Look) -> String {
    let (lang, to) = (look.lang, look.arrow());
    match r.kind {
        Kind::Upgrade => say!(lang, "upgrade {}: {} {} {}", r.id, r.from, to, r.to),
        Kind::Switch => say!(lang, "switch {}: {} {} {}", r.id, r.second, to, r.first),
        Kind::Rollback => say!(lang, "rollback {}: {} {} {}", r.id, r.from, to, r.to),
        Kind::RollbackNode => say!(
            lang,
            "rollback {} of {}: {} {} {}",
            r.id,
            r.first,
            r.from,
            to,
            r.to
        ),
        Kind::Failover => say!(lang, "failover {}: to {}", r.id, r.first),
        Kind::Rejoin => say!(lang, "rejoin {}: of {}", r.id, r.first),
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
pub(super) fn stopped(by: &Stopped, lang: Lang) -> (String, String) {
    match by {
        Stopped::Failure {
            node,
            step,
            problem,
        } => (
            say!(lang, "{}, {}: {}", node, step, heard(lang, &problem.what)),
            heard(lang, &problem.remedy),
        ),
        Stopped::Gate {
            node, step, says, ..
        } => (
            say!(lang, "{}, {} waits: {}", node, step, heard(lang, says)),
            String::new(),
        ),
    }
}

/// Who asked for it, and where.
pub(crate) fn by(r: &Rollout, lang: Lang) -> String {
    heard_as!(lang, "{} on {}", &r.by).unwrap_or_else(|| r.by.clone())
}

/// What comes next, or what to type.
pub(super) fn next(r: &Rollout, lang: Lang) -> String {
    heard_as!(lang, "{} on node {}", &r.next).unwrap_or_else(|| heard(lang, &r.next))
}

pub(super) fn vrrp(state: VrrpState, lang: Lang) -> &'static str {
    match state {
        VrrpState::Master => "MASTER",
        VrrpState::Backup => "BACKUP",
        VrrpState::Fault => "FAULT",
        VrrpState::Unknown => lang.say(words!("VRRP unknown")),
    }
}

pub(super) fn database(role: DatabaseRole) -> Option<Words> {
    match role {
        DatabaseRole::Primary => Some(words!("primary")),
        DatabaseRole::Standby => Some(words!("standby")),
        DatabaseRole::Unknown => Some(words!("database unknown")),
        DatabaseRole::None => None,
    }
}
