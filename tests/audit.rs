//! The audit trail: what is changed, left out, added or cut off in one is found, and no trail is signed that was rewritten.

#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]

use base64::{Engine, engine::general_purpose::STANDARD};
use hau::audit::{
    AuditError, By, Copied, Entry, Event, GENESIS, Head, Look, Outcome, Shown, Standing, Trail,
    Verdict, hash, look, statement, verify,
};
use hau::tls::{self, Fingerprint, Identity};
use std::{fs, path::PathBuf};
use tempfile::TempDir;

const AT: &str = "2026-11-21T02:00:00Z";

/// A node with a key and a trail in memory.
struct Node {
    name: &'static str,
    identity: Identity,
    lines: Vec<Vec<u8>>,
    standing: Standing,
    _dir: TempDir,
}

impl Node {
    fn new(name: &'static str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let identity = Identity::load_or_create(dir.path(), name).unwrap();
        Self {
            name,
            identity,
            lines: Vec::new(),
            standing: Standing::default(),
            _dir: dir,
        }
    }

    fn cert(&self) -> Vec<u8> {
        self.identity.cert().to_vec()
    }

    fn fingerprint(&self) -> String {
        self.identity.fingerprint().to_string()
    }

    fn add(&mut self, event: Event) -> u64 {
        let entry = Entry {
            seq: self.standing.head.seq + 1,
            at: AT.to_owned(),
            node: self.name.to_owned(),
            event,
            prev: self.standing.head.hash.clone(),
        };
        let line = serde_json::to_vec(&entry).unwrap();
        self.standing.take(&line).unwrap();
        self.lines.push(line);
        entry.seq
    }

    fn pairs(&mut self, other: &Node) {
        let own = STANDARD.encode(self.cert());
        let peer = STANDARD.encode(other.cert());
        self.add(Event::Paired { own, peer });
    }

    fn acts(&mut self, reason: &str) {
        let by = By {
            user: "root".to_owned(),
            ..By::default()
        };
        let to = self.add(Event::Asked {
            by,
            path: "/v1/rollouts".to_owned(),
            request: serde_json::json!({"bundle": "shop.hau"}),
            reason: Some(reason.to_owned()),
        });
        self.add(Event::Answered {
            to,
            outcome: Outcome::Accepted,
            code: None,
            says: None,
            rollout: Some(1),
        });
    }

    fn shows(&self, from: u64) -> Shown {
        let skipped = usize::try_from(from - 1).unwrap();
        let lines = self.lines.iter().skip(skipped);
        Shown {
            node: self.name.to_owned(),
            last: self.standing.head.seq,
            lines: lines
                .map(|l| String::from_utf8(l.clone()).unwrap())
                .collect(),
        }
    }

    /// As the daemons do it.
    fn is_signed_by(&mut self, other: &mut Node) {
        let shown = self.shows(self.standing.signed + 1);
        let Look::Sign(head) = look(&shown, other.standing.seen.as_ref()).unwrap() else {
            panic!("it begins where the last one ended");
        };
        other.add(Event::Witnessed {
            of: self.name.to_owned(),
            up_to: head.seq,
            hash: head.hash.clone(),
        });
        self.keeps(other, head);
    }

    fn keeps(&mut self, by: &Node, head: Head) {
        let signature = by.identity.sign(&statement(self.name, &head)).unwrap();
        self.add(Event::Countersigned {
            up_to: head.seq,
            hash: head.hash,
            by: by.fingerprint(),
            signature: STANDARD.encode(signature),
        });
    }

    fn copied(&self) -> Copied {
        copied(self.name, &self.lines)
    }
}

fn copied(name: &str, lines: &[Vec<u8>]) -> Copied {
    Copied {
        name: format!("{name}.trail"),
        lines: Ok(lines.to_vec()),
    }
}

/// Two nodes that have paired, acted and signed, a with one act more.
fn pair() -> (Node, Node) {
    let (mut a, mut b) = (Node::new("a"), Node::new("b"));
    let other = |n: &Node| (STANDARD.encode(n.cert()), n.fingerprint());
    assert_ne!(other(&a), other(&b));
    a.pairs(&b);
    b.pairs(&a);
    a.acts("ticket 1");
    a.is_signed_by(&mut b);
    b.acts("ticket 2");
    b.is_signed_by(&mut a);
    a.acts("ticket 3");
    a.is_signed_by(&mut b);
    a.acts("ticket 4");
    (a, b)
}

