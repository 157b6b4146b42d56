//! keepalived's words and its lint's, in the words of the core and of `doctor`.
use crate::core::VrrpState;
use crate::host::Finding;
use crate::keepalived::{
    fifo::State,
    lint::{self, Severity},
};

pub(super) fn told(state: State) -> VrrpState {
    match state {
        State::Master => VrrpState::Master,
        State::Backup => VrrpState::Backup,
        State::Fault => VrrpState::Fault,
        State::Stop | State::Deleted => VrrpState::Unknown,
    }
}

pub(super) fn finding(found: lint::Finding) -> Finding {
    let check = format!("keepalived {}", found.id.replace('_', " "));
    match found.severity {
        Severity::Pass => Finding::pass(&check, found.what),
        Severity::Warn => Finding::warn(&check, found.what, found.remedy),
        Severity::Fail => Finding::fail(&check, found.what, found.remedy),
    }
}
