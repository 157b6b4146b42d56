//! What the journal needs of the file system: appear complete, have room, belong to one writer.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{FallocateFlags, Flock, FlockArg, fallocate};

use super::format::{GENESIS, Header, SLOT_DISTANCE};
use super::{JournalError, STEP, open_error};

/// Makes an empty journal appear at `path`, complete or not at all. Somebody else's is left alone.
pub(super) fn create(path: &Path) -> io::Result<()> {
    let directory = directory(path)?;
    let file = tempfile::Builder::new()
        .prefix(".journal-")
        .tempfile_in(directory)?;
    grow(file.as_file(), 0, STEP)?;
    for generation in [0, 1] {
        let header = Header {
            generation,
            acknowledged: 0,
            records: 0,
            seal: GENESIS,
        };
        file.as_file()
            .write_all_at(&header.render(), (header.slot() * SLOT_DISTANCE) as u64)?;
    }
    file.as_file().sync_all()?;
    match file.persist_noclobber(path) {
        Ok(_) => {}
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error.error),
    }
    Ok(())
}

/// Makes the name of `path` durable. Who made the file may have been killed before this, so it is done at every opening.
pub(super) fn sync_name(path: &Path) -> io::Result<()> {
    OpenOptions::new()
        .read(true)
        .custom_flags(nix::libc::O_DIRECTORY)
        .open(directory(path)?)?
        .sync_all()
}

fn directory(path: &Path) -> io::Result<&Path> {
    let directory = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    Ok(if directory.as_os_str().is_empty() {
        Path::new(".")
    } else {
        directory
    })
}

/// Extends `file` from `old` to `new` bytes, all zero. The zeros are written, not only allocated: a
/// later write then changes no metadata, so it needs no room and a sync of it is one write.
pub(super) fn grow(file: &File, old: u64, new: u64) -> io::Result<()> {
    let extend = || -> io::Result<()> {
        // First, since it refuses before it has written anything. Some file systems cannot.
        match fallocate(
            file,
            FallocateFlags::empty(),
            old.cast_signed(),
            (new - old).cast_signed(),
        ) {
            Ok(()) | Err(Errno::EOPNOTSUPP) => {}
            Err(errno) => return Err(errno.into()),
        }
        let zeros = vec![0; 1 << 16];
        let mut at = old;
        while at < new {
            let count = (new - at).min(zeros.len() as u64);
            file.write_all_at(&zeros[..usize::try_from(count).unwrap_or(zeros.len())], at)?;
            at += count;
        }
        file.sync_all()
    };
    extend().inspect_err(|_| {
        // Best effort: the room half taken is given back, and a longer file of zeros harms nothing.
        let _ = file.set_len(old);
    })
}

pub(super) fn lock(path: &Path, file: File) -> Result<Flock<File>, JournalError> {
    Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|(_, errno)| {
        if errno == Errno::EWOULDBLOCK {
            JournalError::Locked {
                path: path.to_owned(),
            }
        } else {
            open_error(path, errno.into())
        }
    })
}

/// Reads by position: the file's own offset belongs to nobody.
pub(super) fn read_whole(file: &File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut chunk = vec![0; 1 << 16];
    loop {
        match file.read_at(&mut chunk, bytes.len() as u64) {
            Ok(0) => return Ok(bytes),
            Ok(count) => bytes.extend_from_slice(&chunk[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
