//! What goes wrong in the world.
use super::disk::Crash;
use super::job::Slot;
use super::mutants::Mutant;
use super::site::{BUNDLE, SERVICES, URL};
use super::{Ev, World};
use hau::host::Active;
use hau::host::fake::OnStart;
use hau::steps::{StepError, StepResult, Verdict};
use std::{path::Path, sync::atomic::Ordering, time::Duration};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Crash(usize),
    CrashInWrite(usize),
    CrashInStep(usize),
    Power(usize),
    Mute(usize),
    Cut,
    VrrpCut,
    /// The adverts of one node are lost.
    VrrpMute(usize),
    /// No connection between the nodes stands, and of these no advert arrives.
    Split([bool; 2]),
    Bounce(usize),
    ServiceDies(usize),
    StartFails(usize),
    StartDies(usize),
    StartHangs(usize),
    NeverListens(usize),
    Unhealthy(usize),
    DumpFails(usize),
    FetchFails,
    PromoteFails(usize),
    RejoinFails(usize),
    Stuck(usize),
    JobHangs(usize),
    Tampered,
    /// Both hosts lose their power at once.
    Blackout,
    /// The clock of a host is set by an hour, one way or the other.
    ClockJump(usize),
    Lie(usize, Lie),
}

/// What the next look of a job says wrongly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lie {
    /// Done, when it is not.
    Done,
    /// That it failed, when it is done.
    Failed,
}

const HOUR: i64 = 3_600_000;

pub(crate) fn tamper(world: &mut World) {
    for host in &world.pair.hosts {
        host.edit(|w| {
            if let Some(file) = w.files.node_mut(Path::new(BUNDLE)) {
                file.kind = hau::host::fake::Kind::File(b"tampered"[..].into());
            }
        });
    }
}

impl World {
    pub(crate) fn plan_faults(&mut self) {
        if self.dice.chance(250) {
            let ready = Duration::from_millis(self.dice.below(9_000));
            for host in &self.pair.hosts {
                host.edit(|w| {
                    w.units
                        .entry(SERVICES[1].to_owned())
                        .or_default()
                        .ready_after = ready
                });
            }
        }
        let period = 20_000 + self.dice.below(80_000);
        for _ in 0..1 + self.dice.below(9) {
            let (fault, after) = (self.any_fault(), 3_000 + self.dice.below(period));
            self.at(after, Ev::Fault(fault));
        }
        for _ in 0..self.dice.below(7) {
            let after = 8_000 + self.dice.below(period);
            self.at(after, Ev::Command);
        }
        self.at(period + 10_000, Ev::Calm);
    }

    fn any_fault(&mut self) -> Fault {
        let n = usize::try_from(self.dice.below(2)).unwrap_or(0);
        match self.dice.below(40) {
            0..4 => Fault::Crash(n),
            4..7 => Fault::CrashInWrite(n),
            7..10 => Fault::CrashInStep(n),
            10..14 => Fault::Power(n),
            14 => Fault::Mute(n),
            15 => Fault::Cut,
            16 => Fault::VrrpCut,
            30 => Fault::VrrpMute(n),
            31 => Fault::Blackout,
            32 | 33 => Fault::ClockJump(n),
            34 => Fault::Lie(n, Lie::Done),
            35 | 36 => Fault::Lie(n, Lie::Failed),
            17 => Fault::Bounce(n),
            18 => Fault::ServiceDies(n),
            19 => Fault::StartFails(n),
            20 => Fault::StartDies(n),
            21 => Fault::StartHangs(n),
            22 => Fault::NeverListens(n),
            23 => Fault::Unhealthy(n),
            24 => Fault::DumpFails(n),
            25 => Fault::FetchFails,
            26 => Fault::PromoteFails(n),
            27 => Fault::RejoinFails(n),
            28 => {
                if self.dice.chance(200) {
                    Fault::Tampered
                } else {
                    Fault::Stuck(n)
                }
            }
            29 => Fault::JobHangs(n),
            37 => Fault::Split([n == 0, n == 1]),
            _ => Fault::Split([true; 2]),
        }
    }

