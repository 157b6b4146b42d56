//! What is typed and what is read, of every verb: `tests/transcripts/VERB.md`, against answers that a real pair gave
//! (`tests/transcripts/answers`). `TRYCMD=overwrite cargo test --test ctl` writes them anew.
use super::daemon::{Daemon, Routes};
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

/// Which question is answered by which file, whose lines are given one after the other.
type Answers = &'static [(&'static str, &'static [&'static str])];

/// A transcript of each name; the daemon is asked anew in each.
const ALL: &[(&str, Answers)] = &[
    ("status", &[("GET /v1/status", &["idle"])]),
    ("halted", &[("GET /v1/status", &["halted"])]),
    (
        "alarm",
        &[
            ("GET /v1/status", &["alarm", "failover"]),
            ("POST /v1/failover", &["started-1"]),
        ],
    ),
    (
        "rejoin",
        &[
            ("GET /v1/status", &["rejoin"]),
            ("POST /v1/rejoin", &["started-1"]),
        ],
    ),
    (
        "doctor",
        &[
            ("GET /v1/doctor", &["doctor"]),
            ("GET /v1/doctor?database=1", &["doctor-database"]),
        ],
    ),
    ("health", &[("GET /v1/health", &["health"])]),
    (
        "plan",
        &[("POST /v1/plans", &["plan"]), ("POST /v1/stage", &["done"])],
    ),
    (
        "upgrade",
        &[
            ("GET /v1/status", &["idle", "upgrade"]),
            ("POST /v1/rollouts", &["started-1"]),
        ],
    ),
    (
        "upgrade-halts",
        &[
            ("GET /v1/status", &["upgraded", "halts"]),
            ("POST /v1/rollouts", &["started-2"]),
        ],
    ),
    (
        "switch",
        &[
            ("GET /v1/status", &["upgraded", "switch"]),
            ("POST /v1/rollouts", &["started-3"]),
        ],
    ),
    (
        "retry",
        &[
            ("GET /v1/status", &["halted", "retry"]),
            ("POST /v1/orders", &["started-2"]),
        ],
    ),
    (
        "confirm",
        &[
            ("GET /v1/status", &["halted", "confirm"]),
            ("POST /v1/orders", &["started-2"]),
        ],
    ),
    (
        "abort",
        &[
            ("GET /v1/status", &["halted", "abort"]),
            ("POST /v1/orders", &["started-2"]),
        ],
    ),
    ("rollback", &[("POST /v1/plans", &["rollback-plan"])]),
    (
        "rollback-refused",
        &[
            ("GET /v1/status", &["idle"]),
            ("POST /v1/plans", &["no-backup"]),
            ("POST /v1/rollouts", &["no-backup"]),
        ],
    ),
    (
        "backup",
        &[
            ("GET /v1/backups", &["backups"]),
            ("POST /v1/backups", &["backup"]),
            (
                "POST /v1/backups/backup_20261130_142210/verify",
                &["manifest"],
            ),
        ],
    ),
    (
        "sync",
        &[
            ("GET /v1/sync", &["sync"]),
            ("GET /v1/sync/check", &["sync-check"]),
            ("POST /v1/sync/pause", &["done"]),
            ("POST /v1/sync/resume", &["done"]),
            ("POST /v1/sync/push", &["done"]),
        ],
    ),
    ("notify", &[("POST /v1/notices/test", &["notify"])]),
    ("history", &[("GET /v1/history", &["history"])]),
    (
        "report",
        &[
            ("GET /v1/history", &["history"]),
            ("GET /v1/probes/1-a", &["probes"]),
            ("GET /v1/audit?rollout=1", &["audit-1"]),
        ],
    ),
    ("audit", &[("GET /v1/audit?last=12", &["audit"])]),
    (
        "pair",
        &[
            ("GET /v1/pair", &["pair-waits"]),
            ("POST /v1/pair", &["pair-code"]),
        ],
    ),
    (
        "pair-other",
        &[
            ("GET /v1/pair", &["pair-done"]),
            ("POST /v1/pair", &["pair-done"]),
        ],
    ),
    ("init", &[]),
    ("schema", &[]),
    ("bundle", &[]),
    ("keys", &[]),
    ("unreachable", &[]),
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts")
}

fn routes(answers: Answers) -> Routes {
    let of_file = |name: &&str| {
        let file = folder().join("answers").join(format!("{name}.json"));
        let text = fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        let lines = text
            .lines()
            .map(|line| serde_json::from_str(line).expect("JSON"));
        lines.collect::<Vec<_>>()
    };
    let of_route = |(route, names): &(&'static str, &'static [&'static str])| {
        (*route, names.iter().flat_map(of_file).collect())
    };
    answers.iter().map(of_route).collect()
}

/// `hau-ctl` as it is typed, which finds this daemon, in a folder with the files that some of it reads.
fn program(daemon: &Daemon) -> PathBuf {
    let (file, work) = (
        daemon.dir.path().join("hau-ctl"),
        daemon.dir.path().join("work"),
    );
    let copied = Command::new("cp")
        .arg("-r")
        .arg(folder().join("files"))
        .arg(&work)
        .status();
    assert!(copied.expect("cp runs").success());
    let bin = env!("CARGO_BIN_EXE_hau-ctl");
    let socket = daemon.socket();
    let text = format!(
        "#!/bin/sh\ncd '{}' && exec '{bin}' --socket '{}' \"$@\"\n",
        work.display(),
        socket.display()
    );
    fs::write(&file, text).expect("written");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).expect("changed");
    file
}

#[test]
fn what_is_typed_and_what_is_read() {
    for (name, answers) in ALL {
        let daemon = Daemon::new(routes(answers));
        let cases = trycmd::TestCases::new();
        cases.register_bin("hau-ctl", program(&daemon));
        cases.env("LANG", "C.UTF-8");
        cases.timeout(Duration::from_secs(60));
        cases.case(folder().join(format!("{name}.md"))).run();
    }
}

#[test]
fn every_verb_has_its_transcript() {
    fn leaves(command: &clap::Command, before: &str, found: &mut Vec<String>) {
        let verbs = command.get_subcommands().filter(|c| c.get_name() != "help");
        for verb in verbs {
            let name = format!("{before} {}", verb.get_name());
            match verb.has_subcommands() {
                true => leaves(verb, &name, found),
                false => found.push(name),
            }
        }
    }
    let mut verbs = Vec::new();
    leaves(&hau::ctl::command(), "$ hau-ctl", &mut verbs);
    let text = |(name, _): &(&str, Answers)| {
        fs::read_to_string(folder().join(format!("{name}.md"))).expect("a transcript")
    };
    let texts: String = ALL.iter().map(text).collect();
    // It goes on until it is left: `terminal.rs`.
    verbs.retain(|verb| verb != "$ hau-ctl watch");
    let typed = |verb: &String| {
        let mut lines = texts.lines();
        lines.any(|line| {
            line.strip_prefix(verb.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
        })
    };
    verbs.retain(|verb| !typed(verb));
    assert!(verbs.is_empty(), "no transcript of {verbs:?}");
}
