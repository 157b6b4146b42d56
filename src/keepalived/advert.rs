//! VRRP advertisements: who else says it is MASTER, and with which priority.
//!
//! A raw socket hears the peer beside keepalived, unicast and multicast; keepalived turns multicast loopback off, so our own host's are not among them.
//! Adverts under `auth_type AH` travel as another protocol and are not heard. Checksums are the peer keepalived's business: a
//! wrong one only makes us report a second MASTER that keepalived does not believe in.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{SockaddrStorage, recvfrom};
use serde::{Deserialize, Serialize};
use socket2::{Domain, Protocol, Socket, Type};

/// IP protocol number of VRRP.
const VRRP: i32 = 112;
const GROUP_V4: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 18);
const GROUP_V6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x12);

/// One advertisement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Advert {
    /// 2 or 3.
    pub version: u8,
    /// `virtual_router_id`.
    pub vrid: u8,
    /// 0: the sender gives up the VIP.
    pub priority: u8,
    pub advert_int_ms: u32,
    /// The VIPs it speaks for.
    pub addresses: Vec<IpAddr>,
    pub source: IpAddr,
}

/// Why bytes are no advertisement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AdvertError {
    #[error("the packet ends before the VRRP advertisement does")]
    Short,
    #[error("the packet is no IPv4 packet of protocol 112")]
    NotVrrp,
    #[error(
        "VRRP version {version} type {kind} is no advertisement hau knows (versions 2 and 3, type 1)"
    )]
    Kind { version: u8, kind: u8 },
}

#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    #[error("listen to VRRP on {interface}: needs root and an interface that is up")]
    Open {
        interface: String,
        #[source]
        source: io::Error,
    },
    #[error("hear VRRP on {interface}")]
    Receive {
        interface: String,
        #[source]
        source: io::Error,
    },
}

/// An IPv4 packet with its header, as a raw IPv4 socket gives it.
///
/// # Errors
/// When it is no VRRP advertisement.
pub fn parse_v4(packet: &[u8]) -> Result<Advert, AdvertError> {
    let header = packet.first_chunk::<20>().ok_or(AdvertError::Short)?;
    let length = usize::from(header[0] & 0x0f) * 4;
    if header[0] >> 4 != 4 || length < 20 || i32::from(header[9]) != VRRP {
        return Err(AdvertError::NotVrrp);
    }
    let source = Ipv4Addr::new(header[12], header[13], header[14], header[15]);
    let payload = packet.get(length..).ok_or(AdvertError::Short)?;
    parse_payload(payload, source.into())
}

/// The payload alone, as a raw IPv6 socket gives it; `source` says which family its addresses are.
///
/// # Errors
/// When it is no VRRP advertisement.
pub fn parse_payload(payload: &[u8], source: IpAddr) -> Result<Advert, AdvertError> {
    let [first, vrid, priority, count, a, b, _, _] =
        *payload.first_chunk::<8>().ok_or(AdvertError::Short)?;
    let (version, kind) = (first >> 4, first & 0x0f);
    let advert_int_ms = match (version, kind) {
        (2, 1) => u32::from(b) * 1000,
        (3, 1) => u32::from(u16::from_be_bytes([a & 0x0f, b])) * 10,
        (version, kind) => return Err(AdvertError::Kind { version, kind }),
    };
    let size = if source.is_ipv4() { 4 } else { 16 };
    let list = payload[8..]
        .get(..usize::from(count) * size)
        .ok_or(AdvertError::Short)?;
    Ok(Advert {
        version,
        vrid,
        priority,
        advert_int_ms,
        addresses: list.chunks_exact(size).filter_map(address).collect(),
        source,
    })
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.len() {
        4 => <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from),
        _ => <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from),
    }
}

/// Hears advertisements that arrive on one interface.
#[derive(Debug)]
pub struct Listener {
    socket: Socket,
    interface: String,
}

impl Listener {
    /// Listens on `interface` for one family; `v6` is the family of the adverts, hence of the VIPs.
    ///
    /// # Errors
    /// Without the right (CAP_NET_RAW), or for an interface that is not there or not up.
    pub fn open(interface: &str, v6: bool) -> Result<Self, ListenError> {
        let socket = open(interface, v6).map_err(|source| ListenError::Open {
            interface: interface.to_owned(),
            source,
        })?;
        Ok(Self {
            socket,
            interface: interface.to_owned(),
        })
    }

    /// The next advertisement, or nothing within `limit`. Packets that are none are passed over, each within the same limit
    /// anew.
    ///
    /// # Errors
    /// When the socket fails: the interface went away; open another.
    pub fn recv(&self, limit: Duration) -> Result<Option<Advert>, ListenError> {
        loop {
            match self.packet(limit).map_err(|e| ListenError::Receive {
                interface: self.interface.clone(),
                source: e.into(),
            })? {
                Some(Ok(advert)) => return Ok(Some(advert)),
                Some(Err(_)) => {}
                None => return Ok(None),
            }
        }
    }

