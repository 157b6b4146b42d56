//! Files of the real host: every change is atomic (a temporary sibling, then a rename) and on
//! disk when the call returns. Final links are never followed by what changes or removes.
use super::{HostError, HostResult};
use nix::{
    fcntl::OFlag,
    sys::statvfs,
    unistd::{Gid, Uid, chown, fchown},
};
use std::{
    ffi::OsStr,
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io::{self, ErrorKind, Read, Write},
    os::unix::{
        ffi::OsStrExt,
        fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, symlink},
    },
    path::{Component, Path, PathBuf},
};

pub use super::tree::{copy, inspect, size_bytes};

/// No configuration, key or manifest is larger; a larger one is a mistake, not a reason to swap.
pub const READ_LIMIT_BYTES: u64 = 64 << 20;

/// Names of temporary siblings start with this. A crash may leave one: `list`, `inspect` and
/// `copy` pass over them, so that debris is never taken for content.
const TEMPORARY: &str = ".hau-tmp-";

/// The whole of a regular file.
pub fn read(path: &Path) -> HostResult<Vec<u8>> {
    let failed = failed("read", path);
    let file = open_regular(path).map_err(&failed)?;
    let mut bytes = Vec::new();
    file.take(READ_LIMIT_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(&failed)?;
    if bytes.len() as u64 > READ_LIMIT_BYTES {
        return Err(failed(io::Error::other("it is larger than 64 MiB")));
    }
    Ok(bytes)
}

/// Reads at most `cap` bytes of a file, for what is shown to people.
pub fn read_start(path: &Path, cap: u64) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(cap).read_to_string(&mut text)?;
    Ok(text)
}

/// Replaces the file atomically and durably. An existing file keeps its owner and group; a link
/// is replaced, not followed.
pub fn write(path: &Path, bytes: &[u8], mode: u32) -> HostResult<()> {
    let path = &clean(path);
    let failed = failed("write", path);
    let dir = parent(path).map_err(&failed)?;
    let mut file = temporary()
        .tempfile_in(&dir)
        .map_err(|e| failed(untold(&e)))?;
    file.write_all(bytes).map_err(&failed)?;
    if let Ok(old) = fs::symlink_metadata(path)
        && old.is_file()
    {
        let (uid, gid) = (Uid::from_raw(old.uid()), Gid::from_raw(old.gid()));
        fchown(file.as_file(), Some(uid), Some(gid)).map_err(|e| failed(e.into()))?;
    }
    // After the owner: a change of owner clears bits of the mode.
    file.as_file()
        .set_permissions(Permissions::from_mode(mode))
        .map_err(&failed)?;
    file.as_file().sync_all().map_err(&failed)?;
    file.persist(path).map_err(|e| failed(e.error))?;
    sync_dir(&dir).map_err(failed)
}

pub fn own(path: &Path, uid: u32, gid: u32) -> HostResult<()> {
    chown(path, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))
        .map_err(|e| HostError::new("change the owner of", path.display().to_string(), e))
}

/// Is there something, links followed?
pub fn exists(path: &Path) -> bool {
    path.exists()
}

/// Is it a folder, and no link to one?
pub fn is_folder(path: &Path) -> bool {
    fs::symlink_metadata(clean(path)).is_ok_and(|found| found.is_dir())
}

/// Removes a file, link or whole folder, never what a link points to; not there is fine.
pub fn remove(path: &Path) -> HostResult<()> {
    let path = &clean(path);
    let failed = failed("remove", path);
    if !path.is_absolute() || path.file_name().is_none() {
        return Err(failed(io::Error::other(
            "only something below / with an absolute name is ever removed",
        )));
    }
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(e) if is_missing(&e) => return Ok(()),
        Err(e) => return Err(failed(e)),
    };
    let removed = if found.is_dir() {
        fs::remove_dir_all(path)
    } else {
        fs::remove_file(path)
    };
    match removed {
        Err(e) if !is_missing(&e) => Err(failed(e)),
        Ok(()) | Err(_) => parent(path).and_then(|dir| sync_dir(&dir)).map_err(failed),
    }
}

/// Makes a folder and the missing ones above it, all with `mode`. One that exists gets `mode`.
pub fn make_dir(path: &Path, mode: u32) -> HostResult<()> {
    let path = &clean(path);
    let failed = failed("make folder", path);
    parent(path).map_err(&failed)?;
    let missing: Vec<&Path> = path.ancestors().take_while(|p| !p.exists()).collect();
    for dir in missing.into_iter().rev() {
        match DirBuilder::new().mode(mode).create(dir) {
            Err(e) if e.kind() != ErrorKind::AlreadyExists => return Err(failed(e)),
            Ok(()) | Err(_) => {}
        }
        parent(dir)
            .and_then(|above| sync_dir(&above))
            .map_err(&failed)?;
    }
    if !path.is_dir() {
        return Err(failed(io::Error::other("something else has this name")));
    }
    // The umask took bits away, or a crash came between making it and here.
    fs::set_permissions(path, Permissions::from_mode(mode)).map_err(&failed)?;
    sync_dir(path).map_err(failed)
}

