//! Puts a key set into the folder of trusted keys, if what is there vouches for it.

use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::error::{BundleError, Refusal};
use super::keyset::KeySet;
use super::remembered::Remembered;
use super::trusted::{Folder, TrustedKeys};
use crate::host::files;

/// What [`install_keys`] did.
#[derive(Debug, Clone)]
pub struct InstalledKeys {
    /// Where the set lies.
    pub path: PathBuf,
    pub set: KeySet,
    /// Plain keys that it took the place of.
    pub removed: Vec<PathBuf>,
    /// It was there before.
    pub already: bool,
}

/// Installs the last of `sets`, which come from `from`, in order, each vouched for by the one before and the first by what `folder` holds: a key set;
/// plain keys, one of which signed it; or nothing. Remembers in `state` that it was here, if there is such a folder.
///
/// The set is written in one go. Only then plain keys are removed: cut off in between, nothing is trusted until this is done
/// again.
///
/// # Errors
/// A [`Refusal`] if it may not follow; nothing is changed.
pub fn install_keys(
    folder: &Path,
    state: &Path,
    from: &Path,
    sets: &[KeySet],
    product: Option<&str>,
    now: Timestamp,
) -> Result<InstalledKeys, BundleError> {
    let refuse = |refusal| BundleError::Refused {
        path: from.to_owned(),
        refusal,
    };
    let found = Folder::read(folder)?;
    if let [set, other, ..] = found.sets.as_slice() {
        return Err(BundleError::Beside {
            set: set.clone(),
            other: other.clone(),
        });
    }
    let here = found.sets.first();
    let before = here.map(|path| TrustedKeys::of_file(path)).transpose()?;
    let known = Remembered::load(state)?;
    let trusted = match &before {
        Some(before) => before.after(sets),
        None => first(&TrustedKeys::plain(&found.plain)?, sets),
    };
    let trusted = trusted.map_err(refuse)?;
    let Some(set) = trusted.set() else {
        let why = "it holds no key set".to_owned();
        return Err(refuse(Refusal::KeySet { why }));
    };
    // Held against the newest moment, whatever set that was seen under: this one must not rest on a clock set back.
    let seen = known.as_ref().map_or(Timestamp::MIN, |known| known.seen);
    let product = product.unwrap_or(&set.statement().product);
    trusted.in_force(product, now.max(seen)).map_err(refuse)?;
    let number = before.as_ref().map_or(0, TrustedKeys::number);
    if sets.last().is_some_and(|last| last.number() < number) {
        let (number, seen) = (sets.last().map_or(0, KeySet::number), number);
        let here = format!("key set {number}");
        return Err(refuse(Refusal::EarlierKeySet { here, seen }));
    }
    let mut known = match (&known, &before) {
        (Some(known), _) => known.under(&trusted).map_err(refuse)?,
        (None, Some(before)) => Remembered::nothing(before, now)
            .under(&trusted)
            .map_err(refuse)?,
        (None, None) => Remembered::nothing(&trusted, now),
    };
    known.at(now);

    let path = here.cloned();
    let path = path.unwrap_or_else(|| folder.join(format!("{}.keys", set.statement().product)));
    let already = number == set.number();
    if !already {
        let written = files::write(&path, set.to_text().as_bytes(), 0o644);
        written.map_err(|e| write_error(&path, e.why))?;
    }
    for plain in &found.plain {
        fs::remove_file(plain).map_err(|e| write_error(plain, e.to_string()))?;
    }
    if state.is_dir() {
        known.store(state)?;
    }
    Ok(InstalledKeys {
        path,
        set: set.clone(),
        removed: found.plain,
        already,
    })
}

/// What is trusted after the first set has taken the place of `plain` keys, and the others have followed it.
fn first(plain: &TrustedKeys, sets: &[KeySet]) -> Result<TrustedKeys, Refusal> {
    let Some((first, rest)) = sets.split_first() else {
        let why = "it holds no key set".to_owned();
        return Err(Refusal::KeySet { why });
    };
    if plain.keys().is_empty() {
        first.is_whole()?;
    } else {
        first.replaces(plain.keys())?;
    }
    TrustedKeys::of(first.clone()).after(rest)
}

fn write_error(path: &Path, why: String) -> BundleError {
    BundleError::Write {
        path: path.to_owned(),
        source: std::io::Error::other(why),
    }
}
