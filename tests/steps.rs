//! Every row of every table is held to the same promises, none by its name; a new step is covered
//! by being listed.
#[path = "adapter/conforms.rs"]
mod conforms;
#[path = "sim/model/site.rs"]
#[allow(
    dead_code,
    reason = "the simulator uses more of the pair than this does"
)]
mod site;

use hau::core::{
    Actor, Armed, BundleRef, HandoffRow, Kind, Outcome, Plan, Report, Reports, RolloutId, RowState,
    Undo, Verb, VrrpState, WayBack,
};
use hau::database::fake::Cluster;
use hau::host::fake::{FakeUnit, Node, Tree};
use hau::host::{Active, Host, Status};
use hau::steps::{self, Check, Cx, StepDef, StepError, Tally, Verdict};
use hau::time::Time;
use site::{Pair, SERVICES, site};
use std::{cell::Cell, collections::BTreeMap, path::PathBuf, time::Duration};

/// One row of one table, with the world as the rows before it left it.
struct Row {
    plan: Plan,
    pair: Pair,
    reports: Reports,
    n: usize,
    /// The core's word for it.
    may_stop: Cell<bool>,
}

/// All that a stranger could see of the pair.
#[derive(Clone, Debug, PartialEq)]
struct Seen {
    trees: [Tree; 2],
    units: [BTreeMap<String, FakeUnit>; 2],
    cluster: Cluster,
    now: Time,
}

const START: Time = Time(1_800_000_000_000);

/// What the shell puts in force for a row.
fn armed_by(row: HandoffRow) -> Armed {
    Armed {
        keep: row == HandoffRow::Keep,
        forward: row == HandoffRow::Forward,
        park: row == HandoffRow::Park,
    }
}

impl Row {
    fn new(kind: Kind) -> Self {
        let s = site();
        let (first, second) = (s.nodes[1].clone(), s.nodes[0].clone());
        let bundle = BundleRef {
            file: "shop-2.0.0.hau".into(),
            sha256: s.info.sha256.clone(),
            size_bytes: 9,
        };
        let plan = Plan {
            id: RolloutId {
                number: 1,
                origin: first.clone(),
            },
            kind,
            from: site::FROM.to_owned(),
            to: if kind == Kind::Upgrade {
                site::TO
            } else {
                site::FROM
            }
            .to_owned(),
            bundle: (kind == Kind::Upgrade).then_some(bundle),
            way_back: None,
            by: Actor::default(),
            made_at: START,
            home_before: None,
            stop_before: None,
            term: None,
            takes_back: false,
            fast: false,
            rows: site::rows(kind, 1, false),
            first,
            second,
        };
        let pair = site::pair(0, 0);
        for n in 0..2 {
            pair.hosts[n].edit(|w| {
                w.now = START;
                // In the middle of everything: what was planned in time goes on.
                let bundles = w.bundles.values_mut();
                bundles.for_each(|bundle| bundle.expires = START + Duration::from_secs(1));
            });
            pair.link.answers[n].store(true, std::sync::atomic::Ordering::Relaxed);
        }
        let row = Self {
            plan,
            pair,
            reports: Reports::new(),
            n: 0,
            may_stop: Cell::new(true),
        };
        row.vip(0);
        row
    }

    /// The pair after as much of an upgrade as a rollback of this kind is for.
    fn of(kind: Kind) -> Self {
        if !kind.is_rollback() {
            return Self::new(kind);
        }
        let mut row = Self::new(Kind::Upgrade);
        let is_one = kind == Kind::RollbackNode;
        let last = row
            .plan
            .rows
            .iter()
            .position(|r| is_one && r.phase_name == "prepare");
        while row.n < last.unwrap_or(row.plan.rows.len()) {
            let note = row.drive(Verb::Do).expect("the upgrade goes well");
            row.done(note);
            row.n += 1;
        }
        row.new_version_makes_itself_at_home(is_one);
        let (s, first) = (site(), usize::from(is_one));
        let from_before = std::mem::replace(&mut row.plan.from, site::TO.to_owned());
        row.plan = Plan {
            id: RolloutId {
                number: 2,
                origin: s.nodes[0].clone(),
            },
            kind,
            to: from_before,
            bundle: None,
            way_back: Some(WayBack {
                backup: hau::backup::name(row.plan.made_at),
                database: false,
                replaces: None,
            }),
            rows: site::rows(kind, first, false),
            first: s.nodes[first].clone(),
            second: s.nodes[1 - first].clone(),
            ..row.plan
        };
        (row.reports, row.n) = (Reports::new(), 0);
        row
    }

    /// With the dump in the place of the database.
    fn restoring(kind: Kind) -> Self {
        let mut row = Self::of(kind);
        let first = usize::from(row.plan.first == site().nodes[1]);
        row.plan.rows = site::rows(kind, first, true);
        row
    }

