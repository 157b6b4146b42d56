//! The full logical backup: gs_dump's custom format into one file, and reading back what it says of itself. On the primary
//! alone: of a standby gs_dump makes none.
use super::{
    DatabaseError, DatabaseResult, Gaussdb, QUESTION, refusal, rows::value, tools, transient,
};
use crate::{host::DatabaseMark, time::Time};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Seek},
    os::unix::fs::{MetadataExt, OpenOptionsExt, fchown},
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

/// Made as the system user, whom the server lets in without a password over its own socket, into a file of that user's beside
/// the data: gs_dump refuses to write its archives anywhere else than into a file that it opens itself. What the dump shows
/// is no older than the mark.
pub(super) fn dump(db: &Gaussdb, to: &Path, limit: Duration) -> DatabaseResult<DatabaseMark> {
    if db.host.exists(to) {
        return Err(refusal(
            format!("{} exists already", to.display()),
            "choose a file that does not exist",
        ));
    }
    let mark = mark(db)?;
    let mut made = beside(db).map_err(|e| no_room("make", to, &e))?;
    let port = db.server.address().1.to_string();
    let file = made.path().display().to_string();
    let words = ["-F", "c", "-p", &port, "-f", &file, db.server.dbname()];
    tools::done(db, "gs_dump", &words, limit)?;
    kept(made.as_file_mut(), to).map_err(|e| no_room("copy", to, &e))?;
    Ok(mark)
}

/// On disk, for root alone to read.
fn kept(made: &mut File, to: &Path) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(to)?;
    made.rewind()?;
    io::copy(made, &mut file)?;
    file.sync_all()
}

fn no_room(action: &str, what: &Path, e: &io::Error) -> DatabaseError {
    refusal(
        format!("cannot {action} {}: {e}", what.display()),
        "look whether the folder that holds data_dir, and that of the backups, have room for a dump",
    )
}

/// The table of contents alone: gs_restore reads the rest only into a database. It reads a copy, for it wants to write to
/// what it reads, and backups are not for the database's system user, while its programs are not for root to run.
pub(super) fn check(db: &Gaussdb, file: &Path, limit: Duration) -> DatabaseResult<String> {
    let copy = copy_of(db, file)?;
    let shown = copy.path().display().to_string();
    let output = tools::done(db, "gs_restore", &["-l", &shown], limit)?;
    let is_entry = |line: &&str| line.starts_with(|c: char| c.is_ascii_digit());
    match output.stdout.lines().filter(is_entry).count() {
        0 => Err(refusal(
            format!("{} has no readable table of contents", file.display()),
            "make a new backup",
        )),
        entries => Ok(format!("{entries} entries")),
    }
}

/// For its programs to read; gone when it is dropped.
pub(super) fn copy_of(db: &Gaussdb, file: &Path) -> DatabaseResult<NamedTempFile> {
    let made = beside(db).and_then(|mut copy| {
        io::copy(&mut File::open(file)?, &mut copy)?;
        Ok(copy)
    });
    made.map_err(|e| no_room("read a copy of", file, &e))
}

/// A file of the database's system user beside the data, where there is room for as much; gone when it is dropped.
fn beside(db: &Gaussdb) -> io::Result<NamedTempFile> {
    let data = &db.config.data_dir;
    let owner = fs::metadata(data)?;
    let place = data.parent().unwrap_or(data);
    let made = tempfile::Builder::new()
        .prefix(".hau-dump-")
        .tempfile_in(place)?;
    fchown(&made, Some(owner.uid()), Some(owner.gid()))?;
    Ok(made)
}
