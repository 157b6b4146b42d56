//! What the rows of one node have come to, by the number of the row.
//!
//! # Why
//! The gates ask for many of them at every turn: they lie as the rows do, and finding one is no search.
use super::{Report, Rollout, RowState};
use crate::time::Time;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use std::{collections::BTreeMap, ops::Index, sync::Arc};

/// Far more than any plan has: a number is believed before the plan is known.
const ROWS_MAX: usize = 4096;

/// Of a row that begins, or begins to be taken back, under the newest order.
pub(super) fn fresh(rollout: &Rollout, state: RowState, now: Time) -> Report {
    let (epoch, note) = (rollout.mandate.epoch, String::new());
    Report {
        state,
        epoch,
        attempt: 1,
        started_at: now,
        at: now,
        note,
        problem: None,
        untouched: false,
    }
}

/// In JSON a map from the row's number to its report.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reports {
    /// The last one is never None.
    rows: Vec<Option<Arc<Report>>>,
}

impl Reports {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn get(&self, row: usize) -> Option<&Report> {
        self.rows.get(row)?.as_deref()
    }

    /// Puts the newest report on a row in the place of the one before it.
    pub fn insert(&mut self, row: usize, report: Report) {
        self.put(row, Arc::new(report));
    }

    fn put(&mut self, row: usize, report: Arc<Report>) {
        if self.rows.len() <= row {
            self.rows.resize(row + 1, None);
        }
        self.rows[row] = Some(report);
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// In the order of the rows.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (usize, &Report)> {
        let rows = self.rows.iter().enumerate();
        rows.filter_map(|(row, report)| Some((row, report.as_deref()?)))
    }

    /// These and the other node's: no row has a report in both.
    #[must_use]
    pub fn with(&self, other: &Self) -> Self {
        let mut all = self.clone();
        for (row, report) in other.rows.iter().enumerate() {
            if let Some(report) = report {
                all.put(row, report.clone());
            }
        }
        all
    }
}

impl Index<usize> for Reports {
    type Output = Report;

    fn index(&self, row: usize) -> &Report {
        self.get(row).expect("a report on this row")
    }
}

impl FromIterator<(usize, Report)> for Reports {
    fn from_iter<I: IntoIterator<Item = (usize, Report)>>(reports: I) -> Self {
        let mut all = Self::new();
        for (row, report) in reports {
            all.insert(row, report);
        }
        all
    }
}

impl Serialize for Reports {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Reports {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let reports = BTreeMap::<usize, Report>::deserialize(deserializer)?;
        match reports.last_key_value() {
            Some((row, _)) if *row >= ROWS_MAX => Err(D::Error::custom(format!(
                "a report on row {row}: no plan has so many rows"
            ))),
            Some(_) | None => Ok(reports.into_iter().collect()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_that_no_plan_has_is_refused() {
        let report = r#"{"state":"done","epoch":0,"attempt":1,"started_at":1,"at":2}"#;
        let read = |row: usize| {
            serde_json::from_str::<Reports>(&format!(r#"{{"3":{report},"{row}":{report}}}"#))
        };
        let rows: Vec<usize> = read(7).unwrap().iter().map(|(row, _)| row).collect();
        assert_eq!(rows, [3, 7]);
        assert!(read(ROWS_MAX).is_err());
        assert!(read(usize::MAX).is_err());
    }
}
