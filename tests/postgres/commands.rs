//! The same two servers, reached by the commands of `hooks/site/db`.
use super::conforms;
use super::pair::{LIMIT, Node, Pair};
use hau::config::{Ask, Commands, Pattern};
use hau::core::DatabaseRole;
use hau::database::{Dumps, Replica, Schema, command::ByCommands};
use hau::host::Host;
use std::{fs, os::unix::fs::PermissionsExt, path::Path};

/// The example as it is, but for where the server is and how it is started.
fn reached(pair: &Pair, node: &Node) -> ByCommands {
    let data = node.data_dir.display().to_string();
    let bin = pair.host.bin_dir.display();
    let places = [
        ("unit=", "unit=none".to_owned()),
        ("data=", format!("data={data}")),
        ("bin=", format!("bin={bin}")),
        ("connection=", format!("connection='{}'", node.dsn)),
        (
            "start() ",
            "start() { as_owner \"$bin/pg_ctl\" -D \"$data\" -s -l \"$data.log\" start >/dev/null 2>&1; }".to_owned(),
        ),
        (
            "stop() ",
            "stop() { as_owner \"$bin/pg_ctl\" -D \"$data\" -s -m fast stop; }".to_owned(),
        ),
    ];
    let example = fs::read_to_string("hooks/site/db").unwrap();
    let place = |line: &str| {
        let found = places.iter().find(|(begin, _)| line.starts_with(begin));
        found.map_or(line.to_owned(), |(_, new)| new.clone())
    };
    let text: Vec<String> = example.lines().map(place).collect();
    let script = format!("{data}.db");
    fs::write(&script, text.join("\n") + "\n").unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let pattern = |text: &str| Pattern(regex::Regex::new(text).unwrap());
    let command = |(ask, words): (Ask, &str)| {
        let words = words.split(' ').map(str::to_owned);
        (ask, [script.clone()].into_iter().chain(words).collect())
    };
    let commands = Commands {
        of: COMMANDS.into_iter().map(command).collect(),
        primary: pattern("^primary$"),
        standby: pattern("^standby$"),
    };
    ByCommands::new(commands, pair.host.clone())
}

const COMMANDS: [(Ask, &str); 16] = [
    (Ask::Identity, "identity"),
    (Ask::Role, "role"),
    (Ask::Lag, "lag"),
    (Ask::Timeline, "timeline"),
    (Ask::Position, "position"),
    (Ask::Replayed, "replayed {position}"),
    (Ask::Checkpoint, "checkpoint"),
    (Ask::Demote, "demote"),
    (Ask::TakeBack, "take_back {position}"),
    (Ask::Promote, "promote {position}"),
    (Ask::Rejoin, "rejoin"),
    (Ask::TakeOver, "take_over"),
    (Ask::Schema, "schema {name}"),
    (Ask::Size, "size"),
    (Ask::Dump, "dump"),
    (Ask::CheckDump, "check_dump {file}"),
];

#[test]
fn by_commands_it_is_a_database_as_the_others() {
    let pair = Pair::new();
    let (a, b) = (reached(&pair, &pair.a), reached(&pair, &pair.b));
    conforms::conforms(&a, &b, pair.dir());
}

#[test]
fn a_switchover_by_commands_loses_no_row_and_goes_back() {
    let pair = Pair::new();
    let (a, b) = (reached(&pair, &pair.a), reached(&pair, &pair.b));
    let writer = pair.writer();
    pair.until("rows are written", || pair.a.count("orders") > 100);
    for (from, to) in [(&a, &b), (&b, &a)] {
        assert_eq!(from.role().unwrap(), DatabaseRole::Primary);
        assert!(to.standing().follows);
        from.prepare_switch(LIMIT).unwrap();
        let stopped = from.demote(LIMIT).unwrap();
        assert_eq!(from.demote(LIMIT).unwrap(), stopped, "asked again");
        to.promote(&stopped, LIMIT).unwrap();
        to.promote(&stopped, LIMIT).unwrap();
        from.rejoin(LIMIT).unwrap();
        assert!(from.replication().unwrap().streaming);
    }
    let rows = pair.a.count("orders");
    pair.until("rows are written again", || pair.a.count("orders") > rows);
    let written = writer.end();
    let committed = i64::try_from(written.committed.len()).unwrap();
    assert!(pair.a.count("orders") >= committed);
    assert_eq!(written.gaps.len(), 2, "{:?}", written.gaps);
    let position = a.position().unwrap();
    pair.until("b has it all", || b.has_replayed(&position).unwrap());
}

#[test]
fn a_demoted_database_is_taken_back_by_commands() {
    let pair = Pair::new();
    let a = reached(&pair, &pair.a);
    let stopped = a.demote(LIMIT).unwrap();
    a.take_back(Some(&stopped), LIMIT).unwrap();
    assert_eq!(a.role().unwrap(), DatabaseRole::Primary);
    // A boot has started it as a standby.
    let stopped = a.demote(LIMIT).unwrap();
    pair.host.start_unit(&pair.a.unit, LIMIT).unwrap();
    a.take_back(Some(&stopped), LIMIT).unwrap();
    assert_eq!(a.role().unwrap(), DatabaseRole::Primary);
}

/// Its last checkpoint does not tell all that it wrote: promoted from there, the standby would lack some.
#[test]
fn one_that_crashed_does_not_say_where_it_stopped() {
    let pair = Pair::new();
    let a = reached(&pair, &pair.a);
    let data = pair.a.data_dir.display().to_string();
    pair.tool("pg_ctl", &["-D", &data, "-m", "immediate", "stop"]);
    let e = a.demote(LIMIT).unwrap_err();
    assert!(
        e.what.contains("not stopped cleanly") && !e.transient,
        "{e:?}"
    );
}

#[test]
fn dump_schema_and_what_else_is_asked_by_commands() {
    let pair = Pair::new();
    let (a, b) = (reached(&pair, &pair.a), reached(&pair, &pair.b));
    assert_eq!(a.identity().unwrap(), b.identity().unwrap());
    assert!(a.size_bytes().unwrap() > 1 << 20);
    let sql = "create table goods (i int);\ninsert into goods values (1)";
    for _ in 0..2 {
        a.apply_schema("0001_goods.sql", sql, LIMIT).unwrap();
    }
    assert_eq!(pair.a.count("goods"), 1, "it is applied once");
    assert!(a.apply_schema("0002.sql", "nonsense", LIMIT).is_err());
    let file = pair.a.data_dir.with_extension("dump");
    a.dump(&file, false, LIMIT).unwrap();
    let told = a.check_dump(&file, LIMIT).unwrap();
    assert!(told.ends_with("entries"), "{told}");
    fs::write(&file, "no dump").unwrap();
    assert!(a.check_dump(&file, LIMIT).is_err());
    assert!(
        a.dump(Path::new("/no/such/folder/x"), false, LIMIT)
            .is_err()
    );
    assert_eq!([&a, &b].map(|db| db.standing().timeline), [1, 1]);
    pair.host.stop_unit(&pair.a.unit, LIMIT).unwrap();
    let e = a.role().unwrap_err();
    assert!(e.transient, "a server that is down may come back: {e:?}");
    assert!(!b.replication().unwrap().streaming);
    b.take_over(None, LIMIT).unwrap();
    assert_eq!(b.role().unwrap(), DatabaseRole::Primary);
    // It comes up as the primary that it was, and is seen to be the older one.
    pair.start(&pair.a);
    assert_eq!(a.standing().role, DatabaseRole::Primary);
    assert_eq!([&a, &b].map(|db| db.standing().timeline), [1, 2]);
}
