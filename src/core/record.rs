//! Facts in the journal. `apply` is the only code that changes journaled state; it decides nothing.
use super::{
    Journaled, Mandate, NodeId, Plan, Primary, Report, Reports, Rollout, RolloutResult, Undo,
};
use crate::time::Time;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Record {
    Started {
        boot: u64,
        /// Of the host; empty where an older version wrote it.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        host_boot: String,
        at: Time,
    },
    /// A node without a rollout of its own has been told where the VIP is at home.
    HomeTold {
        home: NodeId,
    },
    PlanAdopted {
        plan: Arc<Plan>,
        mandate: Arc<Mandate>,
        /// `installed` of the peer it is done with.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        with: Option<Time>,
    },
    MandateTaken {
        mandate: Arc<Mandate>,
    },
    RowReported {
        row: usize,
        report: Report,
    },
    PeerReported {
        reports: Arc<Reports>,
        /// Boot and sequence of the Hello that told them.
        #[serde(default)]
        told: (u64, u64),
        /// That it has seen the primary move.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        has_moved: bool,
    },
    RolloutEnded {
        result: RolloutResult,
        at: Time,
    },
    /// What this node does on its own: begun, each row, the end.
    SoloBegun {
        plan: Arc<Plan>,
        mandate: Arc<Mandate>,
    },
    SoloReported {
        row: usize,
        report: Report,
    },
    SoloEnded {
        result: RolloutResult,
        at: Time,
    },
    /// The failover that failed has not promoted and cannot any more: the standby has gone on following.
    NotPromoted,
    /// The data here are of a later term: it lies with them, or they and the other node's are one.
    TermShared {
        term: u64,
    },
    /// A node's database was seen to be primary in a later term or on a newer timeline than any before.
    PrimarySeen {
        primary: Primary,
        at: Time,
    },
}

/// A fact that cannot follow the ones before it: the rule that it breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contradiction(pub &'static str);

impl Journaled {
    /// Takes in a fact that this program has decided.
    ///
    /// # Panics
    /// When it contradicts the ones before it: that is a mistake of this program.
    pub fn apply(&mut self, record: &Record) {
        if let Err(Contradiction(rule)) = self.take(record) {
            panic!("{rule}, but {record:?} was decided");
        }
    }

    /// Takes in a fact as a journal holds it.
    ///
    /// # Errors
    /// When it contradicts the ones before it; nothing is changed then.
    pub fn take(&mut self, record: &Record) -> Result<(), Contradiction> {
        match record {
            Record::Started {
                boot,
                host_boot,
                at,
            } => {
                holds(*boot > self.boot, "boots grow")?;
                if self.boot == 0 {
                    self.installed = *at;
                }
                self.boot = *boot;
                self.outlived |= self.host_boot != *host_boot;
                self.host_boot.clone_from(host_boot);
            }
            Record::HomeTold { home } => self.home = Some(home.clone()),
            Record::PlanAdopted {
                plan,
                mandate,
                with,
            } => self.adopt(plan, mandate, *with)?,
            Record::MandateTaken { mandate } => {
                let rollout = self.running()?;
                holds(mandate.beats(&rollout.mandate), "mandates grow")?;
                rollout.mandate = mandate.clone();
            }
            Record::RowReported { row, report } => {
                let rollout = self.running()?;
                rollout.has_row(*row)?;
                Arc::make_mut(&mut rollout.mine).insert(*row, report.clone());
            }
            Record::PeerReported {
                reports,
                told,
                has_moved,
            } => {
                let rollout = self.rollout.as_mut().ok_or(NO_PLAN)?;
                holds(*told > rollout.told, "what the peer reports grows")?;
                let mut rows = reports.iter().map(|(row, _)| row);
                rows.try_for_each(|row| rollout.has_row(row))?;
                (rollout.peers, rollout.told) = (reports.clone(), *told);
                rollout.has_moved |= has_moved;
            }
            Record::RolloutEnded { result, at } => {
                self.running()?.ended = Some((*result, *at));
                self.judge(*result);
            }
            Record::SoloBegun { plan, mandate } => {
                let is_free = self.solo.as_ref().is_none_or(|solo| solo.ended.is_some());
                holds(is_free, "a node does one thing at a time on its own")?;
                (self.solo, self.outlived) = (Some(Rollout::new(plan, mandate, None)), false);
            }
            Record::SoloReported { row, report } => {
                let solo = self.running_solo()?;
                solo.has_row(*row)?;
                Arc::make_mut(&mut solo.mine).insert(*row, report.clone());
                // From its begin on: whether it has become primary is not known after a crash.
                let begins = solo.plan.rows[*row].undo == Undo::Barrier;
                if let Some(term) = solo.plan.term.filter(|term| begins && *term != self.term) {
                    (self.term_before, self.term) = (self.term, term);
                }
            }
            Record::SoloEnded { result, at } => self.running_solo()?.ended = Some((*result, *at)),
            Record::NotPromoted => self.settle_claim()?,
            Record::TermShared { term } => self.term = *term,
            Record::PrimarySeen { primary, .. } => self.see_primary(primary),
        }
        Ok(())
    }

