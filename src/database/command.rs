//! Any database that replicates between two nodes, by commands of the site. What they say is believed, how they say it
//! is not: each has an end in time, and of its output one line counts.
//!
//! Exit codes: 0 done, or yes; 75 (`EX_TEMPFAIL`) trying again may help; 1 is "no" where something is asked that can be
//! answered so. Everything else is a failure that a person looks into.
use super::deadline::Deadline;
use super::{
    Database, DatabaseError, DatabaseResult, Dumps, Replica, Replication, Schema, Standing,
    refusal, transient,
};
use crate::config::{Ask, Commands};
use crate::core::DatabaseRole;
use crate::host::{self, DatabaseMark, Host, Output};
use std::{path::Path, sync::Arc, time::Duration};

/// A question has an answer by then.
const QUESTION: Duration = Duration::from_secs(5);
/// Between two looks at what a command has set going.
const PAUSE: Duration = Duration::from_millis(100);
const TEMPORARY: i32 = 75;
/// Of a position, an identity or a role, in bytes.
const WORD_MAX: usize = 256;

/// The adapter behind `kind = "command"`.
pub struct ByCommands {
    commands: Commands,
    host: Arc<dyn Host>,
}

/// What a command is run with besides its words.
#[derive(Default)]
struct With<'a> {
    /// The word in braces, and what takes its place.
    filled: Option<(&'static str, &'a str)>,
    stdin: &'a str,
    stdout: Option<&'a Path>,
}

impl<'a> With<'a> {
    fn position(position: &'a str) -> Self {
        Self {
            filled: Some(("{position}", position)),
            ..Self::default()
        }
    }
}

impl ByCommands {
    pub fn new(commands: Commands, host: Arc<dyn Host>) -> Self {
        Self { commands, host }
    }

    /// Its output, whatever its exit code.
    ///
    /// # Errors
    /// When there is no such command, it could not be run, or it took too long.
    fn run(&self, ask: Ask, with: &With<'_>, limit: Duration) -> DatabaseResult<Output> {
        let Some((program, words)) = self.commands.of.get(&ask).and_then(|c| c.split_first())
        else {
            return Err(refusal(
                format!("{ask}: [database.commands] has no command for it"),
                "write one, or do it by hand",
            ));
        };
        let fill = |word: &String| match with.filled {
            Some((key, value)) => word.replace(key, value),
            None => word.clone(),
        };
        let command = host::Command {
            program: program.into(),
            args: words.iter().map(fill).collect(),
            stdin: with.stdin.as_bytes().to_vec(),
            stdout: with.stdout.map(Path::to_owned),
            limit,
            ..host::Command::default()
        };
        let output = self.host.run(&command);
        let output = output.map_err(|e| refusal(e.to_string(), "correct [database.commands]"))?;
        match output.code {
            Some(_) => Ok(output),
            None => Err(self.failed(ask, &output)),
        }
    }

    /// Its output, when it has said that it is done.
    fn done(&self, ask: Ask, with: &With<'_>, limit: Duration) -> DatabaseResult<Output> {
        let output = self.run(ask, with, limit)?;
        match output.code {
            Some(0) => Ok(output),
            Some(_) | None => Err(self.failed(ask, &output)),
        }
    }

    /// Whether it says yes or no.
    fn says_yes(&self, ask: Ask, with: &With<'_>) -> DatabaseResult<Option<Output>> {
        let output = self.run(ask, with, QUESTION)?;
        match output.code {
            Some(0) => Ok(Some(output)),
            Some(1) => Ok(None),
            Some(_) | None => Err(self.failed(ask, &output)),
        }
    }

    fn failed(&self, ask: Ask, output: &Output) -> DatabaseError {
        let program = self.commands.of.get(&ask).and_then(|c| c.first());
        let program = program.map_or("", String::as_str);
        DatabaseError {
            what: format!("{ask}: {program} ended with {}", output.ending()),
            remedy: "run that command of [database.commands] by hand, mend it, then hau-ctl retry"
                .to_owned(),
            transient: matches!(output.code, Some(TEMPORARY) | None),
        }
    }

