//! The verbs that begin a rollout or give it an order: ask, then follow it to its end.
use super::client::Client;
use super::follow::{self, Goal, Ours};
use super::output::{Output, complain, say};
use super::verbs::Ended;
use super::{Back, Bundle, How};
use crate::config::RollbackDatabase;
use crate::core::Order;
use crate::render;
use crate::wire::{
    Code, Failure, OrderRequest, PlanView, RollbackRequest, Staged, StartRequest, Started, Status,
};
use crate::words::{Lang, bytes};
use std::{
    fs,
    io::{IsTerminal, stdin},
    path::Path,
};

/// Puts a bundle named by a path into the incoming folder, with the rights of whoever asks: the daemon
/// only ever opens what lies there. Answers its name; what is no path is such a name already.
pub(super) fn place(bundle: &Bundle, config: &Path, lang: Lang) -> Result<String, Failure> {
    let given = &bundle.bundle;
    let shown = given.display();
    let usage = |what: String, remedy: String| Failure::new(Code::Usage, what, remedy);
    let path = || say!(lang, "give the path of a .hau file");
    let name = given.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| {
        let what = say!(lang, "{} is not a file's name", shown);
        usage(what, path())
    })?;
    if given.components().count() == 1 && !given.exists() {
        return Ok(name.to_owned());
    }
    if !given.is_file() {
        let what = say!(lang, "there is no bundle {}", shown);
        return Err(usage(what, path()));
    }
    let incoming = super::bundle::settings(config, lang)?.bundle.incoming;
    let target = incoming.join(name);
    if fs::canonicalize(given).ok() == fs::canonicalize(&target).ok() {
        return Ok(name.to_owned());
    }
    let copied = copy_durably(given, &incoming, &target);
    copied.map_err(|e| {
        let what = say!(
            lang,
            "cannot copy {} to {}: {}",
            shown,
            incoming.display(),
            e
        );
        let remedy = say!(
            lang,
            "be root, or put the bundle there yourself and name it without a path"
        );
        usage(what, remedy)
    })?;
    Ok(name.to_owned())
}

fn copy_durably(from: &Path, dir: &Path, to: &Path) -> std::io::Result<()> {
    let mut source = fs::File::open(from)?;
    let mut copy = tempfile::NamedTempFile::new_in(dir)?;
    std::io::copy(&mut source, &mut copy)?;
    copy.as_file().sync_all()?;
    copy.persist(to)?;
    fs::File::open(dir)?.sync_all()
}

pub(super) async fn plan(client: &Client, out: Output, bundle: &Bundle, config: &Path) -> Ended {
    look(client, out, &of(bundle, config, out.lang)?).await
}

pub(super) async fn back(client: &Client, out: Output, check: bool, to: Back, how: How) -> Ended {
    let restores = to.database == Some(RollbackDatabase::Restore);
    let asks = match (
        to.local && !to.accept_downtime,
        restores && !to.accept_data_loss,
    ) {
        (_, true) => Some(("lose data", "--accept-data-loss")),
        (true, false) => Some(("go back", "--accept-downtime")),
        (false, false) => None,
    };
    let back = RollbackRequest {
        node: to.node,
        to: to.to,
        local: to.local,
        accept_downtime: to.accept_downtime || asks.is_some(),
        database: to.database,
        accept_data_loss: to.accept_data_loss || asks.is_some(),
    };
    let request = StartRequest {
        rollback: Some(back),
        reason: how.reason,
        ..StartRequest::default()
    };
    if check {
        return look(client, out, &request).await;
    }
    if let Some((words, flag)) = asks {
        let view: PlanView = client.post("/v1/plans", &request).await?;
        complain(&render::plan(&view, &out.look()));
        if !view.fit {
            return Ok(Code::Refused.exit());
        }
        confirmed(words, flag, out.lang)?;
    }
    start(client, out, &request, how.detach).await
}

/// Reads the words from the terminal; a script has a flag for it.
fn confirmed(words: &str, flag: &str, lang: Lang) -> Result<(), Failure> {
    let refused =
        |what: String| Failure::new(Code::Usage, what, say!(lang, "in a script: {}", flag));
    if !stdin().is_terminal() {
        return Err(refused(say!(
            lang,
            "it asks, and nobody is at a terminal to answer"
        )));
    }
    complain(&say!(lang, "Type \"{}\" to do it:", words));
    let mut line = String::new();
    stdin()
        .read_line(&mut line)
        .map_err(|e| refused(say!(lang, "cannot read the answer: {}", e)))?;
    if line.trim() == words {
        Ok(())
    } else {
        Err(refused(say!(
            lang,
            "those were not the words: nothing has been touched"
        )))
    }
}

/// What would be done, with nothing started.
async fn look(client: &Client, out: Output, request: &StartRequest) -> Ended {
    let view: PlanView = client.post("/v1/plans", request).await?;
    out.answer(&view, render::plan);
    Ok(if view.fit { 0 } else { Code::Refused.exit() })
}

pub(super) async fn stage(client: &Client, out: Output, bundle: &Bundle, config: &Path) -> Ended {
    let request = of(bundle, config, out.lang)?;
    let answer: Staged = client.post("/v1/stage", &request).await?;
    let name = bundle.bundle.display();
    if out.json {
        out.json(&answer);
        return Ok(0);
    }
    if let Some(fetched) = answer.fetched {
        let (of, fetched) = (bytes(fetched.of), bytes(fetched.fetched()));
        say(&say!(
            out.lang,
            "the other node fetched {} of {}",
            fetched,
            of
        ));
    }
    say(&say!(
        out.lang,
        "verified and unpacked on both nodes; next: hau-ctl upgrade {}",
        name
    ));
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
        origin: (!started.gives_up).then(|| before.node.clone()),
        goal: if started.gives_up {
            Goal::GivenUp
        } else {
            Goal::Forward
        },
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
        say(&say!(
            out.lang,
            "rollout {} is under way; hau-ctl watch shows it",
            started.rollout
        ));
    }
    Ok(0)
}

fn of(bundle: &Bundle, config: &Path, lang: Lang) -> Result<StartRequest, Failure> {
    let bundle = Some(place(bundle, config, lang)?);
    Ok(StartRequest {
        bundle,
        ..StartRequest::default()
    })
}
