"""One host: an overlay on the image, booted with systemd as PID 1 in a container that has its own network namespace."""

import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import time

from . import net, rootfs
from .base import NAME, STATE, LabError, load_pid, run, save_pid, send, tail, wait_for

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def home(node):
    return STATE / "nodes" / node


def root(node):
    return home(node) / "root"


def console(node):
    return home(node) / "console.log"


def alive(node):
    return load_pid(home(node) / "nspawn.pid") is not None


def leader(node):
    """PID 1 of the host, as this machine numbers it."""
    pid = load_pid(home(node) / "nspawn.pid")
    if pid is None:
        raise LabError(f"node {node} is not running: `lab power-on {node}` or `lab up`")
    first = _child(pid)
    if first is None:
        raise LabError(f"node {node} has no init process yet")
    return first


def _child(pid):
    try:
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8").split()
    except OSError:
        return None
    return int(children[0]) if children else None


# disks

@contextlib.contextmanager
def disks_in_memory():
    """Disks that are made meanwhile lie in this machine's memory; to be entered and left while the pair is down."""
    disks_on_disk()
    (STATE / "nodes").mkdir(parents=True, exist_ok=True)
    run(["mount", "-t", "tmpfs", f"{NAME}-disks", STATE / "nodes"])
    try:
        yield
    finally:
        disks_on_disk()


def disks_on_disk():
    """Where they are by default, also after somebody was killed who had them in memory."""
    if os.path.ismount(STATE / "nodes"):
        run(["umount", STATE / "nodes"])


def wipe(node):
    unmount(node)
    shutil.rmtree(home(node), ignore_errors=True)


def prepared(node):
    """True once the disk was made completely, with the image that would be used today."""
    try:
        return (home(node) / "prepared").read_text(encoding="utf-8").split() == [str(path) for path in rootfs.layers()]
    except OSError:
        return False


def set_prepared(node):
    (home(node) / "prepared").write_text("\n".join(map(str, rootfs.layers())), encoding="utf-8")


def mount(node):
    if os.path.ismount(root(node)):
        return
    for name in ("upper", "work", "root"):
        (home(node) / name).mkdir(parents=True, exist_ok=True)
    lower = ":".join(str(path) for path in rootfs.layers())
    # redirect_dir: a folder of the image can be renamed, as on a real disk
    options = f"lowerdir={lower},upperdir={home(node) / 'upper'},workdir={home(node) / 'work'},redirect_dir=on"
    run(["mount", "-t", "overlay", f"{NAME}-{node}", "-o", options, root(node)])


def unmount(node):
    def tried():
        if not os.path.ismount(root(node)):
            return None
        done = run(["umount", root(node)], check=False)
        return None if done.returncode == 0 else done.stderr.strip()

    wait_for(f"the disk of node {node} to be unmounted", tried, 10)


# power

def boot(node):
    """Starts the host; does not wait until it is up."""
    if alive(node):
        return
    net.plug(node)
    mount(node)
    command = ["systemd-nspawn", "-q", "-D", root(node), "--boot", "--register=no", "--keep-unit", "--capability=all",
               f"--network-namespace-path=/run/netns/{net.namespace(node)}", "-M", f"{NAME}-{node}",
               # A real host's kernel lets every process confine itself; nspawn knows no Landlock.
               "--system-call-filter=landlock_create_ruleset landlock_add_rule landlock_restrict_self"]
    _own_cgroup(node)
    # sysctls of its own network can be written, as on a real host; those of the machine cannot
    env = dict(os.environ, SYSTEMD_NSPAWN_API_VFS_WRITABLE="network")
    with open(console(node), "wb") as log:
        child = subprocess.Popen([str(arg) for arg in command], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                 start_new_session=True, cwd="/", env=env, preexec_fn=lambda: _enter_cgroup(node))
    save_pid(home(node) / "nspawn.pid", child.pid)


def wait_booted(node, seconds=90):
    def state():
        if not alive(node):
            raise LabError(f"node {node} ended while it booted:\n{tail(console(node))}")
        try:
            answer = ask(node, ["systemctl", "is-system-running"], timeout=10).stdout.strip()
        except LabError as error:
            return str(error)
        return None if answer in ("running", "degraded") else f"systemctl is-system-running: {answer or 'no answer'}"

    wait_for(f"node {node} to boot", state, seconds, context=lambda: tail(console(node)))


