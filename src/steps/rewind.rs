//! Rows: the database that was primary goes back to where the new one left it, or is copied anew.
use super::{Check, Cx, Only, QUIET, Step, StepDef, StepResult, Verdict};
use crate::core::DatabaseRole;

pub(super) const DEF: StepDef = StepDef {
    name: "rewind",
    about: "take back what the new primary never got from this database",
    only: Only::Rebuild(false),
    limit: super::Limit::Seconds(600),
    step: &Rewind { rebuild: false },
    ..QUIET
};

pub(super) const REBUILD: StepDef = StepDef {
    name: "rebuild",
    about: "copy the new primary's database anew",
    only: Only::Rebuild(true),
    limit: super::Limit::Backup,
    step: &Rewind { rebuild: true },
    ..QUIET
};

struct Rewind {
    rebuild: bool,
}

impl Step for Rewind {
    fn precheck(&self, cx: &mut Cx<'_>) -> StepResult<Check> {
        let follows = cx.database.role().ok() == Some(DatabaseRole::Standby)
            && cx.database.replication()?.streaming;
        Ok(if follows {
            Check::AlreadyDone
        } else {
            Check::Ready
        })
    }

    fn run(&self, cx: &mut Cx<'_>) -> StepResult<()> {
        Ok(cx.database.rewind(self.rebuild, cx.left())?)
    }

    /// That it follows is seen by the next row, which starts it.
    fn verify(&self, _cx: &mut Cx<'_>) -> StepResult<Verdict> {
        Ok(Verdict::done())
    }
}
