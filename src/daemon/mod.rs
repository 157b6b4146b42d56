//! Wires the core to the world. `run` sets up; `turn` is the life of one event.
pub mod door;
pub mod link;
pub mod transfer;

mod alarm;
mod alone;
mod api;
mod audit;
mod clock;
mod executor;
mod handoff;
mod heard;
mod held;
mod hello;
mod mailbox;
mod metrics;
mod notices;
mod observe;
mod pairing;
mod planning;
mod probe;
mod pulse;
mod run;
mod setup;
mod site;
mod status;
mod telemetry;
mod trust;
mod vrrp;
mod watch;

pub use alarm::alarm;
pub use handoff::disarm;
#[cfg(fuzzing)]
pub use heard::take_hello;
pub use setup::{RunArgs, run};

use crate::core::{
    Event, Hello, Journaled, Local, Log, Machine, Record, Refusal, Reply, Rollout, Turned,
    may_work_by_hand,
};
use crate::host::{Host, process};
use crate::journal::{Journal, JournalError};
use crate::time::Time;
use alone::Alone;
use executor::Executor;
use mailbox::Post;
use notices::{Notices, Told, told};
use observe::Looks;
use site::Site;
use status::Snapshot;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::{mpsc, oneshot, watch as published};

/// What is looked at grows old meanwhile.
const LONGEST_WAIT: Duration = Duration::from_secs(1);
/// What a rollout may add to the journal, met before it begins.
const ROLLOUT_BYTES: u64 = 512 << 10;

/// Tells systemd that the loop turns: one that hangs is restarted. As seldom as is safe, for each word wakes systemd.
struct Watchdog {
    every: Option<Duration>,
    told: Option<Instant>,
}

impl Watchdog {
    fn new() -> Self {
        let every = sd_notify::watchdog_enabled().map(|limit| limit / 3);
        Self { every, told: None }
    }

    fn feed(&mut self) {
        let Some(every) = self.every else { return };
        if self.told.is_none_or(|at| at.elapsed() >= every) {
            // systemd may be gone for a moment while it is upgraded itself: next time.
            let is_told = sd_notify::notify(&[sd_notify::NotifyState::Watchdog]).is_ok();
            self.told = is_told.then(Instant::now);
        }
    }
}

/// The journal as the core's log.
struct Records(Journal);

impl Log for Records {
    type Error = JournalError;

    fn append(&mut self, records: &[Record]) -> Result<(), JournalError> {
        if records
            .iter()
            .any(|r| matches!(r, Record::PlanAdopted { .. }))
        {
            self.0.reserve(ROLLOUT_BYTES)?;
        }
        let lines: Vec<Vec<u8>> = records.iter().map(encode).collect();
        self.0.append(&lines)
    }
}

fn encode(record: &Record) -> Vec<u8> {
    // Plain data with string keys: there is nothing that JSON cannot hold.
    serde_json::to_vec(record).unwrap_or_default()
}

struct Daemon {
    site: Arc<Site>,
    machine: Machine<Records>,
    executor: Executor,
    alone: Alone,
    notices: Notices,
    looks: Looks,
    history: Arc<Vec<Rollout>>,
    snapshot: published::Sender<Arc<Snapshot>>,
    hello: published::Sender<Hello>,
}

impl Daemon {
    /// Until SIGTERM. What is in flight stays as it is: the next start goes on from the journal.
    fn serve(&mut self, mail: &mut mpsc::Receiver<Post>) -> Result<(), JournalError> {
        self.look()?;
        let host_boot = process::host_boot().unwrap_or_else(|e| {
            tracing::warn!("{e}: a failover under way is taken for one of before a boot");
            String::new()
        });
        let mut wake = self.turn(&Event::Started { host_boot }, None)?;
        let mut watchdog = Watchdog::new();
        loop {
            watchdog.feed();
            let wait = wake.map_or(LONGEST_WAIT, |at| at.since(self.site.now()));
            let next = self.site.runtime.block_on(async {
                tokio::time::timeout(wait.min(LONGEST_WAIT), mail.recv()).await
            });
            let (event, answer) = match next {
                Err(_) => (Event::Tick, None),
                Ok(None | Some(Post::Quit)) => return Ok(()),
                Ok(Some(Post::Event(event))) => {
                    if let Event::JobEnded { key, .. } = &event {
                        self.executor.ended(key);
                        self.alone.ended(key);
                    }
                    (event, None)
                }
                Ok(Some(Post::Looked(change))) => {
                    change(&mut self.looks);
                    if self.local() == self.machine.state().observed.local {
                        continue;
                    }
                    (Event::Tick, None)
                }
                Ok(Some(Post::Ask(command, answer))) => (Event::Command(command), Some(answer)),
                Ok(Some(Post::Hands(answer))) => {
                    self.lend(answer);
                    (Event::Tick, None)
                }
                Ok(Some(Post::HandsOff)) => {
                    self.looks.local.by_hand = false;
                    (Event::Tick, None)
                }
            };
            self.look()?;
            wake = self.turn(&event, answer)?;
        }
    }

