//! One arm for each verb of the table: what is asked, how it is shown, with which exit code it ends.
use super::client::Client;
use super::output::{Output, say};
use super::{
    Backup, Cli, Notify, Sync, Verb, alone, audit, bundle, follow, init, key, keys, pair, report,
    rollout, schema,
};
use crate::core::{Order, Problem};
use crate::host::Status as Judgement;
use crate::render;
use crate::wire::{
    self, Code, Doctor, Failure, Health, NotifyTried, StartRequest, SyncDifferences, SyncView,
};
use crate::words::heard;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The exit code, or what to tell instead.
pub(super) type Ended = Result<u8, Failure>;

pub(super) async fn run(cli: Cli, out: Output) -> Ended {
    let client = Client::new(&cli.socket, out.lang);
    match cli.verb {
        Verb::Init(asked) => init::run(asked, &cli.config, out),
        Verb::Pair { code } => pair::run(&client, out, code).await,
        Verb::Doctor { database } => doctor(&client, database, out).await,
        Verb::Plan(bundle) => rollout::plan(&client, out, &bundle, &cli.config).await,
        Verb::Stage(bundle) => rollout::stage(&client, out, &bundle, &cli.config).await,
        Verb::Upgrade {
            bundle,
            stop_before,
            allow_known_bad,
            how,
        } => {
            let bundle = Some(rollout::place(&bundle, &cli.config, out.lang)?);
            let reason = how.reason;
            let request = StartRequest {
                bundle,
                stop_before,
                reason,
                allow_known_bad,
                ..StartRequest::default()
            };
            rollout::start(&client, out, &request, how.detach).await
        }
        Verb::Switch { to, how } => {
            let reason = how.reason;
            let request = StartRequest {
                to,
                reason,
                ..StartRequest::default()
            };
            rollout::start(&client, out, &request, how.detach).await
        }
        Verb::Rollback { check, back, how } => rollout::back(&client, out, check, back, how).await,
        Verb::Retry(how) => {
            rollout::order(&client, out, Order::Retry, how.reason, how.detach).await
        }
        Verb::Abort(how) => {
            rollout::order(&client, out, Order::Abort, how.reason, how.detach).await
        }
        Verb::Confirm { reason, detach } => {
            rollout::order(&client, out, Order::Confirm, Some(reason), detach).await
        }
        Verb::Failover(how) => alone::failover(&client, out, how).await,
        Verb::Rejoin(how) => alone::rejoin(&client, out, how).await,
        Verb::Status => {
            let status: wire::Status = client.get("/v1/status").await?;
            out.answer(&status, render::status);
            Ok(0)
        }
        Verb::Watch => follow::watch(&client, out).await,
        Verb::Backup(verb) => backup(&client, out, verb).await,
        Verb::Sync(verb) => sync(&client, out, verb).await,
        Verb::Notify(Notify::Test) => notify_test(&client, out).await,
        Verb::Bundle(verb) => bundle::run(verb, &cli.config, out),
        Verb::Keys(verb) => keys::run(verb, &cli.config, out),
        Verb::Schema(verb) => schema::run(verb, &cli.config, out),
        Verb::History => {
            let history: wire::History = client.get("/v1/history").await?;
            out.answer(&history, |h, look| render::history(h, look));
            Ok(0)
        }
        Verb::Audit(asked) => audit::run(&client, out, asked).await,
        Verb::Report(asked) => report::run(&client, out, asked).await,
        Verb::Health => health(&client, out).await,
    }
}

async fn doctor(client: &Client, database: bool, out: Output) -> Ended {
    let path = match database {
        true => "/v1/doctor?database=1",
        false => "/v1/doctor",
    };
    let doctor: Doctor = client.get(path).await?;
    out.answer(&doctor, render::doctor);
    let sick = doctor
        .values()
        .flatten()
        .any(|f| f.status == Judgement::Fail);
    Ok(if sick { 3 } else { 0 })
}

async fn health(client: &Client, out: Output) -> Ended {
    let nodes: BTreeMap<String, Health> = client.get("/v1/health").await?;
    out.answer(&nodes, render::health);
    let sick = nodes.values().any(|h| h.status == Judgement::Fail);
    Ok(u8::from(sick))
}

async fn backup(client: &Client, out: Output, verb: Backup) -> Ended {
    match verb {
        Backup::Create => {
            let entry: crate::backup::Entry = client.post("/v1/backups", &json!({})).await?;
            out.answer(&entry, |e, look| {
                render::backups(std::slice::from_ref(e), look)
            });
        }
        Backup::List => {
            let list: wire::Backups = client.get("/v1/backups").await?;
            out.answer(&list, |l, look| render::backups(l, look));
        }
        Backup::Verify { name } => {
            if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
                let what = say!(out.lang, "{} is no name of a backup", format!("{name:?}"));
                let remedy = say!(out.lang, "hau-ctl backup list shows the names");
                return Err(Failure::new(Code::Usage, what, remedy));
            }
            let path = format!("/v1/backups/{name}/verify");
            let manifest: crate::backup::Manifest = match client.post(&path, &json!({})).await {
                // That it is not whole is an answer to the question.
                Err(failure) if failure.code == Code::Failed => {
                    out.failure(&failure);
                    return Ok(Code::Refused.exit());
                }
                answer => answer?,
            };
            out.answer(&manifest, |m, look| render::manifest(&name, m, look));
        }
        Backup::RestoreKey {
            folder,
            check,
            identity,
        } => return key::restore(&folder, &identity, check, out),
    }
    Ok(0)
}

async fn notify_test(client: &Client, out: Output) -> Ended {
    let tried: Vec<NotifyTried> = client.post("/v1/notices/test", &json!({})).await?;
    out.answer(&tried, |tried, look| {
        let lang = look.lang;
        let line = |one: &NotifyTried| match &one.problem {
            Some(Problem { what, remedy }) => {
                let what = say!(lang, "{} was not told: {}", one.way, heard(lang, what));
                format!("{what}\n  → {}", heard(lang, remedy))
            }
            None => say!(lang, "{} was told: {}", one.way, heard(lang, &one.answer)),
        };
        let lines: Vec<String> = tried.iter().map(line).collect();
        lines.join("\n")
    });
    Ok(u8::from(tried.iter().any(|one| one.problem.is_some())))
}

async fn sync(client: &Client, out: Output, verb: Sync) -> Ended {
    let (act, done) = match verb {
        Sync::Status => {
            let view: SyncView = client.get("/v1/sync").await?;
            out.answer(&view, render::sync);
            return Ok(0);
        }
        Sync::Check => {
            let found: SyncDifferences = client.get("/v1/sync/check").await?;
            out.answer(&found, |found, look| match &found.differences[..] {
                [] => say!(look.lang, "the configuration of both nodes is equal"),
                list => {
                    let list = list.iter().map(|one| heard(look.lang, one));
                    list.collect::<Vec<_>>().join("\n")
                }
            });
            return Ok(u8::from(!found.differences.is_empty()));
        }
        Sync::Pause => (
            "pause",
            words!("config sync is paused; hau-ctl sync resume lets it run again"),
        ),
        Sync::Resume => ("resume", words!("config sync runs again")),
        Sync::Push => (
            "push",
            words!("the configuration has been pushed; hau-ctl sync check compares both nodes"),
        ),
    };
    let answer: Value = client.post(&format!("/v1/sync/{act}"), &json!({})).await?;
    done_or_json(out, &answer, out.lang.say(done));
    Ok(0)
}

pub(super) fn done_or_json(out: Output, answer: &Value, done: &str) {
    if out.json {
        out.json(answer);
    } else {
        say(done);
    }
}
