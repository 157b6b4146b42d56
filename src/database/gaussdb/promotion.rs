//! Which of two databases was promoted last. openGauss has no timelines as PostgreSQL has: a number in hau's own table takes
//! their place. It lies with the data, grows when another node becomes primary, and comes to the standby as all that is
//! written.
use super::{
    DatabaseResult, Gaussdb, QUESTION, own,
    rows::{Rows, value},
    wire::literal,
};

const ACTION: &str = "ask which promotion this database is of";
const TABLE: &str = "promotion";
const COLUMNS: &str = "id int primary key, number int not null, node text not null";
const READ: &str = "select number, node from hau.promotion where id = 1";
const FIRST: &str =
    "insert into hau.promotion select 1, 0, '' where not exists (select 1 from hau.promotion)";

/// The number in the data, and the node that was primary then.
struct Promotion {
    number: u32,
    node: String,
}

/// 0: none is written down yet, or it cannot be seen.
pub(super) fn number(db: &Gaussdb) -> u32 {
    promotion(db).ok().flatten().map_or(0, |p| p.number)
}

fn promotion(db: &Gaussdb) -> DatabaseResult<Option<Promotion>> {
    if db.ask(ACTION, &own::has(TABLE), QUESTION)?.is_empty() {
        return Ok(None);
    }
    Ok(read(&db.ask(ACTION, READ, QUESTION)?))
}

fn read(rows: &Rows) -> Option<Promotion> {
    let row = rows.first()?;
    Some(Promotion {
        number: value(row, 0)?.parse().ok()?,
        node: value(row, 1)?.to_owned(),
    })
}

/// Whoever is primary writes its name there: for the first time, and whenever the other one stood there, by whose hand it
/// was promoted does not matter. A former primary that comes up again finds its own name, and the old number. Gives the
/// number.
pub(super) fn claim(db: &Gaussdb) -> DatabaseResult<u32> {
    match promotion(db)? {
        Some(known) if known.node == db.config.node => return Ok(known.number),
        Some(_) | None => {}
    }
    let write = |sql: &str| db.ask("write down who is primary", sql, QUESTION);
    own::make(TABLE, COLUMNS, write)?;
    let me = literal(&db.config.node);
    write(FIRST)?;
    // In one statement: two that claim at once count one promotion.
    write(&format!(
        "update hau.promotion set number = number + 1, node = {me} where id = 1 and node <> {me}"
    ))?;
    Ok(number(db))
}
