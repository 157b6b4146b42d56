//! Row: a full backup exists and was read back. Before it nothing the service can see has changed.
use super::{Check, Cx, Limit, QUIET, Step, StepDef, StepResult, Verdict};
use crate::backup;

pub(super) const DEF: StepDef = StepDef {
    name: "backup",
    about: "back up code, configuration, root key (encrypted) and database; read the checksums back",
    limit: Limit::Backup,
    attempts: 2,
    step: &Backup,
    ..QUIET
};

struct Backup;

fn name(cx: &Cx<'_>) -> String {
    backup::name(cx.plan.made_at)
}

impl Step for Backup {
    fn precheck(&self, cx: &mut Cx<'_>) -> StepResult<Check> {
        let done = backup::verify(cx.host, &cx.settings.backup.dir.join(name(cx))).is_ok();
        Ok(if done {
            Check::AlreadyDone
        } else {
            Check::Ready
        })
    }

    fn run(&self, cx: &mut Cx<'_>) -> StepResult<()> {
        let dir = backup::begin(cx.host, cx.settings, &name(cx))?;
        if cx.settings.database.is_some() {
            cx.database.dump(&dir.join(backup::DUMP), cx.left())?;
            cx.database.check_dump(&dir.join(backup::DUMP), cx.left())?;
        }
        let version = cx.current_version();
        backup::seal(cx.host, cx.settings, cx.state_dir, &name(cx), version)?;
        Ok(())
    }

    fn verify(&self, cx: &mut Cx<'_>) -> StepResult<Verdict> {
        let manifest = backup::verify(cx.host, &cx.settings.backup.dir.join(name(cx)))?;
        // Only now is an older one no longer needed.
        backup::retain(cx.host, cx.settings, cx.state_dir)?;
        Ok(Verdict::Done(format!(
            "{} with {} files",
            name(cx),
            manifest.files.len()
        )))
    }
}
