//! Three network namespaces, `hauproc-PID-a`, `-b` and `-c`: two hosts, and the clients with the bridge that joins them.
use std::{
    path::Path,
    process::{Command, Output},
};

const PREFIX: &str = "hauproc-";
pub(crate) const VIP: &str = "10.77.0.100";
/// Of the clients' namespace.
const CLIENT: &str = "10.77.0.1/24";

pub(crate) fn address(node: &str) -> &'static str {
    if node == "a" {
        "10.77.0.11"
    } else {
        "10.77.0.12"
    }
}

pub(crate) fn run(program: &str, args: &[&str]) -> Output {
    let output = Command::new(program).args(args).output();
    output.unwrap_or_else(|e| panic!("{program} is needed for this test: {e}"))
}

pub(crate) fn ok(program: &str, args: &[&str]) -> String {
    let output = run(program, args);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {args:?}: {said}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Gone with the value, and everything that runs in it.
pub(crate) struct Net;

impl Net {
    pub(crate) fn new() -> Self {
        remove_leftovers();
        let net = Self;
        let c = name("c");
        for end in ["a", "b", "c"] {
            ok("ip", &["netns", "add", &name(end)]);
            ok("ip", &["-n", &name(end), "link", "set", "lo", "up"]);
        }
        ok("ip", &["-n", &c, "link", "add", "br0", "type", "bridge"]);
        ok("ip", &["-n", &c, "address", "add", CLIENT, "dev", "br0"]);
        ok("ip", &["-n", &c, "link", "set", "br0", "up"]);
        for end in ["a", "b"] {
            let (host, port) = (name(end), format!("port-{end}"));
            ok(
                "ip",
                &[
                    "-n", &c, "link", "add", &port, "type", "veth", "peer", "name", "eth0",
                    "netns", &host,
                ],
            );
            ok(
                "ip",
                &["-n", &c, "link", "set", &port, "master", "br0", "up"],
            );
            let address = format!("{}/24", address(end));
            ok(
                "ip",
                &["-n", &host, "address", "add", &address, "dev", "eth0"],
            );
            ok("ip", &["-n", &host, "link", "set", "eth0", "up"]);
        }
        net
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        for end in ["a", "b", "c"] {
            remove(&name(end));
        }
    }
}

pub(crate) fn name(end: &str) -> String {
    format!("{PREFIX}{}-{end}", std::process::id())
}

/// Of runs that were killed: namespaces whose process is gone, and what still runs in them.
fn remove_leftovers() {
    let list = ok("ip", &["netns", "list"]);
    let names = list
        .lines()
        .filter_map(|line| line.split_whitespace().next());
    for name in names.filter(|n| n.starts_with(PREFIX)) {
        let pid = name.split('-').nth(1).unwrap_or_default();
        if !Path::new("/proc").join(pid).exists() {
            remove(name);
        }
    }
}

fn remove(name: &str) {
    let pids = run("ip", &["netns", "pids", name]);
    for pid in String::from_utf8_lossy(&pids.stdout).split_whitespace() {
        run("kill", &["-9", pid]);
    }
    run("ip", &["netns", "delete", name]);
}
