//! One host and the sidecar on it: what the daemon's shell does, in virtual time.
use super::disk::{Crash, Disk};
use super::faults::Lie;
use super::job::Slot;
use super::mutants::Mutant;
use super::site::{FROM, SERVICES, WEIGHT, site};
use super::vrrp::Vrrp;
use super::{Ev, World};
use hau::core::{
    Armed, Band, Event, Hello, Intents, Local, Machine, Reply, State, Timing, Turned, VrrpState,
};
use hau::database::Replica;
use hau::host::fake::FakeUnit;
use hau::host::{Active, Host};
use hau::keepalived::levels;
use hau::time::Time;
use std::{path::Path, sync::Arc, sync::atomic::Ordering, time::Duration};

pub(crate) struct Node {
    pub(crate) disk: Disk,
    pub(crate) is_powered: bool,
    pub(crate) boots: u32,
    /// Grows whenever the sidecar starts or ends.
    pub(crate) life: u32,
    pub(crate) side: Option<Sidecar>,
    pub(crate) vrrp: Vrrp,
    /// What a unit before keepalived restores after a boot.
    pub(crate) durable_weight: Option<i32>,
    pub(crate) down_since: Option<u64>,
    pub(crate) down_by_hau: bool,
    pub(crate) up_since: u64,
    pub(crate) vip_since: u64,
    /// When the last Hello came that the core did not know, and when that was sent.
    pub(crate) last_heard: Option<(u64, u64)>,
    /// Its boot and sequence: two may be sent in one millisecond.
    pub(crate) last_number: (u64, u64),
    pub(crate) side_since: u64,
    pub(crate) alone_since: Option<u64>,
    pub(crate) is_restarting: bool,
    /// A rollout was given up past its barrier: what it left is a person's to mend.
    pub(crate) is_left: bool,
    /// What ran here when the last rollout was accepted.
    pub(crate) version_before: Option<String>,
    /// The version that was started here last: another one may make a root key of its own.
    pub(crate) key_of: String,
    /// The next job call takes this long.
    pub(crate) hang: u64,
    /// A job that hung comes to its work then.
    pub(crate) hung_until: u64,
    /// Changes that the next job call may still make.
    pub(crate) fuse: Option<u32>,
    pub(crate) forced_band: Option<Band>,
    pub(crate) is_guarding: bool,
    /// Since when its database has been kept from starting.
    pub(crate) held_since: Option<u64>,
    /// Since when it should become primary in the other one's place.
    pub(crate) heir_since: Option<u64>,
    /// When its standby last followed.
    pub(crate) followed: u64,
    /// How long it had not, when it became MASTER and a failover began.
    pub(crate) late: u64,
    /// How far this host's clock is ahead of the true time, in milliseconds.
    pub(crate) ahead: i64,
    /// What the next look of a job says wrongly.
    pub(crate) lie: Option<Lie>,
}

pub(crate) struct Sidecar {
    /// `Node::ahead` when it started: a process does not see its clock being set.
    pub(crate) ahead: i64,
    pub(crate) machine: Machine<Disk>,
    pub(crate) intents: Option<Intents>,
    /// The rollout's job, and what this node does on its own.
    pub(crate) slots: [Option<Slot>; 2],
    pub(crate) sequence: u64,
    pub(crate) sent: Option<Arc<Hello>>,
    pub(crate) weight: Option<i32>,
    pub(crate) wake: Option<Time>,
}

impl Node {
    pub(crate) fn new(_n: usize) -> Self {
        Self {
            disk: Disk::default(),
            is_powered: false,
            boots: 0,
            life: 0,
            side: None,
            vrrp: Vrrp::default(),
            durable_weight: None,
            down_since: None,
            down_by_hau: false,
            up_since: 0,
            vip_since: 0,
            last_heard: None,
            last_number: (0, 0),
            side_since: 0,
            alone_since: None,
            is_restarting: false,
            is_left: false,
            version_before: None,
            key_of: FROM.to_owned(),
            hang: 0,
            hung_until: 0,
            fuse: None,
            forced_band: None,
            is_guarding: false,
            held_since: None,
            heir_since: None,
            followed: 0,
            late: 0,
            ahead: 0,
            lie: None,
        }
    }

    pub(crate) fn state(&self) -> Option<&State> {
        self.side.as_ref().map(|side| side.machine.state())
    }
}

impl World {
    /// All ports of all services listen.
    pub(crate) fn serves(&self, n: usize) -> bool {
        let now = Time(self.now);
        let listens = |u: &FakeUnit| u.state.active == Active::Active && now >= u.ready_at;
        let all = |w: &mut hau::host::fake::World| {
            w.now = now;
            SERVICES
                .iter()
                .all(|unit| w.units.get(*unit).is_some_and(listens))
        };
        self.nodes[n].is_powered && self.pair.hosts[n].edit(all)
    }

