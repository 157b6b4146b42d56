//! What a rollout rests on, one check a line: the list behind `doctor` and the first row of a plan.
mod database;
mod in_place;
mod keys;
mod peer;
mod programs;
mod rollback;
mod scripts;

pub use keys::KEYS;
pub use peer::{CLOCK, IDENTITY};
pub use rollback::{held_against, rollback};
pub use scripts::{is_overruled, scripts};

use crate::backup;
use crate::config::{DatabaseKind, HttpCheck, Prove, Settings};
use crate::core::VrrpState;
use crate::database::Database;
use crate::host::{Active, Finding, Host, Status};
use crate::notify;
use std::{net::IpAddr, path::Path, time::Duration};

/// A node as the checks see it.
pub struct Site<'a> {
    pub host: &'a dyn Host,
    pub database: &'a dyn Database,
    pub settings: &'a Settings,
    pub vips: &'a [IpAddr],
    /// hau's own folder.
    pub state_dir: &'a Path,
    /// Size of the bundle that is to be installed; 0: none.
    pub bundle_bytes: u64,
}

type Check = fn(&Site<'_>) -> Vec<Finding>;

/// In the order in which `doctor` shows them.
const CHECKS: &[(&str, Check)] = &[
    ("services", services),
    ("release", release),
    ("in_place", in_place::in_place),
    ("vrrp", vrrp),
    ("keepalived", |site| site.host.keepalived()),
    ("handoff", |site| site.host.handoff_findings()),
    ("database", database::role),
    ("replication", database::replication),
    ("restore", database::restore),
    ("fence", programs::fence),
    ("database commands", programs::database),
    ("notify", notify),
    ("sync", config_sync),
    ("space", space),
    ("keys", keys::keys),
    ("root key", root_key),
    ("configuration", peer::configuration),
    ("clock", peer::clock),
    ("identity", peer::identity),
    ("audit", |site| site.host.audit()),
];

/// Looks at everything; a check never ends the others.
pub fn all(site: &Site<'_>) -> Vec<Finding> {
    CHECKS.iter().flat_map(|(_, check)| check(site)).collect()
}

/// The database alone, for a person who sees to it before the first rollout.
pub fn first_look(site: &Site<'_>) -> Vec<Finding> {
    let known: [Check; 4] = [
        database::role,
        database::replication,
        database::restore,
        |site| site.database.first_look(),
    ];
    known.iter().flat_map(|check| check(site)).collect()
}

/// What tells whether this node serves, in a moment and without the other node.
pub fn health(site: &Site<'_>) -> Vec<Finding> {
    let quick: [Check; 5] = [
        services,
        vrrp,
        |site| site.host.keepalived(),
        database::role,
        database::replication,
    ];
    quick.iter().flat_map(|check| check(site)).collect()
}

/// Does anything stand in the way?
pub fn is_fit(findings: &[Finding]) -> bool {
    findings.iter().all(|f| f.status != Status::Fail)
}

const LIMIT: Duration = Duration::from_secs(5);

/// Asks one of a service's own HTTP checks. Without a wanted status everything below 400 is well.
///
/// # Errors
/// What it answers instead, as a sentence.
pub fn http(host: &dyn Host, check: &HttpCheck) -> Result<(), String> {
    let answer = host
        .http_get(&check.url, LIMIT)
        .map_err(|e| e.to_string())?;
    let well = check
        .status
        .map_or(answer.status < 400, |wanted| wanted == answer.status);
    if !well {
        return Err(told!("{} answers {}", check.url, answer.status));
    }
    match &check.body {
        Some(wanted) if !answer.body.contains(wanted) => Err(told!(
            "{} does not answer {}",
            check.url,
            format!("{wanted:?}")
        )),
        Some(_) | None => Ok(()),
    }
}

fn services(site: &Site<'_>) -> Vec<Finding> {
    let one = |service: &crate::config::Service| {
        let name = &service.name;
        let unit = match site.host.unit(&service.unit) {
            Ok(unit) => unit,
            Err(e) => {
                return Finding::fail(
                    "services",
                    e.to_string(),
                    told!("name the unit as systemctl list-units does"),
                );
            }
        };
        if unit.active != Active::Active {
            let what = told!(
                "{}: {} is {} ({})",
                name,
                service.unit,
                format!("{:?}", unit.active),
                unit.sub
            );
            return Finding::fail(
                "services",
                what,
                format!("systemctl start {}", service.unit),
            );
        }
        if let Some(port) = service.ports.iter().find(|p| !site.host.listens(**p)) {
            let what = told!("{}: nothing listens on port {}", name, port);
            return Finding::fail(
                "services",
                what,
                told!("correct its ports in hau.toml, or mend the service"),
            );
        }
        for check in &service.http {
            if let Err(what) = http(site.host, check) {
                let remedy = told!("mend the service first");
                return Finding::fail("services", format!("{name}: {what}"), remedy);
            }
        }
        Finding::pass(
            "services",
            told!("{} is active, its ports and health checks answer", name),
        )
    };
    site.settings.services.iter().map(one).collect()
}

fn release(site: &Site<'_>) -> Vec<Finding> {
    let link = site.settings.release.root.join("current");
    vec![match site.host.link_target(&link) {
        Some(target) if site.host.exists(&site.settings.release.root.join(&target)) => {
            Finding::pass(
                "release",
                told!("{} points to {}", link.display(), target.display()),
            )
        }
        Some(target) => Finding::fail(
            "release",
            told!(
                "{} points to {}, which is not there",
                link.display(),
                target.display()
            ),
            told!("link it to the folder of the running release under releases/"),
        ),
        None => Finding::fail(
            "release",
            told!("{} is not a symbolic link", link.display()),
            told!("lay releases out as releases/VERSION with current linking to one of them"),
        ),
    }]
}

fn vrrp(site: &Site<'_>) -> Vec<Finding> {
    let holds = site
        .vips
        .iter()
        .map(|vip| site.host.has_address(*vip).unwrap_or(false));
    let holds: Vec<bool> = holds.collect();
    let (any, all) = (holds.contains(&true), !holds.contains(&false));
    vec![match (site.host.vrrp(), any, all) {
        (VrrpState::Master, _, true) => {
            Finding::pass("vrrp", told!("MASTER, and every VIP is on this host"))
        }
        (VrrpState::Backup, false, _) => {
            Finding::pass("vrrp", told!("BACKUP, and no VIP is on this host"))
        }
        (VrrpState::Unknown, ..) => Finding::fail(
            "vrrp",
            told!("keepalived has not said what state it is in"),
            told!("see that keepalived runs and that its configuration includes hau's lines"),
        ),
        (state, ..) => Finding::fail(
            "vrrp",
            told!(
                "keepalived says {}, but that is not what the addresses of this host say",
                format!("{state:?}")
            ),
            told!("see the log of keepalived; do not add or remove the VIP by hand"),
        ),
    }]
}

/// What is told of events.
fn notify(site: &Site<'_>) -> Vec<Finding> {
    let ways = notify::channels(&site.settings.notify);
    ways.iter().flat_map(|way| way.look(site.host)).collect()
}

fn config_sync(site: &Site<'_>) -> Vec<Finding> {
    let Some(sync) = &site.settings.config_sync else {
        return Vec::new();
    };
    let one = |unit: &String| match site.host.unit(unit) {
        Ok(state) if unit.ends_with(".timer") && state.active != Active::Active => Finding::warn(
            "sync",
            told!("{} is not active", unit),
            format!("systemctl enable --now {}", unit),
        ),
        Ok(_) => Finding::pass("sync", told!("{} is known to systemd", unit)),
        Err(e) => Finding::fail(
            "sync",
            e.to_string(),
            told!("name the unit that starts the sync"),
        ),
    };
    sync.units.iter().map(one).collect()
}

fn space(site: &Site<'_>) -> Vec<Finding> {
    let root = &site.settings.release.root;
    let current = site.host.link_target(&root.join("current"));
    let code = current.map_or(0, |release| {
        site.host.size_bytes(&root.join(release)).unwrap_or(0)
    });
    let dump = site
        .settings
        .database
        .as_ref()
        .map_or(0, |_| site.database.size_bytes().unwrap_or(0));
    let mut needs: Vec<(&Path, u64)> = vec![
        // The bundle and its release, and as much again to be sure.
        (root, site.bundle_bytes * 2),
        (&site.settings.bundle.incoming, site.bundle_bytes * 2),
        (&site.settings.backup.dir, code + dump * 2 + (64 << 20)),
    ];
    if let Some(folder) = &site.settings.release.in_place {
        // What is put there, and what is kept of it meanwhile: both may be one file system.
        needs.extend([folder.as_path(), site.state_dir].map(|at| (at, site.bundle_bytes + code)));
    }
    let kind = site.settings.database.as_ref().map(|d| &d.kind);
    let beside = match (kind, site.settings.backup.prove) {
        // Its programs read a copy of the dump.
        (Some(DatabaseKind::Gaussdb(_)), _) => Some(dump),
        // The dump is restored beside the running database, and the standby follows.
        (_, Prove::Restore) => Some(dump * 2 + (64 << 20)),
        (_, Prove::Verify) => None,
    };
    needs.extend(site.settings.data_dir().zip(beside));
    let one = |(path, need): &(&Path, u64)| {
        let at = path
            .ancestors()
            .find(|p| site.host.exists(p))
            .unwrap_or(Path::new("/"));
        match site.host.free_bytes(at) {
            Ok(free) if free >= *need => Finding::pass(
                "space",
                told!("{}: {} MiB free", path.display(), free >> 20),
            ),
            Ok(free) => Finding::fail(
                "space",
                told!(
                    "{} has {} MiB free and {} MiB may be needed",
                    path.display(),
                    free >> 20,
                    need >> 20
                ),
                told!("free some space there"),
            ),
            Err(e) => Finding::fail(
                "space",
                e.to_string(),
                told!("see that the path exists on a local disk"),
            ),
        }
    };
    needs.iter().map(one).collect()
}

fn root_key(site: &Site<'_>) -> Vec<Finding> {
    let Some(key) = &site.settings.root_key else {
        return Vec::new();
    };
    if !site.host.exists(&key.path) {
        let what = told!("{} is not there", key.path.display());
        return vec![Finding::fail(
            "root key",
            what,
            told!("correct [root_key] path"),
        )];
    }
    vec![if site.settings.backup.recipients.is_empty() {
        let what = told!(
            "[backup] recipients is empty: {} cannot be backed up",
            backup::KEY
        );
        Finding::fail(
            "root key",
            what,
            told!("age-keygen makes a key pair; put its public key there"),
        )
    } else {
        Finding::pass(
            "root key",
            told!("{} is backed up encrypted", key.path.display()),
        )
    }]
}
