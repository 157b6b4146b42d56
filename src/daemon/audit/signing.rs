//! Each node signs the other one's trail, on a thread of its own: no act and no turn of the core waits for it.
use super::{Audit, Queue, Work, lock};
use crate::audit::{Event, Head, Look, Shown, Trail, Witness, look, statement};
use crate::daemon::door::Method;
use crate::daemon::site::chain;
use crate::tls::{self, Fingerprint};
use crate::wire::{Answer, Code, Failure};
use base64::{Engine, engine::general_purpose::STANDARD};
use std::{sync::Arc, thread, time::Duration};

/// Before the other node is asked once more.
const AGAIN: Duration = Duration::from_secs(30);
/// ... where it has not signed just now: it may not yet know that the nodes were paired anew. Each time after that twice as
/// long, for a node that is away may be so for days.
const SOON: Duration = Duration::from_secs(5);
const LIMIT: Duration = Duration::from_secs(5);
/// Of one stretch that the other node is shown.
const MOST_LINES: usize = 200;
const MOST_BYTES: usize = 256 << 10;
const CONFLICT: u16 = 409;

/// Why it is not signed.
enum Unsigned {
    /// Not yet.
    Waits(String),
    /// The other node has signed another one.
    Refused(String),
}

/// Writes what is queued, and has it signed, until the daemon ends.
pub(in crate::daemon) fn start(audit: &Arc<Audit>, Queue(queue): Queue) {
    let audit = Arc::clone(audit);
    thread::spawn(move || {
        let mut pause = AGAIN;
        loop {
            // The other end lives as long as `audit` does.
            let work = queue.recv_timeout(pause).ok();
            let is_news = work.is_some();
            for work in work.into_iter().chain(queue.try_iter()) {
                if let Work::Write(event) = work
                    && let Err(why) = audit.append(|_| vec![*event])
                {
                    tracing::error!(HAU_EVENT = "audit", "{why}");
                    lock(&audit.known).write = Some(why);
                }
            }
            pause = match (audit.see_to_signatures(), is_news) {
                (true, _) => AGAIN,
                (false, true) => SOON,
                (false, false) => (pause * 2).min(AGAIN),
            };
        }
    });
}

impl Audit {
    /// Whether all is signed.
    fn see_to_signatures(&self) -> bool {
        let done = self.have_signed();
        let is_signed = done.is_ok();
        let mut known = lock(&self.known);
        (known.waits, known.refused) = match done {
            Ok(()) => (None, None),
            Err(Unsigned::Waits(why)) => (Some(why), None),
            Err(Unsigned::Refused(why)) => (None, Some(why)),
        };
        is_signed
    }

    /// Stretch by stretch, until the other node has signed for every entry that is to be.
    fn have_signed(&self) -> Result<(), Unsigned> {
        let mut needs = None;
        while let Some(shown) = self.shown(needs).map_err(Unsigned::Waits)? {
            match self.show(&shown)? {
                Witness::Signed { head, signature } => {
                    self.keep(&shown, head, signature)
                        .map_err(Unsigned::Waits)?;
                    needs = None;
                }
                Witness::Needs { seq } if needs.is_none_or(|before| before < seq) => {
                    needs = Some(seq);
                }
                Witness::Needs { seq } => {
                    let what = format!("it asks for entry {seq} again and again");
                    return Err(Unsigned::Waits(what));
                }
            }
        }
        Ok(())
    }

    /// What is to be shown next; `None`: all is signed.
    fn shown(&self, needs: Option<u64>) -> Result<Option<Shown>, String> {
        let Some(standing) = self.standing().filter(|s| s.unsigned() > 0) else {
            return Ok(None);
        };
        let from = needs.unwrap_or(standing.signed + 1).max(1);
        let lines = Trail::lines(&self.path).map_err(|e| chain(&e))?;
        // What is written and not on disk yet may be lost: it must not be what the other node has signed.
        let last = usize::try_from(standing.head.seq).unwrap_or(usize::MAX);
        let before = usize::try_from(from - 1).unwrap_or(usize::MAX);
        let mut room = MOST_BYTES;
        let fits = |line: &Vec<u8>| {
            let is_first = room == MOST_BYTES;
            let left = room.checked_sub(line.len());
            room = left.unwrap_or(0);
            left.is_some() || is_first
        };
        let stretch = lines.into_iter().take(last).skip(before).take(MOST_LINES);
        let stretch = stretch.take_while(fits);
        Ok(Some(Shown {
            node: self.me.0.clone(),
            last: standing.head.seq,
            lines: stretch
                .map(|line| String::from_utf8_lossy(&line).into_owned())
                .collect(),
        }))
    }

