//! Why this keepalived.conf would not do what hau means: one finding each, with what to change.
//!
//! `keepalived -t` is not enough: it returns 0 for a missing directory, and says nothing about two nodes at once.

use std::net::IpAddr;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::conf::{ConfError, Tree};
use super::instance::{Globals, Instance, TrackFile, Tracked, VrrpScript};

mod settings;
mod tracking;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Pass,
    Warn,
    Fail,
}

/// One line of `doctor`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Stable name of the check, such as `track_file`.
    pub id: String,
    pub severity: Severity,
    pub what: String,
    /// What to do; empty for a pass.
    pub remedy: String,
}

/// What the configuration is measured against.
#[derive(Debug, Clone)]
pub struct Expected<'a> {
    pub track_file: &'a Path,
    pub fifo: &'a Path,
    /// The program in hooks and check, `/usr/sbin/hau-sidecar`.
    pub sidecar: &'a Path,
    /// The text of the sidecar's unit with its drop-ins, if it could be read.
    pub sidecar_unit: Option<&'a str>,
    /// keepalived's version; unknown counts as new.
    pub keepalived: Option<(u32, u32, u32)>,
    pub peer: Option<&'a PeerView>,
}

/// What the other node says about its own instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerView {
    pub priority: i32,
    pub check_weight: i32,
    pub version: u8,
    pub advert_int_ms: u32,
    pub virtual_router_id: u8,
    pub vips: Vec<IpAddr>,
    pub nopreempt: bool,
}

impl PeerView {
    /// What to tell the other node.
    #[must_use]
    pub fn of(instance: &Instance, check_weight: i32) -> Self {
        let mut vips: Vec<IpAddr> = instance.vips.iter().map(|v| v.addr).collect();
        vips.sort();
        Self {
            priority: instance.priority,
            check_weight,
            version: instance.version,
            advert_int_ms: instance.advert_int_ms,
            virtual_router_id: instance.virtual_router_id,
            vips,
            nopreempt: instance.nopreempt,
        }
    }
}

/// The weight with which the instance tracks hau's check, sign applied; nothing when it does not.
///
/// # Errors
/// When a number in a `vrrp_script` is none.
pub fn check_weight(
    tree: &Tree,
    instance: &Instance,
    sidecar: &Path,
) -> Result<Option<(String, i32)>, ConfError> {
    let scripts = VrrpScript::all(tree)?;
    let found = tracked_script(&scripts, instance, sidecar, false);
    Ok(found.map(|(script, tracked)| (script.name.clone(), signed(tracked))))
}

/// All findings about the instance `name`, in a fixed order.
///
/// # Errors
/// When there is no such instance, or a number in the configuration is none.
pub fn lint(tree: &Tree, name: &str, expected: &Expected<'_>) -> Result<Vec<Finding>, ConfError> {
    let instance = Instance::find(tree, name)?;
    let globals = Globals::read(tree)?;
    let files = TrackFile::all(tree)?;
    let scripts = VrrpScript::all(tree)?;
    let cx = Cx {
        instance: &instance,
        globals: &globals,
        files: &files,
        scripts: &scripts,
        expected,
    };
    let mut all = if cx.has_track_file() {
        vec![
            cx.track_file(),
            cx.tracked(),
            cx.init_file(),
            cx.directory(),
            cx.weights(),
        ]
    } else {
        vec![cx.drain_script()]
    };
    all.extend([
        cx.check(),
        cx.check_runs(),
        cx.other_trackers(),
        cx.sync_group(),
        cx.priority(),
    ]);
    all.extend([cx.fifo(), cx.acknowledgement(), cx.hooks(), cx.promoter()]);
    all.extend([
        cx.nopreempt(),
        cx.preempt_delay(),
        cx.advert_int(),
        cx.heard(),
        cx.same_as_peer(),
    ]);
    all.extend([cx.realtime(), cx.garp(), cx.script_security()]);
    Ok(all)
}

struct Cx<'a> {
    instance: &'a Instance,
    globals: &'a Globals,
    files: &'a [TrackFile],
    scripts: &'a [VrrpScript],
    expected: &'a Expected<'a>,
}

impl Cx<'_> {
    fn before(&self, version: (u32, u32, u32)) -> bool {
        self.expected.keepalived.is_some_and(|v| v < version)
    }

    /// keepalived 1.x has no tracked files.
    fn has_track_file(&self) -> bool {
        !self.before((2, 0, 0))
    }

    fn ours(&self) -> Option<&TrackFile> {
        self.files
            .iter()
            .find(|f| f.path == self.expected.track_file)
    }
}

fn tracked_script<'a>(
    scripts: &'a [VrrpScript],
    instance: &'a Instance,
    sidecar: &Path,
    draining: bool,
) -> Option<(&'a VrrpScript, &'a Tracked)> {
    let ours = scripts
        .iter()
        .filter(|s| runs(&s.command, sidecar, "check"));
    let mut ours =
        ours.filter(|s| s.command.split_whitespace().any(|w| w == "--draining") == draining);
    ours.find_map(|s| Some((s, instance.scripts().find(|t| t.name == s.name)?)))
}

fn runs(command: &str, sidecar: &Path, verb: &str) -> bool {
    let mut words = command.split_whitespace();
    words.next().map(Path::new) == Some(sidecar) && words.next() == Some(verb)
}

fn signed(t: &Tracked) -> i32 {
    if t.reverse { -t.weight } else { t.weight }
}

fn pass(id: &str, what: impl Into<String>) -> Finding {
    finding(id, Severity::Pass, what, "")
}

fn warn(id: &str, what: impl Into<String>, remedy: impl Into<String>) -> Finding {
    finding(id, Severity::Warn, what, remedy)
}

fn fail(id: &str, what: impl Into<String>, remedy: impl Into<String>) -> Finding {
    finding(id, Severity::Fail, what, remedy)
}

fn finding(
    id: &str,
    severity: Severity,
    what: impl Into<String>,
    remedy: impl Into<String>,
) -> Finding {
    Finding {
        id: id.to_owned(),
        severity,
        what: what.into(),
        remedy: remedy.into(),
    }
}

#[cfg(test)]
mod tests;
