"""An API on 127.0.0.1 that knows idempotency keys, and fails on purpose as it is told."""

import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

OK = b'{"ok": true}'
SLOW_SECONDS = 1.5  # Longer than the patience of these tests' declaration with an answer.


@dataclass
class FailingApi:
    """What arrives. `faults`: the fault of each call by its number from 0, "" for none; the last goes on for ever.

    A key that is known is answered as before and its rows are not taken again. `taken`: the rows of calls that were
    taken, in order. `seen`: (key, rows) of every call. `told`: what no honest client does, such as another body under
    a key that is known. `bad`: a row is refused if it says so.
    """

    faults: Callable[[int], str] = lambda _: ""
    bad: Callable[[Any], bool] = lambda _: False
    rejects_rows: bool = False
    answers_after_seconds: float = 0
    url: str = ""
    taken: list[Any] = field(default_factory=list)
    seen: list[tuple[str, list[Any]]] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    answers: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, key: str, body: str) -> bytes:
        """Take a call's rows once; the answer of a known key is repeated."""
        rows = json.loads(body)
        if key in self.answers:
            if self.answers[key][0] != body:
                self.told.append(f"{key} has another body")
            return self.answers[key][1]
        bad = {str(number): f"no good: {row}" for number, row in enumerate(rows) if self.bad(row)}
        self.taken += [row for number, row in enumerate(rows) if str(number) not in bad]
        self.answers[key] = body, json.dumps({"rejected": bad}).encode()
        return self.answers[key][1]


class Handler(BaseHTTPRequestHandler):
    """Answers one call."""

    api: FailingApi
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Note the call, fail as it is told, or take it."""
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        key, rows = self.headers["Idempotency-Key"], json.loads(body)
        with self.api.lock:
            fault = self.api.faults(len(self.api.seen))
            self.api.seen.append((key, rows))
            self.api.times.append(time.monotonic())
            self.api.headers.append(dict(self.headers))
            is_refused = not self.api.rejects_rows and any(map(self.api.bad, rows))
            # Of these, only the answer is lost.
            is_taken = fault in ("", "reset after", "half", "slow", "cut") and not is_refused
            answer = self.api.take(key, body) if is_taken else OK
        time.sleep(self.api.answers_after_seconds)
        if fault.startswith("reset"):
            # Closed with a reset, not in order.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            for each in (self.rfile, self.wfile, self.connection):
                each.close()
            return
        if fault == "slow":
            time.sleep(SLOW_SECONDS)
        status, _, wait = fault.partition(" after ")
        self.send_response(int(status) if status.isdigit() else 422 if is_refused else 200)
        if wait:
            date = formatdate(time.time() + int(wait), usegmt=True)
            self.send_header("Retry-After", date if status == "503" else wait)
        if fault == "cut":  # A half answer that says nothing of its length.
            self.close_connection = True
            self.send_header("Connection", "close")
        else:
            self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.close_connection |= fault == "half"
        self.wfile.write(answer[:5] if fault in ("half", "cut") else answer)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def failing_api(**options: Any) -> Iterator[FailingApi]:
    """The API until the block is left."""
    api = FailingApi(**options)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"api": api}))
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # A client that was killed.
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    api.url = f"http://127.0.0.1:{server.server_port}/customers?token=hidden"
    try:
        yield api
    finally:
        server.shutdown()
        server.server_close()
