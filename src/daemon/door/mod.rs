//! The three doors to the one API: the Unix socket, mutual TLS for the other node, and a plain one
//! that only reads. They differ in how a caller is known; what a caller may do, the [`Service`] says.
//!
//! A door is first opened (then the socket listens) and then served: all doors open is "ready".

mod file;
mod http;
mod listen;
mod quiet;
mod stall;
mod who;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use hyper::body::Bytes;
use tokio::sync::mpsc;

use crate::tls::Fingerprint;
pub use listen::OpenDoor;
pub(in crate::daemon) use who::user_name;

/// Has the size of a whole file, in bytes, whatever part of it is sent.
pub(crate) const SIZE_HEADER: &str = "x-hau-size";

/// What hangs behind every door. Called on a thread that may block; calls run side by side.
pub trait Service: Send + Sync + 'static {
    /// Answers one request. Its caller may have gone away meanwhile: then nobody gets the answer.
    fn call(&self, call: Call) -> Reply;
}

/// By which door somebody came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// The Unix socket: everything, callers known by the kernel.
    Unix,
    /// Mutual TLS between the nodes.
    Peer,
    /// Plain HTTP: reading only.
    Plain,
}

impl fmt::Display for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unix => "Unix",
            Self::Peer => "peer",
            Self::Plain => "plain",
        })
    }
}

/// Who calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Where it came in.
    pub door: Door,
    /// What is known about it.
    pub who: Who,
}

/// What is known about a caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// A process of this host, as it was when it connected.
    Local {
        /// Its effective user.
        uid: u32,
        /// Its effective group.
        gid: u32,
        /// `None` if it lives in another PID namespace.
        pid: Option<i32>,
        /// `gid` and the supplementary groups; these are missing if the process is already gone, or root's.
        groups: Vec<u32>,
    },
    /// Somebody with a certificate.
    Peer {
        /// It is the other node. If not, a pairing window is open, and it may ask to be paired.
        pinned: bool,
        /// Of its certificate.
        fingerprint: Fingerprint,
        /// Its certificate.
        cert_der: Vec<u8>,
        /// Whence.
        address: SocketAddr,
    },
    /// Anybody.
    Remote {
        /// Whence.
        address: SocketAddr,
    },
}

/// What is asked for. `HEAD` comes as `Get`; every other method is answered by the door with 405.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Acts.
    Post,
}

/// One request.
#[derive(Clone, Debug)]
pub struct Call {
    /// `GET` or `POST`.
    pub method: Method,
    /// From the leading slash to the `?`, percent signs as sent.
    pub path: String,
    /// What follows the `?`, as sent.
    pub query: Option<String>,
    /// Whole; at most [`Limits::body_bytes`].
    pub body: Vec<u8>,
    /// The `Host:` header; `None` if there is not exactly one that is text.
    pub host: Option<String>,
    /// The `Accept-Language:` header, as sent; empty if there is none.
    pub languages: String,
    /// N of a `Range: bytes=N-` header, or 0: give it to [`Reply::File`].
    pub offset: u64,
    /// Who calls.
    pub caller: Caller,
}

/// One answer.
#[derive(Debug)]
pub enum Reply {
    /// A whole answer.
    Body {
        /// HTTP status.
        status: u16,
        /// `application/json` or another.
        content_type: &'static str,
        /// The body.
        bytes: Vec<u8>,
    },
    /// A page for a browser: 200.
    Page {
        /// Whole.
        html: String,
        /// Its `Content-Security-Policy`.
        policy: &'static str,
    },
    /// Server-sent events, each as it is sent; 200. The sender learns that the client has gone, or stalls, by its
    /// receiver being dropped.
    Events(mpsc::Receiver<io::Result<Bytes>>),
    /// A file, streamed: 200, or 206 if `offset` is not 0. `X-Hau-Size` has the size of the whole,
    /// `ETag` changes with the file. An `If-Range` header with another tag makes `offset` 0; an
    /// `offset` at or behind the end is answered 416. 404 if there is no such regular file.
    File {
        /// Which.
        path: PathBuf,
        /// First byte to send.
        offset: u64,
    },
}

/// What one caller may cost. Never more than this, whoever it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// For the TLS handshake, and until a request's header is complete: from the opening of the
    /// connection or the end of the last answer on, so it bounds an idle connection too.
    pub header: Duration,
    /// From the header to the beginning of the answer, whatever the service does.
    pub request: Duration,
    /// For a client that takes nothing of what it is sent.
    pub stall: Duration,
    /// Of a request's body; more is answered with 413.
    pub body_bytes: usize,
    /// At the same time. Further ones are refused with 503 (on the peer door: closed) and logged.
    /// On the Unix door a quarter of them is kept for root, that nobody else can lock it out.
    pub connections: usize,
}

impl Limits {
    /// What hau runs with.
    #[must_use]
    pub fn of(door: Door) -> Limits {
        let request = match door {
            // A backup answers when it is done, and may take its 30 minutes.
            Door::Unix => Duration::from_secs(40 * 60),
            Door::Peer | Door::Plain => Duration::from_secs(60),
        };
        Limits {
            header: Duration::from_secs(30),
            request,
            stall: Duration::from_secs(30),
            body_bytes: 1 << 20,
            connections: 64,
        }
    }
}

/// Why a door does not open.
#[derive(Debug, thiserror::Error)]
pub enum DoorError {
    /// Somebody answers on the socket.
    #[error("{path} is in use: another hau-sidecar runs here; stop it first")]
    InUse {
        /// The socket.
        path: PathBuf,
    },
    /// Something else has the socket's name.
    #[error("{path} is not a socket: move it away")]
    NotASocket {
        /// The name.
        path: PathBuf,
    },
    /// The Unix socket cannot be made.
    #[error("cannot listen on {path}")]
    Socket {
        /// The socket.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The TCP address cannot be had.
    #[error("cannot listen on {address}: is it an address of this host, and the port free?")]
    Address {
        /// Which.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Key and certificate are no use.
    #[error("cannot open the door to the other node")]
    Tls(#[source] crate::tls::TlsError),
}
