//! Who is told to move the roles: `gs_ctl`, or the cluster manager where it runs.
//!
//! # Why
//! The cluster manager watches both servers and changes roles by itself: what `gs_ctl` does beside it, it takes back. So there
//! everything is asked of `cm_ctl`, and a failover is waited for: whether the other node is dead, the manager decides.
use super::{DatabaseResult, Gaussdb, refusal, tools};
use crate::host::{Command, Output};
use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

const AGENT: &str = "cm_agent";
const QUESTION: Duration = Duration::from_secs(10);

/// A program and the words that ask it for one change of this node's database.
pub(super) struct Request {
    program: &'static str,
    words: Vec<String>,
}

impl Request {
    fn new(program: &'static str, words: &[&str]) -> Self {
        let words = words.iter().map(|word| (*word).to_owned()).collect();
        Self { program, words }
    }

    pub(super) fn command(&self, db: &Gaussdb, limit: Duration) -> Command {
        let words: Vec<&str> = self.words.iter().map(String::as_str).collect();
        tools::of_data(db, self.program, &words, limit)
    }

    /// As a person would name it: "gs_ctl switchover".
    pub(super) fn name(&self) -> String {
        let word = self.words.first().map_or("", String::as_str);
        format!("{} {word}", self.program)
    }
}

/// Whoever moves the roles of this pair.
pub(super) enum Mover {
    /// hau itself.
    GsCtl,
    /// The cluster manager, with its number of this node.
    Manager(String),
}

impl Mover {
    /// # Errors
    /// The cluster manager runs and does not say which of its nodes this one is.
    pub(super) fn of(db: &Gaussdb) -> DatabaseResult<Self> {
        if !runs(&db.config.home) {
            return Ok(Self::GsCtl);
        }
        if let Some(number) = db.number.get() {
            return Ok(Self::Manager(number.clone()));
        }
        let output = tools::done(db, "cm_ctl", &["view", "-N"], QUESTION)?;
        let number = own_number(&output.stdout).ok_or_else(|| {
            refusal(
                format!("{AGENT} runs here, and cm_ctl view -N does not say which of its nodes this one is"),
                "run cm_ctl view -N as the database's system user, and mend what it says",
            )
        })?;
        Ok(Self::Manager(db.number.get_or_init(|| number).clone()))
    }

    /// Asked on the standby: the primary steps down for it.
    pub(super) fn switchover(&self, limit: Duration) -> Request {
        let seconds = limit.as_secs().max(1).to_string();
        match self {
            Self::GsCtl => Request::new("gs_ctl", &["switchover", "-m", "fast", "-t", &seconds]),
            Self::Manager(node) => {
                Request::new("cm_ctl", &["switchover", "-t", &seconds, "-n", node])
            }
        }
    }

    /// The standby becomes primary, the other one is down. None: whoever decides over that does it unasked.
    pub(super) fn failover(&self) -> Option<Request> {
        match self {
            Self::GsCtl => Some(Request::new("gs_ctl", &["failover"])),
            Self::Manager(_) => None,
        }
    }

    /// This node was primary and is a standby now, with nothing lost in between.
    pub(super) fn back(&self, limit: Duration) -> Request {
        self.failover().unwrap_or_else(|| self.switchover(limit))
    }

    /// What must be stopped before a build. None: the cluster manager lets no second primary run.
    pub(super) fn stop(&self) -> Option<Request> {
        match self {
            Self::GsCtl => Some(Request::new("gs_ctl", &["stop", "-m", "fast"])),
            Self::Manager(_) => None,
        }
    }

    pub(super) fn start(&self) -> Request {
        match self {
            Self::GsCtl => Request::new("gs_ctl", &["start", "-M", "standby"]),
            Self::Manager(node) => Request::new("cm_ctl", &["start", "-n", node]),
        }
    }

    /// Takes from the primary what this one lacks or has too much, or everything.
    pub(super) fn build(&self, everything: bool) -> Request {
        let mut request = match self {
            Self::GsCtl => Request::new("gs_ctl", &["build"]),
            Self::Manager(node) => Request::new("cm_ctl", &["build", "-n", node]),
        };
        let how = match self {
            _ if everything => Some("full"),
            Self::GsCtl => Some("incremental"),
            // It has no word for it.
            Self::Manager(_) => None,
        };
        let how = how.into_iter().flat_map(|how| ["-b", how]);
        request.words.extend(how.map(str::to_owned));
        request
    }
}

