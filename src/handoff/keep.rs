//! Old node: the VIP stays a local address for the connections that are open, and nobody is told.
use super::mark::Mark;
use crate::host::{HostError, HostResult, net::Addresses};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fs, net::IpAddr, path::Path};

/// An interface answers ARP for its own addresses alone, and asks with none but those: else the
/// clients would learn that the VIP is still here. IPv6 does so by itself.
const ARP: [(&str, u8); 2] = [
    ("/proc/sys/net/ipv4/conf/all/arp_ignore", 1),
    ("/proc/sys/net/ipv4/conf/all/arp_announce", 2),
];

/// What there was before, to be put back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Kept {
    /// By their paths.
    settings: BTreeMap<String, String>,
    /// The addresses that were not on `lo`.
    addresses: Vec<IpAddr>,
}

pub(super) fn hold(
    addresses: &Addresses,
    vips: &[IpAddr],
    mark: &mut Mark,
    path: &Path,
) -> HostResult<()> {
    let on_lo = addresses.local_addresses()?;
    let is_there = |vip: &IpAddr| on_lo.iter().any(|a| a.address == *vip && !a.is_held());
    if mark.keep.is_none() {
        let mut kept = Kept {
            addresses: vips.iter().copied().filter(|v| !is_there(v)).collect(),
            ..Kept::default()
        };
        for (setting, wanted) in ARP {
            let now = read(setting)?;
            if now.parse::<u8>().is_ok_and(|now| now < wanted) {
                kept.settings.insert(setting.to_owned(), now);
            }
        }
        mark.keep = Some(kept);
        mark.write(path)?;
    }
    for (setting, wanted) in ARP {
        if read(setting)?.parse::<u8>().is_ok_and(|now| now < wanted) {
            write(setting, &wanted.to_string())?;
        }
    }
    let mut missing = vips.iter().filter(|vip| !is_there(vip));
    missing.try_for_each(|vip| addresses.add_to_loopback(*vip))
}

pub(super) fn give_up(addresses: &Addresses, mark: &mut Mark) -> HostResult<()> {
    let Some(kept) = &mark.keep else {
        return Ok(());
    };
    for vip in &kept.addresses {
        addresses.remove_from_loopback(*vip)?;
    }
    for (setting, _) in ARP {
        if let Some(before) = kept.settings.get(setting) {
            write(setting, before)?;
        }
    }
    mark.keep = None;
    Ok(())
}

fn read(setting: &str) -> HostResult<String> {
    let text = fs::read_to_string(setting).map_err(|e| HostError::new("read", setting, e))?;
    Ok(text.trim().to_owned())
}

fn write(setting: &str, value: &str) -> HostResult<()> {
    fs::write(setting, value).map_err(|e| HostError::new("set", setting, e))
}
