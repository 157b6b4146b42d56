"""The PostgreSQL behind the front: is it there, what does it say, how is it started, stopped and made primary."""

import os
import pathlib
import pwd
import subprocess
import time

from . import wire

# Files in the data directory that the SQL functions read (share/functions.sql): they change the mode or the state that is told.
MODE, PHASE = "gaussdb.mode", "gaussdb.phase"


class Failed(Exception):
    """One sentence for whoever asked."""


def until(what, seconds, is_so, every=0.02):
    """Looks until it is so."""
    end = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() >= end:
            raise Failed(f"waited {seconds:.0f} s in vain: {what}")
        time.sleep(every)


class Server:
    """As config says it; every question is answered by the server itself."""

    def __init__(self, config):
        self.config = config
        self.data = pathlib.Path(config.node.data_dir)

    # looking

    def pid(self):
        """The first line of its pidfile; 0 when there is none."""
        try:
            return int((self.data / "postmaster.pid").read_text(encoding="utf-8").split("\n", 1)[0])
        except (OSError, ValueError):
            return 0

    def alive(self):
        pid = self.pid()
        if not pid:
            return False
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            pass
        return True

    def listens(self):
        """There is a process and its socket: what a client can see."""
        place = self.config.server
        return os.path.exists(f"{place.socket_dir}/.s.PGSQL.{place.port}") and self.alive()

    def client(self, database="postgres", timeout=5, options=""):
        place = self.config.server
        return wire.Client(place.socket_dir, place.port, place.role, database, timeout=timeout, options=options)

    def ask(self, sql, timeout=5):
        """One value; Failed where the server does not answer."""
        try:
            with self.client(timeout=timeout) as client:
                return client.value(sql)
        except (OSError, EOFError, wire.Refused) as error:
            raise Failed(f"the server does not answer: {error}") from error

    def answers(self):
        try:
            return self.ask("select 1") == "1"
        except Failed:
            return False

    def is_standby(self):
        return self.ask("select pg_is_in_recovery()") == "t"

    def control(self):
        """What pg_controldata says, by its labels."""
        text = self.run([self.tool("pg_controldata"), self.data])
        pairs = (line.partition(":") for line in text.splitlines())
        return {name.strip(): value.strip() for name, _, value in pairs}

    # doing

    def tool(self, name):
        return f"{self.config.server.bin}/{name}"

    def run(self, args, timeout=60, as_owner=True, env=None):
        """A program's output; by default it runs as the owner of the data."""
        args = [str(arg) for arg in args]
        who = {}
        if as_owner and os.geteuid() == 0:
            owner = pwd.getpwnam(self.config.node.os_user)
            who = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": os.getgrouplist(owner.pw_name, owner.pw_gid)}
        env = {"PATH": f"{self.config.server.bin}:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", **(env or {})}
        try:
            done = subprocess.run(args, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout, check=False,
                                  cwd="/", env=env, **who)
        except (subprocess.TimeoutExpired, OSError) as error:
            raise Failed(f"{args[0]}: {error}") from error
        if done.returncode != 0:
            raise Failed(f"{args[0]} ended with {done.returncode}: {(done.stderr or done.stdout).strip()}")
        return done.stdout

    def start(self, mode, limit=60):
        """As Primary, Standby, Pending or Normal; done when it answers."""
        if self.alive():
            raise Failed("another server might be running")
        self.standby_signal(mode in ("Standby", "Pending"))
        self.word(MODE, mode if mode in ("Normal", "Pending") else None)
        self.word(PHASE, None)
        if self.config.server.start:
            self.run(self.config.server.start, limit, as_owner=False)
        else:
            self._pg_ctl("start", limit)
        until("the server answers", limit, self.answers)

    def stop(self, mode="fast", limit=60):
        if not self.alive():
            return
        if mode == "immediate" or not self.config.server.stop:
            self._pg_ctl("stop", limit, "-m", mode)
        else:
            self.run(self.config.server.stop, limit, as_owner=False)
        until("the server has stopped", limit, lambda: not self.alive())

    def _pg_ctl(self, verb, limit, *more):
        log = ["-l", self.config.server.log] if verb == "start" else []
        # Its output would keep this waiting: the server inherits it.
        words = [self.tool("pg_ctl"), "-D", self.data, "-s", "-w", "-t", int(limit), *log, *more, verb]
        self.run(["/bin/sh", "-c", 'exec "$@" >/dev/null 2>&1', "sh", *words], limit + 5)

    def promote(self, limit=60):
        """Done when it takes writes."""
        self.word(MODE, None)
        if self.is_standby():
            self.word(PHASE, "Promoting")
            self.ask("select pg_promote(false)")
            until("the server is primary", limit, lambda: not self.is_standby())
        self.word(PHASE, None)

    # files in the data directory

    def standby_signal(self, wanted):
        path = self.data / "standby.signal"
        if wanted:
            self.write(path, "")
        else:
            path.unlink(missing_ok=True)

    def word(self, name, text):
        """One of MODE and PHASE; None takes it away."""
        if text is None:
            (self.data / name).unlink(missing_ok=True)
        else:
            self.write(self.data / name, text)

    def write(self, path, text):
        """Whole or not at all, and the owner's."""
        beside = path.with_name(path.name + ".new")
        beside.write_text(text, encoding="utf-8")
        beside.chmod(0o600)
        if os.geteuid() == 0:
            owner = pwd.getpwnam(self.config.node.os_user)
            os.chown(beside, owner.pw_uid, owner.pw_gid)
        beside.rename(path)
