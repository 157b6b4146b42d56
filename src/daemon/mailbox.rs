//! The one bounded mailbox through which everything reaches the core.
use super::observe::Looks;
use crate::core::{Command, Event, Refusal, Reply};
use tokio::sync::{mpsc, oneshot};

/// Sources wait when it is full; the core never does.
const ROOM: usize = 1024;

pub(super) enum Post {
    Event(Event),
    /// A part of what this host looks like has been looked at again.
    Looked(Box<dyn FnOnce(&mut Looks) + Send>),
    Ask(Command, oneshot::Sender<Reply>),
    /// Somebody wants to do by hand what no rollout may meet.
    Hands(oneshot::Sender<Result<(), Refusal>>),
    /// ... and has done it.
    HandsOff,
    /// SIGTERM: end, leaving everything as it is.
    Quit,
}

#[derive(Clone)]
pub(super) struct Mailbox(mpsc::Sender<Post>);

impl Mailbox {
    pub(super) fn new() -> (Self, mpsc::Receiver<Post>) {
        let (sender, receiver) = mpsc::channel(ROOM);
        (Self(sender), receiver)
    }

    /// From a thread outside the runtime. A daemon that ends no longer reads its mail.
    pub(super) fn post(&self, post: Post) {
        if self.0.blocking_send(post).is_err() {
            tracing::debug!("the daemon is ending");
        }
    }

    /// Asks the core and waits for its answer; None: the daemon is ending.
    pub(super) fn ask(&self, command: Command) -> Option<Reply> {
        let (sender, receiver) = oneshot::channel();
        self.post(Post::Ask(command, sender));
        receiver.blocking_recv().ok()
    }

    /// Keeps rollouts from going on here until what comes back is dropped; None: the daemon is ending.
    pub(super) fn hands(&self) -> Option<Result<Hands, Refusal>> {
        let (sender, receiver) = oneshot::channel();
        self.post(Post::Hands(sender));
        let lent = receiver.blocking_recv().ok()?;
        Some(lent.map(|()| Hands(self.clone())))
    }
}

/// Something is done by hand while this is held.
pub(super) struct Hands(Mailbox);

impl Drop for Hands {
    fn drop(&mut self) {
        self.0.post(Post::HandsOff);
    }
}
