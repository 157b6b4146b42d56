"""The lab's network: one bridge in a namespace of its own, one namespace for each host and one for the client.

Partitions are made on the bridge, where no host can see them: a cut is silence, the links stay up.
"""

import pathlib

from .base import ADDRESS, NAME, PREFIX, LabError, peer_of, run

BRIDGE_SPACE = f"{NAME}-br"
BRIDGE = "haulab-br0"
TABLE = ("bridge", "haulab")


def namespace(place):
    return f"{NAME}-{place}"


def port(place):
    """The bridge's end of a place's cable."""
    return f"haulab-p{place[0]}"


def up():
    """Makes the bridge and the client's place; the hosts' cables are plugged in by plug()."""
    if not exists(BRIDGE_SPACE):
        run(["ip", "netns", "add", BRIDGE_SPACE])
        inside(BRIDGE_SPACE, "link", "add", BRIDGE, "type", "bridge", "forward_delay", "0", "mcast_snooping", "0")
        inside(BRIDGE_SPACE, "link", "set", BRIDGE, "up")
    if not exists(namespace("client")):
        plug("client")


def down():
    for place in ("a", "b", "client"):
        unplug(place)
    if exists(BRIDGE_SPACE):
        run(["ip", "netns", "del", BRIDGE_SPACE])


def exists(space):
    return pathlib.Path("/run/netns", space).exists()


def inside(space, *args, check=True):
    return run(["ip", "-n", space, *args], check=check)


def plug(place):
    """A fresh namespace with eth0, its address, and the cable to the bridge."""
    unplug(place)
    space = namespace(place)
    run(["ip", "netns", "add", space])
    # a host keeps its MAC address over a power cut: with another one the neighbours would look for the old one for 30 s
    mac = "02:00:" + ":".join(f"{int(part):02x}" for part in ADDRESS[place].split("."))
    inside(BRIDGE_SPACE, "link", "add", port(place), "type", "veth", "peer", "name", "eth0", "address", mac, "netns", space)
    inside(BRIDGE_SPACE, "link", "set", port(place), "master", BRIDGE, "up")
    inside(space, "link", "set", "lo", "up")
    inside(space, "address", "add", f"{ADDRESS[place]}/{PREFIX}", "brd", "+", "dev", "eth0")
    inside(space, "link", "set", "eth0", "up")


def cut_cable(place):
    """From now on nothing of this place reaches anybody."""
    if exists(BRIDGE_SPACE):
        inside(BRIDGE_SPACE, "link", "set", port(place), "down", check=False)


def unplug(place):
    """Takes the whole namespace away, with addresses and nft tables that would outlive a dead host."""
    if exists(BRIDGE_SPACE):
        inside(BRIDGE_SPACE, "link", "del", port(place), check=False)
    if exists(namespace(place)):
        run(["ip", "netns", "del", namespace(place)])


# what a partition drops; ARP between the hosts is needed by everything but VRRP
MATCHES = {
    "vrrp": ("ip protocol 112 drop",),
    "peer": ("ether type ip ip protocol != 112 drop", "ether type != ip drop"),
    "all": ("drop",),
}


def partition(only, one_way):
    """Cuts between the two hosts (the client still reaches both); with `one_way`, only what that host sends."""
    senders = (one_way,) if one_way else ("a", "b")
    rules = [f"iifname {port(node)} oifname {port(peer_of(node))} {match}" for node in senders for match in MATCHES[only]]
    heal()
    script = "\n".join([f"table {' '.join(TABLE)} {{", "chain forward {",
                        "type filter hook forward priority 0; policy accept;", *rules, "}", "}", ""])
    _nft(script)


def heal():
    family_name = " ".join(TABLE)
    _nft(f"table {family_name}\ndelete table {family_name}\n")


def partitioned():
    if not exists(BRIDGE_SPACE):
        return False
    return run(["ip", "netns", "exec", BRIDGE_SPACE, "nft", "list", "table", *TABLE], check=False).returncode == 0


def _nft(script):
    if not exists(BRIDGE_SPACE):
        raise LabError("the lab is down: `lab up` first")
    run(["ip", "netns", "exec", BRIDGE_SPACE, "nft", "-f", "-"], stdin=script)
