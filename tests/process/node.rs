//! One host: its keeper, its keepalived, its sidecar, and how to ask them.
use crate::disk::Disk;
use crate::keeper::BUS;
use crate::mount::Mounted;
use crate::net;
use crate::product::{self, SRV};
use hau::wire::{Answer, Status};
use nix::sys::signal::Signal;
use std::{
    fs::{self, File, OpenOptions},
    io::{BufRead, BufReader, Read, Write},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::MutexGuard,
    thread,
    time::{Duration, Instant},
};

/// The longest that a rollout, and so a `hau-ctl`, may take.
pub(crate) const LIMIT: Duration = Duration::from_secs(170);

pub(crate) struct Node {
    pub(crate) name: &'static str,
    pub(crate) dir: PathBuf,
    pub(crate) keeper: Child,
    keepalived: Option<Child>,
    sidecar: Option<Child>,
    /// Of the sidecar's state.
    disk: Mounted,
}

/// How a `hau-ctl` ended.
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) text: String,
}

/// A `hau-ctl` that runs.
pub(crate) struct Ctl {
    pub(crate) child: Child,
    out: PathBuf,
}

impl Node {
    /// A host as it is before hau: services, keepalived's configuration, nobody's key.
    pub(crate) fn new(name: &'static str, root: &Path, key: &Path) -> Self {
        let dir = root.join(name);
        for part in [
            "systemd/system",
            "sbin",
            "run/hau/track",
            "run/hau/spool",
            "run/hau/keepalived",
            "srv/hau/keys",
            "srv/incoming",
            "srv/lib",
        ] {
            fs::create_dir_all(dir.join(part)).unwrap();
        }
        fs::copy(
            env!("CARGO_BIN_EXE_hau-sidecar"),
            dir.join("sbin/hau-sidecar"),
        )
        .unwrap();
        product::install(&dir.join("srv"));
        fs::write(dir.join("srv/hau/hau.toml"), product::HAU_TOML).unwrap();
        fs::write(
            dir.join("srv/keepalived.conf"),
            product::keepalived_conf(name),
        )
        .unwrap();
        fs::copy(key, dir.join("srv/hau/keys/publisher.pub")).unwrap();
        // Before the keeper makes the host's namespace, which then has it.
        let disk = Mounted::new(&dir.join("srv/lib"));
        let keeper = keeper(
            name,
            &dir,
            &root.join(if name == "a" { "b/srv" } else { "a/srv" }),
        );
        Self {
            name,
            dir,
            keeper,
            keepalived: None,
            sidecar: None,
            disk,
        }
    }