    pub(crate) fn fault(&mut self, fault: Fault) {
        if self.is_calm {
            return;
        }
        self.say(|| format!("FAULT {fault:?}"));
        let most = if matches!(fault, Fault::Power(_) | Fault::Blackout) {
            90_000
        } else {
            40_000
        };
        let heal = 1_000 + self.dice.below(most);
        match fault {
            Fault::Crash(n) => self.crash(n),
            Fault::CrashInWrite(n) => {
                let before = self.dice.chance(500);
                let crash = if before { Crash::Before } else { Crash::After };
                self.nodes[n].disk.0.borrow_mut().crash = Some(crash);
            }
            Fault::CrashInStep(n) => {
                let left = u32::try_from(self.dice.below(8)).unwrap_or(0);
                self.nodes[n].fuse = Some(left);
            }
            Fault::Power(n) => self.power_off(n),
            Fault::Mute(n) => self.set_mute(n, true),
            Fault::Cut => {
                self.set_mute(0, true);
                self.set_mute(1, true);
            }
            Fault::VrrpCut => self.no_adverts = [true; 2],
            Fault::VrrpMute(n) => self.no_adverts[n] = true,
            Fault::Split(silent) => self.split(silent),
            Fault::Blackout => {
                self.power_off(0);
                self.power_off(1);
            }
            Fault::ClockJump(n) => {
                let ahead = if self.dice.chance(500) { HOUR } else { -HOUR };
                self.nodes[n].ahead += ahead;
            }
            Fault::Lie(n, lie) => self.nodes[n].lie = Some(lie),
            Fault::Bounce(n) => {
                if self.nodes[n].is_powered {
                    let told = self.dice.chance(500);
                    self.stop_keepalived(n, told);
                    let after = 300 + self.dice.below(2_000);
                    self.start_keepalived(n, after);
                }
            }
            Fault::ServiceDies(n) => self.service_dies(n),
            Fault::JobHangs(n) => self.nodes[n].hang = self.dice.below(100_000),
            Fault::Tampered => tamper(self),
            Fault::StartFails(n) => self.set_start(n, OnStart::Fails("no memory".to_owned()), None),
            Fault::StartDies(n) => self.set_start(n, OnStart::Dies, None),
            Fault::StartHangs(n) => self.set_start(n, OnStart::Hangs, None),
            Fault::NeverListens(n) => {
                self.set_start(n, OnStart::Runs, Some(Duration::from_secs(86_400)))
            }
            Fault::Unhealthy(n) => self.set_http(n, 500),
            Fault::DumpFails(n) => self.set_failing(n, "dump", 3),
            Fault::PromoteFails(n) => self.set_failing(n, "promote", 1),
            Fault::RejoinFails(n) => self.set_failing(n, "rejoin", 2),
            Fault::FetchFails => self.pair.link.can_fetch.store(false, Ordering::Relaxed),
            Fault::Stuck(n) => self.pair.databases[n].edit(|c| c.members[n].is_stuck = true),
        }
        self.touched(fault);
        self.at(heal, Ev::Heal(fault));
        if fault == Fault::Blackout {
            let later = heal + self.dice.below(20_000);
            self.at(later, Ev::Heal(Fault::Power(0)));
            self.at(later, Ev::Heal(Fault::Power(1)));
        }
    }

    pub(crate) fn heal(&mut self, fault: Fault) {
        // A fence may strike later than calm came, and its host needs its power again.
        if self.is_calm && !matches!(fault, Fault::Power(_)) {
            return;
        }
        match fault {
            Fault::Power(n) => self.power_on(n),
            Fault::Mute(n) => self.set_mute(n, false),
            Fault::Cut => {
                self.set_mute(0, false);
                self.set_mute(1, false);
            }
            Fault::VrrpCut => self.no_adverts = [false; 2],
            Fault::VrrpMute(n) => self.no_adverts[n] = false,
            Fault::Split(_) => self.join(),
            Fault::Blackout => {
                let first = usize::from(self.dice.chance(500));
                self.power_on(first);
            }
            Fault::StartFails(n)
            | Fault::StartDies(n)
            | Fault::StartHangs(n)
            | Fault::NeverListens(n) => {
                self.start_well(n);
            }
            Fault::Unhealthy(n) => self.set_http(n, 200),
            Fault::FetchFails => self.pair.link.can_fetch.store(true, Ordering::Relaxed),
            Fault::Stuck(n) => self.pair.databases[n].edit(|c| c.members[n].is_stuck = false),
            Fault::Crash(_) | Fault::CrashInWrite(_) | Fault::CrashInStep(_) | Fault::Bounce(_) => {
            }
            Fault::ServiceDies(_) | Fault::DumpFails(_) | Fault::PromoteFails(_) => {}
            Fault::RejoinFails(_) | Fault::JobHangs(_) | Fault::Tampered => {}
            // The time servers put a clock right; a step says one thing wrongly.
            Fault::ClockJump(n) => self.nodes[n].ahead = 0,
            Fault::Lie(..) => {}
        }
        self.touched(fault);
    }

    /// Of `silent` no advert arrives; nothing else passes either way.
    fn split(&mut self, silent: [bool; 2]) {
        self.no_adverts = silent;
        self.set_mute(0, true);
        self.set_mute(1, true);
        self.pair.databases[0].edit(|c| c.cut = true);
    }

