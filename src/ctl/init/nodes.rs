//! `[cluster]` and `[nodes]`: what the product is called, and the two hosts.
use super::{Part, database, quoted, release, scene::Scene};
use std::{net::IpAddr, path::Path};

pub(super) fn find(scene: &Scene<'_>) -> Part {
    let mut part = Part::default();
    part.line("[cluster]");
    match release::root(scene) {
        Some(root) => {
            let name = quoted(release::product(&root));
            part.line(format!("name = {name}    # bundles must name the same"));
        }
        None => part.ask(
            "name = \"…\"",
            sentence!("what is the product called, in its bundles, too?"),
        ),
    }
    part.line("");
    let own = scene.addresses();
    let peer = peer(scene, &own);
    let named = peer.map(|address| (name_of(scene, address), address));
    part.line(format!("[nodes.{}]", plain(&scene.hostname)));
    match own.first() {
        Some(address) => part.line(format!("address = \"{address}\"")),
        None => part.ask(
            "address = \"…\"",
            sentence!("which address does this host have beside the VIP?"),
        ),
    }
    match named {
        Some((name, address)) => {
            part.line(format!("[nodes.{}]", plain(&name)));
            part.line(format!("address = \"{address}\""));
        }
        None => {
            part.line("[nodes.peer]");
            part.ask(
                "address = \"…\"",
                sentence!("which address does the other host have?"),
            );
        }
    }
    part
}

/// Whom keepalived sends its adverts to, else whom the database replicates with.
fn peer(scene: &Scene<'_>, own: &[IpAddr]) -> Option<IpAddr> {
    let unicast = scene.instance.unicast_peers.iter().copied();
    let replicates =
        database::postgres(scene).and_then(|db| address_of(scene, db.peer.as_deref()?));
    unicast
        .chain(replicates)
        .find(|address| !own.contains(address))
}

fn address_of(scene: &Scene<'_>, host: &str) -> Option<IpAddr> {
    let known = || {
        let mut hosts = hosts(scene).into_iter();
        hosts
            .find(|(_, names)| names.iter().any(|name| name == host))
            .map(|(address, _)| address)
    };
    host.parse().ok().or_else(known)
}

/// As `/etc/hosts` knows it, up to the first dot.
fn name_of(scene: &Scene<'_>, address: IpAddr) -> String {
    let mut hosts = hosts(scene).into_iter();
    let names = hosts
        .find(|(one, _)| *one == address)
        .map(|(_, names)| names);
    let name = names.and_then(|names| names.into_iter().next());
    let name = name.unwrap_or_else(|| "peer".to_owned());
    name.split('.').next().unwrap_or(&name).to_owned()
}

fn hosts(scene: &Scene<'_>) -> Vec<(IpAddr, Vec<String>)> {
    let text = scene.text(Path::new("/etc/hosts"));
    let lines = text.lines().filter_map(|line| {
        let mut words = line.split('#').next()?.split_whitespace();
        let address = words.next()?.parse().ok()?;
        Some((address, words.map(str::to_owned).collect()))
    });
    lines.collect()
}

/// As a key of the file.
fn plain(name: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    name.chars()
        .map(|c| if fits(c) { c } else { '-' })
        .collect()
}
