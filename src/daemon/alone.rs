//! What this node does on its own, carried out: the jobs of a failover or a rejoin, whether the database may
//! start, and what a person must be told.
use super::alarm::alarm;
use super::executor::Executor;
use super::mailbox::Mailbox;
use super::site::Site;
use crate::config::{Failover, Rejoin};
use crate::core::{Guard, Intents, JobKey, Kind, Problem, State, Unasked};
use crate::host::Host;
use crate::steps::{self, Asked};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

const LIMIT: Duration = Duration::from_secs(60);

/// What the configuration lets this node begin by itself.
pub(super) fn unasked(site: &Site) -> Unasked {
    let Some(database) = &site.settings.database else {
        return Unasked::default();
    };
    let both = (&site.me, &site.peer);
    let plan = |kind| Arc::new(steps::solo(kind, &site.settings, Asked::default(), both));
    let fails_over = database.failover == Failover::Auto;
    Unasked {
        holds: site.settings.holds_former_primary(),
        failover: fails_over.then(|| plan(Kind::Failover)),
        rejoin: (database.rejoin == Rejoin::Auto).then(|| plan(Kind::Rejoin)),
    }
}

pub(super) struct Alone {
    site: Arc<Site>,
    executor: Executor,
    is_guarding: Arc<AtomicBool>,
    alarm: Option<Problem>,
}

impl Alone {
    pub(super) fn new(site: &Arc<Site>, mailbox: &Mailbox) -> Self {
        Self {
            site: Arc::clone(site),
            executor: Executor::new(Arc::clone(site), mailbox.clone()),
            is_guarding: Arc::default(),
            alarm: None,
        }
    }

    pub(super) fn is_busy(&self) -> bool {
        self.executor.is_busy()
    }

    pub(super) fn ended(&mut self, key: &JobKey) {
        self.executor.ended(key);
    }

    /// Called at every turn. Says what a person must see to from now on.
    pub(super) fn follow(&mut self, intents: &Intents, state: &State) -> Option<Problem> {
        // A failover's leave to promote is that it may go on.
        let (job, solo) = (intents.solo.as_ref(), state.journaled.solo.as_ref());
        self.executor.reconcile(job, job.is_some(), solo);
        self.see_to(intents.guard);
        self.raise_alarm(state)
    }

    /// Once for each: what a person must see to.
    fn raise_alarm(&mut self, state: &State) -> Option<Problem> {
        let alarm = alarm(state, self.site.now());
        let news = alarm.clone().filter(|_| alarm != self.alarm);
        if let Some(Problem { what, remedy }) = &news {
            tracing::error!(HAU_EVENT = "alarm", "{what}; {remedy}");
        }
        self.alarm = alarm;
        news
    }

    /// One thing at a time, on a thread of its own.
    fn see_to(&self, guard: Guard) {
        if guard == Guard::Leave || self.is_guarding.swap(true, Ordering::AcqRel) {
            return;
        }
        let (site, is_busy) = (Arc::clone(&self.site), Arc::clone(&self.is_guarding));
        thread::spawn(move || {
            let done = match guard {
                Guard::Release => {
                    tracing::info!("the database may start: the other node was not promoted");
                    site.database().guard().and_then(|g| g.release(LIMIT))
                }
                Guard::Hold => {
                    tracing::warn!("the database here is an old primary: it is stopped and held");
                    site.database().guard().and_then(|g| g.hold(LIMIT))
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
