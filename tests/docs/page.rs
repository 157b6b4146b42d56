//! `hau-ctl(1)` from clap's tables, with the sections that clap does not know.
use clap::{Arg, Command};

const HEAD: &str = "\
.SH DESCRIPTION
.B hau\\-ctl
upgrades a two\\-node active/standby pair, one node after the other, and shows how it stands. It asks
.BR hau\\-sidecar (8)
over its Unix socket and may be run on either node. Reading is open to every local user, acting to root and to members of the group
.BR hau .
.B init
and the verbs below
.B bundle
need no daemon.
.PP
What an upgrade does row by row, what stands and what to do when it halts, and the shapes of the JSON answers are in
.IR /usr/share/doc/hau/README.md .
";

const TAIL: &str = "\
.SH EXIT STATUS
.TP
.B 0
done; also: waits as asked by
.BR \\-\\-stop\\-before ,
or given up by
.B abort
.TP
.B 1
failed, or a negative finding of
.B health
or
.B sync check
.TP
.B 2
usage: a wrong option, file or name
.TP
.B 3
refused before anything was changed (also: not allowed, the other node is not reachable), or a negative finding of
.BR doctor ,
.BR plan ,
.BR rollback\\ \\-\\-check ,
.BR bundle\\ verify ,
.B backup verify
or
.B backup restore\\-key
.TP
.B 4
halted: the rollout waits for
.BR retry ,
.B confirm
or
.B abort
.TP
.B 5
the daemon is not reachable
.TP
.B 6
busy: another rollout is under way
.TP
.B 130
detached by q or Ctrl\\-C; the rollout goes on
.SH OUTPUT
On a terminal a rollout and
.B watch
are a live view with keys (d details of a row, l log, a abort, q leave, ? all of them); elsewhere, and where the standard
input is no terminal, they are a line for each new fact. With
.B \\-\\-json
every answer is one object on one line of the standard output,
.RI {\"v\":1,\"ok\":true,\"data\": … }
or
.RI {\"v\":1,\"ok\":false,\"error\":{\"code\": … ,\"what\": … ,\"remedy\": … }};
where something is followed, one for each change.
.SH ENVIRONMENT
.TP
.B NO_COLOR
no colours, if not empty
.TP
.B TERM
.B dumb
is taken for no terminal
.TP
.BR LC_ALL \", \" LC_CTYPE \", \" LANG
the first that is set decides whether marks and arrows are UTF\\-8
.SH FILES
.TP
.I /run/hau/hau.sock
the daemon's socket
.TP
.I /var/lib/hau/incoming
bundles;
.BR plan ,
.B stage
and
.B upgrade
copy the one they are given there, which takes root
.TP
.I /etc/hau/keys
public keys whose bundles are taken
.SH SEE ALSO
.BR hau\\-sidecar (8),
.BR hau.toml (5),
.BR keepalived.conf (5),
.BR minisign (1),
.BR age (1)
";

pub(crate) fn hau_ctl() -> String {
    let command = hau::ctl::command();
    let about = command
        .get_about()
        .map(ToString::to_string)
        .unwrap_or_default();
    let version = env!("CARGO_PKG_VERSION");
    let mut out = format!(
        ".\\\" Made from the command line by tests/docs.rs; do not edit.\n\
         .TH HAU\\-CTL 1 \"\" \"hau {version}\"\n\
         .SH NAME\nhau\\-ctl \\- {}\n\
         .SH SYNOPSIS\n.B hau\\-ctl\n.RI [ OPTIONS ]\n.I VERB\n[…]\n{HEAD}",
        roff(&lower(&about))
    );
    out += ".SH OPTIONS\nThey may stand before or behind the verb.\n";
    let globals = command.get_arguments().filter(|arg| arg.is_global_set());
    globals.for_each(|arg| out += &argument(arg));
    out += ".TP\n.BR \\-h \", \" \\-\\-help\nwhat a verb does, with an example\n.TP\n.BR \\-V \", \" \\-\\-version\n";
    out += "the version of hau\\-ctl\n.SH VERBS\n";
    verbs(&command, "", &mut out);
    out + TAIL
}

fn verbs(of: &Command, before: &str, out: &mut String) {
    for verb in of.get_subcommands() {
        let name = format!("{before}{}", verb.get_name());
        if verb.has_subcommands() {
            verbs(verb, &format!("{name} "), out);
            continue;
        }
        let mut usage = name.clone();
        for arg in verb.get_arguments().filter(|arg| !arg.is_global_set()) {
            usage += &synopsis(arg);
        }
        let about = verb
            .get_about()
            .map(ToString::to_string)
            .unwrap_or_default();
        *out += &format!(
            ".SS {}\n{}.\n",
            roff(&usage),
            roff(about.trim_end_matches('.'))
        );
        let own = verb.get_arguments().filter(|arg| !arg.is_global_set());
        own.filter(|arg| arg.get_help().is_some())
            .for_each(|arg| *out += &argument(arg));
        let after = verb
            .get_after_help()
            .map(ToString::to_string)
            .unwrap_or_default();
        if let Some(example) = after.strip_prefix("Example:\n") {
            *out += &format!(".PP\n.nf\n{}\n.fi\n", roff(example));
        }
    }
}

fn value(arg: &Arg) -> String {
    let names = arg.get_value_names().unwrap_or_default();
    names
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(" ")
}

fn is_flag(arg: &Arg) -> bool {
    !arg.get_action().takes_values()
}

fn shown(arg: &Arg) -> String {
    match arg.get_long() {
        None => value(arg),
        Some(long) if is_flag(arg) => format!("--{long}"),
        Some(long) => format!("--{long} {}", value(arg)),
    }
}

fn synopsis(arg: &Arg) -> String {
    if arg.is_required_set() {
        format!(" {}", shown(arg))
    } else {
        format!(" [{}]", shown(arg))
    }
}

fn argument(arg: &Arg) -> String {
    let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let default: Vec<String> = arg
        .get_default_values()
        .iter()
        .map(|v| v.display().to_string())
        .collect();
    let default = match default.first().filter(|_| !is_flag(arg)) {
        Some(default) => format!("; default {default}"),
        None => String::new(),
    };
    format!(
        ".TP\n{}\n{}\n",
        bold(&shown(arg)),
        roff(&format!("{help}{default}"))
    )
}

fn lower(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|c| c.to_ascii_lowercase());
    first.into_iter().chain(chars).collect()
}

/// A request would take the quotes away.
pub(crate) fn bold(text: &str) -> String {
    format!("\\fB{}\\fR", roff(text))
}

/// Text as troff takes it: no line begins a request, no hyphen is turned.
pub(crate) fn roff(text: &str) -> String {
    let escaped = text.replace('\\', "\\e").replace('-', "\\-");
    let lines = escaped.lines().map(|line| {
        if line.starts_with(['.', '\'']) {
            format!("\\&{line}")
        } else {
            line.to_owned()
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}
