//! From a request to the plan of a rollback: to which backup, on which nodes, does it hold.
use super::super::api::Api;
use super::purpose::Purpose;
use super::{Draft, Planned, alone, findings_within, finish, order, peer};
use crate::backup::{self, Manifest};
use crate::config::RollbackDatabase;
use crate::core::{Actor, Direction, Kind, NodeId, Refusal, Rollout, RowState, WayBack};
use crate::steps::{self, Content};
use crate::time::Time;
use crate::wire::{self, Code, Failure, PlanView, RollbackRequest, StartRequest};
use std::{collections::BTreeMap, time::Duration};

const LIST_LIMIT: Duration = Duration::from_secs(30);

/// Makes a plan. A pair that is not fit still gets one, to be shown.
pub(in crate::daemon) fn rollback(
    api: &Api,
    request: &StartRequest,
    back: &RollbackRequest,
    by: Actor,
) -> Result<Planned, Failure> {
    if back.local {
        return alone::rollback(api, request, back, by);
    }
    let peer = peer(api)?;
    let replaces = halted(api)?.map(|r| r.plan.id.clone());
    let (first, second) = order(api, &peer)?;
    let named = back.node.as_deref();
    let named = named.map(|name| backup_node(name, &first, &second));
    let alone = named.transpose()?.is_some();
    let dump = restores(api, back);
    if dump && alone {
        return Err(not_for_one());
    }
    let local = api.snapshot().state.observed.local.clone();
    let version = |node: &NodeId| {
        let of = if *node == api.site.me {
            &local
        } else {
            &peer.local
        };
        of.version.clone()
    };
    let needed = if alone {
        vec![&first]
    } else {
        vec![&first, &second]
    };
    let (name, to) = choose(api, back.to.as_deref(), &needed)?;
    // One that runs that version already, and serves, is left as it is.
    let levels = version(&second).as_ref() == Some(&to);
    let is_one = alone || levels;
    let mut runs = [version(&second), version(&first)].into_iter().flatten();
    let from = runs.find(|v| *v != to).unwrap_or_else(|| to.clone());
    if from == to && back.to.is_none() && replaces.is_none() && !dump {
        return Err(nothing_to_do(None, &to, &name));
    }
    let kind = if is_one {
        Kind::RollbackNode
    } else {
        Kind::Rollback
    };
    let content = Content { bundle: None, dump };
    let mut rows = steps::rows(kind, &api.site.settings, content, &first, &second);
    if is_one && !levels {
        steps::leave_apart(&mut rows);
    }
    let purpose = |node: &NodeId| Purpose {
        is_rollback: true,
        backup: (!is_one || dump || *node == first).then(|| name.clone()),
        restores: dump,
        ..Purpose::default()
    };
    let (me, peer) = (purpose(&api.site.me), purpose(&api.site.peer));
    let findings = findings_within(api, &me, &peer, api.site.settings.limits.rollback)?;
    let way_back = Some(WayBack {
        backup: name,
        database: dump,
        replaces,
    });
    let draft = Draft {
        kind,
        first,
        second,
        from,
        to,
        bundle: None,
        way_back,
        rows,
    };
    finish(api, request, draft, findings, by)
}

/// Before the row of no return a halted rollout is taken back row by row: no backup is as exact.
pub(in crate::daemon) fn is_taken_back(api: &Api, back: &RollbackRequest) -> Option<PlanView> {
    let snapshot = api.snapshot();
    let (me, r) = (&snapshot.state.me, snapshot.state.running()?);
    let passed = r.is_past_abort(me) || r.barrier(me).is_some();
    let forward = r.mandate.direction == Direction::Forward;
    if *back != RollbackRequest::default() || passed || !forward || !r.is_at_rest() {
        return None;
    }
    let begun = |n: &usize| {
        let report = r.report(me, *n);
        report.is_some_and(|report| report.state != RowState::Undone)
    };
    let rows = (0..r.plan.rows.len()).rev().filter(begun);
    let rows = rows.map(|n| snapshot.row(&r.plan.rows[n], None, Time(0)));
    Some(PlanView {
        // What takes a row back takes its own time.
        expected_ms: None,
        kind: r.plan.kind,
        from: r.plan.to.clone(),
        to: r.plan.from.clone(),
        first: r.plan.first.0.clone(),
        second: r.plan.second.0.clone(),
        rows: rows.collect(),
        findings: BTreeMap::new(),
        fit: true,
        gives_up: true,
    })
}

