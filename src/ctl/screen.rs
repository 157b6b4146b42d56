//! What goes on, as it goes on: redrawn in place on a terminal, else a line for each new fact, or a
//! JSON object for each change.
use super::output::{Output, say};
use super::render;
use crate::wire::{Outcome, Rollout, Status};
use std::io::{Write, stdout};

pub(super) struct Screen {
    out: Output,
    shown: Option<Status>,
    follows: bool,
    /// What stands on the terminal now.
    drawn: String,
    size: (usize, usize),
}

impl Screen {
    /// `before`: what is known already and needs no telling; with it one rollout is followed.
    pub(super) fn new(out: Output, before: Option<&Status>) -> Self {
        let shown = before.filter(|_| !out.json).cloned();
        Self {
            out,
            shown,
            follows: before.is_some(),
            drawn: String::new(),
            size: (0, 0),
        }
    }

    pub(super) fn show(&mut self, status: &Status) {
        if self.out.terminal {
            self.draw(&self.view(status));
        } else if self.out.json {
            if self
                .shown
                .as_ref()
                .is_none_or(|shown| !render::same(shown, status))
            {
                self.out.json(status);
            }
        } else {
            let facts = render::lines(self.shown.as_ref(), status, &self.out.look());
            facts.iter().for_each(|fact| say(fact));
        }
        self.shown = Some(status.clone());
    }

    /// A sentence between the facts: on a terminal it stands until the next picture.
    pub(super) fn remark(&mut self, text: &str) {
        if self.out.terminal {
            let picture = format!("{}\n{text}", self.drawn.trim_end());
            self.draw(&picture);
        } else {
            super::output::complain(text);
        }
    }

    /// Makes room for the last word.
    pub(super) fn clear(&mut self) {
        if self.out.terminal {
            self.draw("");
        }
    }

    fn view(&self, status: &Status) -> String {
        let look = self.out.look();
        // One that is followed stays in sight to its end.
        let goes_on = |o: Option<Outcome>| matches!(o, None | Some(Outcome::Halted));
        let in_sight = |r: &&Rollout| self.follows || goes_on(r.result);
        match status.rollout.as_ref().filter(in_sight) {
            Some(r) => render::rollout(status, r, &look),
            None => render::status(status, &look),
        }
    }

    /// In one write, so that it does not flicker; nothing at all when nothing is new.
    fn draw(&mut self, text: &str) {
        let look = self.out.look();
        let size = (look.width, look.height);
        if text == self.drawn && size == self.size {
            return;
        }
        let lines = self.drawn.trim_end().lines().count();
        let home = if self.size != size && self.size != (0, 0) {
            // Lines have been broken anew: nobody knows where the old picture begins.
            "\x1b[2J\x1b[H".to_owned()
        } else if lines > 0 {
            format!("\x1b[{lines}A\r\x1b[J")
        } else {
            String::new()
        };
        let text = text.trim_end();
        let end = if text.is_empty() { "" } else { "\n" };
        let mut out = stdout().lock();
        write!(out, "{home}{text}{end}")
            .and_then(|()| out.flush())
            .ok();
        self.drawn = text.to_owned();
        self.size = size;
    }
}
