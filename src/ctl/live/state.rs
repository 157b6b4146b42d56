//! What whoever looks on has chosen and opened. Pure: a key and a rollout in, what is to be done out.
use crate::core::{Direction, RowState};
use crate::wire::{Outcome, Rollout};
use crate::words::{Lang, Words};
use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

/// In characters; the audit trail is no place for more.
const REASON_MAX: usize = 200;
/// In rows or lines.
const PAGE: isize = 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    Details,
    Log,
    Help,
    Abort,
    Close,
    Leave,
    /// By so many rows, or lines of the log.
    Along(isize),
    Across,
}

/// What `panels::help` explains.
const KEYS: [(KeyCode, Key); 15] = [
    (KeyCode::Char('d'), Key::Details),
    (KeyCode::Enter, Key::Details),
    (KeyCode::Char('l'), Key::Log),
    (KeyCode::Char('?'), Key::Help),
    (KeyCode::Char('a'), Key::Abort),
    (KeyCode::Esc, Key::Close),
    (KeyCode::Char('q'), Key::Leave),
    (KeyCode::Down, Key::Along(1)),
    (KeyCode::Char('j'), Key::Along(1)),
    (KeyCode::Up, Key::Along(-1)),
    (KeyCode::Char('k'), Key::Along(-1)),
    (KeyCode::PageDown, Key::Along(PAGE)),
    (KeyCode::PageUp, Key::Along(-PAGE)),
    (KeyCode::Left, Key::Across),
    (KeyCode::Right, Key::Across),
];

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct State {
    pub open: Open,
    /// The row that details are shown of, as a number in the rollout. None: the one at work.
    pub chosen: Option<usize>,
    /// How many lines of the log lie below what is in sight.
    pub below: usize,
    /// The answer to what was typed last.
    pub said: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Open {
    #[default]
    Nothing,
    Details,
    Log,
    Help,
    /// Whether the rollout shall be given up.
    Abort {
        reason: String,
        typing: bool,
    },
}

/// What a key asks for beyond the picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Act {
    Nothing,
    Leave,
    /// The reason; empty: none was given.
    GiveUp(String),
}

impl State {
    /// `r` is the rollout in sight.
    pub(super) fn press(&mut self, key: KeyEvent, r: Option<&Rollout>, lang: Lang) -> Act {
        if key.kind == KeyEventKind::Release {
            return Act::Nothing;
        }
        let with = |modifier| key.modifiers.contains(modifier);
        if with(KeyModifiers::CONTROL) {
            let leaves = key.code == KeyCode::Char('c');
            return if leaves { Act::Leave } else { Act::Nothing };
        }
        self.said = None;
        match &mut self.open {
            Open::Abort {
                reason,
                typing: true,
            } => {
                let reason = std::mem::take(reason);
                self.open = typed(key.code, reason);
            }
            Open::Abort { reason, .. } => {
                let reason = std::mem::take(reason);
                return self.answered(key.code, reason);
            }
            Open::Nothing | Open::Details | Open::Log | Open::Help => {
                return self.plain(key.code, r, lang);
            }
        }
        Act::Nothing
    }

    fn plain(&mut self, code: KeyCode, r: Option<&Rollout>, lang: Lang) -> Act {
        let Some((_, key)) = KEYS.iter().find(|(typed, _)| *typed == code) else {
            return Act::Nothing;
        };
        match key {
            Key::Leave => return Act::Leave,
            Key::Help => self.toggle(Open::Help),
            Key::Log => self.toggle(Open::Log),
            Key::Details if r.is_some() => self.toggle(Open::Details),
            Key::Details => {
                self.said = Some(say!(
                    lang,
                    "no rollout is in sight whose rows could be shown"
                ));
            }
            Key::Abort => match abort(r) {
                Ok(()) => self.toggle(Open::Abort {
                    reason: String::new(),
                    typing: false,
                }),
                Err(why) => self.said = Some(lang.say(why).to_owned()),
            },
            Key::Close => *self = Self::default(),
            Key::Along(by) => self.step(r, *by),
            Key::Across => self.across(r),
        }
        Act::Nothing
    }

