//! Who is primary, and which of two databases counts: facts about what is seen, and what follows from them.
use super::decide::Draft;
use super::solo::LATE;
use super::{DatabaseRole, Hello, Kind, Local, NodeId, Record, Rollout, State};
use crate::time::Time;
use serde::{Deserialize, Serialize};

/// The database that was primary last, as far as this node has seen: of a later term, or in the same one on a newer
/// timeline. Two that were promoted without knowing of one another may come to one timeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Primary {
    pub node: NodeId,
    #[serde(default)]
    pub term: u64,
    pub timeline: u32,
    /// As `Local::identity`.
    #[serde(default)]
    pub identity: String,
}

impl Primary {
    fn age(&self) -> (u64, u32) {
        (self.term, self.timeline)
    }
}

/// What the data here say, and what the other node says of the same: a standby is what its primary is, in either
/// direction, and one of the two may have lost its journal.
pub(super) fn share_term(draft: &mut Draft<'_>) {
    let s = &*draft.state;
    let local = &s.observed.local;
    let is_one = |peer: &&Hello| local.follows || peer.local.follows;
    let theirs = s.fresh_peer(draft.now).filter(is_one).map(|peer| peer.term);
    let term = local.term.max(theirs.unwrap_or(0));
    if term > s.journaled.term {
        draft.push(Record::TermShared { term });
    }
}

/// Facts about who is primary: what is seen of a later term or on a newer timeline than ever before, or in another
/// database than ever before.
pub(super) fn note_primary(draft: &mut Draft<'_>) {
    let (s, at) = (&*draft.state, draft.now);
    // One that is held is primary too, as far as its disk says.
    let is_primary = |local: &Local| local.held || local.database == DatabaseRole::Primary;
    let mine = (&s.me, s.journaled.term, &s.observed.local);
    let theirs = s
        .fresh_peer(at)
        .map(|hello| (&s.peer, hello.term, &hello.local));
    let newest = [Some(mine), theirs]
        .into_iter()
        .flatten()
        .filter(|(_, _, local)| local.timeline > 0 && is_primary(local))
        .map(|(node, term, local)| Primary {
            node: node.clone(),
            term,
            timeline: local.timeline,
            identity: local.identity.clone(),
        })
        .max_by_key(Primary::age);
    let known = s.journaled.primary.as_ref();
    let is_news = |primary: &Primary| {
        known.is_none_or(|known| primary.age() > known.age() || is_named_first(primary, known))
            || has_another(s, at)
    };
    if let Some(primary) = newest.filter(is_news) {
        draft.push(Record::PrimarySeen { primary, at });
    }
}

fn is_named_first(primary: &Primary, known: &Primary) -> bool {
    let is_same = primary.node == known.node && primary.age() == known.age();
    is_same && known.identity.is_empty() && !primary.identity.is_empty()
}

/// The pair has another database than that of the primary that is remembered: one made anew, or of another kind. Its
/// timelines begin anew. Only where both nodes say so, and one follows the other: a single one may be a folder that was
/// emptied by mistake, and the one that counts is down.
fn has_another(s: &State, now: Time) -> bool {
    let Some((known, peer)) = s.journaled.primary.as_ref().zip(s.fresh_peer(now)) else {
        return false;
    };
    let (mine, theirs) = (&s.observed.local, &peer.local);
    let is_known = !mine.identity.is_empty() && !known.identity.is_empty();
    let is_one = mine.identity == theirs.identity && (mine.follows || theirs.follows);
    is_known && is_one && mine.identity != known.identity
}

