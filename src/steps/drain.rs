//! Row: the old MASTER's services finish what they have and stop; what has not ended when the limit
//! is over is reset, and said.
use super::services::{all_stopped, stop_all};
use super::stop::Stop;
use super::{Check, Cx, Limit, QUIET, Step, StepDef, StepResult, Verdict};
use crate::core::{HandoffRow, Undo};
use std::net::SocketAddr;

pub(super) const DEF: StepDef = StepDef {
    name: "drain",
    about: "let the old MASTER's services finish their requests and stop; reset what is left at the limit",
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

struct Drain;

impl Step for Drain {
    fn precheck(&self, _cx: &mut Cx<'_>) -> StepResult<Check> {
        Ok(Check::Ready)
    }

    fn run(&self, cx: &mut Cx<'_>) -> StepResult<()> {
        let begun = cx.host.now();
        cx.tally.since = Some(begun);
        if let Ok(open) = open(cx) {
            cx.tally.mark = format!("{} connections were open", open.len());
        }
        let limit = cx.settings.limits.drain;
        match stop_all(cx, limit) {
            // It is still stopping when its time is over: what holds it is reset below.
            Err(_) if cx.host.now().since(begun) >= limit => Ok(()),
            stopped => stopped,
        }
    }

    fn verify(&self, cx: &mut Cx<'_>) -> StepResult<Verdict> {
        let now = cx.host.now();
        let begun = *cx.tally.since.get_or_insert(now);
        if now.since(begun) >= cx.settings.limits.drain {
            let reset = cx.host.reset_connections(cx.vips, &ports(cx))?;
            if !reset.is_empty() {
                cx.tally.mark += &told(&reset, cx);
                tracing::warn!(HAU_STEP = "drain", "{}", cx.tally.mark);
            }
        }
        let stopped = all_stopped(cx)?;
        Ok(match (stopped, open(cx)?.len()) {
            (Verdict::Done(_), 0) => Verdict::Done(std::mem::take(&mut cx.tally.mark)),
            (Verdict::Done(_), n) => Verdict::NotYet(format!("{n} connections have not ended")),
            (not_yet, _) => not_yet,
        })
    }

    fn undo(&self, cx: &mut Cx<'_>) -> StepResult<Verdict> {
        Stop.undo(cx)
    }
}

fn ports(cx: &Cx<'_>) -> Vec<u16> {
    let services = cx.settings.services.iter().filter(|s| s.via_vip);
    services.flat_map(|s| s.ports.clone()).collect()
}

fn open(cx: &Cx<'_>) -> StepResult<Vec<SocketAddr>> {
    Ok(cx.host.connections(cx.vips, &ports(cx))?)
}

fn told(reset: &[SocketAddr], cx: &Cx<'_>) -> String {
    let names: Vec<String> = reset.iter().take(NAMED).map(ToString::to_string).collect();
    let more = if reset.len() > NAMED { ", …" } else { "" };
    let (n, limit) = (reset.len(), cx.settings.limits.drain);
    format!(
        "; {n} were reset after {limit:?}: {}{more}",
        names.join(", ")
    )
}
