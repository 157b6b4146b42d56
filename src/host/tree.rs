//! Whole trees of the real host: looking at them and copying them, links kept as links.
use super::{
    FileInfo, HostResult,
    files::{
        clean, failed, is_missing, is_temporary, open_regular, own_like, parent, sync_dir,
        temporary, untold,
    },
};
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    fs::{self, File, FileTimes, Metadata, Permissions},
    io::{self, Read},
    os::unix::{
        ffi::OsStrExt,
        fs::{MetadataExt, PermissionsExt, lchown, symlink},
    },
    path::{Path, PathBuf},
};

/// Every file and link below `paths`, with size, mode, owner and hash. Links are not followed.
/// What is missing, or vanishes meanwhile, is left out; sockets, pipes and devices are errors.
pub fn inspect(paths: &[PathBuf]) -> HostResult<BTreeMap<PathBuf, FileInfo>> {
    let mut found = BTreeMap::new();
    for path in paths {
        walk(&clean(path), &mut |path, meta| {
            let (size_bytes, sha256) = hashed(path, meta)?;
            let info = FileInfo {
                size_bytes,
                mode: meta.mode() & 0o7777,
                uid: meta.uid(),
                gid: meta.gid(),
                sha256,
            };
            found.insert(path.to_owned(), info);
            Ok(())
        })?;
    }
    Ok(found)
}

/// Copies a file, link or whole folder with modes, owners and times of change, durably, and
/// replaces `to` by a rename. (A folder has an instant between the old and the new one.)
pub fn copy(from: &Path, to: &Path) -> HostResult<()> {
    let (from, to) = (&clean(from), &clean(to));
    let failed = failed("copy", from);
    if to.starts_with(from) {
        let why = format!("{} lies within it", to.display());
        return Err(failed(io::Error::other(why)));
    }
    let dir = parent(to).map_err(&failed)?;
    // Built inside a temporary folder: whatever goes wrong, it takes all of it away.
    let scratch = temporary().tempdir_in(&dir).map_err(|e| {
        let why = format!("to {}: {}", to.display(), untold(&e));
        failed(io::Error::other(why))
    })?;
    let built = scratch.path().join("new");
    duplicate(from, &built)?;
    let aside = scratch.path().join("old");
    if let Err(e) = put(&built, to, &aside) {
        if fs::symlink_metadata(&aside).is_err() {
            return Err(failed(e));
        }
        let old = scratch.keep().join("old");
        let why = format!("{e}; what was there is now {}", old.display());
        return Err(failed(io::Error::other(why)));
    }
    sync_dir(&dir).map_err(&failed)?;
    scratch.close().map_err(failed)
}

/// Bytes that everything below `path` takes, by the sizes of its files: nothing is read.
pub fn size_bytes(path: &Path) -> HostResult<u64> {
    let mut size = 0;
    walk(&clean(path), &mut |_, meta| {
        size += meta.len();
        Ok(())
    })?;
    Ok(size)
}

/// Every file and link at or below `path`, folders gone through and links not followed.
fn walk(path: &Path, each: &mut dyn FnMut(&Path, &Metadata) -> io::Result<()>) -> HostResult<()> {
    let failed = failed("inspect", path);
    let meta = match fs::symlink_metadata(path) {
        Ok(meta) => meta,
        Err(e) if is_missing(&e) => return Ok(()),
        Err(e) => return Err(failed(e)),
    };
    if meta.is_dir() {
        let entries = match fs::read_dir(path) {
            Ok(entries) => entries,
            Err(e) if is_missing(&e) => return Ok(()),
            Err(e) => return Err(failed(e)),
        };
        for entry in entries {
            let name = entry.map_err(&failed)?.file_name();
            if !is_temporary(&name) {
                walk(&path.join(name), each)?;
            }
        }
        return Ok(());
    }
    match each(path, &meta) {
        Err(e) if !is_missing(&e) => Err(failed(e)),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Length and hash of a file's content or a link's target.
fn hashed(path: &Path, meta: &Metadata) -> io::Result<(u64, String)> {
    let mut hash = Sha256::new();
    if meta.is_symlink() {
        let target = fs::read_link(path)?;
        hash.update(target.as_os_str().as_bytes());
        return Ok((target.as_os_str().len() as u64, hex(&hash.finalize())));
    }
    refuse_special(meta)?;
    let mut file = open_regular(path)?;
    let mut buffer = vec![0; 1 << 16];
    let mut size = 0;
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok((size, hex(&hash.finalize()))),
            Ok(n) => {
                hash.update(&buffer[..n]);
                size += n as u64;
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
}

fn refuse_special(meta: &Metadata) -> io::Result<()> {
    if meta.is_file() {
        return Ok(());
    }
    Err(io::Error::other(
        "it is a socket, pipe or device, which cannot be kept; move it elsewhere",
    ))
}

/// Copies `from` to the free name `to`, everything below included.
fn duplicate(from: &Path, to: &Path) -> HostResult<()> {
    let meta = fs::symlink_metadata(from).map_err(failed("copy", from))?;
    if meta.is_dir() {
        return duplicate_folder(from, to, &meta);
    }
    if meta.is_symlink() {
        return fs::read_link(from)
            .and_then(|target| symlink(target, to))
            .and_then(|()| lchown(to, Some(meta.uid()), Some(meta.gid())))
            .map_err(failed("copy", from));
    }
    duplicate_file(from, to, &meta).map_err(failed("copy", from))
}

fn duplicate_folder(from: &Path, to: &Path, meta: &Metadata) -> HostResult<()> {
    let failed = |e| failed("copy", from)(e);
    fs::create_dir(to).map_err(failed)?;
    for entry in fs::read_dir(from).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        if !is_temporary(&name) {
            duplicate(&from.join(&name), &to.join(&name))?;
        }
    }
    // Last: a folder that may not be written could not be filled.
    own_like(to, meta)
        .and_then(|()| fs::set_permissions(to, Permissions::from_mode(meta.mode() & 0o7777)))
        .and_then(|()| sync_dir(to))
        .map_err(failed)
}

fn duplicate_file(from: &Path, to: &Path, meta: &Metadata) -> io::Result<()> {
    refuse_special(meta)?;
    let mut source = open_regular(from)?;
    let mut target = File::create_new(to)?;
    // Nobody reads it before it has its owner: the mode comes last.
    target.set_permissions(Permissions::from_mode(0o600))?;
    io::copy(&mut source, &mut target)?;
    own_like(to, meta)?;
    target.set_permissions(Permissions::from_mode(meta.mode() & 0o7777))?;
    target.set_times(FileTimes::new().set_modified(meta.modified()?))?;
    target.sync_all()
}

/// Moves `new` to `to`. Where a folder is involved what was there goes `aside` first, as no
/// rename replaces a full folder; it comes back if the second rename fails.
fn put(new: &Path, to: &Path, aside: &Path) -> io::Result<()> {
    let is_folder = |path: &Path| fs::symlink_metadata(path).is_ok_and(|m| m.is_dir());
    let there = fs::symlink_metadata(to).is_ok();
    if !there || !(is_folder(new) || is_folder(to)) {
        return fs::rename(new, to);
    }
    fs::rename(to, aside)?;
    fs::rename(new, to).inspect_err(|_| {
        // The first error is the one to tell; whether it came back the caller sees for itself.
        let _ = fs::rename(aside, to);
    })
}

pub(super) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |n: u8| char::from(DIGITS[usize::from(n)]);
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(digit).collect()
}
