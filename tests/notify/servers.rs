//! Servers on loopback: what they are asked is kept, what they answer is said by the test. With TLS by a CA of a test's own.
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::pki_types::{PrivateKeyDer, pem::PemObject};
use rustls::{ServerConfig, ServerConnection, StreamOwned, crypto::ring};
use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

/// A server that waits for longer than that waits for nothing.
const PATIENCE: Duration = Duration::from_secs(10);
/// Of whatever a client may say in one go.
const MOST: usize = 1 << 20;

/// A connection, with TLS or without.
pub(crate) trait Stream: Read + Write + Send {}
impl<S: Read + Write + Send> Stream for S {}

/// Who signs certificates.
pub(crate) struct Ca(CertifiedIssuer<'static, KeyPair>);

impl Ca {
    pub(crate) fn new() -> Ca {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Ca(CertifiedIssuer::self_signed(params, key).unwrap())
    }

    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    /// For a server of this name or address; `until` the end of this year.
    pub(crate) fn server(&self, name: &str, until: i32) -> Arc<ServerConfig> {
        self.server_of(name, until, rustls::DEFAULT_VERSIONS)
    }

    /// One that speaks these versions of TLS.
    pub(crate) fn server_of(
        &self,
        name: &str,
        until: i32,
        versions: &[&'static rustls::SupportedProtocolVersion],
    ) -> Arc<ServerConfig> {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(until, 12, 31);
        let cert = params.signed_by(&key, &self.0).unwrap();
        let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(versions)
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)
            .unwrap();
        Arc::new(config)
    }
}

pub(crate) fn with_tls(stream: TcpStream, tls: &Arc<ServerConfig>) -> Box<dyn Stream> {
    let connection = ServerConnection::new(Arc::clone(tls)).unwrap();
    Box::new(StreamOwned::new(connection, stream))
}

/// Takes one connection after the other, as many as there are answers; gives what was asked on each.
pub(crate) struct Server<T> {
    pub(crate) address: SocketAddr,
    taken: JoinHandle<Vec<T>>,
}

impl<T: Send + 'static> Server<T> {
    pub(crate) fn new<A: Send + 'static>(
        answers: Vec<A>,
        mut serve: impl FnMut(TcpStream, A) -> T + Send + 'static,
    ) -> Server<T> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let taken = thread::spawn(move || {
            let one = |answer| {
                let (stream, _) = listener.accept().unwrap();
                stream.set_read_timeout(Some(PATIENCE)).unwrap();
                stream.set_write_timeout(Some(PATIENCE)).unwrap();
                serve(stream, answer)
            };
            answers.into_iter().map(one).collect()
        });
        Server { address, taken }
    }

    pub(crate) fn asked(self) -> Vec<T> {
        self.taken.join().unwrap()
    }
}

/// An HTTP server; of a connection on which nothing whole was asked it keeps an empty string.
pub(crate) fn http(tls: Option<Arc<ServerConfig>>, answers: &[&str]) -> Server<String> {
    let answers = answers.iter().map(|answer| (*answer).to_owned()).collect();
    Server::new(answers, move |stream, answer: String| {
        let mut stream: Box<dyn Stream> = match &tls {
            Some(tls) => with_tls(stream, tls),
            None => Box::new(stream),
        };
        let request = request(&mut stream).unwrap_or_default();
        // Who has read enough, or trusts nobody, hangs up.
        let _ = stream.write_all(answer.as_bytes());
        let _ = stream.flush();
        request
    })
}

pub(crate) fn answer(status: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n\r\n{body}")
}

/// A whole request, as far as its content-length goes.
fn request(stream: &mut impl Read) -> io::Result<String> {
    let mut head = String::new();
    let mut length = 0;
    for _ in 0..100 {
        let line = line(stream)?;
        if let Some((name, value)) = line.split_once(": ")
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.parse().unwrap();
        }
        head += &format!("{line}\r\n");
        if line.is_empty() {
            let mut body = vec![0; length];
            stream.read_exact(&mut body)?;
            return Ok(head + &String::from_utf8(body).map_err(io::Error::other)?);
        }
    }
    Err(io::Error::other("endless"))
}

