//! The keys whose bundles are taken: that there are some, for how long they hold, and that both nodes have the same.
use super::{LIMIT, Site};
use crate::host::{Finding, Trust};
use crate::time::Time;
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
            let remedy = told!(
                "the .pub file of hau-ctl bundle keygen, or a key set (hau-ctl keys install), belongs there, on both nodes"
            );
            return vec![Finding::fail("keys", e.why, remedy)];
        }
    };
    let theirs = site.host.peer_get(KEYS, LIMIT).map_err(|e| e.to_string());
    let theirs = theirs.and_then(|bytes| {
        serde_json::from_slice::<Trust>(&bytes).map_err(|e| told!("the other node's keys: {}", e))
    });
    let mut findings = vec![compare(&ours, theirs)];
    findings.extend(expiry(&ours));
    findings.extend(set_back(site.host.now(), &ours));
    findings
}

fn compare(ours: &Trust, theirs: Result<Trust, String>) -> Finding {
    match theirs {
        Ok(theirs) if theirs.fingerprint == ours.fingerprint => {
            let counter = ours.counter.max(theirs.counter);
            let what = match counter {
                None => told!("{} on both nodes", ours.what),
                Some(highest) => told!(
                    "{} on both nodes; the highest counter installed is {}",
                    ours.what,
                    highest
                ),
            };
            Finding::pass("keys", what)
        }
        Ok(theirs) => Finding::fail(
            "keys",
            told!(
                "this node trusts {}, the other one {}",
                ours.what,
                theirs.what
            ),
            told!("hau-ctl keys install, or the same .pub files, on both nodes"),
        ),
        Err(why) => Finding::warn(
            "keys",
            why,
            told!("hau-ctl pair, and see that the other node runs"),
        ),
    }
}

/// Expiry is judged by the newest moment that was seen, and somebody wonders why.
fn set_back(now: Time, ours: &Trust) -> Option<Finding> {
    let ahead = ours.moment.since(now);
    (ahead > APART).then(|| {
        let at = jiff::Timestamp::from_millisecond(i64::try_from(ours.moment.0).unwrap_or(0));
        let at = at.unwrap_or_default();
        Finding::warn(
            "clock",
            told!(
                "this node has seen {} already, and its clock says it is earlier: what had expired by then has expired",
                at
            ),
            told!(
                "set the clock right (timedatectl); if it had been wrong then, the next key set clears it"
            ),
        )
    })
}

fn expiry(ours: &Trust) -> Option<Finding> {
    let expires: jiff::Timestamp = ours.expires.as_ref()?.parse().ok()?;
    let now = i64::try_from(ours.moment.0).unwrap_or(i64::MAX);
    let left = expires.as_millisecond().saturating_sub(now);
    let remedy = told!("ask the publishers for the next key set: hau-ctl keys install");
    match left {
        ..=0 => {
            let what = told!(
                "{} expired on {}: nothing can be installed",
                ours.what,
                expires
            );
            Some(Finding::fail("keys", what, remedy))
        }
        1..=SOON_MS => {
            let what = told!("{} expires on {}", ours.what, expires);
            Some(Finding::warn("keys", what, remedy))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Status;

    const NOW: Time = Time(1_800_000_000_000);

    fn trust(what: &str) -> Trust {
        Trust {
            what: what.to_owned(),
            fingerprint: what.to_owned(),
            moment: NOW,
            ..Trust::default()
        }
    }

    #[test]
    fn nodes_that_trust_different_keys_are_not_fit() {
        let ours = trust("key set 2");
        let said = |theirs| {
            let finding = compare(&ours, theirs);
            (finding.status, finding.what)
        };
        let remembers = Trust {
            counter: Some(7),
            ..ours.clone()
        };
        assert_eq!(
            said(Ok(remembers)),
            (
                Status::Pass,
                "key set 2 on both nodes; the highest counter installed is 7".to_owned()
            )
        );
        assert_eq!(
            said(Ok(trust("key set 1"))),
            (
                Status::Fail,
                "this node trusts key set 2, the other one key set 1".to_owned()
            )
        );
        assert_eq!(said(Err("away".to_owned())).0, Status::Warn);
    }

    #[test]
    fn a_set_that_expires_is_told_of_in_time() {
        let expiring = |days: i64| {
            let now = jiff::Timestamp::from_millisecond(1_800_000_000_000).expect("a moment");
            let at = now + jiff::SignedDuration::from_hours(24 * days);
            let ours = Trust {
                expires: Some(at.to_string()),
                ..trust("key set 2")
            };
            expiry(&ours).map(|finding| finding.status)
        };
        assert_eq!(expiring(31), None);
        assert_eq!(expiring(29), Some(Status::Warn));
        assert_eq!(expiring(0), Some(Status::Fail));
        assert_eq!(expiry(&trust("a plain key")).map(|f| f.what), None);
    }

    #[test]
    fn a_clock_that_was_set_back_is_told_of() {
        let ours = trust("key set 2");
        assert!(set_back(NOW, &ours).is_none());
        assert!(set_back(Time(NOW.0 - 60_000), &ours).is_none());
        let told = set_back(Time(NOW.0 - 3_600_000), &ours).expect("told");
        assert!(told.what.contains("2027-01-15T08:00:00Z"), "{}", told.what);
    }
}
