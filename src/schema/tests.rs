//! Each rule has a script that falls under it, and the way that it recommends, which does not.
use super::rules::{self as r, Rule};
use super::*;

/// The rule's name, a script that falls under it alone, and what to do instead; empty: nothing, or not in a script.
#[rustfmt::skip] // a table: one line each
const CASES: &[(&str, &str, &str)] = &[
    ("DROP", "drop table t", "create table t (a int); drop table t"),
    ("DROP", "DROP TABLE IF EXISTS a, s.\"T\" CASCADE", ""),
    ("DROP", "alter table only t drop column if exists a, drop b", "alter table t add column c int"),
    ("DROP", "drop view v", "create view w as select 1"),
    ("DROP", "drop materialized view v", "create materialized view w as select 1"),
    ("DROP", "drop function f(int)", "create function g(a int) returns int language sql as $$ select 1; $$"),
    ("DROP", "drop aggregate a(int)", ""),
    ("DROP", "drop schema s cascade", "create schema if not exists s"),
    ("DROP", "drop type t", "create type u as enum ('a')"),
    ("DROP", "drop sequence q", "create sequence q"),
    ("DROP", "drop owned by x", ""),
    ("DROP_DEFAULT", "alter table t alter column a drop default", "alter table t alter a set default 1"),
    ("DROP_DEFAULT", "alter domain d drop default", "alter domain d set default 1"),
    ("DROP_NOT_NULL", "alter table t alter column a drop not null", ""),
    ("DROP_CONSTRAINT", "alter table t drop constraint c", ""),
    ("DROP_CONSTRAINT", "alter domain d drop constraint c", ""),
    ("DROP_INDEX", "drop index if exists i", ""),
    ("DROP_TRIGGER", "drop trigger x on t", ""),
    ("DROP_TRIGGER", "alter table t disable trigger all", ""),
    ("RENAME", "alter table t rename to u", "create view u as select * from t"),
    ("RENAME", "alter table t rename a to b", "alter table t add column b int"),
    ("RENAME", "alter table t set schema s", ""),
    ("DROP", "alter table t drop column a, alter b set statistics 5", ""), // not read in detail
    ("COLUMN_TYPE", "alter table t alter a type bigint, alter b set statistics 5", ""),
    ("SET_NOT_NULL", "alter table t alter a set not null, alter b set statistics 5", ""),
    ("INDEX", "create index i on t (a) tablespace x", ""),
    ("RENAME", "alter view v rename to w", ""),
    ("RENAME", "alter materialized view v rename to w", ""),
    ("RENAME", "alter function f(int) set schema s", ""),
    ("RENAME", "alter sequence q rename to r", ""),
    ("RENAME", "alter schema s rename to t", ""),
    ("RENAME", "alter type e rename value 'a' to 'b'", ""),
    ("RENAME", "alter type c rename attribute a to b", ""),
    ("RENAME_CONSTRAINT", "alter table t rename constraint a to b", ""),
    ("RENAME_CONSTRAINT", "alter index i rename to j", ""),
    ("CHANGE_TYPE", "alter type c drop attribute a", "create type d as (a int)"),
    ("CHANGE_TYPE", "alter type c alter attribute a type bigint", ""),
    ("ENUM_VALUE", "alter type e add value if not exists 'x' before 'y'", ""),
    ("REVOKE", "revoke all on t from x", "grant select on t to x"),
    ("REVOKE", "revoke r from u", "grant r to u"),
    ("OWNER", "alter table t owner to x", ""),
    ("OWNER", "alter type t owner to x", ""),
    ("ROW_SECURITY", "alter table t enable row level security", "create table t (a int); alter table t enable row level security"),
    ("TRIGGER", "create trigger x before insert on t for each row execute function f()", "create table t (a int); create trigger x before insert on t for each row execute function f()"),
    ("TRIGGER", "create constraint trigger x after insert on t for each row execute function f()", ""),
    ("TRIGGER", "create rule r as on insert to t do instead nothing", "create table t (a int); create rule r as on insert to t do instead nothing"),
    ("TRIGGER", "create policy p on t using (true)", ""),
    ("TRIGGER", "alter table t enable trigger x", ""),
    ("REPLACE", "create or replace view v as select 1", "create view w as select 1"),
    ("REPLACE", "create or replace function f() returns int language sql as 'select 1'", "create function g() returns int begin atomic select 1; select 2; end"),
    ("REPLACE", "alter sequence q restart with 5", "alter sequence q owned by t.a"),
    ("REPLACE", "alter role x set search_path = y", ""),
    ("TRUNCATE", "truncate table only t, u restart identity", "create table t (a int); truncate t"),
    ("DETACH", "alter table t detach partition p", ""),

    ("ADD_NOT_NULL", "alter table t add column a int not null", "alter table t add column a int not null default 0"),
    ("ADD_NOT_NULL", "alter table t add a int not null default null", "alter table t add a int"),
    ("SET_NOT_NULL", "alter table t alter column a set not null", "-- hau: allow its CHECK is validated\nalter table t alter column a set not null"),
    ("NOT_VALID", "alter table t add constraint c check (a is not null) not valid", "alter table t validate constraint c"),
    ("NOT_VALID", "alter table t add constraint c foreign key (a) references u (id) not valid", ""),
    ("NOT_VALID", "alter domain d add constraint c check (value > 0) not valid", "alter domain d validate constraint c"),
    ("IDENTITY", "alter table t alter column a add generated always as identity", "alter table t alter column a add generated by default as identity"),

    ("COLUMN_TYPE", "alter table t alter column a type bigint using a::bigint", "alter table t add column b bigint"),
    ("VOLATILE", "alter table t add column a uuid not null default gen_random_uuid()", "alter table t add column a uuid; alter table t alter column a set default gen_random_uuid()"),
    ("VOLATILE", "alter table t add column a text default 'x' || pg_catalog.clock_timestamp()", "alter table t add column a timestamptz not null default now()"),
    ("VOLATILE", "alter table t add column a bigint default nextval('q')", "alter table t add column a bigint; alter table t alter column a set default nextval('q')"),
    ("PERHAPS_VOLATILE", "alter table t add column a int default f()", "alter table t add column a timestamptz default current_timestamp, add b jsonb default '{}'::jsonb"),
    ("GENERATED", "alter table t add column a bigserial", "alter table t add column a bigint"),
    ("GENERATED", "alter table t add column a int generated by default as identity", ""),
    ("GENERATED", "alter table t add column a int generated always as (b + 1) stored", ""),
    ("REWRITE", "alter table t set unlogged", ""),
    ("REWRITE", "alter table t set tablespace x", ""),
    ("REWRITE", "cluster t using i", ""),
    ("ADD_CONSTRAINT", "alter table t add constraint c check (a > 0)", "alter table t validate constraint c"),
    ("ADD_CONSTRAINT", "alter table t add foreign key (a) references u (id)", ""),
    ("ADD_CONSTRAINT", "alter table t add column a int check (a > 0)", "alter table t add column a int"),
    ("ADD_CONSTRAINT", "alter table t add column a int default 1 references u (id)", "alter table t add column a int references u (id)"),
    ("DOMAIN", "alter domain d add constraint c check (value > 0)", ""),
    ("DOMAIN", "alter domain d set not null", ""),
    ("ADD_UNIQUE", "alter table t add constraint c unique (a)", "alter table t add constraint c unique using index i"),
    ("ADD_UNIQUE", "alter table t add primary key (a)", ""),
    ("ADD_UNIQUE", "alter table t add column a int unique", ""),
    ("ADD_EXCLUDE", "alter table t add constraint c exclude using gist (a with &&)", ""),
    ("KEY_OF_INDEX", "alter table t add constraint c primary key using index i", ""),
    ("INDEX", "create index on t (a)", "create table t (a int); create index on public.t (a)"),
    ("INDEX", "create unique index i on s.t using btree (lower(a)) where b", "-- hau: allow made by hand\ncreate unique index if not exists i on s.t using btree (lower(a)) where b"),
    ("REINDEX", "reindex table t", ""),
    ("REFRESH", "refresh materialized view v", "refresh materialized view concurrently v"),
    ("EVERY_ROW", "update t set a = 1", "update t set a = 1 where b = 2"),
    ("EVERY_ROW", "delete from t", "create table t (a int); delete from t"),
    ("EVERY_ROW", "with d as (delete from t returning *) insert into u select * from d", "with d as (delete from t where a returning *) insert into u select * from d"),
    ("PARTITION", "alter table t attach partition p for values from (1) to (2)", ""),
    ("PARTITION", "create table p partition of t for values from (1) to (2)", "create table t (a int) partition by range (a); create table p partition of t for values from (1) to (2)"),
    ("LOCK", "lock table t", "lock table t in row share mode"),
    ("HELD", "alter table t add column a int; update u set a = 1 where b", "update u set a = 1 where b; alter table t add column a int"),
    ("HELD", "-- hau: allow x\ndrop view v; update u set a = 1 where b", "-- hau: allow x\nalter sequence q restart; update u set a = 1 where b"),
    ("HELD", "alter table t add column a int; insert into u select * from v", "alter table t add column a int; insert into u values (1)"),
    ("HELD", "create table n (a int references t (id)); insert into n select id from t", "create table n (a int); insert into n select id from t"),
    ("HELD", "alter table t add column a int; create table n as select * from t", "create table n as select * from t"),
    ("VALIDATE_HELD", "alter table t add column a int; alter table t validate constraint c", "alter table t validate constraint c"),
    ("VALIDATE_HELD", "alter table t set (fillfactor = 70), validate constraint c", ""),
    ("LOCK_TIMEOUT", "set local lock_timeout = '10min'", "set local search_path to s, public; set role x; reset role"),
    ("LOCK_TIMEOUT", "reset all", ""),

    ("OUTSIDE", "create index concurrently if not exists i on t (a)", ""),
    ("OUTSIDE", "create table t (a int); create unique index concurrently on t (a)", ""),
    ("OUTSIDE", "drop index concurrently i", ""),
    ("OUTSIDE", "reindex index concurrently i", ""),
    ("OUTSIDE", "alter table t detach partition p concurrently", ""),
    ("OUTSIDE", "vacuum full t", "analyze t"),
    ("OUTSIDE", "alter system set x = 'y'", ""),
    ("TRANSACTION", "BEGIN", "savepoint a; rollback to savepoint a"),
    ("TRANSACTION", "commit", ""),
    ("COPY_STDIN", "copy t (a, b) from stdin", "insert into t values (1, 'x')"),
    ("COPY_FILE", "copy t from '/x'", ""),
    ("COPY_FILE", "copy t to program 'x'", ""),
    ("PSQL", "\\i other.sql", ""),
    ("OPAQUE", "do $$ begin execute 'drop table t'; end $$", ""),
    ("OPAQUE", "call p(1)", ""),
    ("UNKNOWN", "merge into t using u on t.id = u.id when matched then update set a = 1", ""),
    ("UNKNOWN", "alter table t inherit p", ""),
    ("UNREADABLE", "create tabel t (a int)", "create table t (a int)"),
    ("UNREADABLE", "alter table t alter column a set statistics 100", ""),
];

