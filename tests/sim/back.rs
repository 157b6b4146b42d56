//! The way back, case by case, where nothing goes wrong but what the case is about.
use super::OPTIONS;
use super::model::site::{FROM, SERVICES};
use super::model::{End, Options, World};
use hau::core::RolloutResult;
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
        assert_eq!(world.end, Some(End::Ended(RolloutResult::Failed)), "seed {seed}");
        for n in 0..2 {
            assert_eq!(world.version(n).as_deref(), Some(FROM), "seed {seed}");
            assert!(world.serves(n), "seed {seed}");
        }
    }
}