    /// Lets somebody do by hand what no rollout may meet, if none is under way.
    fn lend(&mut self, answer: oneshot::Sender<Result<(), Refusal>>) {
        let may = may_work_by_hand(self.machine.state(), self.site.now());
        let is_lent = may.is_ok();
        // Who asked may have gone.
        let is_taken = answer.send(may).is_ok();
        self.looks.local.by_hand |= is_lent && is_taken;
    }

    /// One event: the core turns, and the world is made to follow. Says when to turn next.
    fn turn(
        &mut self,
        event: &Event,
        answer: Option<oneshot::Sender<Reply>>,
    ) -> Result<Option<Time>, JournalError> {
        let now = self.site.now();
        let before = self.machine.state().journaled.clone();
        let turned = match self.machine.handle(now, event) {
            Err(JournalError::Full { .. }) if matches!(event, Event::Command(_)) => {
                tracing::error!("the disk of the journal is full: the rollout is refused");
                if let Some(answer) = answer {
                    let _ = answer.send(Reply::Refused(Refusal::DiskFull));
                }
                return Ok(None);
            }
            turned => turned?,
        };
        self.tell(&turned, before);
        if let Event::Hello(hello) = event {
            let details = &hello.local.details;
            if let (Some(base), Some(check)) = (details.base_priority, details.check_weight) {
                self.site.keepalived.set_peer(base, check);
            }
            self.site.handing.set_peer(details);
        }
        self.follow(&turned)?;
        // Last, so that who is answered and looks at the status sees what was accepted.
        if let (Some(answer), Some(reply)) = (answer, turned.reply) {
            // Who asked may have gone.
            let _ = answer.send(reply);
        }
        Ok(turned.intents.wake)
    }

    /// Each fact once, and a rollout that another replaces goes into the history.
    fn tell(&mut self, turned: &Turned, mut known: Journaled) {
        for record in &turned.records {
            let old = known.replaced_by(record).cloned();
            self.notify(&known, record);
            known.apply(record);
            telemetry::tell(record, &known);
            self.site.audit.tell(record, &known);
            Arc::make_mut(&mut self.history).extend(old);
        }
    }

    fn notify(&self, known: &Journaled, record: &Record) {
        let state = self.machine.state();
        let is_peer_heard = state.fresh_peer(self.site.now()).is_some();
        if let Some(told) = told(known, record, &self.site.me, is_peer_heard) {
            self.notices.tell(told);
        }
    }

    /// Makes the world be as the core wants it.
    fn follow(&mut self, turned: &Turned) -> Result<(), JournalError> {
        let intents = &turned.intents;
        // First what clients wait for.
        self.site.handing.want(intents.armed);
        let running = self.machine.state().running().map(|r| &r.plan.id);
        let measured = running.filter(|_| intents.measures);
        self.site.prober.measure(&self.site, measured);
        self.site.pulse.beat(&self.site, intents.beats);
        self.site.keepalived.show(intents.band);
        let rollout = self.machine.state().journaled.rollout.as_ref();
        let may_stop = intents.may_stop;
        self.executor
            .reconcile(intents.job.as_ref(), may_stop, rollout);
        if let Some(problem) = self.alone.follow(intents, self.machine.state()) {
            self.notices.tell(Told::alarm(problem));
        }
        if let Some(problem) = self.site.audit.alarm() {
            self.notices.tell(Told::alarm(problem));
        }
        self.look()?;
        self.hello.send_if_modified(|last| {
            let news = hello::is_news(last, &intents.hello);
            *last = intents.hello.clone();
            news
        });
        let snapshot = Snapshot::of(self.machine.state(), intents.band, &self.history);
        self.snapshot.send_replace(Arc::new(snapshot));
        Ok(())
    }

    fn local(&self) -> Local {
        let mut local = self.looks.now(self.site.now());
        local.busy = self.executor.is_busy() || self.alone.is_busy();
        local
    }

    /// Tells the core what this host looks like, if that is news.
    fn look(&mut self) -> Result<(), JournalError> {
        let local = self.local();
        if local == self.machine.state().observed.local {
            return Ok(());
        }
        let before = self.machine.state().journaled.clone();
        let turned = self.machine.handle(self.site.now(), &Event::Local(local))?;
        // What should go on is followed by the turn that comes next; what was decided is told.
        self.tell(&turned, before);
        Ok(())
    }
}
