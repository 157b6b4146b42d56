"""Puts the project's hau on both hosts: its files, hau.toml, and a keepalived configuration with hau's hooks."""

import shutil
import tempfile
import time
from pathlib import Path

from . import build, cluster, host, node as disk
from .base import LAB, NODES, PROJECT, LabError, run, say, tail, wait_for

UNIT = "hau-sidecar.service"
FALLBACK = {
    "hau-sidecar.service": f"usr/lib/systemd/system/{UNIT}",
    "hau-tmpfiles.conf": "usr/lib/tmpfiles.d/hau.conf",
}


def install(folder):
    """`folder`: where the two binaries lie; None: `make install` if the project has it, else target/release."""
    for name in NODES:
        host.leader(name)  # both must be up before anything is changed
    with tempfile.TemporaryDirectory(prefix="haulab-stage-") as made:
        stage = Path(made)
        _stage(stage, folder)
        for name in NODES:
            _install_on(name, stage)
    wait_for("the VIP to stay on one node", _settled(5), 30, every=0.2)


def _stage(stage, folder):
    if folder is None and _makefile_installs():
        say("staging by `make install`")
        run(["make", "-C", PROJECT, "install", f"DESTDIR={stage}"], timeout=1800)
    else:
        folder = folder or PROJECT / "target" / "release"
        for name, place in (("hau-sidecar", "usr/sbin"), ("hau-ctl", "usr/bin")):
            if not (folder / name).is_file():
                raise LabError(f"no {folder / name}: build it, or name its folder with --bin")
            (stage / place).mkdir(parents=True)
            shutil.copy(folder / name, stage / place / name)
    if not any(stage.rglob(UNIT)):
        for name, place in FALLBACK.items():
            (stage / place).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(LAB / "files" / name, stage / place)
    for needed in ("usr/sbin/hau-sidecar", "usr/bin/hau-ctl"):
        if not (stage / needed).is_file():
            raise LabError(f"the staged tree has no /{needed}")
    config = (LAB / "files" / "hau.toml").read_text(encoding="utf-8").replace("@RECIPIENT@", build.age_recipient())
    (stage / "etc/hau/keys").mkdir(parents=True, exist_ok=True)
    (stage / "etc/hau/hau.toml").write_text(config, encoding="utf-8")


def _makefile_installs():
    """Asked by name of the target: a dry run of it that make knows how to make."""
    return (PROJECT / "Makefile").is_file() and run(["make", "-C", PROJECT, "-n", "install"], check=False).returncode == 0


def _install_on(name, stage):
    host.ask(name, ["systemctl", "stop", UNIT])
    stage.chmod(0o755)
    host.copy_in(name, stage, "/")
    host.do(name, ["systemctl", "daemon-reload"])
    host.do(name, ["systemd-tmpfiles", "--create"])
    _check_keepalived_conf(name)
    # the project may bring more units than the daemon's, e.g. one that restores the weight before keepalived starts
    host.do(name, ["systemctl", "enable", *sorted(unit.name for unit in stage.rglob("systemd/system/hau*.service"))])
    started = host.ask(name, ["systemctl", "restart", UNIT], timeout=60)
    if started.returncode != 0:
        journal = host.ask(name, ["journalctl", "-u", UNIT, "-n", "15", "--no-pager", "-o", "cat"]).stdout
        raise LabError(f"{UNIT} does not start on node {name} (keepalived goes on with its plain configuration):\n{journal}")
    host.do(name, ["mv", "/etc/keepalived/keepalived.conf.hau", "/etc/keepalived/keepalived.conf"])
    host.do(name, ["systemctl", "restart", "keepalived.service"])
    wait_for(f"keepalived on node {name} to run", lambda: _active(name, "keepalived.service"), 10,
             context=lambda: tail(host.console(name)))


def _check_keepalived_conf(name):
    """With a time limit inside the host: `keepalived -t` can hang."""
    host.do(name, ["install", "-m", "0644", "/dev/stdin", "/etc/keepalived/keepalived.conf.hau"],
            stdin=disk.keepalived_conf("hau", name))
    checked = host.ask(name, ["timeout", "5", "keepalived", "-t", "-f", "/etc/keepalived/keepalived.conf.hau"])
    if checked.returncode != 0:
        raise LabError(f"keepalived on node {name} does not accept its configuration with hau"
                       f" (exit code {checked.returncode}):\n{checked.stdout}{checked.stderr}")


def _active(name, unit):
    state = host.ask(name, ["systemctl", "is-active", unit]).stdout.strip()
    return None if state == "active" else state


def _settled(seconds):
    """A probe: one node, the same for so long. A keepalived that was restarted gives the VIP away and takes it back."""
    since = {}

    def probe():
        holders = tuple(name for name in NODES if cluster.has_vip(name))
        if since.get("holders") != holders:
            since.update(holders=holders, at=time.monotonic())
        if len(holders) != 1:
            return f"held by {' and '.join(holders) or 'nobody'}"
        return None if time.monotonic() - since["at"] >= seconds else f"held by {holders[0]} since less than {seconds} s"

    return probe
