//! `bundle`: the publisher's side and a look at what came. Works without the daemon; on a machine
//! that is no node of the pair, too.
use super::output::Output;
use super::verbs::Ended;
use crate::bundle::{
    self, BundleError, Installed, KeySet, Manifest, Policy, Remembered, Signer, SigningKey,
    TrustedKeys,
};
use crate::config::Settings;
use crate::render;
use crate::wire::{Code, Failure};
use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::{
    error::Error,
    fs,
    io::stdin,
    path::{Path, PathBuf},
};

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Make a key pair: NAME.pub for every node, NAME.key for the publisher alone
    #[command(
        after_help = "Example:\n  hau-ctl bundle keygen shop --password-stdin < password\n  cp shop.pub /etc/hau/keys/    # on both nodes"
    )]
    Keygen {
        name: String,
        /// The folder for both files
        #[arg(long, value_name = "DIR", default_value = ".")]
        out: PathBuf,
        #[command(flatten)]
        password: Password,
    },
    /// Build and sign NAME-VERSION.hau from a folder with manifest.toml and the files of a release
    #[command(after_help = "Example:\n  hau-ctl bundle build release/ --key shop.key --out dist/")]
    Build {
        folder: PathBuf,
        /// The publisher's secret key
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        /// The folder for the bundle
        #[arg(long, value_name = "DIR", default_value = ".")]
        out: PathBuf,
        /// Key sets to go with it, for nodes that have the one before them; again for each, in order
        #[arg(long, value_name = "SET")]
        brings: Vec<PathBuf>,
        #[command(flatten)]
        password: Password,
    },
    /// Add another person's signature to a bundle that is built; nothing else of it changes
    #[command(after_help = "Example:\n  hau-ctl bundle sign shop-2.4.0.hau --key bob.key")]
    Sign {
        bundle: PathBuf,
        /// The secret key of who signs
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        #[command(flatten)]
        password: Password,
    },
    /// What a bundle says of itself; only its signature is checked
    #[command(after_help = "Example:\n  hau-ctl bundle inspect shop-2.4.0.hau --keys .")]
    Inspect {
        bundle: PathBuf,
        /// Trusted keys; default: as the configuration says
        #[arg(long, value_name = "DIR")]
        keys: Option<PathBuf>,
    },
    /// Would this pair take the bundle? Signature, every checksum, product, version; exit code 3 if not
    #[command(
        after_help = "Example:\n  hau-ctl bundle verify shop-2.4.0.hau\n  hau-ctl bundle verify shop-2.4.0.hau --keys . --product shop    # not on a node"
    )]
    Verify {
        bundle: PathBuf,
        /// Trusted keys; default: as the configuration says
        #[arg(long, value_name = "DIR")]
        keys: Option<PathBuf>,
        /// The product it must be for; the configuration and what is installed are not looked at
        #[arg(long, value_name = "NAME", requires = "keys")]
        product: Option<String>,
        /// The sidecar's folder, where it remembers what was installed
        #[arg(long, value_name = "DIR", default_value = super::keys::STATE)]
        state: PathBuf,
    },
}

#[derive(Debug, Args)]
pub(super) struct Password {
    /// Read the password of the secret key from the first line of stdin
    #[arg(long)]
    password_stdin: bool,
}

