//! One configuration that passes everything, and for each finding the change that brings it about.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::tracking::runtime_directory_over;
use super::*;
use Severity::{Fail, Pass, Warn};

const GOOD: &str = r#"global_defs {
  enable_script_security
  script_user root
  vrrp_version 3
  vrrp_notify_fifo /run/hau/notify.fifo
  vrrp_notify_priority_changes true
  vrrp_higher_prio_send_advert true
  vrrp_garp_master_delay 1
}
vrrp_track_file hau {
  file TRACK
}
vrrp_script hau_check {
  script "SIDECAR check"
  weight -40
}
vrrp_instance web {
  state BACKUP
  interface eth0
  virtual_router_id 51
  priority 110
  advert_int 1
  virtual_ipaddress { 10.0.0.100/24 }
  track_file { hau weight 1 }
  track_script { hau_check }
  notify "SIDECAR notify"
}
"#;

/// A place where the tracked file's directory and a program exist.
struct World {
    dir: tempfile::TempDir,
    unit: String,
    version: Option<(u32, u32, u32)>,
    peer: Option<PeerView>,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let program = dir.path().join("hau-sidecar");
        fs::write(&program, "").unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let peer = PeerView {
            priority: 100,
            check_weight: -40,
            version: 3,
            advert_int_ms: 1000,
            virtual_router_id: 51,
            vips: vec![[10, 0, 0, 100].into()],
            nopreempt: false,
        };
        Self {
            dir,
            unit: String::new(),
            version: None,
            peer: Some(peer),
        }
    }

    fn lint(&self, text: &str) -> Vec<Finding> {
        let (track, sidecar) = (
            self.dir.path().join("weight"),
            self.dir.path().join("hau-sidecar"),
        );
        let text = text
            .replace("TRACK", &track.display().to_string())
            .replace("SIDECAR", &sidecar.display().to_string());
        let tree = Tree::parse(&text, Path::new("k.conf"), "a").unwrap();
        let expected = Expected {
            track_file: &track,
            fifo: Path::new("/run/hau/notify.fifo"),
            sidecar: &sidecar,
            sidecar_unit: Some(&self.unit),
            keepalived: self.version,
            peer: self.peer.as_ref(),
        };
        lint(&tree, "web", &expected).unwrap()
    }

    /// Findings that are no pass.
    fn bad(&self, text: &str) -> Vec<(String, Severity)> {
        let all = self.lint(text);
        assert!(
            all.iter()
                .all(|f| (f.severity == Pass) == f.remedy.is_empty()),
            "{all:#?}"
        );
        all.into_iter()
            .filter(|f| f.severity != Pass)
            .map(|f| (f.id, f.severity))
            .collect()
    }
}

/// Replaces `from` by `to` in the good text; exactly `id` must come of it.
fn one(from: &str, to: &str, id: &str, severity: Severity) {
    assert!(GOOD.contains(from), "{from}");
    assert_eq!(
        World::new().bad(&GOOD.replace(from, to)),
        [(id.to_owned(), severity)],
        "{from} -> {to}"
    );
}

#[test]
fn a_good_configuration_passes() {
    assert_eq!(World::new().bad(GOOD), []);
    assert_eq!(World::new().lint(GOOD).len(), 22);
}

#[test]
fn no_track_file() {
    let all = World::new().bad(&GOOD.replace("file TRACK", "file /elsewhere"));
    // the file that is there is then somebody else's, with a weight hau does not know
    assert!(all.contains(&("track_file".to_owned(), Fail)), "{all:?}");
}

#[test]
fn not_tracked_or_otherwise() {
    one("  track_file { hau weight 1 }\n", "", "tracked", Fail);
    one("hau weight 1", "hau weight 2", "tracked", Fail);
    one("hau weight 1", "hau weight 1 reverse", "tracked", Fail);
    one(
        "hau weight 1 }",
        "hau weight 1\n nothing weight 0 }",
        "tracked",
        Fail,
    );
}

#[test]
fn init_file() {
    one("file TRACK", "file TRACK\n init_file 0", "init_file", Fail);
}

