//! Rows of a rollback: a node becomes again what its backup holds. A node that is so already is left
//! alone: its services are not stopped for nothing.
use super::activate::{put_aside, take_back};
use super::place::is_placed;
use super::same_key::{UsesKey, shows_another};
use super::stop::Stop;
use super::{Check, Cx, Limit, Only, QUIET, Step, StepDef, StepError, StepResult, Verdict};
use crate::backup;
use crate::core::{Problem, Undo};

pub(super) const CHECK: StepDef = StepDef {
    name: "check_backup",
    about: "read the backup's checksums back; see that the root key of that time is at hand",
    limit: Limit::Backup,
    step: &CheckBackup,
    ..QUIET
};

pub(super) const STOP: StepDef = StepDef {
    name: "stop_newer",
    about: "stop the services, unless this node is as the backup holds it",
    disruptive: true,
    service_down: true,
    undo: Undo::Run,
    limit: Limit::Start,
    step: &StopNewer,
    ..QUIET
};

pub(super) const RESTORE: StepDef = StepDef {
    name: "restore",
    about: "put back code, configuration and root key from the backup; keep what they replace",
    restores: true,
    service_down: true,
    undo: Undo::Run,
    limit: Limit::Rollback,
    attempts: 2,
    step: &Restore,
    ..QUIET
};

/// A version that finds itself started after another one may make a key of its own, the old one, too.
pub(super) const KEY: StepDef = StepDef {
    name: "backup_key",
    about: "see that the backup's root key is in use; put it back again and restart where not",
    disruptive: true,
    service_down: true,
    limit: Limit::Start,
    only: Only::RootKey,
    attempts: 2,
    step: &UsesKey {
        wrong: wrong_key,
        put: put_back,
        done: words!("the backup's root key is in use"),
    },
    ..QUIET
};

struct CheckBackup;

impl Step for CheckBackup {
    fn precheck(&self, _cx: &mut Cx<'_>) -> StepResult<Check> {
        Ok(Check::Ready)
    }

    fn run(&self, _cx: &mut Cx<'_>) -> StepResult<()> {
        Ok(())
    }

    fn verify(&self, cx: &mut Cx<'_>) -> StepResult<Verdict> {
        let dir = cx.backup_dir()?;
        let manifest = backup::verify(cx.host, &dir).map_err(|e| {
            let remedy = told!("go back to another one (hau-ctl backup list), or install the bundle of that version again");
            StepError::fatal(e.to_string(), remedy)
        })?;
        if manifest.version.as_deref() != Some(&cx.plan.to) {
            let what = told!(
                "{} holds {}, not {}",
                dir.display(),
                manifest.version.as_deref().unwrap_or("no known version"),
                cx.plan.to
            );
            return Err(StepError::fatal(
                what,
                told!("hau-ctl abort, and name another one by --to"),
            ));
        }
        let todo = backup::differences(cx.host, cx.settings, &dir)?;
        if let Some((path, info)) = &manifest.root_key
            && todo.has_other_key
            && !backup::keys::has(cx.host, cx.state_dir, &info.sha256)
        {
            let what = told!(
                "the root key of that time is not kept here: {}",
                path.display()
            );
            let remedy = backup::keys::by_hand(cx.state_dir, &dir, &info.sha256);
            return Err(StepError::fatal(
                what,
                told!("{}; then hau-ctl retry", remedy),
            ));
        }
        let age = cx.host.now().since(manifest.made_at).as_secs();
        Ok(Verdict::Done(told!(
            "of {}, {} min old",
            cx.plan.to,
            age / 60
        )))
    }
}

/// Is all that a backup has of this node as it holds it?
fn is_restored(cx: &Cx<'_>) -> StepResult<bool> {
    Ok(backup::differences(cx.host, cx.settings, &cx.backup_dir()?)?.is_none())
}

/// And what is made of it?
fn is_back(cx: &Cx<'_>) -> StepResult<bool> {
    Ok(is_restored(cx)? && is_placed(cx)?)
}

struct StopNewer;

impl Step for StopNewer {
    fn precheck(&self, cx: &mut Cx<'_>) -> StepResult<Check> {
        if is_back(cx)? {
            return Ok(Check::AlreadyDone);
        }
        Stop.precheck(cx)
    }

    fn run(&self, cx: &mut Cx<'_>) -> StepResult<()> {
        Stop.run(cx)
    }

    fn verify(&self, cx: &mut Cx<'_>) -> StepResult<Verdict> {
        if is_back(cx)? {
            return Ok(Verdict::Done(told!("this node is back already")));
        }
        Stop.verify(cx)
    }

    fn undo(&self, cx: &mut Cx<'_>) -> StepResult<Verdict> {
        Stop.undo(cx)
    }
}

struct Restore;

/// Puts everything back that is not as the backup holds it.
fn put_back(cx: &Cx<'_>) -> StepResult<()> {
    let scratch = cx.aside().join("unpacked");
    let dir = cx.backup_dir()?;
    Ok(backup::restore(
        cx.host,
        cx.settings,
        cx.state_dir,
        &dir,
        &scratch,
    )?)
}

/// What a person can do where hau fails: the rest of it, command by command.
fn or_by_hand(cx: &Cx<'_>, e: StepError) -> StepError {
    let dir = cx.backup_dir();
    let commands = dir.map(|dir| backup::by_hand(cx.host, cx.settings, cx.state_dir, &dir));
    let Ok(Ok(commands)) = commands else { return e };
    let Problem { what, remedy } = e.problem();
    let remedy = told!(
        "{}; or by hand on node {}, then hau-ctl retry: {}",
        remedy,
        cx.me,
        commands.join(" && ")
    );
    StepError::retry(what.clone(), remedy)
}

impl Step for Restore {
    fn precheck(&self, cx: &mut Cx<'_>) -> StepResult<Check> {
        Ok(if is_restored(cx)? {
            Check::AlreadyDone
        } else {
            Check::Ready
        })
    }

    fn run(&self, cx: &mut Cx<'_>) -> StepResult<()> {
        let done = put_aside(cx).and_then(|()| put_back(cx));
        done.map_err(|e| or_by_hand(cx, e))
    }

    fn verify(&self, cx: &mut Cx<'_>) -> StepResult<Verdict> {
        let left = backup::differences(cx.host, cx.settings, &cx.backup_dir()?)?;
        if left.is_none() {
            return Ok(Verdict::done());
        }
        let remedy = told!("see who else changes it, then hau-ctl retry");
        let other = StepError::retry(told!("not as in the backup: {}", left), remedy);
        Err(or_by_hand(cx, other))
    }

    fn undo(&self, cx: &mut Cx<'_>) -> StepResult<Verdict> {
        take_back(cx)
    }
}

/// None: the backup's key is in use.
fn wrong_key(cx: &Cx<'_>) -> StepResult<Option<String>> {
    let Some((path, wanted)) = backup::root_key(cx.host, &cx.backup_dir()?)? else {
        return Ok(None);
    };
    let found = backup::keys::in_use(cx.host, &path)?;
    if found.is_none_or(|found| found.sha256 != wanted.sha256) {
        return Ok(Some(told!("{} is not the backup's key", path.display())));
    }
    shows_another(cx, &wanted.sha256)
}
