//! `hau-ctl`: one table of verbs, one file a verb where it is more than a line. Answers come from
//! the daemon over its socket; what they look like is `render`, which is pure.
mod alone;
mod audit;
mod bundle;
mod client;
mod follow;
mod help;
mod init;
mod interrupt;
mod key;
mod keys;
mod live;
mod output;
mod pair;
mod report;
mod rollout;
mod schema;
mod screen;
mod verbs;

use crate::config::RollbackDatabase;
use crate::wire::{Code, Failure};
use crate::words::Lang;
use clap::{Args, CommandFactory, Parser, Subcommand, error::ErrorKind};
use output::Output;
use std::{path::PathBuf, process::ExitCode};

#[derive(Debug, Parser)]
#[command(
    name = "hau-ctl",
    version,
    about = "Upgrades a two-node active/standby pair without its users noticing",
    after_help = "\
The usual day:
  hau-ctl doctor                      # is this pair fit to be upgraded?
  hau-ctl plan    shop-2.4.0.hau      # what would happen, nothing touched
  hau-ctl upgrade shop-2.4.0.hau      # both nodes, live, ends with what moved and how long it took
  hau-ctl status                      # what holds, what runs, what is next

Exit codes: 0 done, 1 failed or a negative finding, 2 usage, 3 refused or not fit, 4 halted,
5 daemon not reachable, 6 busy, 130 detached by q or Ctrl-C (the rollout goes on)"
)]
struct Cli {
    /// One JSON object instead of words; one a line where it goes on
    #[arg(long, global = true)]
    json: bool,
    /// The daemon's socket
    #[arg(
        long,
        global = true,
        value_name = "PATH",
        default_value = "/run/hau/hau.sock"
    )]
    socket: PathBuf,
    /// The configuration, for verbs that work without the daemon
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        default_value = "/etc/hau/hau.toml"
    )]
    config: PathBuf,
    /// The language of what is said; default: as LC_ALL, LC_MESSAGES and LANG say. JSON is always English
    #[arg(long, global = true, value_name = "en|zh", value_parser = language)]
    lang: Option<Lang>,
    #[command(subcommand)]
    verb: Verb,
}

fn language(word: &str) -> Result<Lang, &'static str> {
    let known = [Lang::En, Lang::Zh].into_iter();
    let mut meant = known.filter(|lang| lang.tag() == word);
    meant.next().ok_or("en or zh")
}

