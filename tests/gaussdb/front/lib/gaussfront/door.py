"""Where clients come in: openGauss' startup and login; after that the connection is PostgreSQL's, byte for byte."""

import os
import pathlib
import re
import socket
import struct
import threading
import time

from . import auth, wire
from .server import MODE, Server

# How often it is looked whether the server is there; while it is not, nobody listens.
LOOK = 0.05
LOGIN = 60
VERSIONS = ((2, 0), (3, 0), (3, 50), (3, 51))
# Parameters of openGauss' own drivers that PostgreSQL would refuse.
OWN_WORDS = {"connection_info", "backend_version", "enable_ce", "prototype", "fencedUdfRPCMode"}
# PostgreSQL refuses a setting that it does not know.
SETTING = re.compile(rb"(?i)\bshow\s+most_available_sync\b|\bcurrent_setting\s*\(\s*'most_available_sync'[^)]*\)")
# Came with PostgreSQL 10 or later, under these names: openGauss, which is 9.2, knows none of them.
NEWER = re.compile(rb"(?i)\b(pg_current_wal_\w+|pg_last_wal_\w+|pg_wal_\w+|pg_is_wal_\w+|pg_switch_wal|pg_walfile_\w+|pg_promote"
                   rb"|pg_stat_wal_receiver|pg_control_\w+|(?:sent|write|flush|replay)_lsn)\b")


class Accounts:
    """Who failed to log in how often: the server locks an account after a number of wrong passwords."""

    def __init__(self):
        self.wrong, self.lock = {}, threading.Lock()

    def locked(self, user, limit):
        with self.lock:
            return 0 < limit <= self.wrong.get(user, 0)

    def note(self, user, well):
        with self.lock:
            self.wrong[user] = 0 if well else self.wrong.get(user, 0) + 1


class Door:
    """Listens while the server is there. `config` is a function that reads front.conf."""

    def __init__(self, config):
        self.config, self.accounts, self.sockets = config, Accounts(), []

    def watch(self):
        """Never ends."""
        while True:
            there = Server(self.config()).listens()
            try:
                if there and not self.sockets:
                    self._open()
                elif not there and self.sockets:
                    self._close()
            except OSError as error:
                print(f"cannot listen: {error}", flush=True)
            time.sleep(LOOK)

    def _open(self):
        node = self.config().node
        pathlib.Path(node.socket_dir).mkdir(parents=True, exist_ok=True)
        path = f"{node.socket_dir}/.s.PGSQL.{node.port}"
        pathlib.Path(path).unlink(missing_ok=True)
        unix = socket.socket(socket.AF_UNIX)
        unix.bind(path)
        os.chmod(path, 0o777)
        self.sockets = [unix]
        if node.listen:
            self.sockets.append(socket.create_server((node.listen, node.port)))
        for one in self.sockets:
            one.listen(64)
            threading.Thread(target=self._take, args=(one,), daemon=True).start()

    def _close(self):
        node = self.config().node
        pathlib.Path(f"{node.socket_dir}/.s.PGSQL.{node.port}").unlink(missing_ok=True)
        for one in self.sockets:
            # Wakes whoever waits in accept.
            _shut(one)
            one.close()
        self.sockets = []

    def _take(self, listening):
        while True:
            try:
                sock, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        with sock:
            try:
                sock.settimeout(LOGIN)
                Visit(self.config, self.accounts, sock).go()
            except (OSError, EOFError, struct.error, UnicodeDecodeError):
                pass  # the client went, or the server: it sees a closed connection


