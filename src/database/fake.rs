//! A pair of databases in memory, for simulations and the tests of steps. It can be broken in the
//! ways a real one breaks, two primaries included, and knows of every row it ever acknowledged.
mod cluster;

pub use cluster::{Cluster, Member};
use cluster::{mark, parse, place, table};

use super::{
    Beside, Database, DatabaseError, DatabaseResult, Dumps, Guard, Replica, Replication, Restores,
    Schema, Standing,
};
use crate::core::DatabaseRole;
use crate::host::{DatabaseMark, Host, fake::FakeHost};
use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// One node's handle. Every change burns the host's fuse, so a cut is a cut of both.
#[derive(Clone)]
pub struct FakeDatabase {
    cluster: Arc<Mutex<Cluster>>,
    host: Arc<FakeHost>,
    node: usize,
}

impl FakeDatabase {
    pub fn new(cluster: Arc<Mutex<Cluster>>, host: Arc<FakeHost>, node: usize) -> Self {
        Self {
            cluster,
            host,
            node,
        }
    }

    /// The door for tests.
    pub fn edit<T>(&self, change: impl FnOnce(&mut Cluster) -> T) -> T {
        change(&mut self.look())
    }

    fn look(&self) -> MutexGuard<'_, Cluster> {
        let mut cluster = self.cluster.lock().unwrap_or_else(PoisonError::into_inner);
        cluster.flow();
        cluster
    }

    /// Before every operation that a test may let fail.
    fn ask(&self, operation: &'static str) -> DatabaseResult<MutexGuard<'_, Cluster>> {
        let mut cluster = self.look();
        if let Some(left) = cluster.members[self.node].failing.get_mut(operation)
            && *left > 0
        {
            *left -= 1;
            return Err(failed(format!(
                "{operation} fails because the test says so"
            )));
        }
        Ok(cluster)
    }

    /// Like `ask`, for what changes something.
    fn change(&self, operation: &'static str) -> DatabaseResult<MutexGuard<'_, Cluster>> {
        let burnt = self.host.edit(|world| match &mut world.fuse {
            Some(0) => true,
            Some(left) => {
                *left -= 1;
                false
            }
            None => false,
        });
        if burnt {
            Err(failed("crashed".to_owned()))
        } else {
            self.ask(operation)
        }
    }
}

impl Database for FakeDatabase {
    fn guard(&self) -> DatabaseResult<&dyn Guard> {
        Ok(self)
    }

    fn restores(&self) -> DatabaseResult<&dyn Restores> {
        Ok(self)
    }
}

impl Replica for FakeDatabase {
    fn identity(&self) -> DatabaseResult<String> {
        Ok("one".to_owned())
    }

    fn role(&self) -> DatabaseResult<DatabaseRole> {
        let cluster = self.ask("role")?;
        let me = &cluster.members[self.node];
        match (me.up, me.is_primary) {
            (false, _) => Err(failed("the database does not answer".to_owned())),
            (true, true) => Ok(DatabaseRole::Primary),
            (true, false) => Ok(DatabaseRole::Standby),
        }
    }

    fn replication(&self) -> DatabaseResult<Replication> {
        let cluster = self.ask("replication")?;
        let standby = if cluster.members[self.node].is_primary {
            1 - self.node
        } else {
            self.node
        };
        let [a, b] = &cluster.members;
        let lag = u64::try_from(a.rows.len().abs_diff(b.rows.len())).unwrap_or(u64::MAX);
        let (streaming, lag_bytes) = (cluster.is_streaming(standby), Some(lag * 100));
        Ok(Replication {
            streaming,
            lag_bytes,
            obstacles: Vec::new(),
        })
    }

    fn position(&self) -> DatabaseResult<String> {
        let me = &self.ask("position")?.members[self.node];
        Ok(place(me.rows.len(), me.timeline))
    }

    fn has_replayed(&self, position: &str) -> DatabaseResult<bool> {
        let cluster = self.ask("has_replayed")?;
        let (me, (rows, timeline)) = (&cluster.members[self.node], parse(position)?);
        Ok(me.timeline <= timeline && me.rows.len() >= rows)
    }

    fn prepare_switch(&self, _limit: Duration) -> DatabaseResult<()> {
        self.change("prepare_switch").map(drop)
    }

    fn demote(&self, _limit: Duration) -> DatabaseResult<String> {
        let mut cluster = self.change("demote")?;
        // A stop ships what the standby has not got yet: `flow` has done that.
        let me = &mut cluster.members[self.node];
        if let Some(rows) = me.demoted_at {
            return Ok(place(rows, me.timeline));
        }
        if !(me.up && me.is_primary) {
            return Err(failed("it is not a running primary".to_owned()));
        }
        me.up = false;
        me.demoted_at = Some(me.rows.len());
        Ok(place(me.rows.len(), me.timeline))
    }

    fn take_back(&self, stopped: Option<&str>, limit: Duration) -> DatabaseResult<()> {
        let mut cluster = self.change("take_back")?;
        let me = &mut cluster.members[self.node];
        if me.up && !me.is_primary {
            let stopped = stopped.ok_or_else(|| failed("started as a standby since".to_owned()))?;
            drop(cluster);
            self.promote(stopped, limit)?;
            self.look().members[self.node].demoted_at = None;
            return Ok(());
        }
        (me.up, me.is_primary, me.demoted_at) = (true, true, None);
        me.may_start = true;
        Ok(())
    }

    fn promote(&self, position: &str, _limit: Duration) -> DatabaseResult<()> {
        let mut cluster = self.change("promote")?;
        let me = &mut cluster.members[self.node];
        if !me.up {
            return Err(failed("the database does not answer".to_owned()));
        }
        let (have, (wanted, timeline)) = (me.rows.len(), parse(position)?);
        if have < wanted {
            return Err(failed(format!(
                "replayed to {have}, the old primary stopped at {wanted}"
            )));
        }
        if !me.is_primary && me.timeline > timeline {
            return Err(failed(format!(
                "this standby is on timeline {}, the old primary stopped on {timeline}",
                me.timeline
            )));
        }
        if !me.is_primary {
            (me.is_primary, me.timeline) = (true, me.timeline + 1);
        }
        me.demoted_at = None;
        me.may_start = true;
        Ok(())
    }

    fn rejoin(&self, _limit: Duration) -> DatabaseResult<()> {
        let mut cluster = self.change("rejoin")?;
        let me = &mut cluster.members[self.node];
        if me.demoted_at.is_some() {
            (me.up, me.is_primary, me.demoted_at) = (true, false, None);
        }
        if me.is_primary {
            return Err(failed("it is primary: demote it first".to_owned()));
        }
        Ok(())
    }

    fn standing(&self) -> Standing {
        let role = self.role().unwrap_or_default();
        let cluster = self.look();
        let me = &cluster.members[self.node];
        Standing {
            role,
            follows: cluster.is_streaming(self.node),
            timeline: me.timeline,
            held: !me.up && me.is_primary && me.demoted_at.is_none() && !me.may_start,
            may_start: !cluster.holds || me.may_start,
            term: if me.up { me.term } else { 0 },
        }
    }

    fn take_over(&self, term: Option<u64>, _limit: Duration) -> DatabaseResult<()> {
        let mut cluster = self.change("promote")?;
        let me = &mut cluster.members[self.node];
        me.up |= me.is_primary;
        if !me.up {
            return Err(failed("the database does not answer".to_owned()));
        }
        if !me.is_primary {
            (me.is_primary, me.timeline) = (true, me.timeline + 1);
            me.demoted_at = None;
        }
        me.term = term.unwrap_or(me.term);
        me.may_start = true;
        Ok(())
    }

    fn rewind(&self, rebuild: bool, _limit: Duration) -> DatabaseResult<()> {
        let mut cluster = self.change("rewind")?;
        let source = cluster.members[1 - self.node].clone();
        if !(source.up && source.is_primary) {
            return Err(failed("the other node's database is no primary".to_owned()));
        }
        let me = &mut cluster.members[self.node];
        if me.is_primary && me.timeline == source.timeline && !rebuild {
            return Err(failed(format!(
                "both were promoted to timeline {}",
                me.timeline
            )));
        }
        let common = me.rows.iter().zip(&source.rows);
        let common = common.take_while(|(ours, theirs)| ours == theirs).count();
        me.rows.truncate(common);
        (me.up, me.is_primary) = (false, false);
        me.demoted_at = Some(common);
        Ok(())
    }
}

impl Schema for FakeDatabase {
    fn apply_schema(&self, name: &str, _sql: &str, _limit: Duration) -> DatabaseResult<()> {
        let mut cluster = self.change("apply_schema")?;
        if !cluster.schema.contains_key(name) {
            if !cluster.write(self.node) {
                return Err(failed("the database takes no writes".to_owned()));
            }
            *cluster.schema.entry(name.to_owned()).or_default() += 1;
        }
        Ok(())
    }
}

impl Dumps for FakeDatabase {
    fn mark(&self) -> DatabaseResult<DatabaseMark> {
        let rows = self.ask("mark")?.members[self.node].rows.len();
        Ok(mark(rows))
    }

    fn dump(&self, to: &Path, counts: bool, _limit: Duration) -> DatabaseResult<DatabaseMark> {
        let rows = {
            let cluster = self.ask("dump")?;
            let me = &cluster.members[self.node];
            if !me.up {
                return Err(failed("the database does not answer".to_owned()));
            }
            me.rows.len()
        };
        if self.host.exists(to) {
            return Err(failed(format!("{} exists", to.display())));
        }
        let text = format!("dump of {rows} rows\n");
        self.host
            .write(to, text.as_bytes(), 0o600)
            .map_err(|e| failed(e.to_string()))?;
        let mut seen = mark(rows);
        if counts {
            seen.rows = table(rows);
        }
        Ok(seen)
    }

    fn check_dump(&self, file: &Path, _limit: Duration) -> DatabaseResult<String> {
        drop(self.ask("check_dump")?);
        let bytes = self.host.read(file).map_err(|e| failed(e.to_string()))?;
        let text = String::from_utf8_lossy(&bytes).trim().to_owned();
        let whole = text.starts_with("dump of") && bytes.ends_with(b"\n");
        if whole {
            Ok(text)
        } else {
            Err(failed(format!("{} is not whole", file.display())))
        }
    }

    fn size_bytes(&self) -> DatabaseResult<u64> {
        Ok(self.look().acknowledged.len() as u64 * 100)
    }
}

impl Guard for FakeDatabase {
    fn watch_over(&self) -> DatabaseResult<()> {
        Ok(())
    }

    fn release(&self, _limit: Duration) -> DatabaseResult<()> {
        let mut cluster = self.change("release")?;
        let me = &mut cluster.members[self.node];
        (me.up, me.may_start) = (true, true);
        Ok(())
    }

    fn hold(&self, _limit: Duration) -> DatabaseResult<()> {
        let mut cluster = self.change("hold")?;
        let me = &mut cluster.members[self.node];
        if me.is_primary {
            (me.up, me.may_start) = (false, false);
        }
        Ok(())
    }
}

impl Restores for FakeDatabase {
    fn may_restore(&self) -> DatabaseResult<bool> {
        Ok(true)
    }

    fn restore_beside(
        &self,
        file: &Path,
        limit: Duration,
    ) -> DatabaseResult<BTreeMap<String, u64>> {
        let text = self.check_dump(file, limit)?;
        let rows = text.split(' ').nth(2).and_then(|rows| rows.parse().ok());
        let rows = rows.ok_or_else(|| failed(format!("{text:?} is no dump")))?;
        let mut cluster = self.change("restore_beside")?;
        let me = &cluster.members[self.node];
        if !(me.up && me.is_primary) {
            return Err(failed("the database takes no writes".to_owned()));
        }
        cluster.beside = Some(rows);
        Ok(table(rows))
    }

    fn drop_beside(&self, _limit: Duration) -> DatabaseResult<()> {
        self.change("drop_beside")?.beside = None;
        Ok(())
    }

    fn beside(&self) -> DatabaseResult<Beside> {
        let cluster = self.ask("beside")?;
        Ok(Beside {
            restored: cluster.beside.is_some(),
            replaced: cluster.exchanged > 0,
        })
    }

    fn exchange(&self, _limit: Duration) -> DatabaseResult<()> {
        let mut cluster = self.change("exchange")?;
        if cluster.beside.is_none() || cluster.exchanged > 0 {
            return Err(failed(
                "nothing is restored, or something is replaced".to_owned(),
            ));
        }
        if !cluster.write(self.node) {
            return Err(failed("the database takes no writes".to_owned()));
        }
        (cluster.beside, cluster.exchanged) = (None, 1);
        Ok(())
    }
}

fn failed(what: String) -> DatabaseError {
    let remedy = "look at the database's log".to_owned();
    DatabaseError {
        what,
        remedy,
        transient: true,
    }
}
