//! The GaussDB adapter against two PostgreSQL servers that look like openGauss (`gaussdb/front`): no openGauss can be had.
#![allow(
    clippy::unwrap_used,
    reason = "a test may; clippy spares only the test functions themselves"
)]

#[path = "adapter/conforms.rs"]
mod conforms;
#[allow(dead_code, reason = "shared with tests/postgres.rs, which uses more")]
#[path = "postgres/host.rs"]
mod host;
#[path = "gaussdb/pair.rs"]
mod pair;
#[allow(dead_code, reason = "shared with tests/postgres.rs, which uses more")]
#[path = "postgres/pair.rs"]
mod postgres;
#[path = "adapter/restores.rs"]
mod restores;

use hau::{
    core::DatabaseRole,
    database::{Database, DatabaseError, Dumps, Replica, Schema},
    host::Host,
};
use pair::{Gauss, Member, PASSWORD};
use postgres::Pair;
use std::{
    fs,
    time::{Duration, Instant},
};

/// gs_ctl takes its time: it looks once a second, and three times more.
const LIMIT: Duration = Duration::from_secs(30);

fn says(error: &DatabaseError, words: &str) {
    assert!(error.what.contains(words), "{error:?}");
    assert!(!error.remedy.is_empty(), "{error:?}");
}

fn switch(from: &Member, to: &Member) -> String {
    from.db.prepare_switch(LIMIT).unwrap();
    let position = from.db.demote(LIMIT).unwrap();
    to.db
        .promote(&position, LIMIT)
        .unwrap_or_else(|e| panic!("{e:?}\n{}\n{}", from.log(), to.log()));
    from.db
        .rejoin(LIMIT)
        .unwrap_or_else(|e| panic!("{e:?}\n{}\n{}", from.log(), to.log()));
    position
}

#[test]
fn it_is_a_database_as_the_others() {
    let gauss = Gauss::new();
    conforms::conforms(&gauss.a.db, &gauss.b.db, gauss.pair.dir());
}

#[test]
fn both_nodes_say_their_role_their_place_and_what_stands_in_the_way() {
    let gauss = Gauss::new();
    let (a, b, pair) = (&gauss.a.db, &gauss.b.db, &gauss.pair);
    assert_eq!(a.role().unwrap(), DatabaseRole::Primary);
    assert_eq!(b.role().unwrap(), DatabaseRole::Standby);
    assert_eq!(a.identity().unwrap(), b.identity().unwrap());
    assert!(a.size_bytes().unwrap() > 1_000_000);
    pair.a
        .sql()
        .batch_execute("create table t (i int)")
        .unwrap();
    let position = a.position().unwrap();
    assert!(a.has_replayed(&position).unwrap());
    pair.until("replayed", || b.has_replayed(&position).unwrap());
    for db in [a, b] {
        pair.until("no lag", || db.replication().unwrap().lag_bytes == Some(0));
        let replication = db.replication().unwrap();
        assert!(replication.streaming);
        assert_eq!(replication.obstacles, Vec::<String>::new());
    }
    assert!(b.standing().follows && !a.standing().follows);

    // The standby receives and does not replay: the lag is seen on both.
    let pause = "select pg_xlog_replay_pause()";
    pair.b.sql().batch_execute(pause).unwrap();
    let insert = "insert into t values (1)";
    pair.a.sql().batch_execute(insert).unwrap();
    let position = a.position().unwrap();
    assert!(!b.has_replayed(&position).unwrap());
    for db in [a, b] {
        let behind = || {
            db.replication()
                .unwrap()
                .lag_bytes
                .is_some_and(|lag| lag > 0)
        };
        pair.until("lag", behind);
    }
}

