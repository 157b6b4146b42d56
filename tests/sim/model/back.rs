//! The person at hau-ctl goes back: both nodes, or the one that is left.
use super::World;
use super::mutants;
use super::operator::actor;
use super::site::{self, FROM, TO, site};
use hau::backup;
use hau::core::{
    DatabaseRole, Direction, Kind, NodeId, Order, Plan, Reply, RolloutId, Row, VrrpState, WayBack,
};
use hau::database::Replica;
use hau::steps;
use hau::time::Time;

impl World {
    /// `hau-ctl rollback` on this node, as the daemon plans it.
    pub(crate) fn go_back(&mut self, n: usize) -> Option<Reply> {
        self.back(n, true)
    }

    /// With a backup named: a halted rollout is replaced wherever it stands.
    pub(crate) fn go_back_anew(&mut self, n: usize) -> Option<Reply> {
        self.back(n, false)
    }

    fn back(&mut self, n: usize, may_give_up: bool) -> Option<Reply> {
        let state = self.nodes[n].state()?;
        let here = state.observed.local.vrrp;
        let there = state.fresh_peer(self.time())?.local.vrrp;
        let first = match (here, there) {
            (VrrpState::Backup, VrrpState::Master) => n,
            (VrrpState::Master, VrrpState::Backup) => 1 - n,
            (_, _) => return None,
        };
        let replaces = match state.running() {
            Some(r) if !r.is_at_rest() => return None,
            Some(r) => {
                let passed = r.is_past_abort(&state.me) || r.barrier(&state.me).is_some();
                if may_give_up && !passed && r.mandate.direction == Direction::Forward {
                    self.order(n, Order::Abort, "root");
                    return None;
                }
                Some(r.plan.id.clone())
            }
            None => None,
        };
        let second = 1 - first;
        let primary = self.pair.databases[second].role().ok() == Some(DatabaseRole::Primary);
        let versions = [first, second].map(|n| self.version(n));
        let levels = versions[1].as_deref() == Some(FROM);
        let news = versions.iter().any(|v| v.as_deref() == Some(TO));
        let backup = self.common_backup()?;
        if !(self.serves(second) && primary && (news || replaces.is_some())) {
            return None;
        }
        let kind = if levels {
            Kind::RollbackNode
        } else {
            Kind::Rollback
        };
        // Every fourth one restores the database, too; once, for nobody drops the one it replaces.
        let is_first = self.pair.databases[0].edit(|c| c.exchanged == 0);
        let database = is_first && self.options.seed % 16 == 5;
        let mut rows = site::rows(kind, first, database);
        mutants::edit_rows(self.options.mutant, &mut rows);
        self.ask_back(
            n,
            kind,
            first,
            rows,
            WayBack {
                backup,
                database,
                replaces,
            },
        )
    }

    /// `hau-ctl rollback --local` on this node, whose peer is not heard.
    pub(crate) fn go_back_alone(&mut self, n: usize) -> Option<Reply> {
        let state = self.nodes[n].state()?;
        let running = state.running();
        if state.fresh_peer(self.time()).is_some() {
            return None;
        }
        let replaces = running.map(|r| r.plan.id.clone());
        if replaces.is_none() && self.version(n).as_deref() == Some(FROM) {
            return None;
        }
        let backup = self.backups(n).into_iter().max()?;
        let mut rows = site::rows(Kind::RollbackNode, n, false);
        steps::alone(&mut rows, &site().nodes[n]);
        let way_back = WayBack {
            backup,
            database: false,
            replaces,
        };
        self.ask_back(n, Kind::RollbackNode, n, rows, way_back)
    }

    fn ask_back(
        &mut self,
        n: usize,
        kind: Kind,
        first: usize,
        rows: Vec<Row>,
        way_back: WayBack,
    ) -> Option<Reply> {
        let s = site();
        let plan = Plan {
            id: RolloutId {
                number: 0,
                origin: NodeId(String::new()),
            },
            kind,
            first: s.nodes[first].clone(),
            second: s.nodes[1 - first].clone(),
            from: TO.to_owned(),
            to: FROM.to_owned(),
            bundle: None,
            way_back: Some(way_back),
            by: actor("root"),
            made_at: Time(0),
            home_before: None,
            stop_before: None,
            term: None,
            takes_back: false,
            fast: self.options.fast,
            rows,
        };
        let reply = self.ask(n, plan);
        if matches!(reply, Some(Reply::Accepted { .. })) {
            self.operator.went_back += 1;
        }
        reply
    }

    /// The newest backup of the old version that both nodes have.
    fn common_backup(&self) -> Option<String> {
        let (here, there) = (self.backups(0), self.backups(1));
        here.into_iter().filter(|name| there.contains(name)).max()
    }

    /// Those of the old version.
    fn backups(&self, n: usize) -> Vec<String> {
        let list = backup::list(&*self.pair.hosts[n], &site().settings).unwrap_or_default();
        let old = |e: &backup::Entry| {
            let manifest = e.manifest.as_ref();
            manifest.is_some_and(|m| m.version.as_deref() == Some(FROM))
        };
        list.into_iter().filter(old).map(|e| e.name).collect()
    }
}
