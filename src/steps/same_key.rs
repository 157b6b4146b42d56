//! Row: the service here really uses the other node's root key, though it may have made its own.
use super::services::{all_listen, bring_down, start_all};
use super::{Check, Cx, Limit, Only, QUIET, Step, StepDef, StepError, StepResult, Verdict};
use crate::sync;
use crate::words::{Lang, Words};
use std::time::Duration;

pub(super) const DEF: StepDef = StepDef {
    name: "same_key",
    about: "see that both nodes use one root key; carry it again and restart where not",
    look: "the service's own log: why it makes a key of its own",
    disruptive: true,
    service_down: true,
    limit: Limit::Start,
    only: Only::CarriedKey,
    attempts: 2,
    step: &UsesKey {
        wrong,
        put: carry,
        done: words!("one root key on both nodes"),
    },
    ..QUIET
};

/// Makes the services use a root key. Which one it is, and whence it comes, is the row's.
pub(super) struct UsesKey {
    /// None: it is in use. Some: what is wrong.
    pub(super) wrong: fn(&Cx<'_>) -> StepResult<Option<String>>,
    /// Puts it in its place; the services are down meanwhile.
    pub(super) put: fn(&Cx<'_>) -> StepResult<()>,
    pub(super) done: Words,
}

fn carry(cx: &Cx<'_>) -> StepResult<()> {
    Ok(sync::pull(cx.host, cx.settings, cx.left())?)
}

/// None: one key, in use. Some: what is wrong.
fn wrong(cx: &Cx<'_>) -> StepResult<Option<String>> {
    let Some(key) = &cx.settings.root_key else {
        return Ok(None);
    };
    let theirs = sync::key_hash_of_peer(cx.host, cx.settings, cx.left())?;
    let ours = sync::key_hash(cx.host, &key.path)?;
    if ours != theirs {
        return Ok(Some(told!("the root keys of the two nodes differ")));
    }
    shows_another(cx, &ours)
}

/// None: the service uses the key with this hash, as far as it can be asked.
pub(super) fn shows_another(cx: &Cx<'_>, sha256: &str) -> StepResult<Option<String>> {
    let Some(url) = cx
        .settings
        .root_key
        .as_ref()
        .and_then(|k| k.shown_by.as_ref())
    else {
        return Ok(None);
    };
    let shown = cx.host.http_get(url, Duration::from_secs(5))?;
    let used = sha256
        .get(..16)
        .is_some_and(|start| shown.body.contains(start));
    Ok((!used).then(|| told!("{} shows another key than the one on disk", url)))
}

impl Step for UsesKey {
    fn precheck(&self, cx: &mut Cx<'_>) -> StepResult<Check> {
        // Cut off between stop and start there is no service that could show its key.
        let is_up = matches!(all_listen(cx), Ok(Verdict::Done(_)));
        Ok(if is_up && (self.wrong)(cx)?.is_none() {
            Check::AlreadyDone
        } else {
            Check::Ready
        })
    }

    fn run(&self, cx: &mut Cx<'_>) -> StepResult<()> {
        bring_down(cx)?;
        (self.put)(cx)?;
        start_all(cx)
    }

    fn verify(&self, cx: &mut Cx<'_>) -> StepResult<Verdict> {
        if let Verdict::NotYet(what) = all_listen(cx)? {
            return Ok(Verdict::NotYet(what));
        }
        match (self.wrong)(cx)? {
            None => Ok(Verdict::Done(Lang::En.say(self.done).to_owned())),
            Some(what) => Err(StepError::retry(
                what,
                told!("see why the service makes a key of its own at every start"),
            )),
        }
    }
}
