//! A connection to a GaussDB or openGauss, and questions over it: the simple query protocol, one answer after the other.
//! Synchronous, like those who ask; every call has its end in time.
//!
//! # Why not the library of the other adapter
//! It cannot log in (see `login`), and it would wait for ever on a server that hangs. What is left of a client without
//! types, prepared statements and copies is this file.
use super::connect::{Route, Server};
use super::error::WireError;
use super::link::Link;
use super::login;
use super::messages::{self, ANSWER_BYTES, HEAD, Heard, LOGIN_BYTES, Row};
use crate::core::Problem;
use bytes::{BufMut, BytesMut};
use postgres_protocol::{escape, message::frontend};
use std::{
    io::{self, BufReader, ErrorKind, Read, Write},
    thread,
    time::{Duration, Instant},
};
use zeroize::Zeroizing;

/// The protocol's version. With it the server says how often a password is hashed; before it, clients had to guess.
const VERSION: u32 = 3 << 16 | 51;
/// For asking the server to give a question up.
const CANCEL: Duration = Duration::from_secs(2);
/// For the last word to a server, which fits into any buffer.
const LAST_WORD: Duration = Duration::from_millis(20);

type WireResult<T> = Result<T, WireError>;

/// A connection on which somebody has logged in.
pub(super) struct Client {
    link: BufReader<Link>,
    route: Route,
    /// What a cancellation must name.
    key: Option<(i32, i32)>,
    usable: bool,
}

impl Client {
    /// Connects and logs in.
    ///
    /// # Errors
    /// The server cannot be reached, does not let this user in, or asks for what hau does not do.
    pub(super) fn connect(server: &Server, end: Instant) -> WireResult<Client> {
        let (route, link) = server.open(end)?;
        Client::over(link, route, server)
    }

    fn over(link: Link, route: Route, server: &Server) -> WireResult<Client> {
        let mut client = Client {
            link: BufReader::new(link),
            route,
            key: None,
            usable: false,
        };
        let mut room = LOGIN_BYTES;
        client.begin(server)?;
        client.authenticate(server, &mut room)?;
        client.settle(&mut room)?;
        Ok(client)
    }

    /// Asks by the simple query protocol: one statement or more. Gives the rows of the last statement that has columns,
    /// each value as text, NULL as None.
    ///
    /// # Errors
    /// The server's own, the first one of several; after others, and fatal ones, the connection is not usable any more.
    /// A question without an answer at `end` is cancelled, as far as the server still listens.
    pub(super) fn query(&mut self, sql: &str, end: Instant) -> WireResult<Vec<Row>> {
        if !self.usable {
            return Err(WireError::Io(ErrorKind::NotConnected.into()));
        }
        let mut question = BytesMut::new();
        frontend::query(sql, &mut question).map_err(|_| unsendable())?;
        // Until the server is ready for another one.
        self.usable = false;
        self.link.get_mut().until(end);
        let answer = self.say(&question).and_then(|()| self.answer());
        if matches!(answer, Err(WireError::TimedOut)) {
            self.cancel();
        }
        answer
    }

    /// Another question may be asked. Not after an error that ended the connection, nor within a transaction that has
    /// failed.
    pub(super) fn is_usable(&self) -> bool {
        self.usable
    }

    fn begin(&mut self, server: &Server) -> WireResult<()> {
        let settings = [
            ("user", server.user()),
            ("database", server.dbname()),
            ("application_name", "hau"),
            ("client_encoding", "UTF8"),
        ];
        let mut startup = BytesMut::new();
        frontend::startup_message(settings, &mut startup)?;
        // Behind the length stands the version, which the library takes to be PostgreSQL's.
        if let Some(version) = startup.get_mut(4..8) {
            version.copy_from_slice(&VERSION.to_be_bytes());
        }
        self.say(&startup)
    }

    fn authenticate(&mut self, server: &Server, room: &mut usize) -> WireResult<()> {
        let mut answered = false;
        loop {
            let asked = match self.hear(room) {
                Ok(Heard::Authentication(body)) => login::asked(&body)?,
                Ok(Heard::Aside) => continue,
                Ok(Heard::OtherVersion) => return Err(login::is_postgres()),
                Ok(Heard::Error(e)) => return Err(WireError::Server(e)),
                Ok(other) => return Err(out_of_turn(&other)),
                Err(e) => return Err(e),
            };
            let Some(asked) = asked else {
                return Ok(());
            };
            if answered {
                let what = "it asks for authentication twice";
                return Err(WireError::Broken(what.to_owned()));
            }
            let password = server.password()?;
            let unheard = self.link.get_ref().is_unheard();
            let answer = asked.answer(server.user(), &password, unheard)?;
            self.say(&password_message(&answer))?;
            answered = true;
        }
    }

    /// Up to where the server is ready for questions.
    fn settle(&mut self, room: &mut usize) -> WireResult<()> {
        loop {
            match self.hear(room) {
                Ok(Heard::Key(process, secret)) => self.key = Some((process, secret)),
                Ok(Heard::Aside) => {}
                Ok(Heard::Ready { failed }) => {
                    self.usable = !failed;
                    return Ok(());
                }
                Ok(Heard::Error(e)) => return Err(WireError::Server(e)),
                Ok(other) => return Err(out_of_turn(&other)),
                Err(e) => return Err(e),
            }
        }
    }

