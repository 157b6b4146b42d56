//! Runs the one job that the core wants on this node, on a thread of its own.
use super::mailbox::{Mailbox, Post};
use super::site::Site;
use crate::core::{Event, Job, JobKey, Outcome, Problem, Rollout, Verb};
use crate::host::Host;
use crate::steps::{self, Cx, Tally};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

/// Looks follow each other quickly at first, for what takes milliseconds.
const LOOK_FIRST: Duration = Duration::from_millis(5);
const LOOK_LAST: Duration = Duration::from_millis(250);

/// Bytes of a note, or of a problem's sentence.
const WORDS_MOST: usize = 2_000;

struct Running {
    key: JobKey,
    cancelled: Arc<AtomicBool>,
}

pub(super) struct Executor {
    site: Arc<Site>,
    mailbox: Mailbox,
    running: Option<Running>,
    /// `Intents::may_stop`, for the job at work.
    may_stop: Arc<AtomicBool>,
}

impl Executor {
    pub(super) fn new(site: Arc<Site>, mailbox: Mailbox) -> Self {
        Self {
            site,
            mailbox,
            running: None,
            may_stop: Arc::default(),
        }
    }

    pub(super) fn is_busy(&self) -> bool {
        self.running.is_some()
    }

    /// Makes what runs be what is wanted. A job that is no longer wanted is left to finish, unless
    /// another one waits for its place.
    pub(super) fn reconcile(
        &mut self,
        job: Option<&Job>,
        may_stop: bool,
        rollout: Option<&Rollout>,
    ) {
        self.may_stop.store(may_stop, Ordering::Relaxed);
        let (Some(job), Some(rollout)) = (job, rollout) else {
            return;
        };
        if let Some(running) = &self.running {
            if running.key != job.key {
                running.cancelled.store(true, Ordering::Relaxed);
            }
            return;
        }
        let cancelled = Arc::new(AtomicBool::new(false));
        self.running = Some(Running {
            key: job.key.clone(),
            cancelled: Arc::clone(&cancelled),
        });
        let (site, mailbox) = (Arc::clone(&self.site), self.mailbox.clone());
        let (job, rollout) = (job.clone(), rollout.clone());
        let may_stop = Arc::clone(&self.may_stop);
        thread::spawn(move || {
            let outcome = short(work(&site, &job, &rollout, &cancelled, &may_stop));
            mailbox.post(Post::Event(Event::JobEnded {
                key: job.key,
                outcome,
            }));
        });
    }

    /// The job's thread has said its last word.
    pub(super) fn ended(&mut self, key: &JobKey) {
        if self
            .running
            .as_ref()
            .is_some_and(|running| running.key == *key)
        {
            self.running = None;
        }
    }
}

/// What a step says travels in every Hello and stands in the journal more than once: a list of ten
/// thousand files would make the other node refuse to listen.
fn short(outcome: Outcome) -> Outcome {
    let problem = |p: Problem| Problem {
        what: clip(p.what),
        remedy: clip(p.remedy),
    };
    match outcome {
        Outcome::Done { note } => Outcome::Done { note: clip(note) },
        Outcome::Retry(p) => Outcome::Retry(problem(p)),
        Outcome::Failed(p) => Outcome::Failed(problem(p)),
        Outcome::Untouched(p) => Outcome::Untouched(problem(p)),
    }
}

fn clip(mut text: String) -> String {
    if text.len() > WORDS_MOST {
        let whole = |at: &usize| text.is_char_boundary(*at);
        let end = (0..=WORDS_MOST).rev().find(whole).unwrap_or_default();
        text.truncate(end);
        text.push('…');
    }
    text
}

fn work(
    site: &Site,
    job: &Job,
    rollout: &Rollout,
    cancelled: &AtomicBool,
    may_stop: &AtomicBool,
) -> Outcome {
    let row = &rollout.plan.rows[job.key.row];
    let Some(def) = steps::find(&row.step) else {
        let what = format!(
            "this version of hau-sidecar has no step called {}",
            row.step
        );
        let remedy = "install the same version of hau on both nodes".to_owned();
        return Outcome::Failed(Problem { what, remedy });
    };
    let reports = rollout.peers.with(&rollout.mine);
    let vips = site.vips();
    let mut cx = Cx {
        host: site,
        database: site.database(),
        settings: site.settings(),
        vips: &vips,
        state_dir: site.state_dir(),
        plan: &rollout.plan,
        me: site.me(),
        row: job.key.row,
        reports: &reports,
        deadline: job.deadline,
        may_stop: may_stop.load(Ordering::Relaxed),
        tally: Tally::default(),
    };
    if cancelled.load(Ordering::Relaxed) {
        let what = format!("{} was called off before it began", def.name);
        let remedy = String::new();
        return Outcome::Retry(Problem { what, remedy });
    }
    if let Err(e) = steps::begin(def, job.verb, &mut cx)
        && let Some(outcome) = steps::outcome(def, Err(e), false)
    {
        return outcome;
    }
    let mut pause = LOOK_FIRST;
    loop {
        let moment = site.moments.passed();
        cx.may_stop = may_stop.load(Ordering::Relaxed);
        let looked = steps::look(def, job.verb, &mut cx);
        tracing::debug!(
            HAU_STEP = def.name,
            undo = job.verb == Verb::Undo,
            "looked: {looked:?}"
        );
        let is_over = site.now() >= job.deadline || cancelled.load(Ordering::Relaxed);
        if let Some(outcome) = steps::outcome(def, looked, is_over) {
            return outcome;
        }
        site.moments.wait(moment, pause);
        pause = (pause * 2).min(LOOK_LAST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_words_are_cut_between_letters() {
        assert_eq!(clip("fits".into()), "fits");
        let long = clip("é".repeat(WORDS_MOST));
        assert!(long.len() <= WORDS_MOST + '…'.len_utf8() && long.ends_with("é…"));
        let failed = Outcome::Failed(Problem {
            what: "x".repeat(1 << 20),
            remedy: String::new(),
        });
        let Outcome::Failed(problem) = short(failed) else {
            panic!("it stays a failure");
        };
        assert!(problem.what.len() < 2 * WORDS_MOST);
    }
}
