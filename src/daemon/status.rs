//! `status`, `history` and the words in them, from one snapshot of what the core knows.
use crate::core::{self, Closed, Direction, Kind, Local, NodeId, Order, Report, RowState, State};
use crate::host::{self, Finding};
use crate::steps;
use crate::time::Time;
use crate::wire::{self, Outcome, Stopped, SyncState};
use crate::words::Lang;
use std::{collections::BTreeMap, sync::Arc, time::Duration};

/// So many of the last switchovers tell of the next.
const SWITCHOVERS: usize = 3;

/// What the loop publishes after every turn; readers never wait for the core.
#[derive(Clone)]
pub(super) struct Snapshot {
    pub(super) state: State,
    pub(super) band: core::Band,
    pub(super) history: Arc<Vec<core::Rollout>>,
}

impl Snapshot {
    pub(super) fn of(state: &State, band: core::Band, history: &Arc<Vec<core::Rollout>>) -> Self {
        Self {
            state: state.clone(),
            band,
            history: Arc::clone(history),
        }
    }

    pub(super) fn status(&self, now: Time) -> wire::Status {
        let state = &self.state;
        let heard = state.observed.peer.as_ref();
        let fresh = state.fresh_peer(now);
        let mut nodes = BTreeMap::from([(state.me.0.clone(), node(&state.observed.local))]);
        if let Some(hello) = fresh {
            nodes.insert(state.peer.0.clone(), node(&hello.local));
        }
        wire::Status {
            node: state.me.0.clone(),
            peer: wire::Peer {
                name: state.peer.0.clone(),
                reachable: fresh.is_some(),
                last_heard_ms: heard.map(|(_, at)| ms(now.since(*at))),
            },
            nodes,
            rollout: state
                .journaled
                .rollout
                .as_ref()
                .map(|r| self.rollout(r, now)),
            solo: state.journaled.solo.as_ref().map(|r| self.rollout(r, now)),
            alarm: super::alarm::alarm(state, now),
            downtime_budget_ms: None,
            audit: None,
        }
    }

    /// Every rollout this node knows of, oldest first.
    pub(super) fn history(&self, now: Time) -> wire::History {
        let known = self.known();
        known.into_iter().map(|r| self.rollout(r, now)).collect()
    }

    /// The newest of them, newest first.
    pub(super) fn past(&self, now: Time, most: usize) -> Vec<wire::Rollout> {
        let newest = self.known().into_iter().rev().take(most);
        newest.map(|r| self.rollout(r, now)).collect()
    }

    fn known(&self) -> Vec<&core::Rollout> {
        let journaled = &self.state.journaled;
        let last = [&journaled.rollout, &journaled.solo].into_iter().flatten();
        let mut all: Vec<_> = self.history.iter().chain(last).collect();
        // What a node does alone is replaced at another time than what it does with the other one.
        all.sort_by_key(|r| r.plan.id.number);
        all
    }

    fn rollout(&self, r: &core::Rollout, now: Time) -> wire::Rollout {
        let me = &self.state.me;
        let end = r.ended.map(|(_, at)| at);
        let asked = end.is_none() && !r.plan.kind.is_solo();
        let stopped = asked.then(|| self.stopped(r, now)).flatten();
        let failed = matches!(stopped, Some(Stopped::Failure { .. }));
        let open = (0..r.plan.rows.len()).find(|n| !r.is_done(me, *n));
        let rows = r.plan.rows.iter().enumerate();
        let measured = downtime(me, r);
        wire::Rollout {
            id: r.plan.id.number,
            origin: r.plan.id.origin.0.clone(),
            kind: r.plan.kind,
            first: r.plan.first.0.clone(),
            second: r.plan.second.0.clone(),
            from: r.plan.from.clone(),
            to: r.plan.to.clone(),
            by: say!(Lang::En, "{} on {}", r.plan.by.user, r.plan.by.node),
            reason: r.plan.by.reason.clone(),
            bundle: r.plan.bundle.clone(),
            made: rfc3339(r.plan.made_at),
            phase: open
                .filter(|_| end.is_none())
                .map(|n| r.plan.rows[n].phase_name.clone()),
            rows: rows
                .map(|(n, row)| self.row(row, r.report(me, n), end.unwrap_or(now)))
                .collect(),
            result: match r.ended {
                Some((result, _)) => Some(result.into()),
                None => failed.then_some(Outcome::Halted),
            },
            mandate: (*r.mandate).clone(),
            next: next(me, r, stopped.as_ref(), open),
            stopped_by: stopped,
            elapsed_ms: ms(end.unwrap_or(now).since(r.plan.made_at)),
            downtime_ms: measured.map(|m| m.gap_ms),
            write_gap_ms: measured.and_then(|m| m.write_gap_ms),
        }
    }