/// Does the dump take the place of the database?
pub(super) fn restores(api: &Api, back: &RollbackRequest) -> bool {
    let settings = &api.site.settings;
    let wanted = back.database.unwrap_or(settings.rollback.database);
    settings.database.is_some() && wanted == RollbackDatabase::Restore
}

fn not_for_one() -> Failure {
    let what = told!("the database is that of both nodes: it is not restored for one");
    Failure::new(
        Code::Refused,
        what,
        told!("without --node, or with --database keep"),
    )
}

pub(super) fn nothing_to_do(node: Option<&NodeId>, version: &str, backup: &str) -> Failure {
    let what = match node {
        Some(node) => told!(
            "node {} runs {} already, which is what {} holds",
            node,
            version,
            backup
        ),
        None => told!(
            "both nodes run {} already, which is what {} holds",
            version,
            backup
        ),
    };
    let remedy = told!("hau-ctl backup list shows others, --to names one");
    Failure::new(Code::Refused, what, remedy)
}

/// The rollout under way, which must be halted.
fn halted(api: &Api) -> Result<Option<Rollout>, Failure> {
    let snapshot = api.snapshot();
    match snapshot.state.running() {
        None => Ok(None),
        Some(r) if r.is_at_rest() && r.is_undecided(&snapshot.state.me) => {
            Err(api.refused(Refusal::Undecided))
        }
        Some(r) if r.is_at_rest() => Ok(Some(r.clone())),
        Some(r) => Err(Failure::new(
            Code::Busy,
            told!("rollout {} is under way", r.plan.id.number),
            told!(
                "hau-ctl abort gives it up; when it is halted, hau-ctl rollback goes back from there"
            ),
        )),
    }
}

/// A node that is rolled back alone holds no VIP.
fn backup_node(name: &str, first: &NodeId, second: &NodeId) -> Result<(), Failure> {
    match name {
        name if name == first.0 => Ok(()),
        name if name == second.0 => Err(Failure::new(
            Code::Refused,
            told!(
                "node {} holds the VIP: its services are not stopped",
                second
            ),
            told!(
                "hau-ctl switch --to {}, then again; hau-ctl rollback takes both nodes back",
                first
            ),
        )),
        name => Err(Failure::new(
            Code::Usage,
            told!("there is no node {}", name),
            told!("name {} or {}", first, second),
        )),
    }
}

/// The newest backup that the needed nodes have and that is what `to` asks for, with its version.
pub(super) fn choose(
    api: &Api,
    to: Option<&str>,
    needed: &[&NodeId],
) -> Result<(String, String), Failure> {
    let mut lists = Vec::new();
    for node in needed {
        lists.push(backups(api, node)?);
    }
    let wanted = |name: &str, manifest: &Manifest| {
        to.is_none_or(|to| to == name || manifest.version.as_deref() == Some(to))
    };
    let whole = |name: &str, list: &wire::Backups| {
        list.iter().any(|e| e.name == name && e.manifest.is_some())
    };
    let found = lists.iter().flatten().filter_map(|entry| {
        let (name, manifest) = (&entry.name, entry.manifest.as_ref()?);
        let common = lists.iter().all(|list| whole(name, list));
        let version = manifest
            .version
            .clone()
            .filter(|_| common && wanted(name, manifest));
        Some((name.clone(), version?))
    });
    found.max().ok_or_else(|| {
        let names: Vec<String> = needed.iter().map(ToString::to_string).collect();
        let what = match to {
            Some(to) => told!("no backup of node {} is {}", names.join(" and "), to),
            None => told!("node {} has no backup in common", names.join(" and ")),
        };
        let remedy = told!("hau-ctl backup list on each node; the bundle of the version before can be installed again");
        Failure::new(Code::Refused, what, remedy)
    })
}

fn backups(api: &Api, node: &NodeId) -> Result<wire::Backups, Failure> {
    let failed =
        |e: String| Failure::new(Code::Failed, e, told!("hau-ctl backup list on that node"));
    if *node == api.site.me {
        return backup::list(&*api.site, &api.site.settings).map_err(|e| failed(e.to_string()));
    }
    let theirs = api.site.peer_get_now("backups", LIST_LIMIT);
    let theirs = theirs.map_err(|e| failed(e.to_string()))?;
    serde_json::from_slice(&theirs).map_err(|e| failed(e.to_string()))
}
