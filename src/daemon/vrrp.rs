//! keepalived as this node sees it: what it says, whether it lives, and the weight it is given.
mod conf;
mod findings;
mod numbers;
mod rank;
mod words;

use super::observe::Kick;
use super::site::chain;
use crate::config::Settings;
use crate::core::{self, VrrpState};
use crate::host::{Host, process};
use crate::keepalived::{
    dump,
    fifo::{self, What},
    levels::{Levels, LevelsError, NodeWeights},
    lint::PeerView,
    weight::{self, WeightFile},
};
use conf::Conf;
use nix::sys::signal::Signal;
use numbers::Numbers;
use std::{
    net::IpAddr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant, SystemTime},
};
use words::told;

const PID_FILE: &str = "/run/keepalived.pid";
const SIDECAR: &str = "/usr/sbin/hau-sidecar";
/// A dump is a file that keepalived writes.
const ASKED_AGAIN_AFTER: Duration = Duration::from_secs(5);

/// What keepalived said last.
#[derive(Clone, Copy, Debug, Default)]
struct Said {
    state: VrrpState,
    priority: Option<i32>,
    /// When hau last wrote another weight, and what priority must come of it.
    awaited: Option<(Instant, i32)>,
    checked: Option<Instant>,
    /// When it was last asked for everything.
    asked: Option<Instant>,
    /// Lines heard: an answer that was asked for before the last of them is old.
    heard: u64,
}

impl Said {
    /// A weight is read whether the check, of weight `check`, fails at that moment or not.
    fn take(&mut self, state: VrrpState, priority: Option<i32>, check: Option<i32>) {
        (self.state, self.priority) = (state, priority);
        let shows = |wanted: i32| [Some(wanted), check.map(|check| wanted + check)];
        let is_read = |(_, wanted)| priority.is_some() && shows(wanted).contains(&priority);
        if self.awaited.is_some_and(is_read) {
            self.awaited = None;
        }
    }
}

pub(super) struct Keepalived {
    file: PathBuf,
    name: String,
    run_dir: PathBuf,
    conf: Mutex<Arc<Conf>>,
    /// As keepalived told when it was last asked.
    running: Mutex<Option<Numbers>>,
    weight: WeightFile,
    durable: WeightFile,
    started: Instant,
    said: Mutex<Said>,
    peer: Mutex<Option<PeerView>>,
    unfit: Mutex<Option<LevelsError>>,
}

impl Keepalived {
    /// Reads keepalived's configuration.
    ///
    /// # Errors
    /// When it cannot be read or has no such instance.
    pub(super) fn read(
        settings: &Settings,
        state_dir: &Path,
        run_dir: &Path,
    ) -> anyhow::Result<Self> {
        let (file, name) = (settings.vrrp.config.clone(), settings.vrrp.instance.clone());
        Ok(Self {
            conf: Mutex::new(Arc::new(Conf::read(&file, &name, run_dir)?)),
            running: Mutex::default(),
            weight: WeightFile::new(&settings.vrrp.track_file),
            durable: WeightFile::new(state_dir.join("weight")),
            started: Instant::now(),
            said: Mutex::default(),
            peer: Mutex::default(),
            unfit: Mutex::default(),
            run_dir: run_dir.to_owned(),
            file,
            name,
        })
    }

