"""Traffic from the client against the VIP, and afterwards: is every acknowledged order in both databases?"""

import ipaddress
import json
import shutil
import signal
import subprocess

from . import build, cluster, host, net
from .base import NODES, STATE, VIP, LabError, load_pid, save_pid, say, send, start_time, tail, wait_for

FOLDER = STATE / "traffic"
PID = FOLDER / "pid"


def running():
    return load_pid(PID) is not None


def start(new, keepalive, rate, seconds, vips=(VIP,)):
    """`vips`: the clients of each kind are dealt out to them in turn."""
    if running():
        raise LabError("traffic is already running: `lab traffic stop` first")
    if not net.exists(net.namespace("client")):
        raise LabError("the lab is down: `lab up` first")
    program = build.traffic()
    forget()
    FOLDER.mkdir(parents=True, exist_ok=True)
    command = ["ip", "netns", "exec", net.namespace("client"), program, "--new", new, "--keepalive", keepalive,
               "--rate", rate, "--out", FOLDER]
    for vip in map(ipaddress.ip_address, vips):
        command += ["--target", f"[{vip}]:8080" if vip.version == 6 else f"{vip}:8080"]
    if seconds:
        command += ["--seconds", seconds]
    with open(FOLDER / "log", "wb") as log:
        child = subprocess.Popen([str(arg) for arg in command], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                 start_new_session=True, cwd="/")
    save_pid(PID, child.pid)
    say(f"traffic runs: {new} clients with a connection per request, {keepalive} keep-alive, {rate}/s each")


def forget():
    """No results of an earlier run: they would be looked for in new databases."""
    shutil.rmtree(FOLDER, ignore_errors=True)


def stop():
    pid = load_pid(PID)
    if pid is None:
        return
    send(pid, signal.SIGTERM)
    try:
        _await_end(pid, 15)  # a request in flight may take its 10 s
    except LabError:
        send(pid, signal.SIGKILL)
        raise


def _await_end(pid, seconds):
    wait_for("the traffic program to write its report", lambda: "it still runs" if start_time(pid) else None, seconds,
             context=lambda: tail(FOLDER / "log"))


def report():
    """Stops the traffic if need be; gives its report with `rows` added, as a dictionary."""
    stop()
    try:
        result = json.loads((FOLDER / "report.json").read_text(encoding="utf-8"))
    except OSError as missing:
        raise LabError(f"there is no report of a traffic run:\n{tail(FOLDER / 'log')}") from missing
    result["rows"] = _rows((FOLDER / "acknowledged.txt").read_text(encoding="utf-8").split())
    (FOLDER / "report.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    return result


def _rows(acknowledged):
    """`lost` counts what the current primary does not have; null where there is not exactly one primary."""
    wanted = set(acknowledged)
    primaries = [name for name in NODES if host.alive(name) and cluster.database(name)["role"] == "primary"]
    primary = primaries[0] if len(primaries) == 1 else None
    if primary is not None:
        _await_replay(primary)
    lost_on = {}
    for name in NODES:
        stored = _stored(name)
        lost_on[name] = None if stored is None else len(wanted - stored)
    return {"acknowledged": len(acknowledged), "primary": primary,
            "lost": None if primary is None else lost_on[primary], "lost_on": lost_on}


def _stored(name):
    if not host.alive(name):
        return None
    rows = cluster.query(name, "select id from orders")
    return None if rows is None else set(rows.split())


def _await_replay(primary):
    """Gives the standby 10 s; what is missing then is counted as missing."""
    written = cluster.query(primary, "select pg_current_wal_lsn()")

    def behind():
        for name in NODES:
            if name == primary or not host.alive(name):
                continue
            if cluster.query(name, f"select coalesce(pg_last_wal_replay_lsn() >= '{written}', true)") == "f":
                return f"node {name} has not replayed {written}"
        return None

    try:
        wait_for("the standby to replay", behind, 10, every=0.2)
    except LabError as late:
        say(str(late))