    /// The one word that it prints, on its last line.
    fn word(&self, ask: Ask, limit: Duration) -> DatabaseResult<String> {
        let output = self.done(ask, &With::default(), limit)?;
        let word = output.stdout.lines().next_back().unwrap_or("").trim();
        let is_plain = |c: char| c.is_ascii_graphic();
        if word.is_empty() || word.len() > WORD_MAX || !word.chars().all(is_plain) {
            return Err(refusal(
                format!("{ask}: its last line is not one word"),
                "see what that command of [database.commands] prints",
            ));
        }
        Ok(word.to_owned())
    }

    fn number(&self, ask: Ask, output: &Output) -> DatabaseResult<u64> {
        let first = output.stdout.lines().next().unwrap_or("").trim();
        first.parse().map_err(|_| {
            refusal(
                format!("{ask}: its first line is not a number of bytes"),
                "see what that command of [database.commands] prints",
            )
        })
    }

    /// 0: the site has no command for it, or it is not known now.
    fn timeline(&self) -> u32 {
        if !self.commands.of.contains_key(&Ask::Timeline) {
            return 0;
        }
        let output = self.done(Ask::Timeline, &With::default(), QUESTION);
        let number = output
            .ok()
            .and_then(|o| o.stdout.lines().next()?.trim().parse().ok());
        number.unwrap_or(0)
    }

    fn lag(&self) -> DatabaseResult<Option<u64>> {
        let output = self.says_yes(Ask::Lag, &With::default())?;
        output.map(|o| self.number(Ask::Lag, &o)).transpose()
    }

    /// Looks until it is so, or the time is over.
    fn until(
        &self,
        what: &str,
        deadline: Deadline,
        mut look: impl FnMut() -> DatabaseResult<bool>,
    ) -> DatabaseResult<()> {
        let so = deadline.poll(PAUSE, || match look() {
            Err(e) if e.transient => Ok(None),
            seen => seen.map(|is_so| is_so.then_some(())),
        })?;
        let late = || transient(what, "see the database's own log, then hau-ctl retry");
        so.ok_or_else(late)
    }

    /// Runs it, and waits until this node's database has that role.
    fn becomes(
        &self,
        role: DatabaseRole,
        ask: Ask,
        with: &With<'_>,
        limit: Duration,
    ) -> DatabaseResult<()> {
        let deadline = Deadline::after(limit);
        self.done(ask, with, limit)?;
        let what = format!("{ask} was done, and the database did not become {role:?} in time");
        self.until(&what, deadline, || Ok(self.role()? == role))
    }
}

impl Database for ByCommands {}

impl Replica for ByCommands {
    fn role(&self) -> DatabaseResult<DatabaseRole> {
        let output = self.done(Ask::Role, &With::default(), QUESTION)?;
        let line = output.stdout.lines().next().unwrap_or("");
        let (primary, standby) = (&self.commands.primary.0, &self.commands.standby.0);
        match (primary.is_match(line), standby.is_match(line)) {
            (true, false) => Ok(DatabaseRole::Primary),
            (false, true) => Ok(DatabaseRole::Standby),
            (true, true) | (false, false) => {
                let shown: String = line.chars().take(WORD_MAX).collect();
                Err(DatabaseError {
                    what: format!("role: {shown:?} is neither a primary nor a standby"),
                    remedy: "correct role, primary and standby in [database.commands]".to_owned(),
                    transient: true,
                })
            }
        }
    }

    fn replication(&self) -> DatabaseResult<Replication> {
        let lag_bytes = self.lag()?;
        Ok(Replication {
            streaming: lag_bytes.is_some(),
            lag_bytes,
            obstacles: Vec::new(),
        })
    }

    fn position(&self) -> DatabaseResult<String> {
        self.word(Ask::Position, QUESTION)
    }

