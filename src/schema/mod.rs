//! Reads schema scripts and says which statements break the running version, or keep it waiting for as long as a
//! table is big. Text in, findings out: no server is asked.
//!
//! `split` cuts a script into statements, `judge` finds the rules that one falls under (`words` by its first words,
//! `table` for ALTER TABLE), and `rules` is THE TABLE of what they say.
//!
//! # Why a parser and words
//! No parser but PostgreSQL's own reads all of its SQL, and that one is C. `sqlparser` reads what matters most in
//! detail; kinds of statements that it does not know are told by their first words, which in SQL decide the kind. What
//! neither knows is a finding of its own. It is lenient: the server still says whether a script is right.
//!
//! # Why a thread, and lengths that are not read
//! The parser bounds how deep it goes into itself, but not how deep the trees are that it makes, and a tree is freed
//! in the stack. No statement that is read makes one deeper than its length, and the stack is made for that. An error of
//! the parser's own would end the daemon, which reads scripts of signed bundles alone.
//!
//! # What cannot be seen
//! What a name stands for: the old type of a column, the size of a table, what a function or a DO block runs, a domain
//! behind a type. So a rule holds for the worst case, and a person allows what is harmless, in the script, with a reason.
mod judge;
mod rules;
mod split;
mod table;
#[cfg(test)]
mod tests;
mod words;

use judge::{Hit, Scene};
use serde::{Deserialize, Serialize};
use split::{Remark, Statement, split};
use std::thread;

/// In bytes: nobody writes a longer one by hand.
const LONGEST: usize = 8 << 20;
/// The parser and the trees it makes go deep into the stack; a statement is no deeper than it is long.
const STACK: usize = 64 << 20;
/// Of a statement, in characters: as much as tells it apart.
const SHOWN: usize = 60;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Warn,
    Fail,
}

/// Something about a statement of a script that a person must know before it runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    pub file: String,
    pub line: usize,
    /// How the statement begins.
    pub statement: String,
    pub status: Status,
    pub what: String,
    pub remedy: String,
    /// Why a person has allowed it, in the script.
    pub allowed: Option<String>,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let colon = if self.statement.is_empty() { "" } else { ": " };
        let (file, line) = (&self.file, self.line);
        write!(f, "{file}:{line}: {}{colon}{}", self.statement, self.what)
    }
}

impl Finding {
    /// Does it stand in the way?
    pub fn is_failure(&self) -> bool {
        self.status == Status::Fail && self.allowed.is_none()
    }
}

/// The first statement that would begin or end a transaction, by its first word.
pub fn transaction_control(sql: &str) -> Option<String> {
    split::transaction_control(&split(sql).statements)
}

/// Reads one script; `file` is what its findings name it by.
pub fn lint(file: &str, bytes: &[u8]) -> Vec<Finding> {
    let of_file = |line, status, what: &str, remedy: &str| {
        vec![Finding {
            file: file.to_owned(),
            line,
            statement: String::new(),
            status,
            what: what.to_owned(),
            remedy: remedy.to_owned(),
            allowed: None,
        }]
    };
    if bytes.len() > LONGEST {
        let what = "it is longer than 8 MiB: hau does not read it";
        return of_file(
            1,
            Status::Warn,
            what,
            "put what changes the schema into a script of its own",
        );
    }
    let line_at = |at: usize| 1 + bytes.iter().take(at).filter(|b| **b == b'\n').count();
    let sql = match std::str::from_utf8(bytes) {
        Ok(sql) => sql,
        Err(e) => {
            let (what, line) = ("it is not UTF-8 text", line_at(e.valid_up_to()));
            return of_file(line, Status::Fail, what, "save it as UTF-8");
        }
    };
    if let Some(at) = sql.find('\0') {
        let (what, line) = ("it holds a NUL byte, which no server takes", line_at(at));
        return of_file(line, Status::Fail, what, "take it out");
    }
    let read = thread::scope(|scope| {
        let thread = thread::Builder::new().stack_size(STACK);
        let reader = thread.spawn_scoped(scope, || statements(file, sql));
        reader.ok().and_then(|reader| reader.join().ok())
    });
    read.unwrap_or_else(|| {
        let what = "hau could not read it: no memory, or an error of its own";
        of_file(
            1,
            Status::Warn,
            what,
            "try again; look yourself whether the running version bears it",
        )
    })
}

fn statements(file: &str, sql: &str) -> Vec<Finding> {
    let split = split(sql);
    let mut scene = Scene::default();
    let mut findings = Vec::new();
    for statement in &split.statements {
        let hits = judge::judge(statement, &mut scene);
        findings.extend(told(file, statement, &hits));
    }
    findings.extend(
        split
            .stray
            .iter()
            .map(|remark| remarked(file, remark, "this comment belongs to no statement")),
    );
    findings.sort_by_key(|finding| finding.line);
    findings
}

/// The findings of a statement, and what is wrong with the comments that would allow them.
fn told(file: &str, statement: &Statement<'_>, hits: &[Hit]) -> Vec<Finding> {
    let mut reasons = Vec::new();
    let mut findings = Vec::new();
    for remark in &statement.remarks {
        let wrong = match reason(remark.text) {
            Some("") => "this comment gives no reason",
            None => "hau does not know this comment",
            Some(_) if hits.is_empty() => "this comment allows what nothing is against",
            Some(reason) => {
                reasons.push(reason);
                continue;
            }
        };
        findings.push(remarked(file, remark, wrong));
    }
    let allowed = (!reasons.is_empty()).then(|| reasons.join("; "));
    findings.extend(hits.iter().map(|hit| {
        let (mut status, mut what) = (hit.rule.status, hit.rule.what.to_owned());
        if let Some(why) = &hit.why {
            what = format!("{what}: {why}");
        }
        if hit.is_perhaps_new {
            status = Status::Warn;
            what = format!("{what} (unless the table is new: IF NOT EXISTS may have found one)");
        }
        Finding {
            file: file.to_owned(),
            line: statement.line,
            statement: shown(statement.text),
            status,
            what,
            remedy: hit.rule.remedy.to_owned(),
            allowed: allowed.clone(),
        }
    }));
    findings
}

/// Behind `allow`; `None`: it is another word.
fn reason(text: &str) -> Option<&str> {
    let rest = text.strip_prefix("allow")?;
    (rest.is_empty() || rest.starts_with(char::is_whitespace)).then(|| rest.trim())
}

fn remarked(file: &str, remark: &Remark<'_>, what: &str) -> Finding {
    Finding {
        file: file.to_owned(),
        line: remark.line,
        statement: shown(&format!("-- hau: {}", remark.text)),
        status: Status::Warn,
        what: what.to_owned(),
        remedy: "-- hau: allow REASON, on the line above the statement or on its first".to_owned(),
        allowed: None,
    }
}

/// On one line, and nothing in it that moves a cursor.
fn shown(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().take(SHOWN).collect();
    let line = words.join(" ");
    let clean = line.chars().filter(|c| !c.is_control());
    let mut short: String = clean.take(SHOWN).collect();
    if short.len() < line.len() {
        short.push('…');
    }
    short
}
