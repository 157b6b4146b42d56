"""What demo, smoke and bench share: a pair with hau on it as a user would install it, bundles, hau-ctl."""

import contextlib
import json
import os
import re
import subprocess
import time

from . import build, cluster, hau, host
from .base import NODES, PROJECT, STATE, TARGET, LabError, expect, only_one, run, say

KEYS = TARGET / "keys"
BIN = "debug" if os.environ.get("PROFILE") == "dev" else "x86_64-unknown-linux-musl/release"
HAU_CTL = PROJECT / "target" / BIN / "hau-ctl"


def ctl(node, *args, timeout=300, check=False):
    """hau-ctl on a node; its exit code is the caller's business unless `check`."""
    call = host.do if check else host.ask
    return call(node, ["hau-ctl", *args], timeout=timeout)


def data(node, *args, timeout=300):
    """The `data` of hau-ctl --json on a node."""
    done = ctl(node, *args, "--json", timeout=timeout)
    try:
        answer = json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError) as error:
        raise LabError(f"hau-ctl {' '.join(args)} on {node} gives no JSON: {done.stdout}{done.stderr}") from error
    if not answer.get("ok"):
        raise LabError(f"hau-ctl {' '.join(args)} on {node}: {answer.get('error')}")
    return answer["data"]


def attached(node, *args):
    """hau-ctl on a node with this terminal; gives the exit code."""
    return subprocess.run(host.command_in(node, ["hau-ctl", *args]), check=False).returncode


QUICK = '[limits]\nsoak = { checks = 3, within = "6s" }\n'


def ready_pair(*, quick=False):
    """Both hosts anew, hau installed, the nodes paired, the publisher's key trusted, doctor without a failure.
    `quick`: with a soak of 6 s, by a drop-in, for scenarios that are about something else."""
    cluster.up(True)
    if quick:
        for node in NODES:
            host.do(node, ["install", "-D", "-m", "0644", "/dev/stdin", "/etc/hau/hau.toml.d/50-quick.toml"], stdin=QUICK)
    hau.install()
    pair()
    trust()
    settle()


def pair():
    """As a person does it: the code that one node shows is typed on the other."""
    shown = subprocess.Popen(host.command_in("a", ["hau-ctl", "pair"]), stdout=subprocess.PIPE, text=True)
    try:
        code = None
        for line in shown.stdout:
            found = re.search(r"hau-ctl pair ([0-9A-Z-]{20,})", line)
            if found:
                code = found.group(1)
                break
        if code is None:
            raise LabError("hau-ctl pair on a shows no code")
        ctl("b", "pair", code, check=True)
        if shown.wait(timeout=30) != 0:
            raise LabError("hau-ctl pair on a did not end well")
    finally:
        shown.kill()
        shown.stdout.close()


def publisher():
    """The publisher's key pair, made once."""
    with only_one(KEYS):
        if not (KEYS / "shop.key").exists():
            run([HAU_CTL, "bundle", "keygen", "shop", "--out", KEYS])


def trust():
    """The public half of it goes to both nodes."""
    publisher()
    for node in NODES:
        host.copy_in(node, KEYS / "shop.pub", "/etc/hau/keys/shop.pub")


def built(version):
    """Builds and signs a version of shop."""
    run([HAU_CTL, "bundle", "build", "--key", KEYS / "shop.key", "--out", STATE, build.bundle_folder(version)])
    return STATE / f"shop-{version}.hau"


def bundle(version, node="a"):
    """A version of shop on a node; gives its path there."""
    path = f"/srv/shop-{version}.hau"
    host.copy_in(node, built(version), path)
    return path


def settle(seconds=60):
    """Waits until doctor has no failure: the nodes have heard of one another and keepalived has settled."""
    end = time.monotonic() + seconds
    while True:
        done = ctl("a", "doctor")
        if done.returncode == 0:
            return
        if time.monotonic() >= end:
            raise LabError(f"hau-ctl doctor still finds failures:\n{done.stdout}{done.stderr}")
        time.sleep(1)


def switch():
    """VIP and primary role to the other node, by hau."""
    done = ctl("a", "switch", timeout=200)
    if done.returncode != 0:
        raise LabError(f"the switch ended with {done.returncode}\n{done.stdout}{done.stderr}")


@contextlib.contextmanager
def fast_hand_off():
    """The VIP moves by the fast hand-off meanwhile."""
    dropin = "/etc/hau/hau.toml.d/60-fast.toml"
    for node in NODES:
        host.do(node, ["install", "-D", "-m", "0644", "/dev/stdin", dropin], stdin='[vrrp]\nswitch = "fast"\n')
        host.do(node, ["systemctl", "restart", "hau-sidecar"])
    settle()
    yield
    for node in NODES:
        host.do(node, ["rm", dropin])
        host.do(node, ["systemctl", "restart", "hau-sidecar"])
    settle()


def unnoticed(load, arp=("0", "0")):
    """Nobody of the users has noticed: every request was answered, every order is there. Nothing of the handoff is left;
    `arp`: what the hosts' arp_ignore and arp_announce were before."""
    requests, rows = load["requests"], load["rows"]
    expect(requests["failed"] == 0, f"{requests['failed']} of {requests['total']} requests failed: {load['errors']}")
    expect(rows["lost"] == 0, f"acknowledged orders are lost: {rows}")
    for node in NODES:
        on_lo = "ip -o address show dev lo | grep -v -e ' 127.0.0.1/8 ' -e ' ::1/128 '"
        left = host.ask(node, ["sh", "-c", f"nft list table netdev hau; {on_lo}; ls /run/hau/handoff.json"]).stdout
        expect(not left.strip(), f"the handoff left on {node}: {left}")
        now = host.do(node, ["sysctl", "-n", "net.ipv4.conf.all.arp_ignore", "net.ipv4.conf.all.arp_announce"]).stdout.split()
        expect(now == list(arp), f"arp_ignore and arp_announce on {node} are {now}")
    say(f"  {requests['total']} requests, 0 failed, slowest {requests['worst_ms']:.0f} ms, {rows['acknowledged']} orders, 0 lost")


def nodes(node="a"):
    """{NAME: {version, vrrp, database}} as hau says it."""
    seen = data(node, "status")["nodes"]
    return {name: {key: one[key] for key in ("version", "vrrp", "database")} for name, one in seen.items()}


def last_rollout(node="a"):
    return data(node, "history")[-1]


def phases(rollout):
    """Phase by phase from the beginning of its first row to the end of its last: [(name, milliseconds)]."""
    spans = {}
    for row in rollout["rows"]:
        if row["started_at_ms"] is None:
            continue
        begin, end = row["started_at_ms"], row["started_at_ms"] + row["elapsed_ms"]
        old = spans.get(row["phase"], (begin, end))
        spans[row["phase"]] = (min(old[0], begin), max(old[1], end))
    return [(name, end - begin) for name, (begin, end) in spans.items()]


def log(node, unit="hau-sidecar", lines=30):
    return host.ask(node, ["journalctl", "-u", unit, "-n", str(lines), "--no-pager", "-o", "cat"]).stdout


def explain(error):
    """A failure with the last words of both sidecars."""
    say(f"✘ {error}")
    for node in NODES:
        if host.alive(node):
            say(f"--- hau-sidecar on {node}\n{log(node)}")