    /// The same node, and the other one does not answer any more.
    fn alone() -> Self {
        let mut row = Self::of(Kind::RollbackNode);
        steps::alone(&mut row.plan.rows, &row.plan.first);
        for answers in &row.pair.link.answers {
            answers.store(false, std::sync::atomic::Ordering::Relaxed);
        }
        row
    }

    /// Its own root key, other configuration, and a release before that is no longer whole.
    fn new_version_makes_itself_at_home(&self, only_first: bool) {
        for (n, host) in self.pair.hosts.iter().enumerate() {
            if only_first && n == 0 {
                continue;
            }
            let write = |path: &str, text: &str, mode| {
                host.write(path.as_ref(), text.as_bytes(), mode)
                    .expect("a file");
            };
            write(site::KEY, "a key of the new version", 0o600);
            write("/etc/shop/shop.conf", "threads = 8\n", 0o644);
            write("/etc/shop/new.conf", "new = true\n", 0o644);
            host.remove("/opt/shop/releases/1.0.0/app.jar".as_ref())
                .expect("gone");
        }
    }

    fn vip(&self, holder: usize) {
        for n in 0..2 {
            self.pair.hosts[n].edit(|w| {
                w.addresses.clear();
                w.vrrp = if n == holder {
                    VrrpState::Master
                } else {
                    VrrpState::Backup
                };
                if n == holder {
                    w.addresses.insert(site().vips[0]);
                }
            });
        }
    }

    fn owner(&self) -> usize {
        usize::from(self.plan.rows[self.n].node == site().nodes[1])
    }

    fn def(&self) -> &'static StepDef {
        steps::find(&self.plan.rows[self.n].step).expect("every row has its step")
    }

    fn with<T>(&self, tally: &mut Tally, ask: impl FnOnce(&mut Cx<'_>) -> T) -> T {
        let (s, owner) = (site(), self.owner());
        let host = &*self.pair.hosts[owner];
        let mut cx = Cx {
            host,
            database: &self.pair.databases[owner],
            settings: &s.settings,
            vips: &s.vips,
            state_dir: &s.state,
            plan: &self.plan,
            me: &s.nodes[owner],
            row: self.n,
            reports: &self.reports,
            deadline: START + Duration::from_secs(100_000),
            may_stop: self.may_stop.get(),
            tally: std::mem::take(tally),
        };
        let told = ask(&mut cx);
        *tally = cx.tally;
        told
    }

    /// The rest of the world goes on: time, the VIP where the weight sends it, a sync that ends.
    fn world_goes_on(&self, verb: Verb) {
        if self.def().gives_vip {
            self.vip(if verb == Verb::Do {
                1 - self.owner()
            } else {
                self.owner()
            });
        }
        let armed = armed_by(self.def().handoff);
        self.pair.hosts[self.owner()].edit(|w| w.handoff.armed = armed);
        for host in &self.pair.hosts {
            host.edit(|w| {
                w.now = w.now + Duration::from_millis(500);
                if let Some(sync) = w.units.get_mut(site::SYNC) {
                    sync.state = FakeUnit::default().state;
                }
            });
        }
    }

    /// Until it is so, as the executor does it. Err: what the core would be told.
    fn drive(&self, verb: Verb) -> Result<String, Outcome> {
        let tally = &mut Tally::default();
        let ended = |outcome| match outcome {
            Some(Outcome::Done { note }) => Some(Ok(note)),
            Some(other) => Some(Err(other)),
            None => None,
        };
        if let Err(e) = self.with(tally, |cx| steps::begin(self.def(), verb, cx)) {
            return ended(steps::outcome(self.def(), Err(e), false)).expect("an error ends it");
        }
        for _ in 0..200 {
            self.world_goes_on(verb);
            let looked = self.with(tally, |cx| steps::look(self.def(), verb, cx));
            if let Some(end) = ended(steps::outcome(self.def(), looked, false)) {
                return end;
            }
        }
        panic!("{} {verb:?} never ends", self.def().name);
    }

    fn seen(&self) -> Seen {
        let hosts = &self.pair.hosts;
        let units = |n: usize| {
            hosts[n].edit(|w| {
                let mut units = w.units.clone();
                units.values_mut().for_each(|u| u.ready_at = Time(0));
                units
            })
        };
        Seen {
            trees: [0, 1].map(|n: usize| hosts[n].edit(|w| w.files.clone())),
            units: [units(0), units(1)],
            cluster: self.pair.databases[0].edit(|c| c.clone()),
            now: hosts[0].edit(|w| w.now),
        }
    }

    fn restore(&self, seen: &Seen) {
        for n in 0..2 {
            self.pair.hosts[n].edit(|w| {
                (w.files, w.units) = (seen.trees[n].clone(), seen.units[n].clone());
                w.now = seen.now;
                w.fuse = None;
            });
        }
        self.pair.databases[0].edit(|c| *c = seen.cluster.clone());
    }

    fn done(&mut self, note: String) {
        let state = RowState::Done;
        let (epoch, attempt, started_at, at, problem) = (0, 1, START, START, None);
        let report = Report {
            state,
            epoch,
            attempt,
            started_at,
            at,
            note,
            problem,
            untouched: false,
        };
        self.reports.insert(self.n, report);
    }
}

