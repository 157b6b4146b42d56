//! What a trail says as a whole: the fold of its entries.
use super::{Entry, Event, Head};
use std::collections::BTreeSet;

/// Where a trail stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    pub head: Head,
    /// Whose it is; `None`: it is empty.
    pub node: Option<String>,
    /// The last entry that the other node is to sign for.
    pub wanted: u64,
    /// Up to where it has signed.
    pub signed: u64,
    /// Up to where this node has signed the other one's trail since they were paired.
    pub seen: Option<Head>,
    /// Why it signs no more of it.
    pub dispute: Option<String>,
    /// This node's certificate and the other one's, as last told.
    pub own: Option<String>,
    pub peer: Option<String>,
    /// Number and origin of each rollout that is told to have begun.
    pub begun: BTreeSet<(u64, String)>,
    /// ... and ended.
    pub ended: BTreeSet<(u64, String)>,
}

impl Standing {
    /// Takes in the next line.
    ///
    /// # Errors
    /// It does not follow, or is another node's; one sentence. Nothing is changed then.
    pub fn take(&mut self, line: &[u8]) -> Result<Entry, String> {
        let mut head = self.head.clone();
        let entry = head.follow(line)?;
        if self.node.as_ref().is_some_and(|node| *node != entry.node) {
            return Err(format!("entry {} is of node {}", entry.seq, entry.node));
        }
        self.head = head;
        self.node.get_or_insert_with(|| entry.node.clone());
        if entry.event.is_signed_for() {
            self.wanted = entry.seq;
        }
        self.learn(&entry.event);
        Ok(entry)
    }

    fn learn(&mut self, event: &Event) {
        match event {
            Event::Started { own, peer, .. } => {
                self.own = own.clone().or(self.own.take());
                self.peer = peer.clone().or(self.peer.take());
            }
            Event::Paired { own, peer } => {
                (self.own, self.peer) = (Some(own.clone()), Some(peer.clone()));
                (self.seen, self.dispute) = (None, None);
            }
            Event::Witnessed { up_to, hash, .. } => {
                let (seq, hash) = (*up_to, hash.clone());
                self.seen = Some(Head { seq, hash });
                self.dispute = None;
            }
            Event::Countersigned { up_to, .. } => self.signed = self.signed.max(*up_to),
            Event::Disputed { why, .. } => self.dispute = Some(why.clone()),
            Event::Begun {
                rollout, origin, ..
            } => {
                self.begun.insert((*rollout, origin.clone()));
            }
            Event::Ended {
                rollout, origin, ..
            } => {
                self.ended.insert((*rollout, origin.clone()));
            }
            Event::Asked { .. }
            | Event::Answered { .. }
            | Event::Overruled { .. }
            | Event::Ordered { .. }
            | Event::Cut
            | Event::Unknown => {}
        }
    }

    /// Entries that wait for the other node's signature.
    #[must_use]
    pub fn unsigned(&self) -> u64 {
        self.wanted.saturating_sub(self.signed)
    }
}
