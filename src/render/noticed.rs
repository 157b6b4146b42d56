//! What users notice of a rollout: measured, or as it is measured.
use super::text::{Tone, downtime, duration};
use crate::core::Probing;
use crate::wire::{Rollout, Status};

/// In a few words, for a line with more on it.
pub(crate) fn noticed(s: Option<&Status>, r: &Rollout) -> Vec<String> {
    let budget = s.and_then(|s| s.downtime_budget_ms);
    let budget = budget.map_or_else(String::new, |ms| format!(" of {}", duration(ms)));
    let probing = s.and_then(|s| measured_now(s, r));
    let measured = probing.map(|p| p.gap_ms).or(r.downtime_ms);
    let mut facts = vec![match measured {
        Some(0) => format!("downtime 0 ms{budget}"),
        Some(ms) => format!("downtime {}{budget}", downtime(ms)),
        None => "downtime not measured yet".to_owned(),
    }];
    facts.extend(probing.map(|p| format!("probe {}", last(&p))));
    facts.extend(
        r.write_gap_ms
            .map(|ms| format!("writes paused for {}", downtime(ms))),
    );
    facts
}

/// The line of `status`, while it is measured.
pub(super) fn answer(s: &Status) -> Option<(Tone, String)> {
    let p = measured_now(s, s.rollout.as_ref()?)?;
    let over = s.downtime_budget_ms.is_some_and(|budget| p.gap_ms > budget);
    let tone = match p.last_good {
        _ if over => Tone::Bad,
        false => Tone::Warn,
        true => Tone::Live,
    };
    let budget = s.downtime_budget_ms;
    let budget = budget.map_or_else(String::new, |ms| format!(", budget {}", duration(ms)));
    let text = format!(
        "{} so far{budget}; {} requests through the VIP, {} failed, the last one {}",
        downtime(p.gap_ms),
        p.probes,
        p.failed,
        last(&p)
    );
    Some((tone, text))
}

/// The node that becomes MASTER measures it.
pub(super) fn measured_now(s: &Status, r: &Rollout) -> Option<Probing> {
    let goes_on = r.result.is_none();
    let mut nodes = s.nodes.values().filter(|_| goes_on);
    nodes.find_map(|node| node.probing)
}

fn last(p: &Probing) -> String {
    match p.last_good {
        true => format!("{} ms", p.last_ms),
        false => format!("FAILED after {} ms", p.last_ms),
    }
}
