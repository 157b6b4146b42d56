//! The one order of things: observe, decide, journal, apply, and only then act.
use super::{Event, Intents, Record, Reply, State, decide, intents};
use crate::time::Time;

/// Where records become durable. `append` returns once they are.
pub trait Log {
    type Error;
    /// # Errors
    /// When the records may not be durable.
    fn append(&mut self, records: &[Record]) -> Result<(), Self::Error>;
}

#[derive(Debug)]
pub struct Machine<L> {
    state: State,
    log: L,
}

/// What the shell is to do after one turn.
#[derive(Debug)]
pub struct Turned {
    pub intents: Intents,
    pub reply: Option<Reply>,
    /// The facts of this turn, already durable: each is told once.
    pub records: Vec<Record>,
}

impl<L: Log> Machine<L> {
    /// Folds the journal into the state it describes.
    pub fn recover(mut state: State, records: &[Record], log: L) -> Self {
        for record in records {
            state.journaled.apply(record);
        }
        Self { state, log }
    }

    pub fn state(&self) -> &State {
        &self.state
    }

    /// # Errors
    /// When the records could not be made durable. The state is then unchanged but for
    /// observations, and the process must not act: it exits and recovers.
    pub fn handle(&mut self, now: Time, event: &Event) -> Result<Turned, L::Error> {
        self.state.observe(now, event);
        let decision = decide(&self.state, now, event);
        if !decision.records.is_empty() {
            self.log.append(&decision.records)?;
        }
        for record in &decision.records {
            self.state.journaled.apply(record);
        }
        let intents = intents(&self.state, now);
        Ok(Turned {
            intents,
            reply: decision.reply,
            records: decision.records,
        })
    }
}