pub(super) fn run(verb: Verb, config: &Path, out: Output) -> Ended {
    match verb {
        Verb::Keygen {
            name,
            out: folder,
            password,
        } => {
            let pair = bundle::keygen(&folder, &name, password.read()?.as_deref())
                .map_err(|e| failed(&e))?;
            let (public, secret) = (pair.public.display(), pair.secret.display());
            let data = json!({ "public": pair.public, "secret": pair.secret, "id": pair.id });
            out.answer(&data, |_, _| {
                format!("key {}\n  {public}  to /etc/hau/keys of both nodes\n  {secret}  stays with the publisher: who has it can upgrade the pair", pair.id)
            });
        }
        Verb::Build {
            folder,
            key,
            out: to,
            brings,
            password,
        } => {
            let key =
                SigningKey::load(&key, password.read()?.as_deref()).map_err(|e| failed(&e))?;
            let brings = super::keys::chain(&brings)?;
            let built = bundle::build(&folder, &key, &brings, &to).map_err(|e| failed(&e))?;
            let shown = built.display().to_string();
            out.answer(&json!({ "bundle": built }), |_, _| {
                format!("{shown}\n  next: copy it to a node; there hau-ctl plan {shown}")
            });
        }
        Verb::Sign {
            bundle,
            key,
            password,
        } => sign(&bundle, &key, &password, out)?,
        Verb::Inspect { bundle, keys } => {
            let keys = trusted(keys.as_deref(), config)?;
            let (manifest, signers) = bundle::inspect(&bundle, &keys).map_err(|e| failed(&e))?;
            let data = described(&manifest, &signers);
            out.answer(&data, |_, look| render::bundle(&manifest, &signers, look));
        }
        Verb::Verify {
            bundle,
            keys,
            product,
            state,
        } => {
            let (keys, place) = place(keys, product, state, config)?;
            verify(&bundle, &keys, &place, out)?;
        }
    }
    Ok(0)
}

fn sign(path: &Path, key: &Path, password: &Password, out: Output) -> Result<(), Failure> {
    let key = SigningKey::load(key, password.read()?.as_deref()).map_err(|e| failed(&e))?;
    let (m, keys) = bundle::countersign(path, &key).map_err(|e| failed(&e))?;
    let data = json!({ "bundle": path, "product": m.product, "version": m.version, "counter": m.counter, "keys": keys });
    out.answer(&data, |_, _| {
        let (path, keys) = (path.display(), keys.join(", "));
        format!(
            "{path}: {} {} (counter {}) is signed with {keys}",
            m.product, m.version, m.counter
        )
    });
    Ok(())
}

/// What a bundle is held against.
struct Place {
    product: String,
    /// Root of its releases, and the sidecar's folder; `None`: no node.
    node: Option<(PathBuf, PathBuf)>,
}

/// The folder of keys, and what to hold a bundle against: this node, unless both are named.
fn place(
    keys: Option<PathBuf>,
    product: Option<String>,
    state: PathBuf,
    config: &Path,
) -> Result<(PathBuf, Place), Failure> {
    Ok(match (keys, product) {
        (Some(keys), Some(product)) => {
            let node = None;
            (keys, Place { product, node })
        }
        (keys, product) => {
            let settings = settings(config)?;
            let product = product.unwrap_or(settings.cluster.name);
            let node = Some((settings.release.root, state));
            let keys = keys.unwrap_or(settings.bundle.keys);
            (keys, Place { product, node })
        }
    })
}

fn verify(path: &Path, keys: &Path, place: &Place, out: Output) -> Result<(), Failure> {
    let keys = TrustedKeys::load(keys).map_err(|e| failed(&e))?;
    let node = place.node.as_ref();
    let known = node
        .map(|(_, state)| known(&keys, state))
        .transpose()?
        .flatten();
    let installed = node.and_then(|(root, _)| {
        let counter = known.as_ref().and_then(|known| known.counter);
        installed(&root.join("current"), &keys, counter)
    });
    let over = installed.as_ref().map(|i| i.version.to_string());
    let seen = known.map_or(Timestamp::MIN, |known| known.seen);
    let policy = Policy {
        product: &place.product,
        installed,
        now: Timestamp::now().max(seen),
    };
    let verified = bundle::verify(path, &keys, &policy).map_err(|e| failed(&e))?;
    let mut data = described(verified.manifest(), verified.signers());
    data["size_bytes"] = json!(verified.bytes());
    data["over"] = json!(over);
    let brings = verified.key_sets().last().map(KeySet::number);
    data["brings_key_set"] = json!(brings);
    out.answer(&data, |_, look| {
        let over = over.map_or("not compared with what is installed".to_owned(), |v| {
            format!("fits over {v}")
        });
        let brings = brings.map_or(String::new(), |number| {
            format!("it brings key set {number}, in force from when it is staged\n")
        });
        let head = format!("every checksum is right; {over}\n{brings}");
        format!(
            "{head}{}",
            render::bundle(verified.manifest(), verified.signers(), look)
        )
    });
    Ok(())
}

