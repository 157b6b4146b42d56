//! The checks that ask this node's database.
use super::Site;
use crate::config::{Prove, RollbackDatabase};
use crate::core::{DatabaseRole, VrrpState};
use crate::host::Finding;

pub(super) fn role(site: &Site<'_>) -> Vec<Finding> {
    if site.settings.database.is_none() {
        return Vec::new();
    }
    let role = match site.database.role() {
        Ok(role) => role,
        Err(e) => return vec![Finding::fail("database", e.what, e.remedy)],
    };
    let fits = match site.host.vrrp() {
        VrrpState::Master => role == DatabaseRole::Primary,
        VrrpState::Backup => role == DatabaseRole::Standby,
        VrrpState::Fault | VrrpState::Unknown => false,
    };
    vec![if fits {
        Finding::pass(
            "database",
            told!("{}, as the VRRP state wants it", named(role)),
        )
    } else {
        let what = told!(
            "the database is {} where keepalived is {}",
            named(role),
            format!("{:?}", site.host.vrrp())
        );
        Finding::fail(
            "database",
            what,
            told!("bring VIP and primary together on one node first"),
        )
    }]
}

/// As a finding begins with it.
fn named(role: DatabaseRole) -> String {
    match role {
        DatabaseRole::Primary => told!("Primary"),
        DatabaseRole::Standby => told!("Standby"),
        DatabaseRole::Unknown => told!("Unknown"),
        DatabaseRole::None => told!("None"),
    }
}

/// Where a dump is to be restored, hau's role must be allowed to.
pub(super) fn restore(site: &Site<'_>) -> Vec<Finding> {
    let settings = site.settings;
    let is_wanted = settings.backup.prove == Prove::Restore
        || settings.rollback.database == RollbackDatabase::Restore;
    if settings.database.is_none() || !is_wanted {
        return Vec::new();
    }
    vec![
        match site.database.restores().and_then(|r| r.may_restore()) {
            Ok(true) => Finding::pass("restore", told!("hau's role may restore a dump")),
            Ok(false) => Finding::fail(
                "restore",
                told!(
                    "hau's role may make no databases there, and a backup is proved by restoring it"
                ),
                told!(
                    "make it a superuser (GaussDB: alter user hau sysadmin), or write prove = \"verify\" into [backup] and database = \"keep\" into [rollback]"
                ),
            ),
            Err(e) => Finding::fail("restore", e.what, e.remedy),
        },
    ]
}

pub(super) fn replication(site: &Site<'_>) -> Vec<Finding> {
    if site.settings.database.is_none() {
        return Vec::new();
    }
    let seen = match site.database.replication() {
        Ok(seen) => seen,
        Err(e) => return vec![Finding::fail("replication", e.what, e.remedy)],
    };
    let mut findings: Vec<Finding> = seen
        .obstacles
        .iter()
        .map(|o| {
            Finding::fail(
                "replication",
                o.clone(),
                told!("change the setting and reload the database"),
            )
        })
        .collect();
    findings.push(match (seen.streaming, seen.lag_bytes) {
        (true, Some(lag)) => Finding::pass("replication", told!("streams, {} bytes behind", lag)),
        (true, None) => Finding::warn(
            "replication",
            told!("streams, but its lag is not known"),
            told!("try again in a moment"),
        ),
        (false, _) => Finding::fail(
            "replication",
            told!("the standby does not stream"),
            told!("mend the replication: without it there is nowhere to switch to"),
        ),
    });
    findings
}
