//! No database: for services that keep nothing on these two hosts.
use super::{Database, DatabaseResult, Dumps, Replica, Replication, Schema, Standing};
use crate::core::DatabaseRole;
use crate::host::DatabaseMark;
use std::{path::Path, time::Duration};

pub struct NoDatabase;

pub static NONE: NoDatabase = NoDatabase;

impl Database for NoDatabase {}

impl Replica for NoDatabase {
    fn role(&self) -> DatabaseResult<DatabaseRole> {
        Ok(DatabaseRole::None)
    }
    fn replication(&self) -> DatabaseResult<Replication> {
        Ok(Replication::default())
    }
    fn position(&self) -> DatabaseResult<String> {
        Ok(String::new())
    }
    fn has_replayed(&self, _position: &str) -> DatabaseResult<bool> {
        Ok(true)
    }
    fn prepare_switch(&self, _limit: Duration) -> DatabaseResult<()> {
        Ok(())
    }
    fn demote(&self, _limit: Duration) -> DatabaseResult<String> {
        Ok(String::new())
    }
    fn take_back(&self, _stopped: Option<&str>, _limit: Duration) -> DatabaseResult<()> {
        Ok(())
    }
    fn promote(&self, _position: &str, _limit: Duration) -> DatabaseResult<()> {
        Ok(())
    }
    fn rejoin(&self, _limit: Duration) -> DatabaseResult<()> {
        Ok(())
    }
    fn standing(&self) -> Standing {
        Standing {
            role: DatabaseRole::None,
            ..Standing::default()
        }
    }
    fn take_over(&self, _term: Option<u64>, _limit: Duration) -> DatabaseResult<()> {
        Ok(())
    }
    fn rewind(&self, _rebuild: bool, _limit: Duration) -> DatabaseResult<()> {
        Ok(())
    }
    fn identity(&self) -> DatabaseResult<String> {
        Ok(String::new())
    }
}

impl Schema for NoDatabase {
    fn apply_schema(&self, _name: &str, _sql: &str, _limit: Duration) -> DatabaseResult<()> {
        Ok(())
    }
}

impl Dumps for NoDatabase {
    fn mark(&self) -> DatabaseResult<DatabaseMark> {
        Ok(DatabaseMark::default())
    }
    fn dump(&self, _to: &Path, _counts: bool, _limit: Duration) -> DatabaseResult<DatabaseMark> {
        Ok(DatabaseMark::default())
    }
    fn check_dump(&self, _file: &Path, _limit: Duration) -> DatabaseResult<String> {
        Ok(String::new())
    }
    fn size_bytes(&self) -> DatabaseResult<u64> {
        Ok(0)
    }
}
