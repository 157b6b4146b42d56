//! What a node does on its own: the two databases (the simulator's), the power of the hosts, and the person who says
//! that one of them is off.
use crate::pair::{Mutant, NOW, Pair, Peer, Sight, actor};
use crate::site::site;
use hau::core::{
    Command, Event, Guard, JobKey, Kind, Local, NodeId, Outcome, Plan, Primary, Rollout, RowState,
    Unasked, Verb, VrrpState, intents,
};
use hau::daemon::alarm;
use hau::database::fake::{Cluster, FakeDatabase};
use hau::database::{Database, DatabaseResult, Standing};
use hau::host::fake::FakeHost;
use hau::steps::{self, Asked};
use hau::time::Time;
use std::{
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

/// What failed alone failed then; a node that is gone was heard later, or not at all.
const FAILED: Time = Time(1);

/// The databases of a pair with a fence.
#[derive(Clone)]
pub(crate) struct Databases {
    cluster: Cluster,
    /// As each node sees its own.
    standing: [Standing; 2],
    /// Nobody is asked: a standby takes over, a former primary rejoins.
    is_auto: bool,
}

impl Databases {
    fn new(cluster: Cluster, is_auto: bool) -> Self {
        let shared = Arc::new(Mutex::new(cluster));
        let standing = [0, 1].map(|n| FakeDatabase::new(shared.clone(), host(), n).standing());
        let cluster = shared.lock().expect("whole").clone();
        Self {
            cluster,
            standing,
            is_auto,
        }
    }

    /// One takes the writes, the other one follows it.
    fn are_whole(&self) -> bool {
        let streams = |n| self.cluster.is_streaming(n);
        self.cluster.primaries().count() == 1 && (streams(0) || streams(1))
    }

    fn timelines(&self) -> impl Iterator<Item = u32> {
        self.cluster.members.iter().map(|member| member.timeline)
    }
}

fn host() -> Arc<FakeHost> {
    static HOST: OnceLock<Arc<FakeHost>> = OnceLock::new();
    HOST.get_or_init(|| Arc::new(FakeHost::new())).clone()
}

/// As the configuration lets it begin by itself, or as a person asks for it.
fn solo(n: usize, kind: Kind, vouched: bool) -> Arc<Plan> {
    static PLANS: OnceLock<[[[Arc<Plan>; 2]; 2]; 2]> = OnceLock::new();
    let plans = PLANS.get_or_init(|| {
        let s = site();
        [0, 1].map(|n| {
            [Kind::Failover, Kind::Rejoin].map(|kind| {
                [false, true].map(|vouched| {
                    let (asked, nodes) = (
                        Asked {
                            vouched,
                            rebuild: false,
                        },
                        &s.nodes,
                    );
                    let both = (&nodes[n], &nodes[1 - n]);
                    Arc::new(steps::solo(kind, &s.settings, asked, both))
                })
            })
        })
    });
    plans[n][usize::from(kind == Kind::Rejoin)][usize::from(vouched)].clone()
}

impl Pair {
    /// With databases, `a` has the primary; and at each point of a switch in which nothing goes wrong.
    pub(crate) fn starts_alone(is_auto: bool) -> Vec<Self> {
        let of = |mut pair: Self| {
            pair.databases = Some(Databases::new(held_after_a_boot(), is_auto));
            pair.in_one_form()
        };
        let mut all = vec![of(Self::idle())];
        let switch = Self::starts(Kind::Switch).into_iter().next();
        let mut next = switch.map(|pair| (of(pair), 0));
        while let Some((pair, vip)) = next {
            next = pair.moved(vip);
            all.push(pair);
        }
        all
    }

    pub(crate) fn unasked(&self, n: usize) -> Unasked {
        let Some(databases) = &self.databases else {
            return Unasked::default();
        };
        let plan = |kind| databases.is_auto.then(|| solo(n, kind, false));
        Unasked {
            holds: true,
            failover: plan(Kind::Failover),
            rejoin: plan(Kind::Rejoin),
        }
    }

    /// What this node sees of its database.
    pub(crate) fn look_at_database(&self, n: usize, local: &mut Local) {
        let Some(databases) = &self.databases else {
            return;
        };
        let seen = databases.standing[n];
        (local.database, local.timeline) = (seen.role, seen.timeline);
        (local.follows, local.held, local.may_start) = (seen.follows, seen.held, seen.may_start);
    }

    /// Nothing is left to do for the databases.
    pub(crate) fn is_whole(&self) -> bool {
        self.databases.as_ref().is_none_or(Databases::are_whole)
    }

    /// What comes of an operation on the database of this node.
    fn changed(
        &self,
        n: usize,
        op: impl FnOnce(&FakeDatabase) -> DatabaseResult<()>,
    ) -> Option<Self> {
        let databases = self.databases.as_ref()?;
        let shared = Arc::new(Mutex::new(databases.cluster.clone()));
        op(&FakeDatabase::new(shared.clone(), host(), n)).ok()?;
        let cluster = shared.lock().expect("whole").clone();
        let databases = Some(Databases::new(cluster, databases.is_auto));
        let next = Self {
            databases,
            ..self.clone()
        };
        Some(next.in_one_form())
    }

    /// Its host loses its power and has it again; what it had heard is forgotten.
    fn without_power(&self, n: usize) -> Option<Self> {
        let mut next = self.changed(n, |database| {
            database.edit(|cluster| {
                cluster.power(n, false);
                cluster.power(n, true);
            });
            Ok(())
        })?;
        next.heard[n] = None;
        Some(next)
    }

    /// What the work of a row does to the databases; None: it cannot be done now.
    pub(crate) fn worked(&self, n: usize, step: &str, verb: Verb) -> Option<Self> {
        let limit = Duration::ZERO;
        let next = match (verb, step) {
            (Verb::Do, "fence") => self.without_power(1 - n)?,
            (Verb::Do, "take_over") => self.changed(n, |d| d.take_over(limit))?,
            (Verb::Do, "rewind") => self.changed(n, |d| d.rewind(false, limit))?,
            (Verb::Do, "demote") => self.changed(n, |d| d.demote(limit).map(drop))?,
            (Verb::Undo, "demote") => self.changed(n, |d| d.take_back(limit))?,
            (Verb::Do, "promote") => self.changed(n, |d| d.promote("0", limit))?,
            (Verb::Do, "rejoin") => {
                let next = self.changed(n, |d| d.rejoin(limit))?;
                return next.is_whole().then_some(next);
            }
            (Verb::Do | Verb::Undo, _) => self.clone(),
        };
        Some(next)
    }

    /// The database is let start, or stopped, as the core says.
    pub(crate) fn guarded(&self, n: usize, sight: Sight) -> Option<Self> {
        self.databases.as_ref()?;
        let limit = Duration::ZERO;
        match intents(&self.state(n, sight, NOW), NOW).guard {
            Guard::Leave => None,
            Guard::Release if self.mutant == Some(Mutant::NeverReleased) => None,
            Guard::Release => self.changed(n, |d| d.release(limit)),
            Guard::Hold => self.changed(n, |d| d.hold(limit)),
        }
    }

    /// The job of what this node does on its own.
    pub(crate) fn solo_job(&self, n: usize, sight: Sight) -> Option<(JobKey, String)> {
        self.databases.as_ref()?;
        let job = intents(&self.state(n, sight, NOW), NOW).solo?;
        let solo = self.nodes[n].solo.as_ref()?;
        let step = solo.plan.rows[job.key.row].step.clone();
        Some((job.key, step))
    }

    /// It does its work and says so.
    pub(crate) fn solo_works(&self, n: usize, sight: Sight) -> Option<Self> {
        let (key, step) = self.solo_job(n, sight)?;
        let outcome = Outcome::Done {
            note: String::new(),
        };
        let next = self.worked(n, &step, Verb::Do)?;
        next.turn(n, sight, NOW, &Event::JobEnded { key, outcome })
    }

    /// A person asks for it, having seen to it that the other node is off.
    pub(crate) fn asked_alone(&self, n: usize, kind: Kind, accepts_loss: bool) -> Option<Self> {
        let off = if kind == Kind::Failover {
            self.without_power(1 - n)?
        } else {
            self.clone()
        };
        let mut plan = Plan::clone(&solo(n, kind, kind == Kind::Failover));
        plan.by = actor();
        let plan = Arc::new(plan);
        let command = Event::Command(Command::Alone { plan, accepts_loss });
        off.turn(n, left_alone(kind), NOW, &command)
    }

    /// `hau-ctl failover --fenced` to its end, the other node being off until then; or `hau-ctl rejoin`.
    pub(crate) fn done_alone(&self, n: usize, kind: Kind, accepts_loss: bool) -> Option<Self> {
        let mut next = self.asked_alone(n, kind, accepts_loss)?;
        while kind == Kind::Failover
            && let Some(on) = next.solo_works(n, left_alone(kind))
        {
            next = on;
        }
        Some(next)
    }

    /// Does a node say that a person must see to it?
    pub(crate) fn raises_alarm(&self, vip: usize) -> bool {
        (0..2).any(|n| alarm(&self.state(n, self.sight(n, vip), NOW), NOW).is_some())
    }

    /// Everything of this kind that can come next.
    pub(crate) fn after_alone(&self, n: usize, sights: &[Sight]) -> Vec<Self> {
        if self.databases.is_none() {
            return Vec::new();
        }
        let mut all: Vec<Self> = self.without_power(n).into_iter().collect();
        let mut seen = Vec::new();
        for sight in sights {
            all.extend(self.guarded(n, *sight));
            // One that is begun works on its own while anything lets it.
            if let Some((key, step)) = self
                .solo_job(n, *sight)
                .filter(|(key, _)| !seen.contains(key))
            {
                let done = self.worked(n, &step, Verb::Do);
                let outcome = Outcome::Done {
                    note: String::new(),
                };
                let ended = Event::JobEnded {
                    key: key.clone(),
                    outcome,
                };
                all.extend(
                    done.iter()
                        .filter_map(|done| done.turn(n, *sight, NOW, &ended)),
                );
                // Its sidecar dies before it can say so.
                all.extend(done);
                seen.push(key);
            }
        }
        let Some(left) = self.left.checked_sub(1) else {
            return all;
        };
        let asked = [
            (Kind::Failover, false),
            (Kind::Failover, true),
            (Kind::Rejoin, false),
        ];
        let asked = asked
            .into_iter()
            .filter_map(|(kind, loss)| self.asked_alone(n, kind, loss));
        let failed = seen.into_iter().filter_map(|key| {
            let outcome = Outcome::Failed(crate::pair::problem());
            self.turn(
                n,
                left_alone(Kind::Failover),
                NOW,
                &Event::JobEnded { key, outcome },
            )
        });
        all.extend(asked.chain(failed).map(|next| Self { left, ..next }));
        all
    }

    /// Of the timelines only their order counts, and of what was done alone neither its number nor its time.
    pub(crate) fn alone_in_one_form(&mut self) {
        let Some(databases) = &self.databases else {
            return;
        };
        let told = |solo: &Rollout| solo.plan.to.parse::<u32>().ok();
        let seen = self.nodes.iter().flat_map(|node| {
            let solo = node.solo.as_ref().and_then(told);
            node.primary
                .as_ref()
                .map(|p| p.timeline)
                .into_iter()
                .chain(solo)
        });
        let heard = self
            .heard
            .iter()
            .flatten()
            .map(|hello| hello.local.timeline);
        let mut all: Vec<u32> = databases.timelines().chain(seen).chain(heard).collect();
        all.sort_unstable();
        all.dedup();
        all.retain(|timeline| *timeline > 0);
        let rank = |timeline: u32| match timeline {
            0 => 0,
            _ => 1 + all.partition_point(|t| *t < timeline) as u32,
        };
        for node in &mut self.nodes {
            node.primary = node.primary.take().map(|p| Primary {
                timeline: rank(p.timeline),
                ..p
            });
            if let Some(solo) = &mut node.solo {
                let plan = Arc::make_mut(&mut solo.plan);
                plan.id.number = 1;
                plan.to = plan
                    .to
                    .parse()
                    .map_or(String::new(), |t| rank(t).to_string());
                solo.mine = crate::form::plain(&solo.mine, &|_| 0);
                solo.ended = solo.ended.map(|(result, _)| (result, FAILED));
            }
        }
        for hello in self.heard.iter_mut().flatten() {
            let local = &mut Arc::make_mut(hello).local;
            local.timeline = rank(local.timeline);
        }
        let mut cluster = databases.cluster.clone();
        for member in &mut cluster.members {
            member.timeline = rank(member.timeline);
        }
        let is_auto = databases.is_auto;
        self.databases = Some(Databases::new(cluster, is_auto));
    }

    /// What of this the rules can tell apart.
    pub(crate) fn key_alone(&self, key: &mut Vec<u8>) {
        let Some(databases) = &self.databases else {
            return;
        };
        let whose = |node: &Option<NodeId>| match node {
            None => 9,
            Some(node) => u8::from(*node == site().nodes[1]),
        };
        for (node, member) in self.nodes.iter().zip(&databases.cluster.members) {
            let primary = node.primary.clone();
            let timeline = primary.as_ref().map_or(0, |p| p.timeline as u8);
            let has_moved = node.rollout.as_ref().is_some_and(|r| r.has_moved);
            key.extend([
                whose(&primary.map(|p| p.node)),
                timeline,
                whose(&node.moved_to),
                whose(&node.home),
                u8::from(has_moved),
                u8::from(member.up),
                u8::from(member.is_primary),
                u8::from(member.may_start),
                u8::from(member.demoted_at.is_some()),
                member.timeline as u8,
            ]);
            let Some(solo) = &node.solo else {
                key.push(255);
                continue;
            };
            let ended = solo.ended.map_or(9, |(result, _)| result as u8);
            key.extend([solo.plan.kind as u8, solo.plan.rows.len() as u8, ended]);
            key.extend(solo.plan.to.bytes());
            key.push(254);
            key.extend(
                solo.mine
                    .iter()
                    .flat_map(|(row, r)| [row as u8, r.state as u8]),
            );
        }
        for hello in self.heard.iter().flatten() {
            let local = &hello.local;
            key.extend([
                u8::from(hello.claims),
                local.database as u8,
                local.timeline as u8,
                u8::from(local.held) + 2 * u8::from(local.follows) + 4 * u8::from(local.may_start),
            ]);
        }
    }

    /// For a person who looks for the rule that is wrong.
    pub(crate) fn told_alone(&self) -> String {
        let Some(databases) = &self.databases else {
            return String::new();
        };
        let node = |n: usize| {
            let (node, member) = (&self.nodes[n], &databases.cluster.members[n]);
            let solo = node.solo.as_ref().map(|solo| {
                let rows = solo
                    .mine
                    .iter()
                    .map(|(n, r)| (&*solo.plan.rows[n].step, r.state));
                let rows: Vec<(&str, RowState)> = rows.collect();
                format!(
                    "{:?} to {} {rows:?}, ended {:?}",
                    solo.plan.kind, solo.plan.to, solo.ended
                )
            });
            format!(
                "{n}: up {}, primary {}, timeline {}, may start {}, demoted {:?}; has seen {:?}, moved to {:?}; {}\n",
                member.up,
                member.is_primary,
                member.timeline,
                member.may_start,
                member.demoted_at,
                node.primary.as_ref().map(|p| (&p.node.0, p.timeline)),
                node.moved_to.as_ref().map(|node| &node.0),
                solo.unwrap_or_default()
            )
        };
        let how = if databases.is_auto { "auto" } else { "manual" };
        format!("{how}\n{}{}", node(0), node(1))
    }
}

/// A former primary does not start by itself.
fn held_after_a_boot() -> Cluster {
    Cluster {
        holds: true,
        ..Cluster::new(0)
    }
}

/// What a node sees of which a person says something.
fn left_alone(kind: Kind) -> Sight {
    let is_gone = kind == Kind::Failover;
    Sight {
        vrrp: if is_gone {
            VrrpState::Master
        } else {
            VrrpState::Backup
        },
        serving: true,
        peer: if is_gone {
            Peer::Lost
        } else {
            Peer::Heard(VrrpState::Master, true)
        },
    }
}
