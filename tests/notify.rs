//! The ways to tell somebody outside of an event, against real servers on loopback: what they get, and what counts as told.
#![allow(
    clippy::unwrap_used,
    reason = "a test may; clippy spares only the test functions themselves"
)]

#[path = "notify/servers.rs"]
mod servers;

use hau::config::{NoticeKind, Settings};
use hau::core::Problem;
use hau::host::{Host, Status, fake::FakeHost};
use hau::notify::{Channel, Notice, channels};
use serde_json::Value;
use servers::{Ca, Server, Smtp, answer, http, smtp};
use std::{
    io::Write,
    net::{SocketAddr, TcpListener},
    path::Path,
    sync::Arc,
};
use tokio::runtime::Runtime;

const FOLDER: &str = "/etc/hau";
const SIGNS: &str = "SECsekret0sekret0";

/// A host with files of these names in `/etc/hau`, which root alone can read, and a way out of it.
struct Rig {
    host: FakeHost,
    way: Arc<dyn Channel>,
    runtime: Runtime,
}

impl Rig {
    fn new(notify: &str, files: &[(&str, &str)]) -> Rig {
        let text = format!(
            "[cluster]\nname = \"shop\"\n[nodes.a]\naddress = \"10.77.0.11\"\n[nodes.b]\naddress = \"10.77.0.12\"\n\
             [vrrp]\ninstance = \"web\"\n[[service]]\nname = \"api\"\nunit = \"shop-api.service\"\n\
             [release]\nroot = \"/opt/shop\"\n{notify}\n"
        );
        let settings = Settings::parse(Path::new("hau.toml"), &text).unwrap();
        let host = FakeHost::new();
        host.make_dir(Path::new(FOLDER), 0o755).unwrap();
        for (name, text) in files {
            let path = Path::new(FOLDER).join(name);
            host.write(&path, text.as_bytes(), 0o600).unwrap();
        }
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        Rig {
            host,
            way: channels(&settings.notify).remove(0),
            runtime: builder.worker_threads(1).enable_all().build().unwrap(),
        }
    }

    fn tell(&self) -> Result<String, Problem> {
        self.tell_of("Upgrade 12: start on node b failed")
    }

    fn tell_of(&self, what: &str) -> Result<String, Problem> {
        let notice = Notice {
            v: 1,
            event: NoticeKind::Failed,
            cluster: "shop".to_owned(),
            node: "b".to_owned(),
            at: "2026-11-29T02:14:07Z".to_owned(),
            rollout: Some(12),
            what: what.to_owned(),
            remedy: "see journalctl".to_owned(),
        };
        self.way.tell(&notice, &self.host, self.runtime.handle())
    }

    fn untold(&self) -> String {
        let Problem { what, remedy } = self.tell().expect_err("nobody is told");
        assert!(!what.is_empty() && !remedy.is_empty(), "{what}; {remedy}");
        format!("{what}; {remedy}")
    }

    fn seen(&self) -> Vec<(Status, String)> {
        let found = self.way.look(&self.host).into_iter();
        found
            .map(|f| (f.status, format!("{}; {}", f.what, f.remedy)))
            .collect()
    }
}

fn webhook(url: &str, more: &str) -> String {
    format!("[[notify.webhook]]\nurl = \"{url}\"\n{more}\n")
}

/// With a token in its address, and signed.
fn robot(shape: &str, address: SocketAddr) -> Rig {
    let url = format!("http://{address}/send?access_token=tokentoken\n");
    let text = format!(
        "[[notify.webhook]]\nurl_file = \"/etc/hau/url\"\nshape = \"{shape}\"\nsecret_file = \"/etc/hau/secret\"\n"
    );
    Rig::new(&text, &[("url", &url), ("secret", SIGNS)])
}

fn body(request: &str) -> Value {
    serde_json::from_str(request.split_once("\r\n\r\n").unwrap().1).unwrap()
}

