//! What a URL answers, who listens, which addresses come and go.
use crate::{is_root, runtime};
use hau::host::{
    net::{self, AddressEvent, Addresses},
    sockets::listening,
};
use std::{
    io::{Read, Write},
    net::{Ipv4Addr, Ipv6Addr, TcpListener},
    process::Command,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

const LIMIT: Duration = Duration::from_secs(10);

/// Answers one connection with these bytes after reading its request; gives the request.
fn serve(listener: TcpListener, answer: Vec<u8>) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = Vec::new();
        let mut buffer = [0; 1024];
        while !request.ends_with(b"\r\n\r\n") {
            let n = stream.read(&mut buffer).unwrap();
            request.extend_from_slice(&buffer[..n]);
        }
        // A client that has read enough hangs up.
        let _ = stream.write_all(&answer);
        String::from_utf8(request).unwrap()
    })
}

fn local() -> (TcpListener, String) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (listener, url)
}

#[test]
fn an_answer_is_taken_as_it_is() {
    let runtime = runtime();
    let (listener, url) = local();
    let server = serve(
        listener,
        b"HTTP/1.1 503 No\r\ncontent-length: 4\r\n\r\nwait".to_vec(),
    );
    let answer = net::http_get(runtime.handle(), &format!("{url}/health?x=1"), LIMIT).unwrap();
    assert_eq!((answer.status, answer.body.as_str()), (503, "wait"));
    let request = server.join().unwrap();
    assert!(
        request.starts_with("GET /health?x=1 HTTP/1.1\r\n"),
        "{request}"
    );
    let host = format!("host: {}\r\n", url.trim_start_matches("http://"));
    assert!(request.contains(&host), "{request}");
}

#[test]
fn redirects_are_answers_and_long_bodies_are_cut() {
    let runtime = runtime();
    let (listener, url) = local();
    serve(
        listener,
        b"HTTP/1.1 302 F\r\nlocation: http://127.0.0.1:1/\r\n\r\n".to_vec(),
    );
    assert_eq!(
        net::http_get(runtime.handle(), &url, LIMIT).unwrap().status,
        302
    );
    let (listener, url) = local();
    let mut answer = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
    answer.resize(1 << 20, b'x');
    serve(listener, answer);
    let body = net::http_get(runtime.handle(), &url, LIMIT).unwrap().body;
    assert_eq!(body.len(), net::BODY_LIMIT_BYTES);
}

#[test]
fn ipv6_literals_are_hosts() {
    let Ok(listener) = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)) else {
        return; // a machine without IPv6
    };
    let url = format!("http://{}/", listener.local_addr().unwrap());
    serve(
        listener,
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok".to_vec(),
    );
    assert_eq!(
        net::http_get(runtime().handle(), &url, LIMIT).unwrap().body,
        "ok"
    );
}

#[test]
fn no_answer_is_an_error_in_time() {
    let runtime = runtime();
    let why = |url: &str, limit| net::http_get(runtime.handle(), url, limit).unwrap_err().why;
    let (listener, url) = local();
    assert_eq!(
        why(&url, Duration::from_millis(200)),
        "no answer within 200ms"
    );
    drop(listener);
    assert!(why(&url, LIMIT).starts_with("cannot connect: "));
    assert_eq!(
        why("https://127.0.0.1/", LIMIT),
        "only http:// is supported"
    );
    assert!(why("http://a b/", LIMIT).starts_with("not a URL: "));
    let (listener, url) = local();
    serve(listener, b"SSH-2.0-x\r\n".to_vec());
    assert!(why(&url, LIMIT).contains("HTTP"), "{}", url);
}

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
    let (listener, url) = local();
    let client = std::net::TcpStream::connect(url.trim_start_matches("http://")).unwrap();
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
