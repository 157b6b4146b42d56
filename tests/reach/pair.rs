//! What is on the disks of both nodes, and everything that can happen to it.
use crate::alone::Databases;
use crate::site::{self, site};
use hau::core::{
    Actor, Command, Decision, Direction, Event, Hello, JobKey, Journaled, Kind, Local, NodeId,
    Order, Outcome, Plan, Problem, Record, Reply, Report, RolloutId, RowState, State, Timing, Undo,
    VrrpState, decide, intents,
};
use hau::time::Time;
use std::{cell::OnceCell, sync::Arc};

/// Late enough that everything has settled.
pub(crate) const NOW: Time = Time(10_000_000);
/// So many orders and failures there are on the way to a state; what becomes of it then needs none. Each more
/// makes the test ten times as long.
fn left() -> u8 {
    let more = std::env::var("HAU_REACH_LEFT").ok();
    more.and_then(|n| n.parse().ok()).unwrap_or(1)
}

/// Long ago, and after everything that has failed.
const GONE: Time = Time(2);

/// Later than any limit.
pub(crate) const LATE: Time = Time(100_000_000);

/// A state of the pair.
#[derive(Clone)]
pub(crate) struct Pair {
    pub(crate) nodes: [Journaled; 2],
    /// The last that each has heard of the other.
    pub(crate) heard: [Option<Arc<Hello>>; 2],
    /// What each tells the other: made when it is first asked for, as that is often.
    pub(crate) tells: [OnceCell<Hello>; 2],
    /// What may still go wrong, or be ordered, on the way.
    pub(crate) left: u8,
    /// Where it is about what nodes do on their own. Else there is none.
    pub(crate) databases: Option<Databases>,
    pub(crate) mutant: Option<Mutant>,
}

/// A rule of the core that is left out, from outside.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mutant {
    /// A node does not tell the other one of a newer order.
    KeepsOrders,
    /// A former primary is never let start.
    NeverReleased,
}

/// What something has brought: facts, and what was heard of the other node, if that is another thing than before.
#[derive(PartialEq)]
struct News {
    records: Vec<Record>,
    heard: Option<Arc<Hello>>,
}

/// What a node sees when something happens to it.
#[derive(Clone, Copy)]
pub(crate) struct Sight {
    pub(crate) vrrp: VrrpState,
    pub(crate) serving: bool,
    pub(crate) peer: Peer,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Peer {
    /// Long not heard of.
    Lost,
    /// Heard, and this is how it is.
    Heard(VrrpState, bool),
    /// Heard a moment ago, before it did its last things.
    Old(VrrpState, bool),
    /// Heard once, long ago.
    Gone,
}

const SIGHTS: [(VrrpState, bool); 4] = [
    (VrrpState::Master, true),
    (VrrpState::Master, false),
    (VrrpState::Backup, true),
    (VrrpState::Backup, false),
];

pub(crate) fn actor() -> Actor {
    Actor {
        user: "root".to_owned(),
        node: "a".to_owned(),
        reason: Some("a test".to_owned()),
    }
}

fn plan(kind: Kind) -> Arc<Plan> {
    let s = site();
    Arc::new(Plan {
        id: RolloutId {
            number: 0,
            origin: NodeId(String::new()),
        },
        kind,
        first: s.nodes[1].clone(),
        second: s.nodes[0].clone(),
        from: site::FROM.to_owned(),
        to: site::TO.to_owned(),
        bundle: None,
        way_back: None,
        by: actor(),
        made_at: NOW,
        home_before: None,
        stop_before: None,
        term: None,
        takes_back: false,
        fast: false,
        rows: site::rows(kind, 1, false),
    })
}

impl Pair {
    /// Each knows the other and nothing is under way.
    pub(crate) fn idle() -> Self {
        let fresh = |n: usize| Journaled {
            boot: 1,
            installed: Time(n as u64),
            rollout: None,
            home: None,
            ..Journaled::default()
        };
        let idle = Self {
            nodes: [fresh(0), fresh(1)],
            heard: [None, None],
            tells: Default::default(),
            left: left(),
            databases: None,
            mutant: None,
        };
        let seen = Sight {
            vrrp: VrrpState::Backup,
            serving: true,
            peer: Peer::Heard(VrrpState::Master, true),
        };
        let idle = idle.turn(0, seen, NOW, &Event::Tick).expect("news");
        idle.turn(1, seen, NOW, &Event::Tick).expect("news")
    }

