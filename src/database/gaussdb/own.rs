//! hau's own tables, in a schema of their own. Looked for before they are made: not every openGauss knows `create schema if
//! not exists`, and a statement that fails stands in the server's log.
use super::rows::Rows;

const HAS_SCHEMA: &str = "select 1 from pg_namespace where nspname = 'hau'";

/// A question that has a row if there is such a table.
pub(super) fn has(table: &str) -> String {
    format!("select 1 from pg_tables where schemaname = 'hau' and tablename = '{table}'")
}

/// Makes one that may be there: its name and its columns.
///
/// # Errors
/// Those of `run`.
pub(super) fn make<E>(
    table: &str,
    columns: &str,
    mut run: impl FnMut(&str) -> Result<Rows, E>,
) -> Result<(), E> {
    if run(HAS_SCHEMA)?.is_empty() {
        run("create schema hau")?;
    }
    run(&format!(
        "create table if not exists hau.{table} ({columns})"
    ))
    .map(drop)
}
