//! The one function that writes the file keepalived tracks, and the copy of it that outlives a boot.
//!
//! Always a temporary file and a rename in the same directory; the file is never deleted and its directory never made:
//! keepalived watches the directory's inode, and for a new directory it silently reads 0 for ever.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::levels::{FAULT, LOWEST};

/// The highest value that still changes something: base 1 raised to 254.
const HIGHEST: i32 = 253;

#[derive(Debug, thiserror::Error)]
pub enum WeightError {
    #[error("weight {value} is outside {FAULT}…{HIGHEST}; keepalived would clamp it")]
    Range { value: i32 },
    #[error(
        "the directory {directory} does not exist; create it with systemd-tmpfiles --create hau.conf, then reload keepalived (it watches the directory)"
    )]
    NoDirectory { directory: PathBuf },
    #[error("write {file}")]
    Write {
        file: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("read {file}")]
    Read {
        file: PathBuf,
        #[source]
        source: io::Error,
    },
}

/// The tracked file, or the durable copy of it.
#[derive(Debug, Clone)]
pub struct WeightFile {
    path: PathBuf,
}

impl WeightFile {
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes the file say `value`, −254…253. Returns false when it said so already: nothing was touched.
    ///
    /// # Errors
    /// A value out of range, a directory that does not exist, or the write itself.
    pub fn write(&self, value: i32) -> Result<bool, WeightError> {
        if !(FAULT..=HIGHEST).contains(&value) {
            return Err(WeightError::Range { value });
        }
        let wanted = format!("{value}\n");
        if self.is_plain() && fs::read(&self.path).is_ok_and(|now| now == wanted.as_bytes()) {
            return Ok(false);
        }
        let directory = self.path.parent().unwrap_or(Path::new("."));
        if !directory.is_dir() {
            return Err(WeightError::NoDirectory {
                directory: directory.to_path_buf(),
            });
        }
        replace(directory, &self.path, wanted.as_bytes()).map_err(|source| WeightError::Write {
            file: self.path.clone(),
            source,
        })?;
        Ok(true)
    }

    /// The value as we write it; nothing when the file is missing or holds anything else (keepalived would guess; we do not).
    ///
    /// # Errors
    /// When the file exists and cannot be read.
    pub fn read(&self) -> Result<Option<i32>, WeightError> {
        match fs::read(&self.path) {
            Ok(bytes) => Ok(parse(&bytes)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(WeightError::Read {
                file: self.path.clone(),
                source,
            }),
        }
    }

    /// A link would be read through, but changes behind it are not noticed by keepalived.
    fn is_plain(&self) -> bool {
        fs::symlink_metadata(&self.path).is_ok_and(|m| m.is_file())
    }
}

/// For the unit that runs before keepalived at boot, when `/run` is empty: writes the last durable value into the tracked
/// file, or the lowest when it is unknown, so that a half-upgraded node never outranks a good one. Values that hold only within
/// a fast hand-off (FAULT, and anything above 0) count as unknown: power was lost in the middle of it. A tracked file that is
/// already there is left alone: the daemon's value is newer. Returns what the file says now.
///
/// # Errors
/// When the tracked file cannot be written or read; an unreadable durable copy counts as unknown.
pub fn restore(durable: &Path, track_file: &Path) -> Result<i32, WeightError> {
    let track = WeightFile::new(track_file);
    if let Some(value) = track.read()? {
        return Ok(value);
    }
    let last = WeightFile::new(durable).read().ok().flatten();
    let value = last.filter(|v| (LOWEST..=0).contains(v)).unwrap_or(LOWEST);
    track.write(value)?;
    Ok(value)
}

fn replace(directory: &Path, path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = tempfile::Builder::new()
        .prefix(".weight.")
        .permissions(fs::Permissions::from_mode(0o644))
        .tempfile_in(directory)?;
    file.write_all(content)?;
    // the umask had its say at creation
    file.as_file()
        .set_permissions(fs::Permissions::from_mode(0o644))?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|e| e.error)?;
    fs::File::open(directory)?.sync_all()
}

