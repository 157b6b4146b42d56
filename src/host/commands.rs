//! Runs other programs: no shell, a clean environment, the user asked for, and an end in time.
use super::{Command, HostError, HostResult, Output, files};
use nix::{
    errno::Errno,
    sys::{
        signal::{Signal, killpg},
        wait::{Id, WaitPidFlag, waitid},
    },
    unistd::{Pid, Uid, User, getgrouplist},
};
use std::{
    ffi::CString,
    fs::{File, OpenOptions},
    io::{self, Read, Write},
    os::unix::{fs::OpenOptionsExt, process::CommandExt, process::ExitStatusExt},
    path::Path,
    process::{self, Child, ChildStdin, Stdio},
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
    time::Duration,
};

/// What is kept of each of the two outputs.
pub const OUTPUT_LIMIT_BYTES: usize = 1 << 20;
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// From SIGTERM to SIGKILL.
const GRACE: Duration = Duration::from_secs(2);
/// A service that the program left running may hold its outputs open for ever.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// Runs a program to its end, or to `limit`: then its whole process group gets SIGTERM and two
/// seconds later SIGKILL, `code` is None, and the last line of `stderr` says that it timed out.
///
/// Of more than 1 MiB standard output keeps its beginning, standard error its end. A file for
/// `stdout` must not exist; it is made with mode 0600, is on disk at the end, and stays there
/// after a failure. An error means that the program did not run.
pub fn run(command: &Command) -> HostResult<Output> {
    let object = command.program.display().to_string();
    let failed = |e: io::Error| HostError::new("run", object.clone(), e);
    let mut prepared = prepare(command).map_err(failed)?;
    let file = command.stdout.as_deref().map(create).transpose()?;
    prepared.stdout(match &file {
        Some(file) => Stdio::from(file.try_clone().map_err(failed)?),
        None => Stdio::piped(),
    });
    let mut child = match prepared.spawn() {
        Ok(child) => child,
        Err(e) => {
            if let Some(path) = &command.stdout {
                files::remove(path)?;
            }
            return Err(failed(e));
        }
    };
    let stdout = child.stdout.take().map(|pipe| Kept::of(pipe, Keep::Start));
    let stderr = child.stderr.take().map(|pipe| Kept::of(pipe, Keep::End));
    if let Some(pipe) = child.stdin.take() {
        feed(pipe, command.stdin.clone());
    }
    let in_time = wait(&child, command.limit).map_err(failed)?;
    let status = child.wait().map_err(failed)?;
    if let Some(file) = file {
        file.sync_all().map_err(failed)?;
    }
    Ok(ended(status, in_time, command, stdout, stderr))
}

/// Runs a program as [`run`] does, but hands its standard output to `read` as it comes; `read` need not take all of it.
/// Gives what `read` made of it, and how the program ended.
///
/// # Errors
/// The program did not run.
pub fn piped<T>(
    command: &Command,
    read: impl FnOnce(&mut dyn Read) -> T,
) -> HostResult<(T, Output)> {
    let object = command.program.display().to_string();
    let failed = |e: io::Error| HostError::new("run", object.clone(), e);
    let mut child = prepare(command)
        .and_then(|mut prepared| prepared.stdout(Stdio::piped()).spawn())
        .map_err(failed)?;
    let stdout = child.stdout.take();
    let stderr = child.stderr.take().map(|pipe| Kept::of(pipe, Keep::End));
    let (made, in_time) = thread::scope(|scope| {
        let end = scope.spawn(|| wait(&child, command.limit));
        let made = match stdout {
            // Closed when it is dropped: a program that has more to say ends there.
            Some(mut pipe) => read(&mut pipe),
            None => read(&mut io::empty()),
        };
        let end = end
            .join()
            .unwrap_or_else(|_| Err(io::Error::other("the waiting thread is gone")));
        (made, end)
    });
    let in_time = in_time.map_err(failed)?;
    let status = child.wait().map_err(failed)?;
    Ok((made, ended(status, in_time, command, None, stderr)))
}

/// What a program that has ended leaves.
fn ended(
    status: process::ExitStatus,
    in_time: bool,
    command: &Command,
    stdout: Option<Kept>,
    stderr: Option<Kept>,
) -> Output {
    let mut output = Output {
        code: status.code(),
        stdout: stdout.map(Kept::text).unwrap_or_default(),
        stderr: stderr.map(Kept::text).unwrap_or_default(),
    };
    if !in_time {
        output.code = None;
        let line = format!("timed out: ended after {:?}\n", command.limit);
        append_line(&mut output.stderr, &line);
    } else if let Some(signal) = status.signal() {
        append_line(&mut output.stderr, &format!("ended by signal {signal}\n"));
    }
    output
}

/// On a thread of its own: a program that reads nothing would keep us from seeing its limit.
fn feed(mut pipe: ChildStdin, bytes: Vec<u8>) {
    thread::spawn(move || {
        // A program that has heard enough says so by its exit code.
        let _ = pipe.write_all(&bytes);
    });
}

fn append_line(text: &mut String, line: &str) {
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text.push_str(line);
}