    fn join(&mut self) {
        self.no_adverts = [false; 2];
        self.set_mute(0, false);
        self.set_mute(1, false);
        self.pair.databases[0].edit(|c| c.cut = false);
    }

    /// All faults are over; what they broke is mended.
    pub(crate) fn calm(&mut self) {
        self.say(|| "CALM".to_owned());
        self.join();
        for n in 0..2 {
            self.power_on(n);
            self.start_well(n);
            self.set_http(n, 200);
            self.nodes[n].fuse = None;
            self.nodes[n].hang = 0;
            (self.nodes[n].ahead, self.nodes[n].lie) = (0, None);
            self.nodes[n].disk.0.borrow_mut().crash = None;
            self.pair.databases[n].edit(|c| c.members[n].is_stuck = false);
            self.pair.databases[n].edit(|c| c.members[n].failing.clear());
        }
        self.pair.link.can_fetch.store(true, Ordering::Relaxed);
        (self.is_lossy, self.is_calm, self.calm_since) = (false, true, self.now);
    }

    /// The most delicate moment there is: this node is down and the other one dies.
    pub(crate) fn ambush(&mut self, n: usize) {
        let often = if self.options.mutant == Some(Mutant::Helpless) {
            500
        } else {
            100
        };
        if self.options.has_faults && !self.is_calm && self.dice.chance(often) {
            let most = if self.dice.chance(500) { 200 } else { 2_000 };
            let after = self.dice.below(most);
            self.at(after, Ev::Fault(Fault::Power(1 - n)));
        }
    }

    /// What a look at a row is told to be, once, whatever it was.
    pub(crate) fn lie(
        &mut self,
        n: usize,
        slot: &Slot,
        looked: StepResult<Verdict>,
    ) -> StepResult<Verdict> {
        let is_done = matches!(looked, Ok(Verdict::Done(_)));
        // A fence that says it is done and is not leaves nothing to hold to.
        let can_lie = !slot.job.key.solo;
        match self.nodes[n].lie.filter(|_| can_lie) {
            Some(Lie::Done) if slot.has_begun && !is_done => {
                self.nodes[n].lie = None;
                self.say(|| format!("{} LIE {} is done", Self::name(n), slot.def.name));
                Ok(Verdict::done())
            }
            Some(Lie::Failed) if is_done => {
                self.nodes[n].lie = None;
                self.say(|| format!("{} LIE {} has failed", Self::name(n), slot.def.name));
                Err(StepError::fatal("it has failed", "look at it"))
            }
            Some(Lie::Done | Lie::Failed) | None => looked,
        }
    }

    fn set_mute(&mut self, n: usize, is_mute: bool) {
        self.mute[n] = is_mute;
        let answers = self.is_linked();
        for n in 0..2 {
            let answers = answers && self.nodes[n].side.is_some();
            self.pair.link.answers[n].store(answers, Ordering::Relaxed);
        }
    }

    fn service_dies(&mut self, n: usize) {
        let unit = SERVICES[usize::try_from(self.dice.below(2)).unwrap_or(0)];
        self.pair.hosts[n].edit(|w| {
            let state = &mut w.units.entry(unit.to_owned()).or_default().state;
            if state.active == Active::Active {
                (state.active, state.main_pid, state.processes) = (Active::Failed, None, 0);
            }
        });
        self.note_serving(n, false);
    }

    fn set_start(&mut self, n: usize, on_start: OnStart, ready: Option<Duration>) {
        self.pair.hosts[n].edit(|w| {
            let unit = w.units.entry(SERVICES[1].to_owned()).or_default();
            unit.on_start = on_start;
            unit.ready_after = ready.unwrap_or(unit.ready_after);
        });
    }

    fn start_well(&mut self, n: usize) {
        let now = self.time();
        self.pair.hosts[n].edit(|w| {
            for unit in SERVICES {
                let unit = w.units.entry(unit.to_owned()).or_default();
                (unit.on_start, unit.ready_after) = (OnStart::Runs, Duration::from_millis(700));
                unit.ready_at = unit.ready_at.min(now + Duration::from_millis(700));
                if unit.state.active == Active::Activating {
                    unit.state.active = Active::Failed;
                }
            }
        });
        self.note_serving(n, false);
    }

    fn set_http(&mut self, n: usize, status: u16) {
        self.pair.hosts[n].edit(|w| {
            if let Some(answer) = w.http.get_mut(URL) {
                answer.status = status;
            }
        });
    }

    fn set_failing(&mut self, n: usize, operation: &'static str, times: u32) {
        self.pair.databases[n].edit(|c| c.members[n].failing.insert(operation, times));
    }
}
