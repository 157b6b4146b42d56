//! The shipped keepalived and systemd files against the real programs, and hau's readers against a real keepalived.
//!
//! Needs root, `ip` and keepalived 2.2.7 or later, as the build machine has them; without one of them the tests fail. Each test works in network
//! namespaces of its own, named `haukeep…`.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of a test program: a panic is the report"
)]

use std::fs;
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant as Clock};

use hau::keepalived::advert::{Advert, Listener};
use hau::keepalived::conf::Tree;
use hau::keepalived::dump;
use hau::keepalived::fifo::{Reader, State, What};
use hau::keepalived::instance::Instance;
use hau::keepalived::lint::{Expected, PeerView, Severity, check_weight, lint};
use hau::keepalived::weight::WeightFile;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Set for the copy of this program that listens inside a namespace.
const INSIDE: &str = "HAU_TEST_INSIDE";

fn run(program: &str, args: &[&str]) -> Output {
    let output = Command::new(program).args(args).output();
    output.unwrap_or_else(|e| panic!("{program} is needed for this test: {e}"))
}

fn ok(program: &str, args: &[&str]) {
    let output = run(program, args);
    assert!(
        output.status.success(),
        "{program} {args:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Two namespaces joined by a cable; `eth0` at both ends. Gone with the value.
struct Net {
    names: [String; 2],
}

impl Net {
    fn new(test: &str) -> Self {
        let names = ["a", "b"].map(|end| format!("haukeep-{}-{test}-{end}", std::process::id()));
        for name in &names {
            ok("ip", &["netns", "add", name]);
        }
        let net = Self { names };
        let [a, b] = &net.names;
        ok(
            "ip",
            &[
                "-n", a, "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", b,
            ],
        );
        for (name, host) in net.names.iter().zip(["11", "12"]) {
            ok(
                "ip",
                &[
                    "-n",
                    name,
                    "address",
                    "add",
                    &format!("10.77.0.{host}/24"),
                    "dev",
                    "eth0",
                ],
            );
            ok(
                "ip",
                &[
                    "-n",
                    name,
                    "-6",
                    "address",
                    "add",
                    &format!("2001:db8:77::{host}/64"),
                    "dev",
                    "eth0",
                    "nodad",
                ],
            );
            ok("ip", &["-n", name, "link", "set", "lo", "up"]);
            ok("ip", &["-n", name, "link", "set", "eth0", "up"]);
        }
        net
    }

    fn command(&self, end: usize, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.names[end], program]);
        command
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        for name in &self.names {
            run("ip", &["netns", "delete", name]);
        }
    }
}

/// A folder with the examples, their paths moved into it, and a program in the sidecar's place.
struct Site {
    dir: tempfile::TempDir,
}

