"""A new user's path: two clean hosts with keepalived and the product, the package, and the commands that README shows, typed as they stand there."""

import re

from . import build, cluster, hau, host, scenario, traffic
from .base import NODES, PROJECT, VIP, LabError, expect, say
from .scenario import KEYS

MOST = 10
BEGIN, END = "<!-- typed: tests/lab/smoke types these lines -->", "<!-- /typed -->"
LINE = re.compile(r"\[(a|b|both)\]\s+(.*?)(\s+#.*)?")


def first_upgrade():
    """From the package to the new version on both nodes, in at most ten commands a node, and nobody of the users notices."""
    cluster.up(True)
    scenario.publisher()
    deb = hau.package()
    for name in NODES:
        host.copy_in(name, deb, "/root/hau_0.1.0-1_amd64.deb")
        host.copy_in(name, KEYS / "shop.pub", "/root/shop.pub")
    host.copy_in("a", scenario.built("1.1.0"), "/root/shop-1.1.0.hau")
    typed = {name: 0 for name in NODES}
    for nodes, command in commands():
        for name in nodes:
            typed[name] += 1
            type_in(name, command)
    say(f"  typed: {typed['a']} commands on a, {typed['b']} on b")
    expect(max(typed.values()) <= MOST, f"it takes more than {MOST} commands: {typed}")
    expect(cluster.shop(VIP)["version"] == "1.1.0", "the VIP does not answer with the new version")
    scenario.unnoticed(traffic.report())


def commands():
    """[(nodes, command)] as README has them, in its order."""
    text = (PROJECT / "README.md").read_text(encoding="utf-8")
    block = text.partition(BEGIN)[2].partition(END)[0]
    found = [LINE.fullmatch(line.strip()) for line in block.splitlines() if line.startswith("[")]
    if not found or not all(found):
        raise LabError(f"README.md shows no lines `[a] COMMAND` between {BEGIN} and {END}")
    return [(NODES if one[1] == "both" else (one[1],), one[2]) for one in found]


def type_in(name, command):
    """In the folder where a person keeps what was downloaded."""
    command = command.replace("age1…", build.age_recipient())
    if command.startswith("scp "):
        copied(command)
    elif command == "hau-ctl pair -":
        return  # typed below, when the other node shows its code
    elif command == "hau-ctl pair":
        scenario.pair()
    else:
        if command.startswith("hau-ctl doctor"):
            # a person reads what pairing said, and is not faster than keepalived settles
            scenario.settle(8)
        if command.startswith("hau-ctl upgrade"):
            traffic.start(10, 10, 10.0, None)
        done = host.ask(name, ["sh", "-c", f"cd /root && {command}"], timeout=400)
        expect(done.returncode == 0, f"[{name}] {command} ends with {done.returncode}:\n{done.stdout}{done.stderr}")


def copied(command):
    """Hosts of the lab have no sshd: the same file, by the same names."""
    _, source, target = command.split()
    name, _, folder = target.partition(":")
    text = host.do("a", ["cat", source]).stdout
    host.do(name, ["install", "-m", "0644", "/dev/stdin", f"{folder}{source.rsplit('/', 1)[1]}"], stdin=text)
