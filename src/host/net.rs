//! The network of the real host: which addresses are here.
use super::{HostError, HostResult};
use futures_util::StreamExt;
use rtnetlink::{
    MulticastGroup, new_connection, new_multicast_connection,
    packet_core::{NetlinkMessage, NetlinkPayload},
    packet_route::{
        RouteNetlinkMessage,
        address::{AddressAttribute, AddressHeaderFlags, AddressMessage},
        link::{LinkAttribute, LinkMessage},
    },
};
use std::{io, net::IpAddr, time::Duration};
use tokio::{
    runtime::Handle,
    task::{JoinHandle, JoinSet},
    time::timeout,
};

/// Netlink answers in microseconds; a kernel that does not is not asked for ever.
const NETLINK_LIMIT: Duration = Duration::from_secs(2);
/// Between two tries to listen to the kernel again.
const REOPEN_AFTER: Duration = Duration::from_secs(1);

/// An address of this host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address {
    pub address: IpAddr,
    /// Bits of its network.
    pub prefix: u8,
    /// The interface's number; 1 is `lo`.
    pub ifindex: u32,
}

impl Address {
    /// On an interface that others reach, or made for `lo`. Any other address on `lo` is only
    /// kept for connections that end here; it is not held.
    pub fn is_held(&self) -> bool {
        self.ifindex != LOOPBACK || self.address.is_loopback()
    }
}

impl Address {
    fn is_near(&self, other: IpAddr) -> bool {
        let bits = |address: IpAddr| match address {
            IpAddr::V4(four) => (u128::from(four.to_bits()) << 96, 4),
            IpAddr::V6(six) => (six.to_bits(), 6),
        };
        let ((own, family), (other, other_family)) = (bits(self.address), bits(other));
        let mask = u128::MAX
            .checked_shl(128 - u32::from(self.prefix))
            .unwrap_or(0);
        family == other_family && (own ^ other) & mask == 0
    }
}

/// The number of `lo` in every network namespace.
const LOOPBACK: u32 = 1;

/// What the kernel tells of the addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressEvent {
    /// False: removed.
    pub added: bool,
    pub address: IpAddr,
    pub prefix: u8,
    pub ifindex: u32,
}

/// The addresses of this host, by netlink. Called from threads outside the runtime, which must
/// be a multi-thread one.
#[derive(Clone, Debug)]
pub struct Addresses {
    runtime: Handle,
}

impl Addresses {
    pub fn new(runtime: Handle) -> Self {
        Self { runtime }
    }

    /// Every address, sorted, without those that failed duplicate detection.
    pub fn local_addresses(&self) -> HostResult<Vec<Address>> {
        self.ask(dump)
            .map_err(|why| HostError::new("list", "this host's addresses", why))
    }

    /// Is the address held here? One that is only kept on `lo` (unless it is a loopback
    /// address) does not count.
    pub fn has_address(&self, address: IpAddr) -> HostResult<bool> {
        let all = self.local_addresses()?;
        Ok(all.iter().any(|a| a.address == address && a.is_held()))
    }

    /// Puts an address on `lo`, for itself alone. There already is fine.
    pub fn add_to_loopback(&self, address: IpAddr) -> HostResult<()> {
        let prefix = if address.is_ipv4() { 32 } else { 128 };
        let failed = |why| HostError::new("put on lo", address.to_string(), why);
        self.ask(async |handle| {
            let request = handle.address().add(LOOPBACK, address, prefix).replace();
            request.execute().await.map_err(|e| e.to_string())
        })
        .map_err(failed)
    }

    /// Takes an address from `lo`. Not there is fine.
    pub fn remove_from_loopback(&self, address: IpAddr) -> HostResult<()> {
        let failed = |why| HostError::new("take from lo", address.to_string(), why);
        self.ask(async |handle| {
            let on_lo = handle.address().get().set_address_filter(address);
            let on_lo = on_lo.set_link_index_filter(LOOPBACK).execute();
            let mut found = std::pin::pin!(on_lo);
            while let Some(message) = found.next().await {
                let message = message.map_err(|e| e.to_string())?;
                let gone = handle.address().del(message).execute().await;
                gone.map_err(|e| e.to_string())?;
            }
            Ok(())
        })
        .map_err(failed)
    }

    /// The link-layer address of an interface; None: it has none, or is not there.
    pub fn mac(&self, interface: &str) -> HostResult<Option<[u8; 6]>> {
        let failed = |why| HostError::new("look at interface", interface, why);
        self.ask(async |handle| {
            let attributes = link(&handle, interface).await?.map(|link| link.attributes);
            let attributes = attributes.unwrap_or_default();
            Ok(attributes.iter().find_map(|attribute| {
                let LinkAttribute::Address(bytes) = attribute else {
                    return None;
                };
                <[u8; 6]>::try_from(bytes.as_slice()).ok()
            }))
        })
        .map_err(failed)
    }

