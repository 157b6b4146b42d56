//! `[database]` and `[fence]`: what takes writes, and who may promote it.
use super::kinds::UnitName;
use super::read::{Found, Read, Section, all};
use super::settings::{
    Ask, Backup, Commands, Database, DatabaseKind, Dsn, Failover, Fence, Gaussdb, Pattern,
    Postgres, Prove, Rejoin, Rollback, RollbackDatabase,
};
use std::time::Duration;

/// The word behind `kind`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Adapter {
    Postgres,
    Gaussdb,
    Command,
}

pub(super) fn database(mut s: Section<'_>) -> Option<Option<Database>> {
    let adapter = s.required::<Option<Adapter>>(
        "kind",
        "write \"postgres\", or \"none\" if there is no database",
    );
    if adapter == Some(None) {
        for (_, found) in s.named().into_iter().filter(|(name, _)| *name != "kind") {
            found.wrong::<()>(
                "stands beside kind = \"none\"",
                "remove it, or name the kind",
            );
        }
        return Some(None);
    }
    let kind = match adapter.flatten() {
        Some(Adapter::Command) => {
            let below = s.section("commands").and_then(commands);
            below.map(DatabaseKind::Command)
        }
        Some(Adapter::Gaussdb) => gaussdb(&mut s).map(DatabaseKind::Gaussdb),
        Some(Adapter::Postgres) | None => postgres(&mut s).map(DatabaseKind::Postgres),
    };
    let failover = s.or("failover", Failover::Manual);
    let rejoin = s.or("rejoin", Rejoin::Manual);
    s.finish();
    adapter?;
    Some(Some(Database {
        kind: kind?,
        failover: failover?,
        rejoin: rejoin?,
    }))
}

fn postgres(s: &mut Section<'_>) -> Option<Postgres> {
    let dsn = s.required::<Dsn>("dsn", "write how to connect to the local database");
    let data_dir = s.required("data_dir", "name its data directory");
    let unit = s.required::<UnitName>("unit", "name its systemd unit");
    let os_user = s.or("os_user", "postgres".to_string());
    let replication_slot = s.optional("replication_slot");
    Some(Postgres {
        dsn: dsn?,
        data_dir: data_dir?,
        unit: unit?.0,
        os_user: os_user?,
        replication_slot: replication_slot?,
    })
}

fn gaussdb(s: &mut Section<'_>) -> Option<Gaussdb> {
    let dsn = s.required::<Dsn>("dsn", "write how to connect to the local database");
    let password_file = s.optional("password_file");
    let ca_file = s.optional("ca_file");
    let data_dir = s.required("data_dir", "name its data directory");
    let home = s.required(
        "home",
        "name the folder in $GAUSSHOME: gs_ctl is in its bin",
    );
    let os_user = s.or("os_user", "omm".to_string());
    Some(Gaussdb {
        dsn: dsn?,
        password_file: password_file?,
        ca_file: ca_file?,
        data_dir: data_dir?,
        home: home?,
        os_user: os_user?,
    })
}

/// Each command: its key, whether it may be left out, and the word in braces that hau fills in.
#[rustfmt::skip] // a table: one line each
pub(super) const COMMANDS: &[(Ask, &str, bool, &str)] = &[
    (Ask::Identity, "identity", false, ""),
    (Ask::Role, "role", false, ""),
    (Ask::Lag, "lag", false, ""),
    (Ask::Timeline, "timeline", true, ""),
    (Ask::Position, "position", false, ""),
    (Ask::Replayed, "replayed", false, "{position}"),
    (Ask::Checkpoint, "checkpoint", true, ""),
    (Ask::Demote, "demote", false, ""),
    (Ask::TakeBack, "take_back", false, "{position}"),
    (Ask::Promote, "promote", false, "{position}"),
    (Ask::Rejoin, "rejoin", false, ""),
    (Ask::TakeOver, "take_over", true, ""),
    (Ask::Rewind, "rewind", true, ""),
    (Ask::Rebuild, "rebuild", true, ""),
    (Ask::Schema, "schema", true, "{name}"),
    (Ask::Size, "size", false, ""),
    (Ask::Dump, "dump", false, ""),
    (Ask::CheckDump, "check_dump", false, "{file}"),
];

