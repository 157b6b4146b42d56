//! `manifest.toml`: what a release is and which files make it up.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use semver::{Version, VersionReq};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::archive::MAX_SIGNATURE;
use super::error::Refusal;
use super::{KEYS, MANIFEST, MAX_FILES, MAX_MANIFEST, PATCH, SIGNATURE, names};

/// The format of a bundle that this hau reads and writes.
pub(super) const FORMAT: u32 = 1;
/// ... and that of a delta: one that knows no deltas asks for a newer hau.
pub(super) const DELTA_FORMAT: u32 = 2;

/// What stands between two files of a manifest.
const NEXT: &str = "\n[[file]]\n";

/// A manifest whose parts fit together. Field order is the order in the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    pub format: u32,
    /// `cluster.name` of the pairs that it is for.
    pub product: String,
    pub version: Version,
    /// Grows with every release, so that an old signed bundle cannot be passed off as new.
    pub counter: u64,
    /// Any of them must match the installed version. Empty: only where nothing is installed.
    pub upgrades_from: Vec<VersionReq>,
    pub expires: Timestamp,
    /// The key set that it was signed for; none: whichever is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_set: Option<u64>,
    /// The running version works with the new schema, too.
    #[serde(default = "yes")]
    pub schema_compatible: bool,
    /// Scripts in the order to apply; each is a file of the bundle.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub schema: Vec<Schema>,
    /// Programs of the bundle to run at fixed moments.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub hooks: BTreeMap<Hook, String>,
    /// It is a delta. Then its one file is the patch, and what the patch makes has the manifest that counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delta: Option<Delta>,
    #[serde(default)]
    pub file: Vec<FileEntry>,
}

/// What a delta is made from, and what it makes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delta {
    /// The version that it is applied to.
    pub base: Version,
    /// Of that release's manifest, which has the hashes of its files.
    pub base_manifest: Digest,
    /// Of the full bundle.
    pub sha256: Digest,
    /// The full bundle's manifest, its signature and its files, without what tar puts between them.
    pub payload: u64,
    /// How many bytes of the payload are the manifest, ...
    pub manifest: u64,
    /// ... and how many its signature.
    pub signature: u64,
}

/// One schema script.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schema {
    pub path: String,
}

/// When a hook runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hook {
    BeforeStop,
    AfterActivate,
    AfterStart,
    Engine,
}

impl Hook {
    /// As the manifest writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::BeforeStop => "before_stop",
            Self::AfterActivate => "after_activate",
            Self::AfterStart => "after_start",
            Self::Engine => "engine",
        }
    }
}

/// One file of the release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileEntry {
    pub path: String,
    /// In bytes.
    pub size: u64,
    pub mode: Mode,
    pub sha256: Digest,
    /// The service that has to be restarted when it changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
}

/// Permission bits as an octal string, `"0644"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Mode(u32);

/// A SHA-256 as 64 lowercase hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest([u8; 32]);

impl Manifest {
    /// Reads and checks a manifest whose signature holds.
    pub(super) fn parse(bytes: &[u8]) -> Result<Manifest, Refusal> {
        let wrong = |why: String| Refusal::Manifest { why };
        let text = std::str::from_utf8(bytes).map_err(|_| wrong("it is not UTF-8".to_owned()))?;
        // Whatever is wrong is told by who reads it at once, with its line.
        let manifest = Manifest::file_by_file(text).map_or_else(|| Manifest::at_once(text), Ok)?;
        manifest.check()?;
        Ok(manifest)
    }

    /// As [`render`](Self::render) writes it: a hundred thousand files, read at once, would take hundreds of MiB.
    fn file_by_file(text: &str) -> Option<Manifest> {
        let (head, _) = text.split_once(NEXT)?;
        let mut manifest = Manifest::at_once(head).ok()?;
        manifest.file = Manifest::each_file(text).collect::<Option<_>>()?;
        Some(manifest)
    }

