//! The keys whose bundles are taken: that there are some, for how long they hold, and that both nodes have the same.
use super::{LIMIT, Site};
use crate::host::{Finding, Trust};
use std::time::Duration;

/// Asks the peer for what it trusts, a `Trust` as JSON.
pub const KEYS: &str = "keys";

/// A clock is set by as much as this without anybody's doing.
const APART: Duration = Duration::from_secs(120);
/// There is time to make the next set, and have it signed.
const SOON_MS: i64 = 30 * 24 * 3_600 * 1_000;

pub(super) fn keys(site: &Site<'_>) -> Vec<Finding> {
    let ours = match site.host.trust() {
        Ok(ours) => ours,
        Err(e) => {
            let remedy = "the .pub file of hau-ctl bundle keygen, or a key set (hau-ctl keys install), belongs there, on both nodes";
            return vec![Finding::fail("keys", e.why, remedy)];
        }
    };
    let theirs = site.host.peer_get(KEYS, LIMIT).map_err(|e| e.to_string());
    let theirs = theirs.and_then(|bytes| {
        serde_json::from_slice::<Trust>(&bytes).map_err(|e| format!("the other node's keys: {e}"))
    });
    let compared = match theirs {
        Ok(theirs) if theirs.fingerprint == ours.fingerprint => {
            let counter = ours.counter.max(theirs.counter);
            let counter = counter.map_or(String::new(), |highest| {
                format!("; the highest counter installed is {highest}")
            });
            Finding::pass("keys", format!("{} on both nodes{counter}", ours.what))
        }
        Ok(theirs) => Finding::fail(
            "keys",
            format!(
                "this node trusts {}, the other one {}",
                ours.what, theirs.what
            ),
            "hau-ctl keys install, or the same .pub files, on both nodes",
        ),
        Err(why) => Finding::warn(
            "keys",
            why,
            "hau-ctl pair, and see that the other node runs",
        ),
    };
    let mut findings = vec![compared];
    findings.extend(expiry(&ours));
    findings.extend(set_back(site, &ours));
    findings
}

/// Expiry is judged by the newest moment that was seen, and somebody wonders why.
fn set_back(site: &Site<'_>, ours: &Trust) -> Option<Finding> {
    let ahead = ours.moment.since(site.host.now());
    (ahead > APART).then(|| {
        let at = jiff::Timestamp::from_millisecond(i64::try_from(ours.moment.0).unwrap_or(0));
        let at = at.unwrap_or_default();
        Finding::warn(
            "clock",
            format!("this node has seen {at} already, and its clock says it is earlier: what had expired by then has expired"),
            "set the clock right (timedatectl); if it had been wrong then, the next key set clears it",
        )
    })
}

fn expiry(ours: &Trust) -> Option<Finding> {
    let expires: jiff::Timestamp = ours.expires.as_ref()?.parse().ok()?;
    let now = i64::try_from(ours.moment.0).unwrap_or(i64::MAX);
    let left = expires.as_millisecond().saturating_sub(now);
    let remedy = "ask the publishers for the next key set: hau-ctl keys install";
    match left {
        ..=0 => {
            let what = format!(
                "{} expired on {expires}: nothing can be installed",
                ours.what
            );
            Some(Finding::fail("keys", what, remedy))
        }
        1..=SOON_MS => {
            let what = format!("{} expires on {expires}", ours.what);
            Some(Finding::warn("keys", what, remedy))
        }
        _ => None,
    }
}
