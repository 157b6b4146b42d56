//! Identity and trust of the link between the two nodes.
//!
//! Mutual TLS 1.3 without a CA and without names: each node has one self-signed certificate
//! ([`Identity`]) and accepts exactly one, the pinned one of its peer ([`Trust`]). How it came to
//! be pinned, once, by a code that a person carries from one node to the other: `pairing`.

mod files;
mod identity;
mod pairing;
mod roots;
mod trust;
mod verify;

use std::fmt;
use std::io;
use std::path::PathBuf;

use sha2::{Digest, Sha256};

pub use identity::{Identity, certificate, is_signed};
pub use pairing::{PairingCode, PairingCodeError, PairingError, Proof, Role, WINDOW};
pub use roots::{outside_config, roots};
pub use trust::{Peer, Pins, Trust};
pub use verify::{
    Refused, client_config, pairing_client_config, refused, server_config, server_name,
};

/// SHA-256 of a certificate's DER; displayed as 64 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The fingerprint of a certificate.
    #[must_use]
    pub fn of(cert_der: &[u8]) -> Fingerprint {
        Fingerprint(Sha256::digest(cert_der).into())
    }

    fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What can go wrong with keys, certificates and their files.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file is there and cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write {path}")]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The key could be read by others.
    #[error(
        "{path} has mode {mode:04o}: chmod 0600 it, and pair anew if somebody may have read it"
    )]
    Exposed {
        /// The key.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A file does not hold what it should.
    #[error(
        "{path} holds no {wanted}: restore it, or remove it and pair the nodes anew (hau-ctl pair)"
    )]
    Content {
        /// Which.
        path: PathBuf,
        /// "certificate" or "private key".
        wanted: &'static str,
    },
    /// Key and certificate are not of one piece.
    #[error(
        "{cert} does not belong to {key}: restore the key, or remove the certificate and pair the nodes anew (hau-ctl pair)"
    )]
    Mismatch {
        /// The certificate.
        cert: PathBuf,
        /// The key.
        key: PathBuf,
    },
    /// A key or certificate could not be made.
    #[error("cannot make this node's key and certificate")]
    Make(#[source] rcgen::Error),
    /// rustls refuses the configuration.
    #[error("cannot set up TLS")]
    Setup(#[source] rustls::Error),
    /// Nothing with which a server could be verified.
    #[error("this host has no CAs of its own (the package ca-certificates brings them)")]
    NoRoots,
    /// The same, of a file that was to have some.
    #[error("there is no CA's certificate in it")]
    NoCertificate,
    /// The kernel gave no random bytes.
    #[error("cannot get random bytes from the kernel for a pairing code")]
    Random,
}

#[cfg(test)]
mod tests;
