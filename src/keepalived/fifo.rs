//! keepalived's notify FIFO: the ordered source of what happened, and the acknowledgement of a weight.
//!
//! Notify scripts run unordered and late; lines of the FIFO do not. We make the FIFO before keepalived starts, so that a reload
//! keeps it, and hold it open for writing too, so that there is never an end of file.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::stat::Mode;
use serde::{Deserialize, Serialize};

/// Longest line we keep; keepalived's names are at most 255 bytes.
const LINE_LIMIT: usize = 1024;

/// VRRP state, as keepalived says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum State {
    Master,
    Backup,
    Fault,
    /// keepalived stops.
    Stop,
    /// The instance is gone after a reload.
    Deleted,
}

impl FromStr for State {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        Ok(match word {
            "MASTER" => Self::Master,
            "BACKUP" => Self::Backup,
            "FAULT" => Self::Fault,
            "STOP" => Self::Stop,
            "DELETED" => Self::Deleted,
            _ => return Err(()),
        })
    }
}

/// Whom a line is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Instance,
    Group,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// A new state. At keepalived's start and after a reload it may say what was so already.
    State(State),
    /// The effective priority changed while in this state: keepalived has applied a weight.
    Priority(State),
    /// As MASTER it heard another MASTER with a lower priority.
    LowerMasterHeard,
}

/// One line: `INSTANCE "web" MASTER 110`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    pub kind: Kind,
    pub name: String,
    pub what: What,
    /// Effective priority; always 0 for a group.
    pub priority: i32,
}

impl FromStr for Event {
    type Err = LineError;

    fn from_str(line: &str) -> Result<Self, LineError> {
        parse(line).ok_or_else(|| LineError {
            line: line.chars().take(100).collect(),
        })
    }
}

/// A line that keepalived does not write; the reader passes over it and goes on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the notify FIFO said {line:?}, which is no keepalived line; does another program write to it?"
)]
pub struct LineError {
    line: String,
}