    pub(crate) fn sidecar_up(&mut self, n: usize) {
        if !self.nodes[n].is_powered {
            return;
        }
        let (me, peer) = (site().nodes[n].clone(), site().nodes[1 - n].clone());
        let mut timing = Timing::default();
        if self.options.mutant == Some(Mutant::Settle) {
            timing.settle = Duration::ZERO;
        }
        let mut state = State::new(me, peer, timing);
        state.unasked = self.unasked(n);
        let records = self.nodes[n].disk.0.borrow().records.clone();
        let machine = Machine::recover(state, &records, self.nodes[n].disk.clone());
        let recovered = machine.state().journaled == self.nodes[n].disk.0.borrow().replayed;
        if !recovered {
            self.broke(5, || "replaying the disk gives another state".to_owned());
        }
        let ahead = self.nodes[n].ahead;
        self.pair.hosts[n].edit(|w| w.ahead = ahead);
        self.nodes[n].side = Some(Sidecar {
            ahead,
            machine,
            intents: None,
            slots: [None, None],
            sequence: 0,
            sent: None,
            weight: None,
            wake: None,
        });
        self.nodes[n].side_since = self.now;
        self.note_left(n);
        self.pair.link.answers[n].store(true, Ordering::Relaxed);
        self.say(|| format!("{} sidecar up", Self::name(n)));
        // The core is told what there is to see before it says what should be.
        let now = self.time_of(n);
        let host_boot = self.nodes[n].boots.to_string();
        let started = self.nodes[n]
            .side
            .as_mut()
            .map(|side| side.machine.handle(now, &Event::Started { host_boot }));
        match started {
            Some(Ok(turned)) => self.recorded(n, &turned.records),
            Some(Err(_)) | None => return self.crash(n),
        }
        self.look(n);
        let life = self.nodes[n].life;
        let after = self.dice.below(1_000);
        self.at(0, Ev::Observe(n, life));
        self.at(after, Ev::Beat(n, life));
    }

    /// `kill -9`.
    pub(crate) fn crash(&mut self, n: usize) {
        if self.nodes[n].side.take().is_none() {
            return;
        }
        self.say(|| format!("{} sidecar dies", Self::name(n)));
        self.nodes[n].disk.0.borrow_mut().forget();
        self.nodes[n].fuse = None;
        self.nodes[n].is_guarding = false;
        self.nodes[n].heir_since = None;
        self.pair.hosts[n].edit(|w| w.fuse = None);
        self.pair.link.answers[n].store(false, Ordering::Relaxed);
        self.nodes[n].life += 1;
        let (after, life) = (300 + self.dice.below(6_000), self.nodes[n].life);
        self.at(after, Ev::SidecarUp(n, life));
    }

    /// One turn of the core, and what the shell makes of it.
    pub(crate) fn feed(&mut self, n: usize, event: &Event) -> Option<Reply> {
        let now = self.time_of(n);
        let turned = self.nodes[n].side.as_mut()?.machine.handle(now, event);
        match turned {
            Ok(turned) => Some(turned).and_then(|turned| self.reconcile(n, turned)),
            Err(Crash::Before | Crash::After) => {
                self.say(|| format!("{} dies in a write to its journal", Self::name(n)));
                // Perhaps in the very fact that a failover begins.
                let fails = |s: &State| s.running_solo().is_some();
                if !self.nodes[n].state().is_some_and(fails) {
                    self.fails_over(n);
                }
                self.crash(n);
                None
            }
        }
    }

    fn reconcile(&mut self, n: usize, mut turned: Turned) -> Option<Reply> {
        if !turned.records.is_empty() {
            self.recorded(n, &turned.records);
        }
        super::mutants::alter(self, n, &mut turned.intents);
        self.show_weight(n, turned.intents.band);
        self.hand_off(n, turned.intents.armed);
        let (now, life) = (self.time_of(n), self.nodes[n].life);
        let side = self.nodes[n].side.as_mut()?;
        let changed = side.sent.as_ref().is_none_or(|sent| {
            let (old, new) = (sent, &turned.intents.hello);
            (&old.rollout, &old.local, old.claims) != (&new.rollout, &new.local, new.claims)
        });
        let wake = turned
            .intents
            .wake
            .filter(|w| side.wake.is_none_or(|at| *w < at || at <= now));
        side.wake = wake.or(side.wake);
        let wanted = [turned.intents.job.clone(), turned.intents.solo.clone()];
        let idle = |slot: usize| side.slots[slot].is_none();
        let jobs = [0, 1].map(|slot| wanted[slot].clone().filter(|_| idle(slot)));
        let guard = turned.intents.guard;
        side.intents = Some(turned.intents);
        if let Some(wake) = wake {
            self.at(wake.0 - now.0, Ev::Wake(n, life));
        }
        if changed {
            self.send_hello(n);
        }
        for job in jobs.into_iter().flatten() {
            self.take_job(n, job);
        }
        self.see_to(n, guard);
        turned.reply
    }

