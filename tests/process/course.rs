//! What the facts of both journals say of a rollout so far.
use hau::core::{Plan, Record, RowState};
use std::{collections::BTreeSet, sync::Arc};

#[derive(Default)]
pub(crate) struct Course {
    pub(crate) plan: Option<Arc<Plan>>,
    pub(crate) fired: BTreeSet<(usize, u8)>,
    pub(crate) paused: [bool; 2],
    pub(crate) resumes: bool,
    pub(crate) pushes: Option<[usize; 2]>,
}

impl Course {
    pub(crate) fn take(&mut self, n: usize, record: &Record) {
        match record {
            Record::PlanAdopted { plan, .. } => self.plan = Some(Arc::clone(plan)),
            Record::RowReported { row, report } => {
                let step = self.plan.as_ref().map(|p| p.rows[*row].step.as_str());
                self.paused[n] |= step == Some("pause_sync") && report.state == RowState::Done;
                self.resumes |= step == Some("resume_sync");
            }
            Record::Started { .. }
            | Record::HomeTold { .. }
            | Record::MandateTaken { .. }
            | Record::PeerReported { .. }
            | Record::RolloutEnded { .. }
            | Record::SoloBegun { .. }
            | Record::SoloReported { .. }
            | Record::SoloEnded { .. }
            | Record::NotPromoted
            | Record::TermShared { .. }
            | Record::PrimarySeen { .. } => {}
        }
    }
}