fn judged(copies: &[Copied], certificates: &[Vec<u8>]) -> Verdict {
    verify(copies, certificates).remove(0)
}

fn is_found(lines: &[Vec<u8>], other: &Node) -> bool {
    let copies = [copied("a", lines), other.copied()];
    !judged(&copies, &[]).problems.is_empty()
}

/// The chain of `lines` made right again, as somebody with root may: all but the signatures.
fn chained(lines: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut head = Head::default();
    let again = |line: &Vec<u8>| {
        let mut entry: Entry = serde_json::from_slice(line).unwrap();
        (entry.seq, entry.prev) = (head.seq + 1, head.hash.clone());
        let line = serde_json::to_vec(&entry).unwrap();
        head.follow(&line).unwrap();
        line
    };
    lines.iter().map(again).collect()
}

#[test]
fn a_pair_of_whole_trails_is_whole() {
    let (a, b) = pair();
    let both = verify(&[a.copied(), b.copied()], &[a.cert(), b.cert()]);
    let problems: Vec<_> = both.iter().flat_map(|v| &v.problems).collect();
    assert!(problems.is_empty(), "{problems:?}");
    let v = &both[0];
    assert_eq!((v.node.as_str(), v.entries), ("a", 10));
    assert_eq!((v.signed, v.seen, v.unsigned), (7, 7, 3));
    assert_eq!(v.by, Some(b.fingerprint()));
    assert_eq!((both[1].signed, both[1].seen), (4, 4));
    assert_eq!(
        both[1].unsigned, 0,
        "what b signed since needs no signature"
    );
}

#[test]
fn the_copy_of_one_node_is_proven_by_the_other_ones_certificate() {
    let (a, b) = pair();
    let alone = judged(&[a.copied()], &[b.cert()]);
    assert!(alone.problems.is_empty(), "{alone:?}");
    assert_eq!(alone.signed, 7);
    let stranger = Node::new("b");
    let other = judged(&[a.copied()], &[stranger.cert()]);
    assert_eq!(other.signed, 0);
    assert!(other.problems[0].contains("no other node"), "{other:?}");
    assert!(other.notes[0].contains(&b.fingerprint()), "{other:?}");
}

#[test]
fn what_the_other_trail_has_seen_is_proven_without_its_signature() {
    let (mut a, mut b) = (Node::new("a"), Node::new("b"));
    a.pairs(&b);
    b.pairs(&a);
    b.add(Event::Witnessed {
        of: "a".to_owned(),
        up_to: 1,
        hash: a.standing.head.hash.clone(),
    });
    let found = judged(&[a.copied(), b.copied()], &[]);
    assert!(found.problems.is_empty(), "the answer was lost: {found:?}");
    assert_eq!((found.signed, found.seen), (0, 1));
    // Signed at last, and up to an older entry once more.
    a.acts("ticket 1");
    let (older, head) = (
        Head {
            seq: 1,
            hash: hash(&a.lines[0]),
        },
        a.standing.head.clone(),
    );
    a.keeps(&b, head);
    a.keeps(&b, older);
    assert_eq!((a.standing.signed, a.standing.unsigned()), (3, 0));
    assert_eq!(judged(&[a.copied()], &[]).signed, 3);
}

#[test]
fn each_changed_byte_is_found() {
    let (a, b) = pair();
    for (n, line) in a.lines.iter().enumerate() {
        for byte in 0..line.len() {
            let mut lines = a.lines.clone();
            lines[n][byte] ^= 1;
            let is_last = n + 1 == lines.len();
            // Of the newest entry, which nobody has signed, the chain alone speaks, and nothing follows.
            assert!(
                is_found(&lines, &b) || is_last,
                "entry {}, byte {byte}",
                n + 1
            );
        }
    }
}

#[test]
fn each_entry_left_out_said_twice_or_exchanged_is_found() {
    let (a, b) = pair();
    let signed = 7;
    for n in 0..a.lines.len() - 1 {
        let mut without = a.lines.clone();
        without.remove(n);
        assert!(is_found(&without, &b), "without entry {}", n + 1);
        let mut twice = a.lines.clone();
        twice.insert(n, a.lines[n].clone());
        assert!(is_found(&twice, &b), "entry {} twice", n + 1);
        let mut other = a.lines.clone();
        other.swap(n, n + 1);
        assert!(is_found(&other, &b), "entry {} exchanged", n + 1);
    }
    // The same by somebody who makes the chain right again.
    for n in 0..signed {
        let mut without = a.lines.clone();
        without.remove(n);
        assert!(is_found(&chained(&without), &b), "without entry {}", n + 1);
        let alone = judged(&[copied("a", &chained(&without))], &[b.cert()]);
        assert!(!alone.problems.is_empty(), "without entry {}, alone", n + 1);
    }
}

