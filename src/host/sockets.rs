//! The TCP sockets of this host, as the kernel lists them by sock_diag.
//!
//! # Why not /proc/net/tcp
//! Reading its first page walks the whole table of connections, whose size follows the machine's
//! memory: 2 ms a look on 24 GiB, against 0.02 ms. It stays for kernels without sock_diag.
use netlink_packet_core::{
    NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_sock_diag::{
    SockDiagMessage,
    constants::{AF_INET, AF_INET6, IPPROTO_TCP},
    inet::{ExtensionFlags, InetRequest, InetResponseHeader, SocketId, StateFlags},
};
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_SOCK_DIAG};
use std::{
    collections::BTreeSet,
    fs::File,
    io::{self, BufRead, BufReader},
    path::Path,
};

/// The ports that a TCP socket listens on, on whatever address. Looked up, not connected to: a
/// connection would be one more client in the service's log.
pub fn listening() -> BTreeSet<u16> {
    match list(&StateFlags::LISTEN) {
        Ok(found) => found.iter().map(|s| s.socket_id.source_port).collect(),
        Err(_) => in_proc(Path::new("/proc/net")),
    }
}

/// Every TCP socket in one of `states`, IPv4 and IPv6.
fn list(states: &StateFlags) -> io::Result<Vec<InetResponseHeader>> {
    let mut found = Vec::new();
    for (family, socket_id) in [
        (AF_INET, SocketId::new_v4()),
        (AF_INET6, SocketId::new_v6()),
    ] {
        let request = InetRequest {
            family,
            protocol: IPPROTO_TCP,
            extensions: ExtensionFlags::empty(),
            states: states.clone(),
            socket_id,
        };
        ask(request, &mut found)?;
    }
    Ok(found)
}

fn ask(request: InetRequest, found: &mut Vec<InetResponseHeader>) -> io::Result<()> {
    let socket = Socket::new(NETLINK_SOCK_DIAG)?;
    socket.connect(&SocketAddr::new(0, 0))?;
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST | NLM_F_DUMP;
    let mut packet = NetlinkMessage::new(header, SockDiagMessage::InetRequest(request).into());
    packet.finalize();
    let mut bytes = vec![0; packet.buffer_len()];
    packet.serialize(&mut bytes);
    socket.send(&bytes, 0)?;
    // The kernel answers in the same call: there is nothing to wait for.
    loop {
        let (answer, _) = socket.recv_from_full()?;
        if read(&answer, found)? {
            return Ok(());
        }
    }
}

/// Takes in what one answer lists; true when it was the last.
fn read(mut answer: &[u8], found: &mut Vec<InetResponseHeader>) -> io::Result<bool> {
    while !answer.is_empty() {
        let message = NetlinkMessage::<SockDiagMessage>::deserialize(answer)
            .map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e.to_string()))?;
        let length = usize::try_from(message.header.length).unwrap_or(usize::MAX);
        match message.payload {
            NetlinkPayload::InnerMessage(SockDiagMessage::InetResponse(socket)) => {
                found.push(socket.header);
            }
            NetlinkPayload::Done(_) => return Ok(true),
            NetlinkPayload::Error(e) => return Err(e.to_io()),
            NetlinkPayload::InnerMessage(_)
            | NetlinkPayload::Overrun(_)
            | NetlinkPayload::Noop
            | _ => {}
        }
        // Messages begin on four bytes; one of no length would be read for ever.
        let next = length.next_multiple_of(4).max(4);
        answer = answer.get(next..).unwrap_or_default();
    }
    Ok(false)
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
        net::{TcpListener, TcpStream},
    };

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
        let found: BTreeSet<u16> = list(&StateFlags::LISTEN)
            .unwrap()
            .iter()
            .map(|s| s.socket_id.source_port)
            .collect();
        let proc = in_proc(Path::new("/proc/net"));
        for listener in &mine {
            let port = listener.local_addr().unwrap().port();
            assert!(found.contains(&port) && proc.contains(&port), "{port}");
        }
        assert!(!found.contains(&client.local_addr().unwrap().port()));
    }
}
