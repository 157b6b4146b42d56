"""Switchovers under load, by hau and by the script that an administrator would write: what users notice of each."""

import csv
import json
import math
import shutil
import statistics
import time

from . import cluster, host, scenario, traffic
from .base import NODES, LabError, peer_of, say, wait_for

CLUSTER = "postgresql@15-main.service"
DATA = "/var/lib/postgresql/15/main"
WEIGHT = "/run/hau/track/weight"
# far below any priority that the other node can have
GIVES_AWAY = -50


def by_hau(keep):
    """`hau-ctl switch` under load; the requests are kept as `keep`."""
    traffic.start(20, 20, 10.0, None)
    time.sleep(1.5)
    done = scenario.ctl("a", "switch", timeout=200)
    time.sleep(0.5)
    seen = _seen(keep)
    if done.returncode != 0:
        raise LabError(f"the switch ended with {done.returncode}\n{done.stdout}{done.stderr}")
    rollout = scenario.last_rollout()
    took = {row["step"]: row["elapsed_ms"] for row in rollout["rows"]}
    seen["floor_ms"] = took["demote"] + took["promote"]
    seen["measured_ms"] = rollout["downtime_ms"]
    return seen


def by_script(keep):
    """The VIP by the weight, then `stop -m fast` and pg_promote, as soon as the one before is over. No sidecar runs."""
    holder = next(name for name in NODES if cluster.has_vip(name))
    other = peer_of(holder)
    traffic.start(20, 20, 10.0, None)
    time.sleep(1.5)
    _weigh(holder, GIVES_AWAY)
    wait_for(f"the VIP on {other}", lambda: None if cluster.has_vip(other) else "not there", 20, every=0.02)
    begun = time.monotonic()
    host.do(holder, ["systemctl", "stop", CLUSTER])
    host.do(holder, ["install", "-o", "postgres", "-g", "postgres", "-m", "600", "/dev/null", f"{DATA}/standby.signal"])
    host.do(other, ["psql", "-h", "/run/postgresql", "-U", "hau", "-d", "shop", "-qAtc", "select pg_promote()"])
    took = (time.monotonic() - begun) * 1000
    time.sleep(3)
    seen = _seen(keep)
    seen["pg_ctl_ms"] = took
    host.do(holder, ["systemctl", "start", CLUSTER])
    if holder == "b":
        _weigh("a", 0)
        _weigh("b", 0)
    else:
        _weigh("b", 0)
    wait_for("the standby to stream", cluster._replicating, 40, every=0.2)  # pylint: disable=protected-access
    return seen


def _weigh(node, value):
    script = f"echo {value} > {WEIGHT}.new && mv {WEIGHT}.new {WEIGHT}"
    host.do(node, ["sh", "-c", script])


def _seen(keep):
    load = traffic.report()
    keep.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(traffic.FOLDER / "requests.csv", keep)
    requests = load["requests"]
    say(f"  {requests['total']} requests, {requests['failed']} failed, worst {requests['worst_ms']:.0f} ms, "
        f"{load['rows']['lost']} lost, longest gap {load['longest_gap_ms']:.0f} ms")
    return {"total": requests["total"], "failed": requests["failed"], "worst_ms": requests["worst_ms"],
            "p50_ms": requests["p50_ms"], "gap_ms": load["longest_gap_ms"], "lost": load["rows"]["lost"]}


def together(runs):
    """The figures of several runs. What is added is the worst latency over the usual one."""
    usual = statistics.median(run["p50_ms"] for run in runs)
    worst = max(run["worst_ms"] for run in runs)
    return {"runs": len(runs), "total": sum(run["total"] for run in runs), "failed": sum(run["failed"] for run in runs),
            "lost": sum(run["lost"] for run in runs), "worst_ms": round(worst), "added_ms": round(worst - usual),
            "median_worst_ms": round(statistics.median(run["worst_ms"] for run in runs))}


def spread(values):
    values = sorted(values)
    return {"n": len(values), "write_gap_ms": {"min": round(values[0]), "median": round(statistics.median(values)), "max": round(values[-1])}}


# the picture

WIDTH, PANEL, LEFT, TOP = 860, 190, 64, 30
SPAN_S = 14.0
DECADES = (1, 10, 100, 1000, 10_000)


