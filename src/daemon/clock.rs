//! The daemon's clock: wall time that never goes backwards within one process.
use crate::time::Time;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Wall time at the start, carried on by the monotonic clock: a clock that is set while a rollout
/// goes on neither ends a limit early nor makes a peer look lost.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    started: Instant,
    at: Time,
}

impl Clock {
    pub(super) fn start() -> Self {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let at = Time(u64::try_from(since.as_millis()).unwrap_or(u64::MAX));
        Self {
            started: Instant::now(),
            at,
        }
    }

    pub(super) fn now(&self) -> Time {
        self.at + self.started.elapsed()
    }
}
