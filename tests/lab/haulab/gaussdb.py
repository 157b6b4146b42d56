"""The same PostgreSQL behind a front that looks like openGauss: hau reaches it with kind = "gaussdb"."""

from . import cluster, commands, host, pg, scenario
from .base import ADDRESS, NODES, PROJECT, VIP, expect, peer_of, wait_for

HOME = "/opt/gaussdb"
SOCKETS = "/run/gaussdb"
PASSWORD = "Hau@12345"
HA_PORT = 5433
UNIT = "gaussdb-front.service"
SECTION = f"""[database]
kind = "gaussdb"
dsn = "host={SOCKETS} port=5432 dbname=shop user=hau"
password_file = "/etc/hau/gaussdb.password"
data_dir = "{pg.DATA}"
home = "{HOME}"
os_user = "postgres"
"""
# The daemon is root: it starts and stops the server's unit. gs_ctl asks it to.
SERVICE = f"""[Unit]
Description=a front that makes PostgreSQL look like openGauss
[Service]
Environment=GAUSSHOME={HOME} PYTHONDONTWRITEBYTECODE=1
RuntimeDirectory=gaussdb
ExecStart={HOME}/bin/gaussdb-front
Restart=always
RestartSec=1
[Install]
WantedBy=multi-user.target
"""


def front_conf(node):
    peer = ADDRESS[peer_of(node)]
    return f"""[node]
data_dir = "{pg.DATA}"
socket_dir = "{SOCKETS}"
[server]
bin = "{pg.BIN}"
socket_dir = "/run/postgresql"
config_file = "{pg.CONFIG}/postgresql.conf"
start = ["systemctl", "start", "{pg.UNIT}"]
stop = ["systemctl", "stop", "{pg.UNIT}"]
[auth]
passwords = {{ hau = "{PASSWORD}" }}
[ha]
own = ["{SOCKETS}/ha", "{ADDRESS[node]}:{HA_PORT}"]
peer = "{peer}:{HA_PORT}"
peer_conninfo = "host={peer} port=5432 user=replicator dbname=postgres passfile=/var/lib/postgresql/replicator.pgpass"
"""


def put(node, path, text, mode="0644"):
    host.do(node, ["install", "-D", "-m", mode, "/dev/stdin", path], stdin=text)


def install():
    """On both hosts, and openGauss' functions into the databases."""
    for node in NODES:
        host.copy_in(node, PROJECT / "tests/gaussdb/front", HOME)
        put(node, f"{HOME}/front.conf", front_conf(node))
        put(node, f"/etc/systemd/system/{UNIT}", SERVICE)
        put(node, "/etc/hau/gaussdb.password", PASSWORD + "\n", "0600")
        host.do(node, ["systemctl", "daemon-reload"])
        host.do(node, ["systemctl", "enable", "--now", UNIT])
    host.do(pg.primary(), ["env", f"GAUSSHOME={HOME}", f"{HOME}/bin/gaussdb-front", "install"])
    pg.wait_streaming()
    for node in NODES:
        wait_for(f"the front on {node} to listen", lambda node=node: listens(node), 10)


def listens(node):
    there = host.ask(node, ["test", "-S", f"{SOCKETS}/.s.PGSQL.5432"]).returncode == 0
    return None if there else scenario.log(node, UNIT, 5) or "no socket"


def remove():
    """The functions stay: nobody else looks at them."""
    for node in NODES:
        host.do(node, ["systemctl", "disable", "--now", UNIT])
        host.do(node, ["rm", "-rf", HOME, f"/etc/systemd/system/{UNIT}", "/etc/hau/gaussdb.password"])
        host.do(node, ["systemctl", "daemon-reload"])


def gs_ctl(node, *args, timeout=120):
    """As a person of the database types it; the caller looks at how it ended."""
    env = [f"GAUSSHOME={HOME}", f"LD_LIBRARY_PATH={HOME}/lib", f"PATH={HOME}/bin:{host.PATH}"]
    return host.ask(node, ["runuser", "-u", "postgres", "--", "env", *env, "gs_ctl", *args, "-D", pg.DATA], timeout=timeout)


def reach_gaussdb():
    """An upgrade and a rollback under traffic: nobody notices, and no order is lost. Then a failover. The pair had PostgreSQL
    before, whose timelines mean nothing here."""
    for _ in range(2):
        done = scenario.ctl("a", "switch", timeout=200)
        expect(done.returncode == 0, f"switch: {done.returncode}\n{done.stdout}{done.stderr}")
    install()
    with commands.known_by(SECTION, prove="restore"):
        roles = sorted(one["database"] for one in scenario.nodes().values())
        expect(roles == ["primary", "standby"], f"hau sees the databases as {roles}")
        commands.there_and_back()
        an_old_primary_gets_no_vip()
    scenario.settle()
    remove()


def alarm(node):
    """None when it tells a person that something is to be done."""
    said = scenario.ctl(node, "status")
    return None if "ALARM" in said.stdout else f"{said.stdout}{said.stderr}"


def an_old_primary_gets_no_vip():
    """It comes up as primary with its host, with the higher priority: hau sees that the other one was promoted later."""
    host.power_off("a")
    wait_for("b to be alone with the VIP", lambda: alarm("b"), 30)
    done = scenario.ctl("b", "failover", "--fenced", timeout=100)
    expect(done.returncode == 0, f"failover: {done.returncode}\n{done.stdout}{done.stderr}")
    cluster.power_on("a")
    wait_for("a to be seen as an old primary", lambda: alarm("a"), 30)
    expect(cluster.shop(VIP)["node"] == "b", "the old primary's node serves through the VIP")
    done = scenario.ctl("a", "rejoin", timeout=200)
    expect(done.returncode == 0, f"rejoin: {done.returncode}\n{done.stdout}{done.stderr}")
    scenario.settle()
    expect(scenario.nodes()["b"]["database"] == "primary" and cluster.has_vip("b"), f"after the rejoin: {scenario.nodes()}")
    scenario.switch()
