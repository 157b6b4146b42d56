//! The flow of a rollout, in one place: given what is known and what happened, what is now true?
use super::back::take_back_rows;
use super::gate::{may_begin, may_start, next_row, peer_in_step};
use super::reports::fresh;
use super::solo;
use super::watch::{expire, learn_home, survive, take_back};
use super::{
    Actor, Command, Direction, Event, JobKey, Mandate, Order, Outcome, Plan, Record, Refusal,
    Reply, Report, RolloutResult, RolloutView, RowState, State,
};
use crate::time::Time;
use std::{borrow::Cow, sync::Arc, time::Duration};

/// The result of deciding: facts to journal, and an answer for whoever asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    pub records: Vec<Record>,
    pub reply: Option<Reply>,
}

/// A copy of the state that moves along as facts are added, so each rule sees the ones before it.
pub(super) struct Draft<'a> {
    /// Cloned when the first fact is added; most turns add none.
    pub(super) state: Cow<'a, State>,
    pub(super) now: Time,
    records: Vec<Record>,
}

impl Draft<'_> {
    pub(super) fn push(&mut self, record: Record) {
        self.state.to_mut().journaled.apply(&record);
        self.records.push(record);
    }

    pub(super) fn report(&mut self, row: usize, report: Report) {
        self.push(Record::RowReported { row, report });
    }
}

pub fn decide(state: &State, now: Time, event: &Event) -> Decision {
    let mut draft = Draft {
        state: Cow::Borrowed(state),
        now,
        records: Vec::new(),
    };
    let mut reply = None;
    match event {
        Event::Started { host_boot } => begin_life(&mut draft, host_boot),
        Event::Command(Command::Start(plan)) => reply = Some(start(&mut draft, plan)),
        Event::Command(Command::Alone { plan, accepts_loss }) => {
            reply = Some(solo::start(&mut draft, plan, *accepts_loss));
        }
        Event::Command(Command::Order { order, by }) => {
            reply = Some(on_order(&mut draft, *order, by));
        }
        Event::JobEnded { key, outcome } => on_job_ended(&mut draft, key, outcome),
        Event::Local(_) | Event::Hello(_) | Event::Tick => {}
    }
    if let Some((hello, _)) = &state.observed.peer
        && let Some(view) = &hello.rollout
    {
        take_plan(&mut draft, view, hello.installed);
        take_mandate(&mut draft, view);
        take_reports(&mut draft, view, (hello.boot, hello.sequence));
    }
    learn_home(&mut draft);
    solo::look_around(&mut draft);
    survive(&mut draft);
    expire(&mut draft);
    take_back(&mut draft);
    solo::advance(&mut draft);
    advance(&mut draft);
    end(&mut draft);
    Decision {
        records: draft.records,
        reply,
    }
}

fn begin_life(draft: &mut Draft<'_>, host_boot: &str) {
    let was_off = draft.state.journaled.host_boot != host_boot;
    draft.push(Record::Started {
        boot: draft.state.journaled.boot + 1,
        host_boot: host_boot.to_owned(),
        at: draft.now,
    });
    if was_off {
        solo::judge_anew(draft);
    }
}

fn start(draft: &mut Draft<'_>, plan: &Plan) -> Reply {
    if let Err(refusal) = may_begin(&draft.state, plan, draft.now) {
        return Reply::Refused(refusal);
    }
    // The last one heard, be it long ago.
    let hello = draft.state.observed.peer.as_ref().map(|(hello, _)| hello);
    let journaled = &draft.state.journaled;
    let known = [&journaled.rollout, &journaled.solo].into_iter().flatten();
    let heard = hello.and_then(|hello| hello.rollout.as_ref());
    let former = known.map(|r| &r.plan).chain(heard.map(|view| &view.plan));
    let number = former.clone().map(|plan| plan.id.number).max();
    // Backups are named by it and the newest one is kept, even by a clock that was set back.
    let after = former
        .map(|plan| plan.made_at + Duration::from_secs(1))
        .max();
    let with = hello
        .filter(|_| !plan.is_alone())
        .map(|hello| hello.installed);
    let mut plan = Plan::clone(plan);
    plan.id.number = number.unwrap_or(0) + 1;
    plan.id.origin = draft.state.me.clone();
    plan.made_at = after.map_or(draft.now, |after| after.max(draft.now));
    plan.home_before = draft.state.home().cloned();
    let mandate = Arc::new(Mandate {
        epoch: 0,
        origin: draft.state.me.clone(),
        order: Order::Start,
        direction: Direction::Forward,
        by: plan.by.clone(),
        at: draft.now,
    });
    let rollout = plan.id.number;
    adopt(draft, Arc::new(plan), mandate, with);
    Reply::Accepted { rollout }
}