def shut_down(node):
    """Orderly; a host that does not end within 30 s loses its power."""
    pid = load_pid(home(node) / "nspawn.pid")
    if pid is not None:
        send(pid, signal.SIGTERM)
        end = time.monotonic() + 30
        while alive(node) and time.monotonic() < end:
            time.sleep(0.1)
    power_off(node)


def power_off(node):
    """As if the plug were pulled: the cable first, then every process at once, then the namespace and its addresses."""
    net.cut_cable(node)
    pid = load_pid(home(node) / "nspawn.pid")
    if pid is not None:
        for victim in (_child(pid), pid):
            if victim is not None:
                send(victim, signal.SIGKILL)
    wait_for(f"node {node} to be off", lambda: _kill_members(node), 15)
    net.unplug(node)
    unmount(node)
    _leave_cgroup(node)


# cgroups: a group for each host, so that the two systemds never see one another's processes

def _cgroup_roots():
    top = pathlib.Path("/sys/fs/cgroup")
    if (top / "cgroup.procs").exists():
        return [top]
    return [top / name for name in ("systemd", "unified") if (top / name / "cgroup.procs").exists()]


def _own_cgroup(node):
    for top in _cgroup_roots():
        (top / f"{NAME}-{node}").mkdir(exist_ok=True)


def _enter_cgroup(node):
    for top in _cgroup_roots():
        (top / f"{NAME}-{node}" / "cgroup.procs").write_text("0", encoding="utf-8")


def _groups(node):
    """Innermost first."""
    return [pathlib.Path(folder) for top in _cgroup_roots() for folder, _, _ in os.walk(top / f"{NAME}-{node}", topdown=False)]


def _kill_members(node):
    """None once the host has no process: its systemd outlives an nspawn that was killed, and would go on writing the disk."""
    left = 0
    for group in _groups(node):
        for pid in (group / "cgroup.procs").read_text(encoding="utf-8").split():
            send(int(pid), signal.SIGKILL)
            left += 1
    return f"{left} processes live" if left else None


def _leave_cgroup(node):
    for group in _groups(node):
        group.rmdir()


# doing something inside

def command_in(node, args):
    """The program and arguments that run `args` inside the host with a login's environment."""
    term = os.environ.get("TERM", "dumb")
    return ["nsenter", "-t", str(leader(node)), "-a", "--", "/usr/bin/env", "-i", f"PATH={PATH}", "HOME=/root", "USER=root",
            "LANG=C.UTF-8", f"TERM={term}", *map(str, args)]


def ask(node, args, *, timeout=20, stdin=None):
    """Runs a program in the host whatever its exit code; the caller looks at the result."""
    return run(command_in(node, args), timeout=timeout, stdin=stdin, check=False)


def do(node, args, *, timeout=60, stdin=None):
    return run(command_in(node, args), timeout=timeout, stdin=stdin)


def main_pid(node, unit="hau-sidecar"):
    """As the host numbers it; 0 when the unit does not run."""
    return do(node, ["systemctl", "show", "-p", "MainPID", "--value", unit]).stdout.strip()


def copy_in(node, source, target):
    """A file or the content of a folder into the host; owner root, modes kept. A target ending in / is a folder."""
    source = pathlib.Path(source)
    if not source.exists():
        raise LabError(f"cannot copy {source}: no such file")
    if source.is_dir():
        do(node, ["mkdir", "-p", target])
        pack, unpack = ["tar", "-C", source, "-c", "."], ["tar", "-C", target, "-x", "--no-same-owner", "-p",
                                                                  "--keep-directory-symlink"]
    else:
        inside_folder = target.endswith("/") or ask(node, ["test", "-d", target]).returncode == 0
        folder = target if inside_folder else os.path.dirname(target) or "/"
        name = source.name if inside_folder else os.path.basename(target)
        do(node, ["mkdir", "-p", folder])
        pack = ["cat", source]
        unpack = ["install", "-m", f"{source.stat().st_mode & 0o7777:o}", "/dev/stdin", os.path.join(folder, name)]
    _pipe(pack, command_in(node, unpack), f"copy {source} to {node}:{target}")


def _pipe(producer, consumer, what):
    with subprocess.Popen([str(arg) for arg in producer], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL) as first:
        second = subprocess.run(consumer, stdin=first.stdout, capture_output=True, text=True, timeout=300, check=False)
        first.stdout.close()
    if first.returncode or second.returncode:
        raise LabError(f"cannot {what}: {second.stderr.strip()}")
