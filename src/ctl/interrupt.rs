//! Ctrl-C, and where a terminal is to be given back other ends too, as something that can be waited for.
use crate::wire::{Code, Failure};
use crate::words::Lang;
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    flag,
    low_level::{emulate_default_handler, pipe},
};
use std::{
    io,
    os::unix::net::UnixStream as Pipe,
    sync::Arc,
    sync::atomic::{AtomicUsize, Ordering},
};
use tokio::net::UnixStream;

pub(super) struct Interrupt {
    woken: UnixStream,
    signal: Arc<AtomicUsize>,
}

impl Interrupt {
    /// From now on Ctrl-C ends nothing by itself; with a live view no signal does that can be caught.
    ///
    /// # Errors
    /// The system refuses the handler.
    pub(super) fn catch(live: bool, lang: Lang) -> Result<Self, Failure> {
        let signals: &[i32] = match live {
            true => &[SIGINT, SIGTERM, SIGHUP],
            false => &[SIGINT],
        };
        let caught = || -> io::Result<Self> {
            let (read, write) = Pipe::pair()?;
            read.set_nonblocking(true)?;
            let signal = Arc::new(AtomicUsize::new(0));
            for caught in signals {
                // In this order: who is woken finds which it was.
                flag::register_usize(*caught, signal.clone(), caught.unsigned_abs() as usize)?;
                pipe::register(*caught, write.try_clone()?)?;
            }
            let woken = UnixStream::from_std(read)?;
            Ok(Self { woken, signal })
        };
        caught().map_err(|e| {
            let what = say!(lang, "cannot listen for Ctrl-C: {}", e);
            Failure::new(Code::Internal, what, say!(lang, "try again with --detach"))
        })
    }

    /// Returns when one has come.
    pub(super) async fn pressed(&self) {
        self.woken.readable().await.ok();
    }

    /// Does what a signal other than Ctrl-C does where nobody catches it: ends the program.
    pub(super) fn obey(&self) {
        let signal = i32::try_from(self.signal.load(Ordering::SeqCst)).unwrap_or(0);
        if ![0, SIGINT].contains(&signal) {
            emulate_default_handler(signal).ok();
        }
    }
}