#[test]
fn a_webhook_gets_the_line_over_verified_tls() {
    let ca = Ca::new();
    let server = http(
        Some(ca.server("127.0.0.1", 2120)),
        &[&answer("200 OK", "thanks")],
    );
    let url = format!("https://{}/hau?token=tokentoken", server.address);
    let rig = Rig::new(
        &webhook(&url, "ca_file = \"/etc/hau/ca.pem\""),
        &[("ca.pem", &ca.pem())],
    );
    assert_eq!(rig.seen()[0].0, Status::Pass, "{:?}", rig.seen());
    assert_eq!(rig.tell(), Ok("200".to_owned()));
    let request = server.asked().remove(0);
    assert!(
        request.starts_with("POST /hau?token=tokentoken HTTP/1.1\r\n"),
        "{request}"
    );
    assert!(request.contains("content-type: application/json\r\n"));
    let told = body(&request);
    assert_eq!(
        (&told["event"], &told["rollout"]),
        (&"failed".into(), &12.into())
    );
    assert_eq!(told["remedy"], "see journalctl");
    assert!(request.ends_with("}\n"), "a line");
}

#[test]
fn an_older_server_is_told_by_tls_1_2() {
    let (ca, old) = (Ca::new(), &[&rustls::version::TLS12]);
    let config = ca.server_of("127.0.0.1", 2120, old);
    let server = http(Some(config), &[&answer("200 OK", "")]);
    let url = format!("https://{}/", server.address);
    let rig = Rig::new(
        &webhook(&url, "ca_file = \"/etc/hau/ca.pem\""),
        &[("ca.pem", &ca.pem())],
    );
    assert_eq!(rig.tell(), Ok("200".to_owned()));
    assert!(server.asked()[0].starts_with("POST / "));
}

/// Runs itself again, with a store of CAs in the place of this host's.
#[test]
fn without_a_ca_file_the_cas_of_the_host_count() {
    const STORE: &str = "SSL_CERT_FILE";
    const NAME: &str = "without_a_ca_file_the_cas_of_the_host_count";
    if std::env::var_os("HAU_TEST_INSIDE").is_none() {
        let dir = tempfile::tempdir().unwrap();
        let inside = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", NAME, "--nocapture"])
            .env(STORE, dir.path().join("store.pem"))
            .env_remove("SSL_CERT_DIR")
            .env("HAU_TEST_INSIDE", "1")
            .status();
        return assert!(inside.unwrap().success());
    }
    let (ca, store) = (Ca::new(), std::env::var(STORE).unwrap());
    let server = http(Some(ca.server("127.0.0.1", 2120)), &[&answer("200 OK", "")]);
    let rig = Rig::new(&webhook(&format!("https://{}/", server.address), ""), &[]);
    let none = rig.untold();
    assert!(none.contains("no CAs"), "the store is empty: {none}");
    assert_eq!(rig.seen()[0].0, Status::Fail);
    std::fs::write(store, ca.pem()).unwrap();
    assert_eq!(rig.tell(), Ok("200".to_owned()));
    assert_eq!(server.asked().len(), 1);
}

#[test]
fn a_server_that_cannot_show_who_it_is_is_told_nothing() {
    let (ca, other) = (Ca::new(), Ca::new());
    let wrong = [
        ("of another name", ca.server("elsewhere.example", 2120)),
        ("of another CA", other.server("127.0.0.1", 2120)),
        ("expired", ca.server("127.0.0.1", 2021)),
    ];
    for (why, config) in wrong {
        let server = http(Some(config), &[&answer("200 OK", "")]);
        let url = format!("https://{}/hau", server.address);
        let rig = Rig::new(
            &webhook(&url, "ca_file = \"/etc/hau/ca.pem\""),
            &[("ca.pem", &ca.pem())],
        );
        let told = rig.untold();
        assert!(
            told.contains("certificate") && told.contains("ca_file"),
            "{why}: {told}"
        );
        assert_eq!(server.asked(), [""], "{why}");
    }
}

#[test]
fn without_tls_where_tls_is_wanted_nobody_is_told() {
    let server = Server::new(vec![answer("400 What?", "")], |mut stream, answer| {
        stream.write_all(answer.as_bytes()).unwrap();
    });
    let url = format!("https://{}/", server.address);
    let rig = Rig::new(
        &webhook(&url, "ca_file = \"/etc/hau/ca.pem\""),
        &[("ca.pem", &Ca::new().pem())],
    );
    assert!(rig.untold().contains("cannot agree on TLS"));
    server.asked();
}