    fn packet(&self, limit: Duration) -> nix::Result<Option<Result<Advert, AdvertError>>> {
        let wait = PollTimeout::try_from(limit).unwrap_or(PollTimeout::MAX);
        let mut fds = [PollFd::new(self.socket.as_fd(), PollFlags::POLLIN)];
        match poll(&mut fds, wait) {
            Ok(0) | Err(nix::errno::Errno::EINTR) => return Ok(None),
            Ok(_) => {}
            Err(errno) => return Err(errno),
        }
        // 255 IPv6 addresses fit
        let mut buffer = [0; 8192];
        let (size, from) = match recvfrom::<SockaddrStorage>(self.socket.as_raw_fd(), &mut buffer) {
            Ok(got) => got,
            Err(nix::errno::Errno::EAGAIN | nix::errno::Errno::EINTR) => return Ok(None),
            Err(errno) => return Err(errno),
        };
        let packet = &buffer[..size];
        let v6 = from.and_then(|f| f.as_sockaddr_in6().map(|s| s.ip()));
        Ok(Some(match v6 {
            Some(source) => parse_payload(packet, source.into()),
            None => parse_v4(packet),
        }))
    }
}

fn open(interface: &str, v6: bool) -> io::Result<Socket> {
    let domain = if v6 { Domain::IPV6 } else { Domain::IPV4 };
    let socket = Socket::new(domain, Type::RAW, Some(Protocol::from(VRRP)))?;
    socket.set_nonblocking(true)?;
    socket.bind_device(Some(interface.as_bytes()))?;
    let index = nix::net::if_::if_nametoindex(interface)?;
    if v6 {
        socket.join_multicast_v6(&GROUP_V6, index)?;
    } else {
        let index = socket2::InterfaceIndexOrAddress::Index(index);
        socket.join_multicast_v4_n(&GROUP_V4, &index)?;
    }
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// keepalived 2.2.7, `version 2`, vrid 52, priority 90, 10.99.7.101, simple authentication.
    const V2: &[u8] = &[
        0x45, 0xc0, 0x00, 0x28, 0x00, 0x01, 0x00, 0x00, 0xff, 0x70, 0, 0, 10, 99, 7, 1, 224, 0, 0,
        18, // IP
        0x21, 52, 90, 1, 1, 1, 0, 0, 10, 99, 7, 101, b's', b'e', b'c', b'r', b'e', b't', 0, 0,
    ];

    #[test]
    fn version_2() {
        let advert = parse_v4(V2).unwrap();
        assert_eq!(
            advert,
            Advert {
                version: 2,
                vrid: 52,
                priority: 90,
                advert_int_ms: 1000,
                addresses: vec![[10, 99, 7, 101].into()],
                source: [10, 99, 7, 1].into(),
            }
        );
    }

    #[test]
    fn version_3_counts_hundredths_and_ignores_the_reserved_bits() {
        let payload = [0x31, 51, 0, 2, 0xf0, 10, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
        let advert = parse_payload(&payload, [10, 0, 0, 9].into()).unwrap();
        assert_eq!(
            (
                advert.advert_int_ms,
                advert.priority,
                advert.addresses.len()
            ),
            (100, 0, 2)
        );
        let slow = [0x31, 51, 0, 0, 0x0f, 0xff, 0, 0];
        assert_eq!(
            parse_payload(&slow, [10, 0, 0, 9].into())
                .unwrap()
                .advert_int_ms,
            40_950
        );
    }

    #[test]
    fn version_3_over_ipv6() {
        let mut payload = vec![0x31, 51, 110, 1, 0, 100, 0, 0];
        let vip: Ipv6Addr = "2001:db8::100".parse().unwrap();
        payload.extend(vip.octets());
        let advert = parse_payload(&payload, "fe80::1".parse().unwrap()).unwrap();
        assert_eq!(advert.addresses, [IpAddr::from(vip)]);
        assert_eq!(
            parse_payload(&payload[..23], "fe80::1".parse().unwrap()),
            Err(AdvertError::Short)
        );
    }

    #[test]
    fn options_in_the_header_are_skipped() {
        let mut packet = V2.to_vec();
        packet[0] = 0x46;
        packet.splice(20..20, [1, 1, 1, 1]);
        assert_eq!(parse_v4(&packet).unwrap().vrid, 52);
    }

    #[test]
    fn no_cut_and_no_flipped_byte_panics() {
        for end in 0..32 {
            assert_eq!(parse_v4(&V2[..end]), Err(AdvertError::Short), "{end}");
        }
        for at in 0..V2.len() {
            for value in 0..=255 {
                let mut packet = V2.to_vec();
                packet[at] = value;
                if let Ok(advert) = parse_v4(&packet) {
                    assert!(matches!(advert.version, 2 | 3));
                }
            }
        }
        let mut tcp = V2.to_vec();
        tcp[9] = 6;
        assert_eq!(parse_v4(&tcp), Err(AdvertError::NotVrrp));
        let mut other = V2.to_vec();
        other[20] = 0x41;
        assert_eq!(
            parse_v4(&other),
            Err(AdvertError::Kind {
                version: 4,
                kind: 1
            })
        );
    }

    #[test]
    fn an_interface_that_is_not_there_is_named() {
        let error = Listener::open("haunone0", false).unwrap_err().to_string();
        assert!(error.contains("haunone0"), "{error}");
    }
}
