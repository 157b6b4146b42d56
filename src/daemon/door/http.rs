//! One connection's conversation: a request becomes a [`Call`], a [`Reply`] becomes a response,
//! and whatever breaks a limit gets a clear answer that the service never sees.

use std::convert::Infallible;
use std::fmt::Display;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Limited};
use hyper::body::{Body, Incoming};
use hyper::header::{
    ACCEPT_LANGUAGE, ACCEPT_RANGES, ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_RANGE,
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HOST, HeaderMap, HeaderValue, IF_RANGE, RANGE,
    REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

use super::file::{self, Out};
use super::listen::Slot;
use super::stall::Stall;
use super::who::Visitor;
use super::{Call, Door, Limits, Method, Reply, SIZE_HEADER, Service};
use crate::wire::{Answer, Code, Failure};

/// Of a request's header, and the least that hyper's buffer may be.
const HEADER_BYTES: usize = 16 * 1024;

/// What all connections of a door share.
pub(super) struct Desk {
    pub(super) door: Door,
    pub(super) limits: Limits,
    pub(super) service: Arc<dyn Service>,
}

/// Talks until the visitor goes, is silent or too slow; then the slot is free again.
pub(super) async fn converse<S>(stream: S, visitor: Visitor, desk: Arc<Desk>, slot: Arc<Slot>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let io = TokioIo::new(Stall::new(stream, desk.limits.stall));
    let mut server = http1::Builder::new();
    server
        .timer(TokioTimer::new())
        .header_read_timeout(desk.limits.header)
        .max_header_size(HEADER_BYTES)
        // A client may close its sending half as soon as it has asked, as `nc` does.
        .half_close(true);
    let door = desk.door;
    let service = service_fn(move |request| {
        let (visitor, desk, slot) = (visitor.clone(), desk.clone(), slot.clone());
        async move { Ok::<_, Infallible>(answer(request, visitor, &desk, slot).await) }
    });
    // Clients come and go as they like: nothing that a person would have to read about.
    if let Err(error) = server.serve_connection(io, service).await {
        tracing::debug!(%door, error = %causes(&error), "a connection ended early");
    }
}

async fn answer(
    request: Request<Incoming>,
    visitor: Visitor,
    desk: &Desk,
    slot: Arc<Slot>,
) -> Response<Out> {
    let limit = desk.limits.request;
    match timeout(limit, handle(request, visitor, desk, slot)).await {
        Ok(response) => response,
        Err(_) => refusal(
            StatusCode::GATEWAY_TIMEOUT,
            Code::Failed,
            format!("there was no answer within {}", seconds(limit)),
            "what was begun may still be going on: ask for the status before trying again",
        ),
    }
}

async fn handle(
    request: Request<Incoming>,
    visitor: Visitor,
    desk: &Desk,
    slot: Arc<Slot>,
) -> Response<Out> {
    let (head, body) = request.into_parts();
    let method = match (&head.method, desk.door) {
        (&hyper::Method::GET | &hyper::Method::HEAD, _) => Method::Get,
        (&hyper::Method::POST, Door::Unix | Door::Peer) => Method::Post,
        (_, door) => return not_allowed(door),
    };
    let body = match read(body, desk.limits.body_bytes).await {
        Ok(body) => body,
        Err(response) => return *response,
    };
    let part = Part::of(&head.headers);
    let (path, query) = (
        head.uri.path().to_string(),
        head.uri.query().map(Into::into),
    );
    let host = only(&head.headers);
    let languages = head.headers.get(ACCEPT_LANGUAGE);
    let languages = languages.and_then(|value| value.to_str().ok());
    let languages = languages.unwrap_or_default().to_owned();
    let service = desk.service.clone();
    let work = tokio::task::spawn_blocking(move || {
        // Held to the end: who asks and goes away again and again gets no more threads than slots.
        let _slot = slot;
        let Some(caller) = visitor.caller() else {
            return stranger();
        };
        let call = Call {
            method,
            path,
            query,
            body,
            host,
            languages,
            offset: part.offset,
            caller,
        };
        respond(service.call(call), &part)
    });
    work.await.unwrap_or_else(|error| {
        tracing::error!(%error, "a request was not answered");
        let what = "hau-sidecar could not answer";
        internal(what.into(), "see the log of hau-sidecar")
    })
}

/// The whole body. Boxed, for a response is large and this one seldom.
async fn read(body: Incoming, limit: usize) -> Result<Vec<u8>, Box<Response<Out>>> {
    let too_large = || {
        let mut response = refusal(
            StatusCode::PAYLOAD_TOO_LARGE,
            Code::Usage,
            format!("the request's body is larger than {limit} bytes"),
            "send less: bundles are not uploaded, put them into the incoming folder",
        );
        hang_up(&mut response);
        Box::new(response)
    };
    if body.size_hint().lower() > limit as u64 {
        return Err(too_large());
    }
    match Limited::new(body, limit).collect().await {
        Ok(whole) => Ok(whole.to_bytes().into()),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => Err(too_large()),
        Err(error) => Err(Box::new(refusal(
            StatusCode::BAD_REQUEST,
            Code::Usage,
            format!("the request's body cannot be read: {error}"),
            "send it again",
        ))),
    }
}

/// Of two hosts nobody could say which was meant.
fn only(headers: &HeaderMap) -> Option<String> {
    let mut hosts = headers.get_all(HOST).iter();
    let (host, more) = (hosts.next()?, hosts.next());
    let host = host.to_str().ok().filter(|_| more.is_none());
    host.map(str::to_owned)
}

/// What part of a file a request wants.
struct Part {
    offset: u64,
    /// The first byte that it does not want any more; None: up to the end of the file.
    end: Option<u64>,
    /// ... only if the file still has this tag; else all of it.
    only_if: Option<HeaderValue>,
}

impl Part {
    /// Only `bytes=N-` and `bytes=N-M`; any other range is ignored, as HTTP allows.
    fn of(headers: &HeaderMap) -> Part {
        let range = headers.get(RANGE).and_then(|range| range.to_str().ok());
        let (offset, end) = range.and_then(Part::range).unwrap_or_default();
        Part {
            offset,
            end,
            only_if: headers.get(IF_RANGE).cloned(),
        }
    }

    fn range(text: &str) -> Option<(u64, Option<u64>)> {
        let (first, last) = text.strip_prefix("bytes=")?.split_once('-')?;
        let first = first.parse().ok()?;
        if last.is_empty() {
            return Some((first, None));
        }
        let last: u64 = last.parse().ok()?;
        (first <= last).then_some((first, last.checked_add(1)))
    }
}

fn respond(reply: Reply, part: &Part) -> Response<Out> {
    match reply {
        Reply::Body {
            status,
            content_type,
            bytes,
        } => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            with_type(status, content_type, Out::bytes(bytes))
        }
        Reply::Page { html, policy } => page(html, policy),
        Reply::Events(pieces) => {
            with_type(StatusCode::OK, "text/event-stream", Out::events(pieces))
        }
        Reply::File { path, offset } => match file(&path, offset, part) {
            Ok(response) => response,
            Err(error) if error.kind() == io::ErrorKind::NotFound => refusal(
                StatusCode::NOT_FOUND,
                Code::NotFound,
                format!("there is no file {}", path.display()),
                "look which files there are",
            ),
            Err(error) => internal(
                format!("cannot read {}: {error}", path.display()),
                "look at the file and its disk",
            ),
        },
    }
}

