"""The same PostgreSQL, reached by the commands of hooks/site/db: a database that hau does not know."""

import re

from . import cluster, host, scenario, traffic
from .base import NODES, PROJECT, VIP, expect

PROGRAM = "/usr/local/sbin/db"
CONFIG = "/etc/hau/hau.toml"
# Key, and the word that hau fills in.
ASKS = {
    "identity": "", "role": "", "lag": "", "position": "", "replayed": "{position}", "checkpoint": "", "demote": "",
    "take_back": "{position}", "promote": "{position}", "rejoin": "", "take_over": "", "schema": "{name}", "size": "",
    "dump": "", "check_dump": "{file}",
}


def by_commands(config):
    """hau.toml with [database] as kind = "command"."""
    lines = [f'{key} = ["{PROGRAM}", "{key}"' + (f', "{word}"]' if word else "]") for key, word in ASKS.items()]
    section = '[database]\nkind = "command"\n[database.commands]\n' + "\n".join(lines) + "\n"
    config, count = re.subn(r"\[database\]\n(?:[a-z_]+ = .*\n)+", lambda _: section, config)
    expect(count == 1, "hau.toml has no [database] as it was")
    return config.replace('prove = "restore"', 'prove = "verify"')


def configure(node, config):
    host.do(node, ["install", "-m", "0644", "/dev/stdin", CONFIG], stdin=config)
    host.do(node, ["systemctl", "restart", "hau-sidecar"])


def reach_the_database():
    """An upgrade and a rollback under traffic: nobody notices, and no order is lost."""
    before = {node: host.do(node, ["cat", CONFIG]).stdout for node in NODES}
    for node in NODES:
        host.copy_in(node, PROJECT / "hooks/site/db", PROGRAM)
        host.do(node, ["chown", "root:root", PROGRAM])
        host.do(node, ["chmod", "0755", PROGRAM])
        configure(node, by_commands(before[node]))
    scenario.settle()
    doctor = scenario.ctl("a", "doctor").stdout
    expect("database commands" in doctor, f"doctor does not look at the program:\n{doctor}")
    scenario.bundle("1.1.0")
    for words, version in ((("upgrade", "/srv/shop-1.1.0.hau", "--allow-known-bad"), "1.1.0"), (("rollback",), "1.0.0")):
        traffic.start(20, 20, 10.0, None)
        done = scenario.ctl("a", *words, timeout=400)
        expect(done.returncode == 0, f"{words[0]}: {done.returncode}\n{done.stdout}{done.stderr}")
        scenario.unnoticed(traffic.report())
        expect(cluster.shop(VIP)["version"] == version, f"after the {words[0]} the VIP does not answer with {version}")
    for node in NODES:
        configure(node, before[node])
    scenario.settle()
