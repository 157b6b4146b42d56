//! What one node does on its own: the two tables, and plans of them.
use super::{Content, Only, Phase, fence, find, rejoin, rewind, rows, start, take_over};
use crate::config::Settings;
use crate::core::{Actor, Kind, NodeId, Plan, RolloutId, Turn::First};
use crate::time::Time;

/// This node becomes primary because the other one is gone; the first turn is this node's.
pub(super) const FAILOVER: &[&[Phase]] = &[&[
    ("fence", &[(First, &fence::DEF)]),
    ("take over", &[(First, &take_over::DEF)]),
    ("serve", &[(First, &start::DEF)]),
]];

/// This node follows the one that became primary while it was away.
pub(super) const REJOIN: &[&[Phase]] = &[&[
    (
        "rewind",
        &[(First, &rewind::DEF), (First, &rewind::REBUILD)],
    ),
    ("rejoin", &[(First, &rejoin::DEF)]),
    ("serve", &[(First, &start::DEF)]),
]];

/// How a person asked for what one node does on its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// The person says that the other node is off.
    pub vouched: bool,
    pub rebuild: bool,
}

/// A plan of one node's own; the core numbers it.
pub fn solo(kind: Kind, settings: &Settings, asked: Asked, (me, peer): (&NodeId, &NodeId)) -> Plan {
    let mut rows = rows(kind, settings, Content::default(), me, peer);
    rows.retain(|row| match find(&row.step).map(|def| def.only) {
        Some(Only::Fence) => !asked.vouched,
        Some(Only::Rebuild(rebuild)) => rebuild == asked.rebuild,
        Some(_) | None => true,
    });
    let (number, origin) = (0, me.clone());
    Plan {
        id: RolloutId { number, origin },
        kind,
        first: me.clone(),
        second: peer.clone(),
        from: String::new(),
        to: String::new(),
        bundle: None,
        way_back: None,
        term: None,
        takes_back: false,
        fast: false,
        by: Actor::default(),
        made_at: Time(0),
        home_before: None,
        stop_before: None,
        rows,
    }
}
