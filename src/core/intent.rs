//! What should be going on right now, as a function of the state alone.
use super::back::{may_run_undo, unfinished};
use super::gate::{may_run, may_stop, peer_can_take_over};
use super::{
    Armed, DatabaseRole, Direction, Hello, JobKey, NodeId, Report, Rollout, RolloutView, RowState,
    State, VrrpState,
};
use super::{fast, handoff, solo::may_go_on};
use crate::time::Time;
use serde::{Deserialize, Serialize};

/// Where this node ranks for the VIP; `keepalived::levels` makes a weight of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Band {
    /// The configured priority.
    #[default]
    Normal,
    /// Fit to serve, but the VIP is at home on the other node.
    Away,
    /// Gives the VIP away; still serving.
    Draining,
    /// The service is, or may be, down.
    Upgrading,
    /// Takes the VIP in the fast hand-off: above every other node.
    Raised,
    /// Gives it away there: for an instant not elected at all.
    Fault,
}

/// What a job does with its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    Do,
    Undo,
}

/// What becomes of this node's database, beside the jobs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Guard {
    #[default]
    Leave,
    /// It is held and may start: the other node was not promoted meanwhile.
    Release,
    /// It runs as primary and the other node became it later: stop it, and hold it.
    Hold,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    pub key: JobKey,
    pub verb: Verb,
    /// The executor gives up at this moment.
    pub deadline: Time,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intents {
    /// The job that should be running on this node. None: let a running one finish. Another than
    /// the running one: that is given up between two looks, and this begun.
    pub job: Option<Job>,
    /// As `job`, for what this node does on its own; the two run side by side.
    pub solo: Option<Job>,
    pub guard: Guard,
    /// Whether a job may stop services that serve.
    pub may_stop: bool,
    pub band: Band,
    /// What of the handoff should be in force on this node.
    pub armed: Armed,
    /// Whether this node measures what users notice.
    pub measures: bool,
    /// Whether it takes part in the beat that shows for how long nothing can be written to the database.
    pub beats: bool,
    /// What the peer should be told; the shell numbers it.
    pub hello: Hello,
    /// When the core wants a `Tick` at the latest.
    pub wake: Option<Time>,
}

pub fn intents(state: &State, now: Time) -> Intents {
    let rollout = state.journaled.rollout.as_ref();
    let view = rollout.map(|r| RolloutView {
        plan: r.plan.clone(),
        with: r.with,
        mandate: r.mandate.clone(),
        reports: r.mine.clone(),
        has_moved: r.has_moved,
        ended: r.ended.is_some(),
    });
    let heard = state.observed.peer.as_ref();
    let hello = Hello {
        node: state.me.clone(),
        installed: state.journaled.installed,
        boot: state.journaled.boot,
        sequence: 0,
        heard: heard.map(|(hello, _)| (hello.installed, hello.boot)),
        local: state.observed.local.clone(),
        claims: state.claims(),
        term: state.journaled.term,
        home: state.home().cloned(),
        rollout: view,
    };
    let armed = handoff::armed(state, now);
    Intents {
        job: job(state, now),
        solo: solo_job(state, now),
        guard: guard(state, now),
        may_stop: may_stop(state, now),
        band: band(state, now),
        armed,
        measures: handoff::measures(state),
        beats: handoff::beats(state),
        hello,
        wake: wake(state, armed, now),
    }
}

fn job(state: &State, now: Time) -> Option<Job> {
    let rollout = state.running()?;
    let (row, report) = open_row(&rollout.mine)?;
    let key = state.job_key(rollout, row)?;
    let (verb, gate) = match key.direction {
        Direction::Forward => (Verb::Do, may_run(state, rollout, row, now)),
        Direction::Back => (
            Verb::Undo,
            may_run_undo(state, &rollout.plan.rows[row], now),
        ),
    };
    let turned = key.direction != rollout.mandate.direction && unfinished(rollout) != Some(row);
    let deadline = state.begins(report, now) + rollout.plan.rows[row].limit();
    (gate.is_ok() && !turned && !state.is_paused(report, now)).then_some(Job {
        key,
        verb,
        deadline,
    })
}

fn solo_job(state: &State, now: Time) -> Option<Job> {
    let solo = state.running_solo()?;
    let (row, report) = open_row(&solo.mine)?;
    let key = state.job_key(solo, row)?;
    let deadline = state.begins(report, now) + solo.plan.rows[row].limit();
    let goes_on = may_go_on(state, solo, row, now) && !state.is_paused(report, now);
    goes_on.then_some(Job {
        key,
        verb: Verb::Do,
        deadline,
    })
}

