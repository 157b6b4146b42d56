//! `GET /metrics`: what `status` knows, as figures in the format of OpenMetrics. A new figure is one line of the table.
use crate::core::{DatabaseRole, RowState, VrrpState};
use crate::host;
use crate::wire::{AuditStanding, Node, Outcome, Rollout, Status, SyncState};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, text::encode};
use prometheus_client::metrics::{MetricType, gauge::ConstGauge};
use prometheus_client::registry::Registry;
use std::fmt;

pub(super) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

type Labels = Vec<(&'static str, String)>;
/// One value with what it is of.
type Figure = (Labels, f64);
type Table = &'static [(&'static str, &'static str, fn(&Status) -> Vec<Figure>)];

/// Name, what it says, and where it comes from. Those of a node are there while that node is heard.
const FIGURES: Table = &[
    ("build_info", "The version of hau-sidecar", |_| {
        vec![(vec![("version", env!("CARGO_PKG_VERSION").to_owned())], 1.0)]
    }),
    (
        "alarm",
        "1: a person must act, hau-ctl status says what to type",
        |s| one(s.alarm.is_some()),
    ),
    (
        "audit_entries",
        "Entries of the audit trail of this node",
        |s| of_audit(s, |audit| audit.entries),
    ),
    (
        "audit_unsigned_entries",
        "Entries of it that wait for the signature of the other node",
        |s| of_audit(s, |audit| audit.unsigned),
    ),
    ("peer_reachable", "1: the other node is heard", |s| {
        one(s.peer.reachable)
    }),
    (
        "peer_last_heard_seconds",
        "How long ago the other node was heard",
        |s| {
            s.peer
                .last_heard_ms
                .map_or(Vec::new(), |ms| vec![(Vec::new(), seconds(ms))])
        },
    ),
    (
        "versions_differ",
        "1: the nodes run different versions",
        |s| one(s.mixed_versions().is_some()),
    ),
    ("node_info", "The version that a node runs", |s| {
        each(s, |n| {
            n.version
                .as_ref()
                .map(|v| (vec![("version", v.clone())], 1.0))
        })
    }),
    (
        "node_serving",
        "1: services, ports and health checks are well",
        |s| each(s, |n| value(yes(n.health != host::Status::Fail))),
    ),
    ("node_has_vip", "1: the virtual IP is on this node", |s| {
        each(s, |n| value(yes(n.has_vip)))
    }),
    (
        "node_vrrp_state",
        "1 beside the state that keepalived is in",
        |s| of_all(s, "state", &VRRP, |n, state| n.vrrp == state),
    ),
    ("node_priority", "The effective VRRP priority", |s| {
        each(s, |n| n.effective_priority.map(whole))
    }),
    ("node_weight", "What hau adds to the VRRP priority", |s| {
        each(s, |n| n.weight.map(whole))
    }),
    (
        "node_database_role",
        "1 beside the role of the database",
        |s| of_all(s, "role", &ROLES, |n, role| n.database == role),
    ),
    (
        "node_database_lag_bytes",
        "How far the standby is behind",
        |s| each(s, |n| n.lag_bytes.map(|bytes| (Vec::new(), bytes as f64))),
    ),
    (
        "node_sync_paused",
        "1: the configuration sync is paused",
        |s| each(s, |n| value(yes(n.sync == SyncState::Paused))),
    ),
    (
        "rollout_info",
        "The rollout under way, or the last one",
        |s| of_rollout(s, |r| Some((words(r), 1.0))),
    ),
    ("rollout_running", "1: a rollout is under way", |s| {
        of_rollout(s, |r| value(yes(r.result.is_none())))
    }),
    (
        "rollout_halted",
        "1: a rollout stands still and waits for a person",
        |s| of_rollout(s, |r| value(yes(r.result == Some(Outcome::Halted)))),
    ),
    ("rollout_rows", "Rows of the rollout", |s| {
        of_rollout(s, |r| value(r.rows.len() as f64))
    }),
    (
        "rollout_rows_done",
        "Rows of the rollout that are done",
        |s| {
            let done = |r: &Rollout| {
                r.rows
                    .iter()
                    .filter(|row| row.state == Some(RowState::Done))
                    .count()
            };
            of_rollout(s, |r| value(done(r) as f64))
        },
    ),
    (
        "rollout_elapsed_seconds",
        "How long the rollout has gone on, or went on",
        |s| of_rollout(s, |r| value(seconds(r.elapsed_ms))),
    ),
    (
        "rollout_downtime_seconds",
        "The longest time without an answer through the virtual IP, as measured",
        |s| of_rollout(s, |r| r.downtime_ms.map(|ms| (Vec::new(), seconds(ms)))),
    ),
    (
        "rollout_write_gap_seconds",
        "For how long nothing could be written to the database, as measured",
        |s| of_rollout(s, |r| r.write_gap_ms.map(|ms| (Vec::new(), seconds(ms)))),
    ),
];

const VRRP: [(VrrpState, &str); 4] = [
    (VrrpState::Master, "MASTER"),
    (VrrpState::Backup, "BACKUP"),
    (VrrpState::Fault, "FAULT"),
    (VrrpState::Unknown, "unknown"),
];
const ROLES: [(DatabaseRole, &str); 4] = [
    (DatabaseRole::Primary, "primary"),
    (DatabaseRole::Standby, "standby"),
    (DatabaseRole::None, "none"),
    (DatabaseRole::Unknown, "unknown"),
];

pub(super) fn text(status: &Status) -> String {
    let figures = FIGURES
        .iter()
        .map(|(name, help, of)| (*name, *help, of(status)));
    let mut registry = Registry::with_prefix("hau");
    registry.register_collector(Box::new(Scrape(figures.collect())));
    let mut text = String::new();
    // Writing to a string fails only where a label cannot be written.
    match encode(&mut text, &registry) {
        Ok(()) => text,
        Err(e) => format!("# {e}\n# EOF\n"),
    }
}

/// What one scrape is answered with, in the order of the table.
#[derive(Debug)]
struct Scrape(Vec<(&'static str, &'static str, Vec<Figure>)>);

impl Collector for Scrape {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for (name, help, figures) in self.0.iter().filter(|(_, _, figures)| !figures.is_empty()) {
            let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            match &figures[..] {
                [(labels, figure)] if labels.is_empty() => {
                    ConstGauge::new(*figure).encode(metric)?
                }
                all => {
                    for (labels, figure) in all {
                        ConstGauge::new(*figure).encode(metric.encode_family(labels)?)?;
                    }
                }
            }
        }
        Ok(())
    }
}

