"""The pause of writes: hau beside what is possible and beside what a script does, on the same pair and by turns."""

import contextlib

from . import host, pg, scenario, writes
from .base import LAB, NODES, run, say


def figures(count):
    """An even number of switchovers of each, so that every turn ends where it began: {hau, floor, pg_ctl}."""
    _admit_writer()
    runs = {name: [] for name in CHANGES}
    while len(runs["hau"]) < count:
        for name, change in CHANGES.items():
            say(f"── switchovers by {name}, {len(runs[name])} of {count} done")
            with contextlib.nullcontext() if name == "hau" else without_sidecars():
                runs[name] += [writes.switchover(change) for _ in range(2)]
    return {name: writes.together(seen) for name, seen in runs.items()}


def _admit_writer():
    for node in NODES:
        host.do(node, ["sh", "-c", f"echo '{writes.ADMITTED}' >> {pg.CONFIG}/pg_hba.conf"])
        pg.sql(node, "select pg_reload_conf()")
    writes.prepare()


@contextlib.contextmanager
def without_sidecars():
    """Roles are changed by somebody else meanwhile, and stand as before when this ends."""
    for node in NODES:
        host.do(node, ["systemctl", "stop", "hau-sidecar"])
    yield
    pg.wait_streaming()
    for node in NODES:
        host.do(node, ["systemctl", "start", "hau-sidecar"])
    scenario.settle()


def by_hau(_old, _new):
    scenario.switch()


def at_the_floor(old, new):
    roots = [f"/proc/{host.leader(node)}/root" for node in (old, new)]
    say(f"  {run([writes.PYTHON, LAB / 'probes/floor.py', *roots, pg.DATA]).stdout.strip()}")
    pg.follow(old)


def by_pg_ctl(old, new):
    pg.change_roles_by_pg_ctl(old, new)
    pg.follow(old)


CHANGES = {"hau": by_hau, "floor": at_the_floor, "pg_ctl": by_pg_ctl}
