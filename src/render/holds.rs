//! Who holds the VIP and which database takes writes, as far as it can be seen from here.
use crate::core::{DatabaseRole, VrrpState};
use crate::wire::{Node, Status};

pub(super) fn is_old(s: &Status, node: &str) -> bool {
    node == s.peer.name && !s.peer.reachable
}

/// Who holds the VIP, as far as it can be seen from here.
pub(super) enum Holder<'s> {
    /// Not this node, and the other one is not heard.
    Unseen,
    Nobody,
    /// The other node did when it was last heard.
    Old(&'s str),
    /// The MASTER.
    One(&'s str),
    /// Has it, though keepalived there does not say MASTER.
    Unsure(&'s str),
    Both,
}

pub(super) fn holder(s: &Status) -> Holder<'_> {
    let holders: Vec<(&String, &Node)> = s.nodes.iter().filter(|(_, n)| n.has_vip).collect();
    match holders[..] {
        [] if !s.peer.reachable => Holder::Unseen,
        [] => Holder::Nobody,
        [(name, _)] if is_old(s, name) => Holder::Old(name),
        [(name, node)] if node.vrrp == VrrpState::Master => Holder::One(name),
        [(name, _)] => Holder::Unsure(name),
        [..] => Holder::Both,
    }
}

/// Which database takes writes, as far as it can be seen from here.
pub(super) enum Writer<'s> {
    NoDatabase,
    Nobody,
    /// The other node's did when it was last heard.
    Old(&'s str),
    One {
        name: &'s str,
        /// None: none is seen.
        standby: Option<&'s str>,
        /// Of the standby, whichever of the two knows it.
        lag: Option<u64>,
    },
    Both,
}

pub(super) fn writer(s: &Status) -> Writer<'_> {
    let of = |role: DatabaseRole| s.nodes.iter().filter(move |(_, n)| n.database == role);
    let primaries: Vec<(&String, &Node)> = of(DatabaseRole::Primary).collect();
    if s.nodes.values().all(|n| n.database == DatabaseRole::None) {
        return Writer::NoDatabase;
    }
    match primaries[..] {
        [] => Writer::Nobody,
        [(name, _)] if is_old(s, name) => Writer::Old(name),
        [(name, node)] => {
            let standby = of(DatabaseRole::Standby).find(|(other, _)| !is_old(s, other));
            Writer::One {
                name,
                standby: standby.map(|(other, _)| other.as_str()),
                lag: standby.and_then(|(_, n)| n.lag_bytes.or(node.lag_bytes)),
            }
        }
        [..] => Writer::Both,
    }
}
