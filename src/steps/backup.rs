//! Row: a full backup exists and was read back. Before it nothing the service can see has changed.
use super::{Check, Cx, Limit, Only, QUIET, Step, StepDef, StepError, StepResult, Verdict};
use crate::backup;
use crate::config::Prove as How;
use crate::core::{DatabaseRole, Undo};
use std::collections::BTreeMap;

pub(super) const DEF: StepDef = StepDef {
    name: "backup",
    about: "back up code, configuration, root key (encrypted) and database; read the checksums back",
    limit: Limit::Backup,
    attempts: 2,
    step: &Backup,
    ..QUIET
};

/// On the primary: a standby restores nothing. Its own dump is of the same database, and read to its end.
pub(super) const PROVE: StepDef = StepDef {
    name: "prove",
    about: "restore the dump into a database beside the running one; compare tables and rows; drop it",
    undo: Undo::Run,
    limit: Limit::Backup,
    only: Only::Proof,
    attempts: 3,
    step: &Prove,
    ..QUIET
};

/// Not before the new one is proved on both nodes.
pub(super) const RETAIN: StepDef = StepDef {
    name: "retain",
    about: "drop the previous backup",
    step: &Retain,
    ..QUIET
};

struct Backup;

/// Rows are counted where they are compared with something: that reads the whole database once more.
fn counts(cx: &Cx<'_>) -> StepResult<bool> {
    let proves = cx.settings.backup.prove == How::Restore;
    Ok(proves && cx.database.role()? == DatabaseRole::Primary)
}

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
        let mut seen = None;
        if cx.settings.database.is_some() && cx.database.is_dumpable()? {
            let dump = dir.join(backup::DUMP);
            seen = Some(cx.database.dump(&dump, counts(cx)?, cx.left())?);
            cx.database.check_dump(&dump, cx.left())?;
        }
        let what = (cx.current_version(), seen);
        backup::seal(cx.host, cx.settings, cx.state_dir, &name(cx), what)?;
        Ok(())
    }

    fn verify(&self, cx: &mut Cx<'_>) -> StepResult<Verdict> {
        let manifest = backup::verify(cx.host, &cx.settings.backup.dir.join(name(cx)))?;
        let without = match manifest.database {
            None if cx.settings.database.is_some() => {
                "; no dump of the database, which only the primary's node can make"
            }
            Some(_) | None => "",
        };
        Ok(Verdict::Done(format!(
            "{} with {} files{without}",
            name(cx),
            manifest.files.len()
        )))
    }
}

struct Prove;

/// Says that this very dump was restored once: a restore that was cut off is begun anew, one that was
/// not is not done twice.
fn proof(cx: &Cx<'_>) -> std::path::PathBuf {
    cx.settings.backup.dir.join(name(cx)).join("proof")
}

impl Step for Prove {
    fn precheck(&self, cx: &mut Cx<'_>) -> StepResult<Check> {
        Ok(if cx.host.exists(&proof(cx)) {
            Check::AlreadyDone
        } else {
            Check::Ready
        })
    }

    fn run(&self, cx: &mut Cx<'_>) -> StepResult<()> {
        let dir = cx.settings.backup.dir.join(name(cx));
        let seen = backup::mark(cx.host, &dir)?.map(|mark| mark.rows);
        let restores = cx.database.restores()?;
        let restored = restores.restore_beside(&dir.join(backup::DUMP), cx.left());
        // What is left of a failed one takes as much room as the database.
        restores.drop_beside(cx.left())?;
        let (seen, restored) = (seen.unwrap_or_default(), restored?);
        if let Some(differs) = difference(&seen, &restored) {
            let remedy = "hau-ctl abort; find out what ails the database or its disk before anything is upgraded";
            return Err(StepError::fatal(differs, remedy));
        }
        let rows: u64 = restored.values().sum();
        let compared = if seen.is_empty() { "" } else { " and compared" };
        let text = format!(
            "{} tables with {rows} rows restored{compared}",
            restored.len()
        );
        Ok(cx.host.write(&proof(cx), text.as_bytes(), 0o600)?)
    }

    fn verify(&self, cx: &mut Cx<'_>) -> StepResult<Verdict> {
        let text = cx.host.read(&proof(cx))?;
        Ok(Verdict::Done(String::from_utf8_lossy(&text).into_owned()))
    }

    fn undo(&self, cx: &mut Cx<'_>) -> StepResult<Verdict> {
        // One that a crash has cut off.
        if cx.database.role()? == DatabaseRole::Primary {
            cx.database.restores()?.drop_beside(cx.left())?;
        }
        Ok(Verdict::done())
    }
}

/// The first table that has other rows in the restored dump than in the snapshot it was made from. Of some dumps nobody
/// can say what that held: nothing is compared.
pub(super) fn difference(
    seen: &BTreeMap<String, u64>,
    restored: &BTreeMap<String, u64>,
) -> Option<String> {
    let says =
        |rows: Option<&u64>| rows.map_or("is missing".to_owned(), |n| format!("has {n} rows"));
    let names = seen.keys().chain(restored.keys());
    let mut names = names.filter(|_| !seen.is_empty());
    names.find_map(|name| {
        let (then, now) = (seen.get(name), restored.get(name));
        (then != now).then(|| {
            format!(
                "{name} {} in the database and {} in its restored dump",
                says(then),
                says(now)
            )
        })
    })
}

struct Retain;

impl Step for Retain {
    fn precheck(&self, _cx: &mut Cx<'_>) -> StepResult<Check> {
        Ok(Check::Ready)
    }

    fn run(&self, cx: &mut Cx<'_>) -> StepResult<()> {
        Ok(backup::retain(cx.host, cx.settings, cx.state_dir)?)
    }

    fn verify(&self, _cx: &mut Cx<'_>) -> StepResult<Verdict> {
        Ok(Verdict::done())
    }
}
