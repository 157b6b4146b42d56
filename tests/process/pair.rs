//! The pair that all scenarios work on, and one rollout of it: watched, shot at, and judged.
use crate::course::Course;
use crate::cuts::{self, Told};
use crate::facts::Facts;
use crate::net::{self, Net};
use crate::node::{Ctl, LIMIT, Node, Said};
use crate::product::Publisher;
use crate::watch::{Seen, Watch, now};
use hau::core::{Plan, Record, RowState};
use hau::wire::{Answer, Outcome, PairView, Stopped};
use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    thread,
    time::{Duration, Instant},
};

/// For what should happen by itself.
pub(crate) const SOON: Duration = Duration::from_secs(25);
/// As `RestartSec=`, shorter because there are many.
const RESTART: Duration = Duration::from_millis(250);
/// keepalived's make-before-break: the new holder is there before the old one has heard of it.
const TWO_HOLDERS_MS: u64 = 300;
/// In all: a daemon that is killed is resumed; only where a row's own time is over a person is asked.
const HALTS: usize = 4;
/// A client of the VIP may meet the move.
const VIP_SILENT_MS: u64 = 2000;

#[derive(Default)]
pub(crate) struct Figures {
    pub(crate) rollouts: usize,
    pub(crate) kills: usize,
    pub(crate) resumed: usize,
    pub(crate) halted: usize,
    /// Rows, as `node turn step state whom`, at which a daemon was killed.
    pub(crate) rows: BTreeSet<String>,
    requests: usize,
    failed: usize,
    vip_silent_ms: u64,
    two_holders_ms: u64,
}

pub(crate) struct Pair {
    // Fields go in this order: first the watchers, then everything that runs, then the folders.
    pub(crate) watch: Watch,
    pub(crate) nodes: [Node; 2],
    pub(crate) publisher: Publisher,
    pub(crate) figures: Figures,
    /// Where a shot also cuts the power of the disk: how many did.
    pub(crate) cuts: Option<usize>,
    _net: Net,
    dir: tempfile::TempDir,
}

/// Whom to kill when a fact has become durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whom {
    Owner,
    Peer,
    Both,
}

/// Asked for each fact of a row: its number and what it says.
pub(crate) type Aim<'a> = &'a dyn Fn(usize, RowState) -> Option<Whom>;

impl Pair {
    pub(crate) fn new() -> Self {
        let net = Net::new();
        let dir = tempfile::Builder::new()
            .prefix(&net::name(""))
            .tempdir()
            .unwrap();
        let publisher = Publisher::new(dir.path().join("publisher"));
        let key = publisher.public_key();
        let mut nodes = ["a", "b"].map(|name| Node::new(name, dir.path(), &key));
        let watch = Watch::start(dir.path(), [nodes[0].keeper.id(), nodes[1].keeper.id()]);
        for node in &mut nodes {
            node.start_sidecar();
        }
        for (n, node) in nodes.iter_mut().enumerate() {
            wait("the daemon answers", || node.status().is_some());
            node.start_keepalived();
            // Two that start at once are both MASTER for a moment.
            wait("a holds the VIP", || n > 0 || watch.holder() == Some(0));
        }
        Self {
            watch,
            nodes,
            publisher,
            figures: Figures::default(),
            cuts: None,
            _net: net,
            dir,
        }
    }

    pub(crate) fn other(n: usize) -> usize {
        1 - n
    }

    /// The MASTER's index.
    pub(crate) fn master(&self) -> usize {
        let mut holder = None;
        wait("one node holds the VIP", || {
            holder = self.watch.holder();
            holder.is_some()
        });
        holder.unwrap()
    }

    /// Both daemons run, hear each other and know who is MASTER; nothing is under way.
    pub(crate) fn settle(&mut self) {
        for node in &mut self.nodes {
            if !node.sidecar_lives() {
                node.start_sidecar();
            }
        }
        let nodes = &self.nodes;
        for node in nodes {
            wait("the other node is heard", || {
                node.status().is_some_and(|s| s.peer.reachable)
            });
        }
        let mut last = Said {
            code: None,
            text: String::new(),
        };
        let begun = Instant::now();
        while last.code != Some(0) && begun.elapsed() < SOON {
            last = nodes[0].ctl(&["doctor"]);
        }
        last.expect(0);
    }

    /// A bundle in the publisher's folder, and its version.
    pub(crate) fn bundle(&mut self, broken: bool) -> (String, String) {
        let (path, version) = self.publisher.bundle(broken);
        (path.to_str().unwrap().to_owned(), version)
    }

    /// A delta of what runs, and the version that it makes.
    pub(crate) fn delta(&mut self) -> (String, String) {
        let base = self.nodes[0].version();
        let (_, version) = self.bundle(false);
        let path = self.publisher.delta(&base, &version);
        (path.to_str().unwrap().to_owned(), version)
    }

