//! New node: the services behind the VIP are held, while the kernel takes in what their clients send.
use crate::host::{HostError, HostResult, units::Units};
use nix::sys::signal::Signal;
use std::{
    fs, thread,
    time::{Duration, Instant},
};

/// A signal is delivered in microseconds; a process deep in the kernel needs longer.
const STOPS_WITHIN: Duration = Duration::from_secs(2);
const POLL: Duration = Duration::from_millis(2);

pub(super) fn hold(units: &Units, services: &[String]) -> HostResult<()> {
    for unit in services {
        let begun = Instant::now();
        while !all_stopped(units, unit)? {
            if begun.elapsed() > STOPS_WITHIN {
                return Err(HostError::new("hold", unit, "it does not stop for SIGSTOP"));
            }
            units.signal_unit(unit, Signal::SIGSTOP)?;
            thread::sleep(POLL);
        }
    }
    Ok(())
}

pub(super) fn release(units: &Units, services: &[String]) -> HostResult<()> {
    services
        .iter()
        .try_for_each(|unit| match units.signal_unit(unit, Signal::SIGCONT) {
            // One that has ended holds nobody.
            Err(e) if !all_stopped(units, unit)? => {
                tracing::debug!("{e}");
                Ok(())
            }
            sent => sent,
        })
}

pub(super) fn is_held(units: &Units, services: &[String]) -> HostResult<bool> {
    for unit in services {
        if !all_stopped(units, unit)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// A unit without a process is not held.
fn all_stopped(units: &Units, unit: &str) -> HostResult<bool> {
    let processes = units.processes(unit)?;
    Ok(!processes.is_empty() && processes.iter().all(|pid| is_stopped(*pid)))
}

/// Stopped, or gone. The name in `stat` may hold anything, blanks and brackets too.
fn is_stopped(pid: u32) -> bool {
    let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else {
        return true;
    };
    let state = stat
        .rsplit_once(") ")
        .and_then(|(_, rest)| rest.chars().next());
    matches!(state, Some('T' | 't' | 'Z' | 'X'))
}
