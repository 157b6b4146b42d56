//! The way to the other node: small requests over kept connections, files in pieces that survive a
//! cut, and the one connection to a node that is not trusted yet.
//!
//! HTTP/1.1 answers in order, so a slow answer blocks its connection and no other: a request takes
//! a connection that is idle, or makes one. Up to [`KEPT`] are kept for the next time.

mod connection;
mod fetch;
mod partial;

pub use fetch::{Came, Fetch};

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hyper::body::Bytes;
use rustls::ClientConfig;
use tokio::runtime::Handle;
use tokio::time::timeout;

use crate::daemon::door::Method;
use crate::tls::{self, Fingerprint, Identity, Refused, TlsError, Trust};
use connection::{Connection, Unsent};

/// So many idle connections are kept.
const KEPT: usize = 4;
/// Idle for longer, the other side may be closing it just now (its limit is 30 s).
const FRESH: Duration = Duration::from_secs(20);
/// For TCP, and again for TLS.
const CONNECT: Duration = Duration::from_secs(2);
/// Of a small answer.
const ANSWER_BYTES: usize = 16 << 20;

/// Why the other node did not give what was asked for.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// No certificate is pinned.
    #[error("this node does not know the other one yet: run hau-ctl pair")]
    NotPaired,
    /// No TCP connection.
    #[error("cannot connect to the other node at {address}")]
    Connect {
        /// Where.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// One of the two does not trust the other.
    #[error("the node at {address} is not trusted, or does not trust this one")]
    Refused {
        /// Where.
        address: SocketAddr,
        /// Which, with the remedy.
        #[source]
        source: Refused,
    },
    /// The connection broke, or what came over it is no HTTP.
    #[error("the connection to the other node at {address} broke")]
    Broken {
        /// Where.
        address: SocketAddr,
        /// Why.
        #[source]
        source: hyper::Error,
    },
    /// The path is not one.
    #[error("{path:?} cannot be asked for")]
    Path {
        /// What was given.
        path: String,
        /// Why.
        #[source]
        source: hyper::http::Error,
    },
    /// It took too long.
    #[error("the other node at {address} did not answer {path} within {} ms", limit.as_millis())]
    Late {
        /// Where.
        address: SocketAddr,
        /// What was asked for.
        path: String,
        /// How long it was waited for.
        limit: Duration,
    },
    /// An answer is larger than any answer.
    #[error("the answer to {path} is larger than {ANSWER_BYTES} bytes")]
    TooLarge {
        /// What was asked for.
        path: String,
    },
    /// A file is not given.
    #[error("the other node does not give {path}: it answers {status} {what}")]
    Denied {
        /// What was asked for.
        path: String,
        /// HTTP status.
        status: u16,
        /// Its own words, if it had any.
        what: String,
    },
    /// A piece of a file came that does not fit.
    #[error("the other node sends {path} wrongly: {what}")]
    Piece {
        /// What was asked for.
        path: String,
        /// What is wrong.
        what: String,
    },
    /// What came is not what was to come. It is removed.
    #[error("{path} came damaged: its SHA-256 is {found} instead of {wanted}; fetch it again")]
    Damaged {
        /// What was asked for.
        path: String,
        /// What it should be, in hex.
        wanted: String,
        /// What it is, in hex.
        found: String,
    },
    /// Another fetch writes the same file.
    #[error("{path} is being fetched already")]
    Fetching {
        /// The file.
        path: PathBuf,
    },
    /// The local disk.
    #[error("cannot {action} {path}")]
    File {
        /// "write", "rename", ...
        action: &'static str,
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// An HTTP status and the body.
pub type Answer = (u16, Vec<u8>);

/// The link to the other node; shared by all who ask it for something.
pub struct PeerLink {
    address: SocketAddr,
    trust: Arc<Trust>,
    trusting: Arc<ClientConfig>,
    pairing: Arc<ClientConfig>,
    runtime: Handle,
    idle: Mutex<Vec<Idle>>,
}

struct Idle {
    connection: Connection,
    /// What was pinned when it was made.
    pinned: Fingerprint,
    since: Instant,
}

impl PeerLink {
    /// A link to the peer door at `address`. Nothing is sent yet.
    ///
    /// # Errors
    /// TLS does not take the identity.
    pub fn new(
        address: SocketAddr,
        own: &Identity,
        trust: Arc<Trust>,
        runtime: Handle,
    ) -> Result<PeerLink, TlsError> {
        Ok(PeerLink {
            address,
            trusting: tls::client_config(own, trust.clone())?,
            pairing: tls::pairing_client_config(own)?,
            trust,
            runtime,
            idle: Mutex::new(Vec::new()),
        })
    }

    /// Asks, and waits for the whole answer, `limit` for everything. `path` may have a query; a
    /// body is JSON. Any status is an answer. Dropping the future drops the connection.
    ///
    /// A request that was handed to a connection is never sent twice: after an error the other node
    /// may have got it or not.
    ///
    /// # Errors
    /// No trust, no connection, a broken one, no answer in time, or one of more than 16 MiB.
    pub async fn request(
        &self,
        method: Method,
        path: &str,
        body: Vec<u8>,
        limit: Duration,
    ) -> Result<Answer, LinkError> {
        let exchange = timeout(limit, self.exchange(method, path, body.into()));
        let outcome = exchange
            .await
            .unwrap_or_else(|_| Err(self.late(path, limit)));
        if outcome.is_err() {
            // If the other host lost its power, all kept connections are as dead as this one.
            self.idle().clear();
        }
        outcome
    }

    /// [`PeerLink::request`] for a thread that may block; never call it in an async task.
    ///
    /// # Errors
    /// As there.
    pub fn request_blocking(
        &self,
        method: Method,
        path: &str,
        body: Vec<u8>,
        limit: Duration,
    ) -> Result<Answer, LinkError> {
        self.runtime
            .block_on(self.request(method, path, body, limit))
    }

    /// A connection to whoever is there: for a joiner, that has no pin yet.
    ///
    /// # Errors
    /// No connection.
    pub async fn connect_for_pairing(&self) -> Result<PairingConnection, LinkError> {
        let connection = Connection::open(self.address, self.pairing.clone(), &self.runtime);
        Ok(PairingConnection {
            connection: connection.await?,
        })
    }

    async fn exchange(&self, method: Method, path: &str, body: Bytes) -> Result<Answer, LinkError> {
        let pinned = self.trust.pinned().ok_or(LinkError::NotPaired)?;
        while let Some(mut connection) = self.take(pinned) {
            match connection.exchange(method, path, body.clone()).await? {
                Ok(answer) => {
                    self.keep(connection, pinned);
                    return Ok(answer);
                }
                // The other side had closed it: no byte went out.
                Err(Unsent(error)) => tracing::debug!(%error, "a kept connection is gone"),
            }
        }
        let mut connection = self.open().await?;
        match connection.exchange(method, path, body).await? {
            Ok(answer) => {
                self.keep(connection, pinned);
                Ok(answer)
            }
            Err(Unsent(error)) => Err(connection.broken(error).await),
        }
    }

    async fn open(&self) -> Result<Connection, LinkError> {
        Connection::open(self.address, self.trusting.clone(), &self.runtime).await
    }

    /// The connection used last; what is old, or made under another pin, goes.
    fn take(&self, pinned: Fingerprint) -> Option<Connection> {
        let mut idle = self.idle();
        idle.retain(|one| one.pinned == pinned && one.since.elapsed() < FRESH);
        idle.pop().map(|one| one.connection)
    }

    fn keep(&self, connection: Connection, pinned: Fingerprint) {
        let mut idle = self.idle();
        if idle.len() < KEPT {
            idle.push(Idle {
                connection,
                pinned,
                since: Instant::now(),
            });
        }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn late(&self, path: &str, limit: Duration) -> LinkError {
        LinkError::Late {
            address: self.address,
            path: path.to_string(),
            limit,
        }
    }
}

/// A connection to a node that is not trusted yet, for one request: the proof.
pub struct PairingConnection {
    connection: Connection,
}

impl PairingConnection {
    /// The other side's certificate; it has proved that it has its key, and nothing more.
    #[must_use]
    pub fn cert_der(&self) -> &[u8] {
        self.connection.cert_der()
    }

    /// Sends JSON and waits for the answer. Whatever comes is a stranger's word.
    ///
    /// # Errors
    /// The other side has no pairing window open, the connection broke, or it took too long.
    pub async fn post(
        mut self,
        path: &str,
        json: Vec<u8>,
        limit: Duration,
    ) -> Result<Answer, LinkError> {
        let address = self.connection.address();
        let exchange = async {
            let sent = self.connection.exchange(Method::Post, path, json.into());
            match sent.await? {
                Ok(answer) => Ok(answer),
                Err(Unsent(error)) => Err(self.connection.broken(error).await),
            }
        };
        timeout(limit, exchange).await.unwrap_or_else(|_| {
            Err(LinkError::Late {
                address,
                path: path.to_string(),
                limit,
            })
        })
    }
}
