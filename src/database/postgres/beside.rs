//! A dump restored into a database of its own beside the running one: the proof that it can be.
use super::{DatabaseResult, Deadline, Postgres, dump, session::Sessions};
use ::postgres::Client;
use std::{collections::BTreeMap, path::Path};

/// Restored from a dump, not in use.
pub(super) const BESIDE: &str = "hau_beside";
/// Where a session is that drops others: it exists in every cluster.
pub(super) const NEUTRAL: &str = "template1";

pub(super) type SqlResult<T> = Result<T, ::postgres::Error>;

/// Restores anew and counts what came out, table by table.
pub(super) fn restore(
    db: &Postgres,
    file: &Path,
    deadline: Deadline,
) -> DatabaseResult<BTreeMap<String, u64>> {
    drop_database(db, BESIDE, deadline)?;
    db.sessions
        .ask_alone("create a database beside", deadline.left(), create)?;
    let mut args = vec!["--exit-on-error".into(), "--no-password".into()];
    args.extend(dump::connection_to(&db.client, BESIDE));
    args.extend(["--".into(), file.display().to_string()]);
    // As this process's own user: backups are not for the database's system user to read.
    db.run_tool_as(None, "pg_restore", args, None, deadline.left())?;
    at(db, BESIDE).ask_alone("count the restored rows", deadline.left(), count)
}

pub(super) fn drop_beside(db: &Postgres, deadline: Deadline) -> DatabaseResult<()> {
    drop_database(db, BESIDE, deadline)
}

/// Every table of the database that a dump holds the rows of, with their number.
pub(super) fn count(client: &mut Client) -> SqlResult<BTreeMap<String, u64>> {
    const TABLES: &str = "select format('%I.%I', n.nspname, c.relname)
        from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where c.relkind = 'r' and c.relpersistence = 'p'
          and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
          and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass
                          and d.objid = c.oid and d.deptype = 'e')";
    let mut rows = BTreeMap::new();
    for table in client.query(TABLES, &[])? {
        let table: String = table.try_get(0)?;
        let found: i64 = client
            .query_one(&format!("select count(*) from {table}"), &[])?
            .try_get(0)?;
        rows.insert(table, u64::try_from(found).unwrap_or(0));
    }
    Ok(rows)
}

/// With the encoding and locale of the database that asks.
fn create(client: &mut Client) -> SqlResult<()> {
    const CREATE: &str = "select format(
            'create database %I template template0 encoding %L lc_collate %L lc_ctype %L',
            $1::text, pg_encoding_to_char(encoding), datcollate, datctype)
        || coalesce(case when j->>'datlocprovider' = 'i' then
            format(' locale_provider icu icu_locale %L',
                   coalesce(j->>'daticulocale', j->>'datlocale')) end, '')
        from (select d.*, to_jsonb(d) as j from pg_database d) d
        where datname = current_database()";
    let create: String = client.query_one(CREATE, &[&BESIDE])?.try_get(0)?;
    client.batch_execute(&create)
}

/// Sessions on another database of this server.
pub(super) fn at(db: &Postgres, name: &str) -> Sessions {
    let mut config = db.client.clone();
    config.dbname(name);
    Sessions::new(config)
}

fn drop_database(db: &Postgres, name: &'static str, deadline: Deadline) -> DatabaseResult<()> {
    at(db, NEUTRAL).ask_alone(
        "drop a database of hau's own",
        deadline.left(),
        move |client| {
            end_sessions(client, name)?;
            client.batch_execute(&format!("drop database if exists \"{name}\""))
        },
    )
}

pub(super) fn end_sessions(client: &mut Client, name: &str) -> SqlResult<()> {
    let sql = "select pg_terminate_backend(pid) from pg_stat_activity
        where datname = $1 and pid <> pg_backend_pid()";
    client.execute(sql, &[&name]).map(drop)
}
