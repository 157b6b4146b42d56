//! hau-ctl against a daemon that gives canned answers: exit codes, JSON, and what it asks for.
#[path = "ctl/daemon.rs"]
mod daemon;
#[path = "ctl/language.rs"]
mod language;
#[path = "ctl/terminal.rs"]
mod terminal;
#[path = "ctl/transcripts.rs"]
mod transcripts;

use daemon::{Daemon, Routes, answer, failure, ok};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader, Read},
    os::unix::net::UnixListener,
    process::Stdio,
};

fn node(vrrp: &str, database: &str) -> Value {
    json!({
        "vrrp": vrrp, "has_vip": vrrp == "MASTER", "effective_priority": 100, "weight": 0,
        "database": database, "lag_bytes": null, "version": "1.0.0", "services": {},
        "sync": "running", "health": "pass",
    })
}

fn status(rollout: Value) -> Value {
    ok(json!({
        "node": "a", "peer": { "name": "b", "reachable": true, "last_heard_ms": 100 },
        "nodes": { "a": node("MASTER", "primary"), "b": node("BACKUP", "standby") },
        "rollout": rollout,
    }))
}

fn rollout(id: u64, origin: &str, result: Value, row: Value) -> Value {
    json!({
        "id": id, "origin": origin, "kind": "upgrade", "first": "b", "second": "a", "from": "1.0.0", "to": "1.1.0",
        "by": "root", "made": "2026-11-21T02:00:00Z", "phase": "precheck",
        "rows": [{
            "phase": "precheck", "node": "b", "step": "precheck", "about": "look", "state": row, "started": null,
            "started_at_ms": 1000, "elapsed_ms": 500, "limit_ms": 60000, "expected_ms": null, "note": "", "problem": null,
        }],
        "result": result,
        "mandate": { "epoch": 1, "origin": origin, "order": "start", "direction": "forward",
                     "by": { "user": "root", "node": origin }, "at": 1 },
        "stopped_by": null, "next": "wait", "elapsed_ms": 700, "downtime_ms": null,
    })
}

fn started() -> Value {
    ok(json!({ "rollout": 7 }))
}

/// A rollout 7 that begins, runs, and ends like this.
fn ending(result: &str) -> Daemon {
    Daemon::new(BTreeMap::from([
        ("POST /v1/rollouts", vec![started()]),
        ("POST /v1/orders", vec![started()]),
        (
            "GET /v1/status",
            vec![
                status(Value::Null),
                status(rollout(7, "a", Value::Null, json!("started"))),
                status(rollout(7, "a", Value::Null, json!("started"))),
                status(rollout(7, "a", json!(result), json!("done"))),
            ],
        ),
    ]))
}

fn json_lines(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).expect("JSON on each line"))
        .collect()
}

#[test]
fn the_result_of_a_rollout_is_the_exit_code() {
    for (result, code) in [
        ("succeeded", 0),
        ("failed", 1),
        ("rolled_back", 1),
        ("refused", 3),
        ("halted", 4),
    ] {
        let daemon = ending(result);
        let ended = daemon.run(&[
            "upgrade",
            "shop-1.1.0.hau",
            "--stop-before",
            "switchover",
            "--reason",
            "why",
        ]);
        assert_eq!(
            ended.code,
            Some(code),
            "{result}: {} {}",
            ended.out,
            ended.err
        );
        let begins = ended.out.matches("b precheck begins").count();
        let done = ended.out.matches("b precheck done in 0.5s").count();
        assert_eq!((begins, done), (1, 1), "each fact once: {}", ended.out);
        assert!(
            ended.out.contains("upgrade 7: 1.0.0 → 1.1.0"),
            "{}",
            ended.out
        );
        let request = r#"POST /v1/rollouts {"bundle":"shop-1.1.0.hau","stop_before":"switchover","reason":"why"}"#;
        assert!(
            daemon.asked().contains(&request.to_owned()),
            "{:?}",
            daemon.asked()
        );
    }
}

#[test]
fn an_abort_that_gave_the_rollout_up_is_a_success() {
    let daemon = ending("failed");
    let ended = daemon.run(&["abort", "--reason", "late"]);
    assert_eq!(ended.code, Some(0), "{} {}", ended.out, ended.err);
    let request = r#"POST /v1/orders {"order":"abort","reason":"late"}"#;
    assert!(
        daemon.asked().contains(&request.to_owned()),
        "{:?}",
        daemon.asked()
    );
}

