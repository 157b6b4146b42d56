//! Daemons that are killed while their disk loses power: what a node has told anybody still holds when it comes back.
use crate::disk::Lie;
use crate::facts::Facts;
use crate::mount::Mounted;
use crate::node::Node;
use crate::pair::{Pair, Whom, wait};
use crate::watch::now;
use hau::core::{Journaled, Record, RowState};
use hau::journal::Journal;
use hau::keepalived::weight::WeightFile;
use std::{
    cell::RefCell,
    collections::BTreeSet,
    fs::{self, File},
    io::Write,
    path::Path,
};

/// What one node has told by a moment: its own people, its peer, keepalived.
pub(crate) struct Told {
    n: usize,
    /// Number and origin of the rollout, and the rows of this node that are done, as it says itself or its peer has it
    /// from a Hello.
    rollout: Option<(u64, String)>,
    done: BTreeSet<usize>,
    /// The latest of its boots that the peer has written down.
    boot: u64,
}

impl Told {
    pub(crate) fn by(pair: &Pair, n: usize) -> Self {
        let (node, peer) = (&pair.nodes[n], &pair.nodes[Pair::other(n)]);
        let (mut rollout, mut done) = (None, BTreeSet::new());
        for said in [node, peer]
            .iter()
            .filter_map(|node| node.status()?.rollout)
        {
            let id = Some((said.id, said.origin));
            // Of a rollout that the other one has not heard of yet nothing has been told.
            if rollout.is_some() && rollout != id {
                continue;
            }
            rollout = id;
            let rows = said.rows.iter().enumerate();
            let mine = rows.filter(|(_, r)| r.node == node.name && r.state == Some(RowState::Done));
            done.extend(mine.map(|(row, _)| row));
        }
        let heard = journaled(&facts(peer)).and_then(|peer| peer.rollout);
        let boot = heard.map_or(0, |rollout| rollout.told.0);
        Self {
            n,
            rollout,
            done,
            boot,
        }
    }

    /// Cuts the power of a disk whose sidecar was killed; says which promise is broken by what is left.
    pub(crate) fn cut(&self, pair: &Pair, seed: Option<u64>) -> Result<(), String> {
        let node = &pair.nodes[self.n];
        let before = Facts::all(node.srv("lib/journal/journal")).on_disk();
        let was_paused = node.is_sync_paused();
        node.disk().cut(seed);
        let after = facts(node);
        // What a header acknowledges was synced before that header was written, and that header before the next one.
        if !after.starts_with(&before) {
            let (before, after) = (before.len(), after.len());
            return Err(format!(
                "{before} facts were acknowledged, {after} are left"
            ));
        }
        let journaled = journaled(&after).ok_or("the facts contradict each other")?;
        self.is_in(&journaled)?;
        if was_paused && self.is_paused(&journaled) && !node.is_sync_paused() {
            return Err("the sync was told to be paused and is not".to_owned());
        }
        let weight = |file| WeightFile::new(file).read().ok().flatten();
        let shown = weight(node.dir.join("run/hau/track/weight"));
        let lasting = weight(node.srv("lib/weight"));
        if lasting > shown {
            return Err(format!(
                "at the next boot it ranks with {lasting:?}, and had shown {shown:?}"
            ));
        }
        Ok(())
    }

    fn is_in(&self, journaled: &Journaled) -> Result<(), String> {
        if journaled.boot < self.boot {
            let (told, left) = (self.boot, journaled.boot);
            return Err(format!(
                "the peer knows boot {told}, the node itself {left}"
            ));
        }
        let Some(told) = &self.rollout else {
            return Ok(());
        };
        let Some(rollout) = &journaled.rollout else {
            return Err(format!("rollout {told:?} is forgotten"));
        };
        let id = (rollout.plan.id.number, rollout.plan.id.origin.0.clone());
        let is_done = |row: &usize| {
            let report = rollout.mine.get(*row);
            report.is_some_and(|report| report.state == RowState::Done)
        };
        match self.done.iter().find(|row| !is_done(row)) {
            _ if id < *told => Err(format!("rollout {told:?} was told, {id:?} is left")),
            Some(row) if id == *told => Err(format!("row {row} was told to be done and is not")),
            Some(_) | None => Ok(()),
        }
    }

