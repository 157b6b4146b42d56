//! What the tests of the doors have in common: an API to call, two nodes, a line that can be cut.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use hau::daemon::door::{Call, Caller, Limits, OpenDoor, Reply, Service, Who};
use hau::daemon::link::PeerLink;
use hau::tls::{Identity, Pins, Proof, Trust};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

/// The service behind the doors.
#[derive(Default)]
pub(crate) struct Api {
    pub(crate) calls: AtomicUsize,
    /// What `/file` gives.
    pub(crate) file: PathBuf,
    /// For `/pair`.
    pub(crate) pairing: Option<(Arc<Identity>, Arc<Trust>)>,
    pub(crate) gate: (Mutex<bool>, Condvar),
}

impl Api {
    /// Lets every `/slow` go on.
    pub(crate) fn release(&self) {
        *self.gate.0.lock().unwrap() = true;
        self.gate.1.notify_all();
    }

    fn wait(&self) {
        let mut open = self.gate.0.lock().unwrap();
        while !*open {
            open = self.gate.1.wait(open).unwrap();
        }
    }

    fn pair(&self, call: &Call) -> Vec<u8> {
        let (own, trust) = self.pairing.as_ref().unwrap();
        let Who::Peer {
            cert_der, pinned, ..
        } = &call.caller.who
        else {
            panic!("{:?}", call.caller);
        };
        assert!(!pinned);
        let proof = Proof::received(std::str::from_utf8(&call.body).unwrap());
        let answer = trust.admit(own, cert_der, &proof, Instant::now()).unwrap();
        answer.as_str().as_bytes().to_vec()
    }
}

impl Service for Api {
    fn call(&self, call: Call) -> Reply {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let (status, bytes) = match call.path.as_str() {
            "/who" => {
                let Caller { door, who } = call.caller;
                let said = format!("{door:?}: {}: {who:?}", who.name());
                (200, said.into_bytes())
            }
            "/query" => (200, call.query.unwrap_or_default().into_bytes()),
            "/echo" => (201, call.body),
            "/pair" => (200, self.pair(&call)),
            "/big" => (200, vec![7; (16 << 20) + 1]),
            "/slow" => {
                self.wait();
                (200, b"late".to_vec())
            }
            "/file" => {
                return Reply::File {
                    path: self.file.clone(),
                    offset: call.offset,
                };
            }
            "/host" => (
                200,
                format!("{:?} {}", call.host, call.languages).into_bytes(),
            ),
            "/page" => {
                return Reply::Page {
                    html: "<p>".to_owned(),
                    policy: "default-src 'none'",
                };
            }
            "/events" => {
                let (sender, pieces) = tokio::sync::mpsc::channel(2);
                for piece in ["event: now\n\n", "event: beat\n\n"] {
                    sender.try_send(Ok(piece.into())).unwrap();
                }
                return Reply::Events(pieces);
            }
            other => (404, other.as_bytes().to_vec()),
        };
        Reply::Body {
            status,
            content_type: "text/plain",
            bytes,
        }
    }
}

/// A runtime with doors on it, and a folder.
pub(crate) struct Rig {
    pub(crate) runtime: Runtime,
    pub(crate) dir: tempfile::TempDir,
}