def picture(plain, hau, path):
    """Latency of each request over time, one panel for each way; from the records of two runs."""
    panels = (("an administrator's script", plain), ("hau-ctl switch", hau))
    height = TOP + len(panels) * (PANEL + 44)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="12">',
           f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>']
    for number, (title, records) in enumerate(panels):
        out += _panel(title, _requests(records), TOP + number * (PANEL + 44))
    out.append("</svg>")
    path.write_text("\n".join(out) + "\n", encoding="utf-8")


def _requests(path):
    with open(path, encoding="utf-8", newline="") as file:
        rows = [(int(row["start_us"]) / 1e6, int(row["latency_us"]) / 1e3, row["outcome"] == "ok") for row in csv.DictReader(file)]
    # around the moment in which most had to wait
    worst = max(rows, key=lambda row: row[1])[0]
    begin = max(0.0, worst - SPAN_S / 2)
    return [(start - begin, latency, good) for start, latency, good in rows if begin <= start < begin + SPAN_S]


def _panel(title, requests, top):
    right, bottom = WIDTH - 16, top + PANEL
    scale = (bottom - top) / math.log10(DECADES[-1] / DECADES[0])

    def across(seconds):
        return LEFT + seconds / SPAN_S * (right - LEFT)

    def up(latency):
        return bottom - math.log10(min(max(latency, DECADES[0]), DECADES[-1])) * scale

    failed = sum(not good for _, _, good in requests)
    head = f"{title}: {failed} of {len(requests)} requests failed, the slowest took {max(latency for _, latency, _ in requests):,.0f} ms"
    out = [f'<text x="{LEFT}" y="{top - 8}" font-weight="bold" fill="#222">{head}</text>']
    for value in DECADES:
        label = f"{value} ms" if value < 1000 else f"{value // 1000} s"
        out.append(f'<path d="M{LEFT} {up(value):.1f}H{right}" stroke="#ddd"/>'
                   f'<text x="{LEFT - 8}" y="{up(value) + 4:.1f}" text-anchor="end" fill="#555">{label}</text>')
    for second in range(0, int(SPAN_S) + 1, 2):
        out.append(f'<text x="{across(second):.1f}" y="{bottom + 16}" text-anchor="middle" fill="#555">{second} s</text>')
    for colour, radius, wanted in (("#2a78b8", 1.6, True), ("#d03020", 2.6, False)):
        dots = "".join(f"M{across(start):.1f} {up(latency):.1f}h0" for start, latency, good in requests if good is wanted)
        if dots:
            out.append(f'<path d="{dots}" stroke="{colour}" stroke-width="{2 * radius}" stroke-linecap="round" fill="none"/>')
    return out


def figures(folder, switches, scripts):
    """All runs on one pair that is up with hau: (handoff.json, switchover.json, two records for the picture)."""
    hau_runs, plain_runs = [], []
    for number in range(switches):
        say(f"── switchover {number + 1} of {switches} by hau")
        hau_runs.append(by_hau(folder / f"hau-{number}.csv"))
        (folder / "runs.json").write_text(json.dumps(hau_runs, indent=1), encoding="utf-8")
    for node in NODES:
        host.do(node, ["systemctl", "stop", "hau-sidecar"])
    # the script begins where the priorities put the VIP
    if cluster.has_vip("b"):
        raise LabError("an even number of switchovers leaves the VIP on a; this was an odd one")
    for node in NODES:
        _weigh(node, 0)
    for number in range(scripts):
        say(f"── switchover {number + 1} of {scripts} by a script")
        plain_runs.append(by_script(folder / f"plain-{number}.csv"))
    handoff = {"plain": together(plain_runs), "hau": together(hau_runs)}
    switchover = {"hau": spread([run["gap_ms"] for run in hau_runs]), "floor": spread([run["floor_ms"] for run in hau_runs]),
                  "pg_ctl": spread([run["pg_ctl_ms"] for run in plain_runs])}
    typical = sorted(range(len(hau_runs)), key=lambda n: hau_runs[n]["worst_ms"])[len(hau_runs) // 2]
    return handoff, switchover, (folder / "plain-0.csv", folder / f"hau-{typical}.csv")
