//! Looks at this host, once a second and whenever somebody says "look now", and tells the core.
use super::mailbox::{Mailbox, Post};
use super::site::Site;
use crate::core::{Details, Local, ServiceDetails, VrrpState};
use crate::host::{Active, Host};
use crate::sync;
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
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
pub(super) struct Kick(Vec<SyncSender<()>>);

impl Kick {
    /// A kick for so many listeners.
    pub(super) fn new(listeners: usize) -> (Self, Vec<Receiver<()>>) {
        let (senders, receivers) = (0..listeners).map(|_| sync_channel(1)).unzip();
        (Self(senders), receivers)
    }

    pub(super) fn kick(&self) {
        for sender in &self.0 {
            // Full means that a look is due anyway.
            let _ = sender.try_send(());
        }
    }
}

/// The first look, before anything is acted on: a node that does not yet know that it is MASTER would
/// show keepalived the wrong weight.
pub(super) fn first(site: &Site) -> Local {
    if site.keepalived.must_be_asked() {
        site.keepalived.ask();
    }
    let mut local = Local::default();
    look(site, &mut Units::default(), true).put_into(&mut local);
    local
}

/// Looks at what answers at once: addresses, keepalived, units, ports.
pub(super) fn watch_host(site: Arc<Site>, mailbox: Mailbox, kicked: Receiver<()>) {
    thread::spawn(move || {
        let mut last = None;
        let mut units = Units::default();
        let mut kick = true;
        loop {
            site.keepalived.refresh();
            if site.keepalived.must_be_asked() {
                site.keepalived.ask();
            }
            let seen = look(&site, &mut units, kick);
            if last.as_ref() != Some(&seen) {
                let told = seen.clone();
                mailbox.post(Post::Looked(Box::new(move |local| told.put_into(local))));
                last = Some(seen);
            }
            match wait(&kicked) {
                Some(told) => kick = told,
                None => return,
            }
        }
    });
}

/// Looks at the database, which may keep one waiting.
pub(super) fn watch_database(site: Arc<Site>, mailbox: Mailbox, kicked: Receiver<()>) {
    thread::spawn(move || {
        let (mut last, mut lag, mut looks) = (None, None, 0);
        if let Err(e) = site.database().watch_over() {
            tracing::error!(
                "a former primary would start by itself: {}; {}",
                e.what,
                e.remedy
            );
        }
        loop {
            let standing = site.database().standing();
            if looks % QUIET_LOOKS == 0 {
                lag = site.database().replication().ok().and_then(|r| r.lag_bytes);
            }
            looks += 1;
            if last != Some((standing, lag)) {
                last = Some((standing, lag));
                mailbox.post(Post::Looked(Box::new(move |local| {
                    local.database = standing.role;
                    local.follows = standing.follows;
                    local.timeline = standing.timeline;
                    local.held = standing.held;
                    local.may_start = standing.may_start;
                    local.guarded = standing.guarded;
                    Arc::make_mut(&mut local.details).lag_bytes = lag;
                })));
            }
            match wait(&kicked) {
                Some(true) => looks = 0,
                Some(false) => {}
                None => return,
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

/// What systemd said of each unit last, with the ports that listened then.
#[derive(Default)]
struct Units(BTreeMap<String, (bool, Vec<u16>, u32)>);

impl Units {
    /// A unit that was active and whose ports are as they were is believed for a few looks.
    fn is_active(&mut self, site: &Site, unit: &str, ports: &[u16], kick: bool) -> bool {
        if let Some((true, seen, looks)) = self.0.get_mut(unit) {
            *looks += 1;
            if !kick && seen == ports && *looks < QUIET_LOOKS {
                return true;
            }
        }
        let active = site.unit(unit).is_ok_and(|u| u.active == Active::Active);
        self.0.insert(unit.to_owned(), (active, ports.to_vec(), 0));
        active
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
}

impl Seen {
    fn put_into(self, local: &mut Local) {
        local.vrrp = self.vrrp;
        local.has_vip = self.has_vip;
        local.version = self.version;
        local.effective_priority = self.effective_priority;
        local.serving = self.serving;
        let details = Arc::make_mut(&mut local.details);
        *details = Details {
            base_priority: Some(self.base_priority),
            check_weight: self.check_weight,
            weight: self.weight,
            lag_bytes: details.lag_bytes,
            sync_paused: self.sync_paused,
            services: self.services,
        };
    }
}

fn look(site: &Site, units: &mut Units, kick: bool) -> Seen {
    let mut services = BTreeMap::new();
    let mut serving = true;
    for service in &site.settings.services {
        let ports: Vec<u16> = service
            .ports
            .iter()
            .copied()
            .filter(|p| site.listens(*p))
            .collect();
        let active = units.is_active(site, &service.unit, &ports, kick);
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
    }
}