/// The release that `current` links to. One that was put there before hau has no manifest, and so no counter.
fn installed(current: &Path, keys: &TrustedKeys, counter: Option<u64>) -> Option<Installed> {
    let target = fs::read_link(current).ok()?;
    let version = target.file_name()?.to_str()?.parse().ok()?;
    let of_release = || bundle::load_unpacked(current, keys).map_or(0, |m| m.counter);
    let counter = counter.unwrap_or_else(of_release);
    Some(Installed { version, counter })
}

/// What this node remembers, for who may read that.
fn known(keys: &TrustedKeys, state: &Path) -> Result<Option<Remembered>, Failure> {
    match Remembered::load(state) {
        Ok(known) => known
            .map(|known| known.under(keys))
            .transpose()
            .map_err(|refusal| {
                let path = Remembered::path(state);
                failed(&BundleError::Refused { path, refusal })
            }),
        Err(BundleError::Read { .. }) => Ok(None),
        Err(e) => Err(failed(&e)),
    }
}

fn trusted(keys: Option<&Path>, config: &Path) -> Result<TrustedKeys, Failure> {
    let keys = match keys {
        Some(keys) => keys.to_owned(),
        None => settings(config)?.bundle.keys,
    };
    TrustedKeys::load(&keys).map_err(|e| failed(&e))
}

/// The schema scripts of a bundle, by path.
pub(super) fn scripts(
    path: &Path,
    keys: Option<&Path>,
    config: &Path,
) -> Result<Vec<(String, Vec<u8>)>, Failure> {
    bundle::scripts(path, &trusted(keys, config)?).map_err(|e| failed(&e))
}

fn described(manifest: &Manifest, signers: &[Signer]) -> Value {
    let signers: Vec<Value> = signers
        .iter()
        .map(|signer| json!({ "name": signer.name, "id": signer.id }))
        .collect();
    json!({ "manifest": manifest, "signer": signers.first(), "signers": signers })
}

pub(super) fn settings(config: &Path) -> Result<Settings, Failure> {
    Settings::load(config).map_err(|problems| {
        let remedy = "correct it, or on a machine that is no node give --keys DIR (and for verify --product NAME)";
        Failure::new(Code::Usage, problems.to_string(), remedy)
    })
}

/// A refusal is an answer (3), the rest are mistakes of the one who asks or of the disk.
pub(super) fn failed(error: &BundleError) -> Failure {
    let mut what = error.to_string();
    let mut cause = error.source();
    while let Some(e) = cause {
        what = format!("{what}: {e}");
        cause = e.source();
    }
    let (code, remedy) = match error {
        BundleError::Refused { .. } => (
            Code::Refused,
            "nothing was touched; get the bundle anew from its publisher",
        ),
        BundleError::Beside { .. } => (
            Code::Refused,
            "hau-ctl keys install puts a key set in the place of plain keys",
        ),
        BundleError::KeySet { .. } => (
            Code::Refused,
            "nothing was touched; have the key set made and signed anew",
        ),
        BundleError::Remembered { .. } => {
            (Code::Refused, "nothing is installed before it is mended")
        }
        BundleError::NoKeys { .. } => (Code::Refused, "hau-ctl bundle keygen makes a key pair"),
        BundleError::Read { .. } | BundleError::Build { .. } | BundleError::Keygen { .. } => {
            (Code::Usage, "correct the path or what is there")
        }
        BundleError::Key { .. } => (
            Code::Usage,
            "give another key, or its password with --password-stdin",
        ),
        BundleError::Write { .. }
        | BundleError::Destination { .. }
        | BundleError::ReadBack { .. } => (Code::Failed, "see to space and rights there"),
    };
    Failure::new(code, what, remedy)
}

impl Password {
    pub(super) fn read(&self) -> Result<Option<String>, Failure> {
        if !self.password_stdin {
            return Ok(None);
        }
        let mut line = String::new();
        stdin().read_line(&mut line).map_err(|e| {
            let what = format!("cannot read the password from stdin: {e}");
            Failure::new(Code::Usage, what, "give it on a line of its own")
        })?;
        Ok(Some(line.trim_end_matches(['\n', '\r']).to_owned()))
    }
}
