//! The checks that ask the other node: equal configuration, one time, databases of one origin.
use super::{LIMIT, Site};
use crate::host::Finding;
use crate::sync;

pub(super) fn configuration(site: &Site<'_>) -> Vec<Finding> {
    vec![match sync::compare(site.host, site.settings, LIMIT) {
        Ok(differences) if differences.is_empty() => {
            Finding::pass("configuration", told!("equal on both nodes"))
        }
        Ok(differences) => Finding::warn(
            "configuration",
            told!("differs between the nodes: {}", differences.join(", ")),
            told!("hau-ctl sync push on the MASTER makes them equal"),
        ),
        Err(e) => Finding::fail(
            "configuration",
            e.to_string(),
            told!("hau-ctl pair, and see that the other node runs"),
        ),
    }]
}

/// Asks the peer for its time, in milliseconds since the epoch.
pub const CLOCK: &str = "clock";
/// Asks the peer for its database's identity.
pub const IDENTITY: &str = "identity";
/// Reports of both nodes are read beside each other; more than this and they mislead.
const CLOCKS_APART_MS: u64 = 2_000;

pub(super) fn clock(site: &Site<'_>) -> Vec<Finding> {
    let text = site.host.peer_get(CLOCK, LIMIT);
    let theirs = text
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok()?.parse::<u64>().ok());
    vec![
        match theirs.map(|theirs| site.host.now().0.abs_diff(theirs)) {
            Some(apart) if apart <= CLOCKS_APART_MS => {
                Finding::pass("clock", told!("both nodes agree on the time"))
            }
            Some(apart) => Finding::warn(
                "clock",
                told!("the clocks of the nodes are {} ms apart", apart),
                told!("see that both follow the same time servers (timedatectl)"),
            ),
            None => Finding::warn(
                "clock",
                told!("the other node does not say what time it is"),
                "hau-ctl pair",
            ),
        },
    ]
}

pub(super) fn identity(site: &Site<'_>) -> Vec<Finding> {
    if site.settings.database.is_none() {
        return Vec::new();
    }
    let ours = match site.database.identity() {
        Ok(ours) => ours,
        Err(e) => return vec![Finding::fail("identity", e.what, e.remedy)],
    };
    let theirs = site.host.peer_get(IDENTITY, LIMIT);
    vec![
        match theirs.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()) {
            Ok(theirs) if theirs == ours => {
                Finding::pass("identity", told!("both databases are of one origin"))
            }
            Ok(_) => Finding::fail(
                "identity",
                told!("the databases of the nodes are not copies of one another"),
                told!("build the standby anew from the primary"),
            ),
            Err(e) => Finding::warn(
                "identity",
                e.to_string(),
                told!("hau-ctl pair, and see that the other node runs"),
            ),
        },
    ]
}
