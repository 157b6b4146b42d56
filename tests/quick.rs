//! The quick paths of hau-sidecar as keepalived runs them: a daemon that answers, one that hangs,
//! one that is not there.
use std::{
    fs,
    io::{Read, Write},
    net::TcpListener,
    os::unix::{fs::PermissionsExt, net::UnixListener},
    path::Path,
    process::{Command, Output, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};
use tempfile::TempDir;

const FIT: &str = r#"{"v":1,"ok":true,"data":{"fit":true}}"#;
const UNFIT: &str = r#"{"v":1,"ok":true,"data":{"fit":false}}"#;

fn sidecar(run: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hau-sidecar"));
    command.args(args).arg("--run").arg(run);
    command
}

fn check(run: &Path, more: &[&str]) -> Output {
    let config = run.join("hau.toml");
    let mut command = sidecar(run, &["check"]);
    command.arg("--config").arg(config).args(more);
    command.output().expect("it runs")
}

fn says(output: &Output) -> (Option<i32>, String) {
    (
        output.status.code(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

/// A daemon that gives this answer to everyone; the requests it saw come out of the channel.
fn daemon(run: &Path, status: &str, body: &str) -> mpsc::Receiver<String> {
    let listener = UnixListener::bind(run.join("hau.sock")).expect("a free name");
    let (seen, requests) = mpsc::channel();
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut request = vec![0; 4096];
            let n = stream.read(&mut request).unwrap_or(0);
            seen.send(String::from_utf8_lossy(&request[..n]).into_owned())
                .ok();
            stream.write_all(answer.as_bytes()).ok();
        }
    });
    requests
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

fn ports(run: &Path, ports: &[u16]) {
    let text: String = ports.iter().map(|p| format!("{p}\n")).collect();
    fs::write(run.join("ports"), text).expect("written");
}

#[test]
fn check_says_what_the_daemon_says() {
    let run = folder();
    let requests = daemon(run.path(), "200 OK", FIT);
    assert_eq!(says(&check(run.path(), &[])), (Some(0), String::new()));
    let request = requests.recv().expect("it was asked");
    assert!(
        request.starts_with("POST /v1/check HTTP/1.1\r\n"),
        "{request}"
    );
    assert!(
        request.ends_with("\r\n\r\n{\"draining\":false}"),
        "{request}"
    );
    check(run.path(), &["--draining"]);
    assert!(
        requests
            .recv()
            .expect("asked")
            .ends_with("{\"draining\":true}")
    );

    let run = folder();
    let _requests = daemon(run.path(), "200 OK", UNFIT);
    let (code, why) = says(&check(run.path(), &[]));
    assert_eq!(code, Some(1));
    assert_eq!(why.lines().count(), 1, "{why}");
}

#[test]
fn without_a_daemon_check_looks_at_the_ports() {
    let run = folder();
    let open = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = open.local_addr().expect("bound").port();
    ports(run.path(), &[port]);
    assert_eq!(check(run.path(), &[]).status.code(), Some(0));
    drop(open);
    let (code, why) = says(&check(run.path(), &[]));
    assert_eq!(code, Some(1));
    assert!(
        why.contains(&format!("nothing listens on port {port}")),
        "{why}"
    );

    fs::remove_file(run.path().join("ports")).expect("there");
    let config = format!("[[service]]\nname = \"api\"\nports = [{port}]\n");
    fs::write(run.path().join("hau.toml"), config).expect("written");
    assert_eq!(check(run.path(), &[]).status.code(), Some(1));
}

#[test]
fn where_nothing_is_known_the_vip_stays() {
    let run = folder();
    let (code, why) = says(&check(run.path(), &[]));
    assert_eq!(code, Some(0));
    assert!(why.contains("taken for fit"), "{why}");
}

#[test]
fn a_daemon_that_answers_rubbish_or_an_error_is_no_daemon() {
    let failed = r#"{"v":1,"ok":false,"error":{"code":"INTERNAL","what":"x","remedy":"y"}}"#;
    for (status, body) in [
        ("200 OK", "{}"),
        ("200 OK", failed),
        ("500 No", FIT),
        ("404 No", ""),
    ] {
        let run = folder();
        let _requests = daemon(run.path(), status, body);
        ports(run.path(), &[]);
        assert_eq!(
            check(run.path(), &[]).status.code(),
            Some(0),
            "{status} {body}"
        );
        ports(run.path(), &[1]);
        assert_eq!(
            check(run.path(), &[]).status.code(),
            Some(1),
            "{status} {body}"
        );
    }
}

/// Nobody accepts, and the backlog is full: even connecting would wait for ever.
fn hanging(run: &Path) -> impl Sized {
    let socket =
        socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None).expect("a socket");
    let address = socket2::SockAddr::unix(run.join("hau.sock")).expect("a name");
    socket.bind(&address).expect("free");
    socket.listen(0).expect("listens");
    let connect = || {
        let caller = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None)
            .expect("a socket");
        caller.set_nonblocking(true).expect("set");
        caller.connect(&address).ok().map(|()| caller)
    };
    let callers: Vec<_> = std::iter::from_fn(connect).collect();
    (socket, callers)
}

