//! What an entry says. A later version may add fields and events: they are hashed as they stand, and not understood.
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeSet;

/// One line of the trail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// From 1 on, without a gap.
    pub seq: u64,
    /// RFC 3339, by the clock of the node.
    pub at: String,
    /// Whose trail it is.
    pub node: String,
    #[serde(flatten)]
    pub event: Event,
    /// SHA-256 of the line before, 64 hex digits; zeros before the first.
    pub prev: String,
}

/// What happened; no field has the name of one of the entry's own. Certificates are DER in base64.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// hau-sidecar has started; `own` and `peer` where they are other ones than said before.
    Started {
        hau: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        own: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        peer: Option<String>,
    },
    /// The nodes were paired: from here on this node may sign another trail of the other one.
    Paired { own: String, peer: String },
    /// Written before anything is done.
    Asked {
        by: By,
        /// The route, as `hau-ctl` asks for it.
        path: String,
        /// What matters of the request; no secret.
        #[serde(default, skip_serializing_if = "Value::is_null")]
        request: Value,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// What was answered to the entry `to`. Without it hau-sidecar ended meanwhile.
    Answered {
        to: u64,
        outcome: Outcome,
        /// The word and the sentence of a refusal.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        says: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rollout: Option<u64>,
    },
    /// A plan is asked for whose scripts overrule findings of the schema lint.
    Overruled { by: String, findings: Vec<String> },
    /// A rollout, failover or rejoin has begun, whoever asked for it, here or on the other node.
    Begun {
        rollout: u64,
        /// The node it was asked on.
        origin: String,
        kind: String,
        from: String,
        to: String,
        by: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// A later order about it: retry, confirm, abort.
    Ordered {
        rollout: u64,
        order: String,
        by: String,
        /// The node it was given on.
        on: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// Its end, as this node saw it.
    Ended {
        rollout: u64,
        origin: String,
        result: String,
    },
    /// This node has signed the trail of node `of` up to its entry `up_to`, whose line has this hash.
    Witnessed {
        of: String,
        up_to: u64,
        hash: String,
    },
    /// The other node has signed this trail up to this entry: `by` is its certificate's fingerprint, the signature is base64.
    Countersigned {
        up_to: u64,
        hash: String,
        by: String,
        signature: String,
    },
    /// This node was shown a trail of node `of` that does not go on from what it had signed.
    Disputed { of: String, why: String },
    /// A power cut had left a part of an entry behind the end; it was removed. Nobody had been told of it.
    Cut,
    /// Of a later version.
    #[serde(other)]
    Unknown,
}

/// Of a trail what a rollout is told by: what was asked about it with what was answered, its begin, its orders, its end.
#[must_use]
pub fn of_rollout(mut entries: Vec<Entry>, number: u64) -> Vec<Entry> {
    let mut asked = BTreeSet::new();
    for entry in &entries {
        if let Event::Answered { to, rollout, .. } = entry.event
            && rollout == Some(number)
        {
            asked.insert(to);
        }
    }
    entries.retain(|entry| match &entry.event {
        Event::Begun { rollout, .. }
        | Event::Ordered { rollout, .. }
        | Event::Ended { rollout, .. } => *rollout == number,
        Event::Answered { rollout, .. } => *rollout == Some(number),
        Event::Asked { .. } => asked.contains(&entry.seq),
        Event::Started { .. }
        | Event::Paired { .. }
        | Event::Overruled { .. }
        | Event::Witnessed { .. }
        | Event::Countersigned { .. }
        | Event::Disputed { .. }
        | Event::Cut
        | Event::Unknown => false,
    });
    entries
}

impl Event {
    /// Whether the other node is to sign for its sake.
    #[must_use]
    pub fn is_signed_for(&self) -> bool {
        !matches!(self, Self::Witnessed { .. } | Self::Countersigned { .. })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Accepted,
    Refused,
}

/// Who asks, as the kernel knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct By {
    /// Its effective user, or whoever else it is.
    pub user: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    /// Who logged in: whoever uses `sudo` stays known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<Login>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<i32>,
    /// Name of the program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<String>,
    /// `pts/3`, `tty1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terminal: Option<String>,
    #[serde(default, skip_serializing_if = "Claims::is_empty")]
    pub claims: Claims,
}

/// The user of the login session (`/proc/PID/loginuid`), set by PAM and not to be changed after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Login {
    pub uid: u32,
    pub user: String,
}

/// What the process, or one it came from, has in its environment: a hint and no proof.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sudo_user: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssh_client: Option<String>,
}

impl Claims {
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sudo_user.is_none() && self.ssh_client.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trail(events: Vec<Event>) -> Vec<Entry> {
        let entry = |(n, event)| Entry {
            seq: n as u64 + 1,
            at: String::new(),
            node: "a".to_owned(),
            event,
            prev: String::new(),
        };
        events.into_iter().enumerate().map(entry).collect()
    }

    #[test]
    fn of_a_trail_a_rollout_has_what_was_asked_about_it_and_what_became_of_it() {
        let asked = |path: &str| Event::Asked {
            by: By::default(),
            path: path.to_owned(),
            request: Value::Null,
            reason: None,
        };
        let answered = |to, rollout| Event::Answered {
            to,
            outcome: Outcome::Accepted,
            code: None,
            says: None,
            rollout,
        };
        let ended = |rollout| Event::Ended {
            rollout,
            origin: "a".to_owned(),
            result: "succeeded".to_owned(),
        };
        let all = trail(vec![
            asked("/v1/rollouts"),
            asked("/v1/backups"),
            answered(2, None),
            answered(1, Some(12)),
            ended(11),
            asked("/v1/orders"),
            answered(6, Some(12)),
            Event::Cut,
            ended(12),
        ]);
        let seqs: Vec<u64> = of_rollout(all, 12).iter().map(|e| e.seq).collect();
        assert_eq!(seqs, [1, 4, 6, 7, 9]);
    }
}