/// One of each kind, rollbacks that restore the database, and that of a node whose peer is dead.
fn rollouts() -> impl Iterator<Item = Row> {
    let back = [Kind::Rollback, Kind::RollbackNode];
    let all = site::KINDS.into_iter().map(Row::of);
    let all = all.chain(back.into_iter().map(Row::restoring));
    all.chain(std::iter::once_with(Row::alone))
}

/// Does something with each row in turn, on a world in which all rows before it are done.
fn each_row(mut ask: impl FnMut(&Row)) {
    for mut row in rollouts() {
        let kind = row.plan.kind;
        while row.n < row.plan.rows.len() {
            let before = row.seen();
            let holder = usize::from(row.pair.hosts[1].edit(|w| w.vrrp) == VrrpState::Master);
            ask(&row);
            row.restore(&before);
            row.vip(holder);
            let note = row
                .drive(Verb::Do)
                .unwrap_or_else(|e| panic!("{kind:?} {}: {e:?}", row.def().name));
            row.done(note);
            row.n += 1;
        }
    }
}

/// What is left of the files when hau's own folders and empty ones are not looked at.
fn matters(seen: &Seen) -> [BTreeMap<PathBuf, Node>; 2] {
    let own = [
        "/var/lib/hau/staging",
        "/var/lib/hau/backups",
        "/var/lib/hau/incoming",
        "/var/lib/hau/root-keys",
        "/var/lib/hau/replaced",
    ];
    [0, 1].map(|n: usize| {
        let all = seen.trees[n].entries();
        let kept = all.filter(|(path, node)| {
            node.kind != hau::host::fake::Kind::Dir && !own.iter().any(|own| path.starts_with(own))
        });
        // The link to what ran before is a convenience of a person; the flag says when it was set.
        let kept = kept.filter(|(path, _)| !path.ends_with("previous"));
        let timeless = kept.map(|(path, mut node)| {
            if path.ends_with("sync-paused") {
                node.kind = hau::host::fake::Kind::File([][..].into());
            }
            (path, node)
        });
        timeless.collect()
    })
}

#[test]
fn every_row_repeats_and_is_seen_to_be_done() {
    let mut already = 0;
    each_row(|row| {
        let (def, tally) = (row.def(), &mut Tally::default());
        let name = def.name;
        let check = row
            .with(tally, |cx| def.step.precheck(cx))
            .unwrap_or_else(|e| panic!("{name}: {e:?}"));
        if check == Check::Ready {
            for time in ["first", "second"] {
                row.with(tally, |cx| def.step.run(cx))
                    .unwrap_or_else(|e| panic!("{name}, {time} run: {e:?}"));
            }
        }
        row.drive(Verb::Do)
            .unwrap_or_else(|e| panic!("{name}: {e:?}"));
        let done = row.seen();
        let check = row
            .with(tally, |cx| def.step.precheck(cx))
            .unwrap_or_else(|e| panic!("{name}: {e:?}"));
        already += u32::from(check == Check::AlreadyDone);
        row.drive(Verb::Do)
            .unwrap_or_else(|e| panic!("{name} again: {e:?}"));
        assert_eq!(
            matters(&row.seen()),
            matters(&done),
            "{name} is not the same when repeated"
        );
        assert_eq!(
            row.seen().cluster,
            done.cluster,
            "{name} is not the same when repeated"
        );
    });
    assert!(
        already > 10,
        "only {already} rows ever say that they are done already"
    );
}

#[test]
fn every_row_is_taken_back_and_taken_back_again() {
    let mut taken_back = 0;
    each_row(|row| {
        let name = row.def().name;
        if !matches!(row.def().undo, Undo::Run | Undo::Role | Undo::Always) {
            return;
        }
        let before = row.seen();
        // One that finds its work done by an earlier row takes that back too.
        let check = row.with(&mut Tally::default(), |cx| row.def().step.precheck(cx));
        let was_done = check == Ok(Check::AlreadyDone);
        row.drive(Verb::Do)
            .unwrap_or_else(|e| panic!("{name}: {e:?}"));
        for time in ["first", "second"] {
            row.drive(Verb::Undo)
                .unwrap_or_else(|e| panic!("{name}, {time} undo: {e:?}"));
            let (after, wanted) = (row.seen(), &before);
            // A release beside the running one may have been mended: that is nobody's loss.
            let mended = row.def().name == "restore";
            let beside = |path: &PathBuf| mended && path.starts_with("/opt/shop/releases/1.0.0");
            let files = |seen: &Seen| {
                matters(seen).map(|mut files| {
                    files.retain(|path, _| !beside(path));
                    files
                })
            };
            assert_eq!(files(&after), files(wanted), "{name}, {time} undo: files");
            // An earlier row may have stopped a part of them: the services come up together.
            let was_up = |n: usize, unit: &str| {
                let unit = before.units[n].get(unit);
                unit.is_some_and(|unit| unit.state.active == Active::Active)
            };
            let counts = |n, unit: &str| was_up(n, unit) || !SERVICES.contains(&unit);
            let running = |s: &Seen| {
                [0, 1].map(|n| {
                    let units = s.units[n].iter().filter(|(unit, _)| counts(n, unit));
                    let states = units.map(|(unit, is)| (unit.clone(), is.state.active));
                    states.collect::<Vec<_>>()
                })
            };
            if !was_done {
                assert_eq!(
                    running(&after),
                    running(wanted),
                    "{name}, {time} undo: units"
                );
            }
            assert_eq!(
                after.cluster.members.clone().map(|m| (m.up, m.is_primary)),
                wanted.cluster.members.clone().map(|m| (m.up, m.is_primary)),
                "{name}, {time} undo: database"
            );
        }
        taken_back += 1;
    });
    assert!(
        taken_back >= 8,
        "only {taken_back} rows are ever taken back"
    );
}