#[test]
fn directory_missing_or_made_anew() {
    let id = [("directory".to_owned(), Fail)];
    let world = World::new();
    let text = GOOD.replace("TRACK", "/nonexistent/weight");
    let tree = Tree::parse(
        &text.replace("SIDECAR", "/bin/true"),
        Path::new("k.conf"),
        "a",
    )
    .unwrap();
    let expected = Expected {
        track_file: Path::new("/nonexistent/weight"),
        fifo: Path::new("/run/hau/notify.fifo"),
        sidecar: Path::new("/bin/true"),
        sidecar_unit: None,
        keepalived: None,
        peer: world.peer.as_ref(),
    };
    let all = lint(&tree, "web", &expected).unwrap();
    assert_eq!(
        all.into_iter()
            .filter(|f| f.severity != Pass)
            .map(|f| (f.id, f.severity))
            .collect::<Vec<_>>(),
        id
    );
    assert_eq!(
        runtime_directory_over(
            "[Service]\nRuntimeDirectory=x hau\n",
            Path::new("/run/hau/track")
        ),
        Some("hau")
    );
    assert_eq!(
        runtime_directory_over("RuntimeDirectory=hau-other\n", Path::new("/run/hau/track")),
        None
    );
}

#[test]
fn weights() {
    one("priority 110", "priority 100", "weights", Fail);
    one("priority 110", "priority 200", "weights", Fail);
    one("weight -40", "weight -15", "weights", Fail);
    let mut world = World::new();
    world.peer = None;
    let unknown = [
        ("weights".to_owned(), Warn),
        ("same_as_peer".to_owned(), Warn),
    ];
    assert_eq!(world.bad(GOOD), unknown);
}

#[test]
fn check() {
    let all = |to: &str| World::new().bad(&GOOD.replace("weight -40", to));
    for to in ["weight 0", "weight 40", "weight -40 reverse"] {
        assert!(all(to).contains(&("check".to_owned(), Fail)), "{to}");
    }
    let none = World::new().bad(&GOOD.replace("track_script { hau_check }", ""));
    assert!(none.contains(&("check".to_owned(), Fail)));
}

#[test]
fn check_runs() {
    let world = World::new();
    fs::set_permissions(
        world.dir.path().join("hau-sidecar"),
        fs::Permissions::from_mode(0o644),
    )
    .unwrap();
    assert_eq!(world.bad(GOOD), [("check_runs".to_owned(), Fail)]);
    fs::remove_file(world.dir.path().join("hau-sidecar")).unwrap();
    assert_eq!(world.bad(GOOD), [("check_runs".to_owned(), Fail)]);
}

#[test]
fn other_trackers() {
    one(
        "track_script {",
        "track_interface { eth1 weight -10 }\n track_script {",
        "other_trackers",
        Warn,
    );
    assert_eq!(
        World::new().bad(&GOOD.replace(
            "track_script {",
            "track_interface { eth1 }\n track_script {"
        )),
        []
    );
}

#[test]
fn sync_group() {
    let group = |inside: &str| format!("vrrp_sync_group g {{ group {{ web }} {inside} }}\n{GOOD}");
    let world = World::new();
    assert_eq!(world.bad(&group("")), [("sync_group".to_owned(), Fail)]);
    assert_eq!(world.bad(&group("sync_group_tracking_weight")), []);
    let moved = group("\n track_file { hau weight 1 }\n track_script { hau_check }\n").replace(
        "  track_file { hau weight 1 }\n  track_script { hau_check }\n",
        "",
    );
    assert_eq!(world.bad(&moved), []);
    let half = group("\n track_file { hau weight 1 }\n").replace(
        "  track_file { hau weight 1 }\n  track_script",
        "  track_script",
    );
    assert_eq!(world.bad(&half), [("sync_group".to_owned(), Fail)]);
}

#[test]
fn priority_255() {
    let all = World::new().bad(&GOOD.replace("priority 110", "priority 255"));
    assert_eq!(
        all,
        [("weights".to_owned(), Fail), ("priority".to_owned(), Fail)]
    );
}

#[test]
fn fifo() {
    one("vrrp_notify_fifo /run/hau/notify.fifo", "", "fifo", Fail);
    one("/run/hau/notify.fifo", "/run/other", "fifo", Fail);
}

#[test]
fn acknowledgement() {
    one(
        "vrrp_notify_priority_changes true",
        "",
        "acknowledgement",
        Fail,
    );
    one(
        "vrrp_notify_priority_changes true",
        "vrrp_notify_priority_changes false",
        "acknowledgement",
        Fail,
    );
    let mut world = World::new();
    world.version = Some((2, 0, 10));
    assert_eq!(world.bad(GOOD), [("acknowledgement".to_owned(), Warn)]);
}

#[test]
fn hooks() {
    one("  notify \"SIDECAR notify\"\n", "", "hooks", Warn);
    let each = "notify_master \"SIDECAR notify master\"\n notify_backup \"SIDECAR notify backup\"\n notify_fault \"SIDECAR notify fault\"";
    assert_eq!(
        World::new().bad(&GOOD.replace("notify \"SIDECAR notify\"", each)),
        []
    );
}

