//! What the administrator reads: data in, text out. Pure, so that it is tested as text.
mod audit;
mod bundle;
mod holds;
mod latency;
mod lines;
mod lists;
mod nodes;
mod noticed;
mod page;
mod plan;
mod report;
mod rollout;
#[cfg(test)]
pub(crate) mod scenes;
mod schema;
mod status;
mod summary;
#[cfg(test)]
mod tests;
mod text;
pub(crate) mod web;

pub(crate) use audit::{audit, verdicts};
pub(crate) use bundle::{bundle, saves};
pub(crate) use lines::{lines, same};
pub(crate) use lists::{backups, doctor, health, history, manifest, pair, sync};
pub(crate) use nodes::nodes;
pub(crate) use noticed::noticed;
pub(crate) use page::page;
pub(crate) use plan::plan;
pub(crate) use report::{report, word};
pub(crate) use rollout::{by, name, phases};
pub(crate) use schema::schema;
pub(crate) use status::{Answer, answers, status};
pub(crate) use summary::summary;
pub(crate) use text::{Cell, Look, Mark, Tone, cell, clock, duration, padded, plain, wrap};
