//! Findings about what changes the priority: the tracked file, the check, the arithmetic.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::super::instance::{Tracked, VrrpScript};
use super::super::levels::{Levels, NodeWeights};
use super::{Cx, Finding, fail, pass, signed, tracked_script, warn};

impl Cx<'_> {
    pub(super) fn track_file(&self) -> Finding {
        let path = self.expected.track_file.display();
        match self.ours() {
            Some(f) => pass(
                "track_file",
                told!("{}: tracked file {} is {}", f.at, f.name, path),
            ),
            None => fail(
                "track_file",
                told!("no vrrp_track_file is {}", path),
                told!("add `include /etc/keepalived/hau.conf` before the instance"),
            ),
        }
    }

    pub(super) fn tracked(&self) -> Finding {
        let name = &self.instance.name;
        let undefined = self
            .instance
            .files()
            .find(|t| self.files.iter().all(|f| f.name != t.name));
        if let Some(t) = undefined {
            let what = told!(
                "instance {} tracks the file {}, which is not defined",
                name,
                t.name
            );
            return fail(
                "tracked",
                what,
                told!("define it or remove the name (`keepalived -t` may hang on this)"),
            );
        }
        let ours = self.ours().map_or("hau", |f| f.name.as_str());
        match self.instance.files().find(|t| t.name == ours) {
            Some(t) if signed(t) == 1 => pass(
                "tracked",
                told!("instance {} tracks it with weight 1", name),
            ),
            Some(t) => fail(
                "tracked",
                told!(
                    "instance {} tracks {} with weight {}",
                    name,
                    ours,
                    signed(t)
                ),
                told!(
                    "write `{} weight 1`: hau's arithmetic counts in units",
                    ours
                ),
            ),
            None => fail(
                "tracked",
                told!("instance {} does not track {}", name, ours),
                told!(
                    "add `{}` to the instance",
                    format!("track_file {{ {ours} weight 1 }}")
                ),
            ),
        }
    }

    pub(super) fn init_file(&self) -> Finding {
        match self.ours() {
            Some(f) if f.init_file => fail(
                "init_file",
                told!("{}: init_file is set", f.at),
                told!("remove it: keepalived 2.2.8 to 2.3.2 overwrite the weight at each start"),
            ),
            Some(_) | None => pass(
                "init_file",
                told!("keepalived does not write the weight itself"),
            ),
        }
    }

    pub(super) fn directory(&self) -> Finding {
        let Some(directory) = self.expected.track_file.parent().filter(|d| d.is_dir()) else {
            let what = told!(
                "the directory of {} does not exist",
                self.expected.track_file.display()
            );
            return fail(
                "directory",
                what,
                told!("run `systemd-tmpfiles --create hau.conf`, then reload keepalived"),
            );
        };
        let unit = self.expected.sidecar_unit.unwrap_or_default();
        match runtime_directory_over(unit, directory) {
            Some(made) => fail(
                "directory",
                told!(
                    "{} is made anew at each start of the sidecar (RuntimeDirectory={})",
                    directory.display(),
                    made
                ),
                told!(
                    "remove RuntimeDirectory= from the unit: keepalived loses the file for ever when its directory is replaced"
                ),
            ),
            None => pass(
                "directory",
                told!("{} exists and outlives the sidecar", directory.display()),
            ),
        }
    }

    pub(super) fn weights(&self) -> Finding {
        let Some(peer) = self.expected.peer else {
            return warn(
                "weights",
                told!(
                    "the weights of both nodes are not proved: the peer has not said its priority"
                ),
                told!("pair the nodes, then run doctor again"),
            );
        };
        let weight = self.script(false).map_or(0, |(_, t)| signed(t));
        if weight != peer.check_weight {
            let what = told!(
                "the check's weight is {} here and {} on the other node",
                weight,
                peer.check_weight
            );
            return fail("weights", what, told!("use the same weight on both nodes"));
        }
        let own = NodeWeights {
            base: self.instance.priority,
        };
        match Levels::compute(
            own,
            NodeWeights {
                base: peer.priority,
            },
            weight,
        ) {
            Ok(_) => pass(
                "weights",
                told!(
                    "priorities {} and {} with check weight {} hold in every condition",
                    own.base,
                    peer.priority,
                    weight
                ),
            ),
            Err(e) => fail(
                "weights",
                told!("the weights of both nodes cannot hold in every condition"),
                e.to_string(),
            ),
        }
    }

    pub(super) fn script(&self, draining: bool) -> Option<(&VrrpScript, &Tracked)> {
        tracked_script(self.scripts, self.instance, self.expected.sidecar, draining)
    }

    /// On 1.x a failing script takes the place of the file, with two bands instead of four.
    pub(super) fn drain_script(&self) -> Finding {
        let sidecar = self.expected.sidecar.display();
        let Some((_, t)) = self.script(true).filter(|(_, t)| signed(t) < 0) else {
            let remedy = told!(
                "add a vrrp_script `{} check --draining` with weight -25 and track it",
                sidecar
            );
            return fail(
                "drain_script",
                told!(
                    "keepalived 1.x has no tracked file, and no weighted drain script takes its place"
                ),
                remedy,
            );
        };
        let Some(peer) = self.expected.peer else {
            return warn(
                "drain_script",
                told!(
                    "the weights of both nodes are not proved: the peer has not said its priority"
                ),
                told!("pair the nodes, then run doctor again"),
            );
        };
        let draining = self.instance.priority + signed(t);
        if draining >= peer.priority || draining <= peer.priority + peer.check_weight {
            let what = told!(
                "draining, this node has {}; it must be between the other's {} failing and {} healthy",
                draining,
                peer.priority + peer.check_weight,
                peer.priority
            );
            return fail(
                "drain_script",
                what,
                told!(
                    "change the weight of the drain script; -25 fits 110 and 100 with check weight -40"
                ),
            );
        }
        pass(
            "drain_script",
            told!("draining, this node has {}", draining),
        )
    }

    pub(super) fn check(&self) -> Finding {
        let sidecar = self.expected.sidecar.display();
        match self.script(false) {
            None => fail(
                "check",
                told!(
                    "instance {} does not track `{} check`",
                    self.instance.name,
                    sidecar
                ),
                told!("add `{}` to the instance", "track_script { hau_check }"),
            ),
            Some((s, t)) if signed(t) < 0 => pass(
                "check",
                told!("{}: {} has weight {}", s.at, s.name, signed(t)),
            ),
            Some((s, t)) if signed(t) == 0 => fail(
                "check",
                told!(
                    "{}: {} has weight 0: two unhealthy nodes would leave no VIP at all",
                    s.at,
                    s.name
                ),
                told!("give it `weight -40`"),
            ),
            Some((s, t)) => fail(
                "check",
                told!("{}: {} has the positive weight {}", s.at, s.name, signed(t)),
                told!("give it `weight -40`"),
            ),
        }
    }

    pub(super) fn check_runs(&self) -> Finding {
        let sidecar = self.expected.sidecar;
        let mode = fs::metadata(sidecar).map(|m| m.permissions().mode());
        match mode {
            Ok(mode) if mode & 0o111 != 0 => {
                pass("check_runs", told!("{} can be run", sidecar.display()))
            }
            Ok(_) | Err(_) => fail(
                "check_runs",
                told!(
                    "{} cannot be run, which keepalived takes for success",
                    sidecar.display()
                ),
                told!("install it with mode 0755"),
            ),
        }
    }

    pub(super) fn other_trackers(&self) -> Finding {
        let ours = self.ours().map(|f| f.name.as_str());
        let mine = [self.script(false), self.script(true)];
        let is_mine = |t: &Tracked| mine.iter().flatten().any(|(s, _)| s.name == t.name);
        let files = self
            .instance
            .files()
            .filter(|t| Some(t.name.as_str()) != ours);
        let scripts = self.instance.scripts().filter(|t| !is_mine(t));
        let rest = files.chain(scripts).chain(&self.instance.track_interfaces);
        let weighted: Vec<&str> = rest
            .filter(|t| t.weight != 0)
            .map(|t| t.name.as_str())
            .collect();
        if weighted.is_empty() {
            return pass("other_trackers", told!("nothing else changes the priority"));
        }
        let what = told!(
            "{} also change the priority: hau's arithmetic does not know them",
            weighted.join(", ")
        );
        warn(
            "other_trackers",
            what,
            told!("give them weight 0 (FAULT), or let hau check what they check"),
        )
    }

    pub(super) fn sync_group(&self) -> Finding {
        match &self.instance.in_sync_group {
            Some(g) if !g.tracking_weight && self.weighs_alone() => fail(
                "sync_group",
                told!(
                    "{} has weighted trackers of its own inside the sync group {}: keepalived makes their weight 0, and any value FAULT on both nodes",
                    self.instance.name,
                    g.name
                ),
                told!("move track_file and track_script into the vrrp_sync_group"),
            ),
            Some(g) => pass(
                "sync_group",
                told!("the sync group {} keeps the weight", g.name),
            ),
            None => pass("sync_group", told!("no sync group")),
        }
    }

    pub(super) fn weighs_alone(&self) -> bool {
        let scripts = self.instance.track_scripts.iter();
        !self.instance.track_files.is_empty() || scripts.into_iter().any(|t| t.weight != 0)
    }

    pub(super) fn priority(&self) -> Finding {
        match self.instance.priority {
            255 => fail(
                "priority",
                told!("priority 255 (address owner) ignores every weight"),
                told!("use 110 on one node and 100 on the other"),
            ),
            p => pass(
                "priority",
                told!("priority {} can be changed by weights", p),
            ),
        }
    }
}

/// The `RuntimeDirectory=` of a unit that is `directory` or above it.
pub(super) fn runtime_directory_over<'a>(unit: &'a str, directory: &Path) -> Option<&'a str> {
    let lines = unit
        .lines()
        .filter_map(|l| l.trim().strip_prefix("RuntimeDirectory="));
    let mut names = lines.flat_map(str::split_whitespace);
    names.find(|n| directory.starts_with(Path::new("/run").join(n)))
}
