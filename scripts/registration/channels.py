"""Where messages about runs go: PagerDuty, Slack, Microsoft Teams. Each a Custom Webhook block and how it says things.

A message is a Jinja template that Prefect renders with the run. The key or webhook address is a secret: the block holds
it, encrypted, so it is in no automation and in no event of Prefect's own.
"""

import json
import os
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import urlsplit

from scripts.shared import run_pages
from scripts.shared.refusal import Refusal
from scripts.shared.run_tags import ON_CALL

EVENTS_URL = "https://events.pagerduty.com/v2/enqueue"
TITLE = "flow.name ~ '/' ~ deployment.name"
# Of an exception's text; a chat shows no more.
LONGEST_REASON = 500


@dataclass(frozen=True)
class Place:
    """What messages name and link to: the environment, Prefect's pages, the flows' runbook, the log of flow runs."""

    environment: str
    stack: str
    ui_url: str
    runbook_url: str
    region: str
    log_group: str

    @property
    def run_url(self) -> str:
        """Template of the run's page."""
        return f"'{run_pages.run_url(self.ui_url, '')}' ~ flow_run.id"

    @property
    def log_url(self) -> str:
        """Template of the page of the task's log in CloudWatch; empty for a run without a task."""
        page = run_pages.log_url(self.region, self.log_group, "")
        return f"('{page}' ~ flow_run.infrastructure_pid.split('/')[-1] if flow_run.infrastructure_pid else '')"

    @property
    def help_url(self) -> str:
        """Template of the page that says what to do first."""
        return f"'{self.runbook_url}#' ~ flow.name"

    @property
    def again(self) -> str:
        """Template of the command that runs it again."""
        return f"'make run ENV={self.environment} FLOW=' ~ {TITLE}"

    def headline(self, said: str) -> str:
        """Template of the first line: environment, deployment, what happened, since when."""
        return (
            f"'{self.environment}: ' ~ {TITLE} ~ ' {said}, ' ~ flow_run.state.timestamp.strftime('%Y-%m-%d %H:%M UTC')"
        )


REASON = f"(flow_run.state.message or 'Prefect knows no reason.') | truncate({LONGEST_REASON})"


@dataclass(frozen=True)
class PagerDuty:
    """Events API v2: one incident for a deployment, which its next completed run resolves."""

    key: str
    events_url: str = EVENTS_URL
    name: ClassVar[str] = "pagerduty"
    variable: ClassVar[str] = "PAGERDUTY_ROUTING_KEY"
    # PagerDuty counts what has the same key as one.
    once_in_seconds: ClassVar[int] = 0

    def block(self) -> dict[str, Any]:
        """A block that completes an event by the key."""
        return _block("PagerDuty", self.events_url, '{"routing_key": "{{ secret }}", {{ body }} }', self.key)

    def failure(self, place: Place, said: str) -> str:
        """An incident: critical for runs on call, a warning for the others."""
        payload = {
            "summary": _json(f"({place.headline(said)}) | truncate(1000)"),
            "severity": _json(f"'critical' if '{ON_CALL}' in flow_run.tags else 'warning'"),
            "source": json.dumps(place.stack),
            "component": _json(TITLE),
            "group": json.dumps(place.stack),
            "class": _json("flow_run.state.name"),
            "custom_details": _object(
                {
                    "reason": _json(REASON),
                    "run": _json("flow_run.name"),
                    "log": _json(place.log_url),
                    "again": _json(place.again),
                    "tags": _json("flow_run.tags | list"),
                }
            ),
        }
        pages = [("Flow run", place.run_url), ("What to do first", place.help_url)]
        links = [_object({"href": _json(url), "text": json.dumps(text)}) for text, url in pages]
        return _fields(
            {
                "event_action": '"trigger"',
                "dedup_key": _json(f"'{place.stack}/' ~ {TITLE}"),
                "client": '"Prefect"',
                "client_url": _json(place.run_url),
                "links": f"[{', '.join(links)}]",
                "payload": _object(payload),
            }
        )

    def recovery(self, place: Place) -> str:
        """The end of the incident, if there is one."""
        return _fields({"event_action": '"resolve"', "dedup_key": _json(f"'{place.stack}/' ~ {TITLE}")})


@dataclass(frozen=True)
class Chat:
    """A webhook of a chat. It has no incidents: a deployment that goes on failing is told again after a while."""

    url: str
    name: ClassVar[str]
    variable: ClassVar[str]
    once_in_seconds: ClassVar[int] = 300

    def block(self) -> dict[str, Any]:
        """A block that posts to the webhook."""
        return _block(self.name.capitalize(), "{{ secret }}", "{ {{ body }} }", self.url)


