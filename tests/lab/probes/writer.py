"""Commits row after row on whichever host is primary, and notes each acknowledged one.
`writer.py HOSTS OUT`: HOSTS as libpq takes them (`host1,host2`); a line `TIME_NS HOST ROW` in OUT for each. Ends on SIGTERM."""

import signal
import sys
import time

import psycopg2

# Between two rows, and between two tries to find a primary: no back-off, but no busy loop that takes the processor from the databases.
PACE = 0.002


def main():
    hosts, out = sys.argv[1:]
    ended = []
    signal.signal(signal.SIGTERM, lambda *_: ended.append(True))
    connection = None
    with open(out, "w", encoding="utf-8", buffering=1) as log:
        while not ended:
            time.sleep(PACE)
            try:
                if connection is None:
                    connection = psycopg2.connect(host=hosts, port=5432, dbname="postgres", user="probe", connect_timeout=2,
                                                  target_session_attrs="read-write")
                    connection.autocommit = True
                    cursor = connection.cursor()
                row = time.monotonic_ns()
                cursor.execute("insert into probe values (%s)", (row,))
                log.write(f"{time.monotonic_ns()} {connection.info.host} {row}\n")
            except psycopg2.Error:
                connection = None


main()
