//! The programs in `$GAUSSHOME/bin`, run as the database's system user with the environment that they need.
use super::{
    DatabaseError, DatabaseResult, Deadline, Gaussdb,
    manager::{Request, is_busy},
    refusal, transient,
};
use crate::host::{Command, Output};
use std::{collections::BTreeMap, time::Duration};

const SYSTEM: &str = "/usr/bin:/bin";
/// Between two tries while another one holds its lock.
pub(super) const BUSY: Duration = Duration::from_millis(500);
const QUESTION: Duration = Duration::from_secs(10);
/// Of `gs_ctl status`, as of `pg_ctl`: there is no server.
const NOT_RUNNING: i32 = 3;
const IDENTIFIER: &str = "Database system identifier:";

fn command(db: &Gaussdb, name: &str, words: &[&str], limit: Duration) -> Command {
    let config = &db.config;
    Command {
        program: config.home.join("bin").join(name),
        args: words.iter().map(|word| (*word).to_owned()).collect(),
        user: Some(config.os_user.clone()),
        env: environment(db),
        limit,
        ..Command::default()
    }
}

/// A program with these words, for this node's database.
pub(super) fn of_data(db: &Gaussdb, name: &str, words: &[&str], limit: Duration) -> Command {
    let data = db.config.data_dir.display().to_string();
    let words: Vec<&str> = words.iter().copied().chain(["-D", &data]).collect();
    command(db, name, &words, limit)
}

/// Runs one, whatever its exit code says.
fn run(db: &Gaussdb, command: &Command) -> DatabaseResult<Output> {
    let output = db.host.run(command);
    output.map_err(|e| refusal(e.to_string(), "correct home and os_user in [database]"))
}

fn environment(db: &Gaussdb) -> BTreeMap<String, String> {
    let home = db.config.home.display();
    let (address, _) = db.server.address();
    let pairs = [
        ("GAUSSHOME", home.to_string()),
        ("PATH", format!("{home}/bin:{SYSTEM}")),
        ("LD_LIBRARY_PATH", format!("{home}/lib")),
        ("PGDATA", db.config.data_dir.display().to_string()),
        ("PGHOST", address),
        ("LC_ALL", "C".to_owned()),
    ];
    pairs.map(|(name, value)| (name.to_owned(), value)).into()
}

/// Runs one that must end with 0.
pub(super) fn done(
    db: &Gaussdb,
    name: &str,
    words: &[&str],
    limit: Duration,
) -> DatabaseResult<Output> {
    ended_well(db, name, run(db, &command(db, name, words, limit))?)
}

fn ended_well(db: &Gaussdb, name: &str, output: Output) -> DatabaseResult<Output> {
    match output.code {
        Some(0) => Ok(output),
        Some(_) | None => Err(failed(db, name, &output)),
    }
}

pub(super) fn failed(db: &Gaussdb, name: &str, output: &Output) -> DatabaseError {
    let how = match output.code {
        Some(code) => format!("exit code {code}"),
        None => "its time was up".to_owned(),
    };
    transient(
        format!("{name}: {how}: {}", last_words(output)),
        format!(
            "run {name} by hand as {}, mend what it says, then hau-ctl retry",
            db.config.os_user
        ),
    )
}

/// `gs_ctl` prints its log among its answers: "[2026-11-29 22:00:00.123][4711][][gs_ctl]: words".
fn last_words(output: &Output) -> &str {
    let lines = output.stderr.lines().chain(output.stdout.lines());
    let last = lines.map(str::trim).rfind(|line| !line.is_empty());
    let Some(last) = last else {
        return "it said nothing";
    };
    last.rsplit_once("[gs_ctl]:")
        .map_or(last, |(_, words)| words.trim())
}

/// Waits for another one that is still busy. On what else it says no error is made: whoever asks looks at the database.
///
/// # Errors
/// The program could not be run.
fn ended(
    db: &Gaussdb,
    limit: Duration,
    command: impl Fn(Duration) -> Command,
) -> DatabaseResult<Output> {
    let deadline = Deadline::after(limit);
    let mut last = None;
    let done = deadline.poll(BUSY, || {
        let output = run(db, &command(deadline.left()))?;
        let is_done = !is_busy(&output);
        last = Some(output);
        Ok(is_done.then_some(()))
    })?;
    let late = || {
        transient(
            "another gs_ctl or cm_ctl is still running",
            "see what it waits for: ps -C gs_ctl,cm_ctl -f",
        )
    };
    done.and(last).ok_or_else(late)
}

