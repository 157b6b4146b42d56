//! `init`: writes `hau.toml` for a host that keepalived and the product already run on. It asks nothing that it can find out;
//! what it cannot is a commented line with the question. Needs no daemon, and replaces no file.
mod database;
mod keepalived;
mod keys;
mod nodes;
mod release;
mod scene;
mod services;
mod sync;
mod vrrp;

use super::output::Output;
use super::verbs::Ended;
use crate::wire::{Code, Failure};
use crate::words::{Lang, Sentence};
use clap::Args;
use scene::{Local, Machine, Scene};
use serde::Serialize;
use similar::TextDiff;
use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
};

/// THE TABLE: one finder a part of the file, in the file's order.
const FINDERS: [fn(&Scene<'_>) -> Part; 7] = [
    nodes::find,
    vrrp::find,
    services::find,
    release::find,
    database::find,
    sync::find,
    keys::find,
];
const HEAD: &str = "\
# Written by hau-ctl init from what it found on this host. The same file belongs on both nodes.
# Lines that begin with #? are questions that it could not answer. All keys: hau.toml(5).
";
const INCLUDE: &str = "/etc/keepalived/hau.conf";

#[derive(Debug, Args)]
pub(super) struct Init {
    /// Only show what would be written
    #[arg(long)]
    check: bool,
    /// keepalived's configuration
    #[arg(long, value_name = "FILE", default_value = vrrp::CONF)]
    keepalived: PathBuf,
    /// Who may open the root key in a backup: a public key of age-keygen; may be given several times
    #[arg(long, value_name = "KEY")]
    recipient: Vec<String>,
}

/// What a finder has to say.
#[derive(Default)]
struct Part {
    lines: Vec<String>,
    questions: Vec<Sentence>,
}

impl Part {
    fn line(&mut self, line: impl Into<String>) {
        self.lines.push(line.into());
    }

    /// A line that only a person can fill in. The file is English, whoever it is written for: it is compared with what
    /// is there.
    fn ask(&mut self, line: &str, question: Sentence) {
        let asked = question.say(Lang::En);
        self.lines.push(format!("#? {line}    # {asked}"));
        self.questions.push(question);
    }
}

/// A file that `init` writes, or would.
#[derive(Debug, Serialize)]
struct Written {
    path: PathBuf,
    /// `new`, `same` (as it is there already) or `kept` (another text is there).
    state: &'static str,
    text: String,
}

#[derive(Debug, Serialize)]
struct Found {
    /// Nothing was written, for that was asked.
    check: bool,
    files: Vec<Written>,
    /// Of keepalived's own files to the ones proposed beside them.
    diff: String,
    questions: Vec<String>,
}

pub(super) fn run(asked: Init, config: &Path, out: Output) -> Ended {
    if !nix::unistd::Uid::effective().is_root() {
        let what = say!(
            out.lang,
            "only root sees which unit listens on a port and asks the database"
        );
        return Err(Failure::new(Code::Forbidden, what, "sudo hau-ctl init"));
    }
    let found = find(&Local, config, asked, out.lang)?;
    out.answer(&found, |found, look| said(found, look.lang));
    Ok(0)
}

fn find(machine: &dyn Machine, config: &Path, asked: Init, lang: Lang) -> Result<Found, Failure> {
    let scene = Scene::look(machine, &asked.keepalived, asked.recipient, lang)?;
    let (mut text, mut questions) = (HEAD.to_owned(), Vec::new());
    for finder in FINDERS {
        let part = finder(&scene);
        text += &format!("\n{}\n", part.lines.join("\n"));
        questions.extend(part.questions);
    }
    let (changes, part) = keepalived::changes(&scene);
    questions.extend(part.questions);
    let mut files = vec![
        (config.to_owned(), text),
        (PathBuf::from(INCLUDE), keepalived::INCLUDE.to_owned()),
    ];
    let mut diff = String::new();
    for change in changes {
        let (file, beside) = (change.file.display(), beside(&change.file));
        let texts = TextDiff::from_lines(&change.old, &change.new);
        diff += &texts
            .unified_diff()
            .header(&file.to_string(), &beside.display().to_string())
            .to_string();
        files.push((beside, change.new));
    }
    let files = files
        .into_iter()
        .map(|(path, text)| put(machine, path, text, asked.check, lang));
    Ok(Found {
        check: asked.check,
        files: files.collect::<Result<_, _>>()?,
        diff,
        questions: questions.iter().map(|asked| asked.say(lang)).collect(),
    })
}

/// Where the changed text of a file of keepalived lies until a person puts it in its place.
fn beside(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".hau");
    PathBuf::from(name)
}

