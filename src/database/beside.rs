//! A dump restored into a database of its own beside the running one, as the proof that it can be, or to take its place: two
//! names change in one transaction. In SQL that PostgreSQL and openGauss both know, which is that of PostgreSQL 9.2.
use super::deadline::Deadline;
use super::rows::{Rows, first, value};
use super::{Beside, DatabaseResult, Restores, refusal};
use postgres_protocol::escape::{escape_identifier, escape_literal};
use std::{collections::BTreeMap, path::Path, time::Duration};

/// Restored from a dump, not in use.
pub(super) const BESIDE: &str = "hau_beside";
/// The one whose place was taken.
const REPLACED: &str = "hau_replaced";
/// Somebody may connect between the end of the sessions and the change of the names.
const PAUSE: Duration = Duration::from_millis(200);
/// How long a question may take that reads little.
const QUESTION: Duration = Duration::from_secs(3);
/// A sysadmin is what openGauss calls a superuser that is not the first one; PostgreSQL knows no such column.
const RIGHTS: &str =
    "select rolsuper or coalesce(row_to_json(r)->>'rolsystemadmin', '') in ('t', 'true')
    from pg_roles r where rolname = current_user";
/// SQLSTATE of one that is in use.
const IN_USE: &str = "(55006)";
/// Every table of a database that a dump holds the rows of: objects below 16384 are the server's own, and those of extensions
/// come with them.
const TABLES: &str = "select format('%I.%I', n.nspname, c.relname)
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind = 'r' and c.relpersistence = 'p' and c.oid >= 16384
      and not exists (select 1 from pg_depend d where d.classid = 'pg_class'::regclass
                      and d.objid = c.oid and d.deptype = 'e')";

/// A connection to one database.
pub(super) trait Session {
    type Error;
    /// One statement or more; the rows of the last one that has any.
    fn rows(&mut self, sql: &str) -> Result<Rows, Self::Error>;
}

type Asked<S, T> = Result<T, <S as Session>::Error>;

/// What such servers do each in its own way.
pub(super) trait Server: Send + Sync {
    type Session: Session + 'static;
    /// The running database.
    fn name(&self) -> &str;
    /// A database that is always there, for sessions that drop or rename others.
    const NEUTRAL: &str;
    /// What the command that makes one like the running database says besides encoding and locale, as SQL; NULL: nothing.
    /// `j` is that database's row of `pg_database` as JSON, for columns that not every version has.
    const MADE_WITH: &str;
    /// Asks on a connection of its own to a database, which ends with it.
    fn alone<T: Send + 'static>(
        &self,
        database: &str,
        action: &str,
        deadline: Deadline,
        question: impl FnOnce(&mut Self::Session) -> Asked<Self::Session, T> + Send + 'static,
    ) -> DatabaseResult<T>;
    /// Fills the empty database `BESIDE` from a dump.
    fn fill(&self, file: &Path, deadline: Deadline) -> DatabaseResult<()>;
    /// Closes connections to the running database that are kept.
    fn let_go(&self);
}

impl<D: Server> Restores for D {
    fn may_restore(&self) -> DatabaseResult<bool> {
        let ask = |s: &mut D::Session| s.rows(RIGHTS);
        let deadline = Deadline::after(QUESTION);
        let rows = self.alone(self.name(), "ask for the role's rights", deadline, ask)?;
        Ok(first(&rows) == Some("t"))
    }

    fn restore_beside(
        &self,
        file: &Path,
        limit: Duration,
    ) -> DatabaseResult<BTreeMap<String, u64>> {
        let deadline = Deadline::after(limit);
        drop_database(self, deadline)?;
        let create = |s: &mut D::Session| create::<D>(s);
        let made = self.alone(self.name(), "create a database beside", deadline, create)?;
        if !made {
            return Err(refusal(
                "cannot create a database beside: the server does not say how the running one was made",
                "look into its log, and into pg_database",
            ));
        }
        self.fill(file, deadline)?;
        self.alone(BESIDE, "count the restored rows", deadline, count)
    }

    fn drop_beside(&self, limit: Duration) -> DatabaseResult<()> {
        drop_database(self, Deadline::after(limit))
    }

    fn beside(&self) -> DatabaseResult<Beside> {
        let deadline = Deadline::after(QUESTION);
        let names =
            format!("select datname from pg_database where datname in ('{BESIDE}', '{REPLACED}')");
        let ask = move |s: &mut D::Session| s.rows(&names);
        let rows = self.alone(self.name(), "ask what lies beside", deadline, ask)?;
        let has = |name| rows.iter().any(|row| value(row, 0) == Some(name));
        Ok(Beside {
            restored: has(BESIDE),
            replaced: has(REPLACED),
        })
    }

