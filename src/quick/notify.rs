//! `notify`: tells the daemon that keepalived's hook was called; kept in the spool where the daemon
//! does not answer. Never fails: a hook that fails helps nobody.
use super::{Places, door};
use crate::wire::Notify;
use std::{
    fs,
    io::{self, Write},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::ExitCode,
    time::{Duration, SystemTime},
};

/// Of the 100 ms that a hook has: the rest is for the spool.
const LIMIT: Duration = Duration::from_millis(70);
/// An event means "look now": more of them say no more.
const MAX_FILES: usize = 1000;
/// Of the arguments; with its frame an event stays under 4 KiB.
const MAX_BYTES: usize = 1500;

pub(super) fn main(words: &[String], places: &Places) -> ExitCode {
    let notify = Notify { args: short(words) };
    let told = serde_json::to_vec(&notify).map_err(io::Error::from).and_then(|event| {
        door::post(&places.socket(), "/v1/notify", &event, LIMIT)
            .map(drop)
            .or_else(|_| keep(&places.run.join("spool"), &event))
    });
    if let Err(error) = told {
        eprintln!("hau-sidecar notify: this call is lost: {error}");
    }
    ExitCode::SUCCESS
}

fn short(words: &[String]) -> Vec<String> {
    let mut left = MAX_BYTES;
    let mut kept = Vec::new();
    for word in words {
        let end = word.floor_char_boundary(word.len().min(left));
        kept.push(word[..end].to_owned());
        left -= end;
        if left == 0 || kept.len() == 64 {
            break;
        }
    }
    kept
}

/// A file of its own for each event, whole or not there; names sort by time.
fn keep(spool: &Path, event: &[u8]) -> io::Result<()> {
    forget_oldest(spool)?;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let name = format!("{:020}-{}.json", now.unwrap_or_default().as_nanos(), std::process::id());
    let mut file = tempfile::Builder::new()
        .prefix(".event.")
        .permissions(fs::Permissions::from_mode(0o644))
        .tempfile_in(spool)?;
    file.write_all(event)?;
    file.as_file().sync_all()?;
    file.persist(spool.join(name)).map_err(|e| e.error)?;
    fs::File::open(spool)?.sync_all()
}

/// Makes room for one more.
fn forget_oldest(spool: &Path) -> io::Result<()> {
    let mut files: Vec<_> = fs::read_dir(spool)?.flatten().map(|e| e.path()).collect();
    if files.len() < MAX_FILES {
        return Ok(());
    }
    files.sort();
    for old in &files[..=files.len() - MAX_FILES] {
        fs::remove_file(old)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spool_keeps_the_newest_thousand() {
        let dir = tempfile::tempdir().unwrap();
        for n in 0..MAX_FILES + 5 {
            fs::write(dir.path().join(format!("{n:020}-1.json")), "").unwrap();
        }
        keep(dir.path(), b"{}").unwrap();
        let mut names: Vec<_> = fs::read_dir(dir.path())
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names.len(), MAX_FILES);
        assert_eq!(names[0], format!("{:020}-1.json", 6));
        let newest = fs::read(dir.path().join(&names[MAX_FILES - 1])).unwrap();
        assert_eq!(newest, b"{}");
    }

    #[test]
    fn an_event_stays_small() {
        let words = vec!["\u{1}é".repeat(5000); 100];
        let event = serde_json::to_vec(&Notify { args: short(&words) }).unwrap();
        assert!(event.len() < 4096, "{}", event.len());
        let words = vec![String::new(); 100_000];
        let event = serde_json::to_vec(&Notify { args: short(&words) }).unwrap();
        assert!(event.len() < 4096, "{}", event.len());
    }
}
