//! How long rows take together.
use super::Row;
use crate::core::RowState;
use std::collections::BTreeMap;

/// How long the rest of a rollout takes, going by earlier ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    About(u64),
    /// A row at work takes longer than it did before: nobody knows by how much.
    AtLeast(u64),
}

impl Row {
    /// How long they take together, going by earlier rollouts: phase after phase, each as long as its slower node.
    /// None: one of them was never done on this pair.
    pub fn expected_together(rows: &[Self]) -> Option<u64> {
        together(rows, |row| row.expected_ms)
    }

    /// How long it still takes until all of them are done, in milliseconds. None: one that is not done was never done on
    /// this pair, or has failed or is taken back.
    pub fn expected_rest(rows: &[Self]) -> Option<Rest> {
        let rest = together(rows, Self::rest)?;
        if rows.iter().any(Self::is_late) {
            Some(Rest::AtLeast(rest))
        } else {
            Some(Rest::About(rest))
        }
    }

    /// It is at work for longer than it took in earlier rollouts.
    pub fn is_late(&self) -> bool {
        let at_work = self.state == Some(RowState::Started);
        at_work && self.expected_ms.is_some() && self.elapsed_ms > self.expected_ms
    }

    fn rest(&self) -> Option<u64> {
        match self.state {
            None => self.expected_ms,
            Some(RowState::Done) => Some(0),
            Some(RowState::Started) => {
                let gone = self.elapsed_ms.unwrap_or(0);
                self.expected_ms.map(|ms| ms.saturating_sub(gone))
            }
            Some(
                RowState::Failed | RowState::Undoing | RowState::Undone | RowState::UndoFailed,
            ) => None,
        }
    }
}

/// Phases one after the other, each as long as its slower node.
fn together(rows: &[Row], of: impl Fn(&Row) -> Option<u64>) -> Option<u64> {
    let phases = rows.chunk_by(|a, b| a.phase == b.phase);
    let each = phases.map(|rows| {
        let mut nodes = BTreeMap::new();
        for row in rows {
            *nodes.entry(&row.node).or_insert(0) += of(row)?;
        }
        nodes.into_values().max()
    });
    each.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(phase: &str, node: &str, expected_ms: Option<u64>) -> Row {
        Row {
            phase: phase.to_owned(),
            node: node.to_owned(),
            step: String::new(),
            about: String::new(),
            state: None,
            started: None,
            started_at_ms: None,
            elapsed_ms: None,
            limit_ms: 0,
            expected_ms,
            note: String::new(),
            problem: None,
        }
    }

    #[test]
    fn the_nodes_work_side_by_side_and_the_phases_one_after_the_other() {
        let mut rows = vec![
            row("one", "a", Some(3)),
            row("one", "a", Some(4)),
            row("one", "b", Some(6)),
            row("two", "b", Some(10)),
            row("one", "a", Some(1)),
        ];
        assert_eq!(Row::expected_together(&rows), Some(7 + 10 + 1));
        rows[2].expected_ms = None;
        assert_eq!(Row::expected_together(&rows), None);
        assert_eq!(Row::expected_together(&[]), Some(0));
    }
    #[test]
    fn the_rest_is_what_is_not_done_and_says_when_it_cannot_know() {
        let mut rows = vec![
            row("one", "a", Some(3)),
            row("one", "b", Some(6)),
            row("two", "b", Some(10)),
        ];
        assert_eq!(Row::expected_rest(&rows), Some(Rest::About(16)));
        rows[0].state = Some(RowState::Done);
        (rows[1].state, rows[1].elapsed_ms) = (Some(RowState::Started), Some(4));
        assert_eq!(Row::expected_rest(&rows), Some(Rest::About(2 + 10)));
        rows[1].elapsed_ms = Some(7);
        assert!(rows[1].is_late());
        assert_eq!(Row::expected_rest(&rows), Some(Rest::AtLeast(10)));
        // What is done needs no past.
        rows[0].expected_ms = None;
        assert_eq!(Row::expected_rest(&rows), Some(Rest::AtLeast(10)));
        rows[1].state = Some(RowState::Failed);
        assert_eq!(Row::expected_rest(&rows), None);
    }
}
