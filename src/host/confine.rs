//! Gives up, for good, whatever a process does not need that reads what others wrote: from then on it can use the files
//! that it has open, and memory, and nothing else.
//!
//! # Why four fences
//! Each holds where another has a hole. Another user owns nothing and may signal nobody; limits bound memory, time and
//! what is written; Landlock keeps files and networks away, and does not know every call; seccomp ends the process at
//! any call but the few below, and knows no paths. Landlock came with Linux 5.13 (for networks with 6.7, for signals with
//! 6.12): without it the other three stand.

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetStatus,
    Scope,
};
use nix::{
    libc,
    sys::{
        prctl,
        resource::{Resource, setrlimit},
    },
    unistd::{Gid, Uid, setgroups, setresgid, setresuid},
};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};
use std::io;

/// Owns nothing, on every system.
const NOBODY: u32 = 65534;

/// What a process is bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    pub memory_bytes: u64,
    /// Of computing; waiting does not count.
    pub cpu_s: u64,
    /// The longest file that it may write to.
    pub file_bytes: u64,
}

/// Which fences stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fences {
    All,
    /// The kernel has no Landlock, or what it runs in forbids it.
    WithoutLandlock,
}

/// Confines this process, which must have no other thread yet. There is no way back.
///
/// # Errors
/// If one of the fences that every kernel has cannot be put up: nothing must be read then.
pub fn confine(bounds: Bounds) -> io::Result<Fences> {
    for (what, most) in [
        (Resource::RLIMIT_DATA, bounds.memory_bytes),
        (Resource::RLIMIT_CPU, bounds.cpu_s),
        (Resource::RLIMIT_FSIZE, bounds.file_bytes),
        // Its memory may hold what is nobody's business.
        (Resource::RLIMIT_CORE, 0),
        (Resource::RLIMIT_NPROC, 0),
    ] {
        setrlimit(what, most, most)?;
    }
    if Uid::effective().is_root() {
        setgroups(&[])?;
        let (gid, uid) = (Gid::from_raw(NOBODY), Uid::from_raw(NOBODY));
        setresgid(gid, gid, gid)?;
        setresuid(uid, uid, uid)?;
    }
    prctl::set_no_new_privs()?;
    let fences = landlock()?;
    let filter = filter().map_err(io::Error::other)?;
    seccompiler::apply_filter(&filter).map_err(io::Error::other)?;
    Ok(fences)
}

/// No rule is added: no file can be opened, no address be reached, nobody outside be signalled.
fn landlock() -> io::Result<Fences> {
    let newest = ABI::V6;
    let restricted = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(newest))
        .and_then(|ruleset| ruleset.handle_access(AccessNet::from_all(newest)))
        .and_then(|ruleset| ruleset.scope(Scope::from_all(newest)))
        .and_then(Ruleset::create)
        .and_then(|created| created.restrict_self());
    let status = restricted.map_err(io::Error::other)?.ruleset;
    Ok(match status {
        RulesetStatus::FullyEnforced | RulesetStatus::PartiallyEnforced => Fences::All,
        RulesetStatus::NotEnforced => Fences::WithoutLandlock,
    })
}

/// Whatever is not here ends the process.
const CALLS: &[libc::c_long] = &[
    libc::SYS_read,
    libc::SYS_pread64,
    libc::SYS_readv,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_lseek,
    libc::SYS_fstat,
    libc::SYS_statx,
    libc::SYS_close,
    // What a build with assertions asks of a file before it closes it.
    libc::SYS_fcntl,
    libc::SYS_brk,
    libc::SYS_mmap,
    libc::SYS_mremap,
    libc::SYS_mprotect,
    libc::SYS_munmap,
    libc::SYS_madvise,
    libc::SYS_futex,
    libc::SYS_getrandom,
    libc::SYS_clock_gettime,
    // How Rust tells of a panic, and ends.
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_getpid,
    libc::SYS_gettid,
    libc::SYS_tgkill,
    libc::SYS_tkill,
    libc::SYS_exit,
    libc::SYS_exit_group,
];

fn filter() -> Result<BpfProgram, seccompiler::BackendError> {
    let rules = CALLS.iter().map(|call| (*call, Vec::new())).collect();
    let arch = std::env::consts::ARCH.try_into()?;
    let (other, known) = (SeccompAction::KillProcess, SeccompAction::Allow);
    SeccompFilter::new(rules, other, known, arch)?.try_into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs::File, io::ErrorKind, thread};

    /// Of the thread that asks, so it is one of its own.
    #[test]
    fn landlock_keeps_files_away() {
        let seen = thread::spawn(|| (landlock().unwrap(), File::open("/dev/null").map(drop)));
        let (fences, opened) = seen.join().unwrap();
        match fences {
            Fences::All => assert_eq!(opened.unwrap_err().kind(), ErrorKind::PermissionDenied),
            Fences::WithoutLandlock => println!("this kernel has no Landlock: not tried"),
        }
    }
}