fn rule(name: &str) -> &'static Rule {
    let found = r::ALL.iter().find(|(known, _)| *known == name);
    &found.unwrap_or_else(|| panic!("{name} is no rule")).1
}

fn open(sql: &str) -> Vec<Finding> {
    let mut findings = lint("x.sql", sql.as_bytes());
    findings.retain(|finding| finding.allowed.is_none());
    findings
}

#[test]
fn each_rule_has_a_script_that_falls_under_it_and_a_way_that_does_not() {
    for (name, trips, way) in CASES {
        let rule = rule(name);
        let found = open(trips);
        assert_eq!(found.len(), 1, "{trips}: {found:#?}");
        assert!(found[0].what.starts_with(rule.what), "{trips}: {found:#?}");
        assert_eq!(found[0].status, rule.status, "{trips}");
        assert_eq!(found[0].remedy, rule.remedy, "{trips}");
        assert_eq!(open(way), [], "{way}");
    }
    for (name, _) in r::ALL.iter().filter(|(name, _)| *name != "TOO_LONG") {
        assert!(
            CASES.iter().any(|(of, ..)| of == name),
            "{name} has no case"
        );
    }
}

#[test]
fn a_statement_may_fall_under_several() {
    let found = open("alter table t drop column a, add column b int not null, alter c type text");
    let whats: Vec<&str> = found.iter().map(|f| f.what.as_str()).collect();
    assert_eq!(
        whats,
        [r::DROP.what, r::ADD_NOT_NULL.what, r::COLUMN_TYPE.what]
    );
}

