"""A shop that cannot live behind a link: both hosts serve out of a folder that hau fills file by file (`[release] in_place`)."""

import contextlib
import hashlib
import re
import shutil
import subprocess

from . import build, cluster, host, scenario, traffic
from .base import FIRST_VERSION, LAB, NODES, TARGET, VIP, expect, peer_of, run, say

FOLDER = "/srv/shop-app"
RELEASES = "/opt/shop/releases"
SETTING = "/etc/hau/hau.toml.d/60-in-place.toml"
UNITS = ("shop-worker", "shop-api")
# Only the old release has them: as many as it takes to be killed among them.
RATES = [f"rates/{number:03}" for number in range(300)]
# What the site has in the folder, and the API's log, which grows meanwhile.
OWN = {"data/stock": "tea 7\n", "worker/site.conf": "of the site\n"}
LOG = "log/api.log"
# Of a release, and no part of what it installs.
PAPERS = ("manifest.toml", "manifest.toml.minisig")

# Typed on a host: kills the sidecar once half of the files have come or gone, and says how many there are then. Ends with its input.
KILL = """
import os, select, sys, time
pid, folder, half = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
def count():
    try:
        return sum(not name.startswith(".") for name in os.listdir(folder))
    except FileNotFoundError:
        return 0
begun = count()
while abs(count() - begun) < half:
    if select.select([sys.stdin], [], [], 0.001)[0]:
        sys.exit("in " + folder + " nothing has changed")
os.kill(pid, 9)
time.sleep(0.2)
print(count())
"""


def serves_from_a_fixed_folder():
    """An upgrade and a rollback under 40 clients; in each a sidecar is killed while it changes the folder."""
    before = scenario.nodes()
    path = scenario.bundle("1.1.0")
    with filled_by_hand():
        hold(FIRST_VERSION)
        own = {node: owned(node) for node in NODES}
        for killed, words, version in (("b", ("upgrade", path, "--allow-known-bad"), "1.1.0"), ("a", ("rollback",), FIRST_VERSION)):
            traffic.start(20, 20, 10.0, None)
            with kill_in_the_row(killed):
                done = scenario.ctl(peer_of(killed), *words, timeout=400)
            load = traffic.report()
            expect(done.returncode == 0, f"{words[0]}: {done.returncode}\n{done.stdout}{done.stderr}")
            scenario.unnoticed(load)
            took = {row["node"]: row["elapsed_ms"] for row in scenario.last_rollout()["rows"] if row["step"] == "place"}
            say(f"  place took {took['a']} ms on a, {took['b']} ms on b, {killed} with a kill in it")
            expect(cluster.shop(VIP)["version"] == version, f"after the {words[0]} the VIP does not answer with {version}")
            hold(version)
            now = {node: owned(node) for node in NODES}
            expect(now == own, f"what the site has there is not what it was: {own}, {now}")
        expect(scenario.nodes() == before, f"after both the nodes are {scenario.nodes()}")
        names_what_was_changed()


def names_what_was_changed():
    """One byte by hand, and back."""
    path = f"{FOLDER}/VERSION"
    host.do("b", ["sh", "-c", f"printf x | dd of={path} conv=notrunc status=none"])
    told = doctor()
    expect(told["b"]["status"] == "warn" and "VERSION" in told["b"]["what"], f"doctor does not name the changed file: {told}")
    expect(told["a"]["status"] == "pass", f"doctor of a, where nothing was changed: {told}")
    say(f"  doctor: {told['b']['what']}")
    host.do("b", ["cp", f"{RELEASES}/{FIRST_VERSION}/VERSION", path])
    expect(doctor()["b"]["status"] == "pass", "doctor does not see that it was mended")


def doctor():
    """What it says of the folder, node by node."""
    found = {node: [one for one in findings if one["check"] == "in_place"] for node, findings in scenario.data("a", "doctor").items()}
    expect([len(found[node]) for node in NODES] == [1, 1], f"doctor says of the folders: {found}")
    return {node: one for node, (one,) in found.items()}


def files(node, folder):
    """{name: (sha256, mode, owner)}"""
    top = host.root(node) / folder.lstrip("/")
    found = {str(path.relative_to(top)): (path.read_bytes(), path.stat()) for path in top.rglob("*") if path.is_file()}
    return {name: (hashlib.sha256(content).hexdigest(), f"{stat.st_mode & 0o7777:o}", stat.st_uid) for name, (content, stat) in found.items()}


def hold(version):
    """Both folders: the files of this release, and beside them only the site's own; they are what runs, and doctor sees it so."""
    told = doctor()
    for node in NODES:
        wanted = {name: one for name, one in files(node, f"{RELEASES}/{version}").items() if name not in PAPERS}
        found = {name: one for name, one in files(node, FOLDER).items() if name not in (*OWN, LOG)}
        other = sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))
        expect(wanted and not other, f"{len(other)} files of {FOLDER} on {node} are not as {version} has them: {other[:9]}")
        folder = (host.root(node) / FOLDER.lstrip("/") / "rates").exists()
        expect(folder == (version == FIRST_VERSION), f"with {version} on {node} the folder of what only the old release has: {folder}")
        expect(told[node]["status"] == "pass", f"doctor of {node} with {version}: {told[node]}")
        for unit in UNITS:
            runs = host.do(node, ["cat", f"/proc/{host.main_pid(node, unit)}/cmdline"]).stdout
            expect(f"{FOLDER}/" in runs and "/opt/shop" not in runs, f"{unit} of {node} runs {runs}")
        log = host.do(node, ["cat", f"{FOLDER}/{LOG}"]).stdout
        starts = re.findall(r"^shop (\S+) starts$", log, re.MULTILINE)
        expect(log.startswith("by hand\n") and starts[-1:] == [version], f"the log of {node}: {log}")
        say(f"  {node}: {len(found)} files as {version} has them, beside {len(OWN)} of the site and its log")


