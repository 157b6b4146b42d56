"""repmgr: no daemon; the standby's repmgr stops the primary over ssh."""

import contextlib

from .. import host, pg, writes
from ..base import ADDRESS, NODES

DEBIAN = ("postgresql-15-repmgr", "repmgr", "openssh-server", "openssh-client")
PYPI = ()
VERSION = ["repmgr", "--version"]
COMMAND = "repmgr standby switchover"
CONF = "/etc/repmgr.conf"
SSH = "/var/lib/postgresql/.ssh"


@contextlib.contextmanager
def set_up():
    """The pair's own cluster, as its manual has it: a superuser of its own, both nodes registered, ssh both ways."""
    pg.sql("a", "create role repmgr superuser login")
    pg.sql("a", "create database repmgr owner repmgr")
    for number, node in enumerate(NODES, start=1):
        hba = ["host repmgr repmgr 10.77.0.0/24 trust", "host replication repmgr 10.77.0.0/24 trust", writes.ADMITTED]
        host.do(node, ["sh", "-c", f"cat >> {pg.CONFIG}/pg_hba.conf"], stdin="\n".join(hba) + "\n")
        pg.sql(node, "select pg_reload_conf()")
        host.do(node, ["install", "-m", "0644", "/dev/stdin", CONF], stdin=_conf(number, node))
    _ssh_both_ways()
    pg.as_postgres("a", ["repmgr", "-f", CONF, "primary", "register"])
    pg.wait_streaming()
    pg.as_postgres("b", ["repmgr", "-f", CONF, "standby", "register"])
    yield


def switch(_old, new):
    pg.as_postgres(new, ["repmgr", "-f", CONF, "standby", "switchover"], timeout=120)


def _conf(number, node):
    values = {
        "node_id": number,
        "node_name": f"'{node}'",
        "conninfo": f"'host={ADDRESS[node]} user=repmgr dbname=repmgr connect_timeout=2'",
        "data_directory": f"'{pg.DATA}'",
        "pg_bindir": f"'{pg.BIN}'",
        # Debian keeps the configuration out of the data folder: its wrapper knows where
        "service_start_command": "'pg_ctlcluster 15 main start'",
        "service_stop_command": "'pg_ctlcluster 15 main stop -m fast'",
    }
    return "".join(f"{name}={value}\n" for name, value in values.items())


def _ssh_both_ways():
    host.do("a", ["install", "-d", "-o", "postgres", "-m", "0700", SSH])
    pg.as_postgres("a", ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f"{SSH}/id_ed25519"])
    files = {"config": "StrictHostKeyChecking no\nLogLevel ERROR\n"}
    for name in ("id_ed25519", "id_ed25519.pub"):
        files[name] = host.do("a", ["cat", f"{SSH}/{name}"]).stdout
    files["authorized_keys"] = files["id_ed25519.pub"]
    for node in NODES:
        host.do(node, ["install", "-d", "-o", "postgres", "-m", "0700", SSH])
        for name, content in files.items():
            host.do(node, ["install", "-o", "postgres", "-m", "0600", "/dev/stdin", f"{SSH}/{name}"], stdin=content)
        host.do(node, ["systemctl", "start", "ssh.service"])
