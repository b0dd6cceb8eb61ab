"""What reaches people of a local stack's runs, and after how long: e-mail, PagerDuty, Slack and Microsoft Teams.

E-mail is read from a queue that subscribes to the topic; the others are stand-ins that check the documented formats.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING
from unittest import mock

import receivers
from patience import until

from scripts.registration.alerts import Alerts, alert_actions
from scripts.registration.api import Prefect
from scripts.registration.stack import TAG_PREFIX

if TYPE_CHECKING:
    from conftest import Stack  # There are several of that name: which one is found depends on what else is run.

CHANNELS = ("email", "pagerduty", "slack", "teams")
KEY = "0123456789abcdef0123456789abcdef"
# Of a run that does not start. Its deployment's runs do start, though with many others in less.
THRESHOLD_SECONDS = 60


@dataclass(frozen=True)
class Arrival:
    """One message, and all its text."""

    at: datetime
    channel: str
    text: str
    is_end: bool


class Told:
    """The messages of one stack."""

    def __init__(self, stack: Stack, received: receivers.Receivers) -> None:
        self._received = received
        self._mail: list[Arrival] = []
        self._sqs = stack.client("sqs")
        self._queue = self._sqs.create_queue(QueueName="told")["QueueUrl"]
        names = ["QueueArn"]
        arn = self._sqs.get_queue_attributes(QueueUrl=self._queue, AttributeNames=names)["Attributes"]["QueueArn"]
        topic = next(
            each["TopicArn"]
            for each in stack.client("sns").list_topics()["Topics"]
            if each["TopicArn"].endswith(f":{stack.environment.title}-alerts")
        )
        stack.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)

    def arrivals(self, channel: str) -> list[Arrival]:
        """What came so far."""
        assert not self._received.refused, self._received.refused
        if channel == "email":
            return self._read_mail()
        return [
            Arrival(at, channel, json.dumps(message), _is_end(message))
            for at, name, message in list(self._received.arrived)
            if name == channel
        ]

    def _read_mail(self) -> list[Arrival]:
        while found := self._sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10).get("Messages"):
            for each in found:
                self._sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=each["ReceiptHandle"])
                sent = json.loads(each["Body"])
                assert sent["Type"] == "Notification"
                assert 0 < len(sent["Subject"]) <= 100
                assert sent["Subject"].isascii()
                text = f"{sent['Subject']}\n{sent['Message']}"
                self._mail.append(
                    Arrival(datetime.fromisoformat(sent["Timestamp"]), "email", text, "works again" in text)
                )
        return self._mail

    def seconds_until_told(self, run: str, since: datetime, channels: tuple[str, ...] = CHANNELS) -> dict[str, float]:
        """Wait until the run has been told on every channel; by channel, the seconds since then. Each tells once."""

        def look() -> dict[str, list[Arrival]]:
            return {name: [each for each in self.arrivals(name) if run in each.text] for name in channels}

        found = until(look, lambda found: all(found.values()))
        assert {name: len(each) for name, each in found.items()} == dict.fromkeys(channels, 1)
        return {name: (each[0].at - since).total_seconds() for name, each in found.items()}

    def wait_for_the_end(self, title: str) -> None:
        """Wait until every channel has been told that the deployment works again, and of nothing else since."""

        def look() -> dict[str, list[bool]]:
            return {name: [each.is_end for each in self.arrivals(name) if title in each.text] for name in CHANNELS}

        found = until(look, lambda found: all(any(ends) for ends in found.values()))
        assert list(found.values()) == [[False, True]] * len(CHANNELS)


def _is_end(message: dict) -> bool:
    return message.get("event_action") == "resolve" or "works again" in json.dumps(message)


@contextmanager
def telling(stack: Stack) -> Iterator[Told]:
    """Have Prefect tell the stand-ins too, beside the agent's e-mail, as registration sets it up."""
    with receivers.serving() as received:
        variables = {
            "PREFECT_API_URL": stack.settings.prefect_api_url,
            "PREFECT_API_AUTH_STRING": stack.settings.prefect_auth_string(),
            "PAGERDUTY_ROUTING_KEY": KEY,
            "PAGERDUTY_EVENTS_URL": received.url("pagerduty"),
            "SLACK_WEBHOOK_URL": received.url("slack"),
            "TEAMS_WEBHOOK_URL": received.url("teams"),
            "RUNBOOK_URL": "https://example.com/flows",
        }
        with mock.patch.dict("os.environ", variables):
            facts = stack.environment.facts | {
                "alerts": list(CHANNELS),
                "title": stack.environment.title,
                "environment": stack.environment.name,
                "log_group": f"{stack.environment.names.path}/flow",
            }
            alerts = replace(Alerts.of(facts), threshold_seconds=THRESHOLD_SECONDS)
            asyncio.run(_write(alerts, stack.environment.title))
        yield Told(stack, received)


async def _write(alerts: Alerts, title: str) -> None:
    async with Prefect() as prefect:
        before, after = await alert_actions(prefect, alerts, [], title, f"{TAG_PREFIX}{title}", title.lower())
        for action in (*before, *after):
            if action.write:
                await action.write()
        for each in await prefect.read_all("automations/filter"):
            if each["name"].endswith(" silent"):  # A run gives a sign of life every three minutes, not every one.
                await prefect.write("PATCH", f"automations/{each['id']}", {"enabled": False})
