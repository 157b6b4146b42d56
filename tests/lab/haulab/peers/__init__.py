"""Other managers of a PostgreSQL pair, each installed on the lab's two hosts and told to switch over by its own command."""

from . import patroni, pg_auto_failover, repmgr
from .. import cluster, pg, rootfs, writes
from ..base import LabError, say

# Name in switchover.json → a module with DEBIAN and PYPI (what it wants installed), VERSION (a program that says it), COMMAND,
# set_up() as a context, and switch(old, new).
PEERS = {"repmgr": repmgr, "pg_auto_failover": pg_auto_failover, "patroni": patroni}


def figures(count):
    """{name: the figures of writes.together, or {"not_measured": why}}"""
    return {name: _measured(name, peer, count) for name, peer in PEERS.items()}


def _measured(name, peer, count):
    say(f"── {name}: {count} switchovers on a fresh pair")
    try:
        with rootfs.with_programs(name, peer.DEBIAN, peer.PYPI):
            try:
                cluster.up(True)
                with peer.set_up():
                    writes.prepare()
                    runs = [writes.switchover(peer.switch) for _ in range(count)]
                    version = pg.as_postgres("a", peer.VERSION).stdout.splitlines()[0]
            finally:
                cluster.down(True)
    except LabError as error:
        say(f"{name} was not measured: {error}")
        return {"not_measured": str(error)}
    return {**writes.together(runs), "version": version, "command": peer.COMMAND}
