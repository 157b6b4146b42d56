//! The two ends of the handshake, for rustls: TLS 1.3 only, the certificate compared byte by byte
//! with the pinned one, and its owner's signature over the handshake checked as ever.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::version::TLS13;
use rustls::{
    AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName,
    Error, OtherError, PeerIncompatible, ServerConfig, SignatureScheme,
};

use super::trust::Trust;
use super::{Fingerprint, Identity, TlsError};

/// Why a handshake was refused, as far as it is about trust.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// We do not know them.
    #[error("its certificate {0} is not the pinned one: if it is the other node, run hau-ctl pair")]
    Stranger(Fingerprint),
    /// They do not know us.
    #[error("it does not know this node's certificate: run hau-ctl pair")]
    ByPeer,
}

/// For the listening end. Lets the pinned peer in, and anybody while a pairing window is open:
/// ask [`Trust::peer`] after the handshake.
///
/// # Errors
/// rustls does not take key and certificate.
pub fn server_config(own: &Identity, trust: Arc<Trust>) -> Result<Arc<ServerConfig>, TlsError> {
    let verifier = Arc::new(Verifier::new(Accept::PinnedOrWindow(trust)));
    let mut config = ServerConfig::builder_with_provider(verifier.provider.clone())
        .with_protocol_versions(&[&TLS13])
        .map_err(TlsError::Setup)?
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![own.cert().clone()], own.key())
        .map_err(TlsError::Setup)?;
    // A resumed session is not verified again: it would outlive its pin.
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}

/// For the connecting end: talks to the pinned peer only.
///
/// In TLS 1.3 the connecting end is ready before the other has looked at its certificate: that we
/// are refused shows at the first read, as [`Refused::ByPeer`].
///
/// # Errors
/// rustls does not take key and certificate.
pub fn client_config(own: &Identity, trust: Arc<Trust>) -> Result<Arc<ClientConfig>, TlsError> {
    client(own, Accept::Pinned(trust))
}

/// For a joiner's one connection: talks to anybody. Send nothing over it but the proof, and trust
/// nothing from it before [`Trust::confirm`].
///
/// # Errors
/// rustls does not take key and certificate.
pub fn pairing_client_config(own: &Identity) -> Result<Arc<ClientConfig>, TlsError> {
    client(own, Accept::Anybody)
}

/// The name rustls wants for a server. Nothing is compared with it, and an address is not sent.
#[must_use]
pub fn server_name(address: IpAddr) -> ServerName<'static> {
    ServerName::IpAddress(address.into())
}

/// Looks into an error of a handshake, or of the first read after one, for a question of trust;
/// the caller knows the address to tell with it.
#[must_use]
pub fn refused(error: &io::Error) -> Option<Refused> {
    let error = error.get_ref()?.downcast_ref::<Error>()?;
    if let Error::InvalidCertificate(CertificateError::Other(OtherError(inner))) = error {
        return inner.downcast_ref::<Refused>().copied();
    }
    let by_peer = Error::AlertReceived(AlertDescription::CertificateUnknown);
    (*error == by_peer).then_some(Refused::ByPeer)
}

fn client(own: &Identity, accept: Accept) -> Result<Arc<ClientConfig>, TlsError> {
    let verifier = Arc::new(Verifier::new(accept));
    let mut config = ClientConfig::builder_with_provider(verifier.provider.clone())
        .with_protocol_versions(&[&TLS13])
        .map_err(TlsError::Setup)?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_client_auth_cert(vec![own.cert().clone()], own.key())
        .map_err(TlsError::Setup)?;
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

#[derive(Debug)]
enum Accept {
    Pinned(Arc<Trust>),
    PinnedOrWindow(Arc<Trust>),
    Anybody,
}

#[derive(Debug)]
struct Verifier {
    accept: Accept,
    provider: Arc<CryptoProvider>,
}

impl Verifier {
    fn new(accept: Accept) -> Verifier {
        Verifier {
            accept,
            provider: Arc::new(ring::default_provider()),
        }
    }

    fn verify(&self, cert: &CertificateDer<'_>) -> Result<(), Error> {
        let good = match &self.accept {
            Accept::Pinned(trust) => trust.is_pinned(cert),
            Accept::PinnedOrWindow(trust) => {
                trust.is_pinned(cert) || trust.window_remaining(Instant::now()).is_some()
            }
            Accept::Anybody => true,
        };
        if good {
            return Ok(());
        }
        let stranger = Refused::Stranger(Fingerprint::of(cert));
        Err(Error::InvalidCertificate(CertificateError::Other(
            OtherError(Arc::new(stranger)),
        )))
    }

    fn verify_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// TLS 1.2 is not offered; were it ever, it would end here.
fn no_tls12() -> Result<HandshakeSignatureValid, Error> {
    Err(PeerIncompatible::Tls12NotOfferedOrEnabled.into())
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.verify(end_entity)
            .map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        no_tls12()
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verify_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes()
    }
}

impl ClientCertVerifier for Verifier {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.verify(end_entity)
            .map(|()| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        no_tls12()
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verify_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes()
    }
}
