//! `hau.toml(5)` from the commented example: a section a section, a key an entry.
use super::page::{bold, roff};

const TAIL: &str = "\
.SH NOTES
Durations are
.BR 30s ,
.BR 15m ,
.BR \"1h 30m\" .
URLs are
.B http://
only: what hau asks is on this host. Those of webhooks may be
.B https://
too. Paths begin with / and have no
.BR .. .
A
.B dsn
with a password is refused: use peer authentication over the Unix socket.
.PP
The daemon reads the file when it starts. After a change, on both nodes:
.BR \"systemctl restart hau\\-sidecar\" .
Everything that is wrong is told at once, with file, line and remedy:
.PP
.nf
hau.toml:67: database.replication_slot is not available in this version; use wal_keep_size: leave this key out
.fi
.SH FILES
.I /etc/hau/hau.toml
.br
.I /etc/hau/hau.toml.d/NN\\-name.toml
.br
.I /usr/share/doc/hau/hau.toml.example
.SH SEE ALSO
.BR hau\\-sidecar (8),
.BR hau\\-ctl (1),
.BR keepalived.conf (5)
";

pub(crate) fn page(example: &str) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let mut out = format!(
        ".\\\" Made from hau.toml.example by tests/docs.rs; do not edit.\n\
         .TH HAU.TOML 5 \"\" \"hau {version}\"\n\
         .SH NAME\nhau.toml \\- configuration of hau\\-sidecar and hau\\-ctl\n\
         .SH DESCRIPTION\n"
    );
    let (mut text, mut has_sections): (Vec<String>, bool) = (Vec::new(), false);
    let mut lines = example.lines().peekable();
    while let Some(line) = lines.next() {
        if let Some(key) = key(line) {
            let (mut shown, said) = parted(key);
            text.extend((!said.is_empty()).then(|| said.to_owned()));
            while shown.matches('[').count() > shown.matches(']').count() {
                let more = lines.next().expect("the list ends");
                shown = format!("{shown} {}", more.trim());
            }
            let said = std::mem::take(&mut text).join("\n");
            out += &format!(".TP\n{}\n{}\n", bold(&shown), roff(&said));
        } else if let Some(header) = header(line) {
            let (shown, said) = parted(header);
            if !has_sections {
                // What stands before the first section is about the whole file.
                flush(&mut text, &mut out);
                out += ".SH SECTIONS\n";
                has_sections = true;
            }
            out += &format!(".SS {}\n", roff(&shown));
            flush(&mut text, &mut out);
            text.extend((!said.is_empty()).then(|| said.to_owned()));
        } else if let Some(words) = line.strip_prefix('#') {
            text.push(words.trim().to_owned());
        } else if line.is_empty() && !has_sections {
            flush(&mut text, &mut out);
        }
    }
    out + TAIL
}

/// A key with its value, also one that is commented out.
fn key(line: &str) -> Option<&str> {
    let bare = line.strip_prefix("# ").unwrap_or(line);
    let (name, _) = bare.split_once(" = ")?;
    let plain = |c: char| c.is_ascii_lowercase() || c == '_';
    (!name.is_empty() && name.chars().all(plain)).then_some(bare)
}

/// A section, also one that is commented out.
fn header(line: &str) -> Option<&str> {
    let bare = line.strip_prefix("# ").unwrap_or(line);
    bare.starts_with('[').then_some(bare)
}

/// What stands before and behind the `#` of a line.
fn parted(line: &str) -> (String, &str) {
    let (shown, said) = line.split_once(" #").unwrap_or((line, ""));
    (shown.trim().to_owned(), said.trim())
}

fn flush(text: &mut Vec<String>, out: &mut String) {
    if !text.is_empty() {
        *out += &format!("{}\n.PP\n", roff(&text.join("\n")));
        text.clear();
    }
}
