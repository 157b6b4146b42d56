//! Rows: the standby has replayed the schema, so the new version finds it; or all that there is, so it may be promoted.
use super::{Check, Cx, Limit, Only, QUIET, Step, StepDef, StepError, StepResult, Verdict};
use crate::core::DatabaseRole;

pub(super) const DEF: StepDef = StepDef {
    name: "catch_up",
    about: "wait until the standby has replayed the schema",
    limit: Limit::Schema,
    only: Only::Schema,
    step: &CatchUp,
    ..QUIET
};

/// A row of its own in front of the promotion: what is missing is found while the old primary can still be taken back.
pub(super) const ALL: StepDef = StepDef {
    name: "replay",
    about: "wait until the standby has replayed the last of the old primary's log",
    only: Only::Database,
    step: &ReplayAll,
    ..QUIET
};

struct CatchUp;

struct ReplayAll;

impl Step for CatchUp {
    fn precheck(&self, _cx: &mut Cx<'_>) -> StepResult<Check> {
        Ok(Check::Ready)
    }

    fn run(&self, _cx: &mut Cx<'_>) -> StepResult<()> {
        Ok(())
    }

    fn verify(&self, cx: &mut Cx<'_>) -> StepResult<Verdict> {
        let wanted = cx.note("schema").unwrap_or_default().to_owned();
        let there = cx.database.has_replayed(&wanted)?;
        Ok(if there {
            Verdict::Done(wanted)
        } else {
            Verdict::NotYet(format!("not yet at {wanted}"))
        })
    }
}

impl Step for ReplayAll {
    fn precheck(&self, _cx: &mut Cx<'_>) -> StepResult<Check> {
        Ok(Check::Ready)
    }

    fn run(&self, _cx: &mut Cx<'_>) -> StepResult<()> {
        Ok(())
    }

    fn verify(&self, cx: &mut Cx<'_>) -> StepResult<Verdict> {
        let Some(last) = cx.note("demote").map(str::to_owned) else {
            let what = "the old primary has not said where it stopped";
            let remedy = "hau-ctl retry when the other node is heard again";
            return Err(StepError::fatal(what, remedy));
        };
        let db = cx.database;
        // A failover in between has made it primary: with what it had.
        let there = db.has_replayed(&last)? || db.role()? == DatabaseRole::Primary;
        Ok(if there {
            Verdict::Done(last)
        } else {
            Verdict::NotYet(format!("this standby is not yet at {last}"))
        })
    }
}
