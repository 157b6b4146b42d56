"""shop's worker: prices an order. POST /price {"item": …} on 127.0.0.1:9001.

SIGTERM: no new connections, requests in flight are finished, then it exits.
"""

import http.server
import json
import pathlib
import signal
import sys
import threading

PRICES = pathlib.Path("/etc/shop/prices.conf")


def load_prices():
    pairs = (line.partition("=") for line in PRICES.read_text(encoding="utf-8").splitlines() if "=" in line)
    return {name.strip(): int(price) for name, _, price in pairs}


class Worker(http.server.BaseHTTPRequestHandler):
    prices = {}
    timeout = 10

    def do_POST(self):
        if self.path != "/price":
            self.answer(404, {"error": "no such page"})
            return
        try:
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", "0"))))
            item = body["item"]
        except (ValueError, KeyError, TypeError):
            self.answer(400, {"error": "wanted {\"item\": …}"})
            return
        self.answer(200, {"item": item, "price": self.prices.get(item, 100)})

    def do_GET(self):
        if self.path == "/healthz":
            self.answer(200, {"ok": True})
        else:
            self.answer(404, {"error": "no such page"})

    def answer(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        """One line a request would bury everything else in the journal."""


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = False  # server_close() waits for the requests in flight
    request_queue_size = 128


def main():
    Worker.prices = load_prices()
    server = Server(("127.0.0.1", 9001), Worker)
    # shutdown() waits for the serving loop, which runs in this very thread: so it is called from another one
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    print("worker listens on 127.0.0.1:9001", flush=True)
    server.serve_forever(poll_interval=0.1)
    server.server_close()
    print("worker has finished", flush=True)


if __name__ == "__main__":
    sys.exit(main())