/// The program with everything but its standard output.
fn prepare(command: &Command) -> io::Result<process::Command> {
    if !command.program.is_absolute() {
        return Err(io::Error::other("a program needs its absolute path"));
    }
    if !command.program.is_file() {
        return Err(io::Error::other("there is no such program"));
    }
    let user = lookup(command.user.as_deref())?;
    let mut prepared = match &user {
        Some(user) if user.uid != Uid::effective() => change_user(user, command)?,
        Some(_) | None => process::Command::new(&command.program),
    };
    prepared
        .args(&command.args)
        .env_clear()
        .env("PATH", PATH)
        .env("LC_ALL", "C");
    if let Some(user) = user {
        prepared
            .env("HOME", user.dir)
            .env("USER", &user.name)
            .env("LOGNAME", &user.name);
    }
    prepared
        .envs(&command.env)
        .current_dir("/")
        .stdin(if command.stdin.is_empty() {
            Stdio::null()
        } else {
            Stdio::piped()
        })
        .stderr(Stdio::piped())
        .process_group(0);
    Ok(prepared)
}

/// The named user, who must exist; without a name this process's own, if it has an entry.
fn lookup(name: Option<&str>) -> io::Result<Option<User>> {
    let Some(name) = name else {
        return Ok(User::from_uid(Uid::effective())?);
    };
    match User::from_name(name)? {
        Some(user) => Ok(Some(user)),
        None => Err(io::Error::other(format!("there is no user {name}"))),
    }
}

/// By setpriv, which replaces itself by the program: std can set one group but not the
/// supplementary ones, and those decide what a service's user may read.
fn change_user(user: &User, command: &Command) -> io::Result<process::Command> {
    const SETPRIV: [&str; 2] = ["/usr/bin/setpriv", "/bin/setpriv"];
    let Some(setpriv) = SETPRIV.into_iter().find(|path| Path::new(path).is_file()) else {
        return Err(io::Error::other(
            "changing the user needs setpriv (util-linux)",
        ));
    };
    let name = CString::new(user.name.as_str())?;
    let groups: Vec<String> = getgrouplist(&name, user.gid)?
        .into_iter()
        .map(|group| group.to_string())
        .collect();
    let mut prepared = process::Command::new(setpriv);
    prepared
        .arg(format!("--reuid={}", user.uid))
        .arg(format!("--regid={}", user.gid))
        // Not --init-groups, which older ones lack.
        .arg(format!("--groups={}", groups.join(",")))
        .arg("--")
        .arg(&command.program);
    Ok(prepared)
}

fn create(path: &Path) -> HostResult<File> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(files::failed("create", path))
}

/// Waits for the child's end without reaping it, so that its process group keeps its number for
/// the signals. False: the limit came first, and the group has been ended.
fn wait(child: &Child, limit: Duration) -> io::Result<bool> {
    let raw = i32::try_from(child.id()).map_err(io::Error::other)?;
    let pid = Pid::from_raw(raw);
    let (ended, end) = mpsc::channel();
    let waiter = thread::spawn(move || {
        while waitid(Id::Pid(pid), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT) == Err(Errno::EINTR)
        {
        }
        // Nobody listens any more after the limit.
        let _ = ended.send(());
    });
    let in_time = end.recv_timeout(limit).is_ok();
    if !in_time {
        signal_group(pid, Signal::SIGTERM)?;
        // Early or not: what is left of the group goes.
        let _ = end.recv_timeout(GRACE);
        signal_group(pid, Signal::SIGKILL)?;
    }
    waiter
        .join()
        .map_err(|_| io::Error::other("the waiting thread is gone"))?;
    Ok(in_time)
}

fn signal_group(group: Pid, signal: Signal) -> io::Result<()> {
    match killpg(group, signal) {
        Ok(()) | Err(Errno::ESRCH) => Ok(()),
        Err(e) => Err(e.into()),
    }
}

#[derive(Clone, Copy)]
enum Keep {
    Start,
    End,
}

/// What a thread reads from a pipe. It reads on after the cap and after the program's end: a
/// closed or full pipe would kill or stop a service that the program left behind.
struct Kept {
    bytes: Arc<Mutex<Vec<u8>>>,
    end: mpsc::Receiver<()>,
}

impl Kept {
    fn of(mut pipe: impl Read + Send + 'static, keep: Keep) -> Self {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let (ended, end) = mpsc::channel();
        let shared = Arc::clone(&bytes);
        thread::spawn(move || {
            let mut buffer = [0; 8192];
            loop {
                match pipe.read(&mut buffer) {
                    Ok(0) => break,
                    Ok(n) => {
                        let mut kept = shared.lock().unwrap_or_else(PoisonError::into_inner);
                        push(&mut kept, &buffer[..n], keep);
                    }
                    Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                    Err(_) => break,
                }
            }
            // Nobody listens any more when a service held the pipe for too long.
            let _ = ended.send(());
        });
        Self { bytes, end }
    }

    fn text(self) -> String {
        // A service that still holds the pipe has nothing to say that matters here.
        let _ = self.end.recv_timeout(LAST_WORDS);
        let mut bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        let start = bytes.len().saturating_sub(OUTPUT_LIMIT_BYTES);
        String::from_utf8_lossy(&std::mem::take(&mut *bytes)[start..]).into_owned()
    }
}

fn push(kept: &mut Vec<u8>, bytes: &[u8], keep: Keep) {
    match keep {
        Keep::Start => {
            let room = OUTPUT_LIMIT_BYTES - kept.len();
            kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
        }
        Keep::End => {
            // Cut at twice the size, not at every piece: moving a megabyte is not free.
            if kept.len() + bytes.len() > 2 * OUTPUT_LIMIT_BYTES {
                kept.drain(..kept.len() - OUTPUT_LIMIT_BYTES);
            }
            kept.extend_from_slice(bytes);
        }
    }
}