fn put(
    machine: &dyn Machine,
    path: PathBuf,
    text: String,
    check: bool,
    lang: Lang,
) -> Result<Written, Failure> {
    let there = machine
        .exists(&path)
        .then(|| machine.read(&path).unwrap_or_default());
    let state = match there {
        None => "new",
        Some(there) if there == text.as_bytes() => "same",
        Some(_) => "kept",
    };
    if state == "new" && !check {
        let written = machine.write(&path, text.as_bytes(), 0o644);
        written.map_err(|e| {
            let remedy = say!(lang, "mend it, then hau-ctl init again");
            Failure::new(Code::Failed, e.to_string(), remedy)
        })?;
    }
    Ok(Written { path, state, text })
}

fn said(found: &Found, lang: Lang) -> String {
    let mut out = String::new();
    for file in &found.files {
        let path = file.path.display();
        out += &match (file.state, found.check) {
            ("new", true) => {
                let head = say!(lang, "would write {}:", path);
                format!("{head}\n{}\n", indented(&file.text))
            }
            ("new", false) => say!(lang, "wrote  {}", path) + "\n",
            ("same", _) => say!(lang, "is there already  {}", path) + "\n",
            _ => {
                say!(
                    lang,
                    "kept   {}, which says something else: move it away and run this again, or compare it with --check --json",
                    path
                ) + "\n"
            }
        };
    }
    if !found.diff.is_empty() {
        out += &format!(
            "\n{}\n{}\n",
            say!(lang, "What keepalived needs:"),
            found.diff
        );
    }
    for question in &found.questions {
        out += &format!("  ? {question}\n");
    }
    out + &next(found, lang)
}

fn indented(text: &str) -> String {
    text.lines()
        .map(|line| format!("    {line}").trim_end().to_owned() + "\n")
        .collect()
}

fn next(found: &Found, lang: Lang) -> String {
    let Some(config) = found.files.first() else {
        return String::new();
    };
    let mut steps = vec![
        say!(
            lang,
            "read {}, answer what is asked in it; the same file belongs on the other node",
            config.path.display()
        ),
        "systemctl start hau-weight hau-sidecar".to_owned(),
    ];
    for beside in found
        .files
        .iter()
        .filter(|file| file.path.extension().is_some_and(|end| end == "hau"))
    {
        let (beside, file) = (beside.path.display(), beside.path.with_extension(""));
        let command = format!(
            "keepalived -t -f {beside} && mv {beside} {} && systemctl restart keepalived",
            file.display()
        );
        steps.push(say!(lang, "{}    # the BACKUP first", command));
    }
    steps.push("hau-ctl pair".to_owned());
    let steps: Vec<String> = steps
        .iter()
        .enumerate()
        .map(|(n, step)| format!("  {}. {step}\n", n + 1))
        .collect();
    let head = say!(lang, "Next, on both nodes:");
    format!("\n{head}\n{}", steps.concat())
}

/// As a value of the file.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// As an array of the file.
fn listed<T: AsRef<OsStr>>(values: &[T]) -> String {
    let values = values
        .iter()
        .map(|value| quoted(&value.as_ref().to_string_lossy()));
    format!("[{}]", values.collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests;
