//! The one bounded mailbox through which everything reaches the core.
use crate::core::{Command, Event, Local, Reply};
use tokio::sync::{mpsc, oneshot};

/// Sources wait when it is full; the core never does.
const ROOM: usize = 1024;

pub(super) enum Post {
    Event(Event),
    /// A part of what this host looks like has been looked at again.
    Looked(Box<dyn FnOnce(&mut Local) + Send>),
    Ask(Command, oneshot::Sender<Reply>),
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
}
