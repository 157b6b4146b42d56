//! What a node does on its own: the two databases (the simulator's), the power of the hosts, and the person who says
//! that one of them is off.
use crate::pair::{Mutant, NOW, Pair, Peer, Sight, actor};
use crate::site::site;
use hau::core::{
    Command, DatabaseRole, Event, Guard, JobKey, Kind, Local, Outcome, Plan, Unasked, Verb,
    VrrpState, intents,
};
use hau::daemon::alarm;
use hau::database::fake::{Cluster, FakeDatabase};
use hau::database::{DatabaseResult, Guard as _, Replica, Standing};
use hau::host::fake::FakeHost;
use hau::steps::{self, Asked};
use std::{
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

/// The databases of a pair with a fence.
#[derive(Clone)]
pub(crate) struct Databases {
    pub(crate) cluster: Cluster,
    /// As each node sees its own.
    standing: [Standing; 2],
    /// Nobody is asked: a standby takes over, a former primary rejoins.
    pub(crate) is_auto: bool,
}

impl Databases {
    pub(crate) fn new(cluster: Cluster, is_auto: bool) -> Self {
        let shared = Arc::new(Mutex::new(cluster));
        let standing = [0, 1].map(|n| FakeDatabase::new(shared.clone(), host(), n).standing());
        let cluster = shared.lock().expect("whole").clone();
        Self {
            cluster,
            standing,
            is_auto,
        }
    }

    /// One takes the writes, the other one follows it.
    fn are_whole(&self) -> bool {
        let streams = |n| self.cluster.is_streaming(n);
        self.cluster.primaries().count() == 1 && (streams(0) || streams(1))
    }
}

fn host() -> Arc<FakeHost> {
    static HOST: OnceLock<Arc<FakeHost>> = OnceLock::new();
    HOST.get_or_init(|| Arc::new(FakeHost::new())).clone()
}

/// What a person can ask a node for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    /// Having seen to it that the other node is off.
    Failover {
        accepts_loss: bool,
    },
    Rejoin {
        rebuild: bool,
    },
}

/// The mildest first, as a person tries them.
pub(crate) const ASKS: [Ask; 4] = [
    Ask::Rejoin { rebuild: false },
    Ask::Rejoin { rebuild: true },
    Ask::Failover {
        accepts_loss: false,
    },
    Ask::Failover { accepts_loss: true },
];

impl Ask {
    fn kind(self) -> Kind {
        match self {
            Self::Failover { .. } => Kind::Failover,
            Self::Rejoin { .. } => Kind::Rejoin,
        }
    }
}

/// As the configuration lets it begin by itself, or as a person asks for it: the other node is off for sure, or the
/// database is copied whole.
fn solo(n: usize, kind: Kind, in_full: bool) -> Arc<Plan> {
    static PLANS: OnceLock<[[[Arc<Plan>; 2]; 2]; 2]> = OnceLock::new();
    let plans = PLANS.get_or_init(|| {
        let s = site();
        let plan = |n: usize, kind, asked| {
            let both = (&s.nodes[n], &s.nodes[1 - n]);
            Arc::new(steps::solo(kind, &s.settings, asked, both))
        };
        let asked = |vouched, rebuild| Asked { vouched, rebuild };
        [0, 1].map(|n| {
            let failover = |vouched| plan(n, Kind::Failover, asked(vouched, false));
            let rejoin = |rebuild| plan(n, Kind::Rejoin, asked(false, rebuild));
            [[false, true].map(failover), [false, true].map(rejoin)]
        })
    });
    plans[n][usize::from(kind == Kind::Rejoin)][usize::from(in_full)].clone()
}

impl Pair {
    /// With databases, `a` has the primary; and at each point of a switch in which nothing goes wrong.
    pub(crate) fn starts_alone(is_auto: bool) -> Vec<Self> {
        let of = |mut pair: Self| {
            pair.databases = Some(Databases::new(held_after_a_boot(), is_auto));
            // By itself it does so much more that a failure or an order beside it are for `make soak`.
            pair.left = pair.left.saturating_sub(u8::from(is_auto));
            // Both have seen who is primary.
            for n in 0..2 {
                let seen = pair.turn(n, pair.sight(n, 0), NOW, &Event::Tick);
                pair = seen.unwrap_or(pair);
            }
            pair.in_one_form()
        };
        let mut all = vec![of(Self::idle())];
        let switch = Self::starts(Kind::Switch).into_iter().next();
        let mut next = switch.map(|pair| (of(pair), 0));
        while let Some((pair, vip)) = next {
            next = pair.moved(vip);
            all.push(pair);
        }
        all
    }

    pub(crate) fn unasked(&self, n: usize) -> Unasked {
        let Some(databases) = &self.databases else {
            return Unasked::default();
        };
        let plan = |kind| databases.is_auto.then(|| solo(n, kind, false));
        Unasked {
            holds: true,
            failover: plan(Kind::Failover),
            rejoin: plan(Kind::Rejoin),
        }
    }

