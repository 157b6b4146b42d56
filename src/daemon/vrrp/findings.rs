//! What `doctor` says of keepalived: the lint of its configuration, and what its behaviour shows.
use super::conf::Conf;
use super::numbers::Numbers;
use super::words::finding;
use super::{Keepalived, SIDECAR};
use crate::host::Finding;
use crate::keepalived::lint::{Expected, lint};
use std::{path::Path, sync::PoisonError, time::Duration};

/// From a write to keepalived's own word that it has read it; measured 4 ms at most.
const ACKNOWLEDGED_WITHIN: Duration = Duration::from_secs(2);
/// keepalived calls the check every second.
const CHECK_SILENT_AFTER: Duration = Duration::from_secs(10);

impl Keepalived {
    /// The configuration's lint, and what its behaviour shows.
    pub(in crate::daemon) fn findings(&self) -> Vec<Finding> {
        let peer = self
            .peer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        self.refresh();
        let conf = self.conf();
        let expected = Expected {
            track_file: self.weight.path(),
            fifo: &conf.fifo,
            sidecar: Path::new(SIDECAR),
            sidecar_unit: None,
            keepalived: None,
            peer: peer.as_ref(),
        };
        let mut findings: Vec<Finding> = match lint(&conf.tree, &self.name, &expected) {
            Ok(found) => found.into_iter().map(finding).collect(),
            Err(e) => vec![Finding::fail(
                "keepalived",
                e.to_string(),
                told!("correct keepalived.conf"),
            )],
        };
        findings.extend(self.edited(&conf));
        findings.extend(self.behaviour());
        findings
    }

    fn edited(&self, conf: &Conf) -> Option<Finding> {
        let edited = self.numbers().differences(&Numbers::written(conf));
        let what = told!(
            "{} was edited and keepalived has not read it again: {}",
            self.file.display(),
            edited.join(", ")
        );
        let remedy = told!(
            "systemctl reload keepalived, or take the change back: until then weights go by what keepalived runs with"
        );
        (!edited.is_empty()).then(|| Finding::warn("keepalived configuration", what, remedy))
    }

    fn behaviour(&self) -> Vec<Finding> {
        let said = self.said();
        let mut findings = Vec::new();
        if said
            .awaited
            .is_some_and(|(at, _)| at.elapsed() > ACKNOWLEDGED_WITHIN)
        {
            findings.push(Finding::fail(
                "keepalived weight",
                told!("keepalived does not track our file: a new weight was not acknowledged"),
                told!(
                    "reload keepalived after {} exists",
                    self.weight.path().display()
                ),
            ));
        }
        let silent = said.checked.unwrap_or(self.started).elapsed() > CHECK_SILENT_AFTER;
        findings.push(if silent {
            let remedy = told!("see that vrrp_script runs hau-sidecar check and that keepalived's log does not disable it");
            Finding::fail("keepalived check", told!("keepalived does not call hau-sidecar check"), remedy)
        } else {
            Finding::pass("keepalived check", told!("keepalived calls hau-sidecar check"))
        });
        findings
    }
}
