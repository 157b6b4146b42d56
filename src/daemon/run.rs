//! A measurement that the core wants for a while: it begins anew each time, and what it saw outlives it.
use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};

/// One measurement.
#[derive(Default)]
pub(super) struct Run<T> {
    ended: AtomicBool,
    seen: Mutex<T>,
}

impl<T> Run<T> {
    pub(super) fn goes_on(&self) -> bool {
        !self.ended.load(Ordering::Relaxed)
    }

    pub(super) fn seen(&self) -> MutexGuard<'_, T> {
        lock(&self.seen)
    }
}

/// The last one, whether it goes on or not.
#[derive(Default)]
pub(super) struct Runs<T>(Mutex<Option<Arc<Run<T>>>>);

impl<T: Default> Runs<T> {
    /// The one to begin, where one is wanted and none goes on. Where none is wanted, the one that goes on ends.
    pub(super) fn turn(&self, wanted: bool) -> Option<Arc<Run<T>>> {
        let mut current = lock(&self.0);
        match current.as_ref().filter(|run| run.goes_on()) {
            Some(run) if !wanted => run.ended.store(true, Ordering::Relaxed),
            None if wanted => *current = Some(Arc::default()),
            Some(_) | None => return None,
        }
        current.clone().filter(|_| wanted)
    }

    pub(super) fn last(&self) -> Option<Arc<Run<T>>> {
        lock(&self.0).clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_goes_on_at_a_time_and_the_last_is_kept() {
        let runs = Runs::<u8>::default();
        assert!(runs.turn(false).is_none() && runs.last().is_none());
        let first = runs.turn(true).expect("one begins");
        assert!(runs.turn(true).is_none(), "it goes on");
        *first.seen() = 7;
        assert!(runs.turn(false).is_none() && !first.goes_on());
        assert_eq!(runs.last().map(|run| *run.seen()), Some(7));
        let second = runs.turn(true).expect("another begins");
        assert_eq!(*second.seen(), 0);
    }
}