/// Takes a plan; the rollout in whose place it comes ends first.
fn adopt(draft: &mut Draft<'_>, plan: Arc<Plan>, mandate: Arc<Mandate>, with: Option<Time>) {
    if let Some(old) = draft.state.running()
        && (plan.replaces(&old.plan.id) || plan.is_alone())
    {
        let (result, at) = (RolloutResult::Failed, draft.now);
        draft.push(Record::RolloutEnded { result, at });
    }
    draft.push(Record::PlanAdopted {
        plan,
        mandate,
        with,
    });
}

fn on_order(draft: &mut Draft<'_>, order: Order, by: &Actor) -> Reply {
    let Some(rollout) = draft.state.running() else {
        return Reply::Refused(Refusal::NothingRunning);
    };
    let (me, halted) = (&draft.state.me, rollout.halted_by());
    let waits = draft.state.standing(draft.now);
    let waits = waits.is_some_and(|(_, closed)| closed == Some(super::Closed::StopAsked));
    let confirmable = halted.is_some_and(|(row, _)| rollout.plan.rows[row].confirmable);
    let refusal = match (order, rollout.mandate.direction) {
        (Order::Abort | Order::Confirm, Direction::Back) => Some(Refusal::GoingBack),
        (Order::Abort, Direction::Forward) if rollout.is_undecided(me) => Some(Refusal::Undecided),
        (Order::Abort, Direction::Forward) if rollout.is_past_abort(me) => Some(Refusal::TooLate),
        (Order::Retry, _) if halted.is_none() && !waits => Some(Refusal::NotHalted),
        (Order::Confirm, Direction::Forward) if !confirmable => Some(Refusal::NotConfirmable),
        (Order::Start | Order::Retry | Order::Confirm | Order::Abort, _) => None,
    };
    if let Some(refusal) = refusal {
        return Reply::Refused(refusal);
    }
    let number = rollout.plan.id.number;
    mandate(draft, order, by.clone());
    Reply::Accepted { rollout: number }
}

/// Puts the running rollout under a new order of this node.
pub(super) fn mandate(draft: &mut Draft<'_>, order: Order, by: Actor) {
    let (me, at) = (draft.state.me.clone(), draft.now);
    let Some(rollout) = draft.state.running() else {
        return;
    };
    let direction = match order {
        Order::Abort => Direction::Back,
        Order::Start | Order::Retry | Order::Confirm => rollout.mandate.direction,
    };
    let epoch = rollout.mandate.epoch + 1;
    let mandate = Mandate {
        epoch,
        origin: me,
        order,
        direction,
        by,
        at,
    };
    take(draft, Arc::new(mandate));
}

/// Takes a mandate, whoever gave it; a confirmation settles this node's own failed row.
fn take(draft: &mut Draft<'_>, mandate: Arc<Mandate>) {
    let Some(rollout) = draft.state.running() else {
        return;
    };
    let failed = rollout
        .mine
        .iter()
        .find(|(row, r)| r.state == RowState::Failed && rollout.plan.rows[*row].confirmable);
    let failed = failed.map(|(row, report)| (row, report.clone()));
    let confirmed = (mandate.order == Order::Confirm)
        .then_some(failed)
        .flatten();
    draft.push(Record::MandateTaken {
        mandate: mandate.clone(),
    });
    if let Some((row, report)) = confirmed {
        let why = mandate.by.reason.as_deref().unwrap_or("no reason given");
        let note = format!("confirmed by {}: {why}", mandate.by.user);
        let (epoch, at) = (mandate.epoch, draft.now);
        draft.report(
            row,
            Report {
                state: RowState::Done,
                note,
                epoch,
                at,
                ..report
            },
        );
    }
}

/// The local executor has finished a job.
fn on_job_ended(draft: &mut Draft<'_>, key: &JobKey, outcome: &Outcome) {
    let s = &*draft.state;
    let running = if key.solo {
        s.running_solo()
    } else {
        s.running()
    };
    let Some(rollout) = running else { return };
    if s.job_key(rollout, key.row).as_ref() != Some(key) {
        return;
    }
    let (Some(old), row) = (rollout.mine.get(key.row), &rollout.plan.rows[key.row]) else {
        return;
    };
    let again = old.attempt < row.attempts;
    let (done, failed) = match key.direction {
        Direction::Forward => (RowState::Done, RowState::Failed),
        Direction::Back => (RowState::Undone, RowState::UndoFailed),
    };
    let mut report = Report {
        at: draft.now,
        ..old.clone()
    };
    match outcome {
        Outcome::Done { note } => {
            report.state = done;
            report.problem = None;
            report.note.clone_from(note);
        }
        Outcome::Retry(problem) if again => {
            report.attempt += 1;
            report.started_at = draft.now;
            report.problem = Some(problem.clone());
        }
        Outcome::Retry(problem) | Outcome::Failed(problem) | Outcome::Untouched(problem) => {
            report.state = failed;
            report.problem = Some(problem.clone());
            let forward = key.direction == Direction::Forward;
            report.untouched = forward && matches!(outcome, Outcome::Untouched(_));
        }
    }
    draft.report_of(key.solo, key.row, report);
}