impl Site {
    fn new() -> Self {
        let site = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        fs::create_dir_all(site.path("run/track")).unwrap();
        fs::write(site.path("run/track/weight"), "0\n").unwrap();
        fs::write(site.sidecar(), "#!/bin/sh\nexit 0\n").unwrap();
        fs::set_permissions(site.sidecar(), fs::Permissions::from_mode(0o755)).unwrap();
        for file in examples() {
            let text = fs::read_to_string(&file).unwrap();
            let text = text
                .replace("/usr/sbin/hau-sidecar", site.sidecar().to_str().unwrap())
                .replace("/run/hau/", &format!("{}/", site.path("run").display()));
            fs::write(site.path(file.file_name().unwrap().to_str().unwrap()), text).unwrap();
        }
        site
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn sidecar(&self) -> PathBuf {
        self.path("hau-sidecar")
    }

    fn keepalived(&self, net: &Net, conf: &str) -> Child {
        let mut command = net.command(0, "keepalived");
        command
            .args(["-n", "-l", "-D", "-P", "-f"])
            .arg(self.path(conf));
        command
            .arg("-p")
            .arg(self.path("ka.pid"))
            .arg("-r")
            .arg(self.path("vrrp.pid"));
        let log = fs::File::create(self.path("log")).unwrap();
        command
            .env("TMPDIR", self.dir.path())
            .stderr(log.try_clone().unwrap())
            .stdout(log);
        command.spawn().unwrap()
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All files of `keepalived/`, the include too.
fn examples() -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join("keepalived")).unwrap();
    let mut files: Vec<_> = entries.map(|e| e.unwrap().path()).collect();
    files.retain(|f| f.extension().is_some_and(|e| e == "conf"));
    files.sort();
    files
}

fn names() -> Vec<String> {
    let names = examples()
        .into_iter()
        .map(|f| f.file_name().unwrap().to_str().unwrap().to_owned());
    names.filter(|n| n != "hau.conf").collect()
}

#[test]
fn every_example_is_there() {
    let wanted = [
        "ipv6.conf",
        "keepalived-1.3.conf",
        "keepalived-2.0.conf",
        "multicast.conf",
        "sync-group.conf",
        "unicast.conf",
    ];
    assert_eq!(names(), wanted);
}

#[test]
fn keepalived_takes_every_example() {
    let (net, site) = (Net::new("t"), Site::new());
    for name in names() {
        let mut command = net.command(0, "timeout");
        command
            .args(["5", "keepalived", "-t", "-f"])
            .arg(site.path(&name));
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{name}: {said}");
        assert!(
            !said.contains("WARNING") && !said.contains("ignor"),
            "{name}: {said}"
        );
    }
}

/// Each example beside the same file with priority 100, as its comment says.
#[test]
fn lint_passes_every_example_on_both_nodes() {
    let site = Site::new();
    for name in names() {
        let version = if name.contains("1.3") {
            Some((1, 3, 5))
        } else {
            None
        };
        let text = fs::read_to_string(site.path(&name)).unwrap();
        let other = text.replace("priority 110", "priority 100");
        assert_ne!(text, other, "{name}");
        let trees = [&text, &other].map(|t| Tree::parse(t, &site.path(&name), "x").unwrap());
        for (own, peer) in [(&trees[0], &trees[1]), (&trees[1], &trees[0])] {
            for instance in Instance::names(own) {
                let theirs = Instance::find(peer, instance).unwrap();
                let weight = check_weight(peer, &theirs, &site.sidecar()).unwrap();
                let view = PeerView::of(&theirs, weight.unwrap().1);
                let expected = Expected {
                    track_file: &site.path("run/track/weight"),
                    fifo: &site.path("run/notify.fifo"),
                    sidecar: &site.sidecar(),
                    sidecar_unit: Some(
                        &fs::read_to_string(root().join("systemd/hau-sidecar.service")).unwrap(),
                    ),
                    keepalived: version,
                    peer: Some(&view),
                };
                let mut bad = lint(own, instance, &expected).unwrap();
                bad.retain(|f| f.severity != Severity::Pass);
                // 1.3.5 has neither FIFO nor acknowledgement, and lint says so
                if version.is_some() {
                    bad.retain(|f| f.id != "fifo" && f.id != "acknowledgement");
                }
                assert_eq!(bad, [], "{name} {instance}");
            }
        }
    }
}

/// Asks `look` until it answers, for at most `limit`.
fn wait<T>(limit: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Clock::now() + limit;
    loop {
        let got = look();
        if got.is_some() || Clock::now() > end {
            return got;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn pid(file: &Path) -> Option<Pid> {
    fs::read_to_string(file)
        .ok()?
        .trim()
        .parse()
        .ok()
        .map(Pid::from_raw)
}

/// Waits for one FIFO line of the instance that says `what`; its priority.
fn hears(reader: &mut Reader, what: What) -> Option<i32> {
    wait(Duration::from_secs(8), || {
        let heard = reader.next(Duration::from_millis(100)).unwrap()?;
        heard
            .event
            .ok()
            .filter(|e| e.what == what)
            .map(|e| e.priority)
    })
}

#[test]
fn a_real_keepalived_is_heard_in_every_way() {
    let (net, site) = (Net::new("r"), Site::new());
    let conf = site.path("multicast.conf");
    let fast = fs::read_to_string(&conf)
        .unwrap()
        .replace("advert_int 1\n", "advert_int 0.1\n")
        .replace(
            "  track_file {",
            "  virtual_ipaddress_excluded {\n    fd00:77::100/64\n  }\n  track_file {",
        );
    fs::write(&conf, fast).unwrap();
    let mut reader = Reader::open(&site.path("run/notify.fifo")).unwrap();
    let weight = WeightFile::new(site.path("run/track/weight"));
    let listener = inside(&net, &site.path("adverts"));
    let mut keepalived = site.keepalived(&net, "multicast.conf");

    let log = || fs::read_to_string(site.path("log")).unwrap_or_default();
    assert_eq!(
        hears(&mut reader, What::State(State::Master)),
        Some(110),
        "{}",
        log()
    );
    assert!(weight.write(-29).unwrap());
    assert_eq!(
        hears(&mut reader, What::Priority(State::Master)),
        Some(81),
        "{}",
        log()
    );

    kill(pid(&site.path("vrrp.pid")).unwrap(), Signal::SIGUSR1).unwrap();
    let seen = wait(Duration::from_secs(5), || {
        let text = fs::read_to_string(site.path("keepalived.data")).ok()?;
        Some((
            dump::instance(&text, "web")?,
            dump::track_file(&text, "hau")?,
        ))
    });
    let (web, file) = seen.unwrap_or_else(|| panic!("no dump: {}", log()));
    assert_eq!(
        (web.state, web.effective_priority, web.vip_set),
        (Some(State::Master), Some(81), true)
    );
    let vips: [IpAddr; 2] = [
        "10.77.0.100".parse().unwrap(),
        "fd00:77::100".parse().unwrap(),
    ];
    assert_eq!(web.vips, vips);
    assert_eq!((file.value, file.weight), (-29, 1));

    // a change goes out with the next advert, not at once
    let lowered = || {
        read_adverts(&site.path("adverts"))
            .iter()
            .any(|a| a.priority == 81)
            .then_some(())
    };
    assert!(wait(Duration::from_secs(5), lowered).is_some(), "{}", log());
    kill(pid(&site.path("ka.pid")).unwrap(), Signal::SIGTERM).unwrap();
    keepalived.wait().unwrap();
    let adverts = adverts(listener, &site.path("adverts"));
    let priorities: Vec<u8> = adverts.iter().map(|a| a.priority).collect();
    for priority in [110, 81, 0] {
        assert!(priorities.contains(&priority), "{priorities:?}");
    }
    let one = &adverts[0];
    assert_eq!((one.version, one.vrid, one.advert_int_ms), (3, 51, 100));
    assert_eq!(one.addresses, [IpAddr::from([10, 77, 0, 100])]);
    assert_eq!(one.source, IpAddr::from([10, 77, 0, 11]));
}

/// Starts this program again at the other end of the cable, to write down what it hears.
fn inside(net: &Net, out: &Path) -> Child {
    let this = std::env::current_exe().unwrap();
    let mut command = net.command(1, this.to_str().unwrap());
    command.args(["--exact", "listens_when_told", "--nocapture"]);
    command
        .env(INSIDE, out)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let child = command.spawn().unwrap();
    assert!(
        wait(Duration::from_secs(5), || out.exists().then_some(())).is_some(),
        "the listener does not start"
    );
    child
}

fn adverts(mut listener: Child, out: &Path) -> Vec<Advert> {
    assert!(listener.wait().unwrap().success());
    read_adverts(out)
}

/// Whole lines only: the writer may be in the middle of one.
fn read_adverts(out: &Path) -> Vec<Advert> {
    let text = fs::read_to_string(out).unwrap();
    text.split_inclusive('\n')
        .filter(|l| l.ends_with('\n'))
        .map(|l| serde_json::from_str(l).unwrap())
        .collect()
}

/// The far end of [`inside`]: writes each advert down until one has priority 0. Run by itself it proves that an interface without VRRP is silent.
#[test]
fn listens_when_told() {
    let Some(out) = std::env::var_os(INSIDE).map(PathBuf::from) else {
        let listener = Listener::open("lo", false).unwrap();
        assert_eq!(listener.recv(Duration::from_millis(1)).unwrap(), None);
        return;
    };
    let listener = Listener::open("eth0", false).unwrap();
    let mut text = String::new();
    fs::write(&out, &text).unwrap();
    let end = Clock::now() + Duration::from_secs(30);
    while Clock::now() < end {
        let Some(advert) = listener.recv(Duration::from_millis(500)).unwrap() else {
            continue;
        };
        text.push_str(&serde_json::to_string(&advert).unwrap());
        text.push('\n');
        fs::write(&out, &text).unwrap();
        if advert.priority == 0 {
            return;
        }
    }
    panic!("no advert with priority 0 within 30 s");
}

/// The units with the program's path moved to one that exists, and a keepalived.service beside them.
fn units() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let put = |name: &str| {
        let text = fs::read_to_string(root().join("systemd").join(name)).unwrap();
        fs::write(
            dir.path().join(name),
            text.replace("/usr/sbin/hau-sidecar", "/bin/true"),
        )
        .unwrap();
    };
    fs::create_dir(dir.path().join("keepalived.service.d")).unwrap();
    fs::write(
        dir.path().join("keepalived.service"),
        "[Service]\nExecStart=/bin/true\n",
    )
    .unwrap();
    for name in [
        "hau-sidecar.service",
        "hau-weight.service",
        "keepalived.service.d/hau.conf",
    ] {
        put(name);
    }
    dir
}

#[test]
fn systemd_takes_the_units() {
    let dir = units();
    let files = [
        "hau-sidecar.service",
        "hau-weight.service",
        "keepalived.service",
    ];
    let mut command = Command::new("systemd-analyze");
    command
        .args(["verify", "--man=no"])
        .args(files.map(|f| dir.path().join(f)));
    command.env("SYSTEMD_UNIT_PATH", format!("{}:", dir.path().display()));
    let output = command
        .output()
        .expect("systemd-analyze is needed for this test");
    let said = String::from_utf8_lossy(&output.stderr);
    let ours: Vec<_> = said
        .lines()
        .filter(|l| l.contains("hau") || l.contains("keepalived"))
        .collect();
    assert!(output.status.success() && ours.is_empty(), "{said}");
}

#[test]
fn exposure_of_the_units_does_not_grow() {
    let dir = units();
    // measured with systemd 252, in tenths; a lower limit may replace it, a higher one needs a reason in the unit
    for (unit, limit) in [("hau-sidecar.service", "58"), ("hau-weight.service", "10")] {
        let file = dir.path().join(unit);
        ok(
            "systemd-analyze",
            &[
                "security",
                "--offline=yes",
                &format!("--threshold={limit}"),
                file.to_str().unwrap(),
            ],
        );
    }
}

#[test]
fn no_unit_makes_the_tracked_directory() {
    for entry in fs::read_dir(root().join("systemd"))
        .unwrap()
        .flatten()
        .filter(|e| e.path().is_file())
    {
        let text = fs::read_to_string(entry.path()).unwrap();
        assert!(
            !text.lines().any(|l| l.starts_with("RuntimeDirectory")),
            "{entry:?}"
        );
    }
}

#[test]
fn tmpfiles_make_the_directories() {
    let dir = tempfile::tempdir().unwrap();
    let conf = root().join("systemd/hau.tmpfiles.conf");
    fs::create_dir_all(dir.path().join("etc")).unwrap();
    fs::write(dir.path().join("etc/passwd"), "root:x:0:0::/root:/bin/sh\n").unwrap();
    fs::write(dir.path().join("etc/group"), "root:x:0:\nhau:x:990:\n").unwrap();
    ok(
        "systemd-tmpfiles",
        &[
            "--create",
            &format!("--root={}", dir.path().display()),
            conf.to_str().unwrap(),
        ],
    );
    let mode = |path: &str| {
        fs::metadata(dir.path().join(path))
            .unwrap()
            .permissions()
            .mode()
            & 0o7777
    };
    let modes = [
        "run/hau",
        "run/hau/track",
        "run/hau/spool",
        "run/hau/keepalived",
        "var/lib/hau",
    ]
    .map(mode);
    assert_eq!(modes, [0o755, 0o755, 0o1733, 0o700, 0o750]);
}

#[test]
fn example_hooks_run_twice() {
    let site = tempfile::tempdir().unwrap();
    let release = site.path().join("releases/1.1.0");
    fs::create_dir_all(&release).unwrap();
    std::os::unix::fs::symlink("releases/1.1.0", site.path().join("current")).unwrap();
    let mut count = 0;
    for entry in fs::read_dir(root().join("hooks/example"))
        .unwrap()
        .flatten()
    {
        for _ in 0..2 {
            let output = Command::new(entry.path())
                .env("HAU_RELEASE", &release)
                .env("HAU_FROM", "1.0.0")
                .env("HAU_TO", "1.1.0")
                .output()
                .unwrap();
            assert!(
                output.status.success() && !output.stdout.is_empty(),
                "{entry:?}"
            );
        }
        count += 1;
    }
    assert_eq!(count, 2);
}
