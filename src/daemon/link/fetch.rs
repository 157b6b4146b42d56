//! Fetches a file from the other node. What came before a cut stays beside the target as
//! `NAME.partial`, with the file's tag in `NAME.partial.tag`; the next try asks for the rest of
//! exactly that file, and for all of it if it has changed.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use http_body_util::BodyExt;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_RANGE, ETAG, HeaderName, IF_RANGE, RANGE};
use hyper::{Response, StatusCode};
use sha2::{Digest, Sha256};
use tokio::time::timeout;

use super::connection::{Connection, Unsent};
use super::{LinkError, PeerLink};
use crate::daemon::door::{Method, SIZE_HEADER};
use crate::wire::Answer;

/// Without a byte for so long, the connection is dead: what came is kept for the next try.
const STALL: Duration = Duration::from_secs(15);

impl PeerLink {
    /// Streams `GET path` into `to` (mode 0600), `limit` for everything, over a connection of its
    /// own: no other request waits for it. Goes on where an earlier try was cut off. The file
    /// appears whole, on disk, and with the given SHA-256 (hex), or not at all. Returns its size.
    ///
    /// Blocks: never call it in an async task.
    ///
    /// # Errors
    /// As for a request; the other node has no such file; it came damaged; the local disk.
    /// After a cut or a late end, call it again: what came is kept.
    pub fn fetch(
        &self,
        path: &str,
        to: &Path,
        sha256: Option<&str>,
        limit: Duration,
    ) -> Result<u64, LinkError> {
        let wait = Wait {
            link: self,
            path,
            end: Instant::now() + limit,
        };
        self.trust.pinned().ok_or(LinkError::NotPaired)?;
        let mut partial = Partial::open(to)?;
        let mut connection = wait.run(limit, self.open())??;
        let mut response = wait.ask(&mut connection, &partial)?;
        if response.status() == StatusCode::RANGE_NOT_SATISFIABLE {
            // It came whole, and a crash kept it from getting its name.
            wait.run(STALL, connection.whole(path, response))??;
            partial.begin_again(None)?;
            response = wait.ask(&mut connection, &partial)?;
        }
        let (size, mut body) = wait.begin(&mut connection, &mut partial, response)?;
        while let Some(frame) = wait.run(STALL, body.frame())? {
            let frame = match frame {
                Ok(frame) => frame,
                Err(error) => return Err(wait.run(STALL, connection.broken(error))?),
            };
            if let Ok(piece) = frame.into_data() {
                partial.write(&piece)?;
            }
        }
        if partial.have != size {
            let what = format!("{} bytes instead of {size}", partial.have);
            partial.begin_again(None)?;
            return Err(wait.piece(what));
        }
        partial.finish(path, sha256)?;
        Ok(size)
    }
}

/// One fetch's patience.
struct Wait<'a> {
    link: &'a PeerLink,
    path: &'a str,
    end: Instant,
}

impl Wait<'_> {
    /// Waits at most `limit`, and not beyond the end of the whole fetch.
    fn run<F: Future>(&self, limit: Duration, future: F) -> Result<F::Output, LinkError> {
        let limit = limit.min(self.end.saturating_duration_since(Instant::now()));
        // Made within the runtime, for it needs the runtime's clock.
        let outcome = self
            .link
            .runtime
            .block_on(async { timeout(limit, future).await });
        outcome.map_err(|_| self.link.late(self.path, limit))
    }

    /// Asks for what is missing.
    fn ask(
        &self,
        connection: &mut Connection,
        partial: &Partial,
    ) -> Result<Response<Incoming>, LinkError> {
        let range = format!("bytes={}-", partial.have);
        let headers: &[(HeaderName, &str)] = match &partial.tag {
            Some(tag) if partial.have > 0 => &[(RANGE, &range), (IF_RANGE, tag)],
            Some(_) | None => &[],
        };
        let request = connection.build(Method::Get, self.path, Bytes::new(), headers)?;
        match self.run(STALL, connection.send(request))?? {
            Ok(response) => Ok(response),
            Err(Unsent(error)) => Err(self.run(STALL, connection.broken(error))?),
        }
    }

    /// Makes the partial file ready for what this answer brings; returns the size of the whole.
    fn begin(
        &self,
        connection: &mut Connection,
        partial: &mut Partial,
        response: Response<Incoming>,
    ) -> Result<(u64, Incoming), LinkError> {
        let header = |name| response.headers().get(name)?.to_str().ok();
        let size = header(SIZE_HEADER).and_then(|size| size.parse().ok());
        match response.status() {
            StatusCode::OK => partial.begin_again(header(ETAG.as_str()))?,
            StatusCode::PARTIAL_CONTENT => {
                let wanted = format!("bytes {}-", partial.have);
                let range = header(CONTENT_RANGE.as_str());
                if !range.is_some_and(|range| range.starts_with(&wanted)) {
                    return Err(self.piece("another part of it than asked for".into()));
                }
            }
            status => {
                let words = self.run(STALL, connection.whole(self.path, response))??;
                return Err(self.denied(status, &words));
            }
        }
        let size = size.ok_or_else(|| self.piece("without its size".into()))?;
        Ok((size, response.into_body()))
    }

    fn denied(&self, status: StatusCode, words: &[u8]) -> LinkError {
        let failure = serde_json::from_slice::<Answer<()>>(words).ok();
        let failure = failure.and_then(|answer| answer.error);
        LinkError::Denied {
            path: self.path.to_string(),
            status: status.as_u16(),
            what: failure.map(|failure| failure.what).unwrap_or_default(),
        }
    }

    fn piece(&self, what: String) -> LinkError {
        LinkError::Piece {
            path: self.path.to_string(),
            what,
        }
    }
}

/// What has come so far; locked, so that two fetches never write one file.
struct Partial {
    file: File,
    path: PathBuf,
    tag_path: PathBuf,
    to: PathBuf,
    have: u64,
    /// Of which file this is a part.
    tag: Option<String>,
}

impl Partial {
    fn open(to: &Path) -> Result<Partial, LinkError> {
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
    fn begin_again(&mut self, tag: Option<&str>) -> Result<(), LinkError> {
        // In this order: never are there bytes under a tag that is not theirs.
        self.file.set_len(0).map_err(cannot("empty", &self.path))?;
        self.have = 0;
        self.tag = tag.map(str::to_string);
        match tag {
            Some(tag) => fs::write(&self.tag_path, tag).map_err(cannot("write", &self.tag_path)),
            None => remove(&self.tag_path),
        }
    }

    fn write(&mut self, piece: &[u8]) -> Result<(), LinkError> {
        let written = self.file.write_all(piece);
        written.map_err(cannot("write", &self.path))?;
        self.have += piece.len() as u64;
        Ok(())
    }

    /// Reads back, compares, and gives the file its name.
    fn finish(mut self, path: &str, sha256: Option<&str>) -> Result<(), LinkError> {
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
