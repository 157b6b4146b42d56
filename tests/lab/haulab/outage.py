"""What smoke and crashloop share about losing a host: how the pair is configured for it, and the lab's power switch."""

import contextlib
import threading
import time

from . import cluster, host, scenario
from .base import NODES, VIP, LabError, peer_of, wait_for

# The fencing command of the lab asks the lab for the power of the other host, as a site's would ask its power strip.
SWITCH = "/srv/power-switch"
PROGRAM = "/usr/local/sbin/fence-peer"
SCRIPT = f"""#!/bin/sh
# fence-peer NODE: exit 0 when that host is off
mkdir -p {SWITCH} && rm -f {SWITCH}/off-"$1" && : > {SWITCH}/cut-"$1" || exit 1
for _ in $(seq 100); do
    [ -e {SWITCH}/off-"$1" ] && exit 0
    sleep 0.1
done
echo "the power switch does not answer" >&2
exit 1
"""
DROP_IN = "/etc/hau/hau.toml.d/50-failover.toml"


def configure(failover, rejoin="manual"):
    """Both nodes: who promotes, who rejoins; the sidecars read it at once."""
    text = f'[database]\nfailover = "{failover}"\nrejoin = "{rejoin}"\n[fence]\ncommand = ["{PROGRAM}", "{{node}}"]\n'
    for node in NODES:
        host.do(node, ["install", "-m", "0755", "/dev/stdin", PROGRAM], stdin=SCRIPT)
        host.do(node, ["mkdir", "-p", "/etc/hau/hau.toml.d"])
        host.do(node, ["install", "-m", "0644", "/dev/stdin", DROP_IN], stdin=text)
        host.do(node, ["systemctl", "restart", "hau-sidecar"])
    scenario.settle()


@contextlib.contextmanager
def power_switch():
    """While this runs the switch works: a host that is asked for loses its power, once."""
    end, cut = threading.Event(), []

    def watch():
        while not end.wait(0.05):
            for node in NODES:
                asked = host.root(node) / SWITCH.lstrip("/") / f"cut-{peer_of(node)}"
                with contextlib.suppress(OSError, LabError):
                    if host.alive(node) and asked.exists():
                        asked.unlink()
                        if host.alive(peer_of(node)):
                            host.power_off(peer_of(node))
                        cut.append(peer_of(node))
                        asked.with_name(f"off-{peer_of(node)}").touch()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield cut
    finally:
        end.set()
        thread.join()


def served_by(seconds, want_primary=True):
    """Seconds until a request through the VIP is answered, by a node that takes writes."""
    began = time.monotonic()

    def probe():
        answer = cluster.shop(VIP)
        if answer is None:
            return "no answer"
        return None if answer.get("primary") or not want_primary else f"not by a primary: {answer}"

    wait_for("the service to be reached through the VIP", probe, seconds, every=0.1)
    return time.monotonic() - began


def until(node, what, seconds, probe):
    """Waits until status on the node is as `probe` wants it (it says what is missing, or None)."""
    wait_for(what, lambda: probe(scenario.data(node, "status")), seconds, every=0.3,
             context=lambda: scenario.log(node))


def rejoined(node, seconds=60):
    """The node's database follows the other one's."""
    def probe(status):
        one = status["nodes"][node]
        return None if one["database"] == "standby" and not status["alarm"] else f"{one['database']}, {status['alarm']}"

    until(node, f"the database of {node} to be a standby", seconds, probe)
    wait_for("it to stream", lambda: None if cluster.query(peer_of(node), "select count(*) from pg_stat_replication") == "1" else "not yet", 30)
