//! What a person must see to, in one sentence, and what to type.
use crate::core::{DatabaseRole, Kind, Problem, Rollout, RolloutResult, State};
use crate::time::Time;

pub(super) fn alarm(state: &State, now: Time) -> Option<Problem> {
    let (peer, local) = (&state.peer, &state.observed.local);
    if state.running_solo().is_some() {
        return None;
    }
    let failed = |solo: &Rollout| {
        let end = solo.ended.map(|(end, _)| end);
        (solo.plan.kind, end) == (Kind::Rejoin, Some(RolloutResult::Failed))
    };
    let succeeded = |solo: &Rollout| {
        solo.ended
            .is_some_and(|(end, _)| end == RolloutResult::Succeeded)
    };
    // The promotion has not been seen yet.
    let is_done = state.claims() && state.journaled.solo.as_ref().is_some_and(succeeded);
    let is_left = local.held || state.journaled.solo.as_ref().is_some_and(failed);
    let (what, remedy) = if state.is_astray() || (state.is_superseded() && is_left) {
        (
            format!(
                "node {peer} became primary while this one was away: the database here is not to be written to any more"
            ),
            "hau-ctl rejoin; where that is refused hau-ctl rejoin --rebuild".to_owned(),
        )
    } else if local.held && state.fresh_peer(now).is_some_and(|hello| hello.claims) {
        (
            format!(
                "the database here was primary and does not start: node {peer} has begun to become primary and has not ended"
            ),
            format!("hau-ctl status on node {peer}"),
        )
    } else if local.held
        && !state
            .fresh_peer(now)
            .is_some_and(|hello| state.is_answered_by(hello))
    {
        (
            format!(
                "the database here was primary and does not start: node {peer} is not heard, or does not hear this one, and may have become primary meanwhile"
            ),
            format!(
                "bring node {peer} back; if it stays off: hau-ctl failover --fenced --accept-data-loss --reason …"
            ),
        )
    } else if state
        .fresh_peer(now)
        .is_some_and(|hello| state.is_rival(hello))
    {
        (
            format!(
                "the databases of this node and of node {peer} were both primary, neither knowing of the other: neither starts"
            ),
            "on the node that holds the VIP, if its data is what counts: hau-ctl failover --fenced --accept-data-loss --reason …; then hau-ctl rejoin --rebuild on the other one"
                .to_owned(),
        )
    } else if state.claims() && local.database == DatabaseRole::Standby && !is_done {
        (
            "the failover of this node did not end well, and its database may become primary yet"
                .to_owned(),
            "see the database's own log, then hau-ctl failover --fenced --reason … once more"
                .to_owned(),
        )
    } else if state.is_left_with_vip(now) && local.database == DatabaseRole::Standby && !is_done {
        let (why, flag) = stands(state);
        (
            format!(
                "node {peer} is gone, the VIP is here, and the database here is a standby: nothing can be written; {why}"
            ),
            format!(
                "make sure that node {peer} is off, then hau-ctl failover --fenced{flag} --reason …"
            ),
        )
    } else {
        return None;
    };
    Some(Problem { what, remedy })
}

/// Why nothing is promoted by itself, and what a person must add to have it done.
fn stands(state: &State) -> (&'static str, &'static str) {
    if !state.is_in_step() {
        let why = "it had not followed to the end, so it may lack what the other one acknowledged";
        return (why, " --accept-data-loss");
    }
    let why = if state.unasked.failover.is_none() {
        "it has what the other one sent, and a person promotes ([database] failover = \"manual\")"
    } else {
        "it has what the other one sent, and the failover did not end well (hau-ctl history)"
    };
    (why, "")
}
