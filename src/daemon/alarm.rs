//! What a person must see to, in one sentence, and what to type.
use crate::core::{DatabaseRole, Hello, Problem, Rollout, RolloutResult, State};
use crate::time::Time;

fn rejoin() -> String {
    told!("hau-ctl rejoin; where that is refused hau-ctl rejoin --rebuild")
}

/// Whether it is so, and how it is said.
type Rule = fn(&State, Time) -> Option<Problem>;

/// The first one that holds is told.
const RULES: [Rule; 7] = [
    is_replaced,
    is_left_down,
    is_held_for_a_claim,
    is_held_without_an_answer,
    is_held_as_a_rival,
    has_not_ended_well,
    cannot_write,
];

/// What a person must see to now, if anything.
pub fn alarm(state: &State, now: Time) -> Option<Problem> {
    if state.running_solo().is_some() {
        return None;
    }
    RULES.iter().find_map(|rule| rule(state, now))
}

fn problem(what: String, remedy: String) -> Problem {
    Problem { what, remedy }
}

fn is_replaced(state: &State, _: Time) -> Option<Problem> {
    let is_left = state.observed.local.held || state.has_failed_to_rejoin();
    let peer = &state.peer;
    (state.is_astray() || (state.is_superseded() && is_left)).then(|| {
        problem(
            told!("node {} became primary while this one was away: the database here is not to be written to any more", peer),
            rejoin(),
        )
    })
}

fn is_left_down(state: &State, _: Time) -> Option<Problem> {
    let peer = &state.peer;
    state.is_left_down().then(|| {
        problem(
            told!(
                "node {} is primary, and the database here is down and does not follow it",
                peer
            ),
            rejoin(),
        )
    })
}

fn is_held_for_a_claim(state: &State, now: Time) -> Option<Problem> {
    let claims = state.fresh_peer(now).is_some_and(|hello| hello.claims);
    let peer = &state.peer;
    (state.observed.local.held && claims).then(|| {
        problem(
            told!("the database here was primary and does not start: node {} has begun to become primary and has not ended", peer),
            told!("hau-ctl status on node {}", peer),
        )
    })
}

fn is_held_without_an_answer(state: &State, now: Time) -> Option<Problem> {
    let answers = |hello: &Hello| state.is_answered_by(hello);
    let is_answered = state.fresh_peer(now).is_some_and(answers);
    let peer = &state.peer;
    (state.observed.local.held && !is_answered).then(|| {
        problem(
            told!("the database here was primary and does not start: node {} is not heard, or does not hear this one, and may have become primary meanwhile", peer),
            told!("bring node {} back; if it stays off: hau-ctl failover --fenced --accept-data-loss --reason …", peer),
        )
    })
}

fn is_held_as_a_rival(state: &State, now: Time) -> Option<Problem> {
    let is_rival = |hello: &Hello| state.is_rival(hello);
    let peer = &state.peer;
    state.fresh_peer(now).is_some_and(is_rival).then(|| {
        problem(
            told!("the databases of this node and of node {} were both primary, neither knowing of the other: neither starts", peer),
            told!(
                "on the node that holds the VIP, if its data is what counts: hau-ctl failover --fenced --accept-data-loss --reason …; then hau-ctl rejoin --rebuild on the other one"
            ),
        )
    })
}

/// A standby that claims to become primary, and the failover has ended without it.
fn has_not_ended_well(state: &State, _: Time) -> Option<Problem> {
    let is_standby = state.observed.local.database == DatabaseRole::Standby;
    (state.claims() && is_standby && !is_promoted_unseen(state)).then(|| {
        problem(
            told!("the failover of this node did not end well, and its database may become primary yet"),
            told!("see the database's own log, then hau-ctl failover --fenced --reason … once more"),
        )
    })
}

fn cannot_write(state: &State, now: Time) -> Option<Problem> {
    let is_standby = state.observed.local.database == DatabaseRole::Standby;
    let peer = &state.peer;
    (state.is_left_with_vip(now) && is_standby && !is_promoted_unseen(state)).then(|| {
        let (why, loses) = stands(state);
        problem(
            told!("node {} is gone, the VIP is here, and the database here is a standby: nothing can be written; {}", peer, why),
            match loses {
                true => told!(
                    "make sure that node {} is off, then hau-ctl failover --fenced --accept-data-loss --reason …",
                    peer
                ),
                false => told!(
                    "make sure that node {} is off, then hau-ctl failover --fenced --reason …",
                    peer
                ),
            },
        )
    })
}

/// A failover has succeeded, and no look at the database has shown it yet.
fn is_promoted_unseen(state: &State) -> bool {
    let succeeded = |solo: &Rollout| {
        let end = solo.ended.map(|(end, _)| end);
        end == Some(RolloutResult::Succeeded)
    };
    state.claims() && state.journaled.solo.as_ref().is_some_and(succeeded)
}

/// Why nothing is promoted by itself, and whether data may be lost by it.
fn stands(state: &State) -> (String, bool) {
    if !state.is_in_step() {
        let why =
            told!("it had not followed to the end, so it may lack what the other one acknowledged");
        return (why, true);
    }
    let why = if state.unasked.failover.is_none() {
        told!(
            "it has what the other one sent, and a person promotes ([database] failover = \"manual\")"
        )
    } else {
        told!("it has what the other one sent, and the failover did not end well (hau-ctl history)")
    };
    (why, false)
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
            identity: String::new(),
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

    fn is(database: DatabaseRole, timeline: u32, held: bool) -> Local {
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
        let primary = is(Primary, 2, false);
        let says = |local, theirs| alarm(&state(local, theirs), NOW).map(|a| (a.what, a.remedy));
        for (timeline, held) in [(1, true), (1, false)] {
            let (_, remedy) = says(is(Unknown, timeline, held), primary.clone()).expect("told");
            assert_eq!(remedy, rejoin());
        }
        // Down, as any may be for a moment; and well.
        assert_eq!(says(is(Unknown, 2, false), primary.clone()), None);
        assert_eq!(says(is(Standby, 2, false), primary), None);
    }

    #[test]
    fn an_alarm_is_read_in_chinese() {
        use crate::words::{Lang, heard};
        let left = alarm(
            &state(
                is(DatabaseRole::Unknown, 1, true),
                is(DatabaseRole::Primary, 2, false),
            ),
            NOW,
        );
        let Problem { what, remedy } = left.expect("told");
        assert!(heard(Lang::Zh, &what).starts_with("本节点离线期间，节点 b 已成为主库"));
        assert!(heard(Lang::Zh, &remedy).contains("如被拒绝则 hau-ctl rejoin --rebuild"));
    }

    #[test]
    fn two_that_were_primary_apart_are_told_of() {
        let held = is(DatabaseRole::Unknown, 2, true);
        let older = is(DatabaseRole::Unknown, 1, true);
        let says = |theirs| alarm(&state(held.clone(), theirs), NOW).map(|a| a.remedy);
        let remedy = says(held.clone()).expect("told");
        assert!(
            remedy.contains("failover --fenced --accept-data-loss"),
            "{remedy}"
        );
        assert_eq!(says(older), None);
    }
}
