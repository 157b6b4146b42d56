//! One form for all states of the pair that the rules cannot tell apart: times, attempts and notes are none of
//! their business, and of the numbers of orders only their order counts.
use crate::pair::{NOW, Pair, actor};
use crate::site::site;
use hau::core::{Mandate, NodeId, Report, Reports, RowState};
use hau::time::Time;
use std::{fmt::Write, sync::Arc};

impl Pair {
    pub(crate) fn in_one_form(mut self) -> Self {
        self.tells = Default::default();
        let epochs = self.epochs();
        let rank = |epoch: u64| epochs.partition_point(|e| *e < epoch) as u64;
        for node in &mut self.nodes {
            (node.boot, node.host_boot) = (0, String::new());
            node.installed = Time::default();
            let Some(rollout) = &mut node.rollout else {
                continue;
            };
            rollout.mandate = plain_mandate(&rollout.mandate, &rank);
            rollout.told = (0, 0);
            rollout.mine = plain(&rollout.mine, &rank);
            rollout.peers = plain(&rollout.peers, &rank);
        }
        for heard in self.heard.iter_mut().flatten() {
            if let Some(view) = &mut Arc::make_mut(heard).rollout {
                view.mandate = plain_mandate(&view.mandate, &rank);
                view.reports = plain(&view.reports, &rank);
            }
        }
        self.alone_in_one_form();
        self
    }

    /// The numbers of orders that matter.
    fn epochs(&self) -> Vec<u64> {
        let mut all = vec![0];
        let mut add = |mandate: &Mandate, reports: &Reports| {
            all.push(mandate.epoch);
            let reports = reports.iter().filter(|(_, x)| has_epoch(x.state));
            all.extend(reports.map(|(_, x)| x.epoch));
        };
        for r in self.nodes.iter().filter_map(|node| node.rollout.as_ref()) {
            add(&r.mandate, &r.mine);
            add(&r.mandate, &r.peers);
        }
        let heard = self.heard.iter().flatten();
        for view in heard.filter_map(|hello| hello.rollout.as_ref()) {
            add(&view.mandate, &view.reports);
        }
        all.sort_unstable();
        all.dedup();
        all
    }

    /// The same for two states that the rules cannot tell apart.
    pub(crate) fn key(&self) -> Vec<u8> {
        let mut key = Vec::with_capacity(512);
        for node in &self.nodes {
            let Some(r) = &node.rollout else {
                key.push(255);
                continue;
            };
            let ended = r.ended.map(|(result, _)| result as u8);
            key.extend([origin(&r.plan.id.origin), ended.unwrap_or(9)]);
            key_of_mandate(&r.mandate, &mut key);
            for reports in [&r.mine, &r.peers] {
                key_of(reports, &mut key);
            }
        }
        for heard in &self.heard {
            let Some(view) = heard.as_ref().and_then(|hello| hello.rollout.as_ref()) else {
                key.push(255);
                continue;
            };
            key.extend([
                origin(&view.plan.id.origin),
                u8::from(view.ended) + 2 * u8::from(view.has_moved),
            ]);
            key_of_mandate(&view.mandate, &mut key);
            key_of(&view.reports, &mut key);
        }
        self.key_alone(&mut key);
        key
    }

    /// For a person who looks for the rule that is wrong.
    pub(crate) fn told(&self) -> String {
        let mut text = String::new();
        for (n, node) in self.nodes.iter().enumerate() {
            let Some(r) = &node.rollout else {
                let _ = writeln!(text, "{n}: no rollout");
                continue;
            };
            let m = &r.mandate;
            let _ = writeln!(
                text,
                "{n}: {:?} {} of {}, ended {:?}",
                m.order, m.epoch, m.origin, r.ended
            );
            for (whose, reports) in [("own", &r.mine), ("peer's", &r.peers)] {
                let all = reports.iter().filter(|(_, x)| x.state != RowState::Done);
                let all = all.map(|(row, x)| {
                    format!("{row} {} {:?} {}", r.plan.rows[row].step, x.state, x.epoch)
                });
                let last = reports.iter().next_back().map(|(row, _)| row);
                let all: Vec<String> = all.collect();
                let _ = writeln!(text, "   {whose}: to {last:?}, not done: {all:?}");
            }
        }
        text + &self.told_alone()
    }
}

/// The number of the order matters while a row is open or has failed.
fn has_epoch(state: RowState) -> bool {
    !matches!(state, RowState::Done | RowState::Undone)
}

fn origin(node: &NodeId) -> u8 {
    u8::from(*node == site().nodes[1])
}

fn key_of_mandate(m: &Mandate, key: &mut Vec<u8>) {
    let (order, direction) = (m.order as u8, m.direction as u8);
    // What hau itself has ordered is not ordered by it again.
    let is_asked_for = u8::from(m.by == actor());
    key.extend([
        m.epoch as u8,
        origin(&m.origin),
        order,
        direction,
        is_asked_for,
    ]);
}

fn key_of(reports: &Reports, key: &mut Vec<u8>) {
    key.push(254);
    for (row, report) in reports.iter() {
        let state = report.state as u8 + 16 * u8::from(report.untouched);
        key.extend([row as u8, state, report.epoch as u8]);
    }
}

fn plain_mandate(mandate: &Mandate, rank: &impl Fn(u64) -> u64) -> Arc<Mandate> {
    Arc::new(Mandate {
        epoch: rank(mandate.epoch),
        at: NOW,
        ..mandate.clone()
    })
}

pub(crate) fn plain(reports: &Reports, rank: &impl Fn(u64) -> u64) -> Arc<Reports> {
    let all = reports.iter().map(|(row, report)| {
        let epoch = if has_epoch(report.state) {
            rank(report.epoch)
        } else {
            0
        };
        let plain = Report {
            state: report.state,
            epoch,
            attempt: 1,
            started_at: NOW,
            at: NOW,
            note: String::new(),
            problem: None,
            untouched: report.untouched,
        };
        (row, plain)
    });
    Arc::new(all.collect())
}
