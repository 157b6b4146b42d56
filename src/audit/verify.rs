//! Verifies copies of trails, offline: each in itself, against the certificates, and one against the other.
use super::{Entry, Event, Head, Standing, statement};
use crate::tls::{self, Fingerprint};
use base64::{Engine, engine::general_purpose::STANDARD};
use std::collections::BTreeMap;

/// A copy of a trail as it was read.
#[derive(Clone, Debug)]
pub struct Copied {
    /// What it is called in the verdict: its file.
    pub name: String,
    /// Its lines; else why it cannot be read as it was written.
    pub lines: Result<Vec<Vec<u8>>, String>,
}

/// What is proven of a copy.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Verdict {
    pub file: String,
    /// Empty: there is no entry.
    pub node: String,
    /// Whole entries from the first on.
    pub entries: u64,
    /// Time of the first and of the last.
    pub begins: String,
    pub ends: String,
    /// Up to this entry the other node has signed it; 0: it has not.
    pub signed: u64,
    /// Fingerprint of the certificate that belongs to that signature.
    pub by: Option<String>,
    /// Entries after that which it is yet to sign for.
    pub unsigned: u64,
    /// Up to this entry the other copy says that its node has seen it.
    pub seen: u64,
    /// What is wrong; empty: nothing is.
    pub problems: Vec<String>,
    /// What a reader should know.
    pub notes: Vec<String>,
}

/// A copy with what its own entries say.
struct Told<'a> {
    verdict: Verdict,
    standing: Standing,
    /// Of every line, by its number.
    hashes: BTreeMap<u64, String>,
    entries: Vec<Entry>,
    /// By fingerprint: its own certificates, and those of the other node.
    own: BTreeMap<String, Vec<u8>>,
    theirs: BTreeMap<String, Vec<u8>>,
    given: &'a BTreeMap<String, Vec<u8>>,
}

/// Judges each copy. `certificates` (DER) are those that the reader trusts; without any, the ones that the trails name
/// are gone by, and the verdict says whose fingerprint to compare.
#[must_use]
pub fn verify(copies: &[Copied], certificates: &[Vec<u8>]) -> Vec<Verdict> {
    let named = |der: &Vec<u8>| (Fingerprint::of(der).to_string(), der.clone());
    let given: BTreeMap<_, _> = certificates.iter().map(named).collect();
    let mut all: Vec<Told<'_>> = copies.iter().map(|copy| Told::read(copy, &given)).collect();
    for n in 0..all.len() {
        let (before, rest) = all.split_at_mut(n);
        let Some((told, after)) = rest.split_first_mut() else {
            continue;
        };
        let others: Vec<&Told<'_>> = before.iter().chain(after.iter()).collect();
        told.hold_signatures(&others);
        for other in others {
            told.hold_against(other);
        }
        told.sum_up();
    }
    all.into_iter().map(|told| told.verdict).collect()
}

impl<'a> Told<'a> {
    fn read(copy: &Copied, given: &'a BTreeMap<String, Vec<u8>>) -> Self {
        let mut told = Told {
            verdict: Verdict {
                file: copy.name.clone(),
                ..Verdict::default()
            },
            standing: Standing::default(),
            hashes: BTreeMap::new(),
            entries: Vec::new(),
            own: BTreeMap::new(),
            theirs: BTreeMap::new(),
            given,
        };
        let lines = match &copy.lines {
            Ok(lines) => lines,
            Err(why) => {
                told.verdict.problems.push(why.clone());
                return told;
            }
        };
        for line in lines {
            match told.standing.take(line) {
                Ok(entry) => told.learn(entry),
                Err(why) => {
                    told.verdict.problems.push(why);
                    break;
                }
            }
        }
        told
    }

    fn learn(&mut self, entry: Entry) {
        let Head { seq, hash } = &self.standing.head;
        self.hashes.insert(*seq, hash.clone());
        let certificate = |text: &Option<String>| {
            let der = STANDARD.decode(text.as_ref()?).ok()?;
            Some((Fingerprint::of(&der).to_string(), der))
        };
        self.own.extend(certificate(&self.standing.own));
        self.theirs.extend(certificate(&self.standing.peer));
        if self.verdict.entries == 0 {
            self.verdict.begins.clone_from(&entry.at);
        }
        self.verdict.node.clone_from(&entry.node);
        self.verdict.ends.clone_from(&entry.at);
        self.verdict.entries = entry.seq;
        self.entries.push(entry);
    }

