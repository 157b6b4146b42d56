//! How two nodes come to trust one another.
use serde::{Deserialize, Serialize};

/// `POST /v1/pair`: without a code this node waits and says which code to type on the other one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PairRequest {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

/// `GET /v1/pair` and the answer to `POST /v1/pair`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PairView {
    /// SHA-256 of this node's certificate.
    pub own: String,
    /// SHA-256 of the certificate that is trusted as the peer's.
    pub peer: Option<String>,
    /// The code that waits to be typed on the other node; only in the answer that made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// A window is open: the other node may pair now.
    pub waiting: bool,
}