    /// The same key closes what it has opened.
    fn toggle(&mut self, what: Open) {
        self.below = 0;
        self.open = if self.open == what {
            Open::Nothing
        } else {
            what
        };
    }

    /// In the log by lines, else along the rows of one node.
    fn step(&mut self, r: Option<&Rollout>, by: isize) {
        if self.open == Open::Log {
            self.below = self.below.saturating_add_signed(-by);
        } else if let Some((r, at)) = r.and_then(|r| Some((r, self.row(r)?))) {
            let side = side(r, |node| *node == r.rows[at].node);
            let nth = side.iter().position(|n| *n == at).unwrap_or(0);
            let to = nth.saturating_add_signed(by).min(side.len() - 1);
            self.chosen = Some(side[to]);
        }
    }

    /// To the other node's row beside this one, or the nearest that comes after it.
    fn across(&mut self, r: Option<&Rollout>) {
        let Some((r, at)) = r.and_then(|r| Some((r, self.row(r)?))) else {
            return;
        };
        let (phase, node) = (&r.rows[at].phase, &r.rows[at].node);
        let in_phase = |n: &&usize| r.rows[**n].phase == *phase;
        let nth = side(r, |x| x == node)
            .iter()
            .filter(in_phase)
            .position(|n| *n == at);
        let other = side(r, |x| x != node);
        let beside = other.iter().filter(in_phase).take(nth.unwrap_or(0) + 1);
        let near = beside.last().or(other.iter().find(|n| **n > at));
        self.chosen = near.or(other.last()).copied().or(self.chosen);
    }

    /// The row that the picture is about.
    pub(super) fn row(&self, r: &Rollout) -> Option<usize> {
        use RowState::{Done, Failed, Started, UndoFailed, Undoing};
        let at_work = |x: &RowState| matches!(x, Started | Undoing | Failed | UndoFailed);
        let rows = || r.rows.iter();
        self.chosen
            .filter(|n| *n < r.rows.len())
            .or_else(|| rows().position(|row| row.state.iter().any(at_work)))
            .or_else(|| rows().position(|row| row.state != Some(Done)))
            .or(r.rows.len().checked_sub(1))
    }

    fn answered(&mut self, key: KeyCode, reason: String) -> Act {
        if key == KeyCode::Char('y') {
            self.open = Open::Nothing;
            return Act::GiveUp(reason);
        }
        if key == KeyCode::Char('r') {
            let typing = true;
            self.open = Open::Abort { reason, typing };
        } else {
            self.open = Open::Nothing;
        }
        Act::Nothing
    }
}

/// The rows of the nodes that are meant, as numbers in the rollout.
fn side(r: &Rollout, is_meant: impl Fn(&String) -> bool) -> Vec<usize> {
    let rows = r.rows.iter().enumerate();
    let of = rows.filter(|(_, row)| is_meant(&row.node));
    of.map(|(n, _)| n).collect()
}

fn typed(key: KeyCode, mut reason: String) -> Open {
    if let KeyCode::Char(c) = key
        && reason.chars().count() < REASON_MAX
    {
        reason.push(c);
    } else if key == KeyCode::Backspace {
        reason.pop();
    } else if key == KeyCode::Esc {
        reason.clear();
    }
    let typing = ![KeyCode::Enter, KeyCode::Esc].contains(&key);
    Open::Abort { reason, typing }
}

/// Is there anything that could be given up?
fn abort(r: Option<&Rollout>) -> Result<(), Words> {
    match r {
        Some(r) if !matches!(r.result, None | Some(Outcome::Halted)) => {
            Err(words!("it has ended: there is nothing to give up"))
        }
        Some(r) if r.mandate.direction == Direction::Back => {
            Err(words!("it is being taken back already"))
        }
        Some(_) => Ok(()),
        None => Err(words!("no rollout is under way that could be given up")),
    }
}
