//! The decision core: no I/O, no clock, no randomness, no threads.
//!
//! `observe` what happened, `decide` what it means, journal the records, `apply` them, and let
//! the shell reconcile the machine with `intents`. Start reading at `machine.rs`.
mod back;
mod decide;
mod downtime;
mod event;
mod fast;
mod fetching;
mod gate;
mod handoff;
mod intent;
mod machine;
mod observe;
mod plan;
mod primary;
mod record;
mod reports;
mod solo;
mod state;
mod watch;

pub use decide::{Decision, decide};
pub use downtime::{Downtime, Probing};
pub use event::{
    AloneRefusal, Command, Details, Event, Hello, Local, Outcome, Refusal, Reply, RolloutView,
    ServiceDetails,
};
pub use fast::RAISED;
pub use fetching::Fetching;
pub use gate::{Closed, may_work_by_hand};
pub use handoff::{Armed, HandoffRow};
pub use intent::{Band, Guard, Intents, Job, Verb, intents};
pub use machine::{Log, Machine, Turned};
pub use plan::{Actor, BundleRef, Kind, Plan, RolloutId, Row, Turn, Undo, WayBack};
pub use primary::Primary;
pub use record::{Contradiction, Record};
pub use reports::Reports;
pub use solo::Unasked;
pub use state::{
    DatabaseRole, Direction, JobKey, Journaled, Mandate, NodeId, Observed, Order, Problem, Report,
    Rollout, RolloutResult, RowState, State, Timing, VrrpState,
};
