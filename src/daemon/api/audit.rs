//! The audit trail: shown to people, and to the other node, which signs it.
use super::{Answered, Api, bare, body, json};
use crate::audit::{Entry, Shown};
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
    let mut nodes: wire::Audit = BTreeMap::from([(api.site.me.0.clone(), entries(api, call)?)]);
    let query = call.query.as_deref().unwrap_or_default();
    let theirs = api.site.peer_get_now(&format!("audit?{query}"), LIMIT);
    if let Some(theirs) = theirs.ok().and_then(|b| serde_json::from_slice(&b).ok()) {
        nodes.insert(api.site.peer.0.clone(), theirs);
    }
    json(&nodes)
}

pub(super) fn own(api: &Api, call: &Call) -> Result<Answered, Failure> {
    bare(200, "application/json", &entries(api, call)?)
}

fn entries(api: &Api, call: &Call) -> Result<Vec<Entry>, Failure> {
    let query = call.query.as_deref().unwrap_or_default();
    let value = |name: &str| {
        let mut all = query.split('&');
        all.find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
    };
    let last = value("last").and_then(|n| n.parse().ok()).unwrap_or(LAST);
    let since = value("since").and_then(|ms| ms.parse().ok()).unwrap_or(0);
    let entries = api.site.audit.entries(last.min(MOST), Time(since));
    entries.map_err(|e| {
        let what = crate::daemon::site::chain(&e);
        Failure::new(Code::Failed, what, "hau-ctl audit verify says more")
    })
}

pub(super) fn witness(api: &Api, call: &Call) -> Result<Answered, Failure> {
    let shown: Shown = body(call)?;
    json(&api.site.audit.witness(&shown)?)
}
