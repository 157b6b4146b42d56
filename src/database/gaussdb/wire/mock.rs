//! A server for the tests, written after what the sources of openGauss say: there is none to ask. It keeps of a password
//! what openGauss keeps, and checks proofs as that does.
use crate::database::gaussdb::connect::Server;
use crate::host::{Host, fake::FakeHost};
use ring::hmac;
use sha2::{Digest, Sha256};
use std::{
    io::{self, ErrorKind, Read, Write},
    os::unix::net::{UnixListener, UnixStream},
    path::{Path, PathBuf},
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};
use tempfile::TempDir;

pub(crate) const PASSWORD: &str = "Hau@12345";
pub(crate) const PASSWORD_FILE: &str = "/etc/hau/gaussdb.password";
/// What a question can be cancelled with.
pub(crate) const KEY: (i32, i32) = (42, -43);
/// A client that says nothing for longer is gone.
const PATIENCE: Duration = Duration::from_secs(10);
const SALT: &[u8] = b"3458fe51abe962f7b6011a1d73fc14edf50539fae89fb9dda75fbb642d9859bf";
const ROUNDS: u32 = 2048;
/// The stored keys of the password, with this salt and so many rounds.
const STORED_SHA256: &str = "2372625acb2b871c90e471fb5a44e2a44699fdfa9f2bcad1c4785cfdd3039856";
#[cfg(feature = "sm3")]
const STORED_SM3: &str = "72f0a1ec63107ff9ca316361d64d180f7959b6ba793d4df3aa396fb1560dc977";
const MD5_SALT: [u8; 4] = [1, 2, 3, 4];
const MD5: &str = "md56663f3a701584b143746be665f5df297";

/// How it asks who somebody is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Method {
    Trust,
    Clear,
    Md5,
    Sha256,
    #[cfg(feature = "sm3")]
    Sm3,
}

impl Method {
    pub(crate) const ALL: &'static [Method] = &[
        Method::Trust,
        Method::Clear,
        Method::Md5,
        Method::Sha256,
        #[cfg(feature = "sm3")]
        Method::Sm3,
    ];

    /// What it asks with, and how it takes an answer.
    pub(crate) fn request(self, token: [u8; 4]) -> Option<Vec<u8>> {
        Some(match self {
            Method::Trust => return None,
            Method::Clear => authentication(3, &[]),
            Method::Md5 => authentication(5, &MD5_SALT),
            Method::Sha256 => challenge(10, 2, token, ROUNDS),
            #[cfg(feature = "sm3")]
            Method::Sm3 => challenge(13, 3, token, ROUNDS),
        })
    }

    fn takes(self, token: [u8; 4], answer: &str) -> bool {
        match self {
            Method::Trust => true,
            Method::Clear => answer == PASSWORD,
            Method::Md5 => answer == MD5,
            Method::Sha256 => proves(STORED_SHA256, token, answer, |key| {
                Sha256::digest(key).to_vec()
            }),
            #[cfg(feature = "sm3")]
            Method::Sm3 => proves(STORED_SM3, token, answer, |key| {
                sm3::Sm3::digest(key).to_vec()
            }),
        }
    }
}

/// The stored key is the hash of the client's, and that is in the proof below a signature that only the stored key gives.
fn proves(stored: &str, token: [u8; 4], proof: &str, hash: impl Fn(&[u8]) -> Vec<u8>) -> bool {
    let stored = unhex(stored);
    let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &stored), &token);
    let key = unhex(proof).into_iter().zip(signature.as_ref());
    let key: Vec<u8> = key.map(|(proven, signed)| proven ^ signed).collect();
    proof.len() == 64 && hash(&key) == stored
}

fn unhex(digits: &str) -> Vec<u8> {
    let pairs = digits.as_bytes().chunks(2);
    let byte = |pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap();
    pairs.map(byte).collect()
}

pub(crate) fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap();
    [&[kind][..], &length.to_be_bytes(), body].concat()
}

pub(crate) fn authentication(code: u32, rest: &[u8]) -> Vec<u8> {
    message(b'R', &[&code.to_be_bytes()[..], rest].concat())
}

pub(crate) fn challenge(code: u32, stored: u32, token: [u8; 4], rounds: u32) -> Vec<u8> {
    let token: String = token.iter().map(|byte| format!("{byte:02x}")).collect();
    let (stored, rounds) = (stored.to_be_bytes(), rounds.to_be_bytes());
    authentication(
        code,
        &[&stored[..], SALT, token.as_bytes(), &rounds].concat(),
    )
}

/// As an error and as a notice.
pub(crate) fn fields(kind: u8, fields: &[(u8, &str)]) -> Vec<u8> {
    let mut body = Vec::new();
    for (field, text) in fields {
        body.push(*field);
        body.extend_from_slice(text.as_bytes());
        body.push(0);
    }
    body.push(0);
    message(kind, &body)
}

pub(crate) fn error(severity: &str, code: &str, text: &str) -> Vec<u8> {
    fields(b'E', &[(b'S', severity), (b'C', code), (b'M', text)])
}

pub(crate) fn notice(text: &str) -> Vec<u8> {
    fields(b'N', &[(b'S', "NOTICE"), (b'C', "00000"), (b'M', text)])
}

fn setting(name: &str, value: &str) -> Vec<u8> {
    message(b'S', format!("{name}\0{value}\0").as_bytes())
}

pub(crate) fn ready(status: u8) -> Vec<u8> {
    message(b'Z', &[status])
}