#[test]
fn a_hanging_daemon_costs_two_hundred_milliseconds_and_no_vip() {
    let full = folder();
    let _socket = hanging(full.path());
    let silent = folder();
    let _listener = UnixListener::bind(silent.path().join("hau.sock")).expect("free");
    for run in [full.path(), silent.path()] {
        ports(run, &[]);
        let begun = Instant::now();
        assert_eq!(check(run, &[]).status.code(), Some(0));
        let took = begun.elapsed();
        assert!(
            took >= Duration::from_millis(190) && took < Duration::from_millis(600),
            "{took:?}"
        );
    }
}

#[test]
fn draining_without_a_daemon_is_the_last_weight() {
    let run = folder();
    fs::create_dir(run.path().join("track")).expect("made");
    let weight = run.path().join("track/weight");
    for (text, code) in [("0\n", 0), ("12\n", 0), ("-60\n", 1), ("", 1)] {
        fs::write(&weight, text).expect("written");
        assert_eq!(
            check(run.path(), &["--draining"]).status.code(),
            Some(code),
            "{text:?}"
        );
    }
    fs::remove_file(&weight).expect("there");
    assert_eq!(check(run.path(), &["--draining"]).status.code(), Some(1));
}

#[test]
fn sigterm_ends_check_with_a_failure() {
    let run = folder();
    let listener = UnixListener::bind(run.path().join("hau.sock")).expect("free");
    ports(run.path(), &[]);
    let mut child = sidecar(run.path(), &["check"])
        .stderr(Stdio::null())
        .spawn()
        .expect("it runs");
    let _asked = listener.accept().expect("it asks");
    let pid = nix::unistd::Pid::from_raw(i32::try_from(child.id()).expect("a pid"));
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).expect("sent");
    assert!(!child.wait().expect("it ends").success());
}

#[test]
fn notify_tells_the_daemon_all_that_keepalived_says() {
    let run = folder();
    let requests = daemon(run.path(), "200 OK", r#"{"v":1,"ok":true,"data":{}}"#);
    let done = sidecar(run.path(), &["notify", "INSTANCE", "web", "MASTER", "150"])
        .output()
        .expect("it runs");
    assert_eq!(says(&done), (Some(0), String::new()));
    let request = requests.recv().expect("it was told");
    assert!(
        request.starts_with("POST /v1/notify HTTP/1.1\r\n"),
        "{request}"
    );
    assert!(
        request.ends_with(r#"{"args":["INSTANCE","web","MASTER","150"]}"#),
        "{request}"
    );
}

#[test]
fn notify_spools_where_no_daemon_answers_and_is_never_late() {
    let (absent, hangs, silent) = (folder(), folder(), folder());
    let _socket = hanging(hangs.path());
    let _listener = UnixListener::bind(silent.path().join("hau.sock")).expect("free");
    for run in [absent.path(), hangs.path(), silent.path()] {
        let spool = run.join("spool");
        fs::create_dir(&spool).expect("made");
        // As tmpfiles.d makes it: hooks add, and do not list.
        fs::set_permissions(&spool, fs::Permissions::from_mode(0o1733)).expect("set");
        let begun = Instant::now();
        let done = sidecar(run, &["notify", "backup"])
            .output()
            .expect("it runs");
        assert!(
            begun.elapsed() < Duration::from_millis(300),
            "{:?}",
            begun.elapsed()
        );
        assert_eq!(says(&done), (Some(0), String::new()));
        let files: Vec<_> = fs::read_dir(&spool)
            .expect("there")
            .flatten()
            .map(|f| f.path())
            .collect();
        assert_eq!(files.len(), 1, "{files:?}");
        assert_eq!(
            fs::read_to_string(&files[0]).expect("read"),
            r#"{"args":["backup"]}"#
        );
    }
    // Even without a spool a hook does not fail.
    let done = sidecar(folder().path(), &["notify", "stop"])
        .output()
        .expect("it runs");
    assert_eq!(done.status.code(), Some(0));
    assert!(says(&done).1.contains("lost"));
}

#[test]
fn the_weight_is_restored() {
    let (run, state) = (folder(), folder());
    let restore = || {
        let mut command = sidecar(run.path(), &["restore-weight"]);
        command.arg("--state").arg(state.path());
        command.output().expect("it runs")
    };
    let (code, why) = says(&restore());
    assert_eq!(code, Some(1));
    assert!(why.contains("systemd-tmpfiles"), "{why}");
    fs::create_dir(run.path().join("track")).expect("made");
    fs::write(state.path().join("weight"), "-57\n").expect("written");
    assert_eq!(restore().status.code(), Some(0));
    assert_eq!(
        fs::read_to_string(run.path().join("track/weight")).expect("read"),
        "-57\n"
    );
}

#[test]
fn the_command_line_is_read_strictly() {
    let run = |args: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_hau-sidecar"))
            .args(args)
            .output()
            .expect("it runs");
        output.status.code()
    };
    for wrong in [
        &[][..],
        &["chek"],
        &["check", "--drain", "x"],
        &["check", "--run"],
        &["run", "--port", "1"],
    ] {
        assert_eq!(run(wrong), Some(2), "{wrong:?}");
    }
    for fine in ["--help", "--version"] {
        assert_eq!(run(&[fine]), Some(0));
    }
}
