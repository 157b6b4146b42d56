//! Ctrl-C as something that can be waited for.
use crate::wire::{Code, Failure};
use signal_hook::{consts::SIGINT, low_level::pipe};
use std::{io, os::unix::net::UnixStream as Pipe};
use tokio::net::UnixStream;

pub(super) struct Interrupt(UnixStream);

impl Interrupt {
    /// From now on Ctrl-C ends nothing by itself.
    ///
    /// # Errors
    /// The system refuses the handler.
    pub(super) fn catch() -> Result<Self, Failure> {
        let caught = || -> io::Result<UnixStream> {
            let (read, write) = Pipe::pair()?;
            read.set_nonblocking(true)?;
            pipe::register(SIGINT, write)?;
            UnixStream::from_std(read)
        };
        caught().map(Self).map_err(|e| {
            let what = format!("cannot listen for Ctrl-C: {e}");
            Failure::new(Code::Internal, what, "try again with --detach")
        })
    }

    /// Returns when Ctrl-C has been pressed.
    pub(super) async fn pressed(&self) {
        self.0.readable().await.ok();
    }
}
