//! The full logical backup: pg_dump's custom format into one file, and reading it back.
use super::{DatabaseMark, DatabaseResult, Deadline, Postgres, refusal};
use crate::database::beside;
use crate::time::Time;
use ::postgres::Client;
use ::postgres::config::Host as Address;
use std::{collections::BTreeMap, path::Path};

/// The snapshot that pg_dump works with is held open beside it, so that what is counted is what it sees.
pub(super) fn dump(
    db: &Postgres,
    to: &Path,
    counts: bool,
    deadline: Deadline,
) -> DatabaseResult<DatabaseMark> {
    if db.host.exists(to) {
        return Err(refusal(
            format!("{} exists already", to.display()),
            "choose a file that does not exist",
        ));
    }
    let held = db.sessions.hold("begin a dump", deadline.left())?;
    let (mut seen, snapshot) = held.ask("export a snapshot", deadline.left(), |client| {
        client.batch_execute("begin isolation level repeatable read read only")?;
        let mark = mark(client)?;
        let snapshot: String = client
            .query_one("select pg_export_snapshot()", &[])?
            .try_get(0)?;
        Ok((mark, snapshot))
    })?;
    let mut args = vec!["--format=custom".into(), "--no-password".into()];
    args.push(format!("--snapshot={snapshot}"));
    args.extend(connection(&db.client));
    db.run_tool("pg_dump", args, Some(to.to_owned()), deadline.left())
        .inspect_err(|_| {
            // Half a dump is worse than none. If it stays, the next try names it.
            drop(db.host.remove(to));
        })?;
    if counts {
        seen.rows = held.ask("count the rows", deadline.left(), beside::count)?;
    }
    Ok(seen)
}

/// Where the server is. On a standby the last transaction is the last that it has replayed.
pub(super) fn mark(client: &mut Client) -> Result<DatabaseMark, ::postgres::Error> {
    const MARK: &str = "select
        (case when pg_is_in_recovery() then pg_last_wal_replay_lsn()
              else pg_current_wal_lsn() end)::text,
        txid_snapshot_xmax(txid_current_snapshot()),
        (extract(epoch from clock_timestamp()) * 1000)::bigint";
    let row = client.query_one(MARK, &[])?;
    let (next, at): (i64, i64) = (row.try_get(1)?, row.try_get(2)?);
    Ok(DatabaseMark {
        position: row.try_get::<_, Option<String>>(0)?.unwrap_or_default(),
        next_transaction: u64::try_from(next).unwrap_or(0),
        at: Time(u64::try_from(at).unwrap_or(0)),
        rows: BTreeMap::new(),
    })
}

pub(super) fn check(db: &Postgres, file: &Path, deadline: Deadline) -> DatabaseResult<String> {
    let file = file.display().to_string();
    let args = vec!["--list".into(), "--".into(), file.clone()];
    // As this process's own user: backups are not for the database's system user to read.
    let contents = db
        .run_tool_as(None, "pg_restore", args, None, deadline.left())?
        .stdout;
    let Some(summary) = summary(&contents) else {
        return Err(refusal(
            format!("{file} has no readable table of contents"),
            "make a new backup",
        ));
    };
    // The table of contents stands at the beginning: only reading it all finds what is cut off.
    let args = vec!["--file=/dev/null".into(), "--".into(), file];
    db.run_tool_as(None, "pg_restore", args, None, deadline.left())?;
    Ok(summary)
}

/// The same server, another database.
pub(super) fn connection_to(config: &::postgres::Config, name: &str) -> Vec<String> {
    let mut config = config.clone();
    config.dbname(name);
    connection(&config)
}

/// The dsn as pg_dump's arguments; it holds no password (see `client_config`).
fn connection(config: &::postgres::Config) -> Vec<String> {
    let mut args = Vec::new();
    if let Some(host) = config.get_hosts().first() {
        args.push(match host {
            Address::Tcp(name) => format!("--host={name}"),
            Address::Unix(path) => format!("--host={}", path.display()),
        });
    }
    if let Some(port) = config.get_ports().first() {
        args.push(format!("--port={port}"));
    }
    if let Some(user) = config.get_user() {
        args.push(format!("--username={user}"));
    }
    if let Some(name) = config.get_dbname() {
        args.push(format!("--dbname={name}"));
    }
    args
}

/// "3 tables of shop, made at 2026-11-21 06:13:16 UTC" from pg_restore's list.
fn summary(list: &str) -> Option<String> {
    let header = |label: &str| {
        list.lines()
            .find_map(|line| line.strip_prefix(';')?.trim().strip_prefix(label))
            .map(str::trim)
    };
    let made = header("Archive created at")?;
    let name = header("dbname:")?;
    // "215; 1259 16385 TABLE public orders shop": number, catalogue, object, kind, …
    let tables = list
        .lines()
        .filter(|line| !line.starts_with(';'))
        .filter(|line| {
            let mut words = line.split_whitespace().skip(3);
            words.next() == Some("TABLE") && !matches!(words.next(), None | Some("DATA" | "ATTACH"))
        })
        .count();
    Some(format!("{tables} tables of {name}, made at {made}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "\
;
; Archive created at 2026-11-21 06:13:16 UTC
;     dbname: shop
;     TOC Entries: 12
;
6; 2615 16384 SCHEMA - hau postgres
215; 1259 16385 TABLE hau heartbeat postgres
216; 1259 16390 TABLE public orders postgres
3350; 0 16385 TABLE DATA hau heartbeat postgres
3351; 0 0 TABLE ATTACH public orders_1 postgres
3352; 0 0 COMMENT public TABLE orders postgres
";

    #[test]
    fn the_list_is_summed_up() {
        assert_eq!(
            summary(LIST).as_deref(),
            Some("2 tables of shop, made at 2026-11-21 06:13:16 UTC")
        );
        assert_eq!(summary("215; 1259 16385 TABLE a b c"), None);
    }

    #[test]
    fn the_dsn_becomes_arguments() {
        let config = "host=/run/pg port=5433 dbname=shop user=hau"
            .parse()
            .unwrap();
        assert_eq!(
            connection(&config),
            [
                "--host=/run/pg",
                "--port=5433",
                "--username=hau",
                "--dbname=shop"
            ]
        );
    }
}