/// Whoever holds on to a folder of the configuration, by a watch or a mount of its own, holds on to it still.
#[test]
fn what_is_put_back_leaves_its_folder_in_place() {
    let mut seen = 0;
    each_row(|row| {
        let host = &row.pair.hosts[row.owner()];
        let marked = |host: &hau::host::fake::FakeHost| {
            let files = host.edit(|w| w.files.clone());
            let folder = files.entries().find(|(path, _)| path.ends_with("etc/shop"));
            folder.is_some_and(|(_, node)| node.uid == 7)
        };
        if !["activate", "restore"].contains(&row.def().name) {
            return;
        }
        host.own("/etc/shop".as_ref(), 7, 7).expect("a folder");
        row.drive(Verb::Do).expect("it goes well");
        assert!(marked(host), "{}", row.def().name);
        host.write("/etc/shop/more.conf".as_ref(), b"more", 0o644)
            .expect("a file");
        row.drive(Verb::Undo).expect("it goes well");
        assert!(marked(host), "{} undone", row.def().name);
        assert!(!host.exists("/etc/shop/more.conf".as_ref()));
        seen += 1;
    });
    assert!(seen >= 4, "only {seen} rows");
}

/// Power fails before the n-th change of a row, for every n; it is begun anew and ends the same.
#[test]
fn every_row_cut_anywhere_resumes_to_the_same_end() {
    let mut cuts = 0;
    each_row(|row| {
        let name = row.def().name;
        let before = row.seen();
        let holder = usize::from(row.pair.hosts[1].edit(|w| w.vrrp) == VrrpState::Master);
        row.drive(Verb::Do)
            .unwrap_or_else(|e| panic!("{name}: {e:?}"));
        let wanted = row.seen();
        for fuse in 0..100 {
            row.restore(&before);
            row.vip(holder);
            row.pair.hosts[row.owner()].edit(|w| w.fuse = Some(fuse));
            let cut = row.drive(Verb::Do);
            let blown = row.pair.hosts[row.owner()].edit(|w| w.fuse.take()) == Some(0);
            // Some files say when they were written.
            row.pair
                .hosts
                .iter()
                .for_each(|host| host.edit(|w| w.now = before.now));
            assert!(blown || cut.is_ok(), "{name} cut at {fuse}: {cut:?}");
            row.drive(Verb::Do)
                .unwrap_or_else(|e| panic!("{name} cut at {fuse}: {e:?}"));
            assert_eq!(
                matters(&row.seen()),
                matters(&wanted),
                "{name} cut at {fuse}: files"
            );
            assert_eq!(
                row.seen().cluster,
                wanted.cluster,
                "{name} cut at {fuse}: database"
            );
            if !blown {
                break;
            }
            cuts += 1;
        }
    });
    assert!(cuts > 60, "only {cuts} cuts");
}

