//! Opens a door and lets visitors in: never more than its limit, never stopped by an error.

use std::fs::{self, Permissions};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixStream as Knock;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::http::{Desk, converse, failure};
use super::quiet::Quiet;
use super::who::Visitor;
use super::{Door, DoorError, Limits, Service};
use crate::tls::{self, Fingerprint, Identity, Refused, Trust};
use crate::wire::Code;

/// For the last words to somebody who is not let in.
const FAREWELL: Duration = Duration::from_secs(1);

/// A door that is open: its socket listens, and nobody is let in before [`OpenDoor::serve`].
pub struct OpenDoor(Socket);

enum Socket {
    Unix(UnixListener),
    Peer(TcpListener, TlsAcceptor, Arc<Trust>),
    Plain(TcpListener),
}

enum Guest {
    Unix(UnixStream),
    Peer(TcpStream, SocketAddr, TlsAcceptor, Arc<Trust>),
    Plain(TcpStream, SocketAddr),
}

/// The right to one connection; held by it and by each of its requests that still runs.
pub(super) struct Slot {
    _any: OwnedSemaphorePermit,
    _shared: Option<OwnedSemaphorePermit>,
}

type Strangers = Quiet<(IpAddr, Refused)>;

impl OpenDoor {
    /// Opens the Unix socket at `path`, for everybody on this host (mode 0666). A socket on which
    /// nobody listens any more is replaced. Within the runtime.
    ///
    /// # Errors
    /// Another process listens, something else has the name, or the socket cannot be made.
    pub fn unix(path: &Path) -> Result<OpenDoor, DoorError> {
        clear(path)?;
        let listen = || {
            let listener = UnixListener::bind(path)?;
            fs::set_permissions(path, Permissions::from_mode(0o666))?;
            Ok(listener)
        };
        let listener = listen().map_err(|source| DoorError::Socket {
            path: path.to_path_buf(),
            source,
        })?;
        Ok(OpenDoor(Socket::Unix(listener)))
    }

    /// Opens the door for the other node, on this node's own address.
    ///
    /// # Errors
    /// The address cannot be had, or TLS does not take the identity.
    pub async fn peer(
        address: SocketAddr,
        own: &Identity,
        trust: Arc<Trust>,
    ) -> Result<OpenDoor, DoorError> {
        let config = tls::server_config(own, trust.clone()).map_err(DoorError::Tls)?;
        let listener = bind(address).await?;
        Ok(OpenDoor(Socket::Peer(listener, config.into(), trust)))
    }

    /// Opens the plain door.
    ///
    /// # Errors
    /// The address cannot be had.
    pub async fn plain(address: SocketAddr) -> Result<OpenDoor, DoorError> {
        Ok(OpenDoor(Socket::Plain(bind(address).await?)))
    }

    /// Which door this is.
    #[must_use]
    pub fn door(&self) -> Door {
        match self.0 {
            Socket::Unix(_) => Door::Unix,
            Socket::Peer(..) => Door::Peer,
            Socket::Plain(_) => Door::Plain,
        }
    }

    /// The TCP address, with the port that the kernel chose for port 0.
    #[must_use]
    pub fn local_addr(&self) -> Option<SocketAddr> {
        match &self.0 {
            Socket::Unix(_) => None,
            Socket::Peer(listener, ..) | Socket::Plain(listener) => listener.local_addr().ok(),
        }
    }

    /// Lets visitors in, for ever. Dropping the future closes the door and all its connections.
    pub async fn serve(self, service: Arc<dyn Service>, limits: Limits) {
        let door = self.door();
        let desk = Arc::new(Desk {
            door,
            limits,
            service,
        });
        let any = Arc::new(Semaphore::new(limits.connections));
        let shared = Arc::new(Semaphore::new(limits.connections - limits.connections / 4));
        let strangers = Arc::new(Strangers::new());
        let (full, failing) = (Quiet::new(), Quiet::new());
        let mut failures = 0;
        let mut guests = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                accepted = self.accept() => accepted,
                Some(_) = guests.join_next() => continue,
            };
            match accepted {
                Ok(guest) => {
                    failures = 0;
                    if let Some(slot) = Slot::take(&guest, &any, &shared) {
                        guests.spawn(guest.welcome(desk.clone(), slot, strangers.clone()));
                    } else {
                        if full.says((), Instant::now()) {
                            tracing::warn!(%door, connections = limits.connections, "all connections are in use: further ones are refused");
                        }
                        guests.spawn(guest.refuse());
                    }
                }
                Err(error) => {
                    if failing.says(error.kind(), Instant::now()) {
                        tracing::warn!(%door, %error, "cannot accept a connection: trying again");
                    }
                    sleep(pause(failures)).await;
                    failures = u32::saturating_add(failures, 1);
                }
            }
        }
    }

    async fn accept(&self) -> io::Result<Guest> {
        Ok(match &self.0 {
            Socket::Unix(listener) => Guest::Unix(listener.accept().await?.0),
            Socket::Peer(listener, acceptor, trust) => {
                let (stream, address) = listener.accept().await?;
                Guest::Peer(stream, address, acceptor.clone(), trust.clone())
            }
            Socket::Plain(listener) => {
                let (stream, address) = listener.accept().await?;
                Guest::Plain(stream, address)
            }
        })
    }
}

/// Out of file descriptors, say: an error stays for a while, and asking again at once would burn
/// the processor. A first one (a client that was gone at once) costs nothing.
fn pause(failures: u32) -> Duration {
    match failures {
        0 => Duration::ZERO,
        n => Duration::from_millis(10 << n.min(6)),
    }
}