#[test]
fn what_a_server_does_not_take_is_told_anew() {
    let endless = format!("HTTP/1.1 500 No\r\n\r\n{}", "x".repeat(1 << 20));
    let well = answer("204 No Content", "");
    let answers = [&answer("500 No", "not now"), &endless, "", &well];
    let server = http(None, &answers);
    let rig = Rig::new(&webhook(&format!("http://{}/", server.address), ""), &[]);
    assert!(rig.untold().contains("500: not now"));
    let told = rig.untold();
    assert!(told.contains("500: xxx") && told.len() < 1000, "{told}");
    assert!(rig.untold().contains("no proxy"), "it hung up");
    assert_eq!(rig.tell(), Ok("204".to_owned()));
    let asked = server.asked();
    assert!(asked.iter().all(|one| body(one) == body(&asked[0])));
    assert!(rig.untold().contains("cannot connect"), "it is gone");
}

#[test]
fn redirects_are_not_followed() {
    let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let location = elsewhere.local_addr().unwrap();
    let away =
        format!("HTTP/1.1 307 T\r\nlocation: http://{location}/\r\ncontent-length: 0\r\n\r\n");
    let server = http(None, &[&away]);
    let rig = Rig::new(&webhook(&format!("http://{}/", server.address), ""), &[]);
    assert!(rig.untold().contains("307"));
    assert_eq!(server.asked().len(), 1);
    assert!(elsewhere.accept().is_err(), "nobody went there");
}