/// THE TABLE: name, arguments, what it does, an example. `verbs::run` has one arm for each.
#[derive(Debug, Subcommand)]
enum Verb {
    /// Write hau.toml and keepalived's part for this host, from what is found on it; needs no daemon
    #[command(
        after_help = "Example:\n  hau-ctl init --check                     # shows it, writes nothing\n  hau-ctl init --recipient age1…           # who may open the root key in a backup"
    )]
    Init(init::Init),
    /// Make both nodes trust each other: shows a code here, takes it there
    #[command(
        after_help = "Example:\n  hau-ctl pair            # on one node: shows a code and waits\n  hau-ctl pair -          # on the other node: reads the code from stdin"
    )]
    Pair {
        /// The code that the other node shows; none: show one here
        code: Option<String>,
    },
    /// Is this pair fit to be upgraded? Every precondition of both nodes, with remedies
    #[command(
        after_help = "Example:\n  hau-ctl doctor\n  hau-ctl doctor --database         # before the first rollout on a kind of database that is new to you"
    )]
    Doctor {
        /// The database alone: what it answers, and what only a person can try
        #[arg(long)]
        database: bool,
    },
    /// What an upgrade would do, row by row; nothing is touched
    #[command(after_help = "Example:\n  hau-ctl plan shop-2.4.0.hau")]
    Plan(Bundle),
    /// Distribute a bundle, verify and unpack it beside the running release on both nodes
    #[command(after_help = "Example:\n  hau-ctl stage /root/shop-2.4.0.hau")]
    Stage(Bundle),
    /// Upgrade both nodes, one after the other, without a gap in service
    #[command(
        after_help = "Example:\n  hau-ctl upgrade shop-2.4.0.hau --reason 'ticket 4711'\n  hau-ctl upgrade shop-2.4.0.hau --stop-before switchover   # then: hau-ctl retry"
    )]
    Upgrade {
        #[command(flatten)]
        bundle: Bundle,
        /// Wait in front of this phase; `switchover` is where the VIP moves
        #[arg(long, value_name = "PHASE")]
        stop_before: Option<String>,
        /// Install a version that was rolled back here before; recorded with your name
        #[arg(long)]
        allow_known_bad: bool,
        #[command(flatten)]
        how: How,
    },
    /// Who holds the VIP, who is primary, what is happening, what is next
    #[command(after_help = "Example:\n  hau-ctl status --json | jq .data.rollout.result")]
    Status,
    /// The same, live, until q or Ctrl-C; ? shows the keys
    #[command(after_help = "Example:\n  hau-ctl watch")]
    Watch,
    /// Move VIP and primary to the other node, with the same care and no new version
    #[command(after_help = "Example:\n  hau-ctl switch --to b --reason 'disk of a is replaced'")]
    Switch {
        /// The node that shall hold the VIP; default: the one that does not
        #[arg(long, value_name = "NODE")]
        to: Option<String>,
        #[command(flatten)]
        how: How,
    },
    /// After a halt: do the failed row again; after --stop-before: go on
    #[command(after_help = "Example:\n  hau-ctl retry --reason 'port 8080 was taken'")]
    Retry(How),
    /// After a halt: accept a failed health check by hand; recorded with your name
    #[command(
        after_help = "Example:\n  hau-ctl confirm --reason 'checked by hand, the probe is wrong'"
    )]
    Confirm {
        /// Why this is right; kept in the audit trail
        #[arg(long)]
        reason: String,
        /// Return at once; the rollout goes on
        #[arg(long)]
        detach: bool,
    },
    /// Give the rollout up and leave things safe: what can be taken back is
    #[command(after_help = "Example:\n  hau-ctl abort --reason 'too late tonight'")]
    Abort(How),
    /// Back to the last backup: code, configuration and root key of both nodes, one after the other
    /// without a gap in service; the database stays as it is, unless it is asked for
    #[command(
        after_help = "Example:\n  hau-ctl rollback --check                  # would it work? nothing is touched\n  hau-ctl rollback --reason 'orders fail'   # both nodes\n  hau-ctl rollback --node b                 # that node alone, which must be BACKUP\n  hau-ctl rollback --local                  # the other node is dead: this one, with a gap in service\n  hau-ctl rollback --database restore       # the database, too: says what is lost by it, and asks"
    )]
    Rollback {
        /// Only look: is the backup whole, are the keys there, what would be done; exit code 3 if not
        #[arg(long)]
        check: bool,
        #[command(flatten)]
        back: Back,
        #[command(flatten)]
        how: How,
    },
    /// The other node is gone: make this one's database primary
    #[command(
        after_help = "Example:\n  hau-ctl failover --fenced --reason 'took the power of a myself'"
    )]
    Failover(alone::Failover),
    /// The other node became primary while this one was away: follow it
    #[command(
        after_help = "Example:\n  hau-ctl rejoin\n  hau-ctl rejoin --rebuild   # copy everything anew"
    )]
    Rejoin(alone::Rejoin),
    /// Backups of this node
    #[command(subcommand, after_help = "Example:\n  hau-ctl backup list")]
    Backup(Backup),
    /// The site's own sync of configuration
    #[command(subcommand, after_help = "Example:\n  hau-ctl sync status")]
    Sync(Sync),
    /// Who is told of events: programs, webhooks, mail, as hau.toml names them under [notify]
    #[command(subcommand, after_help = "Example:\n  hau-ctl notify test")]
    Notify(Notify),
    /// Make, look at and verify bundles; needs no daemon
    #[command(
        subcommand,
        after_help = "Example:\n  hau-ctl bundle verify shop-2.4.0.hau"
    )]
    Bundle(bundle::Verb),
    /// Key sets: which keys count, and how many of them must sign; needs no daemon
    #[command(subcommand, after_help = "Example:\n  hau-ctl keys show shop-1.keys")]
    Keys(keys::Verb),
    /// Look at schema scripts before they run; needs no daemon
    #[command(
        subcommand,
        after_help = "Example:\n  hau-ctl schema lint schema/0007_add_note.sql"
    )]
    Schema(schema::Verb),
    /// Past rollouts, newest last
    #[command(after_help = "Example:\n  hau-ctl history")]
    History,
    /// One rollout as a report: who asked, every row with its time, downtime against budget
    #[command(
        after_help = "Example:\n  hau-ctl report 12\n  hau-ctl report 12 --html > rollout-12.html   # one file, to read, print or hand on"
    )]
    Report(report::Report),
    /// Who asked for what, from where and why, and what came of it: the audit trail of both nodes, or of this one if
    /// the other is away
    #[command(
        after_help = "Example:\n  hau-ctl audit --last 20\n  hau-ctl audit --since 2026-11-01 --json\n  hau-ctl audit verify a.trail b.trail a.pem b.pem   # on copies, anywhere"
    )]
    Audit(audit::Audit),
    /// The health report of both nodes
    #[command(after_help = "Example:\n  hau-ctl health --json")]
    Health,
}