/// The whole of a rollback: what it leaves is what the backup held, byte for byte, and what it replaced is kept.
#[test]
fn a_rollback_leaves_what_the_backup_held() {
    for mut row in rollouts().filter(|row| row.plan.kind.is_rollback()) {
        let kind = row.plan.kind;
        let fresh = Row::new(Kind::Upgrade).seen();
        let key = row.pair.hosts[1].read(site::KEY.as_ref()).expect("a key");
        while row.n < row.plan.rows.len() {
            let note = row.drive(Verb::Do);
            row.done(note.unwrap_or_else(|e| panic!("{}: {e:?}", row.def().name)));
            row.n += 1;
        }
        let shop = |seen: &Seen| {
            matters(seen).map(|files| {
                let of = |path: &PathBuf| {
                    let code = ["/etc/shop", "/opt/shop/releases/1.0.0", "/srv/shop"];
                    code.iter().any(|of| path.starts_with(of))
                };
                let kept = files.into_iter().filter(|(path, _)| of(path));
                kept.collect::<BTreeMap<PathBuf, Node>>()
            })
        };
        assert_eq!(shop(&row.seen()), shop(&fresh), "{kind:?}");
        let hosts = &row.pair.hosts;
        let back = hosts
            .iter()
            .map(|h| h.link_target("/opt/shop/current".as_ref()));
        let back: Vec<_> = back.collect();
        assert_eq!(
            back,
            vec![Some(PathBuf::from("releases/1.0.0")); 2],
            "{kind:?}"
        );
        let names = hosts[1]
            .list("/var/lib/hau/root-keys".as_ref())
            .expect("a folder");
        let keys = names.iter().map(|n| format!("/var/lib/hau/root-keys/{n}"));
        let kept: Vec<_> = keys
            .filter_map(|k| hosts[1].read(k.as_ref()).ok())
            .collect();
        assert!(
            kept.contains(&key),
            "{kind:?}: the newer key is kept beside"
        );
        let newer = hosts[1].read("/var/lib/hau/replaced/config-etc-shop/new.conf".as_ref());
        assert_eq!(
            newer.ok().as_deref(),
            Some(b"new = true\n".as_slice()),
            "{kind:?}"
        );
    }
}

/// The commands for a person say all that a rollback would do, and nothing where it is done.
#[test]
fn the_way_back_by_hand_is_said_in_full() {
    let (row, s) = (Row::of(Kind::RollbackNode), site());
    let name = &row.plan.way_back.as_ref().expect("a rollback").backup;
    let dir = s.settings.backup.dir.join(name);
    let commands = |n: usize| {
        let host = &*row.pair.hosts[n];
        hau::backup::by_hand(host, &s.settings, &s.state, &dir).expect("a backup")
    };
    let behind_a_link = || {
        let mut settings = s.settings.clone();
        settings.release.in_place = None;
        hau::backup::by_hand(&*row.pair.hosts[1], &settings, &s.state, &dir).expect("a backup")
    };
    let (in_place, behind_a_link) = (commands(1), behind_a_link());
    let key = format!("/var/lib/hau/root-keys/{}", {
        let (_, info) = hau::backup::root_key(&*row.pair.hosts[1], &dir)
            .unwrap()
            .unwrap();
        info.sha256
    });
    // Code that is put into a folder of its own comes before the start, and has a row.
    assert_eq!(in_place, behind_a_link[..behind_a_link.len() - 1]);
    let shown = dir.display();
    assert_eq!(
        behind_a_link,
        [
            "systemctl stop shop-api.service shop-worker.service".to_owned(),
            format!("tar -C / -xpf {shown}/code.tar"),
            format!("tar -C / -xpf {shown}/config.tar"),
            "rm /etc/shop/new.conf".to_owned(),
            format!("install -m 0644 -o 0 -g 0 {key} /etc/shop/root.key"),
            "ln -sfn releases/1.0.0 /opt/shop/current".to_owned(),
            "systemctl start shop-worker.service shop-api.service".to_owned(),
        ]
    );
    assert_eq!(commands(0), [""; 0]);
}

/// The thread hung, and meanwhile systemd has brought the services up, or the other node has died.
#[test]
fn what_serves_is_not_stopped_while_the_other_node_is_not_known_to_serve() {
    let (mut not_done, mut not_taken_back) = (0, 0);
    each_row(|row| {
        let (def, tally) = (row.def(), &mut Tally::default());
        let flags = &row.plan.rows[row.n];
        let active = |seen: Seen| {
            let units = seen.units[row.owner()].clone();
            site::SERVICES.map(|unit| units[unit].state.active)
        };
        let up = [Active::Active; 2];
        row.may_stop.set(false);
        if flags.disruptive && active(row.seen()) == up {
            let told = row.drive(Verb::Do);
            assert!(matches!(told, Err(Outcome::Retry(_))), "{}", def.name);
            assert_eq!(active(row.seen()), up, "{} stops them", def.name);
            not_done += 1;
        }
        row.may_stop.set(true);
        if !flags.disruptive_undo {
            return;
        }
        row.drive(Verb::Do)
            .unwrap_or_else(|e| panic!("{}: {e:?}", def.name));
        row.may_stop.set(false);
        let looked = row.with(tally, |cx| steps::look(def, Verb::Undo, cx));
        assert!(matches!(looked, Ok(Verdict::NotYet(_))), "{}", def.name);
        assert_eq!(active(row.seen()), up, "undoing {} stops them", def.name);
        row.may_stop.set(true);
        not_taken_back += 1;
    });
    assert!(not_done > 3 && not_taken_back > 2);
}

#[test]
fn a_look_that_is_not_yet_true_ends_with_the_limit_and_says_why() {
    let def = steps::find("receive_vip").expect("a step");
    let not_yet = || Ok(Verdict::NotYet("the VIP is not here".to_owned()));
    assert_eq!(steps::outcome(def, not_yet(), false), None);
    let Some(Outcome::Retry(problem)) = steps::outcome(def, not_yet(), true) else {
        panic!("retried")
    };
    assert!(problem.what.contains("the VIP is not here"), "{problem:?}");
    let fatal = Err(StepError::fatal("broken", "mend it"));
    assert!(matches!(
        steps::outcome(def, fatal, false),
        Some(Outcome::Failed(_))
    ));
}

