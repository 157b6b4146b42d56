//! `[[service]]`: the units that start what lies in a release, with their ports and their order.
use super::{
    Part, listed, quoted, release,
    scene::{Scene, Unit},
};
use std::collections::BTreeSet;

/// What listens on most hosts and is nobody's product.
const KNOWN: [&str; 12] = [
    "ssh",
    "keepalived",
    "postgresql",
    "rsync",
    "systemd-",
    "hau-",
    "cron",
    "chrony",
    "exim",
    "postfix",
    "rpcbind",
    "snmpd",
];

pub(super) fn find(scene: &Scene<'_>) -> Part {
    let mut part = Part::default();
    let found = ours(scene);
    if found.is_empty() {
        let seen: BTreeSet<&str> = scene
            .listeners
            .iter()
            .map(|one| one.unit.as_str())
            .collect();
        let is_known = |unit: &&str| KNOWN.iter().any(|known| unit.starts_with(known));
        let seen: Vec<&str> = seen.into_iter().filter(|unit| !is_known(unit)).collect();
        part.line("# [[service]]");
        part.ask(
            "unit = \"…\"",
            sentence!(
                "no unit starts anything below RELEASES/current; which belong to the product? These listen: {}",
                seen.join(", ")
            ),
        );
    }
    for (n, unit) in found.iter().enumerate() {
        if n > 0 {
            part.line("");
        }
        service(scene, unit, &found, &mut part);
    }
    part
}

/// Those that run from the link `current`.
pub(super) fn ours<'s>(scene: &'s Scene<'_>) -> Vec<&'s Unit> {
    let current = release::root(scene).map(|root| format!("{}/current/", root.display()));
    let mut found: Vec<&Unit> = scene.units.iter().collect();
    found.retain(|unit| {
        let current = current.as_ref();
        current.is_some_and(|current| unit.command.contains(current))
    });
    found
}

fn service(scene: &Scene<'_>, unit: &Unit, all: &[&Unit], part: &mut Part) {
    let own = scene.listeners.iter().filter(|one| one.unit == unit.name);
    let ports: BTreeSet<u16> = own.clone().map(|one| one.port).collect();
    let shown: Vec<String> = ports.iter().map(ToString::to_string).collect();
    part.line("[[service]]");
    part.line(format!("name = {}", quoted(&name(scene, unit))));
    part.line(format!("unit = {}", quoted(&unit.name)));
    part.line(format!(
        "ports = [{}]    # those that listen now",
        shown.join(", ")
    ));
    let outside = own.filter(|one| !one.is_loopback).map(|one| one.port).min();
    if let Some(port) = outside {
        part.line("via_vip = true    # it listens on more than the loopback address");
        part.ask(
            &format!("http = [{{ url = \"http://127.0.0.1:{port}/…\", status = 200 }}]"),
            sentence!("which URL says that it is healthy? Without one no downtime is measured"),
        );
    }
    let needs: Vec<String> = all
        .iter()
        .filter(|other| unit.after.contains(&other.name))
        .map(|other| name(scene, other))
        .collect();
    if !needs.is_empty() {
        part.line(format!(
            "depends_on = {}    # After= of the unit",
            listed(&needs)
        ));
    }
}

/// `shop-api.service` of the product shop is `api`.
fn name(scene: &Scene<'_>, unit: &Unit) -> String {
    let stem = unit.name.trim_end_matches(".service");
    let product = release::root(scene).map(|root| release::product(&root).to_owned());
    let short = product.and_then(|product| stem.strip_prefix(&format!("{product}-")));
    short.unwrap_or(stem).replace(['@', ':', '\\'], "-")
}
