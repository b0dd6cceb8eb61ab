"""Stand-ins for PagerDuty, Slack and Microsoft Teams: they keep what arrives and answer as documented."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import jsonschema
import stand_in
from patience import until
from stand_in import StandIn

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


# https://api.slack.com/messaging/webhooks
SLACK = {
    "type": "object",
    "required": ["text"],
    "additionalProperties": False,
    "properties": {"text": {"type": "string", "minLength": 1, "maxLength": 40000}},
}
# https://learn.microsoft.com/power-automate/overview-adaptive-cards, https://adaptivecards.io/explorer/
TEXT = {
    "type": "object",
    "required": ["type", "text"],
    "additionalProperties": False,
    "properties": {
        "type": {"const": "TextBlock"},
        "text": {"type": "string", "minLength": 1},
        "wrap": {"type": "boolean"},
        "weight": {"enum": ["Default", "Lighter", "Bolder"]},
        "color": {"enum": ["Default", "Dark", "Light", "Accent", "Good", "Warning", "Attention"]},
        "fontType": {"enum": ["Default", "Monospace"]},
    },
}
BUTTON = {
    "type": "object",
    "required": ["type", "title", "url"],
    "additionalProperties": False,
    "properties": {"type": {"const": "Action.OpenUrl"}, "title": {"type": "string"}, "url": URI},
}
CARD = {
    "type": "object",
    "required": ["type", "version", "body"],
    "additionalProperties": False,
    "properties": {
        "$schema": URI,
        "type": {"const": "AdaptiveCard"},
        "version": {"type": "string"},
        "body": {"type": "array", "items": TEXT, "minItems": 1},
        "actions": {"type": "array", "items": BUTTON},
    },
}
TEAMS = {
    "type": "object",
    "required": ["type", "attachments"],
    "additionalProperties": False,
    "properties": {
        "type": {"const": "message"},
        "attachments": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["contentType", "content"],
                "additionalProperties": False,
                "properties": {
                    "contentType": {"const": "application/vnd.microsoft.card.adaptive"},
                    "content": CARD,
                },
            },
        },
    },
}
PATHS = {"/v2/enqueue": "pagerduty", "/services/T0/B0/slack-secret": "slack", "/workflows/teams-secret": "teams"}


def schema_of(name: str, message: dict[str, Any]) -> dict[str, Any]:
    """What a message to that receiver has to be."""
    if name == "pagerduty":
        return TRIGGER if message.get("event_action") == "trigger" else OTHER
    return SLACK if name == "slack" else TEAMS


class Receivers:
    """`messages` are those that were accepted, by receiver, and `arrived` all of them with the time.

    `refused` is what was not, with the reason.
    """

    def __init__(self) -> None:
        self.messages: dict[str, list[dict[str, Any]]] = {name: [] for name in PATHS.values()}
        self.refused: list[str] = []
        self.arrived: list[tuple[datetime, str, dict[str, Any]]] = []
        self.address = ""

    def url(self, name: str) -> str:
        """Where that receiver listens."""
        return self.address + next(path for path, receiver in PATHS.items() if receiver == name)

    def wait_for(self, name: str, **wanted: str) -> dict[str, Any]:
        """The first message to that receiver with these top-level values."""
        return self.wait_until(name, lambda message: wanted.items() <= message.items())

    def wait_until(self, name: str, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The first message to that receiver for which `holds` is true."""

        def look() -> dict[str, Any] | None:
            assert not self.refused, self.refused
            return next((message for message in list(self.messages[name]) if holds(message)), None)

        return until(look)


@contextmanager
def serving() -> Iterator[Receivers]:
    """The stand-ins, on a free port of 127.0.0.1."""
    receivers = Receivers()

    class Handler(StandIn):
        def respond(self) -> None:
            body = self.body()
            try:
                assert self.path in PATHS, self.path
                assert self.headers["Content-Type"] == "application/json", self.headers["Content-Type"]
                message = json.loads(body)
                jsonschema.validate(message, schema_of(PATHS[self.path], message))
            except (AssertionError, ValueError, jsonschema.ValidationError) as error:
                receivers.refused.append(f"{error}: {body.decode(errors='replace')}")
                self.answer(400, {"status": "invalid event", "message": "Event object is invalid"})
            else:
                receivers.messages[PATHS[self.path]].append(message)
                receivers.arrived.append((datetime.now(UTC), PATHS[self.path], message))
                self.answer(202, {"status": "success"})

    with stand_in.serving(Handler) as port:
        receivers.address = f"http://127.0.0.1:{port}"
        yield receivers
