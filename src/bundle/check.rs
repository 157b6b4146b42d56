//! Compares an unpacked release with its manifest, byte by byte as the disk has it.

use std::collections::BTreeSet;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};
use sha2::{Digest as _, Sha256};

use super::archive::Head;
use super::error::BundleError;
use super::manifest::{Digest, FileEntry, Manifest};
use super::trusted::TrustedKeys;
use super::verify::Verified;
use super::{MANIFEST, MAX_MANIFEST, SIGNATURE, names, verify};

/// One way in which a release is not what its manifest says. Paths are relative to it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Difference {
    Missing(String),
    /// A file, or a folder that no file of the manifest is in.
    Extra(String),
    /// A link, a folder or something else where a file should be.
    NotAFile(String),
    Size(String),
    Hash(String),
    Mode(String),
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (path, what) = match self {
            Difference::Missing(path) => (path, "is missing"),
            Difference::Extra(path) => (path, "is not in the manifest"),
            Difference::NotAFile(path) => (path, "is not a regular file"),
            Difference::Size(path) => (path, "has the wrong size"),
            Difference::Hash(path) => (path, "has the wrong checksum"),
            Difference::Mode(path) => (path, "has the wrong mode"),
        };
        write!(f, "{path} {what}")
    }
}

/// Reads every file below `folder` back from disk, not from the page cache, and returns all differences from
/// `manifest`, sorted; the page cache is warm afterwards.
///
/// # Errors
/// If something cannot be read: that is not a difference but ignorance.
pub fn check_unpacked(folder: &Path, manifest: &Manifest) -> Result<Vec<Difference>, BundleError> {
    let mut differences = Vec::new();
    for file in &manifest.file {
        differences.extend(check_file(folder, file)?);
    }
    let mut known: BTreeSet<&[u8]> = [MANIFEST.as_bytes(), SIGNATURE.as_bytes()].into();
    for file in &manifest.file {
        let path = file.path.as_bytes();
        known.insert(path);
        known.extend(
            (0..path.len())
                .filter(|at| path[*at] == b'/')
                .map(|at| &path[..at]),
        );
    }
    find_extra(folder, &PathBuf::new(), &known, &mut differences)?;
    differences.sort();
    Ok(differences)
}

/// As [`check_unpacked`], for the release of a bundle that was verified: its manifest and signature lie there, too, and
/// are what says later what the release should be.
///
/// # Errors
/// As there.
pub fn check_release(folder: &Path, verified: &Verified) -> Result<Vec<Difference>, BundleError> {
    let mut differences = check_unpacked(folder, verified.manifest())?;
    let head = verified.head();
    for (name, expected) in [(MANIFEST, &head.manifest), (SIGNATURE, &head.signature)] {
        match head_file(folder, name) {
            Ok(found) if found == *expected => {}
            Ok(_) => differences.push(Difference::Hash(name.to_owned())),
            Err(BundleError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                differences.push(Difference::Missing(name.to_owned()));
            }
            Err(error) => return Err(error),
        }
    }
    differences.sort();
    Ok(differences)
}

/// The manifest of a release that [`unpack`](super::unpack()) made: which version and counter are installed.
///
/// # Errors
/// A refusal if none of `keys` signed it.
pub fn load_unpacked(folder: &Path, keys: &TrustedKeys) -> Result<Manifest, BundleError> {
    let head = load_head(folder)?;
    let trusted = verify::trusted(&head, keys);
    let (manifest, _) = trusted.map_err(|refusal| BundleError::Refused {
        path: folder.join(MANIFEST),
        refusal,
    })?;
    Ok(manifest)
}

/// Manifest and signature as they lie in a release.
pub(super) fn load_head(folder: &Path) -> Result<Head, BundleError> {
    Ok(Head {
        manifest: head_file(folder, MANIFEST)?,
        signature: head_file(folder, SIGNATURE)?,
        // Installed when the release was staged, if it brought any.
        sets: Vec::new(),
    })
}

fn head_file(folder: &Path, name: &str) -> Result<Vec<u8>, BundleError> {
    let path = folder.join(name);
    let read = || {
        let file = File::open(&path)?;
        let size = file.metadata()?.len().min(MAX_MANIFEST);
        let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
        file.take(MAX_MANIFEST).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    read().map_err(|source| BundleError::Read {
        path: path.clone(),
        source,
    })
}

fn check_file(folder: &Path, expected: &FileEntry) -> Result<Option<Difference>, BundleError> {
    let path = folder.join(&expected.path);
    let name = || expected.path.clone();
    let failed = |source| BundleError::Read {
        path: path.clone(),
        source,
    };
    let metadata = match fs::symlink_metadata(&path) {
        Ok(metadata) => metadata,
        Err(error)
            if [io::ErrorKind::NotFound, io::ErrorKind::NotADirectory].contains(&error.kind()) =>
        {
            return Ok(Some(Difference::Missing(name())));
        }
        Err(error) => return Err(failed(error)),
    };
    if !metadata.is_file() {
        return Ok(Some(Difference::NotAFile(name())));
    }
    if metadata.len() != expected.size {
        return Ok(Some(Difference::Size(name())));
    }
    if hash_from_disk(&path).map_err(failed)? != expected.sha256 {
        return Ok(Some(Difference::Hash(name())));
    }
    let mode = metadata.mode() & 0o7777;
    Ok((mode != expected.mode.on_disk()).then(|| Difference::Mode(name())))
}

fn hash_from_disk(path: &Path) -> io::Result<Digest> {
    let mut file = OpenOptions::new()
        .read(true)
        .custom_flags(nix::libc::O_NOFOLLOW)
        .open(path)?;
    // Drops the clean pages of the file, so that the bytes come from the disk. Only advice: tmpfs has no disk.
    posix_fadvise(&file, 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED)?;
    let mut hash = Sha256::new();
    io::copy(&mut file, &mut Hashing(&mut hash))?;
    Ok(Digest::of(hash))
}

struct Hashing<'a>(&'a mut Sha256);

impl io::Write for Hashing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn find_extra(
    root: &Path,
    below: &Path,
    known: &BTreeSet<&[u8]>,
    differences: &mut Vec<Difference>,
) -> Result<(), BundleError> {
    let folder = root.join(below);
    let failed = |source| BundleError::Read {
        path: folder.clone(),
        source,
    };
    for entry in fs::read_dir(&folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let path = below.join(entry.file_name());
        if !known.contains(path.as_os_str().as_bytes()) {
            differences.push(Difference::Extra(names::printable(
                path.as_os_str().as_bytes(),
            )));
        } else if entry.file_type().map_err(failed)?.is_dir() {
            find_extra(root, &path, known, differences)?;
        }
    }
    Ok(())
}
