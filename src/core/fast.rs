//! The fast hand-off: for an instant the receiver of the VIP ranks above everybody and the giver does not stand for
//! election, so that the VIP moves in milliseconds and not after two or three advert intervals.
//!
//! # Why
//! FAULT alone leaves nobody with the VIP for the receiver's skew time, half a second with usual priorities; at 254
//! that is 8 ms. So the receiver is raised first, and the giver goes when it has read that keepalived there shows
//! it. Both are functions of what is seen: a sidecar that was killed in the middle finds itself no longer MASTER,
//! and so shows a rank again that keepalived can elect. What has not moved in time moves by the lower weight, as ever.
use super::{Band, Direction, Hello, Report, Rollout, RowState, State, VrrpState};
use crate::time::Time;
use std::time::Duration;

/// The highest effective priority that does not mean "owner of the address".
pub const RAISED: i32 = 254;
/// keepalived shows a raised priority in milliseconds; from then on its usual way takes no longer.
const WITHIN: Duration = Duration::from_secs(2);

/// Where this node ranks for the instant, going by the rows that give the VIP and see it come.
pub(super) fn rank(s: &State, r: &Rollout, now: Time) -> Option<Band> {
    if r.mandate.direction == Direction::Back || changes(s, r, now)? <= now {
        return None;
    }
    let peer = s.fresh_peer(now).filter(|peer| s.is_answered_by(peer))?;
    let (giver, row) = r.plan.giver()?;
    if row.node != s.me {
        let gives = |r: &Report| r.state == RowState::Started;
        return r
            .peers
            .get(giver)
            .is_some_and(gives)
            .then_some(Band::Raised);
    }
    let is_master = s.observed.local.vrrp == VrrpState::Master;
    (is_master && is_raised(peer)).then_some(Band::Fault)
}

fn is_raised(peer: &Hello) -> bool {
    let local = &peer.local;
    local.vrrp == VrrpState::Backup && local.effective_priority == Some(RAISED)
}

/// When this node gives it up, once it is at its row of it.
pub(super) fn changes(s: &State, r: &Rollout, now: Time) -> Option<Time> {
    // Asked at every turn, and mostly of a plan that has none.
    if !r.plan.fast {
        return None;
    }
    let (_, giver) = r.plan.giver()?;
    r.mine.iter().find_map(|(n, report)| {
        let is_part = r.plan.rows[n].phase == giver.phase;
        (is_part && report.state == RowState::Started).then(|| s.begins(report, now) + WITHIN)
    })
}
