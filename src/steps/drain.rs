//! Row: the old MASTER's services finish what they have and stop, but for those that may stop later, for users wait
//! meanwhile; what has not ended when the limit is over is reset, and said.
use super::services::{all_stopped, stop_all};
use super::stop::Stop;
use super::{Check, Cx, Limit, QUIET, Step, StepDef, StepResult, Verdict};
use crate::core::{HandoffRow, Undo};
use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

pub(super) const DEF: StepDef = StepDef {
    name: "drain",
    about: "let the old MASTER's services finish their requests and stop; reset what is left at the limit",
    look: "systemctl status of the service",
    disruptive: true,
    service_down: true,
    undo: Undo::Always,
    handoff: HandoffRow::Drained,
    limit: Limit::Drain,
    step: &Drain,
    ..QUIET
};

/// Named in the note; the others are counted.
const NAMED: usize = 5;
/// What a stopped service has left to the kernel to send takes milliseconds, and everybody waits for it.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

struct Drain;

impl Step for Drain {
    fn precheck(&self, _cx: &mut Cx<'_>) -> StepResult<Check> {
        Ok(Check::Ready)
    }

    fn run(&self, cx: &mut Cx<'_>) -> StepResult<()> {
        let begun = cx.host.now();
        cx.tally.since = Some(begun);
        end_dead(cx)?;
        if let Ok(open) = open(cx) {
            cx.tally.mark = format!("{} connections were open", open.len());
        }
        let limit = cx.settings.limits.drain;
        match stop_all(cx, &cx.settings.before_primary(), limit) {
            // It is still stopping when its time is over: what holds it is reset below.
            Err(_) if cx.host.now().since(begun) >= limit => Ok(()),
            stopped => stopped,
        }
    }

    fn verify(&self, cx: &mut Cx<'_>) -> StepResult<Verdict> {
        let now = cx.host.now();
        let limit = cx.settings.limits.drain;
        let begun = *cx.tally.since.get_or_insert(now);
        if now.since(begun) >= limit {
            reset(cx, limit)?;
        }
        if let Verdict::NotYet(why) = all_stopped(cx, &cx.settings.before_primary())? {
            return Ok(Verdict::NotYet(why));
        }
        // From here on the kernel alone has something to send; a client that is gone never takes it.
        if cx.tally.good == 0 {
            (cx.tally.good, cx.tally.since) = (1, Some(now));
        }
        let left = open(cx)?.len();
        let stopped = cx.tally.since.unwrap_or(now);
        if left > 0 && now.since(stopped) < LAST_ANSWERS {
            return Ok(Verdict::NotYet(format!("{left} answers are on their way")));
        }
        if left > 0 {
            reset(cx, LAST_ANSWERS)?;
        }
        Ok(Verdict::Done(std::mem::take(&mut cx.tally.mark)))
    }

    fn undo(&self, cx: &mut Cx<'_>) -> StepResult<Verdict> {
        Stop.undo(cx)
    }
}

fn ports(cx: &Cx<'_>) -> Vec<u16> {
    let services = cx.settings.behind_vip();
    services.flat_map(|s| s.ports.clone()).collect()
}

/// Whoever sits on the new MASTER is cut off from here by the VIP's arrival there, for the kernel takes no
/// packets from an address of its own. A service that waits for the request of such a connection, as for
/// one of hau's own probes, would keep everybody waiting.
fn end_dead(cx: &Cx<'_>) -> StepResult<()> {
    let new_master = of_peer(cx);
    let whose = |ip| new_master.contains(&ip);
    let dead = cx.host.reset_connections(cx.vips, &ports(cx), &whose)?;
    for one in dead {
        tracing::debug!(
            HAU_STEP = "drain",
            "{one} was cut off by the VIP's arrival there"
        );
    }
    Ok(())
}

/// Any that the other node has: it asks a VIP from one in the VIP's network, which need not be the configured one.
fn of_peer(cx: &Cx<'_>) -> Vec<IpAddr> {
    let known = cx.settings.nodes.get(&cx.peer().0).map(|node| node.address);
    known.into_iter().chain(cx.host.peer_addresses()).collect()
}

/// Without those from either node: they are no users.
fn open(cx: &Cx<'_>) -> StepResult<Vec<SocketAddr>> {
    let nodes = || cx.settings.nodes.values();
    let (peer, mut all) = (of_peer(cx), cx.host.connections(cx.vips, &ports(cx))?);
    all.retain(|one| {
        let ip = one.ip();
        !peer.contains(&ip) && !nodes().any(|node| node.address == ip)
    });
    Ok(all)
}

fn reset(cx: &mut Cx<'_>, after: Duration) -> StepResult<()> {
    let reset = cx.host.reset_connections(cx.vips, &ports(cx), &|_| true)?;
    if reset.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = reset.iter().take(NAMED).map(ToString::to_string).collect();
    let more = if reset.len() > NAMED { ", …" } else { "" };
    let n = reset.len();
    cx.tally.mark += &format!(
        "; {n} were reset after {after:?}: {}{more}",
        names.join(", ")
    );
    tracing::warn!(HAU_STEP = "drain", "{}", cx.tally.mark);
    Ok(())
}
