"""A third host, for what cannot manage a pair without one: the hosts' image with nothing started."""

import contextlib

from . import host
from .base import write

NAME = "monitor"
IDLE = ("keepalived.service", "postgresql.service", "shop-worker.service", "shop-api.service", "rsync.service", "config-sync.timer")


@contextlib.contextmanager
def running():
    host.power_off(NAME)  # what a killed bench left behind
    host.wipe(NAME)
    host.mount(NAME)
    root = host.root(NAME)
    write(root / "etc/hostname", NAME + "\n")
    write(root / "etc/hosts", f"127.0.0.1 localhost {NAME}\n")
    for unit in IDLE:
        (root / "etc/systemd/system" / unit).unlink(missing_ok=True)
        (root / "etc/systemd/system" / unit).symlink_to("/dev/null")
    try:
        host.boot(NAME)
        host.wait_booted(NAME)
        yield
    finally:
        host.power_off(NAME)
        host.wipe(NAME)
