//! The person at hau-ctl: starts a rollout, says random things during the faults, and afterwards
//! brings it to an end by retrying a few times and then giving up.
use super::alone::must_rejoin;
use super::mutants::{self, Mutant};
use super::site::{self, FROM, TO, site};
use super::{End, Ev, World};
use hau::core::{
    Actor, BundleRef, Closed, Command, Direction, Event, Kind, NodeId, Order, Plan, Reply,
    RolloutId, RolloutResult, VrrpState,
};
use hau::time::Time;
use std::{path::Path, sync::Arc};

pub(crate) struct Operator {
    asked: usize,
    pub(crate) accepted: u32,
    pub(super) went_back: u32,
    tried_back: u32,
    retries: u32,
    has_aborted: bool,
    /// How often nothing had moved.
    idle: u32,
    last: (usize, usize),
    /// When the end was seen, and how long both journals were then.
    done: Option<(u64, End, (usize, usize))>,
}

impl Operator {
    pub(crate) fn new(asked: usize) -> Self {
        let (accepted, retries, has_aborted, idle) = (0, 0, false, 0);
        Self {
            asked,
            accepted,
            went_back: 0,
            tried_back: 0,
            retries,
            has_aborted,
            idle,
            last: (0, 0),
            done: None,
        }
    }

    /// Something happens that the end has to wait for.
    pub(crate) fn not_yet(&mut self) {
        self.done = None;
    }
}

impl World {
    /// `hau-ctl upgrade` on this node.
    pub(crate) fn start(&mut self, n: usize) -> Option<Reply> {
        let state = self.nodes[n].state()?;
        let here = state.observed.local.vrrp;
        let there = state.fresh_peer(self.time_of(n))?.local.vrrp;
        let first = match (here, there) {
            (VrrpState::Backup, VrrpState::Master) => n,
            (VrrpState::Master, VrrpState::Backup) => 1 - n,
            (_, _) => return None,
        };
        let installed = |n: usize| self.version(n).as_deref() == Some(FROM);
        if self.kind == Kind::Upgrade && !(installed(0) && installed(1)) {
            return None;
        }
        let mut rows = site::rows(self.kind, first, false);
        mutants::edit_rows(self.options.mutant, &mut rows);
        let s = site();
        let stop_before = rows
            .iter()
            .find(|row| row.step == "release_vip")
            .map(|row| row.phase);
        let plan = Plan {
            id: RolloutId {
                number: 0,
                origin: NodeId(String::new()),
            },
            kind: self.kind,
            first: s.nodes[first].clone(),
            second: s.nodes[1 - first].clone(),
            from: FROM.to_owned(),
            to: if self.kind == Kind::Upgrade { TO } else { FROM }.to_owned(),
            bundle: (self.kind == Kind::Upgrade).then(|| BundleRef {
                file: "shop-2.0.0.hau".to_owned(),
                sha256: s.info.sha256.clone(),
                size_bytes: s.info.size_bytes,
            }),
            way_back: None,
            by: actor("root"),
            made_at: Time(0),
            home_before: None,
            stop_before: stop_before
                .filter(|_| self.options.has_faults && self.options.seed % 16 == 3),
            takes_back: self.options.takes_back,
            fast: self.options.fast,
            term: None,
            rows,
        };
        self.ask(n, plan)
    }

    pub(super) fn ask(&mut self, n: usize, plan: Plan) -> Option<Reply> {
        let kind = plan.kind;
        let on_disk = |world: &Self| {
            let platter = world.nodes[n].disk.0.borrow();
            platter.replayed.rollout.as_ref().map(|r| r.plan.id.clone())
        };
        let before = on_disk(self);
        let reply = self.feed(n, &Event::Command(Command::Start(Arc::new(plan))));
        self.say(|| format!("{} starts {kind:?}: {reply:?}", Self::name(n)));
        // A sidecar may die between taking it and saying so.
        if on_disk(self) != before {
            self.operator.accepted += 1;
            for n in 0..2 {
                self.nodes[n].version_before = self.version(n);
            }
        }
        reply
    }

    pub(crate) fn version(&self, n: usize) -> Option<String> {
        use hau::host::Host;
        let target = self.pair.hosts[n].link_target(Path::new("/opt/shop/current"))?;
        Some(target.file_name()?.to_string_lossy().into_owned())
    }

    pub(crate) fn order(&mut self, n: usize, order: Order, by: &str) {
        let by = actor(by);
        let reply = self.feed(n, &Event::Command(Command::Order { order, by }));
        self.say(|| format!("{} {order:?}: {reply:?}", Self::name(n)));
    }

    /// During the faults: anything, anywhere.
    pub(crate) fn random_command(&mut self) {
        if self.is_calm || self.options.mutant == Some(Mutant::GoesBack) {
            return;
        }
        let n = usize::try_from(self.dice.below(2)).unwrap_or(0);
        if self.options.goes_back && self.dice.chance(300) {
            if self.go_back_alone(n).is_none() {
                self.go_back(n);
            }
            return;
        }
        match self.dice.below(8) {
            0 | 1 => drop(self.start(n)),
            2 | 3 => self.order(n, Order::Retry, "root"),
            4 => self.order(n, Order::Confirm, "root"),
            5 | 6 => self.alone_command(n),
            _ => self.order(n, Order::Abort, "root"),
        }
    }

