//! What a node is shown of the other one's trail, and whether it signs it.
use super::{Entry, Head};
use serde::{Deserialize, Serialize};

/// `POST /v1/peer/audit`: a stretch of the asking node's trail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    pub node: String,
    /// Number of its last entry, whether that is in the stretch or not.
    pub last: u64,
    /// Without a gap, at least one.
    pub lines: Vec<String>,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Witness {
    /// Signed up to here; the signature is base64.
    Signed { head: Head, signature: String },
    /// Show it from this entry on: that is where this node stands.
    Needs { seq: u64 },
}

/// What is to be done with a stretch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Look {
    /// It goes on from what was signed before.
    Sign(Head),
    /// That cannot be seen yet.
    Needs(u64),
}

/// Holds a stretch against `seen`, up to where that trail was signed before.
///
/// # Errors
/// It is no chain, or not the one that was signed: one sentence.
pub fn look(shown: &Shown, seen: Option<&Head>) -> Result<Look, String> {
    let first = shown.lines.first().ok_or("an empty stretch was shown")?;
    let first: Entry = serde_json::from_str(first).map_err(|e| format!("no entry: {e}"))?;
    let mut head = Head {
        seq: first.seq.saturating_sub(1),
        hash: first.prev,
    };
    let Some(seen) = seen else {
        follow(&mut head, shown, None)?;
        return Ok(Look::Sign(head));
    };
    if shown.last < seen.seq {
        return Err(format!(
            "its entry {} was signed here, and it ends at entry {}",
            seen.seq, shown.last
        ));
    }
    let before = head.seq;
    follow(&mut head, shown, Some(seen))?;
    if before > seen.seq || head.seq < seen.seq {
        return Ok(Look::Needs(seen.seq + 1));
    }
    Ok(Look::Sign(head))
}

/// To the end of what is shown; where that passes what was signed, it must be the same.
fn follow(head: &mut Head, shown: &Shown, seen: Option<&Head>) -> Result<(), String> {
    let is_other = |head: &Head| seen.is_some_and(|s| s.seq == head.seq && s.hash != head.hash);
    let other = |head: &Head| format!("its entry {} is not the one that was signed here", head.seq);
    if is_other(head) {
        return Err(other(head));
    }
    for line in &shown.lines {
        let entry = head.follow(line.as_bytes())?;
        if entry.node != shown.node {
            return Err(format!("entry {} is of node {}", entry.seq, entry.node));
        }
        if is_other(head) {
            return Err(other(head));
        }
    }
    Ok(())
}

/// What is signed: words that no TLS handshake signs, for those begin with blanks.
#[must_use]
pub fn statement(node: &str, head: &Head) -> Vec<u8> {
    format!("hau audit 1\n{node}\n{}\n{}\n", head.seq, head.hash).into_bytes()
}
