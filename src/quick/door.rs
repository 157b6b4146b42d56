//! One hand-written HTTP/1.1 request over the daemon's socket, all of it before a deadline.
use socket2::{Domain, SockAddr, Socket, Type};
use std::{
    io::{self, ErrorKind, Read, Write},
    os::{fd::OwnedFd, unix::net::UnixStream},
    path::Path,
    time::{Duration, Instant},
};

/// Longer answers are not ours.
const MAX_ANSWER: usize = 4096;

/// Posts `body` and returns the body of an answer with status 200.
///
/// # Errors
/// No daemon, a hanging one, or an answer that is no answer.
pub(super) fn post(socket: &Path, path: &str, body: &[u8], limit: Duration) -> io::Result<Vec<u8>> {
    let deadline = Instant::now() + limit;
    let mut stream = connect(socket, deadline)?;
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: hau\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    // In one piece: a second write would wake the daemon twice.
    stream.write_all(&[head.as_bytes(), body].concat())?;
    let mut answer = Vec::with_capacity(512);
    loop {
        if let Some(body) = whole(&answer)? {
            return Ok(body.to_vec());
        }
        if answer.len() > MAX_ANSWER {
            return Err(bad("the answer is too long"));
        }
        stream.set_read_timeout(Some(left(deadline)?))?;
        let mut piece = [0; 1024];
        match stream.read(&mut piece) {
            Ok(0) => return Err(bad("the answer is cut off")),
            Ok(n) => answer.extend_from_slice(&piece[..n]),
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) if e.kind() == ErrorKind::WouldBlock => return Err(late()),
            Err(e) => return Err(e),
        }
    }
}

/// With a send timeout set first, because connecting waits for ever where the backlog is full.
fn connect(path: &Path, deadline: Instant) -> io::Result<UnixStream> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_write_timeout(Some(left(deadline)?))?;
    socket.connect(&SockAddr::unix(path)?).map_err(|e| {
        if e.kind() == ErrorKind::WouldBlock {
            late()
        } else {
            e
        }
    })?;
    Ok(UnixStream::from(OwnedFd::from(socket)))
}

fn left(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() {
        Err(late())
    } else {
        Ok(left)
    }
}

/// The body, once all of it is here.
fn whole(answer: &[u8]) -> io::Result<Option<&[u8]>> {
    let Some(end) = answer.windows(4).position(|w| w == b"\r\n\r\n") else {
        return Ok(None);
    };
    let (head, body) = (&answer[..end], &answer[end + 4..]);
    let head = str::from_utf8(head).map_err(|_| bad("the answer is not HTTP"))?;
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap_or_default();
    if status.split(' ').nth(1) != Some("200") {
        return Err(bad(&format!("the daemon answers {status:?}")));
    }
    let length = lines
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, n)| n.trim().parse::<usize>().ok())
        .ok_or_else(|| bad("the answer has no length"))?;
    Ok(body.get(..length))
}

fn late() -> io::Error {
    io::Error::new(ErrorKind::TimedOut, "no answer in time")
}

fn bad(what: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_or_not_yet_or_wrong() {
        let text = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
        for n in 0..text.len() {
            assert_eq!(whole(&text[..n]).expect("no error"), None, "{n}");
        }
        assert_eq!(whole(text).expect("no error"), Some(&b"{}"[..]));
        for wrong in [
            &b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"[..],
            b"HTTP/1.1 200 OK\r\n\r\n",
            b"\xff\xff\r\n\r\n",
        ] {
            assert!(whole(wrong).is_err());
        }
    }
}
