//! Reads the small part of tar that a bundle is made of, and refuses the rest.

use tar::Header;

use super::error::{BundleError, Refusal};
use super::source::Source;
use super::{KEYS, MANIFEST, MAX_KEY_SETS, MAX_MANIFEST, SIGNATURE, names};

const BLOCK: u64 = 512;
/// A minisign signature is about 300 bytes, and there may be several; their comments may be longer.
pub(super) const MAX_SIGNATURE: u64 = 8 << 10;
const MAX_PAX: u64 = 64 << 10;

/// A regular file in the archive; its path is plain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) path: String,
    /// Offset of its first byte in the bundle.
    pub(super) at: u64,
    pub(super) size: u64,
}

/// The bytes of the members that are read on trust of nothing.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) manifest: Vec<u8>,
    pub(super) signature: Vec<u8>,
    /// Empty where it brings no key sets.
    pub(super) sets: Vec<u8>,
}

/// Walks the headers of a bundle.
pub(super) struct Archive<'a> {
    source: &'a Source,
    at: u64,
}

/// What extension members say about the next one.
#[derive(Default)]
struct Extension {
    gnu_name: Option<Vec<u8>>,
    pax: Option<Pax>,
}

#[derive(Default)]
struct Pax {
    path: Option<Vec<u8>>,
    size: Option<u64>,
}

