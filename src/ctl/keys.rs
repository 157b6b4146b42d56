//! `keys`: key sets, made and signed at the publishers' and installed on a node. Works without the daemon.
use super::bundle::{Password, failed, settings};
use super::output::Output;
use super::verbs::Ended;
use crate::bundle::{
    self, KeySet, Signatures, Signer, SigningKey, Statement, TrustedKeys, public_key_text,
};
use crate::host::files;
use crate::wire::{Code, Failure};
use clap::{Args, Subcommand};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// Where a node keeps what it remembers.
pub(super) const STATE: &str = "/var/lib/hau";

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Make a key set, the first one or the one after another, without signatures
    #[command(
        after_help = "Example:\n  hau-ctl keys new --product shop --key alice.pub --key bob.pub --key carol.pub --threshold 2 --expires 2028-01-01\n  hau-ctl keys new --after shop-1.keys --drop carol --key dave.pub --expires 2029-01-01    # the next one"
    )]
    New(New),
    /// Add your signature to a key set
    #[command(after_help = "Example:\n  hau-ctl keys sign shop-1.keys --key alice.key")]
    Sign {
        set: PathBuf,
        /// The secret key of who signs
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        #[command(flatten)]
        password: Password,
    },
    /// What a key set says, who signed it, and what is missing until it may be installed
    #[command(
        after_help = "Example:\n  hau-ctl keys show shop-2.keys --after shop-1.keys\n  hau-ctl keys show /etc/hau/keys/shop.keys    # on a node"
    )]
    Show {
        set: PathBuf,
        /// The key set that it shall follow, whose keys must have signed it, too
        #[arg(long, value_name = "SET")]
        after: Option<PathBuf>,
    },
    /// Put a key set in force on this node, if the one here vouches for it. Several, in order, where some were left out
    #[command(
        after_help = "Example:\n  hau-ctl keys install shop-2.keys    # on both nodes\n  hau-ctl keys install shop-2.keys shop-3.keys"
    )]
    Install {
        #[arg(required = true, value_name = "SET")]
        sets: Vec<PathBuf>,
        /// The folder of trusted keys; default: as the configuration says
        #[arg(long, value_name = "DIR")]
        keys: Option<PathBuf>,
        /// The sidecar's folder, where it is remembered
        #[arg(long, value_name = "DIR", default_value = STATE)]
        state: PathBuf,
    },
}

#[derive(Debug, Args)]
pub(super) struct New {
    /// The product that it is for: cluster.name of its pairs; default: that of the set before
    #[arg(long, value_name = "NAME", required_unless_present = "after")]
    product: Option<String>,
    /// The key set that it shall follow: one higher, with its keys and threshold where nothing else is said
    #[arg(long, value_name = "SET")]
    after: Option<PathBuf>,
    /// A public key to take in, under the name of its file; again for each
    #[arg(long, value_name = "NAME.pub")]
    key: Vec<PathBuf>,
    /// A key of the set before to leave out, by its name: it is revoked; again for each
    #[arg(long, value_name = "NAME", requires = "after")]
    drop: Vec<String>,
    /// How many different keys must sign
    #[arg(long, value_name = "COUNT", required_unless_present = "after")]
    threshold: Option<usize>,
    /// From when nothing is installed that it vouches for: a day, or a moment as 2028-01-01T00:00:00Z
    #[arg(long, value_name = "DATE", value_parser = moment)]
    expires: Timestamp,
    /// The folder for PRODUCT-NUMBER.keys
    #[arg(long, value_name = "DIR", default_value = ".")]
    out: PathBuf,
}

fn moment(text: &str) -> Result<Timestamp, String> {
    if let Ok(day) = text.parse::<Date>() {
        let begins = day.to_zoned(TimeZone::UTC).map_err(|e| e.to_string())?;
        return Ok(begins.timestamp());
    }
    text.parse()
        .map_err(|_| "a day as 2028-01-01, or a moment as 2028-01-01T00:00:00Z".to_owned())
}