#[test]
fn no_committed_row_is_lost_over_switchovers_there_and_back() {
    let gauss = Gauss::new();
    let writer = gauss.pair.writer();
    let rows = "no rows are written";
    gauss
        .pair
        .until(rows, || gauss.pair.a.count("orders") > 100);
    for (from, to) in [(&gauss.a, &gauss.b), (&gauss.b, &gauss.a)] {
        switch(from, to);
        assert_eq!(to.db.role().unwrap(), DatabaseRole::Primary);
        assert_eq!(from.db.role().unwrap(), DatabaseRole::Standby);
        assert!(to.db.replication().unwrap().streaming);
    }
    let count = gauss.pair.a.count("orders");
    gauss
        .pair
        .until(rows, || gauss.pair.a.count("orders") > count);
    let written = writer.end();
    let found: Vec<i64> = gauss
        .pair
        .a
        .sql()
        .query("select id from orders order by id", &[])
        .unwrap()
        .iter()
        .map(|row| row.get(0))
        .collect();
    let is_lost = |id: &&i64| found.binary_search(id).is_err();
    let lost = written.committed.iter().filter(is_lost).count();
    println!(
        "{} rows committed, {lost} lost, gaps {:.1?}",
        written.committed.len(),
        written.gaps
    );
    assert_eq!(lost, 0);
    assert_eq!(written.gaps.len(), 2, "{:?}", written.gaps);
}

#[test]
fn each_call_of_a_switchover_may_be_repeated() {
    let gauss = Gauss::new();
    let (a, b) = (&gauss.a.db, &gauss.b.db);
    a.prepare_switch(LIMIT).unwrap();
    a.prepare_switch(LIMIT).unwrap();
    a.demote(LIMIT).unwrap();
    // It goes on until the other one is promoted: where it is grows.
    let position = a.demote(LIMIT).unwrap();
    b.promote(&position, LIMIT).unwrap();
    b.promote(&position, LIMIT).unwrap();
    a.rejoin(LIMIT).unwrap();
    a.rejoin(LIMIT).unwrap();
    assert_eq!(a.role().unwrap(), DatabaseRole::Standby);
    assert!(a.replication().unwrap().streaming);
}

/// gs_ctl ends well when nothing has come of it in time.
#[test]
fn a_switchover_that_takes_too_long_is_no_success() {
    let gauss = Gauss::new();
    let (a, b) = (&gauss.a.db, &gauss.b.db);
    gauss.b.set("never", "true");
    let said = gauss.b.gs_ctl(&["switchover", "-t", "1"]);
    assert!(
        said.contains("switchover timeout after 1 seconds"),
        "{said}"
    );

    let position = a.demote(LIMIT).unwrap();
    let start = Instant::now();
    let short = Duration::from_secs(4);
    let e = b.promote(&position, short).unwrap_err();
    assert!(!e.remedy.is_empty(), "{e:?}");
    assert!(start.elapsed() < short * 2, "{:?}", start.elapsed());
    assert_eq!(b.role().unwrap(), DatabaseRole::Standby);
    a.take_back(Some(&position), LIMIT).unwrap();
    assert_eq!(a.role().unwrap(), DatabaseRole::Primary);

    gauss.b.set("never", "false");
    gauss.pair.until("b follows again", || {
        b.replication().is_ok_and(|r| r.streaming)
    });
    switch(&gauss.a, &gauss.b);
    assert_eq!(b.role().unwrap(), DatabaseRole::Primary);
}

#[test]
fn the_standby_takes_over_and_the_old_primary_comes_back() {
    for rebuild in [false, true] {
        let gauss = Gauss::new();
        let (a, b, pair) = (&gauss.a.db, &gauss.b.db, &gauss.pair);
        let table = "create table kept as select generate_series(1, 9) as i";
        pair.a.sql().batch_execute(table).unwrap();
        let position = a.position().unwrap();
        pair.until("b has it", || b.has_replayed(&position).unwrap());
        let data = pair.a.data_dir.display().to_string();
        pair.tool("pg_ctl", &["-D", &data, "-m", "immediate", "stop"]);
        b.take_over(None, LIMIT).unwrap();
        b.take_over(None, LIMIT).unwrap();
        assert_eq!(b.role().unwrap(), DatabaseRole::Primary);
        pair.b.sql().batch_execute("delete from kept").unwrap();
        // Alone and by hand: what the new primary never got.
        gauss.a.gs_ctl(&["start", "-M", "primary"]);
        let stray = "create table stray as select generate_series(1, 9) as i";
        pair.a.sql().batch_execute(stray).unwrap();
        gauss.a.gs_ctl(&["stop"]);

        a.rewind(rebuild, LIMIT).unwrap();
        a.rejoin(LIMIT).unwrap();
        assert_eq!(a.role().unwrap(), DatabaseRole::Standby);
        pair.until("a streams", || a.replication().unwrap().streaming);
        let position = b.position().unwrap();
        pair.until("a has it", || a.has_replayed(&position).unwrap());
        assert_eq!(pair.a.count("kept"), 0);
        assert!(pair.a.sql().batch_execute("select from stray").is_err());
    }
}

