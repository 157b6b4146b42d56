//! What a URL answers.
use crate::runtime;
use hau::host::http;
use std::{
    io::{Read, Write},
    net::{Ipv4Addr, Ipv6Addr, TcpListener},
    thread,
    time::Duration,
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
    let answer = http::get(runtime.handle(), &format!("{url}/health?x=1"), LIMIT).unwrap();
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
        http::get(runtime.handle(), &url, LIMIT).unwrap().status,
        302
    );
    let (listener, url) = local();
    let mut answer = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
    answer.resize(1 << 20, b'x');
    serve(listener, answer);
    let body = http::get(runtime.handle(), &url, LIMIT).unwrap().body;
    assert_eq!(body.len(), http::BODY_LIMIT_BYTES);
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
        http::get(runtime().handle(), &url, LIMIT).unwrap().body,
        "ok"
    );
}

#[test]
fn no_answer_is_an_error_in_time() {
    let runtime = runtime();
    let why = |url: &str, limit| http::get(runtime.handle(), url, limit).unwrap_err().why;
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
fn what_is_posted_is_answered_in_time_or_not_at_all() {
    let runtime = runtime();
    let post = |url: &str, limit| {
        http::post(runtime.handle(), url, Vec::new(), None, limit).map_err(|e| e.to_string())
    };
    let (listener, url) = local();
    let server = serve(listener, b"HTTP/1.1 204 N\r\n\r\n".to_vec());
    assert_eq!(post(&url, LIMIT).map(|answer| answer.status), Ok(204));
    let request = server.join().unwrap();
    assert!(request.starts_with("POST / HTTP/1.1\r\n"), "{request}");
    // It is taken by the kernel, and nobody reads it.
    let (listener, url) = local();
    let secret = format!("{url}/token?token");
    let why = post(&secret, Duration::from_millis(200)).unwrap_err();
    assert_eq!(why, "no answer within 200ms");
    drop(listener);
    let why = post(&secret, LIMIT).unwrap_err();
    assert!(!why.contains("token"), "{why}");
    let why = post("https://127.0.0.1/token", LIMIT).unwrap_err();
    assert_eq!(why, "only http:// is supported");
}
