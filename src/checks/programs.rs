//! Programs of the site that hau runs as root for a database and a fence, looked at long before the night in which they
//! are needed.
use super::Site;
use crate::config::{Ask, DatabaseKind};
use crate::host::{Finding, programs};
use std::collections::BTreeSet;

pub(super) fn fence(site: &Site<'_>) -> Vec<Finding> {
    let Some(fence) = &site.settings.fence else {
        return Vec::new();
    };
    let program = fence.command.first().map_or("", String::as_str);
    let limit = fence.limit.as_secs();
    vec![programs::look(
        site.host,
        "fence",
        program,
        "[fence] command",
        Some(limit),
    )]
}

/// Of a database that is reached by commands.
pub(super) fn database(site: &Site<'_>) -> Vec<Finding> {
    let Some(DatabaseKind::Command(commands)) = site.settings.database.as_ref().map(|d| &d.kind)
    else {
        return Vec::new();
    };
    let named: BTreeSet<&str> = commands
        .of
        .values()
        .filter_map(|words| words.first().map(String::as_str))
        .collect();
    let one = |program: &str| {
        let place = "[database.commands]";
        programs::look(site.host, "database commands", program, place, None)
    };
    let mut found: Vec<Finding> = named.into_iter().map(one).collect();
    if !commands.of.contains_key(&Ask::Timeline) {
        found.push(Finding::warn(
            "database commands",
            told!("none says timeline: a former primary that comes up after a failover is not told from the new one, and takes the VIP back where its priority is the higher one"),
            told!("add timeline = [...] to [database.commands]: a number that grows with each promotion, as the example in hooks/db does"),
        ));
    }
    found
}