    fn answer(&mut self) -> WireResult<Vec<Row>> {
        let (mut rows, mut columns, mut wrong) = (Vec::new(), None, None);
        let mut room = ANSWER_BYTES;
        loop {
            match self.hear(&mut room) {
                Ok(Heard::Columns(count)) => {
                    columns = Some(count);
                    rows.clear();
                }
                Ok(Heard::Row(row)) if columns == Some(row.len()) => rows.push(row),
                Ok(Heard::Aside) => {}
                Ok(Heard::Error(e)) if e.is_fatal() => return Err(WireError::Server(e)),
                Ok(Heard::Error(e)) => wrong = wrong.or(Some(e)),
                Ok(Heard::Ready { failed }) => {
                    self.usable = !failed;
                    return wrong.map_or(Ok(rows), |e| Err(WireError::Server(e)));
                }
                Ok(other) => return Err(out_of_turn(&other)),
                // What it said before says more. In another language a fatal error is not known as one.
                Err(e) => return Err(wrong.map_or(e, WireError::Server)),
            }
        }
    }

    fn say(&mut self, message: &[u8]) -> WireResult<()> {
        let link = self.link.get_mut();
        link.write_all(message)?;
        Ok(link.flush()?)
    }

    /// `room`: how many bytes may still come; what comes is taken off.
    fn hear(&mut self, room: &mut usize) -> WireResult<Heard> {
        let mut head = [0; HEAD];
        self.link.read_exact(&mut head).map_err(closed)?;
        let length = messages::length(head, *room)?;
        *room = room.saturating_sub(HEAD + length);
        let mut message = BytesMut::from(&head[..]).writer();
        // As it comes: a length that was only claimed takes no memory.
        let rest = u64::try_from(length).unwrap_or(u64::MAX);
        let came = io::copy(&mut (&mut self.link).take(rest), &mut message)?;
        if came < rest {
            return Err(closed(ErrorKind::UnexpectedEof.into()).into());
        }
        messages::heard(message.into_inner())
    }

    /// On a connection and a thread of its own: it is the caller's limit that counts, this only spares the server work.
    fn cancel(&self) {
        let Some((process, secret)) = self.key else {
            return;
        };
        let route = self.route.clone();
        // Without a thread the server goes on for nothing.
        drop(thread::Builder::new().spawn(move || -> WireResult<()> {
            let mut link = route.open(Instant::now() + CANCEL)?;
            let mut request = BytesMut::new();
            frontend::cancel_request(process, secret, &mut request);
            link.write_all(&request)?;
            link.flush()?;
            // It is closed when it has been taken.
            io::copy(&mut link.take(1), &mut io::sink())?;
            Ok(())
        }));
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        if !self.usable {
            return;
        }
        self.link.get_mut().until(Instant::now() + LAST_WORD);
        let mut last = BytesMut::new();
        frontend::terminate(&mut last);
        // Without it the server notes a lost connection in its log, no more.
        if self.say(&last).is_ok() {
            self.link.get_mut().close();
        }
    }
}

/// As a quoted literal of SQL, whatever `standard_conforming_strings` says.
pub(super) fn literal(text: &str) -> String {
    escape::escape_literal(text)
}

/// Not by the library, whose buffer would keep what is in it.
fn password_message(answer: &str) -> Zeroizing<Vec<u8>> {
    let length = size_of::<u32>() + answer.len() + 1;
    let length = u32::try_from(length).unwrap_or(u32::MAX);
    let mut message = Zeroizing::new(Vec::with_capacity(answer.len() + HEAD + 1));
    message.push(b'p');
    message.extend_from_slice(&length.to_be_bytes());
    message.extend_from_slice(answer.as_bytes());
    message.push(0);
    message
}

fn closed(e: io::Error) -> io::Error {
    if e.kind() == ErrorKind::UnexpectedEof {
        return io::Error::new(e.kind(), "the server closed the connection");
    }
    e
}

fn unsendable() -> WireError {
    WireError::Refused(Problem {
        what: "the statement holds a NUL".to_owned(),
        remedy: "see what names and values hau was given, and report this as an error of hau"
            .to_owned(),
    })
}

/// Nothing of what is in it: it may be anybody's data.
fn out_of_turn(heard: &Heard) -> WireError {
    WireError::Broken(match heard {
        Heard::Unasked(kind) => format!("a message of type {:?}", char::from(*kind)),
        Heard::Row(_) => "a row that is not of its statement's columns".to_owned(),
        Heard::Authentication(_)
        | Heard::OtherVersion
        | Heard::Error(_)
        | Heard::Key(..)
        | Heard::Columns(_)
        | Heard::Ready { .. }
        | Heard::Aside => "a message out of turn".to_owned(),
    })
}

#[cfg(test)]
pub(super) mod mock;
#[cfg(test)]
mod tests;
