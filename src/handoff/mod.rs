//! Moving the VIP so that no connection is cut: the parts of the handoff, put in force and out of it.
//!
//! # Why
//! *Forwarding.* A connection whose first packet came here is ours; what belongs to any other began
//! on the old node and is sent there, one hop on the segment that VRRP needs anyway. The old node
//! answers the client directly. It happens at the interface, before connection tracking, so no
//! firewall sees half a connection, and no address is translated, so the service sees its clients.
//!
//! *Parking.* While the primary moves, the processes of the services behind the VIP are stopped by
//! SIGSTOP: the kernel goes on to complete handshakes and to take in requests, up to the backlog of the
//! listening socket, and SIGCONT lets the service answer them. A proxy would copy every byte twice, hide
//! the client's address, and could not be taken away while its connections live. The cgroup freezer
//! would be the same thing with less to see, but systemd drives it only where version 2 of control
//! groups is the whole hierarchy; that is not so on the systems that pairs like these run on (nor in
//! containers on such hosts). systemd sends SIGCONT with its own SIGTERM, so stopping or
//! restarting a held service by hand works as ever.
//!
//! What may be in force is written below `/run` first: a sidecar that was killed finds it at its next start, a
//! host that lost its power has neither.
mod keep;
mod mark;
mod park;
mod rules;

use crate::config::Settings;
use crate::core::Armed;
use crate::host::{HostError, HostResult, net::Addresses, units::Units};
use mark::Mark;
use std::{
    fmt,
    net::IpAddr,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

const MARK: &str = "handoff.json";
/// A sidecar that was killed is back in seconds.
const FORSAKEN_AFTER: Duration = Duration::from_secs(60);

/// Link-layer address of an Ethernet interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mac(pub [u8; 6]);

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl FromStr for Mac {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not an Ethernet address");
        let bytes = text.split(':').map(|part| u8::from_str_radix(part, 16));
        let bytes = bytes.collect::<Result<Vec<u8>, _>>().map_err(|_| wrong())?;
        let mac = Self(bytes.try_into().map_err(|_| wrong())?);
        // The group bit: nobody's own address.
        let single = mac.0[0] & 1 == 0 && mac.0 != [0; 6];
        single.then_some(mac).ok_or_else(wrong)
    }
}

/// What the handoff works on at this moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ground {
    /// The interface that VRRP runs on.
    pub interface: String,
    pub vips: Vec<IpAddr>,
    /// What the other node says of its own interface there.
    pub peer: Option<Mac>,
}

/// This node's part of the handoff.
pub struct Handoff<'a> {
    addresses: &'a Addresses,
    units: &'a Units,
    ports: Vec<u16>,
    services: Vec<String>,
    mark: PathBuf,
}

impl<'a> Handoff<'a> {
    pub fn new(
        settings: &Settings,
        run_dir: &Path,
        addresses: &'a Addresses,
        units: &'a Units,
    ) -> Self {
        let services = || settings.behind_vip();
        Self {
            addresses,
            units,
            ports: services().flat_map(|s| s.ports.clone()).collect(),
            services: services().map(|s| s.unit.clone()).collect(),
            mark: run_dir.join(MARK),
        }
    }

    /// What is in force, by looking. Costs nothing where nothing can be.
    pub fn look(&self) -> HostResult<Armed> {
        let Some(mark) = Mark::read(&self.mark)? else {
            return Ok(Armed::default());
        };
        Ok(Armed {
            keep: mark.keep.is_some(),
            forward: mark.forward && rules::are_there()?,
            park: !mark.park.is_empty() && park::is_held(self.units, &mark.park)?,
        })
    }

    /// Makes it so, whatever there is.
    pub fn make(&self, wanted: Armed, ground: &Ground) -> HostResult<()> {
        let before = Mark::read(&self.mark)?.unwrap_or_default();
        let mut mark = before.clone();
        clear(&mut mark, wanted, self.addresses, self.units)?;
        if mark != before {
            mark.write(&self.mark)?;
        }
        if wanted.keep {
            keep::hold(self.addresses, &ground.vips, &mut mark, &self.mark)?;
        }
        if wanted.forward && !(mark.forward && rules::are_there()?) {
            mark.forward = true;
            mark.write(&self.mark)?;
            rules::put(&self.rules(ground)?)?;
        }
        if wanted.park {
            if mark.park != self.services {
                mark.park.clone_from(&self.services);
                mark.write(&self.mark)?;
            }
            park::hold(self.units, &mark.park)?;
        }
        Ok(())
    }

    /// Would the kernel take the rules?
    pub fn check(&self, ground: &Ground) -> HostResult<()> {
        rules::check(&self.rules(ground)?)
    }

    fn rules(&self, ground: &Ground) -> HostResult<rules::Rules> {
        let unable = |why: &str| HostError::new("forward over", ground.interface.clone(), why);
        let own = self.addresses.mac(&ground.interface)?.map(Mac);
        Ok(rules::Rules {
            interface: ground.interface.clone(),
            vips: ground.vips.clone(),
            ports: self.ports.clone(),
            own: own.ok_or_else(|| unable("it is not an Ethernet interface"))?,
            peer: ground.peer.ok_or_else(|| {
                unable("the other node has not said which Ethernet address it has there")
            })?,
        })
    }
}

/// Has nobody changed anything for so long that no sidecar can be at it?
pub fn is_forsaken(run_dir: &Path) -> bool {
    let changed = std::fs::metadata(run_dir.join(MARK)).and_then(|meta| meta.modified());
    let age = changed.ok().and_then(|at| at.elapsed().ok());
    age.is_some_and(|age| age > FORSAKEN_AFTER)
}

/// Takes everything out of force, going by what is written down alone.
pub fn remove(run_dir: &Path, addresses: &Addresses, units: &Units) -> HostResult<()> {
    let path = run_dir.join(MARK);
    let mut mark = Mark::read(&path)?.unwrap_or_default();
    clear(&mut mark, Armed::default(), addresses, units)?;
    mark.write(&path)
}

/// What is not wanted goes. Who waits is released before anything else is done.
fn clear(mark: &mut Mark, wanted: Armed, addresses: &Addresses, units: &Units) -> HostResult<()> {
    if !wanted.park && !mark.park.is_empty() {
        park::release(units, &mark.park)?;
        mark.park.clear();
    }
    if !wanted.forward && mark.forward {
        rules::remove()?;
        mark.forward = false;
    }
    if !wanted.keep && mark.keep.is_some() {
        keep::give_up(addresses, mark)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mac_is_read_as_it_is_written_and_nothing_else_is_one() {
        let mac: Mac = "02:00:5e:10:00:0a".parse().unwrap();
        assert_eq!(mac.to_string(), "02:00:5e:10:00:0a");
        for wrong in [
            "",
            "02:00",
            "02:00:5e:10:00:zz",
            "02:00:5e:10:00:01:02",
            "ff:ff:ff:ff:ff:ff",
            "01:00:5e:00:00:12",
            "00:00:00:00:00:00",
        ] {
            assert!(wrong.parse::<Mac>().is_err(), "{wrong}");
        }
    }
}
