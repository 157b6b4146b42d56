"""gs_dump and gs_restore: openGauss' manners around pg_dump and pg_restore, by its source (src/bin/pg_dump)."""

import datetime
import fcntl
import getopt
import os
import pwd
import subprocess
import sys
import time

from . import config, wire
from .gsctl import needs_its_libraries
from .server import Server

DUMP = "abcCE:f:F:g:h:n:N:oOp:q:RsS:t:T:U:vwW:xZ:"
DUMP_LONG = ["file=", "format=", "host=", "port=", "username=", "no-password", "password=", "pipeline", "dont-overwrite-file",
             "version", "schema-only", "compress="]
RESTORE = "acCd:ef:F:h:I:j:lL:n:Op:P:RsS:t:U:vwW:x1"
RESTORE_LONG = ["list", "dbname=", "exit-on-error", "clean", "host=", "port=", "username=", "password=", "format=", "version",
                "no-owner", "single-transaction"]
SAME = {"--file": "-f", "--format": "-F", "--host": "-h", "--port": "-p", "--username": "-U", "--no-password": "-w",
        "--password": "-W", "--list": "-l", "--dbname": "-d", "--exit-on-error": "-e", "--clean": "-c", "--no-owner": "-O",
        "--single-transaction": "-1", "--schema-only": "-s", "--compress": "-Z"}


def say(text):
    """On standard output, all of it: in the source write_stderr writes there."""
    sys.stdout.write(text)
    sys.stdout.flush()


class Talk:
    """Messages as they are once port and database are known."""

    def __init__(self, port, database):
        self.port, self.database = port, database

    def __call__(self, text):
        now = datetime.datetime.now().strftime("%Y-%m-%d %H:%M:%S")
        say(f"gs_dump[port='{self.port}'][{self.database}][{now}]: {text}\n")


def parse(program, short, long):
    needs_its_libraries(program)
    if sys.argv[1:2] in (["--version"], ["-V"]):
        say(f"{program} {config.VERSION}\n")
        sys.exit(0)
    try:
        given, words = getopt.gnu_getopt(sys.argv[1:], short, long)
    except getopt.GetoptError as error:
        say(f'{program}: {error}\nTry "{program} --help" for more information.\n')
        sys.exit(1)
    if len(words) > 1:
        say(f'{program}: too many command-line arguments (first is "{words[1]}")\n')
        sys.exit(1)
    return {SAME.get(name, name): value for name, value in given}, words[0] if words else None


def lock(path):
    """It opens the file for writing, and makes one where there is none: gs_restore, too."""
    try:
        found = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
        fcntl.lockf(found, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        say(f'could not open output file "{path}": {error.strerror}\n')
        sys.exit(1)
    return found


def password(found):
    """From the command line, the environment, a pipe; where there is no terminal, standard input is as good as one."""
    if "--pipeline" in found:
        return sys.stdin.readline().rstrip("\n")
    return found.get("-W") or os.environ.get("PGPASSWORD")


def logged_in(found, place, port, database):
    """A connection through the front, as any client's; the end of this program where it is refused."""
    user = found.get("-U") or os.environ.get("PGUSER") or pwd.getpwuid(os.geteuid()).pw_name
    word = password(found)
    try:
        try:
            return wire.Client(place, port, user, database, password=word, minor=51, timeout=30)
        except wire.Refused as refused:
            if word is not None or "password" not in str(refused) or "-w" in found:
                raise
            print("Password: ", end="", file=sys.stderr, flush=True)
            word = sys.stdin.readline().rstrip("\n")
            return wire.Client(place, port, user, database, password=word, minor=51, timeout=30)
    except (OSError, EOFError, wire.Refused) as error:
        say(f'connection to database "{database}" failed: {error}\n ')
        sys.exit(1)


def tool(server, name, *args, env=None):
    """One of PostgreSQL's; its errors go where this program's go."""
    place = server.config.server
    where = ["-h", place.socket_dir, "-p", str(place.port), "-U", place.role]
    done = subprocess.run([server.tool(name), *where, *args], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
                          env={**os.environ, "LD_LIBRARY_PATH": "", **(env or {})})
    say(done.stderr)
    return done


def dump():
    found, database = parse("gs_dump", DUMP, DUMP_LONG)
    conf = config.load()
    server = Server(conf)
    started = time.monotonic()
    shape, path = found.get("-F", "p")[:1], found.get("-f")
    if shape in "cdt" and not path:
        say(f"options -F/--format argument '{shape}' must be used with -f/--file together\nTry \"gs_dump --help\" for more"
            " information.\n")
        return 1
    if path and shape != "d":
        if "--dont-overwrite-file" in found and os.path.isfile(path):
            say("Dump File specified already exists.\nPerform dump again by: \n1) Specifying a different file \n2) Removing the"
                " specified file \n3) Not specifying dont-overwrite-file option\n")
            return 0
        os.close(lock(path))
    place = found.get("-h") or os.environ.get("PGHOST") or conf.node.socket_dir
    port = int(found.get("-p") or os.environ.get("PGPORT") or 5432)
    database = database or os.environ.get("PGDATABASE") or "postgres"
    talk = Talk(port, database)
    with logged_in(found, place, port, database) as client:
        if client.value("select pg_is_in_recovery()") == "t":
            if path:
                os.unlink(path)
            talk("gs_dump is not supported on standby or cascade standby")
            return 1
    plain = ["-s"] if "-s" in found else []
    done = tool(server, "pg_dump", f"-F{shape}", *plain, *(["-f", path] if path else []), database)
    if done.returncode != 0:
        return 1
    say(done.stdout)
    count = database_objects(server, path) if path and shape != "p" else 0
    talk(f"The total objects number is {count}.")
    talk(f"[100.00%] {count} objects have been dumped.")
    talk(f"dump database {database} successfully")
    talk(f"total time: {(time.monotonic() - started) * 1000:.0f}  ms")
    return 0


def database_objects(server, path):
    done = subprocess.run([server.tool("pg_restore"), "-l", path], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    return sum(1 for line in done.stdout.splitlines() if line and not line.startswith(";"))


def restore():
    found, path = parse("gs_restore", RESTORE, RESTORE_LONG)
    server = Server(config.load())
    started = time.monotonic()
    if path is None:
        say("Mandatory to specify dump filename/path for gs_restore\n")
        return 1
    if "-d" not in found and "-l" not in found:
        say("Mandatory to specify either dbname or list option for gs_restore\n")
        return 1
    if "-d" in found and "-l" in found:
        say("Either one of dbname or list option need to be specified for gs_restore\n")
        return 1
    os.close(lock(path))
    if "-l" in found:
        done = subprocess.run([server.tool("pg_restore"), "-l", path], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              check=False)
        say(done.stdout + done.stderr)
    else:
        conf = server.config
        place = found.get("-h") or os.environ.get("PGHOST") or conf.node.socket_dir
        port = int(found.get("-p") or os.environ.get("PGPORT") or 5432)
        with logged_in(found, place, port, found["-d"]) as client:
            if client.value("select pg_is_in_recovery()") == "t":
                say("gs_restore is not supported on standby or cascade standby\n")
                return 1
        own = [name for name in ("-c", "-e", "-O", "-1") if name in found]
        done = tool(server, "pg_restore", "-d", found["-d"], *own, path)
    if done.returncode != 0:
        return 1
    say("restore operation successful\n")
    say(f"total time: {(time.monotonic() - started) * 1000:.0f}  ms\n")
    return 0
