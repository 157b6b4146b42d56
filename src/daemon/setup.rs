//! From the command line to a running daemon: reads what is configured, recovers, opens the doors.
use super::alone::{self, Alone};
use super::api::{Api, STREAMS};
use super::audit::{self, Audit, Queue, Ties};
use super::clock::Clock;
use super::door::{Door, Limits, OpenDoor, Service};
use super::executor::Executor;
use super::link::PeerLink;
use super::mailbox::{Mailbox, Post};
use super::notices::Notices;
use super::observe::{self, Kick, Units};
use super::pairing::Pairing;
use super::site::{Site, chain};
use super::status::Snapshot;
use super::vrrp::Keepalived;
use super::{Daemon, Records, hello, telemetry, watch};
use crate::config::Settings;
use crate::core::{Contradiction, Machine, NodeId, Record, Rollout, State, Timing, intents};
use crate::database;
use crate::host::{
    Host, files,
    net::Addresses,
    units::{self, Bus},
};
use crate::journal::Journal;
use crate::tls::{Identity, Pins, Trust};
use anyhow::Context;
use std::{
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock},
    thread,
    time::Duration,
};
use tokio::{
    runtime::Runtime,
    sync::{Semaphore, watch as published},
};

/// What `hau-sidecar run` was told.
#[derive(Clone, Debug)]
pub struct RunArgs {
    pub config: PathBuf,
    pub state: PathBuf,
    pub run: PathBuf,
}

/// From the end of the old node's drain until the new one takes writes, at the most.
const SWITCHES_WITHIN: Duration = Duration::from_secs(40);
const TLS_DIR: &str = "tls";
const GROUP: &str = "hau";
/// Characters of a fact in an error.
const SHOWN: usize = 200;

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
    let (site, queue) = site(args, settings, &me, &runtime, addresses, &tls)?;
    let (mailbox, mut mail) = Mailbox::new();
    let (kick, kicked) = Kick::new(Arc::clone(&site.moments));
    let history = Arc::new(past(&records).with_context(|| unusable(&args.state))?);
    let machine = Machine::recover(state(&site), &records, Records(journal));
    // What the journal says holds from the first question on, before the first turn.
    let recovered = intents(machine.state(), site.now());
    let first = Snapshot::of(machine.state(), recovered.band, &history);
    let (snapshot, snapshots) = published::channel(Arc::new(first));
    let (hello, hellos) = published::channel(recovered.hello);
    let executor = Executor::new(Arc::clone(&site), mailbox.clone());
    let alone = Alone::new(&site, &mailbox);
    let notices = Notices::start(&site);
    let api = Api {
        site: Arc::clone(&site),
        mailbox: mailbox.clone(),
        snapshot: snapshots,
        kick: kick.clone(),
        pairing: tls.pairing(&site),
        group: group(),
        doubt: Mutex::default(),
        streams: Arc::new(Semaphore::new(STREAMS)),
    };
    site.keepalived.restore()?;
    site.keepalived.listen(kick.clone());
    open_doors(&args.run, &runtime, &site, Arc::new(api))?;
    super::handoff::look(&site);
    super::handoff::start(Arc::clone(&site), kick.clone());
    let units = Arc::new(Units::default());
    watch_world(&site, kick.clone());
    runtime.spawn(hello::send(Arc::clone(&site.link), hellos));
    site.audit.started(&machine.state().journaled);
    audit::start(&site.audit, queue);
    super::trust::start(&site);
    end_on_signal(mailbox.clone())?;
    spool(&args.run);
    sd_notify::notify(&[sd_notify::NotifyState::Ready])?;
    let looks = observe::first(&site, &units);
    observe::watch(&site, &mailbox, &units, &kick, kicked);
    let mut daemon = Daemon {
        site,
        machine,
        executor,
        alone,
        notices,
        looks,
        history,
        snapshot,
        hello,
    };
    let served = daemon.serve(&mut mail);
    // Whoever stops a sidecar may not start it again.
    super::handoff::leave(&daemon.site);
    // Threads and tasks that wait for something are left behind.
    runtime.shutdown_timeout(Duration::from_millis(200));
    Ok(served?)
}

/// What is so before the first fact.
fn state(site: &Site) -> State {
    let timing = Timing {
        settle: site.keepalived.advert_interval() * 4,
        park_most: site.settings.limits.drain + SWITCHES_WITHIN,
        ..Timing::default()
    };
    let unasked = alone::unasked(site);
    State {
        unasked,
        ..State::new(site.me.clone(), site.peer.clone(), timing)
    }
}

fn runtime() -> std::io::Result<Runtime> {
    // One worker: what may keep one waiting has a thread of its own, and two wake each other for every message.
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
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

    fn pairing(self, site: &Site) -> Pairing {
        Pairing {
            identity: self.identity,
            trust: self.trust,
            link: Arc::clone(&site.link),
        }
    }
}

