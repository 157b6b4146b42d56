"""What stays of a rollout: reports on both nodes, the page that a browser is shown, and an audit trail that holds away from both hosts."""

import json
import pathlib
import re
import tempfile

from . import host, scenario
from .base import NODES, PROJECT, expect, run, say, wait_for
from .scenario import HAU_CTL

# What the texts show of this kind only looks; it is typed as it stands there.
LOOKS = ("journalctl ", *(f"hau-ctl {verb}" for verb in (
    "audit --", "backup list", "doctor", "health", "history", "report", "rollback --check", "status", "sync check", "sync status")))

# Typed on a node: streams of the page until no more is to be had, then one is closed. Says what came of it as JSON.
STREAMS = """
import http.client, json, time
def stream():
    door = http.client.HTTPConnection("127.0.0.1", 9680, timeout=20)
    door.request("GET", "/events?lang=en")
    return door, door.getresponse()
open_ones = []
while len(open_ones) < 20:
    door, answer = stream()
    if answer.status != 200:
        break
    open_ones.append((door, answer))
said = {"open": len(open_ones), "then": answer.status, "why": json.loads(answer.read())["error"]["what"]}
first = open_ones[0][1]
said["event"] = b"".join(first.readline() for _ in range(4)).decode()
other = http.client.HTTPConnection("127.0.0.1", 9680, timeout=20)
other.request("GET", "/health")
said["health"] = other.getresponse().status
door, answer = open_ones.pop()
answer.close()
door.close()
end = time.monotonic() + 20
while time.monotonic() < end:
    door, answer = stream()
    if answer.status == 200:
        break
    time.sleep(0.5)
said["again"] = answer.status
print(json.dumps(said))
"""


def get(node, path):
    """What the plain door of a node shows on the loopback address."""
    code = f"import urllib.request; print(urllib.request.urlopen('http://127.0.0.1:9680{path}', timeout=20).read().decode())"
    return host.do(node, ["python3", "-c", code]).stdout


def leaves_evidence():
    """After an upgrade: measured on one node, told by both; a page for so many browsers and no more; trails that prove themselves."""
    rollout = scenario.last_rollout()
    number = rollout["id"]
    reports = {node: scenario.data(node, "report", str(number)) for node in NODES}
    measured = {node: report["measured"] for node, report in reports.items()}
    for node, report in reports.items():
        told = {name: [one["event"] for one in entries] for name, entries in report["done_by"].items()}
        expect({"begun", "ended"} <= set(told.get("a", [])) & set(told.get("b", [])), f"who did what, by {node}: {told}")
    expect(measured["a"] == measured["b"] and len(measured["a"]) == 1, f"measured: {measured}")
    (probes,) = measured["a"]
    asked = sum(one["probes"] for one in probes["slices"])
    slowest = max(one["slowest_ms"] for one in probes["slices"])
    (note,) = (row["note"] for row in rollout["rows"] if row["step"] == "serve")
    expect(f"the slowest took {slowest} ms" in note, f"slowest {slowest} ms over time, but the row says: {note}")
    say(f"  {asked} probes over {len(probes['slices'])} × {probes['slice_ms']} ms, slowest {slowest} ms")
    for node in NODES:
        shows_the_page(node, number)
    streams = json.loads(host.do("b", ["python3", "-c", STREAMS], timeout=60).stdout)
    expect(streams["open"] == 8 and streams["then"] == 503, f"streams: {streams}")
    expect("event: now" in streams["event"], f"the first event: {streams}")
    expect(streams["health"] == 200, f"streams keep others out: {streams}")
    expect(streams["again"] == 200, f"a place is not given back: {streams}")
    say(f"  streams: {streams['open']}, then {streams['then']} ({streams['why']}); one closed: {streams['again']}")
    for node in NODES:
        without = host.ask(node, ["journalctl", "-u", "hau-sidecar", "-o", "cat", "--no-pager", "-g", "there is no Landlock here"]).stdout
        expect(not without.strip(), f"{node} unpacked with a fence too few: {without}")
    trails_prove_themselves(number)
    types_what_the_texts_show(number)


def types_what_the_texts_show(number):
    """The lines of their blocks that only look, on a host: each is understood, finds what it is about, and ends well."""
    typed = set()
    for text in (PROJECT / "README.md", PROJECT / "README.zh-CN.md", *sorted((PROJECT / "docs").glob("*.md"))):
        blocks = text.read_text(encoding="utf-8").split("\n```")[1::2]
        lines = {line.partition(" #")[0].removeprefix("$ ").strip() for block in blocks for line in block.splitlines()}
        typed |= {line for line in lines if line.startswith(LOOKS) and "…" not in line}
    expect(len(typed) >= len(LOOKS), f"the texts show only {sorted(typed)}")
    for line in sorted(typed):
        said = host.ask("a", ["sh", "-c", re.sub(r"\b12\b", str(number), line)], timeout=60)
        finds = said.stdout.strip() and ("No entries" not in said.stdout or "failed" in line)
        expect(said.returncode == 0 and finds, f"`{line}` ends with {said.returncode}: {said.stdout[-500:]}{said.stderr}")
    say(f"  {len(typed)} commands of the texts that only look: typed, and answered")


def shows_the_page(node, number):
    home, report = get(node, "/?lang=zh"), get(node, f"/rollouts/{number}?lang=en")
    expect('<html lang="zh">' in home and "主库" in home, f"{node} shows {home[:300]}")
    expect(f"/rollouts/{number}?lang=zh" in home, f"the page of {node} does not lead to the report")
    expect('class="latency"' in report and "succeeded" in report, f"the report of {node} shows no latency over time")
    for verb, word in (("pause", "paused"), ("resume", "running")):
        scenario.ctl(node, "sync", verb, check=True)
        wait_for(f"the page of {node} to say that config sync is {word}", lambda told=f">{word}<": None if told in get(node, "/?lang=en") else told, 15)


def trails_prove_themselves(number):
    """On copies, by a program that knows neither host: whole; with one byte changed or one entry left out: not."""
    with tempfile.TemporaryDirectory() as folder:
        copies = pathlib.Path(folder)
        for node in NODES:
            for source, name in (("/var/lib/hau/audit/trail", f"{node}.trail"), ("/etc/hau/tls/cert.pem", f"{node}.pem")):
                (copies / name).write_bytes((host.root(node) / source.lstrip("/")).read_bytes())
        whole = run([HAU_CTL, "audit", "verify", folder], check=False)
        expect(whole.returncode == 0, f"audit verify: {whole.returncode}\n{whole.stdout}{whole.stderr}")
        trail = copies / "a.trail"
        bytes_now = trail.read_bytes()
        told = f'"rollout":{number}'.encode()
        expect(told in bytes_now, f"the trail of a says nothing of rollout {number}")
        trail.write_bytes(bytes_now.replace(told, f'"rollout":{number + 1}'.encode()[:len(told)], 1))
        changed = run([HAU_CTL, "audit", "verify", folder], check=False)
        expect(changed.returncode == 3, f"a changed trail passes: {changed.returncode}\n{changed.stdout}{changed.stderr}")
        say(f"  audit verify: {whole.stdout.strip().splitlines()[-1]}; changed: {changed.stdout.strip().splitlines()[1].strip()}")
