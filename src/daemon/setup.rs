//! From the command line to a running daemon: reads what is configured, recovers, opens the doors.
use super::api::Api;
use super::clock::Clock;
use super::door::{Door, Limits, OpenDoor, Service};
use super::executor::Executor;
use super::guard::Keeper;
use super::link::PeerLink;
use super::mailbox::{Mailbox, Post};
use super::observe::{self, Kick};
use super::pairing::Pairing;
use super::site::{Site, chain};
use super::status::Snapshot;
use super::vrrp::Keepalived;
use super::{Daemon, Records, hello, telemetry, watch};
use crate::config::{Failover, Fence, Rejoin, Settings};
use crate::core::{Kind, Local, Machine, NodeId, Record, Rollout, State, Timing, Unasked, intents};
use crate::database;
use crate::host::{
    Host, files,
    net::Addresses,
    units::{Bus, Units},
};
use crate::journal::Journal;
use crate::steps::{self, Asked};
use crate::tls::{Identity, Pins, Trust};
use anyhow::Context;
use std::{
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock},
    thread,
    time::Duration,
};
use tokio::{runtime::Runtime, sync::watch as published};

/// What `hau-sidecar run` was told.
#[derive(Clone, Debug)]
pub struct RunArgs {
    pub config: PathBuf,
    pub state: PathBuf,
    pub run: PathBuf,
}

const TLS_DIR: &str = "tls";
const GROUP: &str = "hau";

/// Runs until SIGTERM.
///
/// # Errors
/// When the configuration, the journal or a door is not usable; the message says which and why.
pub fn run(args: &RunArgs) -> anyhow::Result<()> {
    telemetry::start();
    let settings = Settings::load(&args.config)?;
    let runtime = runtime()?;
    let addresses = Addresses::new(runtime.handle().clone());
    let here: Vec<IpAddr> = addresses
        .local_addresses()?
        .iter()
        .map(|a| a.address)
        .collect();
    let me = settings.me(&here)?;
    let (mut journal, records) = recover(&args.state)?;
    journal.reserve(super::ROLLOUT_BYTES)?;
    // Keys and certificates lie beside the configuration.
    let etc = args.config.parent().unwrap_or(Path::new("/etc/hau"));
    let tls = Tls::load(&etc.join(TLS_DIR), &me)?;
    let (site, link) = site(args, settings, &me, &runtime, addresses, &tls)?;
    let (mailbox, mut mail) = Mailbox::new();
    let (kick, kicked) = Kick::new(2);
    let history = Arc::new(past(&records));
    let machine = Machine::recover(state(&site), &records, Records(journal));
    // What the journal says holds from the first question on, before the first turn.
    let recovered = intents(machine.state(), site.now());
    let first = Snapshot {
        state: machine.state().clone(),
        band: recovered.band,
        history: Arc::clone(&history),
    };
    let (snapshot, snapshots) = published::channel(Arc::new(first));
    let (hello, hellos) = published::channel(recovered.hello);
    let executor = Executor::new(Arc::clone(&site), mailbox.clone());
    let solo = Executor::new(Arc::clone(&site), mailbox.clone());
    let guard = Keeper::new(Arc::clone(&site));
    let pairing = Pairing {
        identity: tls.identity,
        trust: tls.trust,
        link: Arc::clone(&link),
    };
    let api = Api {
        site: Arc::clone(&site),
        mailbox: mailbox.clone(),
        snapshot: snapshots,
        kick: kick.clone(),
        pairing,
        group: group(),
        doubt: Mutex::default(),
    };
    site.keepalived.restore()?;
    site.keepalived.listen(kick.clone());
    open_doors(&args.run, &runtime, &site, Arc::new(api))?;
    watch_world(&site, &mailbox, kick, kicked);
    runtime.spawn(hello::send(link, hellos));
    end_on_signal(mailbox)?;
    spool(&args.run);
    let local = Local::default();
    let mut daemon = Daemon {
        site,
        machine,
        executor,
        solo,
        guard,
        alarm: None,
        local,
        history,
        snapshot,
        hello,
    };
    sd_notify::notify(&[sd_notify::NotifyState::Ready])?;
    let served = daemon.serve(&mut mail);
    // Threads and tasks that wait for something are left behind.
    runtime.shutdown_timeout(Duration::from_millis(200));
    Ok(served?)
}

fn runtime() -> std::io::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
}

/// The group whose members may act; a host without it has root alone.
fn group() -> Option<u32> {
    let found = nix::unistd::Group::from_name(GROUP).ok().flatten();
    found.map(|g| g.gid.as_raw())
}

struct Tls {
    identity: Arc<Identity>,
    trust: Arc<Trust>,
}

impl Tls {
    fn load(dir: &Path, me: &str) -> anyhow::Result<Self> {
        files::make_dir(dir, 0o700)?;
        let identity = Arc::new(Identity::load_or_create(dir, me)?);
        let trust = Arc::new(Trust::new(Pins::load(dir)?));
        Ok(Self { identity, trust })
    }
}

fn recover(state: &Path) -> anyhow::Result<(Journal, Vec<Record>)> {
    let dir = state.join("journal");
    files::make_dir(state, 0o750)?;
    files::make_dir(&dir, 0o700)?;
    let (journal, lines) = Journal::open(&dir.join("journal"))?;
    let parse = |line: &Vec<u8>| serde_json::from_slice(line);
    let records = lines.iter().map(parse).collect::<Result<Vec<Record>, _>>();
    let records = records.context("the journal holds a fact that this version of hau does not know: install the version that wrote it")?;
    Ok((journal, records))
}

