//! `init` on a host in memory that looks as the lab's plain pair does, and on odd ones.
use super::*;
use crate::config::Settings;
use crate::host::{Command, Host, HostResult, Output, fake::FakeHost};
use crate::words::Lang;

impl Machine for FakeHost {
    fn read(&self, path: &Path) -> HostResult<Vec<u8>> {
        Host::read(self, path)
    }
    fn list(&self, dir: &Path) -> HostResult<Vec<String>> {
        Host::list(self, dir)
    }
    fn exists(&self, path: &Path) -> bool {
        Host::exists(self, path)
    }
    fn write(&self, path: &Path, bytes: &[u8], mode: u32) -> HostResult<()> {
        Host::write(self, path, bytes, mode)
    }
    fn run(&self, command: &Command) -> HostResult<Output> {
        Host::run(self, command)
    }
}

const PLAIN: &str = "\
global_defs {
  router_id shop_a
  enable_script_security
  script_user root
}

vrrp_instance web {
  state BACKUP
  interface eth0
  priority 110
  nopreempt
  virtual_ipaddress {
    10.77.0.100/24
  }
}
";
const UNITS: &str = "\
Id=shop-api.service
FragmentPath=/etc/systemd/system/shop-api.service
ExecStart={ path=/usr/bin/java ; argv[]=/usr/bin/java -cp /opt/shop/current/app/shop.jar:/usr/share/java/pg.jar Shop ; ignore_errors=no }
User=shop
After=network.target shop-worker.service

Id=shop-worker.service
FragmentPath=/etc/systemd/system/shop-worker.service
ExecStart={ path=/usr/bin/python3 ; argv[]=/usr/bin/python3 /opt/shop/current/worker/worker.py ; ignore_errors=no }
User=shop
After=network.target

Id=config-sync.service
FragmentPath=/etc/systemd/system/config-sync.service
ExecStart={ path=/usr/local/sbin/config-sync ; argv[]=/usr/local/sbin/config-sync ; ignore_errors=no }

