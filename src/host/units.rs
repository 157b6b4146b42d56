//! Systemd over D-Bus: what a unit does, and starting and stopping it with the job's own result
//! (a finished `systemctl` says less: the job's signal names the reason).
use super::{Active, Command, HostError, HostResult, UnitState, commands};
use futures_util::StreamExt;
use nix::sys::signal::Signal;
use std::{
    path::PathBuf,
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::{join, runtime::Handle, time::timeout};
use zbus::{
    Connection, OwnedVariant, connection,
    fdo::PropertiesProxy,
    names::InterfaceName,
    proxy::CacheProperties,
    wire::{ObjectPath, OwnedObjectPath},
};

/// Questions are answered at once; a systemd that does not is stuck.
const ASK_LIMIT: Duration = Duration::from_secs(10);
/// Reading all unit files again takes seconds on a large host.
const RELOAD_LIMIT: Duration = Duration::from_secs(60);
const JOURNAL_LIMIT: Duration = Duration::from_secs(5);

/// The manager of this host's units. Every method blocks: called from threads outside the
/// runtime, which must be a multi-thread one.
pub struct Units {
    runtime: Handle,
    bus: Bus,
    /// One for all calls; made again when it broke.
    connection: Mutex<Option<Connection>>,
}

/// The bus that systemd is on.
#[derive(Clone, Debug)]
pub enum Bus {
    System,
    /// A D-Bus address, as "unix:path=/run/bus".
    At(String),
}

impl Units {
    /// Connects at the first call.
    pub fn new(runtime: Handle, bus: Bus) -> Self {
        Self {
            runtime,
            bus,
            connection: Mutex::new(None),
        }
    }

    /// A unit that systemd does not know is an error.
    pub fn unit(&self, name: &str) -> HostResult<UnitState> {
        self.wait("look at unit", name, ASK_LIMIT, async {
            read_unit(&self.connection().await?, name).await
        })
    }

    /// Returns when the start job has ended, which for a `Type=simple` unit is when its process
    /// exists: whether it lives on is another question. A unit that runs is fine.
    pub fn start_unit(&self, name: &str, limit: Duration) -> HostResult<()> {
        self.wait("start", name, limit, self.job(Verb::Start, name))
    }

    /// Returns when the stop job has ended. A unit that does not run is fine.
    pub fn stop_unit(&self, name: &str, limit: Duration) -> HostResult<()> {
        self.wait("stop", name, limit, self.job(Verb::Stop, name))
    }

    /// Sends a signal to every process of the unit.
    pub fn signal_unit(&self, name: &str, signal: Signal) -> HostResult<()> {
        self.wait("signal", name, ASK_LIMIT, async {
            let manager = manager(&self.connection().await?).await?;
            let sent = manager.kill_unit(name, "all", signal as i32).await;
            sent.map_err(say)
        })
    }

    /// What `WatchdogSec=` says; None: no watchdog.
    pub fn watchdog(&self, name: &str) -> HostResult<Option<Duration>> {
        self.wait("look at unit", name, ASK_LIMIT, async {
            let connection = self.connection().await?;
            let path = manager(&connection).await?.load_unit(name).await;
            let Some(interface) = kind_interface(name) else {
                return Ok(None);
            };
            let service = Properties::of(&connection, &path.map_err(say)?, interface).await?;
            let micros = service.get("WatchdogUSec").await?;
            let micros = u64::try_from(micros).map_err(|e| e.to_string())?;
            Ok((1..u64::MAX)
                .contains(&micros)
                .then(|| Duration::from_micros(micros)))
        })
    }

    /// Every process of the unit.
    pub fn processes(&self, name: &str) -> HostResult<Vec<u32>> {
        self.wait("look at unit", name, ASK_LIMIT, async {
            let manager = manager(&self.connection().await?).await?;
            let all = manager.get_unit_processes(name).await.map_err(say)?;
            Ok(all.into_iter().map(|(_, pid, _)| pid).collect())
        })
    }

    /// Makes systemd read its unit files again.
    pub fn reload_units(&self) -> HostResult<()> {
        self.wait("reload", "systemd's unit files", RELOAD_LIMIT, async {
            let connection = self.connection().await?;
            manager(&connection).await?.reload().await.map_err(say)
        })
    }

    fn wait<T>(
        &self,
        action: &'static str,
        object: &str,
        limit: Duration,
        what: impl Future<Output = Result<T, String>>,
    ) -> HostResult<T> {
        self.runtime
            .block_on(async { timeout(limit, what).await })
            .unwrap_or_else(|_| Err(format!("systemd has not finished within {limit:?}")))
            .map_err(|why| HostError::new(action, object, why))
    }

    async fn connection(&self) -> Result<Connection, String> {
        let known = || {
            self.connection
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
        };
        if let Some(connection) = known().as_ref().filter(|c| !c.is_closed()) {
            return Ok(connection.clone());
        }
        let builder = match &self.bus {
            Bus::System => connection::Builder::system(),
            Bus::At(address) => connection::Builder::address(address.as_str()),
        };
        let made = builder.build().await.map_err(|e| {
            format!("the system bus is not reachable ({e}); is dbus.socket active?")
        })?;
        *known() = Some(made.clone());
        Ok(made)
    }

    async fn job(&self, verb: Verb, name: &str) -> Result<(), String> {
        let connection = self.connection().await?;
        let manager = manager(&connection).await?;
        // Without a subscriber systemd sends no signals; and listening begins before the job
        // does, or its end may be missed.
        match manager.subscribe().await {
            Err(zbus::Error::MethodError(e, ..)) if e.ends_with(".AlreadySubscribed") => {}
            subscribed => subscribed.map_err(say)?,
        }
        let mut ended = manager.receive_job_removed().await.map_err(say)?;
        let job = match verb {
            Verb::Start => manager.start_unit(name, "replace").await,
            Verb::Stop => manager.stop_unit(name, "replace").await,
        };
        let job = job.map_err(say)?;
        while let Some(signal) = ended.next().await {
            let told = signal.args().map_err(say)?;
            if *told.job() != *job {
                continue;
            }
            let result = told.result().to_string();
            return match result.as_str() {
                "done" => Ok(()),
                _ => Err(explain(&connection, name, &result).await),
            };
        }
        Err("the connection to systemd broke; the job may go on".into())
    }
}

/// The last lines the unit wrote to the journal, oldest first; none if they cannot be had.
pub fn journal_tail(unit: &str, lines: usize) -> Vec<String> {
    let count = lines.to_string();
    let args = ["-q", "-u", unit, "-n", &count, "-o", "cat", "--no-pager"];
    let command = Command {
        program: PathBuf::from("/usr/bin/journalctl"),
        args: args.map(str::to_owned).to_vec(),
        limit: JOURNAL_LIMIT,
        ..Command::default()
    };
    commands::run(&command)
        .map(|output| output.stdout.lines().map(str::to_owned).collect())
        .unwrap_or_default()
}

#[derive(Clone, Copy)]
enum Verb {
    Start,
    Stop,
}

#[zbus::proxy(
    interface = "org.freedesktop.systemd1.Manager",
    default_service = "org.freedesktop.systemd1",
    default_path = "/org/freedesktop/systemd1"
)]
trait Manager {
    fn subscribe(&self) -> zbus::Result<()>;
    fn load_unit(&self, name: &str) -> zbus::Result<OwnedObjectPath>;
    /// Control group, process, command line.
    fn get_unit_processes(&self, name: &str) -> zbus::Result<Vec<(String, u32, String)>>;
    fn start_unit(&self, name: &str, mode: &str) -> zbus::Result<OwnedObjectPath>;
    fn kill_unit(&self, name: &str, whom: &str, signal: i32) -> zbus::Result<()>;
    fn stop_unit(&self, name: &str, mode: &str) -> zbus::Result<OwnedObjectPath>;
    fn reload(&self) -> zbus::Result<()>;
    #[zbus(signal)]
    fn job_removed(
        &self,
        id: u32,
        job: ObjectPath<'_>,
        unit: &str,
        result: &str,
    ) -> zbus::Result<()>;
}

