//! The promises of SPEC §2, asserted on the world, never on what a node believes. What a node
//! cannot have known yet is allowed for by `BLIND`, and by nothing else.
use super::faults::{Fault, Mutant};
use super::node::Slot;
use super::site::{self, JAR, SERVICES, SYNC, TIMER, site};
use super::{End, Ev, World};
use hau::backup;
use hau::core::{Direction, Mandate, Record, RolloutResult, RowState, Verb, VrrpState};
use hau::host::fake::{FakeUnit, OnStart};
use hau::host::{Active, Host};
use hau::sync;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A peer counts as present for 5 s after its last Hello; that may have been 2 s on its way and
/// have told of what was seen 200 ms earlier.
const BLIND: u64 = 7_300;
/// Promise 12: peer lost 5 s, VRRP takes over 4 s, settled 4 s, services ready up to 9 s, and a
/// few seconds for the ends of jobs under way.
const RESCUE: u64 = 35_000;

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
            if let Record::MandateTaken { mandate } = record {
                self.promise_9_only_a_person_goes_back(n, mandate);
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

    /// Has this node's last rollout been given up past its barrier?
    pub(crate) fn note_left(&mut self, n: usize) {
        let platter = self.nodes[n].disk.0.borrow();
        let rollout = platter.replayed.rollout.as_ref();
        let given_up =
            |r: &&hau::core::Rollout| r.ended.is_some_and(|(end, _)| end == RolloutResult::Failed);
        let left = rollout
            .filter(given_up)
            .is_some_and(|r| r.barrier(&site().nodes[n]).is_some());
        drop(platter);
        self.nodes[n].is_left |= left;
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
            self.promise_1_one_node_serves(n);
            self.promise_2_not_on_the_vip(n);
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
        self.no_two_primaries_and_no_lost_row();
    }

    fn promise_1_one_node_serves(&mut self, n: usize) {
        let other = 1 - n;
        if self.serves(other) {
            return;
        }
        let (by_hau, since) = (self.nodes[other].down_by_hau, self.nodes[other].down_since);
        let since = since.unwrap_or(self.now);
        if by_hau || self.now > since + BLIND {
            let ago = self.now - since;
            self.broke(1, || {
                format!(
                    "{} is taken down, {} is down for {ago} ms (by hau: {by_hau})",
                    Self::name(n),
                    Self::name(other)
                )
            });
        }
    }

    fn promise_2_not_on_the_vip(&mut self, n: usize) {
        if self.has_vip(n) {
            let ago = self.now - self.nodes[n].vip_since;
            self.broke(2, || {
                format!(
                    "{} holds the VIP for {ago} ms and its service is stopped",
                    Self::name(n)
                )
            });
        }
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
        if takes && self.serves(other) {
            self.promise_3_vip_to_a_healthy_node(n, false);
        }
    }

    fn promise_3_vip_to_a_healthy_node(&mut self, to: usize, is_given: bool) {
        let down = self.nodes[to]
            .down_since
            .map_or(0, |since| self.now - since);
        let unheard = self.nodes[1 - to]
            .last_heard
            .map_or(u64::MAX, |(_, sent)| self.now.saturating_sub(sent));
        if down > BLIND {
            self.broke(3, || {
                format!(
                    "the VIP is moved to {}, which is down for {down} ms",
                    Self::name(to)
                )
            });
        } else if is_given && unheard > BLIND {
            self.broke(3, || {
                format!(
                    "the VIP is moved to {}, unheard for {unheard} ms",
                    Self::name(to)
                )
            });
        }
    }

    fn promise_4_weights_within_bounds(&mut self, n: usize, weight: i32) {
        let sum = site::BASES[n] + weight;
        let fault = self.nodes[n].vrrp.state == VrrpState::Fault;
        if fault || !(2..=253).contains(&sum) || !(2..=253).contains(&(sum + site::CHECK_WEIGHT)) {
            self.broke(4, || {
                format!("{} shows {weight}: priority {sum}", Self::name(n))
            });
        }
    }

    fn promise_5_begun_is_on_disk(&mut self, n: usize, slot: &Slot) {
        let platter = self.nodes[n].disk.0.borrow();
        let key = &slot.job.key;
        let report = platter
            .replayed
            .rollout
            .as_ref()
            .and_then(|r| r.mine.get(&key.row));
        let open = match slot.job.verb {
            Verb::Do => RowState::Started,
            Verb::Undo => RowState::Undoing,
        };
        let good =
            report.is_some_and(|r| (r.state, r.epoch, r.attempt) == (open, key.epoch, key.attempt));
        drop(platter);
        // A job whose call was delayed may have been given up on by then.
        let current = self.nodes[n]
            .state()
            .and_then(|s| s.running())
            .and_then(|r| r.mine.get(&key.row));
        let is_old =
            current.is_none_or(|r| (r.state, r.epoch, r.attempt) != (open, key.epoch, key.attempt));
        if !good && !is_old {
            self.broke(5, || {
                format!(
                    "{} begins {} and its disk does not know",
                    Self::name(n),
                    slot.def.name
                )
            });
        }
    }

    /// While any row that changes something is open on either node, the sync stands still on both.
    pub(crate) fn promise_6_sync_is_paused(&mut self) {
        for n in 0..2 {
            let host = &self.pair.hosts[n];
            let active = |unit: &FakeUnit| unit.state.active == Active::Active;
            let runs = host.edit(|w| w.units.get(TIMER).is_some_and(active));
            if !(runs && self.nodes[n].is_powered) {
                continue;
            }
            if let Some((m, step)) = (0..2).find_map(|m| Some((m, self.open_row(m)?))) {
                self.broke(6, || {
                    format!(
                        "the sync of {} is active, {} has {step} open",
                        Self::name(n),
                        Self::name(m)
                    )
                });
            }
        }
    }

    /// A row between pause and resume that this node's disk says is begun, in an upgrade that is
    /// not finished: every such row done on the disk of its owner.
    fn open_row(&self, n: usize) -> Option<String> {
        let disks = [0, 1].map(|n| self.nodes[n].disk.0.borrow());
        let rollout = disks[n]
            .replayed
            .rollout
            .as_ref()
            .filter(|r| r.ended.is_none())?;
        let outside = ["precheck", "pause", "resume", "push", "finish"];
        let inside = |row: usize| !outside.contains(&&*rollout.plan.rows[row].phase_name);
        let finished = |m: usize| {
            let owner = usize::from(rollout.plan.rows[m].node == site().nodes[1]);
            let theirs = disks[owner].replayed.rollout.as_ref();
            let report = theirs.and_then(|r| r.mine.get(&m));
            report.is_some_and(|r| r.state == RowState::Done)
        };
        if (0..rollout.plan.rows.len())
            .filter(|m| inside(*m))
            .all(finished)
        {
            return None;
        }
        let begun =
            |(m, r): &(&usize, &hau::core::Report)| inside(**m) && r.state != RowState::Undone;
        let (m, _) = rollout.mine.iter().find(begun)?;
        Some(rollout.plan.rows[*m].step.clone())
    }

    fn promise_7_backup_first(&mut self, n: usize, slot: &Slot) {
        let dir = site()
            .settings
            .backup
            .dir
            .join(backup::name(slot.plan.made_at));
        let needed = slot.plan.kind == hau::core::Kind::Upgrade;
        if needed && backup::verify(&*self.pair.hosts[n], &dir).is_err() {
            self.broke(7, || {
                format!(
                    "{} on {} and no backup of this rollout",
                    slot.def.name,
                    Self::name(n)
                )
            });
        }
    }

    fn promise_8_nothing_unverified(&mut self, n: usize) {
        let jar = self.pair.hosts[n].read(Path::new(JAR));
        if jar.is_ok_and(|bytes| bytes != b"the new version") {
            self.broke(8, || {
                format!("{} has unpacked what nobody signed", Self::name(n))
            });
        }
    }

    /// The one exception is promise 12, and only where its reason is true in the world.
    fn promise_9_only_a_person_goes_back(&mut self, n: usize, mandate: &Mandate) {
        self.note_serving(n, false);
        let own = mandate.origin == site().nodes[n];
        let unheard = self.nodes[n]
            .last_heard
            .map_or(u64::MAX, |(at, _)| self.now - at);
        // What is seen is up to 200 ms old.
        let down = !self.serves(n) || self.now < self.nodes[n].up_since + 250;
        let vrrp = self.nodes[n].vrrp;
        let holds = self.has_vip(n) || self.now < vrrp.since + 250;
        let needed = unheard >= 5_000 && holds && down;
        if own && mandate.by.user == "hau" && !needed {
            self.broke(9, || {
                format!("{} goes back and nobody said so", Self::name(n))
            });
        }
    }

    fn promise_10_one_rollout(&mut self, n: usize, slot: &Slot) {
        let other = self.nodes[1 - n]
            .side
            .as_ref()
            .and_then(|side| side.slot.as_ref());
        let other = other.filter(|other| other.has_begun && other.plan.id != slot.plan.id);
        if let Some(other) = other {
            let ids = (slot.plan.id.clone(), other.plan.id.clone());
            self.broke(10, || format!("two rollouts at work: {ids:?}"));
        }
    }

    fn promise_11_lost_link_starts_no_row(&mut self, n: usize, row: usize) {
        let Some(rollout) = self.nodes[n]
            .side
            .as_ref()
            .and_then(|s| s.machine.state().running())
        else {
            return;
        };
        let row = &rollout.plan.rows[row];
        let (step, restores) = (row.step.clone(), row.restores);
        let unheard = self.nodes[n]
            .last_heard
            .map_or(u64::MAX, |(at, _)| self.now - at);
        if unheard >= 5_000 && !restores {
            self.broke(11, || {
                format!(
                    "{} starts {step}, having heard nothing for {unheard} ms",
                    Self::name(n)
                )
            });
        }
    }

    fn no_two_primaries_and_no_lost_row(&mut self) {
        let (primaries, lost_nothing, twice) = self.pair.databases[0].edit(|c| {
            (
                c.primaries(),
                c.lost_nothing(),
                c.schema.values().any(|n| *n > 1),
            )
        });
        if primaries > 1 {
            self.broke(11, || "two primaries".to_owned());
        }
        if !lost_nothing {
            self.broke(0, || "an acknowledged row is lost".to_owned());
        }
        if twice {
            self.broke(5, || "a schema script took effect twice".to_owned());
        }
    }

    fn promise_12_survivor_serves(&mut self, n: usize) {
        let other = 1 - n;
        let node = &self.nodes[n];
        let able = node.side.is_some() && node.is_powered && !self.nodes[other].is_powered;
        // Whether a demoted primary's standby was promoted cannot be known alone: a person decides.
        let demoted = self.pair.databases[n].edit(|c| c.members[n].demoted_at.is_some());
        let well =
            |u: &FakeUnit| u.on_start == OnStart::Runs && u.ready_after < Duration::from_secs(10);
        let starts =
            self.pair.hosts[n].edit(|w| SERVICES.iter().all(|u| w.units.get(*u).is_some_and(well)));
        if !able || !starts || demoted || self.serves(n) {
            self.nodes[n].alone_since = None;
            return;
        }
        let since = *self.nodes[n].alone_since.get_or_insert(self.now);
        let waits = self.now - since;
        if waits > RESCUE && self.nodes[n].down_by_hau {
            self.broke(12, || {
                format!(
                    "{} is alone and does not serve for {waits} ms",
                    Self::name(n)
                )
            });
        }
    }

    /// A fault of the world hit this node: what it does next takes its time from here.
    pub(crate) fn touched(&mut self, fault: Fault) {
        let both = matches!(
            fault,
            Fault::Cut | Fault::VrrpCut | Fault::FetchFails | Fault::Tampered
        );
        let named = match fault {
            Fault::Crash(n) | Fault::CrashInWrite(n) | Fault::CrashInStep(n) | Fault::Power(n) => {
                Some(n)
            }
            Fault::Mute(n) | Fault::Bounce(n) | Fault::ServiceDies(n) | Fault::StartFails(n) => {
                Some(n)
            }
            Fault::StartDies(n)
            | Fault::StartHangs(n)
            | Fault::NeverListens(n)
            | Fault::Unhealthy(n) => Some(n),
            Fault::DumpFails(n)
            | Fault::PromoteFails(n)
            | Fault::RejoinFails(n)
            | Fault::Stuck(n) => Some(n),
            Fault::JobHangs(n) => Some(n),
            Fault::Cut | Fault::VrrpCut | Fault::FetchFails | Fault::Tampered => None,
        };
        for n in (0..2).filter(|n| both || named == Some(*n)) {
            if self.nodes[n].alone_since.is_some() {
                self.nodes[n].alone_since = Some(self.now);
            }
        }
    }

    /// Something may have gone down or come up; `by_hau`: in a call into a step.
    pub(crate) fn note_serving(&mut self, n: usize, by_hau: bool) -> bool {
        let serving = self.serves(n);
        let node = &mut self.nodes[n];
        match (serving, node.down_since) {
            (true, Some(_)) => {
                (node.down_since, node.down_by_hau) = (None, false);
                node.up_since = self.now;
                self.say(|| format!("{} serves", Self::name(n)));
            }
            (false, None) => {
                (node.down_since, node.down_by_hau) = (Some(self.now), by_hau);
                self.say(|| format!("{} serves no more", Self::name(n)));
            }
            (true, None) | (false, Some(_)) => {}
        }
        let has_failed = |u: &FakeUnit| u.state.active == Active::Failed;
        let any = |w: &mut hau::host::fake::World| {
            SERVICES
                .iter()
                .any(|u| w.units.get(*u).is_some_and(has_failed))
        };
        let failed = !serving && self.pair.hosts[n].edit(any);
        if failed && !self.nodes[n].is_restarting {
            self.nodes[n].is_restarting = true;
            let boot = self.nodes[n].boots;
            self.at(2_000, Ev::Restart(n, boot));
        }
        self.never_unreachable();
        serving
    }

    /// Without faults the VIP is at every moment on a node that serves.
    pub(crate) fn never_unreachable(&mut self) {
        let since_start = self.now - 1_800_000_000_000;
        if self.options.has_faults || since_start < 5_000 {
            return;
        }
        let holders: Vec<usize> = (0..2).filter(|n| self.has_vip(*n)).collect();
        if holders.is_empty() || holders.iter().any(|n| !self.serves(*n)) {
            self.broke(9, || {
                format!("the service is not reachable: the VIP is on {holders:?}")
            });
        }
    }

    pub(crate) fn arrived(&mut self, n: usize) {
        self.nodes[n].vip_since = self.now;
    }

    /// Once a second.
    pub(crate) fn audit(&mut self) {
        for n in 0..2 {
            self.note_serving(n, false);
            self.promise_12_survivor_serves(n);
            if self.has_vip(n) && self.serves(n) {
                self.pair.databases[n].edit(|c| c.write(n));
            }
        }
        self.handoff_within_bounds();
        self.promise_6_sync_is_paused();
        self.no_two_primaries_and_no_lost_row();
        super::faults::tick(self);
    }

    /// A new version may make itself a root key when it starts for the first time.
    fn service_makes_key(&mut self, n: usize) {
        let makes = self.options.seed % 3 == 1 && !self.nodes[n].has_made_key;
        let host = self.pair.hosts[n].clone();
        let up = host
            .unit(SERVICES[0])
            .is_ok_and(|u| u.active == Active::Active);
        if makes && up && self.version(n).as_deref() == Some(site::TO) {
            self.nodes[n].has_made_key = true;
            let text = format!("a key that {} made", Self::name(n));
            host.write(Path::new(site::KEY), text.as_bytes(), 0o600)
                .ok();
        }
    }

    /// All faults are long over and nothing moves any more.
    pub(crate) fn finish(&mut self, end: End) {
        self.nothing_is_left_armed();
        let holders: Vec<usize> = (0..2).filter(|n| self.has_vip(*n)).collect();
        if !(holders.len() == 1 && self.serves(holders[0])) {
            self.broke(9, || {
                format!("at the end ({end:?}) the VIP is on {holders:?} and that does not serve")
            });
        }
        let disks = [0, 1].map(|n| self.nodes[n].disk.0.borrow().replayed.rollout.clone());
        if let [Some(a), Some(b)] = &disks
            && a.plan != b.plan
        {
            self.broke(10, || "the nodes end with different plans".to_owned());
        }
        for (n, disk) in disks.iter().enumerate() {
            let host = self.pair.hosts[n].clone();
            let untouched =
                host.edit(|w| w.units.get("keepalived.service") == Some(&FakeUnit::running(&[])));
            if !untouched || host.edit(|w| w.ran.iter().any(|c| c.program.ends_with("keepalived")))
            {
                self.broke(4, || "keepalived was touched".to_owned());
            }
            match end {
                End::Ended(RolloutResult::Succeeded) => self.succeeded(n),
                End::Ended(RolloutResult::Failed) => self.given_up(n, disk.as_ref()),
                End::Halted => self.names_its_row(n),
                End::Refused => {}
            }
        }
    }

    fn succeeded(&mut self, n: usize) {
        let (host, s) = (self.pair.hosts[n].clone(), site());
        let wanted = if self.kind == hau::core::Kind::Upgrade {
            site::TO
        } else {
            site::FROM
        };
        let version = self.version(n);
        let differences = sync::compare(&*host, &s.settings, Duration::ZERO);
        let syncs = sync::is_running(&*host, &s.settings, &s.state).unwrap_or(false);
        let streams = self.pair.databases[n].edit(|c| c.is_streaming(0) || c.is_streaming(1));
        let serves = self.serves(n);
        let kept = host.exists(&s.state.join("staging/rollout-1"));
        if version.as_deref() != Some(wanted) || !serves || !streams || kept {
            self.broke(0, || format!("after success: {version:?}, serves {serves}, streams {streams}, left over {kept}"));
        }
        if !syncs || !matches!(&differences, Ok(d) if d.is_empty()) {
            self.broke(6, || {
                format!("after success: sync runs {syncs}, differences {differences:?}")
            });
        }
    }

    fn given_up(&mut self, n: usize, rollout: Option<&hau::core::Rollout>) {
        let Some(rollout) = rollout else { return };
        let beyond = self.nodes[n].is_left;
        let (host, s) = (self.pair.hosts[n].clone(), site());
        let serves = self.serves(n);
        if !beyond && (self.version(n).as_deref() != Some(site::FROM) || !serves) {
            let version = self.version(n);
            self.broke(9, || {
                format!(
                    "after giving up {} is at {version:?} and serves: {serves}",
                    Self::name(n)
                )
            });
        }
        // What an earlier one left paused past its barrier stays so until a person says otherwise.
        let ours = format!("rollout {},", rollout.plan.id.number);
        let flag = host.read(&sync::flag(&s.state)).unwrap_or_default();
        if !beyond && String::from_utf8_lossy(&flag).contains(&ours) {
            self.broke(6, || {
                format!("after giving up the sync of {} does not run", Self::name(n))
            });
        }
    }

    /// Promise 5: halted at a row that it names, or waiting at one that it names.
    fn names_its_row(&mut self, n: usize) {
        let named = self.nodes[n].state().is_none_or(|state| {
            let Some(rollout) = state.running() else {
                return true;
            };
            let back = rollout.mandate.direction == Direction::Back;
            rollout.halted_by().is_some() || state.standing(self.time()).is_some() || back
        });
        if !named {
            self.broke(5, || {
                format!("{} is halted and does not say where", Self::name(n))
            });
        }
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
            reports.iter().next_back().map(|(n, r)| (*n, r.state))
        ),
        Record::PlanAdopted { plan, .. } => format!("plan {:?} first {}", plan.id, plan.first),
        Record::Started { .. } | Record::MandateTaken { .. } | Record::RolloutEnded { .. } => {
            format!("{record:?}")
        }
    }
}
