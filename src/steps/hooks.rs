//! Rows: programs that a bundle brings for fixed moments. They run from its staged release, as the
//! user that the configuration names, within the row's limit.
//!
//! # Why they have no postcondition
//! What a hook is for only its author knows: that it ended well is all there is to see. A hook that
//! a crash cut off is run again; its author is told so in the README.
use super::{Check, Cx, Limit, Only, QUIET, Step, StepDef, StepError, StepResult, Verdict};
use crate::host::Command;
use std::collections::BTreeMap;

/// A minor upgrade of the database engine on this node; the replication bears it.
pub(super) const ENGINE: StepDef = StepDef {
    name: "engine",
    about: "run the bundle's hook for the database engine",
    disruptive: true,
    service_down: true,
    only: Only::Hook("engine"),
    limit: Limit::NodeUpgrade,
    step: &Hook("engine"),
    ..QUIET
};

pub(super) const BEFORE_STOP: StepDef = StepDef {
    name: "before_stop",
    about: "run the bundle's hook before the services stop",
    disruptive: true,
    service_down: true,
    only: Only::Hook("before_stop"),
    limit: Limit::Start,
    step: &Hook("before_stop"),
    ..QUIET
};

pub(super) const AFTER_ACTIVATE: StepDef = StepDef {
    name: "after_activate",
    about: "run the bundle's hook before the new version starts",
    restores: true,
    service_down: true,
    only: Only::Hook("after_activate"),
    limit: Limit::Start,
    step: &Hook("after_activate"),
    ..QUIET
};

pub(super) const AFTER_START: StepDef = StepDef {
    name: "after_start",
    about: "run the bundle's hook after the new version has started",
    restores: true,
    service_down: true,
    only: Only::Hook("after_start"),
    limit: Limit::Start,
    step: &Hook("after_start"),
    ..QUIET
};

/// By the manifest's name of the hook.
struct Hook(&'static str);

impl Step for Hook {
    fn precheck(&self, _cx: &mut Cx<'_>) -> StepResult<Check> {
        Ok(Check::Ready)
    }

    fn run(&self, cx: &mut Cx<'_>) -> StepResult<()> {
        run(cx, self.0)
    }

    fn verify(&self, _cx: &mut Cx<'_>) -> StepResult<Verdict> {
        Ok(Verdict::done())
    }
}

fn run(cx: &Cx<'_>, name: &str) -> StepResult<()> {
    let info = cx
        .host
        .verify_bundle(&cx.bundle_path()?, &cx.bundle_policy())?;
    let Some(path) = info.hooks.get(name) else {
        return Ok(());
    };
    let Some(user) = &cx.settings.release.user else {
        let what = format!("the bundle has the hook {name} and nobody to run it as");
        return Err(StepError::fatal(what, "set [release] user in hau.toml"));
    };
    let release = cx.release_dir(&cx.plan.to);
    let done = cx.host.run(&Command {
        program: release.join(path),
        args: Vec::new(),
        user: Some(user.clone()),
        env: BTreeMap::from([
            ("HAU_HOOK".to_owned(), name.to_owned()),
            ("HAU_RELEASE".to_owned(), release.display().to_string()),
            ("HAU_FROM".to_owned(), cx.plan.from.clone()),
            ("HAU_TO".to_owned(), cx.plan.to.clone()),
        ]),
        stdout: None,
        limit: cx.left(),
        stdin: Vec::new(),
    })?;
    if done.code == Some(0) {
        return Ok(());
    }
    let said: Vec<&str> = done.stderr.lines().rev().take(3).collect();
    let how = done
        .code
        .map_or("was ended".to_owned(), |code| format!("exits with {code}"));
    let what = format!("the hook {name} {how}: {}", said.join(" | "));
    Err(StepError::retry(
        what,
        "mend what it complains of, then hau-ctl retry; or hau-ctl abort",
    ))
}
