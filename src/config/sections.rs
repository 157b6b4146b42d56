//! The sections of hau.toml, one function each: its keys, their defaults, what must hold among them.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::database::{database, fence, fits, fits_kind};
use super::kinds::{HttpUrl, Name, Recipient, UnitName};
use super::notify::notify;
use super::problem::Problems;
use super::read::{Section, Sink};
use super::services::{TakenPorts, services};
use super::settings::{
    Backup, Bundle, Cluster, ConfigSync, Handoff, Health, Limits, Node, Page, Peer, Prove, Release,
    Rollback, RollbackDatabase, RollbackPolicy, RootKey, Settings, Soak, Switch, Vrrp, When,
};
use super::tree::Tree;
use super::unavailable;

/// The whole file.
pub(super) fn settings(tree: &Tree) -> Result<Settings, Problems> {
    let sink = Sink::default();
    let settings = read(tree, &sink);
    unavailable::refuse(tree, &sink);
    let problems = sink.into_inner();
    match settings {
        Some(settings) if problems.is_empty() => Ok(settings),
        Some(_) | None => Err(problems.sorted()),
    }
}

fn read(tree: &Tree, sink: &Sink) -> Option<Settings> {
    let mut root = Section::root(&tree.main, &tree.root, sink);
    let mut taken = TakenPorts::new();
    let cluster = root.section("cluster").and_then(cluster);
    let nodes = root.section("nodes").and_then(|s| nodes(&s));
    let peer = root.section("peer").and_then(|s| peer(s, &mut taken));
    let health = root.section("health").and_then(|s| health(s, &mut taken));
    let vrrp = root.section("vrrp").and_then(vrrp);
    let services = services(&mut root, &mut taken);
    let release = root.section("release").and_then(release);
    let database = match root.optional_section("database") {
        Some(Some(section)) => database(section),
        Some(None) => Some(None),
        None => None,
    };
    let fence = optional(root.optional_section("fence"), fence);
    let config_sync = optional(root.optional_section("config_sync"), config_sync);
    let root_key = optional(root.optional_section("root_key"), root_key);
    let has_root_key = !matches!(root_key, Some(None));
    let backup = root.section("backup").and_then(|s| backup(s, has_root_key));
    let bundle = root.section("bundle").and_then(bundle);
    let limits = root.section("limits").and_then(limits);
    let handoff = root.section("handoff").and_then(handoff);
    let rollback = root.section("rollback").and_then(rollback);
    let notify = root.section("notify").and_then(notify);
    if let (Some(database), Some(fence)) = (&database, &fence) {
        fits(&root, database.as_ref(), fence.as_ref());
        if let (Some(backup), Some(rollback)) = (&backup, &rollback) {
            let both = (backup, rollback);
            fits_kind(&root, database.as_ref(), fence.as_ref(), both);
        }
    }
    root.finish();
    Some(Settings {
        cluster: cluster?,
        nodes: nodes?,
        peer: peer?,
        vrrp: vrrp?,
        services: services?,
        release: release?,
        database: database?,
        fence: fence?,
        config_sync: config_sync?,
        root_key: root_key?,
        backup: backup?,
        bundle: bundle?,
        limits: limits?,
        handoff: handoff?,
        rollback: rollback?,
        health: health?,
        notify: notify?,
    })
}

/// `Some(None)`: absent.
pub(super) fn optional<'t, T>(
    section: Option<Option<Section<'t>>>,
    read: fn(Section<'t>) -> Option<T>,
) -> Option<Option<T>> {
    match section? {
        Some(section) => read(section).map(Some),
        None => Some(None),
    }
}

fn cluster(mut s: Section<'_>) -> Option<Cluster> {
    let name = s.required::<Name>("name", "name the product of this pair under [cluster]");
    s.finish();
    Some(Cluster { name: name?.0 })
}

