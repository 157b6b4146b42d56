//! From a file of unknown origin to a [`Verified`]: signature, then manifest, then policy, then every byte.

use std::collections::BTreeSet;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::thread;

use jiff::Timestamp;
use semver::Version;
use sha2::{Digest as _, Sha256};

use super::archive::{Archive, Head, Member};
use super::error::{BundleError, Refusal};

use super::keyset::KeySet;
use super::manifest::{Digest, FileEntry, Manifest};
use super::signed::Signer;
use super::source::Source;
use super::trusted::TrustedKeys;

/// What this pair accepts.
#[derive(Debug, Clone)]
pub struct Policy<'a> {
    /// `cluster.name`.
    pub product: &'a str,
    /// `None` where no release is installed yet.
    pub installed: Option<Installed>,
    pub now: Timestamp,
}

/// The release that an upgrade starts from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    pub version: Version,
    /// The highest that was ever installed and still counts, or that of the release.
    pub counter: u64,
}

/// The proof that a bundle may be installed. Only [`verify`] makes one.
#[derive(Debug)]
pub struct Verified {
    path: PathBuf,
    manifest: Manifest,
    signers: Vec<Signer>,
    /// What vouched for it; later than what is installed where the bundle brings key sets.
    trusted: TrustedKeys,
    key_sets: Vec<KeySet>,
    bytes: u64,
    sha256: Digest,
    head: Head,
}

impl Verified {
    /// Where it lay.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Whose signatures counted: at least one.
    pub fn signers(&self) -> &[Signer] {
        &self.signers
    }

    /// What vouched for it.
    pub fn trusted(&self) -> &TrustedKeys {
        &self.trusted
    }

    /// Size of the bundle file in bytes; [`Manifest::total_bytes`] is what it takes unpacked.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Of the whole file, for its transfer to the peer.
    pub fn sha256(&self) -> Digest {
        self.sha256
    }

    /// The key sets that it brings, in order.
    pub fn key_sets(&self) -> &[KeySet] {
        &self.key_sets
    }

    /// SHA-256 of its manifest, by which the same bundle is known again.
    pub fn fingerprint(&self) -> Digest {
        Digest::of_bytes(&self.head.manifest)
    }

    pub(super) fn refuse(&self, refusal: Refusal) -> BundleError {
        let path = self.path.clone();
        BundleError::Refused { path, refusal }
    }

    pub(super) fn head(&self) -> &Head {
        &self.head
    }
}

/// Reads the manifest of `path` if one of `keys` signed it. Nothing else is checked: neither policy nor payload.
///
/// # Errors
/// A [`Refusal`] about signature or manifest.
pub fn inspect(path: &Path, keys: &TrustedKeys) -> Result<(Manifest, Vec<Signer>), BundleError> {
    let source = Source::open(path)?;
    let head = Archive::new(&source).head()?;
    source.check(trusted(&head, keys))
}

/// Checks everything there is to check about `path`. Reads it once, writes nothing.
///
/// # Errors
/// The first [`Refusal`] in the order signature, manifest, policy, members, contents.
pub fn verify(
    path: &Path,
    keys: &TrustedKeys,
    policy: &Policy<'_>,
) -> Result<Verified, BundleError> {
    let source = Source::open(path)?;
    let mut archive = Archive::new(&source);
    let head = archive.head()?;
    let key_sets = source.check(brought(&head))?;
    let keys = source.check(keys.after(&key_sets))?;
    let (manifest, signers) = source.check(trusted(&head, &keys))?;
    source.check(keys.in_force(policy.product, policy.now))?;
    source.check(allowed(&manifest, policy))?;
    let members = members(&source, &mut archive, &manifest)?;
    let sha256 = check_contents(&source, &members, &manifest)?;
    Ok(Verified {
        path: path.to_owned(),
        manifest,
        signers,
        trusted: keys,
        key_sets,
        bytes: source.length,
        sha256,
        head,
    })
}

pub(super) fn trusted(head: &Head, keys: &TrustedKeys) -> Result<(Manifest, Vec<Signer>), Refusal> {
    let sets = brought(head)?;
    let keys = keys.after(&sets)?;
    let signers = keys.check(&head.manifest, &head.signature)?;
    let manifest = Manifest::parse(&head.manifest)?;
    keys.meant(&manifest, &sets)?;
    Ok((manifest, signers))
}

/// The key sets that a bundle brings.
fn brought(head: &Head) -> Result<Vec<KeySet>, Refusal> {
    if head.sets.is_empty() {
        return Ok(Vec::new());
    }
    let text = std::str::from_utf8(&head.sets).map_err(|_| "they are not text".to_owned());
    text.and_then(KeySet::chain).map_err(|why| Refusal::KeySet {
        why: format!("its key sets: {why}"),
    })
}