    /// The files of a manifest that is written so, unchecked.
    pub(super) fn each_file(text: &str) -> impl Iterator<Item = Option<FileEntry>> {
        text.split(NEXT)
            .skip(1)
            .map(|file| toml::from_str(file).ok())
    }

    fn at_once(text: &str) -> Result<Manifest, Refusal> {
        let wrong = |why: String| Refusal::Manifest { why };
        let table: toml::Table = text
            .parse()
            .map_err(|error| wrong(toml_line(text, &error)))?;
        let known = if table.contains_key("delta") {
            DELTA_FORMAT
        } else {
            FORMAT
        };
        match table.get("format") {
            Some(format) if *format == toml::Value::from(known) => {}
            Some(found) => {
                return Err(Refusal::UnknownFormat {
                    found: found.to_string(),
                });
            }
            None => return Err(wrong("format is missing".to_owned())),
        }
        toml::from_str(text).map_err(|error| wrong(toml_line(text, &error)))
    }

    /// As [`parse`](Self::parse) reads it.
    pub(super) fn render(&self) -> Result<String, Refusal> {
        self.check()?;
        let text = toml::to_string(self).map_err(|error| Refusal::Manifest {
            why: error.to_string(),
        })?;
        if text.len() as u64 > MAX_MANIFEST {
            return Err(Refusal::ManifestTooLarge {
                bytes: text.len() as u64,
            });
        }
        Ok(text)
    }

    /// The bytes of all files together: what a release takes on disk.
    pub fn total_bytes(&self) -> u128 {
        self.file.iter().map(|file| u128::from(file.size)).sum()
    }

    fn is_plain_delta(&self) -> bool {
        let mut files = self.file.iter().map(|file| file.path.as_str());
        files.next() == Some(PATCH)
            && files.next().is_none()
            && self.schema.is_empty()
            && self.hooks.is_empty()
    }

    fn check(&self) -> Result<(), Refusal> {
        let wrong = |why: String| Err(Refusal::Manifest { why });
        if !names::is_plain_name(&self.product) {
            return wrong(
                "product must be letters, digits, - _ . and at most 64 of them".to_owned(),
            );
        }
        if self.version.to_string().len() > 128 {
            return wrong("version is longer than 128 bytes".to_owned());
        }
        if self.file.len() > MAX_FILES {
            return Err(Refusal::TooManyFiles {
                files: self.file.len(),
            });
        }
        if let Some(delta) = &self.delta {
            if !self.is_plain_delta() {
                return wrong(format!(
                    "a delta has one file, {PATCH}, and neither schema nor hooks"
                ));
            }
            if delta.manifest > MAX_MANIFEST || delta.signature > MAX_SIGNATURE {
                return wrong("what the delta makes has too long a manifest".to_owned());
            }
        }
        for file in &self.file {
            let path = names::check_path(file.path.as_bytes())?;
            if file.mode.0 & !0o777 != 0 {
                return Err(Refusal::SetId {
                    path: path.to_owned(),
                });
            }
        }
        let own = [MANIFEST, SIGNATURE, KEYS].into_iter();
        names::check_distinct(own.chain(self.file.iter().map(|file| file.path.as_str())))?;
        let named = self
            .schema
            .iter()
            .map(|schema| &schema.path)
            .chain(self.hooks.values());
        let files: std::collections::BTreeSet<&str> =
            self.file.iter().map(|file| file.path.as_str()).collect();
        for path in named {
            if !files.contains(path.as_str()) {
                return wrong(format!(
                    "{} is named under schema or hooks but is no file of it",
                    names::printable(path.as_bytes())
                ));
            }
        }
        Ok(())
    }
}

impl Mode {
    /// Of any permission bits: see [`on_disk`](Self::on_disk) for what becomes of them.
    pub(super) fn new(bits: u32) -> Mode {
        Mode(bits)
    }

    /// What the unpacked file gets: nobody but the owner may write, and the owner may always read.
    pub fn on_disk(self) -> u32 {
        self.0 & 0o755 | 0o400
    }
}