/// Everybody who came after the VIP waits for the drain: it waits for users alone, and for none for ever.
#[test]
fn a_drain_waits_for_no_node_and_for_nobody_for_ever() {
    let peers = ["10.77.0.12:4000", "10.77.0.11:4000"];
    let (another, user) = ("[fd00:77::12]:4000", "10.77.0.20:5000");
    for (a_user, from) in [(false, None), (false, Some(another)), (true, Some(user))] {
        each_row(|row| {
            if row.def().name != "drain" {
                return;
            }
            let connection = from.unwrap_or(peers[row.owner()]);
            row.pair.hosts[row.owner()].edit(|w| {
                w.connections = vec![connection.parse().unwrap()];
                w.peer_addresses = vec!["fd00:77::12".parse().unwrap()];
            });
            let begun = row.seen().now;
            let note = row.drive(Verb::Do).expect("it ends");
            assert_eq!(note.contains(connection), a_user, "{note}");
            let took = row.seen().now.since(begun);
            assert!(took <= Duration::from_secs(2), "it took {took:?}");
            // Nothing more can come of it, but the service does not know.
            let left = row.pair.hosts[row.owner()].edit(|w| w.connections.clone());
            assert!(left.is_empty(), "{left:?} keep the service waiting");
        });
    }
}

/// Of a standby that lacks some of the log it is certain that it was told nothing; of any other it is not.
#[test]
fn a_promotion_that_fails_says_whether_the_standby_can_have_been_told() {
    let mut asked = 0;
    each_row(|row| {
        if row.def().name != "promote" {
            return;
        }
        let before = row.seen();
        let edit = |change: fn(&mut hau::database::fake::Member)| {
            row.pair.databases[row.owner()].edit(|c| change(&mut c.members[row.owner()]));
        };
        edit(|standby| {
            standby.failing.insert("promote", 1);
        });
        let failed = row.drive(Verb::Do);
        assert!(matches!(failed, Err(Outcome::Retry(_))), "{failed:?}");
        row.restore(&before);
        edit(|standby| {
            standby.rows.pop();
        });
        let lacks = row.pair.databases[0].edit(|c| c.members[0].rows != c.members[1].rows);
        let failed = row.drive(Verb::Do);
        if lacks {
            assert!(matches!(failed, Err(Outcome::Untouched(_))), "{failed:?}");
            asked += 1;
        }
    });
    assert!(asked > 1, "the test sees what it is to see");
}

/// What has no connection to the database stops later: users wait for the primary's move.
#[test]
fn a_drain_leaves_who_does_not_use_the_database_for_the_next_stop() {
    each_row(|row| {
        let step = row.def().name;
        if !["drain", "stop"].contains(&step) {
            return;
        }
        row.drive(Verb::Do).expect("it ends");
        let host = &row.pair.hosts[row.owner()];
        let runs = SERVICES.map(|unit| host.unit(unit).unwrap().active == Active::Active);
        assert_eq!(runs, [step == "drain", false], "{step}");
    });
}

/// Whoever paused the sync resumes it; two rollouts asked for at one moment on the two nodes have one number.
#[test]
fn a_rollout_given_up_leaves_the_sync_as_another_one_of_its_number_left_it() {
    for mut row in rollouts() {
        let pauses = row.plan.rows.iter().position(|r| r.step == "pause_sync");
        let Some(first) = pauses else { continue };
        row.n = first;
        let is_paused = |row: &Row| {
            let (s, host) = (site(), &row.pair.hosts[row.owner()]);
            hau::sync::is_paused(&**host, &s.settings, &s.state).expect("it is seen")
        };
        for is_of_another in [true, false] {
            let (s, host) = (site(), &row.pair.hosts[row.owner()]);
            hau::sync::resume(&**host, &s.settings, &s.state, Duration::ZERO).expect("it runs");
            row.drive(Verb::Do).expect("it is paused");
            let own = row.plan.id.clone();
            if is_of_another {
                let other = site().nodes.clone();
                row.plan.id.origin = other.into_iter().find(|n| *n != own.origin).expect("two");
            }
            row.drive(Verb::Undo).expect("it is taken back");
            assert_eq!(is_paused(&row), is_of_another, "{:?}", row.plan.kind);
            row.plan.id = own;
        }
    }
}

/// As after a boot in the middle of it: what is starting is not sick.
#[test]
fn a_soak_begins_when_the_services_are_well() {
    let mut asked = 0;
    each_row(|row| {
        if row.def().name != "soak" {
            return;
        }
        row.pair.hosts[row.owner()].edit(|w| {
            let ready = w.now + Duration::from_secs(5);
            let units =
                SERVICES.map(|name| w.units.get_mut(name).map(|unit| unit.ready_at = ready));
            assert!(units.iter().all(Option::is_some));
        });
        let begun = row.seen().now;
        row.drive(Verb::Do).expect("it waits for them");
        assert!(row.seen().now.since(begun) > Duration::from_secs(5));
        asked += 1;
    });
    assert!(asked > 1, "the test sees what it is to see");
}

