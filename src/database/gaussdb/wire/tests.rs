//! The client against servers that speak well, badly, and not at all. Nothing here sleeps: what hangs, hangs until its end.
use super::super::error::told;
use super::super::link::Timed;
use super::mock::{self, KEY, Method, Mock, PASSWORD};
use super::*;
use crate::core::Problem;
use crate::database::DatabaseError;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{PrivateKeyDer, pem::PemObject};
use rustls::{ServerConfig, ServerConnection, StreamOwned, crypto::ring};
use std::{
    net::{Ipv4Addr, TcpListener, TcpStream},
    os::{fd::OwnedFd, unix::net::UnixStream},
    path::PathBuf,
    sync::Arc,
    thread::JoinHandle,
};

const DSN: &str = "host=/run/nowhere dbname=shop user=hau";

fn end() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

fn soon() -> Instant {
    Instant::now() + Duration::from_millis(40)
}

/// Speaks to a server that has said all it will ever say, and has closed its end.
fn scripted(script: &[u8], asker: &Server) -> (WireResult<Client>, UnixStream) {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    theirs.write_all(script).unwrap();
    theirs.shutdown(std::net::Shutdown::Write).unwrap();
    let socket = OwnedFd::from(ours).into();
    let link = Link::Here(Timed::new(socket, end()));
    let nowhere = Route::Here(PathBuf::from("/run/nowhere/socket"));
    (Client::over(link, nowhere, asker), theirs)
}

fn asker() -> Server {
    mock::asker(DSN, Some(PASSWORD), None)
}

/// Why nobody was let in.
fn refused(script: &[u8]) -> WireError {
    let (client, _theirs) = scripted(script, &asker());
    client.err().expect("not let in")
}

/// What came of one question, and whether another may follow.
fn asked(answer: &[u8]) -> (WireResult<Vec<Row>>, bool) {
    let script = [&mock::welcome(), answer].concat();
    let (client, _theirs) = scripted(&script, &asker());
    let mut client = client.unwrap();
    let answer = client.query("select 1", end());
    (answer, client.is_usable())
}

fn text(value: &str) -> Option<String> {
    Some(value.to_owned())
}

fn broken(error: &WireError) -> &str {
    let WireError::Broken(why) = error else {
        panic!("{error:?}")
    };
    why
}

fn by_server(error: &WireError) -> &super::super::error::ServerError {
    let WireError::Server(error) = error else {
        panic!("{error:?}")
    };
    error
}

#[test]
fn logs_in_by_each_method_and_asks() {
    for method in Method::ALL {
        let mock = Mock::new(1, |mut stream, number| {
            let hello = mock::log_in(&mut stream, *method, [number, 7, 0xf0, 9]).unwrap();
            let rows = |_: &str| mock::table(&[&[Some("Primary"), None]]);
            let questions = mock::converse(&mut stream, rows).unwrap();
            (hello, questions)
        });
        let password = (!matches!(method, Method::Trust)).then_some(PASSWORD);
        let mut client = Client::connect(&mock.asker(password), end()).unwrap();
        for _ in 0..2 {
            let rows = client.query("select role", end()).unwrap();
            assert_eq!(rows, [vec![text("Primary"), None]]);
        }
        drop(client);
        let (hello, questions) = mock.served().remove(0);
        let settings =
            "user\0hau\0database\0shop\0application_name\0hau\0client_encoding\0UTF8\0\0";
        assert_eq!(hello, [&[0, 3, 0, 51], settings.as_bytes()].concat());
        assert_eq!(questions, ["select role"; 2], "{method:?}");
    }
}

