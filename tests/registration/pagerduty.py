"""A stand-in for PagerDuty's Events API v2: keeps what arrives and answers as the API is documented to."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jsonschema
from patience import until

# https://developer.pagerduty.com/docs/events-api-v2/trigger-events/
DEDUP_KEY = {"type": "string", "maxLength": 255}
KEY = {"type": "string", "minLength": 32, "maxLength": 32}
URI = {"type": "string", "pattern": "^https?://"}
TRIGGER = {
    "type": "object",
    "required": ["routing_key", "event_action", "payload"],
    "additionalProperties": False,
    "properties": {
        "routing_key": KEY,
        "event_action": {"const": "trigger"},
        "dedup_key": DEDUP_KEY,
        "payload": {
            "type": "object",
            "required": ["summary", "source", "severity"],
            "additionalProperties": False,
            "properties": {
                "summary": {"type": "string", "minLength": 1, "maxLength": 1024},
                "source": {"type": "string", "minLength": 1},
                "severity": {"enum": ["critical", "error", "warning", "info"]},
                "timestamp": {"type": "string"},
                "component": {"type": "string"},
                "group": {"type": "string"},
                "class": {"type": "string"},
                "custom_details": {"type": "object"},
            },
        },
        "images": {"type": "array"},
        "links": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["href"],
                "additionalProperties": False,
                "properties": {"href": URI, "text": {"type": "string"}},
            },
        },
        "client": {"type": "string"},
        "client_url": URI,
    },
}
OTHER = {
    "type": "object",
    "required": ["routing_key", "event_action", "dedup_key"],
    "additionalProperties": False,
    "properties": {
        "routing_key": KEY,
        "event_action": {"enum": ["acknowledge", "resolve"]},
        "dedup_key": DEDUP_KEY,
    },
}


class PagerDuty:
    """`events` are those that were accepted, `refused` what was not, with the reason."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.refused: list[str] = []
        self.url = ""

    def wait_for(self, **wanted: str) -> dict[str, Any]:
        """The first event with these top-level values."""

        def look() -> dict[str, Any] | None:
            assert not self.refused, self.refused
            return next((event for event in list(self.events) if wanted.items() <= event.items()), None)

        return until(look)


@contextmanager
def serving() -> Iterator[PagerDuty]:
    """The stand-in, on a free port of 127.0.0.1."""
    pager = PagerDuty()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            try:
                assert self.path == "/v2/enqueue", self.path
                assert self.headers["Content-Type"] == "application/json", self.headers["Content-Type"]
                event = json.loads(body)
                jsonschema.validate(event, TRIGGER if event.get("event_action") == "trigger" else OTHER)
            except (AssertionError, ValueError, jsonschema.ValidationError) as error:
                pager.refused.append(f"{error}: {body.decode(errors='replace')}")
                self._answer(400, {"status": "invalid event", "message": "Event object is invalid"})
            else:
                pager.events.append(event)
                dedup_key = event.get("dedup_key", "made up")
                self._answer(202, {"status": "success", "message": "Event processed", "dedup_key": dedup_key})

        def _answer(self, code: int, content: dict[str, Any]) -> None:
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(content).encode())

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    pager.url = f"http://127.0.0.1:{server.server_port}/v2/enqueue"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield pager
    finally:
        server.shutdown()
        server.server_close()