Id=config-sync.timer
FragmentPath=/etc/systemd/system/config-sync.timer
Triggers=config-sync.service
";
const LISTENERS: &str = "\
LISTEN 0 50   *:8080          *:*       users:((\"java\",pid=11,fd=9))
LISTEN 0 5    127.0.0.1:9001  0.0.0.0:* users:((\"python3\",pid=12,fd=3))
LISTEN 0 244  0.0.0.0:5432    0.0.0.0:* users:((\"postgres\",pid=13,fd=5))
LISTEN 0 128  0.0.0.0:22      0.0.0.0:* users:((\"sshd\",pid=14,fd=3))
";
const DATABASE: &str = "\
database=shop
hau=true
conninfo=host=10.77.0.12 port=5432 user=replicator
";
const RECIPIENT: &str = "age1nsv50qactqal6wa4luj4xq2ff8vjdxjccx94ggw4qa2sgsl4qqxqx85c3d";

fn host() -> FakeHost {
    let host = FakeHost::new();
    let files = [
        (vrrp::CONF, PLAIN),
        ("/etc/hau/keys/shop.pub", ""),
        ("/proc/sys/kernel/hostname", "a.example\n"),
        (
            "/etc/hosts",
            "127.0.0.1 localhost\n10.77.0.11 a\n10.77.0.12 b b.example\n",
        ),
        ("/proc/11/cgroup", "0::/system.slice/shop-api.service\n"),
        ("/proc/12/cgroup", "0::/system.slice/shop-worker.service\n"),
        (
            "/proc/13/cgroup",
            "0::/system.slice/system-postgresql.slice/postgresql@15-main.service\n",
        ),
        ("/proc/14/cgroup", "0::/system.slice/ssh.service\n"),
        (
            "/proc/13/cmdline",
            "/usr/lib/postgresql/15/bin/postgres\0-D\0/var/lib/postgresql/15/main\0-c\0x\0",
        ),
        (
            "/var/lib/postgresql/15/main/postmaster.pid",
            "13\n/var/lib/postgresql/15/main\n1\n5432\n/var/run/postgresql\n*\n",
        ),
        (
            "/usr/local/sbin/config-sync",
            "#!/bin/sh\n# rsync of /etc/default\nexec rsync -a /etc/shop/ \"rsync://sync@$PEER/shop/\"\n",
        ),
        ("/etc/shop/root.key", "secret"),
        ("/opt/shop/releases/1.0.0/VERSION", "1.0.0"),
    ];
    for (path, text) in files {
        file(&host, path, text);
    }
    says(&host, "/usr/bin/systemctl", UNITS);
    says(&host, "/usr/bin/ss", LISTENERS);
    says(&host, "/usr/bin/psql", DATABASE);
    says(
        &host,
        "/usr/bin/ip",
        "2: eth0    inet 10.77.0.11/24 scope global eth0\n2: eth0    inet 10.77.0.100/24 scope global eth0\n",
    );
    host
}

fn file(host: &FakeHost, path: &str, text: &str) {
    let path = Path::new(path);
    host.make_dir(path.parent().unwrap(), 0o755).unwrap();
    Host::write(host, path, text.as_bytes(), 0o644).unwrap();
}

fn says(host: &FakeHost, program: &str, stdout: &str) {
    let output = Output {
        code: Some(0),
        stdout: stdout.to_owned(),
        stderr: String::new(),
    };
    host.edit(|world| world.programs.insert(PathBuf::from(program), output));
}

fn asked(host: &FakeHost, check: bool, recipients: &[&str]) -> Found {
    let asked = Init {
        check,
        keepalived: PathBuf::from(vrrp::CONF),
        recipient: recipients.iter().map(ToString::to_string).collect(),
    };
    find(host, Path::new("/etc/hau/hau.toml"), asked, Lang::En).unwrap()
}

#[test]
fn a_usual_host_is_found_whole() {
    let host = host();
    let found = asked(&host, false, &[RECIPIENT]);
    let text =
        String::from_utf8(Host::read(&host, Path::new("/etc/hau/hau.toml")).unwrap()).unwrap();
    insta::assert_snapshot!(text);
    insta::assert_snapshot!(found.diff);
    let settings = Settings::parse(Path::new("hau.toml"), &text).unwrap();
    assert_eq!(
        settings
            .start_order()
            .iter()
            .map(|s| s.name.as_str())
            .collect::<Vec<_>>(),
        ["worker", "api"]
    );
    assert_eq!(settings.nodes.keys().collect::<Vec<_>>(), ["a", "b"]);
}

#[test]
fn what_it_proposes_for_keepalived_is_enough_for_a_second_look() {
    let host = host();
    asked(&host, false, &[]);
    let beside = Path::new("/etc/keepalived/keepalived.conf.hau");
    let proposed = String::from_utf8(Host::read(&host, beside).unwrap()).unwrap();
    // The fake's files are not the real ones that an include is looked for in.
    let whole = proposed.replace("include /etc/keepalived/hau.conf", keepalived::INCLUDE);
    assert_ne!(whole, proposed);
    assert!(!whole.contains("nopreempt"));
    file(&host, vrrp::CONF, &whole);
    assert_eq!(asked(&host, true, &[]).diff, "");
}

#[test]
fn nothing_is_overwritten_and_a_check_writes_nothing() {
    let host = host();
    file(&host, "/etc/hau/hau.toml", "mine\n");
    let before = host.edit(|world| world.changes);
    let found = asked(&host, true, &[]);
    let states: Vec<&str> = found.files.iter().map(|file| file.state).collect();
    assert_eq!(states, ["kept", "new", "new"]);
    asked(&host, false, &[]);
    assert_eq!(
        Host::read(&host, Path::new("/etc/hau/hau.toml")).unwrap(),
        b"mine\n"
    );
    let wrote = Host::exists(&host, Path::new(INCLUDE));
    assert!(wrote && before > 0);
}

#[test]
fn what_it_cannot_find_is_a_question() {
    let host = host();
    says(&host, "/usr/bin/systemctl", "");
    says(&host, "/usr/bin/psql", "database=shop\ndatabase=crm\n");
    file(
        &host,
        "/etc/cron.d/copy",
        "*/5 * * * * root rsync -a /etc/shop/ b:/etc/shop/\n",
    );
    let found = asked(&host, true, &[]);
    insta::assert_snapshot!(found.questions.join("\n"));
}

/// Its tools want an environment of the site's own: what its process tells is enough for most of it.
#[test]
fn of_a_gaussdb_its_process_tells() {
    let host = host();
    says(
        &host,
        "/usr/bin/ss",
        &LISTENERS.replace("postgres", "gaussdb"),
    );
    let files = [
        (
            "/proc/13/cmdline",
            "/opt/gaussdb/app/bin/gaussdb\0-D\0/opt/gaussdb/data/dn\0-M\0primary\0",
        ),
        (
            "/proc/13/environ",
            "USER=omm\0GAUSSHOME=/opt/gaussdb/app\0PGHOST=/opt/gaussdb/tmp\0",
        ),
        (
            "/opt/gaussdb/data/dn/postmaster.pid",
            "13\n/opt/gaussdb/data/dn\n1\n5432\n/opt/gaussdb/tmp\n*\n",
        ),
    ];
    for (path, text) in files {
        file(&host, path, text);
    }
    let found = asked(&host, true, &[RECIPIENT]);
    let text = &found.files[0].text;
    let section = text
        .split("\n\n")
        .find(|part| part.starts_with("[database]"));
    insta::assert_snapshot!(section.expect("a section"));
}

#[test]
fn without_keepalived_it_says_what_is_missing() {
    let host = FakeHost::new();
    let asked = Init {
        check: true,
        keepalived: PathBuf::from(vrrp::CONF),
        recipient: Vec::new(),
    };
    let failure = find(&host, Path::new("/etc/hau/hau.toml"), asked, Lang::En).unwrap_err();
    assert!(
        failure.what.contains(vrrp::CONF) && failure.remedy.contains("--keepalived"),
        "{failure:?}"
    );
}
