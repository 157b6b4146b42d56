//! Row: the VIP leaves this node. The weight does it: the core ranks a node at this row lower.
use super::{Check, Cx, Limit, QUIET, Step, StepDef, StepResult, Verdict};
use crate::core::{Undo, VrrpState};

pub(super) const DEF: StepDef = StepDef {
    name: "release_vip",
    about: "lower this node's weight until the VIP is on the other one",
    look: "hau-ctl doctor for keepalived, and journalctl -u keepalived on both nodes",
    gives_vip: true,
    undo: Undo::Run,
    limit: Limit::VipSwitch,
    step: &Release,
    ..QUIET
};

struct Release;

fn holds_vip(cx: &Cx<'_>) -> StepResult<bool> {
    for vip in cx.vips {
        if cx.host.has_address(*vip)? {
            return Ok(true);
        }
    }
    Ok(false)
}

impl Step for Release {
    fn precheck(&self, _cx: &mut Cx<'_>) -> StepResult<Check> {
        Ok(Check::Ready)
    }

    fn run(&self, _cx: &mut Cx<'_>) -> StepResult<()> {
        Ok(())
    }

    fn verify(&self, cx: &mut Cx<'_>) -> StepResult<Verdict> {
        let left = cx.host.vrrp() == VrrpState::Backup && !holds_vip(cx)?;
        Ok(if left {
            Verdict::done()
        } else {
            Verdict::NotYet(told!("the VIP is still here"))
        })
    }

    fn undo(&self, cx: &mut Cx<'_>) -> StepResult<Verdict> {
        let back = cx.host.vrrp() == VrrpState::Master && holds_vip(cx)?;
        Ok(if back {
            Verdict::done()
        } else {
            Verdict::NotYet(told!("the VIP is not back yet"))
        })
    }
}
