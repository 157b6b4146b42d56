//! Facts in the journal. `apply` is the only code that changes journaled state; it decides nothing.
use super::{Journaled, Mandate, Plan, Primary, Report, Reports, Rollout, RolloutResult};
use crate::time::Time;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Record {
    Started {
        boot: u64,
        at: Time,
    },
    PlanAdopted {
        plan: Arc<Plan>,
        mandate: Mandate,
    },
    MandateTaken {
        mandate: Mandate,
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
    },
    RolloutEnded {
        result: RolloutResult,
        at: Time,
    },
    /// What this node does on its own: begun, each row, the end.
    SoloBegun {
        plan: Arc<Plan>,
        mandate: Mandate,
    },
    SoloReported {
        row: usize,
        report: Report,
    },
    SoloEnded {
        result: RolloutResult,
        at: Time,
    },
    /// A node's database was seen to be primary on a newer timeline than any before.
    PrimarySeen {
        primary: Primary,
        at: Time,
    },
}

impl Journaled {
    pub fn apply(&mut self, record: &Record) {
        match record {
            Record::Started { boot, .. } => {
                assert!(*boot > self.boot, "boots grow");
                self.boot = *boot;
            }
            Record::PlanAdopted { plan, mandate } => self.adopt(plan, mandate),
            Record::MandateTaken { mandate } => {
                let rollout = self.running();
                assert!(mandate.beats(&rollout.mandate), "mandates grow");
                rollout.mandate = mandate.clone();
            }
            Record::RowReported { row, report } => {
                let rollout = self.running();
                assert!(
                    *row < rollout.plan.rows.len(),
                    "a report is on a row of the plan"
                );
                Arc::make_mut(&mut rollout.mine).insert(*row, report.clone());
            }
            Record::PeerReported { reports, told } => {
                let rollout = self.rollout.as_mut().expect("a plan is adopted");
                assert!(*told > rollout.told, "what the peer reports grows");
                (rollout.peers, rollout.told) = (reports.clone(), *told);
            }
            Record::RolloutEnded { result, at } => self.running().ended = Some((*result, *at)),
            Record::SoloBegun { plan, mandate } => {
                let free = self.solo.as_ref().is_none_or(|solo| solo.ended.is_some());
                assert!(free, "one thing at a time");
                self.solo = Some(Rollout::new(plan.clone(), mandate.clone()));
            }
            Record::SoloReported { row, report } => {
                let solo = self.running_solo();
                assert!(
                    *row < solo.plan.rows.len(),
                    "a report is on a row of the plan"
                );
                Arc::make_mut(&mut solo.mine).insert(*row, report.clone());
            }
            Record::SoloEnded { result, at } => self.running_solo().ended = Some((*result, *at)),
            Record::PrimarySeen { primary, .. } => {
                let moved = |old: &Primary| old.node != primary.node;
                if self.primary.as_ref().is_some_and(moved) {
                    self.moved_to = Some(primary.node.clone());
                    if let Some(rollout) = &mut self.rollout {
                        rollout.has_moved = true;
                    }
                }
                self.primary = Some(primary.clone());
            }
        }
    }

    /// What goes into the history when this fact is applied.
    pub fn replaced_by(&self, record: &Record) -> Option<&Rollout> {
        if matches!(record, Record::PlanAdopted { .. }) {
            self.rollout.as_ref()
        } else if matches!(record, Record::SoloBegun { .. }) {
            self.solo.as_ref()
        } else {
            None
        }
    }

    fn adopt(&mut self, plan: &Arc<Plan>, mandate: &Mandate) {
        if let Some(old) = &self.rollout {
            let replaceable = old.ended.is_some() || old.mine.is_empty();
            assert!(replaceable, "a rollout with a row begun is not replaced");
            assert!(plan.id.beats(&old.plan.id), "rollout ids grow");
        }
        self.rollout = Some(Rollout::new(plan.clone(), mandate.clone()));
        // The plan says where the VIP was at home when it was made.
        self.moved_to = None;
    }

    fn running(&mut self) -> &mut Rollout {
        let rollout = self.rollout.as_mut().expect("a plan is adopted");
        assert!(rollout.ended.is_none(), "the rollout has not ended");
        rollout
    }

    fn running_solo(&mut self) -> &mut Rollout {
        let solo = self.solo.as_mut().expect("it has begun");
        assert!(solo.ended.is_none(), "it has not ended");
        solo
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::{Actor, Direction, Kind, NodeId, Order, RolloutId, RowState};

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
            by: Actor::default(),
            made_at: Time(1),
            stop_before: Some(3),
            rows: Vec::new(),
        })
    }

    /// What is written to disk must be readable: a daemon that cannot read its own facts does not start.
    #[test]
    fn every_fact_is_read_back_as_it_was_written() {
        let mandate = Mandate {
            epoch: 2,
            origin: NodeId("a".to_owned()),
            order: Order::Retry,
            direction: Direction::Forward,
            by: Actor::default(),
            at: Time(9),
        };
        let report = Report {
            state: RowState::Failed,
            epoch: 2,
            attempt: 1,
            started_at: Time(5),
            at: Time(8),
            note: "0/19CEBC8".to_owned(),
            problem: None,
        };
        let (plan, at) = (plan(), Time(10));
        let reports = Arc::new(Reports::from([(0, report.clone()), (12, report.clone())]));
        let result = RolloutResult::Succeeded;
        let facts = [
            Record::Started { boot: 3, at },
            Record::PlanAdopted {
                plan: plan.clone(),
                mandate: mandate.clone(),
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
            Record::PrimarySeen {
                primary: Primary {
                    node: NodeId("b".to_owned()),
                    timeline: 4,
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
