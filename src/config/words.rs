//! How the enums are written in hau.toml.

use super::database::Adapter;
use super::read::Word;
use super::settings::{
    Failover, MailTls, NoticeKind, Page, Prove, Rejoin, RollbackDatabase, RollbackPolicy, Shape,
    Switch, When,
};

impl Word for Switch {
    const WORDS: &'static [(&'static str, Switch)] = &[
        ("lower", Switch::Lower),
        ("fast", Switch::Fast),
        ("auto", Switch::Auto),
    ];
}

impl Word for Page {
    const WORDS: &'static [(&'static str, Page)] = &[
        ("loopback", Page::Loopback),
        ("everywhere", Page::Everywhere),
        ("off", Page::Off),
    ];
}

/// `None` is the word `none`.
impl Word for Option<Adapter> {
    const WORDS: &'static [(&'static str, Option<Adapter>)] = &[
        ("postgres", Some(Adapter::Postgres)),
        ("gaussdb", Some(Adapter::Gaussdb)),
        ("command", Some(Adapter::Command)),
        ("none", None),
    ];
}

/// A test is for all of them.
impl Word for NoticeKind {
    const WORDS: &'static [(&'static str, NoticeKind)] = &[
        ("begun", NoticeKind::Begun),
        ("failed", NoticeKind::Failed),
        ("ended", NoticeKind::Ended),
        ("primary", NoticeKind::Primary),
        ("alarm", NoticeKind::Alarm),
    ];
}

impl Word for Shape {
    const WORDS: &'static [(&'static str, Shape)] = &[
        ("json", Shape::Json),
        ("dingtalk", Shape::DingTalk),
        ("wecom", Shape::WeCom),
        ("feishu", Shape::Feishu),
        ("slack", Shape::Slack),
    ];
}

impl Word for MailTls {
    const WORDS: &'static [(&'static str, MailTls)] = &[
        ("required", MailTls::Required),
        ("starttls", MailTls::Starttls),
        ("none", MailTls::None),
    ];
}

impl Word for Rejoin {
    const WORDS: &'static [(&'static str, Rejoin)] =
        &[("manual", Rejoin::Manual), ("auto", Rejoin::Auto)];
}

impl Word for Failover {
    const WORDS: &'static [(&'static str, Failover)] =
        &[("manual", Failover::Manual), ("auto", Failover::Auto)];
}

impl Word for Prove {
    const WORDS: &'static [(&'static str, Prove)] =
        &[("restore", Prove::Restore), ("verify", Prove::Verify)];
}

impl Word for When {
    const WORDS: &'static [(&'static str, When)] = &[
        ("auto", When::Auto),
        ("always", When::Always),
        ("never", When::Never),
    ];
}

impl Word for RollbackPolicy {
    const WORDS: &'static [(&'static str, RollbackPolicy)] = &[
        ("manual", RollbackPolicy::Manual),
        ("auto", RollbackPolicy::Auto),
    ];
}

impl Word for RollbackDatabase {
    const WORDS: &'static [(&'static str, RollbackDatabase)] = &[
        ("keep", RollbackDatabase::Keep),
        ("restore", RollbackDatabase::Restore),
    ];
}
