//! One client: one request after the other at a bounded rate, raw HTTP/1.1, 10 s each, no retries.
//!
//! A keep-alive client opens a new connection after an answer that says `Connection: close` (that is HTTP, not a failure).
//! A request sent on a kept connection that the server had closed while it was idle is a failure: a browser may retry
//! that silently for GET, but not for an order.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const TIMEOUT: Duration = Duration::from_secs(10);
const MAX_ANSWER: usize = 64 * 1024;
const NAP: Duration = Duration::from_millis(50);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A new connection for every request.
    New,
    KeepAlive,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Kind::New => "new",
            Kind::KeepAlive => "keepalive",
        }
    }
}

/// What became of one request.
#[derive(Debug)]
pub struct Record {
    pub id: String,
    pub kind: Kind,
    pub target: SocketAddr,
    /// Since the run began.
    pub start: Duration,
    pub latency: Duration,
    /// `Err` holds the reason.
    pub outcome: Result<(), String>,
}

pub struct Client {
    kind: Kind,
    target: SocketAddr,
    name: String,
    began: Instant,
    kept: Option<TcpStream>,
}

impl Client {
    pub fn new(kind: Kind, target: SocketAddr, name: String, began: Instant) -> Client {
        Client {
            kind,
            target,
            name,
            began,
            kept: None,
        }
    }

    /// Sends requests until `stop`; the first after `first`, then one each `pause` (later when answers are slower).
    pub fn run(mut self, first: Duration, pause: Duration, stop: &AtomicBool) -> Vec<Record> {
        let mut records = Vec::new();
        let mut due = self.began + first;
        loop {
            if !sleep_until(due, stop) {
                return records;
            }
            let record = self.request(records.len());
            records.push(record);
            // a slow answer is not made up for by a burst
            due = Instant::now().max(due + pause);
        }
    }

    fn request(&mut self, number: usize) -> Record {
        let id = format!("{}-{number:06}", self.name);
        let start = Instant::now();
        let outcome = self.exchange(&id, start + TIMEOUT);
        if outcome.is_err() {
            self.kept = None;
        }
        Record {
            id,
            kind: self.kind,
            target: self.target,
            start: start - self.began,
            latency: start.elapsed(),
            outcome,
        }
    }

    fn exchange(&mut self, id: &str, deadline: Instant) -> Result<(), String> {
        let kept = self.kept.take();
        let place = if kept.is_some() {
            "kept connection"
        } else {
            "new connection"
        };
        let mut stream = match kept {
            Some(stream) => stream,
            None => connect(self.target, deadline)?,
        };
        let body = format!("{{\"id\": \"{id}\", \"item\": \"tea\"}}");
        let connection = if self.kind == Kind::New {
            "close"
        } else {
            "keep-alive"
        };
        let request = format!(
            "POST /orders HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: {connection}\r\n\r\n{body}",
            self.target,
            body.len()
        );
        stream
            .write_all(request.as_bytes())
            .map_err(|error| format!("{place}: send: {}", reason(&error)))?;
        let answer = read_answer(&mut stream, deadline).map_err(|why| format!("{place}: {why}"))?;
        if answer.status != 201 {
            return Err(format!("status {}", answer.status));
        }
        if self.kind == Kind::KeepAlive && !answer.close {
            self.kept = Some(stream);
        }
        Ok(())
    }
}

/// False when the run ended first.
fn sleep_until(due: Instant, stop: &AtomicBool) -> bool {
    while !stop.load(Ordering::Relaxed) {
        let left = due.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return true;
        }
        std::thread::sleep(left.min(NAP));
    }
    false
}

fn connect(target: SocketAddr, deadline: Instant) -> Result<TcpStream, String> {
    let stream = TcpStream::connect_timeout(&target, left(deadline)?)
        .map_err(|error| format!("connect: {}", reason(&error)))?;
    stream
        .set_nodelay(true)
        .and_then(|()| stream.set_write_timeout(Some(TIMEOUT)))
        .map_err(|error| format!("connect: {}", reason(&error)))?;
    Ok(stream)
}

#[derive(Debug, PartialEq, Eq)]
struct Answer {
    status: u16,
    close: bool,
}

