"""gs_ctl: what it prints, and above all how it ends, by its source (src/bin/pg_ctl/pg_ctl.cpp)."""

import datetime
import fcntl
import getopt
import os
import re
import sys
import time
from types import SimpleNamespace

from . import config, pair, wire
from .server import Failed, Server

SHORT = "b:cD:e:fi:G:l:m:M:N:o:O:p:P:r:R:v:x:sS:t:u:U:wWZ:C:dqL:I:T:Q:"
LONG = ["help", "version", "log=", "mode=", "pgdata=", "silent", "timeout=", "smode=", "recvtimeout=", "connect-string=", "force"]
SAME = {"--pgdata": "-D", "--mode": "-m", "--timeout": "-t", "--smode": "-M", "--silent": "-s", "--force": "-f"}
MODES = {"primary": "Primary", "standby": "Standby", "pending": "Pending", "cascade_standby": "Standby"}
HA = "local_role,static_connections,db_state,detail_information"
PLACES = ("state,sender_sent_location,sender_write_location,sender_flush_location,sender_replay_location,receiver_received_location,"
          "receiver_write_location,receiver_flush_location,receiver_replay_location,sync_percent")
QUESTIONS = (
    ("HA state:", f"select {HA} from pg_stat_get_stream_replications();"),
    ("Senders info:", f"select sender_pid,local_role,peer_role,peer_state,{PLACES},sync_state,sync_priority,sync_most_available,channel"
                      " from pg_stat_get_wal_senders();"),
    ("Receiver info:", f"select receiver_pid,local_role,peer_role,peer_state,{PLACES},channel from pg_stat_get_wal_receiver();"),
)


class End(Exception):
    """The program ends with this exit code."""

    def __init__(self, code):
        super().__init__()
        self.code = code


def show(text):
    sys.stdout.write(text)
    sys.stdout.flush()


def log(text, program="gs_ctl"):
    now = datetime.datetime.now().strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    show(f"[{now}][{os.getpid()}][][{program}]: {text}")


