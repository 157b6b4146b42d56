//! Tests of the link: who gets through a handshake, how a pairing goes, what is left on disk.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::{ClientConfig, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};

use super::*;

/// A node: its folder, identity and trust.
struct Node {
    dir: tempfile::TempDir,
    own: Identity,
    trust: Arc<Trust>,
}

fn node(name: &str) -> Node {
    let dir = tempfile::tempdir().unwrap();
    let own = Identity::load_or_create(dir.path(), name).unwrap();
    let trust = Arc::new(Trust::new(Pins::load(dir.path()).unwrap()));
    Node { dir, own, trust }
}

/// Two nodes that have pinned each other.
fn pair() -> (Node, Node) {
    let (mut a, mut b) = (node("a"), node("b"));
    a.pin(&b.own);
    b.pin(&a.own);
    (a, b)
}

impl Node {
    fn pin(&mut self, other: &Identity) {
        Pins::load(self.dir.path())
            .unwrap()
            .pin(other.cert())
            .unwrap();
        self.trust = Arc::new(Trust::new(Pins::load(self.dir.path()).unwrap()));
    }

    fn server(&self) -> Arc<ServerConfig> {
        server_config(&self.own, self.trust.clone()).unwrap()
    }

    fn client(&self) -> Arc<ClientConfig> {
        client_config(&self.own, self.trust.clone()).unwrap()
    }
}

type Ends = (
    io::Result<client::TlsStream<DuplexStream>>,
    io::Result<server::TlsStream<DuplexStream>>,
);

async fn handshake(client: Arc<ClientConfig>, server: Arc<ServerConfig>) -> Ends {
    let (left, right) = tokio::io::duplex(64 * 1024);
    let name = server_name(IpAddr::from(Ipv4Addr::LOCALHOST));
    tokio::join!(
        TlsConnector::from(client).connect(name, left),
        TlsAcceptor::from(server).accept(right)
    )
}

fn seen_by_client(node: &Node, stream: &client::TlsStream<DuplexStream>) -> Peer {
    node.trust.peer(stream.get_ref().1).unwrap()
}

fn seen_by_server(node: &Node, stream: &server::TlsStream<DuplexStream>) -> Peer {
    node.trust.peer(stream.get_ref().1).unwrap()
}

fn unknown(of: &Node) -> Peer {
    Peer::Unknown {
        fingerprint: of.own.fingerprint(),
        der: of.own.cert().clone(),
    }
}

#[tokio::test]
async fn the_pinned_peer_passes_both_ways() {
    let (a, b) = pair();
    for (from, to) in [(&a, &b), (&b, &a)] {
        let (client, server) = handshake(from.client(), to.server()).await;
        let (mut client, mut server) = (client.unwrap(), server.unwrap());
        assert_eq!(seen_by_client(from, &client), Peer::Pinned);
        assert_eq!(seen_by_server(to, &server), Peer::Pinned);
        client.write_all(b"hello").await.unwrap();
        client.flush().await.unwrap();
        let mut got = [0; 5];
        server.read_exact(&mut got).await.unwrap();
        assert_eq!(&got, b"hello");
    }
}

#[tokio::test]
async fn a_stranger_is_refused_in_the_handshake_and_named() {
    let (a, b) = pair();
    let eve = node("b");
    let stranger = Some(Refused::Stranger(eve.own.fingerprint()));

    // Eve connects: a's handshake fails, and she learns it at her first read.
    let (client, server) = handshake(pairing_client_config(&eve.own).unwrap(), a.server()).await;
    assert_eq!(refused(&server.unwrap_err()), stranger);
    let error = client.unwrap().read(&mut [0; 1]).await.unwrap_err();
    assert_eq!(refused(&error), Some(Refused::ByPeer));

    // Eve listens, and would take anybody.
    eve.trust.open_window(Instant::now()).unwrap();
    let (client, server) = handshake(b.client(), eve.server()).await;
    assert_eq!(refused(&client.unwrap_err()), stranger);
    assert_eq!(refused(&server.unwrap_err()), Some(Refused::ByPeer));

    let other = io::Error::other("something else");
    assert_eq!(refused(&other), None);
}

