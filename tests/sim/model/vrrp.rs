//! A toy keepalived: outside the sidecars, and not stopped when one of them dies.
use super::site::{BASES, CHECK_WEIGHT, WEIGHT, site};
use super::{Ev, World};
use hau::core::VrrpState;

const ADVERT: u64 = 1_000;

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Vrrp {
    pub(crate) state: VrrpState,
    pub(crate) weight: i32,
    pub(crate) is_failing: bool,
    /// Grows when the process starts or ends.
    pub(crate) life: u32,
    /// Grows when the silence that is waited for begins anew.
    pub(crate) timer: u32,
    pub(crate) since: u64,
    /// When it last gave the VIP up by going into FAULT.
    pub(crate) gave_up: u64,
}

impl World {
    pub(crate) fn priority(&self, n: usize) -> i32 {
        let vrrp = &self.nodes[n].vrrp;
        let check = if vrrp.is_failing { CHECK_WEIGHT } else { 0 };
        (BASES[n] + vrrp.weight + check).clamp(1, 254)
    }

    pub(crate) fn has_vip(&self, n: usize) -> bool {
        self.nodes[n].vrrp.state == VrrpState::Master
    }

    pub(crate) fn is_alive(&self, n: usize) -> bool {
        self.nodes[n].vrrp.state != VrrpState::Unknown
    }

    pub(crate) fn start_keepalived(&mut self, n: usize, after: u64) {
        self.nodes[n].vrrp.life += 1;
        let life = self.nodes[n].vrrp.life;
        self.at(after, Ev::Keepalived(n, life));
    }

    pub(crate) fn keepalived_up(&mut self, n: usize) {
        self.nodes[n].vrrp.is_failing = !self.serves(n);
        self.become_(n, VrrpState::Backup);
        let life = self.nodes[n].vrrp.life;
        self.at(ADVERT, Ev::Check(n, life));
    }

    /// The process is gone; with `told` it says goodbye.
    pub(crate) fn stop_keepalived(&mut self, n: usize, told: bool) {
        if told && self.has_vip(n) {
            self.send_advert(n, 0);
        }
        self.nodes[n].vrrp.life += 1;
        self.become_(n, VrrpState::Unknown);
    }

    fn become_(&mut self, n: usize, state: VrrpState) {
        let from = self.nodes[n].vrrp.state;
        self.say(|| format!("{} {from:?} -> {state:?}", Self::name(n)));
        (self.nodes[n].vrrp.state, self.nodes[n].vrrp.since) = (state, self.now);
        let vip = site().vips[0];
        self.pair.hosts[n].edit(|w| {
            w.vrrp = state;
            if state == VrrpState::Master {
                w.addresses.insert(vip)
            } else {
                w.addresses.remove(&vip)
            };
        });
        match state {
            VrrpState::Master => {
                self.arrived(n);
                self.nodes[n].vrrp.timer += 1;
                self.advertise(n);
            }
            VrrpState::Backup => self.wait_for_silence(n, 3 * ADVERT),
            VrrpState::Fault | VrrpState::Unknown => self.nodes[n].vrrp.timer += 1,
        }
        let (after, life) = (self.dice.below(50), self.nodes[n].life);
        self.at(after, Ev::Look(n, life));
    }

    fn wait_for_silence(&mut self, n: usize, adverts: u64) {
        let skew = u64::try_from(256 - self.priority(n)).unwrap_or(0) * ADVERT / 256;
        self.nodes[n].vrrp.timer += 1;
        let timer = self.nodes[n].vrrp.timer;
        self.at(adverts + skew, Ev::Silence(n, timer));
    }

    pub(crate) fn silence(&mut self, n: usize) {
        if self.nodes[n].vrrp.state == VrrpState::Backup {
            self.become_(n, VrrpState::Master);
        }
    }

    pub(crate) fn advertise(&mut self, n: usize) {
        if self.has_vip(n) {
            self.send_advert(n, self.priority(n));
            let life = self.nodes[n].vrrp.life;
            self.at(ADVERT, Ev::Advert(n, life));
        }
    }

    fn send_advert(&mut self, n: usize, priority: i32) {
        if !self.no_adverts[n] {
            let after = 1 + self.dice.below(3);
            self.at(after, Ev::Heard(1 - n, priority));
        }
    }

    pub(crate) fn heard(&mut self, n: usize, priority: i32) {
        let own = self.priority(n);
        match self.nodes[n].vrrp.state {
            VrrpState::Backup if priority == 0 => self.wait_for_silence(n, 0),
            VrrpState::Backup if priority >= own => self.wait_for_silence(n, 3 * ADVERT),
            VrrpState::Master if priority > own => self.become_(n, VrrpState::Backup),
            // One that is lower is told at once who is master.
            VrrpState::Master if priority != 0 => self.send_advert(n, own),
            VrrpState::Backup | VrrpState::Master | VrrpState::Fault | VrrpState::Unknown => {}
        }
    }

    /// The check script, once a second.
    pub(crate) fn check(&mut self, n: usize) {
        let is_failing = !self.serves(n);
        if is_failing != self.nodes[n].vrrp.is_failing {
            self.say(|| {
                format!(
                    "{} its check {}",
                    Self::name(n),
                    if is_failing { "fails" } else { "succeeds" }
                )
            });
            self.nodes[n].vrrp.is_failing = is_failing;
        }
        let life = self.nodes[n].vrrp.life;
        self.at(ADVERT, Ev::Check(n, life));
    }

    /// The tracked file was replaced.
    pub(crate) fn track(&mut self, n: usize) {
        let bytes =
            self.pair.hosts[n].edit(|w| w.files.node(WEIGHT.as_ref()).map(|f| f.kind.clone()));
        let weight = match bytes {
            Some(hau::host::fake::Kind::File(bytes)) => {
                String::from_utf8_lossy(&bytes).trim().parse().unwrap_or(0)
            }
            Some(hau::host::fake::Kind::Link(_) | hau::host::fake::Kind::Dir) | None => 0,
        };
        self.nodes[n].vrrp.weight = weight;
        if BASES[n] + weight < 1 {
            if self.has_vip(n) {
                self.nodes[n].vrrp.gave_up = self.now;
                self.send_advert(n, 0);
            }
            self.become_(n, VrrpState::Fault);
        } else if self.nodes[n].vrrp.state == VrrpState::Fault {
            self.become_(n, VrrpState::Backup);
        }
    }
}
