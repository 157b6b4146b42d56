//! A restored database takes the place of the running one: two names change in one transaction.
use super::beside::{BESIDE, NEUTRAL, SqlResult, at, end_sessions};
use super::{Beside, DatabaseResult, Deadline, Postgres};
use ::postgres::Client;
use std::time::Duration;

/// The one whose place was taken.
const REPLACED: &str = "hau_replaced";
/// Somebody may connect between the end of the sessions and the change of the names.
const PAUSE: Duration = Duration::from_millis(200);

pub(super) fn beside(client: &mut Client) -> SqlResult<Beside> {
    let sql =
        "select count(*) filter (where datname = $1) > 0, count(*) filter (where datname = $2) > 0
        from pg_database";
    let row = client.query_one(sql, &[&BESIDE, &REPLACED])?;
    Ok(Beside {
        restored: row.try_get(0)?,
        replaced: row.try_get(1)?,
    })
}

pub(super) fn exchange(db: &Postgres, deadline: Deadline) -> DatabaseResult<()> {
    let name = db.client.get_dbname().unwrap_or_default().to_owned();
    // This process's own session on it.
    db.sessions.close();
    let mut last = None;
    let done = deadline.poll(PAUSE, || {
        let name = name.clone();
        let once = move |client: &mut Client| {
            make_alike(client, &name)?;
            change_names(client, &name)
        };
        let asked = at(db, NEUTRAL).ask_alone("exchange the databases", deadline.left(), once);
        match asked {
            Ok(()) => Ok(Some(())),
            Err(e) if e.what.contains("(55006)") => {
                last = Some(e);
                Ok(None)
            }
            Err(e) => Err(e),
        }
    })?;
    match (done, last) {
        (None, Some(e)) => Err(e),
        (Some(()) | None, _) => Ok(()),
    }
}

/// A dump of one database holds neither its owner nor its rights and settings as a whole.
fn make_alike(client: &mut Client, name: &str) -> SqlResult<()> {
    const COMMANDS: &str = "
        select 1, format('alter database %I owner to %I', $2::text, pg_get_userbyid(datdba))
            from pg_database where datname = $1
        union all
        select 2, format('alter database %I connection limit %s', $2::text, datconnlimit)
            from pg_database where datname = $1
        union all
        select 3, format('revoke all on database %I from public', $2::text)
            from pg_database where datname = $1 and datacl is not null
        union all
        select 4, format('grant %s on database %I to %s', privilege_type, $2::text,
                         case grantee when 0 then 'public' else quote_ident(pg_get_userbyid(grantee)) end)
               || case when is_grantable then ' with grant option' else '' end
            from pg_database, aclexplode(datacl) where datname = $1
        order by 1";
    for row in client.query(COMMANDS, &[&name, &BESIDE])? {
        let command: String = row.try_get(1)?;
        client.batch_execute(&command)?;
    }
    copy_settings(client, name)
}

/// By way of the session: what a setting is written like is the server's own business.
fn copy_settings(client: &mut Client, name: &str) -> SqlResult<()> {
    const SETTINGS: &str = "
        select case setrole when 0 then format('alter database %I', $2::text)
                    else format('alter role %I in database %I', pg_get_userbyid(setrole), $2::text) end,
               split_part(one, '=', 1), substr(one, strpos(one, '=') + 1)
        from pg_db_role_setting s join pg_database d on d.oid = s.setdatabase, unnest(setconfig) one
        where datname = $1";
    for row in client.query(SETTINGS, &[&name, &BESIDE])? {
        let (alter, key, value): (String, String, String) =
            (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        let mut inside = client.transaction()?;
        inside.query_one("select set_config($1, $2, true)", &[&key, &value])?;
        // What custom settings are called, the server has checked just now.
        let words: Vec<String> = key.split('.').map(|word| format!("\"{word}\"")).collect();
        inside.batch_execute(&format!("{alter} set {} from current", words.join(".")))?;
        inside.commit()?;
    }
    Ok(())
}

fn change_names(client: &mut Client, name: &str) -> SqlResult<()> {
    end_sessions(client, name)?;
    end_sessions(client, BESIDE)?;
    let mut both = client.transaction()?;
    for (from, to) in [(name, REPLACED), (BESIDE, name)] {
        let sql = "select format('alter database %I rename to %I', $1::text, $2::text)";
        let rename: String = both.query_one(sql, &[&from, &to])?.try_get(0)?;
        both.batch_execute(&rename)?;
    }
    both.commit()
}
