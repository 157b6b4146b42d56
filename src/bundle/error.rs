//! Why a bundle is refused, and what else can go wrong with one.

use std::io;
use std::path::PathBuf;

use jiff::Timestamp;
use thiserror::Error;

/// What failed, on which file.
#[derive(Debug, Error)]
pub enum BundleError {
    /// The bundle is not one that may be used here. Nothing was written, or it was removed again.
    #[error("refused {path}: {refusal}")]
    Refused { path: PathBuf, refusal: Refusal },
    /// A file of the bundle, of a release or of the source folder cannot be read.
    #[error("cannot read {path}")]
    Read {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// A file cannot be written; what was begun is removed again.
    #[error("cannot write {path}")]
    Write {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// A key file is not what its name says.
    #[error("cannot use the key {path}: {why}")]
    Key { path: PathBuf, why: String },
    /// The folder of trusted keys has none.
    #[error("no trusted key in {folder}: copy the publisher's NAME.pub there")]
    NoKeys { folder: PathBuf },
    /// A key set is not one, or cannot be made.
    #[error("cannot use the key set {path}: {why}")]
    KeySet { path: PathBuf, why: String },
    /// Something lies beside a key set and does not count.
    #[error("{other} lies beside the key set {set}, which alone counts: remove one of them")]
    Beside { set: PathBuf, other: PathBuf },
    /// What the node remembers of what it has installed cannot be understood.
    #[error(
        "{path} is damaged ({why}): put it back from a copy; removed, this node forgets what it installed"
    )]
    Remembered { path: PathBuf, why: String },
    /// No key pair can be made.
    #[error("cannot make the key pair {name}: {why}")]
    Keygen { name: String, why: String },
    /// The folder to build from is not fit for a bundle.
    #[error("cannot build a bundle from {path}: {why}")]
    Build { path: PathBuf, why: String },
    /// No delta can be made of these two bundles.
    #[error("cannot make a delta of {path}: {why}")]
    Delta { path: PathBuf, why: String },
    /// There is something at the place to unpack to.
    #[error("cannot unpack to {path}: {why}")]
    Destination { path: PathBuf, why: &'static str },
    /// The disk does not hold what was written to it.
    #[error(
        "unpacked to {path}, but it reads back differently ({difference}): check the disk; what was written is removed"
    )]
    ReadBack { path: PathBuf, difference: String },
}