#[test]
fn stopping_where_it_was_asked_to_is_a_success() {
    let mut waits = rollout(7, "a", Value::Null, json!("done"));
    waits["stopped_by"] = json!({ "why": "gate", "node": "a", "step": "arm", "closed": { "closed": "stop_asked" }, "says": "asked" });
    let daemon = Daemon::new(BTreeMap::from([
        ("POST /v1/rollouts", vec![started()]),
        ("GET /v1/status", vec![status(Value::Null), status(waits)]),
    ]));
    let ended = daemon.run(&["switch", "--to", "b"]);
    assert_eq!(ended.code, Some(0), "{} {}", ended.out, ended.err);
    assert!(ended.out.contains("waits, as asked"), "{}", ended.out);
    assert!(
        daemon
            .asked()
            .contains(&r#"POST /v1/rollouts {"to":"b"}"#.to_owned())
    );
}

#[test]
fn json_of_a_rollout_is_the_status_whenever_it_changed() {
    let ended = ending("halted").run(&["upgrade", "shop-1.1.0.hau", "--json"]);
    assert_eq!(ended.code, Some(4));
    let lines = json_lines(&ended.out);
    assert_eq!(lines.len(), 2, "{}", ended.out);
    assert!(
        lines.iter().all(|l| l["v"] == 1 && l["ok"] == true),
        "{}",
        ended.out
    );
    assert_eq!(lines[0]["data"]["rollout"]["result"], Value::Null);
    assert_eq!(lines[1]["data"]["rollout"]["result"], "halted");
}

#[test]
fn detach_returns_at_once() {
    let daemon = ending("halted");
    assert_eq!(daemon.run(&["upgrade", "x.hau", "--detach"]).code, Some(0));
    let ended = daemon.run(&["retry", "--detach", "--json"]);
    assert_eq!(
        (
            ended.code,
            json_lines(&ended.out)[0]["data"]["rollout"].clone()
        ),
        (Some(0), json!(7))
    );
}

#[test]
fn usage_is_2_in_words_and_in_json() {
    let daemon = Daemon::new(Routes::new());
    for wrong in [
        &["upgrad"][..],
        &["upgrade"],
        &["confirm"],
        &["backup", "verify", "../x"],
        &["plan", "./none.hau"],
    ] {
        let ended = daemon.run(wrong);
        assert_eq!(ended.code, Some(2), "{wrong:?}");
        assert!(ended.out.is_empty() && !ended.err.is_empty(), "{wrong:?}");
    }
    for wrong in [
        &["--json", "upgrad"][..],
        &["confirm", "--json"],
        &["plan", "./none.hau", "--json"],
    ] {
        let ended = daemon.run(wrong);
        let error = &json_lines(&ended.out)[0];
        assert_eq!(
            (ended.code, &error["error"]["code"]),
            (Some(2), &json!("USAGE")),
            "{wrong:?}"
        );
    }
    assert_eq!(
        daemon.asked(),
        Vec::<String>::new(),
        "nothing is asked of the daemon"
    );
    for fine in [&["--help"][..], &["upgrade", "--help"], &["--version"]] {
        assert_eq!(daemon.run(fine).code, Some(0));
    }
}

#[test]
fn what_the_daemon_refuses_says_why_and_what_to_do() {
    let codes = [
        ("USAGE", 2),
        ("NOT_FOUND", 2),
        ("REFUSED", 3),
        ("FORBIDDEN", 3),
        ("PEER_LOST", 3),
        ("BUSY", 6),
        ("FAILED", 1),
        ("INTERNAL", 1),
    ];
    for (code, exit) in codes {
        let daemon = Daemon::new(BTreeMap::from([
            ("GET /v1/status", vec![status(Value::Null)]),
            ("POST /v1/rollouts", vec![failure(code, "it is so")]),
        ]));
        let ended = daemon.run(&["upgrade", "x.hau"]);
        assert_eq!(
            (ended.code, ended.err.as_str()),
            (Some(exit), "hau-ctl: it is so\n  → do this\n")
        );
        let ended = daemon.run(&["upgrade", "x.hau", "--json"]);
        assert_eq!(json_lines(&ended.out), vec![failure(code, "it is so")]);
        assert_eq!((ended.code, ended.err.as_str()), (Some(exit), ""));
    }
}

#[test]
fn negative_findings_have_their_codes() {
    let finding =
        json!({ "check": "space", "status": "fail", "what": "full", "remedy": "free some" });
    let check =
        json!({ "componentType": "system", "status": "fail", "time": "2026-11-21T02:00:00Z" });
    let health = json!({ "a": { "status": "fail", "node": "a", "version": null, "checks": { "ports": [check] } } });
    let plan = json!({ "kind": "upgrade", "from": "1", "to": "2", "first": "b", "second": "a", "rows": [], "findings": {}, "fit": false });
    let problem = json!({ "what": "no", "remedy": "see it" });
    let tried = json!([
        { "way": "/sbin/tell", "answer": "exit code 0", "problem": null },
        { "way": "the webhook at https://h", "answer": "", "problem": problem },
    ]);
    let daemon = Daemon::new(BTreeMap::from([
        (
            "GET /v1/doctor",
            vec![ok(json!({ "a": [], "b": [finding] }))],
        ),
        ("GET /v1/health", vec![ok(health)]),
        (
            "GET /v1/sync/check",
            vec![ok(json!({ "differences": ["/etc/shop/x is only here"] }))],
        ),
        ("POST /v1/plans", vec![ok(plan)]),
        (
            "POST /v1/backups/backup_1/verify",
            vec![failure("FAILED", "database.dump has changed")],
        ),
        ("POST /v1/notices/test", vec![ok(tried)]),
    ]));
    let cases = [
        (&["doctor"][..], 3, "→ free some"),
        (&["health"], 1, "a: FAIL"),
        (&["sync", "check"], 1, "only here"),
        (&["plan", "x.hau"], 3, "would be refused"),
        (&["backup", "verify", "backup_1"], 3, "has changed"),
        (&["notify", "test"], 1, "was not told: no\n  → see it\n"),
    ];
    for (args, code, says) in cases {
        let ended = daemon.run(args);
        assert_eq!(ended.code, Some(code), "{args:?}");
        assert!(
            format!("{}{}", ended.out, ended.err).contains(says),
            "{args:?}: {} {}",
            ended.out,
            ended.err
        );
        assert_eq!(
            daemon.run(&[args, &["--json"]].concat()).code,
            Some(code),
            "{args:?}"
        );
    }
}

#[test]
fn what_only_looks_or_acts_once() {
    let view = json!({ "state": "paused", "paused": "root since 02:00", "changes": ["/etc/shop/x was written"] });
    let pair = json!({ "own": "aa", "peer": "bb", "waiting": false });
    let daemon = Daemon::new(BTreeMap::from([
        ("GET /v1/status", vec![status(Value::Null)]),
        (
            "GET /v1/history",
            vec![ok(json!([rollout(
                3,
                "a",
                json!("succeeded"),
                json!("done")
            )]))],
        ),
        ("GET /v1/sync", vec![ok(view)]),
        ("POST /v1/sync/pause", vec![ok(json!({}))]),
        ("POST /v1/sync/push", vec![ok(json!({}))]),
        (
            "GET /v1/backups",
            vec![ok(json!([{ "name": "backup_1", "manifest": null }]))],
        ),
        (
            "POST /v1/backups",
            vec![ok(json!({ "name": "backup_2", "manifest": null }))],
        ),
        (
            "POST /v1/notices/test",
            vec![ok(
                json!([{ "way": "/sbin/tell", "answer": "exit code 0", "problem": null }]),
            )],
        ),
        ("GET /v1/pair", vec![ok(pair.clone())]),
        ("POST /v1/pair", vec![ok(pair)]),
    ]));
    let cases = [
        (&["status"][..], "VIP        a holds it"),
        (&["history"], "upgrade 3: 1.0.0 → 1.1.0"),
        (&["sync", "status"], "PAUSED: root since 02:00"),
        (&["sync", "pause"], "is paused"),
        (&["sync", "push"], "has been pushed"),
        (&["backup", "list"], "never finished"),
        (&["backup", "create"], "backup_2"),
        (&["notify", "test"], "/sbin/tell was told: exit code 0"),
        (&["pair", "4821-7730"], "trust each other"),
    ];
    for (args, says) in cases {
        let ended = daemon.run(args);
        assert_eq!(ended.code, Some(0), "{args:?}: {}", ended.err);
        assert!(ended.out.contains(says), "{args:?}: {}", ended.out);
        assert!(
            ended.out.lines().all(|l| !l.contains('\x1b')),
            "no colours without a terminal"
        );
        let ended = daemon.run(&[args, &["--json"]].concat());
        let lines = json_lines(&ended.out);
        assert_eq!(
            (ended.code, lines.len(), &lines[0]["ok"]),
            (Some(0), 1, &json!(true)),
            "{args:?}"
        );
    }
    let request = r#"POST /v1/pair {"code":"4821-7730"}"#;
    assert!(daemon.asked().contains(&request.to_owned()));
}

#[test]
fn a_bundle_named_by_a_path_is_put_into_the_incoming_folder() {
    let daemon = Daemon::new(BTreeMap::from([("POST /v1/stage", vec![ok(json!({}))])]));
    let folder = daemon.dir.path().canonicalize().expect("there");
    let incoming = folder.join("incoming");
    fs::create_dir(&incoming).expect("made");
    fs::write(folder.join("here.hau"), "x").expect("written");
    let example = include_str!("../hau.toml.example");
    let config = example.replace("/var/lib/hau/incoming", &incoming.display().to_string());
    let file = folder.join("hau.toml").display().to_string();
    fs::write(&file, config).expect("written");
    for (given, sent) in [
        ("here.hau", "here.hau"),
        ("./here.hau", "here.hau"),
        ("there.hau", "there.hau"),
    ] {
        let ended = daemon.run(&["stage", given, "--config", &file]);
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        assert!(ended.out.contains("next: hau-ctl upgrade"), "{}", ended.out);
        let request = format!(r#"POST /v1/stage {{"bundle":"{sent}"}}"#);
        assert_eq!(daemon.asked().last(), Some(&request));
    }
    let copied: Vec<_> = fs::read_dir(&incoming).expect("there").collect();
    assert_eq!(copied.len(), 1, "nothing but the bundle lies there");
    assert_eq!(fs::read(incoming.join("here.hau")).expect("there"), b"x");
    let ended = daemon.run(&["stage", "./gone.hau", "--config", &file]);
    assert_eq!(ended.code, Some(2), "{}", ended.out);
}

#[test]
fn without_a_daemon_it_is_5_and_says_what_to_do() {
    let daemon = Daemon::new(Routes::new());
    fs::remove_file(daemon.socket()).expect("there");
    for args in [&["status"][..], &["upgrade", "x.hau"], &["sync", "push"]] {
        let ended = daemon.run(args);
        assert_eq!(ended.code, Some(5), "{args:?}");
        assert!(
            ended.err.contains("  → systemctl start hau-sidecar"),
            "{}",
            ended.err
        );
    }
    let ended = daemon.run(&["status", "--json"]);
    let error = &json_lines(&ended.out)[0]["error"];
    assert_eq!(
        (ended.code, &error["code"]),
        (Some(5), &json!("UNREACHABLE"))
    );
}

#[test]
fn a_daemon_that_restarts_is_waited_for() {
    let daemon = Daemon::new(BTreeMap::from([
        ("POST /v1/rollouts", vec![started()]),
        (
            "GET /v1/status",
            vec![
                status(Value::Null),
                status(rollout(7, "a", Value::Null, json!("started"))),
            ],
        ),
    ]));
    let mut child = daemon
        .command(&["upgrade", "x.hau"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    let mut out = BufReader::new(child.stdout.take().expect("piped"));
    read_until(&mut out, "begins");
    fs::remove_file(daemon.socket()).expect("there");
    let mut err = BufReader::new(child.stderr.take().expect("piped"));
    read_until(&mut err, "trying again");
    let listener = UnixListener::bind(daemon.socket()).expect("free again");
    let mut routes = BTreeMap::from([(
        "GET /v1/status",
        vec![status(rollout(7, "a", json!("succeeded"), json!("done")))],
    )]);
    answer(
        listener.accept().expect("it asks again").0,
        &mut routes,
        &daemon.asked,
    );
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
}

#[test]
fn a_rollout_that_lost_against_the_other_nodes_is_6() {
    for other in [
        rollout(7, "b", Value::Null, json!("started")),
        rollout(8, "b", json!("succeeded"), json!("done")),
    ] {
        let daemon = Daemon::new(BTreeMap::from([
            ("POST /v1/rollouts", vec![started()]),
            ("GET /v1/status", vec![status(Value::Null), status(other)]),
            ("GET /v1/history", vec![ok(json!([]))]),
        ]));
        let ended = daemon.run(&["upgrade", "x.hau"]);
        assert_eq!(ended.code, Some(6), "{} {}", ended.out, ended.err);
        assert!(
            ended.err.contains("was superseded by rollout"),
            "{}",
            ended.err
        );
    }
}

#[test]
fn a_rollout_that_ended_between_two_looks_is_found_in_the_history() {
    let daemon = Daemon::new(BTreeMap::from([
        ("POST /v1/rollouts", vec![started()]),
        (
            "GET /v1/status",
            vec![
                status(Value::Null),
                status(rollout(8, "b", Value::Null, json!("started"))),
            ],
        ),
        (
            "GET /v1/history",
            vec![ok(json!([rollout(
                7,
                "a",
                json!("succeeded"),
                json!("done")
            )]))],
        ),
    ]));
    assert_eq!(daemon.run(&["upgrade", "x.hau"]).code, Some(0));
}

#[test]
fn ctrl_c_only_detaches() {
    let daemon = Daemon::new(BTreeMap::from([
        ("POST /v1/rollouts", vec![started()]),
        (
            "GET /v1/status",
            vec![
                status(Value::Null),
                status(rollout(7, "a", Value::Null, json!("started"))),
            ],
        ),
    ]));
    let mut child = daemon
        .command(&["upgrade", "x.hau"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    read_until(
        &mut BufReader::new(child.stdout.take().expect("piped")),
        "begins",
    );
    kill(
        Pid::from_raw(i32::try_from(child.id()).expect("a pid")),
        Signal::SIGINT,
    )
    .expect("sent");
    let mut err = String::new();
    child
        .stderr
        .take()
        .expect("piped")
        .read_to_string(&mut err)
        .expect("UTF-8");
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
    assert!(err.contains("rollout 7 goes on"), "{err}");
    assert!(
        daemon.asked().iter().all(|asked| !asked.contains("orders")),
        "nothing was given up"
    );
}

fn read_until(reader: &mut impl BufRead, word: &str) {
    let mut line = String::new();
    while !line.contains(word) {
        line.clear();
        assert!(
            reader.read_line(&mut line).expect("readable") > 0,
            "{word} never came"
        );
    }
}

#[test]
fn a_bundle_from_key_to_verdict_without_a_daemon() {
    let daemon = Daemon::new(Routes::new());
    let folder = daemon.dir.path().join("release");
    fs::create_dir(&folder).expect("made");
    fs::write(folder.join("shop.jar"), "code").expect("written");
    let manifest = r#"
format = 1
product = "shop"
version = "1.1.0"
counter = 7
upgrades_from = [">=1.0.0, <1.1.0"]
expires = "2099-01-01T00:00:00Z"
"#;
    fs::write(folder.join("manifest.toml"), manifest).expect("written");
    let run = |args: &[&str], code: i32| {
        let ended = daemon.run(args);
        assert_eq!(
            ended.code,
            Some(code),
            "{args:?}: {} {}",
            ended.out,
            ended.err
        );
        format!("{}{}", ended.out, ended.err)
    };
    run(&["bundle", "keygen", "shop"], 0);
    run(&["bundle", "keygen", "shop"], 1);
    run(&["bundle", "build", "release", "--key", "shop.key"], 0);
    let shown = run(&["bundle", "inspect", "shop-1.1.0.hau", "--keys", "."], 0);
    assert!(shown.contains("shop 1.1.0 (counter 7)"), "{shown}");
    let verify = [
        "bundle",
        "verify",
        "shop-1.1.0.hau",
        "--keys",
        ".",
        "--product",
    ];
    let shown = run(&[&verify[..], &["shop"]].concat(), 0);
    assert!(shown.contains("every checksum is right"), "{shown}");
    let shown = run(&[&verify[..], &["shop", "--json"]].concat(), 0);
    assert_eq!(
        json_lines(&shown)[0]["data"]["manifest"]["version"],
        "1.1.0"
    );
    run(&[&verify[..], &["other"]].concat(), 3);
    let path = daemon.dir.path().join("shop-1.1.0.hau");
    let mut bytes = fs::read(&path).expect("read");
    let at = bytes
        .windows(4)
        .rposition(|w| w == b"code")
        .expect("it is in there");
    bytes[at] ^= 1;
    fs::write(&path, bytes).expect("written");
    let said = run(&[&verify[..], &["shop"]].concat(), 3);
    assert!(said.contains("checksum") && said.contains("  → "), "{said}");
    let said = run(
        &[
            "bundle",
            "verify",
            "shop-1.1.0.hau",
            "--config",
            "none.toml",
        ],
        2,
    );
    assert!(
        said.contains("none.toml") && said.contains("--product"),
        "{said}"
    );
    assert_eq!(daemon.asked(), Vec::<String>::new());
}

/// A release with one script that breaks the running version, and one that does not.
fn scripts() -> Daemon {
    let daemon = Daemon::new(Routes::new());
    let schema = daemon.dir.path().join("release/schema");
    fs::create_dir_all(&schema).expect("made");
    let put = |name: &str, text: &str| fs::write(schema.join(name), text).expect("written");
    put(
        "0001.sql",
        "\n-- hau: allow nobody reads it\ndrop view old;",
    );
    put("0002.sql", "alter table orders add column note text;");
    put("0003.sql", "DROP TABLE orders;");
    put("notes.txt", "drop table orders");
    fs::create_dir(daemon.dir.path().join("empty")).expect("made");
    daemon
}

fn lint(daemon: &Daemon, args: &[&str], code: i32) -> String {
    let ended = daemon.run(&[&["schema", "lint"], args].concat());
    let both = format!("{}{}", ended.out, ended.err);
    assert_eq!(ended.code, Some(code), "{args:?}: {both}");
    assert_eq!(daemon.asked(), Vec::<String>::new());
    both
}

#[test]
fn schema_scripts_are_read_without_a_daemon() {
    let daemon = scripts();
    let lint = |args: &[&str], code| lint(&daemon, args, code);
    let said = lint(&["release/schema/0002.sql"], 0);
    let well = "1 script: hau sees nothing that breaks the running version.\n";
    assert_eq!(said, well);
    let said = lint(&["release"], 3);
    for part in [
        "allowed: nobody reads it",
        "release/schema/0003.sql:1  DROP TABLE orders",
        "3 scripts: 1 failure, 0 warnings, 1 allowed.",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let told = lint(&["release/schema/0003.sql", "--json"], 3);
    let told = &json_lines(&told)[0]["data"];
    assert_eq!(told["scripts"], json!(["release/schema/0003.sql"]));
    let found = &told["findings"][0];
    assert_eq!(
        (&found["line"], &found["status"], &found["allowed"]),
        (&json!(1), &json!("fail"), &Value::Null)
    );
    fs::remove_file(daemon.dir.path().join("release/schema/0003.sql")).expect("removed");
    let said = lint(&["release"], 0);
    assert!(
        said.contains("0 failures, 0 warnings, 1 allowed."),
        "{said}"
    );
    lint(&["nowhere.sql"], 2);
    lint(&["empty"], 2);
    lint(&[], 2);
}

#[test]
fn a_delta_from_two_bundles_to_the_full_one_again() {
    let daemon = Daemon::new(Routes::new());
    let path = |name: &str| daemon.dir.path().join(name);
    let run = |args: &[&str], code: i32| {
        let ended = daemon.run(args);
        let text = format!("{}{}", ended.out, ended.err);
        assert_eq!(ended.code, Some(code), "{args:?}: {text}");
        text
    };
    run(&["bundle", "keygen", "shop"], 0);
    for (version, counter) in [("1.0.0", 6), ("1.1.0", 7)] {
        fs::create_dir_all(path(version)).expect("made");
        let code: String = (0..20_000).map(|n| format!("{}, ", n * n % 97)).collect();
        fs::write(path(version).join("code"), code + version).expect("written");
        let manifest = format!(
            "format = 1\nproduct = \"shop\"\nversion = \"{version}\"\ncounter = {counter}\n\
             upgrades_from = [\"<{version}\"]\nexpires = \"2099-01-01T00:00:00Z\"\n"
        );
        fs::write(path(version).join("manifest.toml"), manifest).expect("written");
        run(&["bundle", "build", version, "--key", "shop.key"], 0);
    }
    let (old, new, delta) = ("shop-1.0.0.hau", "shop-1.1.0.hau", "shop-1.0.0-1.1.0.hau");
    let said = run(&["bundle", "delta", old, new, "--key", "shop.key"], 0);
    assert!(
        said.starts_with(delta) && said.contains(" instead of "),
        "{said}"
    );
    run(&["bundle", "delta", new, old, "--key", "shop.key"], 2);
    let shown = run(&["bundle", "inspect", delta, "--keys", "."], 0);
    assert!(
        shown.contains("delta") && shown.contains("of 1.0.0: "),
        "{shown}"
    );
    assert!(
        !shown.contains("schema") && !shown.contains("files"),
        "{shown}"
    );
    let verify = [
        "bundle",
        "verify",
        delta,
        "--keys",
        ".",
        "--product",
        "shop",
    ];
    let shown = run(&verify, 0);
    assert!(shown.contains("of 1.0.0: "), "{shown}");
    fs::create_dir(path("full")).expect("made");
    let rebuild = [
        "bundle", "rebuild", delta, old, "--keys", ".", "--out", "full",
    ];
    run(&rebuild, 0);
    let full = |folder: &str| fs::read(path(folder).join(new)).expect("there");
    assert!(full("full") == full("."), "byte for byte");
    let said = run(&["bundle", "rebuild", delta, new, "--keys", "."], 3);
    assert!(said.contains("get the full bundle"), "{said}");
    let said = run(&["schema", "lint", delta, "--keys", "."], 3);
    assert!(said.contains("it is a delta of version 1.0.0"), "{said}");
}

#[test]
fn the_schema_scripts_of_a_bundle_are_those_that_it_would_apply() {
    let daemon = scripts();
    let manifest = r#"
format = 1
product = "shop"
version = "1.1.0"
counter = 7
upgrades_from = [">=1.0.0, <1.1.0"]
expires = "2099-01-01T00:00:00Z"
[[schema]]
path = "schema/0003.sql"
"#;
    let path = daemon.dir.path().join("release/manifest.toml");
    fs::write(path, manifest).expect("written");
    let run = |args: &[&str]| assert_eq!(daemon.run(args).code, Some(0), "{args:?}");
    run(&["bundle", "keygen", "shop"]);
    run(&["bundle", "build", "release", "--key", "shop.key"]);
    let said = lint(&daemon, &["shop-1.1.0.hau", "--keys", "."], 3);
    for part in [
        "shop-1.1.0.hau/schema/0003.sql:1  DROP TABLE",
        "1 script: 1 failure, 0 warnings.",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    lint(&daemon, &["shop-1.1.0.hau", "--keys", "empty"], 3);
    lint(&daemon, &["shop-1.1.0.hau", "--config", "none.toml"], 2);
}

fn audit_entry(seq: u64, event: Value) -> Value {
    let mut entry = json!({ "seq": seq, "at": "2026-11-21T02:00:00.5Z", "node": "a", "prev": "0" });
    let fields = entry.as_object_mut().expect("an object");
    fields.extend(event.as_object().expect("an object").clone());
    entry
}

#[test]
fn the_audit_trail_says_who_asked_for_what_and_what_came_of_it() {
    let by = json!({
        "user": "root", "uid": 0, "login": { "uid": 1000, "user": "chen" }, "pid": 7, "program": "hau-ctl",
        "terminal": "pts/3", "claims": { "ssh_client": "10.0.0.9" },
    });
    let asked = json!({
        "event": "asked", "by": by, "path": "/v1/rollouts", "request": { "bundle": "shop.hau" }, "reason": "ticket \u{1b}7",
    });
    let refused = json!({
        "event": "asked", "by": { "user": "www" }, "path": "/v1/failover", "request": { "accept_data_loss": true, "to": "b" },
    });
    let entries = json!([
        audit_entry(5, json!({ "event": "started", "hau": "0.1.0" })),
        audit_entry(6, asked),
        audit_entry(
            7,
            json!({ "event": "answered", "to": 6, "outcome": "accepted", "rollout": 12 })
        ),
        audit_entry(8, refused),
        audit_entry(
            9,
            json!({ "event": "answered", "to": 8, "outcome": "refused", "code": "FORBIDDEN", "says": "no" })
        ),
        audit_entry(
            10,
            json!({ "event": "ended", "rollout": 12, "origin": "a", "result": "Succeeded" })
        ),
        audit_entry(
            11,
            json!({ "event": "asked", "by": { "user": "root" }, "path": "/v1/sync/pause" })
        ),
        audit_entry(12, json!({ "event": "novel", "with": [1] })),
    ]);
    let route = "GET /v1/audit?last=9&since=1793491200000";
    let daemon = Daemon::new(BTreeMap::from([(route, vec![ok(json!({ "a": entries }))])]));
    let ended = daemon.run(&["audit", "--last", "9", "--since", "2026-11-01T00:00:00Z"]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let at = "2026-11-21 02:00:00 UTC  a";
    let wanted = [
        format!("{at}    5  hau-sidecar 0.1.0 has started"),
        format!("{at}    6  root (chen, pts/3, from 10.0.0.9) upgrade shop.hau, because: ticket"),
        "                                 ?7 → rollout 12".to_owned(),
        format!("{at}    8  www failover --accept-data-loss --to b → FORBIDDEN: no"),
        format!("{at}   10  rollout 12 has ended: Succeeded"),
        format!("{at}   11  root sync pause → no answer (yet)"),
        format!("{at}   12  something that only a later hau-ctl can read"),
        "of node a alone: the other one does not answer\n".to_owned(),
    ];
    let said: Vec<&str> = ended.out.lines().map(str::trim_end).collect();
    assert_eq!(said, wanted.join("\n").lines().collect::<Vec<_>>());
}

#[test]
fn a_copy_of_an_audit_trail_is_verified_without_a_daemon() {
    use hau::audit::{Event, Trail, statement};
    use hau::tls::Identity;
    let (keys, dir) = (
        tempfile::tempdir().expect("a folder"),
        tempfile::tempdir().expect("a folder"),
    );
    let b = Identity::load_or_create(keys.path(), "b").expect("a key");
    let file = dir.path().join("a.trail");
    let mut trail = Trail::open(&file, "a", "2026-11-21T02:00:00Z").expect("a trail");
    let started = Event::Started {
        hau: "0.1.0".to_owned(),
        own: None,
        peer: None,
    };
    trail
        .append("2026-11-21T02:00:00Z", vec![started.clone()])
        .expect("appended");
    let head = trail.standing().head.clone();
    let signature = b.sign(&statement("a", &head)).expect("signed");
    let by = b.fingerprint().to_string();
    let signature = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, signature);
    let (up_to, hash) = (head.seq, head.hash);
    let signed = Event::Countersigned {
        up_to,
        hash,
        by: by.clone(),
        signature,
    };
    trail
        .append("2026-11-21T02:00:01Z", vec![signed, started])
        .expect("appended");
    drop(trail);
    fs::copy(keys.path().join("cert.pem"), dir.path().join("b.pem")).expect("copied");
    fs::copy(keys.path().join("key.pem"), dir.path().join("key.pem")).expect("copied");
    let daemon = Daemon::new(BTreeMap::new());
    let folder = dir.path().to_str().expect("UTF-8");
    let whole = daemon.run(&["audit", "verify", folder]);
    assert_eq!(whole.code, Some(0), "{}{}", whole.out, whole.err);
    let said = whole.out.replace(folder, "…");
    let wanted = "\
…/a.trail: node a, 3 entries, 2026-11-21 02:00:00 UTC to 2026-11-21 02:00:01 UTC
  ✔ every entry follows the one before it
  ✔ signed by the other node up to entry 1
  ! up to 2 more entries are newer than that: they may be signed yet

Whole: up to where it is signed nothing was changed, added or left out.
";
    assert_eq!(said, wanted);
    let mut bytes = fs::read(&file).expect("readable");
    bytes[8192 + 60] ^= 1;
    fs::write(&file, bytes).expect("written");
    let changed = daemon.run(&["audit", "verify", folder]);
    assert_eq!(changed.code, Some(3), "{}", changed.out);
    assert!(
        changed
            .out
            .contains("✘ entry 1, byte 8192: the seal does not match"),
        "{}",
        changed.out
    );
    for (path, what) in [
        ("nowhere", "cannot read"),
        ("key.pem", "no certificate"),
        ("b.pem", "no trail"),
    ] {
        let path = dir.path().join(path);
        let ended = daemon.run(&["audit", "verify", path.to_str().expect("UTF-8")]);
        assert_eq!(ended.code, Some(2), "{}", ended.out);
        assert!(ended.err.contains(what), "{}", ended.err);
    }
}
