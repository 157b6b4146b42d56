//! From a request to a plan: which bundle, which node first, is the pair fit. Nothing is changed.
mod alone;
mod back;
mod purpose;
mod stop;

pub(super) use back::{is_taken_back, rollback};
pub(super) use purpose::{Purpose, health_findings, own_findings};

use super::api::Api;
use crate::checks;
use crate::config::{RollbackPolicy, Switch};
use crate::core::{
    Actor, BundleRef, HandoffRow, Hello, Kind, NodeId, Plan, RolloutId, Row, VrrpState, WayBack,
};
use crate::host::{BundleInfo, BundlePolicy, Finding, Host, HostResult, Status};
use crate::steps::{self, Content};
use crate::time::Time;
use crate::wire::{self, Code, Failure, PlanView, StartRequest};
use std::{collections::BTreeMap, path::PathBuf, time::Duration};

const PEER_LIMIT: Duration = Duration::from_secs(30);

/// A plan that could start, and what was found on the way.
pub(super) struct Planned {
    pub(super) plan: Plan,
    pub(super) view: PlanView,
}

/// Makes a plan. A pair that is not fit still gets one, to be shown; `view.fit` says so.
pub(super) fn plan(
    api: &Api,
    kind: Kind,
    request: &StartRequest,
    by: Actor,
) -> Result<Planned, Failure> {
    let peer = peer(api)?;
    let (first, second) = order(api, &peer)?;
    if let Some(to) = &request.to {
        check_target(to, &first, &second)?;
    }
    let local = api.snapshot().state.observed.local.clone();
    let from = same_version(api, local.version.as_deref(), peer.local.version.as_deref())?;
    let found = match (kind, &request.bundle) {
        (Kind::Upgrade, Some(name)) => Some(find_bundle(api, name, &from)?),
        (Kind::Upgrade, None) => {
            return Err(Failure::new(
                Code::Usage,
                told!("no bundle is named"),
                "hau-ctl upgrade BUNDLE",
            ));
        }
        (Kind::Switch | Kind::Rollback | Kind::RollbackNode | Kind::Failover | Kind::Rejoin, _) => {
            None
        }
    };
    let info = found.as_ref().map(|(_, info)| info);
    if let Some(info) = info {
        bearable(api, info)?;
    }
    let rows = steps::rows(
        kind,
        &api.site.settings,
        Content {
            bundle: info,
            dump: false,
        },
        &first,
        &second,
    );
    let to = info.map_or_else(|| from.clone(), |i| i.version.clone());
    let bundle = found.as_ref().map(|(file, info)| BundleRef {
        file: file.clone(),
        sha256: info.sha256.clone(),
        size_bytes: info.size_bytes,
    });
    let purpose = Purpose {
        bundle_bytes: info.map_or(0, |i| i.payload_bytes.max(i.size_bytes)),
        bundle: found
            .as_ref()
            .map(|(file, _)| api.site.settings.bundle.incoming.join(file)),
        version: info.map(|i| i.version.clone()),
        counter: info.map(|i| i.counter),
        allow_known_bad: request.allow_known_bad,
        ..Purpose::default()
    };
    let findings = findings(api, &purpose)?;
    let draft = Draft {
        kind,
        first,
        second,
        from,
        to,
        bundle,
        way_back: None,
        rows,
    };
    finish(api, request, draft, findings, by)
}

/// What makes one plan different from another.
struct Draft {
    kind: Kind,
    first: NodeId,
    second: NodeId,
    from: String,
    to: String,
    bundle: Option<BundleRef>,
    way_back: Option<WayBack>,
    rows: Vec<Row>,
}

