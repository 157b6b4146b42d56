//! Who serves and who holds the VIP: promises 1 to 4 and 12.
use crate::model::site::{self, SERVICES};
use crate::model::{Ev, World};
use hau::core::{RAISED, RowState, VrrpState};
use hau::database::Replica;
use hau::host::Active;
use hau::host::fake::{FakeUnit, OnStart};
use hau::keepalived::levels;
use std::time::Duration;

/// A peer counts as present for 5 s after its last Hello; that may have been 2 s on its way and
/// have told of what was seen 200 ms earlier.
const BLIND: u64 = 7_300;
/// Promise 4: until keepalived's word of it has been acted on.
const FAULT_MOST: u64 = 1_000;
/// The skew time of a raised node, and the way of the advert that says goodbye.
const NOBODYS: u64 = 25;
/// Promise 12: peer lost 5 s, VRRP takes over 4 s, settled 4 s, services ready up to 9 s, and a
/// few seconds for the ends of jobs under way.
const RESCUE: u64 = 35_000;

impl World {
    pub(super) fn promise_1_one_node_serves(&mut self, n: usize) {
        let other = 1 - n;
        if self.serves(other) {
            return;
        }
        let (by_hau, since) = (self.nodes[other].down_by_hau, self.nodes[other].down_since);
        let since = since.unwrap_or(self.now);
        if by_hau || self.now > since + BLIND {
            let ago = self.now - since;
            self.broke(1, || {
                format!(
                    "{} is taken down, {} is down for {ago} ms (by hau: {by_hau})",
                    Self::name(n),
                    Self::name(other)
                )
            });
        }
    }

    pub(super) fn promise_2_not_on_the_vip(&mut self, n: usize) {
        if self.has_vip(n) {
            let ago = self.now - self.nodes[n].vip_since;
            self.broke(2, || {
                format!(
                    "{} holds the VIP for {ago} ms and its service is stopped",
                    Self::name(n)
                )
            });
        }
    }

    pub(super) fn promise_3_vip_to_a_healthy_node(&mut self, to: usize, is_given: bool) {
        let down = self.nodes[to]
            .down_since
            .map_or(0, |since| self.now - since);
        let unheard = self.nodes[1 - to]
            .last_heard
            .map_or(u64::MAX, |(_, sent)| self.now.saturating_sub(sent));
        let is_held = self.pair.databases[to].standing().held;
        let held = self.nodes[to].held_since.filter(|_| is_held);
        if held.is_some_and(|since| self.now > since + BLIND) {
            self.broke(3, || {
                format!(
                    "the VIP is moved to {}, whose database is held",
                    Self::name(to)
                )
            });
        }
        if down > BLIND {
            self.broke(3, || {
                format!(
                    "the VIP is moved to {}, which is down for {down} ms",
                    Self::name(to)
                )
            });
        } else if is_given && unheard > BLIND {
            self.broke(3, || {
                format!(
                    "the VIP is moved to {}, unheard for {unheard} ms",
                    Self::name(to)
                )
            });
        }
    }

    pub(super) fn promise_4_weights_within_bounds(&mut self, n: usize, weight: i32) {
        let sum = site::BASES[n] + weight;
        if self.options.fast && (sum == RAISED || weight == levels::FAULT) {
            return;
        }
        let fault = self.nodes[n].vrrp.state == VrrpState::Fault && !self.options.fast;
        if fault || !(2..=253).contains(&sum) || !(2..=253).contains(&(sum + site::CHECK_WEIGHT)) {
            self.broke(4, || {
                format!("{} shows {weight}: priority {sum}", Self::name(n))
            });
        }
    }

    /// A node leaves the election only for the other one to take the VIP at once: who is raised, and serves.
    pub(crate) fn promise_4_goes_into_fault(&mut self, n: usize) {
        if !self.has_vip(n) {
            return;
        }
        let other = 1 - n;
        let raised = site::BASES[other] + self.nodes[other].vrrp.weight == RAISED;
        // A word of it may be old where hosts and links fail.
        if !self.options.fast || !raised && !self.options.has_faults {
            self.broke(4, || {
                format!("{} goes into FAULT, and nobody is raised", Self::name(n))
            });
        }
        self.promise_3_vip_to_a_healthy_node(other, true);
    }