class Visit:
    """One client from its first byte to its last."""

    def __init__(self, conf, accounts, sock):
        # A setting may change while the connection lasts.
        self.conf, self.config = conf, conf()
        self.accounts, self.client = accounts, sock
        self.minor, self.words = 0, {}

    def go(self):
        if not self._startup() or not self._admitted():
            return
        place = self.config.server
        with wire.connect(place.socket_dir, place.port, LOGIN) as behind:
            if self._logged_in_behind(behind):
                self._relay(behind)

    def _startup(self):
        """False where there is no session to come."""
        while True:
            body = wire.exactly(self.client, struct.unpack(">I", wire.exactly(self.client, 4))[0] - 4)
            asked = struct.unpack(">I", body[:4])[0]
            if asked in (wire.SSL_REQUEST, wire.GSS_REQUEST):
                self.client.sendall(b"N")
                continue
            if asked == wire.CANCEL_REQUEST:
                place = self.config.server
                with wire.connect(place.socket_dir, place.port, LOGIN) as behind:
                    behind.sendall(struct.pack(">I", len(body) + 4) + body)
                return False
            break
        major, self.minor = asked >> 16, asked & 0xFFFF
        if (major, self.minor) not in VERSIONS or major == 2:
            text = f"unsupported frontend protocol {major}.{self.minor}: server supports 1.0 to 3.51"
            return self._refuse("0A000", text)
        parts = [part.decode() for part in body[4:].split(b"\0")]
        self.words = dict(zip(parts[0:-1:2], parts[1:-1:2]))
        self.words.pop("", None)
        return True

    def _refuse(self, code, text):
        self.client.sendall(wire.error(code, text))
        return False

    def _admitted(self):
        """Asks for the password as the server would, by what it has for this user."""
        if self._pending():
            return self._refuse("57P03", "can not accept connection in pending mode.")
        user, rules = self.words.get("user", ""), self.config.auth
        if self.accounts.locked(user, rules.failed_login_attempts):
            return self._refuse("28000", "The account has been locked.")
        method = rules.methods.get(user, rules.method)
        if method != "trust" and not self._proven(user, method, rules):
            self.accounts.note(user, False)
            return self._refuse("28P01", "Invalid username/password,login denied.")
        self.accounts.note(user, True)
        self.client.sendall(wire.message(b"R", struct.pack(">I", auth.OK)))
        return True

    def _pending(self):
        try:
            return (Server(self.config).data / MODE).read_text(encoding="utf-8").strip() == "Pending"
        except OSError:
            return False

    def _proven(self, user, method, rules):
        # A client of PostgreSQL is asked for what it knows, where the role has that stored too.
        if method == "sha256" and rules.stored == "combined" and self.minor < auth.GAUSS_MINOR:
            method = "md5"
        challenge = auth.Challenge(method, user, rules.passwords.get(user), rules.iterations, self.minor)
        self.client.sendall(wire.message(b"R", challenge.body))
        kind, body = wire.receive(self.client)
        return kind == b"p" and challenge.accepts(body.rstrip(b"\0").decode(errors="replace"))

    def _logged_in_behind(self, behind):
        """Logs in as the front's own role and hands on what the server says of the session."""
        settings = self.config.settings
        own = f"-c gauss.rights={settings.rights} -c gauss.most_available_sync={settings.most_available_sync}"
        words = {name: value for name, value in self.words.items() if name not in OWN_WORDS}
        words.setdefault("database", words.get("user", ""))
        words.update(user=self.config.server.role, options=f"{words.get('options', '')} {own}".strip())
        behind.sendall(wire.startup(0, words))
        while True:
            kind, body = wire.receive(behind)
            if kind == b"S" and body.startswith(b"server_version\0"):
                body = b"server_version\x009.2.4\0"
            if kind != b"R":
                self.client.sendall(wire.message(kind, body))
            if kind in b"EZ":
                return kind == b"Z"

    def _relay(self, behind):
        for sock in (self.client, behind):
            sock.settimeout(None)
        back = threading.Thread(target=_pump, args=(behind, self.client), daemon=True)
        back.start()
        try:
            while True:
                kind, body = wire.receive(self.client)
                if kind in (b"Q", b"P"):
                    body = self._translated(body)
                behind.sendall(wire.message(kind, body))
        except (OSError, EOFError):
            pass
        finally:
            _shut(behind)
            back.join()

    def _translated(self, body):
        answer = self.conf().settings.most_available_sync.encode()

        def setting(found):
            value = b"'" + answer + b"'::text"
            return b"select " + value + b" as most_available_sync" if found[0][:4].lower() == b"show" else value

        # PostgreSQL then says itself that there is no such thing.
        return NEWER.sub(rb"opengauss_has_no_\1", SETTING.sub(setting, body))


def _pump(source, target):
    """Until one of them ends; then the other one learns it, too."""
    try:
        while data := source.recv(65536):
            target.sendall(data)
    except OSError:
        pass
    _shut(target)


def _shut(sock):
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