pub(super) fn run(verb: Verb, config: &Path, out: Output) -> Ended {
    match verb {
        Verb::New(new) => make(new, out)?,
        Verb::Sign { set, key, password } => {
            let key =
                SigningKey::load(&key, password.read()?.as_deref()).map_err(|e| failed(&e))?;
            sign(&set, &key, out)?;
        }
        Verb::Show { set, after } => {
            let before = after.map(|path| one(&path)).transpose()?;
            let found = one(&set)?;
            let (data, text) = described(&found, before.as_ref())?;
            out.answer(&data, |_, _| text);
        }
        Verb::Install { sets, keys, state } => install(&sets, keys, &state, config, out)?,
    }
    Ok(0)
}

fn make(new: New, out: Output) -> Result<(), Failure> {
    let before = new.after.as_deref().map(one).transpose()?;
    let before = before.as_ref().map(KeySet::statement);
    let mut keys = before.map_or_else(BTreeMap::new, |set| set.keys.clone());
    for name in &new.drop {
        if keys.remove(name).is_none() {
            let what = format!("the set before has no key {name}");
            return Err(usage(what, "hau-ctl keys show lists its keys"));
        }
    }
    for path in &new.key {
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let public = public_key_text(path).map_err(|e| failed(&e))?;
        if keys.insert(name.clone().into_owned(), public).is_some() {
            let what = format!("there is a key {name} already");
            return Err(usage(
                what,
                "name each file as its person, or --drop the old key",
            ));
        }
    }
    let missing = |what: &str| usage(format!("no {what} is given"), "hau-ctl keys new --help");
    let number = before.map_or(Some(1), |set| set.number.checked_add(1));
    let statement = Statement {
        format: 1,
        product: new
            .product
            .or(before.map(|set| set.product.clone()))
            .ok_or_else(|| missing("product"))?,
        number: number.ok_or_else(|| missing("number that is higher"))?,
        expires: new.expires,
        threshold: new
            .threshold
            .or(before.map(|set| set.threshold))
            .ok_or_else(|| missing("threshold"))?,
        keys,
    };
    let set = KeySet::new(&statement).map_err(|why| {
        usage(
            format!("this would be no key set: {why}"),
            "hau-ctl keys new --help",
        )
    })?;
    let name = format!("{}-{}.keys", statement.product, statement.number);
    let path = new.out.join(name);
    bundle::write_new(&path, 0o644, set.to_text().as_bytes()).map_err(|e| failed(&e))?;
    let data = json!({ "set": path, "number": statement.number });
    out.answer(&data, |_, _| {
        let names: Vec<_> = statement.keys.keys().map(String::as_str).collect();
        let also = before.map_or(String::new(), |set| {
            format!(", and {} of key set {}", set.threshold, set.number)
        });
        format!(
            "{}\n  {} of {} must sign it{also}: hau-ctl keys sign {} --key NAME.key",
            path.display(),
            statement.threshold,
            names.join(", "),
            path.display()
        )
    });
    Ok(())
}

fn sign(path: &Path, key: &SigningKey, out: Output) -> Result<(), Failure> {
    let mut set = one(path)?;
    set.sign(key).map_err(|why| {
        let what = format!("{}: {why}", path.display());
        usage(what, "hau-ctl keys show says who has")
    })?;
    // The name is made whole where it is relative: what is written goes beside it first.
    let place = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    files::write(&place, set.to_text().as_bytes(), 0o644)
        .map_err(|e| Failure::new(Code::Failed, e.to_string(), "see to space and rights there"))?;
    let (mut data, text) = described(&set, None)?;
    data["key"] = json!(key.id());
    out.answer(&data, |_, _| {
        format!("signed with key {}\n{text}", key.id())
    });
    Ok(())
}

