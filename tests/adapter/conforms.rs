//! What every adapter of a database promises, asked of a healthy pair: the fake and the real ones alike.
#![allow(clippy::unwrap_used, reason = "a test may")]
use hau::core::DatabaseRole;
use hau::database::{Database, DatabaseError, DatabaseResult};
use std::{
    path::Path,
    thread,
    time::{Duration, Instant},
};

const LIMIT: Duration = Duration::from_secs(30);
const SCRIPT: &str = "create table conforms (i int);\ninsert into conforms values (1)";

/// `a` is primary and `b` follows it. Below `dir` there is nothing.
pub(crate) fn conforms(a: &dyn Database, b: &dyn Database, dir: &Path) {
    says_who_it_is(a, b);
    applies_a_script_once(a, b);
    for (from, to) in [(a, b), (b, a)] {
        changes_roles(from, to);
    }
    takes_back(a, b);
    dumps(a, dir);
    refuses_in_sentences(a, dir);
}

pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + LIMIT;
    while !is_so() {
        assert!(Instant::now() < end, "waited in vain: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Whatever is asked may be asked again.
fn twice(mut ask: impl FnMut() -> DatabaseResult<()>) {
    for _ in 0..2 {
        ask().expect("done, and again");
    }
}

fn says_who_it_is(a: &dyn Database, b: &dyn Database) {
    assert_eq!(a.identity().unwrap(), b.identity().unwrap());
    assert!(!a.identity().unwrap().is_empty());
    assert_eq!(roles(a, b), [DatabaseRole::Primary, DatabaseRole::Standby]);
    assert_eq!(a.standing().role, DatabaseRole::Primary);
    assert!(!a.standing().follows && !a.standing().held);
    assert!(b.standing().follows);
    let there = a.position().unwrap();
    assert!(!there.is_empty() && a.has_replayed(&there).unwrap());
    until("b has replayed it", || b.has_replayed(&there).unwrap());
    for db in [a, b] {
        until("no lag", || db.replication().unwrap().lag_bytes == Some(0));
        let seen = db.replication().unwrap();
        assert!(seen.streaming && seen.obstacles.is_empty(), "{seen:?}");
    }
}

fn roles(a: &dyn Database, b: &dyn Database) -> [DatabaseRole; 2] {
    [a, b].map(|db| db.role().unwrap())
}

fn applies_a_script_once(a: &dyn Database, b: &dyn Database) {
    twice(|| a.apply_schema("0001_conforms.sql", SCRIPT, LIMIT));
    let there = a.position().unwrap();
    until("b has the script", || b.has_replayed(&there).unwrap());
    twice(|| a.apply_schema("0001_conforms.sql", SCRIPT, LIMIT));
}

fn changes_roles(from: &dyn Database, to: &dyn Database) {
    twice(|| from.prepare_switch(LIMIT));
    let stopped = from.demote(LIMIT).unwrap();
    from.demote(LIMIT).unwrap();
    twice(|| to.promote(&stopped, LIMIT));
    twice(|| from.rejoin(LIMIT));
    assert_eq!(
        roles(to, from),
        [DatabaseRole::Primary, DatabaseRole::Standby]
    );
    assert!(from.replication().unwrap().streaming);
    let there = to.position().unwrap();
    until("the old primary replays what the new one writes", || {
        from.has_replayed(&there).unwrap()
    });
}

/// As an abort does: the other one was not promoted.
fn takes_back(a: &dyn Database, b: &dyn Database) {
    let stopped = a.demote(LIMIT).unwrap();
    twice(|| a.take_back(Some(&stopped), LIMIT));
    assert_eq!(a.role().unwrap(), DatabaseRole::Primary);
    until("b follows again", || b.standing().follows);
    let there = a.position().unwrap();
    until("b has it all", || b.has_replayed(&there).unwrap());
}

fn dumps(a: &dyn Database, dir: &Path) {
    let file = dir.join("conforms.dump");
    assert!(a.size_bytes().unwrap() > 0);
    assert!(!a.mark().unwrap().position.is_empty());
    let mark = a.dump(&file, false, LIMIT).unwrap();
    assert!(!mark.position.is_empty());
    assert!(!a.check_dump(&file, LIMIT).unwrap().is_empty());
    is_told(
        &a.dump(&file, false, LIMIT)
            .expect_err("it is there already"),
    );
}

/// A person reads what went wrong, and what to do.
fn is_told(e: &DatabaseError) {
    assert!(!e.what.is_empty() && !e.remedy.is_empty(), "{e:?}");
}

fn refuses_in_sentences(a: &dyn Database, dir: &Path) {
    is_told(
        &a.check_dump(&dir.join("no.dump"), LIMIT)
            .expect_err("no such file"),
    );
    let cannot = [a.guard().err(), a.restores().err(), a.pulse(LIMIT).err()];
    for e in cannot.into_iter().flatten() {
        is_told(&e);
        assert!(!e.transient, "it cannot do it later either: {e:?}");
    }
}