fn file(path: &Path, mut offset: u64, part: &Part) -> io::Result<Response<Out>> {
    let opened = file::open(path)?;
    let (size, tag) = (opened.size, opened.tag.clone());
    let mut end = part.end;
    if part.only_if.as_ref().is_some_and(|wanted| wanted != &tag) {
        (offset, end) = (0, None);
    }
    let until = end.map_or(size, |end| end.min(size));
    let (status, range) = match (offset, end) {
        (0, None) => (StatusCode::OK, None),
        (n, _) if n < size => {
            let range = format!("bytes {n}-{}/{size}", until.saturating_sub(1));
            (StatusCode::PARTIAL_CONTENT, Some(range))
        }
        _ => (
            StatusCode::RANGE_NOT_SATISFIABLE,
            Some(format!("bytes */{size}")),
        ),
    };
    let body = match status {
        StatusCode::RANGE_NOT_SATISFIABLE => Out::bytes(Vec::new()),
        _ => Out::file(opened, offset..until)?,
    };
    let mut response = with_type(status, "application/octet-stream", body);
    let headers = response.headers_mut();
    headers.insert(SIZE_HEADER, size.into());
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    for (name, value) in [(ETAG, Some(tag)), (CONTENT_RANGE, range)] {
        if let Some(value) = value.and_then(|value| HeaderValue::from_str(&value).ok()) {
            headers.insert(name, value);
        }
    }
    Ok(response)
}