/// What PostgreSQL's timelines say is said by a number in the data.
#[test]
fn a_former_primary_that_comes_up_is_seen_to_be_the_older_one() {
    let gauss = Gauss::new();
    let (a, b, pair) = (&gauss.a.db, &gauss.b.db, &gauss.pair);
    assert_eq!(a.standing().timeline, 1);
    pair.until("b has the number", || b.standing().timeline == 1);
    let behind = switch(&gauss.a, &gauss.b);
    assert_eq!(b.standing().timeline, 2);
    switch(&gauss.b, &gauss.a);
    assert_eq!(
        [a.standing().timeline, a.standing().timeline],
        [3, 3],
        "counted once"
    );
    pair.until("b has the number", || b.standing().timeline == 3);
    let e = b.promote(&behind, LIMIT).unwrap_err();
    says(&e, "promoted since");
    assert!(!e.transient && !b.has_replayed(&behind).unwrap());

    // One that still looks after the switchover would go on looking after a dead server, and keep the next one out.
    pair.until("gs_ctl has ended", || gauss.a.is_free());
    let data = pair.a.data_dir.display().to_string();
    pair.tool("pg_ctl", &["-D", &data, "-m", "immediate", "stop"]);
    b.take_over(None, LIMIT).unwrap();
    gauss.a.gs_ctl(&["start", "-M", "primary"]);
    pair.until("a is up", || a.role().is_ok());
    let seen = a.standing();
    assert_eq!((seen.role, seen.timeline), (DatabaseRole::Primary, 3));
    assert_eq!(b.standing().timeline, 4);
    a.rewind(false, LIMIT).unwrap();
    a.rejoin(LIMIT).unwrap();
    pair.until("a has the number", || a.standing().timeline == 4);
    assert!(a.standing().follows);
}

/// Everything is asked of it, for what gs_ctl does it takes back; over a failover it decides alone.
#[test]
fn where_the_cluster_manager_runs_it_moves_the_roles() {
    let gauss = Gauss::new();
    let (a, b, pair) = (&gauss.a.db, &gauss.b.db, &gauss.pair);
    let managers = [(&gauss.a, 1), (&gauss.b, 2)].map(|(member, n)| member.managed(n));
    let data = gauss.b.data_dir.display().to_string();
    let (code, _) = gauss.b.program("gs_ctl", &["switchover", "-D", &data]);
    assert_eq!(code, Some(1), "gs_ctl is not to be used here");
    for db in [a, b] {
        assert_eq!(db.replication().unwrap().obstacles, Vec::<String>::new());
        let told = |f: &hau::host::Finding| f.what.contains("cluster manager: this is its node");
        assert!(db.first_look().iter().any(told), "{:?}", db.first_look());
    }
    switch(&gauss.a, &gauss.b);
    assert_eq!(b.role().unwrap(), DatabaseRole::Primary);
    let back = b.demote(LIMIT).unwrap();
    // It was not this node's turn, and it is told to become primary again.
    a.take_back(Some(&back), LIMIT)
        .unwrap_or_else(|e| panic!("{e:?}\n{}\n{}", gauss.a.log(), gauss.b.log()));
    assert_eq!(a.role().unwrap(), DatabaseRole::Primary);
    pair.until("b follows", || b.standing().follows);

    pair.host.stop_unit(&pair.a.unit, LIMIT).unwrap();
    gauss.a.set("node", "0");
    drop(managers);
    let b_alone = gauss.b.managed(2);
    b.take_over(None, LIMIT).unwrap();
    assert_eq!(b.role().unwrap(), DatabaseRole::Primary);
    let _a_again = gauss.a.managed(1);
    a.rewind(true, LIMIT).unwrap();
    a.rejoin(LIMIT).unwrap();
    assert_eq!(a.role().unwrap(), DatabaseRole::Standby);
    drop(b_alone);
}

#[test]
fn a_manager_that_does_not_know_its_node_is_an_obstacle() {
    let gauss = Gauss::new();
    let _manager = gauss.a.managed(1);
    gauss.a.set("node", "0");
    let found = gauss.a.db.replication().unwrap().obstacles;
    assert!(found.iter().any(|o| o.contains("cm_ctl")), "{found:?}");
    assert_eq!(
        gauss.b.db.replication().unwrap().obstacles,
        Vec::<String>::new(),
        "it is another installation's"
    );
}

