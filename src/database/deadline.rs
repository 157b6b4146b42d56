//! When a call must have ended, and looking again and again until then.
use super::DatabaseResult;
use std::{
    thread,
    time::{Duration, Instant},
};

/// When a call must have ended.
#[derive(Clone, Copy)]
pub(super) struct Deadline {
    pub(super) end: Instant,
    pub(super) limit: Duration,
}

impl Deadline {
    pub(super) fn after(limit: Duration) -> Self {
        // A century is for ever, and an Instant that cannot overflow.
        const CENTURY: Duration = Duration::from_secs(100 * 366 * 86_400);
        Self {
            end: Instant::now() + limit.min(CENTURY),
            limit,
        }
    }

    pub(super) fn left(self) -> Duration {
        self.end.saturating_duration_since(Instant::now())
    }

    pub(super) fn passed(self) -> bool {
        self.left().is_zero()
    }

    /// What is left, or `most` if that is less: for one question of several.
    pub(super) fn left_at_most(self, most: Duration) -> Duration {
        self.left().min(most)
    }

    /// Asks `look` again and again with `pause` between; None when the time is up.
    pub(super) fn poll<T>(
        self,
        pause: Duration,
        mut look: impl FnMut() -> DatabaseResult<Option<T>>,
    ) -> DatabaseResult<Option<T>> {
        loop {
            if let Some(found) = look()? {
                return Ok(Some(found));
            }
            if self.passed() {
                return Ok(None);
            }
            thread::sleep(self.left_at_most(pause));
        }
    }
}