fn yes(is: bool) -> f64 {
    f64::from(u8::from(is))
}

fn whole(n: i32) -> Figure {
    (Vec::new(), f64::from(n))
}

fn seconds(ms: u64) -> f64 {
    ms as f64 / 1000.0
}

fn value(figure: f64) -> Option<Figure> {
    Some((Vec::new(), figure))
}

fn one(is: bool) -> Vec<Figure> {
    vec![(Vec::new(), yes(is))]
}

/// Of each node that is heard, with its name.
fn each(status: &Status, figure: impl Fn(&Node) -> Option<Figure>) -> Vec<Figure> {
    let named = |(name, node): (&String, &Node)| {
        let (mut labels, value) = figure(node)?;
        labels.insert(0, ("node", name.clone()));
        Some((labels, value))
    };
    status.nodes.iter().filter_map(named).collect()
}

/// One for each state there is, so that an alert may name any of them.
fn of_all<T: Copy>(
    status: &Status,
    label: &'static str,
    all: &[(T, &str)],
    is: impl Fn(&Node, T) -> bool,
) -> Vec<Figure> {
    let one = |(state, word): &(T, &str)| {
        let (state, word) = (*state, (*word).to_owned());
        each(status, |n| {
            Some((vec![(label, word.clone())], yes(is(n, state))))
        })
    };
    all.iter().flat_map(one).collect()
}

fn of_rollout(status: &Status, figure: impl Fn(&Rollout) -> Option<Figure>) -> Vec<Figure> {
    status
        .rollout
        .as_ref()
        .and_then(figure)
        .into_iter()
        .collect()
}

fn of_audit(status: &Status, figure: fn(&AuditStanding) -> u64) -> Vec<Figure> {
    let audit = status.audit.iter();
    audit.map(|a| (Vec::new(), figure(a) as f64)).collect()
}

