//! Orders against the VIP from many clients that never retry: what a user would notice of an upgrade.
//! `haulab-traffic --target IP:PORT --out DIR [--new N] [--keepalive M] [--rate R] [--seconds S]`
//! With several `--target` the clients of each kind are dealt out to them in turn.
//! Ends on SIGTERM or after S seconds and leaves report.json, acknowledged.txt and requests.csv in DIR.

mod client;
mod report;

use std::io::{Error, ErrorKind, Read, Result};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use client::{Client, Kind};

/// How often the main thread looks whether the run is over.
const LOOK: Duration = Duration::from_millis(50);

#[derive(Debug)]
struct Options {
    targets: Vec<SocketAddr>,
    out: PathBuf,
    new: u32,
    keepalive: u32,
    /// Requests a second of each client.
    rate: f64,
    seconds: Option<u64>,
}

fn main() -> ExitCode {
    match options(std::env::args().skip(1)).and_then(|options| run(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("haulab-traffic: {error}");
            ExitCode::FAILURE
        }
    }
}

fn options(mut args: impl Iterator<Item = String>) -> Result<Options> {
    let (mut targets, mut out) = (Vec::new(), None);
    let (mut new, mut keepalive, mut rate, mut seconds) = (20, 20, 10.0, None);
    while let Some(name) = args.next() {
        let value = args
            .next()
            .ok_or_else(|| usage(&format!("{name} needs a value")))?;
        match name.as_str() {
            "--target" => targets.push(number(&name, &value)?),
            "--out" => out = Some(PathBuf::from(&value)),
            "--new" => new = number(&name, &value)?,
            "--keepalive" => keepalive = number(&name, &value)?,
            "--rate" => rate = number(&name, &value)?,
            "--seconds" => seconds = Some(number(&name, &value)?),
            other => return Err(usage(&format!("unknown option {other}"))),
        }
    }
    if !(0.01..=10_000.0).contains(&rate) {
        return Err(usage("--rate must be between 0.01 and 10000"));
    }
    if targets.is_empty() {
        return Err(usage("--target IP:PORT is missing"));
    }
    let out = out.ok_or_else(|| usage("--out DIR is missing"))?;
    Ok(Options {
        targets,
        out,
        new,
        keepalive,
        rate,
        seconds,
    })
}

fn number<T: std::str::FromStr>(name: &str, value: &str) -> Result<T> {
    value
        .parse()
        .map_err(|_| usage(&format!("{name}: `{value}` cannot be read")))
}

fn usage(text: &str) -> Error {
    Error::new(ErrorKind::InvalidInput, text.to_owned())
}

fn run(options: &Options) -> Result<()> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGINT] {
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    let began = Instant::now();
    let began_at = SystemTime::now();
    let run_id = random_id()?;
    let clients = options.new + options.keepalive;
    let pause = Duration::from_secs_f64(1.0 / options.rate);
    let mut threads = Vec::new();
    let mut turns = options.targets.iter().copied().cycle();
    for number in 0..clients {
        let kind = if number < options.new {
            Kind::New
        } else {
            Kind::KeepAlive
        };
        let Some(target) = turns.next() else { break };
        let client = Client::new(kind, target, format!("{run_id}-{number:03}"), began);
        // spread over one period, so that the clients do not march in step
        let first = pause.mul_f64(f64::from(number) / f64::from(clients));
        let stop = Arc::clone(&stop);
        threads.push(
            std::thread::Builder::new()
                .stack_size(256 * 1024)
                .spawn(move || client.run(first, pause, &stop))?,
        );
    }
    while !stop.load(Ordering::Relaxed) {
        std::thread::sleep(LOOK);
        if options
            .seconds
            .is_some_and(|limit| began.elapsed() >= Duration::from_secs(limit))
        {
            stop.store(true, Ordering::Relaxed);
        }
    }
    let mut records = Vec::new();
    for thread in threads {
        records.extend(
            thread
                .join()
                .map_err(|_| Error::other("a client thread died"))?,
        );
    }
    report::write(&options.out, records, began_at, began.elapsed())
}

/// Sixteen hexadecimal digits that no other run has.
fn random_id() -> Result<String> {
    let mut bytes = [0; 8];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(format!("{:016x}", u64::from_be_bytes(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options> {
        options(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn options_have_defaults_and_name_what_is_wrong() {
        let good = parse("--target 10.0.0.1:80 --out /tmp --rate 2.5").unwrap();
        assert_eq!(
            (good.new, good.keepalive, good.rate, good.seconds),
            (20, 20, 2.5, None)
        );
        let both = parse("--target 10.0.0.1:80 --target [fd00::1]:80 --out /tmp").unwrap();
        assert_eq!(both.targets.len(), 2);
        for (line, wanted) in [
            ("--out /tmp", "--target"),
            ("--target 10.0.0.1:80", "--out"),
            ("--target vip --out /tmp", "`vip`"),
            ("--target 10.0.0.1:80 --out /tmp --rate 0", "--rate"),
            ("--bogus 1", "--bogus"),
            ("--new", "needs a value"),
        ] {
            let error = parse(line).unwrap_err().to_string();
            assert!(error.contains(wanted), "{line}: {error}");
        }
    }
}
