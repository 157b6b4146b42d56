//! Writes a verified bundle to disk: beside its place, read back, then renamed into it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, open, openat, openat2};
use nix::sys::stat::{Mode, fchmod, mkdirat};
use nix::unistd::syncfs;
use sha2::{Digest as _, Sha256};

use super::check::check_unpacked;
use super::error::{BundleError, Refusal};
use super::manifest::{Digest, FileEntry};
use super::source::CHUNK;
use super::verify::{Verified, is_full};
use super::{MANIFEST, SIGNATURE};

const FOLDER_MODE: Mode = Mode::from_bits_truncate(0o755);

/// Unpacks the bundle that `verified` is about to `destination`, which appears complete or not at all.
///
/// `payload` brings the contents of its files in the order of the manifest ([`Payload`](super::Payload)) and is
/// believed nothing: names, lengths and hashes are those of the manifest. The work is done in `.NAME.partial` beside it;
/// what a crash left there is removed first. All files are synced, read back from disk and compared before the rename.
/// Manifest and signature are kept in the release.
///
/// # Errors
/// If `destination` exists, if `payload` is not that of the bundle verified, if the disk fails.
/// Nothing is left behind.
pub fn unpack(
    verified: &Verified,
    payload: &mut dyn Read,
    destination: &Path,
) -> Result<(), BundleError> {
    let refuse = |why| BundleError::Destination {
        path: destination.to_owned(),
        why,
    };
    is_full(verified.manifest()).map_err(|refusal| verified.refuse(refusal))?;
    let (Some(parent), Some(name)) = (destination.parent(), destination.file_name()) else {
        return Err(refuse("it has no name"));
    };
    let parent = if parent.as_os_str().is_empty() {
        Path::new(".")
    } else {
        parent
    };
    if fs::symlink_metadata(destination).is_ok() {
        return Err(refuse("it exists"));
    }
    let mut partial_name = std::ffi::OsString::from(".");
    partial_name.push(name);
    partial_name.push(".partial");
    let partial = parent.join(partial_name);
    match fs::symlink_metadata(&partial) {
        Ok(old) if !old.is_dir() => return Err(refuse("its .partial is not a folder of ours")),
        Ok(_) => fs::remove_dir_all(&partial).map_err(|source| write_error(&partial, source))?,
        Err(_) => {}
    }
    let result = fill(verified, payload, &partial).and_then(|()| {
        fs::rename(&partial, destination).map_err(|source| write_error(destination, source))?;
        sync_folder(parent)
    });
    result.inspect_err(|_| {
        // The error is what matters; a folder that cannot be removed now is removed by the next attempt.
        let _ = fs::remove_dir_all(&partial);
    })
}

fn fill(verified: &Verified, payload: &mut dyn Read, partial: &Path) -> Result<(), BundleError> {
    let manifest = verified.manifest();
    let head = verified.head();
    let failed = |source| write_error(partial, source);
    fs::DirBuilder::new()
        .mode(0o700)
        .create(partial)
        .map_err(failed)?;
    let flags = OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let root = open(partial, flags, Mode::empty()).map_err(|errno| failed(errno.into()))?;
    for (name, bytes) in [(MANIFEST, &head.manifest), (SIGNATURE, &head.signature)] {
        let write = || create(&root, name, 0o644)?.write_all(bytes);
        write().map_err(|source| write_error(&partial.join(name), source))?;
    }
    let mut piece = vec![0; CHUNK];
    for file in &manifest.file {
        write_file(verified, &mut *payload, &mut piece, (&root, partial), file)?;
    }
    // Everything at once first: each file's own sync then finds it clean, instead of making a commit of the
    // file system (measured with 5,000 small files: 5 s instead of 18).
    syncfs(&root).map_err(|errno| failed(errno.into()))?;
    sync_tree(partial).map_err(|(path, source)| write_error(&path, source))?;
    let differences = check_unpacked(partial, manifest)?;
    if let Some(difference) = differences.first() {
        return Err(BundleError::ReadBack {
            path: partial.to_owned(),
            difference: difference.to_string(),
        });
    }
    fchmod(&root, FOLDER_MODE).map_err(|errno| failed(errno.into()))?;
    sync_folder(partial)
}

