//! Makes the full bundle again of a delta and its base.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::archive::{Archive, Member};
use super::base::Base;
use super::build::publish;
use super::error::{BundleError, Refusal};
use super::full::{Full, Written};
use super::layout::{END, MOST_AROUND};
use super::manifest::{Delta, Manifest};
use super::source::{CHUNK, Source};
use super::trusted::TrustedKeys;
use super::verify::{check_members, members, trusted};
use super::{MANIFEST, MAX_FILES};
use crate::delta::{self, Bytes, DeltaError};

/// Makes `PRODUCT-VERSION.hau` in the folder `out`, byte for byte the full bundle that the delta at `path` was made
/// for. `base` is the release's folder or its bundle. The policy is not asked: that is for [`verify`](super::verify()),
/// of what was made.
///
/// # Errors
/// As for [`base`] and [`rebuild_to`]. Nothing is left behind.
pub fn rebuild(
    path: &Path,
    base: &Path,
    keys: &TrustedKeys,
    out: &Path,
) -> Result<PathBuf, BundleError> {
    let (manifest, base) = self::base(path, base, keys)?;
    let target = out.join(format!("{}-{}.hau", manifest.product, manifest.version));
    let temporary = tempfile::Builder::new().prefix(".hau-").tempfile_in(out);
    let temporary = temporary.map_err(|source| write_error(&target, source))?;
    let writer = BufWriter::with_capacity(CHUNK, temporary);
    let written = rebuild_to(Source::file(path)?, path, &base, keys, (writer, &target))?;
    let published = written
        .into_inner()
        .map_err(io::IntoInnerError::into_error)
        .and_then(|temporary| publish(temporary, &target, out));
    published.map_err(|source| write_error(&target, source))?;
    Ok(target)
}

/// No full bundle that such a delta makes is longer, in bytes.
pub fn longest(delta: &Delta) -> u64 {
    let members = MAX_FILES as u64 + 2;
    let around = members * MOST_AROUND + END.len() as u64;
    delta.payload.saturating_add(around)
}

/// What the delta at `path` was made from, if `from` is that: the release's folder or its bundle, each byte compared;
/// and what the delta says of itself.
///
/// # Errors
/// A [`Refusal`] about the delta's signature, or that `from` is something else.
pub fn base(path: &Path, from: &Path, keys: &TrustedKeys) -> Result<(Manifest, Base), BundleError> {
    let source = Source::open(path)?;
    let head = Archive::new(&source).head()?;
    let (manifest, _) = source.check(trusted(&head, keys))?;
    let Some(delta) = &manifest.delta else {
        return Err(source.refuse(Refusal::NotADelta));
    };
    let name = || delta.base.to_string();
    if !from.exists() {
        return Err(source.refuse(Refusal::NoBase { base: name() }));
    }
    let base = if from.is_file() {
        let (base, _, _) = Base::of_bundle(from, keys, false)?;
        if base.hash(MANIFEST) != Some(delta.base_manifest) {
            let (base, what) = (name(), format!("{} is not it", from.display()));
            return Err(source.refuse(Refusal::OtherBase { base, what }));
        }
        base
    } else {
        Base::of_release(from, delta, &source)?
    };
    Ok((manifest, base))
}

/// Writes the full bundle that the delta in `file`, which bears the name `path`, makes of `base` to `to`, whose name is
/// the second; and gives `to` back.
///
/// # Errors
/// A [`Refusal`] about the delta's signature or bytes, a patch that does not make what it says; or if writing fails.
pub fn rebuild_to<W: Write>(
    file: File,
    path: &Path,
    base: &dyn Bytes,
    keys: &TrustedKeys,
    (to, name): (W, &Path),
) -> Result<W, BundleError> {
    let source = Source::of(file, path)?;
    let mut archive = Archive::new(&source);
    let head = archive.head()?;
    let (manifest, _) = source.check(trusted(&head, keys))?;
    let Some(delta) = &manifest.delta else {
        return Err(source.refuse(Refusal::NotADelta));
    };
    let members = members(&source, &mut archive, &manifest)?;
    check_members(&source, &members, &manifest)?;
    let Some(patch) = members.into_iter().next() else {
        return Err(source.refuse(Refusal::NotADelta));
    };
    let patch = Patch { source, patch };
    let full = Full::new(&manifest, delta, keys, to);
    let written = apply(full, base, &patch, delta.payload).map_err(|failed| match failed {
        Failed::Refused(refusal) => patch.source.refuse(refusal),
        Failed::Read(error) => patch.source.read_error(error),
        Failed::Write(error) => write_error(name, error),
    })?;
    if written.sha256 != delta.sha256 {
        let why = "the full bundle has another checksum".to_owned();
        return Err(patch.source.refuse(Refusal::BrokenDelta { why }));
    }
    Ok(written.to)
}

fn write_error(path: &Path, source: io::Error) -> BundleError {
    let path = path.to_owned();
    BundleError::Write { path, source }
}

/// The patch as it lies in its bundle.
struct Patch {
    source: Source,
    patch: Member,
}

impl Bytes for Patch {
    fn length(&self) -> u64 {
        self.patch.size
    }

    fn read_at(&self, to: &mut [u8], at: u64) -> io::Result<()> {
        self.source.read_exact(to, self.patch.at + at)
    }
}

pub(super) enum Failed {
    Refused(Refusal),
    Read(io::Error),
    Write(io::Error),
}

/// Has `full` written of what `patch` makes of `base`.
pub(super) fn apply<W: Write>(
    mut full: Full<'_, W>,
    base: &dyn Bytes,
    patch: &dyn Bytes,
    payload: u64,
) -> Result<Written<W>, Failed> {
    let broken = |why: &str| {
        Failed::Refused(Refusal::BrokenDelta {
            why: why.to_owned(),
        })
    };
    let applied = delta::apply(base, patch, payload, &mut full);
    applied.map_err(|error| match (error, full.refusal.take()) {
        (_, Some(refusal)) => Failed::Refused(refusal),
        (DeltaError::Broken(why), None) => broken(why),
        (DeltaError::Memory(error), None) => broken(&error.to_string()),
        (DeltaError::Write(error), None) => Failed::Write(error),
        (
            DeltaError::ReadPatch(error) | DeltaError::ReadOld(error) | DeltaError::ReadNew(error),
            None,
        ) => Failed::Read(error),
    })?;
    let ended = full.end().map_err(Failed::Write)?;
    ended.map_err(Failed::Refused)
}
