//! The control file: what a server says of itself while it is down.
//!
//! Read here and not by `pg_controldata`: users wait while the primary moves, and a program that runs as another user
//! takes as long as half of the server's stop.
use super::{DatabaseError, DatabaseResult, Deadline, lsn::Lsn, refusal, server::io_error};
use crc::{CRC_32_ISCSI, Crc};
use std::{fmt, fs::File, io::Read, ops::RangeInclusive, path::Path, time::Duration};

/// `pg_control_version` of PostgreSQL 11 to 18, in all of which the fields below lie where they are read.
const VERSIONS: RangeInclusive<u32> = 1100..=1800;
/// All of it that can have a meaning: a disk writes so much at once or not at all.
const LONGEST: usize = 512;
/// Behind the last field that is read.
const SHORTEST: usize = 52;
/// A running server may be writing it.
const WRITTEN: Duration = Duration::from_millis(20);
const PAUSE: Duration = Duration::from_millis(2);
const CASTAGNOLI: Crc<u32> = Crc::<u32>::new(&CRC_32_ISCSI);

/// What the server last did, in the words of `pg_controldata`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cluster {
    StartingUp,
    ShutDown,
    ShutDownInRecovery,
    ShuttingDown,
    InCrashRecovery,
    InArchiveRecovery,
    InProduction,
}

impl Cluster {
    /// By their numbers.
    const ALL: [(Self, &str); 7] = [
        (Self::StartingUp, "starting up"),
        (Self::ShutDown, "shut down"),
        (Self::ShutDownInRecovery, "shut down in recovery"),
        (Self::ShuttingDown, "shutting down"),
        (Self::InCrashRecovery, "in crash recovery"),
        (Self::InArchiveRecovery, "in archive recovery"),
        (Self::InProduction, "in production"),
    ];
}

impl fmt::Display for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = Self::ALL.iter().find(|(state, _)| state == self);
        f.write_str(known.map_or("", |(_, words)| words))
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct ControlData {
    pub(super) state: Cluster,
    /// Where the latest checkpoint record begins; after a clean stop the last record there is.
    pub(super) checkpoint: Lsn,
    pub(super) timeline: u32,
    pub(super) system_identifier: u64,
}

impl ControlData {
    pub(super) fn of(data_dir: &Path) -> DatabaseResult<Self> {
        let path = data_dir.join("global/pg_control");
        let parsed = Deadline::after(WRITTEN).poll(PAUSE, || {
            Ok(match parse(&read(&path)?) {
                Err(Wrong::Damaged) => None,
                parsed => Some(parsed),
            })
        })?;
        let parsed = parsed.unwrap_or(Err(Wrong::Damaged));
        parsed.map_err(|wrong| wrong.of(&path))
    }
}

fn read(path: &Path) -> DatabaseResult<Vec<u8>> {
    let mut bytes = Vec::with_capacity(LONGEST);
    File::open(path)
        .and_then(|file| file.take(LONGEST as u64).read_to_end(&mut bytes))
        .map_err(|e| io_error("read", path, &e))?;
    Ok(bytes)
}

#[derive(Debug, PartialEq, Eq)]
enum Wrong {
    Damaged,
    Version(u32),
}

impl Wrong {
    fn of(self, path: &Path) -> DatabaseError {
        match self {
            Self::Damaged => refusal(
                format!("{} is damaged", path.display()),
                "run pg_controldata and look whether the data directory is",
            ),
            Self::Version(version) => refusal(
                format!(
                    "{} is of version {version}, and this version of hau knows {} to {} (PostgreSQL 11 to 18)",
                    path.display(),
                    VERSIONS.start(),
                    VERSIONS.end(),
                ),
                "install a version of hau that knows this PostgreSQL",
            ),
        }
    }
}

/// Each version puts its checksum behind its last field, wherever that is: it stands where it fits.
fn is_whole(bytes: &[u8]) -> bool {
    (SHORTEST..bytes.len())
        .step_by(4)
        .filter_map(|at| Some((at, number(bytes, at)?)))
        .any(|(at, stored)| CASTAGNOLI.checksum(&bytes[..at]) == stored)
}

fn parse(bytes: &[u8]) -> Result<ControlData, Wrong> {
    if !is_whole(bytes) {
        return Err(Wrong::Damaged);
    }
    let small = |at| number(bytes, at).ok_or(Wrong::Damaged);
    let version = small(8)?;
    if !VERSIONS.contains(&version) {
        return Err(Wrong::Version(version));
    }
    let state = Cluster::ALL
        .get(small(16)? as usize)
        .ok_or(Wrong::Damaged)?;
    let large = |at: usize| {
        let field = bytes.get(at..at + 8).and_then(|b| b.try_into().ok());
        field.map(u64::from_ne_bytes).ok_or(Wrong::Damaged)
    };
    Ok(ControlData {
        state: state.0,
        checkpoint: Lsn(large(32)?),
        timeline: small(48)?,
        system_identifier: large(0)?,
    })
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    let field = bytes.get(at..at + 4)?.try_into().ok()?;
    Some(u32::from_ne_bytes(field))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As a server of `version` writes it, with its checksum at 288.
    fn file(version: u32, state: u32) -> Vec<u8> {
        let mut bytes = vec![0; LONGEST];
        let mut put = |at: usize, field: &[u8]| bytes[at..at + field.len()].copy_from_slice(field);
        put(0, &7_311_111_111_111_111_111u64.to_ne_bytes());
        put(8, &version.to_ne_bytes());
        put(16, &state.to_ne_bytes());
        put(32, &0x500_0028u64.to_ne_bytes());
        put(48, &3u32.to_ne_bytes());
        let sum = CASTAGNOLI.checksum(&bytes[..288]);
        bytes[288..292].copy_from_slice(&sum.to_ne_bytes());
        bytes
    }

    #[test]
    fn a_whole_file_is_read() {
        let expected = ControlData {
            state: Cluster::ShutDown,
            checkpoint: Lsn(0x500_0028),
            timeline: 3,
            system_identifier: 7_311_111_111_111_111_111,
        };
        assert_eq!(parse(&file(1300, 1)), Ok(expected));
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_seen() {
        let good = file(1300, 6);
        for bit in 0..292 * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(parse(&bad), Err(Wrong::Damaged), "bit {bit}");
        }
        for end in 0..292 {
            assert_eq!(parse(&good[..end]), Err(Wrong::Damaged), "{end} bytes");
        }
    }

    #[test]
    fn what_this_version_does_not_know_is_not_guessed() {
        assert_eq!(parse(&file(1900, 1)), Err(Wrong::Version(1900)));
        assert_eq!(parse(&file(1002, 1)), Err(Wrong::Version(1002)));
        assert_eq!(parse(&file(1300, 7)), Err(Wrong::Damaged));
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let error = ControlData::of(dir.path()).unwrap_err();
        assert!(error.what.contains("global/pg_control"), "{error:?}");
    }
}