fn finish(
    api: &Api,
    request: &StartRequest,
    draft: Draft,
    mut findings: Findings,
    by: Actor,
) -> Result<Planned, Failure> {
    let snapshot = api.snapshot();
    let mut rows = draft.rows.iter();
    if rows.any(|row| row.handoff == HandoffRow::Measured) {
        let own = findings.entry(api.site.me.0.clone()).or_default();
        own.push(snapshot.expected_downtime(api.site.settings.limits.downtime_budget));
    }
    let rows = draft.rows.iter();
    let rows: Vec<_> = rows.map(|row| snapshot.row(row, None, Time(0))).collect();
    let view = PlanView {
        expected_ms: wire::Row::expected_together(&rows),
        kind: draft.kind,
        from: draft.from.clone(),
        to: draft.to.clone(),
        first: draft.first.0.clone(),
        second: draft.second.0.clone(),
        rows,
        fit: findings.values().all(|f| checks::is_fit(f)),
        findings,
        gives_up: false,
    };
    let plan = Plan {
        // The core numbers it and stamps the time when it is adopted.
        id: RolloutId {
            number: 0,
            origin: api.site.me.clone(),
        },
        kind: draft.kind,
        first: draft.first,
        second: draft.second,
        from: draft.from,
        to: draft.to,
        bundle: draft.bundle,
        way_back: draft.way_back,
        by,
        made_at: api.site.now(),
        home_before: None,
        stop_before: stop::before(request, &draft.rows)?,
        term: None,
        takes_back: !draft.kind.is_rollback()
            && api.site.settings.rollback.policy == RollbackPolicy::Auto,
        fast: api.site.settings.vrrp.switch == Switch::Fast,
        rows: draft.rows,
    };
    Ok(Planned { plan, view })
}

/// What a verified bundle may not ask of this site.
fn bearable(api: &Api, info: &BundleInfo) -> Result<(), Failure> {
    let refuse = |what, remedy| Err(Failure::new(Code::Refused, what, remedy));
    if !info.hooks.is_empty() && api.site.settings.release.user.is_none() {
        return refuse(
            told!("the bundle has hooks and nobody to run them as"),
            told!("set [release] user in hau.toml on both nodes"),
        );
    }
    if !info.schema_compatible {
        return refuse(
            told!("the bundle says that the running version does not bear its schema"),
            told!(
                "a rolling upgrade needs backward-compatible schema scripts: split the release in two"
            ),
        );
    }
    Ok(())
}

/// The first thing that stands in the way, as a refusal.
pub(super) fn refusal(view: &PlanView) -> Failure {
    let bad = |(node, findings): (&String, &Vec<Finding>)| {
        let bad = findings.iter().find(|f| f.status == Status::Fail)?;
        Some(Failure::new(
            Code::Refused,
            told!("node {}: {}", node, bad.what),
            bad.remedy.clone(),
        ))
    };
    let first = view.findings.iter().find_map(bad);
    first.unwrap_or_else(|| {
        Failure::new(
            Code::Refused,
            told!("the pair is not fit"),
            "hau-ctl doctor",
        )
    })
}

type Findings = BTreeMap<String, Vec<Finding>>;

/// Both nodes' findings.
pub(super) fn findings(api: &Api, purpose: &Purpose) -> Result<Findings, Failure> {
    findings_within(api, purpose, purpose, PEER_LIMIT)
}

fn findings_within(
    api: &Api,
    ours: &Purpose,
    theirs: &Purpose,
    limit: Duration,
) -> Result<Findings, Failure> {
    let (ours, theirs) = std::thread::scope(|scope| {
        let ask = format!("doctor?{}", theirs.query());
        let theirs = scope.spawn(move || api.site.peer_get_now(&ask, limit));
        let ours = own_findings(api, ours);
        (ours, theirs.join())
    });
    let lost = |why: String| {
        Failure::new(
            Code::PeerLost,
            why,
            told!("see that hau-sidecar runs there and the nodes are paired"),
        )
    };
    let theirs = theirs.map_err(|_| lost(told!("asking the other node ended badly")))?;
    let theirs = theirs.map_err(|e| lost(e.to_string()))?;
    let theirs: Vec<Finding> = serde_json::from_slice(&theirs).map_err(|e| lost(e.to_string()))?;
    Ok(BTreeMap::from([
        (api.site.me.0.clone(), ours),
        (api.site.peer.0.clone(), theirs),
    ]))
}

fn policy(api: &Api, installed: &str) -> HostResult<BundlePolicy> {
    Ok(BundlePolicy {
        product: api.site.settings.cluster.name.clone(),
        installed: Some(installed.to_owned()),
        at: api.site.moment()?,
    })
}

