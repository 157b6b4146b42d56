//! Looks at the pair from outside every 10 ms: who holds the VIP, and what clients are answered.
use crate::net::{self, VIP, address};
use crate::product::API;
use nix::ifaddrs::getifaddrs;
use std::{
    fs::{self, File},
    io::{BufRead, BufReader, Read, Write},
    net::{IpAddr, SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

const BEAT: Duration = Duration::from_millis(10);
/// A client that waits longer has no service.
const PATIENCE: Duration = Duration::from_secs(1);
const TARGETS: [&str; 3] = ["vip", "a", "b"];

/// Milliseconds since the epoch.
pub(crate) fn now() -> u64 {
    u64::try_from(
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_millis(),
    )
    .unwrap()
}

/// Who held the VIP from a moment on: node a, node b.
type Holding = (u64, [bool; 2]);

pub(crate) struct Watch {
    holders: Arc<Mutex<Vec<Holding>>>,
    lookers: [Child; 2],
    sampler: Child,
    samples: PathBuf,
}

/// What was seen in a stretch of time.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// The VIP has got another holder so often.
    pub(crate) moves: usize,
    pub(crate) two_holders_ms: u64,
    pub(crate) no_holder_ms: u64,
    /// Longest at a time.
    pub(crate) both_down_ms: u64,
    pub(crate) vip_silent_ms: u64,
    pub(crate) requests: usize,
    pub(crate) failed: usize,
}

impl Watch {
    /// `keepers`: a process in each host's network namespace.
    pub(crate) fn start(dir: &Path, keepers: [u32; 2]) -> Self {
        let holders: Arc<Mutex<Vec<Holding>>> = Arc::default();
        let lookers = [0, 1].map(|n| look(keepers[n], n, Arc::clone(&holders)));
        let samples = dir.join("samples");
        let this = std::env::current_exe().unwrap();
        let mut command = Command::new("ip");
        command
            .args(["netns", "exec", &net::name("c")])
            .arg(this)
            .args(["--role", "sampler"])
            .arg(&samples);
        let sampler = command.stdin(Stdio::piped()).spawn().unwrap();
        Self {
            holders,
            lookers,
            sampler,
            samples,
        }
    }

    /// Index of the one holder, if there is one.
    pub(crate) fn holder(&self) -> Option<usize> {
        match self.holders.lock().unwrap().last()?.1 {
            [true, false] => Some(0),
            [false, true] => Some(1),
            [true, true] | [false, false] => None,
        }
    }

    pub(crate) fn seen(&self, from: u64, to: u64) -> Seen {
        let mut seen = Seen::default();
        self.count_holders(from, to, &mut seen);
        let text = fs::read_to_string(&self.samples).unwrap();
        let all: Vec<Sample> = text
            .lines()
            .filter_map(Sample::read)
            .filter(|s| s.begun >= from && s.ended <= to)
            .collect();
        let [vip, a, b] = TARGETS.map(|target| outages(&all, target));
        seen.vip_silent_ms = vip.iter().map(|(from, to)| to - from).max().unwrap_or(0);
        let overlap = |x: &(u64, u64)| {
            b.iter()
                .map(|y| x.1.min(y.1).saturating_sub(x.0.max(y.0)))
                .max()
        };
        seen.both_down_ms = a.iter().filter_map(overlap).max().unwrap_or(0);
        seen.requests = all.iter().filter(|s| s.target == "vip").count();
        seen.failed = all.iter().filter(|s| s.target == "vip" && !s.is_ok).count();
        seen
    }

    fn count_holders(&self, from: u64, to: u64, seen: &mut Seen) {
        let holders = self.holders.lock().unwrap().clone();
        let ends = holders.iter().skip(1).map(|h| h.0).chain([u64::MAX]);
        let mut last = None;
        for ((begun, [a, b]), ended) in holders.iter().copied().zip(ends) {
            let lasted = ended.min(to).saturating_sub(begun.max(from));
            if lasted == 0 {
                continue;
            }
            match (a, b) {
                (true, true) => seen.two_holders_ms = seen.two_holders_ms.max(lasted),
                (false, false) => seen.no_holder_ms = seen.no_holder_ms.max(lasted),
                (a, _) => {
                    seen.moves += usize::from(last.is_some_and(|was| was != a));
                    last = Some(a);
                }
            }
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        for child in self.lookers.iter_mut().chain([&mut self.sampler]) {
            drop(child.stdin.take());
            child.wait().unwrap();
        }
    }
}

/// Writes down what the looker in a host's network namespace says.
fn look(keeper: u32, n: usize, log: Arc<Mutex<Vec<Holding>>>) -> Child {
    let mut command = Command::new("nsenter");
    command
        .arg(format!("--net=/proc/{keeper}/ns/net"))
        .arg(std::env::current_exe().unwrap())
        .args(["--role", "looker"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let said = BufReader::new(child.stdout.take().unwrap());
    thread::spawn(move || {
        for line in said.lines().map_while(Result::ok) {
            let mut log = log.lock().unwrap();
            let mut has = log.last().map_or([false, false], |(_, has)| *has);
            has[n] = line == "true";
            log.push((now(), has));
        }
    });
    child
}

/// Role `looker`, in a host's network namespace, until its stdin ends: a line for each change of
/// whether the VIP is held. An address that is only kept on `lo` is not.
pub(crate) fn tell_holding() {
    thread::spawn(|| {
        let vip: IpAddr = VIP.parse().unwrap();
        let mut last = None;
        loop {
            let held = getifaddrs().unwrap().any(|at| {
                let is_vip = at.address.is_some_and(|found| {
                    let ip = found.as_sockaddr_in().map(|found| IpAddr::V4(found.ip()));
                    ip == Some(vip)
                });
                is_vip && at.interface_name != "lo"
            });
            if last != Some(held) {
                last = Some(held);
                println!("{held}");
            }
            thread::sleep(BEAT);
        }
    });
    let _ = std::io::stdin().read(&mut [0]);
}

struct Sample {
    begun: u64,
    ended: u64,
    target: String,
    is_ok: bool,
}

impl Sample {
    fn read(line: &str) -> Option<Self> {
        let words: Vec<&str> = line.split(' ').collect();
        let [begun, ended, target, word] = words.as_slice() else {
            return None;
        };
        let (begun, ended) = (begun.parse().ok()?, ended.parse().ok()?);
        Some(Self {
            begun,
            ended,
            target: (*target).to_owned(),
            is_ok: *word == "200",
        })
    }
}

/// From the first bad answer to the end of the last one in a row.
fn outages(all: &[Sample], target: &str) -> Vec<(u64, u64)> {
    let mut found: Vec<(u64, u64)> = Vec::new();
    let mut is_down = false;
    for sample in all.iter().filter(|s| s.target == target) {
        match (sample.is_ok, is_down, found.last_mut()) {
            (false, true, Some(last)) => last.1 = sample.ended,
            (false, ..) => found.push((sample.begun, sample.ended)),
            (true, ..) => {}
        }
        is_down = !sample.is_ok;
    }
    found
}

/// Role `sampler`: FILE. In the clients' namespace, until its stdin ends.
pub(crate) fn sample(args: &[String]) {
    let [file] = args else { panic!("sampler FILE") };
    let file = Arc::new(Mutex::new(File::create(file).unwrap()));
    for target in TARGETS {
        let file = Arc::clone(&file);
        thread::spawn(move || {
            loop {
                let (begun, at) = (now(), Instant::now());
                let word = get(target);
                let line = format!("{begun} {} {target} {word}\n", now());
                file.lock().unwrap().write_all(line.as_bytes()).unwrap();
                thread::sleep(BEAT.saturating_sub(at.elapsed()));
            }
        });
    }
    // Ends with whoever started this.
    let _ = std::io::stdin().read(&mut [0]);
}

fn get(target: &str) -> String {
    let ip: IpAddr = if target == "vip" {
        VIP
    } else {
        address(target)
    }
    .parse()
    .unwrap();
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect_timeout(&SocketAddr::new(ip, API), PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(b"GET / HTTP/1.1\r\nhost: shop\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer.split(' ').nth(1).unwrap_or("nothing").to_owned())
    };
    ask().unwrap_or_else(|e| format!("{:?}", e.kind()))
}