#[test]
fn an_end_that_was_cut_off_is_found_by_the_other_trail() {
    let (a, b) = pair();
    let short = &a.lines[..6];
    let found = judged(&[copied("a", short), b.copied()], &[]);
    let what = &found.problems[0];
    assert!(
        what.contains("node b signed entry 7") && what.contains("ends at entry 6"),
        "{what}"
    );
    let alone = judged(&[copied("a", short)], &[]);
    assert!(
        alone.problems.is_empty(),
        "in itself it is whole: {alone:?}"
    );
    assert_eq!(alone.signed, 3);
    // Entry 7 was signed, 8 holds the signature: what comes after is nobody's word yet.
    assert!(!is_found(&a.lines[..7], &b));
}

/// A signature of `signer` under the name of `by`, over `head` of the trail of node `of`.
fn forged(signer: &Node, by: &Node, of: &str, head: &Head) -> Event {
    let signature = signer.identity.sign(&statement(of, head)).unwrap();
    Event::Countersigned {
        up_to: head.seq,
        hash: head.hash.clone(),
        by: by.fingerprint(),
        signature: STANDARD.encode(signature),
    }
}

#[test]
fn signatures_that_prove_nothing_are_found() {
    let (mut a, b) = pair();
    let head = a.standing.head.clone();
    let other = Head {
        seq: head.seq - 1,
        ..head.clone()
    };
    let forgeries = [
        (forged(&a, &a, "a", &head), "this node's own certificate"),
        (forged(&a, &b, "a", &head), "it is not one"),
        (forged(&b, &b, "b", &head), "it is not one"),
        (forged(&b, &b, "a", &other), "it is of another entry"),
    ];
    let (whole, standing) = (a.lines.clone(), a.standing.clone());
    for (event, wanted) in forgeries {
        a.add(event);
        let found = judged(&[a.copied(), b.copied()], &[]);
        let alone = judged(&[a.copied()], &[b.cert()]);
        for what in [&found.problems[0], &alone.problems[0]] {
            assert!(what.contains(wanted), "{wanted}: {what}");
        }
        a.lines.clone_from(&whole);
        a.standing = standing.clone();
    }
}

#[test]
fn a_stranger_whom_a_trail_names_as_the_other_node_is_found() {
    let (mut a, b) = pair();
    let stranger = Node::new("b");
    a.pairs(&stranger);
    let head = a.standing.head.clone();
    a.keeps(&stranger, head);
    let found = judged(&[a.copied(), b.copied()], &[]);
    let what = &found.problems[0];
    assert!(what.contains("not one of the other copy's node"), "{what}");
    let alone = judged(&[a.copied()], &[b.cert()]);
    assert_eq!(alone.signed, 7, "with b's certificate it does not count");
    assert!(alone.notes[0].contains(&stranger.fingerprint()));
}

#[test]
fn a_trail_that_nobody_signed_is_not_relied_on() {
    let (a, b) = pair();
    let is_unsigned = |line: &&Vec<u8>| {
        let entry: Entry = serde_json::from_slice(line).unwrap();
        !matches!(entry.event, Event::Countersigned { .. })
    };
    let lines: Vec<_> = a.lines.iter().filter(is_unsigned).cloned().collect();
    let alone = judged(&[copied("a", &chained(&lines))], &[]);
    assert!(
        alone.problems[0].contains("no other node has signed"),
        "{alone:?}"
    );
    assert!(is_found(&chained(&lines), &b));
    let empty = judged(&[copied("a", &[])], &[]);
    assert_eq!(empty.problems.len(), 1);
    let torn = Copied {
        name: "a.trail".to_owned(),
        lines: Err("entry 3, byte 9000: the seal does not match".to_owned()),
    };
    let torn = judged(&[torn], &[]);
    assert!(torn.problems[0].starts_with("entry 3"));
}

