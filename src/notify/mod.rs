//! Ways to somebody outside: a program, a webhook, a mail. Each tells a [`Notice`] once and says what was answered; when
//! and how often, `daemon/notices.rs` decides.
mod bounded;
mod command;
mod mail;
mod shape;
mod webhook;

use crate::config::{Events, NoticeKind, Notify};
use crate::core::Problem;
use crate::host::{Finding, Host};
use serde::Serialize;
use std::{path::Path, sync::Arc, time::Duration};
use tokio::runtime::Handle;

/// One try, with all that belongs to it.
pub const LIMIT: Duration = Duration::from_secs(30);
/// Of what others say, in our messages.
const SAID_CHARS: usize = 200;

/// An event as somebody outside is told it; as JSON it is what a program reads, and what a webhook gets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Notice {
    pub v: u32,
    #[serde(serialize_with = "word")]
    pub event: NoticeKind,
    /// `[cluster] name`
    pub cluster: String,
    /// The node that tells it.
    pub node: String,
    /// RFC 3339.
    pub at: String,
    /// The number of the rollout, failover or rejoin; none of its own: left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rollout: Option<u64>,
    pub what: String,
    /// What to do about it; nothing: left out.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub remedy: String,
}

fn word<S: serde::Serializer>(kind: &NoticeKind, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(kind.word())
}

impl Notice {
    /// As one line of JSON.
    fn line(&self) -> Result<Vec<u8>, Problem> {
        let mut line = serde_json::to_vec(self).map_err(|e| Problem {
            what: told!("the event cannot be written as JSON: {}", e),
            remedy: told!("report this as an error of hau"),
        })?;
        line.push(b'\n');
        Ok(line)
    }

    /// As one sentence, for people. It begins with "hau": a robot that wants a keyword finds it there.
    fn headline(&self) -> String {
        let Self {
            cluster,
            node,
            what,
            ..
        } = self;
        flat(&format!(
            "hau [{cluster} {node}] {}: {what}",
            self.event.word()
        ))
    }
}

/// In one line, and nothing in it that is not to be seen.
fn flat(text: &str) -> String {
    let shown = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect::<String>();
    shown.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// At most so many bytes of it, whole characters.
fn cut(text: &str, most: usize) -> String {
    let Some(room) = most.checked_sub("…".len()).filter(|_| text.len() > most) else {
        return text.to_owned();
    };
    let end = (0..=room).rev().find(|at| text.is_char_boundary(*at));
    format!("{}…", &text[..end.unwrap_or(0)])
}

/// What others said, in one line of a message.
fn said(text: &str) -> String {
    flat(&text.chars().take(SAID_CHARS).collect::<String>())
}

/// One way.
pub trait Channel: Send + Sync {
    /// As messages call it. Nothing of it is secret.
    fn name(&self) -> String;
    /// What is told this way.
    fn events(&self) -> &Events;
    /// What can be seen without telling anything; what is missing is a problem now, and not in the night it is needed.
    fn look(&self, host: &dyn Host) -> Vec<Finding>;
    /// Once, within [`LIMIT`]: what was answered. Called from threads outside the runtime.
    ///
    /// # Errors
    /// Why nobody was told, and what to do about it.
    fn tell(&self, notice: &Notice, host: &dyn Host, runtime: &Handle) -> Result<String, Problem>;
}

/// Every way that hau.toml names.
pub fn channels(notify: &Notify) -> Vec<Arc<dyn Channel>> {
    fn shared<C: Channel + Clone + 'static>(one: &C) -> Arc<dyn Channel> {
        Arc::new(one.clone())
    }
    let commands = notify.command.iter().map(shared);
    let webhooks = notify.webhook.iter().map(shared);
    commands
        .chain(webhooks)
        .chain(notify.mail.iter().map(shared))
        .collect()
}

/// The CAs that a server is verified with.
fn trusted(
    host: &dyn Host,
    ca_file: Option<&Path>,
) -> Result<Vec<rustls::pki_types::CertificateDer<'static>>, Problem> {
    let wrong = |what: String| {
        let remedy = told!("name a file with the certificate of your CA (PEM) in ca_file");
        Problem {
            what,
            remedy: remedy.to_owned(),
        }
    };
    let Some(path) = ca_file else {
        return crate::tls::roots(None).map_err(|e| wrong(e.to_string()));
    };
    let pem = host.read(path).map_err(|e| wrong(e.to_string()))?;
    crate::tls::roots(Some(&pem)).map_err(|e| wrong(format!("{}: {e}", path.display())))
}

/// The findings of one way, of which each part is looked at.
fn findings(name: &str, parts: impl IntoIterator<Item = Result<(), Problem>>) -> Vec<Finding> {
    let wrong: Vec<Finding> = parts
        .into_iter()
        .filter_map(Result::err)
        .map(|Problem { what, remedy }| Finding::fail(CHECK, format!("{name}: {what}"), remedy))
        .collect();
    if wrong.is_empty() {
        let what = told!(
            "{}: what it needs is there; hau-ctl notify test tells more",
            name
        );
        return vec![Finding::pass(CHECK, what)];
    }
    wrong
}

/// As `doctor` calls it.
const CHECK: &str = "notify";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_one_line_of_whole_characters() {
        assert_eq!(flat("a\r\nBcc: b\t\u{7}c "), "a Bcc: b c");
        assert_eq!(cut("备份", 6), "备份");
        assert_eq!(cut("备份完成", 10), "备份…");
        assert_eq!(cut("备份完成", 11), "备份…");
        assert_eq!(cut("备份完成", 2), "备份完成", "no room for anything");
        assert_eq!(said(&"x".repeat(999)).len(), SAID_CHARS);
    }
}
