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
                told!(
                    "this keepalived has no notify FIFO: events come from hooks, which may be late or out of order"
                ),
                told!("upgrade keepalived to 2.0 or later when you can"),
            );
        }
        match &self.globals.notify_fifo {
            Some(f) if f == self.expected.fifo => {
                pass("fifo", told!("events come through {}", wanted))
            }
            Some(f) => fail(
                "fifo",
                told!("vrrp_notify_fifo is {}", f.display()),
                told!(
                    "set `vrrp_notify_fifo {}` in global_defs; another reader can use `notify_fifo`",
                    wanted
                ),
            ),
            None => fail(
                "fifo",
                told!("keepalived writes its events to no FIFO"),
                told!("set `vrrp_notify_fifo {}` in global_defs", wanted),
            ),
        }
    }

    pub(super) fn acknowledgement(&self) -> Finding {
        if self.before((2, 0, 17)) {
            return warn(
                "acknowledgement",
                told!(
                    "this keepalived does not tell changes of priority: hau asks for a dump after each weight"
                ),
                told!("upgrade keepalived to 2.0.17 or later when you can"),
            );
        }
        if self.instance.notify_priority_changes {
            return pass(
                "acknowledgement",
                told!("keepalived acknowledges each weight"),
            );
        }
        fail(
            "acknowledgement",
            told!("keepalived does not acknowledge weights"),
            told!("set `vrrp_notify_priority_changes true` in global_defs"),
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
                told!("hooks call the sidecar: {}", hooks.join(", ")),
            );
        }
        let remedy = told!(
            "add `notify \"{} notify\"` to the instance",
            self.expected.sidecar.display()
        );
        warn(
            "hooks",
            told!("not every change of state calls the sidecar"),
            remedy,
        )
    }

    pub(super) fn promoter(&self) -> Finding {
        let foreign = self.notifies().filter(|n| !self.calls(n, "notify"));
        for n in foreign {
            if let Some(word) = promotes(&n.command) {
                let what = told!("{}: {} seems to promote a database ({})", n.at, n.on, word);
                return warn(
                    "promoter",
                    what,
                    told!(
                        "keep exactly one owner of promotion: remove it there, or set `[database] kind` accordingly"
                    ),
                );
            }
        }
        pass("promoter", told!("no notify script promotes a database"))
    }

    pub(super) fn nopreempt(&self) -> Finding {
        let peer = self.expected.peer.is_some_and(|p| p.nopreempt);
        match (self.instance.nopreempt, self.instance.state_master) {
            (true, true) => warn(
                "nopreempt",
                told!("nopreempt with state MASTER: keepalived ignores nopreempt"),
                told!("write `state BACKUP`, or remove nopreempt"),
            ),
            (true, false) => fail(
                "nopreempt",
                told!(
                    "nopreempt: a lower weight moves nothing, so the VIP would stay on a node whose services are down"
                ),
                told!("remove nopreempt on both nodes: hau's weights keep the VIP where it is"),
            ),
            (false, _) if peer => fail(
                "nopreempt",
                told!("the other node has nopreempt, this one has not"),
                told!("remove nopreempt there: hau's weights keep the VIP where it is"),
            ),
            (false, _) => pass("nopreempt", told!("a weight can move the VIP")),
        }
    }

    pub(super) fn preempt_delay(&self) -> Finding {
        match self.instance.preempt_delay_ms {
            0 => pass(
                "preempt_delay",
                told!("a weight moves the VIP without delay"),
            ),
            ms => warn(
                "preempt_delay",
                told!(
                    "preempt_delay makes a move by weight {} s longer",
                    f64::from(ms) / 1000.0
                ),
                told!("remove preempt_delay"),
            ),
        }
    }

    pub(super) fn advert_int(&self) -> Finding {
        let i = self.instance;
        if i.version == 2 && !i.advert_int_ms.is_multiple_of(1000) {
            let what = told!(
                "advert_int {} with VRRP version 2, which knows whole seconds",
                i.advert_int
            );
            return fail(
                "advert_int",
                what,
                told!("add `version 3` on both nodes, or use `advert_int 1`"),
            );
        }
        pass(
            "advert_int",
            told!(
                "VRRP version {}, one advert each {} s",
                i.version,
                i.advert_int
            ),
        )
    }

    pub(super) fn heard(&self) -> Finding {
        if self.instance.auth_ah {
            return warn(
                "heard",
                told!("auth_type AH: hau cannot hear the other node's adverts"),
                told!("use `auth_type PASS`, or no authentication and a firewall"),
            );
        }
        pass("heard", told!("hau can hear the other node's adverts"))
    }

    pub(super) fn same_as_peer(&self) -> Finding {
        let Some(peer) = self.expected.peer else {
            return warn(
                "same_as_peer",
                told!("not compared with the other node"),
                told!("pair the nodes, then run doctor again"),
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
                told!("both nodes agree on id, version, interval and addresses"),
            );
        }
        fail(
            "same_as_peer",
            told!("the nodes differ in {}", differ.join(", ")),
            told!("make them the same: else both may hold the VIP"),
        )
    }

    pub(super) fn realtime(&self) -> Finding {
        match (
            self.globals.vrrp_rt_priority,
            self.globals.vrrp_rlimit_rttime,
        ) {
            (Some(p), limit) if p > 0 && limit.is_none_or(|l| l < RTTIME) => fail(
                "realtime",
                told!(
                    "vrrp_rt_priority without a time limit that is long enough: the kernel kills keepalived in a switch"
                ),
                told!(
                    "set `vrrp_rlimit_rttime {}` or more, or remove vrrp_rt_priority",
                    RTTIME
                ),
            ),
            (Some(_), _) => pass(
                "realtime",
                told!("keepalived's real-time limit is long enough"),
            ),
            (None, _) => pass(
                "realtime",
                told!("keepalived runs without real-time priority"),
            ),
        }
    }

    pub(super) fn garp(&self) -> Finding {
        let i = self.instance;
        if i.garp_master_refresh == 0 && !i.higher_prio_send_advert {
            return warn(
                "garp",
                told!(
                    "after a healed partition clients may stay on the wrong node (measured: 7 s and more)"
                ),
                told!("set `vrrp_higher_prio_send_advert true` in global_defs"),
            );
        }
        if i.garp_master_delay > 1 {
            return warn(
                "garp",
                told!(
                    "the second gratuitous ARP comes only after {} s",
                    i.garp_master_delay
                ),
                told!("set `vrrp_garp_master_delay 1` in global_defs"),
            );
        }
        pass("garp", told!("clients are told of a move again"))
    }

    pub(super) fn script_security(&self) -> Finding {
        if self.globals.enable_script_security {
            return pass("script_security", told!("script security is on"));
        }
        warn(
            "script_security",
            told!("script security is off: keepalived logs a violation at each start"),
            told!("set `enable_script_security` and `script_user root` in global_defs"),
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