#[test]
fn a_table_that_may_have_been_there_is_warned_of() {
    let found = open("create table if not exists t (a int); create index i on t (a)");
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].status, Status::Warn);
    assert!(found[0].what.contains("IF NOT EXISTS"), "{found:?}");
}

#[test]
fn a_finding_names_line_and_statement() {
    let sql = "-- a\n\nselect 1;\nDROP   TABLE\n  t;\n";
    let found = open(sql);
    let told: Vec<_> = found
        .iter()
        .map(|f| (f.file.as_str(), f.line, f.statement.as_str()))
        .collect();
    assert_eq!(told, [("x.sql", 4, "DROP TABLE t")]);
    let found = open(&format!("drop table {}", "x".repeat(100)));
    assert_eq!(found[0].statement.chars().count(), SHOWN + 1);
}

#[test]
fn what_is_told_moves_no_cursor() {
    let found = open("select \u{1b}[2J 1 from;\ndrop table \"\u{1b}[2J\"");
    assert_eq!(found.len(), 2, "{found:?}");
    for text in found.iter().flat_map(|f| [&f.what, &f.statement]) {
        assert!(!text.contains(char::is_control), "{text:?}");
    }
}

#[test]
fn what_is_allowed_is_told_with_its_reason() {
    let sql = "-- hau: allow nobody reads it, ticket 7\ndrop table t; drop table u;";
    let found = lint("x.sql", sql.as_bytes());
    let reasons: Vec<_> = found.iter().map(|f| f.allowed.as_deref()).collect();
    assert_eq!(reasons, [Some("nobody reads it, ticket 7"), None]);
    assert!(!found[0].is_failure() && found[1].is_failure());
}

