//! Each promise is broken on purpose once, and must be seen to be.
use super::OPTIONS;
use super::model::mutants::Mutant;
use super::model::{Options, broken};
use std::ops::Range;

/// The first seed under which this mutant breaks this promise.
fn caught(promise: u8, mutant: Mutant, has_faults: bool, seeds: Range<u64>) {
    let found = seeds.clone().find(|seed| {
        let options = Options {
            seed: *seed,
            has_faults,
            mutant: Some(mutant),
            ..OPTIONS
        };
        broken(options).iter().any(|(number, _)| *number == promise)
    });
    match found {
        Some(seed) => println!("promise {promise}: {mutant:?} is caught at seed {seed}"),
        None => panic!("promise {promise}: {mutant:?} is not caught in seeds {seeds:?}"),
    }
}

#[test]
fn promise_1_both_nodes_upgraded_side_by_side() {
    caught(1, Mutant::SideBySide, false, 0..20);
}

#[test]
fn promise_2_no_row_is_disruptive() {
    caught(2, Mutant::NotDisruptive, true, 0..2_000);
}

#[test]
fn promise_3_vip_sent_to_a_peer_not_heard_of() {
    caught(3, Mutant::BlindDraining, true, 0..2_000);
}

#[test]
fn promise_4_draining_is_a_fault() {
    caught(4, Mutant::FaultWeight, false, 0..4);
}

#[test]
fn promise_5_a_journal_that_lies() {
    caught(5, Mutant::LyingDisk, false, 0..4);
}

#[test]
fn promise_6_nobody_pauses_the_sync() {
    caught(6, Mutant::NoPause, false, 0..4);
}

#[test]
fn promise_7_nobody_makes_a_backup() {
    caught(7, Mutant::NoBackup, false, 0..4);
}

#[test]
fn promise_8_any_bundle_is_held_to_be_signed() {
    caught(8, Mutant::TrustsAnyone, false, 0..4);
}

#[test]
fn promise_9_a_failure_goes_back_by_itself() {
    caught(9, Mutant::GoesBack, true, 0..200);
}

#[test]
fn promise_10_each_node_has_its_own_plan() {
    caught(10, Mutant::TwoPlans, false, 0..20);
}

#[test]
fn promise_11_the_last_hello_is_always_fresh() {
    caught(11, Mutant::ForgedHello, true, 0..4_000);
}

#[test]
fn promise_11_what_is_taken_for_a_fence_is_none() {
    caught(11, Mutant::NoFence, true, 0..4_000);
}

#[test]
fn promise_11_a_former_primary_starts_at_once() {
    caught(11, Mutant::NoHold, true, 0..4_000);
}

#[test]
fn promise_12_nothing_is_done_without_the_peer() {
    caught(12, Mutant::Helpless, true, 0..2_000);
}

#[test]
fn promise_2_a_vrrp_state_counts_at_once() {
    caught(2, Mutant::Settle, true, 36_000..44_000);
}

#[test]
fn promise_9_a_handoff_stays_in_force() {
    caught(9, Mutant::Lingers, false, 0..4);
}

#[test]
fn promise_11_packets_go_on_to_a_node_that_is_gone() {
    caught(11, Mutant::ForwardsBlindly, true, 0..2_000);
}
