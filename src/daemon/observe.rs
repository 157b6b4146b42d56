//! Looks at this host, once a second and whenever somebody says "look now", and tells the core.
mod database;

use super::mailbox::{Mailbox, Post};
use super::site::Site;
use crate::core::{Armed, Details, Fetching, Local, Probing, ServiceDetails, VrrpState};
use crate::host::{Active, Host, sockets};
use crate::sync;
use crate::time::Time;
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    thread,
    time::Duration,
};

const EVERY: Duration = Duration::from_secs(1);
/// What costs a round trip to another process is asked again after so many quiet looks, and at
/// once where something gives a reason: an idle daemon shall cost next to nothing.
const QUIET_LOOKS: u32 = 5;

/// "Look now": for hooks, netlink and keepalived's FIFO. A kick while one waits adds nothing.
#[derive(Clone)]
pub(super) struct Kick {
    listeners: Vec<SyncSender<()>>,
    moments: Arc<Moments>,
}

/// Wakes the job that waits for something to become true.
#[derive(Default)]
pub(super) struct Moments {
    passed: Mutex<u64>,
    changed: Condvar,
}

impl Moments {
    pub(super) fn passed(&self) -> u64 {
        *self.lock()
    }

    /// Until something has happened since `seen`, or the time is over.
    pub(super) fn wait(&self, seen: u64, limit: Duration) {
        let waited = self
            .changed
            .wait_timeout_while(self.lock(), limit, |passed| *passed == seen);
        drop(waited);
    }