#[derive(Debug, thiserror::Error)]
pub enum FifoError {
    #[error("create the notify FIFO {path}; its directory comes from systemd-tmpfiles")]
    Create {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{path} is not a FIFO; remove it, then restart hau-sidecar and keepalived")]
    NotFifo { path: PathBuf },
    #[error("open the notify FIFO {path}")]
    Open {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("read the notify FIFO {path}")]
    Read {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

/// What one call of [`Reader::next`] brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    pub event: Result<Event, LineError>,
    /// The line was waiting before we opened the FIFO: history, not news.
    pub stale: bool,
}

/// Reads the FIFO line by line.
#[derive(Debug)]
pub struct Reader {
    path: PathBuf,
    file: File,
    /// What stood in the FIFO when it was opened, and is not yet handed out.
    stale: Lines,
    fresh: Lines,
}

impl Reader {
    /// Makes the FIFO if it is not there (mode 0600, ours), opens it, and sets aside what an earlier reader left in it.
    ///
    /// # Errors
    /// When the path is something else, or cannot be made or opened.
    pub fn open(path: &Path) -> Result<Self, FifoError> {
        let file = open(path)?;
        let mut reader = Self {
            path: path.to_path_buf(),
            file,
            stale: Lines::default(),
            fresh: Lines::default(),
        };
        while let Some(bytes) = reader.read()? {
            reader.stale.feed(&bytes);
        }
        // a line cut in two by our start is finished by the next read
        reader.fresh.part = std::mem::take(&mut reader.stale.part);
        Ok(reader)
    }

    /// Waits up to `limit` for the next line. Nothing after that time; call again. Notices when keepalived has put another FIFO in place of ours,
    /// and opens that one.
    ///
    /// # Errors
    /// When the FIFO can no longer be read or opened.
    pub fn next(&mut self, limit: Duration) -> Result<Option<Heard>, FifoError> {
        if let Some(line) = self.stale.take() {
            return Ok(Some(heard(&line, true)));
        }
        if let Some(line) = self.fresh.take() {
            return Ok(Some(heard(&line, false)));
        }
        let wait = PollTimeout::try_from(limit).unwrap_or(PollTimeout::MAX);
        let mut fds = [PollFd::new(self.file.as_fd(), PollFlags::POLLIN)];
        match poll(&mut fds, wait) {
            Ok(_) | Err(nix::errno::Errno::EINTR) => {}
            Err(errno) => return Err(self.read_error(errno.into())),
        }
        while let Some(bytes) = self.read()? {
            self.fresh.feed(&bytes);
        }
        if self.replaced() {
            self.file = open(&self.path)?;
            self.fresh.part.clear();
            while let Some(bytes) = self.read()? {
                self.fresh.feed(&bytes);
            }
        }
        Ok(self.fresh.take().map(|line| heard(&line, false)))
    }

    /// Calls `on` for each line until it answers false. Meant for a thread of its own; `on(None)` comes at least every second.
    ///
    /// # Errors
    /// As [`Reader::next`].
    pub fn run(&mut self, mut on: impl FnMut(Option<Heard>) -> bool) -> Result<(), FifoError> {
        while on(self.next(Duration::from_secs(1))?) {}
        Ok(())
    }

    fn read(&mut self) -> Result<Option<Vec<u8>>, FifoError> {
        let mut buffer = [0; 4096];
        loop {
            match self.file.read(&mut buffer) {
                Ok(0) => return Ok(None),
                Ok(n) => return Ok(Some(buffer[..n].to_vec())),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(self.read_error(e)),
            }
        }
    }

    fn replaced(&self) -> bool {
        let Ok(ours) = self.file.metadata() else {
            return true;
        };
        let now = fs::symlink_metadata(&self.path);
        !now.is_ok_and(|m| (m.dev(), m.ino()) == (ours.dev(), ours.ino()))
    }

    fn read_error(&self, source: io::Error) -> FifoError {
        FifoError::Read {
            path: self.path.clone(),
            source,
        }
    }
}

fn open(path: &Path) -> Result<File, FifoError> {
    match nix::unistd::mkfifo(path, Mode::S_IRUSR | Mode::S_IWUSR) {
        Ok(()) | Err(nix::errno::Errno::EEXIST) => {}
        Err(errno) => {
            return Err(FifoError::Create {
                path: path.to_path_buf(),
                source: errno.into(),
            });
        }
    }
    let flags = OFlag::O_NONBLOCK | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let opened = fs::OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(flags.bits())
        .open(path)
        .map_err(|source| FifoError::Open {
            path: path.to_path_buf(),
            source,
        })?;
    match opened.metadata() {
        Ok(m) if m.file_type().is_fifo() => Ok(opened),
        Ok(_) | Err(_) => Err(FifoError::NotFifo {
            path: path.to_path_buf(),
        }),
    }
}

/// Whole lines out of a stream of bytes; a line over the limit is dropped to its end.
#[derive(Debug, Default)]
struct Lines {
    whole: std::collections::VecDeque<String>,
    part: Vec<u8>,
}

impl Lines {
    fn feed(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if *byte != b'\n' {
                if self.part.len() <= LINE_LIMIT {
                    self.part.push(*byte);
                }
                continue;
            }
            let line = String::from_utf8_lossy(&self.part).into_owned();
            self.part.clear();
            self.whole.push_back(line);
        }
    }

    fn take(&mut self) -> Option<String> {
        self.whole.pop_front()
    }
}

fn heard(line: &str, stale: bool) -> Heard {
    Heard {
        event: line.parse(),
        stale,
    }
}

fn parse(line: &str) -> Option<Event> {
    if line.len() > LINE_LIMIT {
        return None;
    }
    let (kind, rest) = line.split_once(' ')?;
    let kind = match kind {
        "INSTANCE" => Kind::Instance,
        "GROUP" => Kind::Group,
        _ => return None,
    };
    // a name may hold blanks, and nothing escapes a quote in it: the last quote ends it
    let (name, rest) = rest.strip_prefix('"')?.rsplit_once("\" ")?;
    let (word, priority) = rest.split_once(' ')?;
    let what = match word.strip_suffix("_PRIORITY") {
        Some(state) => What::Priority(state.parse().ok()?),
        None if word == "MASTER_RX_LOWER_PRI" => What::LowerMasterHeard,
        None => What::State(word.parse().ok()?),
    };
    Some(Event {
        kind,
        name: name.to_owned(),
        what,
        priority: priority.trim_end().parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn says(line: &str) -> Option<(Kind, String, What, i32)> {
        let e: Event = line.parse().ok()?;
        Some((e.kind, e.name, e.what, e.priority))
    }

    #[test]
    fn lines_of_keepalived() {
        let of = |what, priority| Some((Kind::Instance, "VI_1".to_owned(), what, priority));
        assert_eq!(
            says("INSTANCE \"VI_1\" BACKUP 120"),
            of(What::State(State::Backup), 120)
        );
        assert_eq!(
            says("INSTANCE \"VI_1\" FAULT 1"),
            of(What::State(State::Fault), 1)
        );
        assert_eq!(
            says("INSTANCE \"VI_1\" MASTER_PRIORITY 130"),
            of(What::Priority(State::Master), 130)
        );
        assert_eq!(
            says("INSTANCE \"VI_1\" MASTER_RX_LOWER_PRI 120"),
            of(What::LowerMasterHeard, 120)
        );
        let group = says("GROUP \"a \"b\" MASTER 0").unwrap();
        assert_eq!((group.0, group.1.as_str()), (Kind::Group, "a \"b"));
    }

    #[test]
    fn anything_else_is_refused() {
        for line in [
            "",
            "INSTANCE",
            "INSTANCE \"x\" ",
            "INSTANCE x MASTER 1",
            "INSTANCE \"x\" SLEEP 1",
            "HOST \"x\" MASTER 1",
            "INSTANCE \"x\" MASTER one",
            "INSTANCE \"x\" RX_PRIORITY 1",
        ] {
            assert_eq!(says(line), None, "{line}");
        }
        let long = format!("INSTANCE \"{}\" MASTER 1", "x".repeat(2 * LINE_LIMIT));
        assert!(long.parse::<Event>().is_err());
    }

    fn write(path: &Path, text: &str) {
        let mut file = fs::OpenOptions::new()
            .read(true)
            .write(true)
            .open(path)
            .unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    fn next(reader: &mut Reader) -> Option<(i32, bool)> {
        let heard = reader.next(Duration::from_millis(1)).unwrap()?;
        Some((heard.event.map_or(-1, |e| e.priority), heard.stale))
    }

    #[test]
    fn old_lines_are_stale_and_new_ones_are_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("fifo");
        // as an earlier sidecar left it, with keepalived still holding it open
        let earlier = Reader::open(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        write(&path, "INSTANCE \"w\" MASTER 1\nINSTANCE \"w\" BAC");
        let mut reader = Reader::open(&path).unwrap();
        drop(earlier);
        write(&path, "KUP 2\nrubbish\n");
        assert_eq!(next(&mut reader), Some((1, true)));
        assert_eq!(next(&mut reader), Some((2, false)));
        assert_eq!(next(&mut reader), Some((-1, false)));
        assert_eq!(next(&mut reader), None);
    }

    #[test]
    fn another_fifo_in_its_place_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("fifo");
        let mut reader = Reader::open(&path).unwrap();
        write(&path, "INSTANCE \"w\" MASTER 1\n");
        fs::remove_file(&path).unwrap();
        let other = Reader::open(&path).unwrap();
        write(&path, "INSTANCE \"w\" MASTER 2\n");
        assert_eq!(next(&mut reader), Some((1, false)));
        assert_eq!(next(&mut reader), Some((2, false)));
        fs::remove_file(&path).unwrap();
        assert_eq!(next(&mut reader), None);
        assert!(path.exists());
        drop(other);
    }

    #[test]
    fn an_endless_line_costs_no_memory_and_ends_with_its_newline() {
        let mut lines = Lines::default();
        lines.feed(&[b'x'; 100_000]);
        assert!(lines.part.len() <= LINE_LIMIT + 1);
        lines.feed(b"\nINSTANCE \"w\" MASTER 7\n");
        assert!(lines.take().unwrap().parse::<Event>().is_err());
        assert_eq!(says(&lines.take().unwrap()).unwrap().3, 7);
    }

    #[test]
    fn a_plain_file_in_its_place_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("fifo");
        fs::write(&path, "").unwrap();
        let error = Reader::open(&path).unwrap_err().to_string();
        assert!(error.contains("is not a FIFO; remove it"), "{error}");
    }

    #[test]
    fn run_ends_when_told() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("fifo");
        let mut reader = Reader::open(&path).unwrap();
        write(&path, "INSTANCE \"w\" MASTER 1\nINSTANCE \"w\" MASTER 2\n");
        let mut seen = Vec::new();
        reader
            .run(|heard| {
                seen.extend(heard.and_then(|h| h.event.ok()).map(|e| e.priority));
                seen.len() < 2
            })
            .unwrap();
        assert_eq!(seen, [1, 2]);
    }
}