    /// With a sidecar at work it is in FAULT for an instant.
    pub(super) fn promise_4_fault_is_short(&mut self, n: usize) {
        let node = &self.nodes[n];
        let since = node.vrrp.since.max(node.side_since);
        let lasts = node.side.is_some() && node.vrrp.state == VrrpState::Fault;
        let ago = self.now.saturating_sub(since);
        if lasts && ago > FAULT_MOST {
            self.broke(4, || format!("{} is in FAULT for {ago} ms", Self::name(n)));
        }
    }

    pub(super) fn promise_12_survivor_serves(&mut self, n: usize) {
        let other = 1 - n;
        let node = &self.nodes[n];
        let able = node.side.is_some() && node.is_powered && !self.nodes[other].is_powered;
        // Whether a demoted primary's standby was promoted cannot be known alone: a person decides.
        let demoted =
            self.pair.databases[n].edit(|c| c.members[n].demoted_at.is_some() || !c.members[n].up);
        let well =
            |u: &FakeUnit| u.on_start == OnStart::Runs && u.ready_after < Duration::from_secs(10);
        let starts =
            self.pair.hosts[n].edit(|w| SERVICES.iter().all(|u| w.units.get(*u).is_some_and(well)));
        let serves = self.serves(n);
        // Until then nothing else can be done: what is asked for is asked for from there on.
        let hangs = self.now < self.nodes[n].hung_until;
        if !able || !starts || demoted || serves || hangs {
            self.nodes[n].alone_since = None;
            return;
        }
        let since = *self.nodes[n].alone_since.get_or_insert(self.now);
        let waits = self.now - since;
        if waits > RESCUE && self.nodes[n].down_by_hau {
            self.broke(12, || {
                format!(
                    "{} is alone and does not serve for {waits} ms",
                    Self::name(n)
                )
            });
        }
    }

    /// Something may have gone down or come up; `by_hau`: in a call into a step.
    pub(crate) fn note_serving(&mut self, n: usize, by_hau: bool) -> bool {
        let serving = self.serves(n);
        let node = &mut self.nodes[n];
        match (serving, node.down_since) {
            (true, Some(_)) => {
                (node.down_since, node.down_by_hau) = (None, false);
                node.up_since = self.now;
                self.say(|| format!("{} serves", Self::name(n)));
            }
            (false, None) => {
                (node.down_since, node.down_by_hau) = (Some(self.now), by_hau);
                self.say(|| format!("{} serves no more", Self::name(n)));
            }
            (true, None) | (false, Some(_)) => {}
        }
        let has_failed = |u: &FakeUnit| u.state.active == Active::Failed;
        let any = |w: &mut hau::host::fake::World| {
            SERVICES
                .iter()
                .any(|u| w.units.get(*u).is_some_and(has_failed))
        };
        let failed = !serving && self.pair.hosts[n].edit(any);
        if failed && !self.nodes[n].is_restarting {
            self.nodes[n].is_restarting = true;
            let boot = self.nodes[n].boots;
            self.at(2_000, Ev::Restart(n, boot));
        }
        self.never_unreachable();
        serving
    }

    /// Without faults the VIP is at every moment on a node that serves.
    pub(crate) fn never_unreachable(&mut self) {
        let since_start = self.now - 1_800_000_000_000;
        if self.options.has_faults || since_start < 5_000 {
            return;
        }
        let holders = [0, 1].map(|n| self.has_vip(n));
        let serve = |n: usize| !holders[n] || self.serves(n) || self.exchanges(n);
        let in_hand_off = |n: usize| self.now <= self.nodes[n].vrrp.gave_up + NOBODYS;
        let nobody = holders == [false, false] && !(in_hand_off(0) || in_hand_off(1));
        if nobody || !(serve(0) && serve(1)) {
            self.broke(9, || {
                format!("the service is not reachable: who holds the VIP: {holders:?}")
            });
        }
    }

    /// Is the database's place being taken here right now?
    fn exchanges(&self, n: usize) -> bool {
        let rollout = self.nodes[n].state().and_then(|s| s.running());
        let begun = |row: usize, state: RowState| {
            rollout.is_some_and(|r| r.plan.rows[row].step == "exchange")
                && state == RowState::Started
        };
        rollout.is_some_and(|r| r.mine.iter().any(|(row, x)| begun(row, x.state)))
    }

    pub(crate) fn arrived(&mut self, n: usize) {
        self.nodes[n].vip_since = self.now;
    }
}
