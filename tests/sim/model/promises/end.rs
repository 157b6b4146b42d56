//! What must be true when all faults are long over and nothing moves any more.
use crate::model::site::{self, site};
use crate::model::{End, World};
use hau::backup;
use hau::core::{Direction, Kind, Rollout, RolloutResult};
use hau::host::Host;
use hau::host::fake::FakeUnit;
use hau::sync;
use std::time::Duration;

impl World {
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
            let aside = host.list(&site().state.join("staging")).unwrap_or_default();
            // What a rollout leaves that a way back has replaced goes with the next clean-up.
            let last = disk
                .as_ref()
                .map(|r| format!("rollout-{}", r.plan.id.number));
            let counts =
                |name: &String| self.operator.went_back == 0 || Some(name) == last.as_ref();
            let mut asides = aside.iter().filter(|name| name.starts_with("rollout-"));
            let left = asides.any(counts);
            if matches!(end, End::Ended(_)) && left {
                let name = Self::name(n);
                self.broke(0, || {
                    format!("what was put aside is still on {name}: {aside:?}")
                });
            }
            match end {
                End::Ended(RolloutResult::Succeeded) => self.succeeded(n),
                End::WentBack(RolloutResult::Succeeded) => self.is_back(n, disk.as_ref()),
                End::Ended(RolloutResult::Failed) | End::WentBack(RolloutResult::Failed) => {
                    self.given_up(n, disk.as_ref());
                }
                End::Halted => self.names_its_row(n),
                End::Refused => {}
            }
        }
    }

    /// The folder that the product runs from holds the release that is current, and what is the site's own.
    fn is_placed(&mut self, n: usize) {
        let (host, s) = (self.pair.hosts[n].clone(), site());
        let folder = s
            .settings
            .release
            .in_place
            .as_deref()
            .expect("there is one");
        let release = s.settings.release.root.join("current");
        let (jar, schema) = ("app.jar", "schema/1.sql");
        let is_as = |name: &str| {
            let read = |dir: &std::path::Path| host.read(&dir.join(name)).ok();
            read(folder) == read(&release)
        };
        let data = host
            .read(site::DATA.as_ref())
            .is_ok_and(|data| data == b"an order\n");
        if !(is_as(jar) && is_as(schema) && data) {
            let (version, name) = (self.version(n), Self::name(n));
            let files = host.inspect(&[folder.to_owned()]);
            self.broke(0, || {
                format!("{name} is at {version:?}, in place are {files:?}")
            });
        }
    }

    fn succeeded(&mut self, n: usize) {
        let (host, s) = (self.pair.hosts[n].clone(), site());
        let wanted = if self.kind == hau::core::Kind::Upgrade {
            site::TO
        } else {
            site::FROM
        };
        self.is_placed(n);
        let version = self.version(n);
        let differences = sync::compare(&*host, &s.settings, Duration::ZERO);
        let syncs = sync::is_running(&*host, &s.settings, &s.state).unwrap_or(false);
        let streams = self.pair.databases[n].edit(|c| c.is_streaming(0) || c.is_streaming(1));
        let serves = self.serves(n);
        let kept = host.exists(&s.state.join("staging/rollout-1"));
        if version.as_deref() != Some(wanted) || !serves || !streams || kept {
            self.broke(0, || format!("after success: {version:?}, serves {serves}, streams {streams}, left over {kept}"));
        }
        let syncs = syncs || self.is_accepted(n, "resume_sync");
        let accepted =
            ["push_config", "compare"].map(|step| (0..2).any(|n| self.is_accepted(n, step)));
        let equal = matches!(&differences, Ok(d) if d.is_empty()) || accepted.contains(&true);
        if !syncs || !equal {
            self.broke(6, || {
                format!("after success: sync runs {syncs}, differences {differences:?}")
            });
        }
    }

    /// A person has accepted by hand that this step did not come to what it should.
    fn is_accepted(&self, n: usize, step: &str) -> bool {
        let platter = self.nodes[n].disk.0.borrow();
        platter.replayed.rollout.as_ref().is_some_and(|rollout| {
            let mut mine = rollout.mine.iter();
            mine.any(|(row, report)| {
                rollout.plan.rows[row].step == step && report.note.starts_with("confirmed by")
            })
        })
    }

    /// After a rollback each of its nodes is, byte for byte, what its backup held; but two backups may hold
    /// two keys, and what the MASTER has pushed at the end is its own.
    fn is_back(&mut self, n: usize, rollout: Option<&Rollout>) {
        let (host, s) = (self.pair.hosts[n].clone(), site());
        let Some(plan) = rollout.map(|r| r.plan.clone()) else {
            return;
        };
        let way_back = plan.way_back.as_ref();
        let (Some(dir), true) = (
            way_back.map(|w| s.settings.backup.dir.join(&w.backup)),
            plan.kind == Kind::Rollback || plan.first == s.nodes[n],
        ) else {
            return;
        };
        let mut differs = backup::differences(&*host, &s.settings, &dir);
        let pushed = plan.rows.iter().any(|row| row.step == "push_config");
        if let Ok(differs) = &mut differs
            && pushed
            && (!self.has_vip(n) || self.has_failed_over_since(&plan))
        {
            let other = sync::compare(&*host, &s.settings, Duration::ZERO);
            let other = other.unwrap_or_else(|e| vec![e.to_string()]);
            differs.config = other.into_iter().map(Into::into).collect();
            differs.has_other_key = false;
        }
        self.is_placed(n);
        let serves = self.serves(n);
        if !serves || !differs.as_ref().is_ok_and(backup::Differences::is_none) {
            self.broke(0, || {
                format!("after a rollback {differs:?}, serves {serves}")
            });
        }
        let restored = self.pair.databases[n].edit(|c| (c.exchanged, c.beside));
        if way_back.is_some_and(|w| w.database) && restored != (1, None) {
            self.broke(5, || format!("the database is restored: {restored:?}"));
        }
        let syncs = sync::is_running(&*host, &s.settings, &s.state).unwrap_or(false);
        let resumes = plan.rows.iter().any(|row| row.step == "resume_sync");
        if syncs != resumes {
            self.broke(6, || {
                format!("after a rollback sync runs {syncs}, not {resumes}")
            });
        }
    }

    /// Then the node that was pushed to may be the MASTER by now.
    fn has_failed_over_since(&self, plan: &hau::core::Plan) -> bool {
        let later = |solo: &Rollout| {
            solo.plan.kind == Kind::Failover && solo.plan.id.number > plan.id.number
        };
        let solos = self
            .nodes
            .iter()
            .filter_map(|node| node.state()?.journaled.solo.as_ref());
        solos.into_iter().any(later)
    }

    fn given_up(&mut self, n: usize, rollout: Option<&hau::core::Rollout>) {
        let Some(rollout) = rollout else { return };
        let beyond = self.nodes[n].is_left;
        if !beyond {
            self.is_placed(n);
        }
        let (host, s) = (self.pair.hosts[n].clone(), site());
        let serves = self.serves(n);
        if !beyond && (self.version(n) != self.nodes[n].version_before || !serves) {
            let version = self.version(n);
            self.broke(9, || {
                format!(
                    "after giving up {} is at {version:?} and serves: {serves}",
                    Self::name(n)
                )
            });
        }
        // What an earlier one left paused past its barrier stays so until a person says otherwise.
        let id = &rollout.plan.id;
        let ours = format!("rollout {} of node {},", id.number, id.origin);
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
            rollout.halted_by().is_some() || state.standing(self.time_of(n)).is_some() || back
        });
        if !named {
            self.broke(5, || {
                format!("{} is halted and does not say where", Self::name(n))
            });
        }
    }
}
