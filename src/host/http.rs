//! HTTP as its client: one question, one answer, a connection of its own; no redirects, no proxy.
use super::{HostError, HostResult, HttpAnswer};
use http_body_util::{BodyExt, Full};
use hyper::{
    Method, Request, Uri,
    body::Bytes,
    client::conn::http1,
    header,
    http::{request::Builder, uri::InvalidUri},
};
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, pki_types::ServerName};
use std::{sync::Arc, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    runtime::Handle,
    task::JoinSet,
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

/// What is read of an answer's body.
pub const BODY_LIMIT_BYTES: usize = 64 << 10;
/// For TCP, and again for TLS: who is not there at all is told before the limit of the whole.
const CONNECT: Duration = Duration::from_secs(10);

/// Why there is no answer. Nothing of the URL is in it, for it may hold a token.
#[derive(Debug, thiserror::Error)]
pub enum Unanswered {
    #[error("{0}")]
    Url(String),
    #[error("cannot connect: {0}")]
    Connect(String),
    #[error("cannot agree on TLS: {0}")]
    Tls(String),
    #[error("{0}")]
    Broken(String),
    #[error("no answer within {0:?}")]
    Late(Duration),
}

/// Asks once: `http://` only. `limit` is for all of it. Called from threads outside the runtime.
pub fn get(runtime: &Handle, url: &str, limit: Duration) -> HostResult<HttpAnswer> {
    runtime
        .block_on(within(limit, ask(url)))
        .map_err(|why| HostError::new("get", url, why))
}

/// Posts JSON once, with TLS if the URL says so. `limit` is for all of it. Called from threads outside the runtime.
///
/// # Errors
/// Why there is no answer; whatever status one has, it is one.
pub fn post(
    runtime: &Handle,
    url: &str,
    json: Vec<u8>,
    tls: Option<Arc<ClientConfig>>,
    limit: Duration,
) -> Result<HttpAnswer, Unanswered> {
    let request = Request::builder().method(Method::POST);
    let request = request.header(header::CONTENT_TYPE, "application/json");
    runtime.block_on(within(limit, exchange(url, request, json, tls)))
}

/// Asks once: see [`get`].
///
/// # Errors
/// Why there is no answer.
pub async fn ask(url: &str) -> Result<HttpAnswer, Unanswered> {
    exchange(url, Request::builder(), Vec::new(), None).await
}

async fn within(
    limit: Duration,
    asked: impl Future<Output = Result<HttpAnswer, Unanswered>>,
) -> Result<HttpAnswer, Unanswered> {
    let late = |_| Err(Unanswered::Late(limit));
    timeout(limit, asked).await.unwrap_or_else(late)
}

async fn exchange(
    url: &str,
    request: Builder,
    body: Vec<u8>,
    tls: Option<Arc<ClientConfig>>,
) -> Result<HttpAnswer, Unanswered> {
    let no_url = |why: &str| Unanswered::Url(why.to_owned());
    let uri: Uri = url
        .parse()
        .map_err(|e: InvalidUri| no_url(&format!("not a URL: {e}")))?;
    let host = uri.host().ok_or_else(|| no_url("the URL names no host"))?;
    let authority = uri
        .port()
        .map_or(host.to_owned(), |p| format!("{host}:{p}"));
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let request = request
        .uri(path)
        .header(header::HOST, authority)
        .header(header::USER_AGENT, "hau")
        .header(header::CONNECTION, "close")
        .body(Full::new(Bytes::from(body)))
        .map_err(|e| no_url(&e.to_string()))?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let at = |usual| (host, uri.port_u16().unwrap_or(usual));
    match (uri.scheme_str(), tls) {
        (Some("http"), _) => over(connect(at(80)).await?, request).await,
        (Some("https"), Some(tls)) => {
            let tcp = connect(at(443)).await?;
            over(secure(tcp, host, tls).await?, request).await
        }
        (_, None) => Err(no_url("only http:// is supported")),
        (_, Some(_)) => Err(no_url("only http:// and https:// are supported")),
    }
}

/// To a name or an address, within ten seconds.
pub(crate) async fn connect(address: (&str, u16)) -> Result<TcpStream, Unanswered> {
    let connected = timeout(CONNECT, TcpStream::connect(address)).await;
    let late = |_| Unanswered::Connect(format!("nobody answers within {CONNECT:?}"));
    connected
        .map_err(late)?
        .map_err(|e| Unanswered::Connect(e.to_string()))
}

/// TLS with the server of this name or address, within ten seconds.
pub(crate) async fn secure(
    tcp: TcpStream,
    host: &str,
    tls: Arc<ClientConfig>,
) -> Result<TlsStream<TcpStream>, Unanswered> {
    let failed = |why: String| Unanswered::Tls(why);
    let name = ServerName::try_from(host.to_owned()).map_err(|e| failed(e.to_string()))?;
    let shaken = timeout(CONNECT, TlsConnector::from(tls).connect(name, tcp)).await;
    let late = |_| failed(format!("it said nothing within {CONNECT:?}"));
    shaken.map_err(late)?.map_err(|e| failed(e.to_string()))
}

async fn over(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Full<Bytes>>,
) -> Result<HttpAnswer, Unanswered> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(tell)?;
    // Ends with this function, whichever way: the limit may cut it anywhere.
    let mut driver = JoinSet::new();
    driver.spawn(connection);
    let response = sender.send_request(request).await.map_err(tell)?;
    let status = response.status().as_u16();
    let mut body = response.into_body();
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.map_err(tell)?.into_data() {
            bytes.extend_from_slice(&data);
        }
        if bytes.len() >= BODY_LIMIT_BYTES {
            bytes.truncate(BODY_LIMIT_BYTES);
            break;
        }
    }
    let body = String::from_utf8_lossy(&bytes).into_owned();
    Ok(HttpAnswer { status, body })
}

fn tell(e: hyper::Error) -> Unanswered {
    Unanswered::Broken(match std::error::Error::source(&e) {
        Some(cause) => format!("{e}: {cause}"),
        None => e.to_string(),
    })
}
