//! What is on disk and who ordered it: promises 5 and 9 to 11.
use crate::model::World;
use crate::model::job::Slot;
use crate::model::site::site;
use hau::core::{Mandate, RowState, Verb};

impl World {
    pub(super) fn promise_5_begun_is_on_disk(&mut self, n: usize, slot: &Slot) {
        let platter = self.nodes[n].disk.0.borrow();
        let key = &slot.job.key;
        let (solo, known) = (key.solo, &platter.replayed);
        let rollout = if solo { &known.solo } else { &known.rollout };
        let report = rollout.as_ref().and_then(|r| r.mine.get(key.row));
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
            .and_then(|s| if solo { s.running_solo() } else { s.running() })
            .and_then(|r| r.mine.get(key.row));
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

    /// The exceptions: promise 12, where its reason is true in the world, and a plan that takes back what
    /// fails; `failed`: a row of this node has failed under the mandate before.
    pub(super) fn promise_9_only_a_person_goes_back(
        &mut self,
        n: usize,
        mandate: &Mandate,
        failed: bool,
    ) {
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
        let state = self.nodes[n].state();
        let plan = state.and_then(|s| Some(s.journaled.rollout.as_ref()?.plan.clone()));
        let agreed = failed && plan.is_some_and(|plan| plan.takes_back);
        if own && mandate.by.user == "hau" && !needed && !agreed {
            self.broke(9, || {
                format!("{} goes back and nobody said so", Self::name(n))
            });
        }
    }

    pub(super) fn promise_10_one_rollout(&mut self, n: usize, slot: &Slot) {
        let other = self.nodes[1 - n]
            .side
            .as_ref()
            .and_then(|side| side.slots[0].as_ref())
            .filter(|_| !slot.job.key.solo);
        let other = other.filter(|other| other.has_begun && other.plan.id != slot.plan.id);
        // One that was dead, and comes back, has not yet heard what was done without it.
        let other = other.filter(|other| !slot.plan.is_alone() && !other.plan.is_alone());
        if let Some(other) = other {
            let ids = (slot.plan.id.clone(), other.plan.id.clone());
            self.broke(10, || format!("two rollouts at work: {ids:?}"));
        }
    }

    pub(super) fn promise_11_lost_link_starts_no_row(&mut self, n: usize, row: usize) {
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
}