    /// A rollout asked for on either node, or on both at one moment.
    pub(crate) fn starts(kind: Kind) -> Vec<Self> {
        let idle = Self::idle();
        let seen = Sight {
            vrrp: VrrpState::Backup,
            serving: true,
            peer: Peer::Old(VrrpState::Master, true),
        };
        let event = Event::Command(Command::Start(plan(kind)));
        let one = [0, 1].map(|n| idle.turn(n, seen, NOW, &event).expect("a start"));
        let both = one[0].turn(1, seen, NOW, &event).expect("a start");
        one.into_iter().chain([both]).collect()
    }

    /// Node `n` as its core knows it.
    pub(crate) fn state(&self, n: usize, sight: Sight, now: Time) -> State {
        let s = site();
        let (me, peer) = (s.nodes[n].clone(), s.nodes[1 - n].clone());
        let mut state = State::new(me, peer, Timing::default());
        state.journaled = self.nodes[n].clone();
        state.observed.local = local(sight.vrrp, sight.serving);
        self.look_at_database(n, &mut state.observed.local);
        state.unasked = self.unasked(n);
        // A standby that does not follow had followed until a moment ago.
        state.observed.followed = self.followed(n).then_some(now);
        state.observed.follows_since = state.observed.local.follows.then_some(GONE);
        let (hello, seen, at) = match sight.peer {
            Peer::Lost => return state,
            Peer::Heard(vrrp, serving) => (Some(self.told_by(1 - n)), (vrrp, serving), now),
            Peer::Old(vrrp, serving) => (self.heard[n].as_deref(), (vrrp, serving), now),
            Peer::Gone => (self.heard[n].as_deref(), (VrrpState::Unknown, false), GONE),
        };
        let Some(hello) = hello else { return state };
        let (vrrp, serving) = seen;
        let local = Local {
            vrrp,
            has_vip: vrrp == VrrpState::Master,
            serving,
            ..of_database(&hello.local)
        };
        let hello = Hello {
            boot: 1,
            sequence: 1,
            heard: Some((state.journaled.installed, state.journaled.boot)),
            local,
            ..hello.clone()
        };
        state.observed.peer = Some((Arc::new(hello), at));
        state
    }

    fn told_by(&self, n: usize) -> &Hello {
        self.tells[n].get_or_init(|| {
            let alone = Sight {
                vrrp: VrrpState::Backup,
                serving: true,
                peer: Peer::Lost,
            };
            let mut hello = intents(&self.state(n, alone, NOW), NOW).hello;
            if self.mutant == Some(Mutant::KeepsOrders)
                && let Some(view) = &mut hello.rollout
            {
                let mandate = Arc::make_mut(&mut view.mandate);
                (mandate.epoch, mandate.order) = (0, Order::Start);
                mandate.direction = Direction::Forward;
            }
            hello
        })
    }

    /// What is there after this event on node `n`; None: nothing new.
    pub(crate) fn turn(&self, n: usize, sight: Sight, now: Time, event: &Event) -> Option<Self> {
        Some(self.with(n, self.news(n, sight, now, event)?))
    }

    fn news(&self, n: usize, sight: Sight, now: Time, event: &Event) -> Option<News> {
        let state = self.state(n, sight, now);
        let Decision { records, reply } = decide(&state, now, event);
        let hello = state.observed.peer.map(|(hello, _)| hello);
        let heard = hello.filter(|hello| !self.has_heard(n, hello));
        let heard = heard.map(|mut hello| {
            let plain = Arc::make_mut(&mut hello);
            (plain.home, plain.local) = (None, of_database(&plain.local));
            hello
        });
        let refused = matches!(reply, Some(Reply::Refused(_)));
        let is_nothing = refused || (records.is_empty() && heard.is_none());
        (!is_nothing).then_some(News { records, heard })
    }

    fn has_heard(&self, n: usize, hello: &Hello) -> bool {
        let last = self.heard[n].as_ref();
        last.is_some_and(|last| {
            let same = last.rollout == hello.rollout
                && (last.claims, last.term) == (hello.claims, hello.term);
            same && of_database(&last.local) == of_database(&hello.local)
        })
    }

