//! What a server sends, taken apart. What it may send is its own affair: nothing here trusts a length, and nothing panics.
use super::error::{ServerError, WireError};
use ::postgres::fallible_iterator::FallibleIterator;
use bytes::{Bytes, BytesMut};
use postgres_protocol::message::backend::{DataRowBody, ErrorResponseBody, Message};
use std::io;

/// In front of each message: its type and four bytes of length, of which they count themselves.
pub(super) const HEAD: usize = 5;
/// An answer with all that comes with it.
pub(super) const ANSWER_BYTES: usize = 16 << 20;
/// A login, with the settings that the server tells; an error with all its fields fits.
pub(super) const LOGIN_BYTES: usize = 64 << 10;
/// A request for authentication: the longest there is has 88.
const AUTH_BYTES: usize = 1 << 10;
/// Of a field of an error.
const SAID_CHARS: usize = 400;

pub(super) type Row = Vec<Option<String>>;

/// A message, as far as it matters here.
#[derive(PartialEq, Eq)]
pub(super) enum Heard {
    /// What is asked for, or that nothing is any more.
    Authentication(Bytes),
    /// PostgreSQL's answer to a version of the protocol that it does not know.
    OtherVersion,
    Error(Box<ServerError>),
    /// With this process and this secret a question can be cancelled.
    Key(i32, i32),
    /// A statement gives rows of so many columns.
    Columns(usize),
    Row(Row),
    /// The next question may come; in a transaction that has failed it gets nowhere.
    Ready {
        failed: bool,
    },
    /// A notice, a setting, the end of one statement.
    Aside,
    /// What nobody has asked for, by its type.
    Unasked(u8),
}

/// How many bytes follow the head.
///
/// # Errors
/// More than `most`, or more than one of this type can have.
pub(super) fn length(head: [u8; HEAD], most: usize) -> Result<usize, WireError> {
    let [kind, length @ ..] = head;
    let most = if kind == b'R' {
        most.min(AUTH_BYTES)
    } else {
        most
    };
    let whole = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    let rest = whole.checked_sub(size_of_val(&length));
    rest.filter(|rest| *rest <= most).ok_or_else(|| {
        let kind = char::from(kind);
        WireError::Broken(format!("a message of type {kind:?} with {whole} bytes"))
    })
}

/// Takes a message apart: its head and what follows.
///
/// # Errors
/// It is not as it should be.
pub(super) fn heard(mut message: BytesMut) -> Result<Heard, WireError> {
    let unreadable = |e: io::Error| WireError::Broken(e.to_string());
    match message.first() {
        // Not for the library: the codes of openGauss are others than PostgreSQL's.
        Some(b'R') => {
            let body = message.get(HEAD..).unwrap_or_default();
            return Ok(Heard::Authentication(Bytes::copy_from_slice(body)));
        }
        Some(b'v') => return Ok(Heard::OtherVersion),
        _ => {}
    }
    let kind = message.first().copied().unwrap_or_default();
    match Message::parse(&mut message).map_err(unreadable)? {
        Some(Message::ErrorResponse(body)) => error(&body).map_err(unreadable),
        Some(Message::BackendKeyData(body)) => Ok(Heard::Key(body.process_id(), body.secret_key())),
        Some(Message::RowDescription(body)) => body
            .fields()
            .count()
            .map(Heard::Columns)
            .map_err(unreadable),
        Some(Message::DataRow(body)) => row(&body).map(Heard::Row).map_err(unreadable),
        Some(Message::ReadyForQuery(body)) => Ok(Heard::Ready {
            failed: body.status() == b'E',
        }),
        Some(
            Message::NoticeResponse(_)
            | Message::ParameterStatus(_)
            | Message::NotificationResponse(_)
            | Message::CommandComplete(_)
            | Message::EmptyQueryResponse,
        ) => Ok(Heard::Aside),
        Some(_) => Ok(Heard::Unasked(kind)),
        None => Err(WireError::Broken("half a message".to_owned())),
    }
}

fn row(body: &DataRowBody) -> io::Result<Row> {
    let text = |at| {
        let bytes = body.buffer().get(at).unwrap_or_default();
        str::from_utf8(bytes)
            .map(str::to_owned)
            .map_err(|_| io::Error::other("a value that is no UTF-8"))
    };
    body.ranges().map(|at| at.map(text).transpose()).collect()
}

fn error(body: &ErrorResponseBody) -> io::Result<Heard> {
    let mut error = ServerError::default();
    let mut fields = body.fields();
    while let Some(field) = fields.next()? {
        let said = said(field.value_bytes());
        match field.type_() {
            b'S' => error.severity = said,
            b'C' => error.code = said,
            b'M' => error.message = said,
            b'D' => error.detail = Some(said),
            b'H' => error.hint = Some(said),
            // Where in the server's own source, and the like.
            _ => {}
        }
    }
    Ok(Heard::Error(Box::new(error)))
}

/// In one line, and nothing in it that is not to be seen.
fn said(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let shown = text.chars().take(SAID_CHARS);
    let shown: String = shown
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    shown.split_whitespace().collect::<Vec<_>>().join(" ")
}