    fn has_replayed(&self, position: &str) -> DatabaseResult<bool> {
        let yes = self.says_yes(Ask::Replayed, &With::position(position))?;
        Ok(yes.is_some())
    }

    fn prepare_switch(&self, limit: Duration) -> DatabaseResult<()> {
        if !self.commands.of.contains_key(&Ask::Checkpoint) {
            return Ok(());
        }
        self.done(Ask::Checkpoint, &With::default(), limit)
            .map(drop)
    }

    fn demote(&self, limit: Duration) -> DatabaseResult<String> {
        self.word(Ask::Demote, limit)
    }

    fn take_back(&self, stopped: Option<&str>, limit: Duration) -> DatabaseResult<()> {
        let with = With::position(stopped.unwrap_or(""));
        self.becomes(DatabaseRole::Primary, Ask::TakeBack, &with, limit)
    }

    fn promote(&self, position: &str, limit: Duration) -> DatabaseResult<()> {
        let deadline = Deadline::after(limit);
        if self.role().ok() != Some(DatabaseRole::Primary) {
            let what = format!("not promoted: this standby has not replayed {position}");
            self.until(&what, deadline, || self.has_replayed(position))?;
        }
        let left = deadline.left();
        let with = With::position(position);
        self.becomes(DatabaseRole::Primary, Ask::Promote, &with, left)
    }

    fn rejoin(&self, limit: Duration) -> DatabaseResult<()> {
        let deadline = Deadline::after(limit);
        self.becomes(DatabaseRole::Standby, Ask::Rejoin, &With::default(), limit)?;
        let what = "this database is a standby, and does not replicate in time";
        self.until(what, deadline, || Ok(self.lag()?.is_some()))
    }

    fn standing(&self) -> Standing {
        let role = self.role().unwrap_or_default();
        let follows = role == DatabaseRole::Standby && matches!(self.lag(), Ok(Some(_)));
        Standing {
            role,
            follows,
            timeline: self.timeline(),
            may_start: true,
            ..Standing::default()
        }
    }

    fn take_over(&self, _term: Option<u64>, limit: Duration) -> DatabaseResult<()> {
        let with = With::default();
        self.becomes(DatabaseRole::Primary, Ask::TakeOver, &with, limit)
    }

    fn rewind(&self, rebuild: bool, limit: Duration) -> DatabaseResult<()> {
        let ask = if rebuild { Ask::Rebuild } else { Ask::Rewind };
        self.done(ask, &With::default(), limit).map(drop)
    }

    fn identity(&self) -> DatabaseResult<String> {
        self.word(Ask::Identity, QUESTION)
    }
}

impl Schema for ByCommands {
    fn apply_schema(&self, name: &str, sql: &str, limit: Duration) -> DatabaseResult<()> {
        let with = With {
            filled: Some(("{name}", name)),
            stdin: sql,
            ..With::default()
        };
        self.done(Ask::Schema, &with, limit).map(drop)
    }
}

impl Dumps for ByCommands {
    fn mark(&self) -> DatabaseResult<DatabaseMark> {
        Ok(DatabaseMark {
            position: self.position()?,
            at: self.host.now(),
            ..DatabaseMark::default()
        })
    }

    fn dump(&self, to: &Path, _counts: bool, limit: Duration) -> DatabaseResult<DatabaseMark> {
        let mark = self.mark()?;
        let with = With {
            stdout: Some(to),
            ..With::default()
        };
        self.done(Ask::Dump, &with, limit)?;
        Ok(mark)
    }

    fn check_dump(&self, file: &Path, limit: Duration) -> DatabaseResult<String> {
        let shown = file.to_string_lossy();
        let with = With {
            filled: Some(("{file}", &shown)),
            ..With::default()
        };
        let output = self.done(Ask::CheckDump, &with, limit)?;
        let last = output.stdout.lines().next_back().unwrap_or("");
        Ok(last.chars().take(WORD_MAX).collect())
    }

