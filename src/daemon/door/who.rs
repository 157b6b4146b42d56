//! Finds out who calls: from the kernel on the Unix door, from the certificate on the peer door.

use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use nix::unistd::{Uid, User};
use tokio::net::unix::UCred;

use super::{Caller, Door, Who};
use crate::tls::{Fingerprint, Trust};

/// Whoever holds one connection.
#[derive(Clone)]
pub(super) enum Visitor {
    Local {
        uid: u32,
        gid: u32,
        pid: Option<i32>,
        groups: Vec<u32>,
    },
    Peer {
        trust: Arc<Trust>,
        fingerprint: Fingerprint,
        cert_der: Vec<u8>,
        address: SocketAddr,
    },
    Remote {
        address: SocketAddr,
    },
}

impl Visitor {
    /// Reads the groups at once, as long as the process is likely to be there.
    pub(super) fn local(cred: UCred) -> Visitor {
        let (uid, gid, pid) = (cred.uid(), cred.gid(), cred.pid());
        // keepalived asks every second, as root, whom no group lets in.
        let may_need_groups = pid.filter(|_| uid != 0);
        let status =
            may_need_groups.and_then(|pid| fs::read_to_string(format!("/proc/{pid}/status")).ok());
        let mut groups = status
            .and_then(|status| supplementary(&status, uid))
            .unwrap_or_default();
        if !groups.contains(&gid) {
            groups.insert(0, gid);
        }
        Visitor::Local {
            uid,
            gid,
            pid,
            groups,
        }
    }

    /// Asked anew for each request, for a pin may change under an open connection. `None` if the
    /// caller is neither the other node nor let in by a pairing window (any more).
    pub(super) fn caller(&self) -> Option<Caller> {
        let (door, who) = match self {
            Self::Local {
                uid,
                gid,
                pid,
                groups,
            } => {
                let who = Who::Local {
                    uid: *uid,
                    gid: *gid,
                    pid: *pid,
                    groups: groups.clone(),
                };
                (Door::Unix, who)
            }
            Self::Peer {
                trust,
                fingerprint,
                cert_der,
                address,
            } => {
                let pinned = trust.pinned() == Some(*fingerprint);
                if !pinned {
                    trust.window_remaining(Instant::now())?;
                }
                let who = Who::Peer {
                    pinned,
                    fingerprint: *fingerprint,
                    cert_der: cert_der.clone(),
                    address: *address,
                };
                (Door::Peer, who)
            }
            Self::Remote { address } => (Door::Plain, Who::Remote { address: *address }),
        };
        Some(Caller { door, who })
    }
}

impl Who {
    /// For the record: a user's name, or its number if it has none; whoever else it is.
    /// Blocks: a user's name may come from a directory server.
    pub fn name(&self) -> String {
        match self {
            Self::Local { uid, .. } => user_name(*uid),
            Self::Peer { .. } => "the other node".to_owned(),
            Self::Remote { address } => address.to_string(),
        }
    }
}

/// The groups in a process's `status`, if it still is a process of `uid`: the number may have gone
/// to another process since the connection was made.
fn supplementary(status: &str, uid: u32) -> Option<Vec<u32>> {
    let field = |name| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        Some(line.split_whitespace().map_while(|word| word.parse().ok()))
    };
    let effective: u32 = field("Uid:")?.nth(1)?;
    (effective == uid).then(|| field("Groups:").map(Iterator::collect))?
}

/// A user's name, or its number. Blocks, as [`Who::name`].
pub(in crate::daemon) fn user_name(uid: u32) -> String {
    let user = User::from_uid(Uid::from_raw(uid)).ok().flatten();
    user.map_or_else(|| uid.to_string(), |user| user.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_count_only_for_a_process_of_the_same_user() {
        let status =
            "Name:\tsh\nUid:\t0\t33\t0\t0\nGid:\t0\t0\t0\t0\nGroups:\t4 998 \nVmSize:\t1\n";
        assert_eq!(supplementary(status, 33), Some(vec![4, 998]));
        assert_eq!(supplementary(status, 0), None);
        assert_eq!(
            supplementary("Uid:\t1\t1\t1\t1\nGroups:\t \n", 1),
            Some(vec![])
        );
        assert_eq!(supplementary("", 0), None);
    }

    #[test]
    fn a_user_without_a_name_is_a_number() {
        assert_eq!(user_name(0), "root");
        assert_eq!(user_name(4_000_000_001), "4000000001");
    }
}
