//! The rolling upgrade, top to bottom. Read `UPGRADE` first; each step is the file of its name.
mod activate;
mod backup;
mod carry;
mod catch_up;
mod checkpoint;
mod cleanup;
mod compare;
mod cx;
mod demote;
mod downtime;
mod drain;
mod drive;
mod fence;
mod handoff;
mod health;
mod hooks;
mod pause;
mod precheck;
mod promote;
mod push;
mod receive;
mod rejoin;
mod release;
mod resume;
mod rewind;
mod same_key;
mod schema;
mod serve;
mod services;
mod soak;
mod solo;
mod stage;
mod start;
mod stop;
mod take_over;

pub use cx::{Check, Cx, Step, StepError, StepResult, Tally, Verdict};
pub use drive::{begin, look, outcome};
pub use services::healthy;
pub use solo::{Asked, solo};

use crate::config::Settings;
use crate::core::{HandoffRow, Kind, NodeId, Row, Turn, Undo};
use crate::host::BundleInfo;
use Turn::{First, Second};
use std::time::Duration;

/// What the core knows of a step, and the step.
pub struct StepDef {
    pub name: &'static str,
    /// One sentence for `plan`: what this row does.
    pub about: &'static str,
    /// Takes this node's service down: never on the MASTER.
    pub disruptive: bool,
    pub disruptive_undo: bool,
    /// Brings this node nearer to serving: goes on without the peer.
    pub restores: bool,
    /// The service is down, or not yet proved, until this row is done.
    pub service_down: bool,
    pub gives_vip: bool,
    pub confirmable: bool,
    pub undo: Undo,
    pub handoff: HandoffRow,
    pub limit: Limit,
    pub only: Only,
    pub attempts: u32,
    pub step: &'static dyn Step,
}

/// Where a row's limit comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    Seconds(u64),
    Start,
    Health,
    Soak,
    Drain,
    Backup,
    Schema,
    NodeUpgrade,
    /// The VIP switch, tried again as often as the configuration says.
    VipSwitch,
    Fence,
}

/// When a row is in the plan at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Only {
    Always,
    Database,
    ConfigSync,
    RootKey,
    Schema,
    Handoff,
    Park,
    /// The bundle brings this hook.
    Hook(&'static str),
    /// A command makes sure that the other node is off, and nobody has vouched for that.
    Fence,
    /// Everything is copied anew (or, `false`, it is not).
    Rebuild(bool),
}

/// A quiet row; the files name only what differs.
const QUIET: StepDef = StepDef {
    name: "",
    about: "",
    disruptive: false,
    disruptive_undo: false,
    restores: false,
    service_down: false,
    gives_vip: false,
    confirmable: false,
    undo: Undo::Nothing,
    handoff: HandoffRow::Nothing,
    limit: Limit::Seconds(60),
    only: Only::Always,
    attempts: 1,
    step: &precheck::Precheck,
};

