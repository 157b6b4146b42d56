//! The server seen from outside: its postmaster, its control file, its signal file, its unit.
//! All of it works while the server is down.
use super::{
    DatabaseError, DatabaseResult, Deadline, Postgres, control::ControlData, lsn::Lsn, refusal,
    transient,
};
use crate::host::{Active, Command, HostError, Output};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind},
    os::unix::fs::{MetadataExt, OpenOptionsExt, fchown},
    path::{Path, PathBuf},
    time::Duration,
};

/// The stop of a server is noticed this soon.
const EXIT_POLL: Duration = Duration::from_millis(1);

/// A postmaster that lives; its start tells it from a later process with the same number.
pub(super) struct Postmaster {
    pid: i32,
    started: u64,
}

impl Postmaster {
    pub(super) fn is_alive(&self) -> bool {
        start_of(self.pid) == Some(self.started)
    }

    /// Fast shutdown: ends every session, sends everything to the standby, then exits.
    /// False: still there when the time was up.
    pub(super) fn stop(&self, deadline: Deadline) -> DatabaseResult<bool> {
        if self.is_alive()
            && let Err(e) = kill(Pid::from_raw(self.pid), Signal::SIGINT)
        {
            return Err(transient(
                format!("cannot stop the postmaster (process {}): {e}", self.pid),
                "look whether hau runs as root",
            ));
        }
        let gone = deadline.poll(EXIT_POLL, || Ok((!self.is_alive()).then_some(())))?;
        Ok(gone.is_some())
    }
}

impl Postgres {
    /// The postmaster of this data directory if it runs. A pidfile that names a process working
    /// elsewhere is a leftover.
    pub(super) fn postmaster(&self) -> DatabaseResult<Option<Postmaster>> {
        let pidfile = self.config.data_dir.join("postmaster.pid");
        let text = match fs::read_to_string(&pidfile) {
            Ok(text) => text,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(io_error("read", &pidfile, &e)),
        };
        // A server in single-user mode writes its number negative.
        let first = text.lines().next().unwrap_or_default().trim();
        let Some(pid) = first.parse::<i32>().ok().and_then(i32::checked_abs) else {
            return Err(transient(
                format!("{} does not begin with a number", pidfile.display()),
                "if no server runs, remove the file",
            ));
        };
        let Some(started) = start_of(pid) else {
            return Ok(None);
        };
        // The postmaster and what it starts work in the data directory.
        let ours = fs::canonicalize(&self.config.data_dir)
            .map_err(|e| io_error("find", &self.config.data_dir, &e))?;
        match fs::read_link(format!("/proc/{pid}/cwd")) {
            Ok(cwd) if cwd == ours => Ok(Some(Postmaster { pid, started })),
            Ok(_) => Ok(None),
            Err(_) if start_of(pid) != Some(started) => Ok(None),
            Err(e) => Err(io_error("look at", format!("process {pid}").as_ref(), &e)),
        }
    }

    pub(super) fn control_data(&self) -> DatabaseResult<ControlData> {
        ControlData::of(&self.config.data_dir)
    }

    /// Runs one of PostgreSQL's programs as the system user; a bad exit is an error with what it
    /// said last. With `stdout` its output goes into that new file.
    pub(super) fn run_tool(
        &self,
        name: &str,
        args: Vec<String>,
        stdout: Option<PathBuf>,
        limit: Duration,
    ) -> DatabaseResult<String> {
        let user = Some(self.config.os_user.clone());
        let output = self.run_tool_as(user, name, args, stdout, limit)?;
        Ok(output.stdout)
    }

    pub(super) fn run_tool_as(
        &self,
        user: Option<String>,
        name: &str,
        args: Vec<String>,
        stdout: Option<PathBuf>,
        limit: Duration,
    ) -> DatabaseResult<Output> {
        let output = self
            .host
            .run(&Command {
                program: self.bin_dir()?.join(name),
                args,
                user,
                env: BTreeMap::from([("LC_ALL".into(), "C".into())]),
                stdout,
                limit,
                stdin: Vec::new(),
            })
            .map_err(|e| host_error(&e))?;
        if output.code == Some(0) {
            return Ok(output);
        }
        let words = output.stderr.trim();
        let last = words.lines().next_back().unwrap_or("it said nothing");
        let passing = output.code.is_none() || is_passing(words);
        Err(DatabaseError {
            what: format!("{name} failed: {last}"),
            remedy: format!("run {name} by hand as {}", self.config.os_user),
            transient: passing,
        })
    }

    fn bin_dir(&self) -> DatabaseResult<PathBuf> {
        if let Some(dir) = &self.config.bin_dir {
            return Ok(dir.clone());
        }
        let version = self.major_version()?.to_string();
        Ok(Path::new("/usr/lib/postgresql").join(version).join("bin"))
    }

    pub(super) fn major_version(&self) -> DatabaseResult<u32> {
        let file = self.config.data_dir.join("PG_VERSION");
        let text = fs::read_to_string(&file).map_err(|e| io_error("read", &file, &e))?;
        text.trim().parse().map_err(|_| {
            refusal(
                format!("{} holds no version", file.display()),
                "look whether data_dir is right",
            )
        })
    }

    pub(super) fn standby_signal(&self) -> PathBuf {
        self.config.data_dir.join("standby.signal")
    }