fn recover(state: &Path) -> anyhow::Result<(Journal, Vec<Record>)> {
    let file = journal_file(state);
    files::make_dir(state, 0o750)?;
    files::make_dir(&state.join("journal"), 0o700)?;
    let (journal, lines) = Journal::open(&file)?;
    let parse = |(n, line): (usize, &Vec<u8>)| {
        serde_json::from_slice(line).with_context(|| {
            format!(
                "fact {} of the journal {} is not one that this version of hau knows: install the version that wrote it",
                n + 1,
                file.display()
            )
        })
    };
    let records = lines.iter().enumerate().map(parse);
    Ok((journal, records.collect::<anyhow::Result<Vec<Record>>>()?))
}

fn journal_file(state: &Path) -> PathBuf {
    state.join("journal").join("journal")
}

/// What to do with a journal whose every seal is right and whose facts are not.
fn unusable(state: &Path) -> String {
    format!(
        "the journal {} cannot be gone by. Copy the file away, see on the other node what the pair was doing, \
         and when no rollout is running remove the file and start hau-sidecar again",
        journal_file(state).display()
    )
}

/// The rollouts before the last one.
fn past(records: &[Record]) -> anyhow::Result<Vec<Rollout>> {
    let mut all = Vec::new();
    let mut journaled = crate::core::Journaled::default();
    for (n, record) in records.iter().enumerate() {
        all.extend(journaled.replaced_by(record).cloned());
        journaled.take(record).map_err(|Contradiction(rule)| {
            let said = serde_json::to_string(record).unwrap_or_default();
            let said: String = said.chars().take(SHOWN).collect();
            anyhow::anyhow!(
                "fact {} of {} contradicts those before it: {rule}, and it says {said}",
                n + 1,
                records.len()
            )
        })?;
    }
    Ok(all)
}

fn site(
    args: &RunArgs,
    settings: Settings,
    me: &str,
    runtime: &Runtime,
    addresses: Addresses,
    tls: &Tls,
) -> anyhow::Result<(Arc<Site>, Queue)> {
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
    let clock = Clock::start();
    let (me, peer) = (NodeId(me.to_owned()), NodeId(peer));
    let ties = Ties {
        identity: Arc::clone(&tls.identity),
        trust: Arc::clone(&tls.trust),
        link: Arc::clone(&link),
        clock,
    };
    let folder = args.state.join(audit::FOLDER);
    let (audit, queue) = Audit::open(folder, (me.clone(), peer.clone()), ties);
    let site = Arc::new(Site {
        me,
        peer,
        settings,
        state_dir: args.state.clone(),
        clock,
        runtime: handle.clone(),
        units: units::Units::new(handle, Bus::System),
        addresses,
        held: super::held::Held::default(),
        keepalived,
        link,
        audit,
        memory: super::trust::Memory::default(),
        handing: super::handoff::Handing::new(args.run.clone()),
        prober: super::probe::Prober::default(),
        pulse: super::pulse::Pulse::default(),
        fetching: super::transfer::Now::default(),
        moments: Arc::default(),
        database: OnceLock::new(),
    });
    let host: Arc<dyn Host> = Arc::clone(&site) as Arc<dyn Host>;
    if let Some(adapter) = database::open(&site.settings, host, &args.run, &site.me)? {
        // Nobody else sets it.
        let _ = site.database.set(adapter);
    }
    let ports = site.settings.services.iter().flat_map(|s| &s.ports);
    let ports: String = ports.map(|p| format!("{p}\n")).collect();
    files::write(&args.run.join("ports"), ports.as_bytes(), 0o644)?;
    Ok((site, queue))
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

fn watch_world(site: &Arc<Site>, kick: Kick) {
    let seen = Arc::clone(site);
    site.addresses.watch(move |event| {
        seen.forget_addresses();
        if event.is_none_or(|event| seen.vips().contains(&event.address)) {
            seen.prober.vip_moved();
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Time;

    /// Every seal is right and yet no program wrote this: two halves of two journals, perhaps.
    #[test]
    fn facts_that_contradict_each_other_are_an_error_that_names_the_first() {
        let boot = |boot| Record::Started {
            boot,
            host_boot: String::new(),
            at: Time(1),
        };
        assert!(past(&[boot(1), boot(2)]).is_ok());
        let e = past(&[boot(1), boot(2), boot(2), boot(3)]).unwrap_err();
        let said = e.to_string();
        assert!(
            said.contains("fact 3 of 4") && said.contains("boots grow"),
            "{said}"
        );
        let result = crate::core::RolloutResult::Succeeded;
        let e = past(&[
            boot(1),
            Record::RolloutEnded {
                result,
                at: Time(2),
            },
        ])
        .unwrap_err();
        assert!(e.to_string().contains("a plan comes before"), "{e}");
    }

    #[test]
    fn a_fact_of_a_later_version_is_an_error_that_names_it() {
        let dir = tempfile::tempdir().unwrap();
        let (mut journal, _) = recover(dir.path()).unwrap();
        let known = serde_json::to_vec(&Record::Started {
            boot: 1,
            host_boot: String::new(),
            at: Time(1),
        })
        .unwrap();
        journal
            .append(&[known, b"{\"moved-house\":{}}".to_vec()])
            .unwrap();
        drop(journal);
        let said = format!("{:#}", recover(dir.path()).unwrap_err());
        assert!(
            said.contains("fact 2 of the journal") && said.contains("install the version"),
            "{said}"
        );
    }
}
