//! The audit trails of the pair: what people ask for is in them, each node signs the other one's, and who changes one is found.
use crate::node::{Node, Said};
use crate::pair::{Pair, wait};
use hau::audit::{Entry, Event, Outcome, Standing, Trail};
use hau::journal::Journal;
use std::{fs, path::PathBuf};

const TRAIL: &str = "lib/audit/trail";

fn entries(node: &Node) -> Vec<Entry> {
    let lines = Trail::lines(&node.srv(TRAIL)).unwrap();
    let entry = |line: &Vec<u8>| serde_json::from_slice(line).unwrap();
    lines.iter().map(entry).collect()
}

fn standing(node: &Node) -> Standing {
    let mut standing = Standing::default();
    for line in Trail::lines(&node.srv(TRAIL)).unwrap() {
        standing.take(&line).unwrap();
    }
    standing
}

fn are_signed(pair: &Pair) {
    wait("each node signs the other one's trail", || {
        let is_signed = |node: &Node| standing(node).unsigned() == 0;
        pair.nodes.iter().all(is_signed)
    });
}

/// Copies of both trails and both certificates in a folder, as an auditor takes them away.
fn copies(pair: &Pair) -> (tempfile::TempDir, [PathBuf; 2]) {
    let dir = tempfile::tempdir().unwrap();
    let trails = pair.nodes.each_ref().map(|node| {
        let copy = dir.path().join(format!("{}.trail", node.name));
        fs::copy(node.srv(TRAIL), &copy).unwrap();
        let cert = dir.path().join(format!("{}.pem", node.name));
        fs::copy(node.srv("hau/tls/cert.pem"), cert).unwrap();
        copy
    });
    (dir, trails)
}

pub(crate) fn what_is_asked_is_in_the_trail(pair: &mut Pair) {
    pair.settle();
    let n = pair.master();
    let node = &pair.nodes[n];
    let before = standing(node).head.seq;
    node.ctl(&["abort", "--reason", "nothing to abort"])
        .expect(3);
    node.ctl(&["sync", "pause"]).expect(0);
    node.ctl(&["sync", "resume"]).expect(0);
    let entries = entries(node);
    let news = || entries.iter().filter(|e| e.seq > before);
    let asked = news().find(|e| path(&e.event) == Some("/v1/orders"));
    let asked = asked.expect("the order is there");
    let Event::Asked { by, reason, .. } = &asked.event else {
        unreachable!("it has a path");
    };
    assert_eq!((by.uid, by.program.as_deref()), (Some(0), Some("hau-ctl")));
    assert_eq!(reason.as_deref(), Some("nothing to abort"));
    let is_refused = |e: &Entry| {
        let Event::Answered { to, outcome, .. } = &e.event else {
            return false;
        };
        *to == asked.seq && *outcome == Outcome::Refused
    };
    assert!(news().any(is_refused));
    let paths: Vec<&str> = news().filter_map(|e| path(&e.event)).collect();
    assert_eq!(paths, ["/v1/orders", "/v1/sync/pause", "/v1/sync/resume"]);
    are_signed(pair);
    let bytes: usize = Trail::lines(&node.srv(TRAIL))
        .unwrap()
        .iter()
        .skip(usize::try_from(before).unwrap())
        .map(Vec::len)
        .sum();
    println!("  3 acts: {bytes} bytes of entries");
    let listed = pair.nodes[n].ctl(&["audit", "--last", "20"]);
    let text = words(listed.expect(0));
    assert!(
        text.contains("root abort, because: nothing to abort"),
        "{text}"
    );
    assert!(text.contains("REFUSED: no rollout is under way"), "{text}");
}

/// Lines are broken between words.
fn words(said: &Said) -> String {
    let words: Vec<&str> = said.text.split_whitespace().collect();
    words.join(" ")
}

fn path(event: &Event) -> Option<&str> {
    let Event::Asked { path, .. } = event else {
        return None;
    };
    Some(path)
}

/// One who has root on a host changes its trail so that its own chain is right again.
pub(crate) fn a_rewritten_trail_is_found(pair: &mut Pair) {
    pair.settle();
    are_signed(pair);
    let (dir, trails) = copies(pair);
    let folder = dir.path().to_str().unwrap();
    let n = Pair::other(pair.master());
    let whole = pair.nodes[n].ctl(&["audit", "verify", folder]);
    assert!(
        words(whole.expect(0)).contains("Whole: up to where it is signed nothing was changed"),
        "{}",
        whole.text
    );
    // The end is cut off, on a copy and on the node.
    let lines = Trail::lines(&trails[n]).unwrap();
    let rewrite = |path: &PathBuf, lines: &[Vec<u8>]| {
        fs::remove_file(path).unwrap();
        let (mut journal, _) = Journal::open(path).unwrap();
        journal.append(lines).unwrap();
    };
    rewrite(&trails[n], &lines[..lines.len() / 2]);
    let short = pair.nodes[n].ctl(&["audit", "verify", folder]);
    assert!(
        words(short.expect(3)).contains("this copy ends at entry"),
        "{}",
        short.text
    );
    let file = pair.nodes[n].srv(TRAIL);
    pair.nodes[n].stop_sidecar();
    rewrite(&file, &lines[..lines.len() / 2]);
    pair.nodes[n].start_sidecar();
    let other = Pair::other(n);
    wait("the other node refuses to sign it, and both say so", || {
        let alarms = pair
            .nodes
            .each_ref()
            .map(|n| n.status().and_then(|s| s.alarm));
        alarms
            .iter()
            .flatten()
            .filter(|a| a.what.contains("audit trail"))
            .count()
            == 2
    });
    let doctor = pair.nodes[other].ctl(&["doctor"]);
    assert!(
        words(doctor.expect(3)).contains("was changed or lost its end"),
        "{}",
        doctor.text
    );
    let has_disputed = |e: &Entry| matches!(e.event, Event::Disputed { .. });
    assert!(entries(&pair.nodes[other]).iter().any(has_disputed));
    // It is explained, and a person begins anew.
    pair.pair_anew();
    pair.settle();
    are_signed(pair);
}

/// Nothing is done that cannot be written down; all that only looks, and the VIP, go on.
pub(crate) fn a_damaged_trail_stops_what_is_asked_for(pair: &mut Pair) {
    pair.settle();
    let n = Pair::other(pair.master());
    let file = pair.nodes[n].srv(TRAIL);
    let whole = fs::read(&file).unwrap();
    pair.nodes[n].stop_sidecar();
    let mut changed = whole.clone();
    changed[8192 + 100] ^= 1;
    fs::write(&file, &changed).unwrap();
    pair.nodes[n].start_sidecar();
    wait("it answers", || pair.nodes[n].status().is_some());
    let refused = pair.nodes[n].ctl(&["sync", "pause"]);
    assert!(
        words(refused.expect(3)).contains("was damaged or changed (entry 1"),
        "{}",
        refused.text
    );
    assert!(!pair.nodes[n].is_sync_paused());
    pair.nodes[n].ctl(&["history"]).expect(0);
    pair.nodes[n].stop_sidecar();
    fs::write(&file, &whole).unwrap();
    pair.nodes[n].start_sidecar();
    pair.settle();
}
