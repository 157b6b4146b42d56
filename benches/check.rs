//! How long keepalived waits for `hau-sidecar check` with the daemon alive, and how much memory it
//! takes, beside a script that does the same job. Writes target/bench/check.json.
//!
//! Measures the release binary for musl (build it first), or the one that HAU_SIDECAR names.
use serde_json::json;
use std::{
    error::Error,
    fs,
    io::{Read, Write},
    os::unix::net::{UnixListener, UnixStream},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Instant,
};

const RUNS: usize = 1000;
const SCRIPT_RUNS: usize = 200;
const P99_MS: f64 = 2.0;
const RSS_KIB: u64 = 4096;
const TIMES_FASTER: f64 = 5.0;

fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let binary = std::env::var_os("HAU_SIDECAR").map_or_else(
        || root.join("target/x86_64-unknown-linux-musl/release/hau-sidecar"),
        PathBuf::from,
    );
    if !binary.exists() {
        let build = "cargo build --release --target x86_64-unknown-linux-musl --bin hau-sidecar";
        return Err(format!("{} is not there: {build}", binary.display()).into());
    }
    let run = tempfile::tempdir()?;
    let socket = run.path().join("hau.sock");
    let peak = Arc::new(AtomicU64::new(0));
    serve(UnixListener::bind(&socket)?, peak.clone());

    let mut check = Command::new(&binary);
    check.args(["check", "--run"]).arg(run.path());
    let check_ms = measure(&mut check, RUNS)?;
    let rss_kib = peak.load(Ordering::SeqCst);
    let mut script = Command::new("sh");
    script.args(["-c", SCRIPT, "check"]).arg(&socket);
    let script_ms = measure(&mut script, SCRIPT_RUNS)?;

    let (p50, p99) = (at(&check_ms, 50), at(&check_ms, 99));
    let script_p50 = at(&script_ms, 50);
    let report = json!({
        "p50_ms": p50, "p99_ms": p99, "rss_kib": rss_kib, "script_p50_ms": script_p50,
        "runs": RUNS, "script_runs": SCRIPT_RUNS, "binary_bytes": fs::metadata(&binary)?.len(),
        "load_1min": load(), "measured": jiff::Timestamp::now().to_string(), "machine": machine(),
    });
    let dir = root.join("target/bench");
    fs::create_dir_all(&dir)?;
    let text = serde_json::to_string_pretty(&report)?;
    fs::write(dir.join("check.json"), format!("{text}\n"))?;
    println!("{text}");
    // Figures are reported, never asserted: the machine may be busy.
    let met = p99 <= P99_MS && rss_kib < RSS_KIB && script_p50 >= TIMES_FASTER * p50;
    println!(
        "{}",
        if met {
            "within its limits"
        } else {
            "slower or larger than it should be"
        }
    );
    Ok(())
}

/// The question that check asks, as a site would write it.
const SCRIPT: &str = r#"curl -sf --max-time 0.2 --unix-socket "$1" -d '{"draining":false}' http://hau/v1/check | grep -q '"fit":true'"#;

/// From spawn to exit, in milliseconds, sorted.
fn measure(command: &mut Command, runs: usize) -> Result<Vec<f64>, Box<dyn Error>> {
    command.stdin(Stdio::null());
    let mut all = Vec::with_capacity(runs);
    for _ in 0..runs {
        let begun = Instant::now();
        let status = command.status()?;
        all.push(begun.elapsed().as_secs_f64() * 1000.0);
        if !status.success() {
            return Err(format!("{:?} says {status}", command.get_program()).into());
        }
    }
    all.sort_by(f64::total_cmp);
    Ok(all)
}

fn at(sorted: &[f64], percent: usize) -> f64 {
    let ms = sorted[(sorted.len() - 1) * percent / 100];
    (ms * 1000.0).round() / 1000.0
}

/// A daemon that says yes. Before the last byte it looks how large its caller has become: what is
/// left to the caller then is to read sixty bytes of JSON.
fn serve(listener: UnixListener, peak: Arc<AtomicU64>) {
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            answer(&mut stream, &peak).ok();
        }
    });
}

fn answer(stream: &mut UnixStream, peak: &AtomicU64) -> std::io::Result<()> {
    let mut request = [0; 4096];
    stream
        .read(&mut request)?
        .checked_sub(1)
        .ok_or(std::io::ErrorKind::UnexpectedEof)?;
    let body = r#"{"v":1,"ok":true,"data":{"fit":true}}"#;
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
    let text = [head.as_bytes(), body.as_bytes()].concat();
    let (most, last) = text.split_at(text.len() - 1);
    stream.write_all(most)?;
    if let Some(kib) = high_water(stream) {
        peak.fetch_max(kib, Ordering::SeqCst);
    }
    stream.write_all(last)
}

/// Only of hau-sidecar: curl is not what is measured.
fn high_water(stream: &UnixStream) -> Option<u64> {
    let caller = nix::sys::socket::getsockopt(stream, nix::sys::socket::sockopt::PeerCredentials);
    let status = fs::read_to_string(format!("/proc/{}/status", caller.ok()?.pid())).ok()?;
    if !status.starts_with("Name:\thau-sidecar") {
        return None;
    }
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// What else the machine did: with others at work on it the slowest runs are theirs.
fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or_default().to_owned()
}

fn machine() -> String {
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus
        .lines()
        .find_map(|l| l.strip_prefix("model name")?.split_once(": "));
    let count = cpus.lines().filter(|l| l.starts_with("processor")).count();
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!(
        "{count} x {}, Linux {}",
        model.map_or("?", |(_, m)| m),
        kernel.trim()
    )
}
