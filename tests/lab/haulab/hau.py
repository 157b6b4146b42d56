"""Puts the project's package on both hosts, hau.toml, and a keepalived configuration with hau's hooks."""

import functools
import os
import shutil
import time

from . import build, cluster, host, node as disk
from .base import LAB, NODES, PROJECT, STATE, LabError, only_one, run, say, tail, wait_for

UNIT = "hau-sidecar.service"
PACKAGES = PROJECT / "target" / "package"
# In the environment: where the package lies that was made for several pairs.
MADE = "HAULAB_DEB"


def install(deb=None):
    for name in NODES:
        host.leader(name)  # both must be up before anything is changed
    deb = deb or package()
    for name in NODES:
        put(name, deb)
        _configure(name)
    wait_for("the VIP to stay on one node", settled(5), 30, every=0.2)


@functools.cache
def package():
    """Made once by a program, however many pairs it installs; a copy, for another program may make it again meanwhile."""
    if MADE in os.environ:
        return os.environ[MADE]
    STATE.mkdir(parents=True, exist_ok=True)
    with only_one(PACKAGES, 900):
        say("making the package")
        run(["make", "-C", PROJECT, "deb"], timeout=3600)
        (deb,) = PACKAGES.glob("*.deb")
        return shutil.copy(deb, STATE / "hau.deb")


def put(name, deb):
    """The package on a node; again is an upgrade to the same version."""
    host.copy_in(name, deb, "/srv/hau.deb")
    host.do(name, ["dpkg", "--install", "/srv/hau.deb"], timeout=120)


def _configure(name):
    config = (LAB / "files" / "hau.toml").read_text(encoding="utf-8").replace("@RECIPIENT@", build.age_recipient())
    host.do(name, ["install", "-m", "0644", "/dev/stdin", "/etc/hau/hau.toml"], stdin=config)
    check_keepalived_conf(name, disk.keepalived_conf("hau", name))
    started = host.ask(name, ["systemctl", "restart", "hau-weight", UNIT], timeout=60)
    if started.returncode != 0:
        journal = host.ask(name, ["journalctl", "-u", UNIT, "-n", "15", "--no-pager", "-o", "cat"]).stdout
        raise LabError(f"{UNIT} does not start on node {name} (keepalived goes on with its plain configuration):\n{journal}")
    host.do(name, ["mv", "/etc/keepalived/keepalived.conf.hau", "/etc/keepalived/keepalived.conf"])
    host.do(name, ["systemctl", "restart", "keepalived.service"])
    wait_for(f"keepalived on node {name} to run", lambda: _active(name, "keepalived.service"), 10,
             context=lambda: tail(host.console(name)))


def check_keepalived_conf(name, text):
    """Puts it beside the one that is used. With a time limit inside the host: `keepalived -t` can hang."""
    host.do(name, ["install", "-m", "0644", "/dev/stdin", "/etc/keepalived/keepalived.conf.hau"], stdin=text)
    checked = host.ask(name, ["timeout", "5", "keepalived", "-t", "-f", "/etc/keepalived/keepalived.conf.hau"])
    if checked.returncode != 0:
        raise LabError(f"keepalived on node {name} does not accept its configuration with hau"
                       f" (exit code {checked.returncode}):\n{checked.stdout}{checked.stderr}")


def _active(name, unit):
    state = host.ask(name, ["systemctl", "is-active", unit]).stdout.strip()
    return None if state == "active" else state


def settled(seconds, has_vip=cluster.has_vip):
    """A probe: one node, the same for so long. A keepalived that was restarted gives the VIP away and takes it back."""
    since = {}

    def probe():
        holders = tuple(name for name in NODES if has_vip(name))
        if since.get("holders") != holders:
            since.update(holders=holders, at=time.monotonic())
        if len(holders) != 1:
            return f"held by {' and '.join(holders) or 'nobody'}"
        return None if time.monotonic() - since["at"] >= seconds else f"held by {holders[0]} since less than {seconds} s"

    return probe
