//! A whole pair in virtual time: two real cores and the real step table over two fake hosts, a
//! database pair, a lossy network and a toy VRRP that goes its own ways.
pub(crate) mod alone;
pub(crate) mod back;
pub(crate) mod dice;
pub(crate) mod disk;
pub(crate) mod faults;
pub(crate) mod job;
pub(crate) mod mutants;
pub(crate) mod node;
pub(crate) mod operator;
pub(crate) mod power;
pub(crate) mod promises;
pub(crate) mod site;
pub(crate) mod vrrp;

use dice::Dice;
use faults::Fault;
use hau::core::{Guard, Hello, Kind, RolloutResult};
use hau::time::Time;
use mutants::Mutant;
use node::Node;
use site::{Pair, site};
use std::{
    cmp::{Ordering, Reverse},
    collections::BinaryHeap,
    sync::Arc,
};

/// What comes next. A number beside a node is the life it belongs to; a later life ignores it.
#[derive(Clone, Debug)]
pub(crate) enum Ev {
    Observe(usize, u32),
    Look(usize, u32),
    Beat(usize, u32),
    Wake(usize, u32),
    Call(usize, u32, bool),
    /// With the boot of the receiver: what was on its way does not outlive it.
    Deliver(usize, u32, Arc<Hello>, u64),
    Fence(usize),
    Guard(usize, u32, Guard),
    SidecarUp(usize, u32),
    Restart(usize, u32),
    SyncDone(usize, u32),
    Advert(usize, u32),
    Heard(usize, i32),
    Silence(usize, u32),
    Keepalived(usize, u32),
    Check(usize, u32),
    Audit,
    Fault(Fault),
    Heal(Fault),
    Calm,
    Operator,
    Command,
}

/// An event and its moment; of two at one moment the one queued first comes first.
struct Queued {
    at: u64,
    number: u32,
    event: Ev,
}

impl PartialEq for Queued {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.number) == (other.at, other.number)
    }
}

impl Eq for Queued {}

impl PartialOrd for Queued {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Queued {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    pub(crate) seed: u64,
    pub(crate) has_faults: bool,
    /// After the upgrade, or a halt in it, comes a rollback.
    pub(crate) goes_back: bool,
    /// The plan takes back by itself what fails.
    pub(crate) takes_back: bool,
    /// The VIP moves by the fast hand-off.
    pub(crate) fast: bool,
    pub(crate) mutant: Option<Mutant>,
    pub(crate) is_logged: bool,
}

/// How a rollout went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Ended(RolloutResult),
    /// The last rollout was a rollback.
    WentBack(RolloutResult),
    Halted,
    /// No plan was ever taken.
    Refused,
}

/// A broken promise: its number (0: something that is true of every program) and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Broken {
    pub(crate) promise: u8,
    pub(crate) how: String,
    pub(crate) log: Vec<String>,
}

pub(crate) struct World {
    pub(crate) options: Options,
    pub(crate) now: u64,
    pub(crate) dice: Dice,
    pub(crate) nodes: [Node; 2],
    pub(crate) pair: Pair,
    pub(crate) kind: Kind,
    /// Hellos from this node are lost.
    pub(crate) mute: [bool; 2],
    pub(crate) is_lossy: bool,
    /// Adverts from this node are lost.
    pub(crate) no_adverts: [bool; 2],
    pub(crate) is_calm: bool,
    pub(crate) calm_since: u64,
    pub(crate) operator: operator::Operator,
    pub(crate) broken: Vec<(u8, String)>,
    pub(crate) log: Vec<String>,
    queue: BinaryHeap<Reverse<Queued>>,
    next: u32,
    pub(crate) end: Option<End>,
}

impl World {
    pub(crate) fn new(options: Options) -> Self {
        let mut dice = Dice::new(options.seed);
        let unbroken = options.has_faults && options.mutant.is_none();
        let goes_back = options.goes_back || (unbroken && options.seed % 4 == 1);
        let takes_back = options.takes_back || (unbroken && options.seed % 8 == 2);
        let fast = options.fast || (options.mutant.is_none() && options.seed % 5 == 3);
        let options = Options {
            goes_back,
            takes_back,
            fast,
            ..options
        };
        let kind = if options.has_faults && options.seed % 8 == 7 {
            Kind::Switch
        } else {
            Kind::Upgrade
        };
        // Mostly the VIP is where the priorities want it.
        let asked = usize::try_from(dice.below(2)).expect("small");
        let pair = site::pair(0, asked);
        let nodes = [Node::new(0), Node::new(1)];
        let mut world = Self {
            options,
            now: 1_800_000_000_000,
            dice,
            nodes,
            pair,
            kind,
            mute: [false; 2],
            is_lossy: options.has_faults && !options.seed.is_multiple_of(4),
            no_adverts: [false; 2],
            is_calm: !options.has_faults,
            calm_since: 0,
            operator: operator::Operator::new(asked),
            broken: Vec::new(),
            log: Vec::new(),
            queue: BinaryHeap::new(),
            next: 0,
            end: None,
        };
        let holds = world.failover() != alone::Failover::Off;
        world.pair.databases[0].edit(|c| c.holds = holds);
        for n in 0..2 {
            world.nodes[n].is_powered = true;
            world.note_serving(n, false);
            world.start_keepalived(n, 10 + n as u64 * 300);
            world.at(20 + n as u64, Ev::SidecarUp(n, 0));
        }
        world.at(5_000, Ev::Audit);
        world.at(7_000, Ev::Operator);
        if options.has_faults {
            world.plan_faults();
        }
        mutants::mutate(&mut world);
        world
    }