fn nodes(s: &Section<'_>) -> Option<BTreeMap<String, Node>> {
    let mut nodes = BTreeMap::new();
    let found = s.named();
    if found.len() != 2 {
        s.wrong(
            format!("[nodes] has {} instead of two", found.len()),
            "write [nodes.NAME] with an address for each of the two hosts",
        );
    }
    for (name, found) in found {
        if !Name::is_valid(name) {
            found.wrong::<()>("is not a node's name", Name::RULE);
        }
        let Some(mut section) = found.section() else {
            continue;
        };
        let address =
            section.required::<IpAddr>("address", "write the node's own address, not the VIP");
        let twin = nodes
            .iter()
            .find(|(_, node): &(_, &Node)| Some(node.address) == address);
        if let (Some((other, _)), Some(at)) = (twin, section.find("address")) {
            at.wrong::<()>(
                format!("is the address of {other} too"),
                "give each node its own address",
            );
        }
        section.finish();
        if let Some(address) = address {
            nodes.insert(name.to_string(), Node { address });
        }
    }
    Some(nodes)
}

fn peer(mut s: Section<'_>, taken: &mut TakenPorts) -> Option<Peer> {
    let port = s.or("port", 9681);
    s.finish();
    taken.insert(port?, "peer.port".to_string());
    Some(Peer { port: port? })
}

fn health(mut s: Section<'_>, taken: &mut TakenPorts) -> Option<Health> {
    let listen = s.or("listen", SocketAddr::from((Ipv4Addr::LOCALHOST, 9680)));
    if let Some(port) = listen.map(|address| address.port())
        && let Some(owner) = taken.insert(port, "health.listen".to_string())
    {
        s.wrong(
            format!("health.listen has port {port}, which {owner} has too"),
            "give each its own port",
        );
    }
    let page = s.or("page", Page::Loopback);
    s.finish();
    Some(Health {
        listen: listen?,
        page: page?,
    })
}

fn vrrp(mut s: Section<'_>) -> Option<Vrrp> {
    let instance = s.required(
        "instance",
        "name the vrrp_instance that holds the VIP under [vrrp] (see keepalived.conf)",
    );
    let config = s.or("config", PathBuf::from("/etc/keepalived/keepalived.conf"));
    let track_file = s.or("track_file", PathBuf::from("/run/hau/track/weight"));
    let switch = s.or("switch", Switch::Auto);
    let interface = s.optional("interface");
    s.finish();
    Some(Vrrp {
        instance: instance?,
        config: config?,
        track_file: track_file?,
        switch: switch?,
        interface: interface?,
    })
}

fn release(mut s: Section<'_>) -> Option<Release> {
    let root: Option<PathBuf> = s.required(
        "root",
        "name the folder of the product's releases under [release]",
    );
    let keep = s.count("keep", 2, 2);
    let in_place = in_place(&mut s, root.as_deref());
    let user = s.optional("user");
    s.finish();
    Some(Release {
        root: root?,
        keep: keep?,
        in_place: in_place?,
        user: user?,
    })
}

/// A folder apart from all releases: files are put into it one by one, and removed.
fn in_place(s: &mut Section<'_>, root: Option<&Path>) -> Option<Option<PathBuf>> {
    let folder: Option<PathBuf> = s.optional("in_place")?;
    let (Some(path), Some(root), Some(found)) = (&folder, root, s.find("in_place")) else {
        return Some(folder);
    };
    const REMEDY: &str = "name the product's own folder, apart from all releases";
    let releases = root.join("releases");
    if releases.starts_with(path) {
        let what = format!("contains {}", releases.display());
        return found.wrong(what, REMEDY);
    }
    let own = ["releases", "current", "previous"].map(|name| root.join(name));
    match own.iter().find(|own| path.starts_with(own)) {
        Some(own) => found.wrong(format!("lies in {}", own.display()), REMEDY),
        None => Some(folder),
    }
}

