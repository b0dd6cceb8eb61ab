"""A stand-in for Sentry: it reads envelopes as documented, and answers as it is told to."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from stand_in import StandIn, serving

KEY = "0123456789abcdef0123456789abcdef"
PROJECT = "42"
METADATA = {"Name": "prefect", "Image": f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/flows@sha256:{'ab' * 32}"}


class Sentry:
    """`events` are those that were accepted, `bodies` the bytes of all that was sent.

    It answers with `status` after `seconds`. At `metadata` it says what ECS says of a container.
    """

    def __init__(self, port: int) -> None:
        self.dsn = f"http://{KEY}@127.0.0.1:{port}/{PROJECT}"
        self.metadata = f"http://127.0.0.1:{port}/metadata"
        self.events: list[dict[str, Any]] = []
        self.bodies: list[bytes] = []
        self.status, self.seconds = 200, 0.0


def events_of(envelope: bytes) -> Iterator[dict[str, Any]]:
    """The events of an envelope (https://develop.sentry.dev/sdk/data-model/envelopes/): headers, items, all JSON."""
    headers, *lines = envelope.rstrip(b"\n").split(b"\n")
    assert json.loads(headers)["event_id"]
    for header, payload in zip(lines[::2], lines[1::2], strict=True):
        kind = json.loads(header)
        assert len(payload) == kind["length"], kind
        assert kind["type"] == "event", kind
        yield json.loads(payload)


@contextmanager
def receiving() -> Iterator[Sentry]:
    """The stand-in, on a free port of 127.0.0.1."""

    class Handler(StandIn):
        def respond(self) -> None:
            body = self.body()
            if self.command == "GET":
                assert self.path == "/metadata", self.path
                return self.answer(200, METADATA)
            sentry.bodies.append(body)
            time.sleep(sentry.seconds)
            is_ours = f"sentry_key={KEY}" in self.headers["X-Sentry-Auth"] and self.path == f"/api/{PROJECT}/envelope/"
            if is_ours and sentry.status == 200:
                sentry.events.extend(events_of(body))
            return self.answer(sentry.status if is_ours else 403, {})

    with serving(Handler) as port:
        sentry = Sentry(port)
        yield sentry
