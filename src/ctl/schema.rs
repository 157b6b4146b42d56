//! `schema`: what scripts would do to the running version. Works without the daemon, on a machine that is no
//! node of the pair, too.
use super::bundle;
use super::output::Output;
use super::verbs::Ended;
use crate::render;
use crate::schema::{self, Finding};
use crate::wire::{Code, Failure};
use crate::words::Lang;
use clap::Subcommand;
use serde::Serialize;
use std::{
    fs, io,
    path::{Path, PathBuf},
};

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Which statements break the running version, or lock a table for as long as it is big, and how it is
    /// done without that; exit code 3 if there is one
    #[command(
        after_help = "Example:\n  hau-ctl schema lint schema/0007_add_note.sql\n  hau-ctl schema lint release/                 # every *.sql below it\n  hau-ctl schema lint shop-2.4.0.hau --keys .  # not on a node"
    )]
    Lint {
        /// Scripts, folders with scripts (*.sql), bundles (*.hau)
        #[arg(value_name = "FILE|FOLDER|BUNDLE", required = true)]
        paths: Vec<PathBuf>,
        /// Trusted keys for bundles; default: as the configuration says
        #[arg(long, value_name = "DIR")]
        keys: Option<PathBuf>,
    },
}

/// What was read, and what was found in it.
#[derive(Debug, Serialize)]
pub(super) struct Linted {
    pub(super) scripts: Vec<String>,
    pub(super) findings: Vec<Finding>,
}

pub(super) fn run(verb: Verb, config: &Path, out: Output) -> Ended {
    let lang = out.lang;
    let Verb::Lint { paths, keys } = verb;
    let mut scripts = Vec::new();
    for path in &paths {
        if path.extension().is_some_and(|e| e == "hau") {
            for (name, bytes) in bundle::scripts(path, keys.as_deref(), config, lang)? {
                scripts.push((format!("{}/{name}", path.display()), bytes));
            }
            continue;
        }
        let files = files(path).map_err(|e| unread(path, &e, lang))?;
        if files.is_empty() {
            let what = say!(lang, "there is no *.sql below {}", path.display());
            return Err(Failure::new(Code::Usage, what, remedy(lang)));
        }
        for file in files {
            let bytes = fs::read(&file).map_err(|e| unread(&file, &e, lang))?;
            scripts.push((file.display().to_string(), bytes));
        }
    }
    let found = scripts
        .iter()
        .flat_map(|(name, sql)| schema::lint(name, sql));
    let linted = Linted {
        findings: found.collect(),
        scripts: scripts.iter().map(|(name, _)| name.clone()).collect(),
    };
    out.answer(&linted, |l, look| {
        render::schema(&l.scripts, &l.findings, look)
    });
    let fails = linted.findings.iter().any(Finding::is_failure);
    Ok(if fails { Code::Refused.exit() } else { 0 })
}

/// The file itself, or every script below the folder by name.
fn files(path: &Path) -> io::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let below = entry.path();
        // A link could lead back to where it is.
        if entry.file_type()?.is_dir() {
            found.extend(files(&below)?);
        } else if below.extension().is_some_and(|e| e == "sql") {
            found.push(below);
        }
    }
    found.sort();
    Ok(found)
}

fn unread(path: &Path, e: &io::Error, lang: Lang) -> Failure {
    let what = say!(lang, "cannot read {}: {}", path.display(), e);
    Failure::new(Code::Usage, what, remedy(lang))
}

fn remedy(lang: Lang) -> String {
    say!(lang, "name a script, a folder with scripts or a bundle")
}
