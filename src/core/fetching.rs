//! How far a bundle is on its way from the other node.
use crate::words::bytes;
use serde::{Deserialize, Serialize};

/// In bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fetching {
    /// So much of it is here, ...
    #[serde(rename = "have_bytes")]
    pub have: u64,
    /// ... of so much in all.
    #[serde(rename = "size_bytes")]
    pub of: u64,
    /// What of `have` did not come from the other node: releases of this one have it, too.
    #[serde(rename = "here_bytes")]
    pub here: u64,
}

impl Fetching {
    /// All of it has come over the line.
    pub fn whole(of: u64) -> Self {
        Self {
            have: of,
            of,
            here: 0,
        }
    }

    /// What came over the line.
    pub fn fetched(&self) -> u64 {
        self.have.saturating_sub(self.here)
    }

    /// When it has ended.
    pub fn told(&self) -> String {
        let (fetched, of) = (bytes(self.fetched()), bytes(self.of));
        match self.here {
            0 => told!("fetched {}", of),
            _ => told!("fetched {} of {}, the rest was here", fetched, of),
        }
    }
}
