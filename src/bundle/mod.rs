//! Bundles: the signed upgrade package, a plain tar of `manifest.toml`, `manifest.toml.minisig` and the
//! files that the manifest lists, in its order and nothing else.
//!
//! ```text
//! keygen ─► build ─► NAME-VERSION.hau ─► verify ─► Verified ─► unpack ─► releases/VERSION ─► check_unpacked
//!                                                      releases/VERSION ─► place ─► a fixed folder, where there is one
//!                      two of them ─► delta ─► NAME-OLD-NEW.hau ─► rebuild (with releases/OLD) ─► NAME-NEW.hau
//! ```
//!
//! # Why the order of trust
//! Before the signature holds, two or three members of bounded size are read and nothing is written. The
//! signature covers the manifest, the manifest covers every other byte that can reach the disk: what a
//! tar header says (owner, mode, time) is never used. [`unpack`] takes a [`Verified`], which only [`verify`] makes,
//! and hashes again what it writes: a file swapped in between is caught. Then it reads back from disk.
//!
//! # Why our own reading of tar
//! Two readers that disagree about where a member begins are the classic hole. The subset here is
//! small (regular files; a long name by GNU `L` or pax `path`, which must agree with the header), and what is outside it
//! is refused, not skipped. The `tar` crate writes bundles and decodes single headers.

mod archive;
mod base;
mod build;
mod check;
mod countersign;
mod delta;
mod error;
mod full;
mod install;
mod keys;
mod keyset;
mod layout;
mod manifest;
mod names;
mod payload;
mod place;
mod rebuild;
mod remembered;
mod scripts;
mod signed;
mod source;
mod statement;
mod trusted;
mod unpack;
mod verify;

pub use base::Base;
pub use build::build;
pub use check::{Difference, check_release, check_unpacked, load_unpacked};
pub use countersign::countersign;
pub use delta::{Made, delta};
pub use error::{BundleError, Refusal};
pub use install::{InstalledKeys, install_keys};
pub use keys::{KeyPair, SigningKey, keygen, public_key_text, write_new};
pub use keyset::{KeySet, Signatures};
pub use layout::Layout;
pub use manifest::{Delta, Digest, FileEntry, Hook, Manifest, Mode, Schema};
pub use payload::Payload;
pub use place::{Change, Place, PlaceError, PlaceResult, Todo, take_back};
pub use rebuild::{base, longest, rebuild, rebuild_to};
pub use remembered::Remembered;
pub use scripts::scripts;
pub use signed::Signer;
pub use statement::Statement;
pub use trusted::TrustedKeys;
pub use unpack::unpack;
pub use verify::{Installed, Policy, Verified, inspect, verify};

/// First member of a bundle.
pub const MANIFEST: &str = "manifest.toml";
/// Second member: minisign's signatures of the first, one after the other.
pub const SIGNATURE: &str = "manifest.toml.minisig";
/// The one file of a delta.
pub const PATCH: &str = "patch";
/// Third member, where there is one: the key sets that lead to the one it was signed for.
pub const KEYS: &str = "manifest.toml.keys";
/// The most bytes of key sets in a bundle.
pub const MAX_KEY_SETS: u64 = 256 << 10;
/// The largest manifest, in bytes: room for [`MAX_FILES`] entries with paths of ordinary length.
pub const MAX_MANIFEST: u64 = 16 << 20;
/// The most files in a bundle.
pub const MAX_FILES: usize = 100_000;
