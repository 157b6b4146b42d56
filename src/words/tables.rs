//! The tables.
use super::Table;
use super::{
    audit, back, checks, ctl, daemon, help, help_more, init, keepalived, keys, keys_help, late,
    lists, live, notes, page, refusals, rollouts, status, steps,
};

/// What is said where it is shown.
pub(super) const SAID: &[Table] = &[
    page::TABLE,
    status::TABLE,
    rollouts::TABLE,
    live::TABLE,
    lists::TABLE,
    audit::TABLE,
    ctl::TABLE,
    init::TABLE,
    help::TABLE,
    help_more::TABLE,
    keys::TABLE,
    keys_help::TABLE,
];

/// What travels in English, and is found again where it is shown.
pub(super) const TOLD: &[Table] = &[
    daemon::TABLE,
    refusals::TABLE,
    notes::TABLE,
    checks::TABLE,
    keys::TOLD_TABLE,
    back::TABLE,
    keepalived::TABLE,
    steps::TABLE,
    late::TABLE,
    late::LOOKS,
];

/// What the command line says of itself.
#[cfg(test)]
pub(super) const HELP: &[Table] = &[help::TABLE, help_more::TABLE, keys_help::TABLE];