/// Replaces `link` (a link or file, not a folder) by a symbolic link to `target`.
pub fn link(target: &Path, link: &Path) -> HostResult<()> {
    let link = &clean(link);
    let failed = failed("link", link);
    let dir = parent(link).map_err(&failed)?;
    let made = temporary()
        .make_in(&dir, |name| symlink(target, name))
        .map_err(|e| failed(untold(&e)))?;
    made.persist(link).map_err(|e| failed(e.error))?;
    sync_dir(&dir).map_err(failed)
}

pub fn link_target(link: &Path) -> Option<PathBuf> {
    fs::read_link(clean(link)).ok()
}

/// Renames durably; a file replaces a file, a folder only an empty folder.
pub fn rename(from: &Path, to: &Path) -> HostResult<()> {
    let (from, to) = (&clean(from), &clean(to));
    let failed = failed("rename", from);
    let name = |e: io::Error| failed(io::Error::other(format!("to {}: {e}", to.display())));
    // Opened before: the way to them may lead through what moves.
    let open = |path| parent(path).and_then(File::open).map_err(name);
    let (target, source) = (open(to)?, open(from)?);
    fs::rename(from, to).map_err(name)?;
    target
        .sync_all()
        .and_then(|()| source.sync_all())
        .map_err(name)
}

/// Names in a folder, sorted; a missing folder is empty.
pub fn list(dir: &Path) -> HostResult<Vec<String>> {
    names(dir, |name| !is_temporary(name))
}

/// ... those that `list` passes over.
pub fn debris(dir: &Path) -> HostResult<Vec<String>> {
    names(dir, is_temporary)
}

fn names(dir: &Path, is_meant: impl Fn(&OsStr) -> bool) -> HostResult<Vec<String>> {
    let failed = failed("list", dir);
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(failed(e)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let name = entry.map_err(&failed)?.file_name();
        match name.to_str() {
            _ if !is_meant(&name) => {}
            Some(name) => names.push(name.to_owned()),
            None => {
                let why = format!("the name {name:?} in it is not UTF-8; rename that file");
                return Err(failed(io::Error::other(why)));
            }
        }
    }
    names.sort();
    Ok(names)
}

/// Bytes that this process may still write to the file system `path` is on; of a name that does
/// not exist yet, the file system it would be on.
pub fn free_bytes(path: &Path) -> HostResult<u64> {
    let there = path.ancestors().find(|p| p.exists()).unwrap_or(path);
    let failed = failed("ask free space of", path);
    let stat = statvfs::statvfs(there).map_err(|e| failed(e.into()))?;
    if stat.flags().contains(statvfs::FsFlags::ST_RDONLY) {
        return Err(failed(io::Error::other("it is mounted read-only")));
    }
    let blocks = if Uid::effective().is_root() {
        stat.blocks_free()
    } else {
        stat.blocks_available()
    };
    Ok(blocks.saturating_mul(stat.fragment_size()))
}

/// The error of doing `action` to `path`.
pub(super) fn failed(action: &'static str, path: &Path) -> impl Fn(io::Error) -> HostError {
    move |e| HostError::new(action, path.display().to_string(), e)
}

/// Opens without ever waiting for the other end of a pipe; refuses what is not a regular file.
pub(super) fn open_regular(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(OFlag::O_NONBLOCK.bits())
        .open(path)?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::other("it is not a regular file"))
    }
}

pub(super) fn temporary() -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(TEMPORARY);
    builder
}

/// The cause alone: the temporary name that the library adds means nothing to anybody.
pub(super) fn untold(e: &io::Error) -> io::Error {
    let cause = e.get_ref().and_then(|e| e.source());
    io::Error::new(e.kind(), cause.map_or(e.to_string(), |c| c.to_string()))
}

/// Without the trailing slash that would make a link's name mean its target.
pub(super) fn clean(path: &Path) -> PathBuf {
    path.components().collect()
}

/// The folder that holds `path`.
pub(super) fn parent(path: &Path) -> io::Result<PathBuf> {
    match (path.parent(), path.components().next_back()) {
        (Some(dir), Some(Component::Normal(_))) if dir.as_os_str().is_empty() => Ok(".".into()),
        (Some(dir), Some(Component::Normal(_))) => Ok(dir.to_owned()),
        _ => Err(io::Error::other("the name does not end in a file's name")),
    }
}

pub(super) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

pub(super) fn is_temporary(name: &OsStr) -> bool {
    name.as_bytes().starts_with(TEMPORARY.as_bytes())
}

/// Nothing has this name, or one of the folders in it is none.
pub(super) fn is_missing(e: &io::Error) -> bool {
    matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

pub(super) fn own_like(path: &Path, like: &fs::Metadata) -> io::Result<()> {
    let (uid, gid) = (Uid::from_raw(like.uid()), Gid::from_raw(like.gid()));
    Ok(chown(path, Some(uid), Some(gid))?)
}
