//! What is seen of a rollout beside its rows, as it goes on: what users notice, how far a bundle is on its way.
use super::holds::is_old;
use super::text::{Tone, bytes, downtime, duration};
use crate::core::Probing;
use crate::wire::{Rollout, Status};
use crate::words::Lang;

/// In a few words, for a line with more on it.
pub(crate) fn noticed(s: Option<&Status>, r: &Rollout, lang: Lang) -> Vec<String> {
    let budget = s.and_then(|s| s.downtime_budget_ms);
    let probing = s.and_then(|s| measured_now(s, r));
    let gap = |ms| match ms {
        0 => "0 ms".to_owned(),
        ms => downtime(lang, ms),
    };
    let measured = probing.map(|p| p.gap_ms).or(r.downtime_ms).map(gap);
    let mut facts = vec![match (measured, budget) {
        (Some(gap), Some(ms)) => say!(lang, "downtime {} of {}", gap, duration(lang, ms)),
        (Some(gap), None) => say!(lang, "downtime {}", gap),
        (None, _) => say!(lang, "downtime not measured yet"),
    }];
    facts.extend(probing.map(|p| say!(lang, "probe {}", last(&p, lang))));
    facts.extend(
        r.write_gap_ms
            .map(|ms| say!(lang, "writes paused for {}", downtime(lang, ms))),
    );
    facts
}

/// The line of `status`, while it is measured.
pub(super) fn answer(s: &Status, lang: Lang) -> Option<(Tone, String)> {
    let p = measured_now(s, s.rollout.as_ref()?)?;
    let over = s.downtime_budget_ms.is_some_and(|budget| p.gap_ms > budget);
    let tone = match p.last_good {
        _ if over => Tone::Bad,
        false => Tone::Warn,
        true => Tone::Live,
    };
    let gap = downtime(lang, p.gap_ms);
    let so_far = match s.downtime_budget_ms {
        Some(ms) => say!(lang, "{} so far, budget {}", gap, duration(lang, ms)),
        None => say!(lang, "{} so far", gap),
    };
    let text = say!(
        lang,
        "{}; {} requests through the VIP, {} failed, the last one {}",
        so_far,
        p.probes,
        p.failed,
        last(&p, lang)
    );
    Some((tone, text))
}

/// The node that becomes MASTER measures it.
pub(super) fn measured_now(s: &Status, r: &Rollout) -> Option<Probing> {
    let goes_on = r.result.is_none();
    let mut nodes = s.nodes.values().filter(|_| goes_on);
    nodes.find_map(|node| node.probing)
}

/// The line of `status` for a bundle on its way, whoever fetches it; also one that is staged without a rollout.
pub(super) fn fetching(s: &Status, lang: Lang) -> Option<String> {
    let nodes = s.nodes.iter();
    let fetching = nodes.filter(|(name, _)| !is_old(s, name));
    let lines = fetching.filter_map(|(name, node)| Some((name, node.fetching?)));
    let lines = lines.map(|(name, f)| {
        let (have, of) = (bytes(f.have), bytes(f.of));
        match f.here {
            0 => say!(lang, "{} has {} of {}", name, have, of),
            here => say!(
                lang,
                "{} has {} of {}, {} of them from a release there",
                name,
                have,
                of,
                bytes(here)
            ),
        }
    });
    let lines: Vec<String> = lines.collect();
    (!lines.is_empty()).then(|| lines.join(lang.say(words!("; "))))
}

fn last(p: &Probing, lang: Lang) -> String {
    match p.last_good {
        true => say!(lang, "{} ms", p.last_ms),
        false => say!(lang, "FAILED after {} ms", p.last_ms),
    }
}