#[test]
fn a_trail_of_before_a_new_pairing_is_another_one() {
    let (_, mut b) = pair();
    let mut again = Node::new("a");
    again.pairs(&b);
    b.pairs(&again);
    again.acts("on a new host");
    again.is_signed_by(&mut b);
    let found = judged(&[again.copied(), b.copied()], &[]);
    assert!(found.problems.is_empty(), "{found:?}");
    assert!(
        found.notes[0].contains("had signed another trail of node a up to entry 7"),
        "{found:?}"
    );
    // Without the pairing it is a trail that was exchanged.
    let mut exchanged = Node::new("a");
    exchanged.acts("nothing happened");
    let (_, b) = pair();
    assert!(is_found(&exchanged.lines, &b));
}

#[test]
fn what_goes_on_is_signed_and_nothing_else() {
    let (a, b) = pair();
    let seen = b.standing.seen.clone().unwrap();
    assert_eq!(seen.seq, 7);
    let signs = |shown: &Shown| look(shown, Some(&seen));
    let head = a.standing.head.clone();
    // From where it was signed, from before (an answer was lost), and from the begin.
    for from in [8, 5, 1] {
        assert_eq!(
            signs(&a.shows(from)),
            Ok(Look::Sign(head.clone())),
            "{from}"
        );
    }
    assert_eq!(signs(&a.shows(9)), Ok(Look::Needs(8)));
    let mut early = a.shows(4);
    early.lines.truncate(2);
    assert_eq!(signs(&early), Ok(Look::Needs(8)));
    // Nothing is known of it yet.
    assert_eq!(look(&a.shows(9), None), Ok(Look::Sign(head)));
    // The same once more: the answer was lost, nothing was added.
    let mut same = a.shows(6);
    same.lines.truncate(2);
    same.last = 7;
    assert_eq!(signs(&same), Ok(Look::Sign(seen.clone())));
}

#[test]
fn a_trail_that_was_rewritten_is_not_signed() {
    let (a, b) = pair();
    let seen = b.standing.seen.clone();
    let refuses = |shown: &Shown| look(shown, seen.as_ref()).unwrap_err();
    let mut short = a.shows(1);
    short.lines.truncate(6);
    short.last = 6;
    assert!(refuses(&short).contains("it ends at entry 6"));
    let rewritten = |n: usize| {
        let mut lines = a.lines.clone();
        let text = String::from_utf8(lines[n].clone()).unwrap();
        lines[n] = text.replace(AT, "2026-11-21T03:00:00Z").into_bytes();
        let mut other = Node::new("a");
        other.lines = chained(&lines);
        other.standing.head.seq = a.standing.head.seq;
        other
    };
    for n in 0..7 {
        for from in 1..=8 {
            let what = refuses(&rewritten(n).shows(from));
            assert!(
                what.contains("not the one that was signed"),
                "{n} {from}: {what}"
            );
        }
    }
    assert!(
        look(&rewritten(8).shows(8), seen.as_ref()).is_ok(),
        "nobody had signed that"
    );
    let mut broken = a.shows(8);
    broken.lines.remove(1);
    assert!(refuses(&broken).contains("in the place of entry 9"));
    let mut foreign = a.shows(8);
    foreign.node = "c".to_owned();
    assert!(refuses(&foreign).contains("is of node a"));
    assert!(
        look(
            &Shown {
                node: "a".into(),
                last: 9,
                lines: vec![]
            },
            None
        )
        .is_err()
    );
    assert!(
        look(
            &Shown {
                node: "a".into(),
                last: 9,
                lines: vec!["{}".into()]
            },
            None
        )
        .is_err()
    );
}

#[test]
fn pairing_anew_forgets_what_was_signed_and_a_dispute() {
    let (a, mut b) = pair();
    b.add(Event::Disputed {
        of: "a".to_owned(),
        why: "it ends".to_owned(),
    });
    assert!(b.standing.dispute.is_some() && b.standing.seen.is_some());
    b.pairs(&a);
    assert!(b.standing.dispute.is_none() && b.standing.seen.is_none());
}

#[test]
fn a_hash_is_what_sha256sum_says_of_the_line() {
    // printf abc | sha256sum
    assert_eq!(
        hash(b"abc"),
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    );
    let (a, _) = pair();
    let first: Entry = serde_json::from_slice(&a.lines[0]).unwrap();
    let second: Entry = serde_json::from_slice(&a.lines[1]).unwrap();
    assert_eq!(
        (first.prev.as_str(), second.prev),
        (GENESIS, hash(&a.lines[0]))
    );
}

