//! Row: backward-compatible schema scripts on the primary; notes how far the standby must follow.
use super::{Check, Cx, Limit, Only, QUIET, Step, StepDef, StepError, StepResult, Verdict};

pub(super) const DEF: StepDef = StepDef {
    name: "schema",
    about: "apply the schema scripts on the primary",
    limit: Limit::Schema,
    only: Only::Schema,
    attempts: 2,
    step: &Schema,
    ..QUIET
};

struct Schema;

impl Step for Schema {
    fn precheck(&self, _cx: &mut Cx<'_>) -> StepResult<Check> {
        Ok(Check::Ready)
    }

    fn run(&self, cx: &mut Cx<'_>) -> StepResult<()> {
        let info = cx
            .host
            .verify_bundle(&cx.bundle_path()?, &cx.bundle_policy())?;
        for script in &info.schema {
            let path = cx.release_dir(&cx.plan.to).join(script);
            let sql = String::from_utf8(cx.host.read(&path)?).map_err(|_| {
                let what = told!("{} is not UTF-8 text", path.display());
                StepError::fatal(what, told!("build the bundle again"))
            })?;
            cx.database
                .apply_schema(&script.display().to_string(), &sql, cx.left())?;
        }
        Ok(())
    }

    fn verify(&self, cx: &mut Cx<'_>) -> StepResult<Verdict> {
        Ok(Verdict::Done(cx.database.position()?))
    }
}
