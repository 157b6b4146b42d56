//! A job on a node: one row's step at work, called and looked at as the executor does it.
use super::site::site;
use super::{Ev, World};
use hau::core::{Event, Job, Outcome, Plan, Reports};
use hau::steps::{self, Cx, StepDef, Tally};
use hau::time::Time;
use std::sync::Arc;

pub(crate) struct Slot {
    pub(crate) job: Job,
    pub(crate) def: &'static StepDef,
    pub(crate) plan: Arc<Plan>,
    pub(crate) reports: Reports,
    pub(crate) has_begun: bool,
    pub(crate) wait: u64,
    pub(crate) tally: Tally,
    /// Known, and told when the call has taken its time.
    pub(crate) outcome: Option<Outcome>,
}

impl World {
    pub(crate) fn take_job(&mut self, n: usize, job: Job) {
        let life = self.nodes[n].life;
        let Some(side) = self.nodes[n].side.as_mut() else {
            return;
        };
        let (solo, state) = (job.key.solo, side.machine.state());
        let running = if solo {
            state.running_solo()
        } else {
            state.running()
        };
        let Some(rollout) = running else { return };
        let (plan, reports) = (rollout.plan.clone(), rollout.peers.with(&rollout.mine));
        let Some(def) = steps::find(&plan.rows[job.key.row].step) else {
            return;
        };
        let (tally, outcome) = (Tally::default(), None);
        side.slots[usize::from(solo)] = Some(Slot {
            job,
            def,
            plan,
            reports,
            has_begun: false,
            wait: 10,
            tally,
            outcome,
        });
        let hang = std::mem::take(&mut self.nodes[n].hang);
        self.nodes[n].hung_until = self.now + hang;
        let after = self.dice.below(20) + hang;
        self.at(after, Ev::Call(n, life, solo));
    }

    /// One call into the step: its first one, or a look.
    pub(crate) fn call(&mut self, n: usize, solo: bool) {
        let place = usize::from(solo);
        if self.dice.chance(500) {
            self.look(n);
        }
        let Some(mut slot) = self.nodes[n]
            .side
            .as_mut()
            .and_then(|side| side.slots[place].take())
        else {
            return;
        };
        if let Some(outcome) = slot.outcome {
            return self.job_ended(n, &slot.job, slot.def, outcome);
        }
        // What is no longer wanted gives way to what is, between two looks.
        let wanted = self.nodes[n].side.as_ref().and_then(|side| {
            let intents = side.intents.as_ref()?;
            if solo {
                intents.solo.clone()
            } else {
                intents.job.clone()
            }
        });
        if let Some(job) = wanted.filter(|job| job.key != slot.job.key) {
            return self.take_job(n, job);
        }
        let verb = slot.job.verb;
        if !slot.has_begun {
            self.begins(n, &slot);
        }
        let (before, now) = (self.visible(n), self.time());
        let fences = self.fence(n, &slot);
        self.ask_step(n, &mut slot, now);
        let host = &self.pair.hosts[n];
        let (took, blown) =
            host.edit(|w| (w.now.since(now), std::mem::take(&mut w.fuse) == Some(0)));
        self.worked(n, &slot, &before);
        if blown {
            self.say(|| format!("{} dies in {} {verb:?}", Self::name(n), slot.def.name));
            return self.crash(n);
        }
        let wait = if slot.outcome.is_some() {
            fences
        } else {
            slot.wait
        };
        let took = u64::try_from(took.as_millis()).unwrap_or(0);
        if slot.has_begun {
            slot.wait = (slot.wait * 2).min(250);
        }
        slot.has_begun = true;
        if let Some(side) = self.nodes[n].side.as_mut() {
            side.slots[place] = Some(slot);
        }
        let life = self.nodes[n].life;
        self.at(wait + took, Ev::Call(n, life, solo));
    }

    fn ask_step(&mut self, n: usize, slot: &mut Slot, now: Time) {
        let (verb, fuse) = (slot.job.verb, self.nodes[n].fuse.take());
        let host = self.pair.hosts[n].clone();
        host.edit(|w| (w.now, w.fuse) = (now, fuse));
        let lied = super::mutants::deceive(self, n, slot.def);
        let intents = self.nodes[n].side.as_ref().and_then(|s| s.intents.as_ref());
        let leave = |intents: &hau::core::Intents| match slot.job.key.solo {
            true => intents.solo.is_some(),
            false => intents.may_stop,
        };
        let may_stop = lied || intents.is_some_and(leave);
        let s = site();
        let mut cx = Cx {
            host: &*host,
            database: &self.pair.databases[n],
            settings: &s.settings,
            vips: &s.vips,
            state_dir: &s.state,
            plan: &slot.plan,
            me: &s.nodes[n],
            row: slot.job.key.row,
            reports: &slot.reports,
            deadline: slot.job.deadline,
            may_stop,
            tally: std::mem::take(&mut slot.tally),
        };
        let looked = if slot.has_begun {
            steps::look(slot.def, verb, &mut cx)
        } else {
            steps::begin(slot.def, verb, &mut cx)
                .map(|()| steps::Verdict::NotYet("begun".to_owned()))
        };
        slot.tally = cx.tally;
        if lied {
            let state = self.nodes[n].vrrp.state;
            host.edit(|w| w.vrrp = state);
        }
        let looked = self.lie(n, slot, looked);
        let is_over = self.time_of(n) >= slot.job.deadline;
        slot.outcome = steps::outcome(slot.def, looked, slot.has_begun && is_over);
    }

    fn job_ended(&mut self, n: usize, job: &Job, def: &StepDef, outcome: Outcome) {
        self.say(|| format!("{} {} {:?} {outcome:?}", Self::name(n), def.name, job.verb));
        self.feed(
            n,
            &Event::JobEnded {
                key: job.key.clone(),
                outcome,
            },
        );
    }
}