async fn manager(connection: &Connection) -> Result<ManagerProxy<'static>, String> {
    ManagerProxy::builder(connection)
        .cache_properties(CacheProperties::No)
        .build()
        .await
        .map_err(say)
}

async fn read_unit(connection: &Connection, name: &str) -> Result<UnitState, String> {
    let manager = manager(connection).await?;
    let path = manager.load_unit(name).await.map_err(say)?;
    let unit = Properties::of(connection, &path, "org.freedesktop.systemd1.Unit").await?;
    // Timers and targets have no processes, and no such interface.
    let service = match kind_interface(name) {
        Some(interface) => Some(Properties::of(connection, &path, interface).await?),
        None => None,
    };
    let main_pid = async {
        match service {
            Some(service) => service.number("MainPID").await,
            None => None,
        }
    };
    // All questions before the first answer: on a busy machine each is a wait of its own, and users may be waiting, too.
    let (load_state, active, sub, job, main_pid, processes) = join!(
        unit.text("LoadState"),
        unit.text("ActiveState"),
        unit.text("SubState"),
        unit.get("Job"),
        main_pid,
        manager.get_unit_processes(name),
    );
    match load_state?.as_str() {
        "not-found" => return Err(format!("systemd knows no unit {name}")),
        "error" | "bad-setting" => {
            return Err(format!(
                "its unit file is broken; see systemctl status {name}"
            ));
        }
        _ => {}
    }
    let processes = processes.map_err(say)?.len();
    let (active, is_queued) = (parse_active(&active?)?, is_queued(job?)?);
    // Its start waits for what it comes after, as after a boot.
    let waits = active == Active::Inactive && is_queued;
    Ok(UnitState {
        active: if waits { Active::Activating } else { active },
        sub: sub?,
        main_pid: main_pid.filter(|pid| *pid != 0),
        processes: u32::try_from(processes).unwrap_or(u32::MAX),
    })
}

