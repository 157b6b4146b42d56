"""Messages of the protocol, and a client just good enough to ask a question."""

import re
import socket
import struct

from . import auth

# What follows the length where a startup message has its version.
SSL_REQUEST, GSS_REQUEST, CANCEL_REQUEST = 80877103, 80877104, 80877102


class Refused(Exception):
    """What the server said, in its words."""

    def __init__(self, fields):
        super().__init__(f"{fields.get('S', 'ERROR')}:  {fields.get('M', '')}")
        self.fields = fields


def message(kind, body=b""):
    return kind + struct.pack(">I", len(body) + 4) + body


def exactly(sock, count):
    """So many bytes; EOFError when the other end went before."""
    data = b""
    while len(data) < count:
        got = sock.recv(count - len(data))
        if not got:
            raise EOFError("the connection was closed")
        data += got
    return data


def receive(sock):
    """One message: its kind and its body."""
    head = exactly(sock, 5)
    return head[:1], exactly(sock, struct.unpack(">I", head[1:])[0] - 4)


def startup(minor, words):
    """The first message of a client."""
    body = struct.pack(">HH", 3, minor)
    for name, value in words.items():
        body += name.encode() + b"\0" + value.encode() + b"\0"
    body += b"\0"
    return struct.pack(">I", len(body) + 4) + body


def error(code, text, severity="FATAL"):
    return message(b"E", b"".join(f"{key}{value}\0".encode() for key, value in (("S", severity), ("C", code), ("M", text))) + b"\0")


def fields(body):
    """Of an error or a notice, by their letters."""
    parts = [part for part in body.split(b"\0") if part]
    return {part[:1].decode(): part[1:].decode(errors="replace") for part in parts}


def connect(place, port, timeout):
    """A folder is that of a Unix socket; anything else is a host."""
    if not place.startswith("/"):
        return socket.create_connection((place, port), timeout)
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(timeout)
    try:
        sock.connect(f"{place}/.s.PGSQL.{port}")
    except OSError:
        sock.close()
        raise
    return sock


class Client:
    """A connection. minor 51 speaks openGauss' own dialect, 0 is a plain PostgreSQL client's."""

    def __init__(self, place, port, user, database, *, password=None, minor=0, timeout=5, options=""):
        self.user, self.password, self.minor = user, password, minor
        self.sock = connect(place, port, timeout)
        try:
            words = {"user": user, "database": database, "application_name": "gs_ctl"}
            self.sock.sendall(startup(minor, {**words, "options": options} if options else words))
            self._until(b"Z", self._logging_in)
        except BaseException:
            self.sock.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.sock.sendall(message(b"X"))
        except OSError:
            pass
        self.sock.close()

    def _until(self, last, act):
        while True:
            kind, body = receive(self.sock)
            if kind == b"E":
                raise Refused(fields(body))
            act(kind, body)
            if kind == last:
                return

    def _logging_in(self, kind, body):
        if kind != b"R":
            return
        code = struct.unpack(">I", body[:4])[0]
        if code == auth.OK:
            return
        if self.password is None:
            raise Refused({"S": "FATAL", "M": "fe_sendauth: no password supplied"})
        if code == auth.MD5:
            answer = auth.md5_answer(self.password, self.user, body[4:8])
        elif code in auth.STORED:
            salt, token = bytes.fromhex(body[8:72].decode()), bytes.fromhex(body[72:80].decode())
            # Only the newest dialect is told how often it hashes.
            rounds = struct.unpack(">I", body[80:84])[0] if self.minor > auth.GAUSS_MINOR else 2048
            answer = auth.proof(self.password, salt, token, rounds, code)
        else:
            raise Refused({"S": "FATAL", "M": f"authentication method {code} not supported"})
        self.sock.sendall(message(b"p", answer.encode() + b"\0"))

    def query(self, sql):
        """Column names and rows of the last statement, all as text."""
        names, rows, failed = [], [], []
        self.sock.sendall(message(b"Q", sql.encode() + b"\0"))
        while True:
            kind, body = receive(self.sock)
            if kind == b"T":
                names, rows = _names(body), []
            elif kind == b"D":
                rows.append(_values(body))
            elif kind == b"E":
                failed.append(fields(body))
            elif kind == b"Z":
                break
        if failed:
            raise Refused(failed[0])
        return names, rows

    def value(self, sql):
        rows = self.query(sql)[1]
        return rows[0][0] if rows else None


def _names(body):
    """Each name is followed by 18 bytes about its type."""
    return [found.decode() for found in re.findall(rb"([^\0]+)\0.{18}", body[2:], re.DOTALL)]


def _values(body):
    values, at = [], 2
    for _ in range(struct.unpack(">H", body[:2])[0]):
        size = struct.unpack(">i", body[at:at + 4])[0]
        at += 4
        values.append(None if size < 0 else body[at:at + size].decode(errors="replace"))
        at += max(size, 0)
    return values
