//! How long rows take together.
use super::Row;
use std::collections::BTreeMap;

impl Row {
    /// How long they take together, going by earlier rollouts: phase after phase, each as long as its slower node.
    /// None: one of them was never done on this pair.
    pub fn expected_together(rows: &[Self]) -> Option<u64> {
        let phases = rows.chunk_by(|a, b| a.phase == b.phase);
        let each = phases.map(|rows| {
            let mut nodes = BTreeMap::new();
            for row in rows {
                *nodes.entry(&row.node).or_insert(0) += row.expected_ms?;
            }
            nodes.into_values().max()
        });
        each.sum()
    }
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
}