#[derive(Debug, Args)]
struct Bundle {
    /// A path, or a file name in the incoming folder (/var/lib/hau/incoming)
    #[arg(value_name = "BUNDLE")]
    bundle: PathBuf,
}

#[derive(Debug, Args)]
struct Back {
    /// That node alone; it must be BACKUP
    #[arg(long, value_name = "NODE")]
    node: Option<String>,
    /// A backup's name, or a version; default: the newest backup that both nodes have
    #[arg(long, value_name = "BACKUP|VERSION")]
    to: Option<String>,
    /// The other node is dead: this one alone, where it is. Nobody is served meanwhile; it asks first
    #[arg(long)]
    local: bool,
    /// Do not ask, where nobody is served meanwhile
    #[arg(long)]
    accept_downtime: bool,
    /// Keep the database, or put the backup's dump in its place: what was written since is lost, and
    /// the service is away for as long as it takes to start; it asks first. Default: as hau.toml says
    #[arg(long, value_name = "keep|restore", value_parser = database)]
    database: Option<RollbackDatabase>,
    /// Do not ask, where what was written since the backup is lost
    #[arg(long)]
    accept_data_loss: bool,
}

fn database(word: &str) -> Result<RollbackDatabase, &'static str> {
    match word {
        "keep" => Ok(RollbackDatabase::Keep),
        "restore" => Ok(RollbackDatabase::Restore),
        _ => Err("keep or restore"),
    }
}

#[derive(Debug, Args)]
struct How {
    /// Why; kept in the audit trail
    #[arg(long)]
    reason: Option<String>,
    /// Return at once; the rollout goes on, hau-ctl watch shows it
    #[arg(long)]
    detach: bool,
}

