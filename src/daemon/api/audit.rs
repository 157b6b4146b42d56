//! The audit trail: shown to people, and to the other node, which signs it.
use super::{Answered, Api, bare, body, json};
use crate::audit::{Entry, Shown, of_rollout};
use crate::daemon::door::Call;
use crate::time::Time;
use crate::wire::{self, Code, Failure};
use std::{collections::BTreeMap, time::Duration};

const LIMIT: Duration = Duration::from_secs(5);
/// Entries, if nobody says how many, and at the most.
const LAST: usize = 50;
const MOST: usize = 5_000;

/// Of this node, and of the other one if it is there.
pub(super) fn both(api: &Api, call: &Call) -> Result<Answered, Failure> {
    json(&gathered(api, call.query.as_deref().unwrap_or_default())?)
}

pub(super) fn own(api: &Api, call: &Call) -> Result<Answered, Failure> {
    let query = call.query.as_deref().unwrap_or_default();
    bare(200, "application/json", &entries(api, query)?)
}

/// `last=N&since=MILLISECONDS&rollout=NUMBER`, each of which may be missing.
pub(super) fn gathered(api: &Api, query: &str) -> Result<wire::Audit, Failure> {
    let mut nodes: wire::Audit = BTreeMap::from([(api.site.me.0.clone(), entries(api, query)?)]);
    let theirs = api.site.peer_get_now(&format!("audit?{query}"), LIMIT);
    if let Some(theirs) = theirs.ok().and_then(|b| serde_json::from_slice(&b).ok()) {
        nodes.insert(api.site.peer.0.clone(), theirs);
    }
    Ok(nodes)
}

fn entries(api: &Api, query: &str) -> Result<Vec<Entry>, Failure> {
    let value = |name: &str| {
        let mut all = query.split('&');
        let value = all.find_map(|part| part.strip_prefix(name)?.strip_prefix('='))?;
        value.parse::<u64>().ok()
    };
    let last = value("last").and_then(|n| usize::try_from(n).ok());
    let rollout = value("rollout");
    // Which of them are of a rollout is seen of all.
    let read = if rollout.is_some() {
        MOST
    } else {
        last.unwrap_or(LAST).min(MOST)
    };
    let entries = api
        .site
        .audit
        .entries(read, Time(value("since").unwrap_or(0)));
    let entries = entries.map_err(|e| {
        let what = crate::daemon::site::chain(&e);
        Failure::new(Code::Failed, what, "hau-ctl audit verify says more")
    })?;
    Ok(match rollout {
        Some(number) => of_rollout(entries, number),
        None => entries,
    })
}

pub(super) fn witness(api: &Api, call: &Call) -> Result<Answered, Failure> {
    let shown: Shown = body(call)?;
    json(&api.site.audit.witness(&shown)?)
}
