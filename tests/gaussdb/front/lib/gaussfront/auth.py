"""How openGauss asks for a password and judges the answer: its own meanings of PostgreSQL's message codes, its own arithmetic."""

import functools
import hashlib
import hmac
import os
import struct

OK, MD5, SHA256, SM3 = 0, 5, 10, 13
# What is stored for the role, as the message says it.
STORED = {SHA256: 2, SM3: 3}
CODES = {"sha256": SHA256, "sm3": SM3, "md5": MD5}
# Clients that announce a minor version below this one are plain PostgreSQL clients.
GAUSS_MINOR = 50


def _mac(key, data):
    return hmac.new(key, data, "sha256").digest()


def salt_of(user):
    """The same at every login, as if it were stored with the role."""
    return hashlib.sha256(f"salt of {user}".encode()).digest()


@functools.lru_cache(maxsize=64)
def keys(password, salt, iterations, code):
    """The client's key, the hash of it that a server stores, and the server's key."""
    derived = hashlib.pbkdf2_hmac("sha1", password.encode(), salt, iterations, 32)
    client = _mac(derived, b"Client Key")
    # Without an r for SHA256: so it stands in the server.
    server = _mac(derived, b"Server Key" if code == SM3 else b"Sever Key")
    return client, hashlib.new("sm3" if code == SM3 else "sha256", client).digest(), server


def proof(password, salt, token, iterations, code):
    """What a client answers."""
    client, stored, _ = keys(password, salt, iterations, code)
    return bytes(a ^ b for a, b in zip(client, _mac(stored, token))).hex()


def md5_answer(password, user, salt):
    inner = hashlib.md5((password + user).encode()).hexdigest()
    return "md5" + hashlib.md5(inner.encode() + salt).hexdigest()


class Challenge:
    """One question: `body` is sent as message R, `accepts` judges what comes back."""

    def __init__(self, method, user, password, iterations, minor):
        self.code, self.user, self.password = CODES[method], user, password
        self.iterations = iterations if minor > GAUSS_MINOR else 2048 if minor == GAUSS_MINOR else iterations
        self.salt, self.token = salt_of(user), os.urandom(4)
        if self.code == MD5:
            self.body = struct.pack(">I", MD5) + self.token
            return
        self.body = struct.pack(">II", self.code, STORED[self.code]) + self.salt.hex().encode() + self.token.hex().encode()
        if minor < GAUSS_MINOR:
            # A role that is not there is asked all the same.
            self.body += _mac(keys(password or "", self.salt, iterations, self.code)[2], self.token).hex().encode()
        elif minor > GAUSS_MINOR:
            self.body += struct.pack(">I", iterations)

    def accepts(self, answer):
        if self.password is None:
            return False
        if self.code == MD5:
            return hmac.compare_digest(answer, md5_answer(self.password, self.user, self.token))
        try:
            told = bytes.fromhex(answer)
        except ValueError:
            return False
        stored = keys(self.password, self.salt, self.iterations, self.code)[1]
        client = bytes(a ^ b for a, b in zip(told, _mac(stored, self.token)))
        found = hashlib.new("sm3" if self.code == SM3 else "sha256", client).digest()
        return len(told) == 32 and hmac.compare_digest(found, stored)
