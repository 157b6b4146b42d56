//! What `init` looks at: files, units, listening sockets and addresses of this host, each asked for once.
use crate::host::{Command, HostResult, Output, commands, files};
use crate::keepalived::{conf::Tree, instance::Instance};
use crate::wire::{Code, Failure};
use crate::words::Lang;
use std::{
    cell::OnceCell,
    collections::BTreeMap,
    net::IpAddr,
    path::{Path, PathBuf},
    time::Duration,
};

/// The part of a host that works without a daemon; tests have the fake host instead.
pub(super) trait Machine {
    fn read(&self, path: &Path) -> HostResult<Vec<u8>>;
    fn list(&self, dir: &Path) -> HostResult<Vec<String>>;
    fn exists(&self, path: &Path) -> bool;
    fn write(&self, path: &Path, bytes: &[u8], mode: u32) -> HostResult<()>;
    fn run(&self, command: &Command) -> HostResult<Output>;
}

pub(super) struct Local;

impl Machine for Local {
    fn read(&self, path: &Path) -> HostResult<Vec<u8>> {
        files::read(path)
    }
    fn list(&self, dir: &Path) -> HostResult<Vec<String>> {
        files::list(dir)
    }
    fn exists(&self, path: &Path) -> bool {
        files::exists(path)
    }
    fn write(&self, path: &Path, bytes: &[u8], mode: u32) -> HostResult<()> {
        files::write(path, bytes, mode)
    }
    fn run(&self, command: &Command) -> HostResult<Output> {
        commands::run(command)
    }
}

/// A systemd unit as `systemctl show` tells it.
#[derive(Debug, Default)]
pub(super) struct Unit {
    pub(super) name: String,
    /// Every command line that starts it.
    pub(super) command: String,
    pub(super) user: String,
    /// Names of the units that it is started after.
    pub(super) after: Vec<String>,
    /// What a timer starts.
    pub(super) triggers: Vec<String>,
    /// Its unit file was written on this host, not brought by a package.
    pub(super) is_local: bool,
}

/// A socket that waits for clients.
#[derive(Debug)]
pub(super) struct Listener {
    pub(super) port: u16,
    /// Nobody reaches it from outside.
    pub(super) is_loopback: bool,
    pub(super) program: String,
    pub(super) pid: u32,
    pub(super) unit: String,
}

pub(super) struct Scene<'m> {
    pub(super) machine: &'m dyn Machine,
    /// Up to the first dot.
    pub(super) hostname: String,
    pub(super) conf: PathBuf,
    pub(super) tree: Tree,
    /// The instance that holds the VIP, and the names of the others.
    pub(super) instance: Instance,
    pub(super) other_instances: Vec<String>,
    pub(super) units: Vec<Unit>,
    pub(super) listeners: Vec<Listener>,
    /// Who can open the root key in a backup.
    pub(super) recipients: Vec<String>,
    pub(super) postgres: OnceCell<Option<super::database::Postgres>>,
}

impl<'m> Scene<'m> {
    pub(super) fn look(
        machine: &'m dyn Machine,
        conf: &Path,
        recipients: Vec<String>,
        lang: Lang,
    ) -> Result<Self, Failure> {
        let hostname = text(machine, Path::new("/proc/sys/kernel/hostname"));
        let hostname = hostname.trim().split('.').next().unwrap_or_default();
        let tree = machine
            .read(conf)
            .map_err(|e| e.to_string())
            .and_then(|bytes| {
                Tree::parse(&String::from_utf8_lossy(&bytes), conf, hostname)
                    .map_err(|e| e.to_string())
            })
            .map_err(|e| {
                let remedy = say!(
                    lang,
                    "hau works beside a keepalived that runs; --keepalived FILE names its configuration"
                );
                Failure::new(Code::Refused, e, remedy)
            })?;
        let (instance, other_instances) = choose(&tree, lang)?;
        Ok(Self {
            machine,
            hostname: hostname.to_owned(),
            conf: conf.to_owned(),
            instance,
            other_instances,
            tree,
            units: units(machine)?,
            listeners: listeners(machine)?,
            recipients,
            postgres: OnceCell::new(),
        })
    }

    pub(super) fn text(&self, path: &Path) -> String {
        text(self.machine, path)
    }

    pub(super) fn unit(&self, name: &str) -> Option<&Unit> {
        self.units.iter().find(|unit| unit.name == name)
    }

    /// Its addresses on the interface that the adverts go over, the VIPs not among them.
    pub(super) fn addresses(&self) -> Vec<IpAddr> {
        let args = ["-o", "address", "show", "dev", &self.instance.interface];
        let said = run(self.machine, "ip", &args, None).unwrap_or_default();
        let words = said.lines().filter_map(|line| {
            let mut words = line.split_whitespace();
            words.find(|word| matches!(*word, "inet" | "inet6"))?;
            words.next()?.split('/').next()?.parse::<IpAddr>().ok()
        });
        let is_vip = |address: &IpAddr| self.instance.vips.iter().any(|vip| vip.addr == *address);
        words
            .filter(|address| !is_vip(address) && address.is_ipv6() == self.instance.is_v6())
            .collect()
    }
}