    /// What this node sees of its database.
    pub(crate) fn look_at_database(&self, n: usize, local: &mut Local) {
        let Some(databases) = &self.databases else {
            return;
        };
        let seen = databases.standing[n];
        (local.database, local.timeline, local.term) = (seen.role, seen.timeline, seen.term);
        (local.follows, local.held, local.may_start) = (seen.follows, seen.held, seen.may_start);
    }

    /// Nothing is left to do for the databases.
    pub(crate) fn is_whole(&self) -> bool {
        self.databases.as_ref().is_none_or(Databases::are_whole)
    }

    /// What comes of an operation on the database of this node.
    fn changed(
        &self,
        n: usize,
        op: impl FnOnce(&FakeDatabase) -> DatabaseResult<()>,
    ) -> Option<Self> {
        let databases = self.databases.as_ref()?;
        let shared = Arc::new(Mutex::new(databases.cluster.clone()));
        op(&FakeDatabase::new(shared.clone(), host(), n)).ok()?;
        let cluster = shared.lock().expect("whole").clone();
        let databases = Some(Databases::new(cluster, databases.is_auto));
        let next = Self {
            databases,
            ..self.clone()
        };
        Some(next.in_one_form())
    }

    /// Its host loses its power and has it again; what it had heard is forgotten.
    fn without_power(&self, n: usize) -> Option<Self> {
        let mut next = self.changed(n, |database| {
            database.edit(|cluster| {
                cluster.power(n, false);
                cluster.power(n, true);
            });
            Ok(())
        })?;
        next.heard[n] = None;
        let host_boot = "another".to_owned();
        let blind = Sight {
            vrrp: VrrpState::Unknown,
            serving: false,
            peer: Peer::Lost,
        };
        next.turn(n, blind, NOW, &Event::Started { host_boot })
    }

    /// What the work of a row does to the databases; None: it cannot be done now.
    pub(crate) fn worked(&self, n: usize, step: &str, verb: Verb) -> Option<Self> {
        let limit = Duration::ZERO;
        let next = match (verb, step) {
            (Verb::Do, "fence") => self.without_power(1 - n)?,
            (Verb::Do, "take_over") => {
                let term = self.nodes[n].solo.as_ref().and_then(|solo| solo.plan.term);
                self.changed(n, |d| d.take_over(term, limit))?
            }
            (Verb::Do, "rewind" | "rebuild") => {
                self.changed(n, |d| d.rewind(step == "rebuild", limit))?
            }
            // A failover in between has made it a standby: there is nothing to stop, and nothing that starts it.
            (Verb::Do, "demote") if self.is_standby(n) => self.clone(),
            (Verb::Do, "demote") => self.changed(n, |d| d.demote(limit).map(drop))?,
            (Verb::Undo, "demote") => self.taken_back(n)?,
            (Verb::Do, "promote") => self.promoted(n)?,
            (Verb::Do, "rejoin") => {
                let next = self.changed(n, |d| d.rejoin(limit))?;
                return next.is_whole().then_some(next);
            }
            (Verb::Do | Verb::Undo, _) => self.clone(),
        };
        Some(next)
    }

    /// The database is let start, or stopped, as the core says.
    pub(crate) fn guarded(&self, n: usize, sight: Sight) -> Option<Self> {
        self.databases.as_ref()?;
        let limit = Duration::ZERO;
        match intents(&self.state(n, sight, NOW), NOW).guard {
            Guard::Leave => None,
            Guard::Release if self.mutant == Some(Mutant::NeverReleased) => None,
            Guard::Release => self.changed(n, |d| d.release(limit)),
            Guard::Hold => self.changed(n, |d| d.hold(limit)),
        }
    }

    /// The job of what this node does on its own.
    pub(crate) fn solo_job(&self, n: usize, sight: Sight) -> Option<(JobKey, String)> {
        self.databases.as_ref()?;
        let job = intents(&self.state(n, sight, NOW), NOW).solo?;
        let solo = self.nodes[n].solo.as_ref()?;
        let step = solo.plan.rows[job.key.row].step.clone();
        Some((job.key, step))
    }

    /// It does its work and says so.
    pub(crate) fn solo_works(&self, n: usize, sight: Sight) -> Option<Self> {
        let (key, step) = self.solo_job(n, sight)?;
        let outcome = Outcome::Done {
            note: String::new(),
        };
        let next = self.worked(n, &step, Verb::Do)?;
        next.turn(n, sight, NOW, &Event::JobEnded { key, outcome })
    }

    fn is_standby(&self, n: usize) -> bool {
        let databases = self.databases.as_ref();
        databases.is_some_and(|d| d.standing[n].role == DatabaseRole::Standby)
    }

