//! What a step is given, what it answers, and what it must be able to do.
use crate::config::Settings;
use crate::core::{NodeId, Plan, Problem, Reports, RowState, Turn};
use crate::database::{Database, DatabaseError};
use crate::host::{BundlePolicy, Host, HostError};
use crate::time::Time;
use std::{net::IpAddr, path::PathBuf, time::Duration};

/// One row's world: the node it runs on, the plan it is part of, the time it has.
pub struct Cx<'a> {
    pub host: &'a dyn Host,
    pub database: &'a dyn Database,
    pub settings: &'a Settings,
    pub vips: &'a [IpAddr],
    /// hau's own folder, `/var/lib/hau`.
    pub state_dir: &'a std::path::Path,
    pub plan: &'a Plan,
    pub me: &'a NodeId,
    pub row: usize,
    /// Both nodes' reports when the job began.
    pub reports: &'a Reports,
    pub deadline: Time,
    /// The core's last word on what cannot be taken back: in a rollout, that services that serve may be stopped
    /// here, as the other node serves; in what a node does on its own, that it may still go on.
    pub may_stop: bool,
    /// Kept between the looks of one job's `verify`; lost in a crash.
    pub tally: Tally,
}

/// Memory of a `verify` that must see something hold for a while.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub good: u32,
    pub bad: u32,
    pub since: Option<Time>,
    pub mark: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    Ready,
    /// Reality is already as this row would make it: a crash or a person got here before.
    AlreadyDone,
}

/// A look at what should become true.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// True, with what later rows or the record may want to know.
    Done(String),
    /// Not yet, because …; looked at again until the row's limit.
    NotYet(String),
}

impl Verdict {
    pub fn done() -> Self {
        Self::Done(String::new())
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepError {
    /// Worth another attempt, if the row has one.
    Retry(Problem),
    Fatal(Problem),
    /// As `Fatal`, where it is certain that nothing of the row was done, now or before.
    Untouched(Problem),
}

pub type StepResult<T> = Result<T, StepError>;

impl StepError {
    pub fn fatal(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::Fatal(Problem {
            what: what.into(),
            remedy: remedy.into(),
        })
    }

    pub fn untouched(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::Untouched(Problem {
            what: what.into(),
            remedy: remedy.into(),
        })
    }

    pub fn retry(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::Retry(Problem {
            what: what.into(),
            remedy: remedy.into(),
        })
    }

    pub fn problem(&self) -> &Problem {
        match self {
            Self::Retry(problem) | Self::Fatal(problem) | Self::Untouched(problem) => problem,
        }
    }
}

impl From<HostError> for StepError {
    fn from(e: HostError) -> Self {
        Self::retry(
            e.to_string(),
            told!("mend that, then hau-ctl retry; or hau-ctl abort"),
        )
    }
}

impl From<DatabaseError> for StepError {
    fn from(e: DatabaseError) -> Self {
        let problem = Problem {
            what: e.what,
            remedy: e.remedy,
        };
        if e.transient {
            Self::Retry(problem)
        } else {
            Self::Fatal(problem)
        }
    }
}

/// One step of a rollout. All four may be repeated, at any point of themselves.
pub trait Step: Sync {
    /// Looks at reality before anything is done.
    ///
    /// # Errors
    /// When the row cannot be done, said before anything has changed.
    fn precheck(&self, cx: &mut Cx<'_>) -> StepResult<Check>;
    /// Does it.
    ///
    /// # Errors
    /// When it could not be done.
    fn run(&self, cx: &mut Cx<'_>) -> StepResult<()>;
    /// Would a stranger who looks agree that it is done? Asked until it says so or time is up.
    ///
    /// # Errors
    /// When waiting longer is pointless.
    fn verify(&self, cx: &mut Cx<'_>) -> StepResult<Verdict>;
    /// Restores what was there before `run`, from what `run` put aside. Asked like `verify`.
    ///
    /// # Errors
    /// When it cannot be taken back.
    fn undo(&self, _cx: &mut Cx<'_>) -> StepResult<Verdict> {
        Ok(Verdict::done())
    }
}

impl Cx<'_> {
    /// What is left of the row's limit; never zero, so that a wait can still say it was too long.
    pub fn left(&self) -> Duration {
        self.deadline
            .since(self.host.now())
            .max(Duration::from_millis(1))
    }

    pub fn turn(&self) -> Turn {
        if *self.me == self.plan.first {
            Turn::First
        } else {
            Turn::Second
        }
    }

    pub fn peer(&self) -> &NodeId {
        if *self.me == self.plan.first {
            &self.plan.second
        } else {
            &self.plan.first
        }
    }

    /// What a step noted when it was done, on whichever node it belongs to.
    pub fn note(&self, step: &str) -> Option<&str> {
        let rows = self.plan.rows.iter().enumerate();
        let done = rows
            .filter(|(_, row)| row.step == step)
            .filter_map(|(n, _)| self.reports.get(n));
        done.filter(|r| r.state == RowState::Done)
            .map(|r| r.note.as_str())
            .next_back()
    }

    /// What this row noted when it was done, for taking it back.
    pub fn own_note(&self) -> Option<&str> {
        let note = self.reports.get(self.row).map(|r| r.note.as_str());
        note.filter(|note| !note.is_empty())
    }

    pub fn release_dir(&self, version: &str) -> PathBuf {
        self.settings.release.root.join("releases").join(version)
    }

    pub fn current_link(&self) -> PathBuf {
        self.settings.release.root.join("current")
    }

    /// The version that `current` points to.
    pub fn current_version(&self) -> Option<String> {
        let target = self.host.link_target(&self.current_link())?;
        Some(target.file_name()?.to_string_lossy().into_owned())
    }

    /// Where this rollout puts things aside on this node.
    pub fn aside(&self) -> PathBuf {
        self.state_dir
            .join("staging")
            .join(format!("rollout-{}", self.plan.id.number))
    }

    /// The backup on this node that a rollback goes back to.
    ///
    /// # Errors
    /// When the plan has none: the table put a rollback's row into another plan.
    pub fn backup_dir(&self) -> StepResult<PathBuf> {
        let Some(way_back) = &self.plan.way_back else {
            return Err(StepError::fatal(
                told!("this plan goes back to no backup"),
                told!("start it again: hau-ctl rollback"),
            ));
        };
        Ok(self.settings.backup.dir.join(&way_back.backup))
    }

    /// The plan's bundle on this node.
    ///
    /// # Errors
    /// When the plan has none: the table put a bundle's row into a plan without one.
    pub fn bundle_path(&self) -> StepResult<PathBuf> {
        let Some(bundle) = &self.plan.bundle else {
            return Err(StepError::fatal(
                told!("this plan has no bundle"),
                told!("start it again with one"),
            ));
        };
        Ok(self.settings.bundle.incoming.join(&bundle.file))
    }

    pub fn bundle_policy(&self) -> BundlePolicy {
        let product = self.settings.cluster.name.clone();
        // The version was held against the installed one when the plan was made.
        BundlePolicy {
            product,
            installed: None,
            at: self.plan.made_at,
        }
    }
}
