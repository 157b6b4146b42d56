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
                format!("{}: tracked file {} is {path}", f.at, f.name),
            ),
            None => fail(
                "track_file",
                format!("no vrrp_track_file is {path}"),
                "add `include /etc/keepalived/hau.conf` before the instance",
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
            let what = format!(
                "instance {name} tracks the file {}, which is not defined",
                t.name
            );
            return fail(
                "tracked",
                what,
                "define it or remove the name (`keepalived -t` may hang on this)",
            );
        }
        let ours = self.ours().map_or("hau", |f| f.name.as_str());
        match self.instance.files().find(|t| t.name == ours) {
            Some(t) if signed(t) == 1 => pass(
                "tracked",
                format!("instance {name} tracks it with weight 1"),
            ),
            Some(t) => fail(
                "tracked",
                format!("instance {name} tracks {ours} with weight {}", signed(t)),
                format!("write `{ours} weight 1`: hau's arithmetic counts in units"),
            ),
            None => fail(
                "tracked",
                format!("instance {name} does not track {ours}"),
                format!("add `track_file {{ {ours} weight 1 }}` to the instance"),
            ),
        }
    }

    pub(super) fn init_file(&self) -> Finding {
        match self.ours() {
            Some(f) if f.init_file => fail(
                "init_file",
                format!("{}: init_file is set", f.at),
                "remove it: keepalived 2.2.8 to 2.3.2 overwrite the weight at each start",
            ),
            Some(_) | None => pass("init_file", "keepalived does not write the weight itself"),
        }
    }

    pub(super) fn directory(&self) -> Finding {
        let Some(directory) = self.expected.track_file.parent().filter(|d| d.is_dir()) else {
            let what = format!(
                "the directory of {} does not exist",
                self.expected.track_file.display()
            );
            return fail(
                "directory",
                what,
                "run `systemd-tmpfiles --create hau.conf`, then reload keepalived",
            );
        };
        let unit = self.expected.sidecar_unit.unwrap_or_default();
        match runtime_directory_over(unit, directory) {
            Some(made) => fail(
                "directory",
                format!(
                    "{} is made anew at each start of the sidecar (RuntimeDirectory={made})",
                    directory.display()
                ),
                "remove RuntimeDirectory= from the unit: keepalived loses the file for ever when its directory is replaced",
            ),
            None => pass(
                "directory",
                format!("{} exists and outlives the sidecar", directory.display()),
            ),
        }
    }

    pub(super) fn weights(&self) -> Finding {
        let Some(peer) = self.expected.peer else {
            return warn(
                "weights",
                "the weights of both nodes are not proved: the peer has not said its priority",
                "pair the nodes, then run doctor again",
            );
        };
        let weight = self.script(false).map_or(0, |(_, t)| signed(t));
        if weight != peer.check_weight {
            let what = format!(
                "the check's weight is {weight} here and {} on the other node",
                peer.check_weight
            );
            return fail("weights", what, "use the same weight on both nodes");
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
                format!(
                    "priorities {} and {} with check weight {weight} hold in every condition",
                    own.base, peer.priority
                ),
            ),
            Err(e) => fail(
                "weights",
                "the weights of both nodes cannot hold in every condition",
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
            let remedy = format!(
                "add a vrrp_script `{sidecar} check --draining` with weight -25 and track it"
            );
            return fail(
                "drain_script",
                "keepalived 1.x has no tracked file, and no weighted drain script takes its place",
                remedy,
            );
        };
        let Some(peer) = self.expected.peer else {
            return warn(
                "drain_script",
                "the weights of both nodes are not proved: the peer has not said its priority",
                "pair the nodes, then run doctor again",
            );
        };
        let draining = self.instance.priority + signed(t);
        if draining >= peer.priority || draining <= peer.priority + peer.check_weight {
            let what = format!(
                "draining, this node has {draining}; it must be between the other's {} failing and {} healthy",
                peer.priority + peer.check_weight,
                peer.priority
            );
            return fail(
                "drain_script",
                what,
                "change the weight of the drain script; -25 fits 110 and 100 with check weight -40",
            );
        }
        pass(
            "drain_script",
            format!("draining, this node has {draining}"),
        )
    }

    pub(super) fn check(&self) -> Finding {
        let sidecar = self.expected.sidecar.display();
        match self.script(false) {
            None => fail(
                "check",
                format!(
                    "instance {} does not track `{sidecar} check`",
                    self.instance.name
                ),
                "add `track_script { hau_check }` to the instance",
            ),
            Some((s, t)) if signed(t) < 0 => pass(
                "check",
                format!("{}: {} has weight {}", s.at, s.name, signed(t)),
            ),
            Some((s, t)) if signed(t) == 0 => fail(
                "check",
                format!(
                    "{}: {} has weight 0: two unhealthy nodes would leave no VIP at all",
                    s.at, s.name
                ),
                "give it `weight -40`",
            ),
            Some((s, t)) => fail(
                "check",
                format!("{}: {} has the positive weight {}", s.at, s.name, signed(t)),
                "give it `weight -40`",
            ),
        }
    }

    pub(super) fn check_runs(&self) -> Finding {
        let sidecar = self.expected.sidecar;
        let mode = fs::metadata(sidecar).map(|m| m.permissions().mode());
        match mode {
            Ok(mode) if mode & 0o111 != 0 => {
                pass("check_runs", format!("{} can be run", sidecar.display()))
            }
            Ok(_) | Err(_) => fail(
                "check_runs",
                format!(
                    "{} cannot be run, which keepalived takes for success",
                    sidecar.display()
                ),
                "install it with mode 0755",
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
            return pass("other_trackers", "nothing else changes the priority");
        }
        let what = format!(
            "{} also change the priority: hau's arithmetic does not know them",
            weighted.join(", ")
        );
        warn(
            "other_trackers",
            what,
            "give them weight 0 (FAULT), or let hau check what they check",
        )
    }

    pub(super) fn sync_group(&self) -> Finding {
        match &self.instance.in_sync_group {
            Some(g) if !g.tracking_weight && self.weighs_alone() => fail(
                "sync_group",
                format!(
                    "{} has weighted trackers of its own inside the sync group {}: keepalived makes their weight 0, and any value FAULT on both nodes",
                    self.instance.name, g.name
                ),
                "move track_file and track_script into the vrrp_sync_group",
            ),
            Some(g) => pass(
                "sync_group",
                format!("the sync group {} keeps the weight", g.name),
            ),
            None => pass("sync_group", "no sync group"),
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
                "priority 255 (address owner) ignores every weight",
                "use 110 on one node and 100 on the other",
            ),
            p => pass(
                "priority",
                format!("priority {p} can be changed by weights"),
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