impl<'a> Archive<'a> {
    pub(super) fn new(source: &'a Source) -> Archive<'a> {
        Archive { source, at: 0 }
    }

    /// Where the next header begins.
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    /// The manifest, its signatures, and the key sets that vouch for these where it brings some: they come first.
    pub(super) fn head(&mut self) -> Result<Head, BundleError> {
        let not_a_bundle = |why: String| Err(self.source.refuse(Refusal::NotABundle { why }));
        if self.source.length == 0 {
            return not_a_bundle("it is empty".to_owned());
        }
        let Some(manifest) = self.next_member()? else {
            return Err(self.source.refuse(Refusal::NotABundle {
                why: "it has no members".to_owned(),
            }));
        };
        let refusal = match manifest.path.as_str() {
            MANIFEST if manifest.size > MAX_MANIFEST => Refusal::ManifestTooLarge {
                bytes: manifest.size,
            },
            MANIFEST => return self.signature(&manifest),
            SIGNATURE => Refusal::FirstMembers,
            other => Refusal::NotABundle {
                why: format!("its first member is {other} and not {MANIFEST}"),
            },
        };
        Err(self.source.refuse(refusal))
    }

    fn signature(&mut self, manifest: &Member) -> Result<Head, BundleError> {
        let signature = self
            .next_member()?
            .filter(|second| second.path == SIGNATURE);
        let signature = signature.ok_or_else(|| self.source.refuse(Refusal::Unsigned))?;
        if signature.size > MAX_SIGNATURE {
            let why = format!("it has {} bytes", signature.size);
            return Err(self.source.refuse(Refusal::BadSignature { why }));
        }
        Ok(Head {
            manifest: self.source.bytes(manifest.at, manifest.size)?,
            signature: self.source.bytes(signature.at, signature.size)?,
            sets: self.key_sets()?,
        })
    }

    /// The third member if it is one of key sets. Any other is not looked at before the signature holds.
    fn key_sets(&mut self) -> Result<Vec<u8>, BundleError> {
        let name = KEYS.len() as u64 + 1;
        if self.at.saturating_add(name) > self.source.length
            || self.source.bytes(self.at, name)?.strip_suffix(b"\0") != Some(KEYS.as_bytes())
        {
            return Ok(Vec::new());
        }
        let Some(member) = self.next_member()? else {
            return Ok(Vec::new());
        };
        if member.size > MAX_KEY_SETS {
            let why = format!("it brings key sets of {} bytes", member.size);
            return Err(self.source.refuse(Refusal::KeySet { why }));
        }
        self.source.bytes(member.at, member.size)
    }

    /// The next regular file, or `None` at the proper end of the archive.
    pub(super) fn next_member(&mut self) -> Result<Option<Member>, BundleError> {
        let mut extension = Extension::default();
        loop {
            let Some(header) = self.header()? else {
                if extension.gnu_name.is_some() || extension.pax.is_some() {
                    return Err(self.truncated());
                }
                return Ok(None);
            };
            let size = number(&header.as_old().size)
                .ok_or_else(|| self.odd_header("its size is no number"))?;
            let at = self.at;
            let kind = header.entry_type().as_byte();
            match kind {
                b'L' if extension.gnu_name.is_none() => {
                    let name = self.body(at, size, names::MAX_PATH as u64 + 1)?;
                    extension.gnu_name = Some(name.strip_suffix(b"\0").unwrap_or(&name).to_vec());
                }
                b'x' if extension.pax.is_none() => {
                    let records = self.body(at, size, MAX_PAX)?;
                    extension.pax = Some(self.source.check(parse_pax(&records))?);
                }
                b'L' | b'x' | b'g' => {
                    let what = "a global or repeated header".to_owned();
                    return Err(self.source.refuse(Refusal::Extension { what }));
                }
                _ => {
                    let member = member(&header, kind, size, at, &extension);
                    let member = self.source.check(member)?;
                    self.skip(size)?;
                    return Ok(Some(member));
                }
            }
            self.skip(size)?;
        }
    }

    /// The next header block, or `None` if the archive ends here as it should.
    fn header(&mut self) -> Result<Option<Header>, BundleError> {
        let block = self.body(self.at, BLOCK, BLOCK)?;
        if block.iter().all(|byte| *byte == 0) {
            return self.end().map(|()| None);
        }
        let header = Header::from_byte_slice(&block).clone();
        let sum = block[..148]
            .iter()
            .chain(&[b' '; 8])
            .chain(&block[156..])
            .map(|byte| u32::from(*byte))
            .sum();
        if header.cksum().ok() != Some(sum) {
            return Err(self.odd_header("its checksum is wrong"));
        }
        if header.as_ustar().is_none() && header.as_gnu().is_none() {
            return Err(self.odd_header("it is neither ustar nor GNU"));
        }
        self.at += BLOCK;
        Ok(Some(header))
    }

    /// Two blocks of zeros, then nothing but zeros.
    fn end(&self) -> Result<(), BundleError> {
        let rest = self.source.length - self.at;
        if rest < 2 * BLOCK {
            return Err(self.truncated());
        }
        self.zeros(self.at, rest)
    }

    /// Steps over a body and its padding, which must be there.
    fn skip(&mut self, size: u64) -> Result<(), BundleError> {
        let end = self
            .at
            .checked_add(size)
            .and_then(|end| end.checked_next_multiple_of(BLOCK));
        let end = end
            .filter(|end| *end <= self.source.length)
            .ok_or_else(|| self.truncated())?;
        let body_end = self.at + size;
        self.zeros(body_end, end - body_end)?;
        self.at = end;
        Ok(())
    }

    fn body(&self, at: u64, size: u64, limit: u64) -> Result<Vec<u8>, BundleError> {
        if size > limit {
            let what = format!("a header of {size} bytes");
            return Err(self.source.refuse(Refusal::Extension { what }));
        }
        if at.saturating_add(size) > self.source.length {
            return Err(self.truncated());
        }
        self.source.bytes(at, size)
    }

    fn zeros(&self, mut at: u64, size: u64) -> Result<(), BundleError> {
        self.source.stream(at, size, |chunk| {
            match chunk.iter().position(|byte| *byte != 0) {
                Some(index) => Err(self.source.refuse(Refusal::StrayBytes {
                    at: at + index as u64,
                })),
                None => {
                    at += chunk.len() as u64;
                    Ok(())
                }
            }
        })
    }

    fn truncated(&self) -> BundleError {
        self.source.refuse(Refusal::Truncated {
            at: self.source.length,
        })
    }

    fn odd_header(&self, what: &str) -> BundleError {
        let why = format!("the tar header before byte {}: {what}", self.at + BLOCK);
        self.source.refuse(Refusal::NotABundle { why })
    }
}

fn member(
    header: &Header,
    kind: u8,
    size: u64,
    at: u64,
    extension: &Extension,
) -> Result<Member, Refusal> {
    let short = header.path_bytes();
    let (gnu, pax) = (extension.gnu_name.as_deref(), extension.pax.as_ref());
    let long = gnu.or(pax.and_then(|pax| pax.path.as_deref()));
    let name = long.unwrap_or(&short);
    let shown = names::printable(name);
    let not_a_file = |kind| {
        Err(Refusal::NotAFile {
            path: shown.clone(),
            kind,
        })
    };
    match kind {
        b'0' | 0 => {}
        b'1' | b'2' | b'K' => return Err(Refusal::Link { path: shown }),
        b'3' | b'4' => return not_a_file("device"),
        b'5' => return not_a_file("folder"),
        b'6' => return not_a_file("fifo"),
        b'S' => return not_a_file("sparse file"),
        _ => return not_a_file("member of a special type"),
    }
    let prefix = header.as_ustar().map_or(&[][..], |ustar| &ustar.prefix);
    for field in [&header.as_old().name[..], prefix] {
        let used = field
            .iter()
            .position(|byte| *byte == 0)
            .unwrap_or(field.len());
        if field[used..].iter().any(|byte| *byte != 0) {
            return Err(Refusal::BadCharacter {
                path: shown,
                what: "a NUL byte",
            });
        }
    }
    let path = names::check_path(name)?.to_owned();
    let disagree = |what| {
        Err(Refusal::Disagree {
            path: shown.clone(),
            what,
        })
    };
    if !name.starts_with(&short) {
        return disagree("two names");
    }
    if let Some(pax) = pax {
        if pax.path.as_deref().is_some_and(|path| path != name) {
            return disagree("two names");
        }
        if pax.size.is_some_and(|declared| declared != size) {
            return disagree("two sizes");
        }
    }
    let mode = number(&header.as_old().mode).ok_or_else(|| Refusal::NotABundle {
        why: format!("{path}: its mode is no number"),
    })?;
    if mode & 0o7000 != 0 {
        return Err(Refusal::SetId { path });
    }
    Ok(Member { path, at, size })
}

/// Octal text, or GNU's binary form for what does not fit. Stricter than the `tar` crate, since readers
/// that differ in what they forgive differ in where the next member begins.
fn number(field: &[u8]) -> Option<u64> {
    if let Some((0x80, binary)) = field.split_first() {
        let (high, low) = binary.split_last_chunk::<8>()?;
        return high
            .iter()
            .all(|byte| *byte == 0)
            .then(|| u64::from_be_bytes(*low));
    }
    let text = std::str::from_utf8(field).ok()?.trim_matches([' ', '\0']);
    let octal = text.bytes().all(|digit| (b'0'..=b'7').contains(&digit));
    if octal {
        u64::from_str_radix(text, 8).ok()
    } else {
        None
    }
}

/// `LENGTH KEY=VALUE\n`, repeated; only keys whose meaning is known and harmless.
fn parse_pax(mut bytes: &[u8]) -> Result<Pax, Refusal> {
    let mut pax = Pax::default();
    while !bytes.is_empty() {
        let (key, value, rest) = pax_record(bytes).ok_or_else(|| Refusal::Extension {
            what: "a broken pax header".to_owned(),
        })?;
        bytes = rest;
        let repeated = match key {
            b"path" => pax.path.replace(value.to_vec()).is_some(),
            b"size" => {
                let size = std::str::from_utf8(value)
                    .ok()
                    .and_then(|text| text.parse().ok());
                let size = size.ok_or_else(|| Refusal::Extension {
                    what: "a pax size that is no number".to_owned(),
                })?;
                pax.size.replace(size).is_some()
            }
            b"mtime" | b"atime" | b"ctime" | b"uid" | b"gid" | b"uname" | b"gname" => false,
            other => {
                return Err(Refusal::Extension {
                    what: format!("pax {}", names::printable(other)),
                });
            }
        };
        if repeated {
            return Err(Refusal::Extension {
                what: "a pax key twice".to_owned(),
            });
        }
    }
    Ok(pax)
}

fn pax_record(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let blank = bytes.iter().position(|byte| *byte == b' ')?;
    let length: usize = std::str::from_utf8(&bytes[..blank]).ok()?.parse().ok()?;
    let record = bytes.get(blank + 1..length)?.strip_suffix(b"\n")?;
    let equals = record.iter().position(|byte| *byte == b'=')?;
    Some((&record[..equals], &record[equals + 1..], &bytes[length..]))
}
