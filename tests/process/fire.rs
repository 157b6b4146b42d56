//! Rollouts whose daemons are killed with SIGKILL: over all of them at every row of the table.
use crate::pair::{Pair, Whom};
use hau::core::RowState;

/// Every other row in each of two rollouts: a row is shot at as it begins and its neighbour goes on undisturbed.
pub(crate) fn owners_when_rows_begin(pair: &mut Pair) {
    for rest in [0, 1] {
        let master = pair.master();
        pair.upgrade(master, &|row, state| {
            (state == RowState::Started && row % 2 == rest).then_some(Whom::Owner)
        });
    }
    let rows = pair.nodes[0].status().unwrap().rollout.unwrap().rows.len();
    let facts = &pair.figures.rows;
    let shot = facts.iter().filter(|f| f.ends_with("Started Owner"));
    assert_eq!(shot.count(), rows, "not every row was shot at: {facts:?}");
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
