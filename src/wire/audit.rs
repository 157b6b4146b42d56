//! The audit trail, as it is shown.
use crate::audit::Entry;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How far the audit trail is signed by the other node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditStanding {
    pub entries: u64,
    /// Up to this entry.
    pub signed: u64,
    /// Entries that wait for it.
    pub unsigned: u64,
}

/// `GET /v1/audit?last=N&since=MILLISECONDS&rollout=NUMBER`: entries by node, oldest first; of the other node only where it is there.
pub type Audit = BTreeMap<String, Vec<Entry>>;
