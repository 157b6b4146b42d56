//! A journal in memory whose writes can be cut off by a crash, before they are durable or after.
use hau::core::{Journaled, Log, Record};
use std::{cell::RefCell, rc::Rc};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Crash {
    Before,
    After,
}

#[derive(Default)]
pub(crate) struct Platter {
    pub(crate) records: Vec<Record>,
    /// What a replay gives, kept up to date with every durable record.
    pub(crate) replayed: Journaled,
    /// The next write crashes.
    pub(crate) crash: Option<Crash>,
    /// The deliberate fault of promise 5: a write returns before it is durable.
    pub(crate) is_lying: bool,
    pending: Vec<Record>,
}

#[derive(Clone, Default)]
pub(crate) struct Disk(pub(crate) Rc<RefCell<Platter>>);

impl Platter {
    fn keep(&mut self, records: &[Record]) {
        for record in records {
            self.replayed.apply(record);
            self.records.push(record.clone());
        }
    }

    /// The process has died: what was not durable is gone.
    pub(crate) fn forget(&mut self) {
        self.pending.clear();
        self.crash = None;
    }
}

impl Log for Disk {
    type Error = Crash;
    fn append(&mut self, records: &[Record]) -> Result<(), Crash> {
        let mut platter = self.0.borrow_mut();
        let crash = platter.crash.take();
        if crash == Some(Crash::Before) {
            return Err(Crash::Before);
        }
        let earlier = std::mem::take(&mut platter.pending);
        platter.keep(&earlier);
        if platter.is_lying {
            platter.pending = records.to_vec();
        } else {
            platter.keep(records);
        }
        crash.map_or(Ok(()), Err)
    }
}
