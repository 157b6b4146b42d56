//! Programs end in time, with all they started, and get nothing they were not given.
use crate::{is_root, script};
use hau::host::{Command, commands, process};
use nix::sys::signal::Signal;
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

fn command(program: impl Into<PathBuf>, args: &[&str]) -> Command {
    Command {
        program: program.into(),
        args: args.iter().map(|arg| (*arg).to_owned()).collect(),
        limit: Duration::from_secs(20),
        ..Command::default()
    }
}

fn is_alive(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    !stat.is_empty() && !stat.contains(") Z")
}

#[test]
fn arguments_are_arguments_and_the_environment_is_clean() {
    let echo = commands::run(&command("/bin/echo", &["$HOME", "a b", ";", "*"])).unwrap();
    assert_eq!(
        (echo.code, echo.stdout.as_str()),
        (Some(0), "$HOME a b ; *\n")
    );
    let mut env = command("/usr/bin/env", &[]);
    env.env.insert("HAU_NODE".into(), "a".into());
    let told = commands::run(&env).unwrap().stdout;
    let mut names: Vec<&str> = told.lines().filter_map(|l| l.split('=').next()).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        ["HAU_NODE", "HOME", "LC_ALL", "LOGNAME", "PATH", "USER"]
    );
}

#[test]
fn a_programs_end_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let fails = script(dir.path(), "fails", "echo out; echo err >&2; exit 3");
    let output = commands::run(&command(fails, &[])).unwrap();
    assert_eq!(
        (output.code, &*output.stdout, &*output.stderr),
        (Some(3), "out\n", "err\n")
    );
    let dies = script(dir.path(), "dies", "kill -9 $$");
    let output = commands::run(&command(dies, &[])).unwrap();
    assert_eq!(
        (output.code, &*output.stderr),
        (None, "ended by signal 9\n")
    );
    assert!(commands::run(&command("/no/such", &[])).is_err());
    assert!(commands::run(&command("echo", &[])).is_err());
}

#[test]
fn the_limit_ends_the_whole_group() {
    let dir = tempfile::tempdir().unwrap();
    let pids = dir.path().join("pids");
    let text = format!(
        "sleep 300 & echo $! >{0}; echo $$ >>{0}; sleep 300",
        pids.display()
    );
    let mut slow = command(script(dir.path(), "slow", &text), &[]);
    slow.limit = Duration::from_millis(500);
    let output = commands::run(&slow).unwrap();
    assert_eq!(
        (output.code, &*output.stderr),
        (None, "timed out: ended after 500ms\n")
    );
    let pids = fs::read_to_string(pids).unwrap();
    assert_eq!(pids.lines().count(), 2);
    // Both have been killed; the one that is nobody's child any more dies when the kernel comes to it.
    let soon = Instant::now() + Duration::from_secs(10);
    for pid in pids.lines() {
        while is_alive(pid) {
            assert!(Instant::now() < soon, "{pid} lives on");
            std::thread::yield_now();
        }
    }
}

#[test]
fn who_ignores_sigterm_is_killed() {
    let dir = tempfile::tempdir().unwrap();
    let mut deaf = command(
        script(dir.path(), "deaf", "trap '' TERM\nsleep 300\nsleep 300"),
        &[],
    );
    deaf.limit = Duration::from_millis(300);
    let began = Instant::now();
    assert_eq!(commands::run(&deaf).unwrap().code, None);
    let took = began.elapsed();
    assert!(
        (Duration::from_secs(2)..Duration::from_secs(6)).contains(&took),
        "{took:?}"
    );
}

#[test]
fn outputs_are_capped_without_blocking_the_program() {
    let dir = tempfile::tempdir().unwrap();
    let text =
        "echo first; head -c 3000000 /dev/zero; head -c 5000000 /dev/zero >&2; echo last >&2";
    let output = commands::run(&command(script(dir.path(), "loud", text), &[])).unwrap();
    assert_eq!(output.code, Some(0));
    assert_eq!(output.stdout.len(), commands::OUTPUT_LIMIT_BYTES);
    assert_eq!(output.stderr.len(), commands::OUTPUT_LIMIT_BYTES);
    assert!(output.stdout.starts_with("first\n") && output.stderr.ends_with("last\n"));
}

#[test]
fn what_a_program_leaves_running_neither_dies_nor_delays() {
    let dir = tempfile::tempdir().unwrap();
    let starts = script(dir.path(), "starts", "sleep 30 & echo $!");
    let began = Instant::now();
    let output = commands::run(&command(starts, &[])).unwrap();
    assert!(began.elapsed() < Duration::from_secs(5));
    let pid = output.stdout.trim();
    assert!(is_alive(pid));
    process::signal(pid.parse().unwrap(), "sleep", Signal::SIGKILL).unwrap();
}

#[test]
fn another_user_has_its_own_groups_and_home() {
    if !is_root() {
        return;
    }
    let mut id = command("/usr/bin/id", &[]);
    id.user = Some("nobody".into());
    let output = commands::run(&id).unwrap();
    assert_eq!(
        output.stdout,
        "uid=65534(nobody) gid=65534(nogroup) groups=65534(nogroup)\n"
    );
    let mut env = command("/usr/bin/env", &[]);
    env.user = Some("nobody".into());
    assert!(
        commands::run(&env)
            .unwrap()
            .stdout
            .contains("HOME=/nonexistent\n")
    );
    env.user = Some("no-such-user".into());
    let refused = commands::run(&env).unwrap_err().to_string();
    assert_eq!(
        refused,
        "cannot run /usr/bin/env: there is no user no-such-user"
    );
}

#[test]
fn standard_output_goes_to_a_new_private_file() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("dump");
    let mut echo = command("/bin/echo", &["whole"]);
    echo.stdout = Some(file.clone());
    assert_eq!(commands::run(&echo).unwrap().stdout, "");
    assert_eq!(fs::read_to_string(&file).unwrap(), "whole\n");
    assert_eq!(
        fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert!(commands::run(&echo).is_err(), "never over an existing file");
    let text = dir.path().join("text");
    fs::write(&text, "#!/no/such/interpreter\n").unwrap();
    fs::set_permissions(&text, fs::Permissions::from_mode(0o755)).unwrap();
    let mut broken = command(text, &[]);
    broken.stdout = Some(dir.path().join("none"));
    assert!(commands::run(&broken).is_err());
    assert!(!dir.path().join("none").exists());
}

#[test]
fn pidfiles_are_believed_only_about_living_processes_of_that_name() {
    let dir = tempfile::tempdir().unwrap();
    let pidfile = dir.path().join("pid");
    let own = std::process::id();
    fs::write(&pidfile, format!("{own}\n")).unwrap();
    assert_eq!(process::pid_of(&pidfile), Some(own));
    let refused = process::signal(own, "keepalived", Signal::SIGUSR1).unwrap_err();
    assert!(refused.why.starts_with("that process is "), "{refused}");
    for text in ["", "keepalived", "-1", "4194305"] {
        fs::write(&pidfile, text).unwrap();
        assert_eq!(process::pid_of(&pidfile), None, "{text}");
    }
    assert_eq!(process::pid_of(Path::new("/no/such")), None);
    let mut child = std::process::Command::new("/bin/true").spawn().unwrap();
    // Gone or a zombie until it is waited for: neither is alive.
    let began = Instant::now();
    fs::write(&pidfile, child.id().to_string()).unwrap();
    while process::pid_of(&pidfile).is_some() {
        assert!(began.elapsed() < Duration::from_secs(10));
    }
    child.wait().unwrap();
}
