"""pg_auto_failover: a keeper on each node does what a monitor on a third host decides."""

import contextlib

from .. import host, monitor, pg, scenario, writes
from ..base import ADDRESS, NODES, LabError, wait_for

DEBIAN = ("postgresql-15-auto-failover", "pg-auto-failover-cli")
PYPI = ()
VERSION = ["pg_autoctl", "--version"]
COMMAND = "pg_autoctl perform switchover"
UNIT = "pg-autoctl"
DATA = "/var/lib/postgresql/15/auto"
MONITOR_DATA = "/var/lib/postgresql/15/monitor"
MONITOR = f"postgres://autoctl_node@{ADDRESS['monitor']}:5432/pg_auto_failover"
OPEN = ["--pgport", "5432", "--pgctl", f"{pg.BIN}/pg_ctl", "--auth", "trust", "--no-ssl"]


@contextlib.contextmanager
def set_up():
    """A cluster that it makes itself, with the settings of the pair's own one, which is down."""
    with monitor.running():
        _autoctl("monitor", "create", "monitor", "--pgdata", MONITOR_DATA, "--hostname", ADDRESS["monitor"], *OPEN)
        _run("monitor", MONITOR_DATA)
        wait_for("the monitor", lambda: None if _state() else "no answer", 60, every=0.5, context=lambda: scenario.log("monitor", UNIT))
        for node in NODES:
            host.do(node, ["systemctl", "disable", "--now", pg.UNIT])
        for node, state in zip(NODES, ("single", "secondary")):
            _autoctl(node, "create", "postgres", "--pgdata", DATA, "--hostname", ADDRESS[node], "--name", node, "--monitor", MONITOR, *OPEN)
            if state == "single":
                _configure(node)  # the other one gets a copy
            _run(node, DATA)
            wait_for(f"{node} to be {state}", lambda node=node, state=state: _not_in(node, state), 90, every=0.5,
                     context=lambda node=node: scenario.log(node, UNIT))
        yield


def switch(old, new):
    for node, state in ((old, "primary"), (new, "secondary")):
        wait_for(f"{node} to be {state}", lambda node=node, state=state: _not_in(node, state), 90, every=0.5)
    _autoctl(new, "perform", "switchover", "--pgdata", DATA)


def _autoctl(node, *args):
    return pg.as_postgres(node, ["pg_autoctl", *args], timeout=120).stdout


def _run(node, data):
    host.do(node, ["systemd-run", f"--unit={UNIT}", "-p", "User=postgres", f"--setenv=PATH={pg.BIN}:{host.PATH}",
                   "--setenv=HOME=/var/lib/postgresql", "pg_autoctl", "run", "--pgdata", data])


def _configure(node):
    settings = "".join(f"{name} = '{value}'\n" for name, value in pg.settings().items())
    host.do(node, ["sh", "-c", f"cat >> {DATA}/postgresql.conf"], stdin=settings)
    host.do(node, ["sh", "-c", f"echo '{writes.ADMITTED}' >> {DATA}/pg_hba.conf"])


def _state():
    """A line for each node; nothing while the monitor does not answer."""
    try:
        return _autoctl("monitor", "show", "state", "--pgdata", MONITOR_DATA)
    except LabError:
        return ""


def _not_in(node, state):
    lines = map(str.strip, _state().splitlines())
    line = next((line for line in lines if line.startswith(f"{node} ")), "not known to the monitor")
    return None if line.count(state) == 2 else line