    /// Looks every few seconds.
    pub(crate) fn operate(&mut self) {
        self.at(4_000, Ev::Operator);
        let length = |n: usize| self.nodes[n].disk.0.borrow().records.len();
        let lengths = (length(0), length(1));
        if let Some((at, end, before)) = self.operator.done {
            let quiet = if self.options.has_faults {
                20_000
            } else {
                6_000
            };
            if self.now >= at + quiet {
                if lengths != before {
                    self.broke(0, || {
                        format!("the journals grow with time: {before:?} to {lengths:?}")
                    });
                }
                self.finish(end);
                self.end = Some(end);
            }
            return;
        }
        if self.operator.accepted == 0 {
            let asked = self.operator.asked;
            self.start(asked);
            if self.options.mutant == Some(Mutant::TwoPlans) {
                self.start(1 - asked);
            }
        }
        self.operator.idle = if lengths == self.operator.last {
            self.operator.idle + 1
        } else {
            0
        };
        self.operator.last = lengths;
        for n in 0..2 {
            if self.is_calm {
                self.alone_command(n);
            }
        }
        // Nothing is ordered while things still go wrong, except that a rollout is begun.
        let succeeded = |n: usize| {
            let rollout = self.nodes[n].state()?.journaled.rollout.as_ref()?;
            Some(rollout.ended?.0 == RolloutResult::Succeeded && !rollout.plan.kind.is_rollback())
        };
        if !self.is_calm && succeeded(0) == Some(true) && succeeded(1) == Some(true) {
            self.still_goes_back();
        }
        // What a sidecar that has just started has to learn it has learnt by then.
        let up = self.nodes.iter().map(|node| node.side_since).max();
        let quiet = (self.calm_since + 12_000).max(up.unwrap_or(0) + 5_000);
        if !self.is_calm || self.now < quiet {
            return;
        }
        let Some(end) = self.bring_to_end() else {
            return;
        };
        self.say(|| format!("END {end:?}"));
        self.operator.done = Some((self.now, end, lengths));
    }

    /// Wants to go back and has not yet, nor tried so often that it cannot be done.
    fn still_goes_back(&mut self) -> bool {
        let op = &mut self.operator;
        let wants = self.options.goes_back && op.went_back == 0 && op.tried_back < 5;
        if wants {
            op.tried_back += 1;
            let asked = op.asked;
            self.go_back(asked);
        }
        wants
    }

    fn bring_to_end(&mut self) -> Option<End> {
        let (a, b) = (self.nodes[0].state()?, self.nodes[1].state()?);
        let busy = |s: &hau::core::State| {
            s.running_solo().is_some() || must_rejoin(s) || s.observed.local.held
        };
        if busy(a) || busy(b) {
            return None;
        }
        let ended = |s: &hau::core::State| s.journaled.rollout.as_ref().and_then(|r| r.ended);
        let running = [a, b].map(|s| s.running().is_some());
        if running == [false, false] {
            let ended = ended(a).or(ended(b));
            let last = a
                .journaled
                .rollout
                .as_ref()
                .or(b.journaled.rollout.as_ref());
            let is_back = last.is_some_and(|r| r.plan.kind.is_rollback());
            if ended.is_some() && !is_back && self.still_goes_back() {
                return None;
            }
            return match (ended, self.operator.accepted) {
                (Some((result, _)), _) if is_back => Some(End::WentBack(result)),
                (Some((result, _)), _) => Some(End::Ended(result)),
                (None, 0) if self.operator.idle > 60 => Some(End::Refused),
                (None, _) => None,
            };
        }
        // Whichever node is asked, if both know the rollout.
        let n = match running {
            [true, true] => usize::from(self.now / 4_000 % 2 == 1),
            [is_first, _] => usize::from(!is_first),
        };
        let state = self.nodes[n].state()?;
        let rollout = state.running()?;
        let halted = rollout.halted_by().is_some();
        let direction = rollout.mandate.direction;
        let standing = state.standing(self.time_of(n));
        let waits = standing.is_some_and(|(_, closed)| closed == Some(Closed::StopAsked));
        let op = &mut self.operator;
        let is_stuck = op.idle > 100;
        if !(halted || waits || is_stuck) {
            return None;
        }
        op.idle = 0;
        op.retries += 1;
        if op.retries > 12 {
            // It waits, and says for what.
            return Some(End::Halted);
        }
        if self.options.goes_back && op.retries == 3 && self.go_back(n).is_some() {
            return None;
        }
        let op = &mut self.operator;
        let gives_up = op.retries > 4 || is_stuck;
        if gives_up && direction == Direction::Forward && !op.has_aborted {
            op.has_aborted = true;
            self.order(n, Order::Abort, "root");
        } else {
            self.order(n, Order::Retry, "root");
        }
        None
    }
}

pub(super) fn actor(user: &str) -> Actor {
    Actor {
        user: user.to_owned(),
        node: "a".to_owned(),
        reason: Some("a test".to_owned()),
    }
}
