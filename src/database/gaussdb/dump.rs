//! The full logical backup: gs_dump's custom format into one file, and reading back what it says of itself.
use super::{DatabaseResult, Gaussdb, QUESTION, asks::value, refusal, tools, transient};
use crate::{host::DatabaseMark, time::Time};
use std::{
    fs::{self, File},
    io,
    os::unix::fs::{MetadataExt, fchown},
    path::Path,
    time::Duration,
};
use tempfile::NamedTempFile;

/// On a standby the last transaction is the last that it has replayed.
const MARK: &str = "select case when pg_is_in_recovery() then (select lsn from pg_last_xlog_replay_location()) \
     else pg_current_xlog_location() end, \
     txid_snapshot_xmax(txid_current_snapshot()), \
     (extract(epoch from clock_timestamp()) * 1000)::bigint";

pub(super) fn mark(db: &Gaussdb) -> DatabaseResult<DatabaseMark> {
    let rows = db.ask("ask where it is", MARK, QUESTION)?;
    let row = rows.first().map_or(&[][..], Vec::as_slice);
    let number = |column| value(row, column).and_then(|text| text.parse().ok());
    let read = value(row, 0).zip(number(1)).zip(number(2));
    let ((position, next_transaction), at) =
        read.ok_or_else(|| transient("the database did not say where it is", "look into its log"))?;
    Ok(DatabaseMark {
        position: position.to_owned(),
        next_transaction,
        at: Time(at),
        ..DatabaseMark::default()
    })
}

/// Made as the system user, whom the server lets in without a password over its own socket. What the dump shows is no
/// older than the mark.
pub(super) fn dump(db: &Gaussdb, to: &Path, limit: Duration) -> DatabaseResult<DatabaseMark> {
    if db.host.exists(to) {
        return Err(refusal(
            format!("{} exists already", to.display()),
            "choose a file that does not exist",
        ));
    }
    let mark = mark(db)?;
    let port = db.server.address().1.to_string();
    let words = ["-F", "c", "-p", &port, db.server.dbname()];
    tools::done(db, "gs_dump", &words, Some(to.to_owned()), limit).inspect_err(|_| {
        // Half a dump is worse than none. If it stays, the next try names it.
        drop(db.host.remove(to));
    })?;
    Ok(mark)
}

/// The table of contents alone: gs_restore reads the rest only into a database. It reads a copy, for it wants to write to
/// what it reads, and backups are not for the database's system user, while its programs are not for root to run.
pub(super) fn check(db: &Gaussdb, file: &Path, limit: Duration) -> DatabaseResult<String> {
    let copy = copy_of(db, file).map_err(|e| {
        refusal(
            format!("cannot copy {} to read it: {e}", file.display()),
            "look whether the folder that holds data_dir has room for it",
        )
    })?;
    let shown = copy.path().display().to_string();
    let output = tools::done(db, "gs_restore", &["-l", &shown], None, limit)?;
    let is_entry = |line: &&str| line.starts_with(|c: char| c.is_ascii_digit());
    match output.stdout.lines().filter(is_entry).count() {
        0 => Err(refusal(
            format!("{} has no readable table of contents", file.display()),
            "make a new backup",
        )),
        entries => Ok(format!("{entries} entries")),
    }
}

/// Beside the data, where there is room for as much; gone when it is dropped.
fn copy_of(db: &Gaussdb, file: &Path) -> io::Result<NamedTempFile> {
    let data = &db.config.data_dir;
    let owner = fs::metadata(data)?;
    let place = data.parent().unwrap_or(data);
    let mut copy = tempfile::Builder::new()
        .prefix(".hau-dump-")
        .tempfile_in(place)?;
    io::copy(&mut File::open(file)?, &mut copy)?;
    fchown(&copy, Some(owner.uid()), Some(owner.gid()))?;
    Ok(copy)
}
