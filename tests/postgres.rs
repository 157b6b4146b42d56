//! The PostgreSQL adapter against two real servers that replicate to each other.
#![allow(
    clippy::unwrap_used,
    reason = "a test may; clippy spares only the test functions themselves"
)]

#[path = "postgres/commands.rs"]
mod commands;
#[path = "adapter/conforms.rs"]
mod conforms;
#[path = "postgres/host.rs"]
mod host;
#[path = "postgres/pair.rs"]
mod pair;
#[path = "adapter/restores.rs"]
mod restores;
#[path = "postgres/scripts.rs"]
mod scripts;

use hau::{
    core::DatabaseRole,
    database::{Beat, Database, DatabaseError, Dumps, Replica, Restores, Schema},
    host::Host,
};
use nix::sys::signal::{Signal, kill};
use pair::{LIMIT, Node, Pair};
use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::MetadataExt,
    time::{Duration, Instant},
};

/// How the other node is told that everything arrived, and how a switchover goes.
fn switch(pair: &Pair, from: &Node, to: &Node) -> Duration {
    from.db.prepare_switch(LIMIT).unwrap();
    let start = Instant::now();
    let position = from.db.demote(LIMIT).unwrap();
    to.db
        .promote(&position, LIMIT)
        .unwrap_or_else(|e| panic!("{e}\n{}", pair.logs()));
    let took = start.elapsed();
    from.db
        .rejoin(LIMIT)
        .unwrap_or_else(|e| panic!("{e}\n{}", pair.logs()));
    took
}

fn says(error: &DatabaseError, words: &str) {
    assert!(error.what.contains(words), "{error:?}");
    assert!(!error.remedy.is_empty(), "{error:?}");
}

#[test]
fn it_is_a_database_as_the_others() {
    let pair = Pair::new();
    conforms::conforms(&pair.a.db, &pair.b.db, pair.dir());
}

/// What one beat of each says, in order.
#[test]
fn a_beat_is_written_on_the_primary_and_seen_on_the_standby() {
    let pair = Pair::new();
    let mut primary = pair.a.db.pulse(LIMIT).unwrap();
    let mut standby = pair.b.db.pulse(LIMIT).unwrap();
    assert_eq!(
        standby.beat(LIMIT).unwrap(),
        Beat::Seen(None),
        "no table yet"
    );
    let mut last = Beat::Seen(None);
    for _ in 0..3 {
        assert_eq!(primary.beat(LIMIT).unwrap(), Beat::Written);
        pair.until("the beat is seen", || standby.beat(LIMIT).unwrap() != last);
        last = standby.beat(LIMIT).unwrap();
    }
    switch(&pair, &pair.a, &pair.b);
    assert!(primary.beat(LIMIT).is_err(), "its server has stopped");
    assert_eq!(
        standby.beat(LIMIT).unwrap(),
        Beat::Written,
        "on the same connection"
    );
}

#[test]
fn both_nodes_say_their_role_their_place_and_what_stands_in_the_way() {
    let pair = Pair::new();
    let (a, b) = (&pair.a.db, &pair.b.db);
    assert_eq!(a.role().unwrap(), DatabaseRole::Primary);
    assert_eq!(b.role().unwrap(), DatabaseRole::Standby);
    assert_eq!(
        a.system_identifier().unwrap(),
        b.system_identifier().unwrap()
    );
    assert!(a.size_bytes().unwrap() > 1_000_000);

    pair.a
        .sql()
        .batch_execute("create table t (i int)")
        .unwrap();
    let position = a.position().unwrap();
    assert!(a.has_replayed(&position).unwrap());
    pair.until("replayed", || b.has_replayed(&position).unwrap());
    says(&b.has_replayed("nonsense").unwrap_err(), "nonsense");
    for db in [a, b] {
        pair.until("no lag", || db.replication().unwrap().lag_bytes == Some(0));
        let replication = db.replication().unwrap();
        assert!(replication.streaming);
        assert_eq!(replication.obstacles, Vec::<String>::new());
    }

    pair.b
        .sql()
        .batch_execute("select pg_wal_replay_pause()")
        .unwrap();
    pair.a
        .sql()
        .batch_execute("insert into t values (1)")
        .unwrap();
    let position = a.position().unwrap();
    assert!(!b.has_replayed(&position).unwrap());
    pair.until("lag on the primary", || {
        a.replication()
            .unwrap()
            .lag_bytes
            .is_some_and(|lag| lag > 0)
    });
    pair.until("lag on the standby", || {
        b.replication()
            .unwrap()
            .lag_bytes
            .is_some_and(|lag| lag > 0)
    });
    let behind = b.replication().unwrap();
    assert!(behind.obstacles[0].contains("paused"), "{behind:?}");
    pair.b
        .sql()
        .batch_execute("select pg_wal_replay_resume()")
        .unwrap();

    let mut sql = pair.a.sql();
    sql.batch_execute("alter system set synchronous_standby_names = 'b'")
        .unwrap();
    sql.batch_execute("select pg_reload_conf()").unwrap();
    pair.until("the synchronous trap is seen", || {
        let found = a.replication().unwrap().obstacles;
        found
            .iter()
            .any(|o| o.starts_with("synchronous_standby_names"))
    });
}

