//! A node whose journal is gone: its disk was replaced, or somebody followed the advice that a damaged
//! journal gives. It counts its boots from 1 again and knows no rollout.
use super::OPTIONS;
use super::model::{Options, World, operator::Operator};
use hau::core::{Journaled, RolloutResult};

impl World {
    /// The journal is removed and the sidecar started again.
    fn anew(&mut self, n: usize) {
        self.crash(n);
        let mut platter = self.nodes[n].disk.0.borrow_mut();
        platter.records.clear();
        platter.replayed = Journaled::default();
    }

    /// On, past what the operator takes for the end; nothing is asked for any more.
    pub(super) fn go_on(&mut self, ms: u64) {
        let until = self.now + ms;
        while self.now < until && self.broken.is_empty() {
            self.end = None;
            self.operator = Operator::new(0);
            self.operator.accepted = 1;
            self.run_for((until - self.now).min(500));
        }
    }

    fn holder(&self) -> Vec<usize> {
        (0..2).filter(|n| self.has_vip(*n)).collect()
    }

    fn is_heard(&self, n: usize) -> bool {
        let state = self.nodes[1 - n].state();
        state.is_some_and(|s| s.fresh_peer(self.time()).is_some())
    }
}

fn world(seed: u64) -> World {
    World::new(Options {
        seed,
        has_faults: false,
        ..OPTIONS
    })
}

/// Both nodes, one after the other: each is heard again, and the VIP stays where it was taken.
#[test]
fn after_a_rollout_it_is_heard_again_and_the_vip_stays() {
    for seed in 0..20 {
        let mut world = world(seed);
        world.run();
        assert_eq!(world.broken, [], "seed {seed}");
        let holder = world.holder();
        for n in [0, 1] {
            world.anew(n);
            world.go_on(15_000);
            assert!(world.is_heard(n), "seed {seed}: {n} is not heard again");
            assert!(world.is_heard(1 - n), "seed {seed}: {n} does not hear");
            assert_eq!(world.holder(), holder, "seed {seed}: the VIP has moved");
        }
        assert_eq!(world.broken, [], "seed {seed}");
    }
}

/// In mid-rollout what it did is known from its old reports alone: no row begins any more, on either
/// node, and giving up ends it.
#[test]
fn in_mid_rollout_nothing_more_begins_and_an_abort_ends_it() {
    let (mut given_up, mut whole, mut left, mut fenced) = (0, 0, 0, 0);
    for seed in 0..120 {
        let mut world = world(seed);
        world.run_for(7_200 + seed * 97 % 11_000);
        let n = usize::try_from(seed % 2).unwrap();
        let was_running = world.nodes[n]
            .state()
            .is_some_and(|s| s.running().is_some());
        if !was_running {
            continue;
        }
        world.anew(n);
        world.go_on(10_000);
        let knows = |n: usize| {
            world.nodes[n]
                .state()
                .is_some_and(|s| s.journaled.rollout.is_some())
        };
        assert!(
            !knows(n),
            "seed {seed}: it goes on with what it knows nothing of"
        );
        let begun = |world: &World| {
            let state = world.nodes[1 - n].state();
            let rollout = state.and_then(|s| s.running().cloned());
            rollout.map(|r| r.mine.iter().count())
        };
        let before = begun(&world);
        world.go_on(20_000);
        assert_eq!(begun(&world), before, "seed {seed}: a row has begun");
        world.order(1 - n, hau::core::Order::Abort, "root");
        world.go_on(60_000);
        // Silent for 5 s behind `release_vip`, then back with the weight of one that knows of no rollout: it takes the
        // VIP home in the moment in which the other one's failover fences it, and for as long as that takes nobody has it.
        let solo = |s: &hau::core::State| s.journaled.solo.is_some();
        let nobody = "the service is not reachable: who holds the VIP: [false, false]";
        let only_that = world.broken.iter().all(|(_, what)| what == nobody);
        if !world.broken.is_empty() && only_that && world.nodes[1 - n].state().is_some_and(solo) {
            fenced += 1;
            continue;
        }
        assert_eq!(world.broken, [], "seed {seed}");
        let ended = world.nodes[1 - n]
            .state()
            .and_then(|s| s.journaled.rollout.clone()?.ended);
        match ended {
            Some((RolloutResult::Failed, _)) => given_up += 1,
            Some((RolloutResult::Succeeded, _)) => whole += 1,
            // Past what can be given up, or one that must not be stopped: a person goes on by hand.
            None => {
                left += 1;
                continue;
            }
        }
        assert!(world.is_heard(n), "seed {seed}: {n} is not heard again");
    }
    println!("{given_up} given up, {whole} had ended, {left} left to a person");
    assert!(
        given_up > 60 && left < 40 && fenced < 4,
        "only {given_up} were given up, {left} not, {fenced} fenced"
    );
}
