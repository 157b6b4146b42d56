//! The form of what nodes do on their own, and of their databases.
use crate::alone::Databases;
use crate::pair::Pair;
use crate::site::site;
use hau::core::{Kind, NodeId, Primary, Rollout, RolloutResult, RowState};
use hau::time::Time;
use std::sync::Arc;

/// What failed alone failed then; a node that is gone was heard later, or not at all.
const FAILED: Time = Time(1);

/// It goes on, or did not end well: what it began may come yet, or be found not to have come.
fn may_promote(solo: &Rollout) -> bool {
    let failed = |(result, _)| result == RolloutResult::Failed;
    let open = solo.mine.iter().any(|(_, r)| !r.untouched);
    solo.plan.kind == Kind::Failover && solo.ended.is_none_or(|end| failed(end) && open)
}

impl Pair {
    /// Of timelines and terms only their order counts, and of what was done alone neither its number nor its time.
    pub(crate) fn alone_in_one_form(&mut self) {
        let Some(databases) = &self.databases else {
            return;
        };
        let (timelines, terms) = self.ages();
        let rank = |timeline: u32| timelines.partition_point(|t| *t < timeline) as u32;
        let term = |term: u64| terms.partition_point(|t| *t < term) as u64;
        for node in &mut self.nodes {
            let newest = node.primary.as_ref().map(name).unwrap_or_default();
            let may_promote = node.solo.as_ref().is_some_and(may_promote);
            node.outlived &= may_promote;
            node.term_before = term(node.term_before) * u64::from(may_promote);
            node.term = term(node.term);
            node.primary = node.primary.take().map(|p| Primary {
                term: term(p.term),
                timeline: rank(p.timeline),
                ..p
            });
            let Some(solo) = &mut node.solo else { continue };
            let plan = Arc::make_mut(&mut solo.plan);
            // Primaries only become newer: what was begun in sight of another one stays so.
            plan.to = match &node.primary {
                _ if plan.to != newest => "a former one".to_owned(),
                primary => primary.as_ref().map(name).unwrap_or_default(),
            };
            // The rollout is the first of all.
            (plan.id.number, plan.from) = (2, String::new());
            plan.term = plan.term.map(term).filter(|_| may_promote);
            solo.mine = crate::form::plain(&solo.mine, &|_| 0);
            solo.ended = solo.ended.map(|(result, _)| (result, FAILED));
        }
        for hello in self.heard.iter_mut().flatten() {
            let hello = Arc::make_mut(hello);
            hello.term = term(hello.term);
            hello.local.timeline = rank(hello.local.timeline);
            hello.local.term = term(hello.local.term);
        }
        let mut cluster = databases.cluster.clone();
        for member in &mut cluster.members {
            member.timeline = rank(member.timeline);
            member.term = term(member.term);
        }
        let is_auto = databases.is_auto;
        self.databases = Some(Databases::new(cluster, is_auto));
    }

    /// Every timeline and every term there is, in their order; 0 is none.
    fn ages(&self) -> (Vec<u32>, Vec<u64>) {
        let (mut timelines, mut terms) = (vec![0], vec![0]);
        let members = self.databases.iter().flat_map(|d| &d.cluster.members);
        for member in members {
            timelines.push(member.timeline);
            terms.push(member.term);
        }
        for node in &self.nodes {
            timelines.extend(node.primary.as_ref().map(|p| p.timeline));
            terms.extend(node.primary.as_ref().map(|p| p.term));
            terms.push(node.term);
            if let Some(solo) = node.solo.as_ref().filter(|solo| may_promote(solo)) {
                terms.extend(solo.plan.term);
                terms.push(node.term_before);
            }
        }
        for hello in self.heard.iter().flatten() {
            timelines.push(hello.local.timeline);
            terms.extend([hello.term, hello.local.term]);
        }
        timelines.sort_unstable();
        timelines.dedup();
        terms.sort_unstable();
        terms.dedup();
        (timelines, terms)
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
            let term = primary.as_ref().map_or(0, |p| p.term as u8);
            let has_moved = node.rollout.as_ref().is_some_and(|r| r.has_moved);
            key.extend([
                whose(&primary.map(|p| p.node)),
                timeline,
                term,
                node.term as u8,
                node.term_before as u8,
                u8::from(node.outlived),
                whose(&node.moved_to),
                whose(&node.home),
                u8::from(has_moved),
                u8::from(member.up),
                u8::from(member.is_primary),
                u8::from(member.may_start),
                u8::from(member.demoted_at.is_some()),
                member.timeline as u8,
                member.term as u8,
            ]);
            let Some(solo) = &node.solo else {
                key.push(255);
                continue;
            };
            let ended = solo.ended.map_or(9, |(result, _)| result as u8);
            key.extend([solo.plan.kind as u8, solo.plan.rows.len() as u8, ended]);
            key.push(solo.plan.term.map_or(9, |term| term as u8));
            key.extend(solo.plan.to.bytes());
            key.push(254);
            key.extend(
                solo.mine
                    .iter()
                    .flat_map(|(row, r)| [row as u8, r.state as u8 + 16 * u8::from(r.untouched)]),
            );
        }
        for hello in self.heard.iter().flatten() {
            let local = &hello.local;
            key.extend([
                u8::from(hello.claims),
                hello.term as u8,
                local.database as u8,
                local.timeline as u8,
                local.term as u8,
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
                "{n}: up {}, primary {}, timeline {} of term {}, may start {}, demoted {:?}; has seen {:?}, moved to {:?}; {}\n",
                member.up,
                member.is_primary,
                member.timeline,
                node.term,
                member.may_start,
                member.demoted_at,
                node.primary
                    .as_ref()
                    .map(|p| (&p.node.0, p.term, p.timeline)),
                node.moved_to.as_ref().map(|node| &node.0),
                solo.unwrap_or_default()
            )
        };
        let how = if databases.is_auto { "auto" } else { "manual" };
        format!("{how}\n{}{}", node(0), node(1))
    }
}

/// As the core names it in a plan.
fn name(primary: &Primary) -> String {
    match primary.term {
        0 => primary.timeline.to_string(),
        term => format!("{} of term {term}", primary.timeline),
    }
}
