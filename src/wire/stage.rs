//! A bundle that both nodes are to have without a rollout.
use crate::core::Fetching;
use serde::{Deserialize, Serialize};

/// `POST /v1/peer/stage`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageRequest {
    /// File name inside the incoming folder.
    pub bundle: String,
    /// Of the bundle that is meant.
    pub sha256: String,
}

/// The answer to `POST /v1/stage`, and that of the other node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Staged {
    /// What of the bundle the other node had to fetch; None: it had it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fetched: Option<Fetching>,
}