    pub(super) fn row(&self, row: &core::Row, report: Option<&Report>, now: Time) -> wire::Row {
        let working = |r: &Report| matches!(r.state, RowState::Started | RowState::Undoing);
        let elapsed = |r: &Report| if working(r) { now } else { r.at }.since(r.started_at);
        wire::Row {
            phase: row.phase_name.clone(),
            node: row.node.0.clone(),
            step: row.step.clone(),
            about: steps::find(&row.step)
                .map(|def| def.about.to_owned())
                .unwrap_or_default(),
            state: report.map(|r| r.state),
            started: report.map(|r| rfc3339(r.started_at)),
            started_at_ms: report.map(|r| r.started_at.0),
            elapsed_ms: report.map(|r| ms(elapsed(r))),
            limit_ms: row.limit_ms,
            expected_ms: self.expected(row),
            note: report.map(|r| r.note.clone()).unwrap_or_default(),
            problem: report.and_then(|r| r.problem.clone()),
        }
    }

    /// What earlier switchovers of this pair say of the next one.
    pub(super) fn expected_downtime(&self, budget: Duration) -> Finding {
        let rollouts = self.history.iter().chain(&self.state.journaled.rollout);
        let measured = rollouts.rev().filter_map(|r| downtime(&self.state.me, r));
        let worst = measured.take(SWITCHOVERS).map(|m| m.gap()).max();
        match worst {
            None => Finding::pass(
                "downtime",
                told!("no switchover of this pair was measured yet"),
            ),
            Some(worst) if worst <= budget => Finding::pass(
                "downtime",
                told!(
                    "at most {} without an answer is to be expected, of {}",
                    format!("{worst:?}"),
                    format!("{budget:?}")
                ),
            ),
            Some(worst) => Finding::fail(
                "downtime",
                told!(
                    "the last switchovers left users without an answer for up to {}, and limits.downtime_budget is {}",
                    format!("{worst:?}"),
                    format!("{budget:?}")
                ),
                told!(
                    "look into hau-ctl history for where the time went, or allow for it in hau.toml"
                ),
            ),
        }
    }

    /// How long this step took the last time it was done on this node.
    fn expected(&self, row: &core::Row) -> Option<u64> {
        let took = |r: &core::Rollout| {
            let mut rows = r.plan.rows.iter().enumerate();
            let (n, _) = rows.find(|(_, old)| old.step == row.step && old.node == row.node)?;
            let report = r
                .report(&self.state.me, n)
                .filter(|x| x.state == RowState::Done)?;
            Some(ms(report.at.since(report.started_at)))
        };
        self.history.iter().rev().find_map(took)
    }

    fn stopped(&self, r: &core::Rollout, now: Time) -> Option<Stopped> {
        if let Some((n, report)) = r.halted_by() {
            let row = &r.plan.rows[n];
            let problem = report.problem.clone().unwrap_or_else(|| core::Problem {
                what: told!("{} failed", row.step),
                remedy: told!("see the log of that node"),
            });
            let (node, step) = (row.node.0.clone(), row.step.clone());
            return Some(Stopped::Failure {
                node,
                step,
                problem,
            });
        }
        let (n, closed) = self.state.standing(now)?;
        let closed = closed?;
        let row = &r.plan.rows[n];
        let says = self.say(r, closed);
        Some(Stopped::Gate {
            node: row.node.0.clone(),
            step: row.step.clone(),
            closed,
            says,
        })
    }

    /// Is the other node there, with another journal than the rollout was begun with?
    fn is_peer_new(&self) -> bool {
        let heard = &self.state.observed;
        heard.stranger > heard.peer.as_ref().map(|(_, seen)| *seen)
    }

    fn say(&self, r: &core::Rollout, closed: Closed) -> String {
        let peer = &self.state.peer;
        match closed {
            Closed::PeerLost if self.is_peer_new() => told!(
                "node {} has lost its journal: what it did in this rollout is not known there any more. hau-ctl abort takes back what this node did; what that one did is a person's to look at",
                peer
            ),
            Closed::PeerLost => {
                told!(
                    "node {} is not heard of: nothing new begins until it is",
                    peer
                )
            }
            Closed::PeerBehind => {
                told!("node {} has not yet taken the newest order", peer)
            }
            Closed::Waiting(n) => {
                let row = &r.plan.rows[n];
                told!("waits for {} on node {}", row.step, row.node)
            }
            Closed::StopAsked => told!("the plan was asked to stop here"),
            Closed::ByHand => {
                told!("waits for what was asked for by hand on that node (a backup, the sync)")
            }
            Closed::MasterHere => {
                told!("this node may hold the VIP: its service is not touched")
            }
            Closed::Held => told!("the database here is kept from starting as primary"),
            Closed::PeerNotServing => {
                told!("node {} does not hold the VIP with its service up", peer)
            }
        }
    }
}

