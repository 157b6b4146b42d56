//! What becomes of a state when both nodes are alive and well: every job does what it should, every message
//! arrives, the VIP goes where the weights send it. Only people are asked, where somebody has to be.
use crate::alone::{ASKS, Ask};
use crate::pair::{LATE, NOW, Pair, Peer, Sight, orders};
use crate::site::{BASES, CHECK_WEIGHT, site};
use hau::core::{Event, Outcome, RolloutResult, RowState, Verb, VrrpState, intents};
use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

/// How a state gets to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// By itself, or when a limit is over.
    Ends(RolloutResult),
    /// It stands still and says at which row; an order leads to this end.
    Ordered(RolloutResult),
    /// Nothing was under way over the pair, and one database follows the other.
    Whole,
    /// The same once a person has seen to it, as an alarm demands.
    Asked,
    /// It would wait for ever.
    None,
}

#[derive(Default)]
pub(crate) struct Well {
    /// By state and by who holds the VIP.
    known: BTreeMap<(Vec<u8>, usize), Way>,
    /// On the way: what comes back to itself leads nowhere.
    passing: BTreeSet<(Vec<u8>, usize)>,
}

impl Well {
    pub(crate) fn way_out(&mut self, pair: &Pair, vip: usize) -> Way {
        let (mut pair, mut vip) = (pair.clone(), vip);
        let mut passed = Vec::new();
        let way = loop {
            let key = (pair.key(), vip);
            if let Some(way) = self.known.get(&key) {
                break *way;
            }
            if !self.passing.insert(key.clone()) {
                break Way::None;
            }
            passed.push(key);
            match pair.moved(vip) {
                Some(next) => (pair, vip) = next,
                None => break self.still(&pair, vip),
            }
        };
        for key in passed {
            self.passing.remove(&key);
            if way != Way::None {
                self.known.insert(key, way);
            }
        }
        way
    }

    /// Nothing moves any more: it has ended, or a person is asked.
    fn still(&mut self, pair: &Pair, vip: usize) -> Way {
        let running = [0, 1].map(|n| pair.state(n, pair.sight(n, vip), NOW));
        let running: Vec<_> = running
            .iter()
            .filter_map(|s| Some((s, s.running()?)))
            .collect();
        if running.is_empty() {
            let ends = pair.nodes.iter().map(|node| node.rollout.as_ref()?.ended);
            let ended = ends.flatten().next();
            let rests = pair.databases.is_some() && pair.nodes.iter().all(|n| n.rollout.is_none());
            return match ended {
                _ if !pair.is_whole() => self.seen_to(pair, vip),
                Some((result, _)) => Way::Ends(result),
                None if rests => Way::Whole,
                None => Way::None,
            };
        }
        let names_it = running
            .iter()
            .all(|(s, r)| r.halted_by().is_some() || s.standing(NOW).is_some());
        if !names_it {
            return self.seen_to(pair, vip);
        }
        let mut end = Way::None;
        for (n, order) in [0, 1]
            .into_iter()
            .flat_map(|n| orders().map(|order| (n, order)))
        {
            let Some(next) = pair.turn(n, pair.sight(n, vip), NOW, &order) else {
                continue;
            };
            match self.way_out(&next, vip) {
                Way::Ends(result) | Way::Ordered(result) => end = Way::Ordered(result),
                Way::Whole | Way::Asked => end = Way::Asked,
                // What the databases cannot do fails again, and another order leads on.
                Way::None if pair.databases.is_some() => {}
                // No order that is taken makes it worse.
                Way::None => return Way::None,
            }
        }
        if end == Way::None {
            return self.seen_to(pair, vip);
        }
        end
    }

    /// The databases are not as they should be: an alarm says so, and what a person then does leads on.
    fn seen_to(&mut self, pair: &Pair, vip: usize) -> Way {
        if pair.is_whole() || !pair.raises_alarm(vip) {
            return Way::None;
        }
        for (ask, n) in ASKS.into_iter().flat_map(|ask| [(ask, 0), (ask, 1)]) {
            let Some(next) = pair.done_alone(n, ask) else {
                continue;
            };
            let vip = if matches!(ask, Ask::Failover { .. }) {
                n
            } else {
                vip
            };
            if self.way_out(&next, vip) != Way::None {
                return Way::Asked;
            }
        }
        Way::None
    }
}

