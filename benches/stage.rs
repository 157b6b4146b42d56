//! How long a node takes to verify a bundle of 1 GB, to unpack it and to read it back from disk, beside what a person
//! would type: tar, sync, and sha256sum over the files. Each from a cold cache, in turns. Writes target/bench/stage.json.
//!
//! Wants root, for only root may empty the page cache, and 3 GB below target. It starts the release binary for musl (build
//! it first), or the one that HAU_SIDECAR names.
use hau::bundle::{self, Policy, SigningKey, TrustedKeys};
use hau::host::{Command as Apart, commands};
use hau::unpacker::Order;
use serde_json::json;
use std::{
    error::Error,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

type Outcome<T> = Result<T, Box<dyn Error>>;

const PAIRS: usize = 5;
const LARGE: usize = 5;
const LARGE_BYTES: usize = 184_000_000;
const SMALL: usize = 4_000;
const SMALL_BYTES: usize = 20_000;
const AT_MOST: f64 = 1.3;
const MANIFEST: &str = "format = 1\nproduct = \"shop\"\nversion = \"2.0.0\"\ncounter = 2\n\
                        upgrades_from = [\">=1.0.0\"]\nexpires = \"2099-01-01T00:00:00Z\"\n";

fn main() -> Outcome<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let sidecar = std::env::var_os("HAU_SIDECAR").map_or_else(
        || root.join("target/x86_64-unknown-linux-musl/release/hau-sidecar"),
        PathBuf::from,
    );
    let dir = root.join("target/bench");
    fs::create_dir_all(&dir)?;
    let work = tempfile::Builder::new().prefix("stage-").tempdir_in(&dir)?;
    let site = Site::made(work.path(), sidecar)?;
    let (mut hau, mut typed, mut parts) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..PAIRS {
        let (whole, of) = site.staged()?;
        hau.push(whole);
        parts.push(of);
        typed.push(site.typed()?);
    }
    let (hau_s, typed_s) = (middle(&mut hau), middle(&mut typed));
    parts.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (verify_s, unpack_s) = parts[PAIRS / 2];
    let bytes = fs::metadata(&site.bundle)?.len();
    let times = round(hau_s / typed_s);
    let report = json!({
        "bundle_bytes": bytes, "files": LARGE + SMALL, "pairs": PAIRS,
        "hau": {"s": round(hau_s), "mb_per_s": round(bytes as f64 / 1e6 / hau_s), "verify_s": round(verify_s),
                "unpack_and_read_back_s": round(unpack_s), "all_s": hau},
        "tar_sync_sha256sum": {"s": round(typed_s), "mb_per_s": round(bytes as f64 / 1e6 / typed_s), "all_s": typed},
        "times": times, "measured": jiff::Timestamp::now().to_string(),
        "load_1min": fs::read_to_string("/proc/loadavg")?.split(' ').next(),
    });
    let text = serde_json::to_string_pretty(&report)?;
    fs::write(dir.join("stage.json"), format!("{text}\n"))?;
    println!("{text}");
    // Figures are reported, never asserted: the machine may be busy.
    println!(
        "{}",
        if times <= AT_MOST {
            "within its limit"
        } else {
            "slower than it should be"
        }
    );
    Ok(())
}

struct Site {
    work: PathBuf,
    sidecar: PathBuf,
    bundle: PathBuf,
    keys: TrustedKeys,
}

impl Site {
    fn made(work: &Path, sidecar: PathBuf) -> Outcome<Site> {
        let (source, keys) = (work.join("source"), work.join("keys"));
        for folder in [&source, &keys] {
            fs::create_dir(folder)?;
        }
        let mut sums = String::new();
        let mut number = 0x9e37_79b9_u32;
        let names = (0..LARGE).map(|n| (format!("lib/large{n}.jar"), LARGE_BYTES));
        let small = (0..SMALL).map(|n| (format!("venv/{}/{n}.py", n % 100), SMALL_BYTES));
        for (name, bytes) in names.chain(small) {
            let path = source.join(&name);
            fs::create_dir_all(path.parent().unwrap_or(&source))?;
            let content: Vec<u8> = (0..bytes / 4)
                .flat_map(|_| {
                    number ^= number << 13;
                    number ^= number >> 17;
                    number ^= number << 5;
                    number.to_le_bytes()
                })
                .collect();
            fs::write(&path, &content)?;
            writeln!(sums, "{}  {name}", bundle::Digest::of_bytes(&content))?;
        }
        fs::write(source.join("manifest.toml"), MANIFEST)?;
        fs::write(work.join("SUMS"), sums)?;
        let pair = bundle::keygen(&keys, "publisher", None)?;
        let key = SigningKey::load(&pair.secret, None)?;
        let bundle = bundle::build(&source, &key, &[], work)?;
        fs::remove_dir_all(&source)?;
        Ok(Site {
            keys: TrustedKeys::load(&keys)?,
            work: work.to_owned(),
            sidecar,
            bundle,
        })
    }

    /// As a node does it; how long in all, and how long each of the two parts.
    fn staged(&self) -> Outcome<(f64, (f64, f64))> {
        let release = self.work.join("release");
        cold()?;
        let begun = Instant::now();
        let policy = Policy {
            product: "shop",
            installed: None,
            now: jiff::Timestamp::now(),
        };
        let verified = bundle::verify(&self.bundle, &self.keys, &policy)?;
        let verify_s = begun.elapsed().as_secs_f64();
        let order = Order::Payload {
            bundle: self.bundle.clone(),
            manifest: verified.fingerprint(),
        };
        let command = Apart {
            program: self.sidecar.clone(),
            args: order.args(),
            limit: Duration::from_secs(600),
            ..Apart::default()
        };
        let (unpacked, ended) = commands::piped(&command, |payload| {
            bundle::unpack(&verified, payload, &release)
        })?;
        unpacked.map_err(|error| format!("{error}: {}", ended.stderr))?;
        let all_s = begun.elapsed().as_secs_f64();
        fs::remove_dir_all(&release)?;
        Ok((all_s, (verify_s, all_s - verify_s)))
    }

    fn typed(&self) -> Outcome<f64> {
        let folder = self.work.join("typed");
        fs::create_dir(&folder)?;
        cold()?;
        let begun = Instant::now();
        let script = "tar -x -f \"$1\" -C typed && sync -f typed && cd typed && sha256sum --quiet -c ../SUMS";
        let mut shell = Command::new("sh");
        shell.args(["-c", script, "sh"]).arg(&self.bundle);
        let status = shell.current_dir(&self.work).status()?;
        let seconds = begun.elapsed().as_secs_f64();
        if !status.success() {
            return Err(format!("tar, sync or sha256sum: {status}").into());
        }
        fs::remove_dir_all(&folder)?;
        Ok(seconds)
    }
}

/// Nothing of a file is in memory any more.
fn cold() -> Outcome<()> {
    nix::unistd::sync();
    let emptied = fs::write("/proc/sys/vm/drop_caches", "3");
    Ok(emptied.map_err(|error| format!("only root may empty the page cache: {error}"))?)
}

fn middle(all: &mut [f64]) -> f64 {
    all.sort_by(f64::total_cmp);
    for seconds in all.iter_mut() {
        *seconds = round(*seconds);
    }
    all[all.len() / 2]
}

fn round(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}
