//! hau: upgrades a two-node active/standby pair without its users noticing.
//!
//! # The map
//!
//! ```text
//! 6  daemon  WIRES: sources, executor, doors, peer link      ctl  hau-ctl: verbs, client, live view
//! 5  steps   DOES: one file a step, mod.rs is THE TABLE      quick  what keepalived waits for
//!    render  what a person reads: text and pages, pure
//! 4  wire    what travels on the doors                       checks  the list behind doctor
//!    unpacker  what takes bundles apart, without rights
//! 3  bundle  sync  backup  database  handoff  notify
//! 2  host  config  journal  keepalived  tls  schema  delta
//! 1  core    DECIDES: pure
//! 0  time  words
//! ```
//!
//! A module uses modules of strictly lower layers, and itself; `tests/tidy.rs` enforces it. `host` and `database`
//! are traits with a fake each, held to the same tests as the real ones: there are no other seams and no mocks.
//!
//! # Where to read
//!
//! An upgrade: [`steps::UPGRADE`], then `core/decide.rs`. What must hold before a row goes on: `core/gate.rs`.
//! The order of things: [`core::Machine::handle`]. The life of an event in the daemon: `daemon/mod.rs`. Why the
//! journal is as it is: [`journal`]. Which node outranks which: [`keepalived`]'s `levels`. The whole in words:
//! `ARCHITECTURE.md`; for those who run it: `README.md`.
//!
//! # Words
//!
//! One word, one meaning, in code, messages and texts.
//!
//! | word | meaning |
//! |---|---|
//! | node | one of the two hosts; its name is its key under `[nodes]` |
//! | MASTER, BACKUP, FAULT | VRRP state as keepalived says it; the MASTER holds the VIP |
//! | primary, standby | the database's roles |
//! | first, second | upgrade order: *first* is the BACKUP when the plan is made |
//! | effective priority | configured VRRP priority plus weights |
//! | weight | the integer hau writes into the file that keepalived tracks |
//! | band | where a node ranks: normal, away, draining, upgrading; a weight is made of it |
//! | home | the node whose band is normal: where the VIP stays |
//! | switchover | planned move of VIP and primary role; *failover*: unplanned |
//! | bundle | the signed upgrade package, `NAME-VERSION.hau` |
//! | delta | a bundle that holds only what differs from another one, its base |
//! | release | one installed version: `releases/VERSION/`, chosen by the link `current` |
//! | rollout | one run of a plan over both nodes; has an id |
//! | row, step | a line of the plan; what the line does |
//! | stage, activate, soak | put a release beside the running one; make it the running one; watch it |
//! | report | a node's latest word on a row of its own |
//! | mandate | what a person last ordered, with a growing epoch |
//! | barrier | a row that an abort does not go back over |
//! | gate | a condition without which a row does not go on |
//! | journal | the durable file of facts a node recovers from |
//! | audit trail | who asked for what, and what came of it; its entries a chain that the other node countersigns |
//! | halted | a rollout that stopped and waits for a person |
#[macro_use]
pub(crate) mod words;

pub mod audit;
pub mod backup;
pub mod bundle;
pub mod checks;
pub mod config;
pub mod core;
pub mod ctl;
pub mod daemon;
pub mod database;
pub mod delta;
pub mod handoff;
pub mod host;
pub mod journal;
pub mod keepalived;
pub mod notify;
pub mod quick;
mod render;
pub mod schema;
pub mod steps;
pub mod sync;
pub mod time;
pub mod tls;
pub mod unpacker;
pub mod wire;
