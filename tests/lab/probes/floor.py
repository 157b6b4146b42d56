"""The shortest planned change of roles that this database allows: no row, no journal, no network between whoever decides.
`floor.py OLD NEW DATA`: roots of the primary's and the standby's host, as this machine sees them, and the data folder in them."""

import os
import select
import signal
import socket
import struct
import sys
import time

import psycopg2

POLL = 0.001
SHUT_DOWN = 1  # DB_SHUTDOWNED of pg_control


def connect(root):
    connection = psycopg2.connect(host=f"{root}/run/postgresql", dbname="postgres", user="hau")
    connection.autocommit = True
    return connection


def value(connection, sql, *values):
    cursor = connection.cursor()
    cursor.execute(sql, values)
    return cursor.fetchone()[0]


def postmaster_of(connection):
    """A pidfd. Who listens on the socket is named by the socket, in the numbers of this machine."""
    with socket.socket(fileno=os.dup(connection.fileno())) as peer:
        credentials = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return os.pidfd_open(struct.unpack("3i", credentials)[0])


def shutdown_checkpoint(data):
    with open(f"{data}/global/pg_control", "rb") as control:
        content = control.read(40)
    (state,), (position,) = struct.unpack_from("i", content, 16), struct.unpack_from("Q", content, 32)
    if state != SHUT_DOWN:
        sys.exit(f"the primary was not shut down cleanly: state {state}")
    return f"{position >> 32:X}/{position & 0xFFFFFFFF:X}"


def until(connection, sql, *values):
    while not value(connection, sql, *values):
        time.sleep(POLL)


def main():
    old_root, new_root, data = sys.argv[1:]
    old, new = connect(old_root), connect(new_root)
    old.cursor().execute("checkpoint")
    postmaster = postmaster_of(old)
    begun = time.monotonic()
    signal.pidfd_send_signal(postmaster, signal.SIGINT)
    select.select([postmaster], [], [])
    stopped = time.monotonic()
    until(new, "select pg_last_wal_replay_lsn() > %s::pg_lsn", shutdown_checkpoint(old_root + data))
    value(new, "select pg_promote(false)")
    until(new, "select not pg_is_in_recovery()")
    print(f"stopped after {(stopped - begun) * 1000:.0f} ms, promoted after {(time.monotonic() - begun) * 1000:.0f} ms")


main()