#[test]
fn a_wrong_password_is_one_sentence() {
    for method in Method::ALL {
        if matches!(method, Method::Trust) {
            continue;
        }
        let mock = Mock::new(1, |mut stream, _| {
            mock::log_in(&mut stream, *method, [1, 2, 3, 4]).is_err()
        });
        let error = Client::connect(&mock.asker(Some("Hau@12346")), end());
        let error = error.err().expect("not let in");
        let DatabaseError {
            what,
            remedy,
            transient,
        } = told(&error, "read the role");
        assert_eq!(
            what,
            "cannot read the role: Invalid username/password,login denied. (28P01)"
        );
        assert!(remedy.contains("password_file") && !transient);
        assert_eq!(mock.served(), [true]);
    }
}

#[test]
fn a_password_is_read_only_where_it_is_asked_for() {
    let request = Method::Sha256.request([0; 4]).unwrap();
    let without = mock::asker(DSN, None, None);
    let (client, _theirs) = scripted(&request, &without);
    let Err(WireError::Refused(Problem { remedy, .. })) = client else {
        panic!("without a password")
    };
    assert!(remedy.contains("password_file"));
    assert!(scripted(&mock::welcome(), &without).0.is_ok());
}

#[test]
fn what_is_secret_is_in_no_message() {
    for body in [&[0, 0, 0, 11][..], &[0, 0, 0, 10, 0, 0, 0, 9], &[0, 0]] {
        let error = refused(&mock::message(b'R', body));
        let told = told(&error, "ask");
        assert!(!format!("{error:?} {told:?}").contains(PASSWORD));
    }
}

#[test]
fn the_rows_are_of_the_last_statement_that_has_columns() {
    let (rows, usable) = asked(
        &[
            mock::columns(1),
            mock::row(&[Some("first")]),
            mock::complete("SELECT 1"),
            mock::notice("between"),
            mock::columns(2),
            mock::row(&[Some("备份"), None]),
            mock::notice("within"),
            mock::row(&[Some(""), Some("2")]),
            mock::complete("SELECT 2"),
            mock::complete("SET"),
            mock::message(b'I', &[]),
            mock::message(b'S', b"DateStyle\0ISO\0"),
            mock::message(b'A', b"\0\0\0\x01channel\0text\0"),
            mock::ready(b'I'),
        ]
        .concat(),
    );
    let second = [vec![text("备份"), None], vec![text(""), text("2")]];
    assert_eq!(rows.unwrap(), second);
    assert!(usable);
    let (rows, _) = asked(
        &[
            mock::columns(1),
            mock::row(&[Some("first")]),
            mock::complete("SELECT 1"),
            mock::columns(1),
            mock::complete("SELECT 0"),
            mock::ready(b'I'),
        ]
        .concat(),
    );
    assert!(rows.unwrap().is_empty());
}

#[test]
fn an_error_leaves_the_connection_usable_but_not_in_a_failed_transaction() {
    let wrong = mock::error("ERROR", "42P01", "no such table");
    let (answer, usable) = asked(&[&wrong[..], &mock::ready(b'I')].concat());
    assert_eq!(by_server(&answer.unwrap_err()).code, "42P01");
    assert!(usable);
    let (answer, usable) = asked(&[&wrong[..], &mock::ready(b'E')].concat());
    assert_eq!(by_server(&answer.unwrap_err()).code, "42P01");
    assert!(!usable);
    let (_, usable) = asked(&[mock::complete("BEGIN"), mock::ready(b'T')].concat());
    assert!(usable);
}

#[test]
fn a_fatal_error_ends_the_connection_in_whatever_language() {
    for severity in ["FATAL", "PANIC", "致命错误"] {
        let (answer, usable) = asked(&mock::error(severity, "57P01", "shutting down"));
        let error = answer.unwrap_err();
        assert_eq!(by_server(&error).severity, severity);
        assert!(told(&error, "ask").transient && !usable);
    }
    let (_, usable) = asked(&[mock::error("FATAL", "57P01", "x"), mock::ready(b'I')].concat());
    assert!(!usable);
}

