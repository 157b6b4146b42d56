//! Where answers go: plain words or JSON on stdout, errors on stderr, and nothing breaks when the
//! reader goes away.
use crate::render::Look;
use crate::wire::{Answer, Failure};
use crossterm::terminal::window_size;
use serde::Serialize;
use std::io::{IsTerminal, Write, stderr, stdin, stdout};

/// The width taken where there is no terminal.
const NO_TERMINAL: usize = 100;

#[derive(Clone, Copy, Debug)]
pub(super) struct Output {
    pub json: bool,
    pub terminal: bool,
}

impl Output {
    pub(super) fn new(json: bool) -> Self {
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self {
            json,
            terminal: stdout().is_terminal() && !dumb && !json,
        }
    }

    /// Does somebody sit in front of it who can press keys? Not where only the output goes to a terminal, as in CI or by
    /// `nohup`.
    pub(super) fn is_watched(self) -> bool {
        self.terminal && stdin().is_terminal()
    }

    /// How it may look right now: a terminal can change its size.
    pub(super) fn look(self) -> Look {
        let size = window_size().ok().filter(|_| self.terminal);
        let width = size.map_or(0, |size| size.columns.into());
        let plain = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
        Look {
            width: if width == 0 {
                NO_TERMINAL
            } else {
                width.max(40)
            },
            color: self.terminal && !plain,
            unicode: speaks_utf8(),
        }
    }

    /// The answer as JSON, or as what `render` makes of it.
    pub(super) fn answer<T: Serialize>(self, data: &T, render: impl FnOnce(&T, &Look) -> String) {
        if self.json {
            self.json(data);
        } else {
            say(&render(data, &self.look()));
        }
    }

    /// One object on one line.
    pub(super) fn json<T: Serialize>(self, data: &T) {
        let answer = Answer::from(Ok(data));
        say(&serde_json::to_string(&answer).unwrap_or_default());
    }

    pub(super) fn failure(self, failure: &Failure) {
        if self.json {
            let answer = Answer::<()>::from(Err(failure.clone()));
            say(&serde_json::to_string(&answer).unwrap_or_default());
        } else {
            let Failure { what, remedy, .. } = failure;
            complain(&format!("hau-ctl: {what}"));
            if !remedy.is_empty() {
                complain(&format!("  → {remedy}"));
            }
        }
    }
}

/// A line (or several) on stdout. A reader that has gone away is no error: `hau-ctl history | head`.
pub(super) fn say(text: &str) {
    let text = text.trim_end_matches('\n');
    let mut out = stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush()).ok();
}

pub(super) fn complain(text: &str) {
    writeln!(stderr(), "{text}").ok();
}

/// As the locale says: the first of these that is set decides.
fn speaks_utf8() -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .filter_map(|name| std::env::var(name).ok())
        .find(|value| !value.is_empty());
    locale.is_some_and(|l| {
        let l = l.to_ascii_lowercase();
        l.contains("utf-8") || l.contains("utf8")
    })
}
