"""Switchovers under load, by hau and by the script that an administrator would write: what users notice of each."""

import json
import shutil
import statistics
import time

from . import cluster, host, pg, scenario, traffic
from .base import NODES, VIP, peer_of, say, wait_for
from .switchover import without_sidecars

WEIGHT = "/run/hau/track/weight"
# far below any priority that the other node can have
GIVES_AWAY = -50
# A run: 40 clients with 10 requests a second each, no retries.
SECONDS = 20
BEFORE = 5


def figures(folder, count):
    """An even number of runs of each, by turns: (handoff.json, records of a typical run by the script, of one by hau)."""
    runs = {"plain": [], "hau": [], "hau_fast": []}
    while len(runs["hau"]) < count:
        say(f"── switchovers under load, {len(runs['hau'])} of {count} done")
        with without_sidecars():
            for _ in range(2):
                runs["plain"].append(_under_load(switch_by_script, folder / f"plain-{len(runs['plain'])}.csv"))
            _forget_the_cut_off()
        _by_hau("hau", runs, folder)
        with scenario.fast_hand_off():
            _by_hau("hau_fast", runs, folder)
    figures_of = {name: _together(seen) for name, seen in runs.items()}
    return figures_of, *(_typical(runs[name])["records"] for name in ("plain", "hau"))


def _by_hau(name, runs, folder):
    for _ in range(2):
        keep = folder / f"{name}-{len(runs[name])}.csv"
        runs[name].append(_under_load(scenario.switch, keep))
        # which row took how long
        keep.with_suffix(".json").write_text(json.dumps(scenario.last_rollout(), indent=1), encoding="utf-8")


def switch_by_script():
    """The VIP by the weight; as soon as it has moved the primary role follows it."""
    holder = next(name for name in NODES if cluster.has_vip(name))
    other = peer_of(holder)
    _weigh(holder, GIVES_AWAY)
    wait_for(f"the VIP on {other}", lambda: None if cluster.has_vip(other) else "not there", 20, every=0.02)
    pg.change_roles_by_pg_ctl(holder, other)
    pg.follow(holder)
    if holder == "b":
        _weigh("a", 0)
    _weigh("b", 0)


def _forget_the_cut_off():
    """A plain move leaves connections on the old node whose clients have given up: no later drain is to wait for them."""
    for node in NODES:
        host.do(node, ["ss", "--kill", "--tcp", "--all", "src", VIP])


def _weigh(node, value):
    script = f"echo {value} > {WEIGHT}.new && mv {WEIGHT}.new {WEIGHT}"
    host.do(node, ["sh", "-c", script])


def _under_load(change, keep):
    pg.wait_streaming()
    traffic.start(20, 20, 10.0, SECONDS)
    begun = time.monotonic()
    time.sleep(BEFORE)
    change()
    time.sleep(max(0, SECONDS - (time.monotonic() - begun)))
    load = traffic.report()
    keep.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(traffic.FOLDER / "requests.csv", keep)
    requests, rows = load["requests"], load["rows"]
    say(f"  {requests['total']} requests, {requests['failed']} failed, worst {requests['worst_ms']:.0f} ms, "
        f"{rows['lost']} lost")
    for reason, times in load["errors"].items():
        say(f"    {times} × {reason}")
    return {"total": requests["total"], "failed": requests["failed"], "worst_ms": requests["worst_ms"],
            "p50_ms": requests["p50_ms"], "lost": rows["lost"], "errors": load["errors"], "records": keep}


def _together(runs):
    """The figures of several runs. What is added is the worst latency over the usual one."""
    usual = statistics.median(run["p50_ms"] for run in runs)
    worst = max(run["worst_ms"] for run in runs)
    return {"runs": len(runs), "total": sum(run["total"] for run in runs), "failed": sum(run["failed"] for run in runs),
            "lost": sum(run["lost"] for run in runs), "usual_ms": round(usual, 1), "worst_ms": round(worst),
            "added_ms": round(worst - usual), "each_worst_ms": [round(run["worst_ms"]) for run in runs],
            "each_failed": [run["failed"] for run in runs]}


def _typical(runs):
    return sorted(runs, key=lambda run: run["worst_ms"])[len(runs) // 2]
