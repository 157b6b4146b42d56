//! The operator's guide has a card for each row at which a rollout can halt, and says in which phases that is.
use hau::core::Kind;
use std::collections::BTreeMap;

const GUIDES: [&str; 2] = ["docs/runbook.md", "docs/runbook.zh-CN.md"];
const KINDS: [Kind; 6] = [
    Kind::Upgrade,
    Kind::Switch,
    Kind::Rollback,
    Kind::RollbackNode,
    Kind::Failover,
    Kind::Rejoin,
];

/// Of each step the phases that it is a row of, in the order of the tables.
fn steps() -> BTreeMap<String, Vec<&'static str>> {
    let mut steps: BTreeMap<String, Vec<&'static str>> = BTreeMap::new();
    for (phase, rows) in KINDS.into_iter().flat_map(hau::steps::table) {
        for (_, def) in *rows {
            let phases = steps.entry(def.name.to_owned()).or_default();
            if !phases.contains(phase) {
                phases.push(phase);
            }
        }
    }
    steps
}

/// Step, phases, the rest.
fn cards(text: &str) -> Vec<(&str, &str, &str)> {
    let cards = text.split("\n### ").skip(1);
    cards
        .map(|card| {
            let end = card.find("\n## ").unwrap_or(card.len());
            let (step, rest) = card[..end].split_once('\n').expect("a heading and a card");
            let (phases, rest) = rest.split_once('\n').expect("phases and a card");
            (step, phases, rest)
        })
        .collect()
}

#[test]
fn every_row_that_can_halt_has_its_card() {
    for guide in GUIDES {
        let text = std::fs::read_to_string(super::root().join(guide)).unwrap();
        let mut wanted = steps();
        for (step, phases, card) in cards(&text) {
            let known = wanted.remove(step);
            let known =
                known.unwrap_or_else(|| panic!("{guide}: {step} is no row, or has two cards"));
            let said: Vec<&str> = phases.trim_matches('*').split(", ").collect();
            let (mut a, mut b) = (said.clone(), known.clone());
            a.sort_unstable();
            b.sort_unstable();
            assert_eq!(a, b, "{guide}: {step} is a row of {}", known.join(", "));
            let parts = card.matches("\n- **").count() + usize::from(card.starts_with("- **"));
            assert_eq!(
                parts, 3,
                "{guide}: {step}: what it means, where to look, what to do"
            );
            assert!(card.contains("`hau-ctl "), "{guide}: {step}: what to type");
        }
        assert!(
            wanted.is_empty(),
            "{guide} has no card for {:?}",
            wanted.keys()
        );
    }
}

/// What may be confirmed is said once, by the code.
#[test]
fn what_may_be_confirmed_is_listed() {
    let confirmable = KINDS.into_iter().flat_map(hau::steps::table);
    let rows = confirmable.flat_map(|(_, rows)| rows.iter());
    let names = rows
        .filter(|(_, def)| def.confirmable)
        .map(|(_, def)| def.name);
    let names: std::collections::BTreeSet<&str> = names.collect();
    for guide in GUIDES {
        let text = std::fs::read_to_string(super::root().join(guide)).unwrap();
        let line = text
            .lines()
            .find(|line| line.starts_with("| `hau-ctl confirm"));
        let said = line
            .expect("a line for confirm")
            .split('`')
            .skip(3)
            .step_by(2);
        let said: std::collections::BTreeSet<&str> = said.collect();
        assert_eq!(said, names, "{guide}");
    }
}