/// Whether the agent of this installation runs on this host.
pub(super) fn runs(home: &Path) -> bool {
    let bin = fs::canonicalize(home.join("bin"));
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    processes.map(|entry| entry.path()).any(|process| {
        let name = fs::read_to_string(process.join("comm"));
        name.is_ok_and(|name| name.trim_end() == AGENT) && is_of(&process, &bin)
    })
}

/// One of which nobody says from where it runs counts.
fn is_of(process: &Path, bin: &io::Result<PathBuf>) -> bool {
    let program = fs::read_link(process.join("exe"));
    match (program, bin) {
        (Ok(program), Ok(bin)) => program.starts_with(bin),
        (Err(_), _) | (_, Err(_)) => true,
    }
}

/// Of what `cm_ctl view -N` prints: the header's "node:2", not "node :2" of a node's section.
pub(super) fn own_number(text: &str) -> Option<String> {
    let number = text.lines().find_map(|line| line.strip_prefix("node:"))?;
    let is_number = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| number.to_owned())
}

/// Another one is at work on the same node: asked again it may be free.
pub(super) fn is_busy(output: &Output) -> bool {
    let said = format!("{}{}", output.stdout, output.stderr);
    // gs_ctl holds a lock until it has ended, which is seconds after what it was asked for. One that starts a server says so
    // and ends with 0.
    let gs_ctl = said.contains("Another gs_ctl command is still running");
    gs_ctl || said.contains("another command(") && said.contains("is running")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_node_is_the_one_in_the_header() {
        let text =
            "NodeHeader:\nversion:301\ntime:1681781914\nnodeCount:2\nnode:2\nnode :1\nnodeName:a\n";
        assert_eq!(own_number(text), Some("2".to_owned()));
        for broken in ["", "node :1\n", "node:\n", "node:two\n", "node:2;id\n"] {
            assert_eq!(own_number(broken), None, "{broken:?}");
        }
    }

    #[test]
    fn who_is_asked_and_for_what() {
        let words = |request: Request| format!("{} {}", request.program, request.words.join(" "));
        let (own, cm) = (Mover::GsCtl, Mover::Manager("2".to_owned()));
        let limit = Duration::from_secs(20);
        assert_eq!(
            words(own.switchover(limit)),
            "gs_ctl switchover -m fast -t 20"
        );
        assert_eq!(words(cm.switchover(limit)), "cm_ctl switchover -t 20 -n 2");
        assert_eq!(
            own.failover().map(words).as_deref(),
            Some("gs_ctl failover")
        );
        assert_eq!(cm.failover().map(words), None);
        assert_eq!(words(own.back(limit)), "gs_ctl failover");
        assert_eq!(words(cm.back(limit)), "cm_ctl switchover -t 20 -n 2");
        assert_eq!(words(own.start()), "gs_ctl start -M standby");
        assert_eq!(words(cm.start()), "cm_ctl start -n 2");
        assert_eq!(words(own.build(false)), "gs_ctl build -b incremental");
        assert_eq!(words(own.build(true)), "gs_ctl build -b full");
        assert_eq!(words(cm.build(false)), "cm_ctl build -n 2");
        assert_eq!(words(cm.build(true)), "cm_ctl build -n 2 -b full");
        assert_eq!(cm.build(true).name(), "cm_ctl build");
    }

    #[test]
    fn one_that_is_busy_says_so() {
        let output = |stdout: &str, stderr: &str| Output {
            code: Some(255),
            stdout: stdout.to_owned(),
            stderr: stderr.to_owned(),
        };
        let busy = "cm_ctl: can not do switchover, another command(1) is running.\n";
        assert!(is_busy(&output(busy, "")) && is_busy(&output("", busy)));
        let gs = "[2026-11-30 08:00:00.000][1][][gs_ctl]: Another gs_ctl command is still running,build failed !\n";
        assert!(is_busy(&output(gs, "")));
        assert!(!is_busy(&output(
            "cm_ctl: can not do switchover at current role.\n",
            ""
        )));
    }
}
