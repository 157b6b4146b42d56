//! Makes of the handoff what the core wants, on a thread of its own: the core never waits for it.
use super::observe::Kick;
use super::site::{Site, chain};
use crate::core::Armed;
use crate::handoff::{Ground, Handoff, Mac};
use crate::host;
use std::{
    path::PathBuf,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

/// What is in force is looked at this often while anything is, and tried again after a failure.
const AGAIN: Duration = Duration::from_secs(1);

/// What is wanted, what is so, and what the other node's interface is called.
pub(super) struct Handing {
    run_dir: PathBuf,
    state: Mutex<State>,
    changed: Condvar,
    /// The interface that VRRP runs on, and its link-layer address.
    own: Mutex<Option<(String, Mac)>>,
}

#[derive(Default)]
struct State {
    /// None: the core has not spoken yet; what is there stays.
    wanted: Option<Armed>,
    seen: host::Handoff,
    peer: Option<Mac>,
}

impl Handing {
    pub(super) fn new(run_dir: PathBuf) -> Self {
        Self {
            run_dir,
            state: Mutex::default(),
            changed: Condvar::new(),
            own: Mutex::default(),
        }
    }

    pub(super) fn want(&self, armed: Armed) {
        let mut state = self.lock();
        if state.wanted != Some(armed) {
            state.wanted = Some(armed);
            self.changed.notify_all();
        }
    }

    pub(super) fn set_peer(&self, mac: Option<&str>) {
        self.lock().peer = mac.and_then(|mac| mac.parse().ok());
    }

    pub(super) fn seen(&self) -> host::Handoff {
        self.lock().seen.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The link-layer address of the interface that VRRP runs on; asked once for each name.
pub(super) fn mac(site: &Site) -> Option<String> {
    let interface = site.keepalived.interface();
    let own = site.handing.own.lock();
    let mut own = own.unwrap_or_else(PoisonError::into_inner);
    if own.as_ref().is_none_or(|(name, _)| *name != interface) {
        let mac = site.addresses.mac(&interface).ok()??;
        *own = Some((interface, Mac(mac)));
    }
    own.as_ref().map(|(_, mac)| mac.to_string())
}

/// Looks at what an earlier life left in force, before the core is asked for the first time.
pub(super) fn look(site: &Site) {
    let handing = &site.handing;
    let seen = Handoff::new(
        &site.settings,
        &handing.run_dir,
        &site.addresses,
        &site.units,
    )
    .look();
    let armed = seen.unwrap_or_else(|e| {
        tracing::warn!("cannot tell what of a handoff is in force: {}", chain(&e));
        Armed::default()
    });
    handing.lock().seen.armed = armed;
}

pub(super) fn start(site: Arc<Site>, kick: Kick) {
    thread::spawn(move || {
        loop {
            let wanted = wait(&site.handing);
            make(&site, wanted);
            kick.kick();
        }
    });
}

/// Until there is something to do: another wish, or a look at what should be in force.
fn wait(handing: &Handing) -> Armed {
    let mut state = handing.lock();
    loop {
        if let Some(wanted) = state.wanted.filter(|wanted| state.seen.tried != *wanted) {
            return wanted;
        }
        let (next, late) = handing
            .changed
            .wait_timeout(state, AGAIN)
            .unwrap_or_else(PoisonError::into_inner);
        state = next;
        let busy = !state.seen.armed.is_off() || state.seen.problem.is_some();
        if let Some(wanted) = state.wanted.filter(|w| busy || !w.is_off())
            && late.timed_out()
        {
            return wanted;
        }
    }
}

fn make(site: &Site, wanted: Armed) {
    let handing = &site.handing;
    let ground = Ground {
        interface: site.keepalived.interface(),
        vips: site.vips(),
        peer: handing.lock().peer,
    };
    let handoff = Handoff::new(
        &site.settings,
        &handing.run_dir,
        &site.addresses,
        &site.units,
    );
    let problem = handoff.make(wanted, &ground).err().map(|e| chain(&e));
    site.forget_addresses();
    let armed = handoff.look().unwrap_or_default();
    let mut state = handing.lock();
    if let Some(problem) = &problem
        && state.seen.problem.as_ref() != Some(problem)
    {
        tracing::warn!(HAU_EVENT = "handoff", "{problem}");
    }
    if armed != state.seen.armed {
        tracing::info!(
            HAU_EVENT = "handoff",
            "of the handoff is in force here: {}",
            words(armed)
        );
    }
    state.seen = host::Handoff {
        armed,
        tried: wanted,
        problem,
    };
}

fn words(armed: Armed) -> String {
    let parts = [
        (armed.keep, "the VIP kept on lo"),
        (armed.forward, "forwarding"),
        (armed.park, "parking"),
    ];
    let parts: Vec<&str> = parts.iter().filter(|p| p.0).map(|p| p.1).collect();
    if parts.is_empty() {
        "nothing".to_owned()
    } else {
        parts.join(", ")
    }
}
