"""The pair: up, down, reset, power, and what state it is in."""

import json
import os

from . import build, host, net, node as disk, traffic
from .base import ADDRESS, NODES, STATE, VIP, LabError, need_tools, run, say, tail, wait_for


def up(fresh):
    need_tools()
    build.everything()
    STATE.mkdir(parents=True, exist_ok=True)
    if fresh:
        traffic.stop()
        _all_off()
    for name in NODES:
        if not host.alive(name):
            host.power_off(name)  # what a killed lab left behind: mounts, namespaces
    net.up()
    if fresh or not all(host.prepared(name) for name in NODES):
        _fresh_disks()
    for name in NODES:
        host.boot(name)
    wait_ready()


def down(purge):
    traffic.stop()
    for name in NODES:
        host.shut_down(name)
    net.down()
    if purge:
        for name in NODES:
            host.wipe(name)


def reset():
    """Everything as after the first `up`: new disks from the image, made in a second, and a boot."""
    traffic.stop()
    _all_off()
    build.everything()
    net.up()
    _fresh_disks()
    for name in NODES:
        host.boot(name)
    wait_ready()


def power_on(name):
    if host.alive(name):
        raise LabError(f"node {name} is already running")
    if not host.prepared(name):
        raise LabError(f"node {name} has no disk: `lab up` first")
    net.up()
    host.boot(name)
    host.wait_booted(name)


def _all_off():
    for name in NODES:
        host.power_off(name)
    net.down()


def _fresh_disks():
    """Both or none: the two databases must be twins."""
    _all_off()
    traffic.forget()
    net.up()
    root_key = os.urandom(32)
    for name in NODES:
        disk.prepare(name, root_key)


def wait_ready():
    for name in NODES:
        host.wait_booted(name)
    for name in NODES:
        degraded = failed_units(name)
        if degraded:
            say(f"node {name} is degraded: {', '.join(degraded)}")
    wait_for("the standby to stream from the primary", _replicating, 40, every=0.2, context=_journals)
    wait_for(f"the shop to answer through {VIP}", _answers, 60, every=0.2, context=_journals)


def _replicating():
    roles = {name: database(name)["role"] for name in NODES}
    if sorted(roles.values()) != ["primary", "standby"]:
        return f"roles {roles} (a pair that was left like this is repaired by `lab reset`)"
    primary = next(name for name in NODES if roles[name] == "primary")
    state = query(primary, "select coalesce((select state from pg_stat_replication limit 1), 'nobody')")
    return None if state == "streaming" else f"pg_stat_replication on {primary}: {state}"


def _answers():
    version = shop(VIP)
    if version is None:
        return "no answer"
    holder = [name for name in NODES if has_vip(name)]
    if len(holder) != 1:
        return f"the VIP is on {holder or 'no node'}"
    return None if version.get("primary") else f"the node behind the VIP is not the primary: {version}"


def _journals():
    parts = []
    for name in NODES:
        lines = host.ask(name, ["journalctl", "-n", "12", "--no-pager", "-o", "cat"]).stdout if host.alive(name) else ""
        parts.append(f"--- node {name}\n{lines or tail(host.console(name))}")
    return "\n".join(parts)


# looking

def failed_units(name):
    lines = host.ask(name, ["systemctl", "list-units", "--failed", "--plain", "--no-legend"]).stdout.splitlines()
    return [line.split()[0] for line in lines if line.strip()]


def has_vip(name):
    return bool(host.ask(name, ["ip", "-o", "-4", "address", "show", "to", f"{VIP}/32", "dev", "eth0"]).stdout.strip())


def query(name, sql, database_name="shop"):
    """One value out of a node's database, else None."""
    done = host.ask(name, ["psql", "-h", "/run/postgresql", "-U", "hau", "-d", database_name, "-tAXqc", sql])
    return done.stdout.strip() if done.returncode == 0 else None


def database(name):
    """{role, lag_bytes}. Lag of a primary: what its standby has not replayed; of a standby: what it received and has not."""
    row = query(name, "select pg_is_in_recovery(), case when pg_is_in_recovery() then"
                      " greatest(0, pg_wal_lsn_diff(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())) else"
                      " (select max(pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn)) from pg_stat_replication) end")
    if not row:
        return {"role": "none", "lag_bytes": None}
    recovery, _, lag = row.partition("|")
    return {"role": "standby" if recovery == "t" else "primary", "lag_bytes": int(lag) if lag else None}


def shop(address):
    """What GET /version answers, asked by the client; None when nobody does."""
    script = ("import sys, urllib.request\n"
              "print(urllib.request.urlopen('http://' + sys.argv[1] + ':8080/version', timeout=2).read().decode())")
    if not net.exists(net.namespace("client")):
        return None
    done = run(["ip", "netns", "exec", net.namespace("client"), "python3", "-c", script, address], check=False, timeout=10)
    try:
        return json.loads(done.stdout) if done.returncode == 0 else None
    except ValueError:
        return None


def vrrp_state(name):
    """As keepalived said it last in this boot's journal; `stopped` when it does not run."""
    if host.ask(name, ["systemctl", "is-active", "-q", "keepalived.service"]).returncode != 0:
        return "stopped"
    lines = host.ask(name, ["journalctl", "-b", "-u", "keepalived.service", "-o", "cat", "--no-pager", "-g", "STATE"]).stdout
    for line in reversed(lines.splitlines()):
        for state in ("MASTER", "BACKUP", "FAULT"):
            if f"{state} STATE" in line:
                return state
    return "unknown"


UNITS = ("keepalived", "postgresql@15-main", "shop-worker", "shop-api", "rsync", "config-sync.timer", "hau-sidecar")


def node_status(name):
    if not host.alive(name):
        return {"up": False}
    units = host.ask(name, ["systemctl", "is-active", *UNITS]).stdout.split()
    state = host.ask(name, ["systemctl", "is-system-running"]).stdout.strip()
    answer = shop(ADDRESS[name]) or {}
    return {"up": True, "system": state, "failed": failed_units(name), "vip": has_vip(name), "vrrp": vrrp_state(name),
            "database": database(name), "version": answer.get("version"), "key": answer.get("key"),
            "units": dict(zip(UNITS, units))}


def status():
    return {"nodes": {name: node_status(name) for name in NODES}, "partitioned": net.partitioned(),
            "traffic": traffic.running()}


def print_status(as_json):
    seen = status()
    if as_json:
        print(json.dumps(seen, indent=2))
        return
    rows = [("node", "system", "VIP", "keepalived", "database", "lag", "shop", "root key", "units not active")]
    for name, node in seen["nodes"].items():
        if not node["up"]:
            rows.append((name, "off", *[""] * 7))
            continue
        lag = node["database"]["lag_bytes"]
        idle = [unit for unit, state in node["units"].items() if state != "active" and unit != "hau-sidecar"]
        rows.append((name, node["system"], "yes" if node["vip"] else "no", node["vrrp"], node["database"]["role"],
                     "-" if lag is None else f"{lag} B", node["version"] or "-", node["key"] or "-", " ".join(idle) or "-"))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
    if seen["partitioned"]:
        print("the nodes are partitioned: `lab heal`")
    if seen["traffic"]:
        print("traffic is running: `lab traffic report`")
