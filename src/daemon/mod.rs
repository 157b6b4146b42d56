//! Wires the core to the world. `run` sets up; `turn` is the life of one event.
pub mod door;
pub mod link;

mod alarm;
mod api;
mod clock;
mod executor;
mod guard;
mod heard;
mod hello;
mod mailbox;
mod observe;
mod pairing;
mod planning;
mod setup;
mod site;
mod status;
mod telemetry;
mod vrrp;
mod watch;

pub use setup::{RunArgs, run};

use crate::core::{
    self, Event, Hello, Journaled, Local, Log, Machine, Record, Refusal, Reply, Rollout, Turned,
};
use crate::host::Host;
use crate::journal::{Journal, JournalError};
use executor::Executor;
use mailbox::Post;
use site::Site;
use status::Snapshot;
use std::{sync::Arc, time::Duration};
use tokio::sync::{mpsc, oneshot, watch as published};

/// The watchdog is fed by the loop itself: a loop that hangs is restarted by systemd.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// What a rollout may add to the journal, met before it begins.
const ROLLOUT_BYTES: u64 = 512 << 10;

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
    /// For what this node does on its own.
    solo: Executor,
    guard: guard::Keeper,
    alarm: Option<core::Problem>,
    local: Local,
    history: Arc<Vec<Rollout>>,
    snapshot: published::Sender<Arc<Snapshot>>,
    hello: published::Sender<Hello>,
}

impl Daemon {
    /// Until SIGTERM. What is in flight stays as it is: the next start goes on from the journal.
    fn serve(&mut self, mail: &mut mpsc::Receiver<Post>) -> Result<(), JournalError> {
        self.local = observe::first(&self.site);
        self.look_busy()?;
        let mut wake = self.turn(&Event::Started, None)?;
        loop {
            let _ = sd_notify::notify(&[sd_notify::NotifyState::Watchdog]);
            let wait = wake.unwrap_or(LONGEST_WAIT).min(LONGEST_WAIT);
            let next = self
                .site
                .runtime
                .block_on(async { tokio::time::timeout(wait, mail.recv()).await });
            wake = match next {
                Err(_) => self.turn(&Event::Tick, None)?,
                Ok(None | Some(Post::Quit)) => return Ok(()),
                Ok(Some(Post::Event(event))) => {
                    if let Event::JobEnded { key, .. } = &event {
                        self.executor.ended(key);
                        self.solo.ended(key);
                        self.look_busy()?;
                    }
                    self.turn(&event, None)?
                }
                Ok(Some(Post::Looked(change))) => {
                    change(&mut self.local);
                    self.turn(&Event::Local(self.local.clone()), None)?
                }
                Ok(Some(Post::Ask(command, answer))) => {
                    self.turn(&Event::Command(command), Some(answer))?
                }
            };
        }
    }

    /// One event: the core turns, and the world is made to follow. Says when to turn next.
    fn turn(
        &mut self,
        event: &Event,
        answer: Option<oneshot::Sender<Reply>>,
    ) -> Result<Option<Duration>, JournalError> {
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
        }
        self.follow(&turned)?;
        // Last, so that who is answered and looks at the status sees what was accepted.
        if let (Some(answer), Some(reply)) = (answer, turned.reply) {
            // Who asked may have gone.
            let _ = answer.send(reply);
        }
        Ok(turned.intents.wake.map(|at| at.since(self.site.now())))
    }

    /// Each fact once, and a rollout that another replaces goes into the history.
    fn tell(&mut self, turned: &Turned, before: Journaled) {
        let journaled = &self.machine.state().journaled;
        for record in &turned.records {
            telemetry::tell(record, journaled);
            let old = before.replaced_by(record).cloned();
            Arc::make_mut(&mut self.history).extend(old);
        }
    }

    /// Makes the world be as the core wants it.
    fn follow(&mut self, turned: &Turned) -> Result<(), JournalError> {
        let intents = &turned.intents;
        self.site.keepalived.show(intents.band);
        let was = self.is_busy();
        let rollout = self.machine.state().journaled.rollout.as_ref();
        self.executor.reconcile(intents.job.as_ref(), rollout);
        let solo = self.machine.state().journaled.solo.as_ref();
        self.solo.reconcile(intents.solo.as_ref(), solo);
        self.guard.see_to(intents.guard);
        self.raise_alarm();
        if was != self.is_busy() {
            self.look_busy()?;
        }
        self.hello.send_if_modified(|last| {
            let news = hello::is_news(last, &intents.hello);
            *last = intents.hello.clone();
            news
        });
        let snapshot = Snapshot {
            state: self.machine.state().clone(),
            band: intents.band,
            history: Arc::clone(&self.history),
        };
        self.snapshot.send_replace(Arc::new(snapshot));
        Ok(())
    }

    /// Once for each: what a person must see to.
    fn raise_alarm(&mut self) {
        let alarm = alarm::alarm(self.machine.state(), self.site.now());
        if let Some(problem) = alarm.as_ref().filter(|_| alarm != self.alarm) {
            let (what, remedy) = (&problem.what, &problem.remedy);
            tracing::error!(HAU_EVENT = "alarm", "{what}; {remedy}");
        }
        self.alarm = alarm;
    }

    fn is_busy(&self) -> bool {
        self.executor.is_busy() || self.solo.is_busy()
    }

    fn look_busy(&mut self) -> Result<(), JournalError> {
        self.local.busy = self.is_busy();
        let before = self.machine.state().journaled.clone();
        let local = Event::Local(self.local.clone());
        let turned = self.machine.handle(self.site.now(), &local)?;
        // What should go on is followed by the turn that asked; what was decided is told.
        self.tell(&turned, before);
        Ok(())
    }
}
