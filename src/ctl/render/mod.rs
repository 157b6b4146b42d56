//! What the administrator reads: data in, text out. Pure, so that it is tested as text.
mod bundle;
mod lines;
mod lists;
mod page;
mod plan;
mod report;
mod rollout;
mod schema;
mod status;
mod summary;
#[cfg(test)]
mod tests;
mod text;

pub(super) use bundle::bundle;
pub(super) use lines::{lines, same};
pub(super) use lists::{backups, doctor, health, history, manifest, pair, sync};
pub(super) use page::page;
pub(super) use plan::plan;
pub(super) use report::{report, word};
pub(super) use rollout::{name, phases};
pub(super) use schema::schema;
pub(super) use status::{Answer, answers, nodes, status};
pub(super) use summary::summary;
pub(super) use text::{Cell, Look, Mark, Tone, cell, clock, downtime, duration, plain, wrap};
