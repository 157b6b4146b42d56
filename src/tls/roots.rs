//! Whom this host trusts besides its peer: servers of others, to which it tells of events. Verified as
//! browsers do: by name, time, and a CA.
//!
//! # Why
//! The CAs are the host's own (Debian: `/etc/ssl/certs`, Red Hat: `/etc/pki/tls`), read anew each time. A list within
//! the program, as `webpki-roots` is, would grow old on hosts that are seldom updated, and a CA that the site has
//! installed on all its hosts would be missing. A host without any says so, and `ca_file` is the way out.

use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, RootCertStore};

use super::TlsError;

/// The CAs in a PEM file, or this host's own.
///
/// # Errors
/// There is none.
pub fn roots(pem: Option<&[u8]>) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let (mut found, none) = match pem {
        Some(pem) => {
            let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
            (read.unwrap_or_default(), TlsError::NoCertificate)
        }
        // Among some hundred files of a host one that is broken says nothing of the others.
        None => (
            rustls_native_certs::load_native_certs().certs,
            TlsError::NoRoots,
        ),
    };
    let mut usable = RootCertStore::empty();
    found.retain(|cert| usable.add(cert.clone()).is_ok());
    if found.is_empty() {
        Err(none)
    } else {
        Ok(found)
    }
}

/// For the connecting end, towards a server with a certificate of one of these CAs.
///
/// # Errors
/// rustls does not take them.
pub fn outside_config(roots: &[CertificateDer<'static>]) -> Result<Arc<ClientConfig>, TlsError> {
    let mut trusted = RootCertStore::empty();
    trusted.add_parsable_certificates(roots.iter().cloned());
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&TLS13, &TLS12])
        .map_err(TlsError::Setup)?
        .with_root_certificates(trusted)
        .with_no_client_auth();
    Ok(Arc::new(config))
}