impl TryFrom<String> for Mode {
    type Error = String;
    fn try_from(text: String) -> Result<Mode, String> {
        let digits =
            (3..=5).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        let bits = if digits {
            u32::from_str_radix(&text, 8).ok()
        } else {
            None
        };
        bits.map(Mode)
            .ok_or_else(|| "mode must be an octal string such as \"0644\"".to_owned())
    }
}

impl From<Mode> for String {
    fn from(mode: Mode) -> String {
        format!("{:04o}", mode.0)
    }
}

impl Digest {
    pub fn of_bytes(bytes: &[u8]) -> Digest {
        Digest::of(Sha256::new_with_prefix(bytes))
    }

    /// Of a finished hash.
    pub fn of(hash: impl sha2::Digest) -> Digest {
        let mut digest = [0; 32];
        for (to, from) in digest.iter_mut().zip(hash.finalize()) {
            *to = from;
        }
        Digest(digest)
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl FromStr for Digest {
    type Err = String;
    fn from_str(text: &str) -> Result<Digest, String> {
        let value = |digit: u8| match digit {
            b'0'..=b'9' => Ok(digit - b'0'),
            b'a'..=b'f' => Ok(digit - b'a' + 10),
            _ => Err("sha256 must be 64 lowercase hex digits".to_owned()),
        };
        if text.len() != 64 {
            value(b' ')?;
        }
        let mut digest = [0; 32];
        for (byte, pair) in digest.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            *byte = value(pair[0])? << 4 | value(pair[1])?;
        }
        Ok(Digest(digest))
    }
}

impl TryFrom<String> for Digest {
    type Error = String;
    fn try_from(text: String) -> Result<Digest, String> {
        text.parse()
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> String {
        digest.to_string()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

/// A TOML error as one line: where and what.
pub(super) fn toml_line(text: &str, error: &toml::de::Error) -> String {
    let before = error
        .span()
        .and_then(|span| text.get(..span.start))
        .unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    format!(
        "line {line}: {}",
        names::printable(error.message().as_bytes())
    )
}

fn yes() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn text(extra: &str) -> String {
        format!(
            "format = 1\nproduct = \"shop\"\nversion = \"1.1.0\"\ncounter = 7\n\
             upgrades_from = [\">=1.0.0, <1.1.0\"]\nexpires = \"2027-06-30T00:00:00Z\"\n{extra}"
        )
    }

    fn file(path: &str, mode: &str) -> String {
        format!("[[file]]\npath = {path:?}\nsize = 3\nmode = {mode:?}\nsha256 = \"{HASH}\"\n")
    }

    fn refusal(text: &str) -> Refusal {
        Manifest::parse(text.as_bytes()).expect_err("refused")
    }

    #[test]
    fn what_is_written_is_read() {
        let all = text(
            "schema_compatible = false\n[[schema]]\npath = \"schema/1.sql\"\n[hooks]\nafter_activate = \"h\"\n",
        ) + &file("schema/1.sql", "0644")
            + &file("h", "0755")
            + "service = \"api\"\n";
        let manifest = Manifest::parse(all.as_bytes()).expect("good");
        assert_eq!(manifest.hooks[&Hook::AfterActivate], "h");
        assert_eq!(manifest.file[1].service.as_deref(), Some("api"));
        assert_eq!(manifest.total_bytes(), 6);
        let again = manifest.render().expect("good");
        assert_eq!(Manifest::parse(again.as_bytes()), Ok(manifest));
        assert!(again.contains("mode = \"0755\""), "{again}");
    }

    /// What stands between two files may stand in a text, too: it is not taken for the next file.
    #[test]
    fn files_are_read_one_by_one_as_they_are_at_once() {
        let (a, b) = (file("a", "0644"), file("b", "0755") + "service = \"api\"\n");
        for (all, ours) in [
            (text("\n") + &a + "\n" + &b, true),
            (text("\n") + &a + "# of it\n" + &b, true),
            (text("") + &a + &b, true),
            (text("[hooks]\nengine = \"b\"\n\n") + &a + &b, true),
            (text("file = []\n"), false),
            (
                text("") + &a + "service = \"\"\"\n[[file]]\n\"\"\"\n" + &b,
                false,
            ),
            (text("") + &a.replace('\n', "\r\n") + &b, false),
        ] {
            let read = Manifest::file_by_file(&all);
            assert_eq!(read.is_some(), ours, "{all}");
            let at_once = Manifest::at_once(&all).expect("good");
            assert_eq!(read.unwrap_or_else(|| at_once.clone()), at_once, "{all}");
        }
        for bad in [
            "[[file]]\npath = 1\n",
            "colour = 1\n",
            "[file.more]\n",
            "[[schema]]\npath = \"a\"\n",
        ] {
            let all = text("") + &a + bad + &b;
            assert_eq!(Manifest::file_by_file(&all), None, "{all}");
        }
    }

    #[test]
    fn the_short_form_has_defaults() {
        let manifest = Manifest::parse(text("").as_bytes()).expect("good");
        assert!(
            manifest.schema_compatible && manifest.schema.is_empty() && manifest.hooks.is_empty()
        );
    }

    #[test]
    fn a_later_format_is_named_before_its_unknown_keys() {
        let later = text("new_key = 1\n").replace("format = 1", "format = 2");
        assert_eq!(
            refusal(&later),
            Refusal::UnknownFormat {
                found: "2".to_owned()
            }
        );
        assert!(matches!(
            refusal("product = \"x\""),
            Refusal::Manifest { .. }
        ));
    }

    #[test]
    fn each_mistake_is_one_line_that_says_where() {
        for (bad, said) in [
            (text("colour = 1\n"), "line 7: unknown field `colour`"),
            (text("[hooks]\nlater = \"x\"\n"), "unknown variant `later`"),
            (text(&file("a", "rw-")), "octal"),
            (text(&file("a", "0648")), "octal"),
            (
                text(&file("a", "0644").replace("ba78", "BA78")),
                "64 lowercase hex",
            ),
            (
                text(&file("a", "0644").replace("ba78", "")),
                "64 lowercase hex",
            ),
            (text("[hooks]\nengine = \"nowhere\"\n"), "nowhere is named"),
            (text("[[schema]]\npath = \"nowhere\"\n"), "nowhere is named"),
            (
                text("").replace("\"shop\"", "\"../shop\""),
                "product must be",
            ),
            (text("").replace("1.1.0\"\n", "1.1\"\n"), "line 3"),
            (text("").replace("2027-06-30T", "soon"), "line 6"),
            (text("=\n"), "line 7"),
        ] {
            let message = refusal(&bad).to_string();
            assert!(message.contains(said), "{message}");
            assert_eq!(message.lines().count(), 1, "{message}");
        }
    }

    #[test]
    fn setuid_is_refused_and_write_access_of_others_is_dropped() {
        for mode in ["4755", "2755", "1777", "07755"] {
            assert!(
                matches!(refusal(&text(&file("a", mode))), Refusal::SetId { .. }),
                "{mode}"
            );
        }
        for (mode, kept) in [
            (0o777, 0o755),
            (0o666, 0o644),
            (0o600, 0o600),
            (0o000, 0o400),
        ] {
            assert_eq!(Mode::new(mode).on_disk(), kept);
        }
    }

    #[test]
    fn no_file_may_take_the_place_of_another_or_of_the_manifest() {
        for (one, other) in [
            ("a", "a"),
            ("manifest.toml", "b"),
            ("Manifest.toml.minisig", "b"),
            ("a", "A"),
            ("a", "a/b"),
        ] {
            let both = text(&(file(one, "0644") + &file(other, "0644")));
            assert!(
                matches!(
                    refusal(&both),
                    Refusal::DuplicateMember { .. } | Refusal::Collision { .. }
                ),
                "{one} {other}"
            );
        }
    }
}