    pub(crate) fn disk(&self) -> MutexGuard<'_, Disk> {
        self.disk.disk()
    }

    pub(crate) fn srv(&self, path: &str) -> PathBuf {
        self.dir.join("srv").join(path)
    }

    /// A program on this host.
    fn enter(&self, program: &str) -> Command {
        let ns = |kind: &str| {
            format!(
                "--{}=/proc/{}/ns/{kind}",
                if kind == "mnt" { "mount" } else { kind },
                self.keeper.id()
            )
        };
        let mut command = Command::new("nsenter");
        command.args([ns("mnt"), ns("net")]).arg("--").arg(program);
        command.stdin(Stdio::null());
        command
    }

    fn log(&self, name: &str) -> File {
        OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.dir.join(name))
            .unwrap()
    }

    pub(crate) fn start_keepalived(&mut self) {
        let mut command = self.enter("keepalived");
        command.args([
            "-n",
            "-l",
            "-D",
            "-P",
            "-f",
            "/srv/keepalived.conf",
            "-p",
            "/run/keepalived.pid",
            "-r",
            "/run/vrrp.pid",
        ]);
        command
            .env("TMPDIR", "/run/hau/keepalived")
            .stdout(self.log("keepalived.log"))
            .stderr(self.log("keepalived.log"));
        self.keepalived = Some(command.spawn().unwrap());
    }

    pub(crate) fn stop_keepalived(&mut self) {
        let mut child = self.keepalived.take().unwrap();
        // Of nsenter, which has become keepalived.
        send(child.id(), Signal::SIGTERM);
        child.wait().unwrap();
    }

    pub(crate) fn reload_keepalived(&self) {
        send(self.keepalived.as_ref().unwrap().id(), Signal::SIGHUP);
    }

    /// The keeper's child that is not a service.
    pub(crate) fn signal_bus(&self, signal: Signal) {
        let keeper = self.keeper.id();
        let children =
            fs::read_to_string(format!("/proc/{keeper}/task/{keeper}/children")).unwrap();
        let pids = children.split_whitespace().map(|p| p.parse().unwrap());
        let is_bus = |pid: &u32| {
            fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|c| c.trim() == "dbus-daemon")
        };
        send(pids.into_iter().find(is_bus).expect("the bus"), signal);
    }

    pub(crate) fn start_sidecar(&mut self) {
        let mut command = self.enter("/usr/sbin/hau-sidecar");
        command.args([
            "run",
            "--config",
            "/srv/hau/hau.toml",
            "--state",
            "/srv/lib",
            "--run",
            "/run/hau",
        ]);
        command
            .env("DBUS_SYSTEM_BUS_ADDRESS", BUS)
            .stdout(Stdio::null())
            .stderr(self.log("sidecar.log"));
        self.sidecar = Some(command.spawn().unwrap());
    }

    /// SIGKILL, as the kernel does when memory is short.
    pub(crate) fn kill_sidecar(&mut self) {
        let mut child = self.sidecar.take().unwrap();
        assert_eq!(
            child.try_wait().unwrap(),
            None,
            "the sidecar of {} has ended by itself",
            self.name
        );
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// `systemctl stop`.
    pub(crate) fn stop_sidecar(&mut self) {
        let mut child = self.sidecar.take().unwrap();
        send(child.id(), Signal::SIGTERM);
        assert!(child.wait().unwrap().success());
    }

    pub(crate) fn sidecar_lives(&mut self) -> bool {
        self.sidecar
            .as_mut()
            .is_some_and(|child| child.try_wait().unwrap().is_none())
    }

    pub(crate) fn sidecar_log(&self) -> String {
        fs::read_to_string(self.dir.join("sidecar.log")).unwrap_or_default()
    }

    pub(crate) fn start_ctl(&self, args: &[&str], stdin: &str) -> Ctl {
        let (output, out) = tempfile::Builder::new()
            .prefix("ctl-")
            .tempfile_in(&self.dir)
            .unwrap()
            .keep()
            .unwrap();
        let mut command = self.enter(env!("CARGO_BIN_EXE_hau-ctl"));
        command.args(["--config", "/srv/hau/hau.toml"]).args(args);
        command
            .stdin(Stdio::piped())
            .stderr(output.try_clone().unwrap())
            .stdout(output);
        let mut child = command.spawn().unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(stdin.as_bytes())
            .unwrap();
        Ctl { child, out }
    }

    pub(crate) fn ctl(&self, args: &[&str]) -> Said {
        self.start_ctl(args, "").wait()
    }

    /// None while the daemon does not answer.
    pub(crate) fn status(&self) -> Option<Status> {
        let mut stream = UnixStream::connect(self.dir.join("run/hau/hau.sock")).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(2))).ok()?;
        stream
            .write_all(b"GET /v1/status HTTP/1.1\r\nhost: hau\r\nconnection: close\r\n\r\n")
            .ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (_, body) = answer.split_once("\r\n\r\n")?;
        serde_json::from_str::<Answer<Status>>(body)
            .unwrap()
            .into_result()
            .ok()
    }

    pub(crate) fn version(&self) -> String {
        let link = fs::read_link(self.srv("shop/current")).unwrap();
        link.file_name().unwrap().to_string_lossy().into_owned()
    }

    pub(crate) fn is_sync_paused(&self) -> bool {
        self.srv("lib/sync-paused").exists()
    }

    /// How often the sync has carried something.
    pub(crate) fn pushes(&self) -> usize {
        fs::read(self.srv(crate::keeper::PUSHES)).map_or(0, |bytes| bytes.len())
    }
}

impl Ctl {
    pub(crate) fn wait(mut self) -> Said {
        let begun = Instant::now();
        loop {
            if let Some(said) = self.ended() {
                return said;
            }
            if begun.elapsed() > LIMIT {
                self.child.kill().unwrap();
                panic!("hau-ctl does not end: {}", self.text());
            }
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// None while it runs.
    pub(crate) fn ended(&mut self) -> Option<Said> {
        let status = self.child.try_wait().unwrap()?;
        Some(Said {
            code: status.code(),
            text: self.text(),
        })
    }

    pub(crate) fn text(&self) -> String {
        fs::read_to_string(&self.out).unwrap()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        send(self.child.id(), signal);
    }
}

impl Said {
    pub(crate) fn expect(&self, code: i32) -> &Self {
        assert_eq!(self.code, Some(code), "hau-ctl said: {}", self.text);
        self
    }
}

fn send(pid: u32, signal: Signal) {
    let pid = nix::unistd::Pid::from_raw(i32::try_from(pid).unwrap());
    nix::sys::signal::kill(pid, signal).unwrap();
}

fn keeper(name: &str, dir: &Path, peer: &Path) -> Child {
    let this = std::env::current_exe().unwrap();
    let mut command = Command::new("ip");
    command.args([
        "netns",
        "exec",
        &net::name(name),
        "unshare",
        "--mount",
        "--propagation",
        "private",
    ]);
    command
        .arg(this)
        .args(["--role", "keeper"])
        .arg(dir)
        .arg(peer);
    let log = File::create(dir.join("keeper.log")).unwrap();
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(log);
    let mut child = command.spawn().expect("ip is needed for this test");
    let mut said = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut said)
        .unwrap();
    let log = fs::read_to_string(dir.join("keeper.log")).unwrap();
    assert_eq!(
        said, "ready\n",
        "node {name} below {SRV} is not made: {log}"
    );
    child
}
