//! What a node does on its own, and the world around it: the fence, the hold on a former primary, and
//! the person who says what is off and who rejoins.
use super::job::Slot;
use super::mutants::Mutant;
use super::site::{FENCE, site};
use super::{Ev, World};
use crate::model::faults::Fault;
use hau::core::{
    AloneRefusal, Command, DatabaseRole, Event, Guard, Kind, Refusal, Reply, RolloutResult, Unasked,
};
use hau::database::{Guard as _, Replica};
use hau::host::Output;
use hau::steps::{self, Asked};
use std::{sync::Arc, time::Duration};

/// How a pair is configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failover {
    /// As by default: a former primary is not held, and nobody promotes.
    Off,
    /// With a fence, and a person promotes.
    Manual,
    /// With a fence, and hau promotes.
    Auto,
}

/// Promise 12 for the database: 5 s lost, 4 s VRRP, 4 s settled, a fence of up to 20 s, and the rest.
const TAKEN: u64 = 45_000;
/// From the last moment of the stream to MASTER: silence, and what the core allows for.
const SILENT: u64 = 8_000;

/// As `status` tells it: away while the other one became primary, and not following it.
pub(crate) fn must_rejoin(s: &hau::core::State) -> bool {
    let is_left = s.has_failed_to_rejoin() && s.is_left_down();
    let is_held = s.observed.local.held || s.has_failed_to_rejoin();
    is_left || (s.is_superseded() && is_held)
}

impl World {
    pub(crate) fn failover(&self) -> Failover {
        match self.options.seed / 4 % 6 {
            0 | 1 => Failover::Off,
            2 => Failover::Manual,
            _ => Failover::Auto,
        }
    }

    pub(crate) fn unasked(&self, n: usize) -> Unasked {
        let plan = |kind| {
            let vouched = self.options.mutant == Some(Mutant::NoFence);
            let rebuild = false;
            Arc::new(Self::solo(n, kind, Asked { vouched, rebuild }))
        };
        if self.failover() == Failover::Off {
            return Unasked::default();
        }
        let rejoins = (self.options.seed / 24).is_multiple_of(2);
        Unasked {
            holds: true,
            failover: (self.failover() == Failover::Auto).then(|| plan(Kind::Failover)),
            rejoin: rejoins.then(|| plan(Kind::Rejoin)),
        }
    }

    fn solo(n: usize, kind: Kind, asked: Asked) -> hau::core::Plan {
        let s = site();
        steps::solo(kind, &s.settings, asked, (&s.nodes[n], &s.nodes[1 - n]))
    }

    /// A look at the fence row is a run of the command: how long it takes, and what comes of it.
    pub(crate) fn fence(&mut self, n: usize, slot: &Slot) -> u64 {
        if slot.def.name != "fence" || !slot.has_begun {
            return 0;
        }
        let works = !self.dice.chance(150);
        let code = Some(i32::from(!works));
        let output = Output {
            code,
            ..Output::default()
        };
        self.pair.hosts[n].edit(|w| w.programs.insert(FENCE.into(), output));
        let late = self.dice.chance(300);
        let most = if late { 20_000 } else { 500 };
        let takes = 50 + self.dice.below(most);
        if works {
            self.at(takes / 2, Ev::Fence(1 - n));
        }
        takes
    }

    pub(crate) fn fenced(&mut self, n: usize) {
        self.say(|| format!("{} is fenced", Self::name(n)));
        self.operator.not_yet();
        self.power_off(n);
        let after = 1_000 + self.dice.below(60_000);
        self.at(after, Ev::Heal(Fault::Power(n)));
    }

    /// What the core says of the database is carried out a little later.
    pub(crate) fn see_to(&mut self, n: usize, guard: Guard) {
        if guard != Guard::Leave && !std::mem::replace(&mut self.nodes[n].is_guarding, true) {
            let (after, life) = (self.dice.below(300), self.nodes[n].life);
            self.at(after, Ev::Guard(n, life, guard));
        }
    }

    pub(crate) fn guard(&mut self, n: usize, guard: Guard) {
        self.nodes[n].is_guarding = false;
        self.say(|| format!("{} {guard:?} of its database", Self::name(n)));
        // Let start by the other one's word while the failover still tries: what was accepted with it counts from here.
        if guard == Guard::Release && self.accepts_loss(n) == Some(false) {
            self.pair.databases[n].edit(|c| c.acknowledged = c.members[n].rows.clone());
        }
        let done = match guard {
            Guard::Release => self.pair.databases[n].release(Duration::ZERO),
            Guard::Hold => self.pair.databases[n].hold(Duration::ZERO),
            Guard::Leave => Ok(()),
        };
        drop(done);
        self.no_two_primaries_and_no_lost_row();
        self.look(n);
    }

