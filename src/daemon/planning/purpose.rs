//! What the checks of both nodes are asked for; it travels to the other node as a query.
use super::super::api::Api;
use crate::checks;
use crate::host::{Finding, Host};
use std::path::PathBuf;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::daemon) struct Purpose {
    /// Size of the bundle that is to be installed; 0: none.
    pub(super) bundle_bytes: u64,
    /// Where it is; the other node is not asked of it, for it has it only when it is staged.
    pub(super) bundle: Option<PathBuf>,
    /// The version that is to be installed.
    pub(super) version: Option<String>,
    /// Its counter: each node holds it against what it remembers.
    pub(super) counter: Option<u64>,
    pub(super) allow_known_bad: bool,
    /// A rollback, and nothing is installed.
    pub(super) is_rollback: bool,
    /// The backup that the asked node goes back to.
    pub(super) backup: Option<String>,
    /// Its dump is restored, too.
    pub(super) restores: bool,
    /// Nothing is planned: a person gets to know the database.
    pub(super) database: bool,
}

impl Purpose {
    pub(super) fn query(&self) -> String {
        let mut words = vec![format!("bundle_bytes={}", self.bundle_bytes)];
        let named = [("version", &self.version), ("backup", &self.backup)];
        let named = named
            .into_iter()
            .filter_map(|(k, v)| Some((k, v.as_ref()?)));
        words.extend(named.map(|(k, v)| format!("{k}={v}")));
        words.extend(self.counter.map(|counter| format!("counter={counter}")));
        let flags = [
            ("allow_known_bad", self.allow_known_bad),
            ("rollback", self.is_rollback),
            ("restores", self.restores),
            ("database", self.database),
        ];
        words.extend(
            flags
                .into_iter()
                .filter(|f| f.1)
                .map(|(k, _)| format!("{k}=1")),
        );
        words.join("&")
    }

    /// What is not understood is left out: the node that asks may be of another version.
    pub(in crate::daemon) fn parse(query: &str) -> Self {
        let mut purpose = Self::default();
        for (key, value) in query.split('&').filter_map(|word| word.split_once('=')) {
            match key {
                "bundle_bytes" => purpose.bundle_bytes = value.parse().unwrap_or(0),
                "counter" => purpose.counter = value.parse().ok(),
                "version" => purpose.version = Some(value.to_owned()),
                "backup" if super::is_plain(value) => purpose.backup = Some(value.to_owned()),
                "allow_known_bad" => purpose.allow_known_bad = value == "1",
                "rollback" => purpose.is_rollback = value == "1",
                "restores" => purpose.restores = value == "1",
                "database" => purpose.database = value == "1",
                _ => {}
            }
        }
        purpose
    }
}

/// This node's findings.
pub(in crate::daemon) fn own_findings(api: &Api, purpose: &Purpose) -> Vec<Finding> {
    if purpose.database {
        return checked(api, 0, checks::first_look);
    }
    let mut findings = if purpose.is_rollback {
        checked(api, 0, |site| {
            checks::rollback(site, purpose.backup.as_deref(), purpose.restores)
        })
    } else {
        checked(api, purpose.bundle_bytes, |site| {
            let mut findings = checks::all(site);
            let scripts = purpose.bundle.iter();
            findings.extend(scripts.flat_map(|path| checks::scripts(site, path)));
            findings.extend(brings(api, purpose));
            findings
        })
    };
    findings.extend(known_bad(api, purpose));
    findings.extend(older(api, purpose));
    findings.extend(mixed_versions(api));
    findings
}

/// What a load balancer asks every second: nothing that reads much or asks the other node.
pub(in crate::daemon) fn health_findings(api: &Api) -> Vec<Finding> {
    let mut findings = checked(api, 0, checks::health);
    findings.extend(mixed_versions(api));
    findings
}

fn mixed_versions(api: &Api) -> Option<Finding> {
    let status = api.snapshot().status(api.site.now());
    let under_way = status.rollout.as_ref().is_some_and(|r| r.result.is_none());
    let remedy = if under_way {
        told!("the rollout under way makes them equal: hau-ctl status")
    } else {
        told!("hau-ctl status says what was left half-way; upgrade, or roll that node back")
    };
    let [(a, on_a), (b, on_b)] = status.mixed_versions()?;
    let what = told!("the nodes differ: {} runs {}, {} runs {}", a, on_a, b, on_b);
    Some(Finding::warn("versions", what, remedy))
}

pub(super) fn checked(
    api: &Api,
    bundle_bytes: u64,
    check: impl Fn(&checks::Site<'_>) -> Vec<Finding>,
) -> Vec<Finding> {
    let vips = api.site.vips();
    check(&checks::Site {
        host: &*api.site,
        database: api.site.database(),
        settings: &api.site.settings,
        vips: &vips,
        state_dir: &api.site.state_dir,
        bundle_bytes,
    })
}

/// Whom the pair believes changes with the upgrade, and does not change back: that is not for a person to find out afterwards.
fn brings(api: &Api, purpose: &Purpose) -> Option<Finding> {
    let number = api.site.brought_by(purpose.bundle.as_ref()?)?;
    Some(Finding::warn(
        "keys",
        told!(
            "the bundle brings key set {}: in force on both nodes from when it is staged, whatever becomes of the upgrade",
            number
        ),
        told!("what it says: tar xOf BUNDLE manifest.toml.keys | hau-ctl keys show /dev/stdin"),
    ))
}

/// The node that plans has held it against its own memory, which may be that of a host made anew.
fn older(api: &Api, purpose: &Purpose) -> Option<Finding> {
    let counter = purpose.counter?;
    let highest = api.site.trust().ok()?.counter?;
    (counter < highest).then(|| {
        let what = format!("the bundle's counter {counter} is below {highest}, the highest that was ever installed here");
        Finding::fail("version", what, "it was made before that: ask for a newer one")
    })
}

fn known_bad(api: &Api, purpose: &Purpose) -> Option<Finding> {
    let version = purpose.version.as_ref()?;
    let snapshot = api.snapshot();
    if !snapshot.state.journaled.known_bad.contains(version) {
        return None;
    }
    let what = told!("{} was installed here before and rolled back", version);
    Some(if purpose.allow_known_bad {
        Finding::warn(
            "version",
            what,
            told!("it is allowed, and recorded with your name"),
        )
    } else {
        let remedy =
            told!("install a mended version; or, if it was not to blame: --allow-known-bad");
        Finding::fail("version", what, remedy)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_is_what_is_understood() {
        let purposes = [
            Purpose::default(),
            Purpose {
                bundle_bytes: 7,
                version: Some("1.1.0+b2".to_owned()),
                counter: Some(u64::MAX),
                allow_known_bad: true,
                ..Purpose::default()
            },
            Purpose {
                is_rollback: true,
                restores: true,
                backup: Some("backup_20261121_020000".to_owned()),
                ..Purpose::default()
            },
            Purpose {
                database: true,
                ..Purpose::default()
            },
        ];
        for purpose in purposes {
            assert_eq!(Purpose::parse(&purpose.query()), purpose);
        }
        let bad = Purpose::parse("backup=../../etc&x&y=1");
        assert_eq!(bad, Purpose::default());
    }
}
