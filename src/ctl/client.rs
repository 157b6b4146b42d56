//! The daemon's HTTP over its Unix socket: one connection a request, answers as `wire::Answer`.
use crate::wire::{Answer, Code, Failure};
use crate::words::Lang;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{Method, Request, StatusCode, body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use serde::{Serialize, de::DeserializeOwned};
use std::{
    fmt::Display,
    io::ErrorKind,
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::{net::UnixStream, time::timeout};

/// What only looks answers soon, or something is wrong.
const LOOK: Duration = Duration::from_secs(60);
/// Connecting, and `status`, which is asked again and again.
const SOON: Duration = Duration::from_secs(5);
const MAX_BYTES: usize = 16 << 20;

pub(super) struct Client {
    socket: PathBuf,
    lang: Lang,
}

impl Client {
    pub(super) fn new(socket: &Path, lang: Lang) -> Self {
        Self {
            socket: socket.to_owned(),
            lang,
        }
    }

    pub(super) fn lang(&self) -> Lang {
        self.lang
    }

    /// # Errors
    /// No daemon, or what it answers instead of data.
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        let limit = if path == "/v1/status" { SOON } else { LOOK };
        let asked = self.ask(Method::GET, path, Vec::new());
        timeout(limit, asked).await.unwrap_or_else(|_| {
            Err(self.unreachable(say!(self.lang, "it does not answer in time")))
        })
    }

    /// Waits as long as it takes: the daemon has its own limits for what it does.
    ///
    /// # Errors
    /// No daemon, or what it answers instead of data.
    pub(super) async fn post<B: Serialize, T: DeserializeOwned>(
        &self,
        path: &str,
        body: &B,
    ) -> Result<T, Failure> {
        let body = serde_json::to_vec(body).map_err(|e| self.odd(e))?;
        self.ask(Method::POST, path, body).await
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Vec<u8>,
    ) -> Result<T, Failure> {
        let stream = timeout(SOON, UnixStream::connect(&self.socket)).await;
        let stream = stream
            .unwrap_or_else(|_| Err(ErrorKind::TimedOut.into()))
            .map_err(|e| self.unreachable(e))?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|e| self.unreachable(e))?;
        let driver = tokio::spawn(connection);
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "hau")
            .header("content-type", "application/json")
            .header("connection", "close")
            .body(Full::new(Bytes::from(body)))
            .map_err(|e| self.odd(e))?;
        let answer = sender.send_request(request).await;
        let answer = answer.map_err(|e| self.unreachable(e))?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), MAX_BYTES).collect().await;
        driver.abort();
        let body = body.map_err(|e| self.unreachable(e))?.to_bytes();
        self.read(status, &body)
    }

    fn unreachable(&self, why: impl Display) -> Failure {
        let socket = self.socket.display();
        Failure::new(
            Code::Unreachable,
            say!(self.lang, "no daemon answers at {} ({})", socket, why),
            say!(
                self.lang,
                "systemctl start hau-sidecar; journalctl -u hau-sidecar says why it ended"
            ),
        )
    }

    fn read<T: DeserializeOwned>(&self, status: StatusCode, body: &[u8]) -> Result<T, Failure> {
        match serde_json::from_slice::<Answer<T>>(body) {
            Ok(answer) => answer.into_result(),
            Err(e) => Err(self.odd(format!("HTTP {}: {e}", status.as_u16()))),
        }
    }

    fn odd(&self, why: impl Display) -> Failure {
        Failure::new(
            Code::Internal,
            say!(self.lang, "the daemon's answer is not understood ({})", why),
            say!(
                self.lang,
                "see that hau-ctl and hau-sidecar are of one version: hau-ctl --version, hau-sidecar --version"
            ),
        )
    }
}
