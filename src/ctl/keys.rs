//! `keys`: key sets, made and signed at the publishers' and installed on a node. Works without the daemon.
use super::bundle::{Password, failed, settings};
use super::output::Output;
use super::verbs::Ended;
use crate::bundle::{
    self, KeySet, Signatures, Signer, SigningKey, Statement, TrustedKeys, public_key_text,
};
use crate::host::files;
use crate::wire::{Code, Failure};
use crate::words::Lang;
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
        .map_err(|_| "2028-01-01 or 2028-01-01T00:00:00Z".to_owned())
}

pub(super) fn run(verb: Verb, config: &Path, out: Output) -> Ended {
    let lang = out.lang;
    match verb {
        Verb::New(new) => make(new, out)?,
        Verb::Sign { set, key, password } => {
            let key = password.key(&key, lang)?;
            sign(&set, &key, out)?;
        }
        Verb::Show { set, after } => {
            let before = after.map(|path| one(&path, lang)).transpose()?;
            let found = one(&set, lang)?;
            let (data, text) = described(&found, before.as_ref(), lang)?;
            out.answer(&data, |_, _| text);
        }
        Verb::Install { sets, keys, state } => install(&sets, keys, &state, config, out)?,
    }
    Ok(0)
}

fn make(new: New, out: Output) -> Result<(), Failure> {
    let lang = out.lang;
    let before = new.after.as_deref().map(|path| one(path, lang));
    let before = before.transpose()?;
    let before = before.as_ref().map(KeySet::statement);
    let folder = new.out.clone();
    let statement = stated(new, before, lang)?;
    let set = KeySet::new(&statement)
        .map_err(|why| unfit(say!(lang, "this would be no key set: {}", why), lang))?;
    let name = format!("{}-{}.keys", statement.product, statement.number);
    let path = folder.join(name);
    bundle::write_new(&path, 0o644, set.to_text().as_bytes()).map_err(|e| failed(&e, lang))?;
    let data = json!({ "set": path, "number": statement.number });
    out.answer(&data, |_, _| {
        let names: Vec<_> = statement.keys.keys().map(String::as_str).collect();
        let (names, shown) = (names.join(", "), path.display());
        let next = match before {
            None => say!(
                lang,
                "{} of {} must sign it: hau-ctl keys sign {} --key NAME.key",
                statement.threshold,
                names,
                shown
            ),
            Some(set) => say!(
                lang,
                "{} of {} must sign it, and {} of key set {}: hau-ctl keys sign {} --key NAME.key",
                statement.threshold,
                names,
                set.threshold,
                set.number,
                shown
            ),
        };
        format!("{shown}\n  {next}")
    });
    Ok(())
}

/// What the new set says: as it was asked for, the rest as the set before.
fn stated(new: New, before: Option<&Statement>, lang: Lang) -> Result<Statement, Failure> {
    let mut keys = before.map_or_else(BTreeMap::new, |set| set.keys.clone());
    for name in &new.drop {
        if keys.remove(name).is_none() {
            let what = say!(lang, "the set before has no key {}", name);
            return Err(usage(what, say!(lang, "hau-ctl keys show lists its keys")));
        }
    }
    for path in &new.key {
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let public = public_key_text(path).map_err(|e| failed(&e, lang))?;
        if keys.insert(name.clone().into_owned(), public).is_some() {
            let what = say!(lang, "there is a key {} already", name);
            let remedy = say!(lang, "name each file as its person, or --drop the old key");
            return Err(usage(what, remedy));
        }
    }
    let number = before.map_or(Some(1), |set| set.number.checked_add(1));
    Ok(Statement {
        format: 1,
        product: new
            .product
            .or(before.map(|set| set.product.clone()))
            .ok_or_else(|| unfit(say!(lang, "no product is given"), lang))?,
        number: number
            .ok_or_else(|| unfit(say!(lang, "no number is higher than {}", u64::MAX), lang))?,
        expires: new.expires,
        threshold: new
            .threshold
            .or(before.map(|set| set.threshold))
            .ok_or_else(|| unfit(say!(lang, "no threshold is given"), lang))?,
        keys,
    })
}

