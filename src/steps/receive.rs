//! Row: the VIP is here: keepalived says so and the address is on the interface.
use super::{Check, Cx, Limit, QUIET, Step, StepDef, StepResult, Verdict};
use crate::core::{HandoffRow, VrrpState};

pub(super) const DEF: StepDef = StepDef {
    name: "receive_vip",
    about: "see the VIP arrive: keepalived is MASTER and the address is on the interface",
    look: "ip address show, and journalctl -u keepalived on both nodes",
    handoff: HandoffRow::Measures,
    limit: Limit::VipSwitch,
    step: &Receive,
    ..QUIET
};

struct Receive;

impl Step for Receive {
    fn precheck(&self, _cx: &mut Cx<'_>) -> StepResult<Check> {
        Ok(Check::Ready)
    }

    fn run(&self, _cx: &mut Cx<'_>) -> StepResult<()> {
        Ok(())
    }

    fn verify(&self, cx: &mut Cx<'_>) -> StepResult<Verdict> {
        if cx.host.vrrp() != VrrpState::Master {
            return Ok(Verdict::NotYet(told!("this node is not MASTER yet")));
        }
        for vip in cx.vips {
            if !cx.host.has_address(*vip)? {
                return Ok(Verdict::NotYet(told!("{} is not here yet", vip)));
            }
        }
        Ok(Verdict::done())
    }
}