    /// `hau-ctl failover --fenced` by somebody who has seen that the other node is off, or
    /// `hau-ctl rejoin` where hau says so.
    pub(crate) fn alone_command(&mut self, n: usize) {
        let off = !self.nodes[1 - n].is_powered;
        let superseded = self.nodes[n].state().is_some_and(must_rejoin);
        // As its alarm tells.
        let again = |s: &hau::core::State| s.claims() && s.running_solo().is_none();
        let is_standby = self.pair.databases[n].standing().role == DatabaseRole::Standby;
        let off = off || (is_standby && self.nodes[n].state().is_some_and(again));
        let is_rival = |s: &hau::core::State| {
            let peer = s.fresh_peer(self.time_of(n));
            peer.is_some_and(|hello| s.is_rival(hello))
        };
        let off = off || self.nodes[n].state().is_some_and(is_rival);
        let kind = match (off, superseded) {
            _ if self.failover() == Failover::Off => return,
            (true, _) => Kind::Failover,
            (false, true) => Kind::Rejoin,
            (false, false) => return,
        };
        let asked = Asked {
            vouched: true,
            rebuild: self.nodes[n]
                .state()
                .is_some_and(hau::core::State::has_failed_to_rejoin),
        };
        let plan = Arc::new(Self::solo(n, kind, asked));
        let mut asks = |accepts_loss: bool| {
            let plan = plan.clone();
            let reply = self.feed(n, &Event::Command(Command::Alone { plan, accepts_loss }));
            self.say(|| format!("{} {kind:?}, {accepts_loss}: {reply:?}", Self::name(n)));
            reply
        };
        let reply = asks(false);
        let refused = Reply::Refused(Refusal::Alone(AloneRefusal::MayLoseRows));
        // Said in the answer: what is there may lack some, and the other node stays off.
        if reply == Some(refused) {
            asks(true);
        }
    }

    /// The power of `n` has failed: could the other node take its place at once?
    pub(crate) fn note_heir(&mut self, n: usize) {
        let heir = 1 - n;
        let follows = self.pair.databases[heir].standing().follows;
        let now = self.now;
        let node = &mut self.nodes[heir];
        let settled = node.side.is_some() && now > node.side_since + 3_000;
        let fit = follows && settled && node.last_heard.is_some_and(|(at, _)| now < at + 3_000);
        node.heir_since = fit.then_some(now);
        self.nodes[n].heir_since = None;
    }

    /// A standby has become primary in the place of one that is gone. Unless a person accepts more, it may lack what
    /// was acknowledged after the last moment at which it followed,
    /// and that moment is when the other one fell silent, not earlier.
    pub(crate) fn took_over(&mut self, n: usize, slot: &Slot) {
        if slot.def.name != "take_over" {
            return;
        }
        let late = self.nodes[n].late;
        let accepts = self.accepts_loss(n).is_some();
        let lacks = self.pair.databases[n].edit(|c| {
            let here = c.members[n].rows.clone();
            let all = c.acknowledged.len();
            c.acknowledged.retain(|row| here.contains(row));
            let lacks = all - c.acknowledged.len();
            if accepts {
                // What an earlier failover gave up may be in it again.
                c.acknowledged = here;
            }
            lacks
        });
        if lacks > 0 && late > SILENT && !accepts {
            self.broke(0, || {
                let name = Self::name(n);
                format!("{name} gives up {lacks} rows, not having followed for {late} ms before it was MASTER")
            });
        }
    }

    /// The last failover of this node, if a person has accepted with it that the other one's newer rows are lost; whether
    /// its database has been made primary by it.
    fn accepts_loss(&self, n: usize) -> Option<bool> {
        let state = self.nodes[n].state()?;
        let solo = state.journaled.solo.as_ref()?;
        let is_done = |row| solo.is_done(&state.me, row);
        solo.plan
            .term
            .map(|_| solo.barrier(&state.me).is_some_and(is_done))
    }

    /// A failover begins.
    pub(crate) fn fails_over(&mut self, n: usize) {
        let node = &mut self.nodes[n];
        node.late = node.vip_since.saturating_sub(node.followed);
    }

    /// With a fence that works the standby of a dead primary becomes primary, without a person.
    pub(crate) fn promise_12_heir_is_primary(&mut self, n: usize) {
        let primary = self.pair.databases[n].edit(|c| c.members[n].up && c.members[n].is_primary);
        let failed = |s: &hau::core::State| {
            let solo = s.journaled.solo.as_ref();
            solo.is_some_and(|solo| {
                let over = solo
                    .ended
                    .is_some_and(|(end, _)| end == RolloutResult::Failed);
                over || solo.mine.iter().any(|(_, r)| r.attempt > 1)
            })
        };
        let excused = self.failover() != Failover::Auto
            || self.nodes[1 - n].is_powered
            || !self.has_vip(n)
            || self.nodes[n].state().is_none_or(failed);
        if primary || excused {
            self.nodes[n].heir_since = None;
        }
        let waits = self.nodes[n].heir_since.map_or(0, |since| self.now - since);
        if waits > TAKEN && self.has_vip(n) {
            self.broke(12, || {
                format!("{} is alone with its standby for {waits} ms", Self::name(n))
            });
        }
    }
}
