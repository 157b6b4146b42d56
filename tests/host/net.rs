//! Who listens, which addresses come and go.
use crate::{is_root, runtime};
use hau::host::{
    net::{AddressEvent, Addresses},
    sockets::listening,
};
use std::{
    net::{Ipv4Addr, Ipv6Addr, TcpListener},
    process::Command,
    sync::mpsc,
    time::{Duration, Instant},
};

const LIMIT: Duration = Duration::from_secs(10);

#[test]
fn listeners_are_seen_without_being_asked() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    assert!(listening().contains(&port));
    listener.set_nonblocking(true).unwrap();
    assert!(listener.accept().is_err(), "nobody connected");
    drop(listener);
    assert!(!listening().contains(&port));
    if let Ok(listener) = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)) {
        assert!(listening().contains(&listener.local_addr().unwrap().port()));
    }
}

#[test]
fn an_outgoing_connection_is_no_listener() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let port = client.local_addr().unwrap().port();
    drop(listener);
    assert!(!listening().contains(&port));
}

/// Runs itself again in a network namespace of its own, where it may do as it likes.
#[test]
fn addresses_come_and_go() {
    const INSIDE: &str = "HAU_TEST_IN_NAMESPACE";
    if std::env::var_os(INSIDE).is_some() {
        return watch_addresses();
    }
    if !is_root() {
        return;
    }
    let inside = Command::new("/usr/bin/unshare")
        .arg("--net")
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "net::addresses_come_and_go", "--nocapture"])
        .env(INSIDE, "1")
        .status()
        .unwrap();
    assert!(inside.success());
}

fn ip(args: &str) {
    let done = Command::new("ip").args(args.split(' ')).status().unwrap();
    assert!(done.success(), "ip {args}");
}

fn watch_addresses() {
    ip("link set lo up");
    ip("link add one type veth peer name two");
    ip("link set one up");
    let runtime = runtime();
    let addresses = Addresses::new(runtime.handle().clone());
    let vip = Ipv4Addr::new(192, 0, 2, 10).into();
    assert!(addresses.has_address(Ipv4Addr::LOCALHOST.into()).unwrap());
    assert!(!addresses.has_address(vip).unwrap());

    let (send, told) = mpsc::channel();
    let task = addresses.watch(move |event| send.send(event).unwrap_or(()));
    assert_eq!(
        told.recv_timeout(LIMIT).unwrap(),
        None,
        "listening has begun"
    );
    ip("address add 192.0.2.10/24 dev one");
    let added = of(vip, &told);
    assert_eq!((added.added, added.prefix), (true, 24));
    assert!(addresses.has_address(vip).unwrap());
    ip("address del 192.0.2.10/24 dev one");
    assert_eq!(
        of(vip, &told),
        AddressEvent {
            added: false,
            ..added
        }
    );
    assert!(!addresses.has_address(vip).unwrap());

    ip("address add 192.0.2.10/32 dev lo");
    assert_eq!(of(vip, &told).ifindex, 1);
    assert!(
        !addresses.has_address(vip).unwrap(),
        "kept on lo is not held"
    );
    let all = addresses.local_addresses().unwrap();
    assert!(all.iter().any(|a| a.address == vip && a.ifindex == 1));
    ip("-6 address add 2001:db8::5/64 dev one nodad");
    assert!(of("2001:db8::5".parse().unwrap(), &told).added);
    assert!(
        addresses
            .has_address("2001:db8::5".parse().unwrap())
            .unwrap()
    );
    task.abort();
}

/// The next event about this address; others (link-local ones) are the kernel's own business.
fn of(address: std::net::IpAddr, told: &mpsc::Receiver<Option<AddressEvent>>) -> AddressEvent {
    let began = Instant::now();
    while began.elapsed() < LIMIT {
        match told.recv_timeout(LIMIT).unwrap() {
            Some(event) if event.address == address => return event,
            Some(_) | None => {}
        }
    }
    panic!("nothing told of {address}");
}
