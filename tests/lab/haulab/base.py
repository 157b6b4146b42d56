"""What every part of the lab shares: names and addresses, running programs, bounded waits."""

import contextlib
import fcntl
import os
import pathlib
import shutil
import subprocess
import sys
import time

LAB = pathlib.Path(__file__).resolve().parent.parent  # tests/lab
PROJECT = LAB.parent.parent
TARGET = PROJECT / "target" / "lab"
# Several pairs on one machine, each with a name: HAULAB_NAME=haulab2 lab up. They share nothing but the image.
ONLY_PAIR = "haulab"
NAME = os.environ.get("HAULAB_NAME", ONLY_PAIR)
STATE = pathlib.Path("/var/lib", NAME)
CACHE = pathlib.Path("/var/cache/haulab")

NODES = ("a", "b")
# "monitor": a third machine, only there for what needs one to manage a pair
ADDRESS = {"a": "10.77.0.11", "b": "10.77.0.12", "monitor": "10.77.0.13", "client": "10.77.0.20"}
PRIORITY = {"a": 110, "b": 100}
VIP = "10.77.0.100"
PREFIX = 24
FIRST_VERSION = "1.0.0"

# Programs the lab starts and the Debian package that brings each.
TOOLS = {
    "debootstrap": "debootstrap",
    "systemd-nspawn": "systemd-container",
    "ip": "iproute2",
    "nft": "nftables",
    "javac": "default-jdk-headless",
    "age-keygen": "age",
}


class LabError(Exception):
    """One sentence for the person at the keyboard."""


def expect(truth, what):
    if not truth:
        raise LabError(what)


def peer_of(node):
    return "b" if node == "a" else "a"


def say(text):
    """With the name of the pair, if it is not the only one."""
    print(text if NAME == ONLY_PAIR else f"[{NAME}] {text}", file=sys.stderr, flush=True)


def run(args, *, timeout=60, stdin=None, check=True, env=None, cwd=None):
    """Runs a program to its end and gives the CompletedProcess; output is captured as text."""
    args = [str(arg) for arg in args]
    try:
        done = subprocess.run(args, input=stdin, stdin=None if stdin is not None else subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=timeout, check=False, env=env, cwd=cwd)
    except subprocess.TimeoutExpired as late:
        raise LabError(f"`{' '.join(args)}` did not end within {timeout} s") from late
    except FileNotFoundError as missing:
        raise LabError(f"`{args[0]}` is not installed on this machine") from missing
    if check and done.returncode != 0:
        tail = "\n".join((done.stdout + done.stderr).strip().splitlines()[-15:])
        raise LabError(f"`{' '.join(args)}` failed with exit code {done.returncode}:\n{tail}")
    return done


def wait_for(what, probe, seconds, *, every=0.1, context=None):
    """Asks `probe` until it answers None (= fine); what it answered last says why the wait failed."""
    end = time.monotonic() + seconds
    while True:
        reason = probe()
        if reason is None:
            return
        if time.monotonic() >= end:
            more = f"\n{context()}" if context else ""
            raise LabError(f"waited {seconds} s for {what}; last seen: {reason}{more}")
        time.sleep(every)


def write(path, text, mode=0o644):
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)


def tail(path, lines=25):
    try:
        text = pathlib.Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        return f"(no {path}: {error.strerror})"
    return "\n".join(text.splitlines()[-lines:])


def need_tools():
    """Installs what is missing; says so, because it changes the machine."""
    missing = sorted({package for tool, package in TOOLS.items() if shutil.which(tool) is None})
    if not missing:
        return
    say(f"installing what the lab itself needs: {' '.join(missing)}")
    env = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    run(["apt-get", "update"], timeout=300, env=env)
    run(["apt-get", "install", "-y", "--no-install-recommends", *missing], timeout=900, env=env)


def need_root():
    if os.geteuid() != 0:
        raise LabError("the lab makes namespaces and mounts: run it as root")


@contextlib.contextmanager
def only_one(folder=STATE, seconds=120):
    """Two `lab` commands that change the same pair never run at once; `folder` is what they would change."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "w", encoding="utf-8") as lock:
        end = time.monotonic() + seconds
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as busy:
                if time.monotonic() >= end:
                    raise LabError(f"another `lab` command has been changing {folder} for {seconds} s") from busy
                time.sleep(0.2)
        yield


# Processes are known by pid and start time, so that a reused pid is never taken for ours.

def start_time(pid):
    """Start time of a living process in clock ticks since boot, else None (zombies are not alive)."""
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return None if fields[0] == "Z" else fields[19]


def save_pid(path, pid):
    write(path, f"{pid} {start_time(pid)}\n")


def load_pid(path):
    """The pid in a file if that very process still lives, else None."""
    try:
        pid, started = pathlib.Path(path).read_text(encoding="utf-8").split()
    except (OSError, ValueError):
        return None
    return int(pid) if start_time(pid) == started else None


def send(pid, signal):
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal)