#[test]
fn a_comment_that_allows_nothing_is_a_warning() {
    for (sql, what) in [
        ("-- hau: allow\ndrop table t", "gives no reason"),
        ("-- hau: alow x\ndrop table t", "does not know"),
        ("-- hau: allowed x\ndrop table t", "does not know"),
        ("-- hau: allow x\nselect 1", "nothing is against"),
        ("-- hau: allow x\n\ndrop table t", "belongs to no statement"),
        ("drop table t;\n-- hau: allow x", "belongs to no statement"),
    ] {
        let found = open(sql);
        let warned = found
            .iter()
            .filter(|f| f.status == Status::Warn && f.what.contains(what));
        assert_eq!(warned.count(), 1, "{sql}: {found:#?}");
        let fails = found.iter().filter(|f| f.is_failure()).count();
        assert_eq!(
            fails,
            usize::from(sql.contains("drop")),
            "{sql}: {found:#?}"
        );
    }
}

#[test]
fn what_the_lab_installs_is_backward_compatible() {
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/lab/shop/schema");
    let mut scripts = 0;
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(
            lint("x.sql", &std::fs::read(&path).unwrap()),
            [],
            "{path:?}"
        );
        scripts += 1;
    }
    assert!(scripts >= 2);
}

#[test]
fn bytes_that_are_no_script_are_told_in_one_sentence() {
    for (bytes, line, what) in [
        (&b"select 1;\n'\xff'"[..], 2, "UTF-8"),
        (b"select 1;\n\n\0", 3, "NUL"),
        (&vec![b' '; LONGEST + 1], 1, "8 MiB"),
    ] {
        let found = lint("x.sql", bytes);
        assert_eq!(found.len(), 1, "{what}");
        assert_eq!(found[0].line, line, "{what}");
        assert!(found[0].what.contains(what), "{found:?}");
    }
    assert_eq!(lint("x.sql", b""), []);
    assert_eq!(lint("x.sql", b";;\n-- nothing\n"), []);
}

/// Each at its worst within the length that is read: the stack bears it, and it is told that nothing is known.
#[test]
fn deep_and_long_statements_are_read_or_told() {
    let nested = |open: &str, close: &str| {
        let times = (judge::LONGEST - 20) / (open.len() + close.len());
        format!("select {}1{}", open.repeat(times), close.repeat(times))
    };
    for sql in [
        nested("(", ")"),
        nested("f(", ")"),
        nested("(select ", ")"),
        nested("case when a then ", " end"),
        nested("not ", ""),
        nested("- ", ""),
        nested("array[", "]"),
        nested("/*", ""),
    ] {
        let found = open(&sql);
        assert_eq!(found.len(), 1, "{}", &sql[..40]);
        assert!(found[0].what.starts_with(r::UNREADABLE.what), "{found:?}");
        assert!(found[0].what.len() < 200, "{found:?}");
    }
    for sql in [
        nested("", "+1"),
        nested("", "::int"),
        nested("", "[1]"),
        nested("", " union select 1"),
        nested("", " is null"),
        nested("", " collate x"),
    ] {
        assert_eq!(open(&sql), [], "{}", &sql[..40]);
    }
    let types = format!(
        "create table t (a int{})",
        "[]".repeat(judge::LONGEST / 2 - 20)
    );
    assert_eq!(open(&types), []);
    let long = format!(
        "insert into t values (1){}",
        ",(1)".repeat(judge::LONGEST / 4)
    );
    let found = open(&long);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].what, r::TOO_LONG.what);
    let many = "select 1;\n".repeat(20_000);
    assert_eq!(open(&many), []);
}

#[test]
fn whatever_is_read_ends_without_a_panic() {
    let whole: String = CASES
        .iter()
        .map(|(_, trips, way)| format!("{trips};\n{way};\n"))
        .collect();
    for at in (0..whole.len())
        .filter(|at| whole.is_char_boundary(*at))
        .step_by(7)
    {
        lint("x.sql", &whole.as_bytes()[at..(at + 900).min(whole.len())]);
    }
}