fn sign(path: &Path, key: &SigningKey, out: Output) -> Result<(), Failure> {
    let lang = out.lang;
    let mut set = one(path, lang)?;
    set.sign(key).map_err(|why| {
        let what = format!("{}: {why}", path.display());
        usage(what, say!(lang, "hau-ctl keys show says who has"))
    })?;
    // The name is made whole where it is relative: what is written goes beside it first.
    let place = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    files::write(&place, set.to_text().as_bytes(), 0o644).map_err(|e| {
        let remedy = say!(lang, "see to space and rights there");
        Failure::new(Code::Failed, e.to_string(), remedy)
    })?;
    let (mut data, text) = described(&set, None, lang)?;
    data["key"] = json!(key.id());
    out.answer(&data, |_, _| {
        let signed = say!(lang, "signed with key {}", key.id());
        format!("{signed}\n{text}")
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
    let lang = out.lang;
    let from = sets.last().cloned().unwrap_or_default();
    let chain = chain(sets, lang)?;
    let (folder, product) = match keys {
        Some(folder) => (folder, None),
        None => {
            let settings = settings(config, lang)?;
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
    .map_err(|e| failed(&e, lang))?;
    let statement = done.set.statement();
    let data = json!({ "path": done.path, "number": statement.number, "already": done.already, "removed": done.removed });
    out.answer(&data, |_, _| {
        let path = done.path.display();
        let mut lines = vec![match done.already {
            true => say!(
                lang,
                "key set {} is installed already: {}",
                statement.number,
                path
            ),
            false => say!(
                lang,
                "key set {} is in force: {} of {} keys must sign a bundle ({})",
                statement.number,
                statement.threshold,
                statement.keys.len(),
                path
            ),
        }];
        let removed = done.removed.iter();
        lines.extend(
            removed.map(|plain| say!(lang, "removed {}: the set alone counts", plain.display())),
        );
        lines.push(say!(
            lang,
            "next: the same on the other node; hau-ctl doctor compares both"
        ));
        lines.join("\n  ")
    });
    Ok(())
}

/// All sets of all files, in order.
pub(super) fn chain(paths: &[PathBuf], lang: Lang) -> Result<Vec<KeySet>, Failure> {
    let mut sets = Vec::new();
    for path in paths {
        sets.extend(KeySet::load(path).map_err(|e| failed(&e, lang))?);
    }
    Ok(sets)
}

fn one(path: &Path, lang: Lang) -> Result<KeySet, Failure> {
    let mut sets = KeySet::load(path).map_err(|e| failed(&e, lang))?;
    match (sets.pop(), sets.is_empty()) {
        (Some(set), true) => Ok(set),
        _ => {
            let what = say!(lang, "{} holds more than one key set", path.display());
            Err(usage(what, say!(lang, "name a file with one")))
        }
    }
}

/// A key set for machines and for people.
fn described(
    set: &KeySet,
    before: Option<&KeySet>,
    lang: Lang,
) -> Result<(Value, String), Failure> {
    let signatures = set.signatures(before).map_err(|why| {
        let what = say!(lang, "its signatures are none: {}", why);
        let remedy = say!(lang, "take the file without them and have it signed anew");
        usage(what, remedy)
    })?;
    let data = json!({
        "statement": set.statement(), "signed": names(&signatures.own),
        "signed_before": signatures.before.as_deref().map(names),
        "signed_others": signatures.others, "missing": signatures.missing,
    });
    Ok((data, shown(set, before, &signatures, lang)))
}

fn names(signers: &[Signer]) -> Vec<String> {
    signers.iter().map(|key| key.name.clone()).collect()
}

fn shown(set: &KeySet, before: Option<&KeySet>, signatures: &Signatures, lang: Lang) -> String {
    let Signatures {
        own,
        before: old,
        others,
        missing,
    } = signatures;
    let statement = set.statement();
    let mut lines = vec![say!(
        lang,
        "{} key set {}: {} of {} keys must sign; expires {}",
        statement.product,
        statement.number,
        statement.threshold,
        statement.keys.len(),
        statement.expires
    )];
    for key in TrustedKeys::of(set.clone()).signers() {
        let signed = match own.contains(key) {
            true => lang.say(words!("signed")),
            false => "",
        };
        let line = format!("{:<16} {} {signed}", key.name, key.id);
        lines.push(line.trim_end().to_owned());
    }
    if let (Some(before), Some(old)) = (before, old) {
        let (number, names) = (before.number(), names(old).join(", "));
        lines.push(say!(lang, "signed with keys of set {}: {}", number, names));
    }
    if !others.is_empty() {
        lines.push(say!(lang, "signed with other keys: {}", others.join(", ")));
    }
    lines.extend(missing.iter().map(|what| say!(lang, "missing: {}", what)));
    if missing.is_empty() {
        lines.push(match (before, statement.number) {
            (None, 2..) => say!(
                lang,
                "whole; --after SET says whether it may follow the one before"
            ),
            _ => say!(lang, "whole: hau-ctl keys install on both nodes"),
        });
    }
    lines.join("\n  ")
}

fn usage(what: String, remedy: String) -> Failure {
    Failure::new(Code::Usage, what, remedy)
}

/// What was asked for makes no key set.
fn unfit(what: String, lang: Lang) -> Failure {
    usage(what, say!(lang, "see hau-ctl keys new --help"))
}
