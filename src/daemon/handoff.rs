//! Makes of the handoff what the core wants, on a thread of its own: the core never waits for it.
use super::observe::Kick;
use super::site::{Site, chain};
use crate::config::When;
use crate::core::{Armed, Details};
use crate::handoff::{self, Ground, Handoff, Mac};
use crate::host::{
    self,
    net::Addresses,
    sockets,
    units::{Bus, Units},
};
use std::{
    net::IpAddr,
    path::PathBuf,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

const NAME: &str = "handoff";
/// Fewer waiting connections than this are soon reached by users that all come anew.
const BACKLOG_LEAST: u32 = 128;
/// What is in force is looked at this often while anything is, and tried again after a failure.
const AGAIN: Duration = Duration::from_secs(1);

/// What is wanted, what is so, and which addresses the other node has.
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
    peer_addresses: Vec<IpAddr>,
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

    /// What the other node tells of itself.
    pub(super) fn set_peer(&self, details: &Details) {
        let read = |text: &String| text.parse().ok();
        let mut state = self.lock();
        state.peer = details.mac.as_ref().and_then(|mac| mac.parse().ok());
        state.peer_addresses = details.addresses.iter().filter_map(read).collect();
    }

    pub(super) fn peer_addresses(&self) -> Vec<IpAddr> {
        self.lock().peer_addresses.clone()
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
    let armed = part(site).look().unwrap_or_else(|e| {
        tracing::warn!("cannot tell what of a handoff is in force: {}", chain(&e));
        Armed::default()
    });
    site.handing.lock().seen.armed = armed;
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

/// Nothing stays in force without a sidecar that looks after it.
pub(super) fn leave(site: &Site) {
    if !site.handing.seen().armed.is_off() {
        make(site, Armed::default());
    }
}

/// What a sidecar that does not come back has left in force: for the unit, when it has ended.
///
/// # Errors
/// When it cannot be removed.
pub fn disarm(run_dir: &std::path::Path) -> anyhow::Result<()> {
    if !handoff::is_forsaken(run_dir) {
        return Ok(());
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let handle = runtime.handle().clone();
    let (addresses, units) = (
        Addresses::new(handle.clone()),
        Units::new(handle, Bus::System),
    );
    Ok(handoff::remove(run_dir, &addresses, &units)?)
}

/// For `doctor`: what hinders the handoff here. Without it the VIP moves all the same.
pub(super) fn findings(site: &Site) -> Vec<host::Finding> {
    let settings = &site.settings;
    if !settings.hands_off() {
        let what = told!("switched off: requests in flight are cut when the VIP moves");
        return vec![host::Finding::pass(NAME, what)];
    }
    let (handoff, strict) = (part(site), settings.handoff.enabled == When::Always);
    let bad = |what: String, remedy: String| {
        if strict {
            host::Finding::fail(NAME, what, remedy)
        } else {
            host::Finding::warn(NAME, what, remedy)
        }
    };
    let mut found = vec![match handoff.check(&ground(site)) {
        Ok(()) => host::Finding::pass(
            NAME,
            told!("connections that are open when the VIP moves are forwarded"),
        ),
        Err(e) => bad(
            told!(
                "{}; requests in flight are cut when the VIP moves",
                chain(&e)
            ),
            told!("mend that, or write handoff.enabled = \"never\""),
        ),
    }];
    let interface = site.keepalived.interface();
    let near = |peer| site.addresses.share_segment(&interface, peer);
    if !is_one_segment(&site.keepalived.unicast_peers(), near) {
        let what = told!(
            "no unicast_peer is in the network of {}: forwarding needs one segment",
            interface
        );
        found.push(bad(
            what,
            told!("give both nodes an address in one network on the interface of VRRP"),
        ));
    }
    let elsewhere = site.keepalived.elsewhere();
    if !elsewhere.is_empty() {
        let what = told!(
            "{}, and VRRP is on {}: requests in flight there are cut when the VIP moves",
            elsewhere.join(", "),
            interface
        );
        let remedy = told!("put it on the interface of its vrrp_instance");
        found.push(bad(what, remedy));
    }
    if settings.parks() {
        found.extend(parking(site));
    }
    found
}

/// Adverts to the group never leave it. The address that hau knows the other node by may be on another network.
fn is_one_segment(unicast: &[IpAddr], near: impl Fn(IpAddr) -> bool) -> bool {
    unicast.is_empty() || unicast.iter().any(|peer| near(*peer))
}

/// A held service must bear it: its watchdog, and the room for those who wait.
fn parking(site: &Site) -> Vec<host::Finding> {
    let mut found = Vec::new();
    for service in site.settings.behind_vip() {
        let watchdog = site.units.watchdog(&service.unit).ok().flatten();
        if let Some(watchdog) = watchdog {
            let what = told!(
                "{} has WatchdogSec={}: systemd would kill it while it is held",
                service.unit,
                format!("{watchdog:?}")
            );
            let remedy =
                told!("take WatchdogSec= out of the unit, or write handoff.park = \"never\"");
            found.push(host::Finding::fail(NAME, what, remedy));
        }
        for port in &service.ports {
            let room = sockets::backlog(*port).ok().flatten();
            if let Some(room) = room.filter(|room| *room < BACKLOG_LEAST) {
                let what = told!(
                    "{} lets {} connections wait on port {}: more than that come a second late",
                    service.name,
                    room,
                    port
                );
                let remedy =
                    told!("give its listening socket a longer backlog (and net.core.somaxconn)");
                found.push(host::Finding::warn(NAME, what, remedy));
            }
        }
    }
    if found.is_empty() {
        let what = told!("new connections are parked while the primary moves");
        found.push(host::Finding::pass(NAME, what));
    }
    found
}

/// This host's part of the handoff.
fn part(site: &Site) -> Handoff<'_> {
    let run_dir = &site.handing.run_dir;
    Handoff::new(&site.settings, run_dir, &site.addresses, &site.units)
}

fn ground(site: &Site) -> Ground {
    Ground {
        interface: site.keepalived.interface(),
        vips: site.vips(),
        peer: site.handing.lock().peer,
    }
}

fn make(site: &Site, wanted: Armed) {
    let handing = &site.handing;
    let ground = ground(site);
    let handoff = part(site);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_heard_in_the_group_is_on_the_segment() {
        let [near, far]: [IpAddr; 2] = [[10, 0, 0, 2].into(), [10, 9, 0, 2].into()];
        let is_one = |unicast: &[IpAddr]| is_one_segment(unicast, |peer| peer == near);
        assert!(is_one(&[]) && is_one(&[far, near]));
        assert!(!is_one(&[far]));
    }
}