#[test]
fn a_schema_script_is_applied_once_and_whole() {
    let pair = Pair::new();
    let (a, b) = (&pair.a.db, &pair.b.db);
    assert_eq!(a.applied_schema().unwrap(), BTreeMap::new());
    let script = "create table goods (id int); insert into goods values (1);";
    a.apply_schema("001", script, LIMIT).unwrap();
    a.apply_schema("001", script, LIMIT).unwrap();
    assert_eq!(pair.a.count("goods"), 1);
    assert_eq!(
        pair.a.count("hau.schema_history where length(sha256) = 64"),
        1
    );

    pair.until("both nodes know that it was applied", || {
        let known = [a, b].map(|db| db.applied_schema().unwrap());
        known
            .iter()
            .all(|known| known.get("001").is_some_and(|hash| hash.len() == 64))
    });
    says(
        &a.apply_schema("001", "select 1", LIMIT).unwrap_err(),
        "other content",
    );
    says(
        &a.apply_schema("002", "commit;", LIMIT).unwrap_err(),
        "COMMIT",
    );
    says(
        &b.apply_schema("002", "select 1", LIMIT).unwrap_err(),
        "is a standby",
    );
    let broken = "insert into goods values (2); select 1/0;";
    let e = a.apply_schema("002", broken, LIMIT).unwrap_err();
    says(&e, "division by zero");
    assert!(!e.transient);
    assert_eq!(pair.a.count("goods"), 1);
    // It changes its role, and hau still notes it.
    let roles = "create role shopper; set role shopper; select 1";
    a.apply_schema("003", roles, LIMIT).unwrap();
    assert_eq!(pair.a.count("hau.schema_history"), 2);
}

#[test]
fn a_schema_script_waits_for_locks_and_ends_in_time() {
    let pair = Pair::new();
    let db = &pair.a.db;
    db.apply_schema("001", "create table goods (id int)", LIMIT)
        .unwrap();
    let mut holder = pair.a.sql();
    let mut held = holder.transaction().unwrap();
    held.batch_execute("lock table goods").unwrap();

    let short = Duration::from_millis(800);
    let (e, took) = timed(|| db.apply_schema("002", "alter table goods add x int", short));
    assert!(e.unwrap_err().transient);
    assert!(took < Duration::from_secs(2), "{took:?}");
    // Locks are given up for a moment and asked for again: it gets through when they are free.
    std::thread::scope(|scope| {
        let waits = scope.spawn(|| db.apply_schema("002", "alter table goods add x int", LIMIT));
        std::thread::sleep(Duration::from_millis(2_300));
        held.commit().unwrap();
        waits.join().unwrap().unwrap();
    });

    let endless = "select pg_sleep(0.4); select pg_sleep(0.4); create table late (i int)";
    let (e, took) = timed(|| db.apply_schema("003", endless, Duration::from_millis(600)));
    assert!(e.unwrap_err().transient);
    assert!(took < Duration::from_secs(1), "{took:?}");
    pair.until("the script is ended on the server too", || {
        let busy = "pg_stat_activity where query like '%pg_sleep(0%' and state <> 'idle'
                    and pid <> pg_backend_pid()";
        pair.a.count(busy) == 0
    });
    assert_eq!(pair.a.count("pg_class where relname = 'late'"), 0);
    assert_eq!(pair.a.count("hau.schema_history"), 2);
}

