//! The decision core: no I/O, no clock, no randomness, no threads.
//!
//! `observe` what happened, `decide` what it means, journal the records, `apply` them, and let
//! the shell reconcile the machine with `intents`. Start reading at `machine.rs`.
mod decide;
mod event;
mod gate;
mod intent;
mod machine;
mod observe;
mod plan;
mod record;
mod solo;
mod state;
mod watch;

pub use decide::{Decision, decide};
pub use event::{
    Command, Details, Event, Hello, Local, Outcome, Refusal, Reply, RolloutView, ServiceDetails,
};
pub use gate::Closed;
pub use intent::{Band, Guard, Intents, Job, Verb, intents};
pub use machine::{Log, Machine, Turned};
pub use plan::{Actor, BundleRef, Kind, Plan, Row, Turn, Undo};
pub use record::Record;
pub use state::{
    DatabaseRole, Direction, JobKey, Journaled, Mandate, NodeId, Observed, Order, Primary, Problem,
    Report, Reports, Rollout, RolloutId, RolloutResult, RowState, State, Timing, Unasked,
    VrrpState,
};
