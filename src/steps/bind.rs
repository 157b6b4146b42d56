//! The rows of a plan: the table with its turns bound to nodes and its limits to the configuration's.
use super::{Limit, Only, StepDef, table};
use crate::config::{Prove, Settings};
use crate::core::{Kind, NodeId, Row, Turn};
use crate::host::BundleInfo;
use std::time::Duration;

/// What a rollout puts on the nodes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Content<'a> {
    pub bundle: Option<&'a BundleInfo>,
    /// The dump of a backup takes the place of the database.
    pub dump: bool,
}

/// Binds the table's turns to nodes and its limits to the configuration's.
pub fn rows(
    kind: Kind,
    settings: &Settings,
    content: Content<'_>,
    first: &NodeId,
    second: &NodeId,
) -> Vec<Row> {
    let mut rows = Vec::new();
    for (phase, (phase_name, steps)) in table(kind).enumerate() {
        for (turn, def) in steps
            .iter()
            .filter(|(_, def)| is_needed(def.only, settings, content))
        {
            let node = match turn {
                Turn::First => first.clone(),
                Turn::Second => second.clone(),
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
            | Limit::NodeUpgrade
            | Limit::Rollback => def.attempts,
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
        Limit::Rollback => limits.rollback,
        Limit::VipSwitch => limits.vip_switch,
        // The command's own, and a little to end it.
        Limit::Fence => settings
            .fence
            .as_ref()
            .map_or(Duration::ZERO, |f| f.limit + Duration::from_secs(5)),
    }
}

fn is_needed(only: Only, settings: &Settings, content: Content<'_>) -> bool {
    let Content { bundle, dump } = content;
    match only {
        Only::Always => true,
        Only::Database => settings.database.is_some(),
        Only::Proof => settings.database.is_some() && settings.backup.prove == Prove::Restore,
        Only::Dump => settings.database.is_some() && dump,
        Only::ConfigSync => settings.config_sync.is_some(),
        Only::InPlace => settings.release.in_place.is_some(),
        Only::Handoff => settings.hands_off(),
        Only::Park => settings.parks(),
        Only::Fence => settings.fence.is_some(),
        Only::Rebuild(_) => true,
        Only::Hook(name) => bundle.is_some_and(|b| b.hooks.contains_key(name)),
        Only::RootKey => settings.root_key.is_some(),
        Only::CarriedKey => settings.root_key.as_ref().is_some_and(|key| key.carry),
        Only::Schema => settings.database.is_some() && bundle.is_some_and(|b| !b.schema.is_empty()),
    }
}
