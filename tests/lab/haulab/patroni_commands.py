"""The pair's PostgreSQL managed by Patroni, which hau reaches by the commands of hooks/site/patroni."""

import contextlib
import json
import time

from . import commands, host, pg, scenario
from .base import NODES, expect, say, wait_for
from .peers import patroni

# Of the layer that is installed over the network, once: the one of the bench.
PROGRAMS = ("patroni", patroni.DEBIAN, patroni.PYPI)
ASKS = {**commands.ASKS, "rewind": "", "rebuild": ""}
# Who may come in besides Patroni itself: those who may to the pair's own cluster.
ADMITTED = ("local all hau peer map=hau", "host shop shop 127.0.0.1/32 scram-sha-256")
IDENT = ("hau root hau", "hau postgres hau")
API = "http://127.0.0.1:8008"
DUMP = "/var/lib/postgresql/shop.dump"


def reach_patroni():
    """An upgrade and a rollback under traffic: Patroni changes the roles, hau all the rest, and nobody notices."""
    with managed_by_patroni(), commands.reached_by("patroni", ASKS):
        roles = {name: one["database"] for name, one in scenario.nodes().items()}
        expect(roles == {"a": "primary", "b": "standby"}, f"hau sees the databases as {roles}")
        commands.there_and_back()
    scenario.settle()


def ask_patroni():
    """Every command of the script on its own, some twice, as hau may: there and back, a "no", a crash, a broken copy."""
    with managed_by_patroni(), commands.reached_by("patroni", ASKS):
        answers_questions()
        switches_there_and_back()
        tells_a_no()
        survives_a_crash()
        copies_anew()
        asked("a", "promote", "0")
        roles_are("primary", "standby")
    scenario.settle()


def asked(node, *words, code=0):
    """What the script prints, on either output."""
    done = host.ask(node, [commands.PROGRAM, *words], timeout=150)
    expect(done.returncode == code, f"{' '.join(words)} on {node} ended with {done.returncode}, not {code}: {done.stdout}{done.stderr}")
    return (done.stdout + done.stderr).strip()


def roles_are(*wanted):
    """When the standby follows."""
    asked(NODES[wanted.index("standby")], "rejoin")
    roles = tuple(asked(node, "role") for node in NODES)
    expect(roles == wanted, f"the databases are {roles}, not {wanted}")


def answers_questions():
    roles_are("primary", "standby")
    expect(len({asked(node, "identity") for node in NODES}) == 1, "the nodes differ in their identity")
    for node in NODES:
        expect(int(asked(node, "lag")) >= 0 and int(asked(node, "size")) > 0, f"no lag or size on {node}")
    asked("a", "checkpoint")
    position = asked("a", "demote")
    wait_for("b to replay it", lambda: None if host.ask("b", [commands.PROGRAM, "replayed", position]).returncode == 0 else position, 10)
    asked("b", "replayed", str(int(position) + (1 << 30)), code=1)


def switches_there_and_back():
    for words in (("b", "promote", "0"), ("a", "take_back", "0")):
        started = time.monotonic()
        asked(*words)
        say(f"  {words[1]} on {words[0]} took {time.monotonic() - started:.1f} s")
        asked(*words)
        roles_are(*(("standby", "primary") if words[0] == "b" else ("primary", "standby")))


def tells_a_no():
    """Patroni refuses to promote a member that is tagged so."""
    conf = json.loads(host.do("b", ["cat", patroni.CONF]).stdout)
    for tags, code in (({"nofailover": True}, 75), ({}, 0)):
        host.do("b", ["tee", patroni.CONF], stdin=json.dumps({**conf, "tags": tags}))
        pg.as_postgres("b", ["patronictl", "-c", patroni.CONF, "reload", "--force", "pair", "b"])
        wait_for("Patroni to read its tags", lambda code=code: tagged("b", code == 75), 30)
        if code:
            said = asked("b", "promote", "0", code=code)
            expect("Patroni: " in said, f"it does not say why: {said}")
            say(f"  {said}")
    roles_are("primary", "standby")


def tagged(node, wanted):
    members = json.loads(host.do(node, ["curl", "-sS", f"{API}/cluster"]).stdout)["members"]
    tags = next(member.get("tags", {}) for member in members if member["name"] == node)
    return None if ("nofailover" in tags) == wanted else f"{tags}"


def survives_a_crash():
    """Of the primary and its Patroni: the other one takes over, and the old one rewinds and follows."""
    host.do("a", ["systemctl", "kill", "-s", "KILL", patroni.UNIT])
    asked("a", "role", code=75)
    asked("b", "lag", code=1)
    started = time.monotonic()
    asked("b", "take_over")
    say(f"  take_over took {time.monotonic() - started:.1f} s")
    asked("b", "take_over")
    patroni.start("a")
    asked("a", "rewind")
    roles_are("standby", "primary")


def copies_anew():
    """A database without its list of databases: nobody can log in."""
    host.do("a", ["systemctl", "stop", patroni.UNIT])
    host.do("a", ["rm", f"{patroni.DATA}/global/1262"])
    patroni.start("a")
    wait_for("Patroni to answer", lambda: None if host.ask("a", ["curl", "-sS", f"{API}/patroni"]).returncode == 0 else "no answer", 30)
    started = time.monotonic()
    asked("a", "rebuild")
    say(f"  rebuild took {time.monotonic() - started:.1f} s")
    asked("a", "rebuild")
    roles_are("standby", "primary")


@contextlib.contextmanager
def managed_by_patroni():
    """Meanwhile the shop's database is in a cluster of Patroni's; afterwards the pair's own one, as it was left."""
    pg.as_postgres("a", ["pg_dump", "-Fc", "-d", "shop", "-f", DUMP])
    with patroni.set_up(ADMITTED, IDENT):
        move_the_shop_in()
        pg.wait_streaming()
        yield
        for node in NODES:
            host.do(node, ["systemctl", "stop", patroni.UNIT])
            host.do(node, ["rm", "-rf", patroni.DATA])
    for node in NODES:
        host.do(node, ["systemctl", "enable", "--now", pg.UNIT])
    pg.wait_streaming()


def move_the_shop_in():
    password = host.do("a", ["cat", "/etc/shop/db.password"]).stdout.strip()
    pg.sql("a", f"create role hau superuser login; create role shop login password '{password}'")
    pg.sql("a", "create database shop owner shop")
    pg.as_postgres("a", ["pg_restore", "--exit-on-error", "-d", "shop", DUMP])