fn parse(bytes: &[u8]) -> Option<i32> {
    let text = std::str::from_utf8(bytes).ok()?;
    let value: i32 = text.strip_suffix('\n')?.parse().ok()?;
    // strtol would read +7, 010 or 0x10 in its own way: only what we write ourselves counts
    (format!("{value}\n") == text && (FAULT..=HIGHEST).contains(&value)).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn writes_by_rename_and_only_when_needed() {
        let dir = tempfile::tempdir().unwrap();
        let file = WeightFile::new(dir.path().join("weight"));
        assert_eq!(file.read().unwrap(), None);
        assert!(file.write(0).unwrap());
        assert_eq!(fs::read(file.path()).unwrap(), b"0\n");
        let first = fs::metadata(file.path()).unwrap();
        assert_eq!(first.mode() & 0o7777, 0o644);
        assert!(!file.write(0).unwrap());
        assert_eq!(fs::metadata(file.path()).unwrap().ino(), first.ino());
        // held open, the old inode cannot be used again for the new file
        let held = fs::File::open(file.path()).unwrap();
        assert!(file.write(-254).unwrap());
        assert_ne!(
            fs::metadata(file.path()).unwrap().ino(),
            held.metadata().unwrap().ino()
        );
        assert_eq!(file.read().unwrap(), Some(-254));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn replaces_garbage_and_links() {
        let dir = tempfile::tempdir().unwrap();
        let file = WeightFile::new(dir.path().join("weight"));
        for garbage in [
            "", "5", "010\n", "+7\n", "0x10\n", "abc\n", " 5\n", "-0\n", "999\n", "5\n\n",
        ] {
            fs::write(file.path(), garbage).unwrap();
            assert_eq!(file.read().unwrap(), None, "{garbage:?}");
            assert!(file.write(5).unwrap());
            assert_eq!(file.read().unwrap(), Some(5));
        }
        fs::write(dir.path().join("other"), "5\n").unwrap();
        fs::remove_file(file.path()).unwrap();
        std::os::unix::fs::symlink("other", file.path()).unwrap();
        assert!(file.write(5).unwrap());
        assert!(fs::symlink_metadata(file.path()).unwrap().is_file());
    }

    #[test]
    fn refuses_what_keepalived_would_clamp() {
        let dir = tempfile::tempdir().unwrap();
        let file = WeightFile::new(dir.path().join("weight"));
        for value in [-255, 254, i32::MAX, i32::MIN] {
            assert!(matches!(file.write(value), Err(WeightError::Range { .. })));
        }
        assert!(!file.path().exists());
    }

    #[test]
    fn never_makes_the_directory() {
        let dir = tempfile::tempdir().unwrap();
        let gone = dir.path().join("track");
        let error = WeightFile::new(gone.join("weight")).write(0).unwrap_err();
        assert!(error.to_string().contains("systemd-tmpfiles --create"));
        assert!(!gone.exists());
    }

    #[test]
    fn a_boot_restores_the_last_value_or_the_lowest() {
        let dir = tempfile::tempdir().unwrap();
        let (durable, track) = (dir.path().join("durable"), dir.path().join("track"));
        let boot = |last: Option<&str>| {
            fs::remove_file(&track).ok();
            fs::remove_file(&durable).ok();
            if let Some(last) = last {
                fs::write(&durable, last).unwrap();
            }
            let value = restore(&durable, &track).unwrap();
            assert_eq!(fs::read_to_string(&track).unwrap(), format!("{value}\n"));
            value
        };
        assert_eq!(boot(Some("-57\n")), -57);
        assert_eq!(boot(Some("0\n")), 0);
        assert_eq!(boot(Some("144\n")), -253);
        assert_eq!(boot(None), -253);
        assert_eq!(boot(Some("rubbish")), -253);
        assert_eq!(boot(Some("-254\n")), -253);
    }

    /// It may come to another value of its own for the moments until the daemon is there, but none that wins the VIP
    /// against this node's configured priority.
    #[test]
    fn a_flipped_bit_in_the_durable_copy_raises_nobody() {
        let dir = tempfile::tempdir().unwrap();
        let (durable, track) = (dir.path().join("durable"), dir.path().join("track"));
        for text in ["-253\n", "-57\n", "0\n"] {
            for bit in 0..text.len() * 8 {
                let mut bytes = text.as_bytes().to_vec();
                bytes[bit / 8] ^= 1 << (bit % 8);
                fs::write(&durable, &bytes).unwrap();
                fs::remove_file(&track).ok();
                let value = restore(&durable, &track).unwrap();
                assert!((LOWEST..=0).contains(&value), "{bytes:?} became {value}");
                assert_eq!(fs::read_to_string(&track).unwrap(), format!("{value}\n"));
            }
        }
    }

    #[test]
    fn a_restart_of_the_unit_does_not_undo_the_daemon() {
        let dir = tempfile::tempdir().unwrap();
        let (durable, track) = (dir.path().join("durable"), dir.path().join("track"));
        fs::write(&durable, "-57\n").unwrap();
        fs::write(&track, "-20\n").unwrap();
        assert_eq!(restore(&durable, &track).unwrap(), -20);
        fs::write(&track, "").unwrap();
        assert_eq!(restore(&durable, &track).unwrap(), -57);
    }
}
