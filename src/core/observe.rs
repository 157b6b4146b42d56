//! What can be seen again after a crash and so is not journaled.
use super::{Direction, Event, Hello, JobKey, Report, Rollout, RowState, State};
use crate::time::Time;
use std::{sync::Arc, time::Duration};

/// What has failed is not tried again at once: a database that recovers and a host that boots need a moment.
const PAUSE: Duration = Duration::from_secs(3);

impl State {
    /// Takes in what can be observed again after a crash and so is not journaled.
    pub(super) fn observe(&mut self, now: Time, event: &Event) {
        match event {
            Event::Local(local) => {
                let same = (local.vrrp, local.has_vip);
                if same != (self.observed.local.vrrp, self.observed.local.has_vip) {
                    self.observed.vrrp_since = now;
                }
                if self.observed.local.follows {
                    self.observed.followed = Some(now);
                }
                let since = self.observed.follows_since.unwrap_or(now);
                self.observed.follows_since = local.follows.then_some(since);
                self.observed.local = local.clone();
            }
            Event::Hello(hello) if hello.node == self.peer => self.hear(now, hello),
            Event::Hello(_) => {}
            Event::Started { .. } => self.observed.started = now,
            Event::Command(_) | Event::JobEnded { .. } | Event::Tick => {}
        }
    }

    /// Of one journal the newest Hello counts; a rollout goes on with the journal it was begun with.
    fn hear(&mut self, now: Time, hello: &Arc<Hello>) {
        let told = self.running().map(|rollout| rollout.told);
        let installed = hello.installed;
        let another = self.running().filter(|r| r.is_with_another(installed));
        if let Some(direction) = another.map(|r| r.mandate.direction) {
            self.observed.stranger = Some(now);
            if direction == Direction::Forward {
                return;
            }
        }
        let last = self.observed.peer.as_ref().map(|(last, _)| last);
        match last.filter(|last| last.installed != installed) {
            Some(_) if self.observed.former.contains(&installed) => return,
            Some(last) => self.observed.former.push(last.installed),
            None => {
                // A late one may come after a crash has forgotten the last.
                let last = last.map(|last| (last.boot, last.sequence)).max(told);
                if last.is_some_and(|last| (hello.boot, hello.sequence) <= last) {
                    return;
                }
            }
        }
        self.observed.peer = Some((hello.clone(), now));
    }

    /// When the try at a row began or begins, for its limit. What is resumed after a restart has all of it again: a
    /// host may have been without power for longer, and its clock may be another one by then.
    pub(super) fn begins(&self, report: &Report, now: Time) -> Time {
        let is_of_this_life = (self.observed.started..=now).contains(&report.started_at);
        let asked = if is_of_this_life {
            report.started_at
        } else {
            self.observed.started
        };
        if report.attempt > 1 {
            asked + PAUSE
        } else {
            asked
        }
    }

    /// A try after one that failed waits for its time; not for one that a clock set back has made far away.
    pub(super) fn is_paused(&self, report: &Report, now: Time) -> bool {
        let begins = self.begins(report, now);
        report.attempt > 1 && now < begins && begins.since(now) <= PAUSE
    }

    /// The key of the job that a row's report asks for, if one is open.
    pub(super) fn job_key(&self, rollout: &Rollout, row: usize) -> Option<JobKey> {
        let report = rollout.mine.get(row)?;
        let direction = match report.state {
            RowState::Started => Direction::Forward,
            RowState::Undoing => Direction::Back,
            RowState::Done | RowState::Failed | RowState::Undone | RowState::UndoFailed => {
                return None;
            }
        };
        let solo = rollout.plan.kind.is_solo();
        let (rollout, epoch, attempt) = (rollout.plan.id.number, report.epoch, report.attempt);
        Some(JobKey {
            solo,
            rollout,
            row,
            epoch,
            attempt,
            direction,
        })
    }
}