#[test]
fn an_event_of_a_later_version_keeps_its_place() {
    let mut standing = Standing::default();
    let line = format!(
        r#"{{"seq":1,"at":"{AT}","node":"a","event":"novel","with":[1],"prev":"{GENESIS}"}}"#
    );
    let entry = standing.take(line.as_bytes()).unwrap();
    assert_eq!(entry.event, Event::Unknown);
    assert_eq!(standing.head.hash, hash(line.as_bytes()));
}

#[test]
fn only_a_signature_of_that_certificate_is_one() {
    let (a, b) = (Node::new("a"), Node::new("b"));
    let signature = a.identity.sign(b"words").unwrap();
    assert!(tls::is_signed(&a.cert(), b"words", &signature));
    assert!(!tls::is_signed(&a.cert(), b"word", &signature));
    assert!(!tls::is_signed(&b.cert(), b"words", &signature));
    assert!(!tls::is_signed(&a.cert(), b"words", b""));
    assert!(!tls::is_signed(b"no certificate", b"words", &signature));
    assert_eq!(Fingerprint::of(&a.cert()).to_string(), a.fingerprint());
}

fn file() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("trail");
    (dir, path)
}

fn started() -> Vec<Event> {
    vec![Event::Started {
        hau: "0".to_owned(),
        own: None,
        peer: None,
    }]
}

#[test]
fn a_trail_goes_on_where_it_ended() {
    let (_dir, path) = file();
    let mut trail = Trail::open(&path, "a", AT).unwrap();
    trail.make_room().unwrap();
    assert_eq!(trail.append(AT, started()).unwrap(), 1);
    assert_eq!(
        trail.append(AT, [started(), started()].concat()).unwrap(),
        2
    );
    let standing = trail.standing().clone();
    drop(trail);
    let trail = Trail::open(&path, "a", AT).unwrap();
    assert_eq!(trail.standing(), &standing);
    assert_eq!(Trail::lines(&path).unwrap().len(), 3);
}

#[test]
fn a_torn_end_is_cut_and_told() {
    let (_dir, path) = file();
    let mut trail = Trail::open(&path, "a", AT).unwrap();
    trail.append(AT, started()).unwrap();
    drop(trail);
    let mut bytes = fs::read(&path).unwrap();
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    bytes[end..end + 9].copy_from_slice(b"00000099 ");
    fs::write(&path, bytes).unwrap();
    let trail = Trail::open(&path, "a", AT).unwrap();
    drop(trail);
    let lines = Trail::lines(&path).unwrap();
    let last: Entry = serde_json::from_slice(&lines[1]).unwrap();
    assert_eq!((lines.len(), last.event), (2, Event::Cut));
}

#[test]
fn each_changed_byte_of_an_entry_in_the_file_is_an_error_that_names_it() {
    let (_dir, path) = file();
    let mut trail = Trail::open(&path, "a", AT).unwrap();
    trail.append(AT, started()).unwrap();
    trail.append(AT, started()).unwrap();
    drop(trail);
    let bytes = fs::read(&path).unwrap();
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    for at in 8192..=end {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        fs::write(&path, changed).unwrap();
        let error = Trail::open(&path, "a", AT).unwrap_err();
        assert!(
            matches!(error, AuditError::Damaged { .. }),
            "byte {at}: {error}"
        );
        assert!(error.to_string().contains("entry "), "{error}");
    }
}

#[test]
fn a_file_whose_seals_are_right_and_whose_chain_is_not_is_an_error() {
    let (_dir, path) = file();
    let mut trail = Trail::open(&path, "a", AT).unwrap();
    trail.append(AT, started()).unwrap();
    drop(trail);
    let (mut journal, lines) = hau::journal::Journal::open(&path).unwrap();
    journal.append(&lines).unwrap();
    drop(journal);
    let error = Trail::open(&path, "a", AT).unwrap_err().to_string();
    assert!(
        error.contains("in the place of entry 2 is entry 1"),
        "{error}"
    );
    let (_dir, path) = file();
    let mut trail = Trail::open(&path, "a", AT).unwrap();
    trail.append(AT, started()).unwrap();
    drop(trail);
    let mut other = Trail::open(&path, "b", AT).unwrap();
    let error = other.append(AT, started()).unwrap_err().to_string();
    assert!(error.contains("entry 2 is of node b"), "{error}");
}
