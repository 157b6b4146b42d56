//! The live view: the status and keys in, pictures on the terminal's alternate screen. Only looks, but for the one
//! order that it asks about first; whatever happens to it, the rollout goes on.
//!
//! # Why
//!
//! Pictures and keys are pure (`view`, `state`), so that each is tested as text; what is left here is when to draw and
//! how the terminal is given back: at the end, at a signal (`interrupt`), and in a panic, for a release ends without
//! unwinding.
mod nodes;
mod paint;
mod panels;
mod rows;
mod state;
#[cfg(test)]
mod tests;
mod view;

use super::client::Client;
use super::output::Output;
use crate::core::Order;
use crate::render::{self, Look};
use crate::wire::{Code, Failure, OrderRequest, Outcome, Rollout, Started, Status};
use crate::words::{Lang, heard};
use crossterm::cursor::Show;
use crossterm::event::{Event, EventStream};
use crossterm::execute;
use crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use futures_util::StreamExt;
use ratatui::{Terminal, backend::CrosstermBackend};
use state::{Act, State};
use std::cell::RefCell;
use std::future::pending;
use std::io::{self, Stdout, stdout};
use std::panic;
use std::pin::Pin;
use view::Scene;

/// Lines of the log that are kept.
const LOG_MAX: usize = 2000;

pub(super) struct Live {
    out: Output,
    /// A rollout that is followed stays in sight to its end.
    follows: bool,
    inner: RefCell<Inner>,
}

struct Inner {
    terminal: Terminal<CrosstermBackend<Stdout>>,
    status: Option<Status>,
    /// What has been told is held against it.
    before: Option<Status>,
    log: Vec<String>,
    away: Option<String>,
    state: State,
}

impl Live {
    /// Takes the terminal. `before`: as for the plain lines.
    ///
    /// # Errors
    /// The terminal is not to be had.
    pub(super) fn open(out: Output, before: Option<&Status>) -> Result<Self, Failure> {
        let terminal = take().map_err(|e| {
            Live::give_back();
            let what = say!(out.lang, "cannot draw on this terminal: {}", e);
            let remedy = say!(out.lang, "TERM=dumb hau-ctl … shows plain lines");
            Failure::new(Code::Internal, what, remedy)
        })?;
        Ok(Self {
            out,
            follows: before.is_some(),
            inner: RefCell::new(Inner {
                terminal,
                status: None,
                before: before.cloned(),
                log: Vec::new(),
                away: None,
                state: State::default(),
            }),
        })
    }

    pub(super) fn show(&self, status: &Status) {
        let mut inner = self.inner.borrow_mut();
        let facts = render::lines(inner.before.as_ref(), status, &self.out.look());
        inner.log.extend(facts);
        let over = inner.log.len().saturating_sub(LOG_MAX);
        inner.log.drain(..over);
        let point = |s: &Status| self.in_sight(s).map(|r| (r.id, r.result));
        // An answer that was given before something else came is old.
        if inner.status.as_ref().map(point) != Some(point(status)) {
            inner.state.said = None;
        }
        inner.before = Some(status.clone());
        inner.status = Some(status.clone());
        inner.away = None;
        self.draw(&mut inner);
    }

    /// The daemon is away; it stands there until the next status.
    pub(super) fn remark(&self, text: &str) {
        let mut inner = self.inner.borrow_mut();
        inner.away = Some(text.to_owned());
        self.draw(&mut inner);
    }

    /// Ends when whoever looks on leaves.
    pub(super) async fn keys(&self, client: &Client) {
        type Ordered<'a> = Pin<Box<dyn Future<Output = Result<Started, Failure>> + 'a>>;
        let mut events = EventStream::new();
        let mut ordered: Option<Ordered<'_>> = None;
        loop {
            let answer = async {
                match &mut ordered {
                    Some(ordered) => ordered.await,
                    None => pending().await,
                }
            };
            tokio::select! {
                event = events.next() => match self.heard(event) {
                    Act::Nothing => {}
                    Act::Leave => return,
                    Act::GiveUp(reason) => ordered = Some(Box::pin(give_up(client, reason))),
                },
                answer = answer => {
                    ordered = None;
                    self.say(match answer {
                        Ok(_) => say!(self.out.lang, "ordered: what was begun is taken back"),
                        Err(failure) => refused(&failure, self.out.lang),
                    });
                }
            }
        }
    }

    /// A terminal that gives no more keys is gone.
    fn heard(&self, event: Option<io::Result<Event>>) -> Act {
        let Some(Ok(event)) = event else {
            return Act::Leave;
        };
        let mut inner = self.inner.borrow_mut();
        let Inner { state, status, .. } = &mut *inner;
        let act = if let Event::Key(key) = event {
            let r = status.as_ref().and_then(|s| self.in_sight(s));
            state.press(key, r, self.out.lang)
        } else {
            Act::Nothing
        };
        self.draw(&mut inner);
        act
    }

    /// The terminal as it was; more than once does no harm.
    pub(super) fn give_back() {
        disable_raw_mode().ok();
        execute!(stdout(), LeaveAlternateScreen, Show).ok();
    }

    fn say(&self, what: String) {
        let mut inner = self.inner.borrow_mut();
        inner.state.said = Some(what);
        self.draw(&mut inner);
    }

    fn in_sight<'a>(&self, status: &'a Status) -> Option<&'a Rollout> {
        let goes_on = |o: Option<Outcome>| matches!(o, None | Some(Outcome::Halted));
        let rollout = status.rollout.as_ref();
        rollout.filter(|r| self.follows || goes_on(r.result))
    }

    /// Only what differs from the last picture is written. A terminal that cannot be written to ends the keys, too.
    fn draw(&self, inner: &mut Inner) {
        let look: Look = self.out.look();
        let Inner {
            terminal,
            status,
            log,
            away,
            state,
            ..
        } = inner;
        let status = status.as_ref();
        let scene = Scene {
            status,
            rollout: status.and_then(|s| self.in_sight(s)),
            state,
            log,
            away: away.as_deref(),
            look,
        };
        terminal.draw(|frame| view::draw(frame, &scene)).ok();
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        Self::give_back();
    }
}

/// What the audit trail says if whoever gives a rollout up types nothing.
fn reason_for(lang: Lang) -> String {
    say!(lang, "given up in the live view")
}

fn refused(failure: &Failure, lang: Lang) -> String {
    let (what, remedy) = (heard(lang, &failure.what), heard(lang, &failure.remedy));
    say!(lang, "not given up: {}. {}", what, remedy)
}

async fn give_up(client: &Client, reason: String) -> Result<Started, Failure> {
    let reason = match reason.trim() {
        "" => reason_for(client.lang()),
        typed => typed.to_owned(),
    };
    let request = OrderRequest {
        order: Order::Abort,
        reason: Some(reason),
    };
    client.post("/v1/orders", &request).await
}

fn take() -> io::Result<Terminal<CrosstermBackend<Stdout>>> {
    let told = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        Live::give_back();
        told(panic);
    }));
    enable_raw_mode()?;
    execute!(stdout(), EnterAlternateScreen)?;
    Terminal::new(CrosstermBackend::new(stdout()))
}
