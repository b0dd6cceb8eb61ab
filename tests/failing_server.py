"""Servers on 127.0.0.1 that fail on purpose, as a call of theirs is told."""

import socket
import struct
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email.utils import formatdate
from http.server import ThreadingHTTPServer

from stand_in import StandIn

SLOW_SECONDS = 1.5  # Longer than the patience of those tests' declarations with an answer.


class FailingStandIn(StandIn):
    """Answers with a fault: a status, `429 after 2` (Retry-After), `slow`, `half`, `cut`, `reset …`, or "" for none."""

    protocol_version = "HTTP/1.1"

    def answer_with(
        self, fault: str, answer: bytes, headers: Mapping[str, str] | None = None, status: int = 200
    ) -> None:
        """Answer, or fail as the fault says."""
        if fault.startswith("reset"):
            # Closed with a reset, not in order.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            for each in (self.rfile, self.wfile, self.connection):
                each.close()
            return
        if fault == "slow":
            time.sleep(SLOW_SECONDS)
        given, _, wait = fault.partition(" after ")
        self.send_response(int(given) if given.isdigit() else status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if wait:
            date = formatdate(time.time() + int(wait), usegmt=True)
            self.send_header("Retry-After", date if given == "503" else wait)
        if fault == "cut":  # A half answer that says nothing of its length.
            self.close_connection = True
            self.send_header("Connection", "close")
        else:
            self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.close_connection |= fault == "half"
        self.wfile.write(answer[:5] if fault in ("half", "cut") else answer)


@contextmanager
def failing(handler: type[FailingStandIn]) -> Iterator[str]:
    """Serve with the handler until the block is left; gives the address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # A client that was killed.
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
