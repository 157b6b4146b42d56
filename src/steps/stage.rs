//! Row: the release lies beside the running one, read back byte for byte.
use super::place::look_ahead;
use super::{Check, Cx, QUIET, Step, StepDef, StepError, StepResult, Verdict};
use crate::core::Undo;
use crate::host::BundlePolicy;

pub(super) const DEF: StepDef = StepDef {
    name: "stage",
    about: "fetch, verify and unpack the bundle beside the running release; read it back",
    undo: Undo::Run,
    limit: super::Limit::NodeUpgrade,
    attempts: 3,
    step: &Stage,
    ..QUIET
};

struct Stage;

/// Held against what is installed here: whoever made the plan has looked at its own node.
fn policy(cx: &Cx<'_>) -> BundlePolicy {
    let installed = cx.current_version().filter(|v| *v != cx.plan.to);
    BundlePolicy {
        installed,
        ..cx.bundle_policy()
    }
}

impl Step for Stage {
    fn precheck(&self, cx: &mut Cx<'_>) -> StepResult<Check> {
        let dest = cx.release_dir(&cx.plan.to);
        let bundle = cx.bundle_path()?;
        let done = cx.host.exists(&dest)
            && cx.host.exists(&bundle)
            && cx.host.check_release(&bundle, &policy(cx), &dest).is_ok();
        Ok(if done {
            Check::AlreadyDone
        } else {
            Check::Ready
        })
    }

    fn run(&self, cx: &mut Cx<'_>) -> StepResult<()> {
        let (path, policy, dest) = (cx.bundle_path()?, policy(cx), cx.release_dir(&cx.plan.to));
        let Some(wanted) = &cx.plan.bundle else {
            return Ok(());
        };
        let here = cx.host.verify_bundle(&path, &policy);
        let info = match here.ok().filter(|info| info.sha256 == wanted.sha256) {
            Some(info) => info,
            None => {
                let sha256 = Some(wanted.sha256.as_str());
                let fetched = cx.host.peer_fetch(&wanted.file, &path, sha256, cx.left())?;
                cx.tally.mark = fetched.told();
                cx.host.verify_bundle(&path, &policy)?
            }
        };
        if info.sha256 != wanted.sha256 {
            let what = told!(
                "{} is not the bundle this rollout was planned with",
                path.display()
            );
            return Err(StepError::fatal(
                what,
                told!("remove it on both nodes and start again"),
            ));
        }
        if info.version != cx.plan.to {
            let what = told!(
                "the bundle holds version {}, the plan says {}",
                info.version,
                cx.plan.to
            );
            return Err(StepError::fatal(
                what,
                told!("hau-ctl abort, and start again"),
            ));
        }
        if cx.current_version().as_deref() == Some(&cx.plan.to) {
            let what = told!("the running release {} differs from its bundle", cx.plan.to);
            return Err(StepError::fatal(
                what,
                told!("find out who changed the installed files"),
            ));
        }
        if cx.host.exists(&dest) {
            // A leftover of another try that does not read back: nothing runs from it.
            cx.host.remove(&dest)?;
        }
        let marker = cx.aside().join("staged");
        cx.host.make_dir(&cx.aside(), 0o700)?;
        cx.host
            .write(&marker, b"this rollout unpacked the release\n", 0o600)?;
        Ok(cx.host.unpack_bundle(&path, &policy, &dest)?)
    }

    fn verify(&self, cx: &mut Cx<'_>) -> StepResult<Verdict> {
        let dest = cx.release_dir(&cx.plan.to);
        cx.host
            .check_release(&cx.bundle_path()?, &policy(cx), &dest)?;
        look_ahead(cx, &dest)?;
        Ok(Verdict::Done(cx.tally.mark.clone()))
    }

    fn undo(&self, cx: &mut Cx<'_>) -> StepResult<Verdict> {
        let ours = cx.host.exists(&cx.aside().join("staged"));
        if ours && cx.current_version().as_deref() != Some(&cx.plan.to) {
            cx.host.remove(&cx.release_dir(&cx.plan.to))?;
        }
        cx.host.remove(&cx.aside().join("staged"))?;
        Ok(Verdict::done())
    }
}
