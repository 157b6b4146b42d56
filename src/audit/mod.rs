//! The audit trail: who asked for what, from where and why, and what came of it. Each node has one of its own;
//! what it holds cannot be changed without that being seen.
//!
//! ```text
//! {"seq":7,"at":"2026-11-21T02:00:00.512Z","node":"a","event":"asked",…,"prev":"9f2c…"}
//! ```
//! An entry is a line of JSON and a record of a journal (`crate::journal`): what was appended is on disk, a torn end
//! is cut, a damaged entry is an error. `prev` is the SHA-256 of the line before, so an entry stands for all before it.
//!
//! # Why the other node signs
//! A chain alone proves nothing against root: who can write the file can compute it anew. So the other node signs where
//! the chain stands, with the key of its certificate, after it has seen that what it is shown goes on from what it
//! signed last; and it writes that down in its own trail before it answers. To change what was signed takes both hosts.
//! A trail that has lost its end is told by the other one's. What nobody has signed yet is told as such.
//!
//! # Why the signatures are entries
//! They lie in the one file that an auditor takes away, and the chain keeps them. Signatures and what a node has signed
//! for the other are not signed for their own sake (that would never end) but with the next entry.
//!
//! # Why a hash of its own beside the journal's seals
//! The seals are there for crashes, and short. What is signed must stand against somebody who may choose the text of
//! entries: all of SHA-256, and recomputed with `sha256sum` from the lines alone.

mod chain;
mod entry;
mod standing;
mod trail;
mod verify;
mod witness;

pub use chain::{GENESIS, Head, hash};
pub use entry::{By, Claims, Entry, Event, Login, Outcome, of_rollout};
pub use standing::Standing;
pub use trail::{AuditError, Trail};
pub use verify::{Copied, Verdict, verify};
pub use witness::{Look, Shown, Witness, look, statement};
