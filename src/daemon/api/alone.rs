//! What one node does on its own, asked for by a person: a failover, a rejoin.
use super::{Answered, Api, actor, body};
use crate::core::{AloneRefusal, Command, Kind};
use crate::daemon::door::Call;
use crate::steps::{self, Asked};
use crate::wire::{self, Code, Failure};
use std::sync::Arc;

pub(super) fn failover(api: &Api, call: &Call) -> Result<Answered, Failure> {
    let request: wire::AloneRequest = body(call)?;
    if !request.fenced && api.site.settings.fence.is_none() {
        return Err(Failure::new(
            Code::Usage,
            told!("nothing makes sure that the other node is off"),
            told!("see to it yourself, then hau-ctl failover --fenced"),
        ));
    }
    begin(api, call, Kind::Failover, request)
}

pub(super) fn rejoin(api: &Api, call: &Call) -> Result<Answered, Failure> {
    let request: wire::AloneRequest = body(call)?;
    begin(api, call, Kind::Rejoin, request)
}

fn begin(
    api: &Api,
    call: &Call,
    kind: Kind,
    request: wire::AloneRequest,
) -> Result<Answered, Failure> {
    let site = &api.site;
    let asked = Asked {
        vouched: request.fenced,
        rebuild: request.rebuild,
    };
    let mut plan = steps::solo(kind, &site.settings, asked, (&site.me, &site.peer));
    plan.by = actor(api, call, request.reason);
    api.started(Command::Alone {
        plan: Arc::new(plan),
        accepts_loss: request.accept_data_loss,
    })
}

pub(super) fn refused(refusal: AloneRefusal, peer: &str) -> Failure {
    let (what, remedy) = match refusal {
        AloneRefusal::PeerHeard => (
            told!("node {} is heard, or its keepalived is", peer),
            told!(
                "hau-ctl switch moves the roles while both nodes live; if it hangs, take its power first"
            ),
        ),
        AloneRefusal::NothingToPromote => (
            told!("the database here is neither a standby that answers nor a primary that is held"),
            told!("hau-ctl status; start the database if it is down"),
        ),
        AloneRefusal::MayLoseRows => (
            told!(
                "the database here may lack what node {} acknowledged before it was gone",
                peer
            ),
            told!("bring that node back if it can be; else --accept-data-loss"),
        ),
        AloneRefusal::NotSuperseded => (
            told!(
                "node {} did not become primary after this one: there is nothing to rejoin",
                peer
            ),
            "hau-ctl status".to_owned(),
        ),
    };
    Failure::new(Code::Refused, what, remedy)
}