#[test]
fn a_dump_of_the_primary_is_read_back_and_a_damaged_one_refused() {
    let gauss = Gauss::new();
    let fill = "create table goods as select i, md5(i::text) as m from generate_series(1, 20000) i";
    gauss.pair.a.sql().batch_execute(fill).unwrap();
    let files = tempfile::tempdir().unwrap();
    let file = files.path().join("a.dump");
    gauss.a.db.dump(&file, false, LIMIT).unwrap();
    let summary = gauss.a.db.check_dump(&file, LIMIT).unwrap();
    assert!(!summary.is_empty());
    let e = gauss.a.db.dump(&file, false, LIMIT).unwrap_err();
    assert!(!e.remedy.is_empty(), "{e:?}");

    let bytes = fs::read(&file).unwrap();
    let damaged = files.path().join("damaged");
    for bad in [&bytes[..40], b"", b"no dump"] {
        fs::write(&damaged, bad).unwrap();
        assert!(gauss.a.db.check_dump(&damaged, LIMIT).is_err());
    }
    // openGauss' own gs_dump refuses on a standby, and leaves nothing.
    let position = gauss.a.db.position().unwrap();
    let there = || gauss.b.db.has_replayed(&position).unwrap();
    gauss.pair.until("replayed", there);
    let file = files.path().join("b.dump");
    assert!(gauss.b.db.dump(&file, false, LIMIT).is_err());
    assert!(!file.exists());
}

#[test]
fn a_dump_is_restored_beside_and_takes_the_place_of_the_running_database() {
    let gauss = Gauss::new();
    restores::takes_the_place(&gauss.a.db, &gauss.b.db, &gauss.pair);
}

#[test]
fn a_dump_that_is_restored_beside_is_counted_and_dropped() {
    let gauss = Gauss::new();
    let (db, pair) = (&gauss.a.db, &gauss.pair);
    let fill = "create table goods as select i from generate_series(1, 5000) i; create unlogged table passing as select 1";
    pair.a.sql().batch_execute(fill).unwrap();
    let file = pair.dir().join("a.dump");
    let mark = db.dump(&file, true, LIMIT).unwrap();
    assert!(mark.rows.is_empty(), "nobody knows which moment it shows");
    let restores = db.restores().unwrap();
    for _ in 0..2 {
        let found = restores.restore_beside(&file, LIMIT).unwrap();
        assert_eq!(found["public.goods"], 5000);
        assert!(!found.contains_key("public.passing"), "{found:?}");
        assert!(restores.beside().unwrap().restored);
    }
    restores.drop_beside(LIMIT).unwrap();
    restores.drop_beside(LIMIT).unwrap();
    assert!(!restores.beside().unwrap().restored);
    let cut = fs::read(&file).unwrap();
    fs::write(&file, &cut[..cut.len() - 2000]).unwrap();
    says(
        &restores.restore_beside(&file, LIMIT).unwrap_err(),
        "gs_restore",
    );
    let standby = gauss.b.db.restores().unwrap();
    assert!(standby.restore_beside(&file, LIMIT).is_err());
}

#[test]
fn a_schema_script_is_applied_once_and_whole() {
    let gauss = Gauss::new();
    let (a, b) = (&gauss.a.db, &gauss.b.db);
    let script = "create table goods (id int); insert into goods values (1);";
    a.apply_schema("001", script, LIMIT).unwrap();
    a.apply_schema("001", script, LIMIT).unwrap();
    assert_eq!(gauss.pair.a.count("goods"), 1);
    assert!(a.apply_schema("001", "select 1", LIMIT).is_err());
    let broken = "insert into goods values (2); select 1/0;";
    let e = a.apply_schema("002", broken, LIMIT).unwrap_err();
    says(&e, "division by zero");
    assert!(!e.transient);
    assert_eq!(gauss.pair.a.count("goods"), 1);
    assert!(b.apply_schema("003", "select 1", LIMIT).is_err());
}