async fn bind(address: SocketAddr) -> Result<TcpListener, DoorError> {
    let listener = TcpListener::bind(address).await;
    listener.map_err(|source| DoorError::Address { address, source })
}

/// Removes a socket that a dead process left behind, and nothing else.
fn clear(path: &Path) -> Result<(), DoorError> {
    let failed = |source| DoorError::Socket {
        path: path.to_path_buf(),
        source,
    };
    let gone = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
    match fs::symlink_metadata(path) {
        Ok(meta) if !meta.file_type().is_socket() => {
            return Err(DoorError::NotASocket {
                path: path.to_path_buf(),
            });
        }
        Ok(_) => {}
        Err(error) if gone(&error) => return Ok(()),
        Err(error) => return Err(failed(error)),
    }
    match Knock::connect(path) {
        Ok(_) => Err(DoorError::InUse {
            path: path.to_path_buf(),
        }),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            fs::remove_file(path).map_err(failed)
        }
        Err(error) if gone(&error) => Ok(()),
        Err(error) => Err(failed(error)),
    }
}

impl Slot {
    fn take(guest: &Guest, any: &Arc<Semaphore>, shared: &Arc<Semaphore>) -> Option<Arc<Slot>> {
        let root = match guest {
            Guest::Unix(stream) => stream.peer_cred().is_ok_and(|cred| cred.uid() == 0),
            // There the kernel does not say who it is: all are alike.
            Guest::Peer(..) | Guest::Plain(..) => true,
        };
        let _shared = match root {
            true => None,
            false => Some(shared.clone().try_acquire_owned().ok()?),
        };
        let _any = any.clone().try_acquire_owned().ok()?;
        Some(Arc::new(Slot { _any, _shared }))
    }
}

impl Guest {
    async fn welcome(self, desk: Arc<Desk>, slot: Arc<Slot>, strangers: Arc<Strangers>) {
        match self {
            Self::Unix(stream) => match stream.peer_cred() {
                Ok(cred) => converse(stream, Visitor::local(cred), desk, slot).await,
                Err(error) => tracing::warn!(%error, "the kernel does not say who calls"),
            },
            Self::Plain(stream, address) => {
                converse(stream, Visitor::Remote { address }, desk, slot).await;
            }
            Self::Peer(stream, address, acceptor, trust) => {
                let shake = handshake(stream, address, &acceptor, &strangers);
                // Whoever is silent in the handshake is simply dropped.
                let Ok(Some(stream)) = timeout(desk.limits.header, shake).await else {
                    return;
                };
                let Some(cert) = certificate(&stream) else {
                    return;
                };
                let visitor = Visitor::Peer {
                    trust,
                    fingerprint: Fingerprint::of(&cert),
                    cert_der: cert,
                    address,
                };
                converse(stream, visitor, desk, slot).await;
            }
        }
    }

    /// Says why, in passing: a client that does not take it at once sees the end only.
    async fn refuse(self) {
        let what = "all connections of hau-sidecar are in use".to_string();
        let body = failure(Code::Busy, what, "try again in a moment");
        let mut text = format!(
            "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        )
        .into_bytes();
        text.extend(body);
        let say = async {
            match self {
                Self::Unix(mut stream) => stream.write_all(&text).await,
                Self::Plain(mut stream, _) => stream.write_all(&text).await,
                Self::Peer(..) => Ok(()),
            }
        };
        if let Ok(Err(error)) = timeout(FAREWELL, say).await {
            tracing::debug!(%error, "a refused client was gone");
        }
    }
}

fn certificate(stream: &TlsStream<TcpStream>) -> Option<Vec<u8>> {
    let certs = stream.get_ref().1.peer_certificates()?;
    certs.first().map(|cert| cert.to_vec())
}

async fn handshake(
    stream: TcpStream,
    address: SocketAddr,
    acceptor: &TlsAcceptor,
    strangers: &Strangers,
) -> Option<TlsStream<TcpStream>> {
    // A Hello is small and awaited: never held back to be sent with more.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "cannot set TCP_NODELAY");
    }
    let (error, mut stream) = match acceptor.accept(stream).into_fallible().await {
        Ok(stream) => return Some(stream),
        Err(failed) => failed,
    };
    match tls::refused(&error) {
        Some(refused) if strangers.says((address.ip(), refused), Instant::now()) => match refused {
            Refused::Stranger(fingerprint) => {
                tracing::warn!(%address, %fingerprint, "refused an unknown certificate: if it is the other node's, run hau-ctl pair");
            }
            Refused::ByPeer => {
                tracing::warn!(%address, "refused: {refused}");
            }
        },
        Some(_) | None => tracing::debug!(%address, %error, "a handshake failed"),
    }
    // Closed with something unread, TCP would throw away our alert, which says why, too.
    let farewell = async {
        stream.shutdown().await?;
        let mut rest = [0; 1024];
        while stream.read(&mut rest).await? > 0 {}
        Ok::<_, io::Error>(())
    };
    if let Ok(Err(error)) = timeout(FAREWELL, farewell).await {
        tracing::debug!(%address, %error, "a refused visitor was gone");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_that_stay_are_met_with_longer_pauses_up_to_a_bound() {
        let pauses = [0, 1, 2, 6, 7, u32::MAX].map(|n| pause(n).as_millis());
        assert_eq!(pauses, [0, 20, 40, 640, 640, 640]);
    }
}
