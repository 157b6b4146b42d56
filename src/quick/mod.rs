//! The paths of `hau-sidecar` that keepalived waits for: no tokio, no clap, nothing but std and one
//! small request. Arguments are read by hand; everything else is the daemon's.
mod check;
mod door;
mod notify;
mod probe;
mod restore;

use crate::unpacker::Order;
use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::ExitCode,
};

const HELP: &str = "\
The sidecar of keepalived: one daemon, and the programs that keepalived calls.

hau-sidecar run [--config FILE] [--state DIR] [--run DIR]
    The daemon. Started by hau-sidecar.service.
hau-sidecar check [--draining] [--config FILE] [--run DIR]
    For keepalived's vrrp_script. Exit code 0: this node may hold the VIP; 1: it should not.
    --draining: 1 when this node gives the VIP away (for keepalived without tracked files).
hau-sidecar notify STATE [ARGUMENTS...] [--run DIR]
    For keepalived's notify hooks. Always 0.
hau-sidecar restore-weight [--state DIR] [--run DIR]
    Before keepalived starts: puts the last weight back, or the lowest.
hau-sidecar disarm [--run DIR]
    When the daemon has ended: removes what is left of a handoff, if for a minute nobody was there for it.
hau-sidecar payload BUNDLE MANIFEST_SHA256
hau-sidecar rebuild DELTA BASE KEYS MOST_BYTES
    Started by the daemon to take a bundle apart, or to make one of a delta: as nobody, with no right to open a file.
    What comes of it is written to standard output.

--config FILE  default /etc/hau/hau.toml
--state DIR    default /var/lib/hau
--run DIR      default /run/hau
";

/// Where a sidecar has its things; two of them fit on one machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    pub config: PathBuf,
    pub state: PathBuf,
    pub run: PathBuf,
}

impl Default for Places {
    fn default() -> Self {
        Self {
            config: PathBuf::from("/etc/hau/hau.toml"),
            state: PathBuf::from("/var/lib/hau"),
            run: PathBuf::from("/run/hau"),
        }
    }
}

impl Places {
    fn socket(&self) -> PathBuf {
        self.run.join("hau.sock")
    }

    /// The file that keepalived tracks.
    fn weight(&self) -> PathBuf {
        self.run.join("track/weight")
    }
}

/// What is left to do for the program.
#[derive(Debug)]
pub enum Asked {
    /// Nothing: all is done.
    Done(ExitCode),
    /// Be the daemon.
    Run(Places),
    /// Take out of force what a daemon that does not come back has left.
    Disarm(Places),
    /// Take a bundle apart for the daemon.
    Unpack(Order),
}

/// Does what the command line (without the program's name) says, unless that is the daemon's work.
pub fn main(args: impl Iterator<Item = OsString>) -> Asked {
    let args: Vec<OsString> = args.collect();
    let Some((verb, rest)) = args.split_first() else {
        return Asked::Done(usage("say what to do"));
    };
    let done = match verb.to_str() {
        Some("check") => check_args(rest).map(|(what, places)| check::main(what, &places)),
        Some("notify") => {
            let (words, places) = notify_args(rest);
            Ok(notify::main(&words, &places))
        }
        Some("restore-weight") => places(rest).map(|places| restore::main(&places)),
        Some("disarm") => match places(rest) {
            Ok(places) => return Asked::Disarm(places),
            Err(what) => Err(what),
        },
        Some("run") => match places(rest) {
            Ok(places) => return Asked::Run(places),
            Err(what) => Err(what),
        },
        Some("--help" | "-h" | "help") => {
            print!("{HELP}");
            Ok(ExitCode::SUCCESS)
        }
        Some("--version" | "-V") => {
            println!("hau-sidecar {}", env!("CARGO_PKG_VERSION"));
            Ok(ExitCode::SUCCESS)
        }
        Some(_) | None => match Order::parse(&args) {
            Some(order) => return Asked::Unpack(order),
            None => Err(format!("{} is not known", verb.display())),
        },
    };
    Asked::Done(done.unwrap_or_else(|what| usage(&what)))
}

fn usage(what: &str) -> ExitCode {
    eprintln!("hau-sidecar: {what}\n  → hau-sidecar --help lists what there is");
    ExitCode::from(2)
}

fn check_args(args: &[OsString]) -> Result<(check::What, Places), String> {
    let (draining, rest): (Vec<_>, Vec<_>) = args.iter().cloned().partition(|a| a == "--draining");
    let what = if draining.is_empty() {
        check::What::Fit
    } else {
        check::What::Stays
    };
    Ok((what, places(&rest)?))
}

/// Only `--run DIR` is ours: what keepalived appends is passed on as it is.
fn notify_args(args: &[OsString]) -> (Vec<String>, Places) {
    let (mut words, mut places) = (Vec::new(), Places::default());
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match (arg == "--run").then(|| args.next()).flatten() {
            Some(dir) => places.run = PathBuf::from(dir),
            None => words.push(arg.to_string_lossy().into_owned()),
        }
    }
    (words, places)
}

fn places(args: &[OsString]) -> Result<Places, String> {
    let mut places = Places::default();
    for pair in args.chunks(2) {
        let (option, value) = (&pair[0], pair.get(1));
        let place = match option.to_str() {
            Some("--config") => &mut places.config,
            Some("--state") => &mut places.state,
            Some("--run") => &mut places.run,
            Some(_) | None => return Err(format!("{} is not known", option.display())),
        };
        let value = value.ok_or_else(|| format!("{} needs a path", option.display()))?;
        *place = Path::new(value).to_path_buf();
    }
    Ok(places)
}
