//! The envelope of every answer, and the words for what went wrong.
use serde::{Deserialize, Serialize};

pub const VERSION: u32 = 1;

/// Why a request is not answered with data. The word decides the exit code of `hau-ctl`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Code {
    /// The request itself is wrong: exit code 2.
    Usage,
    /// Refused before anything changed: 3.
    Refused,
    /// The caller may not do this: 3.
    Forbidden,
    /// There is no such thing: 2.
    NotFound,
    /// The other node cannot be reached: 3.
    PeerLost,
    /// A rollout is under way: 6.
    Busy,
    /// It was tried and failed: 1.
    Failed,
    /// The daemon's own fault: 1.
    Internal,
    /// No daemon answers at the socket; said by `hau-ctl` itself: 5.
    Unreachable,
}

impl Code {
    pub fn exit(self) -> u8 {
        match self {
            Self::Usage | Self::NotFound => 2,
            Self::Refused | Self::Forbidden | Self::PeerLost => 3,
            Self::Busy => 6,
            Self::Failed | Self::Internal => 1,
            Self::Unreachable => 5,
        }
    }

    pub fn http(self) -> u16 {
        match self {
            Self::Usage => 400,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::Refused | Self::Busy => 409,
            Self::PeerLost => 502,
            Self::Failed | Self::Internal => 500,
            Self::Unreachable => 503,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{what}")]
pub struct Failure {
    pub code: Code,
    pub what: String,
    pub remedy: String,
}

impl Failure {
    pub fn new(code: Code, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            code,
            what: what.into(),
            remedy: remedy.into(),
        }
    }
}

/// An answer on any door.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer<T> {
    pub v: u32,
    pub ok: bool,
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    pub data: Option<T>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
}

fn none<T>() -> Option<T> {
    None
}

impl<T> From<Result<T, Failure>> for Answer<T> {
    fn from(result: Result<T, Failure>) -> Self {
        match result {
            Ok(data) => Self {
                v: VERSION,
                ok: true,
                data: Some(data),
                error: None,
            },
            Err(error) => Self {
                v: VERSION,
                ok: false,
                data: None,
                error: Some(error),
            },
        }
    }
}

impl<T> Answer<T> {
    /// # Errors
    /// What the daemon answered instead of data.
    pub fn into_result(self) -> Result<T, Failure> {
        match (self.data, self.error) {
            (_, Some(error)) => Err(error),
            (Some(data), None) => Ok(data),
            (None, None) => Err(Failure::new(
                Code::Internal,
                "the answer is empty",
                "see the log of hau-sidecar",
            )),
        }
    }
}