#[test]
fn what_is_not_usable_is_not_asked() {
    let script = [mock::welcome(), mock::message(b'G', &[0, 0, 0])].concat();
    let (client, _theirs) = scripted(&script, &asker());
    let mut client = client.unwrap();
    let copy = client.query("copy t from stdin", end()).unwrap_err();
    assert_eq!(broken(&copy), "a message of type 'G'");
    let again = client.query("select 1", end()).unwrap_err();
    assert!(matches!(&again, WireError::Io(e) if e.kind() == ErrorKind::NotConnected));
    assert!(told(&again, "ask").transient);
}

#[test]
fn a_question_that_cannot_be_sent_harms_nothing() {
    let script = [mock::welcome(), mock::table(&[&[Some("1")]])].concat();
    let (client, _theirs) = scripted(&script, &asker());
    let mut client = client.unwrap();
    let refused = client.query("select '\0'", end()).unwrap_err();
    assert!(told(&refused, "ask").what.contains("NUL"));
    assert_eq!(client.query("select 1", end()).unwrap(), [vec![text("1")]]);
}

#[test]
fn odd_fields_of_errors_are_shown_as_one_line() {
    let long = "x".repeat(10_000);
    let odd = mock::fields(
        b'E',
        &[
            (b'S', "ERROR"),
            (b'M', "no\r\n\u{7}such \u{1b}[31m thing"),
            (b'D', &long),
            (b'q', "unknown"),
            (b'H', "look"),
        ],
    );
    let (answer, _) = asked(&[&odd[..], &mock::ready(b'I')].concat());
    let error = answer.unwrap_err();
    let said = by_server(&error);
    assert_eq!(said.message, "no such [31m thing");
    assert_eq!(
        (said.code.as_str(), said.hint.as_deref()),
        ("", Some("look"))
    );
    assert!(said.detail.as_ref().unwrap().len() < 1000);
    for body in [
        &b""[..],
        b"S",
        b"SERROR",
        b"SERROR\0",
        b"\0\0",
        b"Sx\0\0y\0",
    ] {
        let (answer, usable) = asked(&mock::message(b'E', body));
        broken(&answer.unwrap_err());
        assert!(!usable, "{body:?}");
    }
    let (answer, _) = asked(&[mock::message(b'E', b"M\xff\xfe\0\0"), mock::ready(b'I')].concat());
    assert_eq!(by_server(&answer.unwrap_err()).message, "\u{fffd}\u{fffd}");
}

#[test]
fn rows_that_cannot_be_are_not_taken() {
    for wrong in [
        mock::row(&[Some("no columns were said")]),
        [mock::columns(2), mock::row(&[None])].concat(),
        [mock::columns(1), mock::message(b'D', &[0])].concat(),
        [
            mock::columns(1),
            mock::message(b'D', &[0, 1, 0, 0, 0, 9, b'x']),
        ]
        .concat(),
        [
            mock::columns(1),
            mock::message(b'D', &[0, 1, 0x7f, 0xff, 0xff, 0xff]),
        ]
        .concat(),
        [
            mock::columns(1),
            mock::message(b'D', &[0, 1, 0, 0, 0, 1, 0xff]),
        ]
        .concat(),
        [mock::columns(1), mock::message(b'D', &[0, 0, 9])].concat(),
        mock::message(b'T', &[0, 1, b'c']),
        mock::message(b'T', &[0xff, 0xff]),
        mock::message(b'Z', &[]),
        mock::message(b'?', &[]),
        mock::authentication(0, &[]),
    ] {
        let (answer, usable) = asked(&[&wrong[..], &mock::ready(b'I')].concat());
        broken(&answer.unwrap_err());
        assert!(!usable, "{wrong:?}");
    }
}