    /// Queues an event so many milliseconds from now.
    pub(crate) fn at(&mut self, after: u64, event: Ev) {
        self.next += 1;
        let (at, number) = (self.now + after, self.next);
        self.queue.push(Reverse(Queued { at, number, event }));
    }

    pub(crate) fn time(&self) -> Time {
        Time(self.now)
    }

    /// What the sidecar of this node takes for the time.
    pub(crate) fn time_of(&self, n: usize) -> Time {
        let ahead = self.nodes[n].side.as_ref().map_or(0, |side| side.ahead);
        Time(self.now.saturating_add_signed(ahead))
    }

    pub(crate) fn say(&mut self, text: impl FnOnce() -> String) {
        if self.options.is_logged {
            let text = format!("{:>9} {}", self.now - 1_800_000_000_000, text());
            self.log.push(text);
        }
    }

    pub(crate) fn broke(&mut self, promise: u8, how: impl FnOnce() -> String) {
        let how = how();
        self.say(|| format!("PROMISE {promise} BROKEN: {how}"));
        self.broken.push((promise, how));
    }

    /// To the end, or to the first broken promise.
    pub(crate) fn run(&mut self) {
        while self.step() {}
    }

    /// So many milliseconds, or to the first broken promise.
    pub(crate) fn run_for(&mut self, ms: u64) {
        let until = self.now + ms;
        while self
            .queue
            .peek()
            .is_some_and(|Reverse(next)| next.at <= until)
            && self.step()
        {}
        self.now = self.now.max(until);
    }

    /// Both sidecars die and do not come back; from here on nothing is hau's doing.
    pub(crate) fn kill_sidecars(&mut self) {
        self.options.has_faults = true;
        for n in 0..2 {
            self.crash(n);
            self.nodes[n].life += 1;
        }
    }

    /// One event. False: the end was reached, or a promise broken.
    fn step(&mut self) -> bool {
        let Some(Reverse(Queued { at, event, .. })) = self.queue.pop() else {
            return false;
        };
        self.now = at;
        match event {
            Ev::Observe(n, life) if self.nodes[n].life == life => self.observe(n),
            Ev::Look(n, life) if self.nodes[n].life == life => self.look(n),
            Ev::Beat(n, life) if self.nodes[n].life == life => self.beat(n),
            Ev::Wake(n, life) if self.nodes[n].life == life => self.wake(n),
            Ev::Call(n, life, solo) if self.nodes[n].life == life => self.call(n, solo),
            Ev::Fence(n) => self.fenced(n),
            Ev::Guard(n, life, guard) if self.nodes[n].life == life => self.guard(n, guard),
            Ev::SidecarUp(n, life) if self.nodes[n].life == life => self.sidecar_up(n),
            Ev::Deliver(n, boot, hello, sent) if self.nodes[n].boots == boot => {
                self.deliver(n, hello, sent);
            }
            Ev::Restart(n, boot) if self.nodes[n].boots == boot => self.restart(n),
            Ev::SyncDone(n, boot) if self.nodes[n].boots == boot => self.sync_done(n),
            Ev::Advert(n, life) if self.nodes[n].vrrp.life == life => self.advertise(n),
            Ev::Heard(n, priority) => self.heard(n, priority),
            Ev::Silence(n, timer) if self.nodes[n].vrrp.timer == timer => self.silence(n),
            Ev::Keepalived(n, life) if self.nodes[n].vrrp.life == life => self.keepalived_up(n),
            Ev::Check(n, life) if self.nodes[n].vrrp.life == life => self.check(n),
            Ev::Audit => {
                self.audit();
                self.at(1_000, Ev::Audit);
            }
            Ev::Fault(fault) => self.fault(fault),
            Ev::Heal(fault) => self.heal(fault),
            Ev::Calm => self.calm(),
            Ev::Operator => self.operate(),
            Ev::Command => self.random_command(),
            // A former life's.
            Ev::Look(..) | Ev::Deliver(..) | Ev::Guard(..) => {}
            Ev::Observe(..) | Ev::Beat(..) | Ev::Wake(..) | Ev::Call(..) | Ev::SidecarUp(..) => {}
            Ev::Restart(..) | Ev::SyncDone(..) | Ev::Advert(..) | Ev::Silence(..) => {}
            Ev::Keepalived(..) | Ev::Check(..) => {}
        }
        self.broken.is_empty() && self.end.is_none()
    }

    pub(crate) fn is_linked(&self) -> bool {
        !self.mute[0] && !self.mute[1]
    }

    pub(crate) fn name(n: usize) -> &'static str {
        &site().nodes[n].0
    }
}

/// One rollout from its seed to its end.
///
/// # Errors
/// The first promise that was broken.
pub(crate) fn run(options: Options) -> Result<End, Broken> {
    let mut world = World::new(options);
    world.run();
    match world.broken.first().cloned() {
        Some((promise, how)) => Err(Broken {
            promise,
            how,
            log: world.log,
        }),
        None => Ok(world.end.unwrap_or(End::Refused)),
    }
}

/// Every promise that a seed breaks at the moment the first is broken.
pub(crate) fn broken(options: Options) -> Vec<(u8, String)> {
    let mut world = World::new(options);
    world.run();
    world.broken
}
