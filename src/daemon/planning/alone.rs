//! The plan of a rollback where one node is dead: the other one goes back where it is, and serves nobody
//! meanwhile.
use super::super::api::Api;
use super::back::{choose, nothing_to_do, restores};
use super::purpose::checked;
use super::{Draft, Planned, finish};
use crate::checks;
use crate::core::{Actor, Kind, Row, WayBack};
use crate::host::{Finding, Host};
use crate::steps::{self, Content};
use crate::time::Time;
use crate::wire::{Code, Failure, RollbackRequest, StartRequest};
use std::{collections::BTreeMap, time::Duration};

/// Of the asked node alone.
pub(super) fn rollback(
    api: &Api,
    request: &StartRequest,
    back: &RollbackRequest,
    by: Actor,
) -> Result<Planned, Failure> {
    let (me, peer) = (api.site.me.clone(), api.site.peer.clone());
    let refused = |what, remedy: String| Err(Failure::new(Code::Refused, what, remedy));
    let snapshot = api.snapshot();
    if snapshot.state.fresh_peer(api.site.now()).is_some() {
        let remedy =
            told!("hau-ctl rollback takes both nodes back without a gap, --node NAME one of them");
        return refused(told!("node {} is heard of", peer), remedy);
    }
    if back.node.as_ref().is_some_and(|node| *node != me.0) {
        let remedy = told!("ask on the node that is to go back");
        return refused(told!("--local is this node, {}", me), remedy);
    }
    if restores(api, back) {
        let remedy = told!("--database keep; by hand the dump is restored as README says");
        return refused(told!("--local restores no database"), remedy);
    }
    let replaces = snapshot.state.running().map(|r| r.plan.id.clone());
    let (name, to) = choose(api, back.to.as_deref(), &[&me])?;
    let version = snapshot.state.observed.local.version.clone();
    let from = version.unwrap_or_else(|| to.clone());
    if from == to && back.to.is_none() && replaces.is_none() {
        return Err(nothing_to_do(Some(&me), &to, &name));
    }
    let kind = Kind::RollbackNode;
    let mut rows = steps::rows(kind, &api.site.settings, Content::default(), &me, &peer);
    steps::alone(&mut rows, &me);
    let mut own = checked(api, 0, |site| checks::held_against(site, &name, false));
    own.push(downtime(api, &rows));
    let draft = Draft {
        kind,
        first: me.clone(),
        second: peer,
        from,
        to,
        bundle: None,
        way_back: Some(WayBack {
            backup: name,
            database: false,
            replaces,
        }),
        rows,
    };
    finish(api, request, draft, BTreeMap::from([(me.0, own)]), by)
}

/// What is known of it is how long the services took to start the last time.
fn downtime(api: &Api, rows: &[Row]) -> Finding {
    let snapshot = api.snapshot();
    let mut took = rows.iter().filter(|row| row.step == "start");
    let took = took.find_map(|row| snapshot.row(row, None, Time(0)).expected_ms);
    let what = match took {
        Some(ms) => told!(
            "nobody takes over while the services stop and start again: the start alone took {} the last time",
            format!("{:.1?}", Duration::from_millis(ms))
        ),
        None => told!("nobody takes over while the services stop and start again"),
    };
    Finding::warn(
        "downtime",
        what,
        told!(
            "where node {} can be brought back, do that first: both go back without a gap",
            api.site.peer
        ),
    )
}