    fn exchange(&self, limit: Duration) -> DatabaseResult<()> {
        let deadline = Deadline::after(limit);
        self.let_go();
        let mut last = None;
        let done = deadline.poll(PAUSE, || {
            let name = self.name().to_owned();
            let once = move |s: &mut D::Session| {
                make_alike(s, &name)?;
                change_names(s, &name)
            };
            match self.alone(D::NEUTRAL, "exchange the databases", deadline, once) {
                Ok(()) => Ok(Some(())),
                Err(e) if e.what.contains(IN_USE) => {
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
}

fn create<D: Server>(session: &mut D::Session) -> Asked<D::Session, bool> {
    let command = session.rows(&format!(
        "select format('create database {BESIDE} template template0 encoding %L lc_collate %L lc_ctype %L',
                       pg_encoding_to_char(encoding), datcollate, datctype)
             || coalesce({}, '')
         from (select d.*, row_to_json(d) as j from pg_database d) as d
         where datname = current_database()",
        D::MADE_WITH
    ))?;
    let Some(command) = first(&command) else {
        return Ok(false);
    };
    session.rows(command).map(|_| true)
}

fn drop_database<D: Server>(db: &D, deadline: Deadline) -> DatabaseResult<()> {
    let drop = |session: &mut D::Session| {
        end_sessions(session, BESIDE)?;
        session.rows(&format!("drop database if exists {BESIDE}"))
    };
    db.alone(D::NEUTRAL, "drop a database of hau's own", deadline, drop)
        .map(|_| ())
}

fn end_sessions<S: Session>(session: &mut S, name: &str) -> Asked<S, ()> {
    let name = escape_literal(name);
    let sql = format!(
        "select pg_terminate_backend(pid) from pg_stat_activity
         where datname = {name} and pid <> pg_backend_pid()"
    );
    session.rows(&sql).map(drop)
}

/// By table, as "schema.name": how many rows it has.
pub(super) fn count<S: Session>(session: &mut S) -> Asked<S, BTreeMap<String, u64>> {
    let mut counts = BTreeMap::new();
    for row in session.rows(TABLES)? {
        let Some(table) = value(&row, 0) else {
            continue;
        };
        let found = session.rows(&format!("select count(*) from {table}"))?;
        let rows = first(&found).and_then(|count| count.parse().ok());
        counts.insert(table.to_owned(), rows.unwrap_or(0));
    }
    Ok(counts)
}

/// A dump of one database holds neither its owner nor its rights and settings as a whole.
fn make_alike<S: Session>(session: &mut S, name: &str) -> Asked<S, ()> {
    let name = escape_literal(name);
    let commands = format!(
        "select 1, format('alter database {BESIDE} owner to %I', pg_get_userbyid(datdba))
             from pg_database where datname = {name}
         union all
         select 2, format('alter database {BESIDE} connection limit %s', datconnlimit)
             from pg_database where datname = {name}
         union all
         select 3, 'revoke all on database {BESIDE} from public'
             from pg_database where datname = {name} and datacl is not null
         union all
         select 4, format('grant %s on database {BESIDE} to %s', privilege_type,
                          case grantee when 0 then 'public' else quote_ident(pg_get_userbyid(grantee)) end)
                || case when is_grantable then ' with grant option' else '' end
             from (select (aclexplode(datacl)).* from pg_database where datname = {name}) as rights
         order by 1"
    );
    for row in session.rows(&commands)? {
        session.rows(value(&row, 1).unwrap_or(""))?;
    }
    copy_settings(session, &name)
}

/// By way of the session: what a setting is written like is the server's own business.
fn copy_settings<S: Session>(session: &mut S, name: &str) -> Asked<S, ()> {
    let settings = format!(
        "select case setrole when 0 then 'alter database {BESIDE}'
                     else format('alter role %I in database {BESIDE}', pg_get_userbyid(setrole)) end,
                split_part(one, '=', 1), substr(one, strpos(one, '=') + 1)
         from (select setrole, unnest(setconfig) as one
               from pg_db_role_setting s join pg_database d on d.oid = s.setdatabase
               where datname = {name}) as settings"
    );
    for row in session.rows(&settings)? {
        let word = |column| value(&row, column).unwrap_or("");
        let (alter, key) = (word(0), word(1));
        session.rows("begin")?;
        let [name, text] = [key, word(2)].map(escape_literal);
        session.rows(&format!("select set_config({name}, {text}, true)"))?;
        // What custom settings are called, the server has checked just now.
        let words: Vec<String> = key.split('.').map(escape_identifier).collect();
        session.rows(&format!("{alter} set {} from current", words.join(".")))?;
        session.rows("commit")?;
    }
    Ok(())
}

fn change_names<S: Session>(session: &mut S, name: &str) -> Asked<S, ()> {
    end_sessions(session, name)?;
    end_sessions(session, BESIDE)?;
    session.rows("begin")?;
    let name = escape_identifier(name);
    for (from, to) in [(name.as_str(), REPLACED), (BESIDE, name.as_str())] {
        session.rows(&format!("alter database {from} rename to {to}"))?;
    }
    session.rows("commit").map(drop)
}