    fn tell(&self) {
        *self.lock() += 1;
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, u64> {
        self.passed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The threads of `watch`.
const LISTENERS: usize = 3;

impl Kick {
    pub(super) fn new(moments: Arc<Moments>) -> (Self, [Receiver<()>; LISTENERS]) {
        let mut listeners = Vec::new();
        let receivers = [(); LISTENERS].map(|()| {
            let (sender, receiver) = sync_channel(1);
            listeners.push(sender);
            receiver
        });
        (Self { listeners, moments }, receivers)
    }

    /// For one listener alone.
    fn only(&self, n: usize) -> Self {
        Self {
            listeners: vec![self.listeners[n].clone()],
            moments: Arc::clone(&self.moments),
        }
    }

    pub(super) fn kick(&self) {
        self.moments.tell();
        for sender in &self.listeners {
            // Full means that a look is due anyway.
            let _ = sender.try_send(());
        }
    }
}

/// A look at who holds the VIP that is older than this says nothing any more.
const OLD: Duration = Duration::from_secs(3);

/// What this host looks like, each part as it was looked at last.
pub(super) struct Looks {
    pub(super) local: Local,
    /// When keepalived and the addresses were.
    at: Time,
}

impl Looks {
    /// As of now: where nobody could look for long, this node is not sure, so neither MASTER nor BACKUP.
    pub(super) fn now(&self, now: Time) -> Local {
        let mut local = self.local.clone();
        if now >= self.at + OLD && local.vrrp != VrrpState::Unknown {
            (local.vrrp, local.effective_priority) = (VrrpState::Unknown, None);
        }
        local
    }
}

/// The first look, before anything is acted on: a node that does not yet know that it is MASTER would
/// show keepalived the wrong weight.
pub(super) fn first(site: &Site, units: &Units) -> Looks {
    if site.keepalived.must_be_asked() {
        site.keepalived.ask();
    }
    units.ask(site, true);
    let at = site.now();
    let mut local = Local::default();
    look(site, units).put_into(&mut local);
    Looks { local, at }
}

/// Looks at everything, each kind of thing on a thread of its own: nobody waits for what may be stuck.
pub(super) fn watch(
    site: &Arc<Site>,
    mailbox: &Mailbox,
    units: &Arc<Units>,
    kick: &Kick,
    kicked: [Receiver<()>; LISTENERS],
) {
    let [host, systemd, database] = kicked;
    watch_host(
        Arc::clone(site),
        mailbox.clone(),
        Arc::clone(units),
        kick.only(1),
        host,
    );
    watch_units(Arc::clone(site), Arc::clone(units), kick.only(0), systemd);
    database::watch(Arc::clone(site), mailbox.clone(), database);
}

/// Looks at what answers at once: addresses, keepalived, ports.
fn watch_host(
    site: Arc<Site>,
    mailbox: Mailbox,
    units: Arc<Units>,
    systemd: Kick,
    kicked: Receiver<()>,
) {
    thread::spawn(move || {
        let mut last: Option<Seen> = None;
        loop {
            site.keepalived.refresh();
            if site.keepalived.must_be_asked() {
                site.keepalived.ask();
            }
            let at = site.now();
            let seen = look(&site, &units);
            let ports = |seen: &Seen| -> Vec<_> {
                seen.services.values().map(|s| s.ports.clone()).collect()
            };
            if last.as_ref().map(ports) != Some(ports(&seen)) {
                systemd.kick();
            }
            let news = (last.as_ref() != Some(&seen)).then(|| seen.clone());
            last = Some(seen);
            mailbox.post(Post::Looked(Box::new(move |looks| {
                looks.at = at;
                if let Some(seen) = news {
                    seen.put_into(&mut looks.local);
                }
            })));
            if wait(&kicked).is_none() {
                return;
            }
        }
    });
}

/// Asks systemd, which is on a bus that may be stuck, for the units.
fn watch_units(site: Arc<Site>, units: Arc<Units>, host: Kick, kicked: Receiver<()>) {
    thread::spawn(move || {
        let mut looks = 0;
        while let Some(told) = wait(&kicked) {
            looks = if told { 0 } else { looks + 1 };
            if units.ask(&site, looks % QUIET_LOOKS == 0) {
                host.kick();
            }
        }
    });
}

/// Whether somebody said "look now"; None: the daemon is ending.
fn wait(kicked: &Receiver<()>) -> Option<bool> {
    match kicked.recv_timeout(EVERY) {
        Ok(()) => Some(true),
        Err(RecvTimeoutError::Timeout) => Some(false),
        Err(RecvTimeoutError::Disconnected) => None,
    }
}

/// Which units systemd said were active when it was asked last.
#[derive(Default)]
pub(super) struct Units(Mutex<BTreeMap<String, bool>>);

impl Units {
    fn is_active(&self, unit: &str) -> bool {
        self.lock().get(unit).copied().unwrap_or_default()
    }

    /// Asks for all of them, or for those alone that were not active. Has something changed?
    fn ask(&self, site: &Site, all: bool) -> bool {
        let mut changed = false;
        for service in &site.settings.services {
            let was = self.is_active(&service.unit);
            if was && !all {
                continue;
            }
            let seen = site.unit(&service.unit);
            let is = seen.is_ok_and(|unit| unit.active == Active::Active);
            changed |= was != is;
            self.lock().insert(service.unit.clone(), is);
        }
        changed
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, bool>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Clone, PartialEq, Eq)]
struct Seen {
    vrrp: VrrpState,
    has_vip: bool,
    version: Option<String>,
    effective_priority: Option<i32>,
    weight: Option<i32>,
    sync_paused: Option<bool>,
    services: BTreeMap<String, ServiceDetails>,
    serving: bool,
    base_priority: i32,
    check_weight: Option<i32>,
    armed: Armed,
    mac: Option<String>,
    addresses: Vec<String>,
    probing: Option<Probing>,
    fetching: Option<Fetching>,
}

impl Seen {
    fn put_into(self, local: &mut Local) {
        local.vrrp = self.vrrp;
        local.has_vip = self.has_vip;
        local.version = self.version;
        local.effective_priority = self.effective_priority;
        local.serving = self.serving;
        local.armed = self.armed;
        let details = Arc::make_mut(&mut local.details);
        *details = Details {
            base_priority: Some(self.base_priority),
            check_weight: self.check_weight,
            mac: self.mac,
            addresses: self.addresses,
            weight: self.weight,
            lag_bytes: details.lag_bytes,
            sync_paused: self.sync_paused,
            services: self.services,
            probing: self.probing,
            fetching: self.fetching,
        };
    }
}

fn look(site: &Site, units: &Units) -> Seen {
    let mut services = BTreeMap::new();
    let mut serving = true;
    // Once for all of them: it is what a look costs most.
    let listening = sockets::listening();
    for service in &site.settings.services {
        let ports: Vec<u16> = service
            .ports
            .iter()
            .copied()
            .filter(|p| listening.contains(p))
            .collect();
        let active = units.is_active(&service.unit);
        serving &= active && ports.len() == service.ports.len();
        services.insert(service.name.clone(), ServiceDetails { active, ports });
    }
    let current = site.settings.release.root.join("current");
    let version = site.link_target(&current);
    let paused = || site.exists(&sync::flag(&site.state_dir));
    Seen {
        vrrp: site.vrrp(),
        has_vip: site
            .vips()
            .iter()
            .any(|vip| site.has_address(*vip).unwrap_or(false)),
        version: version.and_then(|v| Some(v.file_name()?.to_str()?.to_owned())),
        effective_priority: site.keepalived.effective_priority(),
        weight: site.keepalived.weight(),
        sync_paused: site.settings.config_sync.as_ref().map(|_| paused()),
        services,
        serving,
        base_priority: site.keepalived.base_priority(),
        check_weight: site.keepalived.check_weight(),
        armed: site.handing.seen().armed,
        mac: super::handoff::mac(site),
        addresses: site.own_addresses(),
        probing: site.prober.now(),
        fetching: site.fetching.get(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A thread that hangs says nothing, and what it said last goes on looking true.
    #[test]
    fn an_old_look_knows_neither_master_nor_backup() {
        let local = Local {
            vrrp: VrrpState::Backup,
            serving: true,
            ..Local::default()
        };
        let (at, just) = (Time(10_000), OLD - Duration::from_millis(1));
        let looks = Looks {
            local: local.clone(),
            at,
        };
        assert_eq!(looks.now(at + just), local);
        let old = looks.now(at + OLD);
        assert_eq!(old.vrrp, VrrpState::Unknown);
        assert!(old.serving, "that is another look's word");
    }
}
