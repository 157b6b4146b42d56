//! Which parts of the handoff should be in force on this node, as a function of the state.
//!
//! # Why
//! Nothing arms or disarms anything: the shell makes reality be as this says, at every turn, like
//! the weight. A rollout that halts, is given up, ends, or loses its peer no longer wants it, and so
//! it goes, whichever way the rollout got there and however often a sidecar was killed on the way.
use super::{Direction, Rollout, Row, RowState, State};
use crate::time::Time;
use serde::{Deserialize, Serialize};

/// What a row means for the handoff.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HandoffRow {
    #[default]
    Nothing,
    /// From here on the VIP's address is kept on `lo`.
    Keep,
    /// From here on packets of connections that began on the other node are sent there.
    Forward,
    /// From here on new connections are parked.
    Park,
    /// No connection is left on the old node when this is done.
    Drained,
    /// Writes are taken on the new node when this is done.
    Promoted,
    /// What users notice is measured from here on …
    Measures,
    /// … until this is done.
    Measured,
}

/// The parts of the handoff, each in force or not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Armed {
    /// Old node: the VIP stays on `lo`, unannounced, for the connections that are open.
    pub keep: bool,
    /// New node: connections that began on the old one are forwarded to it.
    pub forward: bool,
    /// New node: new connections are accepted by the kernel and answered later.
    pub park: bool,
}

impl Armed {
    pub fn is_off(self) -> bool {
        self == Self::default()
    }
}

/// The rollout that goes forward and is not halted.
fn going_on(s: &State) -> Option<&Rollout> {
    let on = |r: &&Rollout| r.mandate.direction == Direction::Forward && r.halted_by().is_none();
    s.running().filter(on)
}

/// Asked at every turn, so by what is quickest to see of a row.
fn rows(rollout: &Rollout, part: HandoffRow) -> impl Iterator<Item = (usize, &Row)> {
    let rows = rollout.plan.rows.iter().enumerate();
    rows.filter(move |(_, row)| row.handoff == part)
}

/// The row that ends the measurement, once this node has begun one of these parts, and until that row is done.
fn measured<'r>(s: &State, rollout: &'r Rollout, parts: &[HandoffRow]) -> Option<&'r Row> {
    let mut own = parts.iter().flat_map(|part| rows(rollout, *part));
    let begun = own.any(|(n, row)| row.node == s.me && rollout.mine.get(n).is_some());
    let (n, row) = rows(rollout, HandoffRow::Measured).next()?;
    (begun && !rollout.is_done(&s.me, n)).then_some(row)
}

/// What the new MASTER begins with.
const RECEIVES: [HandoffRow; 3] = [HandoffRow::Forward, HandoffRow::Park, HandoffRow::Measures];

/// Does this node measure what users notice?
pub(super) fn measures(s: &State) -> bool {
    let row = going_on(s).and_then(|rollout| measured(s, rollout, &RECEIVES));
    row.is_some_and(|row| row.node == s.me)
}

/// Does this node take part in the beat that shows for how long nothing can be written? Both do: it is written where the
/// primary is, and seen to come where it will be.
pub(super) fn beats(s: &State) -> bool {
    going_on(s).is_some_and(|rollout| {
        let moves = rows(rollout, HandoffRow::Promoted).next().is_some();
        let takes_part = |parts| measured(s, rollout, parts).is_some();
        moves && (takes_part(&RECEIVES) || takes_part(&[HandoffRow::Keep]))
    })
}

pub(super) fn armed(s: &State, now: Time) -> Armed {
    let Some(rollout) = going_on(s) else {
        return Armed::default();
    };
    let begun = |part: HandoffRow| {
        let mut rows = rows(rollout, part);
        rows.any(|(n, row)| {
            let state = rollout.mine.get(n).map(|report| report.state);
            row.node == s.me && matches!(state, Some(RowState::Started | RowState::Done))
        })
    };
    let row = |part: HandoffRow| rows(rollout, part).next();
    let is_done = |(n, _): (usize, &Row)| rollout.is_done(&s.me, n);
    let drained = row(HandoffRow::Drained).is_some_and(is_done);
    // Where no primary moves the parked connections wait for the old services alone.
    let last = row(HandoffRow::Promoted).or(row(HandoffRow::Drained));
    let released = last.is_some_and(is_done);
    Armed {
        keep: begun(HandoffRow::Keep) && !drained,
        forward: begun(HandoffRow::Forward) && !drained && may_forward(s, now),
        park: begun(HandoffRow::Park) && !released && may_park(s, now),
    }
}

/// A node that is not heard gets no packets. Once the VIP is here, forwarding does not begin anew:
/// which connections began here meanwhile, nobody has written down.
fn may_forward(s: &State, now: Time) -> bool {
    let local = &s.observed.local;
    now < answered(s) + s.timing.forward_lost && (local.armed.forward || !local.has_vip)
}

/// When the peer was last heard, or when this daemon began to listen: what was on its way while that was dead says
/// nothing of now.
fn answered(s: &State) -> Time {
    let heard = s.observed.peer.as_ref();
    let answer = heard.filter(|(hello, _)| s.is_answered_by(hello));
    let last = answer.map(|(_, seen)| *seen);
    s.observed.started.max(last.unwrap_or_default())
}

/// Nobody is kept waiting by a node that holds the VIP for longer than a drain and a switch take.
fn may_park(s: &State, now: Time) -> bool {
    let long = now >= s.observed.vrrp_since + s.timing.park_most;
    let keeps_waiting = s.observed.local.has_vip && long;
    !s.is_alone(now) && !keeps_waiting
}

/// When what is armed changes by itself.
pub(super) fn changes(s: &State, armed: Armed) -> [Option<Time>; 2] {
    [
        armed.forward.then_some(answered(s) + s.timing.forward_lost),
        armed
            .park
            .then_some(s.observed.vrrp_since + s.timing.park_most),
    ]
}