/// It holds what its manifest says, and not what makes that of something else.
pub(super) fn is_full(manifest: &Manifest) -> Result<(), Refusal> {
    let base = manifest.delta.as_ref().map(|delta| delta.base.to_string());
    base.map_or(Ok(()), |base| Err(Refusal::Delta { base }))
}

fn allowed(manifest: &Manifest, policy: &Policy<'_>) -> Result<(), Refusal> {
    if manifest.product != policy.product {
        let (found, expected) = (manifest.product.clone(), policy.product.to_owned());
        return Err(Refusal::WrongProduct { found, expected });
    }
    if policy.now >= manifest.expires {
        return Err(Refusal::Expired {
            expires: manifest.expires,
            now: policy.now,
        });
    }
    let Some(installed) = &policy.installed else {
        return Ok(());
    };
    let version = manifest.version.to_string();
    if manifest.version < installed.version {
        return Err(Refusal::Downgrade {
            version,
            counter: manifest.counter,
            installed: installed.version.to_string(),
            installed_counter: installed.counter,
        });
    }
    if manifest.version == installed.version {
        return Err(Refusal::SameVersion { version });
    }
    if manifest.counter < installed.counter {
        return Err(Refusal::OldCounter {
            counter: manifest.counter,
            highest: installed.counter,
        });
    }
    if !manifest
        .upgrades_from
        .iter()
        .any(|from| from.matches(&installed.version))
    {
        let from: Vec<String> = manifest
            .upgrades_from
            .iter()
            .map(ToString::to_string)
            .collect();
        let from = if from.is_empty() {
            "nothing".to_owned()
        } else {
            from.join(" or ")
        };
        return Err(Refusal::NotUpgradable {
            version,
            installed: installed.version.to_string(),
            from,
        });
    }
    Ok(())
}

/// The payload members of an archive whose head has been read: those of `manifest`, in its order.
pub(super) fn members(
    source: &Source,
    archive: &mut Archive<'_>,
    manifest: &Manifest,
) -> Result<Vec<Member>, BundleError> {
    let (declared, actual) = (manifest.total_bytes(), source.length);
    let mut members: Vec<Member> = Vec::new();
    let expected: BTreeSet<&str> = manifest
        .file
        .iter()
        .map(|file| file.path.as_str())
        .collect();
    let mut seen = BTreeSet::new();
    if declared > u128::from(actual) {
        return Err(source.refuse(Refusal::Bomb { declared, actual }));
    }
    while let Some(member) = archive.next_member()? {
        let path = member.path.clone();
        if [super::MANIFEST, super::SIGNATURE, super::KEYS].contains(&path.as_str())
            || seen.contains(&path)
        {
            return Err(source.refuse(Refusal::DuplicateMember { path }));
        }
        if !expected.contains(path.as_str()) {
            return Err(source.refuse(Refusal::ExtraMember { path }));
        }
        seen.insert(path);
        members.push(member);
    }
    if let Some(missing) = manifest.file.iter().find(|file| !seen.contains(&file.path)) {
        return Err(source.refuse(Refusal::MissingMember {
            path: missing.path.clone(),
        }));
    }
    for (member, file) in members.iter().zip(&manifest.file) {
        source.check(same_place(member, file))?;
    }
    Ok(members)
}

fn same_place(member: &Member, file: &FileEntry) -> Result<(), Refusal> {
    let path = member.path.clone();
    if path != file.path {
        return Err(Refusal::MemberOrder {
            path,
            expected: file.path.clone(),
        });
    }
    if member.size != file.size {
        return Err(Refusal::SizeMismatch {
            path,
            expected: file.size,
            found: member.size,
        });
    }
    Ok(())
}

/// As [`check_members`], and the checksum of the whole file. Side by side: both are computing, and what one has read is
/// in memory for the other.
fn check_contents(
    source: &Source,
    members: &[Member],
    manifest: &Manifest,
) -> Result<Digest, BundleError> {
    thread::scope(|scope| {
        let whole = scope.spawn(|| hash(source, 0, source.length));
        check_members(source, members, manifest)?;
        whole.join().unwrap_or_else(|panic| resume_unwind(panic))
    })
}

/// Compares every member with its checksum.
pub(super) fn check_members(
    source: &Source,
    members: &[Member],
    manifest: &Manifest,
) -> Result<(), BundleError> {
    for (member, file) in members.iter().zip(&manifest.file) {
        if hash(source, member.at, member.size)? != file.sha256 {
            let path = file.path.clone();
            return Err(source.refuse(Refusal::HashMismatch { path }));
        }
    }
    Ok(())
}

fn hash(source: &Source, at: u64, size: u64) -> Result<Digest, BundleError> {
    let mut hash = Sha256::new();
    source.stream(at, size, |chunk| {
        hash.update(chunk);
        Ok(())
    })?;
    Ok(Digest::of(hash))
}
