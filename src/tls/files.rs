//! Reading and atomically writing the small PEM files of `/etc/hau/tls`.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;

use super::TlsError;

/// What to do with a file that is already there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Existing {
    /// It is replaced.
    Replace,
    /// It stays: whoever was first has won.
    Keep,
}

/// The content; `None` if there is no such file.
pub(super) fn read(path: &Path) -> Result<Option<String>, TlsError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(source) => Err(TlsError::Read {
            path: path.to_path_buf(),
            source,
        }),
    }
}

/// Makes `path` hold `text`, whole or not at all, also across a power cut.
pub(super) fn write(
    path: &Path,
    text: &str,
    mode: u32,
    existing: Existing,
) -> Result<(), TlsError> {
    try_write(path, text, mode, existing).map_err(|source| TlsError::Write {
        path: path.to_path_buf(),
        source,
    })
}

fn try_write(path: &Path, text: &str, mode: u32, existing: Existing) -> io::Result<()> {
    let dir = path.parent().unwrap_or(Path::new("/"));
    DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    // A temporary file begins as 0600, so the key is never readable by others, not even for an instant.
    let mut file = tempfile::NamedTempFile::new_in(dir)?;
    file.write_all(text.as_bytes())?;
    file.as_file()
        .set_permissions(Permissions::from_mode(mode))?;
    file.as_file().sync_all()?;
    match existing {
        Existing::Replace => file.persist(path).map(drop).map_err(|e| e.error)?,
        Existing::Keep => match file.persist_noclobber(path) {
            Ok(_) => {}
            Err(e) if e.error.kind() == ErrorKind::AlreadyExists => {}
            Err(e) => return Err(e.error),
        },
    }
    File::open(dir)?.sync_all()
}