#[test]
fn a_login_that_is_none_is_told_apart() {
    let postgres = mock::authentication(10, b"SCRAM-SHA-256\0\0");
    let version = mock::message(b'v', &[0, 3, 0, 0, 0, 0, 0, 0]);
    for script in [postgres, version] {
        let told = told(&refused(&script), "ask");
        assert!(told.remedy.contains("kind = \"postgres\""), "{told:?}");
    }
    let twice = Method::Md5.request([0; 4]).unwrap().repeat(2);
    assert!(broken(&refused(&twice)).contains("twice"));
    for script in [
        mock::ready(b'I'),
        mock::columns(1),
        [mock::authentication(0, &[]), mock::row(&[None])].concat(),
        mock::message(b'R', &[]),
        mock::message(b'R', &vec![0; 2000]),
    ] {
        broken(&refused(&script));
    }
    let starting = mock::error("FATAL", "57P03", "the database system is starting up");
    assert!(told(&refused(&starting), "ask").transient);
}

#[test]
fn lengths_are_not_believed() {
    for length in [
        0,
        1,
        3,
        (ANSWER_BYTES + 5),
        usize::try_from(u32::MAX).unwrap(),
    ] {
        let length = u32::try_from(length).unwrap().to_be_bytes();
        let head = [&b"D"[..], &length].concat();
        broken(&refused(&head));
        let (answer, _) = asked(&head);
        broken(&answer.unwrap_err());
    }
    // As long as it may be, and it does not come.
    let length = u32::try_from(ANSWER_BYTES).unwrap().to_be_bytes();
    let (answer, _) = asked(&[&b"D"[..], &length].concat());
    assert!(matches!(answer, Err(WireError::Io(e)) if e.kind() == ErrorKind::UnexpectedEof));
    let settings = mock::notice("x").repeat(LOGIN_BYTES / 20);
    broken(&refused(&settings));
}

/// A whole conversation, with little work for who takes part in it.
fn conversation() -> Vec<u8> {
    [
        mock::challenge(10, 2, [1, 2, 3, 4], 2),
        mock::welcome(),
        mock::columns(2),
        mock::row(&[Some("Primary"), None]),
        mock::notice("within"),
        mock::complete("SELECT 1"),
        mock::ready(b'I'),
        mock::error("ERROR", "42601", "syntax error"),
        mock::ready(b'I'),
    ]
    .concat()
}

/// Up to the first error; asked twice at most.
fn converse(script: &[u8], asker: &Server) -> WireResult<usize> {
    let (client, _theirs) = scripted(script, asker);
    let mut client = client?;
    let rows = client.query("select 1", end())?.len();
    Ok(rows + client.query("selec 1", end())?.len())
}

#[test]
fn a_server_that_stops_in_the_midst_has_closed_the_connection() {
    let (script, asker) = (conversation(), asker());
    let whole = converse(&script, &asker).unwrap_err();
    assert_eq!(by_server(&whole).code, "42601");
    let end_of_error = script.len() - mock::ready(b'I').len();
    for n in 0..end_of_error {
        let error = converse(&script[..n], &asker).unwrap_err();
        let WireError::Io(why) = &error else {
            panic!("{n}: {error:?}")
        };
        assert_eq!(why.kind(), ErrorKind::UnexpectedEof, "{n}");
        let told = told(&error, "ask");
        assert!(told.transient && told.what.ends_with("closed the connection"));
    }
}

/// Xorshift, for the same mistakes each time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(n.max(1)).unwrap()).unwrap()
    }

    fn spoil(&mut self, script: &mut Vec<u8>) {
        let at = self.below(script.len());
        let some = (at + self.below(12)).min(script.len());
        let byte = self.below(256).to_le_bytes()[0];
        match self.below(7) {
            0 => script.insert(at, byte),
            1 => drop(script.drain(at..some)),
            2 => script.truncate(at),
            3 => script.extend_from_within(at..some),
            4 => {
                // What numbers are likely to go wrong with.
                let edge = [0, 0x7f, 0x80, 0xff][self.below(4)];
                script[at..some].fill(edge);
            }
            _ => {
                if let Some(spoilt) = script.get_mut(at) {
                    *spoilt = byte;
                }
            }
        }
    }
}

