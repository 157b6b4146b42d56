//! Facts of the core that belong into the trail of each node: what has begun, what was ordered, how it ended.
use super::request::word;
use crate::audit::{Event, Standing};
use crate::core::{Journaled, Mandate, Plan, Record, Rollout, RolloutResult};

/// `known` has taken the fact in.
pub(super) fn told(record: &Record, known: &Journaled) -> Option<Event> {
    let (rollout, solo) = (known.rollout.as_ref(), known.solo.as_ref());
    match record {
        Record::PlanAdopted { plan, .. } | Record::SoloBegun { plan, .. } => Some(begun(plan)),
        Record::MandateTaken { mandate } => Some(ordered(&rollout?.plan, mandate)),
        Record::RolloutEnded { result, .. } => Some(ended(&rollout?.plan, *result)),
        Record::SoloEnded { result, .. } => Some(ended(&solo?.plan, *result)),
        Record::Started { .. }
        | Record::HomeTold { .. }
        | Record::RowReported { .. }
        | Record::PeerReported { .. }
        | Record::SoloReported { .. }
        | Record::NotPromoted
        | Record::TermShared { .. }
        | Record::PrimarySeen { .. } => None,
    }
}

/// What the journal knows and the trail does not: a crash came between the two.
pub(super) fn missed(known: &Journaled, standing: &Standing) -> Vec<Event> {
    let last = [&known.rollout, &known.solo].into_iter().flatten();
    last.flat_map(|rollout| of(rollout, standing)).collect()
}

fn of(rollout: &Rollout, standing: &Standing) -> Vec<Event> {
    let id = &rollout.plan.id;
    let key = (id.number, id.origin.0.clone());
    let begun = (!standing.begun.contains(&key)).then(|| begun(&rollout.plan));
    let end = rollout.ended.filter(|_| !standing.ended.contains(&key));
    let ended = end.map(|(result, _)| ended(&rollout.plan, result));
    begun.into_iter().chain(ended).collect()
}

fn begun(plan: &Plan) -> Event {
    Event::Begun {
        rollout: plan.id.number,
        origin: plan.id.origin.0.clone(),
        kind: word(&plan.kind),
        from: plan.from.clone(),
        to: plan.to.clone(),
        by: plan.by.user.clone(),
        reason: plan.by.reason.clone(),
    }
}

fn ordered(plan: &Plan, mandate: &Mandate) -> Event {
    Event::Ordered {
        rollout: plan.id.number,
        order: word(&mandate.order),
        by: mandate.by.user.clone(),
        on: mandate.by.node.clone(),
        reason: mandate.by.reason.clone(),
    }
}

fn ended(plan: &Plan, result: RolloutResult) -> Event {
    Event::Ended {
        rollout: plan.id.number,
        origin: plan.id.origin.0.clone(),
        result: word(&result),
    }
}