/// The peer tells of a plan this node does not know, or of one that beats an own one not begun.
/// One that is done with a journal of this node that is gone is not this node's to go on with.
fn take_plan(draft: &mut Draft<'_>, view: &RolloutView, installed: Time) {
    let known = draft.state.journaled.rollout.as_ref();
    let newer = known.is_none_or(|r| view.plan.id.beats(&r.plan.id));
    let busy = draft.state.observed.local.busy;
    // What the other node did alone is learnt when it is over, too, and whatever was under way here ends
    // with it: of that, it may not have known.
    let alone = view.plan.is_alone();
    let theirs = view.plan.is_alone_of(&draft.state.peer);
    let free = known.is_none_or(|r| {
        let replaced = (theirs || view.plan.replaces(&r.plan.id)) && !busy && !r.is_open();
        r.ended.is_some() || r.mine.is_empty() || replaced
    });
    let me = draft.state.journaled.installed;
    let is_news = theirs || !(view.ended || alone);
    if newer && free && is_news && view.with.is_none_or(|with| with == me) {
        let with = Some(installed).filter(|_| !alone);
        adopt(draft, view.plan.clone(), view.mandate.clone(), with);
    }
}

fn take_mandate(draft: &mut Draft<'_>, view: &RolloutView) {
    let Some(rollout) = draft.state.running() else {
        return;
    };
    if rollout.plan.id == view.plan.id && view.mandate.beats(&rollout.mandate) {
        take(draft, view.mandate.clone());
    }
}

fn take_reports(draft: &mut Draft<'_>, view: &RolloutView, told: (u64, u64)) {
    let Some(rollout) = draft.state.journaled.rollout.as_ref() else {
        return;
    };
    let has_moved = view.has_moved;
    let is_news = rollout.peers != view.reports || (has_moved && !rollout.has_moved);
    if rollout.plan.id == view.plan.id && told > rollout.told && is_news {
        let reports = view.reports.clone();
        draft.push(Record::PeerReported {
            reports,
            told,
            has_moved,
        });
    }
}

/// Starts the next row of this node, or takes back the next one.
fn advance(draft: &mut Draft<'_>) {
    let Some(rollout) = draft.state.running() else {
        return;
    };
    if rollout.halted_by().is_some() {
        return;
    }
    match rollout.mandate.direction {
        Direction::Forward => forward(draft),
        Direction::Back => take_back_rows(draft),
    }
}

fn forward(draft: &mut Draft<'_>) {
    let (s, now) = (&*draft.state, draft.now);
    let Some(rollout) = s.running() else { return };
    let Some(row) = next_row(s, rollout) else {
        return;
    };
    let begun = rollout
        .mine
        .get(row)
        .is_some_and(|r| r.state == RowState::Started);
    if !begun && may_start(s, rollout, row, now).is_ok() {
        let report = fresh(rollout, RowState::Started, now);
        draft.report(row, report);
    }
}

/// Both nodes have nothing left to do.
fn end(draft: &mut Draft<'_>) {
    let (s, at) = (&*draft.state, draft.now);
    let Some(rollout) = s.running() else { return };
    let mut rows = 0..rollout.plan.rows.len();
    let result = match rollout.mandate.direction {
        Direction::Forward if rows.all(|n| rollout.is_done(&s.me, n)) => RolloutResult::Succeeded,
        Direction::Forward => return,
        Direction::Back => {
            let barrier = rollout.barrier(&s.me);
            let undecided = barrier.filter(|_| rollout.is_undecided(&s.me));
            let settled = |n: usize| {
                (rollout.is_kept(barrier, n) && undecided != Some(n))
                    || rollout
                        .report(&s.me, n)
                        .map_or(!rollout.is_inherited(n), |r| r.state == RowState::Undone)
            };
            let Ok(theirs) = peer_in_step(s, rollout, at) else {
                return;
            };
            // Of a peer that has lost its journal nothing more will come.
            let counts = |n: usize| theirs.is_some() || rollout.plan.rows[n].node == s.me;
            if !rows.all(|n| !counts(n) || settled(n)) {
                return;
            }
            RolloutResult::Failed
        }
    };
    draft.push(Record::RolloutEnded { result, at });
}
