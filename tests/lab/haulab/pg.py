"""The pair's database, whoever manages it: a cluster on port 5432 of both hosts that the user postgres may ask over the socket."""

import json

from . import host
from .base import NODES, LabError, wait_for

BIN = "/usr/lib/postgresql/15/bin"
DATA = "/var/lib/postgresql/15/main"
CONFIG = "/etc/postgresql/15/main"
UNIT = "postgresql@15-main.service"


def as_postgres(node, args, *, timeout=60, check=True):
    call = host.do if check else host.ask
    return call(node, ["runuser", "-u", "postgres", "--", "env", "HOME=/var/lib/postgresql", f"PATH={BIN}:{host.PATH}", *args],
                timeout=timeout)


def sql(node, text):
    return as_postgres(node, ["psql", "-p", "5432", "-d", "postgres", "-XqAtv", "ON_ERROR_STOP=1", "-c", text]).stdout.strip()


def _ask(node, text):
    """None where the server does not answer."""
    done = as_postgres(node, ["psql", "-p", "5432", "-d", "postgres", "-XqAt", "-c", text], check=False)
    return done.stdout.strip() if done.returncode == 0 else None


def primary():
    """The one primary; an error where there is none or more than one."""
    roles = {node: _ask(node, "select pg_is_in_recovery()") for node in NODES}
    found = [node for node, standby in roles.items() if standby == "f"]
    if len(found) != 1:
        raise LabError(f"not exactly one primary: pg_is_in_recovery() says {roles}")
    return found[0]


def not_streaming():
    """None when one is primary and the other one streams from it and has replayed all that was written."""
    try:
        node = primary()
    except LabError as error:
        return str(error)
    seen = _ask(node, "select json_agg(json_build_array(state, pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn)))"
                      " from pg_stat_replication")
    return None if json.loads(seen or "null") == [["streaming", 0]] else f"standbys of {node}: {seen or 'none'}"


def wait_streaming(seconds=60):
    wait_for("the standby to stream", not_streaming, seconds, every=0.2)


def follow(node):
    """A primary that was stopped cleanly starts as the other one's standby."""
    host.do(node, ["install", "-o", "postgres", "-g", "postgres", "-m", "600", "/dev/null", f"{DATA}/standby.signal"])
    host.do(node, ["systemctl", "start", UNIT])


def change_roles_by_pg_ctl(old, new):
    """What a script does: each command waits for itself, in the way that it has."""
    sql(old, "checkpoint")
    as_postgres(old, [f"{BIN}/pg_ctl", "-D", DATA, "stop", "-m", "fast", "-w"])
    sql(new, "select pg_promote()")


def settings():
    """What the image sets; whoever makes a cluster of its own sets the same."""
    lines = host.do("a", ["cat", f"{CONFIG}/conf.d/lab.conf"]).stdout.splitlines()
    pairs = (line.partition(" = ") for line in lines)
    return {name: value.strip("'") for name, _, value in pairs}
