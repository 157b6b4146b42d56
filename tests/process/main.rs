//! Two real daemons, each in namespaces of its own with a real keepalived and a stand-in for systemd, driven by the real
//! `hau-ctl` and killed at every row of the plan. Their state is on disks that lose what was not synced when their power is cut.
//!
//! Needs root, `ip`, `unshare`, `nsenter`, overlayfs, `/dev/fuse`, `dbus-daemon` and keepalived 2.2.7 or later; without one of them it
//! fails. `cargo test --test process -- NAME` runs the scenarios whose names contain NAME, after the pairing they all need.

#![allow(
    clippy::unwrap_used,
    reason = "a test program without the harness: a panic is the report"
)]

mod audit;
mod course;
mod cuts;
mod disk;
mod facts;
mod fire;
mod keeper;
mod mount;
mod net;
mod node;
mod pair;
mod product;
mod story;
mod trust;
mod watch;

use pair::Pair;
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    process::ExitCode,
    time::Instant,
};

type Scenario = fn(&mut Pair);

/// In this order, on one pair: each leaves it fit for the next.
const SCENARIOS: &[(&str, Scenario)] = &[
    ("strangers_are_refused", story::strangers_are_refused),
    ("pairs_by_code", story::pairs_by_code),
    ("upgrades_both_nodes", story::upgrades_both_nodes),
    ("hau_ctl_may_go_away", story::hau_ctl_may_go_away),
    (
        "a_delta_is_as_good_as_its_bundle",
        story::a_delta_is_as_good_as_its_bundle,
    ),
    ("stages_what_a_node_lacks", story::stages_what_a_node_lacks),
    (
        "a_tampered_bundle_is_refused",
        story::a_tampered_bundle_is_refused,
    ),
    (
        "without_the_peer_nothing_begins",
        story::without_the_peer_nothing_begins,
    ),
    ("of_two_upgrades_one_wins", story::of_two_upgrades_one_wins),
    (
        "a_bundle_brings_its_key_set",
        trust::a_bundle_brings_its_key_set,
    ),
    (
        "audit_has_what_is_asked",
        audit::what_is_asked_is_in_the_trail,
    ),
    (
        "audit_shows_a_rewritten_trail",
        audit::a_rewritten_trail_is_found,
    ),
    (
        "audit_that_is_damaged_stops_what_is_asked_for",
        audit::a_damaged_trail_stops_what_is_asked_for,
    ),
    ("a_broken_version_halts", story::a_broken_version_halts),
    (
        "an_edited_keepalived_conf_counts_from_its_reload",
        story::an_edited_keepalived_conf_counts_from_its_reload,
    ),
    (
        "a_stuck_bus_hides_no_move_of_the_vip",
        story::a_stuck_bus_hides_no_move_of_the_vip,
    ),
    (
        "contradicting_facts_are_told",
        story::contradicting_facts_are_told,
    ),
    (
        "a_node_whose_journal_is_gone_is_heard_again",
        story::a_node_whose_journal_is_gone_is_heard_again,
    ),
    (
        "owners_are_killed_when_a_row_begins",
        fire::owners_when_rows_begin,
    ),
    (
        "owners_are_killed_when_a_row_is_done",
        fire::owners_when_rows_are_done,
    ),
    (
        "peers_are_killed_when_a_row_begins",
        fire::peers_when_rows_begin,
    ),
    ("both_are_killed_at_once", fire::both_at_once),
    (
        "the_disk_loses_what_was_not_synced",
        cuts::the_disk_loses_what_was_not_synced,
    ),
    (
        "a_cut_disk_keeps_what_was_told",
        cuts::a_cut_disk_keeps_what_was_told,
    ),
    (
        "a_disk_that_did_not_sync_is_caught",
        cuts::a_disk_that_did_not_sync_is_caught,
    ),
];

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, role, rest @ ..] = args.as_slice()
        && flag == "--role"
    {
        return play(role, rest);
    }
    if args.iter().any(|a| a == "--list") {
        for (name, _) in SCENARIOS {
            println!("{name}: test");
        }
        return ExitCode::SUCCESS;
    }
    let filters: Vec<&String> = args.iter().filter(|a| !a.starts_with('-')).collect();
    let wanted =
        |name: &str| filters.is_empty() || filters.iter().any(|f| name.contains(f.as_str()));
    if !SCENARIOS.iter().any(|(name, _)| wanted(name)) {
        return ExitCode::SUCCESS;
    }
    let begun = Instant::now();
    let mut pair = Pair::new();
    for (name, scenario) in SCENARIOS {
        if !wanted(name) && *name != "pairs_by_code" {
            continue;
        }
        let at = Instant::now();
        println!("process {name} ...");
        if catch_unwind(AssertUnwindSafe(|| scenario(&mut pair))).is_err() {
            pair.show_logs();
            println!(
                "process {name} FAILED after {:.1} s",
                at.elapsed().as_secs_f32()
            );
            return ExitCode::FAILURE;
        }
        println!("process {name} ok, {:.1} s", at.elapsed().as_secs_f32());
    }
    println!(
        "process: {} in {:.0} s",
        pair.figures(),
        begun.elapsed().as_secs_f32()
    );
    ExitCode::SUCCESS
}

/// This program again, as one of the things that a host has.
fn play(role: &str, args: &[String]) -> ExitCode {
    match role {
        "keeper" => keeper::main(args),
        "service" => product::serve(args),
        "looker" => watch::tell_holding(),
        "sampler" => watch::sample(args),
        "stranger" => story::stranger(args),
        other => panic!("there is no role {other}"),
    }
    ExitCode::SUCCESS
}
