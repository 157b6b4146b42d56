//! Keeps a log readable: the same thing is said once a minute, however often it happens.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

const EVERY: Duration = Duration::from_secs(60);

/// Remembers what was said last.
#[derive(Debug)]
pub(super) struct Quiet<T>(Mutex<Option<(T, Instant)>>);

impl<T: PartialEq> Quiet<T> {
    pub(super) fn new() -> Quiet<T> {
        Quiet(Mutex::new(None))
    }

    /// Whether it is to be said at `now`: it is something else than the last time, or that is long ago.
    pub(super) fn says(&self, what: T, now: Instant) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let repeated = last
            .as_ref()
            .is_some_and(|(said, at)| *said == what && now.saturating_duration_since(*at) < EVERY);
        if !repeated {
            *last = Some((what, now));
        }
        !repeated
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_is_said_once_a_minute_and_another_at_once() {
        let (quiet, now) = (Quiet::new(), Instant::now());
        assert!(quiet.says("a", now));
        assert!(!quiet.says("a", now + EVERY / 2));
        assert!(quiet.says("b", now + EVERY / 2));
        assert!(!quiet.says("b", now + EVERY));
        assert!(quiet.says("b", now + EVERY / 2 + EVERY));
    }
}
