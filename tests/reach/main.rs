//! Nobody waits for ever: every state that two cores can get themselves into has a way out. With both nodes
//! alive and well it goes on by itself, or a wait ends by time, or it says what stands still, and an order
//! that a person can give leads to the end.
//!
//! The states are made by `decide`, the ways out by `decide` and `intents`: there is no copy of a rule here.
#[path = "../sim/model/site.rs"]
#[allow(
    dead_code,
    reason = "the simulator uses more of the pair than this does"
)]
mod site;

mod alone;
mod form;
mod pair;
mod well;

use hau::core::{Kind, RolloutResult};
use pair::{Mutant, Pair};
use site::KINDS;
use std::collections::{BTreeMap, BTreeSet};
use well::{Way, Well};

/// Far above what there are: a rule that makes them endless is seen.
const STATES_MAX: usize = 4_000_000;

/// Every state that can be reached, each held to having a way out.
///
/// # Errors
/// The first one that has none.
fn explore(name: &str, starts: Vec<Pair>) -> Result<BTreeMap<String, usize>, String> {
    let mut well = Well::default();
    let mut tally = BTreeMap::new();
    let (mut known, mut open) = (BTreeSet::new(), Vec::new());
    for start in starts {
        known.insert((start.left, start.key()));
        open.push(start);
    }
    while let Some(pair) = open.pop() {
        for vip in 0..2 {
            let way = well.way_out(&pair, vip);
            if way == Way::None {
                let told = pair.told();
                return Err(format!(
                    "with the VIP on {vip} this waits for ever:\n{told}"
                ));
            }
            *tally.entry(format!("{way:?}")).or_default() += 1;
        }
        for next in pair.after() {
            if known.insert((next.left, next.key())) {
                open.push(next);
            }
        }
        assert!(known.len() < STATES_MAX, "the states have no end");
    }
    println!("{name}: {} states, {tally:?}", known.len());
    Ok(tally)
}

fn must_end(name: &str, starts: Vec<Pair>) -> BTreeMap<String, usize> {
    explore(name, starts).unwrap_or_else(|told| panic!("{told}"))
}

#[test]
fn no_rollout_waits_for_ever() {
    std::thread::scope(|scope| {
        for kind in KINDS {
            scope.spawn(move || has_ways_out(kind));
        }
    });
}

fn has_ways_out(kind: Kind) {
    let tally = must_end(&format!("{kind:?}"), Pair::starts(kind));
    let ended = |result| tally.get(&format!("{:?}", Way::Ends(result))).copied();
    // The test sees what it is to see.
    assert!(ended(RolloutResult::Succeeded).is_some_and(|n| n > 100));
    assert!(ended(RolloutResult::Failed).is_some_and(|n| n > 100));
    assert!(tally.keys().any(|way| way.starts_with("Ordered")));
}

/// A failover and a rejoin, by themselves and by a person: whatever dies or is cut off meanwhile, in the end one
/// database follows the other, or an alarm says what to type and that leads there.
#[test]
fn no_pair_is_left_without_a_primary_that_the_other_follows() {
    for is_auto in [false, true] {
        let name = if is_auto {
            "alone, auto"
        } else {
            "alone, manual"
        };
        let tally = must_end(name, Pair::starts_alone(is_auto));
        let of = |way: Way| tally.get(&format!("{way:?}")).copied();
        assert!(of(Way::Whole).is_some_and(|n| n > 100));
        assert!(of(Way::Asked).is_some_and(|n| n > 100));
    }
}

/// The walk sees what it is to see: with a rule left out it comes to a state that waits for ever.
#[test]
fn a_pair_without_a_rule_gets_stuck() {
    let without = |mutant, starts: Vec<Pair>| {
        let with = |pair| Pair {
            mutant: Some(mutant),
            ..pair
        };
        explore("a mutant", starts.into_iter().map(with).collect()).is_err()
    };
    assert!(without(Mutant::KeepsOrders, Pair::starts(Kind::Switch)));
    assert!(without(Mutant::NeverReleased, Pair::starts_alone(true)));
    assert!(without(Mutant::NeverReleased, Pair::starts_alone(false)));
}
