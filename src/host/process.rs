//! Processes that are not ours, as keepalived: found by their pidfile, verified by name.
use super::{HostError, HostResult, files};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use std::{fs, path::Path};

/// Another one for each start of the host.
pub fn host_boot() -> HostResult<String> {
    let file = Path::new("/proc/sys/kernel/random/boot_id");
    let text = fs::read_to_string(file);
    let text = text.map_err(|e| HostError::new("read", file.display().to_string(), e))?;
    Ok(text.trim_end().to_owned())
}

/// The process a pidfile names, if it lives (a zombie does not).
pub fn pid_of(pidfile: &Path) -> Option<u32> {
    let text = files::read(pidfile).ok()?;
    let pid = std::str::from_utf8(&text).ok()?.trim().parse().ok()?;
    is_alive(pid).then_some(pid)
}

/// Sends a signal to a process after a look at its name: `program` as /proc/PID/comm has it.
/// A pidfile may be old, and SIGUSR1 ends a process that does not expect it.
pub fn signal(pid: u32, program: &str, signal: Signal) -> HostResult<()> {
    let failed = |why: String| HostError::new("signal", format!("{program} (process {pid})"), why);
    let name = fs::read_to_string(format!("/proc/{pid}/comm"))
        .map_err(|_| failed("there is no such process".into()))?;
    if name.trim_end() != program {
        return Err(failed(format!("that process is {}", name.trim_end())));
    }
    let raw = i32::try_from(pid).map_err(|e| failed(e.to_string()))?;
    kill(Pid::from_raw(raw), signal).map_err(|e| failed(e.to_string()))
}

fn is_alive(pid: u32) -> bool {
    let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else {
        return false;
    };
    // "PID (name) STATE …", and the name may hold anything, brackets too.
    let state = stat
        .rsplit_once(')')
        .and_then(|(_, rest)| rest.split_whitespace().next());
    !matches!(state, None | Some("Z" | "X"))
}