fn words(r: &Rollout) -> Labels {
    vec![
        ("id", r.id.to_string()),
        ("kind", format!("{:?}", r.kind).to_lowercase()),
        ("from", r.from.clone()),
        ("to", r.to.clone()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Peer;
    use std::collections::BTreeMap;

    fn node(vrrp: VrrpState, version: &str) -> Node {
        let is_master = vrrp == VrrpState::Master;
        Node {
            vrrp,
            has_vip: is_master,
            effective_priority: Some(if is_master { 150 } else { 100 }),
            weight: Some(0),
            database: if is_master {
                DatabaseRole::Primary
            } else {
                DatabaseRole::Standby
            },
            lag_bytes: (!is_master).then_some(4096),
            version: Some(version.to_owned()),
            services: BTreeMap::new(),
            sync: SyncState::Running,
            health: host::Status::Pass,
            probing: None,
            fetching: None,
        }
    }

    fn pair(versions: [&str; 2]) -> Status {
        let nodes = [
            ("a".to_owned(), node(VrrpState::Master, versions[0])),
            ("b".to_owned(), node(VrrpState::Backup, versions[1])),
        ];
        Status {
            node: "a".to_owned(),
            peer: Peer {
                name: "b".to_owned(),
                reachable: true,
                last_heard_ms: Some(250),
            },
            nodes: nodes.into(),
            rollout: None,
            solo: None,
            alarm: None,
            downtime_budget_ms: None,
            audit: None,
        }
    }

    /// As a scraper reads it: name and labels, then the value.
    fn figures(status: &Status) -> BTreeMap<String, f64> {
        let text = text(status);
        assert!(text.ends_with("# EOF\n"), "{text}");
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let split = |line: &str| {
            let (name, value) = line.rsplit_once(' ').expect("a value");
            (name.to_owned(), value.parse().expect("a number"))
        };
        lines.map(split).collect()
    }

    #[test]
    fn figures_say_which_node_is_what() {
        let seen = figures(&pair(["1.0.0", "1.0.0"]));
        assert_eq!(seen["hau_peer_reachable"], 1.0);
        assert_eq!(seen["hau_peer_last_heard_seconds"], 0.25);
        assert_eq!(seen["hau_versions_differ"], 0.0);
        assert_eq!(seen[r#"hau_node_has_vip{node="a"}"#], 1.0);
        assert_eq!(seen[r#"hau_node_has_vip{node="b"}"#], 0.0);
        assert_eq!(seen[r#"hau_node_vrrp_state{node="b",state="BACKUP"}"#], 1.0);
        assert_eq!(seen[r#"hau_node_vrrp_state{node="b",state="MASTER"}"#], 0.0);
        assert_eq!(seen[r#"hau_node_database_lag_bytes{node="b"}"#], 4096.0);
        assert!(!seen.keys().any(|name| name.starts_with("hau_rollout")));
    }

    #[test]
    fn two_versions_are_told() {
        let seen = figures(&pair(["1.0.0", "2.0.0"]));
        assert_eq!(seen["hau_versions_differ"], 1.0);
        assert_eq!(seen[r#"hau_node_info{node="b",version="2.0.0"}"#], 1.0);
    }

    /// A version comes from a bundle: it cannot make lines of its own.
    #[test]
    fn a_label_stays_a_label() {
        let seen = figures(&pair(["1.0.0", "2\"} 1\nhau_alarm 1"]));
        assert_eq!(seen["hau_alarm"], 0.0);
    }

    /// What follows `hau_` wherever that begins a word.
    fn named(text: &str) -> Vec<&str> {
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let words = text.split(|c| !is_word(c));
        words.filter_map(|word| word.strip_prefix("hau_")).collect()
    }

    #[test]
    fn the_dashboard_shows_figures_that_there_are_and_the_alerts_ask_for_them() {
        let dashboard = include_str!("../../docs/hau.dashboard.json");
        let json: serde_json::Value = serde_json::from_str(dashboard).expect("JSON");
        assert!(json["uid"].is_string() && json["schemaVersion"].is_u64());
        let panels = json["panels"].as_array().expect("panels");
        let mut ids = std::collections::BTreeSet::new();
        let mut exprs = Vec::new();
        for panel in panels {
            let title = panel["title"].as_str().expect("a title");
            assert!(ids.insert(panel["id"].as_u64().expect("an id")), "{title}");
            for side in ["x", "y", "w", "h"] {
                assert!(panel["gridPos"][side].is_u64(), "{title}");
            }
            let targets = panel["targets"].as_array().expect("targets");
            assert!(!targets.is_empty(), "{title}");
            exprs.extend(targets.iter().map(|t| t["expr"].as_str().expect("an expr")));
        }
        let mut known: Vec<&str> = FIGURES.iter().map(|(name, ..)| *name).collect();
        let rules = include_str!("../../docs/hau.rules.yml").lines();
        exprs.extend(rules.filter(|line| line.contains("expr:")));
        let used: Vec<&str> = exprs.iter().flat_map(|expr| named(expr)).collect();
        assert_eq!(used.iter().find(|name| !known.contains(name)), None);
        known.retain(|name| !used.contains(name));
        assert!(known.is_empty(), "nobody looks at {known:?}");
    }
}
