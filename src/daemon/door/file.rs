//! Streams a file, or events, as the body of an answer. The disk is read on a thread of its own, a few pieces
//! ahead of the network; a client that goes away ends it.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};

use http_body_util::Full;
use hyper::body::{Body, Bytes, Frame, SizeHint};
use tokio::sync::mpsc;

const PIECE: u64 = 256 * 1024;
const AHEAD: usize = 4;

/// A regular file, open for reading.
pub(super) struct Opened {
    file: File,
    pub(super) size: u64,
    /// An HTTP entity tag: another one when the content may be another one.
    pub(super) tag: String,
}

/// Opens a regular file; anything else is not found. Blocks.
pub(super) fn open(path: &Path) -> io::Result<Opened> {
    // Looked at before it is opened: opening a FIFO waits for a writer.
    if !path.metadata()?.is_file() {
        return Err(io::ErrorKind::NotFound.into());
    }
    let file = File::open(path)?;
    let meta = file.metadata()?;
    let (inode, size, changed) = (meta.ino(), meta.len(), meta.mtime());
    let tag = format!("\"{inode:x}-{size:x}-{changed:x}.{:x}\"", meta.mtime_nsec());
    Ok(Opened { file, size, tag })
}

/// The body of an answer.
pub(super) enum Out {
    Bytes(Full<Bytes>),
    Pieces {
        pieces: mpsc::Receiver<io::Result<Bytes>>,
        /// `None`: nobody knows yet.
        left: Option<u64>,
    },
}

impl Out {
    pub(super) fn bytes(bytes: Vec<u8>) -> Out {
        Out::Bytes(Full::new(bytes.into()))
    }

    /// The bytes of the file in this range, which is not behind its end. On a thread of the runtime.
    pub(super) fn file(mut opened: Opened, range: Range<u64>) -> io::Result<Out> {
        opened.file.seek(SeekFrom::Start(range.start))?;
        let left = range.end.saturating_sub(range.start);
        let (sender, pieces) = mpsc::channel(AHEAD);
        tokio::task::spawn_blocking(move || feed(opened.file, left, &sender));
        let left = Some(left);
        Ok(Out::Pieces { pieces, left })
    }

    pub(super) fn events(pieces: mpsc::Receiver<io::Result<Bytes>>) -> Out {
        Out::Pieces { pieces, left: None }
    }
}

/// Sends exactly `left` bytes, as announced, or an error, which breaks the connection off.
fn feed(mut file: File, mut left: u64, sender: &mpsc::Sender<io::Result<Bytes>>) {
    while left > 0 {
        let want = left.min(PIECE);
        let mut piece = Vec::new();
        let read = (&mut file).take(want).read_to_end(&mut piece);
        let read = read.and_then(|n| match n {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            n => Ok(n as u64),
        });
        let (piece, done) = match read {
            Ok(n) => {
                left -= n;
                (Ok(piece.into()), false)
            }
            Err(error) => (Err(error), true),
        };
        if sender.blocking_send(piece).is_err() || done {
            return;
        }
    }
}

impl Body for Out {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match self.get_mut() {
            Self::Bytes(full) => Pin::new(full)
                .poll_frame(cx)
                .map_err(|never| match never {}),
            Self::Pieces { pieces, left } => pieces.poll_recv(cx).map_ok(|piece| {
                *left = left.map(|left| left.saturating_sub(piece.len() as u64));
                Frame::data(piece)
            }),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Bytes(full) => full.size_hint(),
            Self::Pieces { left, .. } => left.map_or_else(SizeHint::default, SizeHint::with_exact),
        }
    }
}
