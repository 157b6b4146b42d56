//! The verbs that begin a rollout or give it an order: ask, then follow it to its end.
use super::client::Client;
use super::follow::{self, Goal, Ours};
use super::output::{Output, say};
use super::verbs::{Ended, done_or_json};
use super::{Bundle, render};
use crate::core::Order;
use crate::wire::{Code, Failure, OrderRequest, PlanView, StartRequest, Started, Status};
use serde_json::Value;
use std::fs;

/// The path of a bundle here, made absolute; what is no path is a name in the incoming folder.
pub(super) fn location(bundle: &Bundle) -> Result<String, Failure> {
    let given = &bundle.bundle;
    let shown = given.display();
    let is_path = given.components().count() > 1 || given.is_absolute();
    let usage = |what: String, remedy: &str| Failure::new(Code::Usage, what, remedy);
    if !is_path && !given.exists() {
        return given
            .to_str()
            .map(str::to_owned)
            .ok_or_else(|| usage(format!("{shown} is not UTF-8"), "rename the bundle"));
    }
    let path = fs::canonicalize(given).map_err(|e| {
        usage(
            format!("cannot open the bundle {shown}: {e}"),
            "give the path of a .hau file",
        )
    })?;
    if !path.is_file() {
        return Err(usage(
            format!("{shown} is not a file"),
            "give the path of a .hau file",
        ));
    }
    let path = path.into_os_string().into_string();
    path.map_err(|_| usage(format!("{shown} is not UTF-8"), "rename the bundle"))
}

pub(super) async fn plan(client: &Client, out: Output, bundle: &Bundle) -> Ended {
    let view: PlanView = client.post("/v1/plans", &of(bundle)?).await?;
    out.answer(&view, render::plan);
    Ok(if view.fit { 0 } else { Code::Refused.exit() })
}

pub(super) async fn stage(client: &Client, out: Output, bundle: &Bundle) -> Ended {
    let request = of(bundle)?;
    let answer: Value = client.post("/v1/stage", &request).await?;
    let name = bundle.bundle.display();
    done_or_json(
        out,
        &answer,
        &format!("verified and unpacked on both nodes; next: hau-ctl upgrade {name}"),
    );
    Ok(0)
}

pub(super) async fn start(
    client: &Client,
    out: Output,
    request: &StartRequest,
    detach: bool,
) -> Ended {
    let before: Status = client.get("/v1/status").await?;
    let started: Started = client.post("/v1/rollouts", request).await?;
    let ours = Ours {
        id: started.rollout,
        origin: Some(before.node.clone()),
        goal: Goal::Forward,
    };
    go_on(client, out, ours, before, detach, &started).await
}

pub(super) async fn order(
    client: &Client,
    out: Output,
    order: Order,
    reason: Option<String>,
    detach: bool,
) -> Ended {
    let before: Status = client.get("/v1/status").await?;
    let started: Started = client
        .post("/v1/orders", &OrderRequest { order, reason })
        .await?;
    let goal = match order {
        Order::Abort => Goal::GivenUp,
        Order::Start | Order::Retry | Order::Confirm => Goal::Forward,
    };
    let ours = Ours {
        id: started.rollout,
        origin: None,
        goal,
    };
    go_on(client, out, ours, before, detach, &started).await
}

async fn go_on(
    client: &Client,
    out: Output,
    ours: Ours,
    before: Status,
    detach: bool,
    started: &Started,
) -> Ended {
    if !detach {
        return follow::follow(client, out, &ours, &before).await;
    }
    if out.json {
        out.json(started);
    } else {
        say(&format!(
            "rollout {} is under way; hau-ctl watch shows it",
            started.rollout
        ));
    }
    Ok(0)
}

fn of(bundle: &Bundle) -> Result<StartRequest, Failure> {
    let bundle = Some(location(bundle)?);
    Ok(StartRequest {
        bundle,
        ..StartRequest::default()
    })
}
