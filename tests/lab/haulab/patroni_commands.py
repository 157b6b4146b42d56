"""The pair's PostgreSQL managed by Patroni, which hau reaches by the commands of hooks/site/patroni."""

import contextlib

from . import commands, host, pg, scenario
from .base import NODES, expect, wait_for
from .peers import patroni

# Of the layer that is installed over the network, once: the one of the bench.
PROGRAMS = ("patroni", patroni.DEBIAN, patroni.PYPI)
ASKS = {**commands.ASKS, "rewind": "", "rebuild": ""}
# Who may come in besides Patroni itself: those who may to the pair's own cluster.
ADMITTED = ("local all hau peer map=hau", "host shop shop 127.0.0.1/32 scram-sha-256")
IDENT = ("hau root hau", "hau postgres hau")
DUMP = "/var/lib/postgresql/shop.dump"


def reach_patroni():
    """An upgrade and a rollback under traffic: Patroni changes the roles, hau all the rest, and nobody notices."""
    with managed_by_patroni(), commands.reached_by("patroni", ASKS):
        roles = {name: one["database"] for name, one in scenario.nodes().items()}
        expect(roles == {"a": "primary", "b": "standby"}, f"hau sees the databases as {roles}")
        commands.there_and_back()
    scenario.settle()


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
    for node in NODES:
        host.do(node, ["systemctl", "enable", "--now", pg.UNIT])
    pg.wait_streaming()


def move_the_shop_in():
    password = host.do("a", ["cat", "/etc/shop/db.password"]).stdout.strip()
    pg.sql("a", f"create role hau superuser login; create role shop login password '{password}'")
    pg.sql("a", "create database shop owner shop")
    pg.as_postgres("a", ["pg_restore", "--exit-on-error", "-d", "shop", DUMP])
