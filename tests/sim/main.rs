//! Whole rollouts of a pair by the thousand, in virtual time, with everything going wrong that can.
//! A failure names its seed: `HAU_SIM_SEED=n cargo test --test sim -- --nocapture one_seed`.
mod anew;
mod back;
mod broken;
mod lacking;
mod model;

use hau::core::RolloutResult;
use model::{Broken, End, Options, run};
use std::collections::BTreeMap;

const OPTIONS: Options = Options {
    seed: 0,
    has_faults: true,
    goes_back: false,
    takes_back: false,
    fast: false,
    mutant: None,
    is_logged: false,
};

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Runs a seed; what fails is run again with a log and told.
fn told(options: Options) -> Result<End, String> {
    let end = std::panic::catch_unwind(|| run(options));
    let text = |broken: &Broken| format!("promise {}: {}", broken.promise, broken.how);
    match end {
        Ok(Ok(end)) => Ok(end),
        Ok(Err(broken)) => {
            let again = run(Options {
                is_logged: true,
                ..options
            });
            let log = again.err().map_or_else(Vec::new, |b| b.log).join("\n");
            Err(format!(
                "seed {} broke {}\n{log}",
                options.seed,
                text(&broken)
            ))
        }
        Err(panic) => {
            let what = panic.downcast_ref::<String>().cloned();
            let what = what.or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()));
            Err(format!(
                "seed {} panicked: {}",
                options.seed,
                what.unwrap_or_default()
            ))
        }
    }
}

#[test]
fn without_faults_every_upgrade_succeeds() {
    for seed in 0..12 {
        let end = told(Options {
            seed,
            has_faults: false,
            ..OPTIONS
        })
        .unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(end, End::Ended(RolloutResult::Succeeded), "seed {seed}");
    }
}

#[test]
fn without_faults_every_rollback_succeeds() {
    for seed in 0..12 {
        let end = told(Options {
            seed,
            has_faults: false,
            goes_back: true,
            ..OPTIONS
        })
        .unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(end, End::WentBack(RolloutResult::Succeeded), "seed {seed}");
    }
}

#[test]
fn with_faults_every_promise_holds() {
    let default = if cfg!(debug_assertions) {
        1_500
    } else {
        20_000
    };
    let (seeds, from) = (
        number("HAU_SIM_SEEDS").unwrap_or(default),
        number("HAU_SIM_FROM").unwrap_or(0),
    );
    let most = usize::try_from(number("HAU_SIM_SHOW").unwrap_or(3)).unwrap_or(3);
    let began = std::time::Instant::now();
    let cores = std::thread::available_parallelism().map_or(2, usize::from) as u64;
    let part = |thread: u64| {
        let mut tally: BTreeMap<String, u32> = BTreeMap::new();
        let mut failures = Vec::new();
        for seed in (from..from + seeds).filter(|seed| seed % cores == thread) {
            match told(Options { seed, ..OPTIONS }) {
                Ok(end) => *tally.entry(format!("{end:?}")).or_default() += 1,
                Err(text) => failures.push(text),
            }
            if failures.len() >= most {
                break;
            }
        }
        (tally, failures)
    };
    let parts: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..cores).map(|n| scope.spawn(move || part(n))).collect();
        let threads = threads.into_iter();
        threads
            .map(|thread| thread.join().expect("the thread ends"))
            .collect()
    });
    let mut tally: BTreeMap<String, u32> = BTreeMap::new();
    for (name, count) in parts.iter().flat_map(|(tally, _)| tally) {
        *tally.entry(name.clone()).or_default() += count;
    }
    println!(
        "{seeds} rollouts from seed {from} in {:.1?}: {tally:?}",
        began.elapsed()
    );
    let failures: Vec<&String> = parts.iter().flat_map(|(_, failures)| failures).collect();
    for failure in failures.iter().skip(1) {
        println!("{}", failure.lines().next().unwrap_or_default());
    }
    assert!(failures.is_empty(), "{}", failures[0]);
}

/// Promise 4: whatever weights two dead sidecars leave behind, keepalived alone still fails over.
#[test]
fn with_both_sidecars_dead_the_vip_still_finds_a_node_that_serves() {
    let mut failed_over = 0;
    for seed in 0..300 {
        let mut world = model::World::new(Options {
            seed,
            has_faults: false,
            ..OPTIONS
        });
        world.run_for(7_000 + seed * 50);
        world.kill_sidecars();
        world.run_for(8_000);
        let holders: Vec<usize> = (0..2).filter(|n| world.has_vip(*n)).collect();
        assert_eq!(holders.len(), 1, "seed {seed}: the VIP is on {holders:?}");
        let other = 1 - holders[0];
        world.power_off(holders[0]);
        world.run_for(8_000);
        if world.serves(other) {
            assert!(
                world.has_vip(other),
                "seed {seed}: {other} serves and nobody holds the VIP"
            );
            failed_over += 1;
        }
        assert_eq!(world.broken, [], "seed {seed}");
    }
    assert!(
        failed_over > 200,
        "only {failed_over} times the other node served"
    );
}

#[test]
fn one_seed() {
    let Some(seed) = number("HAU_SIM_SEED") else {
        return;
    };
    let has_faults = number("HAU_SIM_CALM").is_none();
    let mut world = model::World::new(Options {
        seed,
        has_faults,
        is_logged: true,
        ..OPTIONS
    });
    world.run();
    println!("{}", world.log.join("\n"));
    println!("seed {seed}: {:?} {:?}", world.end, world.broken);
}