/// `Job` of a unit: the number of the one that is queued for it, or 0, and its path.
fn is_queued(job: OwnedVariant) -> Result<bool, String> {
    let job = <(u32, OwnedObjectPath)>::try_from(job).map_err(|e| format!("Job: {e}"))?;
    Ok(job.0 != 0)
}

fn kind_interface(name: &str) -> Option<&'static str> {
    name.ends_with(".service")
        .then_some("org.freedesktop.systemd1.Service")
}

fn parse_active(word: &str) -> Result<Active, String> {
    Ok(match word {
        "active" | "reloading" | "refreshing" => Active::Active,
        "inactive" | "maintenance" => Active::Inactive,
        "activating" => Active::Activating,
        "deactivating" => Active::Deactivating,
        "failed" => Active::Failed,
        _ => {
            return Err(format!(
                "systemd says {word:?}, which is not a state known here"
            ));
        }
    })
}

/// Why a job did not end well, in a sentence.
async fn explain(connection: &Connection, name: &str, result: &str) -> String {
    let what = match result {
        "failed" => "it failed",
        "timeout" => "it took longer than the unit's own time limit",
        "dependency" => "a unit it needs could not be started",
        "canceled" => "another job for the unit took its place",
        other => other,
    };
    let how = match ended_with(connection, name).await {
        Some((word, status)) => format!(" (service: {word}, exit status {status})"),
        None => String::new(),
    };
    format!("{what}{how}; see journalctl -u {name}")
}

/// A service's own result, where it says more than "success".
async fn ended_with(connection: &Connection, name: &str) -> Option<(String, i32)> {
    let path = manager(connection).await.ok()?.load_unit(name).await.ok()?;
    let service = Properties::of(connection, &path, kind_interface(name)?)
        .await
        .ok()?;
    let word = service.text("Result").await.ok()?;
    let status = service.get("ExecMainStatus").await.ok()?;
    (word != "success").then_some((word, i32::try_from(status).ok()?))
}

/// One interface's properties, each asked for when it is wanted.
struct Properties {
    proxy: PropertiesProxy<'static>,
    interface: &'static str,
}

impl Properties {
    async fn of(
        connection: &Connection,
        path: &OwnedObjectPath,
        interface: &'static str,
    ) -> Result<Self, String> {
        let proxy = PropertiesProxy::builder(connection)
            .destination("org.freedesktop.systemd1")
            .path(path.clone())
            .build()
            .await
            .map_err(say)?;
        Ok(Self { proxy, interface })
    }

    async fn get(&self, name: &str) -> Result<OwnedVariant, String> {
        let interface = InterfaceName::try_from(self.interface).map_err(|e| e.to_string())?;
        self.proxy
            .get(interface, name)
            .await
            .map_err(|e| say(e.into()))
    }

    async fn text(&self, name: &str) -> Result<String, String> {
        String::try_from(self.get(name).await?).map_err(|e| format!("{name}: {e}"))
    }

    async fn number(&self, name: &str) -> Option<u32> {
        u32::try_from(self.get(name).await.ok()?).ok()
    }
}

/// What systemd said, without the error's D-Bus name.
fn say(e: zbus::Error) -> String {
    if let zbus::Error::MethodError(_, Some(text), _) = e {
        return text;
    }
    e.to_string()
}
