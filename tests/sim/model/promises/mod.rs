//! The promises of SPEC §2, asserted on the world, never on what a node believes. What a node
//! cannot have known yet is allowed for by `BLIND`, and by nothing else.
//!
//! Here is when each is asked; what it asks stands in the room of its subject.
mod data;
mod end;
mod facts;
mod handed;
mod reach;

use super::faults::Fault;
use super::job::Slot;
use super::mutants::{self, Mutant};
use super::site::{SERVICES, SYNC, site};
use super::{Ev, World};
use hau::core::{Record, RolloutResult, RowState};
use hau::database::Replica;
use hau::host::{Active, Host};
use std::path::{Path, PathBuf};

/// Milliseconds: far longer than any rollout with its faults and the orders that follow.
const FOR_EVER: u64 = 24 * 3_600_000;

/// What the running service, or its user, can see of a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Visible {
    current: Option<PathBuf>,
    units: [Active; 2],
    schema: usize,
    is_serving: bool,
}

impl World {
    pub(crate) fn visible(&self, n: usize) -> Visible {
        let host = &self.pair.hosts[n];
        let units = host
            .edit(|w| SERVICES.map(|u| w.units.get(u).map(|u| u.state.active).unwrap_or_default()));
        Visible {
            current: host.link_target(Path::new("/opt/shop/current")),
            units,
            schema: self.pair.databases[n].edit(|c| c.schema.len()),
            is_serving: self.serves(n),
        }
    }

    /// Facts have become durable (or so the core was told).
    pub(crate) fn recorded(&mut self, n: usize, records: &[Record]) {
        for record in records {
            self.say(|| format!("{} records {}", Self::name(n), short(record)));
            if matches!(record, Record::SoloBegun { .. }) {
                self.fails_over(n);
                self.operator.not_yet();
            }
            if let Record::MandateTaken { mandate } = record {
                let fails = |record: &Record| {
                    matches!(record, Record::RowReported { report, .. }
                        if report.state == RowState::Failed && report.epoch + 1 == mandate.epoch)
                };
                let failed = records.iter().any(fails);
                self.promise_9_only_a_person_goes_back(n, mandate, failed);
            }
            // Another than when it was asked for, if this node has gone back alone meanwhile.
            if matches!(record, Record::PlanAdopted { .. }) {
                self.nodes[n].version_before = self.version(n);
            }
            if let Record::RowReported { row, report } = record
                && report.state == RowState::Started
                && report.attempt == 1
            {
                self.promise_11_lost_link_starts_no_row(n, *row);
            }
        }
        self.note_left(n);
        let Some(side) = &self.nodes[n].side else {
            return;
        };
        let platter = self.nodes[n].disk.0.borrow();
        // Where nothing goes wrong a sample is enough: this is the dearest of the questions.
        let sampled = self.options.has_faults || platter.records.len().is_multiple_of(16);
        let replays = !sampled || platter.replayed == side.machine.state().journaled;
        let long = platter.records.len() > 3_000;
        let plans = [0, 1].map(|n| {
            self.nodes[n]
                .disk
                .0
                .borrow()
                .replayed
                .rollout
                .as_ref()
                .map(|r| r.plan.clone())
        });
        let equal = match &plans {
            [Some(a), Some(b)] => a.id != b.id || a == b,
            _ => true,
        };
        drop(platter);
        if !replays && self.options.mutant != Some(Mutant::LyingDisk) {
            self.broke(5, || {
                "replaying the disk does not give the live state".to_owned()
            });
        }
        if !equal {
            self.broke(10, || {
                "the nodes hold different plans of one name".to_owned()
            });
        }
        if long {
            self.broke(0, || "the journal grows without progress".to_owned());
        }
    }

    /// Has this node's last rollout been given up past its barrier, or been replaced?
    pub(crate) fn note_left(&mut self, n: usize) {
        let platter = self.nodes[n].disk.0.borrow();
        let rollout = platter.replayed.rollout.as_ref();
        let given_up =
            |r: &&hau::core::Rollout| r.ended.is_some_and(|(end, _)| end == RolloutResult::Failed);
        let left = rollout
            .filter(given_up)
            .is_some_and(|r| r.barrier(&site().nodes[n]).is_some());
        // What a rollback takes the place of is not taken back row by row.
        let way_back = rollout.and_then(|r| r.plan.way_back.as_ref());
        let replaced = way_back.is_some_and(|w| w.replaces.is_some());
        drop(platter);
        self.nodes[n].is_left |= left || replaced;
    }

    /// A job makes its first call.
    pub(crate) fn begins(&mut self, n: usize, slot: &Slot) {
        self.say(|| {
            format!(
                "{} begins {} {:?}",
                Self::name(n),
                slot.def.name,
                slot.job.verb
            )
        });
        self.promise_5_begun_is_on_disk(n, slot);
        self.promise_10_one_rollout(n, slot);
    }

