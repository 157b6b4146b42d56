"""A PostgreSQL that is reached by the commands of a script of hooks/site, as a database that hau does not know."""

import contextlib
import re

from . import cluster, host, scenario, traffic
from .base import NODES, PROJECT, VIP, expect, say

PROGRAM = "/usr/local/sbin/db"
CONFIG = "/etc/hau/hau.toml"
# Key, and the word that hau fills in.
ASKS = {
    "identity": "", "role": "", "lag": "", "timeline": "", "position": "", "replayed": "{position}", "checkpoint": "", "demote": "",
    "take_back": "{position}", "promote": "{position}", "rejoin": "", "take_over": "", "schema": "{name}", "size": "",
    "dump": "", "check_dump": "{file}",
}


def by_commands(asks):
    """[database] as kind = "command"."""
    lines = [f'{key} = ["{PROGRAM}", "{key}"' + (f', "{word}"]' if word else "]") for key, word in asks.items()]
    return '[database]\nkind = "command"\n[database.commands]\n' + "\n".join(lines) + "\n"


def configure(node, config):
    host.do(node, ["install", "-m", "0644", "/dev/stdin", CONFIG], stdin=config)
    host.do(node, ["systemctl", "restart", "hau-sidecar"])


@contextlib.contextmanager
def known_by(section, prove="verify"):
    """Meanwhile this stands in the place of [database] in hau.toml, and backups are proved so."""
    before = {node: host.do(node, ["cat", CONFIG]).stdout for node in NODES}
    for node in NODES:
        config, count = re.subn(r"\[database\]\n(?:[a-z_]+ = .*\n)+", lambda _: section, before[node])
        expect(count == 1, "hau.toml has no [database] as it was")
        configure(node, config.replace('prove = "restore"', f'prove = "{prove}"'))
    scenario.settle()
    yield
    for node in NODES:
        configure(node, before[node])


@contextlib.contextmanager
def reached_by(script, asks):
    """Meanwhile hau knows the pair's database by this script of hooks/site alone."""
    for node in NODES:
        host.copy_in(node, PROJECT / "hooks/site" / script, PROGRAM)
        host.do(node, ["chown", "root:root", PROGRAM])
        host.do(node, ["chmod", "0755", PROGRAM])
    with known_by(by_commands(asks)):
        doctor = scenario.ctl("a", "doctor").stdout
        expect("database commands" in doctor, f"doctor does not look at the program:\n{doctor}")
        yield


def there_and_back():
    """An upgrade and a rollback under traffic: nobody notices, and no order is lost."""
    scenario.bundle("1.1.0")
    for words, version in ((("upgrade", "/srv/shop-1.1.0.hau", "--allow-known-bad"), "1.1.0"), (("rollback",), "1.0.0")):
        traffic.start(20, 20, 10.0, None)
        done = scenario.ctl("a", *words, timeout=400)
        expect(done.returncode == 0, f"{words[0]}: {done.returncode}\n{done.stdout}{done.stderr}")
        scenario.unnoticed(traffic.report())
        took = {row["step"]: row["elapsed_ms"] for row in scenario.last_rollout()["rows"]}
        say(f"  demote took {took['demote']} ms, promote {took['promote']} ms, rejoin {took['rejoin']} ms")
        expect(cluster.shop(VIP)["version"] == version, f"after the {words[0]} the VIP does not answer with {version}")


def reach_the_database():
    """hooks/site/db, on the pair's own PostgreSQL."""
    with reached_by("db", ASKS):
        there_and_back()
    scenario.settle()