    /// Has the interface an address in one network with this one?
    pub fn share_segment(&self, interface: &str, other: IpAddr) -> bool {
        let index = self.ask(async |handle| {
            let link = link(&handle, interface).await?;
            Ok(link.map(|link| link.header.index))
        });
        let all = self.local_addresses().unwrap_or_default();
        let mut own = all.iter().filter(|a| Ok(Some(a.ifindex)) == index);
        own.any(|a| a.is_near(other))
    }

    fn ask<T>(
        &self,
        what: impl AsyncFnOnce(rtnetlink::Handle) -> Result<T, String>,
    ) -> Result<T, String> {
        let asked = async {
            let (connection, handle, _) = new_connection().map_err(|e| e.to_string())?;
            let mut driver = JoinSet::new();
            driver.spawn(connection);
            what(handle).await
        };
        self.runtime
            .block_on(async { timeout(NETLINK_LIMIT, asked).await })
            .unwrap_or_else(|_| Err("the kernel did not answer".into()))
    }

    /// Calls `tell` on a task of the runtime for every address that comes or goes; with None
    /// when events may have been missed: look at everything again. The first call is always
    /// None, made when listening has begun. Ends when the task is aborted.
    pub fn watch(
        &self,
        mut tell: impl FnMut(Option<AddressEvent>) + Send + 'static,
    ) -> JoinHandle<()> {
        self.runtime.spawn(async move {
            loop {
                if let Err(e) = listen(&mut tell).await {
                    tracing::warn!("cannot listen to address changes, trying again: {e}");
                }
                tokio::time::sleep(REOPEN_AFTER).await;
            }
        })
    }
}

/// An interface by its name.
async fn link(handle: &rtnetlink::Handle, name: &str) -> Result<Option<LinkMessage>, String> {
    let links = handle.link().get().match_name(name.to_owned());
    let mut links = std::pin::pin!(links.execute());
    links.next().await.transpose().map_err(|e| e.to_string())
}

async fn dump(handle: rtnetlink::Handle) -> Result<Vec<Address>, String> {
    let mut answers = std::pin::pin!(handle.address().get().execute());
    let mut found = Vec::new();
    while let Some(message) = answers.next().await {
        found.extend(read_address(&message.map_err(|e| e.to_string())?));
    }
    found.sort();
    Ok(found)
}

/// Until the kernel's stream ends.
async fn listen(tell: &mut impl FnMut(Option<AddressEvent>)) -> io::Result<()> {
    let groups = [MulticastGroup::Ipv4Ifaddr, MulticastGroup::Ipv6Ifaddr];
    let (connection, _handle, mut messages) = new_multicast_connection(&groups)?;
    let mut driver = JoinSet::new();
    driver.spawn(connection);
    tell(None);
    while let Some((message, _)) = messages.next().await {
        match read_event(&message) {
            News::Address(event) => tell(Some(event)),
            News::Missed => tell(None),
            News::Other => {}
        }
    }
    Ok(())
}

enum News {
    Address(AddressEvent),
    Missed,
    Other,
}

fn read_event(message: &NetlinkMessage<RouteNetlinkMessage>) -> News {
    let route = match &message.payload {
        NetlinkPayload::InnerMessage(route) => route,
        NetlinkPayload::Overrun(_) => return News::Missed,
        NetlinkPayload::Done(_) | NetlinkPayload::Error(_) | NetlinkPayload::Noop | _ => {
            return News::Other;
        }
    };
    let (added, message) = if let RouteNetlinkMessage::NewAddress(message) = route {
        (true, message)
    } else if let RouteNetlinkMessage::DelAddress(message) = route {
        (false, message)
    } else {
        return News::Other;
    };
    match read_address(message) {
        Some(Address {
            address,
            prefix,
            ifindex,
        }) => News::Address(AddressEvent {
            added,
            address,
            prefix,
            ifindex,
        }),
        // It was there, and now another host turned out to have it.
        None if added => News::Missed,
        None => News::Other,
    }
}

/// None: without an address, or not usable because another host has it.
fn read_address(message: &AddressMessage) -> Option<Address> {
    if message.header.flags.contains(AddressHeaderFlags::Dadfailed) {
        return None;
    }
    let (mut local, mut peer) = (None, None);
    for attribute in &message.attributes {
        // Of a point-to-point link `Address` is the other end; IPv6 has only that one.
        if let AddressAttribute::Local(address) = attribute {
            local = Some(*address);
        } else if let AddressAttribute::Address(address) = attribute {
            peer = Some(*address);
        }
    }
    Some(Address {
        address: local.or(peer)?,
        prefix: message.header.prefix_len,
        ifindex: message.header.index,
    })
}
