//! `report`: one rollout as its node remembers it, for whoever was not there: words, JSON, or a page.
use super::client::Client;
use super::output::{Output, say};
use super::verbs::Ended;
use crate::render;
use crate::wire::{self, Code, Failure, History, Rollout, Status};
use clap::Args;

#[derive(Debug, Args)]
pub(super) struct Report {
    /// The rollout's number, as hau-ctl history shows it; default: the newest
    id: Option<u64>,
    /// A whole page on stdout, which needs no other file
    #[arg(long, conflicts_with = "json")]
    html: bool,
}

pub(super) async fn run(client: &Client, out: Output, asked: Report) -> Ended {
    let history: History = client.get("/v1/history").await?;
    let rollout = choose(&history, asked.id, out)?.clone();
    let measured = format!("/v1/probes/{}-{}", rollout.id, rollout.origin);
    let measured = client.get(&measured).await?;
    // A trail that cannot be read is told by the alarm; what the rollout was is told all the same.
    let asked_for = format!("/v1/audit?rollout={}", rollout.id);
    let done_by = client.get(&asked_for).await.unwrap_or_default();
    let report = wire::Report {
        rollout,
        measured,
        done_by,
    };
    if asked.html {
        let status: Status = client.get("/v1/status").await?;
        say(&render::page(&report, &status.node, out.lang));
    } else {
        out.answer(&report, render::report);
    }
    Ok(0)
}

/// Of two with the same number, asked for at once on both nodes, the newer one was carried out.
fn choose(history: &History, id: Option<u64>, out: Output) -> Result<&Rollout, Failure> {
    let mut newest_first = history.iter().rev();
    let found = newest_first.find(|rollout| id.is_none_or(|id| rollout.id == id));
    found.ok_or_else(|| {
        let what = match id {
            Some(id) => say!(out.lang, "there was no rollout {}", id),
            None => say!(out.lang, "there has been no rollout yet"),
        };
        let remedy = say!(out.lang, "hau-ctl history lists what there was");
        Failure::new(Code::NotFound, what, remedy)
    })
}
