//! Reads one `vrrp_instance` and its sync group out of the tree, with keepalived's defaults.

use std::net::IpAddr;
use std::str::FromStr;

use super::super::conf::{ConfError, Item, Tree};
use super::{Instance, Notify, SyncGroup, Tracked, Vip};

pub(super) fn instance(tree: &Tree, item: &Item) -> Result<Instance, ConfError> {
    let interface = item.last("interface").map_or("", Item::arg).to_owned();
    let vips = vips(item, &interface)?;
    let v6 = vips.first().is_some_and(|v| v.addr.is_ipv6());
    let global_version = tree.global("vrrp_version");
    let version = item.last("version").or(global_version);
    let version = version.map_or(Ok(2), |v| number(v, 1))?;
    let global = |key: &str| {
        item.last(key)
            .or_else(|| tree.global(&format!("vrrp_{key}")))
    };
    let garp = |key: &str, default| global(key).map_or(Ok(default), |v| number(v, 1));
    let delay = item.last("preempt_delay").map_or(Ok(0), |v| millis(v, 1))?;
    let auth = item
        .last("authentication")
        .and_then(|a| a.last("auth_type"));
    Ok(Instance {
        name: item.arg().to_owned(),
        priority: item.last("priority").map_or(Ok(100), |v| number(v, 1))?,
        state_master: item.last("state").is_some_and(|s| s.arg() == "MASTER"),
        advert_int_ms: item.last("advert_int").map_or(Ok(1000), |v| millis(v, 1))?,
        advert_int: item.last("advert_int").map_or("1", Item::arg).to_owned(),
        version: if v6 { 3 } else { version },
        virtual_router_id: item
            .last("virtual_router_id")
            .map_or(Ok(0), |v| number(v, 1))?,
        unicast_peers: peers(item)?,
        nopreempt: flag(item.last("nopreempt")),
        preempt_delay_ms: delay,
        track_files: tracked(
            tree,
            item,
            "track_file",
            &["track_file", "vrrp_track_file"],
            1,
        )?,
        track_scripts: tracked(tree, item, "track_script", &["vrrp_script"], 0)?,
        track_interfaces: tracked(tree, item, "track_interface", &[], 0)?,
        notifies: notifies(item),
        garp_master_delay: garp("garp_master_delay", 5)?,
        garp_master_refresh: garp("garp_master_refresh", 0)?,
        higher_prio_send_advert: flag(global("higher_prio_send_advert")),
        notify_priority_changes: flag(
            item.last("notify_priority_changes")
                .or_else(|| tree.global("vrrp_notify_priority_changes")),
        ),
        auth_ah: auth.is_some_and(|a| a.arg().eq_ignore_ascii_case("AH")),
        in_sync_group: sync_group(tree, item.arg())?,
        at: item.at(),
        vips,
        interface,
    })
}

fn sync_group(tree: &Tree, instance: &str) -> Result<Option<SyncGroup>, ConfError> {
    for group in tree.all("vrrp_sync_group") {
        let list = group.last("group").map_or(&[][..], Item::items);
        // several members may stand on one line
        let members: Vec<String> = list
            .iter()
            .flat_map(|i| &i.words)
            .map(|w| w.text.clone())
            .collect();
        if members.iter().any(|m| m == instance) {
            let weighted = ["sync_group_tracking_weight", "global_tracking"];
            return Ok(Some(SyncGroup {
                name: group.arg().to_owned(),
                members,
                tracking_weight: weighted.iter().any(|k| flag(group.last(k))),
                track_files: tracked(
                    tree,
                    group,
                    "track_file",
                    &["track_file", "vrrp_track_file"],
                    1,
                )?,
                track_scripts: tracked(tree, group, "track_script", &["vrrp_script"], 0)?,
                notifies: notifies(group),
            }));
        }
    }
    Ok(None)
}

