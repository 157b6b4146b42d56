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
mod alone_form;
mod form;
mod pair;
mod well;

use hau::core::{Kind, RolloutResult};
use pair::{Mutant, Pair};
use site::KINDS;
use std::collections::{BTreeMap, VecDeque, btree_map::Entry};
use std::fmt::Write;
use well::{Way, Well};

/// Far above what there are: a rule that makes them endless is seen.
const STATES_MAX: usize = 4_000_000;

/// Names a state, with what may still go wrong on the way from it.
type Key = (u8, Vec<u8>);

/// Every state that can be reached, each held to having a way out.
///
/// # Errors
/// How to get to one that has none.
fn explore(starts: &[Pair]) -> Result<BTreeMap<String, usize>, String> {
    let mut well = Well::default();
    let mut tally = BTreeMap::new();
    // From where each was reached first: the nearest come first, so a path is a short one.
    let mut known: BTreeMap<Key, Option<Key>> = BTreeMap::new();
    let mut open: VecDeque<Pair> = starts.iter().cloned().collect();
    known.extend(starts.iter().map(|start| (key(start), None)));
    while let Some(pair) = open.pop_front() {
        for vip in 0..2 {
            let way = well.way_out(&pair, vip);
            if way == Way::None {
                let path = path(starts, &known, &pair);
                let end = pair.comes_to(vip);
                return Err(format!(
                    "with the VIP on {vip} the last of these waits for ever:\n{path}\nat\n{end}"
                ));
            }
            *tally.entry(format!("{way:?}")).or_default() += 1;
        }
        for next in pair.after() {
            if let Entry::Vacant(unknown) = known.entry(key(&next)) {
                unknown.insert(Some(key(&pair)));
                open.push_back(next);
            }
        }
        assert!(known.len() < STATES_MAX, "the states have no end");
    }
    println!("{} states, {tally:?}", known.len());
    Ok(tally)
}

fn key(pair: &Pair) -> Key {
    (pair.left, pair.key())
}

/// The states on the way to this one, told one after the other.
fn path(starts: &[Pair], known: &BTreeMap<Key, Option<Key>>, to: &Pair) -> String {
    let mut keys = vec![key(to)];
    while let Some(Some(before)) = keys.last().and_then(|last| known.get(last)) {
        keys.push(before.clone());
    }
    let mut keys = keys.into_iter().rev();
    let first = keys.next();
    let mut pair = starts.iter().find(|pair| Some(key(pair)) == first).cloned();
    let mut text = String::new();
    for number in 1.. {
        let Some(state) = pair else { break };
        let _ = writeln!(text, "{number}.\n{}", state.told());
        pair = keys.next().and_then(|wanted| {
            let mut all = state.after().into_iter();
            all.find(|next| key(next) == wanted)
        });
    }
    text
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
    let tally = explore(&Pair::starts(kind)).unwrap_or_else(|stuck| panic!("{kind:?}, {stuck}"));
    let ended = |result| tally.get(&format!("{:?}", Way::Ends(result))).copied();
    // The test sees what it is to see.
    assert!(ended(RolloutResult::Succeeded).is_some_and(|n| n > 100));
    assert!(ended(RolloutResult::Failed).is_some_and(|n| n > 100));
    assert!(tally.keys().any(|way| way.starts_with("Ordered")));
}

/// A failover and a rejoin that people ask for, idle and beside a switch: whatever dies or is cut off meanwhile, in the
/// end one database follows the other, or an alarm says what to type and that leads there.
#[test]
fn no_pair_with_databases_waits_for_ever() {
    let asked = databases_have_ways_out(false);
    assert!(asked > 100, "{asked} times");
}

/// The same where nobody has to ask.
#[test]
fn no_pair_that_helps_itself_waits_for_ever() {
    databases_have_ways_out(true);
}

/// How often a person had to be asked for it.
fn databases_have_ways_out(is_auto: bool) -> usize {
    let tally = explore(&Pair::starts_alone(is_auto)).unwrap_or_else(|stuck| panic!("{stuck}"));
    let of = |way: Way| tally.get(&format!("{way:?}")).copied().unwrap_or(0);
    assert!(of(Way::Whole) > 100);
    of(Way::Asked)
}

/// The same for a former primary that is never let start.
#[test]
fn a_database_that_is_never_released_waits_for_ever() {
    let mut starts = Pair::starts_alone(false);
    for start in &mut starts {
        start.mutant = Some(Mutant::NeverReleased);
    }
    let stuck = explore(&starts).expect_err("held for ever");
    let rests = stuck
        .split_once("\nat\n")
        .expect("where it comes to rest")
        .1;
    assert!(rests.contains("up false, primary true"), "{stuck}");
    assert!(rests.contains("may start false"), "{stuck}");
}

/// The walk sees what it is to see: with a rule left out it comes to a state that waits for ever, and says how.
#[test]
fn a_pair_without_a_rule_gets_stuck() {
    for kind in KINDS {
        let mut starts = Pair::starts(kind);
        for start in &mut starts {
            start.mutant = Some(Mutant::KeepsOrders);
        }
        let stuck = explore(&starts).expect_err("a node that knows of no order waits for ever");
        let steps: Vec<&str> = stuck.split("\n1.\n").collect();
        assert_eq!(steps.len(), 2, "it begins at the beginning: {stuck}");
        assert!(steps[1].contains("\n2.\n"), "{stuck}");
        // An order was given at the end of the way and not at its begin.
        let (first, rest) = steps[1].split_once("\n2.\n").expect("two states");
        let ordered = |told: &str| {
            ["Retry", "Confirm", "Abort"]
                .iter()
                .any(|o| told.contains(o))
        };
        assert!(!ordered(first) && ordered(rest), "{stuck}");
    }
}
