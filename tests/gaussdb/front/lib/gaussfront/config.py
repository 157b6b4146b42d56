"""front.conf of a node: a TOML file in $GAUSSHOME. It is read anew by whoever asks, so a test may change it while all runs."""

import os
import pathlib
import tomllib
from types import SimpleNamespace

VERSION = "(openGauss 5.0.0 build a07d57c3) compiled at 2023-03-29 03:37:13 commit 0 last mr  "

DEFAULTS = {
    # Where clients find this node, and whose server it is.
    "node": {"data_dir": "", "socket_dir": "", "port": 5432, "listen": "", "os_user": "postgres"},
    # The PostgreSQL behind it. Without start and stop it is pg_ctl, run as os_user; what they name is run as the daemon's own user.
    "server": {"bin": "/usr/lib/postgresql/15/bin", "socket_dir": "", "port": 5432, "role": "hau", "log": "", "config_file": "",
               "start": [], "stop": []},
    # methods: for those users another method than the one for all; the system user gets in by trust, as after a usual
    # installation. passwords: of each user. stored = "combined": MD5, too. A user is locked after so many wrong passwords.
    "auth": {"method": "sha256", "iterations": 10000, "stored": "sha256", "failed_login_attempts": 10, "methods": {},
             "passwords": {}},
    # own: where the daemon is asked, the first by gs_ctl. peer: the other node's. peer_conninfo: its server, for builds.
    "ha": {"own": [], "peer": "", "peer_conninfo": ""},
    # rights of whoever logs in: sysadmin, monadmin (does not see the receiver) or none (sees no details at all).
    "settings": {"most_available_sync": "off", "rights": "sysadmin"},
    # The cluster manager's number of this node, 1 or 2; 0: there is none. Where there is one, gs_ctl changes nothing.
    "cm": {"node": 0},
    # A switchover begins so many seconds after it was asked for, or never, or is called off when gs_ctl's time is over.
    # poll: how often gs_ctl looks, in seconds.
    "faults": {"switchover_delay": 0.0, "never": False, "called_off": False, "poll": 1.0},
}


def home():
    """$GAUSSHOME; whoever does not say it means the folder that this file lies in."""
    return pathlib.Path(os.environ.get("GAUSSHOME") or pathlib.Path(__file__).resolve().parents[2])


def load(path=None):
    """The file with the defaults filled in: config.node.port and so on."""
    path = path or home() / "front.conf"
    with open(path, "rb") as file:
        found = tomllib.load(file)
    parts = {}
    for name, defaults in DEFAULTS.items():
        given = found.pop(name, {})
        unknown = set(given) - set(defaults)
        if unknown:
            raise ValueError(f"{path}: [{name}] knows no {', '.join(sorted(unknown))}")
        parts[name] = SimpleNamespace(**{**defaults, **given})
    if found:
        raise ValueError(f"{path}: there is no section {', '.join(sorted(found))}")
    parts["auth"].methods = {parts["node"].os_user: "trust", **parts["auth"].methods}
    parts["server"].log = parts["server"].log or parts["node"].data_dir + ".log"
    return SimpleNamespace(path=path, **parts)
