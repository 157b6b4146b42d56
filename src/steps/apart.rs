//! What is left of the table where the nodes go different ways.
use super::{compare, push, rejoin, resume};
use crate::core::{NodeId, Row};

/// A pair that ends with two versions is not levelled: the sync would push one version's
/// configuration onto the other. It stays paused.
pub fn leave_apart(rows: &mut Vec<Row>) {
    let levels = [resume::DEF.name, push::DEF.name, compare::DEF.name];
    rows.retain(|row| !levels.contains(&&*row.step));
}

/// For a node whose peer is dead: its own rows, of which none asks for the other one. Nobody takes over
/// meanwhile, so its services may stop where they are.
pub fn alone(rows: &mut Vec<Row>, node: &NodeId) {
    leave_apart(rows);
    rows.retain(|row| row.node == *node && row.step != rejoin::DEF.name);
    for row in rows {
        (row.disruptive, row.disruptive_undo, row.restores) = (false, false, true);
    }
}