    pub(super) fn has_standby_signal(&self) -> bool {
        self.standby_signal().exists()
    }

    /// From here on the server can only start as a standby, also after a power cut. The file's
    /// existence is its whole meaning, so there is nothing to replace atomically.
    pub(super) fn write_standby_signal(&self) -> DatabaseResult<()> {
        let path = self.standby_signal();
        let failed = |e: io::Error| io_error("write", &path, &e);
        let dir = File::open(&self.config.data_dir).map_err(failed)?;
        // Made new and owned through its descriptor: the folder belongs to another user, who
        // could put a link in its place.
        match OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
        {
            Ok(file) => {
                let owner = dir.metadata().map_err(failed)?;
                fchown(&file, Some(owner.uid()), Some(owner.gid())).map_err(failed)?;
                file.sync_all().map_err(failed)?;
            }
            Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
            Err(e) => return Err(failed(e)),
        }
        dir.sync_all().map_err(failed)
    }

    pub(super) fn remove_standby_signal(&self) -> DatabaseResult<()> {
        self.host
            .remove(&self.standby_signal())
            .map_err(|e| host_error(&e))
    }

    /// Starts the unit of a server that is known to be down. Systemd may still be busy with its
    /// end, or not have heard of it: a start would then be no start.
    pub(super) fn start_unit(&self, deadline: Deadline) -> DatabaseResult<()> {
        let unit = &self.config.unit;
        let state = self.host.unit(unit).map_err(|e| host_error(&e))?;
        match state.active {
            Active::Inactive | Active::Failed => {}
            Active::Activating | Active::Active | Active::Deactivating => self
                .host
                .stop_unit(unit, deadline.left())
                .map_err(|e| host_error(&e))?,
        }
        self.host
            .start_unit(unit, deadline.left())
            .map_err(|e| self.start_failed(&e.to_string()))
    }

    /// An error if systemd says that the unit it was asked to start is down again.
    pub(super) fn still_started(&self) -> DatabaseResult<()> {
        let state = self.host.unit(&self.config.unit);
        match state.map_err(|e| host_error(&e))?.active {
            Active::Inactive | Active::Failed => {
                Err(self.start_failed("the server ended soon after its start"))
            }
            Active::Activating | Active::Active | Active::Deactivating => Ok(()),
        }
    }

    fn start_failed(&self, why: &str) -> DatabaseError {
        let log = self.host.unit_log(&self.config.unit, 3).join(" / ");
        let said = if log.is_empty() {
            String::new()
        } else {
            format!(" (its last words: {log})")
        };
        transient(
            format!("{} did not start: {why}{said}", self.config.unit),
            "look into the server's log",
        )
    }

    /// Where another timeline left this one before its latest checkpoint: this node then holds
    /// what the new primary does not have. None as long as no such history was fetched.
    pub(super) fn fork_before(&self, own: &ControlData) -> Option<Lsn> {
        let entries = fs::read_dir(self.config.data_dir.join("pg_wal")).ok()?;
        entries
            .flatten()
            .filter_map(|entry| {
                let name = entry.file_name().into_string().ok()?;
                let child = u32::from_str_radix(name.strip_suffix(".history")?, 16).ok()?;
                let text = fs::read_to_string(entry.path()).ok()?;
                (child > own.timeline).then(|| forked_at(&text, own.timeline))?
            })
            .find(|fork| *fork <= own.checkpoint)
    }
}

/// Clock ticks from boot to the start of a process that lives; a zombie does not.
fn start_of(pid: i32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // "PID (name) STATE …": the name may hold anything, brackets too.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    let state = fields.next()?;
    let started = fields.nth(18)?.parse().ok()?;
    (!matches!(state, "Z" | "X")).then_some(started)
}

/// A line of a history file: the timeline that was left, where, why.
fn forked_at(history: &str, timeline: u32) -> Option<Lsn> {
    history.lines().find_map(|line| {
        let mut fields = line.split_whitespace();
        let left: u32 = fields.next()?.parse().ok()?;
        (left == timeline).then(|| fields.next().and_then(Lsn::read))?
    })
}

fn is_passing(words: &str) -> bool {
    [
        "conflict with recovery",
        "could not connect",
        "connection to server",
    ]
    .iter()
    .any(|sign| words.contains(sign))
}

pub(super) fn io_error(action: &str, path: &Path, e: &io::Error) -> DatabaseError {
    refusal(
        format!("cannot {action} {}: {e}", path.display()),
        "look whether data_dir is right and hau may read it",
    )
}

pub(super) fn host_error(e: &HostError) -> DatabaseError {
    transient(e.to_string(), "see the reason it gives")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_history_says_where_a_timeline_was_left() {
        let text = "1\t0/3000000\tno recovery target specified\n\n2\t0/5000060\twhy\n";
        assert_eq!(forked_at(text, 1), Some(Lsn(0x300_0000)));
        assert_eq!(forked_at(text, 2), Some(Lsn(0x500_0060)));
        assert_eq!(forked_at(text, 3), None);
        assert_eq!(forked_at("", 1), None);
    }

    #[test]
    fn this_process_lives_and_number_zero_does_not() {
        let me = i32::try_from(std::process::id()).unwrap();
        assert!(start_of(me).is_some());
        assert!(start_of(0).is_none());
    }
}