impl Pair {
    /// Where it stands still, for a person who looks for the rule that is wrong.
    pub(crate) fn comes_to(&self, vip: usize) -> String {
        let mut passed = BTreeSet::new();
        let (mut pair, mut vip) = (self.clone(), vip);
        while passed.insert((pair.key(), vip))
            && let Some(next) = pair.moved(vip)
        {
            (pair, vip) = next;
        }
        format!("with the VIP on {vip}\n{}", pair.told())
    }

    /// One thing that happens next by itself, and who holds the VIP then.
    pub(crate) fn moved(&self, vip: usize) -> Option<(Self, usize)> {
        for now in [NOW, LATE] {
            for n in 0..2 {
                let sight = self.sight(n, vip);
                if let Some(next) = self.turn(n, sight, now, &Event::Tick) {
                    return Some((next, vip));
                }
                let works = || {
                    let alone = self.guarded(n, sight).or_else(|| self.solo_works(n, sight));
                    alone.or_else(|| self.works(n, vip))
                };
                if let Some(next) = (now == NOW).then(works).flatten() {
                    return Some((next, vip));
                }
            }
            let wanted = self.wanted(vip);
            if wanted != vip && now == NOW {
                return Some((self.clone(), wanted));
            }
        }
        None
    }

    /// The job of this node does its work, if it is let and if the VIP is where it waits for it.
    fn works(&self, n: usize, vip: usize) -> Option<Self> {
        let job = intents(&self.state(n, self.sight(n, vip), NOW), NOW).job?;
        let row = &self.nodes[n].rollout.as_ref()?.plan.rows[job.key.row];
        let worked = match &self.databases {
            Some(_) => Cow::Owned(self.worked(n, &row.step, job.verb)?),
            None => Cow::Borrowed(self),
        };
        let is_here = vip == n;
        let waits = match (job.verb, row.step.as_str()) {
            (Verb::Do, "receive_vip") | (Verb::Undo, "release_vip") => !is_here,
            (Verb::Do, "release_vip") => is_here,
            (Verb::Do | Verb::Undo, _) => false,
        };
        let event = Event::JobEnded {
            key: job.key,
            outcome: Outcome::Done {
                note: String::new(),
            },
        };
        let next = worked.turn(n, worked.sight(n, vip), NOW, &event);
        next.filter(|_| !waits)
    }

    pub(crate) fn sight(&self, n: usize, vip: usize) -> Sight {
        let vrrp = |n| {
            if n == vip {
                VrrpState::Master
            } else {
                VrrpState::Backup
            }
        };
        Sight {
            vrrp: vrrp(n),
            serving: self.serves(n),
            peer: Peer::Heard(vrrp(1 - n), self.serves(1 - n)),
        }
    }

    /// The services run unless a row has stopped them and none has started them again.
    fn serves(&self, n: usize) -> bool {
        let Some(rollout) = &self.nodes[n].rollout else {
            return true;
        };
        let mut is_up = true;
        for (row, report) in rollout.mine.iter() {
            let is_there = report.state != RowState::Undone;
            match rollout.plan.rows[row].step.as_str() {
                "stop" | "drain" if is_there => is_up = false,
                "start" if report.state == RowState::Done => is_up = true,
                _ => {}
            }
        }
        is_up
    }

    /// Who keepalived lets hold the VIP.
    fn wanted(&self, vip: usize) -> usize {
        let priority = |n: usize| {
            let band = intents(&self.state(n, self.sight(n, vip), NOW), NOW).band;
            // The plans here have no fast hand-off: its instant ends by itself, and then these states are left.
            let weight = site().levels[n].shown(band);
            let check = if self.serves(n) { 0 } else { CHECK_WEIGHT };
            BASES[n] + weight + check
        };
        usize::from(priority(1) > priority(0))
    }
}