    fn adopt(
        &mut self,
        plan: &Arc<Plan>,
        mandate: &Arc<Mandate>,
        with: Option<Time>,
    ) -> Result<(), Contradiction> {
        if let Some(old) = &self.rollout {
            let replaceable = old.ended.is_some() || old.mine.is_empty();
            holds(replaceable, "a rollout with a row begun is not replaced")?;
            holds(plan.id.beats(&old.plan.id), "rollout numbers grow")?;
        }
        self.rollout = Some(Rollout::new(plan, mandate, with));
        // The plan says where the VIP was at home when it was made.
        self.moved_to = None;
        Ok(())
    }

    fn settle_claim(&mut self) -> Result<(), Contradiction> {
        let solo = self.solo.as_mut().ok_or(NO_PLAN)?;
        holds(solo.ended.is_some(), "what is under way may promote yet")?;
        solo.has_not_promoted();
        if solo.plan.term == Some(self.term) {
            self.term = self.term_before;
        }
        Ok(())
    }

    fn see_primary(&mut self, primary: &Primary) {
        if self
            .primary
            .as_ref()
            .is_some_and(|old| old.node != primary.node)
        {
            self.moved_to = Some(primary.node.clone());
            if let Some(rollout) = &mut self.rollout {
                rollout.has_moved = true;
            }
        }
        self.primary = Some(primary.clone());
    }

    /// What goes into the history when this fact is taken in.
    pub fn replaced_by(&self, record: &Record) -> Option<&Rollout> {
        if matches!(record, Record::PlanAdopted { .. }) {
            self.rollout.as_ref()
        } else if matches!(record, Record::SoloBegun { .. }) {
            self.solo.as_ref()
        } else {
            None
        }
    }

    /// A version that was rolled back is not installed again by mistake.
    fn judge(&mut self, result: RolloutResult) {
        let Some(Rollout { plan, .. }) = &self.rollout else {
            return;
        };
        if result != RolloutResult::Succeeded || plan.from == plan.to {
            return;
        }
        self.known_bad.remove(&plan.to);
        if plan.kind.is_rollback() {
            self.known_bad.insert(plan.from.clone());
        }
    }

    fn running(&mut self) -> Result<&mut Rollout, Contradiction> {
        let rollout = self.rollout.as_mut().ok_or(NO_PLAN)?;
        holds(
            rollout.ended.is_none(),
            "nothing follows the end of a rollout",
        )?;
        Ok(rollout)
    }

    fn running_solo(&mut self) -> Result<&mut Rollout, Contradiction> {
        let solo = self.solo.as_mut().ok_or(NO_PLAN)?;
        holds(
            solo.ended.is_none(),
            "nothing follows the end of what a node does on its own",
        )?;
        Ok(solo)
    }
}