fn timed<T>(act: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    (act(), start.elapsed())
}

#[test]
fn no_committed_row_is_lost_over_switchovers_there_and_back() {
    let pair = Pair::on_disk();
    let writer = pair.writer();
    let mut times = Vec::new();
    for _ in 0..6 {
        times.push(switch(&pair, &pair.a, &pair.b));
        assert_eq!(pair.b.db.role().unwrap(), DatabaseRole::Primary);
        times.push(switch(&pair, &pair.b, &pair.a));
        assert_eq!(pair.a.db.role().unwrap(), DatabaseRole::Primary);
    }
    let written = writer.end();
    let found: Vec<i64> = pair
        .a
        .sql()
        .query("select id from orders order by id", &[])
        .unwrap()
        .iter()
        .map(|row| row.get(0))
        .collect();
    let lost = written
        .committed
        .iter()
        .filter(|id| found.binary_search(id).is_err())
        .count();
    println!(
        "stop until the new primary takes writes: {}",
        figures(&mut times)
    );
    println!(
        "gap that the writer saw: {}",
        figures(&mut written.gaps.clone())
    );
    println!("{} rows committed, {lost} lost", written.committed.len());
    assert_eq!(lost, 0);
    assert!(written.committed.len() > 100 && written.gaps.len() >= 12);
    assert!(*times.last().unwrap() < Duration::from_secs(4), "{times:?}");
}

fn figures(times: &mut [Duration]) -> String {
    times.sort();
    let (n, median) = (times.len(), times[times.len() / 2]);
    format!(
        "n {n}, min {:.1?}, median {median:.1?}, max {:.1?}",
        times[0],
        times[n - 1]
    )
}

#[test]
fn a_standby_short_of_the_position_is_never_promoted_and_the_primary_taken_back() {
    let pair = Pair::new();
    let (a, b) = (&pair.a.db, &pair.b.db);
    pair.a
        .sql()
        .batch_execute("create table t (i int)")
        .unwrap();
    pair.b
        .sql()
        .batch_execute("select pg_wal_replay_pause()")
        .unwrap();
    pair.a
        .sql()
        .batch_execute("insert into t values (1)")
        .unwrap();
    let position = a.demote(LIMIT).unwrap();
    let e = b
        .promote(&position, Duration::from_millis(500))
        .unwrap_err();
    says(&e, "not promoted");
    assert_eq!(b.role().unwrap(), DatabaseRole::Standby);

    a.take_back(None, LIMIT).unwrap();
    a.take_back(None, LIMIT).unwrap();
    assert_eq!(a.role().unwrap(), DatabaseRole::Primary);
    assert!(!pair.a.data_dir.join("standby.signal").exists());
    pair.b
        .sql()
        .batch_execute("select pg_wal_replay_resume()")
        .unwrap();
    pair.until("b streams again", || b.replication().unwrap().streaming);

    // What nobody will ever send is not waited for until the limit.
    let position = "FFFF/0";
    let e = a.promote(position, LIMIT).unwrap_err();
    says(&e, "this primary");
    pair.host.stop_unit(&pair.a.unit, LIMIT).unwrap();
    let (e, took) = timed(|| b.promote(position, LIMIT));
    says(&e.unwrap_err(), "FFFF/0 is needed");
    assert!(took < LIMIT / 2, "{took:?}");
    assert_eq!(b.role().unwrap(), DatabaseRole::Standby);
}

