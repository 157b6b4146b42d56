//! The TCP sockets of this host, as the kernel lists them by sock_diag: who listens, who is connected,
//! how many may wait; and ending a connection that will not end.
//!
//! # Why not /proc/net/tcp
//! Reading its first page walks the whole table of connections, whose size follows the machine's
//! memory: 2 ms a look on 24 GiB, against 0.02 ms. It stays for kernels without sock_diag.
use super::{HostError, HostResult};
use netlink_packet_core::{
    NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST, NetlinkDeserializable, NetlinkHeader, NetlinkMessage,
    NetlinkPayload, NetlinkSerializable,
};
use netlink_packet_sock_diag::{
    AF_INET, AF_INET6, IPPROTO_TCP, SockDiagDestroy, SockDiagMessage,
    inet::{ExtensionFlags, InetRequest, InetResponse, SocketId, StateFlags},
};
use netlink_sys::{Socket, SocketAddr as KernelAddress, protocols::NETLINK_SOCK_DIAG};
use std::{
    collections::BTreeSet,
    fmt::Debug,
    fs::File,
    io::{BufRead, BufReader},
    net::{IpAddr, SocketAddr},
    path::Path,
};

/// Connections that somebody at the other end still waits on, unsent answers included.
const OPEN: StateFlags = StateFlags::ESTABLISHED
    .union(StateFlags::SYN_RECV)
    .union(StateFlags::CLOSE_WAIT)
    .union(StateFlags::FIN_WAIT1)
    .union(StateFlags::LAST_ACK)
    .union(StateFlags::CLOSING);

/// The ports that a TCP socket listens on, on whatever address. Looked up, not connected to: a
/// connection would be one more client in the service's log.
pub fn listening() -> BTreeSet<u16> {
    match dump(StateFlags::LISTEN) {
        Ok(found) => found
            .iter()
            .map(|s| s.header.socket_id.source_port)
            .collect(),
        Err(_) => in_proc(Path::new("/proc/net")),
    }
}

/// The other ends of the open connections to `ports` of `addresses` here.
pub fn connections(addresses: &[IpAddr], ports: &[u16]) -> HostResult<Vec<SocketAddr>> {
    let open = open(addresses, ports)?;
    Ok(open
        .iter()
        .map(|one| remote(&one.header.socket_id))
        .collect())
}

/// Ends those of them whose other end is `whose`, at once, as by a reset from either side; gives their other ends.
pub fn reset(
    addresses: &[IpAddr],
    ports: &[u16],
    whose: &dyn Fn(IpAddr) -> bool,
) -> HostResult<Vec<SocketAddr>> {
    let (mut open, mut kernel) = (open(addresses, ports)?, Kernel::open()?);
    open.retain(|one| whose(remote(&one.header.socket_id).ip()));
    for one in &open {
        let request = request(
            one.header.family,
            StateFlags::all(),
            one.header.socket_id.clone(),
        );
        let destroy = SockDiagDestroy::new(SockDiagMessage::InetRequest(request));
        // One that has ended meanwhile is what was wanted.
        if let Err(e) = kernel.ask::<_, SockDiagDestroy>(destroy, NLM_F_ACK, |_| {}) {
            tracing::debug!("{e}");
        }
    }
    Ok(open
        .iter()
        .map(|one| remote(&one.header.socket_id))
        .collect())
}

/// How many connections may wait to be taken on a port; None: nobody listens.
pub fn backlog(port: u16) -> HostResult<Option<u32>> {
    let all = dump(StateFlags::LISTEN)?;
    let listening = all
        .iter()
        .filter(|one| one.header.socket_id.source_port == port);
    Ok(listening.map(|one| one.header.send_queue).min())
}

fn open(addresses: &[IpAddr], ports: &[u16]) -> HostResult<Vec<InetResponse>> {
    let mut all = dump(OPEN)?;
    all.retain(|one| {
        let id = &one.header.socket_id;
        ports.contains(&id.source_port) && addresses.contains(&id.source_address.to_canonical())
    });
    Ok(all)
}

fn remote(id: &SocketId) -> SocketAddr {
    SocketAddr::new(id.destination_address.to_canonical(), id.destination_port)
}

/// Of both families: a service that listens on `::` has its IPv4 clients there.
fn dump(states: StateFlags) -> HostResult<Vec<InetResponse>> {
    let (mut found, mut kernel) = (Vec::new(), Kernel::open()?);
    for (family, id) in [
        (AF_INET, SocketId::new_v4()),
        (AF_INET6, SocketId::new_v6()),
    ] {
        let request = SockDiagMessage::InetRequest(request(family, states.clone(), id));
        kernel.ask(request, NLM_F_DUMP, |answer| {
            if let SockDiagMessage::InetResponse(one) = answer {
                found.push(*one);
            }
        })?;
    }
    Ok(found)
}

fn request(family: u8, states: StateFlags, socket_id: SocketId) -> InetRequest {
    InetRequest {
        family,
        protocol: IPPROTO_TCP,
        extensions: ExtensionFlags::empty(),
        states,
        socket_id,
    }
}

/// The kernel, to be asked one thing after the other.
struct Kernel(Socket);

impl Kernel {
    fn open() -> HostResult<Self> {
        let mut socket = Socket::new(NETLINK_SOCK_DIAG).map_err(io)?;
        socket.bind_auto().map_err(io)?;
        socket.connect(&KernelAddress::new(0, 0)).map_err(io)?;
        Ok(Self(socket))
    }

