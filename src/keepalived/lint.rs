//! Why this keepalived.conf would not do what hau means: one finding each, with what to change.
//!
//! `keepalived -t` is not enough: it returns 0 for a missing directory, and says nothing about two nodes at once.

use std::fs;
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::conf::{ConfError, Tree};
use super::instance::{Globals, Instance, Notify, TrackFile, Tracked, VrrpScript};
use super::levels::{Levels, NodeWeights};

/// Words in a notify script that mean it promotes a database.
const PROMOTERS: [&str; 5] = ["promote", "gs_ctl", "pg_ctl", "pgctl", "repmgr"];
/// Smallest time limit with which a real-time vrrp process survives a switch, in µs.
const RTTIME: u32 = 100_000;

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
) -> Result<Option<i32>, ConfError> {
    let scripts = VrrpScript::all(tree)?;
    Ok(tracked_script(&scripts, instance, sidecar, false).map(|(_, t)| signed(t)))
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

    fn track_file(&self) -> Finding {
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

    fn tracked(&self) -> Finding {
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

    fn init_file(&self) -> Finding {
        match self.ours() {
            Some(f) if f.init_file => fail(
                "init_file",
                format!("{}: init_file is set", f.at),
                "remove it: keepalived 2.2.8 to 2.3.2 overwrite the weight at each start",
            ),
            Some(_) | None => pass("init_file", "keepalived does not write the weight itself"),
        }
    }

    fn directory(&self) -> Finding {
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

    fn weights(&self) -> Finding {
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

    fn script(&self, draining: bool) -> Option<(&VrrpScript, &Tracked)> {
        tracked_script(self.scripts, self.instance, self.expected.sidecar, draining)
    }

    /// On 1.x a failing script takes the place of the file, with two bands instead of four.
    fn drain_script(&self) -> Finding {
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

    fn check(&self) -> Finding {
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

    fn check_runs(&self) -> Finding {
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

    fn other_trackers(&self) -> Finding {
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

    fn sync_group(&self) -> Finding {
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

    fn weighs_alone(&self) -> bool {
        let scripts = self.instance.track_scripts.iter();
        !self.instance.track_files.is_empty() || scripts.into_iter().any(|t| t.weight != 0)
    }

    fn priority(&self) -> Finding {
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

    fn fifo(&self) -> Finding {
        let wanted = self.expected.fifo.display();
        if self.before((1, 3, 6)) {
            return warn(
                "fifo",
                "this keepalived has no notify FIFO: events come from hooks, which may be late or out of order",
                "upgrade keepalived to 2.0 or later when you can",
            );
        }
        match &self.globals.notify_fifo {
            Some(f) if f == self.expected.fifo => {
                pass("fifo", format!("events come through {wanted}"))
            }
            Some(f) => fail(
                "fifo",
                format!("vrrp_notify_fifo is {}", f.display()),
                format!(
                    "set `vrrp_notify_fifo {wanted}` in global_defs; another reader can use `notify_fifo`"
                ),
            ),
            None => fail(
                "fifo",
                "keepalived writes its events to no FIFO",
                format!("set `vrrp_notify_fifo {wanted}` in global_defs"),
            ),
        }
    }

    fn acknowledgement(&self) -> Finding {
        if self.before((2, 0, 17)) {
            return warn(
                "acknowledgement",
                "this keepalived does not tell changes of priority: hau asks for a dump after each weight",
                "upgrade keepalived to 2.0.17 or later when you can",
            );
        }
        if self.instance.notify_priority_changes {
            return pass("acknowledgement", "keepalived acknowledges each weight");
        }
        fail(
            "acknowledgement",
            "keepalived does not acknowledge weights",
            "set `vrrp_notify_priority_changes true` in global_defs",
        )
    }

    fn notifies(&self) -> impl Iterator<Item = &Notify> {
        let group = self.instance.in_sync_group.iter().flat_map(|g| &g.notifies);
        self.instance.notifies.iter().chain(group)
    }

    fn calls(&self, n: &Notify, verb: &str) -> bool {
        runs(&n.command, self.expected.sidecar, verb)
    }

    fn hooks(&self) -> Finding {
        let hooks: Vec<&str> = self
            .notifies()
            .filter(|n| self.calls(n, "notify"))
            .map(|n| n.on.as_str())
            .collect();
        let each = ["notify_master", "notify_backup", "notify_fault"];
        if hooks.contains(&"notify") || each.iter().all(|h| hooks.contains(h)) {
            return pass(
                "hooks",
                format!("hooks call the sidecar: {}", hooks.join(", ")),
            );
        }
        let remedy = format!(
            "add `notify \"{} notify\"` to the instance",
            self.expected.sidecar.display()
        );
        warn(
            "hooks",
            "not every change of state calls the sidecar",
            remedy,
        )
    }

    fn promoter(&self) -> Finding {
        let foreign = self.notifies().filter(|n| !self.calls(n, "notify"));
        for n in foreign {
            if let Some(word) = promotes(&n.command) {
                let what = format!("{}: {} seems to promote a database ({word})", n.at, n.on);
                return warn(
                    "promoter",
                    what,
                    "keep exactly one owner of promotion: remove it there, or set `[database] kind` accordingly",
                );
            }
        }
        pass("promoter", "no notify script promotes a database")
    }

    fn nopreempt(&self) -> Finding {
        let peer = self.expected.peer.is_some_and(|p| p.nopreempt);
        match (self.instance.nopreempt, self.instance.state_master) {
            (true, true) => warn(
                "nopreempt",
                "nopreempt with state MASTER: keepalived ignores nopreempt",
                "write `state BACKUP`, or remove nopreempt",
            ),
            (true, false) => warn(
                "nopreempt",
                "nopreempt: a lower weight moves nothing; only the fast hand-off works",
                "remove nopreempt on both nodes, or keep `switch = \"fast\"`",
            ),
            (false, _) if peer => warn(
                "nopreempt",
                "the other node has nopreempt, this one has not",
                "remove nopreempt on both nodes, or keep `switch = \"fast\"`",
            ),
            (false, _) => pass("nopreempt", "a weight can move the VIP"),
        }
    }

    fn preempt_delay(&self) -> Finding {
        match self.instance.preempt_delay_ms {
            0 => pass("preempt_delay", "a weight moves the VIP without delay"),
            ms => warn(
                "preempt_delay",
                format!(
                    "preempt_delay makes a move by weight {} s longer",
                    f64::from(ms) / 1000.0
                ),
                "remove preempt_delay",
            ),
        }
    }

    fn advert_int(&self) -> Finding {
        let i = self.instance;
        if i.version == 2 && !i.advert_int_ms.is_multiple_of(1000) {
            let what = format!(
                "advert_int {} with VRRP version 2, which knows whole seconds",
                i.advert_int
            );
            return fail(
                "advert_int",
                what,
                "add `version 3` on both nodes, or use `advert_int 1`",
            );
        }
        pass(
            "advert_int",
            format!(
                "VRRP version {}, one advert each {} s",
                i.version, i.advert_int
            ),
        )
    }

    fn heard(&self) -> Finding {
        if self.instance.auth_ah {
            return warn(
                "heard",
                "auth_type AH: hau cannot hear the other node's adverts",
                "use `auth_type PASS`, or no authentication and a firewall",
            );
        }
        pass("heard", "hau can hear the other node's adverts")
    }

    fn same_as_peer(&self) -> Finding {
        let Some(peer) = self.expected.peer else {
            return warn(
                "same_as_peer",
                "not compared with the other node",
                "pair the nodes, then run doctor again",
            );
        };
        let own = PeerView::of(self.instance, peer.check_weight);
        let mut theirs = peer.vips.clone();
        theirs.sort();
        let same = [
            (
                "virtual_router_id",
                own.virtual_router_id == peer.virtual_router_id,
            ),
            ("version", own.version == peer.version),
            ("advert_int", own.advert_int_ms == peer.advert_int_ms),
            ("virtual_ipaddress", own.vips == theirs),
        ];
        let differ: Vec<&str> = same
            .iter()
            .filter(|(_, same)| !same)
            .map(|(what, _)| *what)
            .collect();
        if differ.is_empty() {
            return pass(
                "same_as_peer",
                "both nodes agree on id, version, interval and addresses",
            );
        }
        fail(
            "same_as_peer",
            format!("the nodes differ in {}", differ.join(", ")),
            "make them the same: else both may hold the VIP",
        )
    }

    fn realtime(&self) -> Finding {
        match (
            self.globals.vrrp_rt_priority,
            self.globals.vrrp_rlimit_rttime,
        ) {
            (Some(p), limit) if p > 0 && limit.is_none_or(|l| l < RTTIME) => fail(
                "realtime",
                "vrrp_rt_priority without a time limit that is long enough: the kernel kills keepalived in a switch",
                format!("set `vrrp_rlimit_rttime {RTTIME}` or more, or remove vrrp_rt_priority"),
            ),
            (Some(_), _) => pass("realtime", "keepalived's real-time limit is long enough"),
            (None, _) => pass("realtime", "keepalived runs without real-time priority"),
        }
    }

    fn garp(&self) -> Finding {
        let i = self.instance;
        if i.garp_master_refresh == 0 && !i.higher_prio_send_advert {
            return warn(
                "garp",
                "after a healed partition clients may stay on the wrong node (measured: 7 s and more)",
                "set `vrrp_higher_prio_send_advert true` in global_defs",
            );
        }
        if i.garp_master_delay > 1 {
            return warn(
                "garp",
                format!(
                    "the second gratuitous ARP comes only after {} s",
                    i.garp_master_delay
                ),
                "set `vrrp_garp_master_delay 1` in global_defs",
            );
        }
        pass("garp", "clients are told of a move again")
    }

    fn script_security(&self) -> Finding {
        if self.globals.enable_script_security {
            return pass("script_security", "script security is on");
        }
        warn(
            "script_security",
            "script security is off: keepalived logs a violation at each start",
            "set `enable_script_security` and `script_user root` in global_defs",
        )
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

/// The word that gives a promoting script away, on its command line or in its text.
fn promotes(command: &str) -> Option<&'static str> {
    let program = command.split_whitespace().next().unwrap_or_default();
    let small = fs::metadata(program).is_ok_and(|m| m.is_file() && m.len() < 1 << 20);
    let text = if small {
        fs::read(program).unwrap_or_default()
    } else {
        Vec::new()
    };
    let text = String::from_utf8_lossy(&text).to_lowercase();
    let command = command.to_lowercase();
    PROMOTERS
        .into_iter()
        .find(|w| command.contains(w) || text.contains(w))
}

/// The `RuntimeDirectory=` of a unit that is `directory` or above it.
fn runtime_directory_over<'a>(unit: &'a str, directory: &Path) -> Option<&'a str> {
    let lines = unit
        .lines()
        .filter_map(|l| l.trim().strip_prefix("RuntimeDirectory="));
    let mut names = lines.flat_map(str::split_whitespace);
    names.find(|n| directory.starts_with(Path::new("/run").join(n)))
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
