//! Makes the full bundle again of a delta and its base.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::MANIFEST;
use super::archive::{Archive, Member};
use super::base::Base;
use super::build::publish;
use super::error::{BundleError, Refusal};
use super::full::{Full, Written};
use super::source::Source;
use super::trusted::TrustedKeys;
use super::verify::{check_contents, members, trusted};
use crate::delta::{self, Bytes, DeltaError};

const BUFFER: usize = 256 << 10;

/// Makes `PRODUCT-VERSION.hau` in the folder `out`, byte for byte the full bundle that the delta at `path` was made
/// for. `base` is the release's folder or its bundle. The policy is not asked: that is for [`verify`](super::verify()),
/// of what was made.
///
/// # Errors
/// A [`Refusal`] about the delta's signature or bytes, a base that is another one, a patch that does not make what it
/// says; or if the disk fails. Nothing is left behind.
pub fn rebuild(
    path: &Path,
    base: &Path,
    keys: &TrustedKeys,
    out: &Path,
) -> Result<PathBuf, BundleError> {
    let source = Source::open(path)?;
    let mut archive = Archive::new(&source);
    let head = archive.head()?;
    let (manifest, _) = source.check(trusted(&head, keys))?;
    let Some(delta) = &manifest.delta else {
        return Err(source.refuse(Refusal::NotADelta));
    };
    let members = members(&source, &mut archive, &manifest)?;
    check_contents(&source, &members, &manifest)?;
    let Some(patch) = members.into_iter().next() else {
        return Err(source.refuse(Refusal::NotADelta));
    };
    let base_name = || delta.base.to_string();
    if !base.exists() {
        return Err(source.refuse(Refusal::NoBase { base: base_name() }));
    }
    let base = if base.is_file() {
        let (bytes, _, _) = Base::of_bundle(base, keys, false)?;
        if bytes.hash(MANIFEST) != Some(delta.base_manifest) {
            let (base, what) = (base_name(), format!("{} is not it", base.display()));
            return Err(source.refuse(Refusal::OtherBase { base, what }));
        }
        bytes
    } else {
        Base::of_release(base, delta)?
    };
    let target = out.join(format!("{}-{}.hau", manifest.product, manifest.version));
    let write_error = |source| BundleError::Write {
        path: target.clone(),
        source,
    };
    let temporary = tempfile::Builder::new()
        .prefix(".hau-")
        .tempfile_in(out)
        .map_err(write_error)?;
    let writer = BufWriter::with_capacity(BUFFER, temporary);
    let patch = Patch { source, patch };
    let full = Full::new(&manifest, delta, keys, writer);
    let written = apply(full, &base, &patch, delta.payload).map_err(|failed| match failed {
        Failed::Refused(refusal) => patch.source.refuse(refusal),
        Failed::Read(error) => patch.source.read_error(error),
        Failed::Write(error) => write_error(error),
    })?;
    if written.sha256 != delta.sha256 {
        let why = "the full bundle has another checksum".to_owned();
        return Err(patch.source.refuse(Refusal::BrokenDelta { why }));
    }
    let temporary = written.to.into_inner();
    let temporary = temporary.map_err(|error| write_error(error.into_error()))?;
    publish(temporary, &target, out).map_err(write_error)?;
    Ok(target)
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
    base: &Base,
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