class Ctl:
    """One call. Everything goes to standard output, the log lines too."""

    def __init__(self, conf, options):
        self.conf, self.options = conf, options
        self.server = Server(conf)
        self.data = options.data
        self.locked = None

    # looking

    def pid_file(self):
        return f"{self.data}/postmaster.pid"

    def role(self):
        """As the server says it; as it was told last where it does not answer."""
        try:
            with self.server.client() as client:
                return client.value("select local_role from pg_stat_get_stream_replications();")
        except wire.Refused as refused:
            if "does not exist" in str(refused):
                log(f"could not get local role from the local server: {refused}\n")
                return "Unknown"
        except (OSError, EOFError):
            pass
        log("Getting state from gaussdb.state!\n")
        return self.remembered()[0]

    def remembered(self):
        found = pair.last_known(self.server)
        if found is None:
            log(f' file "{self.data}/gaussdb.state" is not exist\n')
            raise End(1)
        return found

    def running(self):
        """Its process, or the end of this program."""
        pid = self.server.pid()
        if not pid:
            log(f' PID file "{self.pid_file()}" does not exist\n')
            log("Is server running?\n")
            raise End(1)
        return pid

    def lock(self, what, fails):
        """One gs_ctl a node. Whether a second one ends well or not depends on what it is asked for."""
        self.locked = os.open(f"{self.data}/pg_ctl.lock", os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(self.locked, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as busy:
            log(f"Another gs_ctl command is still running,{what} failed !\n")
            raise End(1 if fails else 0) from busy

    def daemon(self, timeout=600, **words):
        return pair.ask(self.conf.ha.own[0], timeout, **words)

    # what is asked of it

    def status(self):
        log(f"gs_ctl status,datadir is {self.data} \n")
        if not self.server.alive():
            show("no server running\n")
            raise End(3)
        show(f"gs_ctl: server is running (PID: {self.server.pid()})\n")
        show(f'{config.home()}/bin/gaussdb "-D" "{self.data}"\n')

    def query(self):
        log(f"gs_ctl query ,datadir is {self.data} \n")
        pid = self.running()
        if not self.server.alive():
            log(f" could not connect to the local server, the postmaster process {pid} is not running")
            raise End(1)
        try:
            with self.server.client() as client:
                for title, sql in QUESTIONS:
                    show(f" {title:<20}\n")
                    self._rows(*client.query(sql))
        except (OSError, EOFError, wire.Refused) as error:
            self._old_news(error)

    @staticmethod
    def _rows(names, rows):
        if not rows:
            show("No information \n")
        for row in rows:
            for name, value in zip(names, row):
                show(f"\t{name:<30} : {value or ''}\n")
            show("\n")

    def _old_news(self, error):
        """It does not answer: what it said last, and no exit code tells."""
        role, state, connections = self.remembered()
        show(" HA state:\n")
        for name, value in (("local_role", role), ("static_connections", connections), ("db_state", state),
                            ("detail_information", error or "Access denied"), ("sync_mode", "Async")):
            show(f"        {name:<30}: {value}\n")
        show("\n Senders info:\n        No information\n Receiver info:\n        No information\n")

    def start(self):
        log(f"gs_ctl started,datadir is {self.data} \n")
        self.lock("start", fails=False)
        if self.server.alive():
            log(" another server might be running; Please use the restart command\n")
            raise End(0)
        self._start(MODES.get(self.options.role, "Normal"))

    def _start(self, mode):
        log("waiting for server to start...\n")
        try:
            self.daemon(do="start", mode=mode)
        except Failed as failed:
            show("\n")
            log("stopped waiting\n")
            log(f"could not start server\nExamine the log output.\n{failed}\n")
            raise End(1) from failed
        show("\n")
        log(" done\n")
        log(f"server started ({self.data})\n")

    def stop(self):
        log(f"gs_ctl stopped ,datadir is {self.data} \n")
        if not self.server.pid():
            log(f' PID file "{self.pid_file()}" does not exist.\n')
            log("Is server running?\n")
            raise End(1)
        self._stop()

    def _stop(self):
        show("waiting for server to shut down...")
        try:
            self.daemon(do="stop", mode=self.options.mode)
        except Failed as failed:
            show(" failed\n")
            log(f" server does not shut down ({self.data}): {failed}\n")
            raise End(1) from failed
        show(". done\nserver stopped\n")

    def restart(self):
        log(f"gs_ctl restarted ,datadir is {self.data} \n")
        self.lock("restart", fails=False)
        mode = MODES.get(self.options.role)
        if self.server.alive():
            mode = mode or self.role()
            self._stop()
        else:
            log("Is server running?\n")
            log("starting server anyway\n")
        self._start(mode or self.remembered()[0])

    def switchover(self):
        """Runs on the standby. It ends well also when nothing came of it in time."""
        log(f"gs_ctl switchover ,datadir is {self.data} \n")
        self.lock("switchover", fails=True)
        log("switchover term (1)\n")
        if self.options.mode != "fast":
            log("datanode does not support smart or immediate switchover\n")
            raise End(1)
        if self._asks_the_standby("switchover"):
            log(f"\n switchover timeout after {self.options.limit} seconds. please manually check the cluster status.\n")
            if self.conf.faults.called_off:
                self.daemon(do="call_off")

    def failover(self):
        log(f"gs_ctl failover ,datadir is {self.data} \n")
        self.lock("failover", fails=True)
        log("failover term (1)\n")
        if self._asks_the_standby("failover"):
            log(" failed\n")
            log(f" failover failed ({self.data})\n")
            raise End(1)

    def _asks_the_standby(self, what):
        """True when the time is over and it is no primary."""
        self.running()
        role = self.role()
        if role == "Primary":
            log(f"{what} completed ({self.data})\n")
            return False
        if role not in ("Standby", "Cascade Standby"):
            why = "server mode is unknown" if role == "Unknown" else "server is not in standby or cascade standby mode"
            log(f" cannot {what} server; {why}\n")
            raise End(1)
        try:
            self.daemon(do=what)
        except Failed as failed:
            # As a signal that comes while the server is at it.
            if "under way" not in str(failed):
                log(f" could not send {what} signal: {failed}\n")
                raise End(1) from failed
        if not self.options.wait:
            log(f"server starting {what}\n")
            return False
        log(f"waiting for server to {what}...")
        if not self._becomes_primary(3 if what == "switchover" else 0):
            return True
        show("\n")
        log("done\n")
        log(f"{what} completed ({self.data})\n")
        return False

    def _becomes_primary(self, looks_more):
        """Once a second; a switchover is looked at three times more after the role has changed."""
        role, end = "Standby", time.monotonic() + self.options.limit
        while time.monotonic() < end:
            role = self.role()
            if role != "Standby":
                if looks_more == 0:
                    break
                looks_more -= 1
            show(".")
            time.sleep(self.conf.faults.poll)
        return role == "Primary"

    def build(self):
        kind = self.options.build
        title = "full" if kind == "full" else "incremental"
        log(f"gs_ctl {title} build ,datadir is {self.data}\n")
        self.lock("build", fails=True)
        if self.server.alive():
            role = self.role()
            if role not in ("Standby", "Cascade Standby"):
                log(f"The local server run as {role},build cannot be executed.\n")
                raise End(1)
            self.options.mode = "immediate" if kind == "full" else "fast"
            self._stop()
        try:
            for program, line in self.daemon(3600, do="build", mode=kind)["lines"]:
                log(line + "\n", program)
        except Failed as failed:
            log(f"{failed}\n")
            raise End(1) from failed
        if self.options.start:
            self._start("Standby")

    def notify(self):
        log(f"gs_ctl notify ,datadir is {self.data} \n")
        if self.options.role is None:
            log("the parameter of notify must be specified\n")
            raise End(1)
        self.running()
        mode, found = MODES.get(self.options.role), self.role()
        if mode not in ("Primary", "Standby"):
            log(" the parameter of notify is not recognized\n")
            raise End(1)
        if found != "Pending" and not (found == "Normal" and mode == "Primary"):
            log(" only support notify server in pending mode; or notify server to primary in normal mode")
            raise End(1)
        log("waiting for server to response...")
        self.daemon(do="notify", mode=mode)
        show(" ")
        log("done")
        log(f"notify server completed, mode change to {mode}\n")


# What the cluster manager takes back where it runs.
CHANGES = ("start", "stop", "restart", "switchover", "failover", "build", "notify")
VERBS = ("query", "status", "start", "stop", "restart", "switchover", "failover", "build", "notify")


def parse(args):
    """Options and the verb, in any order."""
    try:
        given, words = getopt.gnu_getopt(args, SHORT, LONG)
    except getopt.GetoptError as error:
        show(f"gs_ctl: {error}\nTry \"gs_ctl --help\" for more information.\n")
        raise End(1) from error
    found = {SAME.get(name, name): value for name, value in given}
    if len(words) != 1 or words[0] not in VERBS:
        log(f' unrecognized operation mode "{words[0]}"\n' if words else " no operation specified\n")
        show('Try "gs_ctl --help" for more information.\n')
        raise End(1)
    data = found.get("-D") or os.environ.get("PGDATA")
    if not data:
        log(" no database directory specified and environment variable PGDATA unset\n")
        raise End(1)
    kind = found.get("-b", "auto")
    return words[0], SimpleNamespace(
        data=os.path.normpath(data), mode=found.get("-m", "fast"), limit=int(found.get("-t", "60")), wait="-W" not in found,
        build=kind if kind in ("full", "incremental") else "auto", role=found.get("-M"), start="-q" not in found)


def needs_its_libraries(program):
    """The real one is linked with libraries that only $GAUSSHOME has."""
    home = os.environ.get("GAUSSHOME", "")
    if not home or f"{home}/lib" not in os.environ.get("LD_LIBRARY_PATH", "").split(":"):
        print(f"{program}: error while loading shared libraries: libssl.so.1.1: cannot open shared object file:"
              " No such file or directory", file=sys.stderr)
        sys.exit(127)


def main():
    needs_its_libraries("gs_ctl")
    os.umask(0o077)
    try:
        if sys.argv[1:2] in (["--version"], ["-V"]):
            show(f"gs_ctl {config.VERSION}\n")
            return 0
        if os.geteuid() == 0:
            log(' cannot be run as root\nPlease log in (using, e.g., "su") as the (unprivileged) user that will\n'
                "own the server process.\n")
            return 1
        verb, options = parse(sys.argv[1:])
        for value in (options.data, options.mode, options.role or ""):
            if bad := re.search(r"[|;&$<>`\\!]", value):
                log(f'Error: variable "{value}" token invaild symbol "{bad[0]}".\n')
                return 1
        conf = config.load()
        if conf.cm.node and verb in CHANGES:
            log(f"{verb}: the cluster manager is in charge of this node\n")
            return 1
        getattr(Ctl(conf, options), verb)()
        return 0
    except End as end:
        return end.code
    except Failed as failed:
        log(f"{failed}\n")
        return 1