/// What is so before the first fact.
fn state(site: &Site) -> State {
    let timing = Timing {
        settle: site.keepalived.advert_interval() * 4,
        ..Timing::default()
    };
    let mut state = State::new(site.me.clone(), site.peer.clone(), timing);
    state.unasked = unasked(site);
    state
}

/// What the configuration lets this node begin by itself.
fn unasked(site: &Site) -> Unasked {
    let Some(database) = &site.settings.database else {
        return Unasked::default();
    };
    let both = (&site.me, &site.peer);
    let plan = |kind| Arc::new(steps::solo(kind, &site.settings, Asked::default(), both));
    let fails_over = database.failover == Failover::Auto;
    let by_command = |fence: &Fence| !fence.command.is_empty();
    Unasked {
        failover: fails_over.then(|| plan(Kind::Failover)),
        needs_guard: !site.settings.fence.as_ref().is_some_and(by_command),
        rejoin: (database.rejoin == Rejoin::Auto).then(|| plan(Kind::Rejoin)),
    }
}

/// The rollouts before the last one.
fn past(records: &[Record]) -> Vec<Rollout> {
    let mut all = Vec::new();
    let mut journaled = crate::core::Journaled::default();
    for record in records {
        all.extend(journaled.replaced_by(record).cloned());
        journaled.apply(record);
    }
    all
}

fn site(
    args: &RunArgs,
    settings: Settings,
    me: &str,
    runtime: &Runtime,
    addresses: Addresses,
    tls: &Tls,
) -> anyhow::Result<(Arc<Site>, Arc<PeerLink>)> {
    let peer = settings
        .peer_of(me)
        .context("the configuration names no other node")?
        .to_owned();
    let address = SocketAddr::new(settings.nodes[&peer].address, settings.peer.port);
    let handle = runtime.handle().clone();
    let link = PeerLink::new(
        address,
        &tls.identity,
        Arc::clone(&tls.trust),
        handle.clone(),
    )?;
    let link = Arc::new(link);
    files::make_dir(&settings.bundle.incoming, 0o700)?;
    let keepalived = Arc::new(Keepalived::read(&settings, &args.state, &args.run)?);
    let site = Arc::new(Site {
        me: NodeId(me.to_owned()),
        peer: NodeId(peer),
        settings,
        state_dir: args.state.clone(),
        clock: Clock::start(),
        runtime: handle.clone(),
        units: Units::new(handle, Bus::System),
        addresses,
        held: std::sync::Mutex::default(),
        keepalived,
        link: Arc::clone(&link),
        database: OnceLock::new(),
    });
    let host: Arc<dyn Host> = Arc::clone(&site) as Arc<dyn Host>;
    if let Some(adapter) = database::open(&site.settings, host, &args.run)? {
        // Nobody else sets it.
        let _ = site.database.set(adapter);
    }
    let ports = site.settings.services.iter().flat_map(|s| &s.ports);
    let ports: String = ports.map(|p| format!("{p}\n")).collect();
    files::write(&args.run.join("ports"), ports.as_bytes(), 0o644)?;
    Ok((site, link))
}

fn open_doors(run: &Path, runtime: &Runtime, site: &Site, api: Arc<Api>) -> anyhow::Result<()> {
    let service: Arc<dyn Service> = api.clone();
    let own = SocketAddr::new(
        site.settings.nodes[&site.me.0].address,
        site.settings.peer.port,
    );
    // Staging a bundle on the other node takes as long as the bundle is large.
    let patient = Limits {
        request: Duration::from_secs(900),
        ..Limits::of(Door::Peer)
    };
    runtime.block_on(async {
        let unix = OpenDoor::unix(&run.join("hau.sock"))?;
        let plain = OpenDoor::plain(site.settings.health.listen).await?;
        let trust = Arc::clone(&api.pairing.trust);
        let peer = OpenDoor::peer(own, &api.pairing.identity, trust).await?;
        runtime.spawn(unix.serve(Arc::clone(&service), Limits::of(Door::Unix)));
        runtime.spawn(plain.serve(Arc::clone(&service), Limits::of(Door::Plain)));
        runtime.spawn(peer.serve(service, patient));
        anyhow::Ok(())
    })
}

fn watch_world(
    site: &Arc<Site>,
    mailbox: &Mailbox,
    kick: Kick,
    kicked: Vec<std::sync::mpsc::Receiver<()>>,
) {
    let mut kicked = kicked.into_iter();
    if let Some(first) = kicked.next() {
        observe::watch_host(Arc::clone(site), mailbox.clone(), first);
    }
    if let Some(second) = kicked.next() {
        observe::watch_database(Arc::clone(site), mailbox.clone(), second);
    }
    let seen = Arc::clone(site);
    site.addresses.watch(move |_| {
        seen.forget_addresses();
        kick.kick();
    });
    watch::start(Arc::clone(site));
}

fn end_on_signal(mailbox: Mailbox) -> anyhow::Result<()> {
    use signal_hook::consts::{SIGINT, SIGTERM};
    let mut signals = signal_hook::iterator::Signals::new([SIGTERM, SIGINT])?;
    thread::spawn(move || {
        if signals.forever().next().is_some() {
            mailbox.post(Post::Quit);
        }
    });
    Ok(())
}

/// Hooks that found no daemon left a note each. They mean "look now", which a start does anyway.
fn spool(run: &Path) {
    let dir = run.join("spool");
    let names = files::list(&dir).unwrap_or_default();
    for name in &names {
        if let Err(e) = files::remove(&dir.join(name)) {
            tracing::debug!("{}", chain(&e));
        }
    }
    if !names.is_empty() {
        tracing::info!(
            "keepalived's hooks were called {} times while hau-sidecar was away",
            names.len()
        );
    }
}
