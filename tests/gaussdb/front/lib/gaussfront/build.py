"""gs_ctl build: the data of a node made anew from the other one's, as far as that is needed."""

import contextlib
import shutil

from .server import Failed

# This node's own settings, where they lie in the data directory: PostgreSQL's tools would bring the other node's.
OWN = ("postgresql.conf", "postgresql.auto.conf", "pg_hba.conf", "pg_ident.conf")
# What the front leaves in the data directory.
OURS = ("gaussdb.state", "gaussdb.mode", "gaussdb.phase", "pg_ctl.lock")
TRIES = 3
LONG = 600


def build(server, mode, peer):
    """Says what was done. incremental, full, or auto: the one, and where that fails the other."""
    lines = []
    with _own_settings(server):
        if mode == "full":
            server.stop("immediate")
            _full(server, lines)
        else:
            server.stop("fast")
            _rewind(server, peer, lines, mode == "auto")
    for name in OURS:
        if name != "pg_ctl.lock":
            (server.data / name).unlink(missing_ok=True)
    return lines


@contextlib.contextmanager
def _own_settings(server):
    found = [server.data / name for name in OWN]
    kept = {path: path.read_bytes() for path in found if path.exists()}
    try:
        yield
    finally:
        for path, content in kept.items():
            server.write(path, content.decode())


def _rewind(server, peer, lines, then_full):
    why = None
    for _ in range(TRIES):
        try:
            # Until it has made one, the source says that it is on the timeline before its promotion.
            peer("checkpoint", LONG)
            server.standby_signal(False)
            config = server.config.server.config_file
            server.run([server.tool("pg_rewind"), "-D", server.data, f"--source-server={server.config.ha.peer_conninfo}",
                        *([f"--config-file={config}"] if config else [])], LONG)
            lines.append(("gs_rewind", "Done!"))
            return
        except Failed as failed:
            why = failed
            lines.append(("gs_ctl", "inc build failed."))
    if not then_full:
        raise Failed(f"inc build failed: {why}")
    lines.append(("gs_ctl", "inc build failed, change to full build."))
    _full(server, lines)


def _full(server, lines):
    for path in list(server.data.iterdir()):
        if path.name == "pg_ctl.lock":
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    beside = server.data.with_name(server.data.name + ".build")
    shutil.rmtree(beside, ignore_errors=True)
    server.run([server.tool("pg_basebackup"), "-D", beside, "-d", server.config.ha.peer_conninfo, "-X", "stream", "-c", "fast"], LONG)
    for path in list(beside.iterdir()):
        path.rename(server.data / path.name)
    beside.rmdir()
    lines.append(("gs_ctl", "build/restore completed"))
