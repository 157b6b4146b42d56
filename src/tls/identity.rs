//! This node's own key and certificate.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, date_time_ymd};
use rustls::crypto::ring::{self, sign::any_supported_type};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{Error, SignatureScheme};

use super::files::{self, Existing};
use super::{Fingerprint, TlsError};

/// The key and certificate a node shows its peer.
#[derive(Debug)]
pub struct Identity {
    cert: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
}

impl Identity {
    /// Reads `key.pem` and `cert.pem` in `dir`; what is missing is made first. `node` is only the
    /// name in a new certificate: nobody relies on it, so a renamed node stays paired.
    ///
    /// Several processes may do this at once, and it may be cut off anywhere: the key is on disk
    /// before the certificate is made of it, and neither is ever replaced.
    ///
    /// # Errors
    /// A file that cannot be read or written, a key that others can read, a certificate without
    /// its key or of another one.
    pub fn load_or_create(dir: &Path, node: &str) -> Result<Identity, TlsError> {
        let (key_path, cert_path) = (dir.join("key.pem"), dir.join("cert.pem"));
        let missing = || TlsError::Content {
            path: key_path.clone(),
            wanted: "private key",
        };
        if files::read(&key_path)?.is_none() {
            if files::read(&cert_path)?.is_some() {
                return Err(TlsError::Mismatch {
                    cert: cert_path,
                    key: key_path,
                });
            }
            let key = KeyPair::generate().map_err(TlsError::Make)?;
            files::write(&key_path, &key.serialize_pem(), 0o600, Existing::Keep)?;
        }
        refuse_exposed(&key_path)?;
        let key_pem = files::read(&key_path)?.ok_or_else(missing)?;
        if files::read(&cert_path)?.is_none() {
            let key = KeyPair::from_pem(&key_pem).map_err(|_| missing())?;
            let cert = params(node).self_signed(&key).map_err(TlsError::Make)?;
            files::write(&cert_path, &cert.pem(), 0o644, Existing::Keep)?;
        }
        let key = PrivateKeyDer::from_pem_slice(key_pem.as_bytes()).map_err(|_| missing())?;
        let cert = read_cert(&cert_path)?.ok_or_else(|| TlsError::Content {
            path: cert_path.clone(),
            wanted: "certificate",
        })?;
        CertifiedKey::from_der(
            vec![cert.clone()],
            key.clone_key(),
            &ring::default_provider(),
        )
        .map_err(|_| TlsError::Mismatch {
            cert: cert_path,
            key: key_path,
        })?;
        Ok(Identity { cert, key })
    }

    /// SHA-256 of the certificate.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.cert)
    }

    /// The certificate, as the peer sees it.
    #[must_use]
    pub fn cert(&self) -> &CertificateDer<'static> {
        &self.cert
    }

    /// Signs a message: ECDSA over P-256 with SHA-256, as a DER sequence. Whoever asks sees to it that it cannot be
    /// taken for the words of a handshake, which TLS 1.3 begins with 64 blanks.
    ///
    /// # Errors
    /// The key is of another kind, or the kernel gives no random bytes.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, TlsError> {
        let signer = any_supported_type(&self.key).map_err(TlsError::Setup)?;
        let signer = signer.choose_scheme(&[SignatureScheme::ECDSA_NISTP256_SHA256]);
        let other = || TlsError::Setup(Error::General("the key is no P-256 key".to_owned()));
        let signed = signer.ok_or_else(other)?.sign(message);
        signed.map_err(TlsError::Setup)
    }

    pub(super) fn key(&self) -> PrivateKeyDer<'static> {
        self.key.clone_key()
    }
}

/// Whether the key of this certificate has signed the message, as [`Identity::sign`] does.
#[must_use]
pub fn is_signed(cert_der: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let der = CertificateDer::from(cert_der);
    let cert = webpki::EndEntityCert::try_from(&der);
    let algorithm = webpki::ring::ECDSA_P256_SHA256;
    cert.is_ok_and(|cert| cert.verify_signature(algorithm, message, signature).is_ok())
}

/// The certificate in the text of a PEM file, as DER.
#[must_use]
pub fn certificate(pem: &[u8]) -> Option<Vec<u8>> {
    let cert = CertificateDer::from_pem_slice(pem).ok()?;
    Some(cert.to_vec())
}

/// The certificate in a PEM file; `None` if there is no such file.
pub(super) fn read_cert(path: &Path) -> Result<Option<CertificateDer<'static>>, TlsError> {
    let Some(pem) = files::read(path)? else {
        return Ok(None);
    };
    let cert = CertificateDer::from_pem_slice(pem.as_bytes());
    cert.map(Some).map_err(|_| TlsError::Content {
        path: path.to_path_buf(),
        wanted: "certificate",
    })
}

fn params(node: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, format!("hau {node}"));
    // A hundred years, and fixed ones: the certificate is trusted because its peer pinned this very
    // one, not because of a date in it. An end would only cut the link some day, and a beginning
    // "now" would cut it on a host whose clock is behind.
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2120, 1, 1);
    params
}

fn refuse_exposed(path: &Path) -> Result<(), TlsError> {
    let meta = fs::metadata(path).map_err(|source| TlsError::Read {
        path: path.to_path_buf(),
        source,
    })?;
    let mode = meta.permissions().mode() & 0o7777;
    if mode & 0o077 == 0 {
        return Ok(());
    }
    Err(TlsError::Exposed {
        path: path.to_path_buf(),
        mode,
    })
}
