//! `[database]` and `[fence]`: what takes writes, and who may promote it.
use super::kinds::UnitName;
use super::read::Section;
use super::settings::{Database, DatabaseKind, Dsn, Failover, Fence, Rejoin};
use std::time::Duration;

pub(super) fn database(mut s: Section<'_>) -> Option<Option<Database>> {
    let kind = s.required::<Option<DatabaseKind>>(
        "kind",
        "write \"postgres\", or \"none\" if there is no database",
    );
    if kind == Some(None) {
        for (_, found) in s.named().into_iter().filter(|(name, _)| *name != "kind") {
            found.wrong::<()>(
                "stands beside kind = \"none\"",
                "remove it, or name the kind",
            );
        }
        return Some(None);
    }
    let dsn = s.required::<Dsn>("dsn", "write how to connect to the local database");
    let data_dir = s.required("data_dir", "name its data directory");
    let unit = s.required::<UnitName>("unit", "name its systemd unit");
    let failover = s.or("failover", Failover::Manual);
    let rejoin = s.or("rejoin", Rejoin::Manual);
    let os_user = s.or("os_user", "postgres".to_string());
    let replication_slot = s.optional("replication_slot");
    s.finish();
    Some(Some(Database {
        kind: kind??,
        dsn: dsn?,
        data_dir: data_dir?,
        unit: unit?.0,
        failover: failover?,
        rejoin: rejoin?,
        os_user: os_user?,
        replication_slot: replication_slot?,
    }))
}

pub(super) fn fence(mut s: Section<'_>) -> Option<Fence> {
    let remedy = "write the program with its whole path, then its words: command = [\"/usr/local/sbin/fence-peer\", \"{node}\"]";
    let command = s.filled::<String>("command", remedy);
    let limit = s.or("limit", Duration::from_secs(30));
    let is_relative = |program: &String| !program.starts_with('/');
    if command
        .as_ref()
        .is_some_and(|c| c.first().is_some_and(is_relative))
    {
        s.wrong("fence.command begins with no absolute path", remedy);
    }
    s.finish();
    Some(Fence {
        command: command?,
        limit: limit?,
    })
}

/// With two machines a reachable gateway proves nothing: only what was fenced is followed by a promotion.
pub(super) fn fits(root: &Section<'_>, database: Option<&Database>, fence: Option<&Fence>) {
    let by_hand = |d: &Database| (d.failover, d.rejoin) == (Failover::Manual, Rejoin::Manual);
    if fence.is_none() && !database.is_none_or(by_hand) {
        root.wrong(
            "database.failover or rejoin = \"auto\" needs a [fence]: with two machines a reachable gateway proves nothing",
            "write [fence] with command = [\"/usr/local/sbin/fence-peer\", \"{node}\"], or \"manual\" for both",
        );
    }
}
