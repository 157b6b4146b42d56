//! The full logical backup: pg_dump's custom format into one file, and reading it back.
use super::{DatabaseResult, Deadline, Postgres, refusal};
use ::postgres::config::Host as Address;
use std::{path::Path, time::Duration};

pub(super) fn dump(db: &Postgres, to: &Path, limit: Duration) -> DatabaseResult<()> {
    if db.host.exists(to) {
        return Err(refusal(
            format!("{} exists already", to.display()),
            "choose a file that does not exist",
        ));
    }
    let mut args = vec!["--format=custom".into(), "--no-password".into()];
    args.extend(connection(&db.client));
    db.run_tool("pg_dump", args, Some(to.to_owned()), limit)
        .map(drop)
        .inspect_err(|_| {
            // Half a dump is worse than none. If it stays, the next try names it.
            drop(db.host.remove(to));
        })
}

pub(super) fn check(db: &Postgres, file: &Path, deadline: Deadline) -> DatabaseResult<String> {
    let file = file.display().to_string();
    let args = vec!["--list".into(), "--".into(), file.clone()];
    // As this process's own user: backups are not for the database's system user to read.
    let contents = db.run_tool_as(None, "pg_restore", args, None, deadline.left())?;
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
