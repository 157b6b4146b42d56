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

mod form;
mod pair;
mod well;

use hau::core::{Kind, RolloutResult};
use pair::Pair;
use site::KINDS;
use std::collections::{BTreeMap, BTreeSet};
use well::{Way, Well};

/// Far above what there are: a rule that makes them endless is seen.
const STATES_MAX: usize = 4_000_000;

/// Every state that can be reached, each held to having a way out.
fn explore(kind: Kind) -> BTreeMap<String, usize> {
    let mut well = Well::default();
    let mut tally = BTreeMap::new();
    let (mut known, mut open) = (BTreeSet::new(), Vec::new());
    for start in Pair::starts(kind) {
        known.insert((start.left, start.key()));
        open.push(start);
    }
    while let Some(pair) = open.pop() {
        for vip in 0..2 {
            let way = well.way_out(&pair, vip);
            assert!(
                !matches!(way, Way::None),
                "with the VIP on {vip} this waits for ever:\n{}",
                pair.told()
            );
            *tally.entry(format!("{way:?}")).or_default() += 1;
        }
        for next in pair.after() {
            if known.insert((next.left, next.key())) {
                open.push(next);
            }
        }
        assert!(known.len() < STATES_MAX, "the states have no end");
    }
    println!("{kind:?}: {} states", known.len());
    tally
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
    let tally = explore(kind);
    println!("{kind:?}: {tally:?}");
    let ended = |result| tally.get(&format!("{:?}", Way::Ends(result))).copied();
    // The test sees what it is to see.
    assert!(ended(RolloutResult::Succeeded).is_some_and(|n| n > 100));
    assert!(ended(RolloutResult::Failed).is_some_and(|n| n > 100));
    assert!(tally.keys().any(|way| way.starts_with("Ordered")));
}
