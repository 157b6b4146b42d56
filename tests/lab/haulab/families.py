"""The handoff over both families: three VIPs under load at once, there and back, on eth0 and on another interface."""

import contextlib
import functools
import json

from . import cluster, hau, host, net, node as disk, scenario, traffic
from .base import NODES, PREFIX, PRIORITY, PROJECT, VIP, expect, peer_of, say, wait_for

# The last part of every address that a place gets here, as of those it has.
NUMBERS = {"a": 11, "b": 12, "client": 20}
CONF = "/etc/keepalived/keepalived.conf"
OTHER = "mv0"
# Clients for each VIP: so many with a connection per request, and as many keep-alive.
CLIENTS = 7


def every_vip_is_handed_off():
    """The usual VIP, another one, and one of IPv6, which an instance of IPv4 can hold only beside those that it advertises."""
    vips = (VIP, "10.77.0.101", "fd00:77::100")
    with addresses("eth0", "fd00:77::{}/64"), holding(vips, beside_its_adverts, "reload"):
        there_and_back(vips)


def a_sync_group_on_another_interface():
    """An instance for each family, as the shipped example has them, on a macvlan as it might be on a VLAN, and in networks
    in which no node has the address that hau knows it by."""
    vips = ("10.7.0.100", "10.7.0.101", "fd00:7::100")
    with over_eth0(), addresses(OTHER, "10.7.0.{}/24", "fd00:7::{}/64"), holding((*vips, "fe80::7:100"), in_a_sync_group, "restart"):
        there_and_back(vips, ("1", "2"))


def there_and_back(vips, arp=("0", "0")):
    """By hau, under the load of clients of each VIP."""
    before = holder(vips)
    traffic.start(CLIENTS * len(vips), CLIENTS * len(vips), 10.0, None, vips)
    for there in (peer_of(before), before):
        scenario.switch()
        expect(holder(vips) == there, f"the VIPs are not on {there}")
        say(f"  drained: {drained()}")
    load = traffic.report()
    for vip, one in load["targets"].items():
        say(f"  {vip}: {one['total']} requests, {one['failed']} failed, slowest {one['worst_ms']:.0f} ms")
    expect(len(load["targets"]) == len(vips), f"not every VIP was used: {load['targets']}")
    scenario.unnoticed(load, arp)


def drained():
    """What the old MASTER said of its connections."""
    return next(row["note"] for row in scenario.last_rollout()["rows"] if row["step"] == "drain")


def holder(vips):
    """The one node that has them all; the other one has none."""
    held = {name: held_by(name) & set(vips) for name in NODES}
    expect(sorted(map(len, held.values())) == [0, len(vips)], f"the VIPs are not on one node alone: {held}")
    return next(name for name in NODES if held[name])


def held_by(name):
    """Its addresses where others reach them."""
    links = json.loads(host.do(name, ["ip", "-j", "address"]).stdout)
    return {one["local"] for link in links if link["ifname"] != "lo" for one in link["addr_info"]}


@contextlib.contextmanager
def addresses(interface, *networks):
    """Both hosts, on this interface, and the client have addresses in these networks meanwhile."""
    def change(verb, *flags):
        for place, number in NUMBERS.items():
            for network in networks:
                at = interface if place in NODES else "eth0"
                net.inside(net.namespace(place), "address", verb, network.format(number), "dev", at, *flags)

    change("add", "nodad")
    yield
    change("del")


@contextlib.contextmanager
def over_eth0():
    """Both hosts have a macvlan over eth0 meanwhile. On one wire with eth0 it answers for its addresses alone, else so would eth0."""
    for name in NODES:
        space = net.namespace(name)
        arp(name, 1, 2)
        net.inside(space, "link", "add", OTHER, "link", "eth0", "type", "macvlan", "mode", "bridge")
        host.do(name, ["sysctl", "-q", f"net.ipv6.conf.{OTHER}.accept_dad=0"])
        net.inside(space, "link", "set", OTHER, "up")
    yield
    for name in NODES:
        net.inside(net.namespace(name), "link", "del", OTHER)
        arp(name, 0, 0)


def arp(name, ignore, announce):
    host.do(name, ["sysctl", "-q", f"net.ipv4.conf.all.arp_ignore={ignore}", f"net.ipv4.conf.all.arp_announce={announce}"])


@contextlib.contextmanager
def holding(vips, conf, verb):
    """keepalived goes by this configuration meanwhile and holds these VIPs; `verb`: how it comes to know."""
    make(conf, verb)
    settle(vips)
    yield
    make(functools.partial(disk.keepalived_conf, "hau"), verb)
    settle((VIP,))
    expect(cluster.shop(VIP).get("primary"), "the service is not reached through the VIP any more")


def settle(vips):
    wait_for("every VIP to stay on one node", hau.settled(5, lambda name: set(vips) <= held_by(name)), 40, every=0.2)
    wait_for("doctor to see nothing in the way", objections, 40, every=1)
    holder(vips)


def make(conf, verb):
    for name in NODES:
        hau.check_keepalived_conf(name, conf(name))
    for name in NODES:
        host.do(name, ["mv", f"{CONF}.hau", CONF])
        host.do(name, ["systemctl", verb, "keepalived"])


def beside_its_adverts(name):
    own, more = f"    {VIP}/{PREFIX}\n", f"    10.77.0.101/{PREFIX}\n  }}\n  virtual_ipaddress_excluded {{\n    fd00:77::100/64\n"
    return changed(disk.keepalived_conf("hau", name), {own: own + more})


def in_a_sync_group(name):
    """The example that hau ships, with the lab's names and numbers."""
    text, added = ((PROJECT / "keepalived" / file).read_text(encoding="utf-8") for file in ("sync-group.conf", "hau.conf"))
    return changed(text, {
        "include hau.conf": added, "vrrp_sync_group web ": "vrrp_sync_group pair ", "web4": "web",
        "priority 110 ": f"priority {PRIORITY[name]} ",
        "    10.77.0.100/24 dev eth0\n": "    10.7.0.100/24 dev eth0\n    10.7.0.101/24 dev eth0\n",
        "2001:db8:77::": "fd00:7::", "fe80::77:100": "fe80::7:100", "eth0": OTHER,
    })


def changed(text, words):
    for old, new in words.items():
        expect(old in text, f"keepalived.conf has no `{old}`")
        text = text.replace(old, new)
    return text


def objections():
    """What doctor has against an upgrade, or against a handoff of what keepalived holds."""
    found = [(name, one["what"]) for name, findings in scenario.data("a", "doctor").items() for one in findings
             if one["status"] == "fail" or one["status"] == "warn" and one["check"] in ("handoff", "keepalived configuration")]
    return f"{found}" if found else None