fn gs_ctl(db: &Gaussdb, word: &str, limit: Duration) -> DatabaseResult<Output> {
    ended(db, limit, |left| of_data(db, "gs_ctl", &[word], left))
}

/// A change that must end with 0.
pub(super) fn ask_done(db: &Gaussdb, request: &Request, limit: Duration) -> DatabaseResult<Output> {
    let output = ended(db, limit, |left| request.command(db, left))?;
    ended_well(db, &request.name(), output)
}

pub(super) fn is_down(db: &Gaussdb) -> DatabaseResult<bool> {
    Ok(gs_ctl(db, "status", QUESTION)?.code == Some(NOT_RUNNING))
}

/// What `gs_ctl query` says of this node.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) role: String,
    state: String,
    detail: String,
}

impl Said {
    pub(super) fn words(&self) -> String {
        format!("{}, {} ({})", self.role, self.state, self.detail)
    }
}

/// # Errors
/// No server runs, or what it prints has no state.
pub(super) fn query(db: &Gaussdb, limit: Duration) -> DatabaseResult<Said> {
    let output = ended_well(db, "gs_ctl query", gs_ctl(db, "query", limit)?)?;
    read(&output.stdout).ok_or_else(|| failed(db, "gs_ctl query", &output))
}

/// Of its sections the one named HA state: the same keys stand in those of senders and receiver.
pub(super) fn read(text: &str) -> Option<Said> {
    let mut lines = text.lines().map(str::trim);
    lines.find(|line| *line == "HA state:")?;
    let keys: BTreeMap<&str, &str> = lines
        .map_while(|line| line.split_once(':'))
        .map(|(key, value)| (key.trim(), value.trim()))
        .take_while(|(_, value)| !value.is_empty())
        .collect();
    let word = |key: &str| keys.get(key).map(|value| (*value).to_owned());
    Some(Said {
        role: word("local_role")?,
        state: word("db_state")?,
        detail: word("detail_information")?,
    })
}

/// The number that both nodes have since the one was copied from the other.
pub(super) fn identity(db: &Gaussdb) -> DatabaseResult<String> {
    let data = db.config.data_dir.display().to_string();
    let output = done(db, "pg_controldata", &[&data], QUESTION)?;
    let mut lines = output.stdout.lines();
    let number = lines
        .find_map(|line| line.strip_prefix(IDENTIFIER))
        .map(str::trim);
    number
        .filter(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
        .map(str::to_owned)
        .ok_or_else(|| {
            refusal(
                "pg_controldata names no system identifier",
                "look what it prints",
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the real one prints it.
    const QUERY: &str = "\
[2023-04-18 09:38:34.397][1498175][][gs_ctl]: gs_ctl query ,datadir is /opt/huawei/install/data/dn 
 HA state:           
        local_role                    : Standby
        static_connections            : 2
        db_state                      : Need repair
        detail_information            : WAL segment removed
 Senders info:       
        sender_pid                    : 1456376
        local_role                    : Primary
        peer_role                     : Standby
        sender_sent_location          : 2/5C8
        channel                       : 10.0.0.10:25400-->20.0.0.10:43350
 Receiver info:      
        No information 
";

    #[test]
    fn of_the_query_the_node_itself_is_read() {
        let said = read(QUERY).expect("a state");
        assert_eq!(said.words(), "Standby, Need repair (WAL segment removed)");
        for broken in [
            "",
            " HA state:\n",
            " HA state:\n local_role : Primary\n Senders info:\n db_state : Normal\n",
        ] {
            assert_eq!(read(broken), None, "{broken:?}");
        }
    }

    #[test]
    fn the_last_words_are_those_of_a_person() {
        let output = |stdout: &str, stderr: &str| Output {
            code: Some(1),
            stdout: stdout.to_owned(),
            stderr: stderr.to_owned(),
        };
        let said = "[2021-01-15 02:44:55.125][1034][][gs_ctl]: switchover term (1)\n[2021-01-15 02:44:55.137][1034][][gs_ctl]: can not switchover\n\n";
        assert_eq!(last_words(&output(said, "")), "can not switchover");
        assert_eq!(last_words(&output("", "gs_dump: no\n")), "gs_dump: no");
        assert_eq!(last_words(&output("", "")), "it said nothing");
    }
}