/// What comes once somebody is let in.
pub(crate) fn welcome() -> Vec<u8> {
    let (process, secret) = KEY;
    [
        authentication(0, &[]),
        setting("server_version", "9.2.4"),
        setting("client_encoding", "UTF8"),
        message(
            b'K',
            &[process.to_be_bytes(), secret.to_be_bytes()].concat(),
        ),
        ready(b'I'),
    ]
    .concat()
}

pub(crate) fn columns(count: u16) -> Vec<u8> {
    let column = [
        &b"c\0"[..],
        &[0; 4],
        &[0; 2],
        &[0, 0, 0, 25],
        &[0xff; 2],
        &[0xff; 4],
        &[0; 2],
    ];
    let all = column.concat().repeat(count.into());
    message(b'T', &[&count.to_be_bytes()[..], &all].concat())
}

pub(crate) fn row(values: &[Option<&str>]) -> Vec<u8> {
    let mut body = u16::try_from(values.len()).unwrap().to_be_bytes().to_vec();
    for value in values {
        let length = value.map_or(-1, |text| i32::try_from(text.len()).unwrap());
        body.extend_from_slice(&length.to_be_bytes());
        body.extend_from_slice(value.unwrap_or_default().as_bytes());
    }
    message(b'D', &body)
}

/// The end of one statement.
pub(crate) fn complete(tag: &str) -> Vec<u8> {
    message(b'C', format!("{tag}\0").as_bytes())
}

/// One statement's rows, and the end of the answer.
pub(crate) fn table(rows: &[&[Option<&str>]]) -> Vec<u8> {
    let count = rows.first().map_or(0, |row| row.len());
    let mut answer = columns(u16::try_from(count).unwrap());
    answer.extend(rows.iter().flat_map(|values| row(values)));
    [answer, complete("SELECT"), ready(b'I')].concat()
}

/// What a client says without a type: its start, and what it asks before.
pub(crate) fn start(stream: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let mut body = vec![0; usize::try_from(u32::from_be_bytes(length)).unwrap() - 4];
    stream.read_exact(&mut body)?;
    Ok(body)
}

/// What a client says: its type, and the text in it.
pub(crate) fn said(stream: &mut impl Read) -> io::Result<(u8, String)> {
    let mut kind = [0];
    stream.read_exact(&mut kind)?;
    let body = start(stream)?;
    let text = String::from_utf8(body).unwrap();
    Ok((kind[0], text.trim_end_matches('\0').to_owned()))
}

/// Lets somebody in, or not; gives what was said at the start. The token differs from one login to the other.
pub(crate) fn log_in(
    stream: &mut (impl Read + Write),
    method: Method,
    token: [u8; 4],
) -> io::Result<Vec<u8>> {
    let hello = start(stream)?;
    if let Some(request) = method.request(token) {
        stream.write_all(&request)?;
        let (kind, answer) = said(stream)?;
        assert_eq!(kind, b'p');
        if !method.takes(token, &answer) {
            let denied = "Invalid username/password,login denied.";
            stream.write_all(&error("FATAL", "28P01", denied))?;
            return Err(ErrorKind::PermissionDenied.into());
        }
    }
    stream.write_all(&welcome())?;
    stream.flush()?;
    Ok(hello)
}

/// Answers questions until the client says that it goes; gives them.
pub(crate) fn converse(
    stream: &mut (impl Read + Write),
    answer: impl Fn(&str) -> Vec<u8>,
) -> io::Result<Vec<String>> {
    let mut questions = Vec::new();
    loop {
        match said(stream)? {
            (b'Q', question) => {
                stream.write_all(&answer(&question))?;
                stream.flush()?;
                questions.push(question);
            }
            (b'X', _) => return Ok(questions),
            other => panic!("{other:?}"),
        }
    }
}

/// Who asks, with a password in its file, if any.
pub(crate) fn asker(dsn: &str, password: Option<&str>, ca: Option<&str>) -> Server {
    let host = FakeHost::new();
    let put = |path: &str, text: &str| {
        let path = PathBuf::from(path);
        host.make_dir(path.parent().unwrap(), 0o755).unwrap();
        host.write(&path, text.as_bytes(), 0o600).unwrap();
        path
    };
    let password = password.map(|text| put(PASSWORD_FILE, text));
    let ca = ca.map(|pem| put("/etc/hau/ca.pem", pem));
    Server::new(dsn, password, ca, Arc::new(host)).unwrap()
}

/// A server at a Unix socket of its own.
pub(crate) struct Mock<T> {
    dir: TempDir,
    served: JoinHandle<Vec<T>>,
}

impl<T: Send + 'static> Mock<T> {
    /// Takes so many connections, one after the other; `serve` gets each with its number.
    pub(crate) fn new(
        connections: u8,
        mut serve: impl FnMut(UnixStream, u8) -> T + Send + 'static,
    ) -> Self {
        let dir = TempDir::new().unwrap();
        let listener = UnixListener::bind(dir.path().join(".s.PGSQL.5432")).unwrap();
        let served = thread::spawn(move || {
            let taken = (0..connections).map(|number| {
                let (stream, _) = listener.accept().unwrap();
                stream.set_read_timeout(Some(PATIENCE)).unwrap();
                serve(stream, number)
            });
            taken.collect()
        });
        Self { dir, served }
    }

    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn asker(&self, password: Option<&str>) -> Server {
        let dsn = format!("host={} dbname=shop user=hau", self.dir().display());
        asker(&dsn, password, None)
    }

    /// What came of each connection, when all have been served.
    pub(crate) fn served(self) -> Vec<T> {
        self.served.join().unwrap()
    }
}