    fn size_bytes(&self) -> DatabaseResult<u64> {
        let output = self.done(Ask::Size, &With::default(), QUESTION)?;
        self.number(Ask::Size, &output)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Pattern;
    use crate::host::fake::FakeHost;

    const DB: &str = "/usr/local/sbin/db";

    /// A database whose every command ends like this.
    fn ending(code: Option<i32>, stdout: &str) -> ByCommands {
        let host = FakeHost::new();
        let output = Output {
            code,
            stdout: stdout.to_owned(),
            stderr: "first\nlast words\n".to_owned(),
        };
        host.edit(|w| w.programs.insert(DB.into(), output));
        let asks = [
            Ask::Role,
            Ask::Lag,
            Ask::Timeline,
            Ask::Position,
            Ask::Replayed,
            Ask::Size,
        ];
        let of = asks.map(|ask| (ask, vec![DB.to_owned()])).into();
        let pattern = |text: &str| Pattern(regex::Regex::new(text).expect("a pattern"));
        let commands = Commands {
            of,
            primary: pattern("^(primary|Primary Normal)$"),
            standby: pattern("^standby"),
        };
        ByCommands::new(commands, Arc::new(host))
    }

    #[test]
    fn an_exit_code_says_whether_trying_again_may_help() {
        for (code, transient) in [(Some(75), true), (None, true), (Some(3), false)] {
            let e = ending(code, "").position().expect_err("failed");
            assert_eq!(e.transient, transient, "{code:?}");
            assert!(e.what.contains("last words"), "{e}");
            assert!(e.what.contains(DB), "{e}");
        }
    }

    #[test]
    fn one_is_no_where_a_question_can_be_answered_so() {
        assert_eq!(ending(Some(1), "").has_replayed("7").ok(), Some(false));
        assert_eq!(ending(Some(0), "").has_replayed("7").ok(), Some(true));
        assert!(ending(Some(2), "").has_replayed("7").is_err());
        let lag = |code, text| ending(code, text).replication().ok();
        let seen = lag(Some(0), "12\n").expect("an answer");
        assert_eq!((seen.streaming, seen.lag_bytes), (true, Some(12)));
        assert!(!lag(Some(1), "").expect("an answer").streaming);
        assert!(lag(Some(0), "twelve").is_none());
        assert!(ending(Some(1), "7").size_bytes().is_err());
    }

    #[test]
    fn of_what_it_prints_one_line_counts() {
        let role = |text| ending(Some(0), text).role().ok();
        assert_eq!(role("Primary Normal\nmore\n"), Some(DatabaseRole::Primary));
        assert_eq!(role("standby streaming"), Some(DatabaseRole::Standby));
        assert_eq!(role("pending"), None);
        assert_eq!(role(""), None);
        let position = |text: &str| ending(Some(0), text).position().ok();
        assert_eq!(position("stopping…\n0/1A\n").as_deref(), Some("0/1A"));
        for wrong in ["", "two words\n", "\u{7}", &"x".repeat(257)] {
            assert_eq!(position(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn a_timeline_that_is_not_told_is_not_known() {
        let timeline = |code, text| ending(code, text).standing().timeline;
        assert_eq!(timeline(Some(0), "3\n"), 3);
        assert_eq!(timeline(Some(75), "3\n"), 0);
        assert_eq!(timeline(Some(0), "three\n"), 0);
        let mut db = ending(Some(0), "3\n");
        db.commands.of.remove(&Ask::Timeline);
        assert_eq!(db.standing().timeline, 0);
    }

    #[test]
    fn what_has_no_command_is_refused_in_a_sentence() {
        let db = ending(Some(0), "");
        let e = db.rewind(false, QUESTION).expect_err("no command");
        assert!(e.what.contains("rewind") && !e.transient, "{e}");
        assert!(db.prepare_switch(QUESTION).is_ok(), "it may be left out");
    }
}
