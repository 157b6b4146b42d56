//! `bundle verify`: would this pair take it?
use super::{described, failed, settings};
use crate::bundle::{self, BundleError, Installed, KeySet, Policy, Remembered, TrustedKeys};
use crate::ctl::output::Output;
use crate::render;
use crate::wire::Failure;
use crate::words::Lang;
use jiff::Timestamp;
use serde_json::json;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// What a bundle is held against.
pub(super) struct Place {
    product: String,
    /// Root of its releases, and the sidecar's folder; `None`: no node.
    node: Option<(PathBuf, PathBuf)>,
}

/// The folder of keys, and what to hold a bundle against: this node, unless both are named.
pub(super) fn place(
    keys: Option<PathBuf>,
    product: Option<String>,
    state: PathBuf,
    config: &Path,
    lang: Lang,
) -> Result<(PathBuf, Place), Failure> {
    Ok(match (keys, product) {
        (Some(keys), Some(product)) => {
            let node = None;
            (keys, Place { product, node })
        }
        (keys, product) => {
            let settings = settings(config, lang)?;
            let product = product.unwrap_or(settings.cluster.name);
            let node = Some((settings.release.root, state));
            let keys = keys.unwrap_or(settings.bundle.keys);
            (keys, Place { product, node })
        }
    })
}

pub(super) fn verify(path: &Path, keys: &Path, place: &Place, out: Output) -> Result<(), Failure> {
    let lang = out.lang;
    let keys = TrustedKeys::load(keys).map_err(|e| failed(&e, lang))?;
    let node = place.node.as_ref();
    let known = node
        .map(|(_, state)| known(&keys, state, lang))
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
    let verified = bundle::verify(path, &keys, &policy).map_err(|e| failed(&e, lang))?;
    let mut data = described(verified.manifest(), verified.signers());
    data["size_bytes"] = json!(verified.bytes());
    data["over"] = json!(over);
    let brings = verified.key_sets().last().map(KeySet::number);
    data["brings_key_set"] = json!(brings);
    out.answer(&data, |_, look| {
        let mut head = match over {
            Some(version) => say!(lang, "every checksum is right; fits over {}", version),
            None => say!(
                lang,
                "every checksum is right; not compared with what is installed"
            ),
        };
        if let Some(number) = brings {
            let brings = say!(
                lang,
                "it brings key set {}, in force from when it is staged",
                number
            );
            head = format!("{head}\n{brings}");
        }
        format!(
            "{head}\n{}",
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
fn known(keys: &TrustedKeys, state: &Path, lang: Lang) -> Result<Option<Remembered>, Failure> {
    match Remembered::load(state) {
        Ok(known) => known
            .map(|known| known.under(keys))
            .transpose()
            .map_err(|refusal| {
                let path = Remembered::path(state);
                failed(&BundleError::Refused { path, refusal }, lang)
            }),
        Err(BundleError::Read { .. }) => Ok(None),
        Err(e) => Err(failed(&e, lang)),
    }
}