    fn with(&self, n: usize, news: News) -> Self {
        let mut next = self.clone();
        if news.heard.is_some() {
            next.heard[n] = news.heard;
        }
        for record in &news.records {
            next.nodes[n].apply(record);
        }
        next.in_one_form()
    }

    /// Everything that can come next, whatever each node sees.
    pub(crate) fn after(&self) -> Vec<Self> {
        let mut all = Vec::new();
        for n in 0..2 {
            let heard = SIGHTS.map(|(vrrp, serving)| Peer::Heard(vrrp, serving));
            let old = SIGHTS.map(|(vrrp, serving)| Peer::Old(vrrp, serving));
            let is_old = !self.has_heard(n, self.told_by(1 - n));
            let old = old.into_iter().filter(|_| is_old);
            let gone = self.databases.as_ref().map(|_| Peer::Gone);
            let peers = heard.into_iter().chain(old).chain([Peer::Lost]).chain(gone);
            let sights = peers.flat_map(|peer| {
                SIGHTS.map(|(vrrp, serving)| Sight {
                    vrrp,
                    serving,
                    peer,
                })
            });
            let sights: Vec<Sight> = sights.collect();
            all.extend(self.after_alone(n, &sights));
            let mut news = Vec::new();
            for sight in sights {
                let one = self.news(n, sight, NOW, &Event::Tick);
                news.extend(one.filter(|one| !news.contains(one)));
            }
            all.extend(news.into_iter().map(|news| self.with(n, news)));
            let blind = Sight {
                vrrp: VrrpState::Backup,
                serving: true,
                peer: Peer::Lost,
            };
            let (done, failed) = self.job_ends(n).unzip();
            // Beside what is done alone the rollout stands where it is.
            let done = done.filter(|_| self.databases.is_none());
            all.extend(done.and_then(|done| self.turn(n, blind, NOW, &done)));
            let Some(left) = self.left.checked_sub(1) else {
                continue;
            };
            for event in failed.into_iter().flatten().chain(orders()) {
                let next = self.turn(n, blind, NOW, &event);
                all.extend(next.map(|next| Self { left, ..next }));
            }
        }
        all
    }

    /// The ends that the job under way on node `n` can have: done, or failed in one way or another.
    fn job_ends(&self, n: usize) -> Option<(Event, Vec<Event>)> {
        let key = self.job_key(n)?;
        let row = &self.nodes[n].rollout.as_ref()?.plan.rows[key.row];
        let ended = |outcome| Event::JobEnded {
            key: key.clone(),
            outcome,
        };
        let mut failed = vec![ended(Outcome::Failed(problem()))];
        // Else it makes no difference.
        if row.undo == Undo::Barrier {
            failed.push(ended(Outcome::Untouched(problem())));
        }
        let note = String::new();
        Some((ended(Outcome::Done { note }), failed))
    }

    fn job_key(&self, n: usize) -> Option<JobKey> {
        let rollout = self.nodes[n].rollout.as_ref()?;
        let open = |(_, r): &(usize, &Report)| direction(r.state).is_some();
        let (row, report) = rollout.mine.iter().find(open)?;
        Some(JobKey {
            solo: false,
            rollout: rollout.plan.id.number,
            row,
            epoch: report.epoch,
            attempt: report.attempt,
            direction: direction(report.state)?,
        })
    }
}

pub(crate) fn problem() -> Problem {
    Problem {
        what: String::new(),
        remedy: String::new(),
    }
}

/// What one node tells the other of its database.
fn of_database(local: &Local) -> Local {
    Local {
        database: local.database,
        timeline: local.timeline,
        term: local.term,
        follows: local.follows,
        held: local.held,
        may_start: local.may_start,
        ..Local::default()
    }
}

pub(crate) fn orders() -> [Event; 3] {
    [Order::Retry, Order::Confirm, Order::Abort]
        .map(|order| Event::Command(Command::Order { order, by: actor() }))
}

pub(crate) fn direction(state: RowState) -> Option<Direction> {
    match state {
        RowState::Started => Some(Direction::Forward),
        RowState::Undoing => Some(Direction::Back),
        RowState::Done | RowState::Failed | RowState::Undone | RowState::UndoFailed => None,
    }
}

fn local(vrrp: VrrpState, serving: bool) -> Local {
    Local {
        vrrp,
        has_vip: vrrp == VrrpState::Master,
        serving,
        ..Local::default()
    }
}