    /// Between `pause_sync` and `resume_sync`, as the facts of this node say.
    fn is_paused(&self, journaled: &Journaled) -> bool {
        let Some(rollout) = &journaled.rollout else {
            return false;
        };
        let has = |step: &str, state: Option<RowState>| {
            rollout.mine.iter().any(|(row, report)| {
                rollout.plan.rows[row].step.as_str() == step
                    && state.is_none_or(|state| report.state == state)
            })
        };
        has("pause_sync", Some(RowState::Done)) && !has("resume_sync", None)
    }
}

/// All that are acknowledged.
fn facts(node: &Node) -> Vec<Record> {
    Facts::all(node.srv("lib/journal/journal")).news()
}

/// None where the facts contradict each other.
fn journaled(facts: &[Record]) -> Option<Journaled> {
    let mut journaled = Journaled::default();
    facts
        .iter()
        .try_for_each(|fact| journaled.take(fact))
        .ok()?;
    Some(journaled)
}

/// Every third cut keeps nothing that was not synced; of the others each keeps something else.
pub(crate) fn seed(cuts: usize) -> Option<u64> {
    (!cuts.is_multiple_of(3)).then_some(cuts as u64)
}

/// A rollout in which each shot also cuts the power of a disk.
pub(crate) fn a_cut_disk_keeps_what_was_told(pair: &mut Pair) {
    pair.cuts = Some(0);
    let master = pair.master();
    pair.upgrade(master, &|row, state| match (state, row % 3) {
        (RowState::Started, 0) => Some(Whom::Owner),
        (RowState::Done, 1) => Some(Whom::Peer),
        _ => None,
    });
    let last = RefCell::new(0);
    pair.upgrade(0, &|row, state| {
        let is_due = state == RowState::Done && row >= *last.borrow() + 4;
        is_due.then(|| last.replace(row)).map(|_| Whom::Both)
    });
    let cuts = pair.cuts.take();
    println!("  {} cuts", cuts.unwrap_or_default());
}

/// The checks above find a node that has lost what it told: its disk only says that it has synced. What it did not lose is
/// found by nobody, so the disk is put back as it was, and the rollout ends well.
pub(crate) fn a_disk_that_did_not_sync_is_caught(pair: &mut Pair) {
    for (lie, broken) in [
        (Lie::All, "facts were acknowledged"),
        (Lie::Names, "the sync was told to be paused and is not"),
    ] {
        pair.settle();
        let (bundle, version) = pair.bundle(false);
        let (master, begun) = (pair.master(), now());
        let n = Pair::other(master);
        pair.nodes[n].disk().write_back();
        pair.nodes[n].disk().lie = Some(lie);
        let ctl = pair.nodes[n].start_ctl(&["upgrade", &bundle], "");
        wait("the sync is paused", || {
            Told::by(pair, n).done.len() >= 3 && pair.nodes[n].is_sync_paused()
        });
        let told = Told::by(pair, n);
        pair.nodes[n].kill_sidecar();
        pair.figures.kills += 1;
        let was = pair.nodes[n].disk().clone();
        let found = told.cut(pair, None).expect_err("a broken promise is found");
        assert!(found.contains(broken), "{found}");
        println!("  caught: {found}");
        let mut disk = pair.nodes[n].disk();
        *disk = was;
        disk.lie = None;
        disk.write_back();
        drop(disk);
        pair.nodes[n].start_sidecar();
        let code = ctl.wait().code;
        assert!(code == Some(0) || code == Some(5), "{code:?}");
        pair.has_upgraded(&version, master, begun);
        pair.figures.rollouts += 1;
    }
}

