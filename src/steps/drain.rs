//! Row: the old MASTER's services finish what they have and stop.
use super::stop::Stop;
use super::{Limit, QUIET, StepDef};
use crate::core::{HandoffRow, Undo};

pub(super) const DEF: StepDef = StepDef {
    name: "drain",
    about: "let the old MASTER's services finish their requests and stop",
    disruptive: true,
    service_down: true,
    undo: Undo::Always,
    handoff: HandoffRow::Drained,
    limit: Limit::Drain,
    step: &Stop,
    ..QUIET
};
