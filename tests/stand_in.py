"""A server on 127.0.0.1 that stands in for somebody else's, and answers in JSON."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class StandIn(BaseHTTPRequestHandler):
    """Reads bodies and answers; logs nothing. Whoever inherits it says in `respond` what it answers to `command`."""

    def respond(self) -> None:
        """Answer 500, whatever is asked."""
        self.body()
        self.answer(500, {})

    def body(self) -> bytes:
        """What was sent."""
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def answer(self, status: int, content: Any) -> None:
        """Answer with JSON."""
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing: tests look at what arrived."""


for method in ("GET", "POST", "PATCH", "PUT", "DELETE"):
    setattr(StandIn, f"do_{method}", lambda request: request.respond())


@contextmanager
def serving(handler: type[StandIn], port: int = 0) -> Iterator[int]:
    """Serve with the handler, on a free port unless it is given; yields the port."""
    with ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
