//! The administrator's days with a pair: pairing, a good upgrade, a bad one, and what is refused.
use crate::net::{self, address};
use crate::pair::{Pair, wait};
use crate::product::MENDED;
use crate::watch::now;
use hau::core::{Record, VrrpState};
use hau::daemon::link::PeerLink;
use hau::time::Time;
use hau::tls::{Identity, Pins, Trust};
use hau::wire::Outcome;
use nix::sys::signal::Signal;
use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

const PEER_PORT: u16 = 9681;

/// Nobody's certificate opens the door between the nodes, and the log says who tried.
pub(crate) fn strangers_are_refused(pair: &mut Pair) {
    for node in &pair.nodes {
        let dir = tempfile::tempdir().unwrap();
        let this = std::env::current_exe().unwrap();
        let mut command = Command::new("ip");
        command
            .args(["netns", "exec", &net::name("c")])
            .arg(this)
            .args(["--role", "stranger"]);
        command
            .arg(dir.path())
            .arg(format!("{}:{PEER_PORT}", address(node.name)));
        let said = command.stdin(Stdio::null()).output().unwrap();
        let said = String::from_utf8_lossy(&said.stdout).into_owned();
        assert!(said.starts_with("refused "), "{said:?}");
        let fingerprint = said.trim().rsplit(' ').next().unwrap().to_owned();
        wait("the log names the stranger", || {
            let log = node.sidecar_log();
            log.lines()
                .any(|l| l.contains("refused an unknown certificate") && l.contains(&fingerprint))
        });
    }
}

/// Role `stranger`: DIR ADDRESS. Says how it went and its fingerprint.
pub(crate) fn stranger(args: &[String]) {
    let [dir, at] = args else {
        panic!("stranger DIR ADDRESS")
    };
    let dir = Path::new(dir);
    let own = Identity::load_or_create(dir, "x").unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let trust = Arc::new(Trust::new(Pins::load(dir).unwrap()));
    let link = PeerLink::new(at.parse().unwrap(), &own, trust, runtime.handle().clone()).unwrap();
    let asked = runtime.block_on(async {
        let connection = link.connect_for_pairing().await?;
        connection
            .post("/v1/peer/hello", b"{}".to_vec(), Duration::from_secs(5))
            .await
    });
    let word = if asked.is_err() {
        "refused"
    } else {
        "admitted"
    };
    println!("{word} {}", own.fingerprint());
}

pub(crate) fn pairs_by_code(pair: &mut Pair) {
    let [a, b] = &pair.nodes;
    assert_ne!(a.ctl(&["doctor"]).code, Some(0), "fit without being paired");
    let old = pair.code();
    pair.code();
    b.start_ctl(&["pair", "-"], &old).wait().expect(3);
    pair.pair_anew();
    pair.settle();
    assert_eq!(pair.master(), 0, "installing hau moves nothing");
}

pub(crate) fn upgrades_both_nodes(pair: &mut Pair) {
    pair.upgrade(0, &|_, _| None);
}

/// Ctrl-C detaches, SIGKILL ends it: the rollout goes on.
pub(crate) fn hau_ctl_may_go_away(pair: &mut Pair) {
    for signal in [Signal::SIGINT, Signal::SIGKILL] {
        pair.settle();
        let (bundle, version) = pair.bundle(false);
        let (master, begun) = (pair.master(), now());
        let ctl = pair.nodes[master].start_ctl(&["upgrade", &bundle], "");
        wait("the rollout is under way", || {
            let rollout = pair.nodes[master].status().and_then(|s| s.rollout);
            rollout.is_some_and(|r| r.to == version && r.rows.iter().any(|row| row.state.is_some()))
        });
        ctl.signal(signal);
        let said = ctl.wait();
        assert_eq!(
            said.code,
            (signal == Signal::SIGINT).then_some(130),
            "{}",
            said.text
        );
        pair.has_upgraded(&version, master, begun);
        pair.figures.rollouts += 1;
    }
}

/// The node that is asked makes the full bundle of what it runs, and the other one fetches that.
pub(crate) fn a_delta_is_as_good_as_its_bundle(pair: &mut Pair) {
    pair.settle();
    let (delta, version) = pair.delta();
    let master = pair.master();
    let base = pair.nodes[master].version();
    let payload = pair.nodes[master]
        .srv("shop/releases")
        .join(&base)
        .join("payload");
    let kept = fs::read(&payload).unwrap();
    fs::write(&payload, "somebody was here").unwrap();
    let said = pair.nodes[master].ctl(&["plan", &delta]);
    let text = &said.expect(3).text;
    assert!(text.contains("payload has the wrong size"), "{text}");
    fs::write(&payload, kept).unwrap();
    let begun = now();
    pair.nodes[master].ctl(&["upgrade", &delta]).expect(0);
    pair.has_upgraded(&version, master, begun);
    pair.figures.rollouts += 1;
    // The payload of this version is that of the one before.
    let rollout = pair.nodes[master].status().and_then(|s| s.rollout).unwrap();
    let other = &pair.nodes[1 - master].name;
    let mut rows = rollout.rows.iter();
    let row = rows.find(|row| row.step == "stage" && row.node == *other);
    let note = &row.unwrap().note;
    assert!(note.ends_with(", the rest was here"), "{note}");
}

