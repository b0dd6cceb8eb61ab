"""An API on 127.0.0.1 that knows idempotency keys, and fails on purpose as it is told."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from failing_server import FailingStandIn, failing

OK = b'{"ok": true}'


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


class Handler(FailingStandIn):
    """Answers one call."""

    api: FailingApi

    def respond(self) -> None:
        """Note the call, fail as it is told, or take it."""
        body = self.body().decode()
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
        self.answer_with(fault, answer, status=422 if is_refused else 200)


@contextmanager
def failing_api(**options: Any) -> Iterator[FailingApi]:
    """The API until the block is left."""
    api = FailingApi(**options)
    with failing(type("Bound", (Handler,), {"api": api})) as address:
        api.url = f"{address}/customers?token=hidden"
        yield api