/// The nodes may run different versions when a rollout begins: each asks for itself.
#[test]
fn a_bundle_that_does_not_upgrade_what_runs_on_a_node_is_not_unpacked_there() {
    let mut refused = 0;
    each_row(|row| {
        if row.def().name != "stage" {
            return;
        }
        let host = &row.pair.hosts[row.owner()];
        let upgrades = |from: &str| {
            host.edit(|w| {
                for bundle in w.bundles.values_mut() {
                    bundle.upgrades_from = [from.to_owned()].into();
                }
            });
        };
        upgrades("1.9.0");
        let before = matters(&row.seen());
        let told = row.drive(Verb::Do).expect_err("it does not upgrade 1.0.0");
        let said = format!("{told:?}");
        assert!(said.contains("it does not upgrade 1.0.0"), "{said}");
        assert_eq!(matters(&row.seen()), before);
        upgrades(site::FROM);
        refused += 1;
    });
    assert_eq!(refused, 2);
}

/// What hinders files from being put into the product's fixed folder is known before anything is stopped for it.
#[test]
fn what_is_in_the_way_of_a_fixed_folder_is_said_by_stage() {
    let mut refused = 0;
    each_row(|row| {
        let name = row.def().name;
        let host = &row.pair.hosts[row.owner()];
        let said = |said: &str| {
            let before = matters(&row.seen());
            let told = format!("{:?}", row.drive(Verb::Do).expect_err("it is refused"));
            assert!(told.contains(said), "{name}: {told}");
            (before, matters(&row.seen()))
        };
        if row.plan.kind != Kind::Upgrade || !["stage", "place"].contains(&name) {
            return;
        }
        let begun = row.seen();
        host.link("/etc".as_ref(), "/srv/shop/schema".as_ref())
            .expect("a link");
        let (before, after) = said("/srv/shop/schema is a symbolic link");
        assert!(name == "stage" || before == after);
        row.restore(&begun);
        host.edit(|w| w.free_bytes = 20);
        let (before, after) = said("has 0 MiB free and 1 MiB may be needed");
        assert!(name == "stage" || before == after);
        host.edit(|w| w.free_bytes = 1 << 40);
        refused += 1;
    });
    assert_eq!(refused, 4);
}

/// What the next upgrade or rollback would find in the product's fixed folder, `doctor` says now.
#[test]
fn doctor_holds_the_fixed_folder_against_the_release() {
    let (pair, s) = (site::pair(0, 0), site());
    let host = &*pair.hosts[0];
    let found = || {
        let all = hau::checks::all(&hau::checks::Site {
            host,
            database: &pair.databases[0],
            settings: &s.settings,
            vips: &s.vips,
            state_dir: &s.state,
            bundle_bytes: 0,
        });
        let mut found = all.into_iter().filter(|f| f.check == "in_place");
        let one = found.next().expect("it is looked at");
        assert!(found.next().is_none());
        (one.status, one.what)
    };
    let (jar, folder) = ("/srv/shop/app.jar", "/srv/shop");
    let is = |status, what: &str| assert_eq!(found(), (status, what.to_owned()));
    is(Status::Pass, "/srv/shop holds releases/1.0.0 file for file");
    host.remove(jar.as_ref()).expect("gone");
    is(
        Status::Warn,
        "1 files in /srv/shop are not as releases/1.0.0 has them, app.jar for one",
    );
    host.remove(folder.as_ref()).expect("gone");
    is(Status::Fail, "/srv/shop is no folder that is there");
    host.link("/srv/other".as_ref(), folder.as_ref())
        .expect("a link");
    is(
        Status::Fail,
        "/srv/shop is a symbolic link, and files are put into the folder itself",
    );
}

/// Else files would be exchanged under services that run.
#[test]
fn a_node_whose_fixed_folder_alone_differs_is_not_back() {
    let mut row = Row::of(Kind::RollbackNode);
    let at = |row: &Row, step: &str| {
        let found = row.plan.rows.iter().position(|r| r.step == step);
        found.expect("a row")
    };
    let (stop, health) = (at(&row, "stop_newer"), at(&row, "health"));
    while row.n < health {
        let note = row.drive(Verb::Do).expect("it goes well");
        row.done(note);
        row.n += 1;
    }
    row.n = stop;
    let check = |row: &Row| row.with(&mut Tally::default(), |cx| row.def().step.precheck(cx));
    assert_eq!(check(&row), Ok(Check::AlreadyDone));
    let host = row.pair.hosts[row.owner()].clone();
    let jar = PathBuf::from("/srv/shop/app.jar");
    host.write(&jar, b"of nobody", 0o644).expect("a file");
    assert_eq!(check(&row), Ok(Check::Ready));
    row.drive(Verb::Do).expect("they stop");
    assert!(
        SERVICES
            .iter()
            .all(|unit| host.unit(unit).unwrap().active != Active::Active)
    );
    for step in ["restore", "place"] {
        row.n = at(&row, step);
        row.drive(Verb::Do).expect("it is put back");
    }
    assert_eq!(host.read(&jar).expect("a file"), b"the old version");
    row.n = stop;
    assert_eq!(check(&row), Ok(Check::AlreadyDone));
}