impl Rig {
    pub(crate) fn new() -> Rig {
        log();
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(2).enable_all().build().unwrap();
        Rig {
            runtime,
            dir: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.dir.path().join("hau.sock")
    }

    pub(crate) fn unix(&self, api: &Arc<Api>, limits: Limits) -> PathBuf {
        let path = self.socket();
        let _inside = self.runtime.enter();
        self.serve(OpenDoor::unix(&path).unwrap(), api, limits);
        path
    }

    pub(crate) fn plain(&self, api: &Arc<Api>, limits: Limits) -> SocketAddr {
        let door = OpenDoor::plain(([127, 0, 0, 1], 0).into());
        let door = self.runtime.block_on(door).unwrap();
        let address = door.local_addr().unwrap();
        self.serve(door, api, limits);
        address
    }

    pub(crate) fn peer(
        &self,
        node: &Node,
        port: u16,
        api: &Arc<Api>,
        limits: Limits,
    ) -> (SocketAddr, JoinHandle<()>) {
        let door = OpenDoor::peer(([127, 0, 0, 1], port).into(), &node.own, node.trust.clone());
        let door = self.runtime.block_on(door).unwrap();
        let address = door.local_addr().unwrap();
        (address, self.serve(door, api, limits))
    }

    pub(crate) fn serve(&self, door: OpenDoor, api: &Arc<Api>, limits: Limits) -> JoinHandle<()> {
        self.runtime.spawn(door.serve(api.clone(), limits))
    }

    pub(crate) fn link(&self, node: &Node, to: SocketAddr) -> PeerLink {
        PeerLink::new(
            to,
            &node.own,
            node.trust.clone(),
            self.runtime.handle().clone(),
        )
        .unwrap()
    }
}

/// A node's identity, and whom it trusts.
pub(crate) struct Node {
    pub(crate) own: Arc<Identity>,
    pub(crate) trust: Arc<Trust>,
}

impl Node {
    pub(crate) fn new(dir: &Path, name: &str, pinned: Option<&Identity>) -> Node {
        let dir = dir.join(name);
        let own = Arc::new(Identity::load_or_create(&dir, name).unwrap());
        let mut pins = Pins::load(&dir).unwrap();
        if let Some(other) = pinned {
            pins.pin(other.cert()).unwrap();
        }
        Node {
            own,
            trust: Arc::new(Trust::new(pins)),
        }
    }
}

/// Two nodes that trust each other.
pub(crate) fn paired(rig: &Rig) -> (Node, Node) {
    let a = Node::new(rig.dir.path(), "a", None);
    let b = Node::new(rig.dir.path(), "b", Some(&a.own));
    (Node::new(rig.dir.path(), "a", Some(&b.own)), b)
}

/// A line to the server that is cut after so many bytes of answers in all.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    pub(crate) passed: Arc<AtomicU64>,
}

impl Proxy {
    pub(crate) fn new(to: SocketAddr, cut_after: u64) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let passed = Arc::new(AtomicU64::new(0));
        let count = passed.clone();
        thread::spawn(move || {
            for client in listener.incoming() {
                let (client, server) = (client.unwrap(), TcpStream::connect(to).unwrap());
                let (from, into) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                thread::spawn(move || pass(from, into, &AtomicU64::new(0), u64::MAX));
                let count = count.clone();
                thread::spawn(move || pass(server, client, &count, cut_after));
            }
        });
        Proxy { address, passed }
    }
}

fn pass(mut from: TcpStream, mut into: TcpStream, passed: &AtomicU64, cut_after: u64) {
    let mut bytes = [0; 4096];
    while let Ok(n) = from.read(&mut bytes) {
        if n == 0
            || passed.fetch_add(n as u64, Ordering::SeqCst) > cut_after
            || into.write_all(&bytes[..n]).is_err()
        {
            break;
        }
    }
    for end in [from, into] {
        // The other direction's thread may have been here before.
        end.shutdown(Shutdown::Both).unwrap_or_default();
    }
}

/// Sends text and reads until the other side closes or has nothing more to say for good.
pub(crate) fn ask(mut stream: impl Read + Write, request: &str) -> String {
    stream.write_all(request.as_bytes()).unwrap_or_default();
    let mut bytes = Vec::new();
    // An end by a reset is an end.
    stream.read_to_end(&mut bytes).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

pub(crate) fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
}

/// The status of an answer; 0 if the connection was just closed.
pub(crate) fn status(answer: &str) -> u16 {
    answer
        .split(' ')
        .nth(1)
        .map_or(0, |status| status.parse().unwrap())
}

/// Waits for something that another thread brings about.
pub(crate) fn until(what: &str, mut done: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(10);
    while !done() {
        assert!(Instant::now() < end, "never: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// All that was logged by this process so far.
pub(crate) fn log() -> String {
    static LOG: OnceLock<Arc<Mutex<Vec<u8>>>> = OnceLock::new();
    let log = LOG.get_or_init(|| {
        let log = Arc::new(Mutex::new(Vec::new()));
        let writer = Writer(log.clone());
        let subscriber = tracing_subscriber::fmt().with_ansi(false);
        subscriber
            .with_writer(move || Writer(writer.0.clone()))
            .init();
        log
    });
    String::from_utf8(log.lock().unwrap().clone()).unwrap()
}

struct Writer(Arc<Mutex<Vec<u8>>>);

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Bytes without a pattern that a mistake in an offset could hide in.
pub(crate) fn noise(len: usize) -> Vec<u8> {
    let mut state = 1u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..len).map(|_| next()).collect()
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest;
    sha2::Sha256::digest(bytes)
        .iter()
        .fold(String::new(), |mut hex, byte| {
            write!(hex, "{byte:02x}").unwrap();
            hex
        })
}
