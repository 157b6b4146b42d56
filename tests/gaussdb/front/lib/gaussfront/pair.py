"""What the two nodes do together, and what gs_ctl asks of its own: one line of JSON there, one back."""

import json
import os
import pathlib
import socket
import threading
import time

from . import build, wire
from .server import MODE, PHASE, Failed, Server, until

# A primary that stopped for a switchover and hears no more of it looks after itself after this time.
FORGOTTEN = 20
CATCH_UP = 30
LOOK = 0.5
STATE = "gaussdb.state"


def place(text):
    """A path is a Unix socket, HOST:PORT is TCP."""
    host, _, port = text.rpartition(":")
    return text if text.startswith("/") else (host, int(port))


def ask(text, timeout=5, **words):
    """What the daemon there answers; Failed where there is none, or it refuses."""
    where = place(text)
    with socket.socket(socket.AF_UNIX if isinstance(where, str) else socket.AF_INET) as sock:
        sock.settimeout(timeout)
        try:
            sock.connect(where)
            with sock.makefile("rw", encoding="utf-8") as file:
                file.write(json.dumps(words) + "\n")
                file.flush()
                answer = json.loads(file.readline())
        except (OSError, ValueError) as error:
            raise Failed(f"the front at {text} does not answer: {error}") from error
    if "failed" in answer:
        raise Failed(answer["failed"])
    return answer


class Pair:
    """The daemon's half of it. `config` is a function that reads front.conf."""

    def __init__(self, config):
        self.config = config
        self.one = threading.Lock()
        # Since when this primary is stopped for a switchover of the other node.
        self.demoted = None
        # Nobody waits for the switchover any more that is about to begin.
        self.called_off = False

    @property
    def server(self):
        return Server(self.config())

    def listen(self):
        for text in self.config().ha.own:
            where = place(text)
            if isinstance(where, str):
                pathlib.Path(where).parent.mkdir(parents=True, exist_ok=True)
                pathlib.Path(where).unlink(missing_ok=True)
                sock = socket.socket(socket.AF_UNIX)
                sock.bind(where)
                os.chmod(where, 0o777)
                sock.listen(16)
            else:
                sock = socket.create_server(where)
            threading.Thread(target=self._take, args=(sock,), daemon=True).start()

    def _take(self, listening):
        while True:
            sock, _ = listening.accept()
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        with sock, sock.makefile("rw", encoding="utf-8") as file:
            try:
                asked = json.loads(file.readline())
                answer = self._do(asked.pop("do"), asked)
            except (Failed, OSError, ValueError, KeyError, TypeError) as error:
                answer = {"failed": str(error)}
            try:
                file.write(json.dumps(answer) + "\n")
                file.flush()
            except OSError:
                pass  # whoever asked has gone

    def _do(self, what, words):
        known = {"hello": self.hello, "checkpoint": self.checkpoint, "call_off": self.call_off}
        alone = {"start": self.start, "stop": self.stop, "build": self.build, "demote": self.demote, "follow": self.follow,
                 "resume": self.resume, "notify": self.notify}
        later = {"switchover": self.switchover, "failover": self.failover}
        if what in known:
            return known[what](**words) or {}
        if not self.one.acquire(blocking=False):
            raise Failed("something else is under way")
        if what in later:
            threading.Thread(target=self._in_the_background, args=(later[what],), daemon=True).start()
            return {}
        try:
            return alone[what](**words) or {}
        finally:
            self.one.release()

    def _in_the_background(self, act):
        """gs_ctl sends the server a signal and looks what becomes of it."""
        try:
            act()
        except (Failed, OSError) as error:
            print(f"{act.__name__}: {error}", flush=True)
        finally:
            self.server.word(PHASE, None)
            self.one.release()

    # what is asked

    def hello(self):
        server = self.server
        role = None
        if server.listens():
            role = "Standby" if server.is_standby() else "Primary"
        return {"role": role, "busy": self.one.locked()}

    def checkpoint(self):
        self.server.ask("checkpoint", 60)

    def call_off(self):
        self.called_off = True

    def start(self, mode):
        self.demoted = None
        self.server.start(mode)

    def stop(self, mode):
        self.server.stop(mode)

    def build(self, mode):
        self.demoted = None
        return {"lines": build.build(self.server, mode, self._peer)}

    def demote(self):
        """Stops the primary cleanly; not even a reboot brings it back as one. Says what the other must have replayed."""
        server = self.server
        if server.is_standby():
            raise Failed("this server is not the primary")
        server.word(PHASE, "Demoting")
        server.ask("checkpoint", 60)
        server.standby_signal(True)
        try:
            server.stop()
        except Failed:
            server.standby_signal(not server.alive())
            raise
        finally:
            server.word(PHASE, None)
        control = server.control()
        if control["Database cluster state"] != "shut down":
            raise Failed(f"it did not stop cleanly: {control['Database cluster state']}")
        self.demoted = time.monotonic()
        return {"position": control["Latest checkpoint location"]}

    def follow(self):
        self.start("Standby")

    def resume(self):
        """The other one was not promoted, and will not be."""
        self.start("Primary")

    def notify(self, mode):
        """Ends the pending mode."""
        if mode == "Primary":
            self.server.promote()
        else:
            self.server.word(MODE, None)

    def switchover(self):
        """On the standby. Slow or in vain where front.conf says so."""
        faults, server = self.config().faults, self.server
        self.called_off = False
        end = time.monotonic() + faults.switchover_delay
        while time.monotonic() < end and not self.called_off:
            time.sleep(0.02)
        if faults.never or self.called_off:
            return
        server.word(PHASE, "Wait promoting")
        position = self._peer("demote", 120)["position"]
        is_there = f"select pg_wal_lsn_diff(pg_last_wal_replay_lsn(), '{position}') > 0"
        try:
            until("all is replayed", CATCH_UP, lambda: server.ask(is_there) == "t", 0.01)
        except Failed:
            self._peer("resume", 120)
            raise
        server.promote()
        self._peer("follow", 120)

    def failover(self):
        self.server.promote()

    def _peer(self, what, timeout):
        return ask(self.config().ha.peer, timeout, do=what)

    # what goes on by itself

    def watch(self):
        """Never ends: keeps gaussdb.state, as the server does, and does not leave a demoted primary alone for ever."""
        told = None
        while True:
            time.sleep(LOOK)
            try:
                told = self._remember(told)
                if self.demoted and time.monotonic() - self.demoted > FORGOTTEN:
                    self._look_after_itself()
            except (Failed, OSError, EOFError, wire.Refused):
                pass  # it is starting or stopping, or nobody has installed the functions yet

    def _remember(self, told):
        server = self.server
        if not server.listens():
            return told
        with server.client() as client:
            row = client.query("select local_role, db_state, static_connections from pg_stat_get_stream_replications()")[1][0]
        if row != told:
            server.write(server.data / STATE, "|".join(row) + "\n")
        return row

    def _look_after_itself(self):
        seen = self._peer("hello", 5)
        if seen["role"] == "Primary":
            self.follow()
        elif seen["role"] == "Standby" and not seen["busy"]:
            # Its switchover has ended without it, and only another one, which asks this node first, would promote it.
            self.resume()


def last_known(server):
    """(role, state, connections) of gaussdb.state; it may be old."""
    try:
        role, state, connections = (server.data / STATE).read_text(encoding="utf-8").strip().split("|")
    except (OSError, ValueError):
        return None
    return role, state, connections