/// Nothing in it is taken for anything else, and nothing of it goes elsewhere.
fn page(html: String, policy: &'static str) -> Response<Out> {
    let body = Out::bytes(html.into_bytes());
    let mut response = with_type(StatusCode::OK, "text/html; charset=utf-8", body);
    for (name, value) in [
        (CONTENT_SECURITY_POLICY, policy),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
    ] {
        let value = HeaderValue::from_static(value);
        response.headers_mut().insert(name, value);
    }
    response
}

fn with_type(status: StatusCode, content_type: &'static str, body: Out) -> Response<Out> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    // A status of an hour ago from somebody's cache would be worse than none.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn not_allowed(door: Door) -> Response<Out> {
    let (methods, remedy) = match door {
        Door::Unix | Door::Peer => ("GET, HEAD, POST", "use GET or POST"),
        Door::Plain => ("GET, HEAD", "this door only reads: act through hau-ctl"),
    };
    let what = format!("the {door} door takes {methods} only");
    let mut response = refusal(StatusCode::METHOD_NOT_ALLOWED, Code::Usage, what, remedy);
    let allow = HeaderValue::from_static(methods);
    response.headers_mut().insert(ALLOW, allow);
    response
}

fn stranger() -> Response<Out> {
    let mut response = refusal(
        StatusCode::FORBIDDEN,
        Code::Forbidden,
        "this certificate is not the other node's (any more)".into(),
        "if it is the other node, run hau-ctl pair",
    );
    hang_up(&mut response);
    response
}

fn internal(what: String, remedy: &str) -> Response<Out> {
    refusal(
        StatusCode::INTERNAL_SERVER_ERROR,
        Code::Internal,
        what,
        remedy,
    )
}

fn hang_up(response: &mut Response<Out>) {
    let close = HeaderValue::from_static("close");
    response.headers_mut().insert(CONNECTION, close);
}

fn refusal(status: StatusCode, code: Code, what: String, remedy: &str) -> Response<Out> {
    let bytes = failure(code, what, remedy);
    with_type(status, "application/json", Out::bytes(bytes))
}

/// An answer's JSON.
pub(super) fn failure(code: Code, what: String, remedy: &str) -> Vec<u8> {
    let answer = Answer::<()>::from(Err(Failure::new(code, what, remedy)));
    // Three strings and a number: there is nothing in it that could fail.
    serde_json::to_vec(&answer).unwrap_or_default()
}

/// An error with all that is behind it, in one line.
fn causes(error: &dyn std::error::Error) -> String {
    let all = std::iter::successors(Some(error), |cause| (*cause).source());
    let words: Vec<String> = all.map(ToString::to_string).collect();
    words.join(": ")
}

fn seconds(limit: Duration) -> impl Display {
    format!("{} s", limit.as_secs_f64())
}
