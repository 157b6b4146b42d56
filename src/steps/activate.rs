//! Row: `current` points to the new release. What it replaces is put aside first.
use super::{Check, Cx, QUIET, Step, StepDef, StepError, StepResult, Verdict};
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
        let Some(before) = cx.host.link_target(&cx.current_link()) else {
            let what = format!(
                "{} is not a symbolic link to a release",
                cx.current_link().display()
            );
            return Err(StepError::fatal(
                what,
                "hau-ctl doctor says how releases are laid out",
            ));
        };
        cx.host.make_dir(&cx.aside(), 0o700)?;
        for path in &cx.settings.backup.config_paths {
            if !cx.host.exists(&kept(cx, path)) {
                cx.host.copy(path, &kept(cx, path))?;
            }
        }
        cx.host
            .link(&before, &cx.settings.release.root.join("previous"))?;
        let target = Path::new("releases").join(&cx.plan.to);
        Ok(cx.host.link(&target, &cx.current_link())?)
    }

    fn verify(&self, cx: &mut Cx<'_>) -> StepResult<Verdict> {
        match cx.current_version() {
            Some(found) if found == cx.plan.to => Ok(Verdict::done()),
            found => Err(StepError::retry(
                format!("current is {found:?}, not {}", cx.plan.to),
                "see who else changes it, then hau-ctl retry",
            )),
        }
    }

    fn undo(&self, cx: &mut Cx<'_>) -> StepResult<Verdict> {
        // Configuration first: the link is what says that there is something to take back.
        if cx.current_version().as_deref() == Some(&cx.plan.to) {
            for path in &cx.settings.backup.config_paths {
                if cx.host.exists(&kept(cx, path)) {
                    cx.host.copy(&kept(cx, path), path)?;
                }
            }
            cx.host.link(
                &Path::new("releases").join(&cx.plan.from),
                &cx.current_link(),
            )?;
        }
        Ok(Verdict::done())
    }
}
