"""Patroni: a daemon on each node holds or seeks a lock in etcd, which runs on a third host."""

import contextlib
import json

from .. import host, monitor, pg, scenario, writes
from ..base import ADDRESS, NODES, wait_for

DEBIAN = ("python3-psycopg2", "python3-pip", "python3-yaml", "python3-click", "python3-prettytable", "python3-dateutil",
          "python3-psutil", "python3-urllib3", "python3-dnspython", "python3-wcwidth", "python3-six", "etcd-server")
PYPI = ("patroni[etcd3]==4.1.5",)
VERSION = ["patroni", "--version"]
COMMAND = "patronictl switchover --force"
UNIT = "patroni-alone"
CONF = "/etc/patroni.yml"
DATA = "/var/lib/postgresql/15/patroni"
ETCD = f"http://{ADDRESS['monitor']}:2379"


@contextlib.contextmanager
def set_up(admitted=(writes.ADMITTED,), ident=()):
    """A cluster that it makes itself, with the settings of the pair's own one, which is down; its timing is its default.
    `admitted`, `ident`: lines of pg_hba.conf and pg_ident.conf."""
    with monitor.running():
        # its data in memory: a slow disk would be Patroni's pause
        host.do("monitor", ["systemd-run", "--unit=etcd-alone", "etcd", "--data-dir", "/run/etcd-alone",
                            "--listen-client-urls", ETCD, "--advertise-client-urls", ETCD])
        for node in NODES:
            host.do(node, ["systemctl", "disable", "--now", pg.UNIT])
            # YAML takes JSON
            host.do(node, ["install", "-o", "postgres", "-m", "0600", "/dev/stdin", CONF],
                    stdin=json.dumps(_conf(node, admitted, ident), indent=1))
        for node in NODES:
            start(node)
            wait_for(f"Patroni to run {node}", lambda node=node: _not_running(node), 90, every=0.5,
                     context=lambda node=node: scenario.log(node, UNIT))
        yield


def start(node):
    host.do(node, ["systemd-run", f"--unit={UNIT}", "--collect", "-p", "User=postgres", f"--setenv=PATH={pg.BIN}:{host.PATH}",
                   "--setenv=HOME=/var/lib/postgresql", "patroni", CONF])


def switch(_old, new):
    wait_for(f"Patroni to see {new} stream", lambda: _not_running(new), 90, every=0.5)
    pg.as_postgres(new, ["patronictl", "-c", CONF, "switchover", "--force"], timeout=120)


def _not_running(node):
    done = pg.as_postgres(node, ["patronictl", "-c", CONF, "list", "-f", "json"], check=False)
    members = json.loads(done.stdout or "[]") if done.returncode == 0 else []
    state = next((member["State"] for member in members if member["Member"] == node), "not a member")
    return None if state in ("running", "streaming") else state


def _conf(node, admitted, ident):
    hba = ["local all postgres peer", *admitted]
    for network in ("127.0.0.1/32", "10.77.0.0/24"):
        hba += [f"host all postgres {network} trust", f"host replication replicator {network} trust"]
    settings = {name: value for name, value in pg.settings().items() if name != "listen_addresses"}
    return {
        "scope": "pair", "name": node,
        "restapi": {"listen": "0.0.0.0:8008", "connect_address": f"{ADDRESS[node]}:8008"},
        "etcd3": {"hosts": [f"{ADDRESS['monitor']}:2379"]},
        "bootstrap": {"dcs": {"postgresql": {"use_pg_rewind": True}}, "initdb": [{"encoding": "UTF8"}, "data-checksums"]},
        "postgresql": {
            "listen": "*:5432", "connect_address": f"{ADDRESS[node]}:5432", "data_dir": DATA, "bin_dir": pg.BIN,
            "authentication": {"superuser": {"username": "postgres"}, "replication": {"username": "replicator"}},
            "parameters": {**settings, "unix_socket_directories": "/run/postgresql"}, "pg_hba": hba, "pg_ident": list(ident),
        },
    }