fn byte(stream: &mut impl Read) -> io::Result<u8> {
    let mut one = [0];
    stream.read_exact(&mut one)?;
    Ok(one[0])
}

/// How a mail server is.
#[derive(Clone, Default)]
pub(crate) struct Smtp {
    /// From the first byte on.
    pub(crate) tls: Option<Arc<ServerConfig>>,
    /// Offered; what is said before is kept as well.
    pub(crate) starttls: Option<Arc<ServerConfig>>,
    /// It answers 550 to what begins so.
    pub(crate) refuses: &'static str,
    /// It says nothing any more after what begins so.
    pub(crate) hangs_at: &'static str,
}

/// A mail server that takes mails; of each connection it keeps the lines that it was told, those of a mail unescaped.
pub(crate) fn smtp(mails: Vec<Smtp>) -> Server<Vec<String>> {
    Server::new(mails, |stream, how: Smtp| {
        let mut told = Vec::new();
        let tcp = stream.try_clone().unwrap();
        let mut stream: Box<dyn Stream> = match &how.tls {
            Some(tls) => with_tls(stream, tls),
            None => Box::new(stream),
        };
        // A client that goes away ends it: what was told so far counts.
        let _ = converse(&mut stream, &how, true, &mut told);
        if let Some(tls) = how
            .starttls
            .filter(|_| told.last().is_some_and(|l| l == "STARTTLS"))
        {
            let inside = Smtp {
                refuses: how.refuses,
                ..Smtp::default()
            };
            let _ = converse(&mut with_tls(tcp, &tls), &inside, false, &mut told);
        }
        told
    })
}

fn converse(
    stream: &mut impl Stream,
    how: &Smtp,
    greets: bool,
    told: &mut Vec<String>,
) -> io::Result<()> {
    let offers = match (&how.starttls, &how.tls, greets) {
        (Some(_), ..) => "250-here\r\n250 STARTTLS\r\n",
        (None, None, true) => "250-here\r\n250 8BITMIME\r\n",
        (None, ..) => "250-here\r\n250 AUTH PLAIN\r\n",
    };
    if greets {
        stream.write_all(b"220 here\r\n")?;
    }
    let mut in_mail = false;
    for _ in 0..1000 {
        let line = line(stream)?;
        if in_mail {
            in_mail = line != ".";
            let line = line.strip_prefix('.').filter(|_| in_mail).unwrap_or(&line);
            told.push(line.to_owned());
            if !in_mail {
                stream.write_all(b"250 queued as 4711\r\n")?;
            }
            continue;
        }
        told.push(line.clone());
        if !how.hangs_at.is_empty() && line.starts_with(how.hangs_at) {
            stream.read_to_end(&mut Vec::new())?;
            return Ok(());
        }
        let verb = line.split(' ').next().unwrap_or_default();
        let says = match verb {
            _ if !how.refuses.is_empty() && line.starts_with(how.refuses) => "550 not here\r\n",
            "EHLO" => offers,
            "AUTH" => "235 come in\r\n",
            "DATA" => "354 go on\r\n",
            "STARTTLS" if how.starttls.is_some() => "220 go on\r\n",
            "MAIL" | "RCPT" => "250 ok\r\n",
            "QUIT" => "221 bye\r\n",
            _ => "500 what?\r\n",
        };
        stream.write_all(says.as_bytes())?;
        stream.flush()?;
        in_mail = verb == "DATA" && says.starts_with('3');
        if matches!(verb, "QUIT" | "STARTTLS") {
            return Ok(());
        }
    }
    Err(io::Error::other("endless"))
}

fn line(stream: &mut impl Read) -> io::Result<String> {
    let mut bytes = Vec::new();
    while bytes.len() < MOST {
        bytes.push(byte(stream)?);
        if bytes.ends_with(b"\r\n") {
            bytes.truncate(bytes.len() - 2);
            return String::from_utf8(bytes).map_err(io::Error::other);
        }
    }
    Err(io::Error::other("endless"))
}