class Slack(Chat):
    """An incoming webhook: text in Slack's own markup."""

    name = "slack"
    variable = "SLACK_WEBHOOK_URL"

    def failure(self, place: Place, said: str) -> str:
        """Headline, reason, links and the command that runs it again."""
        escaped = "| replace('&', '&amp;') | replace('<', '&lt;') | replace('>', '&gt;')"
        log = f"(' · <' ~ {place.log_url} ~ '|Log>' if flow_run.infrastructure_pid else '')"
        lines = [
            f"':red_circle: ' ~ {_on_call()} ~ '*' ~ ({place.headline(said)}) ~ '*'",
            f"({REASON}) {escaped}",
            f"'<' ~ {place.run_url} ~ '|Run> · <' ~ {place.help_url} ~ '|What to do>' ~ {log}",
            f"'Again: `' ~ {place.again} ~ '`'",
        ]
        return _fields({"text": _json(" ~ '\n' ~ ".join(f"({line})" for line in lines))})

    def recovery(self, place: Place) -> str:
        """One line."""
        return _fields({"text": _json(f"':large_green_circle: ' ~ {place.headline('works again')}")})


class Teams(Chat):
    """A webhook of Power Automate's workflow for Microsoft Teams: an Adaptive Card."""

    name = "teams"
    variable = "TEAMS_WEBHOOK_URL"

    def failure(self, place: Place, said: str) -> str:
        """Headline, reason, the command that runs it again, and buttons."""
        headline = _text(f"{_on_call()} ~ {place.headline(said)}", weight="Bolder", color="Attention")
        texts = [headline, _text(REASON), _text(f"'Again: ' ~ {place.again}", fontType="Monospace")]
        run, log = _button("Run", place.run_url), _button("Log", place.log_url)
        buttons = f"{run}, {_button('What to do', place.help_url)}"
        return self._card(texts, f"{buttons}{{% if flow_run.infrastructure_pid %}}, {log}{{% endif %}}")

    def recovery(self, place: Place) -> str:
        """One line."""
        return self._card([_text(place.headline("works again"), weight="Bolder", color="Good")], "")

    @staticmethod
    def _card(texts: list[str], buttons: str) -> str:
        card = {
            "$schema": '"http://adaptivecards.io/schemas/adaptive-card.json"',
            "type": '"AdaptiveCard"',
            "version": '"1.4"',
            "body": f"[{', '.join(texts)}]",
            "actions": f"[{buttons}]",
        }
        attachment = {"contentType": '"application/vnd.microsoft.card.adaptive"', "content": _object(card)}
        return _fields({"type": '"message"', "attachments": f"[{_object(attachment)}]"})


Channel = PagerDuty | Slack | Teams
KINDS: dict[str, type[Channel]] = {kind.name: kind for kind in (PagerDuty, Slack, Teams)}


def channels(names: list[str]) -> tuple[list[Channel], list[str]]:
    """The environment's channels whose key or address is in the caller's variables, and notes about the others.

    Raises:
        Refusal: a variable is wrong. The message holds nothing of it.
    """
    found: list[Channel] = []
    notes = []
    for kind in (KINDS[name] for name in names if name in KINDS):
        secret = os.environ.get(kind.variable, "").strip()
        if not secret:
            notes.append(
                f"alerts: {kind.variable} is not set, so what was set up for {kind.name} before stays as it is"
            )
        elif kind is PagerDuty:
            if len(secret) != 32:
                raise Refusal(
                    f"{kind.variable} has {len(secret)} characters; expected the 32 of an Events API v2 integration "
                    "key."
                )
            found.append(PagerDuty(secret, os.environ.get("PAGERDUTY_EVENTS_URL") or EVENTS_URL))
        else:
            address = urlsplit(secret)
            if address.scheme not in ("http", "https") or not address.hostname or set(secret) & set(" \t\n"):
                raise Refusal(f"{kind.variable}: got no web address; expected that of an incoming webhook, https://….")
            found.append(kind(secret))
    return found, notes


def _block(title: str, url: str, form: str, secret: str) -> dict[str, Any]:
    return {
        "name": title,
        "url": url,
        "method": "POST",
        "headers": {"Content-Type": "application/json"},
        # Raw, since `json_data` could take the message only as one string within another.
        "form_data": form,
        "secrets": {"secret": secret},
    }


def _on_call() -> str:
    return f"('ON CALL ' if '{ON_CALL}' in flow_run.tags else '')"


def _json(expression: str) -> str:
    return f"{{{{ ({expression}) | tojson }}}}"


def _text(expression: str, **style: str) -> str:
    fields = {"type": '"TextBlock"', "wrap": "true", "text": _json(expression)}
    return _object(fields | {name: json.dumps(value) for name, value in style.items()})


def _button(title: str, expression: str) -> str:
    return _object({"type": '"Action.OpenUrl"', "title": json.dumps(title), "url": _json(expression)})


def _fields(fields: dict[str, str]) -> str:
    return ", ".join(f"{json.dumps(name)}: {value}" for name, value in fields.items())


def _object(fields: dict[str, str]) -> str:
    return f"{{{_fields(fields)}}}"
