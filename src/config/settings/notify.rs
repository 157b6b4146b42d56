//! `[notify]`, typed.

/// Who is told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Notify {
    /// `[[notify.webhook]]`
    pub webhook: Vec<Webhook>,
    /// `[notify.mail]`
    pub mail: Option<Mail>,
    /// `[[notify.command]]`
    pub command: Vec<NotifyCommand>,
}

/// An HTTP POST.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// `http://…` or `https://…`
    pub url: String,
    /// Which; empty: all.
    pub events: Vec<String>,
}

/// A mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// Sender.
    pub from: String,
    /// Receivers, at least one.
    pub to: Vec<String>,
}

/// A program that gets the event as one line of JSON on standard input. It runs as root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotifyCommand {
    /// The program with its whole path, then its words.
    pub run: Vec<String>,
    /// Which; empty: all.
    pub events: Vec<NoticeKind>,
}

impl NotifyCommand {
    /// Its path.
    #[must_use]
    pub fn program(&self) -> &str {
        self.run.first().map_or("", String::as_str)
    }

    /// Is it told of this?
    #[must_use]
    pub fn wants(&self, kind: NoticeKind) -> bool {
        self.events.is_empty() || self.events.contains(&kind)
    }
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