    fn conf(&self) -> Arc<Conf> {
        Arc::clone(&self.conf.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Somebody may have edited keepalived's configuration since it was read.
    pub(super) fn refresh(&self) {
        if !self.conf().is_old() {
            return;
        }
        match Conf::read(&self.file, &self.name, &self.run_dir) {
            Ok(conf) => {
                tracing::info!(
                    HAU_EVENT = "keepalived",
                    "keepalived's configuration has changed and was read again"
                );
                *self.conf.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(conf);
            }
            Err(e) => tracing::debug!(
                "keepalived's configuration cannot be read, the last one counts: {e:#}"
            ),
        }
    }

    /// What keepalived goes by; before it was asked, what its file says.
    fn numbers(&self) -> Numbers {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let running = running.clone();
        running.unwrap_or_else(|| Numbers::written(&self.conf()))
    }

    pub(super) fn vips(&self) -> Vec<IpAddr> {
        self.numbers().vips.into_iter().collect()
    }

    /// The interface that VRRP runs on.
    pub(super) fn interface(&self) -> String {
        self.conf().instance.interface.clone()
    }

    /// The addresses that adverts go to; none: to the group, which never leaves the segment.
    pub(super) fn unicast_peers(&self) -> Vec<IpAddr> {
        self.conf().instance.unicast_peers.clone()
    }

    /// The VIPs that are on another interface than VRRP, and which.
    pub(super) fn elsewhere(&self) -> Vec<String> {
        let conf = self.conf();
        let elsewhere = conf.instance.elsewhere(&conf.vips);
        elsewhere
            .map(|vip| format!("{} on {}", vip.addr, vip.dev))
            .collect()
    }

    pub(super) fn base_priority(&self) -> i32 {
        self.numbers().priority
    }

    pub(super) fn check_weight(&self) -> Option<i32> {
        self.numbers().check_weight
    }

    pub(super) fn advert_interval(&self) -> Duration {
        Duration::from_millis(u64::from(self.conf().instance.advert_int_ms))
    }

    pub(super) fn effective_priority(&self) -> Option<i32> {
        self.said().priority
    }

    pub(super) fn weight(&self) -> Option<i32> {
        self.weight.read().ok().flatten()
    }

    /// MASTER means: keepalived says so, lives, and every VIP is here. What does not fit together
    /// is unknown, and treated as neither.
    pub(super) fn state(&self, host: &dyn Host) -> VrrpState {
        let held = self.vips().into_iter().map(|vip| host.has_address(vip));
        // Addresses that cannot be asked for are not addresses that are gone.
        let Ok(held) = held.collect::<Result<Vec<bool>, _>>() else {
            return VrrpState::Unknown;
        };
        let (any, all) = (held.contains(&true), !held.contains(&false));
        if process::pid_of(Path::new(PID_FILE)).is_none() {
            return VrrpState::Unknown;
        }
        match (self.said().state, any, all) {
            (VrrpState::Master, _, true) => VrrpState::Master,
            (VrrpState::Backup, false, _) => VrrpState::Backup,
            (VrrpState::Fault, false, _) => VrrpState::Fault,
            (VrrpState::Master | VrrpState::Backup | VrrpState::Fault | VrrpState::Unknown, ..) => {
                VrrpState::Unknown
            }
        }
    }

    /// Listens to keepalived's ordered word on a thread of its own.
    pub(super) fn listen(self: &Arc<Self>, kick: Kick) {
        let this = Arc::clone(self);
        thread::spawn(move || {
            loop {
                let path = this.conf().fifo.clone();
                let heard = fifo::Reader::open(&path).and_then(|mut reader| {
                    reader.run(|heard| {
                        if let Some(fifo::Heard {
                            event: Ok(event),
                            stale: false,
                        }) = heard
                        {
                            this.hear(&event);
                            kick.kick();
                        }
                        this.conf().fifo == path
                    })
                });
                if let Err(e) = heard {
                    tracing::warn!("cannot listen to keepalived: {}", chain(&e));
                }
                thread::sleep(Duration::from_secs(1));
            }
        });
    }

    fn hear(&self, event: &fifo::Event) {
        if event.kind != fifo::Kind::Instance || event.name != self.name {
            return;
        }
        let check = self.check_weight();
        let mut said = self.lock();
        said.heard += 1;
        // It may be that of a reload.
        said.asked = None;
        match event.what {
            What::State(state) | What::Priority(state) => {
                said.take(told(state), Some(event.priority), check);
            }
            What::LowerMasterHeard => {}
        }
    }

    /// Asks keepalived for its whole state: the way to the truth where no event has been heard yet.
    pub(super) fn ask(&self) {
        let Some(pid) = process::pid_of(Path::new(PID_FILE)) else {
            return;
        };
        let (asked, heard) = (SystemTime::now(), self.said().heard);
        self.lock().asked = Some(Instant::now());
        if let Err(e) = process::signal(pid, "keepalived", Signal::SIGUSR1) {
            tracing::debug!("cannot ask keepalived: {e}");
            return;
        }
        for _ in 0..20 {
            thread::sleep(Duration::from_millis(25));
            let Some(text) = conf::dumped_since(asked) else {
                continue;
            };
            let Some(found) = dump::instance(&text, &self.name) else {
                continue;
            };
            let Some(state) = found.state else { continue };
            let conf = self.conf();
            let partners = conf.instance.partners();
            let partners = partners.filter_map(|name| dump::instance(&text, name));
            let Some(numbers) = Numbers::running(&found, partners, conf.check.as_ref()) else {
                continue;
            };
            *self.running.lock().unwrap_or_else(PoisonError::into_inner) = Some(numbers);
            let check = self.check_weight();
            let mut said = self.lock();
            if said.heard != heard {
                return;
            }
            said.take(told(state), found.effective_priority, check);
            return;
        }
    }

    /// Without a FIFO, or before its first line, keepalived must be asked; and now and then while its
    /// file says something else than it does: it may have read it again.
    pub(super) fn must_be_asked(&self) -> bool {
        let (conf, said) = (self.conf(), self.said());
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let is_edited = running.as_ref() != Some(&Numbers::written(&conf));
        let is_due = said.asked.is_none_or(|at| at.elapsed() > ASKED_AGAIN_AFTER);
        !conf.has_fifo || said.state == VrrpState::Unknown || is_edited && is_due
    }

    /// keepalived has called the check.
    pub(super) fn was_checked(&self) {
        self.lock().checked = Some(Instant::now());
    }

    /// What the other node says of its own instance; the weights follow from both.
    pub(super) fn set_peer(&self, base: i32, check_weight: i32) {
        let mut view = PeerView::of(&self.conf().instance, check_weight);
        view.priority = base;
        *self.peer.lock().unwrap_or_else(PoisonError::into_inner) = Some(view);
    }

    /// Shows keepalived where this node ranks. Without the other node's numbers only the configured
    /// priority can be shown; a lower weight that was written before stays as it is.
    pub(super) fn show(&self, band: core::Band) {
        let now = self.weight();
        let levels = self.levels().and_then(|levels| self.fitting(levels));
        let Some(value) = rank::value(levels.as_ref(), band, now) else {
            return;
        };
        // The durable copy first: after a power cut the node may rank too low, never too high.
        let lowers = now.is_none_or(|now| value < now);
        let files = if lowers {
            [&self.durable, &self.weight]
        } else {
            [&self.weight, &self.durable]
        };
        for file in files {
            let is_shown = std::ptr::eq(file, &self.weight);
            let says = if is_shown {
                now
            } else {
                file.read().ok().flatten()
            };
            if says == Some(value) {
                continue;
            }
            if is_shown {
                // Before the write: keepalived answers before it has been made durable.
                let wanted = self.base_priority() + value;
                self.lock().awaited = Some((Instant::now(), wanted));
            }
            match file.write(value) {
                Ok(_) if is_shown => {
                    tracing::info!(
                        HAU_EVENT = "weight",
                        "this node shows weight {value} ({band:?})"
                    );
                }
                Ok(_) => {}
                Err(e) => tracing::error!("cannot write the weight: {}", chain(&e)),
            }
        }
    }

    /// Makes sure that there is a weight file before keepalived looks for one.
    pub(super) fn restore(&self) -> anyhow::Result<()> {
        weight::restore(self.durable.path(), self.weight.path())?;
        Ok(())
    }

    fn levels(&self) -> Option<Result<Levels, LevelsError>> {
        let peer = self
            .peer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()?;
        let node = |base| NodeWeights { base };
        let (own, other) = (node(self.base_priority()), node(peer.priority));
        let check = self.check_weight().unwrap_or(0);
        Some(Levels::compute(own, other, check))
    }

    /// Says once, not at every turn, that no weights fit.
    fn fitting(&self, levels: Result<Levels, LevelsError>) -> Option<Levels> {
        let (levels, unfit) = match levels {
            Ok(levels) => (Some(levels), None),
            Err(e) => (None, Some(e)),
        };
        let mut last = self.unfit.lock().unwrap_or_else(PoisonError::into_inner);
        if *last != unfit {
            if let Some(e) = &unfit {
                tracing::warn!("no weights fit, no VIP can be given away: {e}");
            }
            *last = unfit;
        }
        levels
    }

    fn said(&self) -> Said {
        *self.lock()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Said> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A service that starts fails the check for a moment, and keepalived has read the weight all the same.
    #[test]
    fn a_weight_is_read_whatever_the_check_says() {
        let is_awaited = |priority: Option<i32>, check: Option<i32>| {
            let mut said = Said {
                awaited: Some((Instant::now(), 90)),
                ..Said::default()
            };
            said.take(VrrpState::Backup, priority, check);
            said.awaited.is_some()
        };
        assert!(!is_awaited(Some(90), Some(-40)));
        assert!(!is_awaited(Some(50), Some(-40)));
        for old in [None, Some(43), Some(110), Some(70)] {
            assert!(is_awaited(old, Some(-40)), "{old:?}");
        }
        assert!(is_awaited(Some(50), None));
        assert!(is_awaited(None, None));
    }
}
