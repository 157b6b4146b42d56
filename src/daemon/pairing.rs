//! How two nodes come to trust each other: a one-time code typed by a person proves to each that
//! the certificate it sees is the other's.
use super::door::{Call, Who};
use super::link::PeerLink;
use super::site::{Site, chain};
use crate::tls::{Fingerprint, Identity, PairingCode, Proof, Role, Trust};
use crate::wire::{Code, Failure, PairView};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

const LIMIT: Duration = Duration::from_secs(10);

pub(super) struct Pairing {
    pub(super) identity: Arc<Identity>,
    pub(super) trust: Arc<Trust>,
    pub(super) link: Arc<PeerLink>,
}

impl Pairing {
    pub(super) fn view(&self, code: Option<String>) -> PairView {
        PairView {
            own: self.identity.fingerprint().to_string(),
            peer: self.trust.pinned().map(|pin| pin.to_string()),
            code,
            waiting: self.trust.window_remaining(Instant::now()).is_some(),
        }
    }

    /// Without a code: opens the window. With one: joins the node whose window is open.
    pub(super) fn pair(&self, site: &Site, code: Option<&str>) -> Result<PairView, Failure> {
        let Some(code) = code else {
            let code = self.trust.open_window(Instant::now());
            let code =
                code.map_err(|e| Failure::new(Code::Internal, chain(&e), told!("try again")))?;
            tracing::info!(
                HAU_EVENT = "pairing",
                "this node waits to be paired for ten minutes"
            );
            return Ok(self.view(Some(code.to_string())));
        };
        let code = PairingCode::parse(code).map_err(|e| {
            Failure::new(
                Code::Usage,
                e.to_string(),
                told!("type it as hau-ctl pair shows it on the other node"),
            )
        })?;
        self.join(site, &code)?;
        tracing::info!(HAU_EVENT = "pairing", "paired with node {}", site.peer);
        Ok(self.view(None))
    }

    /// The other node has come with a proof that it knows the code.
    pub(super) fn admit(&self, call: &Call) -> Result<String, Failure> {
        let Who::Peer { cert_der, .. } = &call.caller.who else {
            return Err(Failure::new(
                Code::Forbidden,
                told!("only a node may pair"),
                told!("hau-ctl pair CODE on the other node"),
            ));
        };
        let refused =
            |why: String| Failure::new(Code::Refused, why, told!("hau-ctl pair shows a new code"));
        let proof = String::from_utf8(call.body.clone())
            .map_err(|_| refused(told!("the proof is not text")))?;
        let answer = self.trust.admit(
            &self.identity,
            cert_der,
            &Proof::received(&proof),
            Instant::now(),
        );
        let answer = answer.map_err(|e| refused(chain(&e)))?;
        tracing::info!(
            HAU_EVENT = "pairing",
            "the other node has paired with this one"
        );
        Ok(answer.as_str().to_owned())
    }

    fn join(&self, site: &Site, code: &PairingCode) -> Result<(), Failure> {
        let lost = |why: String| {
            let remedy =
                told!("see that hau-sidecar runs there and that its hau-ctl pair still waits");
            Failure::new(Code::PeerLost, told!("node {}: {}", site.peer, why), remedy)
        };
        let refused = |why: String| {
            Failure::new(
                Code::Refused,
                why,
                told!("hau-ctl pair on the other node shows a new code"),
            )
        };
        let connection = site.runtime.block_on(self.link.connect_for_pairing());
        let connection = connection.map_err(|e| lost(chain(&e)))?;
        let cert = connection.cert_der().to_vec();
        let theirs = Fingerprint::of(&cert);
        let proof = code.proof(Role::Joiner, &self.identity.fingerprint(), &theirs);
        let body = proof.as_str().as_bytes().to_vec();
        let asked = site
            .runtime
            .block_on(connection.post("/v1/peer/pair", body, LIMIT));
        let (status, bytes) = asked.map_err(|e| lost(chain(&e)))?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if status != 200 {
            return Err(refused(told!(
                "node {} does not accept the code: {}",
                site.peer,
                text
            )));
        }
        let answer = Proof::received(&text);
        let done = self.trust.confirm(&self.identity, &cert, code, &answer);
        done.map_err(|e| refused(chain(&e)))
    }
}
