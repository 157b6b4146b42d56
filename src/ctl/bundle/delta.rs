//! `bundle delta`: what travels in place of a bundle.
use super::failed;
use crate::bundle::{self, SigningKey, TrustedKeys};
use crate::ctl::output::Output;
use crate::render;
use crate::wire::Failure;
use serde_json::json;
use std::path::{Path, PathBuf};

pub(super) fn delta(
    old: &Path,
    new: &Path,
    key: &SigningKey,
    keys: Option<PathBuf>,
    to: Option<PathBuf>,
    out: Output,
) -> Result<(), Failure> {
    let lang = out.lang;
    let keys = match keys {
        Some(keys) => TrustedKeys::load(&keys).map_err(|e| failed(&e, lang))?,
        None => key.trusted(),
    };
    let to = match to {
        Some(to) => to,
        None => {
            let (base, _) = bundle::inspect(old, &keys).map_err(|e| failed(&e, lang))?;
            let (full, _) = bundle::inspect(new, &keys).map_err(|e| failed(&e, lang))?;
            PathBuf::from(format!(
                "{}-{}-{}.hau",
                full.product, base.version, full.version
            ))
        }
    };
    let made = bundle::delta(old, new, key, &keys, &to).map_err(|e| failed(&e, lang))?;
    let data = json!({ "bundle": to, "size_bytes": made.bytes, "full_bytes": made.full_bytes });
    out.answer(&data, |_, _| {
        let (shown, saves) = (
            to.display(),
            render::saves(made.bytes, made.full_bytes, lang),
        );
        let next = say!(
            lang,
            "next: copy it to a node; there hau-ctl plan {}",
            shown
        );
        format!("{shown}\n  {saves}\n  {next}")
    });
    Ok(())
}

pub(super) fn rebuild(
    delta: &Path,
    base: &Path,
    keys: &TrustedKeys,
    to: &Path,
    out: Output,
) -> Result<(), Failure> {
    let lang = out.lang;
    let full = bundle::rebuild(delta, base, keys, to).map_err(|e| failed(&e, lang))?;
    let shown = full.display().to_string();
    out.answer(&json!({ "bundle": full }), |_, _| {
        let is = say!(lang, "it is the full bundle, byte for byte");
        format!("{shown}\n  {is}")
    });
    Ok(())
}
