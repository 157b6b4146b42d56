//! Deliberate errors of hau, put in from outside, which the promises must catch.
use super::World;
use super::site::bundle;
use hau::core::{Band, Direction, Event, Guard, Hello, Intents, Row, RowState, VrrpState};
use hau::database::Replica;
use hau::host::Host;
use hau::steps::StepDef;
use std::sync::Arc;

/// A deliberate error of hau, put in from outside. The number is the promise it breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mutant {
    /// 1: the nodes are upgraded side by side.
    SideBySide,
    /// 2: no row is held to be disruptive.
    NotDisruptive,
    /// 2: a VRRP state counts at once.
    Settle,
    /// 3: a node that has long not heard its peer sends the VIP there.
    BlindDraining,
    /// 4: draining is a FAULT.
    FaultWeight,
    /// 5: a write to the journal returns before it is durable.
    LyingDisk,
    /// 6: nobody pauses the sync.
    NoPause,
    /// 7: nobody makes a backup.
    NoBackup,
    /// 8: any bundle is held to be signed.
    TrustsAnyone,
    /// 9: a failure goes back by itself.
    GoesBack,
    /// 9: a handoff stays in force.
    Lingers,
    /// 10: each node takes the other's plan for its own.
    TwoPlans,
    /// 11: the last Hello of the peer is always fresh.
    ForgedHello,
    /// 11: packets go on to a node that is gone.
    ForwardsBlindly,
    /// 12: nothing is done without the peer.
    Helpless,
    /// 11: what is taken for a fence is none.
    NoFence,
    /// 11: a former primary starts at once.
    NoHold,
}

/// Before the first event.
pub(crate) fn mutate(world: &mut World) {
    match world.options.mutant {
        Some(Mutant::LyingDisk) => {
            for node in &world.nodes {
                node.disk.0.borrow_mut().is_lying = true;
            }
        }
        Some(Mutant::TrustsAnyone) => {
            super::faults::tamper(world);
            for host in &world.pair.hosts {
                host.edit(|w| w.bundles.insert(b"tampered".to_vec(), bundle(b"evil")));
            }
        }
        Some(_) | None => {}
    }
}

pub(crate) fn edit_rows(mutant: Option<Mutant>, rows: &mut Vec<Row>) {
    match mutant {
        Some(Mutant::NoPause) => rows.retain(|row| row.step != "pause_sync"),
        Some(Mutant::NoBackup) => {
            rows.retain(|row| row.phase_name != "backup" && row.phase_name != "prove")
        }
        Some(Mutant::NotDisruptive) => rows.iter_mut().for_each(|row| row.disruptive = false),
        Some(Mutant::SideBySide) => {
            let phase = rows
                .iter()
                .find(|row| row.phase_name == "upgrade first")
                .map(|row| row.phase);
            rows.retain(|row| {
                ![
                    "prepare", "arm", "move", "drain", "demote", "promote", "release",
                ]
                .contains(&&*row.phase_name)
            });
            for row in rows
                .iter_mut()
                .filter(|row| row.phase_name == "upgrade second")
            {
                row.phase = phase.unwrap_or(row.phase);
            }
            rows.iter_mut().for_each(|row| row.disruptive = false);
        }
        Some(_) | None => {}
    }
}

pub(crate) fn alter(world: &mut World, n: usize, intents: &mut Intents) {
    let peer = world.nodes[n]
        .state()
        .and_then(|s| s.fresh_peer(world.time_of(n)));
    match world.options.mutant {
        Some(Mutant::BlindDraining) => {
            let heard = world.nodes[n]
                .last_heard
                .map_or(world.now, |(_, sent)| sent);
            if world.has_vip(n) && world.now > heard + 8_000 {
                intents.band = Band::Draining;
            }
        }
        Some(Mutant::Lingers) => {
            let was = world.pair.hosts[n].handoff().armed;
            intents.armed.keep |= was.keep;
            intents.armed.park |= was.park;
        }
        Some(Mutant::ForwardsBlindly) => {
            intents.armed.forward |= world.pair.hosts[n].handoff().armed.forward;
        }
        Some(Mutant::Helpless) if peer.is_none() => intents.job = None,
        Some(Mutant::NoHold) if world.pair.databases[n].standing().held => {
            intents.guard = Guard::Release;
        }
        Some(_) | None => {}
    }
}

/// A step looks at keepalived itself before it stops a service: without that look, what the rows
/// or the core say wrongly is caught too.
pub(crate) fn deceive(world: &World, n: usize, def: &StepDef) -> bool {
    let mutants = [Mutant::SideBySide, Mutant::NotDisruptive, Mutant::Settle];
    let lies = def.disruptive && world.options.mutant.is_some_and(|m| mutants.contains(&m));
    if lies {
        world.pair.hosts[n].edit(|w| w.vrrp = VrrpState::Backup);
    }
    lies
}

pub(crate) fn forge(world: &World, n: usize, hello: &mut Arc<Hello>) {
    if world.options.mutant == Some(Mutant::TwoPlans)
        && let Some(own) = world.nodes[n].state().and_then(|s| s.running())
        && let Some(view) = &mut Arc::make_mut(hello).rollout
    {
        view.plan = own.plan.clone();
        view.mandate = own.mandate.clone();
    }
}

/// Once a second.
pub(crate) fn tick(world: &mut World) {
    for n in 0..2 {
        let Some(state) = world.nodes[n].state() else {
            continue;
        };
        let failed = state.running().is_some_and(|r| {
            r.mandate.direction == Direction::Forward
                && r.mine.iter().any(|(_, x)| x.state == RowState::Failed)
        });
        let heard = state.observed.peer.as_ref().map(|(hello, _)| hello.clone());
        match (world.options.mutant, heard) {
            (Some(Mutant::GoesBack), _) if failed => {
                world.order(n, hau::core::Order::Abort, "hau");
            }
            (Some(Mutant::ForgedHello), Some(mut hello)) => {
                Arc::make_mut(&mut hello).sequence += 1;
                world.feed(n, &Event::Hello(hello));
            }
            (Some(_) | None, _) => {}
        }
    }
}