#[test]
fn nothing_that_a_server_may_say_does_harm() {
    /// Where the request to prove something says how many rounds it takes.
    const ROUNDS: std::ops::Range<usize> = 85..89;
    let (good, asker, mut chance) = (conversation(), asker(), Chance(0x5eed));
    let mut ended = [0_u32; 2];
    for case in 0..20_000 {
        let mut script = good.clone();
        for _ in 0..=chance.below(3) {
            chance.spoil(&mut script);
        }
        // A count that is high and allowed only takes its time.
        if let Some(high) = script.get_mut(ROUNDS.start..ROUNDS.end - 1) {
            let allowed = high[0] == 0;
            if allowed {
                high.fill(0);
            }
        }
        match converse(&script, &asker) {
            Ok(_) => ended[0] += 1,
            Err(WireError::TimedOut) => panic!("{case}: waited for somebody who has gone"),
            Err(error) => {
                let _ = told(&error, "ask");
                ended[1] += 1;
            }
        }
    }
    assert_eq!(ended.iter().sum::<u32>(), 20_000, "{ended:?}");
}

#[test]
fn who_never_answers_is_asked_to_give_up() {
    let mut hangs = Vec::new();
    let mock = Mock::new(2, move |mut stream, number| {
        if number == 0 {
            mock::log_in(&mut stream, Method::Trust, [0; 4]).unwrap();
            assert_eq!(mock::said(&mut stream).unwrap().0, b'Q');
            hangs.push(stream);
            return Vec::new();
        }
        mock::start(&mut stream).unwrap()
    });
    let mut client = Client::connect(&mock.asker(None), end()).unwrap();
    let late = client.query("select pg_sleep(1000)", soon()).unwrap_err();
    assert!(matches!(late, WireError::TimedOut));
    assert!(told(&late, "ask").transient && !client.is_usable());
    let (process, secret) = KEY;
    let cancelled = [80_877_102, process, secret].map(i32::to_be_bytes).concat();
    assert_eq!(mock.served(), [vec![], cancelled]);
}

#[test]
fn who_does_not_take_part_is_not_waited_for() {
    // Not even a backlog has room for it, or nothing is said.
    let mock = Mock::new(1, |stream, _| stream);
    let late = Client::connect(&mock.asker(None), soon());
    assert!(matches!(late, Err(WireError::TimedOut)));
    drop(mock.served());
    let nobody = mock::asker("host=/run/nowhere user=hau", None, None);
    let Err(WireError::Io(error)) = Client::connect(&nobody, end()) else {
        panic!("somebody is there")
    };
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

/// One that gives each byte alone, of a message that is longer than patience.
#[test]
fn a_trickle_does_not_go_on_for_ever() {
    for said in [b'N', b'D'] {
        let mock = Mock::new(1, move |mut stream, _| {
            mock::log_in(&mut stream, Method::Trust, [0; 4]).unwrap();
            mock::said(&mut stream).unwrap();
            let length = u32::try_from(ANSWER_BYTES).unwrap().to_be_bytes();
            let mut sent = stream.write_all(&[&[said][..], &length].concat());
            while sent.is_ok() {
                sent = stream.write_all(b"x");
            }
        });
        let mut client = Client::connect(&mock.asker(None), end()).unwrap();
        let late = client.query("select 1", soon());
        assert!(matches!(late, Err(WireError::TimedOut)), "{late:?}");
        drop(client);
        mock.served();
    }
}

#[test]
fn an_answer_without_an_end_is_left() {
    let mock = Mock::new(1, |mut stream, _| {
        mock::log_in(&mut stream, Method::Trust, [0; 4]).unwrap();
        mock::said(&mut stream).unwrap();
        let mut sent = stream.write_all(&mock::columns(1));
        let rows = mock::row(&[Some("x".repeat(1000).as_str())]).repeat(50);
        while sent.is_ok() {
            sent = stream.write_all(&rows);
        }
    });
    let mut client = Client::connect(&mock.asker(None), end()).unwrap();
    broken(&client.query("select 1", end()).unwrap_err());
    drop(client);
    mock.served();
}

#[test]
fn a_literal_means_its_text_whatever_the_server_takes_backslashes_for() {
    assert_eq!(literal("it's"), "'it''s'");
    assert_eq!(literal(r"a\'b"), r" E'a\\''b'");
}

/// Signs for a server of this name.
fn certified(name: &str) -> (String, Arc<ServerConfig>) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new([name.to_owned()]).unwrap();
    let cert = params.signed_by(&key, &ca).unwrap();
    let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    (ca.pem(), Arc::new(config))
}

