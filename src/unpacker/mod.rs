//! The part of the sidecar that takes bundles apart: a program of its own without rights, started by the daemon, which
//! gets bytes of it on a pipe or in a file and believes none of them.
//!
//! ```text
//! daemon (root)                                     this program (nobody)
//! verify: signature, policy, every checksum
//! starts it ───────────────────────────────────────► opens the bundle and what else it reads; confines itself
//! writes names, modes and lengths of the manifest,   walks the archive ─► contents of the files, on stdout
//! checksums what comes, reads back from disk         or: applies a delta ─► the full bundle, on stdout
//! verifies again what a delta made
//! ```
//!
//! # Why bytes and not a folder
//! Were it to write the release, it would need a place to write, its files would belong to it and change hands, and
//! whoever took it over could leave links there. So it writes nothing: names, lengths and modes come from the signed
//! manifest, which the daemon has. What it could do at worst is send other bytes, which their checksums catch.

use crate::bundle::{BundleError, Digest, Payload, TrustedKeys, rebuild_to};
use crate::delta::Bytes;
use crate::host::confine::{Bounds, Fences, confine};
use std::{
    ffi::OsString,
    fs::File,
    io::{self, BufWriter, Write},
    os::{fd::AsFd, unix::fs::FileExt},
    path::{Path, PathBuf},
    process::ExitCode,
};

const BUFFER: usize = 256 << 10;
/// What its lines begin with that are no reason of a failure.
pub const NOTE: &str = "note: ";
/// A manifest of the largest size, parsed: measured at 90 MB.
const MEMORY: u64 = 512 << 20;
/// A delta's largest block makes 128 MiB of the old file ready and brings 128 MiB, each packed and unpacked.
const MEMORY_OF_DELTA: u64 = 1 << 30;

/// What it may be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// The contents of the files of `bundle`, whose manifest has this hash.
    Payload { bundle: PathBuf, manifest: Digest },
    /// The full bundle that `delta` makes of the file `base`, which has no more than `most` bytes.
    Rebuild {
        delta: PathBuf,
        base: PathBuf,
        keys: PathBuf,
        most: u64,
    },
}

impl Order {
    /// As arguments, the verb first.
    pub fn args(&self) -> Vec<String> {
        let text = |path: &Path| path.display().to_string();
        match self {
            Order::Payload { bundle, manifest } => {
                vec!["payload".to_owned(), text(bundle), manifest.to_string()]
            }
            Order::Rebuild {
                delta,
                base,
                keys,
                most,
            } => {
                let paths = [delta, base, keys].map(|path| text(path));
                [&["rebuild".to_owned()], &paths[..], &[most.to_string()]].concat()
            }
        }
    }

    /// Of arguments, if they are of one.
    pub fn parse(args: &[OsString]) -> Option<Order> {
        match args {
            [verb, bundle, manifest] if verb == "payload" => Some(Order::Payload {
                bundle: bundle.into(),
                manifest: manifest.to_str()?.parse().ok()?,
            }),
            [verb, delta, base, keys, most] if verb == "rebuild" => Some(Order::Rebuild {
                delta: delta.into(),
                base: base.into(),
                keys: keys.into(),
                most: most.to_str()?.parse().ok()?,
            }),
            _ => None,
        }
    }
}

/// Does it, and writes what comes of it to standard output; why not, to standard error.
pub fn main(order: &Order) -> ExitCode {
    match carry_out(order) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("{e:#}");
            ExitCode::FAILURE
        }
    }
}

fn carry_out(order: &Order) -> anyhow::Result<()> {
    let stdout = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    let mut to = BufWriter::with_capacity(BUFFER, stdout);
    match order {
        Order::Payload { bundle, manifest } => {
            let file = open(bundle)?;
            alone(MEMORY, file.metadata()?.len(), &[&file])?;
            let mut payload = Payload::of(file, bundle, *manifest)?;
            let copied = io::copy(&mut payload, &mut to);
            copied.map_err(|error| match error.downcast::<BundleError>() {
                Ok(refused) => refused.into(),
                Err(error) => anyhow::Error::from(error),
            })?;
        }
        Order::Rebuild {
            delta,
            base,
            keys,
            most,
        } => {
            let keys = TrustedKeys::load(keys)?;
            let (file, base) = (open(delta)?, Base::of(open(base)?)?);
            alone(MEMORY_OF_DELTA, *most, &[&file, &base.file])?;
            let name = Path::new("the full bundle");
            rebuild_to(file, delta, &base, &keys, (&mut to, name))?;
        }
    }
    to.flush()?;
    Ok(())
}

fn open(path: &Path) -> anyhow::Result<File> {
    File::open(path).map_err(|error| anyhow::anyhow!("cannot read {}: {error}", path.display()))
}

/// Nothing of a bundle is read before.
fn alone(memory_bytes: u64, file_bytes: u64, files: &[&File]) -> anyhow::Result<()> {
    // The daemon is the last to go when memory is short, and this one among the first. Only advice.
    let _ = std::fs::write("/proc/self/oom_score_adj", "500");
    let lengths: io::Result<Vec<u64>> = files.iter().map(|f| Ok(f.metadata()?.len())).collect();
    let mebibytes = lengths?.iter().sum::<u64>() >> 20;
    let fences = confine(Bounds {
        memory_bytes,
        // Slow machines included: a second unpacks 50 MB of a delta, and passes on far more.
        cpu_s: 120 + mebibytes,
        file_bytes,
    })?;
    if fences == Fences::WithoutLandlock {
        eprintln!(
            "{NOTE}there is no Landlock here (it came with Linux 5.13, and a container may forbid it): bundles are unpacked without it, as another user and with few system calls"
        );
    }
    Ok(())
}

/// What a delta is applied to, as one file.
struct Base {
    file: File,
    length: u64,
}

impl Base {
    fn of(file: File) -> io::Result<Base> {
        let length = file.metadata()?.len();
        Ok(Base { file, length })
    }
}

impl Bytes for Base {
    fn length(&self) -> u64 {
        self.length
    }

    fn read_at(&self, to: &mut [u8], at: u64) -> io::Result<()> {
        self.file.read_exact_at(to, at)
    }
}