fn install(
    sets: &[PathBuf],
    keys: Option<PathBuf>,
    state: &Path,
    config: &Path,
    out: Output,
) -> Result<(), Failure> {
    let from = sets.last().cloned().unwrap_or_default();
    let chain = chain(sets)?;
    let (folder, product) = match keys {
        Some(folder) => (folder, None),
        None => {
            let settings = settings(config)?;
            (settings.bundle.keys, Some(settings.cluster.name))
        }
    };
    let done = bundle::install_keys(
        &folder,
        state,
        &from,
        &chain,
        product.as_deref(),
        Timestamp::now(),
    )
    .map_err(|e| failed(&e))?;
    let statement = done.set.statement();
    let data = json!({ "path": done.path, "number": statement.number, "already": done.already, "removed": done.removed });
    out.answer(&data, |_, _| {
        let path = done.path.display();
        let mut text = match done.already {
            true => format!("key set {} is installed already: {path}", statement.number),
            false => format!(
                "key set {} is in force: {} of {} keys must sign a bundle ({path})",
                statement.number,
                statement.threshold,
                statement.keys.len()
            ),
        };
        for plain in &done.removed {
            text.push_str(&format!(
                "\n  removed {}: the set alone counts",
                plain.display()
            ));
        }
        text + "\n  next: the same on the other node; hau-ctl doctor compares both"
    });
    Ok(())
}

/// All sets of all files, in order.
pub(super) fn chain(paths: &[PathBuf]) -> Result<Vec<KeySet>, Failure> {
    let mut sets = Vec::new();
    for path in paths {
        sets.extend(KeySet::load(path).map_err(|e| failed(&e))?);
    }
    Ok(sets)
}

fn one(path: &Path) -> Result<KeySet, Failure> {
    let mut sets = KeySet::load(path).map_err(|e| failed(&e))?;
    match (sets.pop(), sets.is_empty()) {
        (Some(set), true) => Ok(set),
        _ => {
            let what = format!("{} holds more than one key set", path.display());
            Err(usage(what, "name a file with one"))
        }
    }
}

/// A key set for machines and for people.
fn described(set: &KeySet, before: Option<&KeySet>) -> Result<(Value, String), Failure> {
    let signatures = set.signatures(before).map_err(|why| {
        let what = format!("its signatures are none: {why}");
        usage(what, "take the file without them and have it signed anew")
    })?;
    let Signatures {
        own,
        before: old,
        others,
        missing,
    } = &signatures;
    let statement = set.statement();
    let names = |signers: &[Signer]| {
        let names: Vec<_> = signers.iter().map(|key| key.name.clone()).collect();
        names
    };
    let data = json!({
        "statement": statement, "signed": names(own), "signed_before": old.as_deref().map(names),
        "signed_others": others, "missing": missing,
    });
    let mut lines = vec![format!(
        "{} key set {}: {} of {} keys must sign; expires {}",
        statement.product,
        statement.number,
        statement.threshold,
        statement.keys.len(),
        statement.expires
    )];
    for key in TrustedKeys::of(set.clone()).signers() {
        let signed = if own.contains(key) { "signed" } else { "" };
        lines.push(
            format!("  {:<16} {} {signed}", key.name, key.id)
                .trim_end()
                .to_owned(),
        );
    }
    if let (Some(before), Some(old)) = (before, old) {
        let names = names(old).join(", ");
        lines.push(format!(
            "  signed with keys of set {}: {names}",
            before.number()
        ));
    }
    if !others.is_empty() {
        lines.push(format!("  signed with other keys: {}", others.join(", ")));
    }
    lines.extend(missing.iter().map(|what| format!("  missing: {what}")));
    if missing.is_empty() {
        lines.push(match (before, statement.number) {
            (None, 2..) => {
                "  whole; --after SET says whether it may follow the one before".to_owned()
            }
            _ => "  whole: hau-ctl keys install on both nodes".to_owned(),
        });
    }
    Ok((data, lines.join("\n")))
}

fn usage(what: String, remedy: &str) -> Failure {
    Failure::new(Code::Usage, what, remedy)
}
