//! What can be seen again after a crash and so is not journaled.
use super::{Direction, Event, JobKey, Rollout, RowState, State};
use crate::time::Time;

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
                self.observed.local = local.clone();
            }
            Event::Hello(hello) => {
                let last = self
                    .observed
                    .peer
                    .as_ref()
                    .map(|(h, _)| (h.boot, h.sequence));
                // A late one may come after a crash has forgotten the last.
                let told = self.running().map(|rollout| rollout.told);
                let newest = last
                    .max(told)
                    .is_none_or(|last| (hello.boot, hello.sequence) > last);
                if newest && hello.node == self.peer {
                    self.observed.peer = Some(((**hello).clone(), now));
                }
            }
            Event::Started => self.observed.started = now,
            Event::Command(_) | Event::JobEnded { .. } | Event::Tick => {}
        }
    }

    /// The key of the job that a row's report asks for, if one is open.
    pub(super) fn job_key(&self, rollout: &Rollout, row: usize) -> Option<JobKey> {
        let report = rollout.mine.get(&row)?;
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
