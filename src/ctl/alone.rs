//! The verbs of one node's own: ask for it, wait for its end, say how it went.
use super::client::Client;
use super::output::{Output, say};
use super::verbs::Ended;
use crate::core::RowState;
use crate::wire::{AloneRequest, Code, Failure, Outcome, Rollout, Started, Status};
use crate::words::heard;
use clap::Args;
use std::time::Duration;

const EVERY: Duration = Duration::from_millis(300);

#[derive(Debug, Args)]
pub(super) struct Failover {
    /// You have made sure that the other node is off; without this the fencing command does
    #[arg(long)]
    fenced: bool,
    /// Though this database may lack what the other node acknowledged last
    #[arg(long)]
    accept_data_loss: bool,
    /// Why; kept in the audit trail
    #[arg(long)]
    reason: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct Rejoin {
    /// Copy the new primary's database anew instead of taking back what it never got
    #[arg(long)]
    rebuild: bool,
    /// Why; kept in the audit trail
    #[arg(long)]
    reason: Option<String>,
}

pub(super) async fn failover(client: &Client, out: Output, how: Failover) -> Ended {
    let request = AloneRequest {
        fenced: how.fenced,
        accept_data_loss: how.accept_data_loss,
        reason: how.reason,
        ..AloneRequest::default()
    };
    run(client, out, "/v1/failover", &request).await
}

pub(super) async fn rejoin(client: &Client, out: Output, how: Rejoin) -> Ended {
    let request = AloneRequest {
        rebuild: how.rebuild,
        reason: how.reason,
        ..AloneRequest::default()
    };
    run(client, out, "/v1/rejoin", &request).await
}

async fn run(client: &Client, out: Output, path: &str, request: &AloneRequest) -> Ended {
    let started: Started = client.post(path, request).await?;
    loop {
        tokio::time::sleep(EVERY).await;
        let status: Status = client.get("/v1/status").await?;
        let ours = status.solo.filter(|solo| solo.id == started.rollout);
        let Some(solo) = ours.filter(|solo| solo.result.is_some()) else {
            continue;
        };
        if solo.result != Some(Outcome::Succeeded) {
            return Err(why(&solo, out));
        }
        if out.json {
            out.json(&solo);
        } else {
            for row in &solo.rows {
                let note = heard(out.lang, &row.note);
                say(say!(out.lang, "{}: done. {}", row.step, note).trim_end());
            }
        }
        return Ok(0);
    }
}

fn why(solo: &Rollout, out: Output) -> Failure {
    let failed = solo
        .rows
        .iter()
        .find(|row| row.state == Some(RowState::Failed));
    let problem = failed.and_then(|row| row.problem.clone());
    match problem {
        Some(problem) => Failure::new(Code::Failed, problem.what, problem.remedy),
        None => Failure::new(
            Code::Failed,
            say!(out.lang, "it was given up: the other node is heard again"),
            "hau-ctl status",
        ),
    }
}
