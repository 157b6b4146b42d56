//! The addresses of this host as they were looked at last, until the kernel tells of a change.
use crate::host::net::Address;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

#[derive(Default)]
pub(super) struct Held(Mutex<Known>);

#[derive(Default)]
struct Known {
    /// Of which the kernel has told.
    changes: u64,
    addresses: Option<Arc<Vec<Address>>>,
}

impl Held {
    /// What is known, or what `ask` finds.
    ///
    /// Nothing is locked while it asks: who tells of a change does so on the task that the answer comes by,
    /// and the two would wait for each other.
    pub(super) fn get<E>(
        &self,
        ask: impl FnOnce() -> Result<Vec<Address>, E>,
    ) -> Result<Arc<Vec<Address>>, E> {
        let before = {
            let known = self.known();
            if let Some(addresses) = &known.addresses {
                return Ok(Arc::clone(addresses));
            }
            known.changes
        };
        let found = Arc::new(ask()?);
        let mut known = self.known();
        if known.changes == before {
            known.addresses = Some(Arc::clone(&found));
        }
        Ok(found)
    }

    /// One came or went.
    pub(super) fn forget(&self) {
        let mut known = self.known();
        known.changes += 1;
        known.addresses = None;
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{sync::mpsc, thread, time::Duration};

    fn asked(held: &Held, calls: &mut u32) {
        let found = held.get(|| {
            *calls += 1;
            Ok::<_, ()>(Vec::new())
        });
        assert!(found.is_ok());
    }

    #[test]
    fn it_is_asked_once_until_something_changes() {
        let (held, mut calls) = (Held::default(), 0);
        asked(&held, &mut calls);
        asked(&held, &mut calls);
        assert_eq!(calls, 1);
        held.forget();
        asked(&held, &mut calls);
        assert_eq!(calls, 2);
    }

    /// The answer comes by the task that tells of changes.
    #[test]
    fn a_change_is_told_while_the_answer_is_waited_for() {
        let held = Arc::new(Held::default());
        let teller = Arc::clone(&held);
        let found = held.get(move || {
            let (told, waits) = mpsc::channel();
            thread::spawn(move || {
                teller.forget();
                told.send(()).ok();
            });
            waits.recv_timeout(Duration::from_secs(10))?;
            Ok::<_, mpsc::RecvTimeoutError>(Vec::new())
        });
        assert!(found.is_ok(), "the two wait for each other");
        // What was found is older than the change.
        let mut calls = 0;
        asked(&held, &mut calls);
        assert_eq!(calls, 1);
    }
}
