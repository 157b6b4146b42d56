//! `notify`: tells the daemon that keepalived's hook was called; kept in the spool where the daemon
//! does not answer. Never fails: a hook that fails helps nobody.
use super::{Places, door};
use crate::wire::Notify;
use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
    process::ExitCode,
    time::Duration,
};

/// Of the 100 ms that a hook has: the rest is for the spool.
const LIMIT: Duration = Duration::from_millis(70);
/// An event means "look now": more of them say no more.
const MAX_FILES: u32 = 1000;
/// Of the arguments; with its frame an event stays under 4 KiB.
const MAX_BYTES: usize = 1500;

pub(super) fn main(words: &[String], places: &Places) -> ExitCode {
    let notify = Notify { args: short(words) };
    let told = serde_json::to_vec(&notify)
        .map_err(io::Error::from)
        .and_then(|event| {
            door::post(&places.socket(), "/v1/notify", &event, LIMIT)
                .map(drop)
                .or_else(|_| keep(&places.run.join("spool"), &event, std::process::id()))
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
        let mut end = word.len().min(left);
        while !word.is_char_boundary(end) {
            end -= 1;
        }
        kept.push(word[..end].to_owned());
        left -= end;
        if left == 0 || kept.len() == 64 {
            break;
        }
    }
    kept
}

/// Under one of a thousand names, whole or not there. Hooks may add to the spool but not list it, so
/// the name alone keeps it small; an older event under it said no more than this one does.
fn keep(spool: &Path, event: &[u8], slot: u32) -> io::Result<()> {
    let slot = slot % MAX_FILES;
    let temporary = spool.join(format!(".{slot:03}"));
    // Left behind by a hook that was killed. Never written through: the spool is everybody's.
    fs::remove_file(&temporary).ok();
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o644)
        .open(&temporary)?;
    file.write_all(event)?;
    // The folder cannot be opened to be synced, and /run does not outlive the power anyway.
    file.sync_all()?;
    fs::rename(&temporary, spool.join(format!("{slot:03}.json")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spool_holds_a_thousand_and_the_newest_is_in_it() {
        let dir = tempfile::tempdir().unwrap();
        for n in 0..MAX_FILES + 5 {
            keep(dir.path(), n.to_string().as_bytes(), n).unwrap();
        }
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1000);
        assert_eq!(fs::read(dir.path().join("004.json")).unwrap(), b"1004");
    }

    #[test]
    fn what_a_killed_hook_or_a_stranger_left_is_not_written_through() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("target");
        fs::write(&target, "mine").unwrap();
        std::os::unix::fs::symlink(&target, dir.path().join(".007")).unwrap();
        keep(dir.path(), b"{}", 7).unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"mine");
        assert_eq!(fs::read(dir.path().join("007.json")).unwrap(), b"{}");
    }

    #[test]
    fn an_event_stays_small() {
        let words = vec!["\u{1}é".repeat(5000); 100];
        let event = serde_json::to_vec(&Notify {
            args: short(&words),
        })
        .unwrap();
        assert!(event.len() < 4096, "{}", event.len());
        let words = vec![String::new(); 100_000];
        let event = serde_json::to_vec(&Notify {
            args: short(&words),
        })
        .unwrap();
        assert!(event.len() < 4096, "{}", event.len());
    }
}