#[test]
fn each_call_of_a_switchover_may_be_repeated() {
    let pair = Pair::new();
    let (a, b) = (&pair.a.db, &pair.b.db);
    let position = a.demote(LIMIT).unwrap();
    let signal = pair.a.data_dir.join("standby.signal");
    let owner = fs::metadata(&pair.a.data_dir).unwrap().uid();
    assert_eq!(fs::metadata(&signal).unwrap().uid(), owner);
    // As after a crash between the stop and the signal file.
    fs::remove_file(&signal).unwrap();
    says(&a.rejoin(LIMIT).unwrap_err(), "standby.signal is missing");
    assert_eq!(a.demote(LIMIT).unwrap(), position);
    assert!(signal.exists());

    pair.until("all replayed", || b.has_replayed(&position).unwrap());
    b.promote(&position, LIMIT).unwrap();
    b.promote(&position, LIMIT).unwrap();
    a.rejoin(LIMIT).unwrap();
    a.rejoin(LIMIT).unwrap();
    says(&a.demote(LIMIT).unwrap_err(), "is a standby");
    // It followed the one that was promoted since.
    let e = a.take_back(Some(&position), LIMIT).unwrap_err();
    says(&e, "timeline 2");
    says(&a.take_back(None, LIMIT).unwrap_err(), "as a standby");
    says(&b.rejoin(LIMIT).unwrap_err(), "runs as primary");
    b.take_back(None, LIMIT).unwrap();

    pair.host.stop_unit(&pair.a.unit, LIMIT).unwrap();
    says(&a.demote(LIMIT).unwrap_err(), "shut down in recovery");
    says(
        &a.take_back(None, LIMIT).unwrap_err(),
        "shut down in recovery",
    );
    let e = b.demote(LIMIT).unwrap_err();
    says(&e, "no standby streams");
    assert!(e.transient);
    a.rejoin(LIMIT).unwrap();
}

/// A demoted primary whose host was off comes up as a standby, and both wait for one another.
#[test]
fn a_demoted_primary_that_was_started_since_is_taken_back() {
    let pair = Pair::new();
    let (a, b) = (&pair.a.db, &pair.b.db);
    let position = a.demote(LIMIT).unwrap();
    pair.start(&pair.a);
    assert_eq!(a.role().unwrap(), DatabaseRole::Standby);
    says(&a.take_back(None, LIMIT).unwrap_err(), "as a standby");
    for _ in 0..2 {
        a.take_back(Some(&position), LIMIT).unwrap();
        assert_eq!(a.role().unwrap(), DatabaseRole::Primary);
    }
    pair.until("b follows", || b.replication().unwrap().streaming);
    pair.a
        .sql()
        .batch_execute("create table t (i int)")
        .unwrap();
    let position = a.position().unwrap();
    pair.until("b has it", || b.has_replayed(&position).unwrap());
}

#[test]
fn a_database_that_went_its_own_way_cannot_rejoin() {
    let pair = Pair::new();
    let (a, b) = (&pair.a.db, &pair.b.db);
    let position = a.demote(LIMIT).unwrap();
    b.promote(&position, LIMIT).unwrap();
    // By hand and wrongly: the old primary writes once more.
    fs::remove_file(pair.a.data_dir.join("standby.signal")).unwrap();
    pair.start(&pair.a);
    pair.a
        .sql()
        .batch_execute("create table stray (i int)")
        .unwrap();
    pair.host.stop_unit(&pair.a.unit, LIMIT).unwrap();
    a.demote(LIMIT).unwrap();
    let e = a.rejoin(LIMIT).unwrap_err();
    says(&e, "cannot join");
    assert!(e.remedy.contains("pg_rewind") && !e.transient, "{e:?}");
}

/// By itself the new primary makes a checkpoint minutes later, if there is much to write, and until then says that it is
/// on the old timeline.
#[test]
fn a_former_primary_comes_back_right_after_the_failover() {
    let pair = Pair::new();
    let (a, b) = (&pair.a.db, &pair.b.db);
    let fill =
        "create table goods as select i, md5(i::text) as m from generate_series(1, 300000) i";
    pair.a.sql().batch_execute(fill).unwrap();
    let position = a.position().unwrap();
    pair.until("b has it", || b.has_replayed(&position).unwrap());
    pair.host.stop_unit(&pair.a.unit, LIMIT).unwrap();
    b.take_over(None, LIMIT).unwrap();
    a.rewind(false, LIMIT).unwrap();
    a.rejoin(LIMIT).unwrap();
    assert!(a.replication().unwrap().streaming);
}

