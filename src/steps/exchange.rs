//! Rows of a rollback that restores the database: the dump beside the running database, then in its
//! place. Between the two nothing has been changed; what was replaced is kept until a person drops it.
use super::services::{all_listen, bring_down, start_all};
use super::{Check, Cx, Limit, Only, QUIET, Step, StepDef, StepError, StepResult, Verdict};
use super::{health, start, stop};
use crate::backup;
use crate::core::{DatabaseRole, Undo};

pub(super) const BESIDE: StepDef = StepDef {
    name: "restore_beside",
    about: "restore the backup's dump into a database beside the running one; compare tables and rows",
    undo: Undo::Run,
    limit: Limit::Backup,
    only: Only::Dump,
    attempts: 2,
    step: &RestoreBeside,
    ..QUIET
};

/// The one row that stops the services on the MASTER: the other node's are stopped, too, and nobody
/// may write while the names change.
pub(super) const DEF: StepDef = StepDef {
    name: "exchange",
    about: "stop the services, put the restored database in the place of the running one, start them",
    restores: true,
    undo: Undo::Run,
    limit: Limit::Start,
    only: Only::Dump,
    step: &Exchange,
    ..QUIET
};

/// On the other node, meanwhile: its services follow the old database and none starts by itself.
pub(super) const CLOSE: StepDef = StepDef {
    only: Only::Dump,
    ..stop::DEF
};

pub(super) const OPEN: StepDef = StepDef {
    only: Only::Dump,
    ..start::DEF
};

pub(super) const WELL: StepDef = StepDef {
    only: Only::Dump,
    ..health::DEF
};

struct RestoreBeside;

fn on_the_primary(cx: &Cx<'_>) -> StepResult<()> {
    if cx.database.role()? == DatabaseRole::Primary {
        return Ok(());
    }
    Err(StepError::fatal(
        told!("the database of this node is not the primary"),
        told!("hau-ctl abort; bring VIP and primary together first"),
    ))
}

impl Step for RestoreBeside {
    fn precheck(&self, cx: &mut Cx<'_>) -> StepResult<Check> {
        on_the_primary(cx)?;
        if cx.database.restores()?.beside()?.replaced {
            return Err(StepError::fatal(
                told!("the database hau_replaced is still there, from an earlier restore"),
                told!("see whether anything of it is needed, drop it, then hau-ctl retry"),
            ));
        }
        Ok(Check::Ready)
    }

    fn run(&self, cx: &mut Cx<'_>) -> StepResult<()> {
        let dir = cx.backup_dir()?;
        let seen = backup::mark(cx.host, &dir)?.unwrap_or_default().rows;
        let dump = dir.join(backup::DUMP);
        let restored = cx.database.restores()?.restore_beside(&dump, cx.left())?;
        cx.tally.mark = told!("{} tables restored", restored.len());
        match super::backup::difference(&seen, &restored) {
            Some(differs) => {
                cx.database.restores()?.drop_beside(cx.left())?;
                let remedy = told!(
                    "hau-ctl abort; the dump is not what the backup says: name another backup"
                );
                Err(StepError::fatal(differs, remedy))
            }
            None => Ok(()),
        }
    }

    fn verify(&self, cx: &mut Cx<'_>) -> StepResult<Verdict> {
        if cx.database.restores()?.beside()?.restored {
            return Ok(Verdict::Done(cx.tally.mark.clone()));
        }
        let what = told!("the restored database is not there");
        Err(StepError::retry(what, "hau-ctl retry"))
    }

    fn undo(&self, cx: &mut Cx<'_>) -> StepResult<Verdict> {
        if cx.database.role()? == DatabaseRole::Primary {
            cx.database.restores()?.drop_beside(cx.left())?;
        }
        Ok(Verdict::done())
    }
}

struct Exchange;

impl Step for Exchange {
    fn precheck(&self, cx: &mut Cx<'_>) -> StepResult<Check> {
        on_the_primary(cx)?;
        let is_up = matches!(all_listen(cx), Ok(Verdict::Done(_)));
        Ok(if is_up && !cx.database.restores()?.beside()?.restored {
            Check::AlreadyDone
        } else {
            Check::Ready
        })
    }

    fn run(&self, cx: &mut Cx<'_>) -> StepResult<()> {
        if cx.database.restores()?.beside()?.restored {
            let exchanged = exchange(cx);
            // Whichever database it is: the users have one again.
            start_all(cx)?;
            return exchanged;
        }
        start_all(cx)
    }

    fn verify(&self, cx: &mut Cx<'_>) -> StepResult<Verdict> {
        all_listen(cx)
    }

    /// What was put in place stays, with what has been written to it since.
    fn undo(&self, cx: &mut Cx<'_>) -> StepResult<Verdict> {
        start_all(cx)?;
        all_listen(cx)
    }
}

fn exchange(cx: &Cx<'_>) -> StepResult<()> {
    bring_down(cx)?;
    Ok(cx.database.restores()?.exchange(cx.left() / 2)?)
}