#[test]
fn a_stopped_server_is_said_to_be_down_and_found_again() {
    let gauss = Gauss::new();
    let (a, pair) = (&gauss.a.db, &gauss.pair);
    pair.host.stop_unit(&pair.a.unit, LIMIT).unwrap();
    for _ in 0..10 {
        let e = a.role().unwrap_err();
        assert!(e.transient && !e.remedy.is_empty(), "{e:?}");
    }
    pair.host.start_unit(&pair.a.unit, LIMIT).unwrap();
    let again = || a.role().is_ok_and(|role| role == DatabaseRole::Primary);
    pair.until("a is found again", again);
}

#[test]
fn a_wrong_password_is_told_in_one_sentence() {
    let gauss = Gauss::new();
    let wrong = gauss.a.again("wrong");
    let e = wrong.role().unwrap_err();
    assert!(e.what.contains("password"), "{e:?}");
    assert!(!e.what.contains('\n'), "{e:?}");
    assert!(!e.transient && !e.remedy.is_empty(), "{e:?}");
    assert!(!format!("{e:?}").contains("wrong\""), "{e:?}");
    // A wrong password that is tried again and again locks the account: the right one does not help then.
    for _ in 0..20 {
        assert!(wrong.role().is_err());
    }
    assert_eq!(
        gauss.a.again(PASSWORD).role().unwrap(),
        DatabaseRole::Primary
    );
}

/// Whoever lacks the right to see them is given NULL for all places.
#[test]
fn what_may_not_be_seen_is_unknown_and_not_zero() {
    let gauss = Gauss::new();
    gauss.a.set("rights", "\"none\"");
    let replication = gauss.a.again(PASSWORD).replication().unwrap();
    assert_eq!(replication.lag_bytes, None, "{replication:?}");
    assert!(!replication.obstacles.is_empty(), "{replication:?}");
}

#[test]
fn a_synchronous_standby_without_most_available_sync_is_an_obstacle() {
    let gauss = Gauss::new();
    let (a, pair) = (&gauss.a.db, &gauss.pair);
    let mut sql = pair.a.sql();
    sql.batch_execute("alter system set synchronous_standby_names = '*'")
        .unwrap();
    sql.batch_execute("select pg_reload_conf()").unwrap();
    let told = |db: &dyn Replica| {
        let found = db.replication().unwrap().obstacles;
        found.iter().any(|o| o.contains("most_available_sync"))
    };
    pair.until("it is told", || told(a));
    gauss.a.set("most_available_sync", "\"on\"");
    pair.until("it is fine", || !told(a));
}

/// The front itself: what is known of the programs' manners from their source.
#[test]
fn the_programs_have_the_manners_of_the_real_ones() {
    let gauss = Gauss::new();
    let said = gauss.a.gs_ctl(&["query"]);
    assert!(
        said.contains("local_role                     : Primary"),
        "{said}"
    );
    assert!(
        said.contains("sync_most_available            : Off"),
        "{said}"
    );
    assert!(
        said.ends_with(" Receiver info:      \nNo information \n"),
        "{said}"
    );
    let said = gauss.b.gs_ctl(&["query"]);
    assert!(
        said.contains("peer_role                      : Primary"),
        "{said}"
    );

    let data = gauss.a.data_dir.display().to_string();
    let (code, said) = gauss.a.program("gs_ctl", &["build", "-D", &data]);
    assert_eq!(code, Some(1));
    assert!(
        said.contains("run as Primary,build cannot be executed"),
        "{said}"
    );
    gauss.a.gs_ctl(&["stop"]);
    let (code, _) = gauss.a.program("gs_ctl", &["status", "-D", &data]);
    assert_eq!(code, Some(3));
    let (code, _) = gauss.a.program("gs_ctl", &["stop", "-D", &data]);
    assert_eq!(code, Some(1));
    let lock = fs::File::open(gauss.a.data_dir.join("pg_ctl.lock")).unwrap();
    let lock = nix::fcntl::Flock::lock(lock, nix::fcntl::FlockArg::LockExclusive).unwrap();
    let said = gauss.a.gs_ctl(&["start", "-M", "primary"]);
    assert!(
        said.contains("Another gs_ctl command is still running"),
        "{said}"
    );
    drop(lock);
    gauss.a.gs_ctl(&["start", "-M", "primary"]);
    gauss.a.gs_ctl(&["start", "-M", "standby"]);
    assert_eq!(gauss.a.db.role().unwrap(), DatabaseRole::Primary);
}
