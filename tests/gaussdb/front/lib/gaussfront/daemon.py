"""The daemon of a node, and what is done once on a pair: `gaussdb-front` and `gaussdb-front install`."""

import sys
import threading
import tomllib

from . import config, wire
from .door import Door
from .pair import Pair
from .server import Server


class Conf:
    """Reads front.conf whenever it is asked; the last good one while somebody writes it."""

    def __init__(self):
        self.last = config.load()

    def __call__(self):
        try:
            self.last = config.load(self.last.path)
        except (OSError, ValueError, tomllib.TOMLDecodeError) as error:
            print(f"front.conf: {error}", flush=True)
        return self.last


def serve():
    conf = Conf()
    pair = Pair(conf)
    pair.listen()
    threading.Thread(target=pair.watch, daemon=True).start()
    Door(conf).watch()


def install():
    """openGauss' functions into every database of this primary, and into those made later."""
    server = Server(config.load())
    text = (config.home() / "share/functions.sql").read_text(encoding="utf-8")
    allow = "alter database template0 allow_connections"
    with server.client() as client:
        # What is made of it has them, too, as of any template of an openGauss.
        client.query(f"{allow} true")
        try:
            names = [row[0] for row in client.query("select datname from pg_database where datallowconn order by 1")[1]]
            for name in names:
                with server.client(name) as inside:
                    inside.query(text)
        finally:
            client.query(f"{allow} false")
    print(f"openGauss' functions are in {', '.join(names)}")


def main():
    verbs = {"": serve, "install": install}
    verb = verbs.get(" ".join(sys.argv[1:]))
    if verb is None:
        print("usage: gaussdb-front [install]", file=sys.stderr)
        return 2
    try:
        verb()
    except (OSError, ValueError, wire.Refused) as error:
        print(f"gaussdb-front: {error}", file=sys.stderr)
        return 1
    return 0
