"""The package on two hosts: installed, upgraded, removed, purged, with the VIP looked at every 10 ms."""

import contextlib

from . import cluster, hau, host, node as disk, scenario
from .base import NODES, LabError, expect, say
from .holders import Holders

STATE = "/var/lib/hau"


def comes_and_goes():
    """From a plain pair to a plain pair. Only the restart of keepalived with hau's hooks is not the package's doing."""
    cluster.up(True)
    deb = hau.package()
    with unmoved("the installation"):
        for name in NODES:
            hau.put(name, deb)
            expect(active(name) == "inactive", f"unconfigured, hau-sidecar on {name} is {active(name)}")
            hardened(name)
    hau.install(deb)
    scenario.pair()
    scenario.trust()
    scenario.settle()
    with unmoved("the upgrade"):
        for name in NODES:
            pid = host.main_pid(name)
            hau.put(name, deb)
            expect(host.main_pid(name) != pid, f"the new version does not run on {name}")
        scenario.settle()
    for name in NODES:
        host.do(name, ["install", "-D", "-m", "0600", "/dev/null", f"{STATE}/backups/kept"])
    with unmoved("the removal"):
        for name in NODES:
            refuses_while_it_is_asked(name)
            host.do(name, ["install", "-m", "0644", "/dev/stdin", "/etc/keepalived/keepalived.conf"],
                    stdin=disk.keepalived_conf("plain", name))
            host.do(name, ["systemctl", "reload", "keepalived"])
        for name in NODES:
            host.do(name, ["dpkg", "--remove", "hau"])
            expect(host.ask(name, ["test", "-f", f"{STATE}/journal/journal"]).returncode == 0, f"{name} has lost its journal")
            host.do(name, ["dpkg", "--purge", "hau"])
            left = host.ask(name, ["find", "/etc/hau", STATE, "-type", "f"]).stdout
            expect(sorted(left.split()) == [f"{STATE}/audit/trail", f"{STATE}/backups/kept"], f"the purge left on {name}: {left}")


@contextlib.contextmanager
def unmoved(what):
    """At every look exactly one node holds the VIP, and it is the same one afterwards."""
    before = [name for name in NODES if cluster.has_vip(name)]
    watched = Holders()
    watched.start()
    try:
        yield
    finally:
        watched.stop()
    expect(not watched.spans, f"{what} moved the VIP: {watched.spans}")
    after = [name for name in NODES if cluster.has_vip(name)]
    expect(before == after, f"{what} moved the VIP from {before} to {after}")
    say(f"  {what}: in {watched.samples} looks the VIP was on {before[0]} alone")


def refuses_while_it_is_asked(name):
    done = host.ask(name, ["dpkg", "--remove", "hau"], timeout=60)
    expect(done.returncode != 0 and "keepalived still asks hau-sidecar" in done.stderr,
           f"it was removed from under keepalived on {name}: {done.returncode} {done.stdout}{done.stderr}")
    expect(active(name) == "active", f"the refused removal stopped hau-sidecar on {name}")


def hardened(name):
    """What the unit files say of themselves."""
    for unit, tenths in (("hau-weight.service", 25), ("hau-sidecar.service", 41)):
        done = host.ask(name, ["systemd-analyze", "security", "--no-pager", f"--threshold={tenths}", unit])
        if done.returncode != 0:
            raise LabError(f"{unit} is more exposed than {tenths / 10}: {done.stdout.splitlines()[-1]}")


def active(name):
    return host.ask(name, ["systemctl", "is-active", hau.UNIT]).stdout.strip()
