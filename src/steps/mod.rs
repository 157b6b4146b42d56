//! The rolling upgrade, top to bottom. Read `UPGRADE` first; each step is the file of its name.
mod activate;
mod apart;
mod back;
mod backup;
mod bind;
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
mod exchange;
mod fence;
mod handoff;
mod health;
mod hooks;
mod pause;
mod place;
mod precheck;
mod promote;
mod prune;
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

pub use apart::{alone, leave_apart};
pub use bind::{Content, rows};
pub use cx::{Check, Cx, Step, StepError, StepResult, Tally, Verdict};
pub use drive::{begin, look, outcome};
pub use prune::prune;
pub use services::healthy;
pub use solo::{Asked, solo};

use crate::core::{HandoffRow, Kind, Turn, Undo};
use Turn::{First, Second};

/// What the core knows of a step, and the step.
pub struct StepDef {
    pub name: &'static str,
    /// One sentence for `plan`: what this row does.
    pub about: &'static str,
    /// Where a person looks when it takes too long; empty: what it waited for says it all.
    pub look: &'static str,
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
    Rollback,
    /// The VIP switch, tried again as often as the configuration says.
    VipSwitch,
    Fence,
}

/// When a row is in the plan at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Only {
    Always,
    Database,
    /// The configuration wants the dump restored.
    Proof,
    /// The rollback restores the database.
    Dump,
    ConfigSync,
    /// The product cannot live behind a link.
    InPlace,
    RootKey,
    /// The second node is given the first's.
    CarriedKey,
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
    look: "",
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
        ("prove", &[(Second, &backup::PROVE)]),
        (
            "retain",
            &[(First, &backup::RETAIN), (Second, &backup::RETAIN)],
        ),
        ("schema", &[(Second, &schema::DEF)]),
        ("replay", &[(First, &catch_up::DEF)]),
        (
            "upgrade first",
            &[
                (First, &hooks::ENGINE),
                (First, &hooks::BEFORE_STOP),
                (First, &stop::DEF),
                (First, &activate::DEF),
                (First, &place::DEF),
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
            (Second, &place::DEF),
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

/// Both nodes back to what a backup holds, the database as it is: the switchover of the upgrade is
/// done the other way round, so the roles end where they were before it.
pub const ROLLBACK: &[&[Phase]] = &[
    BEGIN,
    &[("backup", &[(First, &back::CHECK), (Second, &back::CHECK)])],
    RESTORE_FIRST,
    SWITCHOVER,
    &[(
        "restore second",
        &[
            (Second, &back::STOP),
            (Second, &back::RESTORE),
            (Second, &place::DEF),
            (Second, &start::DEF),
            (Second, &back::KEY),
            // Two backups may hold two keys: an upgrade that was given up leaves such a pair.
            (Second, &same_key::DEF),
            (Second, &health::DEF),
            (Second, &soak::DEF),
        ],
    )],
    // The roles are back, and old code is everywhere: only now does the old database come.
    &[
        ("beside", &[(First, &exchange::BESIDE)]),
        ("close", &[(Second, &exchange::CLOSE)]),
        ("exchange", &[(First, &exchange::DEF)]),
        (
            "open",
            &[(Second, &exchange::OPEN), (Second, &exchange::WELL)],
        ),
    ],
    END,
];

/// The BACKUP alone back to what its backup holds. The other node serves on, with whatever it runs.
pub const ROLLBACK_NODE: &[&[Phase]] = &[
    BEGIN,
    &[("backup", &[(First, &back::CHECK)])],
    RESTORE_FIRST,
    &[
        ("beside", &[(Second, &exchange::BESIDE)]),
        ("close", &[(First, &exchange::CLOSE)]),
        ("exchange", &[(Second, &exchange::DEF)]),
        (
            "open",
            &[(First, &exchange::OPEN), (First, &exchange::WELL)],
        ),
        ("resume", &[(First, &resume::DEF), (Second, &resume::DEF)]),
        ("push", &[(Second, &push::DEF)]),
        (
            "finish",
            &[
                (Second, &compare::DEF),
                (First, &cleanup::DEF),
                (Second, &cleanup::DEF),
            ],
        ),
    ],
];

const RESTORE_FIRST: &[Phase] = &[
    // After a halt the standby may not follow yet.
    ("follow", &[(First, &rejoin::DEF)]),
    (
        "restore first",
        &[
            (First, &back::STOP),
            (First, &back::RESTORE),
            (First, &place::DEF),
            (First, &start::DEF),
            (First, &back::KEY),
            (First, &health::DEF),
            (First, &soak::DEF),
        ],
    ),
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

const KINDS: [Kind; 5] = [
    Kind::Upgrade,
    Kind::Switch,
    Kind::Rollback,
    Kind::Failover,
    Kind::Rejoin,
];

/// The phases of a kind of rollout, in order.
pub fn table(kind: Kind) -> impl Iterator<Item = &'static Phase> {
    let parts = match kind {
        Kind::Upgrade => UPGRADE,
        Kind::Switch => SWITCH,
        Kind::Rollback => ROLLBACK,
        Kind::RollbackNode => ROLLBACK_NODE,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::{Lang, heard, look_texts, step_texts};
    use std::collections::BTreeSet;

    /// What a row does is read in both languages, and the catalogue has no step that there is none of.
    #[test]
    fn every_step_says_in_chinese_what_it_does() {
        let steps = KINDS
            .into_iter()
            .chain([Kind::RollbackNode])
            .flat_map(table);
        let every: Vec<_> = steps
            .flat_map(|(_, rows)| rows.iter().map(|(_, def)| *def))
            .collect();
        let abouts: BTreeSet<&str> = every.iter().map(|def| def.about).collect();
        let known: BTreeSet<&str> = step_texts().map(|(en, _)| en).collect();
        assert_eq!(abouts, known, "src/words/steps.rs");
        let looks = every
            .iter()
            .map(|def| def.look)
            .filter(|look| !look.is_empty());
        let looks: BTreeSet<&str> = looks.collect();
        let known: BTreeSet<&str> = look_texts().map(|(en, _)| *en).collect();
        assert_eq!(looks, known, "src/words/late.rs");
        for about in abouts {
            assert_ne!(heard(Lang::Zh, about), about);
        }
    }
}