/// Verifies a bundle of the incoming folder: the daemon opens no other. Of a delta the full bundle is made first, and from
/// then on there is only that.
pub(super) fn find_bundle(
    api: &Api,
    name: &str,
    installed: &str,
) -> Result<(String, BundleInfo), Failure> {
    if bundle_file(api, name).is_none() {
        let what = told!(
            "there is no bundle {} in {}",
            name,
            api.site.settings.bundle.incoming.display()
        );
        return Err(Failure::new(
            Code::NotFound,
            what,
            told!("put it there, or name it by its path"),
        ));
    }
    let refused = |e: crate::host::HostError| {
        Failure::new(
            Code::Refused,
            e.why,
            told!("hau-ctl bundle verify says more"),
        )
    };
    let policy = policy(api, installed).map_err(refused)?;
    let name = api.site.full_bundle(name, &policy).map_err(refused)?;
    let path = api.site.settings.bundle.incoming.join(&name);
    let info = api.site.verify_bundle(&path, &policy).map_err(refused)?;
    Ok((name, info))
}

fn peer(api: &Api) -> Result<Hello, Failure> {
    let snapshot = api.snapshot();
    let hello = snapshot.state.fresh_peer(api.site.now()).cloned();
    hello.ok_or_else(|| {
        let what = told!("node {} is not heard of", api.site.peer);
        Failure::new(
            Code::PeerLost,
            what,
            told!("see that hau-sidecar runs there, and hau-ctl pair"),
        )
    })
}

/// First is the BACKUP.
fn order(api: &Api, peer: &Hello) -> Result<(NodeId, NodeId), Failure> {
    let (me, other) = (api.site.me.clone(), api.site.peer.clone());
    match (api.snapshot().state.observed.local.vrrp, peer.local.vrrp) {
        (VrrpState::Master, VrrpState::Backup) => Ok((other, me)),
        (VrrpState::Backup, VrrpState::Master) => Ok((me, other)),
        (ours, theirs) => {
            let what = told!(
                "node {} is {} and node {} is {}: one must be MASTER and one BACKUP",
                me,
                format!("{ours:?}"),
                other,
                format!("{theirs:?}")
            );
            Err(Failure::new(
                Code::Refused,
                what,
                told!("hau-ctl status and keepalived's log on both nodes"),
            ))
        }
    }
}

fn check_target(to: &str, first: &NodeId, second: &NodeId) -> Result<(), Failure> {
    match to {
        to if to == first.0 => Ok(()),
        to if to == second.0 => {
            let what = told!("node {} already holds the VIP", second);
            Err(Failure::new(Code::Refused, what, told!("nothing to do")))
        }
        to => Err(Failure::new(
            Code::Usage,
            told!("there is no node {}", to),
            told!("name {} or {}", first, second),
        )),
    }
}

fn same_version(api: &Api, ours: Option<&str>, theirs: Option<&str>) -> Result<String, Failure> {
    match (ours, theirs) {
        (Some(ours), Some(theirs)) if ours == theirs => Ok(ours.to_owned()),
        (ours, theirs) => {
            let what = told!(
                "node {} runs {} and node {} runs {}",
                api.site.me,
                ours.unwrap_or("no known release"),
                api.site.peer,
                theirs.unwrap_or("no known release")
            );
            Err(Failure::new(
                Code::Refused,
                what,
                told!("bring both nodes to one version first"),
            ))
        }
    }
}

/// Unpacks without a rollout, and lets go of what was staged before and is more than may stay: `hau-ctl stage`.
pub(super) fn stage(
    api: &Api,
    file: &str,
    info: &BundleInfo,
    installed: &str,
) -> Result<(), Failure> {
    let failed = |e: crate::host::HostError| {
        Failure::new(
            Code::Failed,
            e.to_string(),
            told!("mend that and stage again"),
        )
    };
    let policy = policy(api, installed).map_err(failed)?;
    let here = api.site.settings.bundle.incoming.join(file);
    let (site, release) = (&*api.site, &api.site.settings.release);
    let dest = release.root.join("releases").join(&info.version);
    if !site.exists(&dest) || site.check_release(&here, &policy, &dest).is_err() {
        // A leftover that does not read back. It is not what runs: a bundle of that version would have been refused.
        site.remove(&dest).map_err(failed)?;
        site.unpack_bundle(&here, &policy, &dest).map_err(failed)?;
    }
    steps::prune(site, &release.root, release.keep, &[&info.version]).map_err(failed)
}

/// Names a peer may ask for: what lies in the incoming folder under a plain name.
pub(super) fn bundle_file(api: &Api, name: &str) -> Option<PathBuf> {
    let path = api.site.settings.bundle.incoming.join(name);
    (is_plain(name) && path.is_file() && !path.is_symlink()).then_some(path)
}

/// A name that stays in the folder it is looked for in.
pub(super) fn is_plain(name: &str) -> bool {
    !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\', '\0'])
}
