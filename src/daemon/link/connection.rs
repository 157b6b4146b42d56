//! One HTTP/1.1 connection over TLS to the other node.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{CONTENT_TYPE, HOST, HeaderName, HeaderValue};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::{ANSWER_BYTES, Answer, CONNECT, LinkError};
use crate::daemon::door::Method;
use crate::tls;

/// How long a broken connection may take to say why.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// Dropped, it is closed at once, whatever goes on on it.
pub(super) struct Connection {
    address: SocketAddr,
    sender: SendRequest<Full<Bytes>>,
    driver: JoinHandle<hyper::Result<()>>,
    cert_der: Vec<u8>,
}

/// No byte of the request went out: it may be sent on another connection.
pub(super) struct Unsent(pub(super) hyper::Error);

impl Connection {
    pub(super) async fn open(
        address: SocketAddr,
        config: Arc<ClientConfig>,
        runtime: &Handle,
    ) -> Result<Connection, LinkError> {
        let connect = |source| LinkError::Connect { address, source };
        let late = |_| connect(io::ErrorKind::TimedOut.into());
        let tcp = timeout(CONNECT, TcpStream::connect(address)).await;
        let tcp = tcp.map_err(late)?.map_err(connect)?;
        // A Hello is small and awaited: never held back to be sent with more.
        tcp.set_nodelay(true).map_err(connect)?;
        let name = tls::server_name(address.ip());
        let shake = TlsConnector::from(config).connect(name, tcp);
        let shaken = timeout(CONNECT, shake).await.map_err(late)?;
        let stream = shaken.map_err(|error| match tls::refused(&error) {
            Some(source) => LinkError::Refused { address, source },
            None => connect(error),
        })?;
        let certs = stream.get_ref().1.peer_certificates().unwrap_or_default();
        let cert_der = certs.first().map(|cert| cert.to_vec()).unwrap_or_default();
        let (sender, driver) = handshake(TokioIo::new(stream))
            .await
            .map_err(|source| LinkError::Broken { address, source })?;
        Ok(Connection {
            address,
            sender,
            driver: runtime.spawn(driver),
            cert_der,
        })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn cert_der(&self) -> &[u8] {
        &self.cert_der
    }

    /// Sends a request and reads the whole answer.
    pub(super) async fn exchange(
        &mut self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<Result<Answer, Unsent>, LinkError> {
        let request = self.build(method, path, body, &[])?;
        let response = match self.send(request).await? {
            Ok(response) => response,
            Err(unsent) => return Ok(Err(unsent)),
        };
        let status = response.status().as_u16();
        match self.whole(path, response).await {
            Ok(bytes) => Ok(Ok((status, bytes))),
            Err(error) => Err(error),
        }
    }

    /// Sends a request and waits for the answer's header.
    pub(super) async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Result<Response<Incoming>, Unsent>, LinkError> {
        if let Err(error) = self.sender.ready().await {
            return Ok(Err(Unsent(error)));
        }
        let sent = self.sender.try_send_request(request).await;
        match sent.map_err(|mut error| (error.take_message(), error.into_error())) {
            Ok(response) => Ok(Ok(response)),
            Err((Some(_), error)) => Ok(Err(Unsent(error))),
            Err((None, error)) => Err(self.broken(error).await),
        }
    }

    pub(super) fn build(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
        headers: &[(HeaderName, &str)],
    ) -> Result<Request<Full<Bytes>>, LinkError> {
        let method = match method {
            Method::Get => hyper::Method::GET,
            Method::Post => hyper::Method::POST,
        };
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, self.address.to_string());
        if !body.is_empty() {
            request = request.header(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        let request = request.body(Full::new(body));
        request.map_err(|source| LinkError::Path {
            path: path.to_string(),
            source,
        })
    }

    /// The whole body of a small answer.
    pub(super) async fn whole(
        &mut self,
        path: &str,
        response: Response<Incoming>,
    ) -> Result<Vec<u8>, LinkError> {
        let body = Limited::new(response.into_body(), ANSWER_BYTES).collect();
        let error = match body.await {
            Ok(body) => return Ok(body.to_bytes().into()),
            Err(error) => error,
        };
        match error.downcast::<hyper::Error>() {
            Ok(error) => Err(self.broken(*error).await),
            // The only other error there is.
            Err(_too_long) => Err(LinkError::TooLarge {
                path: path.to_string(),
            }),
        }
    }

    /// Why the connection broke. A node that refuses us says so behind our handshake, and what hyper
    /// noticed first may only be that the connection was over.
    pub(super) async fn broken(&mut self, error: hyper::Error) -> LinkError {
        let address = self.address;
        let mut why = refused(&error);
        if why.is_none()
            && let Ok(Ok(Err(last))) = timeout(LAST_WORDS, &mut self.driver).await
        {
            why = refused(&last);
        }
        match why {
            Some(source) => LinkError::Refused { address, source },
            None => LinkError::Broken {
                address,
                source: error,
            },
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// hyper wraps what the stream said once or twice, as it was noticed reading, or before writing.
fn refused(error: &hyper::Error) -> Option<tls::Refused> {
    let first = error.source();
    let mut causes = std::iter::successors(first, |cause| (*cause).source());
    causes.find_map(|cause| tls::refused(cause.downcast_ref::<io::Error>()?))
}