    /// Upgrades to a new version, asked on node `on`, under fire.
    pub(crate) fn upgrade(&mut self, on: usize, aim: Aim<'_>) {
        self.settle();
        let (bundle, version) = self.bundle(false);
        let (master, begun) = (self.master(), now());
        let facts = self.facts();
        let ctl = self.nodes[on].start_ctl(&["upgrade", &bundle], "");
        self.follow(facts, ctl, on, aim);
        self.has_upgraded(&version, master, begun);
    }

    /// What `hau-ctl pair` shows on the first node.
    pub(crate) fn code(&self) -> String {
        let said = self.nodes[0].ctl(&["--json", "pair"]);
        let view: Answer<PairView> = serde_json::from_str(&said.expect(0).text).unwrap();
        format!("{}\n", view.data.unwrap().code.unwrap())
    }

    pub(crate) fn pair_anew(&self) {
        let code = self.code();
        let joined = self.nodes[1].start_ctl(&["pair", "-"], &code);
        joined.wait().expect(0);
    }

    pub(crate) fn facts(&self) -> [Facts; 2] {
        [0, 1].map(|n| Facts::new(self.nodes[n].srv("lib/journal/journal")))
    }

    /// Until the rollout succeeds; where it halts it names a row, and a person retries.
    pub(crate) fn follow(&mut self, mut facts: [Facts; 2], ctl: Ctl, on: usize, aim: Aim<'_>) {
        let (mut course, mut ctl) = (Course::default(), Some(ctl));
        let shots = self.figures.kills;
        let begun = Instant::now();
        loop {
            self.look(&mut facts, &mut course, aim);
            assert!(
                begun.elapsed() < LIMIT,
                "no end: {:?}",
                self.nodes[on].status().and_then(|s| s.rollout)
            );
            thread::sleep(Duration::from_millis(1));
            let code = match &mut ctl {
                Some(running) => running.ended().map(|said| said.code),
                None => self.result(on),
            };
            match code {
                None => {}
                Some(Some(0)) => break,
                // The daemon was killed between the fact and the answer: the rollout goes on all the same.
                Some(Some(5)) if self.figures.kills > shots => ctl = None,
                Some(Some(4)) if self.figures.kills > shots => {
                    self.halts(on);
                    ctl = Some(self.nodes[on].start_ctl(&["retry"], ""));
                }
                code => panic!(
                    "the rollout ends with {code:?}: {}",
                    ctl.map(|c| c.text()).unwrap_or_default()
                ),
            }
        }
        self.figures.rollouts += 1;
        self.figures.resumed += usize::from(self.figures.kills > shots);
        println!(
            "  {} kills, {:.1} s",
            self.figures.kills - shots,
            begun.elapsed().as_secs_f32()
        );
    }

    /// As `hau-ctl` would say it: None while it goes on.
    fn result(&self, on: usize) -> Option<Option<i32>> {
        let rollout = self.nodes[on].status()?.rollout?;
        match rollout.result? {
            Outcome::Succeeded => Some(Some(0)),
            Outcome::Halted => Some(Some(4)),
            Outcome::RolledBack | Outcome::Failed | Outcome::Refused => Some(Some(1)),
        }
    }

    fn halts(&mut self, on: usize) {
        let mut stopped = None;
        wait("a halt names its row", || {
            let rollout = self.nodes[on].status().and_then(|s| s.rollout);
            stopped = rollout.and_then(|r| r.stopped_by);
            stopped.is_some()
        });
        let Some(Stopped::Failure {
            node,
            step,
            problem,
        }) = stopped
        else {
            panic!("{stopped:?}")
        };
        println!("  halted: {step} on {node}: {}", problem.what);
        self.figures.halted += 1;
        assert!(self.figures.halted < HALTS, "a retry does not help");
    }

    fn look(&mut self, facts: &mut [Facts; 2], course: &mut Course, aim: Aim<'_>) {
        let (paused, pushes) = (
            self.nodes.each_ref().map(Node::is_sync_paused),
            self.nodes.each_ref().map(Node::pushes),
        );
        let was_paused = course.paused;
        let mut shots = Vec::new();
        for (n, facts) in facts.iter_mut().enumerate() {
            for record in facts.news() {
                course.take(n, &record);
                if let Record::RowReported { row, report } = record
                    && let Some(whom) = aim(row, report.state)
                        .filter(|_| course.fired.insert((row, report.state as u8)))
                {
                    shots.push((n, row, report.state, whom));
                }
            }
        }
        // Looked at before the facts were read, so that it was between the two.
        if was_paused == [true, true] && !course.resumes {
            assert_eq!(
                paused,
                [true, true],
                "the sync is not paused in mid-rollout"
            );
            let before = *course.pushes.get_or_insert(pushes);
            assert_eq!(
                pushes, before,
                "the sync has carried something in mid-rollout"
            );
        }
        for (n, row, state, whom) in shots {
            self.shoot(n, row, state, whom, course.plan.as_deref());
        }
    }

