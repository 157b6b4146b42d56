//! The audit trail of this node at work: written before anything is done, signed by the other node afterwards.
mod caller;
mod facts;
mod request;
mod signing;

pub(super) use signing::start;

use super::clock::Clock;
use super::door::{Call, Who};
use super::link::PeerLink;
use super::site::chain;
use super::status::rfc3339;
use crate::audit::{AuditError, Entry, Event, Outcome, Standing, Trail};
use crate::core::{Journaled, NodeId, Problem, Record};
use crate::host::{Finding, files};
use crate::time::Time;
use crate::tls::{Identity, Trust};
use crate::wire::{self, Code, Failure};
use base64::{Engine, engine::general_purpose::STANDARD};
use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        mpsc::{Receiver, Sender, channel},
    },
    time::{Duration, Instant},
};

/// Where the trail lies below the state folder.
pub(super) const FOLDER: &str = "audit";
const FILE: &str = "trail";
/// One who may not act is written down so often.
const STRANGERS: Duration = Duration::from_secs(60);
const CHECK: &str = "audit";

/// What the trail's thread is to do.
enum Work {
    Write(Box<Event>),
    /// Something may be to be signed.
    Look,
}

pub(super) struct Audit {
    me: NodeId,
    peer: NodeId,
    clock: Clock,
    identity: Arc<Identity>,
    trust: Arc<Trust>,
    link: Arc<PeerLink>,
    path: PathBuf,
    trail: Mutex<Result<Trail, String>>,
    /// Never held while the disk works, for the core looks at it in every turn.
    known: Mutex<Known>,
    strangers: Mutex<BTreeMap<String, Instant>>,
    /// Held while the other node's trail is looked at and signed: of two at once the second one sees the first.
    witnessing: Mutex<()>,
    queue: Sender<Work>,
}

/// How it stands, and what hinders it.
#[derive(Default)]
struct Known {
    /// `None`: it cannot be used.
    standing: Option<Standing>,
    /// Why it cannot be written.
    write: Option<String>,
    /// The other node is away, or has no room.
    waits: Option<String>,
    /// The other node refuses: this is not the trail that it had signed.
    refused: Option<String>,
    /// What was last told as an alarm.
    told: Option<Problem>,
}

/// What waits for the trail's thread.
pub(super) struct Queue(Receiver<Work>);

/// Keys, and the way to the other node.
pub(super) struct Ties {
    pub(super) identity: Arc<Identity>,
    pub(super) trust: Arc<Trust>,
    pub(super) link: Arc<PeerLink>,
    pub(super) clock: Clock,
}

impl Audit {
    /// Opens the trail in `folder`. One that cannot be used is no reason to leave the pair alone: then nothing that a
    /// person asks for is done, and all else goes on.
    pub(super) fn open(
        folder: PathBuf,
        (me, peer): (NodeId, NodeId),
        ties: Ties,
    ) -> (Arc<Self>, Queue) {
        let path = folder.join(FILE);
        let at = rfc3339(ties.clock.now());
        let trail = files::make_dir(&folder, 0o700)
            .map_err(|e| e.to_string())
            .and_then(|()| Trail::open(&path, &me.0, &at).map_err(|e| chain(&e)));
        let mut known = Known::default();
        match &trail {
            Ok(trail) => known.standing = Some(trail.standing().clone()),
            Err(why) => {
                tracing::error!(HAU_EVENT = "audit", "{why}");
                known.write = Some(why.clone());
            }
        }
        let (queue, work) = channel();
        let audit = Self {
            me,
            peer,
            clock: ties.clock,
            identity: ties.identity,
            trust: ties.trust,
            link: ties.link,
            path,
            trail: Mutex::new(trail),
            known: Mutex::new(known),
            strangers: Mutex::default(),
            witnessing: Mutex::default(),
            queue,
        };
        (Arc::new(audit), Queue(work))
    }

    /// Writes that somebody asks for something, before it is done. Returns the number for [`Self::answered`].
    ///
    /// # Errors
    /// It cannot be written, so it must not be done.
    pub(super) fn asked(&self, call: &Call) -> Result<u64, Failure> {
        let (request, reason) = request::told(&call.body)?;
        let event = Event::Asked {
            by: caller::by(&call.caller.who),
            path: call.path.clone(),
            request,
            reason,
        };
        let made = match &mut *lock(&self.trail) {
            Ok(trail) => trail.make_room().map_err(|e| chain(&e)),
            Err(why) => Err(why.clone()),
        };
        self.judge(made)?;
        self.write(|_| vec![event])
    }

