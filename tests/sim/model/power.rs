//! Power, and what systemd does without hau.
use super::site::{SERVICES, SYNC, TIMER, site};
use super::{Ev, World};
use hau::core::Armed;
use hau::host::fake::OnStart;
use hau::host::{Active, Host};
use hau::keepalived::levels;
use hau::sync;
use hau::time::Time;
use std::{path::Path, time::Duration};

impl World {
    /// Everything on the host goes at once.
    pub(crate) fn power_off(&mut self, n: usize) {
        if !self.nodes[n].is_powered {
            return;
        }
        self.note_heir(n);
        self.crash(n);
        self.nodes[n].life += 1;
        self.say(|| format!("{} loses its power", Self::name(n)));
        self.nodes[n].is_powered = false;
        self.nodes[n].boots += 1;
        self.stop_keepalived(n, false);
        self.pair.hosts[n].edit(|w| {
            w.handoff.armed = Armed::default();
            for name in SERVICES.iter().chain(&[TIMER, SYNC]) {
                w.units.entry((*name).to_owned()).or_default().state.active = Active::Inactive;
            }
        });
        self.pair.databases[n].edit(|c| c.power(n, false));
        self.note_serving(n, false);
    }

    pub(crate) fn power_on(&mut self, n: usize) {
        if self.nodes[n].is_powered {
            return;
        }
        self.say(|| format!("{} has power", Self::name(n)));
        self.nodes[n].is_powered = true;
        self.nodes[n].is_restarting = false;
        self.pair.databases[n].edit(|c| c.power(n, true));
        let host = self.pair.hosts[n].clone();
        host.edit(|w| w.now = Time(self.now));
        for unit in SERVICES {
            self.start_as_configured(n, unit);
        }
        let paused = host.exists(&sync::flag(&site().state));
        let held = host.exists(Path::new(
            "/etc/systemd/system/config-sync.timer.d/50-hau-paused.conf",
        ));
        if !(paused && held) {
            host.start_unit(TIMER, Duration::ZERO).ok();
        }
        let lowest = site().levels[n].weight(levels::Band::Upgrading);
        self.nodes[n].vrrp.weight = self.nodes[n].durable_weight.unwrap_or(lowest);
        self.note_serving(n, false);
        let life = self.nodes[n].life;
        self.start_keepalived(n, 200);
        let after = 500 + self.dice.below(2_000);
        self.at(after, Ev::SidecarUp(n, life));
    }

    /// systemd's own Restart=.
    pub(crate) fn restart(&mut self, n: usize) {
        self.nodes[n].is_restarting = false;
        if self.nodes[n].is_powered {
            let host = self.pair.hosts[n].clone();
            for unit in SERVICES {
                if host.unit(unit).is_ok_and(|u| u.active == Active::Failed) {
                    self.say(|| format!("{} systemd restarts {unit}", Self::name(n)));
                    self.start_as_configured(n, unit);
                }
            }
        }
        self.note_serving(n, false);
    }

    fn start_as_configured(&mut self, n: usize, unit: &str) {
        let host = &self.pair.hosts[n];
        host.edit(|w| w.now = Time(self.now));
        let hangs = host.edit(|w| {
            w.units
                .get(unit)
                .is_some_and(|u| u.on_start == OnStart::Hangs)
        });
        if hangs {
            host.edit(|w| {
                w.units.entry(unit.to_owned()).or_default().state.active = Active::Activating
            });
        } else {
            host.start_unit(unit, Duration::ZERO).ok();
        }
    }

    /// The sync that was started has copied the MASTER's configuration to the other node.
    pub(crate) fn sync_done(&mut self, n: usize) {
        let (here, there) = (self.pair.hosts[n].clone(), self.pair.hosts[1 - n].clone());
        if self.has_vip(n) && self.nodes[1 - n].is_powered && self.is_linked() {
            for (path, file) in &sync::listing(&*here, &site().settings).unwrap_or_default() {
                if let Ok(bytes) = here.read(path) {
                    there.write(path, &bytes, file.mode).ok();
                }
            }
        }
        here.stop_unit(SYNC, Duration::ZERO).ok();
    }
}
