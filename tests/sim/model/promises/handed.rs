//! What the handoff must never do, asserted on the hosts: keep users waiting beyond its need, send
//! packets to a node that is gone, or be left in force when nothing wants it any more.
use super::super::World;
use hau::core::Armed;
use hau::host::Host;

/// A drain and a switch, as in `Timing`, and what a look and a turn take.
const PARKED_MOST: u64 = 62_000;
/// Without a Hello nothing is forwarded for longer than this.
const FORWARDED_MOST: u64 = 1_300;

impl World {
    /// Once a second.
    pub(crate) fn handoff_within_bounds(&mut self) {
        for n in 0..2 {
            let armed = self.pair.hosts[n].handoff().armed;
            let node = &self.nodes[n];
            if node.side.is_none() {
                continue;
            }
            let here = self.now.saturating_sub(node.vip_since.max(node.side_since));
            if armed.park && self.has_vip(n) && here > PARKED_MOST {
                let who = Self::name(n);
                self.broke(9, || format!("{who} has the VIP and parks for {here} ms"));
            }
            let heard = self.nodes[n].last_heard.map_or(0, |(at, _)| at);
            let silent = self.now - heard.max(self.nodes[n].side_since);
            if armed.forward && silent > FORWARDED_MOST {
                let who = Self::name(n);
                self.broke(11, || {
                    format!("{who} forwards to a node it has not heard for {silent} ms")
                });
            }
        }
    }

    /// Nothing is going on any more, however it ended.
    pub(crate) fn nothing_is_left_armed(&mut self) {
        for n in 0..2 {
            let armed = self.pair.hosts[n].handoff().armed;
            if armed != Armed::default() {
                let who = Self::name(n);
                self.broke(9, || format!("{who} is left with {armed:?}"));
            }
        }
    }
}
