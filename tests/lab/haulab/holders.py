"""Who holds the VIP, looked at every 10 ms from outside both hosts, and for how long it was two or nobody."""

import contextlib
import ctypes
import os
import pathlib
import socket
import struct
import threading
import time

from . import net
from .base import NODES, VIP

EVERY = 0.01
CLONE_NEWNET = 0x40000000
RTM_GETADDR, RTM_NEWADDR, NLMSG_DONE, NLMSG_ERROR = 22, 20, 3, 2
REQUEST, DUMP = 1, 0x300
IFA_LOCAL = 2
LOOPBACK = 1
_LIBC = ctypes.CDLL(None, use_errno=True)


def _inside(space):
    """A netlink socket that belongs to a network namespace, whatever this thread's own is."""
    with open("/proc/thread-self/ns/net", "rb") as home, open(pathlib.Path("/run/netns", space), "rb") as there:
        _enter(there)
        try:
            return socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
        finally:
            _enter(home)


def _enter(space):
    if _LIBC.setns(space.fileno(), CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _messages(answers):
    """(type, payload) of each message until the kernel says that was all."""
    while True:
        data = answers.recv(1 << 16)
        while data:
            length, kind = struct.unpack_from("=IH", data)
            if kind in (NLMSG_DONE, NLMSG_ERROR):
                return
            yield kind, data[16:length]
            data = data[(length + 3) & ~3:]


def _holds(asked):
    """Is the VIP on an interface other than `lo`?"""
    asked.send(struct.pack("=IHHIIBBBBI", 24, RTM_GETADDR, REQUEST | DUMP, 0, 0, socket.AF_INET, 0, 0, 0, 0))
    wanted, found = socket.inet_aton(VIP), False
    for kind, payload in _messages(asked):
        (index,) = struct.unpack_from("=I", payload, 4)
        rest = payload[8:]
        while kind == RTM_NEWADDR and index != LOOPBACK and len(rest) >= 4:
            length, attribute = struct.unpack_from("=HH", rest)
            found |= attribute == IFA_LOCAL and rest[4:length] == wanted
            rest = rest[max(4, (length + 3) & ~3):]
    return found


class Holders(threading.Thread):
    """`spans` are the times in which not exactly one host held it: [(begin, end, how many)], by time.monotonic()."""

    def __init__(self):
        super().__init__(daemon=True)
        self.spans, self.samples = [], 0
        # Without power: what the kernel still has of such a host's network is nobody's.
        self.off = set()
        self._sockets, self._ended = {}, threading.Event()

    def stop(self):
        self._ended.set()
        self.join()
        for _, one in self._sockets.values():
            one.close()

    def run(self):
        count, begun = 1, time.monotonic()
        while not self._ended.wait(EVERY):
            now, held = time.monotonic(), sum(self._asked(node) for node in NODES)
            self.samples += 1
            if held != count:
                self._note(begun, now, count)
                count, begun = held, now
        self._note(begun, time.monotonic(), count)

    def _note(self, begun, end, count):
        if count != 1:
            self.spans.append((begun, end, count))

    def _asked(self, node):
        if node in self.off:
            self._forget(node)
            return False
        try:
            inode = os.stat(f"/run/netns/{net.namespace(node)}").st_ino
            if self._sockets.get(node, (None, None))[0] != inode:
                self._forget(node)
                self._sockets[node] = (inode, _inside(net.namespace(node)))
            return _holds(self._sockets[node][1])
        except OSError:
            self._forget(node)
            return False

    def _forget(self, node):
        _, old = self._sockets.pop(node, (None, None))
        with contextlib.suppress(AttributeError, OSError):
            old.close()


def beyond(spans, allowed, planned):
    """Seconds of two holders and of none that no cause explains. `allowed`: [(begin, end)] in which anything may be;
    `planned`: how long a move may take at any time."""
    two = none = 0.0
    for begin, end, count in spans:
        left = end - begin - sum(max(0.0, min(end, b) - max(begin, a)) for a, b in _joined(allowed))
        if left > planned:
            two, none = (two + left, none) if count > 1 else (two, none + left)
    return two, none


def _joined(spans):
    joined = []
    for begin, end in sorted(spans):
        if joined and begin <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((begin, end))
    return joined