/// Without a rollout, and what comes to the other node is what it lacks.
pub(crate) fn stages_what_a_node_lacks(pair: &mut Pair) {
    pair.settle();
    let (bundle, version) = pair.bundle(false);
    let (master, begun) = (pair.master(), now());
    let said = pair.nodes[master].ctl(&["--json", "stage", &bundle]);
    let said = &said.expect(0).text;
    let said: serde_json::Value = serde_json::from_str(said.trim()).unwrap();
    let fetched = &said["data"]["fetched"];
    let bytes = |what: &str| fetched[what].as_u64().unwrap();
    assert!(bytes("here_bytes") > 300_000, "{said}");
    assert_eq!(bytes("have_bytes"), bytes("size_bytes"), "{said}");
    let again = pair.nodes[master].ctl(&["--json", "stage", &bundle]);
    let again = &again.expect(0).text;
    assert!(!again.contains("fetched"), "{again}");

    let staged = pair.nodes[master].srv("shop/releases").join(&version);
    let jar = staged.join("manifest.toml");
    fs::write(&jar, "changed").unwrap();
    pair.nodes[master].ctl(&["stage", &bundle]).expect(0);
    let mended = fs::read_to_string(&jar).unwrap();
    assert!(
        mended.contains(&version),
        "what was changed is unpacked anew"
    );

    let (later, later_version) = pair.bundle(false);
    pair.nodes[master].ctl(&["stage", &later]).expect(0);
    for node in [master, 1 - master] {
        let release = |version: &str| pair.nodes[node].srv("shop/releases").join(version);
        assert!(release(&later_version).exists() && !release(&version).exists());
    }
    pair.nodes[master].ctl(&["upgrade", &later]).expect(0);
    pair.has_upgraded(&later_version, master, begun);
    pair.figures.rollouts += 1;
}

pub(crate) fn a_tampered_bundle_is_refused(pair: &mut Pair) {
    pair.settle();
    let (bundle, version) = pair.bundle(false);
    let mut bytes = fs::read(&bundle).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&bundle, bytes).unwrap();
    let said = pair.nodes[0].ctl(&["upgrade", &bundle]);
    said.expect(3);
    for node in &pair.nodes {
        assert!(
            !node.srv("shop/releases").join(&version).exists(),
            "something was unpacked"
        );
        assert_ne!(node.version(), version);
    }
}

pub(crate) fn without_the_peer_nothing_begins(pair: &mut Pair) {
    pair.settle();
    let (bundle, version) = pair.bundle(false);
    pair.nodes[1].stop_sidecar();
    pair.nodes[0].ctl(&["upgrade", &bundle]).expect(3);
    // A moment later the other node is known to be away.
    wait("the peer is lost", || {
        pair.nodes[0].status().is_some_and(|s| !s.peer.reachable)
    });
    pair.nodes[0].ctl(&["upgrade", &bundle]).expect(3);
    pair.nodes[1].start_sidecar();
    pair.settle();
    assert!(
        pair.nodes
            .iter()
            .all(|n| n.version() != version && !n.is_sync_paused())
    );
}

pub(crate) fn of_two_upgrades_one_wins(pair: &mut Pair) {
    pair.settle();
    let (bundle, version) = pair.bundle(false);
    let (master, begun) = (pair.master(), now());
    let before = pair
        .nodes
        .each_ref()
        .map(|n| n.status().unwrap().rollout.map_or(0, |r| r.id));
    let asked = [0, 1].map(|n| pair.nodes[n].start_ctl(&["upgrade", &bundle], ""));
    let mut codes = asked.map(|ctl| {
        let said = ctl.wait();
        (said.code, said.text)
    });
    codes.sort();
    assert_eq!([codes[0].0, codes[1].0], [Some(0), Some(6)], "{codes:?}");
    pair.has_upgraded(&version, master, begun);
    let after = pair
        .nodes
        .each_ref()
        .map(|n| n.status().unwrap().rollout.unwrap());
    assert_eq!(
        after.each_ref().map(|r| r.id),
        before.map(|id| id + 1),
        "exactly one rollout"
    );
    assert_eq!(after[0].origin, after[1].origin);
    pair.figures.rollouts += 1;
}