/// Reads the whole answer, body included, so that the connection can be used again.
fn read_answer(stream: &mut TcpStream, deadline: Instant) -> Result<Answer, String> {
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        if let Some((answer, length)) = parse_head(&bytes)?
            && bytes.len() >= length
        {
            return Ok(answer);
        }
        if bytes.len() > MAX_ANSWER {
            return Err("answer too long".to_owned());
        }
        stream
            .set_read_timeout(Some(left(deadline)?))
            .map_err(|error| reason(&error))?;
        match stream.read(&mut chunk) {
            Ok(0) if bytes.is_empty() => return Err("closed before any answer".to_owned()),
            Ok(0) => return Err("closed in mid-answer".to_owned()),
            Ok(count) => bytes.extend_from_slice(&chunk[..count]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(format!("receive: {}", reason(&error))),
        }
    }
}

/// The answer and how many bytes it has with head and body; `None` while the head is incomplete.
fn parse_head(bytes: &[u8]) -> Result<Option<(Answer, usize)>, String> {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
        return Ok(None);
    };
    let head = std::str::from_utf8(&bytes[..end]).map_err(|_| "answer is not HTTP".to_owned())?;
    let mut lines = head.split("\r\n");
    let status = lines
        .next()
        .and_then(|line| line.strip_prefix("HTTP/1.1 "))
        .and_then(|rest| rest.get(..3));
    let status = status
        .and_then(|digits| digits.parse().ok())
        .ok_or("answer is not HTTP")?;
    let mut length = None;
    let mut close = false;
    for line in lines {
        let (name, value) = line.split_once(':').ok_or("answer is not HTTP")?;
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse::<usize>().ok();
        } else if name.eq_ignore_ascii_case("connection") {
            close = value.trim().eq_ignore_ascii_case("close");
        }
    }
    let length = length
        .filter(|&length| length <= MAX_ANSWER)
        .ok_or("answer without a sensible Content-Length")?;
    Ok(Some((Answer { status, close }, end + 4 + length)))
}

fn left(deadline: Instant) -> Result<Duration, String> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() {
        Err("timed out".to_owned())
    } else {
        Ok(left)
    }
}

fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => "timed out".to_owned(),
        kind => kind.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn an_answer_is_whole_only_with_its_body() {
        let text = b"HTTP/1.1 201 OK\r\ncontent-length: 2\r\nConnection: Close\r\n\r\nok";
        let (answer, length) = parse_head(text).unwrap().unwrap();
        assert_eq!(
            answer,
            Answer {
                status: 201,
                close: true
            }
        );
        assert_eq!(length, text.len());
        assert_eq!(parse_head(b"HTTP/1.1 201 OK\r\ncontent-le").unwrap(), None);
        assert!(parse_head(b"SSH-2.0-x\r\n\r\n").is_err());
        assert!(parse_head(b"HTTP/1.1 201 OK\r\n\r\n").is_err());
    }

    /// Serves `answers`, one connection each entry; within an entry one answer for each request.
    fn server(answers: Vec<Vec<&'static str>>) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for connection in answers {
                let (mut stream, _) = listener.accept().unwrap();
                for answer in connection {
                    let mut request = [0; 4096];
                    assert!(stream.read(&mut request).unwrap() > 0);
                    stream.write_all(answer.as_bytes()).unwrap();
                }
            }
        });
        address
    }

    const GOOD: &str = "HTTP/1.1 201 OK\r\nContent-Length: 0\r\n\r\n";
    const LAST: &str = "HTTP/1.1 201 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    const BAD: &str = "HTTP/1.1 503 Error\r\nContent-Length: 0\r\n\r\n";

    #[test]
    fn close_is_no_failure_but_a_broken_promise_is() {
        // one connection keeps two answers and says close; the next dies after one answer; the last refuses
        let address = server(vec![vec![GOOD, LAST], vec![GOOD], vec![BAD]]);
        let mut client = Client::new(Kind::KeepAlive, address, "t".to_owned(), Instant::now());
        let outcomes: Vec<_> = (0..5)
            .map(|number| client.request(number).outcome)
            .collect();
        assert_eq!(outcomes[..3], [Ok(()), Ok(()), Ok(())]);
        assert!(
            outcomes[3]
                .as_ref()
                .is_err_and(|why| why.starts_with("kept connection")),
            "{:?}",
            outcomes[3]
        );
        assert_eq!(outcomes[4], Err("status 503".to_owned()));
    }

    #[test]
    fn a_new_client_connects_every_time() {
        let address = server(vec![vec![GOOD], vec![GOOD]]);
        let mut client = Client::new(Kind::New, address, "t".to_owned(), Instant::now());
        assert!(client.request(0).outcome.is_ok());
        assert!(client.request(1).outcome.is_ok());
    }
}