fn text(machine: &dyn Machine, path: &Path) -> String {
    let bytes = machine.read(path).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The first instance with an address of its own that clients use.
fn choose(tree: &Tree, lang: Lang) -> Result<(Instance, Vec<String>), Failure> {
    let refuse = |what: String| {
        let remedy = say!(lang, "hau needs a vrrp_instance with a virtual_ipaddress");
        Failure::new(Code::Refused, what, remedy)
    };
    let names = Instance::names(tree);
    let all: Result<Vec<Instance>, _> = names
        .iter()
        .map(|name| Instance::find(tree, name))
        .collect();
    let mut all = all.map_err(|e| refuse(e.to_string()))?;
    let Some(at) = all.iter().position(|one| !one.vips.is_empty()) else {
        return Err(refuse(say!(
            lang,
            "no instance among {} has a VIP",
            format!("{names:?}")
        )));
    };
    let chosen = all.remove(at);
    Ok((chosen, all.into_iter().map(|one| one.name).collect()))
}

/// Where a distribution may put a program.
const BINS: [&str; 2] = ["/usr/bin", "/usr/sbin"];

/// What a program of this host says; it is given ten seconds.
pub(super) fn run(
    machine: &dyn Machine,
    name: &str,
    args: &[&str],
    user: Option<&str>,
) -> Result<String, Failure> {
    let mut places = BINS.iter().map(|bin| Path::new(bin).join(name));
    let program = places.find(|path| machine.exists(path));
    let command = Command {
        program: program.unwrap_or_else(|| Path::new(BINS[0]).join(name)),
        args: args.iter().map(ToString::to_string).collect(),
        user: user.map(str::to_owned),
        limit: Duration::from_secs(10),
        ..Command::default()
    };
    let failed = |why: String| Failure::new(Code::Failed, format!("{name}: {why}"), "");
    let output = machine.run(&command).map_err(|e| failed(e.to_string()))?;
    match output.code {
        Some(0) => Ok(output.stdout),
        _ => Err(failed(output.stderr.trim().to_owned())),
    }
}

/// A pattern matches only what is loaded: what a timer starts has to be asked for by its name.
fn units(machine: &dyn Machine) -> Result<Vec<Unit>, Failure> {
    let mut found = shown(machine, &["*.service", "*.timer"])?;
    let started = found.iter().filter(|unit| unit.is_local);
    let started: Vec<String> = started.flat_map(|unit| unit.triggers.clone()).collect();
    for name in started {
        if found.iter().all(|unit| unit.name != name) {
            found.extend(shown(machine, &[&name])?);
        }
    }
    Ok(found)
}

fn shown(machine: &dyn Machine, names: &[&str]) -> Result<Vec<Unit>, Failure> {
    let wanted = "--property=Id,FragmentPath,ExecStart,User,After,Triggers";
    let args = [&["show", "--no-pager", wanted, "--"][..], names].concat();
    let said = run(machine, "systemctl", &args, None)?;
    let units = said.split("\n\n").map(unit);
    Ok(units.filter(|unit| !unit.name.is_empty()).collect())
}

fn unit(shown: &str) -> Unit {
    let mut values: BTreeMap<&str, String> = BTreeMap::new();
    for (key, value) in shown.lines().filter_map(|line| line.split_once('=')) {
        values
            .entry(key)
            .or_default()
            .push_str(&format!("{value}\n"));
    }
    let mut take = |key: &str| values.remove(key).unwrap_or_default().trim().to_owned();
    let words = |text: String| text.split_whitespace().map(str::to_owned).collect();
    Unit {
        name: take("Id"),
        command: take("ExecStart"),
        user: take("User"),
        after: words(take("After")),
        triggers: words(take("Triggers")),
        is_local: take("FragmentPath").starts_with("/etc/"),
    }
}

fn listeners(machine: &dyn Machine) -> Result<Vec<Listener>, Failure> {
    let said = run(machine, "ss", &["-H", "-l", "-t", "-n", "-p"], None)?;
    Ok(said
        .lines()
        .filter_map(|line| listener(machine, line))
        .collect())
}

/// `LISTEN 0 50 *:8080 *:* users:(("java",pid=12,fd=3))`
fn listener(machine: &dyn Machine, line: &str) -> Option<Listener> {
    let (address, port) = line.split_whitespace().nth(3)?.rsplit_once(':')?;
    let users = line.split_once("users:((\"")?.1;
    let (program, rest) = users.split_once('"')?;
    let digits = rest.split_once("pid=")?.1;
    let pid = digits
        .split(|c: char| !c.is_ascii_digit())
        .next()?
        .parse()
        .ok()?;
    let group = text(machine, Path::new(&format!("/proc/{pid}/cgroup")));
    let unit = group
        .trim()
        .rsplit('/')
        .find(|part| part.ends_with(".service"))?;
    let address = address
        .trim_start_matches('[')
        .trim_start_matches("::ffff:");
    Some(Listener {
        port: port.parse().ok()?,
        is_loopback: address.starts_with("127.") || address.starts_with("::1"),
        program: program.to_owned(),
        pid,
        unit: unit.to_owned(),
    })
}