/// Each was made primary where the other had stopped: their timelines have one number and begin at one place.
#[test]
fn two_that_were_promoted_apart_are_not_taken_for_one() {
    let pair = Pair::new();
    let (a, b) = (&pair.a.db, &pair.b.db);
    let position = a.demote(LIMIT).unwrap();
    b.promote(&position, LIMIT).unwrap();
    let write = |node: &Node, what: &str| {
        let text = format!("create table {what} as select generate_series(1, 9) as i");
        node.sql().batch_execute(&text).unwrap();
    };
    write(&pair.b, "lost");
    pair.host.stop_unit(&pair.b.unit, LIMIT).unwrap();
    a.take_over(Some(3), LIMIT).unwrap();
    write(&pair.a, "kept");
    assert_eq!(a.standing().timeline, b.standing().timeline);

    says(
        &b.rewind(false, LIMIT).unwrap_err(),
        "promoted to one timeline",
    );
    says(
        &b.rewind(false, LIMIT).unwrap_err(),
        "promoted to one timeline",
    );
    b.rewind(true, LIMIT).unwrap();
    b.rejoin(LIMIT).unwrap();
    let kept = "select count(*) from kept";
    let rows: i64 = pair.b.sql().query_one(kept, &[]).unwrap().get(0);
    assert_eq!(rows, 9);
    assert!(pair.b.sql().batch_execute("select from lost").is_err());
}

/// It lies with the data: whoever follows them has it, and is of it when it becomes primary.
#[test]
fn a_term_replicates_and_outlives_a_switchover() {
    let pair = Pair::new();
    let (a, b) = (&pair.a.db, &pair.b.db);
    assert_eq!([a.standing().term, b.standing().term], [0, 0]);
    a.take_over(Some(3), LIMIT).unwrap();
    a.take_over(Some(3), LIMIT).unwrap();
    pair.until("b is of it", || b.standing().term == 3);
    let position = a.demote(LIMIT).unwrap();
    b.promote(&position, LIMIT).unwrap();
    b.take_over(None, LIMIT).unwrap();
    let seen = b.standing();
    assert_eq!((seen.role, seen.term), (DatabaseRole::Primary, 3));
    // Whoever may set it may set it to anything.
    let name = "do $$ begin execute format('alter database %I set hau.term = %L', current_database(), 'x'); end $$";
    pair.b.sql().batch_execute(name).unwrap();
    let seen = b.standing();
    assert_eq!((seen.role, seen.term), (DatabaseRole::Primary, 0));
}

#[test]
fn a_dump_of_either_node_is_read_back_and_a_damaged_one_refused() {
    let pair = Pair::new();
    let fill = "create table goods as select i, md5(i::text) as m from generate_series(1, 20000) i";
    pair.a.sql().batch_execute(fill).unwrap();
    let position = pair.a.db.position().unwrap();
    pair.until("replayed", || pair.b.db.has_replayed(&position).unwrap());
    let files = tempfile::tempdir().unwrap();
    for (node, name) in [(&pair.a, "a.dump"), (&pair.b, "b.dump")] {
        let file = files.path().join(name);
        node.db.dump(&file, false, LIMIT).unwrap();
        let summary = node.db.check_dump(&file, LIMIT).unwrap();
        assert!(summary.starts_with("1 tables of shop"), "{summary}");
        says(
            &node.db.dump(&file, false, LIMIT).unwrap_err(),
            "exists already",
        );
    }

    let bytes = fs::read(files.path().join("a.dump")).unwrap();
    let damaged = files.path().join("damaged");
    let mut flipped = bytes.clone();
    let middle = bytes.len() / 2;
    flipped[middle..middle + 64].fill(0);
    for bad in [&bytes[..bytes.len() - 3000], &bytes[..40], b"", &flipped] {
        fs::write(&damaged, bad).unwrap();
        says(
            &pair.a.db.check_dump(&damaged, LIMIT).unwrap_err(),
            "pg_restore",
        );
    }
    let late = files.path().join("late");
    assert!(
        pair.a
            .db
            .dump(&late, false, Duration::from_millis(1))
            .is_err()
    );
    assert!(!late.exists());
}

