//! The way back, case by case, where nothing goes wrong but what the case is about.
use super::OPTIONS;
use super::model::site::{FROM, SERVICES, TO};
use super::model::{End, Options, World};
use hau::core::{Reply, RolloutResult};
use hau::host::fake::OnStart;

fn world(seed: u64, takes_back: bool) -> World {
    World::new(Options {
        seed,
        has_faults: false,
        takes_back,
        ..OPTIONS
    })
}

impl World {
    /// Whatever is started last dies, or does not any more.
    fn let_starts_fail(&self, fail: bool) {
        for host in &self.pair.hosts {
            let on_start = if fail { OnStart::Dies } else { OnStart::Runs };
            host.edit(|w| w.units.get_mut(SERVICES[1]).expect("a unit").on_start = on_start);
        }
    }
}

/// `rollback.policy = "auto"`: nobody is asked, and both nodes are as before.
#[test]
fn what_fails_is_taken_back_without_a_word_where_the_policy_says_so() {
    for seed in 0..12 {
        let mut world = world(seed, true);
        world.let_starts_fail(true);
        let goes_back = |world: &World, n: usize| {
            let rollout = world.nodes[n].state().and_then(|s| s.running());
            rollout.is_some_and(|r| r.mandate.by.user == "hau")
        };
        while !goes_back(&world, 0) && !goes_back(&world, 1) && world.end.is_none() {
            world.run_for(10);
        }
        world.let_starts_fail(false);
        world.run();
        assert_eq!(world.broken, [], "seed {seed}");
        assert_eq!(
            world.end,
            Some(End::Ended(RolloutResult::Failed)),
            "seed {seed}"
        );
        for n in 0..2 {
            assert_eq!(world.version(n).as_deref(), Some(FROM), "seed {seed}");
            assert!(world.serves(n), "seed {seed}");
        }
    }
}

impl World {
    /// As `hau-ctl` would: asks until it is taken, then to its end.
    fn until_back(&mut self, ask: impl Fn(&mut Self) -> Option<Reply>) {
        let mut taken = false;
        for _ in 0..200 {
            self.go_on(500);
            taken |= matches!(ask(self), Some(Reply::Accepted { .. }));
            if taken {
                break;
            }
        }
        assert!(taken, "it is never taken");
        let running = |world: &Self, n: usize| {
            let state = world.nodes[n].state();
            state.is_some_and(|s| s.running().is_some())
        };
        for _ in 0..600 {
            self.go_on(500);
            if self.broken.is_empty() && !running(self, 0) && !running(self, 1) {
                return;
            }
        }
    }

    fn versions(&self) -> [Option<String>; 2] {
        [0, 1].map(|n| self.version(n))
    }

    fn remembers(&self, n: usize, version: &str) -> bool {
        let state = self.nodes[n].state();
        state.is_some_and(|s| s.journaled.known_bad.contains(version))
    }
}

/// One node is dead: the other goes back alone and serves. The dead one comes back, learns of it, and
/// is taken back like any node.
#[test]
fn a_node_whose_peer_is_dead_goes_back_alone_and_the_other_follows() {
    let old = || Some(FROM.to_owned());
    let new = || Some(TO.to_owned());
    for seed in 0..12 {
        let mut world = world(seed, false);
        world.run();
        assert_eq!(world.end, Some(End::Ended(RolloutResult::Succeeded)));
        let dead = usize::try_from(seed % 2).expect("small");
        let alone = 1 - dead;
        world.options.has_faults = true;
        assert_eq!(world.go_back_alone(alone), None, "the other one is heard");
        world.power_off(dead);
        world.until_back(|world| world.go_back_alone(alone));
        assert_eq!(world.broken, [], "seed {seed}");
        assert_eq!(world.version(alone), old(), "seed {seed}");
        assert!(world.serves(alone) && world.has_vip(alone), "seed {seed}");
        assert_eq!(world.version(dead), new(), "seed {seed}");

        world.power_on(dead);
        world.go_on(30_000);
        assert!(
            world.remembers(dead, TO),
            "seed {seed}: it has not learnt of it"
        );
        // Where the dead one had the primary it is a person's to promote or to move the VIP.
        if world.databases_serve(alone) {
            world.until_back(|world| world.go_back(alone));
            assert_eq!(world.versions(), [old(), old()], "seed {seed}");
        }
        assert_eq!(world.broken, [], "seed {seed}");
    }
}

impl World {
    fn databases_serve(&self, n: usize) -> bool {
        self.pair.databases[n].edit(|c| c.members[n].up && c.members[n].is_primary)
    }
}

/// A second rollback comes in the place of one that has halted, and goes on from there; and a rollback
/// may follow an upgrade that followed a rollback.
#[test]
fn a_rollback_is_done_twice_in_a_row() {
    for seed in 0..12 {
        let mut world = world(seed, false);
        world.run();
        assert_eq!(world.end, Some(End::Ended(RolloutResult::Succeeded)));
        let n = usize::try_from(seed % 2).expect("small");
        world.options.has_faults = true;
        world.let_starts_fail(true);
        world.go_on(500);
        assert!(matches!(world.go_back(n), Some(Reply::Accepted { .. })));
        for _ in 0..200 {
            world.go_on(500);
            let running = world.nodes[n].state().and_then(|s| s.running());
            if running.is_some_and(|r| r.is_at_rest()) {
                break;
            }
        }
        world.let_starts_fail(false);
        world.until_back(|world| world.go_back_anew(n));
        assert_eq!(world.broken, [], "seed {seed}");
        assert_eq!(
            world.versions(),
            [(); 2].map(|()| Some(FROM.to_owned())),
            "seed {seed}"
        );
    }
}
