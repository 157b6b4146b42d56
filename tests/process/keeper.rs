//! Role `keeper`: keeps a host's mount namespace and plays its systemd on a bus of its own, with units that are real
//! processes. Ends, and ends them, when its stdin does.
use crate::net::{VIP, ok};
use crate::product::{API, SRV, WORKER};
use futures_util::StreamExt;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader, Read},
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};
use zbus::{
    Connection, Message, MessageStream, connection,
    message::Header,
    wire::{ObjectPath, OwnedVariant, Variant},
};

pub(crate) const BUS: &str = "unix:path=/run/bus";
/// What was pushed to the other node and when, one line each; below a host's private folder.
pub(crate) const PUSHES: &str = "pushes";
const UNITS: &[&str] = &[
    "shop-worker.service",
    "shop-api.service",
    "config-sync.service",
    "config-sync.timer",
];
const TIMER: &str = "config-sync.timer";
const SYNC: &str = "config-sync.service";
const MANAGER: (&str, &str) = (
    "/org/freedesktop/systemd1",
    "org.freedesktop.systemd1.Manager",
);

/// DIR: this host's private folders. PEER: the other host's `srv`, where the sync pushes to.
pub(crate) fn main(args: &[String]) {
    let [dir, peer] = args else {
        panic!("keeper DIR PEER")
    };
    mount(Path::new(dir));
    let mut bus = start_bus();
    let host = Arc::new(Host {
        peer: PathBuf::from(peer),
        state: Mutex::default(),
    });
    host.reload();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let _systemd = serve(&runtime, &host);
    for unit in UNITS.iter().filter(|u| **u != SYNC) {
        host.start(unit);
    }
    let timer = Arc::clone(&host);
    thread::spawn(move || {
        loop {
            thread::sleep(Duration::from_secs(1));
            if timer.active(TIMER).0 == "active" {
                timer.start(SYNC);
            }
        }
    });
    println!("ready");
    // Ends with whoever started this.
    let _ = std::io::stdin().read(&mut [0]);
    for unit in UNITS {
        host.stop(unit);
    }
    bus.kill().unwrap();
    bus.wait().unwrap();
}

/// `/run`, `/etc/systemd` and `/srv` become this host's own, and hau-sidecar is installed.
fn mount(dir: &Path) {
    for (own, at) in [("systemd", "/etc/systemd"), ("srv", SRV), ("run", "/run")] {
        // With what is mounted below it: the disk of the state.
        ok("mount", &["--rbind", dir.join(own).to_str().unwrap(), at]);
    }
    let layers = format!("lowerdir={}:/usr/sbin", dir.join("sbin").display());
    ok(
        "mount",
        &["-t", "overlay", "overlay", "-o", &layers, "/usr/sbin"],
    );
}

fn start_bus() -> Child {
    let args = [
        "--session",
        "--nofork",
        "--nopidfile",
        "--print-address=1",
        "--address",
        BUS,
    ];
    let mut bus = Command::new("dbus-daemon")
        .args(args)
        .stdout(Stdio::piped())
        .spawn()
        .expect("dbus-daemon is needed for this test");
    // It listens when it has told its address.
    let told = BufReader::new(bus.stdout.take().unwrap()).read_line(&mut String::new());
    assert!(told.unwrap() > 0, "dbus-daemon does not start");
    bus
}

#[derive(Default)]
struct State {
    running: BTreeMap<String, Child>,
    /// Units without a process: the timer.
    waiting: BTreeMap<String, bool>,
    /// `ConditionPathExists=!…`, as of the last reload.
    conditions: BTreeMap<String, PathBuf>,
    jobs: u32,
}

struct Host {
    peer: PathBuf,
    state: Mutex<State>,
}

impl Host {
    fn reload(&self) {
        let mut state = self.state.lock().unwrap();
        state.conditions.clear();
        for unit in UNITS {
            let dir = format!("/etc/systemd/system/{unit}.d");
            for file in fs::read_dir(dir).into_iter().flatten().flatten() {
                let text = fs::read_to_string(file.path()).unwrap_or_default();
                let path = text
                    .lines()
                    .find_map(|l| l.strip_prefix("ConditionPathExists=!"));
                state
                    .conditions
                    .extend(path.map(|p| ((*unit).to_owned(), PathBuf::from(p))));
            }
        }
    }

    /// ActiveState, SubState, main process.
    fn active(&self, unit: &str) -> (&'static str, &'static str, u32) {
        let mut state = self.state.lock().unwrap();
        if state.waiting.get(unit).copied().unwrap_or_default() {
            return ("active", "waiting", 0);
        }
        match state.running.get_mut(unit) {
            None => ("inactive", "dead", 0),
            Some(child) => match child.try_wait().unwrap() {
                None => ("active", "running", child.id()),
                Some(_) => ("failed", "failed", 0),
            },
        }
    }

    /// A condition that does not hold is no failure, as in systemd.
    fn start(&self, unit: &str) {
        if self.active(unit).0 == "active" {
            return;
        }
        let condition = self.state.lock().unwrap().conditions.get(unit).cloned();
        if condition.is_some_and(|path| path.exists()) {
            return;
        }
        let (name, port) = match unit {
            TIMER => {
                self.state
                    .lock()
                    .unwrap()
                    .waiting
                    .insert(unit.to_owned(), true);
                return;
            }
            SYNC => return self.push(),
            "shop-api.service" => ("api", API),
            _ => ("worker", WORKER),
        };
        let this = std::env::current_exe().unwrap();
        let args = ["--role", "service", name, &port.to_string()].map(str::to_owned);
        let child = Command::new(this)
            .args(args)
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        self.state
            .lock()
            .unwrap()
            .running
            .insert(unit.to_owned(), child);
    }