    fn shoot(
        &mut self,
        owner: usize,
        row: usize,
        state: RowState,
        whom: Whom,
        plan: Option<&Plan>,
    ) {
        let step = plan.map(|p| {
            format!(
                "{} {}",
                if p.rows[row].node == p.first {
                    "first"
                } else {
                    "second"
                },
                p.rows[row].step
            )
        });
        self.figures
            .rows
            .insert(format!("{} {state:?} {whom:?}", step.unwrap_or_default()));
        // Sometimes at once, sometimes in the middle of what the fact allows.
        thread::sleep(Duration::from_millis((row as u64 * 7) % 40));
        let targets: &[usize] = match whom {
            Whom::Owner => &[owner],
            Whom::Peer => &[Self::other(owner)],
            Whom::Both => &[0, 1],
        };
        let told = self.cuts.map(|_| [0, 1].map(|n| Told::by(self, n)));
        for n in targets {
            self.nodes[*n].kill_sidecar();
            self.figures.kills += 1;
        }
        if let Some(told) = told {
            targets.iter().for_each(|n| self.cut(&told[*n]));
        }
        thread::sleep(RESTART);
        for n in targets {
            self.nodes[*n].start_sidecar();
        }
    }

    fn cut(&mut self, told: &Told) {
        let cuts = self.cuts.get_or_insert_default();
        *cuts += 1;
        let seed = cuts::seed(*cuts);
        let kept = told.cut(self, seed);
        kept.unwrap_or_else(|broken| panic!("a disk cut with {seed:?}: {broken}"));
    }

    /// Everything that must be true after an upgrade that began at `begun` with that MASTER.
    pub(crate) fn has_upgraded(&mut self, version: &str, master: usize, begun: u64) {
        for node in &self.nodes {
            wait("both nodes say that it succeeded", || {
                node.status()
                    .and_then(|s| s.rollout)
                    .is_some_and(|r| r.result == Some(Outcome::Succeeded) && r.to == version)
            });
            assert_eq!(node.version(), version, "node {}", node.name);
            assert!(!node.is_sync_paused(), "node {}", node.name);
            wait("the sync runs", || {
                !node
                    .dir
                    .join("systemd/system/config-sync.timer.d/50-hau-paused.conf")
                    .exists()
            });
        }
        let keys = self
            .nodes
            .each_ref()
            .map(|n| fs::read(n.srv("site/root.key")).unwrap());
        assert_eq!(keys[0], keys[1], "the root keys differ");
        let seen = self.judge(begun);
        assert_eq!(
            (seen.moves, self.watch.holder()),
            (1, Some(Self::other(master))),
            "{seen:?}"
        );
    }

    /// The promises that clients and the other host can see.
    pub(crate) fn judge(&mut self, begun: u64) -> Seen {
        let seen = self.watch.seen(begun, now());
        assert_eq!(seen.both_down_ms, 0, "both services were down: {seen:?}");
        assert!(seen.two_holders_ms <= TWO_HOLDERS_MS, "{seen:?}");
        assert!(seen.vip_silent_ms <= VIP_SILENT_MS, "{seen:?}");
        assert!(seen.requests > 50, "{seen:?}");
        let figures = &mut self.figures;
        figures.requests += seen.requests;
        figures.failed += seen.failed;
        figures.vip_silent_ms = figures.vip_silent_ms.max(seen.vip_silent_ms);
        figures.two_holders_ms = figures.two_holders_ms.max(seen.two_holders_ms);
        seen
    }

    pub(crate) fn figures(&self) -> String {
        let f = &self.figures;
        format!(
            "{} rollouts, {} kills at {} facts, {} rollouts resumed, {} halts; {} requests through the VIP, {} failed, \
             silent for {} ms at most, two holders for {} ms at most",
            f.rollouts,
            f.kills,
            f.rows.len(),
            f.resumed,
            f.halted,
            f.requests,
            f.failed,
            f.vip_silent_ms,
            f.two_holders_ms,
        )
    }

    pub(crate) fn show_logs(&self) {
        for name in ["keeper.log", "keepalived.log", "sidecar.log"] {
            for node in &self.nodes {
                println!("--- node {} {name}", node.name);
                let text = fs::read_to_string(node.dir.join(name)).unwrap_or_default();
                let lines: Vec<&str> = text.lines().collect();
                for line in &lines[lines.len().saturating_sub(60)..] {
                    println!("{line}");
                }
            }
        }
        println!("--- below {}", Path::new(self.dir.path()).display());
    }
}

pub(crate) fn wait(what: &str, mut look: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !look() {
        assert!(begun.elapsed() < SOON, "not within {SOON:?}: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}
