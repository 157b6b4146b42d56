//! Tells the other node how this one is: every second, and at once when something changes.
use super::door::Method;
use super::link::PeerLink;
use crate::core::Hello;
use std::{sync::Arc, time::Duration};
use tokio::{sync::watch, time};

const EVERY: Duration = Duration::from_secs(1);
/// While packets are forwarded here, or from here: a node that is gone shall be missed at once.
const EVERY_ARMED: Duration = Duration::from_millis(200);
const LIMIT: Duration = Duration::from_secs(2);

/// Is the new one worth telling at once? How far the standby lags changes all the time.
pub(super) fn is_news(last: &Hello, new: &Hello) -> bool {
    let plain = |hello: &Hello| {
        let mut hello = hello.clone();
        Arc::make_mut(&mut hello.local.details).lag_bytes = None;
        hello
    };
    plain(last) != plain(new)
}

/// Sends until the daemon ends. A Hello that is lost is followed by another one.
pub(super) async fn send(link: Arc<PeerLink>, mut hello: watch::Receiver<Hello>) {
    let mut sequence = 0;
    let mut heard = true;
    loop {
        // A second without a change is no reason to fall silent; a loop that has ended is.
        let armed = !hello.borrow().local.armed.is_off();
        let every = if armed { EVERY_ARMED } else { EVERY };
        if let Ok(Err(_)) = time::timeout(every, hello.changed()).await {
            return;
        }
        sequence += 1;
        let mut next = hello.borrow_and_update().clone();
        // Before its first turn the daemon has nothing to tell.
        if next.boot == 0 {
            continue;
        }
        next.sequence = sequence;
        let Ok(body) = serde_json::to_vec(&next) else {
            continue;
        };
        let sent = link
            .request(Method::Post, "/v1/peer/hello", body, LIMIT)
            .await;
        let ok = matches!(sent, Ok((200, _)));
        if ok != heard {
            heard = ok;
            match sent {
                Ok((200, _)) => tracing::info!(HAU_EVENT = "peer", "the other node hears this one"),
                Ok((status, _)) => tracing::warn!(
                    HAU_EVENT = "peer",
                    "the other node answers {status} to a Hello"
                ),
                Err(e) => tracing::warn!(
                    HAU_EVENT = "peer",
                    "the other node is not reached: {}",
                    super::site::chain(&e)
                ),
            }
        }
    }
}