    /// Writes what came of it. What is done is done: where it cannot be written, the log and an alarm tell.
    pub(super) fn answered(&self, to: u64, failure: Option<&Failure>, rollout: Option<u64>) {
        let event = outcome(to, failure, rollout);
        if let Err(e) = self.write(|_| vec![event]) {
            tracing::error!(
                HAU_EVENT = "audit",
                "what entry {to} came to is not written: {}",
                e.what
            );
        }
    }

    /// Writes that somebody was refused who may not ask; once a minute for each, for whoever is turned away shall not
    /// fill the disk.
    pub(super) fn turned_away(&self, call: &Call, failure: &Failure) {
        if !self.is_news(&call.caller.who, Instant::now()) {
            return;
        }
        let asked = Event::Asked {
            by: caller::by(&call.caller.who),
            path: call.path.clone(),
            request: serde_json::Value::Null,
            reason: None,
        };
        if let Err(e) = self.write(|seq| vec![asked, outcome(seq, Some(failure), None)]) {
            tracing::warn!(HAU_EVENT = "audit", "a refusal is not written: {}", e.what);
        }
    }

    fn is_news(&self, who: &Who, now: Instant) -> bool {
        let mut last = lock(&self.strangers);
        last.retain(|_, at| now.saturating_duration_since(*at) < STRANGERS);
        let name = who.name();
        let is_news = !last.contains_key(&name);
        last.entry(name).or_insert(now);
        is_news
    }