def owned(node):
    """What is the site's own, by all that would tell a copy from it."""
    found = {}
    for name in (*OWN, LOG):
        path = host.root(node) / FOLDER.lstrip("/") / name
        stat = path.stat()
        found[name] = (stat.st_ino, stat.st_mode, stat.st_uid, *((stat.st_mtime_ns, path.read_text(encoding="utf-8")) if name in OWN else ()))
    return found


@contextlib.contextmanager
def kill_in_the_row(node):
    """Meanwhile hau changes the folder of this node, and its sidecar is killed in the middle of that, once."""
    pid, pipe = host.main_pid(node), subprocess.PIPE
    command = host.command_in(node, ["python3", "-c", KILL, pid, f"{FOLDER}/rates", len(RATES) // 2])
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as killer:
        yield
        left, why = killer.communicate()
    expect(killer.returncode == 0, f"the sidecar of {node} was not killed: {why}")
    expect(0 < int(left) < len(RATES), f"{left} of {len(RATES)} files were there after the kill: not in the row's middle")
    expect(host.main_pid(node) != pid, f"the sidecar of {node} is the one that was killed")
    say(f"  {node}: killed with {int(left)} of {len(RATES)} files there")


@contextlib.contextmanager
def filled_by_hand():
    """Meanwhile both hosts serve out of the folder: the old release's files, as a bundle has them, and what the site has there."""
    bundle = old_release()
    old = f"{RELEASES}/{FIRST_VERSION}"
    for node in NODES:
        host.copy_in(node, bundle, "/srv/old.hau")
        host.do(node, ["cp", "-a", old, "/root/old"])
        host.do(node, ["tar", "-C", old, "--no-same-owner", "-xpf", "/srv/old.hau"])
        host.do(node, ["mkdir", "-p", *(f"{FOLDER}/{name}" for name in ("data", "log"))])
        host.do(node, ["sh", "-c", f"cd {old} && cp -a . {FOLDER} && cd {FOLDER} && rm {' '.join(PAPERS)}"])
        for name, text in {**OWN, LOG: "by hand\n"}.items():
            host.do(node, ["install", "-o", "shop", "-m", "0640", "/dev/stdin", f"{FOLDER}/{name}"], stdin=text)
        for unit in UNITS:
            host.do(node, ["install", "-D", "-m", "0644", "/dev/stdin", drop_in(unit)], stdin=from_the_folder(unit))
        host.do(node, ["install", "-D", "-m", "0644", "/dev/stdin", SETTING], stdin=f'[release]\nin_place = "{FOLDER}"\n')
    restart()
    yield
    for node in NODES:
        host.do(node, ["rm", SETTING, *map(drop_in, UNITS)])
    restart()
    for node in NODES:
        host.do(node, ["rm", "-r", FOLDER, old, "/srv/old.hau"])
        host.do(node, ["mv", "/root/old", old])


def old_release():
    """The old version as a bundle, with what only it has."""
    folder = TARGET / "in-place" / f"shop-{FIRST_VERSION}"
    shutil.rmtree(folder.parent, ignore_errors=True)
    shutil.copytree(build.bundle_folder(FIRST_VERSION), folder)
    (folder / "rates").mkdir()
    for name in RATES:
        (folder / name).write_text(f"{name}\n", encoding="utf-8")
    run([scenario.HAU_CTL, "bundle", "build", "--key", scenario.KEYS / "shop.key", "--out", folder.parent, folder])
    return folder.parent / f"shop-{FIRST_VERSION}.hau"


def drop_in(unit):
    return f"/etc/systemd/system/{unit}.service.d/in-place.conf"


def from_the_folder(unit):
    """As the image's unit does it, but out of the folder; the API's log goes there, too."""
    text = (LAB / "image/etc/systemd/system" / f"{unit}.service").read_text(encoding="utf-8")
    start = re.search(r"^ExecStart=.*/opt/shop/current/.*$", text, re.MULTILINE)[0].replace("/opt/shop/current", FOLDER)
    log = f"StandardOutput=append:{FOLDER}/{LOG}\n" if unit == "shop-api" else ""
    return f"[Service]\nExecStart=\n{start}\n{log}"


def restart():
    """Services and sidecars, by what is configured now. On both at once: nobody is to take the VIP for it."""
    for verb in ("stop", "start"):
        for node in reversed(NODES):
            host.do(node, ["sh", "-c", f"systemctl daemon-reload && systemctl {verb} {' '.join(UNITS)}"])
    for node in NODES:
        host.do(node, ["systemctl", "restart", "hau-sidecar"])
    scenario.settle()
