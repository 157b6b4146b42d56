//! The beginning of a file, as it has come: `NAME.partial`, and beside it, in `NAME.partial.tag`, of which file it is.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::LinkError;

/// What has come so far; locked, so that two fetches never write one file.
pub(super) struct Partial {
    file: File,
    pub(super) path: PathBuf,
    tag_path: PathBuf,
    to: PathBuf,
    pub(super) have: u64,
    /// Of which file this is a part.
    pub(super) tag: Option<String>,
}

impl Partial {
    pub(super) fn open(to: &Path) -> Result<Partial, LinkError> {
        let (path, tag_path) = (beside(to, ".partial"), beside(to, ".partial.tag"));
        let open = || {
            let mut options = OpenOptions::new();
            options.read(true).append(true).create(true).mode(0o600);
            options.open(&path)
        };
        let file = open().map_err(cannot("open", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(LinkError::Fetching { path }),
            Err(TryLockError::Error(error)) => return Err(cannot("lock", &path)(error)),
        }
        let meta = file.metadata().map_err(cannot("look at", &path))?;
        // Whoever had the lock may have finished meanwhile: then this is no partial file any more.
        if !fs::metadata(&path).is_ok_and(|named| named.ino() == meta.ino()) {
            return Err(LinkError::Fetching { path });
        }
        let tag = match fs::read_to_string(&tag_path) {
            Ok(tag) => Some(tag),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(cannot("read", &tag_path)(error)),
        };
        Ok(Partial {
            file,
            path,
            tag_path,
            to: to.to_path_buf(),
            have: meta.len(),
            tag,
        })
    }

    /// Forgets what is there; what comes now is of the file with this tag.
    pub(super) fn begin_again(&mut self, tag: Option<&str>) -> Result<(), LinkError> {
        // In this order: never are there bytes under a tag that is not theirs.
        self.file.set_len(0).map_err(cannot("empty", &self.path))?;
        self.have = 0;
        self.tag = tag.map(str::to_string);
        match tag {
            Some(tag) => fs::write(&self.tag_path, tag).map_err(cannot("write", &self.tag_path)),
            None => remove(&self.tag_path),
        }
    }

    pub(super) fn write(&mut self, piece: &[u8]) -> Result<(), LinkError> {
        let written = self.file.write_all(piece);
        written.map_err(cannot("write", &self.path))?;
        self.have += piece.len() as u64;
        Ok(())
    }

    /// Forgets what is there from `at` on.
    pub(super) fn cut(&mut self, at: u64) -> Result<(), LinkError> {
        let at = at.min(self.have);
        self.file.set_len(at).map_err(cannot("cut", &self.path))?;
        self.have = at;
        Ok(())
    }

    /// Reads back, compares, and gives the file its name.
    pub(super) fn finish(mut self, path: &str, sha256: Option<&str>) -> Result<(), LinkError> {
        if let Some(wanted) = sha256 {
            let found = self.sha256().map_err(cannot("read back", &self.path))?;
            if !found.eq_ignore_ascii_case(wanted) {
                remove(&self.path)?;
                remove(&self.tag_path)?;
                return Err(LinkError::Damaged {
                    path: path.to_string(),
                    wanted: wanted.to_string(),
                    found,
                });
            }
        }
        self.file.sync_all().map_err(cannot("write", &self.path))?;
        fs::rename(&self.path, &self.to).map_err(cannot("rename", &self.path))?;
        let dir = match self.to.parent() {
            Some(dir) if dir != Path::new("") => dir,
            Some(_) | None => Path::new("."),
        };
        let synced = File::open(dir).and_then(|dir| dir.sync_all());
        synced.map_err(cannot("write", dir))?;
        remove(&self.tag_path)
    }

    fn sha256(&mut self) -> io::Result<String> {
        self.file.rewind()?;
        let (mut hash, mut piece) = (Sha256::new(), vec![0; 256 * 1024]);
        loop {
            let n = self.file.read(&mut piece)?;
            if n == 0 {
                break;
            }
            hash.update(&piece[..n]);
        }
        Ok(hash.finalize().iter().map(|b| format!("{b:02x}")).collect())
    }
}

fn beside(to: &Path, ending: &str) -> PathBuf {
    let mut name = to.as_os_str().to_os_string();
    name.push(ending);
    name.into()
}

fn remove(path: &Path) -> Result<(), LinkError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(cannot("remove", path)(error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn cannot(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> LinkError {
    let path = path.to_path_buf();
    move |source| LinkError::File {
        action,
        path,
        source,
    }
}
