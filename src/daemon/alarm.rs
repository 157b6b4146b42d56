//! What a person must see to, in one sentence, and what to type.
use crate::core::{DatabaseRole, Kind, Problem, Rollout, RolloutResult, State};
use crate::time::Time;

const REJOIN: &str = "hau-ctl rejoin; where that is refused hau-ctl rejoin --rebuild";

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
            REJOIN.to_owned(),
        )
    } else if state.is_superseded()
        && local.database == DatabaseRole::Unknown
        && state.running().is_none()
    {
        // Demoted by a rollout that was given up before it followed.
        (
            format!("node {peer} is primary, and the database here is down and does not follow it"),
            REJOIN.to_owned(),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::{Hello, Local, NodeId, Primary, Timing};
    use std::sync::Arc;

    const NOW: Time = Time(100_000);

    fn node(name: &str) -> NodeId {
        NodeId(name.to_owned())
    }

    /// Node a, which heard b a moment ago; b has been primary on timeline 2 since.
    fn state(local: Local, theirs: Local) -> State {
        let mut state = State::new(node("a"), node("b"), Timing::default());
        state.journaled.boot = 1;
        state.journaled.primary = Some(Primary {
            node: node("b"),
            term: 0,
            timeline: 2,
        });
        let hello = Hello {
            node: node("b"),
            installed: Time(0),
            boot: 1,
            sequence: 1,
            heard: Some((Time(0), 1)),
            local: theirs,
            claims: false,
            term: 0,
            home: None,
            rollout: None,
        };
        state.observed.local = local;
        state.observed.peer = Some((Arc::new(hello), NOW));
        state
    }

    fn told(database: DatabaseRole, timeline: u32, held: bool) -> Local {
        Local {
            database,
            timeline,
            held,
            ..Local::default()
        }
    }

    #[test]
    fn a_database_that_was_left_behind_is_told_of() {
        use DatabaseRole::{Primary, Standby, Unknown};
        let primary = told(Primary, 2, false);
        let says = |local, theirs| alarm(&state(local, theirs), NOW).map(|a| (a.what, a.remedy));
        for (timeline, held) in [(1, true), (1, false)] {
            let (_, remedy) = says(told(Unknown, timeline, held), primary.clone()).expect("told");
            assert_eq!(remedy, REJOIN);
        }
        // Down, as any may be for a moment; and well.
        assert_eq!(says(told(Unknown, 2, false), primary.clone()), None);
        assert_eq!(says(told(Standby, 2, false), primary), None);
    }

    #[test]
    fn two_that_were_primary_apart_are_told_of() {
        let held = told(DatabaseRole::Unknown, 2, true);
        let older = told(DatabaseRole::Unknown, 1, true);
        let says = |theirs| alarm(&state(held.clone(), theirs), NOW).map(|a| a.remedy);
        let remedy = says(held.clone()).expect("told");
        assert!(
            remedy.contains("failover --fenced --accept-data-loss"),
            "{remedy}"
        );
        assert_eq!(says(older), None);
    }
}
