//! Who asks, for the audit trail: what the kernel says of the process, and what the process says of itself.
use crate::audit::{By, Claims, Login};
use crate::daemon::door::{Who, user_name};
use std::{fs, io::Read};

/// From the shell that a person logged in to, to `hau-ctl`, there are a few processes; more are not looked at.
const GENERATIONS: usize = 12;
/// Of a file below /proc.
const MOST_BYTES: u64 = 256 << 10;
/// Of a word that a process may choose.
const MOST_CHARS: usize = 64;
/// `loginuid` of what no login has begun: a service, cron.
const NOBODY: u32 = u32::MAX;

pub(super) fn by(who: &Who) -> By {
    let user = who.name();
    let Who::Local { uid, pid, .. } = who else {
        return By {
            user,
            ..By::default()
        };
    };
    let uid = Some(*uid);
    // The number may have gone to another process since it connected.
    let status = pid.and_then(|pid| read(pid, "status"));
    let is_still = status.is_some_and(|status| effective(&status) == uid);
    let Some(pid) = pid.filter(|_| is_still) else {
        return By {
            user,
            uid,
            ..By::default()
        };
    };
    let login = read(pid, "loginuid").and_then(|text| text.trim().parse().ok());
    let login = login.filter(|uid| *uid != NOBODY).map(|uid| Login {
        uid,
        user: user_name(uid),
    });
    By {
        user,
        uid,
        login,
        pid: Some(pid),
        program: read(pid, "comm").map(|text| word(&text)),
        terminal: read(pid, "stat").and_then(|stat| terminal(&stat)),
        claims: claims(pid),
    }
}

/// `sudo` gives the environment of who called it to nobody, so its parents are asked, too.
fn claims(pid: i32) -> Claims {
    let (mut claims, mut next) = (Claims::default(), Some(pid));
    for _ in 0..GENERATIONS {
        let Some(pid) = next.filter(|pid| *pid > 1) else {
            break;
        };
        let environment = read(pid, "environ").unwrap_or_default();
        let said = |name: &str| {
            let mut all = environment.split('\0');
            all.find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
        };
        let sudo = || said("SUDO_USER").map(word);
        claims.sudo_user = claims.sudo_user.or_else(sudo);
        let ssh = || said("SSH_CONNECTION")?.split(' ').next().map(word);
        claims.ssh_client = claims.ssh_client.or_else(ssh);
        next = read(pid, "stat").and_then(|stat| parent(&stat));
    }
    claims
}

fn read(pid: i32, name: &str) -> Option<String> {
    let file = fs::File::open(format!("/proc/{pid}/{name}")).ok()?;
    let mut bytes = Vec::new();
    file.take(MOST_BYTES).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

fn word(text: &str) -> String {
    text.trim().chars().take(MOST_CHARS).collect()
}

fn effective(status: &str) -> Option<u32> {
    let line = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// A field of `stat` behind the name, which may hold anything, brackets too; 0 is the state.
fn field(stat: &str, n: usize) -> Option<i32> {
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(n)?.parse().ok()
}

fn parent(stat: &str) -> Option<i32> {
    field(stat, 1)
}

/// The controlling terminal by its device number.
fn terminal(stat: &str) -> Option<String> {
    let device = field(stat, 4)?;
    let (major, minor) = (
        (device >> 8) & 0xfff,
        (device & 0xff) | ((device >> 12) & 0xf_ff00),
    );
    match (major, minor) {
        (136..=143, minor) => Some(format!("pts/{}", (major - 136) * 256 + minor)),
        (4, 0..=63) => Some(format!("tty{minor}")),
        (4, minor) => Some(format!("ttyS{}", minor - 64)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_is_known_by_its_number() {
        let stat = |device: i32| format!("7 (a) b) c) S 6 7 7 {device} 7 4194304");
        assert_eq!(terminal(&stat(34_819)).as_deref(), Some("pts/3"));
        assert_eq!(terminal(&stat(1_025)).as_deref(), Some("tty1"));
        assert_eq!(terminal(&stat(1_088)).as_deref(), Some("ttyS0"));
        assert_eq!(terminal(&stat(0)), None);
        assert_eq!(terminal(""), None);
        assert_eq!(parent(&stat(0)), Some(6));
    }

    #[test]
    fn who_calls_is_looked_up_and_a_stranger_with_its_number_is_not() {
        let pid = i32::try_from(std::process::id()).expect("a number");
        let own = fs::read_to_string("/proc/self/status").expect("readable");
        let uid = effective(&own).expect("a user");
        let local = |uid| Who::Local {
            uid,
            gid: 0,
            pid: Some(pid),
            groups: Vec::new(),
        };
        let known = by(&local(uid));
        assert_eq!((known.uid, known.pid), (Some(uid), Some(pid)));
        assert!(known.program.is_some());
        let other = by(&local(uid + 1));
        assert_eq!(
            (other.uid, other.pid, other.program),
            (Some(uid + 1), None, None)
        );
    }
}