    fn is_at(&self, head: &Head) -> bool {
        self.hashes.get(&head.seq) == Some(&head.hash)
    }

    /// Every signature must be one, of a certificate that is the other node's.
    fn hold_signatures(&mut self, others: &[&Told<'_>]) {
        let mut strange = None;
        for entry in &self.entries {
            let Event::Countersigned {
                up_to,
                hash,
                by,
                signature,
            } = &entry.event
            else {
                continue;
            };
            let (seq, hash) = (*up_to, hash.clone());
            let head = Head { seq, hash };
            let der = self.given.get(by).or(self.theirs.get(by));
            let wrong = if !self.is_at(&head) {
                Some("it is of another entry")
            } else if self.own.contains_key(by) {
                Some("it is of this node's own certificate")
            } else if others
                .iter()
                .any(|o| o.verdict.node != self.verdict.node && !o.knows_own(by))
            {
                Some("its certificate is not one of the other copy's node")
            } else if !der.is_some_and(|der| is_signed(&entry.node, &head, der, signature)) {
                Some("it is not one")
            } else {
                None
            };
            if let Some(wrong) = wrong {
                let at = entry.seq;
                let what = format!("entry {at}, the signature over entry {seq}: {wrong}");
                self.verdict.problems.push(what);
            } else if !self.given.is_empty() && !self.given.contains_key(by) {
                strange = Some((seq, by.clone()));
            } else if seq >= self.verdict.signed {
                (self.verdict.signed, self.verdict.by) = (seq, Some(by.clone()));
            }
        }
        if let Some((seq, by)) = strange {
            self.verdict.notes.push(format!(
                "up to entry {seq} there are signatures of the certificate {by}, which was not given: they do not count"
            ));
        }
    }

    /// Nothing is said against it by a copy that has no certificate of its own in it.
    fn knows_own(&self, by: &str) -> bool {
        self.own.is_empty() || self.own.contains_key(by)
    }

    /// What the other node has signed of this trail must be in it.
    fn hold_against(&mut self, other: &Told<'_>) {
        let paired = |e: &Entry| matches!(e.event, Event::Paired { .. });
        let anew = other.entries.iter().rposition(paired).unwrap_or(0);
        let mut older = None;
        for (n, entry) in other.entries.iter().enumerate() {
            let Event::Witnessed { of, up_to, hash } = &entry.event else {
                continue;
            };
            if *of != self.verdict.node {
                continue;
            }
            let (seq, hash) = (*up_to, hash.clone());
            if self.is_at(&Head { seq, hash }) {
                self.verdict.seen = self.verdict.seen.max(seq);
            } else if n < anew {
                older = Some((entry.at.clone(), seq));
            } else {
                let what = self.is_missed(seq);
                let (there, at) = (&other.verdict.node, &entry.at);
                let what = format!("node {there} signed entry {seq} of it on {at}: {what}");
                self.verdict.problems.push(what);
            }
        }
        if let Some((at, seq)) = older {
            self.verdict.notes.push(format!(
                "before the nodes were paired anew, node {} had signed another trail of node {} up to entry {seq}, on {at}: \
                 ask for that one, too",
                other.verdict.node, self.verdict.node
            ));
        }
    }

    fn is_missed(&self, seq: u64) -> String {
        if seq > self.verdict.entries {
            return format!("this copy ends at entry {}", self.verdict.entries);
        }
        "here it is another one".to_owned()
    }

    fn sum_up(&mut self) {
        let proven = self.verdict.signed.max(self.verdict.seen);
        self.verdict.unsigned = self.standing.wanted.saturating_sub(proven);
        for entry in &self.entries {
            let Event::Disputed { of, why } = &entry.event else {
                continue;
            };
            self.verdict.notes.push(format!(
                "entry {} ({}): this node refused to sign the trail of node {of}: {why}",
                entry.seq, entry.at
            ));
        }
        if self.verdict.problems.is_empty() && proven == 0 {
            let what =
                "no other node has signed any of it: nothing but its own chain speaks for it";
            self.verdict.problems.push(what.to_owned());
        }
    }
}

fn is_signed(node: &str, head: &Head, der: &[u8], signature: &str) -> bool {
    let signature = STANDARD.decode(signature).unwrap_or_default();
    tls::is_signed(der, &statement(node, head), &signature)
}