#[derive(Debug, Subcommand)]
enum Backup {
    /// Back up code, configuration, root key (encrypted) and database of this node
    #[command(after_help = "Example:\n  hau-ctl backup create")]
    Create,
    /// The backups of this node, oldest first
    #[command(after_help = "Example:\n  hau-ctl backup list")]
    List,
    /// Read every byte of a backup back and compare checksums
    #[command(after_help = "Example:\n  hau-ctl backup verify backup_20261121_020000")]
    Verify { name: String },
    /// Does the encrypted root key of a backup open, and is it the key that the manifest names?
    /// Needs the files of the backup and no daemon; the key is not written anywhere
    #[command(
        name = "restore-key",
        after_help = "Example:\n  hau-ctl backup restore-key /var/lib/hau/backups/backup_20261121_020000 --check --identity shop-backup.txt"
    )]
    RestoreKey {
        /// The backup's folder, or a copy of it
        folder: PathBuf,
        /// Only see that it opens; without this the key is written to stdout
        #[arg(long)]
        check: bool,
        /// The secret half of a recipient, as age-keygen writes it; - reads it from stdin
        #[arg(long, value_name = "FILE")]
        identity: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
enum Sync {
    /// Does it run? If not: by whom it was paused, and what has changed since
    #[command(after_help = "Example:\n  hau-ctl sync status")]
    Status,
    /// Stop it on both nodes and keep it stopped, over reboots too
    #[command(after_help = "Example:\n  hau-ctl sync pause")]
    Pause,
    /// Let it run again
    #[command(after_help = "Example:\n  hau-ctl sync resume")]
    Resume,
    /// Compare both nodes' configuration; exit code 1 if it differs
    #[command(after_help = "Example:\n  hau-ctl sync check")]
    Check,
    /// Push the configuration once, from the MASTER
    #[command(after_help = "Example:\n  hau-ctl sync push")]
    Push,
}

#[derive(Debug, Subcommand)]
enum Notify {
    /// Tell each of them once, on this node, that this is a test; exit code 1 if one was not told
    #[command(after_help = "Example:\n  hau-ctl notify test")]
    Test,
}

/// The command line as data: the man page is made from it.
pub fn command() -> clap::Command {
    Cli::command()
}

/// The whole of `hau-ctl`.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return misunderstood(error),
    };
    let out = Output::new(cli.json, cli.lang);
    if cli.lang == Some(Lang::Zh) && out.lang == Lang::En && !cli.json {
        let needs = words!("--lang zh needs a locale of UTF-8: LC_ALL, LC_CTYPE or LANG");
        output::complain(&format!("hau-ctl: {}", out.lang.say(needs)));
    }
    let done = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::new(Code::Internal, say!(out.lang, "cannot begin: {}", e), ""))
        .and_then(|runtime| runtime.block_on(verbs::run(cli, out)));
    match done {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            out.failure(&failure);
            ExitCode::from(failure.code.exit())
        }
    }
}

/// Help and version are no errors; who wants JSON gets it for mistakes too. The words of a mistake are clap's own.
fn misunderstood(error: clap::Error) -> ExitCode {
    let json = std::env::args_os().any(|arg| arg == "--json");
    let error = match output::language(asked()) {
        Lang::Zh => {
            let command = help::translated(command(), Lang::Zh);
            let again = command.try_get_matches_from(std::env::args_os());
            again.err().unwrap_or(error)
        }
        Lang::En => error,
    };
    if error.exit_code() == 0
        || !json
        || error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    {
        error.print().ok();
    } else {
        let text = error.to_string();
        let what = text.lines().next().unwrap_or_default();
        let what = what.strip_prefix("error: ").unwrap_or(what);
        Output::new(true, None).failure(&Failure::new(
            Code::Usage,
            what,
            "hau-ctl --help, or hau-ctl VERB --help",
        ));
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

/// What `--lang` says, before there is a command line that could be read.
fn asked() -> Option<Lang> {
    let mut args = std::env::args();
    let word = args.find_map(|arg| match arg.strip_prefix("--lang") {
        Some("") => Some(None),
        Some(rest) => Some(Some(rest.strip_prefix('=')?.to_owned())),
        None => None,
    })?;
    language(&word.or_else(|| args.next())?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verb_says_what_it_does_and_has_an_example() {
        fn look(command: &clap::Command) {
            for verb in command.get_subcommands().filter(|c| c.get_name() != "help") {
                let name = verb.get_name();
                assert!(verb.get_about().is_some(), "{name} has no about");
                let example = verb
                    .get_after_help()
                    .map(ToString::to_string)
                    .unwrap_or_default();
                assert!(
                    example.contains(&format!("hau-ctl {name}"))
                        || example.contains(&format!(" {name}")),
                    "{name}"
                );
                look(verb);
            }
        }
        let command = command();
        command.clone().debug_assert();
        look(&command);
    }
}
