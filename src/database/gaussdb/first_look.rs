//! What a person should see before the first rollout on a real GaussDB: the answers to what cannot be known beforehand, and what
//! no question shows.
use super::{Gaussdb, QUESTION, manager::Mover, rows::first, tools};
use crate::host::Finding;
use std::time::Duration;

const CHECK: &str = "database";
const TOOL: Duration = Duration::from_secs(10);

/// By its name: what is asked.
const QUESTIONS: [(&str, &str); 6] = [
    ("version", "select version()"),
    ("password_encryption_type", "show password_encryption_type"),
    ("synchronous_commit", "show synchronous_commit"),
    (
        "synchronous_standby_names",
        "show synchronous_standby_names",
    ),
    ("most_available_sync", "show most_available_sync"),
    ("hot_standby", "show hot_standby"),
];

/// What to try, and what must come of it.
const BY_HAND: [(&str, &str); 3] = [
    (
        "does gs_restore put back what gs_dump has written?",
        "hau-ctl backup create, then restore its database.dump into an empty database",
    ),
    (
        "does a switchover lose nothing, and how long does it take?",
        "hau-ctl switch under the load of a test, and back; compare the rows, and see hau-ctl report",
    ),
    (
        "with which role does a former primary come up after a power cut? Best as a standby",
        "power off the primary's host, hau-ctl failover --fenced on the other one, power it on: one that comes up as primary gets no VIP, and hau-ctl status says so; then hau-ctl rejoin",
    ),
];

pub(super) fn first_look(db: &Gaussdb) -> Vec<Finding> {
    let mut found: Vec<Finding> = QUESTIONS
        .iter()
        .map(|(name, sql)| asked(db, name, sql))
        .collect();
    found.push(told("gs_ctl", version(db)));
    found.push(told("cluster manager", cluster_manager(db)));
    found.push(told(
        "gs_ctl query",
        tools::query(db, TOOL).map(|said| said.words()),
    ));
    let by_hand = BY_HAND
        .iter()
        .map(|(what, how)| Finding::warn("by hand", *what, *how));
    found.extend(by_hand);
    found
}

fn asked(db: &Gaussdb, name: &str, sql: &str) -> Finding {
    let rows = db.ask(&format!("ask for {name}"), sql, QUESTION);
    told(
        name,
        rows.map(|rows| format!("\"{}\"", first(&rows).unwrap_or(""))),
    )
}

fn version(db: &Gaussdb) -> super::DatabaseResult<String> {
    let output = tools::done(db, "gs_ctl", &["--version"], TOOL)?;
    Ok(output.stdout.lines().next().unwrap_or("").trim().to_owned())
}

fn cluster_manager(db: &Gaussdb) -> super::DatabaseResult<String> {
    Ok(match Mover::of(db)? {
        Mover::GsCtl => "none runs here; hau moves the roles by gs_ctl".to_owned(),
        Mover::Manager(node) => format!(
            "this is its node {node}; hau asks it for a switchover, and a failover is its decision"
        ),
    })
}

fn told(name: &str, answer: super::DatabaseResult<String>) -> Finding {
    match answer {
        Ok(answer) => Finding::pass(CHECK, format!("{name}: {answer}")),
        Err(e) => Finding::warn(CHECK, format!("{name}: {}", e.what), e.remedy),
    }
}
