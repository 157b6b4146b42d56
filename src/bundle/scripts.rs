//! Reads the schema scripts out of a bundle, and nothing else of it.

use std::path::Path;

use super::archive::Archive;
use super::error::{BundleError, Refusal};
use super::manifest::Digest;
use super::source::Source;
use super::trusted::TrustedKeys;
use super::verify::{is_full, members, trusted};

/// The schema scripts of the bundle at `path` if one of `keys` signed it: path and bytes, in the order to apply.
///
/// # Errors
/// A [`Refusal`] about signature, manifest, members, or the checksum of a script; policy is not asked.
pub fn scripts(path: &Path, keys: &TrustedKeys) -> Result<Vec<(String, Vec<u8>)>, BundleError> {
    let source = Source::open(path)?;
    let mut archive = Archive::new(&source);
    let head = archive.head()?;
    let (manifest, _) = source.check(trusted(&head, keys))?;
    source.check(is_full(&manifest))?;
    let members = members(&source, &mut archive, &manifest)?;
    let mut scripts = Vec::new();
    for script in &manifest.schema {
        let mut files = members.iter().zip(&manifest.file);
        let found = files.find(|(_, file)| file.path == script.path);
        let (member, file) = found.ok_or_else(|| {
            source.refuse(Refusal::MissingMember {
                path: script.path.clone(),
            })
        })?;
        // Bounded: a member is no longer than the bundle.
        let bytes = source.bytes(member.at, member.size)?;
        if Digest::of_bytes(&bytes) != file.sha256 {
            return Err(source.refuse(Refusal::HashMismatch {
                path: file.path.clone(),
            }));
        }
        scripts.push((script.path.clone(), bytes));
    }
    Ok(scripts)
}
