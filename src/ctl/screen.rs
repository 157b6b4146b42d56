//! What goes on, as it goes on: the live view on a terminal, else a line for each new fact, or a JSON object for each
//! change.
use super::client::Client;
use super::live::Live;
use super::output::{Output, complain, say};
use crate::render;
use crate::wire::{Failure, Status};
use std::cell::RefCell;
use std::future::pending;

pub(super) enum Screen {
    Live(Box<Live>),
    /// With what has been told.
    Told(Output, Box<RefCell<Option<Status>>>),
}

impl Screen {
    /// `before`: what is known already and needs no telling; with it one rollout is followed.
    ///
    /// # Errors
    /// The terminal is not to be had.
    pub(super) fn open(out: Output, before: Option<&Status>) -> Result<Self, Failure> {
        Ok(if out.is_watched() {
            Self::Live(Box::new(Live::open(out, before)?))
        } else {
            let told = before.filter(|_| !out.json).cloned();
            Self::Told(out, Box::new(RefCell::new(told)))
        })
    }

    pub(super) fn is_live(&self) -> bool {
        matches!(self, Self::Live(_))
    }

    pub(super) fn show(&self, status: &Status) {
        match self {
            Self::Live(live) => live.show(status),
            Self::Told(out, told) => {
                let told = told.replace(Some(status.clone()));
                tell(*out, told.as_ref(), status);
            }
        }
    }

    /// A sentence between the facts.
    pub(super) fn remark(&self, text: &str) {
        match self {
            Self::Live(live) => live.remark(text),
            Self::Told(..) => complain(text),
        }
    }

    /// The terminal as it was.
    pub(super) fn give_back(&self) {
        match self {
            Self::Live(_) => Live::give_back(),
            Self::Told(..) => {}
        }
    }

    /// Ends when a key asks for it: never, where there are none.
    pub(super) async fn left(&self, client: &Client) {
        match self {
            Self::Live(live) => live.keys(client).await,
            Self::Told(..) => pending().await,
        }
    }
}

fn tell(out: Output, told: Option<&Status>, status: &Status) {
    if !out.json {
        let facts = render::lines(told, status, &out.look());
        facts.iter().for_each(|fact| say(fact));
    } else if told.is_none_or(|told| !render::same(told, status)) {
        out.json(status);
    }
}
