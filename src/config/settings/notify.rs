//! `[notify]`, typed.

use std::{fmt, path::PathBuf};

use hyper::Uri;
use lettre::Address;

/// Who is told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Notify {
    /// `[[notify.command]]`
    pub command: Vec<NotifyCommand>,
    /// `[[notify.webhook]]`
    pub webhook: Vec<Webhook>,
    /// `[notify.mail]`
    pub mail: Option<Mail>,
}

/// What one of them is told of; empty: everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Events(pub Vec<NoticeKind>);

impl Events {
    /// Is it one of them?
    #[must_use]
    pub fn include(&self, kind: NoticeKind) -> bool {
        self.0.is_empty() || self.0.contains(&kind)
    }
}

/// A program that gets the event as one line of JSON on standard input. It runs as root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotifyCommand {
    /// The program with its whole path, then its words.
    pub run: Vec<String>,
    /// Which.
    pub events: Events,
}

impl NotifyCommand {
    /// Its path.
    #[must_use]
    pub fn program(&self) -> &str {
        self.run.first().map_or("", String::as_str)
    }
}

/// An HTTP POST.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Where to.
    pub address: HookAddress,
    /// What is posted, and what counts as taken.
    pub shape: Shape,
    /// Holds what a robot's messages are signed with.
    pub secret_file: Option<PathBuf>,
    /// CAs that are trusted in the place of this host's own.
    pub ca_file: Option<PathBuf>,
    /// Which.
    pub events: Events,
}

/// Where the URL is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HookAddress {
    /// In hau.toml.
    Here(HookUrl),
    /// In a file that root alone can read.
    File(PathBuf),
}

/// `http://…` or `https://…`. Whoever knows the URL of a robot may post: it is shown up to the name of its server only.
#[derive(Clone, PartialEq, Eq)]
pub struct HookUrl(String);

impl HookUrl {
    /// What it looks like, as a remedy.
    pub const RULE: &'static str =
        "write http://HOST/PATH or https://HOST/PATH, without a user and password";

    /// `None`: it is not one.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let uri: Uri = text.parse().ok()?;
        let is_http = matches!(uri.scheme_str(), Some("http" | "https"));
        let server = uri.authority()?;
        // What follows a # is never sent, and would hide what is put behind the query.
        let is_plain = !server.host().is_empty() && !server.as_str().contains('@');
        (is_http && is_plain && !text.contains('#')).then(|| Self(text.to_owned()))
    }

    /// All of it: not for messages.
    #[must_use]
    pub fn secret(&self) -> &str {
        &self.0
    }

    /// Does a server behind it show a certificate?
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.0
            .get(..6)
            .is_some_and(|scheme| scheme.eq_ignore_ascii_case("https:"))
    }
}

impl fmt::Display for HookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The scheme ends with the first slash but one, the server with the third.
        let end = self.0.match_indices(['/', '?', '#']).nth(2);
        f.write_str(&self.0[..end.map_or(self.0.len(), |(at, _)| at)])
    }
}

impl fmt::Debug for HookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Whose language a webhook speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// The line that a command gets.
    Json,
    /// A robot of DingTalk.
    DingTalk,
    /// A robot of WeCom.
    WeCom,
    /// A robot of Feishu or Lark.
    Feishu,
    /// An incoming webhook of Slack; Mattermost and Rocket.Chat take the same.
    Slack,
}

/// A mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// Who takes it.
    pub server: MailServer,
    /// How the connection is kept from others.
    pub tls: MailTls,
    /// CAs that are trusted in the place of this host's own.
    pub ca_file: Option<PathBuf>,
    /// Sender.
    pub from: Address,
    /// Receivers, at least one.
    pub to: Vec<Address>,
    /// `None`: the server asks for none.
    pub login: Option<Login>,
    /// Which.
    pub events: Events,
}

/// `HOST:PORT`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailServer {
    /// A name, or an address without brackets.
    pub host: String,
    /// Mostly 465 (`required`), 587 (`starttls`) or 25.
    pub port: u16,
}

impl fmt::Display for MailServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') {
            return write!(f, "[{host}]:{port}");
        }
        write!(f, "{host}:{port}")
    }
}

/// How the connection to a mail server is kept from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailTls {
    /// TLS from the first byte on.
    Required,
    /// TLS as soon as the server has said that it can; without it nothing is sent.
    Starttls,
    /// Not at all.
    None,
}

/// How a mail server knows us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// As the server calls it.
    pub user: String,
    /// Holds the password.
    pub password_file: PathBuf,
}

/// What somebody outside may be told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoticeKind {
    /// A rollout, a failover or a rejoin begins.
    Begun,
    /// Something of one failed: it stands still until a person decides, or what was done is taken back.
    Failed,
    /// One has ended, well or not.
    Ended,
    /// The primary role has come to this node.
    Primary,
    /// A person must see to something.
    Alarm,
    /// `hau-ctl notify test`.
    Test,
}

impl NoticeKind {
    /// As hau.toml writes it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Begun => "begun",
            Self::Failed => "failed",
            Self::Ended => "ended",
            Self::Primary => "primary",
            Self::Alarm => "alarm",
            Self::Test => "test",
        }
    }
}
