//! Findings about events, timing and the rest of the settings.

use std::fs;

use super::super::instance::Notify;
use super::{Cx, Finding, PeerView, fail, pass, runs, warn};

/// Words in a notify script that mean it promotes a database.
const PROMOTERS: [&str; 5] = ["promote", "gs_ctl", "pg_ctl", "pgctl", "repmgr"];
/// Smallest time limit with which a real-time vrrp process survives a switch, in µs.
const RTTIME: u32 = 100_000;

impl Cx<'_> {
    pub(super) fn fifo(&self) -> Finding {
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

    pub(super) fn acknowledgement(&self) -> Finding {
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

    pub(super) fn notifies(&self) -> impl Iterator<Item = &Notify> {
        let group = self.instance.in_sync_group.iter().flat_map(|g| &g.notifies);
        self.instance.notifies.iter().chain(group)
    }

    pub(super) fn calls(&self, n: &Notify, verb: &str) -> bool {
        runs(&n.command, self.expected.sidecar, verb)
    }

    pub(super) fn hooks(&self) -> Finding {
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

    pub(super) fn promoter(&self) -> Finding {
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

    pub(super) fn nopreempt(&self) -> Finding {
        let peer = self.expected.peer.is_some_and(|p| p.nopreempt);
        match (self.instance.nopreempt, self.instance.state_master) {
            (true, true) => warn(
                "nopreempt",
                "nopreempt with state MASTER: keepalived ignores nopreempt",
                "write `state BACKUP`, or remove nopreempt",
            ),
            (true, false) => fail(
                "nopreempt",
                "nopreempt: a lower weight moves nothing, so the VIP would stay on a node whose services are down",
                "remove nopreempt on both nodes: hau's weights keep the VIP where it is",
            ),
            (false, _) if peer => fail(
                "nopreempt",
                "the other node has nopreempt, this one has not",
                "remove nopreempt there: hau's weights keep the VIP where it is",
            ),
            (false, _) => pass("nopreempt", "a weight can move the VIP"),
        }
    }

    pub(super) fn preempt_delay(&self) -> Finding {
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

    pub(super) fn advert_int(&self) -> Finding {
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

    pub(super) fn heard(&self) -> Finding {
        if self.instance.auth_ah {
            return warn(
                "heard",
                "auth_type AH: hau cannot hear the other node's adverts",
                "use `auth_type PASS`, or no authentication and a firewall",
            );
        }
        pass("heard", "hau can hear the other node's adverts")
    }

    pub(super) fn same_as_peer(&self) -> Finding {
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

    pub(super) fn realtime(&self) -> Finding {
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

    pub(super) fn garp(&self) -> Finding {
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

    pub(super) fn script_security(&self) -> Finding {
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