fn commands(mut s: Section<'_>) -> Option<Commands> {
    let of = all(COMMANDS.iter().map(|row| command(&mut s, row)));
    let primary = pattern(&mut s, "primary");
    let standby = pattern(&mut s, "standby");
    s.finish();
    Some(Commands {
        of: of?.into_iter().flatten().collect(),
        primary: primary?,
        standby: standby?,
    })
}

/// `Some(None)`: left out, and it may be.
fn command(
    s: &mut Section<'_>,
    (ask, key, optional, filled): &(Ask, &'static str, bool, &str),
) -> Option<Option<(Ask, Vec<String>)>> {
    let remedy = format!(
        "write a program with its whole path, then its words: {key} = [\"/usr/local/sbin/db\", \"{key}\"]"
    );
    if *optional && s.find(key).is_none() {
        return Some(None);
    }
    let words = s.program(key, &remedy)?;
    let found = s.find(key)?;
    let is_unknown =
        |word: &&String| word.starts_with('{') && word.ends_with('}') && word != filled;
    if let Some(word) = words.iter().find(is_unknown) {
        let known = if filled.is_empty() {
            "nothing is filled in here".to_owned()
        } else {
            format!("only {filled} is filled in here")
        };
        return found.wrong(
            format!("has the word {word}"),
            format!("take it out: {known}"),
        );
    }
    Some(Some((*ask, words)))
}

/// Without one the word itself and nothing else.
fn pattern(s: &mut Section<'_>, key: &'static str) -> Option<Pattern> {
    match s.optional(key)? {
        Some(pattern) => Some(pattern),
        None => regex::Regex::new(&format!("^{key}$")).ok().map(Pattern),
    }
}

impl Read for Pattern {
    fn read(found: &Found<'_>) -> Option<Self> {
        let text = String::read(found)?;
        match regex::RegexBuilder::new(&text).size_limit(1 << 20).build() {
            Ok(pattern) => Some(Self(pattern)),
            Err(_) => found.wrong(
                format!("is {text:?}"),
                "write a regular expression, such as \"^primary$\"",
            ),
        }
    }
}

pub(super) fn fence(mut s: Section<'_>) -> Option<Fence> {
    let remedy = "write the program with its whole path, then its words: command = [\"/usr/local/sbin/fence-peer\", \"{node}\"]";
    let command = s.program("command", remedy);
    let limit = s.or("limit", Duration::from_secs(30));
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

/// What some adapters cannot do.
pub(super) fn fits_kind(
    root: &Section<'_>,
    database: Option<&Database>,
    fence: Option<&Fence>,
    (backup, rollback): (&Backup, &Rollback),
) {
    let Some(kind) = database.map(|d| &d.kind) else {
        return;
    };
    let is_postgres = matches!(kind, DatabaseKind::Postgres(_));
    let is_command = matches!(kind, DatabaseKind::Command(_));
    let rules = [
        (
            !is_postgres && fence.is_some(),
            "[fence]",
            "such a former primary is not kept from starting after a boot",
            "remove [fence]: a person promotes, with hau-ctl failover --fenced",
        ),
        (
            is_command && backup.prove == Prove::Restore,
            "backup.prove = \"restore\"",
            "nothing is restored beside such a database",
            "write prove = \"verify\" into [backup]: the dump is read back",
        ),
        (
            is_command && rollback.database == RollbackDatabase::Restore,
            "rollback.database = \"restore\"",
            "such a database is not put back by hau",
            "write database = \"keep\" into [rollback], and restore the dump by hand where it must be",
        ),
    ];
    let kind = kind.name();
    for (_, what, why, remedy) in rules.into_iter().filter(|(is_beyond, ..)| *is_beyond) {
        let what = format!("{what} stands beside database.kind = \"{kind}\": {why}");
        root.wrong(what, remedy);
    }
}