impl Rollout {
    fn new(plan: &Arc<Plan>, mandate: &Arc<Mandate>, with: Option<Time>) -> Self {
        Self {
            plan: plan.clone(),
            mandate: mandate.clone(),
            mine: Arc::default(),
            peers: Arc::default(),
            told: (0, 0),
            with,
            ended: None,
            has_moved: false,
        }
    }

    fn has_row(&self, row: usize) -> Result<(), Contradiction> {
        holds(
            row < self.plan.rows.len(),
            "a report is on a row of the plan",
        )
    }
}

const NO_PLAN: Contradiction = Contradiction("a plan comes before what is done of it");

fn holds(is_true: bool, rule: &'static str) -> Result<(), Contradiction> {
    is_true.then_some(()).ok_or(Contradiction(rule))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::{Actor, Direction, Kind, Order, RolloutId, RowState};

    fn plan() -> Arc<Plan> {
        let (first, second) = (NodeId("b".to_owned()), NodeId("a".to_owned()));
        Arc::new(Plan {
            id: RolloutId {
                number: 7,
                origin: second.clone(),
            },
            kind: Kind::Upgrade,
            home_before: Some(second.clone()),
            first,
            second,
            from: "1.0.0".to_owned(),
            to: "1.1.0".to_owned(),
            bundle: None,
            way_back: None,
            by: Actor::default(),
            made_at: Time(1),
            stop_before: Some(3),
            takes_back: true,
            fast: true,
            term: Some(2),
            rows: Vec::new(),
        })
    }

    fn mandate() -> Arc<Mandate> {
        Arc::new(Mandate {
            epoch: 2,
            origin: NodeId("a".to_owned()),
            order: Order::Retry,
            direction: Direction::Forward,
            by: Actor::default(),
            at: Time(9),
        })
    }

    /// What is written to disk must be readable: a daemon that cannot read its own facts does not start.
    #[test]
    fn every_fact_is_read_back_as_it_was_written() {
        let mandate = mandate();
        let report = Report {
            state: RowState::Failed,
            epoch: 2,
            attempt: 1,
            started_at: Time(5),
            at: Time(8),
            note: "0/19CEBC8".to_owned(),
            problem: None,
            untouched: true,
        };
        let (plan, at) = (plan(), Time(10));
        let reports = Arc::new(Reports::from_iter([
            (0, report.clone()),
            (12, report.clone()),
        ]));
        let result = RolloutResult::Succeeded;
        let facts = [
            Record::Started {
                boot: 3,
                host_boot: "c0ffee".to_owned(),
                at,
            },
            Record::HomeTold {
                home: NodeId("b".to_owned()),
            },
            Record::PlanAdopted {
                plan: plan.clone(),
                mandate: mandate.clone(),
                with: Some(at),
            },
            Record::MandateTaken {
                mandate: mandate.clone(),
            },
            Record::RowReported {
                row: 12,
                report: report.clone(),
            },
            Record::PeerReported {
                reports,
                told: (3, 4),
                has_moved: true,
            },
            Record::RolloutEnded { result, at },
            Record::SoloBegun {
                plan: plan.clone(),
                mandate: mandate.clone(),
            },
            Record::SoloReported {
                row: 0,
                report: report.clone(),
            },
            Record::SoloEnded { result, at },
            Record::NotPromoted,
            Record::TermShared { term: 2 },
            Record::PrimarySeen {
                primary: Primary {
                    node: NodeId("b".to_owned()),
                    term: 2,
                    timeline: 4,
                    identity: "postgres 7".to_owned(),
                },
                at,
            },
        ];
        for fact in facts {
            let text = serde_json::to_vec(&fact).unwrap();
            let read = serde_json::from_slice::<Record>(&text);
            assert_eq!(read.ok(), Some(fact), "{}", String::from_utf8_lossy(&text));
        }
    }
}
