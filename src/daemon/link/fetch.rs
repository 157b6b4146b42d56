//! Fetches a file from the other node, all of it or part by part. What came before a cut stays beside the target
//! (`partial.rs`); the next try asks for the rest of exactly that file, and for all of it if it has changed.

use std::path::Path;
use std::time::{Duration, Instant};

use http_body_util::BodyExt;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_RANGE, ETAG, HeaderName, IF_RANGE, RANGE};
use hyper::{Response, StatusCode};
use tokio::time::timeout;

use super::connection::{Connection, Unsent};
use super::partial::Partial;
use super::{FRESH, LinkError, PeerLink};
use crate::daemon::door::{Method, SIZE_HEADER};
use crate::wire::Answer;

/// Without a byte for so long, the connection is dead: what came is kept for the next try.
const STALL: Duration = Duration::from_secs(15);

/// A file on its way here, which grows from its first byte on.
///
/// All of it blocks: never call it in an async task.
pub struct Fetch<'a> {
    link: &'a PeerLink,
    path: &'a str,
    end: Instant,
    partial: Partial,
    /// Of its own: no other request waits for it. Since when it is idle.
    connection: Option<(Connection, Instant)>,
}

/// What the other node gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Came {
    /// What was asked for, of a file of this size.
    Part(u64),
    /// All of the file, which has this size: it is another one than before, or is not given in parts.
    Whole(u64),
}

impl Came {
    pub fn size(self) -> u64 {
        let (Came::Part(size) | Came::Whole(size)) = self;
        size
    }
}

impl PeerLink {
    /// Begins to fetch `GET path` into `to` (mode 0600), or goes on where an earlier try was cut off; `limit` for
    /// everything.
    ///
    /// # Errors
    /// No trust, another fetch of it, the local disk.
    pub fn fetch<'a>(
        &'a self,
        path: &'a str,
        to: &Path,
        limit: Duration,
    ) -> Result<Fetch<'a>, LinkError> {
        self.trust.pinned().ok_or(LinkError::NotPaired)?;
        Ok(Fetch {
            link: self,
            path,
            end: Instant::now() + limit,
            partial: Partial::open(to)?,
            connection: None,
        })
    }
}

