//! Where answers go: plain words or JSON on stdout, errors on stderr, and nothing breaks when the
//! reader goes away.
use crate::render::Look;
use crate::wire::{Answer, Failure};
use crate::words::{Lang, heard};
use crossterm::terminal::window_size;
use serde::Serialize;
use std::io::{IsTerminal, Write, stderr, stdin, stdout};

/// The width taken where there is no terminal.
const NO_TERMINAL: usize = 100;

#[derive(Clone, Copy, Debug)]
pub(super) struct Output {
    pub json: bool,
    pub terminal: bool,
    /// What travels is English, and so is JSON.
    pub lang: Lang,
}

impl Output {
    pub(super) fn new(json: bool, asked: Option<Lang>) -> Self {
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self {
            json,
            terminal: stdout().is_terminal() && !dumb && !json,
            lang: if json { Lang::En } else { language(asked) },
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
            lang: self.lang,
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
            let (what, remedy) = (&failure.what, &failure.remedy);
            complain(&format!("hau-ctl: {}", heard(self.lang, what)));
            if !remedy.is_empty() {
                complain(&format!("  → {}", heard(self.lang, remedy)));
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

/// What was asked for, else as the locale says. What a terminal cannot show is not said to it.
pub(super) fn language(asked: Option<Lang>) -> Lang {
    let said = || {
        let values = ["LC_ALL", "LC_MESSAGES", "LANG"].map(variable);
        Lang::of_locale(values.iter().map(String::as_str))
    };
    match asked.unwrap_or_else(said) {
        Lang::Zh if speaks_utf8() => Lang::Zh,
        Lang::Zh | Lang::En => Lang::En,
    }
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_default()
}

/// As the locale says: the first of these that is set decides.
fn speaks_utf8() -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].map(variable);
    let locale = locale.iter().find(|value| !value.is_empty());
    locale.is_some_and(|l| {
        let l = l.to_ascii_lowercase();
        l.contains("utf-8") || l.contains("utf8")
    })
}