/// What comes next, or what to type.
fn next(me: &NodeId, r: &core::Rollout, stopped: Option<&Stopped>, open: Option<usize>) -> String {
    let kind = r.plan.kind;
    match (&r.ended, stopped) {
        (Some((core::RolloutResult::Succeeded, _)), _) if kind.is_solo() => {
            told!("nothing: it is done")
        }
        (Some((core::RolloutResult::Failed, _)), _) if kind.is_solo() => {
            problem(r).map_or_else(|| "hau-ctl status".to_owned(), |p| p.remedy.clone())
        }
        (Some((core::RolloutResult::Succeeded, _)), _) if kind == Kind::RollbackNode => {
            told!("nothing: node {} runs {}", r.plan.first, r.plan.to)
        }
        (Some((core::RolloutResult::Succeeded, _)), _) if kind != Kind::Switch => {
            told!("nothing: both nodes run {}", r.plan.to)
        }
        (Some((core::RolloutResult::Succeeded, _)), _) => {
            told!("nothing: the roles are switched")
        }
        (Some((core::RolloutResult::Failed, _)), _) => told!("nothing: it was given up"),
        (None, Some(Stopped::Failure { .. })) if r.mandate.direction == Direction::Back => {
            told!("hau-ctl retry, when the cause is mended")
        }
        (None, Some(Stopped::Failure { .. })) if r.is_undecided(me) => {
            told!("hau-ctl retry, when the cause is mended")
        }
        (None, Some(Stopped::Failure { .. })) if r.is_past_abort(me) => {
            told!("hau-ctl retry, when the cause is mended; or hau-ctl confirm --reason")
        }
        (None, Some(Stopped::Failure { .. })) => {
            told!("hau-ctl retry, when the cause is mended; or hau-ctl abort")
        }
        (
            None,
            Some(Stopped::Gate {
                closed: Closed::StopAsked,
                ..
            }),
        ) => told!("hau-ctl retry goes on; hau-ctl abort gives up"),
        (None, _) => match (open, r.mandate.order) {
            (_, Order::Abort) => told!("what was begun is taken back"),
            (Some(n), _) => {
                let row = &r.plan.rows[n];
                say!(Lang::En, "{} on node {}", row.step, row.node)
            }
            (None, _) => told!("the end"),
        },
    }
}

/// What the last failed row of this node said.
fn problem(r: &core::Rollout) -> Option<&core::Problem> {
    let failed = r.mine.iter().filter(|(_, x)| x.state == RowState::Failed);
    failed.filter_map(|(_, x)| x.problem.as_ref()).next_back()
}

fn node(local: &Local) -> wire::Node {
    let details = &local.details;
    let services = details.services.iter().map(|(name, s)| {
        (
            name.clone(),
            wire::ServiceState {
                active: s.active,
                ports: s.ports.clone(),
            },
        )
    });
    wire::Node {
        vrrp: local.vrrp,
        has_vip: local.has_vip,
        effective_priority: local.effective_priority,
        weight: details.weight,
        database: local.database,
        lag_bytes: details.lag_bytes,
        version: local.version.clone(),
        services: services.collect(),
        sync: match details.sync_paused {
            None => SyncState::None,
            Some(true) => SyncState::Paused,
            Some(false) => SyncState::Running,
        },
        health: if local.serving {
            host::Status::Pass
        } else {
            host::Status::Fail
        },
        probing: details.probing,
        fetching: details.fetching,
    }
}

pub(super) fn rfc3339(at: Time) -> String {
    let ms = i64::try_from(at.0).unwrap_or(i64::MAX);
    jiff::Timestamp::from_millisecond(ms)
        .unwrap_or(jiff::Timestamp::MAX)
        .to_string()
}

