//! Row: the current release's files in the folder of an application that cannot live behind a link.
//!
//! # Why a row of its own
//! It may take minutes and halts at files of its own, and an upgrade and a rollback need the same: whatever made a release
//! current, this row makes the folder so, from the link alone. It comes behind what moves the link, so it is taken back in
//! front of it; the configuration, which may lie in the folder, is put back last, by whoever put it aside first.
use super::activate::{before, no_link};
use super::{Check, Cx, Limit, Only, QUIET, Step, StepDef, StepError, StepResult, Verdict};
use crate::bundle::{Place, PlaceError, Todo, take_back};
use crate::core::Undo;
use std::path::{Path, PathBuf};

pub(super) const DEF: StepDef = StepDef {
    name: "place",
    about: "put the release's files into the product's fixed folder, one by one; keep what they replace",
    restores: true,
    service_down: true,
    undo: Undo::Run,
    limit: Limit::NodeUpgrade,
    only: Only::InPlace,
    step: &Put,
    ..QUIET
};

struct Put;

impl From<PlaceError> for StepError {
    fn from(e: PlaceError) -> Self {
        match e {
            PlaceError::Refused { what, remedy } => Self::fatal(what, remedy),
            PlaceError::Host(e) => e.into(),
        }
    }
}

/// None: there is no such folder.
fn place<'a>(cx: &Cx<'a>) -> Option<Place<'a>> {
    let key = cx.settings.root_key.iter().map(|key| &key.path);
    // Going back, the configuration is what the backup says.
    let is_back = cx.plan.kind.is_rollback();
    let config = cx.settings.backup.config_paths.iter();
    let spared = key.chain(config.filter(|_| is_back));
    Some(Place {
        host: cx.host,
        folder: cx.settings.release.in_place.as_deref()?,
        spared: spared.map(PathBuf::as_path).collect(),
    })
}

/// The folder of the release that is current.
fn current(cx: &Cx<'_>) -> StepResult<PathBuf> {
    let target = cx.host.link_target(&cx.current_link());
    let release = target.map(|target| cx.settings.release.root.join(target));
    release.ok_or_else(|| no_link(cx))
}

/// Until the folder holds what is current.
fn todo(cx: &Cx<'_>, place: &Place<'_>) -> StepResult<Todo> {
    Ok(place.todo(&current(cx)?, before(cx).as_deref())?)
}

/// Does the folder, where there is one, hold what is current?
pub(super) fn is_placed(cx: &Cx<'_>) -> StepResult<bool> {
    let Some(place) = place(cx) else {
        return Ok(true);
    };
    Ok(todo(cx, &place)?.is_none())
}

/// Would anything hinder the release in `to` from being put there? Asked while nothing has been stopped for it.
pub(super) fn look_ahead(cx: &Cx<'_>, to: &Path) -> StepResult<()> {
    let Some(place) = place(cx) else {
        return Ok(());
    };
    has_room(cx, &place, &place.todo(to, Some(&current(cx)?))?)
}

/// In the folder and where it is put aside, for all of it: both may be one file system.
fn has_room(cx: &Cx<'_>, place: &Place<'_>, todo: &Todo) -> StepResult<()> {
    for path in [place.folder, cx.state_dir] {
        let free = cx.host.free_bytes(path)?;
        if free < todo.bytes {
            let what = told!(
                "{} has {} MiB free and {} MiB may be needed",
                path.display(),
                free >> 20,
                (todo.bytes >> 20) + 1
            );
            return Err(StepError::fatal(what, told!("free some space there")));
        }
    }
    Ok(())
}

fn aside(cx: &Cx<'_>) -> PathBuf {
    cx.aside().join("in-place")
}

impl Step for Put {
    fn precheck(&self, cx: &mut Cx<'_>) -> StepResult<Check> {
        let Some(place) = place(cx) else {
            return Err(StepError::fatal(
                told!("this plan puts files into [release] in_place, and hau.toml names none"),
                told!(
                    "write it back into hau.toml, systemctl restart hau-sidecar, then hau-ctl retry"
                ),
            ));
        };
        let todo = todo(cx, &place)?;
        if todo.is_none() {
            return Ok(Check::AlreadyDone);
        }
        has_room(cx, &place, &todo)?;
        Ok(Check::Ready)
    }

    fn run(&self, cx: &mut Cx<'_>) -> StepResult<()> {
        let Some(place) = place(cx) else {
            return Ok(());
        };
        let todo = todo(cx, &place)?;
        Ok(place.put(&todo, &current(cx)?, &aside(cx))?)
    }

    fn verify(&self, cx: &mut Cx<'_>) -> StepResult<Verdict> {
        let Some(place) = place(cx) else {
            return Ok(Verdict::done());
        };
        let todo = todo(cx, &place)?;
        let Some(path) = todo.files.keys().chain(todo.folders.keys()).next() else {
            return Ok(Verdict::done());
        };
        let path = place.folder.join(path);
        Err(StepError::retry(
            told!("{} is not as the release has it", path.display()),
            told!("see who else changes it, then hau-ctl retry"),
        ))
    }

    fn undo(&self, cx: &mut Cx<'_>) -> StepResult<Verdict> {
        take_back(cx.host, &aside(cx))?;
        Ok(Verdict::done())
    }
}
