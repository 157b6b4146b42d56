//! Configuration, backups, releases and rows: promises 6 to 8, and that no acknowledged row is lost.
use crate::model::World;
use crate::model::job::Slot;
use crate::model::site::{self, JAR, SERVICES, TIMER, site};
use hau::backup;
use hau::core::{Kind, RowState};
use hau::host::fake::FakeUnit;
use hau::host::{Active, Host};
use std::path::Path;

impl World {
    /// While any row that changes something is open on either node, the sync stands still on both.
    pub(crate) fn promise_6_sync_is_paused(&mut self) {
        for n in 0..2 {
            let host = &self.pair.hosts[n];
            let active = |unit: &FakeUnit| unit.state.active == Active::Active;
            let runs = host.edit(|w| w.units.get(TIMER).is_some_and(active));
            if !(runs && self.nodes[n].is_powered) {
                continue;
            }
            // Who goes back alone can pause nothing on a node that is dead; back again, that one pushes nothing.
            let matters = |m: &usize| *m == n || !self.goes_alone(*m);
            let mut who = (0..2).filter(matters);
            if let Some((m, step)) = who.find_map(|m| Some((m, self.open_row(m)?))) {
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

    fn goes_alone(&self, n: usize) -> bool {
        let platter = self.nodes[n].disk.0.borrow();
        let rollout = platter.replayed.rollout.as_ref();
        rollout.is_some_and(|r| r.plan.is_alone())
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
        // Ended on the other node, which has gone on to a later plan: this one has not heard yet.
        let theirs = disks[1 - n].replayed.rollout.as_ref();
        if theirs.is_some_and(|r| r.plan.id.beats(&rollout.plan.id)) {
            return None;
        }
        let outside = ["precheck", "pause", "resume", "push", "finish"];
        let inside = |row: usize| !outside.contains(&&*rollout.plan.rows[row].phase_name);
        let on_disk = |m: usize| {
            let owner = usize::from(rollout.plan.rows[m].node == site().nodes[1]);
            // Of a journal that is gone, what it told the other one.
            let theirs = disks[owner].replayed.rollout.as_ref();
            theirs.map_or(rollout.peers.get(m), |r| r.mine.get(m))
        };
        // A rollback that is given up before both have paused takes back what it has inherited and never begun:
        // the services run or are started, nothing else is touched.
        let mut rows = rollout.plan.rows.iter().enumerate();
        let is_before = rows.any(|(m, row)| row.step == "pause_sync" && on_disk(m).is_none());
        let is_inherited = |r: &hau::core::Report| {
            is_before && matches!(r.state, RowState::Undoing | RowState::UndoFailed)
        };
        // What a failover in between has made a standby is not made a primary again.
        let kept =
            |m: usize| rollout.has_moved && rollout.plan.rows[m].undo == hau::core::Undo::Role;
        let begun = |(m, r): &(usize, &hau::core::Report)| {
            inside(*m) && r.state != RowState::Undone && !is_inherited(r) && !kept(*m)
        };
        let (m, _) = rollout.mine.iter().find(begun)?;
        let open = |m: &usize| on_disk(*m).is_none_or(|r| r.state != RowState::Done);
        (0..rollout.plan.rows.len())
            .filter(|m| inside(*m))
            .find(open)?;
        Some(rollout.plan.rows[m].step.clone())
    }

    pub(super) fn promise_7_backup_first(&mut self, n: usize, slot: &Slot) {
        let dir = site()
            .settings
            .backup
            .dir
            .join(backup::name(slot.plan.made_at));
        let backup = |name: &String| site().settings.backup.dir.join(name);
        let dir = slot
            .plan
            .way_back
            .as_ref()
            .map_or(dir, |w| backup(&w.backup));
        // A rollback of one node asks nothing of the other but to serve.
        let needed = match slot.plan.kind {
            Kind::Upgrade | Kind::Rollback => true,
            Kind::RollbackNode => slot.plan.first == site().nodes[n],
            Kind::Switch | Kind::Failover | Kind::Rejoin => false,
        };
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

    pub(super) fn promise_8_nothing_unverified(&mut self, n: usize) {
        let jar = self.pair.hosts[n].read(Path::new(JAR));
        if jar.is_ok_and(|bytes| bytes != b"the new version") {
            self.broke(8, || {
                format!("{} has unpacked what nobody signed", Self::name(n))
            });
        }
    }

    pub(crate) fn no_two_primaries_and_no_lost_row(&mut self) {
        let (primaries, lost_nothing, twice) = self.pair.databases[0].edit(|c| {
            (
                c.primaries().count(),
                c.lost_nothing(),
                c.schema.values().any(|n| *n > 1),
            )
        });
        if primaries > 1 {
            self.broke(11, || "two primaries".to_owned());
        }
        if !lost_nothing {
            let told = self.pair.databases[0].edit(|c| c.told());
            self.broke(0, || format!("an acknowledged row is lost: {told}"));
        }
        if twice {
            self.broke(5, || "a schema script took effect twice".to_owned());
        }
    }

    /// A version that starts after another one may make itself a root key, be it newer or older.
    pub(super) fn service_makes_key(&mut self, n: usize) {
        let version = self.version(n).unwrap_or_default();
        let makes = self.options.seed % 3 == 1 && self.nodes[n].key_of != version;
        let host = self.pair.hosts[n].clone();
        let up = host
            .unit(SERVICES[0])
            .is_ok_and(|u| u.active == Active::Active);
        if makes && up {
            let text = format!("a key that {version} made on {}", Self::name(n));
            self.nodes[n].key_of = version;
            host.write(Path::new(site::KEY), text.as_bytes(), 0o600)
                .ok();
        }
    }
}
