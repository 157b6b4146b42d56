//! What holds of every adapter that restores a dump, on a real pair of servers.
use super::Pair;
use hau::{core::DatabaseRole, database::Database};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(60);

/// The old rows are there again under the same name, for the same people with the same settings; the newer
/// ones stay beside; and the standby follows.
pub(crate) fn takes_the_place(adapter: &dyn Database, standby: &dyn Database, pair: &Pair) {
    let db = adapter.restores().unwrap();
    assert!(db.may_restore().unwrap());
    let fill = "create table goods as select i from generate_series(1, 100) i;
        create role shopper login;
        alter database shop owner to shopper;
        revoke all on database shop from public;
        grant connect on database shop to shopper with grant option;
        alter database shop connection limit 90;
        alter database shop set search_path = 'public', \"Odd name\";
        alter role shopper in database shop set my.custom = 'it''s'";
    pair.a.sql().batch_execute(fill).unwrap();
    let files = tempfile::tempdir().unwrap();
    let file = files.path().join("dump");
    adapter.dump(&file, true, LIMIT).unwrap();
    pair.a.sql().batch_execute("delete from goods").unwrap();
    assert!(db.exchange(LIMIT).is_err(), "nothing is restored");
    assert_eq!(pair.a.count("goods"), 0);

    const LIKE: &str = "select pg_get_userbyid(datdba)::text, datacl::text, datconnlimit,
        (select array_agg(setrole::regrole::text || setconfig::text order by 1)::text
         from pg_db_role_setting where setdatabase = d.oid)
        from pg_database d where datname = 'shop'";
    let like = || {
        let row = pair.a.sql().query_one(LIKE, &[]).unwrap();
        let (owner, limit): (String, i32) = (row.get(0), row.get(2));
        (
            owner,
            row.get::<_, String>(1),
            limit,
            row.get::<_, String>(3),
        )
    };
    let before = like();
    db.restore_beside(&file, LIMIT).unwrap();
    // Somebody is connected, and stays so while the names are to change.
    let user = pair.a.sql();
    db.exchange(LIMIT).unwrap();
    drop(user);
    let found = db.beside().unwrap();
    assert!(found.replaced && !found.restored, "{found:?}");
    assert_eq!(pair.a.count("goods"), 100);
    assert_eq!(like(), before);
    assert_eq!(adapter.role().unwrap(), DatabaseRole::Primary);
    let position = adapter.position().unwrap();
    pair.until("replayed", || standby.has_replayed(&position).unwrap());
    assert_eq!(pair.b.count("goods"), 100);
    assert_eq!(standby.role().unwrap(), DatabaseRole::Standby);

    // A second time the first one that was replaced is in the way, and stays whole.
    db.restore_beside(&file, LIMIT).unwrap();
    let e = db.exchange(LIMIT).unwrap_err();
    assert!(
        e.what.contains("hau_replaced") && !e.remedy.is_empty(),
        "{e:?}"
    );
    assert_eq!(pair.a.count("goods"), 100);
}