/// Halts with the old MASTER serving; abort takes it back; once more, mended by hand, and retry ends it well.
pub(crate) fn a_broken_version_halts(pair: &mut Pair) {
    pair.settle();
    let old = pair.nodes[0].version();
    let (bundle, version) = pair.bundle(true);
    let (master, begun) = (pair.master(), now());
    pair.nodes[0].ctl(&["upgrade", &bundle]).expect(4);
    assert_eq!(pair.judge(begun).moves, 0);
    assert_eq!(pair.master(), master);
    let first = Pair::other(master);
    assert_eq!(
        (pair.nodes[master].version(), pair.nodes[first].version()),
        (old.clone(), version.clone())
    );
    pair.nodes[1]
        .ctl(&["abort", "--reason", "it answers 500"])
        .expect(0);
    for node in &pair.nodes {
        assert_eq!(node.version(), old, "node {}", node.name);
        assert!(!node.is_sync_paused(), "node {}", node.name);
        wait("it was given up", || {
            node.status()
                .and_then(|s| s.rollout)
                .is_some_and(|r| r.result == Some(Outcome::Failed))
        });
    }
    assert_eq!(pair.judge(begun).moves, 0);
    pair.settle();
    let begun = now();
    pair.nodes[1].ctl(&["upgrade", &bundle]).expect(4);
    thread::sleep(Duration::from_millis(300));
    for node in &pair.nodes {
        fs::write(node.srv(MENDED), "").unwrap();
    }
    pair.nodes[0]
        .ctl(&["retry", "--reason", "mended"])
        .expect(0);
    pair.has_upgraded(&version, master, begun);
    pair.figures.rollouts += 2;
}

/// Until its reload keepalived goes by what it has read, and so do the weights.
pub(crate) fn an_edited_keepalived_conf_counts_from_its_reload(pair: &mut Pair) {
    pair.settle();
    let (master, n) = (pair.master(), Pair::other(pair.master()));
    let node = &pair.nodes[n];
    let conf = node.srv("keepalived.conf");
    let old = fs::read_to_string(&conf).unwrap();
    let weight = || node.status().map(|s| s.nodes[node.name].weight);
    let waits = || {
        node.ctl(&["doctor"])
            .text
            .contains("keepalived has not read it again")
    };
    let before = weight();
    let new = old.replace("priority 110", "priority 108");
    let new = new.replace("priority 100", "priority 98");
    fs::write(&conf, new).unwrap();
    wait("doctor says that the edit waits", waits);
    thread::sleep(Duration::from_secs(2));
    assert_eq!(
        weight(),
        before,
        "the weight follows a file that keepalived has not read"
    );
    node.reload_keepalived();
    wait("keepalived is heard to have read it", || !waits());
    // At home a node has weight 0, whatever its priority.
    if before.flatten() != Some(0) {
        wait("the weight follows", || weight() != before);
    }
    fs::write(&conf, old).unwrap();
    node.reload_keepalived();
    wait("keepalived is heard to have read it", || !waits());
    wait("the weight is as it was", || weight() == before);
    assert_eq!(pair.master(), master);
}

/// systemd is on a bus that may be stuck; who holds the VIP must be seen all the same.
pub(crate) fn a_stuck_bus_hides_no_move_of_the_vip(pair: &mut Pair) {
    pair.settle();
    let (master, n) = (pair.master(), Pair::other(pair.master()));
    pair.nodes[n].signal_bus(Signal::SIGSTOP);
    pair.nodes[master].stop_keepalived();
    wait("the VIP moves", || pair.watch.holder() == Some(n));
    let moved = Instant::now();
    let node = &pair.nodes[n];
    let knows = || {
        node.status()
            .is_some_and(|s| s.nodes[node.name].vrrp == VrrpState::Master)
    };
    wait("the node knows that it is MASTER", knows);
    assert!(
        moved.elapsed() < Duration::from_secs(4),
        "{:?}",
        moved.elapsed()
    );
    pair.nodes[n].signal_bus(Signal::SIGCONT);
    pair.nodes[master].start_keepalived();
    wait("the VIP comes home", || pair.watch.holder() == Some(master));
    pair.settle();
}

/// A damaged journal is removed, as its error says: the node is heard again, and the VIP stays.
pub(crate) fn a_node_whose_journal_is_gone_is_heard_again(pair: &mut Pair) {
    pair.settle();
    let master = pair.master();
    for n in [Pair::other(master), master] {
        let begun = now();
        pair.nodes[n].stop_sidecar();
        fs::remove_dir_all(pair.nodes[n].srv("lib/journal")).unwrap();
        pair.nodes[n].start_sidecar();
        pair.settle();
        thread::sleep(Duration::from_secs(4));
        assert_eq!(pair.judge(begun).moves, 0, "the VIP moved");
    }
    pair.upgrade(master, &|_, _| None);
}

/// A journal whose facts contradict each other ends the daemon with a sentence, not with a panic.
pub(crate) fn contradicting_facts_are_told(pair: &mut Pair) {
    pair.settle();
    let n = Pair::other(pair.master());
    let node = &mut pair.nodes[n];
    node.stop_sidecar();
    let file = node.srv("lib/journal/journal");
    let whole = fs::read(&file).unwrap();
    let (mut journal, _) = hau::journal::Journal::open(&file).unwrap();
    let boot = Record::Started {
        boot: 1,
        host_boot: String::new(),
        at: Time(1),
    };
    journal
        .append(&[serde_json::to_vec(&boot).unwrap()])
        .unwrap();
    drop(journal);
    node.start_sidecar();
    wait("the sidecar ends", || !node.sidecar_lives());
    let log = node.sidecar_log();
    let said = log.lines().last().unwrap_or_default();
    assert!(
        said.contains("contradicts those before it: boots grow")
            && said.contains("remove the file"),
        "{said}"
    );
    fs::write(&file, whole).unwrap();
    node.start_sidecar();
    pair.settle();
}