/// Why a bundle is not accepted. Each is one line that says what to do where that is not plain.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    #[error("it is not a bundle ({why})")]
    NotABundle { why: String },
    #[error("it is not signed: {second} must be its second member", second = super::SIGNATURE)]
    Unsigned,
    #[error(
        "its first two members are in the wrong order: manifest.toml comes before its signature"
    )]
    FirstMembers,
    #[error("it is signed with key {key}, which is not trusted here (trusted: {trusted})")]
    WrongKey { key: String, trusted: String },
    #[error("its signature does not match ({why}): it was changed after it was signed")]
    BadSignature { why: String },
    #[error("its manifest has format {found}, this hau reads format {known}: upgrade hau first", known = super::manifest::FORMAT)]
    UnknownFormat { found: String },
    #[error("its manifest is wrong: {why}")]
    Manifest { why: String },
    #[error("it is for {found}, this pair is {expected}")]
    WrongProduct { found: String, expected: String },
    #[error(
        "it expired on {expires}, and here it is {now}: ask for a newer one, or set the clock right"
    )]
    Expired { expires: Timestamp, now: Timestamp },
    #[error(
        "version {version} (counter {counter}) is older than the installed {installed} (counter {installed_counter}): use hau-ctl rollback to go back"
    )]
    Downgrade {
        version: String,
        counter: u64,
        installed: String,
        installed_counter: u64,
    },
    #[error("version {version} is installed already")]
    SameVersion { version: String },
    #[error("version {version} cannot be installed over {installed}; it upgrades from {from}")]
    NotUpgradable {
        version: String,
        installed: String,
        from: String,
    },
    #[error("{path} does not have the checksum that the manifest says")]
    HashMismatch { path: String },
    #[error("{path} has {found} bytes, the manifest says {expected}")]
    SizeMismatch {
        path: String,
        expected: u64,
        found: u64,
    },
    #[error("{path} is in it but not in its manifest")]
    ExtraMember { path: String },
    #[error("{path} is in its manifest but not in it")]
    MissingMember { path: String },
    #[error("{path} is in it twice")]
    DuplicateMember { path: String },
    #[error("{path} comes where the manifest has {expected}")]
    MemberOrder { path: String, expected: String },
    #[error("it is cut off at byte {at}: copy it again")]
    Truncated { at: u64 },
    #[error("there are bytes at {at} that belong to no member")]
    StrayBytes { at: u64 },
    #[error("the path {path} is absolute")]
    AbsolutePath { path: String },
    #[error("the path {path} leaves the release with ..")]
    ParentPath { path: String },
    #[error("the path {path} has {what} in it")]
    BadCharacter { path: String, what: &'static str },
    #[error("a path is too long ({path}…): the limit is {component} bytes a name and {limit} in all", component = super::names::MAX_COMPONENT, limit = super::names::MAX_PATH)]
    LongPath { path: String },
    #[error("the path {path} is not plain: no empty parts, no . and no / at the end")]
    OddPath { path: String },
    #[error(
        "{path} and {other} are the same file, or a file and its own folder, where neither upper and lower case differ nor how an accent is written"
    )]
    Collision { path: String, other: String },
    #[error("{path} is a link; only regular files are allowed")]
    Link { path: String },
    #[error("{path} is a {kind}; only regular files are allowed")]
    NotAFile { path: String, kind: &'static str },
    #[error("{path} has setuid, setgid or sticky bits")]
    SetId { path: String },
    #[error("its manifest has {bytes} bytes, the limit is {limit}", limit = super::MAX_MANIFEST)]
    ManifestTooLarge { bytes: u64 },
    #[error("its manifest lists {files} files, the limit is {limit}", limit = super::MAX_FILES)]
    TooManyFiles { files: usize },
    #[error("its manifest declares {declared} bytes, the file has only {actual}")]
    Bomb { declared: u128, actual: u64 },
    #[error("{path}: the tar extension and the header disagree ({what})")]
    Disagree { path: String, what: &'static str },
    #[error(
        "it has a tar extension that hau does not take ({what}): build it with hau-ctl bundle build"
    )]
    Extension { what: String },
    #[error(
        "it is a delta of version {base}, for a node that has that: hau-ctl bundle rebuild makes the full bundle of both"
    )]
    Delta { base: String },
    #[error("it is no delta")]
    NotADelta,
    #[error(
        "it is a delta of version {base}, which is not here: get the full bundle from its publisher"
    )]
    NoBase { base: String },
    #[error(
        "the delta was made from another {base} ({what}): get the full bundle from its publisher"
    )]
    OtherBase { base: String, what: String },
    #[error("nothing can be made of it ({why}): get the full bundle from its publisher")]
    BrokenDelta { why: String },
    #[error(
        "it is signed with {signed}, and {threshold} keys of the set must sign (not yet: {missing}): hau-ctl bundle sign adds a signature"
    )]
    TooFewSignatures {
        signed: String,
        threshold: usize,
        missing: String,
    },
    #[error("{why}")]
    KeySet { why: String },
    #[error(
        "key set {number} expired on {expires}, and here it is {now}: install the next one, or set the clock right"
    )]
    KeySetExpired {
        number: u64,
        expires: Timestamp,
        now: Timestamp,
    },
    #[error(
        "its counter {counter} is below {highest}, the highest that was ever installed here: it was made before that, ask for a newer one"
    )]
    OldCounter { counter: u64, highest: u64 },
    #[error(
        "it was signed for key set {wanted}, and here is {here}: hau-ctl keys install brings what is missing"
    )]
    LaterKeySet { wanted: u64, here: String },
    #[error("{here} is older than key set {seen}, which was here: take that one, or a later one")]
    EarlierKeySet { here: String, seen: u64 },
}
