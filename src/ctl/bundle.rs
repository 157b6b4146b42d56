//! `bundle`: the publisher's side and a look at what came. Works without the daemon; on a machine
//! that is no node of the pair, too.
mod delta;
mod verify;

use super::output::Output;
use super::verbs::Ended;
use crate::bundle::{self, BundleError, Manifest, Signer, SigningKey, TrustedKeys};
use crate::config::Settings;
use crate::render;
use crate::wire::{Code, Failure};
use crate::words::Lang;
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::{
    error::Error,
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
    /// Make a delta: a bundle that is NEW where OLD is installed, and holds only what differs
    #[command(
        after_help = "Example:\n  hau-ctl bundle delta shop-2.3.0.hau shop-2.4.0.hau --key shop.key\n  hau-ctl upgrade shop-2.3.0-2.4.0.hau    # on a node that runs 2.3.0"
    )]
    Delta {
        old: PathBuf,
        new: PathBuf,
        /// The publisher's secret key
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        /// Trusted keys that signed OLD and NEW; default: this key
        #[arg(long, value_name = "DIR")]
        keys: Option<PathBuf>,
        /// Default: NAME-OLD-NEW.hau, with both versions
        #[arg(short, long, value_name = "FILE")]
        out: Option<PathBuf>,
        #[command(flatten)]
        password: Password,
    },
    /// Make the full bundle again of a delta and its base, as a node does by itself
    #[command(
        after_help = "Example:\n  hau-ctl bundle rebuild shop-2.3.0-2.4.0.hau shop-2.3.0.hau --keys . --out full/\n  hau-ctl bundle rebuild shop-2.3.0-2.4.0.hau /opt/shop/releases/2.3.0"
    )]
    Rebuild {
        delta: PathBuf,
        /// The bundle that it was made from, or the folder where that is unpacked
        base: PathBuf,
        /// Trusted keys; default: as the configuration says
        #[arg(long, value_name = "DIR")]
        keys: Option<PathBuf>,
        /// The folder for the bundle
        #[arg(long, value_name = "DIR", default_value = ".")]
        out: PathBuf,
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
    let lang = out.lang;
    match verb {
        Verb::Keygen {
            name,
            out: folder,
            password,
        } => keygen(&folder, &name, &password, out)?,
        Verb::Build {
            folder,
            key,
            out: to,
            brings,
            password,
        } => {
            let key = password.key(&key, lang)?;
            let brings = super::keys::chain(&brings, lang)?;
            let built = bundle::build(&folder, &key, &brings, &to).map_err(|e| failed(&e, lang))?;
            let shown = built.display().to_string();
            out.answer(&json!({ "bundle": built }), |_, _| {
                let next = say!(
                    lang,
                    "next: copy it to a node; there hau-ctl plan {}",
                    shown
                );
                format!("{shown}\n  {next}")
            });
        }
        Verb::Delta {
            old,
            new,
            key,
            keys,
            out: to,
            password,
        } => delta::delta(&old, &new, &password.key(&key, lang)?, keys, to, out)?,
        Verb::Rebuild {
            delta,
            base,
            keys,
            out: to,
        } => {
            let keys = trusted(keys.as_deref(), config, lang)?;
            delta::rebuild(&delta, &base, &keys, &to, out)?;
        }
        Verb::Sign {
            bundle,
            key,
            password,
        } => sign(&bundle, &key, &password, out)?,
        Verb::Inspect { bundle, keys } => {
            let keys = trusted(keys.as_deref(), config, lang)?;
            let (manifest, signers) =
                bundle::inspect(&bundle, &keys).map_err(|e| failed(&e, lang))?;
            let data = described(&manifest, &signers);
            out.answer(&data, |_, look| render::bundle(&manifest, &signers, look));
        }
        Verb::Verify {
            bundle,
            keys,
            product,
            state,
        } => {
            let (keys, place) = verify::place(keys, product, state, config, lang)?;
            verify::verify(&bundle, &keys, &place, out)?;
        }
    }
    Ok(0)
}

fn keygen(folder: &Path, name: &str, password: &Password, out: Output) -> Result<(), Failure> {
    let lang = out.lang;
    let pair = bundle::keygen(folder, name, password.read(lang)?.as_deref())
        .map_err(|e| failed(&e, lang))?;
    let (public, secret) = (pair.public.display(), pair.secret.display());
    let data = json!({ "public": pair.public, "secret": pair.secret, "id": pair.id });
    out.answer(&data, |_, _| {
        let key = say!(lang, "key {}", pair.id);
        let public = say!(lang, "{}  to /etc/hau/keys of both nodes", public);
        let secret = say!(
            lang,
            "{}  stays with the publisher: who has it can upgrade the pair",
            secret
        );
        format!("{key}\n  {public}\n  {secret}")
    });
    Ok(())
}