impl Fetch<'_> {
    /// So many bytes are here.
    pub fn have(&self) -> u64 {
        self.partial.have
    }

    /// The file that they lie in.
    pub fn partial(&self) -> &Path {
        &self.partial.path
    }

    /// Appends what the other node has from here up to `end`, or all there is. Tells `seen` how many bytes are here of
    /// how many, again and again.
    ///
    /// # Errors
    /// As for a request; the other node has no such file; the local disk. After a cut or a late end what came is kept.
    pub fn ask(
        &mut self,
        end: Option<u64>,
        seen: &mut dyn FnMut(u64, u64),
    ) -> Result<Came, LinkError> {
        let (mut connection, mut response) = self.answer(end)?;
        if response.status() == StatusCode::RANGE_NOT_SATISFIABLE {
            // It came whole, and a crash kept it from getting its name; or it is empty.
            self.run(STALL, connection.whole(self.path, response))??;
            self.partial.begin_again(None)?;
            self.connection = Some((connection, Instant::now()));
            (connection, response) = self.answer(None)?;
        }
        let (came, until, mut body) = self.begin(end, &mut connection, response)?;
        let size = came.size();
        while let Some(frame) = self.run(STALL, body.frame())? {
            let frame = match frame {
                Ok(frame) => frame,
                Err(error) => return Err(self.run(STALL, connection.broken(error))?),
            };
            let piece = frame.into_data().unwrap_or_default();
            if piece.len() as u64 > until.saturating_sub(self.partial.have) {
                self.partial.begin_again(None)?;
                return Err(self.piece("more of it than asked for".into()));
            }
            self.partial.write(&piece)?;
            seen(self.partial.have, size);
        }
        if self.partial.have != until {
            let what = format!("{} bytes instead of {until}", self.partial.have);
            self.partial.begin_again(None)?;
            return Err(self.piece(what));
        }
        self.connection = Some((connection, Instant::now()));
        Ok(came)
    }

    /// Appends bytes from here.
    ///
    /// # Errors
    /// The time is over, or the local disk.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), LinkError> {
        if Instant::now() >= self.end {
            return Err(self.link.late(self.path, Duration::ZERO));
        }
        self.partial.write(bytes)
    }

    /// Forgets what is here from `at` on.
    ///
    /// # Errors
    /// The local disk.
    pub fn cut(&mut self, at: u64) -> Result<(), LinkError> {
        self.partial.cut(at)
    }

    /// The file appears, on disk, and with the given SHA-256 (hex), or not at all.
    ///
    /// # Errors
    /// It is damaged; the local disk.
    pub fn finish(self, sha256: Option<&str>) -> Result<(), LinkError> {
        self.partial.finish(self.path, sha256)
    }

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

    /// Asks for what is missing up to `end`.
    fn answer(&mut self, end: Option<u64>) -> Result<(Connection, Response<Incoming>), LinkError> {
        let have = self.partial.have;
        let last = end.map_or(String::new(), |end| end.saturating_sub(1).to_string());
        let range = format!("bytes={have}-{last}");
        let headers: &[(HeaderName, &str)] = match (have, &self.partial.tag) {
            (0, _) if end.is_some() => &[(RANGE, &range)],
            (1.., Some(tag)) => &[(RANGE, &range), (IF_RANGE, tag)],
            _ => &[],
        };
        // One that was idle for longer the other side may be closing just now: copying takes its time.
        let kept = self.connection.take();
        if let Some((mut connection, since)) = kept
            && since.elapsed() < FRESH
        {
            let request = connection.build(Method::Get, self.path, Bytes::new(), headers)?;
            match self.run(STALL, connection.send(request))?? {
                Ok(response) => return Ok((connection, response)),
                Err(Unsent(error)) => tracing::debug!(%error, "a kept connection is gone"),
            }
        }
        let mut connection = self.run(Duration::MAX, self.link.open())??;
        let request = connection.build(Method::Get, self.path, Bytes::new(), headers)?;
        match self.run(STALL, connection.send(request))?? {
            Ok(response) => Ok((connection, response)),
            Err(Unsent(error)) => Err(self.run(STALL, connection.broken(error))?),
        }
    }

    /// Makes the partial file ready for what this answer brings, and says up to where that goes.
    fn begin(
        &mut self,
        end: Option<u64>,
        connection: &mut Connection,
        response: Response<Incoming>,
    ) -> Result<(Came, u64, Incoming), LinkError> {
        let header = |name| response.headers().get(name)?.to_str().ok();
        let tag = header(ETAG.as_str());
        let size = header(SIZE_HEADER).and_then(|size| size.parse().ok());
        let size = size.ok_or_else(|| self.piece("without its size".into()));
        match response.status() {
            StatusCode::OK => {
                let size = size?;
                self.partial.begin_again(tag)?;
                Ok((Came::Whole(size), size, response.into_body()))
            }
            StatusCode::PARTIAL_CONTENT => {
                let (have, size) = (self.partial.have, size?);
                let until = end.map_or(size, |end| end.min(size));
                let wanted = format!("bytes {have}-{}/{size}", until.saturating_sub(1));
                if header(CONTENT_RANGE.as_str()) != Some(&wanted) {
                    return Err(self.piece("another part of it than asked for".into()));
                }
                if have == 0 {
                    self.partial.begin_again(tag)?;
                }
                Ok((Came::Part(size), until, response.into_body()))
            }
            status => {
                let words = self.run(STALL, connection.whole(self.path, response))??;
                Err(self.denied(status, &words))
            }
        }
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