/// What is counted is what the dump shows, while others go on writing; what is restored has as many rows.
#[test]
fn a_dump_is_restored_beside_the_running_database_and_counted() {
    let pair = Pair::new();
    let db = &pair.a.db;
    let fill = "create schema \"Odd name\"; create table \"Odd name\".t (i int);
        create table goods as select i from generate_series(1, 5000) i;
        create unlogged table passing as select 1";
    pair.a.sql().batch_execute(fill).unwrap();
    let files = tempfile::tempdir().unwrap();
    let file = files.path().join("dump");
    let seen = db.dump(&file, true, LIMIT).unwrap();
    pair.a
        .sql()
        .batch_execute("insert into goods select 1")
        .unwrap();
    assert_eq!(seen.rows["public.goods"], 5000);
    assert_eq!(seen.rows["\"Odd name\".t"], 0);
    for _ in 0..2 {
        assert_eq!(db.restore_beside(&file, LIMIT).unwrap(), seen.rows);
    }
    let now = db.mark().unwrap();
    assert!(now.next_transaction > seen.next_transaction && now.at > seen.at);
    db.drop_beside(LIMIT).unwrap();
    db.drop_beside(LIMIT).unwrap();
    let standby = pair.b.db.restore_beside(&file, LIMIT).unwrap_err();
    assert!(!standby.remedy.is_empty(), "{standby:?}");
    let cut = fs::read(&file).unwrap();
    fs::write(&file, &cut[..cut.len() - 2000]).unwrap();
    says(&db.restore_beside(&file, LIMIT).unwrap_err(), "pg_restore");
}

#[test]
fn a_restored_database_takes_the_place_of_the_running_one() {
    let pair = Pair::new();
    restores::takes_the_place(&pair.a.db, &pair.b.db, &pair);
}

#[test]
fn a_stopped_server_is_said_to_be_down_and_found_again() {
    let pair = Pair::new();
    assert!(pair.a.db.role().is_ok());
    pair.host.stop_unit(&pair.a.unit, LIMIT).unwrap();
    for _ in 0..40 {
        let e = pair.a.db.role().unwrap_err();
        says(&e, "cannot ask for the role");
        assert!(e.transient);
    }
    let files = tempfile::tempdir().unwrap();
    let to = files.path().join("dump");
    let e = pair.a.db.dump(&to, false, LIMIT).unwrap_err();
    says(&e, "cannot begin a dump");
    assert!(e.transient && !to.exists());
    // Its last pidfile is back, and the number in it now belongs to somebody else.
    let me = std::process::id();
    fs::write(pair.a.data_dir.join("postmaster.pid"), format!("{me}\n")).unwrap();
    pair.a.db.demote(LIMIT).unwrap();
    fs::remove_file(pair.a.data_dir.join("postmaster.pid")).unwrap();
    pair.a.db.take_back(None, LIMIT).unwrap();
    assert_eq!(pair.a.db.role().unwrap(), DatabaseRole::Primary);
}

#[test]
fn a_hung_server_costs_no_more_than_the_limit() {
    let pair = Pair::new();
    let db = &pair.a.db;
    assert!(db.role().is_ok());
    let second = Duration::from_secs(1);
    let postmaster = pair.a.postmaster();
    kill(postmaster, Signal::SIGSTOP).unwrap();
    // The kept connection has its own process, which still works; a new one hangs.
    assert!(db.role().is_ok());
    let mut took = Vec::new();
    for _ in 0..3 {
        let (e, time) = timed(|| db.prepare_switch(second / 5));
        says(&e.unwrap_err(), "no answer within");
        took.push(time);
    }
    let (e, time) = timed(|| db.demote(second / 2));
    says(&e.unwrap_err(), "did not stop within");
    took.push(time);
    let (e, time) = timed(|| db.promote("0/1", second / 2));
    says(&e.unwrap_err(), "no answer within");
    took.push(time);
    // However often it is asked, what is left behind on it stays bounded.
    for _ in 0..40 {
        assert!(db.prepare_switch(second / 50).is_err());
    }
    let threads = fs::read_dir("/proc/self/task").unwrap().count();
    assert!(threads < 40, "{threads} threads");
    kill(postmaster, Signal::SIGCONT).unwrap();
    assert!(took.iter().all(|t| *t < second), "{took:?}");
    // It was asked to stop and does so now.
    let position = db.demote(LIMIT).unwrap();
    assert!(pair.b.db.has_replayed(&position).unwrap());
    db.take_back(None, LIMIT).unwrap();
    assert_eq!(db.role().unwrap(), DatabaseRole::Primary);
}