fn sign(path: &Path, key: &Path, password: &Password, out: Output) -> Result<(), Failure> {
    let lang = out.lang;
    let key = password.key(key, lang)?;
    let (m, keys) = bundle::countersign(path, &key).map_err(|e| failed(&e, lang))?;
    let data = json!({ "bundle": path, "product": m.product, "version": m.version, "counter": m.counter, "keys": keys });
    out.answer(&data, |_, _| {
        let signed = say!(
            lang,
            "{} {} (counter {}) is signed with {}",
            m.product,
            m.version,
            m.counter,
            keys.join(", ")
        );
        format!("{}: {signed}", path.display())
    });
    Ok(())
}

fn trusted(keys: Option<&Path>, config: &Path, lang: Lang) -> Result<TrustedKeys, Failure> {
    let keys = match keys {
        Some(keys) => keys.to_owned(),
        None => settings(config, lang)?.bundle.keys,
    };
    TrustedKeys::load(&keys).map_err(|e| failed(&e, lang))
}

/// The schema scripts of a bundle, by path.
pub(super) fn scripts(
    path: &Path,
    keys: Option<&Path>,
    config: &Path,
    lang: Lang,
) -> Result<Vec<(String, Vec<u8>)>, Failure> {
    bundle::scripts(path, &trusted(keys, config, lang)?).map_err(|e| failed(&e, lang))
}

fn described(manifest: &Manifest, signers: &[Signer]) -> Value {
    let signers: Vec<Value> = signers
        .iter()
        .map(|signer| json!({ "name": signer.name, "id": signer.id }))
        .collect();
    json!({ "manifest": manifest, "signer": signers.first(), "signers": signers })
}

pub(super) fn settings(config: &Path, lang: Lang) -> Result<Settings, Failure> {
    Settings::load(config).map_err(|problems| {
        let remedy = say!(
            lang,
            "correct it, or on a machine that is no node give --keys DIR (and for verify --product NAME)"
        );
        Failure::new(Code::Usage, problems.to_string(), remedy)
    })
}

/// A refusal is an answer (3), the rest are mistakes of the one who asks or of the disk.
pub(super) fn failed(error: &BundleError, lang: Lang) -> Failure {
    let mut what = error.to_string();
    let mut cause = error.source();
    while let Some(e) = cause {
        what = format!("{what}: {e}");
        cause = e.source();
    }
    let (code, remedy) = match error {
        BundleError::Refused { .. } => (
            Code::Refused,
            words!("nothing was touched; get the bundle anew from its publisher"),
        ),
        BundleError::Beside { .. } => (
            Code::Refused,
            words!("hau-ctl keys install puts a key set in the place of plain keys"),
        ),
        BundleError::KeySet { .. } => (
            Code::Refused,
            words!("nothing was touched; have the key set made and signed anew"),
        ),
        BundleError::Remembered { .. } => (
            Code::Refused,
            words!("nothing is installed before it is mended"),
        ),
        BundleError::NoKeys { .. } => (
            Code::Refused,
            words!("hau-ctl bundle keygen makes a key pair"),
        ),
        BundleError::Read { .. }
        | BundleError::Build { .. }
        | BundleError::Delta { .. }
        | BundleError::Keygen { .. } => (Code::Usage, words!("correct the path or what is there")),
        BundleError::Key { .. } => (
            Code::Usage,
            words!("give another key, or its password with --password-stdin"),
        ),
        BundleError::Write { .. }
        | BundleError::Destination { .. }
        | BundleError::ReadBack { .. } => (Code::Failed, words!("see to space and rights there")),
    };
    Failure::new(code, what, lang.say(remedy))
}

impl Password {
    /// The secret key in a file.
    pub(super) fn key(&self, file: &Path, lang: Lang) -> Result<SigningKey, Failure> {
        SigningKey::load(file, self.read(lang)?.as_deref()).map_err(|e| failed(&e, lang))
    }

    pub(super) fn read(&self, lang: Lang) -> Result<Option<String>, Failure> {
        if !self.password_stdin {
            return Ok(None);
        }
        let mut line = String::new();
        stdin().read_line(&mut line).map_err(|e| {
            let what = say!(lang, "cannot read the password from stdin: {}", e);
            let remedy = say!(lang, "give it on a line of its own");
            Failure::new(Code::Usage, what, remedy)
        })?;
        Ok(Some(line.trim_end_matches(['\n', '\r']).to_owned()))
    }
}
