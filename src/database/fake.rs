//! A pair of databases in memory, for simulations and the tests of steps. It can be broken in the
//! ways a real one breaks, two primaries included, and knows of every row it ever acknowledged.
use super::{Database, DatabaseError, DatabaseResult, Replication, Standing};
use crate::core::DatabaseRole;
use crate::host::{Host, fake::FakeHost};
use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// What both members share: the truth that a test looks at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cluster {
    pub members: [Member; 2],
    /// The link over which the log is shipped.
    pub cut: bool,
    /// A former primary is kept from starting after a boot.
    pub holds: bool,
    /// Rows whose writer was told that they are safe, in their order.
    pub acknowledged: Vec<u32>,
    /// Schema scripts that took effect, with how often; more than once is wrong.
    pub schema: BTreeMap<String, u32>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Member {
    pub up: bool,
    pub is_primary: bool,
    /// The log: every row, in its order.
    pub rows: Vec<u32>,
    /// As PostgreSQL counts: one more with each promotion. A standby takes its primary's.
    pub timeline: u32,
    /// The host has not started since it was last known to be the right primary.
    pub may_start: bool,
    /// Where it was stopped cleanly; it does not come up as primary by itself any more.
    pub demoted_at: Option<usize>,
    /// The standby receives and replays nothing.
    pub is_stuck: bool,
    /// Operations that fail when asked next, by the name of the function.
    pub failing: BTreeMap<&'static str, u32>,
}

/// One node's handle. Every change burns the host's fuse, so a cut is a cut of both.
#[derive(Clone)]
pub struct FakeDatabase {
    cluster: Arc<Mutex<Cluster>>,
    host: Arc<FakeHost>,
    node: usize,
}

impl Cluster {
    /// A healthy pair with `primary` taking the writes.
    pub fn new(primary: usize) -> Self {
        let mut cluster = Self::default();
        for (n, member) in cluster.members.iter_mut().enumerate() {
            (member.up, member.is_primary, member.timeline) = (true, n == primary, 1);
            member.may_start = n == primary;
        }
        cluster
    }

    pub fn is_streaming(&self, standby: usize) -> bool {
        let [a, b] = &self.members;
        let (here, there) = if standby == 0 { (a, b) } else { (b, a) };
        let follows = here.up && !here.is_primary && there.up && there.is_primary;
        follows && !self.cut && !here.is_stuck && there.rows.starts_with(&here.rows)
    }

    /// Ships the log. Called before every look, so a standby is only behind if it is stuck.
    pub fn flow(&mut self) {
        for standby in 0..2 {
            let primary = 1 - standby;
            let have = self.members[standby].rows.len();
            if self.is_streaming(standby) {
                self.members[standby].timeline = self.members[primary].timeline;
            }
            if have != self.members[primary].rows.len() && self.is_streaming(standby) {
                let missing = self.members[primary].rows[have..].to_vec();
                self.members[standby].rows.extend(missing);
            }
        }
    }

    /// A client writes at `node`. False: refused, nothing promised.
    pub fn write(&mut self, node: usize) -> bool {
        let row = u32::try_from(self.acknowledged.len()).unwrap_or(u32::MAX);
        let member = &self.members[node];
        if !(member.up && member.is_primary) {
            return false;
        }
        self.members[node].rows.push(row);
        self.acknowledged.push(row);
        self.flow();
        true
    }

    pub fn primaries(&self) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(|m| m.up && m.is_primary)
    }

    /// Does every primary that runs hold every acknowledged row?
    pub fn lost_nothing(&self) -> bool {
        self.primaries().all(|m| {
            m.rows.len() == self.acknowledged.len() && m.rows.last() == self.acknowledged.last()
        })
    }

    /// The host lost its power, or has it again: a demoted primary comes up as a standby, another
    /// one is held.
    pub fn power(&mut self, node: usize, on: bool) {
        let member = &mut self.members[node];
        member.up = on;
        if member.demoted_at.is_some() {
            member.is_primary = false;
        }
        if self.holds {
            member.may_start = false;
            member.up &= !member.is_primary;
        }
    }
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
        Ok(self.ask("position")?.members[self.node]
            .rows
            .len()
            .to_string())
    }

    fn has_replayed(&self, position: &str) -> DatabaseResult<bool> {
        let cluster = self.ask("has_replayed")?;
        Ok(cluster.members[self.node].rows.len() >= parse(position)?)
    }

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

    fn prepare_switch(&self, _limit: Duration) -> DatabaseResult<()> {
        self.change("prepare_switch").map(drop)
    }

    fn demote(&self, _limit: Duration) -> DatabaseResult<String> {
        let mut cluster = self.change("demote")?;
        // A stop ships what the standby has not got yet: `flow` has done that.
        let me = &mut cluster.members[self.node];
        if let Some(position) = me.demoted_at {
            return Ok(position.to_string());
        }
        if !(me.up && me.is_primary) {
            return Err(failed("it is not a running primary".to_owned()));
        }
        me.up = false;
        me.demoted_at = Some(me.rows.len());
        Ok(me.rows.len().to_string())
    }

    fn take_back(&self, _limit: Duration) -> DatabaseResult<()> {
        let mut cluster = self.change("take_back")?;
        let me = &mut cluster.members[self.node];
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
        let (have, wanted) = (me.rows.len(), parse(position)?);
        if have < wanted {
            return Err(failed(format!(
                "replayed to {have}, the old primary stopped at {wanted}"
            )));
        }
        if !me.is_primary {
            (me.is_primary, me.timeline) = (true, me.timeline + 1);
        }
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
        }
    }

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

    fn take_over(&self, _limit: Duration) -> DatabaseResult<()> {
        let mut cluster = self.change("promote")?;
        let me = &mut cluster.members[self.node];
        me.up |= me.is_primary;
        if !me.up {
            return Err(failed("the database does not answer".to_owned()));
        }
        if !me.is_primary {
            (me.is_primary, me.timeline) = (true, me.timeline + 1);
        }
        me.may_start = true;
        Ok(())
    }

    fn rewind(&self, _rebuild: bool, _limit: Duration) -> DatabaseResult<()> {
        let mut cluster = self.change("rewind")?;
        let source = cluster.members[1 - self.node].clone();
        if !(source.up && source.is_primary) {
            return Err(failed("the other node's database is no primary".to_owned()));
        }
        let me = &mut cluster.members[self.node];
        let common = me.rows.iter().zip(&source.rows);
        let common = common.take_while(|(ours, theirs)| ours == theirs).count();
        me.rows.truncate(common);
        (me.up, me.is_primary) = (false, false);
        me.demoted_at = Some(common);
        Ok(())
    }

    fn dump(&self, to: &Path, _limit: Duration) -> DatabaseResult<()> {
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
            .map_err(|e| failed(e.to_string()))
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

fn parse(position: &str) -> DatabaseResult<usize> {
    position
        .parse()
        .map_err(|_| failed(format!("{position:?} is not a position")))
}

fn failed(what: String) -> DatabaseError {
    let remedy = "look at the database's log".to_owned();
    DatabaseError {
        what,
        remedy,
        transient: true,
    }
}
