//! Signature files: minisign's, one after the other, and which keys of a list they are by.

use std::io::Cursor;

use minisign::{PublicKey, SignatureBox};

use super::error::Refusal;
use super::keys::key_id;
use super::names;

/// Base64 of an Ed25519 signature with algorithm and key number, and of one without.
const SIGNATURE_TEXT: usize = 100;
const GLOBAL_SIGNATURE_TEXT: usize = 88;
/// Lines of one signature.
pub(super) const LINES: usize = 4;
/// A key set may have 16 keys, and the next one is signed by those of both.
const MAX_SIGNATURES: usize = 32;

/// Who signed something.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Signer {
    /// The trusted key's name: in its key set, or its file's without `.pub`.
    pub name: String,
    /// As `minisign` shows it, 16 hex digits.
    pub id: String,
}

/// A key that counts, with its name.
pub(super) type Key = (Signer, PublicKey);

/// What signatures are worth, held against a list of keys.
#[derive(Debug, Default)]
pub(super) struct Signed {
    /// Each key once, however often it signed.
    pub(super) by: Vec<Signer>,
    /// Ids of keys that are not on the list.
    pub(super) unknown: Vec<String>,
    /// Why a signature in the name of a key of the list does not hold.
    pub(super) bad: Option<String>,
}

/// Which of `keys` signed `message`.
pub(super) fn judge(keys: &[Key], message: &[u8], signatures: &[u8]) -> Result<Signed, Refusal> {
    let mut signed = Signed::default();
    for signature in parse(signatures)? {
        let id = key_id(signature.keynum());
        let mut named = keys.iter().filter(|(signer, _)| signer.id == id).peekable();
        if named.peek().is_none() {
            signed.unknown.push(id);
            continue;
        }
        for (signer, key) in named {
            // quiet, no copy to stdout, legacy signatures (`minisign -S -l`) are as good
            match minisign::verify(key, &signature, Cursor::new(message), true, false, true) {
                Ok(()) if signed.by.iter().any(|known| known.id == signer.id) => break,
                Ok(()) => {
                    signed.by.push(signer.clone());
                    break;
                }
                Err(error) => signed.bad = Some(error.to_string()),
            }
        }
    }
    Ok(signed)
}

/// Ids of the keys that `signatures` are said to be by; nothing is verified.
pub(super) fn claimed(signatures: &[u8]) -> Result<Vec<String>, Refusal> {
    let signatures = parse(signatures)?;
    Ok(signatures.iter().map(|one| key_id(one.keynum())).collect())
}

fn parse(bytes: &[u8]) -> Result<Vec<SignatureBox>, Refusal> {
    let text = std::str::from_utf8(bytes).map_err(|_| bad("it is not text"))?;
    let lines: Vec<&str> = text.lines().collect();
    if lines.is_empty() || !lines.len().is_multiple_of(LINES) {
        return Err(bad("it does not have four lines for each signature"));
    }
    if lines.len() > MAX_SIGNATURES * LINES {
        return Err(bad("there are more than 32 signatures"));
    }
    lines.chunks_exact(LINES).map(parse_one).collect()
}

/// The crate indexes into the decoded second signature without looking at its length, and a panic would
/// end the daemon: so lengths are checked before it sees anything.
fn parse_one(lines: &[&str]) -> Result<SignatureBox, Refusal> {
    let [_, signature, _, global] = lines else {
        return Err(bad("it does not have four lines"));
    };
    if signature.trim().len() != SIGNATURE_TEXT || global.trim().len() != GLOBAL_SIGNATURE_TEXT {
        return Err(bad("its lines do not have the right length"));
    }
    SignatureBox::from_string(&lines.join("\n")).map_err(|error| bad(&error.to_string()))
}

fn bad(why: &str) -> Refusal {
    Refusal::BadSignature {
        why: names::printable(why.as_bytes()),
    }
}