type Phase = (&'static str, &'static [(Turn, &'static StepDef)]);

/// Phases are barriers. The rows of a phase run side by side on the two nodes, and one after the
/// other on each.
pub const UPGRADE: &[&[Phase]] = &[
    BEGIN,
    &[
        ("stage", &[(First, &stage::DEF), (Second, &stage::DEF)]),
        ("backup", &[(First, &backup::DEF), (Second, &backup::DEF)]),
        ("schema", &[(Second, &schema::DEF)]),
        ("replay", &[(First, &catch_up::DEF)]),
        (
            "upgrade first",
            &[
                (First, &hooks::ENGINE),
                (First, &hooks::BEFORE_STOP),
                (First, &stop::DEF),
                (First, &activate::DEF),
                (First, &hooks::AFTER_ACTIVATE),
                (First, &start::DEF),
                (First, &hooks::AFTER_START),
                (First, &health::DEF),
                (First, &soak::DEF),
            ],
        ),
    ],
    SWITCHOVER,
    &[(
        "upgrade second",
        &[
            (Second, &hooks::ENGINE),
            (Second, &stop::DEF),
            (Second, &activate::DEF),
            (Second, &carry::DEF),
            (Second, &hooks::AFTER_ACTIVATE),
            (Second, &start::DEF),
            (Second, &hooks::AFTER_START),
            (Second, &same_key::DEF),
            (Second, &health::DEF),
            (Second, &soak::DEF),
        ],
    )],
    END,
];

/// VIP and primary to the other node, with the same care and without a new version.
pub const SWITCH: &[&[Phase]] = &[
    BEGIN,
    &[("warm", &[(First, &health::WARM)])],
    SWITCHOVER,
    &[(
        "return",
        &[
            (Second, &stop::DEF),
            (Second, &start::DEF),
            (Second, &health::DEF),
        ],
    )],
    END,
];

const BEGIN: &[Phase] = &[
    (
        "precheck",
        &[(First, &precheck::DEF), (Second, &precheck::DEF)],
    ),
    ("pause", &[(First, &pause::DEF), (Second, &pause::DEF)]),
];

/// The middle of every rollout: VIP and primary from second to first, and no connection is cut.
const SWITCHOVER: &[Phase] = &[
    ("prepare", &[(Second, &checkpoint::DEF)]),
    (
        "arm",
        &[
            (Second, &handoff::KEEP),
            (First, &handoff::FORWARD),
            (First, &handoff::PARK),
        ],
    ),
    ("move", &[(Second, &release::DEF), (First, &receive::DEF)]),
    (
        "drain",
        &[(Second, &hooks::BEFORE_STOP), (Second, &drain::DEF)],
    ),
    ("demote", &[(Second, &demote::DEF)]),
    ("promote", &[(First, &promote::DEF)]),
    ("release", &[(First, &serve::DEF), (Second, &rejoin::DEF)]),
];

const END: &[Phase] = &[
    ("resume", &[(First, &resume::DEF), (Second, &resume::DEF)]),
    ("push", &[(First, &push::DEF)]),
    (
        "finish",
        &[
            (First, &compare::DEF),
            (First, &downtime::DEF),
            (First, &cleanup::DEF),
            (Second, &cleanup::DEF),
        ],
    ),
];

const KINDS: [Kind; 4] = [Kind::Upgrade, Kind::Switch, Kind::Failover, Kind::Rejoin];

/// The phases of a kind of rollout, in order.
pub fn table(kind: Kind) -> impl Iterator<Item = &'static Phase> {
    let parts = match kind {
        Kind::Upgrade => UPGRADE,
        Kind::Switch => SWITCH,
        Kind::Failover => solo::FAILOVER,
        Kind::Rejoin => solo::REJOIN,
    };
    parts.iter().copied().flatten()
}

/// The step of a name, as rows carry it.
pub fn find(name: &str) -> Option<&'static StepDef> {
    let phases = KINDS.into_iter().flat_map(table);
    phases
        .flat_map(|(_, rows)| rows.iter())
        .map(|(_, def)| *def)
        .find(|def| def.name == name)
}

/// Binds the table's turns to nodes and its limits to the configuration's.
pub fn rows(
    kind: Kind,
    settings: &Settings,
    bundle: Option<&BundleInfo>,
    first: &NodeId,
    second: &NodeId,
) -> Vec<Row> {
    let mut rows = Vec::new();
    for (phase, (phase_name, steps)) in table(kind).enumerate() {
        for (turn, def) in steps
            .iter()
            .filter(|(_, def)| is_needed(def.only, settings, bundle))
        {
            let node = match turn {
                First => first.clone(),
                Second => second.clone(),
            };
            rows.push(row(def, phase, phase_name, node, settings));
        }
    }
    rows
}

fn row(def: &StepDef, phase: usize, phase_name: &str, node: NodeId, settings: &Settings) -> Row {
    let limit = limit(def.limit, settings);
    Row {
        phase: u16::try_from(phase).unwrap_or(u16::MAX),
        phase_name: phase_name.to_owned(),
        node,
        step: def.name.to_owned(),
        disruptive: def.disruptive,
        disruptive_undo: def.disruptive_undo,
        restores: def.restores,
        service_down: def.service_down,
        gives_vip: def.gives_vip,
        confirmable: def.confirmable,
        undo: def.undo,
        handoff: def.handoff,
        limit_ms: u64::try_from(limit.as_millis()).unwrap_or(u64::MAX),
        attempts: match def.limit {
            Limit::VipSwitch => 1 + settings.limits.vip_retries,
            Limit::Seconds(_)
            | Limit::Start
            | Limit::Health
            | Limit::Soak
            | Limit::Drain
            | Limit::Backup
            | Limit::Schema
            | Limit::Fence
            | Limit::NodeUpgrade => def.attempts,
        },
    }
}

fn limit(limit: Limit, settings: &Settings) -> Duration {
    let limits = &settings.limits;
    match limit {
        Limit::Seconds(n) => Duration::from_secs(n),
        Limit::Start => limits.start,
        Limit::Health => limits.health,
        // The last check may begin when the time is over and needs its own.
        Limit::Soak => limits.soak.within + limits.health,
        Limit::Drain => limits.drain + Duration::from_secs(10),
        Limit::Backup => limits.backup,
        Limit::Schema => limits.schema,
        Limit::NodeUpgrade => limits.node_upgrade,
        Limit::VipSwitch => limits.vip_switch,
        // The command's own, and a little to end it.
        Limit::Fence => settings
            .fence
            .as_ref()
            .map_or(Duration::ZERO, |f| f.limit + Duration::from_secs(5)),
    }
}

fn is_needed(only: Only, settings: &Settings, bundle: Option<&BundleInfo>) -> bool {
    match only {
        Only::Always => true,
        Only::Database => settings.database.is_some(),
        Only::ConfigSync => settings.config_sync.is_some(),
        Only::Handoff => settings.hands_off(),
        Only::Park => settings.parks(),
        Only::Fence => settings.fence.is_some(),
        Only::Rebuild(_) => true,
        Only::Hook(name) => bundle.is_some_and(|b| b.hooks.contains_key(name)),
        Only::RootKey => settings.root_key.as_ref().is_some_and(|key| key.carry),
        Only::Schema => settings.database.is_some() && bundle.is_some_and(|b| !b.schema.is_empty()),
    }
}
