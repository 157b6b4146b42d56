//! `audit`: the trail as a person reads it, and the proof that nobody has changed it, which needs no daemon.
use super::client::Client;
use super::output::Output;
use super::verbs::Ended;
use crate::audit::{self, AuditError, Copied, Trail, Verdict};
use crate::journal::{self, JournalError};
use crate::render;
use crate::tls;
use crate::wire::{self, Code, Failure};
use crate::words::Lang;
use clap::{Args, Subcommand};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

/// How a file in PEM begins. Whatever else is given is a trail, or was one.
const PEM: &[u8] = b"-----BEGIN ";

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Audit {
    /// So many entries of each node
    #[arg(long, value_name = "N")]
    last: Option<usize>,
    /// Only those since then: 2026-11-01, or 2026-11-01T08:00:00Z
    #[arg(long, value_name = "TIME", value_parser = since)]
    since: Option<Timestamp>,
    /// Only what concerns that rollout
    #[arg(long, value_name = "NUMBER")]
    rollout: Option<u64>,
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Is a copy of a trail whole, and did the other node sign it? With both nodes' trails: do they agree? Exit code 3 if not
    #[command(
        after_help = "Example:\n  scp root@a:/var/lib/hau/audit/trail a.trail; scp root@a:/etc/hau/tls/cert.pem a.pem    # and of b\n  hau-ctl audit verify a.trail b.trail a.pem b.pem"
    )]
    Verify {
        /// Trails, the nodes' certificates (PEM), folders with them
        #[arg(value_name = "TRAIL|CERTIFICATE|FOLDER", required = true)]
        paths: Vec<PathBuf>,
    },
}

/// Midnight is that of this host's clock.
fn since(text: &str) -> Result<Timestamp, String> {
    let odd = |e: jiff::Error| format!("{e}; write 2026-11-01 or 2026-11-01T08:00:00Z");
    let Ok(date) = text.parse::<Date>() else {
        return text.parse().map_err(odd);
    };
    let midnight = date.to_zoned(TimeZone::system()).map_err(odd)?;
    Ok(midnight.timestamp())
}

pub(super) async fn run(client: &Client, out: Output, asked: Audit) -> Ended {
    if let Some(Verb::Verify { paths }) = asked.verb {
        return verify(&paths, out);
    }
    let mut query = Vec::new();
    query.extend(asked.last.map(|n| format!("last={n}")));
    query.extend(asked.rollout.map(|number| format!("rollout={number}")));
    let since = asked.since.map(|at| at.as_millisecond().max(0));
    query.extend(since.map(|ms| format!("since={ms}")));
    let trails: wire::Audit = client
        .get(&format!("/v1/audit?{}", query.join("&")))
        .await?;
    out.answer(&trails, render::audit);
    Ok(0)
}

fn verify(paths: &[PathBuf], out: Output) -> Ended {
    let lang = out.lang;
    let (mut copies, mut certificates) = (Vec::new(), Vec::new());
    for path in paths {
        for file in files(path).map_err(|e| unread(path, &e, lang))? {
            if !is_pem(&file).map_err(|e| unread(&file, &e, lang))? {
                copies.push(copied(&file, lang)?);
                continue;
            }
            let text = fs::read(&file).map_err(|e| unread(&file, &e, lang))?;
            let certificate = tls::certificate(&text);
            // A folder of a node has its key, too.
            if certificate.is_none() && file == *path {
                let what = say!(lang, "{} holds no certificate", file.display());
                return Err(Failure::new(Code::Usage, what, remedy(lang)));
            }
            certificates.extend(certificate);
        }
    }
    if copies.is_empty() {
        let what = say!(lang, "there is no trail among these files");
        return Err(Failure::new(Code::Usage, what, remedy(lang)));
    }
    let (copies, notes): (Vec<Copied>, Vec<Vec<String>>) = copies.into_iter().unzip();
    let mut verdicts = audit::verify(&copies, &certificates);
    for (verdict, notes) in verdicts.iter_mut().zip(notes) {
        verdict.notes.extend(notes);
    }
    let is_compared = !certificates.is_empty();
    out.answer(&verdicts, |v, look| render::verdicts(v, is_compared, look));
    let is_whole = |verdict: &Verdict| verdict.problems.is_empty();
    let is_whole = verdicts.iter().all(is_whole);
    Ok(if is_whole { 0 } else { Code::Refused.exit() })
}

/// The file itself, or those of the folder by name.
fn files(path: &Path) -> io::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = fs::read_dir(path)?.map(|entry| entry.map(|e| e.path()));
    let mut files = entries.collect::<io::Result<Vec<PathBuf>>>()?;
    files.retain(|file| file.is_file());
    files.sort();
    Ok(files)
}

fn is_pem(file: &Path) -> io::Result<bool> {
    let mut begin = Vec::new();
    let start = File::open(file)?.take(PEM.len() as u64);
    { start }.read_to_end(&mut begin)?;
    Ok(begin == PEM)
}

/// A copy, and what its file says beside its entries.
fn copied(file: &Path, lang: Lang) -> Result<(Copied, Vec<String>), Failure> {
    let lines = match Trail::lines(file) {
        Ok(lines) => Ok(lines),
        Err(AuditError::Journal(JournalError::Open { source, .. })) => {
            return Err(unread(file, &source, lang));
        }
        Err(AuditError::Damaged { what, .. }) => Err(what),
        Err(e) => Err(e.to_string()),
    };
    let mut notes = Vec::new();
    if let Ok(found) = journal::verify(file) {
        let torn = told!(
            "behind the last entry is what is none: a write that a power cut tore, or one that went on while it was copied"
        );
        let slot = told!(
            "one of the two headers of the file is damaged; it says nothing that the entries do not"
        );
        notes.extend(found.torn_tail.then_some(torn));
        notes.extend((found.slots < 2).then_some(slot));
    }
    let name = file.display().to_string();
    Ok((Copied { name, lines }, notes))
}

fn unread(path: &Path, e: &io::Error, lang: Lang) -> Failure {
    let what = say!(lang, "cannot read {}: {}", path.display(), e);
    Failure::new(Code::Usage, what, remedy(lang))
}

fn remedy(lang: Lang) -> String {
    say!(
        lang,
        "name copies of /var/lib/hau/audit/trail and of /etc/hau/tls/cert.pem, or a folder with them"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_date_or_a_time() {
        let at = since("2026-11-01T08:00:00Z").expect("a time");
        assert_eq!(at.to_string(), "2026-11-01T08:00:00Z");
        assert!(since("2026-11-01").is_ok());
        assert!(since("yesterday").is_err_and(|e| e.contains("write 2026-11-01")));
    }
}