    /// Writes that the plan asked for overrules what the schema lint found.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn overruled(&self, by: String, findings: Vec<String>) -> Result<(), Failure> {
        if findings.is_empty() {
            return Ok(());
        }
        self.write(|_| vec![Event::Overruled { by, findings }])
            .map(drop)
    }

    /// The nodes trust each other from now on.
    pub(super) fn paired(&self) {
        let (own, Some(peer)) = self.certificates() else {
            return;
        };
        if let Err(e) = self.write(|_| vec![Event::Paired { own, peer }]) {
            tracing::error!(
                HAU_EVENT = "audit",
                "the pairing is not written: {}",
                e.what
            );
        }
        lock(&self.known).refused = None;
    }

    /// Facts of the core, from its own thread: written soon.
    pub(super) fn tell(&self, record: &Record, known: &Journaled) {
        if let Some(event) = facts::told(record, known) {
            // The thread ends with the process.
            let _ = self.queue.send(Work::Write(Box::new(event)));
        }
    }

    /// Writes that this process has begun, with what a crash kept from being told.
    pub(super) fn started(&self, known: &Journaled) {
        let Some(standing) = self.standing() else {
            return;
        };
        let (own, peer) = self.certificates();
        let started = Event::Started {
            hau: env!("CARGO_PKG_VERSION").to_owned(),
            own: Some(own).filter(|own| standing.own.as_ref() != Some(own)),
            peer: peer.filter(|peer| standing.peer.as_ref() != Some(peer)),
        };
        let mut events = vec![started];
        events.extend(facts::missed(known, &standing));
        if let Err(e) = self.write(|_| events) {
            tracing::error!(HAU_EVENT = "audit", "the start is not written: {}", e.what);
        }
    }

    /// This node's certificate and the other one's, in base64.
    fn certificates(&self) -> (String, Option<String>) {
        let own = STANDARD.encode(self.identity.cert());
        let peer = self.trust.pinned_cert().map(|cert| STANDARD.encode(cert));
        (own, peer)
    }

    /// Writes the events that are made of the number of the first, and has them signed.
    fn write(&self, events: impl FnOnce(u64) -> Vec<Event>) -> Result<u64, Failure> {
        let written = self.append(events);
        // The thread ends with the process.
        let _ = self.queue.send(Work::Look);
        self.judge(written)
    }

    fn append(&self, events: impl FnOnce(u64) -> Vec<Event>) -> Result<u64, String> {
        match &mut *lock(&self.trail) {
            Ok(trail) => {
                let events = events(trail.standing().head.seq + 1);
                let written = trail.append(&rfc3339(self.clock.now()), events);
                let standing = trail.standing().clone();
                lock(&self.known).standing = Some(standing);
                written.map_err(|e| chain(&e))
            }
            Err(why) => Err(why.clone()),
        }
    }

    fn judge<T>(&self, written: Result<T, String>) -> Result<T, Failure> {
        lock(&self.known).write = written.as_ref().err().cloned();
        written.map_err(|why| {
            let remedy =
                told!("nothing is done that cannot be written down; what only looks goes on");
            Failure::new(Code::Refused, why, remedy)
        })
    }

    fn standing(&self) -> Option<Standing> {
        lock(&self.known).standing.clone()
    }

    /// Entries for a person: the newest `last` of those at or after `since` that are not there for the machines alone.
    ///
    /// # Errors
    /// The trail cannot be read.
    pub(super) fn entries(&self, last: usize, since: Time) -> Result<Vec<Entry>, AuditError> {
        let lines = Trail::lines(&self.path)?;
        let entries = lines
            .iter()
            .filter_map(|l| serde_json::from_slice::<Entry>(l).ok());
        let since = i64::try_from(since.0).unwrap_or(i64::MAX);
        let is_since = |at: &str| {
            let at = at.parse::<jiff::Timestamp>();
            at.is_ok_and(|at| at.as_millisecond() >= since)
        };
        let shown = |e: &Entry| e.event.is_signed_for() && is_since(&e.at);
        let mut entries: Vec<Entry> = entries.filter(shown).collect();
        Ok(entries.split_off(entries.len().saturating_sub(last)))
    }

    /// For `status` and `/metrics`.
    pub(super) fn view(&self) -> Option<wire::AuditStanding> {
        let known = lock(&self.known);
        let standing = known.standing.as_ref()?;
        Some(wire::AuditStanding {
            entries: standing.head.seq,
            signed: standing.signed,
            unsigned: standing.unsigned(),
        })
    }

    /// What a person must see to.
    pub(super) fn problem(&self) -> Option<Problem> {
        let (peer, known) = (&self.peer, lock(&self.known));
        if let Some(what) = known.write.clone() {
            let remedy = told!("nothing that is asked for is done until then");
            return Some(Problem { what, remedy });
        }
        let remedy = told!(
            "hau-ctl audit verify on copies of both trails says more; keep them, and where it is explained hau-ctl pair begins anew"
        );
        let dispute = known.standing.as_ref().and_then(|s| s.dispute.as_ref());
        if let Some(why) = dispute {
            let what = told!(
                "the audit trail of node {} was changed or lost its end: {}",
                peer,
                why
            );
            return Some(Problem { what, remedy });
        }
        let why = known.refused.as_ref()?;
        let what = told!(
            "node {} does not sign the audit trail of this node: {}",
            peer,
            why
        );
        Some(Problem { what, remedy })
    }

    /// The same, once for each.
    pub(super) fn alarm(&self) -> Option<Problem> {
        let problem = self.problem();
        let mut known = lock(&self.known);
        if known.told == problem {
            return None;
        }
        known.told.clone_from(&problem);
        let Problem { what, remedy } = problem.as_ref()?;
        tracing::error!(HAU_EVENT = "alarm", "{what}; {remedy}");
        problem
    }

    /// The line of `doctor`.
    pub(super) fn findings(&self) -> Vec<Finding> {
        if let Some(Problem { what, remedy }) = self.problem() {
            return vec![Finding::fail(CHECK, what, remedy)];
        }
        let Some(standing) = self.standing() else {
            return Vec::new();
        };
        let (peer, entries, unsigned) = (&self.peer, standing.head.seq, standing.unsigned());
        let waits = lock(&self.known).waits.clone();
        vec![match waits.filter(|_| unsigned > 0) {
            Some(why) => Finding::warn(
                CHECK,
                told!(
                    "{} entries wait for the signature of node {}: {}",
                    unsigned,
                    peer,
                    why
                ),
                told!("they are signed by themselves when it is back"),
            ),
            None => Finding::pass(
                CHECK,
                told!(
                    "{} entries, signed by node {} up to {}",
                    entries,
                    peer,
                    standing.signed
                ),
            ),
        }]
    }
}

fn outcome(to: u64, failure: Option<&Failure>, rollout: Option<u64>) -> Event {
    Event::Answered {
        to,
        outcome: failure.map_or(Outcome::Accepted, |_| Outcome::Refused),
        code: failure.map(|f| request::word(&f.code)),
        says: failure.map(|f| request::short(&f.what)),
        rollout,
    }
}

/// A holder that panicked has ended the daemon.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
