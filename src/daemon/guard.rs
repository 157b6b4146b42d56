//! Carries out what the core says of the database beside the jobs: let it start, or stop and hold it.
use super::site::Site;
use crate::core::Guard;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

const LIMIT: Duration = Duration::from_secs(60);

pub(super) struct Keeper {
    site: Arc<Site>,
    is_busy: Arc<AtomicBool>,
}

impl Keeper {
    pub(super) fn new(site: Arc<Site>) -> Self {
        let is_busy = Arc::default();
        Self { site, is_busy }
    }

    /// Called at every turn; one thing at a time, on a thread of its own.
    pub(super) fn see_to(&self, guard: Guard) {
        if guard == Guard::Leave || self.is_busy.swap(true, Ordering::AcqRel) {
            return;
        }
        let (site, is_busy) = (Arc::clone(&self.site), Arc::clone(&self.is_busy));
        thread::spawn(move || {
            let done = match guard {
                Guard::Release => {
                    tracing::info!("the database may start: the other node was not promoted");
                    site.database().release(LIMIT)
                }
                Guard::Hold => {
                    tracing::warn!("the database here is an old primary: it is stopped and held");
                    site.database().hold(LIMIT)
                }
                Guard::Leave => Ok(()),
            };
            if let Err(e) = done {
                tracing::error!("{}; {}", e.what, e.remedy);
                thread::sleep(Duration::from_secs(2));
            }
            is_busy.store(false, Ordering::Release);
        });
    }
}
