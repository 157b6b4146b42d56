//! Row: `current` points to the new release. What it replaces is put aside first.
use super::{Check, Cx, QUIET, Step, StepDef, StepError, StepResult, Verdict};
use crate::backup;
use crate::core::Undo;
use std::path::{Path, PathBuf};

pub(super) const DEF: StepDef = StepDef {
    name: "activate",
    about: "make the new release the current one",
    restores: true,
    service_down: true,
    undo: Undo::Run,
    step: &Activate,
    ..QUIET
};

struct Activate;

/// Where a configuration path is kept while the new version may change it.
fn kept(cx: &Cx<'_>, path: &Path) -> PathBuf {
    let flat = path
        .display()
        .to_string()
        .trim_matches('/')
        .replace('/', "-");
    cx.aside().join(format!("config-{flat}"))
}

/// Where the link `current` is kept as it was.
fn was_current(cx: &Cx<'_>) -> PathBuf {
    cx.aside().join("was-current")
}

/// Nothing says which release is current.
pub(super) fn no_link(cx: &Cx<'_>) -> StepError {
    let link = cx.current_link();
    StepError::fatal(
        told!("{} is not a symbolic link to a release", link.display()),
        told!("hau-ctl doctor says how releases are laid out"),
    )
}

/// The folder of the release that this rollout has replaced on this node.
pub(super) fn before(cx: &Cx<'_>) -> Option<PathBuf> {
    let target = cx.host.link_target(&was_current(cx))?;
    Some(cx.settings.release.root.join(target))
}

/// Keeps configuration, root key and the link `current` as they are before this rollout changes them
/// on this node.
pub(super) fn put_aside(cx: &Cx<'_>) -> StepResult<()> {
    let before = cx.host.link_target(&cx.current_link());
    let before = before.ok_or_else(|| no_link(cx))?;
    if cx.host.link_target(&was_current(cx)).is_some() {
        return Ok(());
    }
    cx.host.make_dir(&cx.aside(), 0o700)?;
    for path in changeable(cx) {
        if cx.host.exists(path) {
            cx.host.copy(path, &kept(cx, path))?;
        }
    }
    cx.host
        .link(&before, &cx.settings.release.root.join("previous"))?;
    // Last: it says that all of this is there.
    Ok(cx.host.link(&before, &was_current(cx))?)
}

/// Puts it back; where nothing was put aside, nothing was changed.
pub(super) fn take_back(cx: &Cx<'_>) -> StepResult<Verdict> {
    if let Some(before) = cx.host.link_target(&was_current(cx)) {
        for path in changeable(cx) {
            if cx.host.exists(&kept(cx, path)) {
                backup::level(cx.host, &kept(cx, path), path)?;
            }
        }
        cx.host.link(&before, &cx.current_link())?;
    }
    Ok(Verdict::done())
}

/// What another version may change beside its own release.
fn changeable<'a>(cx: &Cx<'a>) -> impl Iterator<Item = &'a PathBuf> + use<'a> {
    let key = cx.settings.root_key.iter().map(|key| &key.path);
    cx.settings.backup.config_paths.iter().chain(key)
}

impl Step for Activate {
    fn precheck(&self, cx: &mut Cx<'_>) -> StepResult<Check> {
        let there = cx.current_version().as_deref() == Some(&cx.plan.to);
        Ok(if there {
            Check::AlreadyDone
        } else {
            Check::Ready
        })
    }

    fn run(&self, cx: &mut Cx<'_>) -> StepResult<()> {
        put_aside(cx)?;
        if cx.plan.bundle.is_some() {
            // Before it is: cut off in between, it counts all the same.
            let remembered = cx.host.remember_release(&cx.release_dir(&cx.plan.to));
            remembered.map_err(|e| {
                let remedy = told!("hau-ctl abort, which removes it, and start again");
                StepError::fatal(e.to_string(), remedy)
            })?;
        }
        let target = Path::new("releases").join(&cx.plan.to);
        Ok(cx.host.link(&target, &cx.current_link())?)
    }

    fn verify(&self, cx: &mut Cx<'_>) -> StepResult<Verdict> {
        match cx.current_version() {
            Some(found) if found == cx.plan.to => Ok(Verdict::done()),
            found => Err(StepError::retry(
                told!("current is {}, not {}", format!("{found:?}"), cx.plan.to),
                told!("see who else changes it, then hau-ctl retry"),
            )),
        }
    }

    fn undo(&self, cx: &mut Cx<'_>) -> StepResult<Verdict> {
        take_back(cx)
    }
}