#[test]
fn promoter() {
    one(
        "  notify ",
        "  notify_master \"/usr/bin/gs_ctl failover\"\n  notify ",
        "promoter",
        Warn,
    );
    let world = World::new();
    let script = world.dir.path().join("on-master");
    fs::write(
        &script,
        "#!/bin/sh\nsu postgres -c 'pg_ctlcluster 15 main Promote'\n",
    )
    .unwrap();
    let text = GOOD.replace(
        "  notify ",
        &format!("  notify_master {}\n  notify ", script.display()),
    );
    assert_eq!(world.bad(&text), [("promoter".to_owned(), Warn)]);
    fs::write(&script, "#!/bin/sh\nlogger master\n").unwrap();
    assert_eq!(world.bad(&text), []);
}

#[test]
fn nopreempt() {
    one(
        "state BACKUP",
        "state BACKUP\n nopreempt",
        "nopreempt",
        Fail,
    );
    one(
        "state BACKUP",
        "state MASTER\n nopreempt",
        "nopreempt",
        Warn,
    );
    let mut world = World::new();
    world.peer.as_mut().unwrap().nopreempt = true;
    assert_eq!(world.bad(GOOD), [("nopreempt".to_owned(), Fail)]);
}

#[test]
fn preempt_delay() {
    one(
        "state BACKUP",
        "state BACKUP\n preempt_delay 5",
        "preempt_delay",
        Warn,
    );
}

#[test]
fn advert_int_of_version_2() {
    let mut world = World::new();
    let peer = world.peer.as_mut().unwrap();
    (peer.version, peer.advert_int_ms) = (2, 100);
    let text = GOOD
        .replace("vrrp_version 3", "vrrp_version 2")
        .replace("advert_int 1", "advert_int 0.1");
    assert_eq!(world.bad(&text), [("advert_int".to_owned(), Fail)]);
}

#[test]
fn authentication_header() {
    one(
        "state BACKUP",
        "state BACKUP\n authentication { auth_type AH }",
        "heard",
        Warn,
    );
}

#[test]
fn nodes_that_differ() {
    one(
        "virtual_router_id 51",
        "virtual_router_id 52",
        "same_as_peer",
        Fail,
    );
    one("advert_int 1", "advert_int 2", "same_as_peer", Fail);
    one("vrrp_version 3", "vrrp_version 2", "same_as_peer", Fail);
    one("10.0.0.100/24", "10.0.0.101/24", "same_as_peer", Fail);
}

#[test]
fn realtime() {
    one("script_user root", "vrrp_rt_priority 50", "realtime", Fail);
    one(
        "script_user root",
        "vrrp_rt_priority 50\n vrrp_rlimit_rttime 10000",
        "realtime",
        Fail,
    );
    let text = GOOD.replace(
        "script_user root",
        "vrrp_rt_priority 50\n vrrp_rlimit_rttime 100000",
    );
    assert_eq!(World::new().bad(&text), []);
}

#[test]
fn garp() {
    one("  vrrp_higher_prio_send_advert true\n", "", "garp", Warn);
    one("  vrrp_garp_master_delay 1\n", "", "garp", Warn);
    let refresh = GOOD.replace(
        "vrrp_higher_prio_send_advert true",
        "vrrp_garp_master_refresh 60",
    );
    assert_eq!(World::new().bad(&refresh), []);
}

#[test]
fn script_security() {
    one("  enable_script_security\n", "", "script_security", Warn);
}

#[test]
fn keepalived_1_has_a_script_instead_of_the_file() {
    let mut world = World::new();
    world.version = Some((1, 3, 5));
    let plain: Vec<_> = world.bad(GOOD);
    assert!(
        plain.contains(&("drain_script".to_owned(), Fail)),
        "{plain:?}"
    );
    let with = |weight: i32| {
        let script = format!(
            "vrrp_script hau_drain {{\n script \"SIDECAR check --draining\"\n weight {weight}\n}}\n"
        );
        let text = script + GOOD;
        world.bad(
            &text
                .replace(
                    "track_script { hau_check }",
                    "track_script {\n hau_check\n hau_drain\n }",
                )
                .replace("  track_file { hau weight 1 }\n", ""),
        )
    };
    let late = [
        ("fifo".to_owned(), Warn),
        ("acknowledgement".to_owned(), Warn),
    ];
    assert_eq!(with(-25), late);
    assert!(with(-5).contains(&("drain_script".to_owned(), Fail)));
    assert!(with(-60).contains(&("drain_script".to_owned(), Fail)));
    assert!(with(25).contains(&("drain_script".to_owned(), Fail)));
}
