"""The pause of writes in a switchover, measured in one way for everybody: a client on a third machine commits a row every few
milliseconds, straight on whichever database is primary; the pause is the longest time between two rows that were acknowledged."""

import contextlib
import signal
import statistics
import subprocess
import time

from . import net, pg
from .base import ADDRESS, LAB, NODES, STATE, LabError, peer_of, say, send, tail, wait_for

OUT = STATE / "writes"
# Debian's own Python: the one that python3-psycopg2 is for
PYTHON = "/usr/bin/python3"
# Before the command and after the first row on the new primary.
AROUND = 1.5
# In pg_hba.conf: the writer may come in without a password, whose computing would be measured, too.
ADMITTED = f"host postgres probe {ADDRESS['client']}/32 trust"


def prepare():
    """The writer's role and table; `ADMITTED` is the business of whoever made the cluster."""
    pg.sql(pg.primary(), "create role probe login; create table probe (row bigint); alter table probe owner to probe")


def switchover(change):
    """Times one: `change(old, new)` makes `new` the primary. Gives {gap_ms, lost}."""
    pg.wait_streaming()
    old = pg.primary()
    new = peer_of(old)
    with _writer():
        _await_rows(old)
        time.sleep(AROUND)
        change(old, new)
        _await_rows(new)
        time.sleep(AROUND)
    rows = _acknowledged()
    # (time between, address before, address after)
    pause, *where = max((after[0] - before[0], before[1], after[1]) for before, after in zip(rows, rows[1:]))
    gap = pause / 1e6
    stored = set(pg.sql(new, "select row from probe").split())
    lost = sum(row not in stored for _, _, row in rows)
    aside = "" if len(set(where)) == 2 else " (not between the two primaries)"
    say(f"  {old} → {new}: {len(rows)} rows, {gap:.0f} ms without one{aside}, {lost} lost")
    return {"gap_ms": gap, "lost": lost}


def together(runs):
    gaps = sorted(run["gap_ms"] for run in runs)
    spread = {"min": gaps[0], "median": statistics.median(gaps), "max": gaps[-1]}
    return {"n": len(runs), "write_gap_ms": {name: round(gap, 1) for name, gap in spread.items()},
            "lost": sum(run["lost"] for run in runs), "each_ms": [round(run["gap_ms"], 1) for run in runs]}


@contextlib.contextmanager
def _writer():
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / "rows").unlink(missing_ok=True)
    hosts = ",".join(ADDRESS[node] for node in NODES)
    command = ["ip", "netns", "exec", net.namespace("client"), PYTHON, LAB / "probes/writer.py", hosts, OUT / "rows"]
    with open(OUT / "log", "wb") as log:
        child = subprocess.Popen([str(arg) for arg in command], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/")
    try:
        yield
    finally:
        send(child.pid, signal.SIGTERM)
        try:
            child.wait(timeout=10)
        except subprocess.TimeoutExpired:
            child.kill()
    if child.returncode != 0:
        raise LabError(f"the writer ended with {child.returncode}:\n{tail(OUT / 'log')}")


def _acknowledged():
    """[(time in ns, address of the host, row)]"""
    try:
        lines = (OUT / "rows").read_text(encoding="utf-8").splitlines(keepends=True)
    except OSError:
        return []
    whole = (line.split() for line in lines if line.endswith("\n"))
    return [(int(at), address, row) for at, address, row in whole]


def _await_rows(node):
    def last():
        rows = _acknowledged()
        where = rows[-1][1] if rows else "no host"
        return None if where == ADDRESS[node] else f"the last row was acknowledged by {where}"

    wait_for(f"rows on {node}", last, 60, every=0.05, context=lambda: tail(OUT / "log"))
