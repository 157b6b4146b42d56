//! An open connection to a server, with an end in time for whatever goes over it.
use rustls::{ClientConnection, StreamOwned};
use socket2::Socket;
use std::{
    io::{self, ErrorKind, Read, Write},
    time::{Duration, Instant},
};

/// An open connection, each read and write of which has an end in time.
pub(super) enum Link {
    Here(Timed),
    Tcp(Timed),
    Tls(Box<StreamOwned<ClientConnection, Timed>>),
}

impl Link {
    pub(super) fn until(&mut self, end: Instant) {
        self.socket().end = end;
    }

    /// Nobody can listen.
    pub(super) fn is_unheard(&self) -> bool {
        match self {
            Link::Here(_) | Link::Tls(_) => true,
            Link::Tcp(_) => false,
        }
    }

    /// Says that nothing more comes.
    pub(super) fn close(&mut self) {
        if let Link::Tls(stream) = self {
            stream.conn.send_close_notify();
            // It is closed either way.
            drop(stream.flush());
        }
    }

    fn socket(&mut self) -> &mut Timed {
        match self {
            Link::Here(socket) | Link::Tcp(socket) => socket,
            Link::Tls(stream) => &mut stream.sock,
        }
    }
}

impl Read for Link {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        match self {
            Link::Here(socket) | Link::Tcp(socket) => socket.read(to),
            Link::Tls(stream) => stream.read(to),
        }
    }
}

impl Write for Link {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Link::Here(socket) | Link::Tcp(socket) => socket.write(bytes),
            Link::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Link::Here(socket) | Link::Tcp(socket) => socket.flush(),
            Link::Tls(stream) => stream.flush(),
        }
    }
}

/// A socket that gives up at its end, however many bytes still trickle.
pub(super) struct Timed {
    socket: Socket,
    end: Instant,
}

impl Timed {
    pub(super) fn new(socket: Socket, end: Instant) -> Self {
        Self { socket, end }
    }
}

impl Read for Timed {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        again(|| {
            self.socket.set_read_timeout(Some(left(self.end)?))?;
            self.socket.read(to)
        })
    }
}

impl Write for Timed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        again(|| {
            self.socket.set_write_timeout(Some(left(self.end)?))?;
            self.socket.write(bytes)
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn again(mut act: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match act() {
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            done => return done.map_err(in_time),
        }
    }
}

/// A socket with a limit says that it would block.
pub(super) fn in_time(e: io::Error) -> io::Error {
    if e.kind() == ErrorKind::WouldBlock {
        return ErrorKind::TimedOut.into();
    }
    e
}

/// At least a millisecond: none at all would mean no limit.
pub(super) fn left(end: Instant) -> io::Result<Duration> {
    let left = end.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(ErrorKind::TimedOut.into());
    }
    Ok(left.max(Duration::from_millis(1)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use socket2::{Domain, Type};

    #[test]
    fn nothing_waits_beyond_its_end() {
        let (socket, _silent) = Socket::pair(Domain::UNIX, Type::STREAM, None).unwrap();
        let end = Instant::now() + Duration::from_millis(20);
        let mut link = Link::Here(Timed::new(socket, end));
        let kind = |e: io::Error| e.kind();
        assert_eq!(link.read(&mut [0]).map_err(kind), Err(ErrorKind::TimedOut));
        let full = io::copy(&mut io::repeat(0), &mut link);
        assert_eq!(full.map_err(kind), Err(ErrorKind::TimedOut));
    }
}