#[test]
fn a_robot_of_dingtalk_gets_signed_text_and_its_code_counts() {
    let refused = answer("200 OK", r#"{"errcode":310000,"errmsg":"sign not match"}"#);
    let taken = answer("200 OK", r#"{"errcode":0,"errmsg":"ok"}"#);
    let server = http(None, &[&refused, &taken]);
    let rig = robot("dingtalk", server.address);
    let told = rig.untold();
    assert!(told.contains("310000: sign not match"), "{told}");
    assert_eq!(rig.tell(), Ok("200, errcode 0".to_owned()));
    let name = rig.way.name();
    for request in server.asked() {
        let path = request.split(' ').nth(1).unwrap();
        let query = path.strip_prefix("/send?access_token=tokentoken&timestamp=");
        let (at, sign) = query.unwrap().split_once("&sign=").unwrap();
        let at: i64 = at.parse().unwrap();
        let now = jiff::Timestamp::now().as_millisecond();
        assert!((now - at).abs() < 60_000, "{at} is now");
        assert!(sign.ends_with("%3D") && sign.len() >= 46, "{sign}");
        let text = body(&request)["text"]["content"].clone();
        let text = text.as_str().unwrap();
        assert!(
            text.starts_with("hau [shop b] failed: Upgrade 12"),
            "{text}"
        );
        assert!(!request.contains(SIGNS));
    }
    for shown in [told, name, format!("{:?}", rig.seen())] {
        assert!(
            !shown.contains("tokentoken") && !shown.contains("sekret"),
            "{shown}"
        );
    }
}

#[test]
fn a_robot_of_feishu_gets_its_signature_in_the_message() {
    let server = http(None, &[&answer("200 OK", r#"{"code":0,"msg":"success"}"#)]);
    let rig = robot("feishu", server.address);
    assert_eq!(rig.tell(), Ok("200, code 0".to_owned()));
    let told = body(&server.asked()[0]);
    assert_eq!(told["msg_type"], "text");
    assert_eq!(told["sign"].as_str().unwrap().len(), 44);
    let at: i64 = told["timestamp"].as_str().unwrap().parse().unwrap();
    assert!((jiff::Timestamp::now().as_second() - at).abs() < 60);
    assert!(!told.to_string().contains(SIGNS));
}

#[test]
fn what_is_missing_is_seen_without_telling_anything() {
    let (listener, of) = (TcpListener::bind("127.0.0.1:0").unwrap(), Path::new(FOLDER));
    listener.set_nonblocking(true).unwrap();
    let rig = robot("dingtalk", listener.local_addr().unwrap());
    assert_eq!(rig.seen().len(), 1);
    assert_eq!(rig.seen()[0].0, Status::Pass);
    let fails = |says: &str| {
        let seen = rig.seen();
        let found = seen
            .iter()
            .any(|(s, text)| *s == Status::Fail && text.contains(says));
        assert!(found, "{seen:?}");
        assert!(rig.untold().contains(says), "and it is not told");
    };
    rig.host.write(&of.join("secret"), b"x", 0o644).unwrap();
    fails("chmod 0600");
    rig.host.remove(&of.join("secret")).unwrap();
    fails("is not there");
    rig.host
        .write(&of.join("url"), b"tokentoken", 0o600)
        .unwrap();
    rig.host.write(&of.join("secret"), b"x", 0o600).unwrap();
    fails("holds no URL");
    assert!(!rig.untold().contains("tokentoken"));
    assert!(listener.accept().is_err(), "nobody was asked");

    let https = webhook("https://127.0.0.1:1/", "ca_file = \"/etc/hau/ca.pem\"");
    let rig = Rig::new(&https, &[("ca.pem", "no certificate")]);
    assert_eq!(rig.seen()[0].0, Status::Fail);
    let open = webhook(
        "https://127.0.0.1:1/hook/tokentoken",
        "shape = \"slack\"\nca_file = \"/etc/hau/ca.pem\"",
    );
    let rig = Rig::new(&open, &[("ca.pem", &Ca::new().pem())]);
    let seen = rig.seen();
    assert_eq!(seen.last().unwrap().0, Status::Warn, "{seen:?}");
    assert!(!format!("{seen:?}").contains("tokentoken"));
}

fn mail(server: &Server<Vec<String>>, more: &str) -> String {
    let address = server.address;
    format!(
        "[notify.mail]\nserver = \"{address}\"\nfrom = \"hau@example.com\"\nto = [\"a@example.com\", \"b@example.com\"]\n{more}\n"
    )
}

const LOGIN: &str =
    "user = \"hau\"\npassword_file = \"/etc/hau/password\"\nca_file = \"/etc/hau/ca.pem\"\n";

#[test]
fn a_mail_is_one_sentence_and_the_facts() {
    let server = smtp(vec![Smtp::default()]);
    let rig = Rig::new(&mail(&server, "tls = \"none\""), &[]);
    assert_eq!(rig.seen()[0].0, Status::Pass);
    assert_eq!(rig.tell(), Ok("250 queued as 4711".to_owned()));
    let told = server.asked().remove(0);
    let has = |line: &str| assert!(told.iter().any(|l| l == line), "{line}: {told:#?}");
    has("MAIL FROM:<hau@example.com>");
    has("RCPT TO:<a@example.com>");
    has("RCPT TO:<b@example.com>");
    has("Subject: hau [shop b] failed: Upgrade 12: start on node b failed");
    has("Auto-Submitted: auto-generated");
    has("What to do: see journalctl");
    has("rollout: 12");
}

#[test]
fn a_mail_that_was_taken_is_told_whatever_comes_after() {
    let server = smtp(vec![Smtp {
        hangs_at: "QUIT",
        ..Smtp::default()
    }]);
    let rig = Rig::new(&mail(&server, "tls = \"none\""), &[]);
    assert_eq!(rig.tell(), Ok("250 queued as 4711".to_owned()));
    assert_eq!(server.asked()[0].last().unwrap(), "QUIT");
}

#[test]
fn nothing_that_is_told_becomes_a_header_or_a_command() {
    let server = smtp(vec![Smtp::default()]);
    let rig = Rig::new(&mail(&server, "tls = \"none\""), &[]);
    let what = "a\r\nBcc: evil@example.com\r\n\r\nb\r\n.\r\nMAIL FROM:<evil@example.com>\r\n备份";
    rig.tell_of(what).unwrap();
    let told = server.asked().remove(0);
    for (n, line) in told.iter().enumerate() {
        let is_own = ["Bcc", "MAIL FROM:<evil"]
            .iter()
            .all(|w| !line.starts_with(w));
        assert!(is_own, "line {n}: {told:#?}");
    }
    assert_eq!(told.iter().filter(|line| *line == ".").count(), 1);
    assert!(told.iter().all(|line| line.is_ascii()), "{told:#?}");
}

#[test]
fn with_tls_the_password_goes_to_the_right_server_only() {
    let (ca, other) = (Ca::new(), Ca::new());
    let files = [("password", "sekret\n"), ("ca.pem", &ca.pem())];
    let tls = |ca: &Ca| Smtp {
        tls: Some(ca.server("127.0.0.1", 2120)),
        ..Smtp::default()
    };
    let server = smtp(vec![tls(&other), tls(&ca)]);
    let rig = Rig::new(&mail(&server, LOGIN), &files);
    let told = rig.untold();
    assert!(
        told.contains("certificate") && !told.contains("sekret"),
        "{told}"
    );
    assert_eq!(rig.tell(), Ok("250 queued as 4711".to_owned()));
    let [nothing, all] = server.asked().try_into().unwrap();
    assert!(nothing.is_empty(), "{nothing:?}");
    // printf '\0hau\0sekret' | base64
    assert!(
        all.contains(&"AUTH PLAIN AGhhdQBzZWtyZXQ=".to_owned()),
        "{all:#?}"
    );
    assert!(!format!("{:?}", rig.seen()).contains("sekret"));
}

#[test]
fn starttls_is_insisted_on() {
    let (ca, other) = (Ca::new(), Ca::new());
    let files = [("password", "sekret"), ("ca.pem", &ca.pem())];
    let can = |ca: &Ca| Smtp {
        starttls: Some(ca.server("127.0.0.1", 2120)),
        ..Smtp::default()
    };
    let server = smtp(vec![Smtp::default(), can(&other), can(&ca)]);
    let rig = Rig::new(
        &mail(&server, &format!("{LOGIN}tls = \"starttls\"")),
        &files,
    );
    assert!(rig.untold().contains("STARTTLS"));
    let told = rig.untold();
    assert!(
        told.contains("certificate") && told.contains("ca_file"),
        "{told}"
    );
    assert_eq!(rig.tell(), Ok("250 queued as 4711".to_owned()));
    let [without, stranger, with] = server.asked().try_into().unwrap();
    assert_eq!(stranger.last().unwrap(), "STARTTLS", "{stranger:?}");
    assert!(
        without
            .iter()
            .all(|line| !line.starts_with("AUTH") && !line.starts_with("MAIL"))
    );
    let at = |start: &str| {
        with.iter()
            .position(|line| line.starts_with(start))
            .unwrap()
    };
    assert!(
        at("STARTTLS") < at("AUTH") && at("AUTH") < at("MAIL"),
        "{with:#?}"
    );
}

#[test]
fn what_a_mail_server_refuses_is_told_in_its_words() {
    let refuses = |refuses| Smtp {
        refuses,
        ..Smtp::default()
    };
    let server = smtp(vec![refuses("RCPT TO:<b@"), refuses("MAIL")]);
    let rig = Rig::new(&mail(&server, "tls = \"none\""), &[]);
    for _ in 0..2 {
        let told = rig.untold();
        assert!(told.contains("550") && told.contains("not here"), "{told}");
        assert!(told.contains("from and to"), "{told}");
    }
    assert!(server.asked().iter().flatten().all(|line| line != "DATA"));
    let gone = rig.untold();
    assert!(gone.contains("see that this host reaches it"), "{gone}");
}

#[test]
fn a_mail_server_that_says_a_line_without_an_end_is_left() {
    let server = Server::new(vec![()], |mut stream, ()| {
        let more = vec![b'2'; 64 << 10];
        // It is hung up on long before.
        (0..4000)
            .take_while(|_| stream.write_all(&more).is_ok())
            .count()
    });
    let text = format!(
        "[notify.mail]\nserver = \"{}\"\ntls = \"none\"\nfrom = \"a@h\"\nto = [\"b@h\"]\n",
        server.address
    );
    let told = Rig::new(&text, &[]).untold();
    assert!(told.contains("more than 256 KiB"), "{told}");
    assert!(server.asked()[0] < 4000);
}