fn ms(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// What the new MASTER measured of the switchover.
pub(super) fn downtime(me: &core::NodeId, r: &core::Rollout) -> Option<core::Downtime> {
    let measures = |row: &core::Row| row.handoff == core::HandoffRow::Measured;
    let row = r.plan.rows.iter().position(measures)?;
    core::Downtime::read(&r.report(me, row)?.note)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::{Actor, Direction, Kind, Mandate, Order, Plan, Record, RolloutId, Timing};

    /// Of no rows; what is on record does not depend on them.
    fn plan(kind: Kind, number: u64) -> Arc<Plan> {
        let (first, second) = (NodeId("a".into()), NodeId("b".into()));
        Arc::new(Plan {
            id: RolloutId {
                number,
                origin: first.clone(),
            },
            kind,
            first,
            second,
            from: String::new(),
            to: String::new(),
            bundle: None,
            way_back: None,
            by: Actor::default(),
            made_at: Time(number),
            home_before: None,
            stop_before: None,
            term: None,
            takes_back: false,
            fast: false,
            rows: Vec::new(),
        })
    }

    /// What is recorded, as the daemon keeps it.
    fn on_record(plans: &[(Kind, u64)]) -> Vec<u64> {
        let (me, peer) = (NodeId("a".into()), NodeId("b".into()));
        let mut state = core::State::new(me.clone(), peer, Timing::default());
        let mut history = Vec::new();
        for (kind, number) in plans {
            let (plan, mandate) = (
                plan(*kind, *number),
                Arc::new(Mandate {
                    epoch: 0,
                    origin: me.clone(),
                    order: Order::Start,
                    direction: Direction::Forward,
                    by: Actor::default(),
                    at: Time(0),
                }),
            );
            let (with, result, at) = (None, core::RolloutResult::Succeeded, Time(0));
            let records = if kind.is_solo() {
                let begun = Record::SoloBegun { plan, mandate };
                [begun, Record::SoloEnded { result, at }]
            } else {
                let adopted = Record::PlanAdopted {
                    plan,
                    mandate,
                    with,
                };
                [adopted, Record::RolloutEnded { result, at }]
            };
            for record in &records {
                history.extend(state.journaled.replaced_by(record).cloned());
                state.journaled.apply(record);
            }
        }
        let snapshot = Snapshot {
            state,
            band: core::Band::default(),
            history: Arc::new(history),
        };
        let history = snapshot.history(Time(0));
        history.iter().map(|r| r.id).collect()
    }

    /// Each of them, as the compiler sees to it.
    fn every_gate() -> [Closed; 8] {
        match Closed::PeerLost {
            Closed::PeerLost
            | Closed::PeerBehind
            | Closed::Waiting(_)
            | Closed::StopAsked
            | Closed::ByHand
            | Closed::MasterHere
            | Closed::PeerNotServing
            | Closed::Held => [
                Closed::PeerLost,
                Closed::PeerBehind,
                Closed::Waiting(0),
                Closed::StopAsked,
                Closed::ByHand,
                Closed::MasterHere,
                Closed::PeerNotServing,
                Closed::Held,
            ],
        }
    }

    #[test]
    fn what_keeps_a_row_from_beginning_is_read_in_chinese() {
        use crate::words::heard;
        let (a, b) = (NodeId("a".into()), NodeId("b".into()));
        let mut made = (*plan(Kind::Upgrade, 1)).clone();
        made.rows.push(core::Row {
            phase: 0,
            phase_name: "upgrade first".to_owned(),
            node: b.clone(),
            step: "soak".to_owned(),
            disruptive: false,
            disruptive_undo: false,
            restores: false,
            service_down: false,
            gives_vip: false,
            confirmable: false,
            undo: core::Undo::Nothing,
            handoff: core::HandoffRow::default(),
            limit_ms: 0,
            attempts: 1,
        });
        let mut state = core::State::new(a.clone(), b, Timing::default());
        let mandate = Mandate {
            epoch: 0,
            origin: a,
            order: Order::Start,
            direction: Direction::Forward,
            by: Actor::default(),
            at: Time(0),
        };
        state.journaled.apply(&Record::PlanAdopted {
            plan: Arc::new(made),
            mandate: Arc::new(mandate),
            with: None,
        });
        let mut snapshot = Snapshot::of(&state, core::Band::default(), &Arc::new(Vec::new()));
        let r = state.journaled.rollout.as_ref().expect("adopted");
        let mut seen = std::collections::BTreeSet::new();
        for closed in every_gate() {
            let said = snapshot.say(r, closed);
            let zh = heard(Lang::Zh, &said);
            assert!(!zh.is_ascii() && seen.insert(zh.clone()), "{said}: {zh}");
        }
        // It is there again, with another journal.
        snapshot.state.observed.stranger = Some(Time(1));
        let said = snapshot.say(r, Closed::PeerLost);
        assert!(seen.insert(heard(Lang::Zh, &said)), "{said}");
        let waits = heard(Lang::Zh, &snapshot.say(r, Closed::Waiting(0)));
        assert_eq!(waits, "等待节点 b 的 soak");
    }

    #[test]
    fn what_a_node_did_on_its_own_is_on_record_like_the_rest_and_in_order() {
        assert_eq!(on_record(&[(Kind::Failover, 1)]), [1]);
        let mixed = [
            (Kind::Upgrade, 1),
            (Kind::Failover, 2),
            (Kind::Rejoin, 3),
            (Kind::Upgrade, 4),
            (Kind::Failover, 5),
        ];
        assert_eq!(on_record(&mixed), [1, 2, 3, 4, 5]);
    }
}