/// The trackers of a block such as `track_file { hau weight 1 reverse }`; the weight falls back to the definition's.
fn tracked(
    tree: &Tree,
    item: &Item,
    block: &str,
    defs: &[&str],
    default: i32,
) -> Result<Vec<Tracked>, ConfError> {
    let lines = item
        .items()
        .iter()
        .filter(|i| i.key() == block)
        .flat_map(Item::items);
    lines
        .map(|line| {
            let defined = |d: &&Item| defs.contains(&d.key()) && d.arg() == line.key();
            let definition = tree
                .items
                .iter()
                .find(defined)
                .and_then(|d| d.last("weight"));
            let at = line.words.iter().position(|w| w.text == "weight");
            let (weight, reverse) = match (at, definition) {
                (Some(at), _) => (number(line, at + 1)?, reversed(Some(line))),
                (None, Some(w)) => (number(w, 1)?, reversed(Some(w))),
                (None, None) => (default, reversed(Some(line))),
            };
            Ok(Tracked {
                name: line.key().to_owned(),
                weight,
                reverse,
            })
        })
        .collect()
}

pub(super) fn reversed(item: Option<&Item>) -> bool {
    item.is_some_and(|i| i.words.iter().skip(1).any(|w| w.text == "reverse"))
}

fn notifies(item: &Item) -> Vec<Notify> {
    let scripts = item.items().iter().filter(|i| {
        matches!(
            i.key(),
            "notify"
                | "notify_master"
                | "notify_backup"
                | "notify_fault"
                | "notify_stop"
                | "notify_deleted"
                | "notify_master_rx_lower_pri"
        )
    });
    scripts
        .map(|i| Notify {
            on: i.key().to_owned(),
            command: i.rest(),
            at: i.at(),
        })
        .collect()
}

fn vips(item: &Item, interface: &str) -> Result<Vec<Vip>, ConfError> {
    let blocks = item.items().iter();
    let blocks =
        blocks.filter(|i| matches!(i.key(), "virtual_ipaddress" | "virtual_ipaddress_excluded"));
    blocks
        .flat_map(Item::items)
        .map(|line| vip(line, interface))
        .collect()
}

fn vip(line: &Item, interface: &str) -> Result<Vip, ConfError> {
    let (text, prefix) = match line.key().split_once('/') {
        Some((text, prefix)) => (text, Some(prefix)),
        None => (line.key(), None),
    };
    let addr: IpAddr = text.parse().map_err(|_| bad(line, 0, "an address"))?;
    let whole = if addr.is_ipv4() { 32 } else { 128 };
    let prefix = prefix.map_or(Ok(whole), |p| {
        p.parse()
            .map_err(|_| bad(line, 0, "an address with a prefix length"))
    })?;
    if prefix > whole {
        return Err(bad(line, 0, "an address with a prefix length"));
    }
    let dev = line.words.iter().position(|w| w.text == "dev");
    let dev = dev.and_then(|d| line.words.get(d + 1));
    Ok(Vip {
        addr,
        prefix,
        dev: dev.map_or_else(|| interface.to_owned(), |w| w.text.clone()),
    })
}

fn peers(item: &Item) -> Result<Vec<IpAddr>, ConfError> {
    let list = item.last("unicast_peer").map_or(&[][..], Item::items);
    list.iter()
        .map(|i| i.key().parse().map_err(|_| bad(i, 0, "an address")))
        .collect()
}

/// A keyword that is on by standing there, unless it says otherwise.
fn flag(item: Option<&Item>) -> bool {
    item.is_some_and(|i| !matches!(i.arg(), "false" | "no" | "off" | "0"))
}

pub(super) fn number<N: FromStr>(item: &Item, at: usize) -> Result<N, ConfError> {
    let word = item.words.get(at);
    word.and_then(|w| w.text.parse().ok())
        .ok_or_else(|| bad(item, at, "a number that fits"))
}

/// Seconds with decimals, as milliseconds.
pub(super) fn millis(item: &Item, at: usize) -> Result<u32, ConfError> {
    let seconds = number::<f64>(item, at)?;
    if !(0.0..=1_000_000.0).contains(&seconds) {
        return Err(bad(item, at, "a number of seconds"));
    }
    Ok((seconds * 1000.0).round() as u32)
}

fn bad(item: &Item, at: usize, wanted: &str) -> ConfError {
    let found = item.words.get(at).map_or("nothing", |w| w.text.as_str());
    let what = format!("{}: {found} is not {wanted}; correct it", item.key());
    ConfError::Value {
        at: item.at(),
        what,
    }
}