/// The certificate is public: whoever shows it must also have its key.
#[tokio::test]
async fn the_right_certificate_without_its_key_is_refused() {
    let (a, b) = pair();
    let eve = node("eve");
    let resolver = Arc::new(Impostor(Arc::new(rustls::sign::CertifiedKey::new(
        vec![b.own.cert().clone()],
        rustls::crypto::ring::sign::any_supported_type(&eve.own.key()).unwrap(),
    ))));
    let mut config = ClientConfig::clone(&pairing_client_config(&eve.own).unwrap());
    config.client_auth_cert_resolver = resolver;
    let (_, server) = handshake(Arc::new(config), a.server()).await;
    let error = server.unwrap_err().to_string();
    assert!(error.contains("BadSignature"), "{error}");
}

#[derive(Debug)]
struct Impostor(Arc<rustls::sign::CertifiedKey>);

impl rustls::client::ResolvesClientCert for Impostor {
    fn resolve(
        &self,
        _hints: &[&[u8]],
        _schemes: &[rustls::SignatureScheme],
    ) -> Option<Arc<rustls::sign::CertifiedKey>> {
        Some(self.0.clone())
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// A client of somebody else's making keeps its session and comes back after it was unpinned.
#[tokio::test]
async fn a_session_does_not_outlive_its_pin() {
    let (a, b) = pair();
    let eve = node("eve");
    let mut config = ClientConfig::clone(&b.client());
    config.resumption = rustls::client::Resumption::in_memory_sessions(8);
    let (config, server_config) = (Arc::new(config), a.server());
    let (client, server) = handshake(config.clone(), server_config.clone()).await;
    let (mut client, mut server) = (client.unwrap(), server.unwrap());
    server.write_all(b"x").await.unwrap();
    server.flush().await.unwrap();
    client.read_exact(&mut [0; 1]).await.unwrap();

    let code = a.trust.open_window(Instant::now()).unwrap();
    let proof = code.proof(Role::Joiner, &eve.own.fingerprint(), &a.own.fingerprint());
    a.trust
        .admit(&a.own, eve.own.cert(), &proof, Instant::now())
        .unwrap();
    let (_client, server) = handshake(config, server_config).await;
    assert_eq!(
        refused(&server.unwrap_err()),
        Some(Refused::Stranger(b.own.fingerprint()))
    );
}

#[tokio::test]
async fn a_window_lets_strangers_in_as_strangers_until_it_closes() {
    let (mut a, b, eve) = (node("a"), node("b"), node("eve"));
    a.pin(&b.own);
    a.trust.open_window(Instant::now()).unwrap();
    let joiner = || pairing_client_config(&eve.own).unwrap();
    let (_client, server) = handshake(joiner(), a.server()).await;
    assert_eq!(seen_by_server(&a, &server.unwrap()), unknown(&eve));
    let (_client, server) = handshake(pairing_client_config(&b.own).unwrap(), a.server()).await;
    assert_eq!(seen_by_server(&a, &server.unwrap()), Peer::Pinned);

    // The window is for those who connect to us: we ourselves still talk to the pinned peer only.
    let (client, _) = handshake(a.client(), eve.server()).await;
    assert_eq!(
        refused(&client.unwrap_err()),
        Some(Refused::Stranger(eve.own.fingerprint()))
    );

    a.trust.close_window();
    let (_client, server) = handshake(joiner(), a.server()).await;
    assert!(server.is_err());
}

/// The whole pairing over one connection; the joiner types `typed`.
async fn pairing(opener: &Node, joiner: &Node, typed: &PairingCode) -> Result<(), PairingError> {
    let (client, server) =
        handshake(pairing_client_config(&joiner.own).unwrap(), opener.server()).await;
    let (client, server) = (client.unwrap(), server.unwrap());
    let Peer::Unknown {
        der: opener_der,
        fingerprint,
    } = seen_by_client(joiner, &client)
    else {
        panic!("pinned already");
    };
    let Peer::Unknown {
        der: joiner_der, ..
    } = seen_by_server(opener, &server)
    else {
        panic!("pinned already");
    };
    let proof = typed.proof(Role::Joiner, &joiner.own.fingerprint(), &fingerprint);
    let answer = opener.trust.admit(
        &opener.own,
        &joiner_der,
        &Proof::received(proof.as_str()),
        Instant::now(),
    )?;
    joiner.trust.confirm(
        &joiner.own,
        &opener_der,
        typed,
        &Proof::received(answer.as_str()),
    )
}

#[tokio::test]
async fn the_right_code_pins_both_once_and_for_good() {
    let (a, b, eve) = (node("a"), node("b"), node("eve"));
    let code = a.trust.open_window(Instant::now()).unwrap();
    let typed = PairingCode::parse(&code.to_string()).unwrap();
    pairing(&a, &b, &typed).await.unwrap();

    let (client, server) = handshake(b.client(), a.server()).await;
    assert_eq!(seen_by_client(&b, &client.unwrap()), Peer::Pinned);
    assert_eq!(seen_by_server(&a, &server.unwrap()), Peer::Pinned);
    assert_eq!(
        Pins::load(a.dir.path()).unwrap().fingerprint(),
        Some(b.own.fingerprint())
    );
    assert_eq!(
        Pins::load(b.dir.path()).unwrap().fingerprint(),
        Some(a.own.fingerprint())
    );

    let proof = code.proof(Role::Joiner, &eve.own.fingerprint(), &a.own.fingerprint());
    let again = a
        .trust
        .admit(&a.own, eve.own.cert(), &proof, Instant::now());
    assert!(
        matches!(again, Err(PairingError::Closed)),
        "a code is good once"
    );
    assert_eq!(a.trust.pinned(), Some(b.own.fingerprint()));
}

#[tokio::test]
async fn wrong_codes_pin_nobody_and_five_close_the_window() {
    let (a, b) = (node("a"), node("b"));
    let code = a.trust.open_window(Instant::now()).unwrap();
    let wrong = PairingCode::generate().unwrap();
    for expected in (0..5).rev() {
        let result = pairing(&a, &b, &wrong).await;
        assert!(matches!(result, Err(PairingError::WrongProof { left }) if left == expected));
    }
    assert_eq!(a.trust.window_remaining(Instant::now()), None);
    let proof = code.proof(Role::Joiner, &b.own.fingerprint(), &a.own.fingerprint());
    let late = a.trust.admit(&a.own, b.own.cert(), &proof, Instant::now());
    assert!(
        matches!(late, Err(PairingError::Closed)),
        "the right code comes too late"
    );
    assert_eq!((a.trust.pinned(), b.trust.pinned()), (None, None));
}

#[test]
fn a_window_closes_by_itself() {
    let (a, b) = (node("a"), node("b"));
    let start = Instant::now();
    let code = a.trust.open_window(start).unwrap();
    assert_eq!(a.trust.window_remaining(start), Some(WINDOW));
    assert!(
        a.trust
            .window_remaining(start + WINDOW - Duration::from_millis(1))
            .is_some()
    );
    assert_eq!(a.trust.window_remaining(start + WINDOW), None);
    let proof = code.proof(Role::Joiner, &b.own.fingerprint(), &a.own.fingerprint());
    let late = a.trust.admit(&a.own, b.own.cert(), &proof, start + WINDOW);
    assert!(matches!(late, Err(PairingError::Closed)));
    assert_eq!(a.trust.pinned(), None);
}

/// Eve speaks with both, each sees her certificate, and she passes on what they say.
#[test]
fn a_man_in_the_middle_gets_nothing_by_relaying() {
    let (a, b, eve) = (node("a"), node("b"), node("eve"));
    let now = Instant::now();
    let code = a.trust.open_window(now).unwrap();
    let relayed = code.proof(Role::Joiner, &b.own.fingerprint(), &eve.own.fingerprint());
    for cert in [eve.own.cert(), b.own.cert()] {
        let result = a.trust.admit(&a.own, cert, &relayed, now);
        assert!(matches!(result, Err(PairingError::WrongProof { .. })));
    }
    // Nor by sending the joiner its own proof back, nor with an honest answer to somebody else.
    let honest = code.proof(Role::Opener, &a.own.fingerprint(), &eve.own.fingerprint());
    for answer in [
        relayed,
        honest,
        Proof::received(""),
        Proof::received("\u{e9}0"),
    ] {
        for cert in [eve.own.cert(), a.own.cert()] {
            let result = b.trust.confirm(&b.own, cert, &code, &answer);
            assert!(matches!(result, Err(PairingError::WrongAnswer)));
        }
    }
    assert_eq!((a.trust.pinned(), b.trust.pinned()), (None, None));
}

#[test]
fn a_code_survives_being_written_down() {
    for _ in 0..200 {
        let code = PairingCode::generate().unwrap();
        let text = code.to_string();
        assert_eq!(text.len(), 34, "{text}");
        let sloppy = text
            .to_lowercase()
            .replace('-', " ")
            .replace('0', "o")
            .replace('1', "l");
        assert_eq!(PairingCode::parse(&text).as_ref(), Ok(&code));
        assert_eq!(PairingCode::parse(&sloppy).as_ref(), Ok(&code));
        assert!(!format!("{code:?}").contains(&text[..4]));
    }
}

/// Code and proof as an independent implementation makes them (Python's hashlib and hmac): two
/// versions of hau must understand each other.
#[test]
fn code_and_proof_are_as_written_down() {
    let text = "000G-40R4-0M30-E209-185G-R38E-1Y7N";
    let code = PairingCode::parse(text).unwrap();
    assert_eq!(code.to_string(), text);
    let proof = code.proof(Role::Joiner, &Fingerprint::of(b"b"), &Fingerprint::of(b"a"));
    assert_eq!(
        proof.as_str(),
        "42ee33491f5be1b77e5985c126978ff383bd069d3d779d498d2915c3e917b3b7"
    );
}

#[test]
fn mistakes_in_a_code_are_found_here() {
    assert_eq!(PairingCode::parse("ABCD"), Err(PairingCodeError::Length(4)));
    assert_eq!(
        PairingCode::parse("ABCU"),
        Err(PairingCodeError::Character('U'))
    );
    let code = PairingCode::generate().unwrap().to_string();
    let found = (0..34).filter(|n| code.as_bytes()[*n] != b'-').filter(|n| {
        let other = if code.as_bytes()[*n] == b'7' {
            "8"
        } else {
            "7"
        };
        let wrong = format!("{}{other}{}", &code[..*n], &code[n + 1..]);
        PairingCode::parse(&wrong) == Err(PairingCodeError::Mistyped)
    });
    // Each is missed with a probability of 1 in 4096.
    assert!(found.count() >= 26);
}

#[test]
fn an_identity_is_made_once_and_kept_privately() {
    let dir = tempfile::tempdir().unwrap();
    let tls = dir.path().join("tls");
    let first = Identity::load_or_create(&tls, "a").unwrap().fingerprint();
    assert_eq!(
        Identity::load_or_create(&tls, "renamed")
            .unwrap()
            .fingerprint(),
        first
    );
    assert_eq!(mode(&tls), 0o700);
    assert_eq!(mode(&tls.join("key.pem")), 0o600);
    assert_eq!(mode(&tls.join("cert.pem")), 0o644);
    assert_eq!(
        fs::read_dir(&tls).unwrap().count(),
        2,
        "no temporary file stays"
    );

    // Cut off between key and certificate: a new certificate for the same key.
    fs::remove_file(tls.join("cert.pem")).unwrap();
    Identity::load_or_create(&tls, "a").unwrap();
    assert!(tls.join("cert.pem").exists());
}

#[test]
fn bad_files_are_told_with_their_names() {
    let told = |spoil: &dyn Fn(&Path)| {
        let a = node("a");
        spoil(a.dir.path());
        let error = Identity::load_or_create(a.dir.path(), "a")
            .unwrap_err()
            .to_string();
        error.replace(&a.dir.path().display().to_string(), "DIR")
    };
    let write = |name: &'static str| {
        move |dir: &Path| fs::write(dir.join(name), "-----BEGIN NONSENSE-----").unwrap()
    };
    let chmod = |dir: &Path| {
        fs::set_permissions(dir.join("key.pem"), fs::Permissions::from_mode(0o640)).unwrap();
    };
    let foreign = |dir: &Path| {
        fs::copy(node("b").dir.path().join("cert.pem"), dir.join("cert.pem"))
            .map(drop)
            .unwrap();
    };
    let keyless = |dir: &Path| fs::remove_file(dir.join("key.pem")).unwrap();
    let cases: [&dyn Fn(&Path); 5] = [
        &write("key.pem"),
        &write("cert.pem"),
        &chmod,
        &foreign,
        &keyless,
    ];
    insta::assert_snapshot!(cases.map(told).join("\n"));

    let a = node("a");
    fs::write(a.dir.path().join("peer.pem"), "").unwrap();
    assert!(matches!(
        Pins::load(a.dir.path()),
        Err(TlsError::Content { .. })
    ));
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}