fn write_file(
    verified: &Verified,
    payload: &mut dyn Read,
    piece: &mut [u8],
    (root, partial): (&OwnedFd, &Path),
    file: &FileEntry,
) -> Result<(), BundleError> {
    let failed = |source| write_error(&partial.join(&file.path), source);
    let mut to = create(root, &file.path, file.mode.on_disk()).map_err(failed)?;
    let mut hash = Sha256::new();
    let mut left = file.size;
    while left > 0 {
        let room = piece.len().min(usize::try_from(left).unwrap_or(CHUNK));
        let read = payload.read(&mut piece[..room]);
        let count = read.map_err(|error| why(verified.path(), error))?;
        if count == 0 {
            let path = file.path.clone();
            return Err(verified.refuse(Refusal::MissingMember { path }));
        }
        hash.update(&piece[..count]);
        to.write_all(&piece[..count]).map_err(failed)?;
        left -= count as u64;
    }
    if Digest::of(hash) != file.sha256 {
        let path = file.path.clone();
        return Err(verified.refuse(Refusal::HashMismatch { path }));
    }
    Ok(())
}

/// A payload that is read within this process has its reason within the error.
fn why(path: &Path, error: io::Error) -> BundleError {
    let path = path.to_owned();
    error
        .downcast()
        .unwrap_or_else(|source| BundleError::Read { path, source })
}

/// A new file at `path` below `root`, with the folders to it. No link is followed on the way, nothing existing is opened.
fn create(root: &OwnedFd, path: &str, mode: u32) -> io::Result<File> {
    let mut parts: Vec<&str> = path.split('/').collect();
    let name = parts.pop().ok_or(Errno::EINVAL)?;
    let mut folder = root.try_clone()?;
    for part in parts {
        let made = mkdirat(&folder, part, FOLDER_MODE);
        if !matches!(made, Ok(()) | Err(Errno::EEXIST)) {
            made?;
        }
        folder = beneath(&folder, part, OFlag::O_DIRECTORY, Mode::empty())?;
        if made.is_ok() {
            // the umask may have taken bits away
            fchmod(&folder, FOLDER_MODE)?;
        }
    }
    let flags = OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_WRONLY;
    let file = File::from(beneath(
        &folder,
        name,
        flags,
        Mode::from_bits_truncate(0o600),
    )?);
    file.set_permissions(fs::Permissions::from_mode(mode))?;
    Ok(file)
}

/// Opens `name` in `folder`, if the kernel is sure that it is there and no link.
fn beneath(folder: &OwnedFd, name: &str, flags: OFlag, mode: Mode) -> nix::Result<OwnedFd> {
    let flags = flags | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let how = OpenHow::new()
        .flags(flags)
        .mode(mode)
        .resolve(ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_SYMLINKS);
    match openat2(folder, name, how) {
        // Linux before 5.6, or a container that does not know it. A single name, which cannot leave its folder but by a link,
        // is as safe without.
        Err(Errno::ENOSYS | Errno::EPERM) if !name.contains('/') && name != ".." => {
            openat(folder, name, flags, mode)
        }
        opened => opened,
    }
}

/// Files first, then the folder that names them. A failed write is told here for certain: before Linux 5.8
/// `syncfs` keeps it to itself.
fn sync_tree(folder: &Path) -> Result<(), (PathBuf, io::Error)> {
    let named = |source| (folder.to_owned(), source);
    for entry in fs::read_dir(folder).map_err(named)? {
        let entry = entry.map_err(named)?;
        let path = entry.path();
        if entry.file_type().map_err(named)?.is_dir() {
            sync_tree(&path)?;
        } else {
            File::open(&path)
                .and_then(|file| file.sync_all())
                .map_err(|source| (path, source))?;
        }
    }
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(named)
}

fn sync_folder(folder: &Path) -> Result<(), BundleError> {
    OpenOptions::new()
        .read(true)
        .custom_flags(nix::libc::O_DIRECTORY)
        .open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|source| write_error(folder, source))
}

fn write_error(path: &Path, source: io::Error) -> BundleError {
    BundleError::Write {
        path: path.to_owned(),
        source,
    }
}
