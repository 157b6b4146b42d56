//! Row: everything that makes the switchover short is done before it begins.
use super::{Check, Cx, Only, QUIET, Step, StepDef, StepError, StepResult, Verdict};
use std::time::Duration;

pub(super) const DEF: StepDef = StepDef {
    name: "checkpoint",
    about: "checkpoint the primary and see that the standby streams, so that its stop is short",
    look: "how far the standby is behind, and the logs of both databases",
    only: Only::Database,
    limit: super::Limit::Seconds(300),
    attempts: 3,
    step: &Checkpoint,
    ..QUIET
};

/// More than this and the stop would wait for the standby instead of the disk.
const LAG_MOST: u64 = 16 << 20;

struct Checkpoint;

impl Step for Checkpoint {
    fn precheck(&self, _cx: &mut Cx<'_>) -> StepResult<Check> {
        Ok(Check::Ready)
    }

    fn run(&self, cx: &mut Cx<'_>) -> StepResult<()> {
        Ok(cx
            .database
            .prepare_switch(cx.left().min(Duration::from_secs(240)))?)
    }

    fn verify(&self, cx: &mut Cx<'_>) -> StepResult<Verdict> {
        let replication = cx.database.replication()?;
        if let Some(obstacle) = replication.obstacles.first() {
            return Err(StepError::fatal(
                obstacle.clone(),
                told!("mend that, then hau-ctl retry"),
            ));
        }
        let near = replication.lag_bytes.is_some_and(|lag| lag <= LAG_MOST);
        Ok(if replication.streaming && near {
            Verdict::done()
        } else {
            Verdict::NotYet(told!(
                "the standby is {} bytes behind",
                format!("{:?}", replication.lag_bytes)
            ))
        })
    }
}