    /// A call into a step has returned.
    pub(crate) fn worked(&mut self, n: usize, slot: &Slot, before: &Visible) {
        self.service_makes_key(n);
        let after = self.visible(n);
        if before.is_serving && !after.is_serving {
            // Who goes back alone was asked for it, and nobody was heard who could serve; and a database
            // is exchanged when nobody uses it.
            if !slot.plan.is_alone() && slot.def.name != "exchange" {
                self.promise_1_one_node_serves(n);
                self.promise_2_not_on_the_vip(n);
            }
            self.ambush(n);
        }
        if *before != after {
            self.note_serving(n, true);
            self.promise_7_backup_first(n, slot);
        }
        if slot.def.name == "stage" {
            self.promise_8_nothing_unverified(n);
        }
        let syncs = self.pair.hosts[n]
            .unit(SYNC)
            .is_ok_and(|u| u.active == Active::Active);
        if syncs && slot.def.name == "push_config" && !slot.has_begun {
            let (after, boot) = (50 + self.dice.below(300), self.nodes[n].boots);
            self.at(after, Ev::SyncDone(n, boot));
        }
        self.promise_6_sync_is_paused();
        self.took_over(n, slot);
        self.no_two_primaries_and_no_lost_row();
    }

    /// A weight was written. `before` was the priority until then.
    pub(crate) fn weighed(&mut self, n: usize, before: i32, weight: i32) {
        self.promise_4_weights_within_bounds(n, weight);
        self.note_serving(0, false);
        self.note_serving(1, false);
        let (after, other) = (self.priority(n), 1 - n);
        let theirs = self.priority(other);
        if !self.is_alive(other) || !self.is_alive(n) {
            return;
        }
        let gives = self.has_vip(n)
            && self.serves(n)
            && !self.has_vip(other)
            && before > theirs
            && after < theirs;
        let takes = self.has_vip(other) && !self.has_vip(n) && before < theirs && after > theirs;
        if gives {
            self.promise_3_vip_to_a_healthy_node(other, true);
        }
        // Without its database it serves nothing, whatever its services say.
        let is_held = self.pair.databases[other].standing().held;
        if takes && self.serves(other) && !is_held {
            self.promise_3_vip_to_a_healthy_node(n, false);
        }
    }

    /// A fault of the world hit this node: what it does next takes its time from here.
    pub(crate) fn touched(&mut self, fault: Fault) {
        let touched = match fault {
            Fault::Cut | Fault::VrrpCut | Fault::VrrpMute(_) | Fault::Blackout => [true; 2],
            Fault::Split(_) | Fault::FetchFails | Fault::Tampered => [true; 2],
            Fault::Crash(n) | Fault::CrashInWrite(n) | Fault::CrashInStep(n) => [n == 0, n == 1],
            Fault::Power(n) | Fault::Mute(n) | Fault::Bounce(n) => [n == 0, n == 1],
            Fault::ServiceDies(n) | Fault::StartFails(n) | Fault::StartDies(n) => [n == 0, n == 1],
            Fault::StartHangs(n) | Fault::NeverListens(n) => [n == 0, n == 1],
            Fault::Unhealthy(n) | Fault::DumpFails(n) | Fault::Stuck(n) => [n == 0, n == 1],
            Fault::PromoteFails(n) | Fault::RejoinFails(n) => [n == 0, n == 1],
            Fault::JobHangs(n) | Fault::ClockJump(n) | Fault::Lie(n, _) => [n == 0, n == 1],
        };
        for n in (0..2).filter(|n| touched[*n]) {
            if self.nodes[n].alone_since.is_some() {
                self.nodes[n].alone_since = Some(self.now);
            }
            if self.nodes[n].heir_since.is_some() {
                self.nodes[n].heir_since = Some(self.now);
            }
        }
    }

    /// Once a second.
    pub(crate) fn audit(&mut self) {
        if self.now > 1_800_000_000_000 + FOR_EVER {
            self.broke(0, || "it never comes to an end".to_owned());
        }
        for n in 0..2 {
            self.note_serving(n, false);
            self.promise_4_fault_is_short(n);
            self.promise_12_survivor_serves(n);
            self.promise_12_heir_is_primary(n);
            let held = self.pair.databases[n].standing().held;
            let since = self.nodes[n].held_since.unwrap_or(self.now);
            self.nodes[n].held_since = held.then_some(since);
            if self.pair.databases[n].edit(|c| c.is_streaming(n)) {
                self.nodes[n].followed = self.now;
            }
            if self.has_vip(n) && self.serves(n) {
                self.pair.databases[n].edit(|c| c.write(n));
            }
        }
        self.handoff_within_bounds();
        self.promise_6_sync_is_paused();
        self.no_two_primaries_and_no_lost_row();
        mutants::tick(self);
    }
}

fn short(record: &Record) -> String {
    match record {
        Record::RowReported { row, report } => format!(
            "row {row} {:?} try {} {}",
            report.state, report.attempt, report.note
        ),
        Record::PeerReported { reports, .. } => format!(
            "peer {:?}",
            reports.iter().next_back().map(|(n, r)| (n, r.state))
        ),
        Record::PlanAdopted { plan, .. } => format!("plan {:?} first {}", plan.id, plan.first),
        Record::SoloReported { row, report } => {
            format!("own row {row} {:?} try {}", report.state, report.attempt)
        }
        Record::SoloBegun { plan, .. } => format!("begins {:?} {:?}", plan.kind, plan.by.reason),
        Record::Started { .. }
        | Record::HomeTold { .. }
        | Record::MandateTaken { .. }
        | Record::RolloutEnded { .. }
        | Record::SoloEnded { .. }
        | Record::NotPromoted
        | Record::TermShared { .. }
        | Record::PrimarySeen { .. } => format!("{record:?}"),
    }
}
