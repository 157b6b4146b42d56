"""What makes a copy of the image node a or node b: written onto its disk before its first boot."""

import hashlib
import os
import shutil

from . import build, host
from .base import ADDRESS, FIRST_VERSION, LAB, NODES, PREFIX, PRIORITY, VIP, peer_of, write


def prepare(node, root_key):
    """A fresh disk. Both nodes begin with the same root key, the same database, and shop 1.0.0."""
    host.wipe(node)
    host.mount(node)
    root = host.root(node)
    _identity(root, node)
    write(root / "etc/keepalived/keepalived.conf", keepalived_conf("plain", node))
    _sync(root, node)
    _database(root, node)
    _shop(root, root_key)
    host.set_prepared(node)


def keepalived_conf(kind, node):
    text = (LAB / "files" / f"keepalived-{kind}.conf.in").read_text(encoding="utf-8")
    values = {"NODE": node, "PRIORITY": PRIORITY[node], "VIP": VIP, "PREFIX": PREFIX}
    for name, value in values.items():
        text = text.replace(f"@{name}@", str(value))
    return text


def _identity(root, node):
    write(root / "etc/hostname", node + "\n")
    names = "".join(f"{ADDRESS[name]} {name}\n" for name in NODES)
    write(root / "etc/hosts", f"127.0.0.1 localhost\n{names}{VIP} vip\n")
    # the same at every reset, so that what is keyed by it stays readable
    write(root / "etc/machine-id", hashlib.md5(f"haulab-{node}".encode()).hexdigest() + "\n", 0o444)


def _sync(root, node):
    peer = ADDRESS[peer_of(node)]
    write(root / "etc/default/config-sync", f"VIP={VIP}\nPEER={peer}\n")
    write(root / "etc/rsyncd.conf", f"""# the configuration of the other node arrives here
[shop]
path = /etc/shop
read only = no
uid = root
gid = root
auth users = sync
secrets file = /etc/rsyncd.secrets
hosts allow = {peer}
hosts deny = *
""")


def _database(root, node):
    conninfo = (f"host={ADDRESS[peer_of(node)]} port=5432 user=replicator application_name={node}"
                " passfile=/var/lib/postgresql/replicator.pgpass")
    # on both nodes, so that the roles can be swapped by standby.signal alone
    write(root / "etc/postgresql/15/main/conf.d/node.conf", f"primary_conninfo = '{conninfo}'\ncluster_name = '{node}'\n")
    if node != "a":
        signal = root / "var/lib/postgresql/15/main/standby.signal"
        write(signal, "", 0o600)
        owner = signal.parent.stat()
        os.chown(signal, owner.st_uid, owner.st_gid)


def _shop(root, root_key):
    release = root / "opt/shop/releases" / FIRST_VERSION
    shutil.copytree(build.bundle_folder(FIRST_VERSION), release, ignore=shutil.ignore_patterns("manifest.toml"))
    (root / "opt/shop/current").symlink_to(f"releases/{FIRST_VERSION}")
    owner = (root / "etc/shop").stat()
    for path, content, mode in ((root / "etc/shop/root.key", root_key, 0o640),
                                (root / "var/lib/shop/last-version", f"{FIRST_VERSION}\n".encode(), 0o644)):
        path.write_bytes(content)
        path.chmod(mode)
        os.chown(path, owner.st_uid, owner.st_gid)
