"""An API on 127.0.0.1 whose rows move while they are read, in every form of pages, and that fails as it is told."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from failing_server import FailingStandIn, failing

# Longer than a float's digits: a client that reads numbers as floats changes it.
EXACT = "1234567890123456.70"


@dataclass
class MovingApi:
    """Rows by id, each (changed, version), in the order of `order`; `size` rows a page.

    `faults`: the fault of each call by its number from 0. `before`: called with the number before a call is answered,
    such as to move rows. `asked`: the parameters of each call. `raw`: answers this instead of rows.
    """

    faults: Callable[[int], str] = lambda _: ""
    before: Callable[[int], None] = lambda _: None
    raw: Callable[[dict[str, str]], Any] = lambda _: None
    size: int = 10
    rows: dict[int, tuple[str, int]] = field(default_factory=dict)
    asked: list[dict[str, str]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)
    url: str = ""

    def put(self, ids: Any, changed: str = "2024-05-01T12:00:00Z") -> None:
        """Make rows, or change them."""
        with self.lock:
            for each in ids:
                self.rows[each] = changed, self.rows.get(each, ("", 0))[1] + 1

    def page(self, asked: dict[str, str], url: str) -> tuple[bytes, dict[str, str]]:
        """The answer's body and headers."""
        found = sorted(n for n, (changed, _) in self.rows.items() if asked.get("since", "") <= changed)
        # One form each; by nothing, the first page.
        start = int(asked.get("offset") or (int(asked.get("page", 1)) - 1) * self.size)
        if "after" in asked or "cursor" in asked:
            last = int(asked.get("after") or asked["cursor"].removeprefix("c"))
            found = [n for n in found if n > last]
        part = found[start : start + int(asked.get("limit", self.size))]
        headers, following = {}, None
        if found[start + len(part) :]:
            following = f"c{part[-1]}"
            headers["Link"] = f'<{url}?cursor={following}>; rel="next"'
        lines = ",\n  ".join(
            f'{{"id": {n}, "amount": {EXACT},\n "changed": "{self.rows[n][0]}", "version": {self.rows[n][1]}}}'
            for n in part
        )
        return f'{{"data": {{"rows": [{lines}], "next": {json.dumps(following)}}}}}'.encode(), headers


class Handler(FailingStandIn):
    """Answers one call."""

    api: MovingApi

    def respond(self) -> None:
        """Note the call, then fail as it is told, or answer."""
        sent, address = self.body(), urlsplit(self.path)
        asked = dict(parse_qsl(address.query)) | (json.loads(sent) if sent else {})
        with self.api.lock:
            number = len(self.api.asked)
            self.api.asked.append(asked)
            self.api.headers.append(dict(self.headers))
            self.api.before(number)
            fault, raw = self.api.faults(number), self.api.raw(asked)
            answer, headers = self.api.page(asked, address.path) if raw is None else (raw, {})
            if not isinstance(answer, bytes):
                answer = json.dumps(answer).encode()
        self.answer_with(fault, b"Bearer s3cr3t-token is no good" if fault[:1].isdigit() else answer, headers)


@contextmanager
def moving_api(**options: Any) -> Iterator[MovingApi]:
    """The API until the block is left."""
    api = MovingApi(**options)
    with failing(type("Bound", (Handler,), {"api": api})) as address:
        api.url = f"{address}/orders?token=hidden-token"
        yield api