    fn show(&self, shown: &Shown) -> Result<Witness, Unsigned> {
        let waits = |why: String| Unsigned::Waits(why);
        let body = serde_json::to_vec(shown).map_err(|e| waits(e.to_string()))?;
        let asked = self
            .link
            .request_blocking(Method::Post, "/v1/peer/audit", body, LIMIT);
        let (status, bytes) = asked.map_err(|e| waits(chain(&e)))?;
        let answer = serde_json::from_slice::<Answer<Witness>>(&bytes);
        let answer = answer.map_err(|e| waits(format!("it answers {status}: {e}")))?;
        answer.into_result().map_err(|failure| match status {
            CONFLICT => Unsigned::Refused(failure.what),
            _ => Unsigned::Waits(failure.what),
        })
    }

    /// Keeps the other node's signature, if it is one, over an entry that it was shown.
    fn keep(&self, shown: &Shown, head: Head, signature: String) -> Result<(), String> {
        let Ok(Look::Sign(wanted)) = look(shown, None) else {
            return Err("what was shown is no chain".to_owned());
        };
        let cert = self.trust.pinned_cert().ok_or("no node is paired")?;
        let bytes = STANDARD.decode(&signature).unwrap_or_default();
        if head != wanted || !tls::is_signed(&cert, &statement(&self.me.0, &head), &bytes) {
            return Err("its signature is not one over what it was shown".to_owned());
        }
        let by = Fingerprint::of(&cert).to_string();
        let Head { seq: up_to, hash } = head;
        self.append(|_| {
            vec![Event::Countersigned {
                up_to,
                hash,
                by,
                signature,
            }]
        })
        .map(drop)
    }

    /// On the other side: signs what goes on from what was signed before, once that is written down.
    ///
    /// # Errors
    /// It does not go on from there, or nothing can be written here.
    pub(in crate::daemon) fn witness(&self, shown: &Shown) -> Result<Witness, Failure> {
        let internal = |why: String| Failure::new(Code::Internal, why, "see its log");
        if shown.node != self.peer.0 {
            let what = format!("this node waits for {}, not {}", self.peer, shown.node);
            return Err(Failure::new(Code::Usage, what, "the same hau.toml on both"));
        }
        let _one_at_a_time = lock(&self.witnessing);
        let standing = self.standing();
        let standing = standing.ok_or_else(|| internal("its own trail is broken".to_owned()))?;
        let head = match look(shown, standing.seen.as_ref()) {
            Ok(Look::Needs(seq)) => return Ok(Witness::Needs { seq }),
            Ok(Look::Sign(head)) => head,
            Err(why) => {
                self.dispute(&standing.dispute, &why);
                return Err(Failure::new(Code::Refused, why, "hau-ctl audit verify"));
            }
        };
        if standing.seen.as_ref() != Some(&head) {
            let Head { seq: up_to, hash } = head.clone();
            let of = shown.node.clone();
            self.append(|_| vec![Event::Witnessed { of, up_to, hash }])
                .map_err(internal)?;
        }
        let signature = self.identity.sign(&statement(&shown.node, &head));
        let signature = signature.map_err(|e| internal(chain(&e)))?;
        let signature = STANDARD.encode(signature);
        Ok(Witness::Signed { head, signature })
    }

    /// Written once, and told as long as it lasts.
    fn dispute(&self, known: &Option<String>, why: &str) {
        if known.as_deref() == Some(why) {
            return;
        }
        let (of, why) = (self.peer.0.clone(), why.to_owned());
        if let Err(e) = self.write(|_| vec![Event::Disputed { of, why }]) {
            tracing::error!(
                HAU_EVENT = "audit",
                "the dispute is not written: {}",
                e.what
            );
        }
    }
}
