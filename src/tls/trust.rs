//! Whom this node trusts: the pinned certificate of its peer, and, while a pairing window is open,
//! nobody more, but strangers may then ask to be paired.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustls::CommonState;
use rustls::pki_types::CertificateDer;

use super::files::{self, Existing};
use super::identity::read_cert;
use super::pairing::{PairingCode, PairingError, Proof, Role, Window};
use super::{Fingerprint, Identity, TlsError};

/// The peer's certificate as kept in `peer.pem`.
#[derive(Debug)]
pub struct Pins {
    path: PathBuf,
    peer: Option<CertificateDer<'static>>,
}

impl Pins {
    /// Reads `peer.pem` in `dir`; without it nobody is trusted yet.
    ///
    /// # Errors
    /// The file cannot be read or holds no certificate.
    pub fn load(dir: &Path) -> Result<Pins, TlsError> {
        let path = dir.join("peer.pem");
        let peer = read_cert(&path)?;
        Ok(Pins { path, peer })
    }

    /// Trusts this certificate from now on, and no other. On disk first, atomically.
    ///
    /// # Errors
    /// The file cannot be written; then the old one stays trusted.
    pub fn pin(&mut self, cert_der: &[u8]) -> Result<(), TlsError> {
        let text = pem::encode(&pem::Pem::new("CERTIFICATE", cert_der));
        files::write(&self.path, &text, 0o644, Existing::Replace)?;
        self.peer = Some(CertificateDer::from(cert_der.to_vec()));
        Ok(())
    }

    /// The fingerprint of the pinned certificate, if there is one.
    #[must_use]
    pub fn fingerprint(&self) -> Option<Fingerprint> {
        self.peer.as_ref().map(|cert| Fingerprint::of(cert))
    }
}

/// Who is at the other end of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Peer {
    /// The other node.
    Pinned,
    /// Somebody else, let in by an open pairing window: may ask to be paired and nothing more.
    Unknown {
        /// Of its certificate.
        fingerprint: Fingerprint,
        /// Its certificate.
        der: CertificateDer<'static>,
    },
}

/// Whom this node trusts right now; shared by all connections.
#[derive(Debug)]
pub struct Trust {
    pins: Mutex<Pins>,
    window: Mutex<Option<Window>>,
}

impl Trust {
    /// Trusts what is pinned; no pairing window is open.
    #[must_use]
    pub fn new(pins: Pins) -> Trust {
        Trust {
            pins: Mutex::new(pins),
            window: Mutex::new(None),
        }
    }

    /// Who is at the other end, by what is pinned now; `None` until its certificate has come.
    #[must_use]
    pub fn peer(&self, connection: &CommonState) -> Option<Peer> {
        let cert = connection.peer_certificates()?.first()?;
        if self.is_pinned(cert) {
            return Some(Peer::Pinned);
        }
        Some(Peer::Unknown {
            fingerprint: Fingerprint::of(cert),
            der: cert.clone().into_owned(),
        })
    }

    /// The fingerprint of the pinned peer, if there is one.
    #[must_use]
    pub fn pinned(&self) -> Option<Fingerprint> {
        lock(&self.pins).fingerprint()
    }

    /// The pinned certificate, if there is one.
    #[must_use]
    pub fn pinned_cert(&self) -> Option<CertificateDer<'static>> {
        lock(&self.pins).peer.clone()
    }

    /// Opens a pairing window of [`super::WINDOW`] with a new code; an older one is void.
    ///
    /// # Errors
    /// The kernel gives no random bytes.
    pub fn open_window(&self, now: Instant) -> Result<PairingCode, TlsError> {
        let code = PairingCode::generate()?;
        *lock(&self.window) = Some(Window::open(code.clone(), now));
        Ok(code)
    }

    /// Closes the pairing window, if one is open.
    pub fn close_window(&self) {
        *lock(&self.window) = None;
    }

    /// How long the pairing window is still open; `None` if none is.
    #[must_use]
    pub fn window_remaining(&self, now: Instant) -> Option<Duration> {
        lock(&self.window).as_ref()?.remaining(now)
    }

    /// On the opener: takes the proof of a joiner with the certificate `joiner_der`. A right one
    /// pins that certificate, closes the window, and is answered with the opener's own proof.
    /// Writes to disk: not for an async task.
    ///
    /// # Errors
    /// No window; a wrong proof (five close the window); the certificate cannot be kept, in which
    /// case the window stays open.
    pub fn admit(
        &self,
        own: &Identity,
        joiner_der: &[u8],
        proof: &Proof,
        now: Instant,
    ) -> Result<Proof, PairingError> {
        // Held to the end: of two joiners at once only one can use the code.
        let mut slot = lock(&self.window);
        let window = slot.as_mut().filter(|w| w.remaining(now).is_some());
        let window = window.ok_or(PairingError::Closed)?;
        let answer = window.answer(&own.fingerprint(), &Fingerprint::of(joiner_der), proof)?;
        lock(&self.pins)
            .pin(joiner_der)
            .map_err(PairingError::Pin)?;
        *slot = None;
        Ok(answer)
    }

    /// On the joiner: takes the opener's answer and pins its certificate `opener_der`.
    /// Writes to disk: not for an async task.
    ///
    /// # Errors
    /// A wrong proof; the certificate cannot be kept.
    pub fn confirm(
        &self,
        own: &Identity,
        opener_der: &[u8],
        code: &PairingCode,
        answer: &Proof,
    ) -> Result<(), PairingError> {
        let opener = Fingerprint::of(opener_der);
        if !code.fits(answer, Role::Opener, &opener, &own.fingerprint()) {
            return Err(PairingError::WrongAnswer);
        }
        lock(&self.pins).pin(opener_der).map_err(PairingError::Pin)
    }

    pub(super) fn is_pinned(&self, cert: &CertificateDer<'_>) -> bool {
        lock(&self.pins)
            .peer
            .as_ref()
            .is_some_and(|pinned| pinned == cert)
    }
}

/// A holder that panicked left whole values behind: each is replaced in one assignment.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