    fn ask<Q, A>(&mut self, question: Q, flags: u16, mut tell: impl FnMut(A)) -> HostResult<()>
    where
        Q: NetlinkSerializable + Into<NetlinkPayload<Q>>,
        A: NetlinkDeserializable + Debug,
    {
        let mut header = NetlinkHeader::default();
        header.flags = NLM_F_REQUEST | flags;
        let mut message = NetlinkMessage::new(header, question.into());
        message.finalize();
        let mut bytes = vec![0; message.buffer_len()];
        message.serialize(&mut bytes);
        self.0.send(&bytes, 0).map_err(io)?;
        loop {
            let (packet, _) = self.0.recv_from_full().map_err(io)?;
            let mut rest = packet.as_slice();
            while !rest.is_empty() {
                let answer =
                    NetlinkMessage::<A>::deserialize(rest).map_err(|e| failed(e.to_string()))?;
                let length = usize::try_from(answer.header.length).unwrap_or(rest.len());
                match answer.payload {
                    NetlinkPayload::Done(_) => return Ok(()),
                    NetlinkPayload::Error(e) if e.code.is_none() => return Ok(()),
                    NetlinkPayload::Error(e) => return Err(io(e.to_io())),
                    NetlinkPayload::InnerMessage(one) => tell(one),
                    NetlinkPayload::Noop | NetlinkPayload::Overrun(_) | _ => {}
                }
                // Each part of a packet begins at a multiple of four bytes.
                rest = rest
                    .get(length.next_multiple_of(4).max(4)..)
                    .unwrap_or_default();
            }
        }
    }
}

fn failed(why: String) -> HostError {
    HostError::new("ask the kernel for", "its TCP connections", why)
}

fn io(e: std::io::Error) -> HostError {
    failed(e.to_string())
}

fn in_proc(net: &Path) -> BTreeSet<u16> {
    let lines = ["tcp", "tcp6"]
        .into_iter()
        .filter_map(|file| File::open(net.join(file)).ok())
        .flat_map(|file| BufReader::new(file).lines().map_while(Result::ok));
    lines.filter_map(|line| listening_port(&line)).collect()
}

/// `sl local_address rem_address st …`, addresses as hex `ADDRESS:PORT`.
fn listening_port(line: &str) -> Option<u16> {
    const LISTEN: &str = "0A";
    let mut words = line.split_ascii_whitespace().skip(1);
    let (_, port) = words.next()?.rsplit_once(':')?;
    let state = words.nth(1)?;
    let port = u16::from_str_radix(port, 16).ok()?;
    (state == LISTEN).then_some(port)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        fs,
        io::Read,
        net::{Ipv6Addr, TcpListener, TcpStream},
    };

    #[test]
    fn a_connection_is_seen_by_its_ends_and_ended() {
        let here = IpAddr::from([127, 0, 0, 1]);
        let listener = TcpListener::bind((Ipv6Addr::UNSPECIFIED, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let mut client = TcpStream::connect((here, port)).unwrap();
        let own = client.local_addr().unwrap();
        assert_eq!(connections(&[here], &[port]).unwrap(), [own]);
        assert!(
            connections(&[IpAddr::from([127, 0, 0, 9])], &[port])
                .unwrap()
                .is_empty()
        );
        assert!(backlog(port).unwrap().is_some_and(|room| room > 0));
        let (_taken, _) = listener.accept().unwrap();
        // Ending another's connection takes CAP_NET_ADMIN, and a kernel that can.
        if nix::unistd::Uid::effective().is_root() {
            let ended = |whose: &dyn Fn(IpAddr) -> bool| reset(&[here], &[port], whose).unwrap();
            assert!(ended(&|ip| ip != here).is_empty());
            assert_eq!(ended(&|ip| ip == here), [own]);
            assert!(client.read(&mut [0]).is_err());
            assert!(connections(&[here], &[port]).unwrap().is_empty());
        }
    }

    #[test]
    fn nobody_listens_on_a_port_that_was_closed() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        assert_eq!(backlog(port).unwrap(), None);
    }

    const TCP: &str = "  sl  local_address rem_address   st tx_queue rx_queue\n   \
        0: 0100007F:1F90 00000000:0000 0A 00000000:00000000\n   \
        1: 0100007F:2329 0100007F:D431 01 00000000:00000000\n";
    const TCP6: &str = "  sl  local_address                         remote_address        st\n   \
        0: 00000000000000000000000000000000:2329 00000000000000000000000000000000:0000 0A 0:0\n";

    #[test]
    fn only_listening_sockets_count() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("tcp"), TCP).unwrap();
        assert_eq!(in_proc(dir.path()), BTreeSet::from([8080]));
        fs::write(dir.path().join("tcp6"), TCP6).unwrap();
        assert_eq!(in_proc(dir.path()), BTreeSet::from([8080, 9001]));
    }

    #[test]
    fn sock_diag_and_proc_agree_on_more_listeners_than_one_answer_holds() {
        let mine: Vec<TcpListener> = (0..600)
            .map(|n| if n % 2 == 0 { "127.0.0.1:0" } else { "[::1]:0" })
            .map(|at| TcpListener::bind(at).unwrap())
            .collect();
        let client = TcpStream::connect(mine[0].local_addr().unwrap()).unwrap();
        let found: BTreeSet<u16> = dump(StateFlags::LISTEN)
            .unwrap()
            .iter()
            .map(|s| s.header.socket_id.source_port)
            .collect();
        let proc = in_proc(Path::new("/proc/net"));
        for listener in &mine {
            let port = listener.local_addr().unwrap().port();
            assert!(found.contains(&port) && proc.contains(&port), "{port}");
        }
        assert!(!found.contains(&client.local_addr().unwrap().port()));
    }
}