/// By the calls of programs: bytes need a sync of the file, names one of the folder.
pub(crate) fn the_disk_loses_what_was_not_synced(pair: &mut Pair) {
    let at = pair.nodes[0].dir.join("disk");
    fs::create_dir(&at).unwrap();
    let mounted = Mounted::new(&at);
    let write = |name: &str, bytes: &[u8]| {
        let mut file = File::options()
            .append(true)
            .create(true)
            .open(at.join(name));
        file.as_mut().unwrap().write_all(bytes).unwrap();
        file.unwrap()
    };
    let read = |name: &str| fs::read_to_string(at.join(name)).ok();
    let sync_dir = || File::open(&at).unwrap().sync_all().unwrap();
    let cut = || mounted.disk().cut(None);

    write("a", b"synced").sync_all().unwrap();
    assert_eq!(read("a").as_deref(), Some("synced"));
    cut();
    assert_eq!(read("a"), None, "the name was not synced");

    write("a", b"synced").sync_all().unwrap();
    write("empty", b"not synced");
    sync_dir();
    write("a", b", not synced");
    assert_eq!(read("a").as_deref(), Some("synced, not synced"));
    cut();
    assert_eq!(read("a").as_deref(), Some("synced"));
    assert_eq!(read("empty").as_deref(), Some(""), "a name is no content");

    write("b", b"new").sync_data().unwrap();
    fs::rename(at.join("b"), at.join("a")).unwrap();
    assert_eq!(read("a").as_deref(), Some("new"));
    cut();
    assert_eq!(read("a").as_deref(), Some("synced"), "the rename is lost");

    write("b", b"new").sync_data().unwrap();
    fs::rename(at.join("b"), at.join("a")).unwrap();
    sync_dir();
    fs::remove_file(at.join("empty")).unwrap();
    cut();
    assert_eq!((read("a").as_deref(), read("b")), (Some("new"), None));
    assert_eq!(read("empty").as_deref(), Some(""), "the removal is lost");

    mounted.disk().lie = Some(Lie::All);
    write("a", b"er").sync_all().unwrap();
    mounted.disk().lie = None;
    cut();
    assert_eq!(read("a").as_deref(), Some("new"), "it has only said so");
    keeps_some(&mounted, &at);
    keeps_a_journal_made_by_a_killed_one(&mounted, &at);
}

/// With a seed a disk keeps one thing or another, and the same for the same seed.
fn keeps_some(mounted: &Mounted, at: &Path) {
    let long = vec![b'x'; 4 * 512];
    let outcome = |seed| {
        let was = mounted.disk().clone();
        fs::write(at.join("torn"), &long).unwrap();
        fs::rename(at.join("a"), at.join("moved")).unwrap();
        mounted.disk().cut(Some(seed));
        let torn = fs::read(at.join("torn")).ok();
        let outcome = (torn, at.join("a").exists(), at.join("moved").exists());
        *mounted.disk() = was;
        outcome
    };
    let all: BTreeSet<_> = (0..64).map(outcome).collect();
    assert!(
        all.iter().all(|(_, old, new)| old != new),
        "a rename is whole"
    );
    assert!(all.iter().any(|(_, _, is_moved)| *is_moved));
    let torn = |bytes: &Vec<u8>| bytes.contains(&b'x') && *bytes != long;
    assert!(
        all.iter()
            .any(|(bytes, ..)| bytes.as_ref().is_some_and(torn))
    );
    assert!(all.iter().any(|(bytes, ..)| bytes.as_ref() == Some(&long)));
    assert!(all.iter().any(|(bytes, ..)| bytes.is_none()));
    assert_eq!(outcome(7), outcome(7));
}

/// The one that made it was killed before it could sync the folder; the next one finds it there.
fn keeps_a_journal_made_by_a_killed_one(mounted: &Mounted, at: &Path) {
    let file = at.join("journal");
    mounted.disk().lie = Some(Lie::Names);
    drop(Journal::open(&file).unwrap());
    mounted.disk().lie = None;
    let (mut journal, _) = Journal::open(&file).unwrap();
    journal.append(&[b"{}".to_vec()]).unwrap();
    drop(journal);
    mounted.disk().cut(None);
    assert!(file.exists(), "a journal with acknowledged facts is gone");
    assert_eq!(Journal::open(&file).unwrap().1, [b"{}".to_vec()]);
}