/// A promotion that did not end well may yet come, but not where the standby has gone on following its primary since,
/// nor where it has come up as a standby with its host.
pub(super) fn settle_claim(draft: &mut Draft<'_>) {
    let (s, now) = (&*draft.state, draft.now);
    let solo = s.journaled.solo.as_ref().filter(|_| s.claims());
    let Some((_, ended)) = solo.and_then(|solo| solo.ended) else {
        return;
    };
    // After a clock was set back it is the other one that counts.
    let ended = ended.min(now);
    let since = s.observed.follows_since.map(|since| since.max(ended));
    let has_followed = has_primary(s, now) && since.is_some_and(|since| now >= since + LATE);
    let is_standby = s.observed.local.database == DatabaseRole::Standby;
    if has_followed || is_standby && s.journaled.outlived {
        draft.push(Record::NotPromoted);
    }
}

pub(super) fn has_primary(s: &State, now: Time) -> bool {
    s.fresh_peer(now)
        .is_some_and(|hello| hello.local.database == DatabaseRole::Primary)
}

impl State {
    /// Of all that this node has ever heard of; what it has not is settled by whichever is seen first.
    pub(super) fn last_term(&self) -> u64 {
        let seen = self.journaled.primary.as_ref().map(|p| p.term);
        let heard = self.observed.peer.as_ref().map(|(hello, _)| hello.term);
        [Some(self.journaled.term), seen, heard]
            .into_iter()
            .flatten()
            .max()
            .unwrap_or(0)
    }

    /// Names it, so that what was begun with another one in sight is told apart.
    pub(super) fn newest_primary(&self) -> String {
        match &self.journaled.primary {
            None => String::new(),
            Some(p) if p.term == 0 => p.timeline.to_string(),
            Some(p) => format!("{} of term {}", p.timeline, p.term),
        }
    }

    /// The other node was made primary after this one was: what this database would go on from is
    /// the past.
    pub fn is_superseded(&self) -> bool {
        self.is_replaced(&self.me, self.journaled.term, &self.observed.local)
    }

    pub(super) fn is_replaced(&self, node: &NodeId, term: u64, local: &Local) -> bool {
        let primary = self.journaled.primary.as_ref();
        let newer = primary.is_some_and(|p| p.node != *node && p.age() > (term, local.timeline));
        local.timeline > 0 && newer
    }

    /// Both databases were primary and are held, and neither was promoted after the other, each not knowing of it:
    /// a person says which one counts.
    pub fn is_rival(&self, peer: &Hello) -> bool {
        let local = &self.observed.local;
        let (own, theirs) = (self.journaled.term, peer.term);
        let is_equal = (own, local.timeline) == (theirs, peer.local.timeline);
        local.held && peer.local.held && is_equal
    }

    /// The database here runs as a primary that another one has replaced. What a rollout has just stopped is
    /// seen to run for a moment longer; what was made primary here since is not meant.
    pub fn is_astray(&self) -> bool {
        let stops = |r: &Rollout| r.has_service_down(&self.me) && !self.took_over_since(r);
        let is_planned = self.running().is_some_and(stops);
        let is_primary = self.observed.local.database == DatabaseRole::Primary;
        is_primary && !is_planned && self.is_superseded()
    }

    /// Has this node begun, by a failover later than this rollout, to make its database primary?
    pub(super) fn took_over_since(&self, rollout: &Rollout) -> bool {
        let is_later = |solo: &&Rollout| solo.plan.id.number > rollout.plan.id.number;
        let solo = self.journaled.solo.as_ref().filter(is_later);
        let failover = solo.filter(|solo| solo.plan.kind == Kind::Failover);
        failover.is_some_and(|solo| solo.barrier(&self.me).is_some())
    }

    /// May this database become primary without a further word? One that was begun and did not end
    /// well may end yet; once any newer primary is seen the question is settled.
    pub fn claims(&self) -> bool {
        let solo = self.journaled.solo.as_ref();
        let Some(solo) = solo.filter(|solo| solo.plan.kind == Kind::Failover) else {
            return false;
        };
        let begun = solo.barrier(&self.me).is_some();
        (begun || solo.ended.is_none()) && solo.plan.to == self.newest_primary()
    }
}