    pub(crate) fn observe(&mut self, n: usize) {
        self.look(n);
        let life = self.nodes[n].life;
        if self.nodes[n].side.is_some() {
            self.at(200, Ev::Observe(n, life));
        }
    }

    /// Tells the core what there is to see, if it has changed.
    pub(crate) fn look(&mut self, n: usize) {
        let serving = self.note_serving(n, false);
        let host = &self.pair.hosts[n];
        let Some(side) = self.nodes[n].side.as_ref() else {
            return;
        };
        let (vrrp, standing) = (host.vrrp(), self.pair.databases[n].standing());
        if standing.follows {
            self.nodes[n].followed = self.now;
        }
        let local = Local {
            vrrp,
            has_vip: vrrp == VrrpState::Master,
            serving,
            database: standing.role,
            follows: standing.follows,
            timeline: standing.timeline,
            identity: String::new(),
            term: standing.term,
            held: standing.held,
            may_start: standing.may_start,
            version: None,
            effective_priority: Some(self.priority(n)),
            busy: side.slots.iter().any(Option::is_some),
            by_hand: false,
            armed: host.handoff().armed,
            details: site().details.clone(),
        };
        if side.machine.state().observed.local != local {
            self.feed(n, &Event::Local(local));
        }
    }

    pub(crate) fn wake(&mut self, n: usize) {
        if let Some(side) = self.nodes[n].side.as_mut() {
            side.wake = None;
            self.feed(n, &Event::Tick);
        }
    }

    pub(crate) fn beat(&mut self, n: usize) {
        self.feed(n, &Event::Tick);
        self.send_hello(n);
        let life = self.nodes[n].life;
        let armed = !self.pair.hosts[n].handoff().armed.is_off();
        self.at(if armed { 200 } else { 1_000 }, Ev::Beat(n, life));
    }

    fn send_hello(&mut self, n: usize) {
        let Some(side) = self.nodes[n].side.as_mut() else {
            return;
        };
        let Some(intents) = &side.intents else { return };
        side.sequence += 1;
        let mut hello = intents.hello.clone();
        hello.sequence = side.sequence;
        let hello = Arc::new(hello);
        side.sent = Some(hello.clone());
        if self.mute[n] {
            return;
        }
        let copies = if self.is_lossy {
            [0, 1, 1, 1, 2][usize::try_from(self.dice.below(5)).unwrap_or(0)]
        } else {
            1
        };
        for _ in 0..copies {
            let most = if self.is_lossy && self.dice.chance(200) {
                2_000
            } else {
                5
            };
            let after = 1 + self.dice.below(most);
            let (to, boot) = (1 - n, self.nodes[1 - n].boots);
            self.at(after, Ev::Deliver(to, boot, hello.clone(), self.now));
        }
    }

    pub(crate) fn deliver(&mut self, n: usize, mut hello: Arc<Hello>, sent: u64) {
        if self.nodes[n].side.is_none() {
            return;
        }
        let (node, number) = (&mut self.nodes[n], (hello.boot, hello.sequence));
        let newer = |(_, last)| (sent, number) > (last, node.last_number);
        if node.last_heard.is_none_or(newer) {
            (node.last_heard, node.last_number) = (Some((self.now, sent)), number);
        }
        super::mutants::forge(self, n, &mut hello);
        self.feed(n, &Event::Hello(hello));
    }

    /// What the shell's own thread makes of it.
    fn hand_off(&mut self, n: usize, wanted: Armed) {
        let was = self.pair.hosts[n].edit(|w| {
            let was = w.handoff.armed;
            (w.handoff.armed, w.handoff.tried) = (wanted, wanted);
            was
        });
        if was != wanted {
            self.say(|| format!("{} {wanted:?}", Self::name(n)));
            let life = self.nodes[n].life;
            self.at(1, Ev::Look(n, life));
        }
    }

    fn weight_of(&self, n: usize, band: Band) -> i32 {
        let is_wrong = self.options.mutant == Some(Mutant::FaultWeight) && band == Band::Draining;
        if is_wrong {
            return levels::FAULT;
        }
        site().levels[n].shown(band)
    }

    fn show_weight(&mut self, n: usize, band: Band) {
        let band = self.nodes[n].forced_band.unwrap_or(band);
        let weight = self.weight_of(n, band);
        let Some(side) = self.nodes[n].side.as_mut() else {
            return;
        };
        if side.weight == Some(weight) {
            return;
        }
        side.weight = Some(weight);
        let before = self.priority(n);
        let text = format!("{weight}\n");
        self.pair.hosts[n]
            .write(Path::new(WEIGHT), text.as_bytes(), 0o644)
            .ok();
        // What holds for an instant only is nothing to go by after a boot.
        self.nodes[n].durable_weight = (levels::LOWEST..=0).contains(&weight).then_some(weight);
        self.say(|| format!("{} shows {band:?} ({weight})", Self::name(n)));
        if weight == levels::FAULT {
            self.promise_4_goes_into_fault(n);
        }
        self.track(n);
        self.weighed(n, before, weight);
    }
}