/// A server on loopback that takes one connection; None: it does no TLS.
fn tcp(tls: Option<Arc<ServerConfig>>, method: Method) -> (u16, JoinHandle<io::Result<()>>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let serve = move |mut stream: TcpStream| {
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        let request = mock::start(&mut stream)?;
        assert_eq!(request, 80_877_103_i32.to_be_bytes());
        let Some(tls) = tls else {
            return stream.write_all(b"N");
        };
        stream.write_all(b"S")?;
        let connection = ServerConnection::new(tls).unwrap();
        let mut stream = StreamOwned::new(connection, stream);
        mock::log_in(&mut stream, method, [5, 6, 7, 8])?;
        mock::converse(&mut stream, |_| mock::table(&[&[Some("1")]]))?;
        Ok(())
    };
    let served = thread::spawn(move || serve(listener.accept().unwrap().0));
    (port, served)
}

fn over_tcp(port: u16, ca: &str) -> WireResult<Client> {
    // A name and not an address: that may be anybody's.
    let dsn = format!("host=localhost port={port} user=hau");
    Client::connect(&mock::asker(&dsn, Some(PASSWORD), Some(ca)), end())
}

fn tls_refused(client: WireResult<Client>, why: &str) {
    let Err(WireError::Refused(Problem { what, remedy })) = client else {
        panic!("{:?}", client.err())
    };
    assert!(what.contains(why), "{what}; {remedy}");
}

#[test]
fn a_server_of_the_right_name_and_ca_is_asked_over_tls() {
    for method in [Method::Clear, Method::Sha256] {
        let (ca, config) = certified("localhost");
        let (port, served) = tcp(Some(config), method);
        let mut client = over_tcp(port, &ca).unwrap();
        assert_eq!(client.query("select 1", end()).unwrap(), [vec![text("1")]]);
        drop(client);
        served.join().unwrap().unwrap();
    }
}

#[test]
fn a_server_of_another_name_or_ca_learns_nothing() {
    let (ca, config) = certified("db.example");
    let (port, served) = tcp(Some(config), Method::Trust);
    tls_refused(over_tcp(port, &ca), "certificate");
    assert!(served.join().unwrap().is_err());

    let ((_, config), (other, _)) = (certified("localhost"), certified("localhost"));
    let (port, served) = tcp(Some(config), Method::Trust);
    tls_refused(over_tcp(port, &other), "certificate");
    assert!(served.join().unwrap().is_err());

    let (port, served) = tcp(None, Method::Trust);
    tls_refused(over_tcp(port, &ca), "does not do TLS");
    served.join().unwrap().unwrap();
}

#[test]
fn on_loopback_a_password_is_not_sent_in_clear() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let served = thread::spawn(move || {
        let mut stream = listener.accept().unwrap().0;
        mock::log_in(&mut stream, Method::Clear, [0; 4]).map(drop)
    });
    let dsn = format!("host=127.0.0.1 port={port} user=hau");
    let client = Client::connect(&mock::asker(&dsn, Some(PASSWORD), None), end());
    tls_refused(client, "in clear");
    assert!(served.join().unwrap().is_err());
}