    fn stop(&self, unit: &str) {
        let mut state = self.state.lock().unwrap();
        state.waiting.remove(unit);
        if let Some(mut child) = state.running.remove(unit) {
            let pid = Pid::from_raw(i32::try_from(child.id()).unwrap());
            // It may have ended by itself.
            let _ = kill(pid, Signal::SIGTERM);
            child.wait().unwrap();
        }
    }

    /// From the host with the VIP to the other one, file by file.
    fn push(&self) {
        if TcpListener::bind((VIP, 0)).is_err() {
            return;
        }
        let (mut said, to) = (String::new(), self.peer.join("site"));
        for file in fs::read_dir(Path::new(SRV).join("site")).unwrap().flatten() {
            let (name, bytes) = (file.file_name(), fs::read(file.path()));
            let (Ok(bytes), false) = (bytes, name.to_string_lossy().starts_with('.')) else {
                continue;
            };
            if fs::read(to.join(&name)).ok().as_ref() == Some(&bytes) {
                continue;
            }
            let mode = file.metadata().unwrap().permissions().mode();
            fs::write(to.join(".pushed"), bytes).unwrap();
            fs::set_permissions(to.join(".pushed"), fs::Permissions::from_mode(mode)).unwrap();
            fs::rename(to.join(".pushed"), to.join(&name)).unwrap();
            said += &format!("{}\n", name.display());
        }
        let log = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(Path::new(SRV).join(PUSHES));
        std::io::Write::write_all(&mut log.unwrap(), said.as_bytes()).unwrap();
    }
}

/// On the bus under systemd's name until the connection is dropped.
fn serve(runtime: &tokio::runtime::Runtime, host: &Arc<Host>) -> Connection {
    let connection = runtime.block_on(async {
        let builder = connection::Builder::address(BUS).name("org.freedesktop.systemd1");
        builder.build().await.unwrap()
    });
    let (bus, host) = (connection.clone(), Arc::clone(host));
    let mut calls = MessageStream::from(&bus);
    runtime.spawn(async move {
        while let Some(Ok(call)) = calls.next().await {
            // Whoever called may have been killed meanwhile.
            let _ = answer(&bus, &call, &host).await;
        }
    });
    connection
}

async fn answer(bus: &Connection, call: &Message, host: &Host) -> zbus::Result<()> {
    let header = call.header();
    let Some(member) = header.member() else {
        return Ok(());
    };
    let unit = || call.body().deserialize::<String>();
    match member.as_str() {
        "Subscribe" => bus.reply(&header, &()).await,
        "Reload" => {
            host.reload();
            bus.reply(&header, &()).await
        }
        "LoadUnit" => bus.reply(&header, &path(&object(&unit()?))).await,
        "GetUnitProcesses" => {
            let pid = host.active(&unit()?).2;
            let all: Vec<(&str, u32, &str)> = [("/cg", pid, "x")]
                .into_iter()
                .filter(|p| p.1 > 0)
                .collect();
            bus.reply(&header, &all).await
        }
        "Get" => bus.reply(&header, &property(call, host)?).await,
        "StartUnit" | "StopUnit" => {
            let (unit, _mode): (String, String) = call.body().deserialize()?;
            job(bus, &header, &unit, member.as_str() == "StartUnit", host).await
        }
        _ => Ok(()),
    }
}

async fn job(
    bus: &Connection,
    header: &Header<'_>,
    unit: &str,
    start: bool,
    host: &Host,
) -> zbus::Result<()> {
    let id = {
        let mut state = host.state.lock().unwrap();
        state.jobs += 1;
        state.jobs
    };
    let job = format!("/org/freedesktop/systemd1/job/{id}");
    bus.reply(header, &path(&job)).await?;
    if start {
        host.start(unit)
    } else {
        host.stop(unit)
    }
    let told = (id, path(&job), unit, "done");
    bus.emit_signal(None::<&str>, MANAGER.0, MANAGER.1, "JobRemoved", &told)
        .await
}

fn path(text: &str) -> ObjectPath<'_> {
    ObjectPath::try_from(text).unwrap()
}

fn object(unit: &str) -> String {
    let known = UNITS.iter().position(|u| *u == unit);
    known.map_or("/u/unknown".to_owned(), |n| format!("/u/{n}"))
}

fn property(call: &Message, host: &Host) -> zbus::Result<OwnedVariant> {
    let (_, name): (String, String) = call.body().deserialize()?;
    let header = call.header();
    let object = header.path().map(ToString::to_string).unwrap_or_default();
    let unit = object
        .trim_start_matches("/u/")
        .parse::<usize>()
        .ok()
        .map(|n| UNITS[n]);
    let (active, sub, pid) = unit.map_or(("inactive", "dead", 0), |unit| host.active(unit));
    let value = match (name.as_str(), unit) {
        ("LoadState", None) => Variant::from("not-found"),
        ("LoadState", Some(_)) => Variant::from("loaded"),
        ("ActiveState", _) => Variant::from(active),
        ("SubState", _) => Variant::from(sub),
        ("MainPID", _) => Variant::from(pid),
        // It does what it is told at once.
        ("Job", _) => Variant::from((0_u32, path("/"))),
        ("Result", _) => Variant::from("success"),
        ("ExecMainStatus", _) => Variant::from(0_i32),
        (other, _) => panic!("nobody should ask for {other}"),
    };
    Ok(value.try_into().unwrap())
}