    /// Had the database here all that the other one had, a moment ago? Not if it is of an earlier timeline.
    pub(crate) fn followed(&self, n: usize) -> bool {
        let members = self.databases.as_ref().map(|d| &d.cluster.members);
        members.is_some_and(|m| m[n].timeline >= m[1 - n].timeline)
    }

    /// By a switch: the old primary stopped where it is.
    fn promoted(&self, n: usize) -> Option<Self> {
        let timeline = self.databases.as_ref()?.cluster.members[1 - n].timeline;
        let stopped = format!("0 on timeline {timeline}");
        self.changed(n, |database| database.promote(&stopped, Duration::ZERO))
    }

    /// Refused where another one was promoted since: only a boot has made a standby of a demoted one.
    fn taken_back(&self, n: usize) -> Option<Self> {
        let members = &self.databases.as_ref()?.cluster.members;
        let booted = members[n].demoted_at.is_some() && !members[1 - n].is_primary;
        let stopped = format!("0 on timeline {}", members[n].timeline);
        let back = |database: &FakeDatabase| database.take_back(Some(&stopped), Duration::ZERO);
        let may = booted || !self.is_standby(n);
        may.then(|| self.changed(n, back)).flatten()
    }

    /// A person asks for it.
    pub(crate) fn asked_alone(&self, n: usize, ask: Ask) -> Option<Self> {
        let (kind, accepts_loss) = (ask.kind(), ask == Ask::Failover { accepts_loss: true });
        let in_full = ask != Ask::Rejoin { rebuild: false };
        let off = if kind == Kind::Failover {
            self.without_power(1 - n)?
        } else {
            self.clone()
        };
        let mut plan = Plan::clone(&solo(n, kind, in_full));
        plan.by = actor();
        let plan = Arc::new(plan);
        let command = Event::Command(Command::Alone { plan, accepts_loss });
        off.turn(n, left_alone(kind), NOW, &command)
    }

    /// `hau-ctl failover --fenced` to its end, the other node being off until then; or `hau-ctl rejoin`.
    pub(crate) fn done_alone(&self, n: usize, ask: Ask) -> Option<Self> {
        let (mut next, kind) = (self.asked_alone(n, ask)?, ask.kind());
        while kind == Kind::Failover
            && let Some(on) = next.solo_works(n, left_alone(kind))
        {
            next = on;
        }
        Some(next)
    }

    /// Does a node say that a person must see to it?
    pub(crate) fn raises_alarm(&self, vip: usize) -> bool {
        (0..2).any(|n| alarm(&self.state(n, self.sight(n, vip), NOW), NOW).is_some())
    }

    /// Everything of this kind that can come next.
    pub(crate) fn after_alone(&self, n: usize, sights: &[Sight]) -> Vec<Self> {
        if self.databases.is_none() {
            return Vec::new();
        }
        let mut all: Vec<Self> = self.without_power(n).into_iter().collect();
        let mut seen = Vec::new();
        for sight in sights {
            all.extend(self.guarded(n, *sight));
            // One that is begun works on its own while anything lets it.
            if let Some((key, step)) = self
                .solo_job(n, *sight)
                .filter(|(key, _)| !seen.contains(key))
            {
                let done = self.worked(n, &step, Verb::Do);
                let outcome = Outcome::Done {
                    note: String::new(),
                };
                let ended = Event::JobEnded {
                    key: key.clone(),
                    outcome,
                };
                all.extend(
                    done.iter()
                        .filter_map(|done| done.turn(n, *sight, NOW, &ended)),
                );
                // Its sidecar dies before it can say so.
                all.extend(done);
                seen.push(key);
            }
        }
        let Some(left) = self.left.checked_sub(1) else {
            return all;
        };
        let asked = ASKS.into_iter().filter_map(|ask| self.asked_alone(n, ask));
        let failed = seen.into_iter().filter_map(|key| {
            let outcome = Outcome::Failed(crate::pair::problem());
            self.turn(
                n,
                left_alone(Kind::Failover),
                NOW,
                &Event::JobEnded { key, outcome },
            )
        });
        all.extend(asked.chain(failed).map(|next| Self { left, ..next }));
        all
    }
}

/// A former primary does not start by itself.
fn held_after_a_boot() -> Cluster {
    Cluster {
        holds: true,
        ..Cluster::new(0)
    }
}

/// What a node sees of which a person says something.
fn left_alone(kind: Kind) -> Sight {
    let is_gone = kind == Kind::Failover;
    Sight {
        vrrp: if is_gone {
            VrrpState::Master
        } else {
            VrrpState::Backup
        },
        serving: true,
        peer: if is_gone {
            Peer::Lost
        } else {
            Peer::Heard(VrrpState::Master, true)
        },
    }
}
