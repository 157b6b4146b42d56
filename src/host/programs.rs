//! Programs of the site that hau runs as root: looked at, never run. One of them takes the other node's power.
use super::{Finding, Host};
use std::path::Path;

const ANYBODY: u32 = 0o022;
const RUNS: u32 = 0o111;

/// What `place` of hau.toml names, as a finding of `check`; `limit`: how many seconds it has.
pub fn look(
    host: &dyn Host,
    check: &str,
    program: &str,
    place: &str,
    limit: Option<u64>,
) -> Finding {
    match obstacle(host, Path::new(program), place) {
        Some((what, remedy)) => Finding::fail(check, what, remedy),
        None => {
            let what = match limit {
                Some(s) => told!(
                    "{} can be run, and changed by root alone; it has {} s",
                    program,
                    s
                ),
                None => told!("{} can be run, and changed by root alone", program),
            };
            Finding::pass(check, what)
        }
    }
}

/// What would keep it from running, or would let another user take power that only root should have.
fn obstacle(host: &dyn Host, program: &Path, place: &str) -> Option<(String, String)> {
    let shown = program.display();
    if let Some(target) = host.link_target(program) {
        let what = told!("{} is a symbolic link to {}", shown, target.display());
        return Some((what, told!("write the program itself in {}", place)));
    }
    let found = match host.inspect(&[program.to_owned()]) {
        Ok(found) => found,
        Err(e) => return Some((e.to_string(), format!("correct {}", place))),
    };
    let Some(file) = found.get(program) else {
        let what = told!("{} is not there, or is no file", shown);
        return Some((what, told!("install it, or correct {}", place)));
    };
    if file.mode & RUNS == 0 {
        return Some((
            told!("{} is not executable", shown),
            format!("chmod 0755 {shown}"),
        ));
    }
    if file.uid != 0 || file.mode & ANYBODY != 0 {
        let what = told!("{} runs as root, and others than root can change it", shown);
        return Some((
            what,
            format!("chown root:root {} && chmod 0755 {}", shown, shown),
        ));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::fake::FakeHost;

    const PROGRAM: &str = "/usr/local/sbin/fence-peer";

    fn with(mode: u32) -> FakeHost {
        let (host, program) = (FakeHost::new(), Path::new(PROGRAM));
        host.make_dir(program.parent().expect("a folder"), 0o755)
            .expect("made");
        host.write(program, b"#!/bin/sh\n", mode).expect("written");
        host
    }

    fn seen(host: &FakeHost) -> String {
        obstacle(host, Path::new(PROGRAM), "[fence] command")
            .map_or(String::new(), |(what, _)| what)
    }

    #[test]
    fn what_runs_as_root_is_a_program_that_root_alone_can_change() {
        assert_eq!(seen(&with(0o755)), "");
        assert_eq!(seen(&with(0o700)), "");
        for mode in [0o775, 0o757, 0o777] {
            assert!(seen(&with(mode)).contains("others than root can change it"));
        }
        let others = with(0o755);
        others.own(Path::new(PROGRAM), 1000, 0).expect("owned");
        assert!(seen(&others).contains("others than root can change it"));
    }

    #[test]
    fn what_cannot_run_is_told_before_it_is_needed() {
        assert!(seen(&with(0o644)).contains("is not executable"));
        assert!(seen(&FakeHost::new()).contains("is not there"));
        let linked = with(0o755);
        linked.remove(Path::new(PROGRAM)).expect("removed");
        linked
            .link(Path::new("elsewhere"), Path::new(PROGRAM))
            .expect("linked");
        assert!(seen(&linked).contains("is a symbolic link to elsewhere"));
    }
}