/// A former primary starts only where the other node says that it was not promoted.
fn guard(state: &State, now: Time) -> Guard {
    let local = &state.observed.local;
    if !state.unasked.holds {
        return Guard::Leave;
    }
    if state.is_superseded() {
        return if state.is_astray() {
            Guard::Hold
        } else {
            Guard::Leave
        };
    }
    let own = (state.journaled.term, local.timeline);
    let free = |peer: &Hello| {
        let theirs = (peer.term, peer.local.timeline);
        let is_known = peer.local.timeline > 0 && theirs <= own;
        state.is_answered_by(peer)
            && is_known
            && !state.is_rival(peer)
            && peer.local.database != DatabaseRole::Primary
            && !peer.claims
    };
    if local.held && state.fresh_peer(now).is_some_and(free) {
        Guard::Release
    } else {
        Guard::Leave
    }
}

fn open_row(reports: &super::Reports) -> Option<(usize, &Report)> {
    let open = |r: &Report| matches!(r.state, RowState::Started | RowState::Undoing);
    reports.iter().find(|(_, r)| open(r))
}

/// Where this node ranks. While it serves with the VIP it ranks lower only for a peer that could take the VIP
/// this moment, wherever the VIP is at home: a word that it was given away may be wrong. With the VIP and not serving,
/// it does for one that is not heard, too.
fn band(state: &State, now: Time) -> Band {
    let at_home = state.home() != Some(&state.peer);
    let fit = if at_home { Band::Normal } else { Band::Away };
    let local = &state.observed.local;
    let is_outdone = peer_can_take_over(state, now).is_ok();
    // It does not yet serve, and the other one does; or this one's database was let start again, and then the other
    // one may serve from one moment to the next.
    let is_down = local.vrrp == VrrpState::Backup && !local.serving;
    let is_coming = is_down && (state.unasked.holds || is_outdone);
    let is_kept_down = local.held || state.is_superseded() || is_coming;
    let holds = local.vrrp != VrrpState::Backup && (local.has_vip || !is_kept_down);
    if holds && local.serving && !is_outdone {
        return Band::Normal;
    }
    if is_kept_down {
        return Band::Upgrading;
    }
    // Down for a moment, or by a row that is taken back: the other one says that it is no better place.
    let is_heard = state.fresh_peer(now).is_some();
    if holds && local.has_vip && is_heard && !is_outdone {
        return Band::Normal;
    }
    wanted(state, fit, now)
}

/// Data of the rows, not rules: the row this node is at says where it ranks.
fn wanted(state: &State, fit: Band, now: Time) -> Band {
    let Some(rollout) = state.running() else {
        return fit;
    };
    if rollout.has_service_down(&state.me) {
        return Band::Upgrading;
    }
    if let Some(instant) = fast::rank(state, rollout, now) {
        return instant;
    }
    let giving = rollout.plan.giver().filter(|(_, row)| row.node == state.me);
    let Some((giver, _)) = giving else { return fit };
    match rollout.mine.get(giver).map(|r| r.state) {
        Some(RowState::Started) => Band::Draining,
        Some(RowState::Done) => {
            let finished = rollout
                .plan
                .rows_of(&state.me)
                .filter(|(_, row)| row.service_down);
            let open = finished
                .into_iter()
                .any(|(n, _)| n > giver && !rollout.is_done(&state.me, n));
            if open { Band::Draining } else { fit }
        }
        Some(RowState::Failed | RowState::Undoing | RowState::Undone | RowState::UndoFailed)
        | None => fit,
    }
}

impl Rollout {
    /// Has this node begun a stretch of rows that keeps its service down, and not come out of it?
    pub(super) fn has_service_down(&self, me: &NodeId) -> bool {
        let rows = || {
            let rows = self.plan.rows.iter().enumerate();
            rows.filter(|(_, row)| row.service_down && row.node == *me)
                .map(|(n, _)| self.mine.get(n).map(|r| r.state))
        };
        let begun = |state: Option<RowState>| state.is_some_and(|s| s != RowState::Undone);
        rows().any(begun) && !rows().all(|state| state == Some(RowState::Done))
    }
}

fn wake(state: &State, armed: Armed, now: Time) -> Option<Time> {
    let (rollout, solo) = (state.running(), state.running_solo());
    let unasked = state.unasked.failover.is_some() || state.observed.local.held;
    if rollout.is_none() && solo.is_none() && !unasked {
        return None;
    }
    let tries = |r: &Rollout| {
        let (row, report) = open_row(&r.mine)?;
        let begins = state.begins(report, now);
        let expires = begins + r.plan.rows[row].limit() + state.timing.grace;
        Some([begins, expires])
    };
    let tries = [rollout, solo].into_iter().flatten().filter_map(tries);
    let settled = state.observed.vrrp_since + state.timing.settle;
    let lost = state.heard() + state.timing.peer_lost;
    let handoff = handoff::changes(state, armed);
    let fast = rollout.and_then(|r| fast::changes(state, r, now));
    [settled, lost]
        .into_iter()
        .chain(tries.flatten())
        .chain(handoff.into_iter().flatten())
        .chain(fast)
        .filter(|t| *t > now)
        .min()
}