/// One node has the bundle, the other one fetches it, and notes how much came.
#[test]
fn what_had_to_be_fetched_is_noted() {
    let mut notes = Vec::new();
    each_row(|row| {
        if row.def().name != "stage" {
            return;
        }
        let path = row.with(&mut Tally::default(), |cx| cx.bundle_path().unwrap());
        let was_here = row.pair.hosts[row.owner()].exists(&path);
        let note = row.drive(Verb::Do).expect("it goes well");
        notes.push((was_here, note.starts_with("fetched ")));
    });
    notes.sort_unstable();
    assert_eq!(notes, [(false, true), (true, false)]);
}

/// What a node has run counts for ever: an older bundle does not come after it, whatever is taken back.
#[test]
fn what_is_made_current_is_remembered_though_it_is_taken_back() {
    let mut seen = 0;
    each_row(|row| {
        let host = &row.pair.hosts[row.owner()];
        if row.def().name != "activate" {
            return;
        }
        let remembered = || host.edit(|w| w.remembered.clone());
        let release = row.with(&mut Tally::default(), |cx| cx.release_dir(&cx.plan.to));
        row.drive(Verb::Do).expect("it goes well");
        assert_eq!(remembered().as_ref(), Some(&release));
        row.drive(Verb::Undo).expect("it goes well");
        assert_eq!(remembered().as_ref(), Some(&release));
        seen += 1;
    });
    assert_eq!(seen, 2);
}

/// It may have been staged days before.
#[test]
fn a_release_that_was_changed_after_it_was_staged_is_not_made_current() {
    let mut refused = 0;
    each_row(|row| {
        if row.def().name != "activate" {
            return;
        }
        let host = &row.pair.hosts[row.owner()];
        let (release, current) = row.with(&mut Tally::default(), |cx| {
            (cx.release_dir(&cx.plan.to), cx.current_link())
        });
        let before = host.link_target(&current);
        let file = host.edit(|w| {
            let bundle = w.bundles.values().next().expect("a bundle");
            release.join(bundle.files.keys().next().expect("a file"))
        });
        let good = host.read(&file).expect("it is there");
        host.write(&file, b"changed", 0o644).expect("written");
        let told = row.drive(Verb::Do).expect_err("it is another one");
        let said = format!("{told:?}");
        assert!(said.contains("hau-ctl abort, which removes it"), "{said}");
        assert_eq!(host.link_target(&current), before);
        host.write(&file, &good, 0o644).expect("written");
        row.drive(Verb::Do).expect("it goes well");
        refused += 1;
    });
    assert_eq!(refused, 2);
}

/// Scripts that break the running version stop a rollout before anything is done; what they allow goes on record.
#[test]
fn a_bundle_whose_scripts_break_the_running_version_goes_no_further_than_precheck() {
    let mut looked = 0;
    each_row(|row| {
        let name = row.def().name;
        let has_bundle = row.plan.bundle.is_some() && row.owner() == 0;
        if name != "precheck" || !has_bundle {
            return;
        }
        let script = |sql: &str| {
            row.pair.hosts[0].edit(|w| {
                for bundle in w.bundles.values_mut() {
                    let path = PathBuf::from("schema/1.sql");
                    bundle.files.insert(path, (sql.as_bytes().to_vec(), 0o644));
                }
            });
        };
        script("drop table orders");
        let before = matters(&row.seen());
        let told = format!("{:?}", row.drive(Verb::Do).expect_err("it is refused"));
        assert!(told.contains("schema/1.sql:1: drop table orders"), "{told}");
        assert_eq!(matters(&row.seen()), before);
        script("-- hau: allow nobody reads it\ndrop table orders");
        let note = row.drive(Verb::Do).expect("it is allowed");
        assert!(note.contains("nobody reads it"), "{note}");
        script("alter table orders add note text");
        let note = row.drive(Verb::Do).expect("it is well");
        assert!(note.ends_with(" checks"), "{note}");
        looked += 1;
    });
    assert_eq!(looked, 1);
}

/// The databases that these rows and the simulator work with keep to what the real ones are held to.
#[test]
fn the_fake_database_is_one_as_the_real_ones() {
    let pair = site::pair(0, 0);
    let dir = std::path::Path::new("/dumps");
    pair.hosts[0].make_dir(dir, 0o700).unwrap();
    conforms::conforms(&pair.databases[0], &pair.databases[1], dir);
}