/// `Some(None)`: none, said in so many words.
fn config_sync(mut s: Section<'_>) -> Option<ConfigSync> {
    let units = s.filled::<UnitName>(
        "units",
        "name the timers and services that push configuration",
    );
    let paths = s.filled("paths", "name what they keep equal");
    s.finish();
    Some(ConfigSync {
        units: units?.into_iter().map(|unit| unit.0).collect(),
        paths: paths?,
    })
}

fn root_key(mut s: Section<'_>) -> Option<RootKey> {
    let path = s.required("path", "name the key file");
    let carry = s.or("carry", true);
    let shown_by = s.optional::<HttpUrl>("shown_by");
    s.finish();
    Some(RootKey {
        path: path?,
        carry: carry?,
        shown_by: shown_by?.map(|url| url.0),
    })
}

fn backup(mut s: Section<'_>, has_root_key: bool) -> Option<Backup> {
    let dir = s.or("dir", PathBuf::from("/var/lib/hau/backups"));
    let keep = s.count("keep", 1, 1);
    let config_paths = s.or("config_paths", Vec::new());
    let recipients = s.or("recipients", Vec::<Recipient>::new());
    if has_root_key && recipients.as_ref().is_some_and(Vec::is_empty) {
        s.wrong(
            "backup.recipients names nobody who could open the root key in a backup",
            "make a key with age-keygen, keep it off these hosts, and write its public half (age1…)",
        );
    }
    let prove = s.or("prove", Prove::Restore);
    let copy_to = s.or("copy_to", Vec::new());
    s.finish();
    Some(Backup {
        dir: dir?,
        keep: keep?,
        config_paths: config_paths?,
        recipients: recipients?.into_iter().map(|r| r.0).collect(),
        prove: prove?,
        copy_to: copy_to?,
    })
}

fn bundle(mut s: Section<'_>) -> Option<Bundle> {
    let incoming = s.or("incoming", PathBuf::from("/var/lib/hau/incoming"));
    let keys = s.or("keys", PathBuf::from("/etc/hau/keys"));
    s.finish();
    Some(Bundle {
        incoming: incoming?,
        keys: keys?,
    })
}

fn limits(mut s: Section<'_>) -> Option<Limits> {
    let node_upgrade = s.or("node_upgrade", Duration::from_secs(15 * 60));
    let vip_switch = s.or("vip_switch", Duration::from_secs(30));
    let vip_retries = s.count("vip_retries", 0, 2);
    let start = s.or("start", Duration::from_secs(5 * 60));
    let health = s.or("health", Duration::from_secs(30));
    let soak = s.section("soak").and_then(soak);
    let drain = s.or("drain", Duration::from_secs(20));
    let backup = s.or("backup", Duration::from_secs(30 * 60));
    let schema = s.or("schema", Duration::from_secs(5 * 60));
    let rollback = s.or("rollback", Duration::from_secs(15 * 60));
    let downtime_budget = s.or("downtime_budget", Duration::from_secs(4 * 60));
    s.finish();
    Some(Limits {
        node_upgrade: node_upgrade?,
        vip_switch: vip_switch?,
        vip_retries: vip_retries?,
        start: start?,
        health: health?,
        soak: soak?,
        drain: drain?,
        backup: backup?,
        schema: schema?,
        rollback: rollback?,
        downtime_budget: downtime_budget?,
    })
}

fn soak(mut s: Section<'_>) -> Option<Soak> {
    let checks = s.count("checks", 1, 3);
    let within = s.or("within", Duration::from_secs(30));
    s.finish();
    Some(Soak {
        checks: checks?,
        within: within?,
    })
}

fn handoff(mut s: Section<'_>) -> Option<Handoff> {
    let enabled = s.or("enabled", When::Auto);
    let park = s.or("park", When::Auto);
    s.finish();
    Some(Handoff {
        enabled: enabled?,
        park: park?,
    })
}

fn rollback(mut s: Section<'_>) -> Option<Rollback> {
    let policy = s.or("policy", RollbackPolicy::Manual);
    let database = s.or("database", RollbackDatabase::Keep);
    s.finish();
    Some(Rollback {
        policy: policy?,
        database: database?,
    })
}
