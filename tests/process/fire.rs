//! Rollouts whose daemons are killed with SIGKILL: over all of them at every row of the table.
use crate::pair::{Pair, Whom};
use hau::core::RowState;
use std::{cell::RefCell, collections::BTreeSet};

const ROUNDS: usize = 5;

/// Every other row in each of two rollouts: a row is shot at as it begins and its neighbour goes on undisturbed. A
/// short row may be over before it is seen: one more rollout is for those.
pub(crate) fn owners_when_rows_begin(pair: &mut Pair) {
    let shot = RefCell::new(BTreeSet::new());
    for round in 0..ROUNDS {
        let master = pair.master();
        pair.upgrade(master, &|row, state| {
            let is_due = round > 1 || row % 2 == round;
            let fires = state == RowState::Started && is_due && shot.borrow_mut().insert(row);
            fires.then_some(Whom::Owner)
        });
        let rows = pair.nodes[0].status().unwrap().rollout.unwrap().rows.len();
        if shot.borrow().len() == rows {
            return;
        }
    }
    panic!("not every row was shot at: {:?}", pair.figures.rows);
}

pub(crate) fn owners_when_rows_are_done(pair: &mut Pair) {
    let backup = Pair::other(pair.master());
    pair.upgrade(backup, &|row, state| {
        (state == RowState::Done && row % 3 == 0).then_some(Whom::Owner)
    });
}

pub(crate) fn peers_when_rows_begin(pair: &mut Pair) {
    pair.upgrade(0, &|row, state| {
        (state == RowState::Started && row % 3 == 1).then_some(Whom::Peer)
    });
}

pub(crate) fn both_at_once(pair: &mut Pair) {
    pair.upgrade(1, &|row, state| {
        (state == RowState::Started && row % 3 == 2).then_some(Whom::Both)
    });
}
